# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: have an update installed, by a job on the host or by a person's hand, exactly once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import (
    ACCOUNT,
    DATABASES,
    PACKAGE,
    STEP,
    UPDATE,
    timeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils._results import failure
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import cluster55, install, package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import fill, staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install55 import install_on_node
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused

LEVEL = ("service_pack", "build", "hotfixes")


class ActionModule(HostAction):
    """Have the update installed, or the traces of its installation removed."""

    spec: ClassVar[dict[str, Any]] = {
        **UPDATE,
        **PACKAGE,
        "state": {"type": "str", "choices": ["installed", "cleared", "observed"], "default": "installed"},
        "method": {"type": "str", "choices": ["auto", "operator", "command"], "default": "auto"},
        "command": {"type": "str"},
        **ACCOUNT,
        "peers": {"type": "list", "elements": "dict", "default": []},
        **timeout(7200),
        **DATABASES,
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {"required_together": [("account", "password")]}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the level that a service pack brings; a hotfix adds itself to what is there."""
        result = self._update(options)["result"]
        return {} if "hotfix" in result else _brought(result, step.get("before") or {})

    def predict(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what the plan predicts; whether setup asks for a restart, only setup can say."""
        foreseen = {"restart_required": _restart(self._update(options)), "problems": []}
        return {**super().predict(options, step), **foreseen}

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return what an installation, or its clearing, would change."""
        if options["state"] == "cleared":
            before = {"phase": install.observe(session, self._update(options))["phase"]}
            return {"before": before, "after": {"phase": "none"}}
        before = _level(self._update(options), read_exchange(session))
        result = self._update(options)["result"]
        if "hotfix" in result:
            after = {**before, "hotfixes": sorted({*before["hotfixes"], result["hotfix"]})}
        else:
            after = {**before, **_brought(result, before)}
        return {"before": before, "after": after, "restart_required": _restart(self._update(options)), "problems": []}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Install the update or go on with its installation, and judge how it ended."""
        update = self._update(options)
        if options["state"] == "cleared":
            return self._clear(session, update)
        if options["state"] == "observed":
            return _observed(session, update)
        method = options["method"]
        if method == "auto":
            method = "command" if update["command"] else "operator"
        result = install_on_node(
            session,
            update,
            peers=options["peers"],
            method=method,
            package=self._package(session, update, options),
            account=options["account"],
            password=options["password"],
            timeout=options["timeout"],
            database_timeout=options["database_timeout"],
        )
        problems = [{"host": session.host, **problem} for problem in result["problems"]]
        before, after = _level(update, result["before"]), _level(update, result["after"])
        shown = {
            # Judging once more a job that ended in an earlier task changes nothing. What a suite's pack brings beside
            # Exchange's shows only after the restart.
            "changed": result["changed"]
            and not (result["success"] and before == after and not result["restart_required"]),
            "before": before,
            "after": after,
            "exchange": result["after"],
            "method": method,
            **{key: result[key] for key in ("exit_code", "restart_required", "boot_time", "installation", "log_lines")},
            "problems": problems,
            **({"events": result["events"]} if result["events"] else {}),
        }
        if result["success"]:
            asked = " A restart is needed." if result["restart_required"] else ""
            return {**shown, "msg": f"{update['title']} is installed.{asked}"}
        return failure(shown, f"{update['title']} was not installed", problems)

    def _update(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the catalogue's entry with the task's own command line."""
        update = self.update(options)
        if options["command"] is None:
            return update
        try:
            fill(options["command"], update, "")
        except (KeyError, ValueError, IndexError) as error:
            raise Refused(
                f"the command line for setup holds an unknown placeholder: {error}",
                remedy="Write {package}, {folder} and {log} only, and a brace itself twice",
            ) from error
        return {**update, "command": options["command"]}

    def _package(self, session: Session, update: Mapping[str, Any], options: Mapping[str, Any]) -> str | None:
        """Return the path of the package on the host; None where it is not there or not proved to be the right one."""
        found = package.observe(session, update, options["source"], staging_folder(update))
        return str(found["path"]) if found["staged"] else None

    def _clear(self, session: Session, update: Mapping[str, Any]) -> dict[str, Any]:
        """Forget the job; its log and the note of the owners stay."""
        before = {"phase": install.observe(session, update)["phase"]}
        after = {"phase": "none"}
        if before != after:
            install.clear(session, update)
        return {"changed": before != after, "before": before, "after": after, "msg": "There is no job on the host."}


def _observed(session: Session, update: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the installation on another node of the cluster has to know of this one; changes nothing."""
    node = cluster55.read_node(session, update)
    busy = ", ".join(node["installing"])
    return {
        "node": node,
        "msg": f"{busy} runs on {node['node']}." if busy else f"Nothing is installed on {node['node']} now.",
    }


def _restart(update: Mapping[str, Any]) -> bool | None:
    """Return whether a restart follows, by the update's own rule; None where that is for setup to say."""
    return {"always": True, "never": False}.get(update["restart"])


def _brought(result: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a service pack brings; one of a suite leaves a newer service pack of Windows as it is."""
    return {
        key: max(value, before.get(key) or 0) if key.endswith("_service_pack") else value
        for key, value in result.items()
    }


def _level(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> dict[str, Any]:
    """Return the level in the words of a step; of Windows and the suite where the update brings these."""
    parts = {
        "windows_service_pack": (exchange.get("os") or {}).get("service_pack"),
        "suite_service_pack": exchange.get("suite_service_pack"),
    }
    return {key: exchange[key] for key in LEVEL} | {key: parts[key] for key in parts if key in update["result"]}

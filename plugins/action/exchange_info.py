# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read what Exchange a host has, and how far an update has come on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import (
    CATALOGUE,
    PACKAGE,
    REACH,
    STEP,
    timeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import install, notes, package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.builds import store_difference
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import staging_folder, with_required
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError, Refused, WaitTimeout

LEVEL = ("service_pack", "build", "hotfixes")


class NotAsExpected(HostError):
    """The host is not as the task expects it; waiting cannot help."""


class ActionModule(HostAction):
    """Read product, level, services and boot time, and with updates their packages, installations and the note."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        **PACKAGE,
        "expect": {
            "type": "dict",
            "options": {
                "service_pack": {"type": "int"},
                "build": {"type": "int"},
                "hotfixes": {"type": "list", "elements": "str"},
            },
        },
        **timeout(600),
        **REACH,
        **STEP,
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what is expected of the host."""
        expect = options["expect"] or {}
        return {key: value for key, value in expect.items() if value is not None}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read the host; fail where it is not as expected."""
        # Before anything is waited for: a mistake in the catalogue is told at once.
        updates = self._updates(options)
        exchange = self.reach(session, lambda: read_exchange(session), options["reach_timeout"])
        result: dict[str, Any] = {"exchange": exchange, "notices": _notices(session, exchange)}
        if updates:
            result["packages"] = {
                key: package.observe(session, update, options["source"], staging_folder(update))
                for key, update in updates.items()
            }
            installations = {key: install.observe(session, update, exchange) for key, update in updates.items()}
            result["installations"] = installations
            result["note"] = notes.read_note(session)
            _set_unproven_apart(exchange, updates, installations)
        result["msg"] = _describe(exchange)
        expected = options["expect"] or (options["step"] or {}).get("after")
        if not expected:
            return result
        found = self._as_expected(session, exchange, expected, options["timeout"])
        return {**result, "exchange": found, "msg": f"{_describe(found)} This is as expected."}

    def _updates(self, options: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the updates by key, each after what it requires; raises Refused for one that nobody knows."""
        if not options["updates"]:
            return {}
        if options["source"] and len(options["updates"]) > 1:
            raise Refused(
                "one source cannot be the package of several updates",
                remedy="Give package.path of each in a catalogue file",
            )
        known = self.known_updates(options, options["updates"])
        return {update["id"]: update for update in with_required(known, list(dict.fromkeys(options["updates"])))}

    def _as_expected(
        self, session: Session, found: dict[str, Any], expected: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        """Return the host's state once its services run; raises NotAsExpected for another level, WaitTimeout."""
        differences = [*_level_differences(found, expected)]
        if differences:
            raise NotAsExpected(
                f"{session.host} is not as expected: {', '.join(differences)}",
                remedy="Read the installer's log on the host, remove the cause and start the run again",
                exchange=found,
            )
        last = [found]

        def running() -> dict[str, Any] | None:
            if _stopped(last[0]):
                last[0] = read_exchange(session)
            return None if _stopped(last[0]) else last[0]

        try:
            return session.wait(running, what="the services of Exchange to run", timeout=seconds)
        except WaitTimeout as error:
            stopped = ", ".join(_stopped(last[0]))
            raise NotAsExpected(
                f"services of {session.host} that start by themselves do not run: {stopped}",
                remedy="Read the events of the host, start the services, and start the run again",
                exchange=last[0],
            ) from error


def _describe(exchange: Mapping[str, Any]) -> str:
    if not exchange["installed"]:
        return "Exchange is not installed."
    pack = f"service pack {exchange['service_pack']}" if exchange["service_pack"] else "no service pack"
    return f"Exchange {exchange['product']} with {pack}, build {exchange['build']}."


def _level_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return in words what is missing. A build may be later: hotfixes raise it."""
    differences = []
    if expected.get("service_pack") is not None and found["service_pack"] != expected["service_pack"]:
        differences.append(f"service pack {found['service_pack']}, not {expected['service_pack']}")
    if expected.get("build") is not None and (found["build"] or 0) < expected["build"]:
        differences.append(f"build {found['build']}, not {expected['build']} or later")
    missing = [fix for fix in expected.get("hotfixes") or [] if fix not in found["hotfixes"]]
    if missing:
        differences.append(f"hotfix {', '.join(missing)} is missing")
    return differences or _file_differences(found, expected)


def _file_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return what store.exe's version says against the level; nothing where the host does not tell the version."""
    version = found.get("store_version")
    if not version or not found["installed"] or not any(expected.get(key) is not None for key in LEVEL):
        return []
    hotfixes = expected.get("hotfixes") or []
    difference = store_difference(found["product"], found["service_pack"], hotfixes, version, expected.get("build"))
    return [difference] if difference else []


def _set_unproven_apart(
    exchange: dict[str, Any], updates: Mapping[str, Any], installations: Mapping[str, Mapping[str, Any]]
) -> None:
    """A hotfix in whose installation a file was in use is there by the registry only: it is to be installed again."""
    unproven = {updates[key]["result"].get("hotfix") for key, found in installations.items() if found["unproven"]}
    exchange["unproven_hotfixes"] = sorted(unproven & set(exchange["hotfixes"]))
    exchange["hotfixes"] = [fix for fix in exchange["hotfixes"] if fix not in unproven]


def _notices(session: Session, exchange: Mapping[str, Any]) -> list[str]:
    """Return what an operator should know though nothing is wrong."""
    if not exchange["installed"] or exchange.get("store_version"):
        return []
    return [
        f"{session.host} does not tell the file version of store.exe; its level rests on registry and directory alone."
    ]


def _stopped(exchange: Mapping[str, Any]) -> list[str]:
    """Return the services that start by themselves and do not run."""
    return sorted(
        name
        for name, service in exchange["services"].items()
        if service["start_type"] == "auto" and service["state"] != "running"
    )

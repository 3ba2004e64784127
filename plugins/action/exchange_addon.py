# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: bring a component of Exchange 5.5 that a service pack does not touch to its level."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import (
    ACCOUNT,
    CATALOGUE,
    PACKAGE,
    STEP,
    timeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils._results import failure
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import addons, package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import facts, read_addons


class ActionModule(HostAction):
    """Have one add-on upgraded."""

    spec: ClassVar[dict[str, Any]] = {
        "name": {"type": "str", "required": True, "choices": ["mailbox_manager", "interorg_replication"]},
        "updates": {"type": "list", "elements": "str", "required": True},
        **CATALOGUE,
        "method": {"type": "str", "choices": ["auto", "operator", "command"], "default": "auto"},
        "command": {"type": "str"},
        "source": {"type": "str"},
        "verify": PACKAGE["verify"],
        **ACCOUNT,
        **timeout(3600),
        "service_timeout": {"type": "int", "default": 600},
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {
        "required_if": [("method", "command", ["command"])],
        "required_together": [("account", "password")],
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return that nothing is due any more."""
        return {"due": False}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return whether the add-on is to be upgraded."""
        update = addons.newest(self._updates(options))
        found = read_addons(session, int(update["result"]["build"]) if update else 0).get(options["name"])
        return {"due": bool(found and found["due"])}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Upgrade it or go on with that, and judge how it ended."""
        updates = self._updates(options)
        method = options["method"]
        if method == "auto":
            method = "command" if options["command"] else "operator"
        result = addons.upgrade(
            session,
            options["name"],
            updates,
            method=method,
            line=options["command"],
            source=options["source"],
            package=partial(self._package, session, updates),
            account=options["account"],
            password=options["password"],
            timeout=options["timeout"],
            service_timeout=options["service_timeout"],
        )
        problems = [{"host": session.host, **problem} for problem in result["problems"]]
        title, found = facts()["addons"][options["name"]]["title"], result["after"]
        shown: dict[str, Any] = {
            "changed": result["changed"],
            "before": {"due": result["changed"]},
            "after": {"due": not result["success"]},
            "addon": found,
            "method": method,
            "exit_code": result["exit_code"],
            "problems": problems,
        }
        if not result["success"]:
            return failure(shown, f"{title} of {session.host} was not upgraded", problems)
        words = f"{session.host} has {title} {found['version']}." if found else f"{session.host} does not have {title}."
        return {**shown, "msg": words}

    def _updates(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        known = self.known_updates(options, options["updates"])
        return [known[key] for key in options["updates"]]

    def _package(self, session: Session, updates: list[dict[str, Any]]) -> str | None:
        """Return the path of the service pack's file on the host, where it is there and the right one."""
        update = addons.newest(updates)
        if update is None:
            return None
        observed = package.observe(session, update, None, staging_folder(update))
        return str(observed["path"]) if observed["staged"] else None

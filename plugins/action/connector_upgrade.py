# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: have Active Directory Connector upgraded from a service pack, by a job on the host or by a person's hand."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import (
    ACCOUNT,
    CATALOGUE,
    CONNECTOR,
    PACKAGE,
    STEP,
    timeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils._results import failure
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import connector_setup, package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.connector import meant, read_connector


class ActionModule(HostAction):
    """Have the connector upgraded, or the traces of its upgrade removed."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        "state": {"type": "str", "choices": ["staged", "upgraded", "cleared"], "default": "upgraded"},
        "method": {"type": "str", "choices": ["auto", "operator", "command"], "default": "auto"},
        "command": {"type": "str"},
        **CONNECTOR,
        "maps_stated": {"type": "bool", "default": False},
        "source": {"type": "str"},
        "verify": PACKAGE["verify"],
        "share_user": {"type": "str"},
        "share_password": {"type": "str", "no_log": True},
        **ACCOUNT,
        **timeout(3600),
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {
        "required_if": [("state", "upgraded", ["updates"]), ("method", "command", ["command"])],
        "required_together": [("account", "password"), ("share_user", "share_password")],
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return that nothing is due any more."""
        return {"due": False} if options["state"] == "upgraded" else {}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return whether the connector is to be upgraded."""
        found = read_connector(session, self._updates(options), options["shipped_maps"], options["maps"] or {})
        return {"due": bool(found and found["due"])}

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return what an upgrade, or clearing up after it, would change."""
        if options["state"] != "upgraded":
            return {"before": {options["state"]: False}, "after": {options["state"]: True}}
        return {"before": self.observe(session, options), "after": {"due": False}}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Upgrade the connector or go on with that, and judge how it ended."""
        if options["state"] == "cleared":
            changed = connector_setup.clear(session)
            before = {"cleared": not changed}
            return {"changed": changed, "before": before, "after": {"cleared": True}, "msg": "Nothing is left of it."}
        if options["state"] == "staged":
            share = options["share_user"], options["share_password"]
            staged = connector_setup.stage_maps(session, options["maps"] or {}, *share)
            words = ", ".join(staged.values()) or "none"
            after = {"staged": True}
            return {"changed": bool(staged), "before": {"staged": False}, "after": after, "msg": f"Map files: {words}."}
        updates = self._updates(options)
        method = options["method"]
        if method == "auto":
            method = "command" if options["command"] else "operator"
        result = connector_setup.upgrade(
            session,
            updates,
            method=method,
            line=options["command"],
            maps=options["maps"],
            shipped=options["shipped_maps"],
            source=options["source"],
            package=self._package(session, updates) if method == "command" else None,
            share_user=options["share_user"],
            share_password=options["share_password"],
            account=options["account"],
            password=options["password"],
            stated=options["maps_stated"],
            timeout=options["timeout"],
        )
        problems = [{"host": session.host, **problem} for problem in result["problems"]]
        found = result["after"]
        shown: dict[str, Any] = {
            "changed": result["changed"],
            "before": {"due": result["changed"]},
            "after": {"due": not result["success"]},
            "method": method,
            "connector": found,
            "exit_code": result["exit_code"],
            "restart_required": result["restart_required"],
            "problems": problems,
        }
        if not result["success"]:
            return failure(shown, "Active Directory Connector was not upgraded", problems)
        if result["restart_required"]:
            shown["due"] = [
                f"{session.host}: a restart, which the setup of Active Directory Connector asked for; make it when it"
                " suits."
            ]
        version = found["version"] if found else None
        return {**shown, "msg": f"Active Directory Connector is {version}." if found else "There is no connector."}

    def _updates(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        known = self.known_updates(options, options["updates"])
        return [known[key] for key in options["updates"]]

    def _package(self, session: Session, updates: list[dict[str, Any]]) -> str | None:
        """Return the path of the service pack's file on the host, where it is there and the right one."""
        found = read_connector(session, updates)
        update = meant(updates, found["version"] if found else None)
        if update is None:
            return None
        observed = package.observe(session, update, None, staging_folder(update))
        return str(observed["path"]) if observed["staged"] else None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: have an Exchange virtual server upgraded, or serving again, or see that it is both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session, observed_group
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import (
    ACCOUNT,
    DIRECTORY,
    STEP,
    UPDATE,
    timeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils._serving import serve
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import cluster55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.troubles import explained
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.virtual_server import upgrade, verify


class ActionModule(HostAction):
    """Have the virtual server at the level of its node, or online where it can be; or only look at it."""

    spec: ClassVar[dict[str, Any]] = {
        **UPDATE,
        "group": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["upgraded", "serving", "verified"], "default": "upgraded"},
        "method": {"type": "str", "choices": ["operator", "command"], "default": "operator"},
        "command": {"type": "str"},
        **ACCOUNT,
        "directory": {"type": "dict", "options": DIRECTORY},
        "fallback_node": {"type": "str"},
        "owner": {"type": "str"},
        **timeout(3600),
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {
        "required_if": [("method", "command", ["command", "account", "password"])],
        "required_together": [("account", "password")],
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the version, or the state, that the task asks for."""
        if options["state"] == "serving":
            return {"state": "online"}
        if options["state"] == "verified":
            return {"state": "online", **({"owner": options["owner"]} if options["owner"] else {})}
        result = self.update(options)["result"]
        return {"version": dict(result)} if "service_pack" in result else {}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return owner and state of the group; a version shows in the directory only, and not before the upgrade."""
        return observed_group(session, options["group"])

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Have the virtual server upgraded and see it in the directory, or bring it online."""
        update, group = self.update(options), options["group"]
        directory = _directory(options["directory"])
        if options["state"] == "serving" and update["product"] == cluster55.PRODUCT:
            with explained(session, update["product"]):
                return cluster55.serve(session, group, update, options["fallback_node"], options["timeout"])
        if options["state"] == "serving":
            with explained(session, update["product"]):
                return serve(session, group, update, directory, options["fallback_node"], options["timeout"])
        if options["state"] == "verified":
            with explained(session, update["product"]):
                seen = verify(session, group, update, directory, owner=options["owner"], timeout=options["timeout"])
            shown = f", and the directory shows {update['title']}" if "version" in seen else ""
            return {"before": seen, "after": seen, "msg": f"{group} is online on {seen['owner']}{shown}."}
        result = upgrade(
            session,
            group,
            update,
            directory,
            method=options["method"],
            command=options["command"],
            account=options["account"],
            password=options["password"],
            timeout=options["timeout"],
        )
        before, after = {"version": _version(result["before"])}, {"version": _version(result["after"])}
        planned = (options["step"] or {}).get("before") or {}
        if "version" in planned and before == after:
            # A person who was quicker than this task has upgraded it since the plan was made.
            before = {"version": planned["version"]}
        return {
            "changed": result["changed"] or before != after,
            "before": before,
            "after": after,
            "server": result["after"],
            "exit_code": result["exit_code"],
            "instructions": result["instructions"],
            "msg": f"The directory shows {group} with {result['after']['serial_number']}.",
        }


def _directory(options: Mapping[str, Any] | None) -> Directory | None:
    """Return the directory, or None where its address is not given."""
    return Directory(**options) if options and options["uri"] else None


def _version(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"service_pack": entry["service_pack"], "build": entry["build"]}

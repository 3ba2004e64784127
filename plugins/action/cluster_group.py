# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: move a cluster group, or bring it online or offline."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session, observed_group
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster import act
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.troubles import explained


class ActionModule(HostAction):
    """Have a group on a node, or online, or offline."""

    spec: ClassVar[dict[str, Any]] = {
        "name": {"type": "str", "required": True},
        "node": {"type": "str"},
        "state": {"type": "str", "choices": ["online", "offline"]},
        **timeout(900),
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {
        "required_one_of": [("node", "state")],
        "mutually_exclusive": [("node", "state")],
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the owner or the state that the task asks for."""
        return {"owner": options["node"]} if options["node"] else {"state": options["state"]}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return owner and state of the group."""
        return observed_group(session, options["name"])

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Move the group, or bring all of it online or offline."""
        name, seconds = options["name"], options["timeout"]
        with explained(session):
            if options["node"]:
                result = act.move_group(session, name, options["node"], seconds)
            elif options["state"] == "online":
                result = act.bring_online(session, name, seconds)
            else:
                result = act.take_offline(session, name, keep_types=(), timeout=seconds)
        after = result["after"]
        return {**result, "msg": f"{name} is on {after['owner']} and {after['state'].replace('_', ' ')}."}

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: take the resources of a virtual server offline, or bring them online."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session, observed_group
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import KEEP_TYPES, STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster import act
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.troubles import explained


class ActionModule(HostAction):
    """Have every resource of a group online, or offline but for some types."""

    spec: ClassVar[dict[str, Any]] = {
        "group": {"type": "str", "required": True},
        "state": {"type": "str", "required": True, "choices": ["online", "offline"]},
        "keep_types": {"type": "list", "elements": "str", "default": KEEP_TYPES},
        "leave_offline": {"type": "list", "elements": "str", "default": []},
        **timeout(900),
        **STEP,
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the group that follows."""
        if options["state"] == "online":
            return {"state": "online"}
        return {"state": "partially_online" if options["keep_types"] else "offline"}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return owner and state of the group, and the states of its resources."""
        return observed_group(session, options["group"], resources=True)

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Take the resources offline in the order of their dependencies, or bring them online."""
        group, seconds = options["group"], options["timeout"]
        with explained(session):
            if options["state"] == "online":
                result = act.bring_online(session, group, seconds, leave_offline=options["leave_offline"])
            else:
                result = act.take_offline(session, group, keep_types=options["keep_types"], timeout=seconds)
        return {**result, "msg": f"{group} is {result['after']['state'].replace('_', ' ')}."}

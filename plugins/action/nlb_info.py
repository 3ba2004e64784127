# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read how a front-end stands in its load-balanced set."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import REACH
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import rotation


class ActionModule(HostAction):
    """Read the state of Network Load Balancing on the host."""

    spec: ClassVar[dict[str, Any]] = {
        "set": {"type": "str"},
        "method": {"type": "str", "choices": ["auto", "nlb", "hook", "none"], "default": "auto"},
        **REACH,
    }

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read; only a host that shall be driven by Network Load Balancing must have it."""
        name, method = options["set"], options["method"]
        if method in ("hook", "none"):
            state = None if method == "hook" else rotation.IN
            found = {"set": name, "method": method, "state": state} if name else None
            return {"rotation": found, "balancing": None, "msg": f"Not asked: the method is {method}."}
        balancing = self.reach(session, lambda: rotation.read(session), options["reach_timeout"])
        if method == "nlb" or name:
            rotation.check_present(session, balancing, name)
        return {
            "rotation": balancing.place(name) if name else None,
            "balancing": balancing.to_dict() if balancing.present else None,
            "msg": f"Network Load Balancing: {balancing.state}." if balancing.present else "No Network Load Balancing.",
        }

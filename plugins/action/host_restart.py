# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: restart a host when that is asked for, and wait until it is truly back."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.jobs import restarted
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.restart import (
    SETTLE,
    restart_and_wait,
    settle,
)


class ActionModule(HostAction):
    """Have the host restarted once."""

    # Without boot_time, doing it again would be a second restart.
    repeatable = False

    spec: ClassVar[dict[str, Any]] = {
        "reason": {"type": "str", "required": True},
        "required": {"type": "bool"},
        "boot_time": {"type": "str"},
        **timeout(1800),
        **STEP,
    }

    def predict(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what the plan predicts; whether an installer asks for a restart, nobody can know before it ran."""
        result = super().predict(options, step)
        if not step.get("unpredictable"):
            return result
        return {**result, "changed": False, "msg": "Only the installer can tell whether a restart is needed."}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return when Windows was started."""
        return {"boot_time": session.boot_time()}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Restart the host unless nothing asks for it or it has been restarted meanwhile."""
        if options["required"] is False:
            return {"changed": False, "before": {}, "after": {}, "msg": "No restart is needed."}
        # An installer may have begun the restart itself: then the host does not answer just now.
        before = self.reach(session, lambda: self.observe(session, options), options["timeout"])
        if options["boot_time"] and restarted(options["boot_time"], before["boot_time"]):
            settle(session, min(float(options["timeout"]), SETTLE))
            return {"changed": False, "before": before, "after": before, "msg": "The host has been restarted already."}
        done = restart_and_wait(session, options["reason"], options["timeout"])
        return {
            "changed": True,
            "before": {"boot_time": done["before"]},
            "after": {"boot_time": done["after"]},
            "seconds": done["seconds"],
            "msg": f"The host was restarted and is back after {done['seconds']} seconds.",
        }

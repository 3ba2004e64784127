# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: stop the services of Exchange 5.5 for a service pack, and start again exactly those that ran."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import services55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import read_services_note


class ActionModule(HostAction):
    """Stop them, or start what was stopped."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["noted", "stopped", "restored"]},
        **timeout(600),
        **STEP,
    }

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return the services that the task would stop or start, and how they are."""
        if options["state"] != "restored":
            return {"services": dict.fromkeys(services55.to_stop(session), "running")}
        return {"services": services55.now(session, sorted(read_services_note(session) or {}))}

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return before and after of a change that check mode does not make."""
        before = self.observe(session, options)["services"]
        if options["state"] == "stopped":
            after = dict.fromkeys(before, "stopped")
        elif options["state"] == "noted":
            after = before
        else:
            note = read_services_note(session) or {}
            after = {name: note[name]["state"] for name in before}
        return {"before": {"services": before}, "after": {"services": after}}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Do what the state asks for."""
        if options["state"] == "noted":
            return {"changed": services55.note_running(session), "msg": "What runs of Exchange is noted on the host."}
        if options["state"] == "stopped":
            result = services55.stop(session, options["timeout"])
            words = f"Stopped: {', '.join(result['after'])}." if result["changed"] else "Nothing of Exchange runs."
        else:
            result = services55.restore(session, options["timeout"])
            started = [name for name, state in result["after"].items() if state == "running"]
            words = f"They run again: {', '.join(started) or 'none'}." if result["changed"] else "Nothing was stopped."
        return {
            "changed": result["changed"],
            "before": {"services": result["before"]},
            "after": {"services": result["after"]},
            "msg": words,
        }

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: stop the services that interfere with an update, and put them back exactly as they were."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import (
    find_interfering,
    is_protected,
    read_interfering,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import interfering


class ActionModule(HostAction):
    """Look which services interfere, stop them, or put back what was stopped."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["stopped", "restored"]},
        "extra": {"type": "list", "elements": "str", "default": []},
        "keep": {"type": "list", "elements": "str", "default": []},
        **timeout(300),
        **STEP,
    }

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return the services that a run would stop or put back, and how they are."""
        if options["state"] == "restored":
            return {"services": _now(session)}
        found = read_interfering(session, options["extra"], options["keep"])
        return {"services": dict.fromkeys(found["running"], "running")}

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return before and after of a change that check mode does not make."""
        before = self.observe(session, options)["services"]
        if options["state"] == "stopped":
            after = dict.fromkeys(before, "stopped")
        else:
            note = interfering.read_note(session) or {}
            after = {name: "running" if note[name]["state"] in interfering.ACTIVE else "stopped" for name in before}
        return {"before": {"services": before}, "after": {"services": after}}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Do what the state asks for."""
        if options["state"] == "stopped":
            result = interfering.stop(
                session, find_interfering(options["extra"], options["keep"]), is_protected, options["timeout"]
            )
            words = f"Stopped: {', '.join(result['after'])}." if result["changed"] else "Nothing that interferes runs."
        else:
            result = interfering.restore(session, options["timeout"])
            started = [name for name, state in result["after"].items() if state == "running"]
            words = f"They run again: {', '.join(started) or 'none'}." if result["changed"] else "Nothing was stopped."
        return {
            "changed": result["changed"],
            "before": {"services": result["before"]},
            "after": {"services": result["after"]},
            "msg": words,
        }


def _now(session: Session) -> dict[str, str]:
    """The states of the services that are noted."""
    note = interfering.read_note(session) or {}
    found = session.services(sorted(note)) if note else {}
    return {name: "running" if service.state in interfering.ACTIVE else "stopped" for name, service in found.items()}

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: take a front-end out of the rotation of its load-balanced set, or put it back."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import rotation
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed


class ActionModule(HostAction):
    """Have the front-end in the rotation, or out of it."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["in", "out"]},
        "method": {"type": "str", "choices": ["nlb", "hook"], "default": "nlb"},
        "found": {"type": "str", "choices": ["in", "out", "draining", "unknown"]},
        "said": {"type": "str"},
        **timeout(600),
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {"required_if": [("method", "hook", ("found", "said"))]}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return where the host shall stand, in the words of a step."""
        return {"rotation": options["state"]}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return where the host stands."""
        if options["method"] == "hook":
            return {"rotation": options["found"]}
        return {"rotation": rotation.read(session).rotation}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Drain and suspend, or resume and start; of an operator's balancer only judge what its tasks have said."""
        if options["method"] == "hook":
            result = _judged(session, options)
        elif options["state"] == "out":
            result = rotation.leave(session, options["timeout"])
        else:
            result = rotation.join(session, options["timeout"])
        where = "in the rotation" if options["state"] == "in" else "out of the rotation"
        forced = " Connections were left at the deadline and were ended." if result.get("forced") else ""
        return {**result, "msg": f"The front-end is {where}.{forced}"}


def _judged(session: Session, options: dict[str, Any]) -> dict[str, Any]:
    """What the operator's tasks have done."""
    if options["said"] != options["state"]:
        shall = "be in its balancer's rotation" if options["state"] == "in" else "be out of its balancer's rotation"
        raise CommandFailed(
            f"{session.host} shall {shall}, but the operator's tasks say that it is {options['said']}",
            remedy="Look at the balancer, and at the tasks in mailops_exchange_rotation_*_tasks; then start again.",
        )
    return {
        "changed": options["found"] != options["state"],
        "before": {"rotation": options["found"]},
        "after": {"rotation": options["state"]},
    }

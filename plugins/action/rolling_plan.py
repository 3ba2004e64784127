# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: plan the roll of an update from the observed state of all servers, on the control node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import UPDATE
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.digest import difference
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import OPTIONS, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.problems import NoPlan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook


class ActionModule(ControlAction):
    """Make the plan, and hold it against the one that was approved."""

    spec: ClassVar[dict[str, Any]] = {
        **UPDATE,
        "estate": {
            "type": "dict",
            "required": True,
            "options": {"hosts": {"type": "dict", "required": True}, "directory": {"type": "dict"}},
        },
        **{name: {"type": "str", "choices": list(words), "default": words[0]} for name, words in OPTIONS.items()},
        "approved_digest": {"type": "str"},
        "approved_plan": {"type": "dict"},
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make the plan; a plan that was not approved is a failure."""
        update = self.update(options)
        plan = make_plan(options["estate"], update, {name: options[name] for name in OPTIONS})
        result = {
            "plan": plan,
            "digest": plan["digest"],
            "scope_digest": plan["scope_digest"],
            "runbook": runbook(plan),
            "msg": _summary(plan),
        }
        return {**result, **_objection(plan, options)}


def _summary(plan: Mapping[str, Any]) -> str:
    if not plan["changes"]:
        return "Nothing is to be done: every server has the update."
    return f"{len(plan['steps'])} steps on {len(plan['turns'])} servers in {len(plan['waves'])} waves."


def _objection(plan: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes the result a failure when another plan was approved.

    A run that goes on where an earlier one was cut off has fewer steps: it is approved by the digest of the scope.
    """
    approved = options["approved_plan"] or {}
    digests = {options["approved_digest"], approved.get("digest"), approved.get("scope_digest")} - {None, ""}
    if not digests or digests & {plan["digest"], plan["scope_digest"]}:
        return {}
    differences = difference(approved, plan) if approved else []
    return {
        "failed": True,
        "differences": differences,
        "msg": f"This is not the plan that was approved: its digest is {plan['digest']}."
        + "".join(f" {line}." for line in differences),
        "remedy": "Look at what has changed on the servers, then approve the new plan or put things back.",
    }


__all__ = ["ActionModule", "NoPlan"]

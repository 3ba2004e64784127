# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run is called in the end: done, planned, stopped or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CARRIED_OUT = ("ok", "skipped")


def outcome(
    *,
    ended: bool,
    check_mode: bool,
    failed: bool,
    refused_only: bool,
    plan: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    missing: Sequence[str],
) -> str:
    """Return the outcome.

    A run that has not ended counts as stopped: that is what its record says when it was killed. A failure before
    anything was begun is a refusal; so is one at a gate or for lack of a plan, after no more than preparations. A step
    that was tried has been begun, also where it changed nothing: it may have waited in vain for what an earlier run has
    left. So has a roll that goes on with an earlier run, although the maintenance window left nothing to this one.
    """
    if failed:
        if check_mode:
            return "refused"
        if not ended:
            return "stopped"
        changed = any(step["changed"] and step.get("phase") != "prepare" for step in steps)
        begun = changed if refused_only else bool(steps or plan.get("resumes"))
        return "stopped" if begun else "refused"
    if not ended:
        return "stopped"
    if check_mode or (plan.get("changes") and not steps):
        return "planned"
    return "stopped" if missing else "done"


def missing_steps(plan: Mapping[str, Any], taken: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the planned steps that change something and that no result told of, in words.

    What cannot be predicted may be left out.
    """
    told = {_key(step) for step in taken if step["status"] in CARRIED_OUT}
    return [
        f"{step['step']} {step['object']} on {step['host']}"
        for step in plan.get("steps") or []
        if step.get("changed") and not step.get("unpredictable") and _key(step) not in told
    ]


def _key(step: Mapping[str, Any]) -> tuple[Any, ...]:
    return step.get("index"), step["host"], step["step"], step["object"]

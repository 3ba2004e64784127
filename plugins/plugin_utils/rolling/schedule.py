# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When what of a plan comes, about: an estimate for people, from the durations of the steps.

Hosts of a wave go on side by side, the steps of one host follow each other, and a wave begins when the one before it
has ended. Steps that may not come (``unpredictable``) are counted: the estimate is on the late side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .durations import estimate
from .steps import MOVES, Step

BY_HAND = {"install_update": "setup", "upgrade_connector": "setup", "upgrade_virtual_server": "upgrade"}
"""Step word -> which of the plan's ``by_hand`` says that a person does it."""


def make_schedule(
    plan: Mapping[str, Any], minutes: Mapping[str, float], known: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return the estimate, in seconds from the first step on.

    minutes and known: see ``durations.estimate``. The result holds ``steps`` (as the plan: ``from``, ``to``), ``waves``
    (a list of ``from``, ``to``), ``finish`` and ``prepare`` (the same), ``outages`` ("CLUSTER/GROUP" -> list of
    ``from``, ``to``, ``part``), ``persons`` (list of ``at``, ``host``, ``index``) and ``seconds`` (all of it).
    """
    clock = _Clock(minutes, known or {})
    ended = clock.side_by_side(plan["prepare"].values(), 0.0)
    prepare = {"from": 0.0, "to": ended}
    waves = []
    for wave in plan["waves"]:
        began = ended
        ended = clock.side_by_side((turn_steps(plan["turns"][host]) for host in wave), began)
        waves.append({"from": began, "to": ended})
    began = ended
    ended = clock.side_by_side((part["steps"] for part in plan["finish"].values()), began)
    steps = sorted(plan["steps"], key=lambda step: (clock.times[step["index"]]["from"], step["index"]))
    return {
        "steps": [clock.times[step["index"]] for step in plan["steps"]],
        "prepare": prepare,
        "waves": waves,
        "finish": {"from": began, "to": ended},
        "outages": _outages(steps, clock.times, plan["outages"]),
        "persons": _persons(plan, steps, clock.times),
        "seconds": ended,
        "measured": bool(known),
    }


def turn_steps(turn: Mapping[str, Any]) -> list[Step]:
    """Return all steps of a turn in their order."""
    steps = list(turn["steps"])
    for server in turn["virtual_servers"]:
        steps += server["steps"]
    return [*steps, *turn.get("after", [])]


class _Clock:
    """Gives each step its time."""

    def __init__(self, minutes: Mapping[str, float], known: Mapping[str, float]) -> None:
        self.minutes, self.known = minutes, known
        self.times: dict[int, dict[str, float]] = {}

    def side_by_side(self, parts: Iterable[Iterable[Step]], began: float) -> float:
        """Give the steps of parts that go on side by side their times; returns when the last one ends."""
        latest = began
        for part in parts:
            now = began
            for step in part:
                end = now + estimate(step, self.minutes, self.known)
                self.times[step["index"]] = {"from": now, "to": end}
                now = end
            latest = max(latest, now)
        return latest


def _outages(
    steps: list[Step], times: Mapping[int, Mapping[str, float]], servers: Iterable[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return when each virtual server is offline: from ``take_offline`` to ``bring_online``, and during each move."""
    outages: dict[str, list[dict[str, Any]]] = {where: [] for where in servers}
    open_since: dict[str, float] = {}
    for step in steps:
        where, word, time = f"{step['cluster']}/{step.get('group')}", step["step"], times[step["index"]]
        if where not in outages:
            continue
        if word == "take_offline":
            open_since.setdefault(where, time["from"])
        elif word == "bring_online":
            began = open_since.pop(where, time["from"])
            outages[where].append({"from": began, "to": time["to"], "part": step["phase"]})
        elif (word in MOVES or word == "install_update") and where not in open_since:
            # An installer that has a group takes it offline itself (Exchange 5.5).
            outages[where].append({"from": time["from"], "to": time["to"], "part": step["phase"]})
    return outages


def _persons(
    plan: Mapping[str, Any], steps: list[Step], times: Mapping[int, Mapping[str, float]]
) -> list[dict[str, Any]]:
    """Return when a person is needed, where, and for which step."""
    by_hand = plan.get("by_hand") or {}
    return [
        {"at": times[step["index"]]["from"], "host": step["host"], "index": step["index"]}
        for step in steps
        if by_hand.get(BY_HAND.get(step["step"], "")) or (step["step"] == "update_addon" and step.get("by_hand"))
    ]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which turns go on side by side: front-ends first, then clusters and single servers in lanes, a node a wave."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

Turn = dict[str, Any]


def arrange(
    front: Sequence[Turn],
    units: Sequence[Sequence[Turn]],
    *,
    lanes: int,
    canary: bool,
    apart: Collection[str] = frozenset(),
) -> int:
    """Give each turn its ``wave`` and its ``canary``; returns how many of the first waves are front-ends.

    front: turns of front-ends; those of no set go together, then each load-balancing set in a wave of its own
    (KB 328839: A3). apart: the sets whose members go one after the other, each in a wave of its own and in their order
    here, so that somebody serves (KB 328839: B2). units: the turns of each cluster, and of each single server, in their
    order. lanes: how many units (and front-ends of no set) go on side by side; 0: all of them. canary: the first turn
    of each kind has a wave alone. A turn that ``goes_on`` leaves a group offline until the next one of its unit: these
    units come last, so that nobody waits for a slower neighbour meanwhile. Those whose group is ``down`` as the run
    begins come first.
    """
    for turn in [*front, *(turn for unit in units for turn in unit)]:
        turn["canary"] = False
    waves = _front(front, lanes, canary, apart)
    _back(units, waves, lanes, canary)
    return waves


def _front(front: Sequence[Turn], lanes: int, canary: bool, apart: Collection[str]) -> int:
    """Place the front-ends; returns the number of their waves."""
    alone = [turn for turn in front if not turn["set"]]
    wave = 0
    for kind in dict.fromkeys(turn["role"] for turn in alone if canary):
        first = next(turn for turn in alone if turn["role"] == kind)
        alone.remove(first)
        first["wave"], first["canary"] = wave, True
        wave += 1
    size = lanes or len(alone) or 1
    for begin in range(0, len(alone), size):
        for turn in alone[begin : begin + size]:
            turn["wave"] = wave
        wave += 1
    for number, name in enumerate(sorted({turn["set"] for turn in front if turn["set"]} - set(apart))):
        for turn in front:
            if turn["set"] == name:
                turn["wave"], turn["canary"] = wave, canary and number == 0
        wave += 1
    one_by_one = [turn for name in sorted(apart) for turn in front if turn["set"] == name]
    for number, turn in enumerate(one_by_one):
        turn["wave"], turn["canary"] = wave, canary and number == 0
        wave += 1
    return wave


def _back(units: Sequence[Sequence[Turn]], wave: int, lanes: int, canary: bool) -> None:
    """Place clusters and single servers from ``wave`` on."""
    down = [unit for unit in units if any(turn.get("down") for turn in unit)]
    wave = _lanes(down, wave, 0)
    left = [list(unit) for unit in units if unit and unit not in down]
    if canary:
        for kind in dict.fromkeys(unit[0]["role"] for unit in left):
            first = next((unit for unit in left if _installs(unit) and unit[0]["role"] == kind), [])
            # What an earlier run has left to be put back comes before the first installation of the cluster.
            while first:
                turn = first.pop(0)
                turn["wave"], turn["canary"] = wave, turn["install"]
                wave += 1
                if turn["install"] and not turn.get("goes_on"):
                    break
    offline = [unit for unit in left if any(turn.get("goes_on") for turn in unit)]
    wave = _lanes([unit for unit in left if unit not in offline], wave, lanes)
    size = lanes or len(offline) or 1
    for begin in range(0, len(offline), size):
        wave = _lanes(offline[begin : begin + size], wave, lanes)


def _lanes(left: Sequence[Sequence[Turn]], wave: int, lanes: int) -> int:
    """Place units from ``wave`` on, each turn in the wave after the one before it; returns the first free wave."""
    ends = [wave] * (lanes or len(left))
    for unit in left:
        lane = ends.index(min(ends)) if ends else 0
        for turn in unit:
            turn["wave"] = ends[lane]
            ends[lane] += 1
    return max(ends, default=wave)


def _installs(unit: Sequence[Turn]) -> bool:
    return any(turn["install"] for turn in unit)

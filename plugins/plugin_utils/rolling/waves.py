# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which turns go on side by side: front-ends first, then clusters and single servers in lanes, a node a wave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Turn = dict[str, Any]


def arrange(front: Sequence[Turn], units: Sequence[Sequence[Turn]], *, lanes: int, canary: bool) -> int:
    """Give each turn its ``wave`` and its ``canary``; returns how many of the first waves are front-ends.

    front: turns of front-ends; those of no set go together, then each load-balancing set in a wave of its own
    (KB 328839: A3). units: the turns of each cluster, and of each single server, in their order. lanes: how many units
    (and front-ends of no set) go on side by side; 0: all of them. canary: the first turn of each kind has a wave alone.
    """
    for turn in [*front, *(turn for unit in units for turn in unit)]:
        turn["canary"] = False
    waves = _front(front, lanes, canary)
    _back(units, waves, lanes, canary)
    return waves


def _front(front: Sequence[Turn], lanes: int, canary: bool) -> int:
    """Place the front-ends; returns the number of their waves."""
    alone = [turn for turn in front if not turn["set"]]
    wave = 0
    if canary and alone:
        first = alone.pop(0)
        first["wave"], first["canary"] = wave, True
        wave += 1
    size = lanes or len(alone) or 1
    for begin in range(0, len(alone), size):
        for turn in alone[begin : begin + size]:
            turn["wave"] = wave
        wave += 1
    for number, name in enumerate(sorted({turn["set"] for turn in front if turn["set"]})):
        for turn in front:
            if turn["set"] == name:
                turn["wave"], turn["canary"] = wave, canary and number == 0
        wave += 1
    return wave


def _back(units: Sequence[Sequence[Turn]], wave: int, lanes: int, canary: bool) -> None:
    """Place clusters and single servers from ``wave`` on."""
    left = [list(unit) for unit in units if unit]
    if canary:
        for kind in dict.fromkeys(unit[0]["role"] for unit in left):
            first = next((unit for unit in left if _installs(unit) and unit[0]["role"] == kind), [])
            # What an earlier run has left to be put back comes before the first installation of the cluster.
            while first:
                turn = first.pop(0)
                turn["wave"], turn["canary"] = wave, turn["install"]
                wave += 1
                if turn["install"]:
                    break
    ends = [wave] * (lanes or len(left))
    for unit in left:
        lane = ends.index(min(ends)) if ends else 0
        for turn in unit:
            turn["wave"] = ends[lane]
            ends[lane] += 1


def _installs(unit: Sequence[Turn]) -> bool:
    return any(turn["install"] for turn in unit)

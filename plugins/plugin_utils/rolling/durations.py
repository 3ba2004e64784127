# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a step takes: measured in the records of earlier runs, else from the update's data, else as is usual.

Only estimates rest on it, never a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from .steps import duration
from .times import seconds_between

OF_AN_UPDATE = frozenset({"install_update", "stage_package", "upgrade_connector", "update_addon"})
"""Steps that take as long as their update makes them: measured for each update on its own."""

Durations = dict[str, float]
"""``key`` of a step -> seconds."""


def key(word: str, obj: str, *, upgrades: bool = False) -> str:
    """Return what a measured duration is kept under: the step word, with the update for what depends on it.

    upgrades: of a step with which a virtual server and its databases are upgraded, which takes longer than another.
    """
    if upgrades:
        return f"{word}, upgrading"
    return f"{word} {obj}" if word in OF_AN_UPDATE else word


def measured(records: Iterable[Mapping[str, Any]]) -> Durations:
    """Return the median seconds of each kind of step over change records.

    Rehearsals in check mode, steps that changed nothing and steps that failed say nothing about durations. What is no
    change record has no steps and adds nothing.
    """
    found: dict[str, list[float]] = {}
    for record in records:
        if record.get("check_mode") or not isinstance(record.get("steps"), list):
            continue
        for step in record["steps"]:
            if step.get("changed") and step.get("status") == "ok" and step.get("started") and step.get("ended"):
                took = seconds_between(str(step["started"]), str(step["ended"]))
                name = key(str(step["step"]), str(step["object"]), upgrades=bool(step.get("upgrades")))
                found.setdefault(name, []).append(took)
    return {name: float(median(values)) for name, values in sorted(found.items())}


def estimate(step: Mapping[str, Any], minutes: Mapping[str, float], known: Mapping[str, float]) -> float:
    """Return the seconds that a step is expected to take.

    minutes: update -> minutes of its installer as the catalogue says. known: what ``measured`` returned.
    """
    word, obj = str(step["step"]), str(step["object"])
    name = key(word, obj, upgrades=bool(step.get("upgrades")))
    if name in known and (step.get("upgrades") or not step.get("seconds")):
        return known[name]
    if word == "install_update" and minutes.get(obj):
        return float(minutes[obj]) * 60
    return float(duration(dict(step)))

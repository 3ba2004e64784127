# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that an estate's file asks for: each waits for its moment and strikes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import EstateError

if TYPE_CHECKING:
    from .world import World

#: What can be done at which moment, by what the fault is tied to.
KNOWN: dict[str, dict[str, set[str]]] = {
    "host": {
        "install": {"exit", "file_in_use", "hang", "crash"},
        "call": {"drop", "refuse"},
        "restart": {"stay_down"},
        "start_cluster_service": {"fail"},
    },
    "cluster": {"move": {"fail"}, "upgrade": {"error"}, "online": {"fail"}},
    "controller": {"call": {"kill"}},
}


@dataclass
class Fault:
    """A fault. `tie`: host, cluster or controller; `name`: which; `on` and `target`: `install`, `n2`."""

    tie: str
    name: str
    on: str
    target: str
    do: str
    times: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    struck: int = 0

    @property
    def left(self) -> bool:
        """Whether it can strike again."""
        return self.struck < self.times


class Faults:
    """The faults of a rehearsal."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.faults: list[Fault] = []

    def load(self, faults: list[dict[str, Any]]) -> None:
        """Take the faults of a list as estate files have it; raises EstateError with the place of a mistake."""
        loaded = [self._read(index, row) for index, row in enumerate(faults)]
        self.faults.extend(loaded)

    def take(self, on: str, *, host: str = "", cluster: str = "", target: str = "", also: str = "") -> Fault | None:
        """Return the fault that strikes at this moment, and count it; None when there is none.

        `target` or `also` must be what the fault names after its moment (`move EVS1`), in any case.
        """
        tie, name = ("host", host) if host else ("cluster", cluster)
        wanted = {target.lower(), also.lower()}
        for fault in self.faults:
            if fault.left and (fault.tie, fault.name, fault.on) == (tie, name, on) and fault.target.lower() in wanted:
                return self._strike(fault)
        return None

    def elsewhere(self, target: str) -> list[Fault]:
        """Return the faults that strike other hosts while `target` is being updated (`install n2`), and count them."""
        found = [f for f in self.faults if f.left and f.on == "install" and f.target and f.target == target]
        return [self._strike(fault) for fault in found]

    def on_call(self, host: str, number: int, overall: int) -> list[str]:
        """Return what the faults do with the call of that number on the host, and overall."""
        found = []
        for fault in self.faults:
            at = (number, fault.name == host) if fault.tie == "host" else (overall, fault.tie == "controller")
            if fault.left and fault.on == "call" and at == (int(fault.target), True):
                found.append(self._strike(fault).do)
        return found

    def _strike(self, fault: Fault) -> Fault:
        fault.struck += 1
        self._world.emit("fault", fault=fault)
        return fault

    def _read(self, index: int, row: dict[str, Any]) -> Fault:
        place = f"fault {index + 1}"
        ties = [tie for tie in KNOWN if tie in row]
        if len(ties) != 1:
            raise EstateError(f"{place}: expected exactly one of {', '.join(KNOWN)}")
        tie, name = ties[0], str(row[ties[0]])
        known = {"host": [*self._world.machines], "cluster": [*self._world.clusters], "controller": ["run"]}[tie]
        if name not in known:
            raise EstateError(f"{place}: {tie} {name} is not in the estate")
        words = str(row.get("on", "")).split(None, 1) or [""]
        on, target = words[0], words[1] if len(words) > 1 else ""
        if on not in KNOWN[tie]:
            raise EstateError(f"{place}: on: expected one of {', '.join(KNOWN[tie])}")
        do = str(row.get("do", ""))
        if do not in KNOWN[tie][on]:
            raise EstateError(f"{place}: do: expected one of {', '.join(sorted(KNOWN[tie][on]))}")
        if on == "call" and not target.isdigit():
            raise EstateError(f"{place}: on: expected the number of a call, for example call 17")
        if on == "install" and target and (target not in self._world.hosts or do != "crash"):
            raise EstateError(f"{place}: on: install NAME takes a host of the estate, and do: crash")
        if tie == "cluster" and not target:
            raise EstateError(f"{place}: on: expected a group after {on}, for example {on} EVS1")
        settings = {key: value for key, value in row.items() if key not in (tie, "on", "do", "times")}
        return Fault(tie, name, on, target.strip(), do, int(row.get("times", 1)), settings)

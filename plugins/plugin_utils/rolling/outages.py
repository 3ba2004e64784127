# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When each virtual server was offline, and how often it moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .steps import MOVES
from .times import iso


class Outages:
    """Collects the outages of virtual servers from the events that steps report."""

    def __init__(self, begin: str) -> None:
        """Begin with none. begin: when the run began. ``known``: the plan's virtual servers ("CLUSTER/GROUP")."""
        self.begin = begin
        self.known: set[str] = set()
        self._outages: dict[str, list[dict[str, Any]]] = {}
        self._moves: dict[str, int] = {}
        # Found offline, and nothing has been done about it so far, with the phase in which it comes online.
        self._off: dict[str, str] = {}

    def planned(self, plan: Mapping[str, Any]) -> None:
        """Take from the plan which virtual servers there are, and which of them it has found offline.

        Those count as offline from the begin of the run: they are to be brought online, and nothing takes them offline.
        """
        self.known = set(plan.get("outages") or {})
        taken: set[str] = set()
        for step in plan.get("steps") or []:
            where = f"{step.get('cluster')}/{step.get('object')}"
            if step["step"] == "take_offline":
                taken.add(where)
            elif step["step"] == "bring_online" and where in self.known - taken:
                self._off.setdefault(where, str(step.get("phase")))

    def step(self, entry: Mapping[str, Any], events: Any, *, carried_out: bool) -> None:
        """Take what a step reports: a list of virtual_server, event (offline, online, moved) and at."""
        told = [event for event in events if isinstance(event, Mapping)] if isinstance(events, list) else []
        where = f"{entry['cluster']}/{entry['object']}"
        if where in self._off and carried_out:
            self._down(where, self.begin, self._off.pop(where))
        for event in told:
            self._event(f"{entry['cluster']}/{event.get('virtual_server')}", event, entry)
        if not carried_out or not entry["changed"] or where not in self.known:
            return
        words = {event.get("event") for event in told if event.get("virtual_server") == entry["object"]}
        if not words & {"offline", "online"}:
            self._silent(where, entry, moved="moved" in words)

    def _event(self, where: str, event: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
        if self.known and where not in self.known:
            return
        at, word = iso(event.get("at"), entry["ended"]), event.get("event")
        if word == "offline":
            self._down(where, at, entry.get("phase"))
        elif word == "online":
            if where in self._off:
                self._down(where, self.begin, self._off.pop(where))
            self._found_offline(where, entry)
            self._up(where, at)
        elif word == "moved":
            self._moves[where] = self._moves.get(where, 0) + 1

    def _silent(self, where: str, entry: Mapping[str, Any], *, moved: bool) -> None:
        """A step that changed a virtual server without telling when: its own time is taken."""
        word = entry["step"]
        if word in MOVES:
            self._moves[where] = self._moves.get(where, 0) + (not moved)
            if not self._open(where):
                self._down(where, entry["started"], entry.get("phase"))
                if entry["status"] == "ok":
                    self._up(where, entry["ended"])
        elif word == "take_offline":
            self._down(where, entry["started"], entry.get("phase"))
        elif word == "bring_online" and entry["status"] == "ok":
            self._found_offline(where, entry)
            self._up(where, entry["ended"])

    def _found_offline(self, where: str, entry: Mapping[str, Any]) -> None:
        """What comes online though nobody took it offline was offline as the run began: from then it counts."""
        if entry.get("step") == "bring_online" and not self._open(where):
            self._down(where, self.begin, entry.get("phase"))

    def _open(self, where: str) -> bool:
        found = self._outages.get(where)
        return bool(found and found[-1]["to"] is None)

    def _down(self, where: str, at: str, phase: Any) -> None:
        if not self._open(where):
            self._outages.setdefault(where, []).append({"from": at, "to": None, "phase": phase})

    def _up(self, where: str, at: str) -> None:
        if self._open(where):
            self._outages[where][-1]["to"] = max(at, self._outages[where][-1]["from"])

    def to_dict(self) -> dict[str, Any]:
        """Return "CLUSTER/GROUP" -> outages (from, to, phase; to is None while it lasts) and moves (a number)."""
        names = self.known | set(self._outages) | set(self._moves)
        return {
            name: {
                "outages": [dict(outage) for outage in self._outages.get(name, [])],
                "moves": self._moves.get(name, 0),
            }
            for name in sorted(names)
        }

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The referee's eyes on load-balanced sets: who serves while it is updated, versions mixed in one set, outages.

Judged as rule 1, whose sense it is that no user meets an old and a new version in turn; of Exchange 2000, whose
front-ends need not go at the same time [V, KB 328839], members of different versions may serve. What the run does not
cause (a set that was mixed when it began, a host that crashed) is not judged, nor a set whose estate says that nothing
takes its members out (`balancer: none`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .balancing import NONE, BalancedSet, Member
from .exchange import has_update

if TYPE_CHECKING:
    from .host import Host
    from .world import World

#: Events after which another member may serve, or with another version.
WATCHED = ("rotation", "service", "up", "down", "unreachable", "installer_started", "installer_ended")

Judge = Callable[["Host", int, str], None]


@dataclass
class _Outage:
    """A time in which nobody of a set served. `found`: it was so from the beginning."""

    since: float
    until: float | None = None
    found: bool = False


@dataclass
class _Watched:
    """What is remembered of one set. `mixed`: it is, and that has been judged or was found so."""

    mixed: bool = False
    outages: list[_Outage] = field(default_factory=list)


class SetReferee:
    """Watches the load-balanced sets of a world for its referee."""

    def __init__(self, world: World, judge: Judge) -> None:
        self._world = world
        self._judge = judge
        self._sets: dict[str, _Watched] = {}

    def begin(self) -> None:
        """Remember the sets as they are found."""
        for name, balanced in self._world.balancing.sets.items():
            outages = [] if balanced.served else [_Outage(self._world.clock.time, found=True)]
            self._sets[name] = _Watched(self._mixture(balanced) != [], outages)

    def observe(self, kind: str, facts: dict[str, Any]) -> None:
        """Something has happened in the world."""
        host = facts.get("host")
        if kind not in WATCHED or host is None or isinstance(host, str):
            return
        member = self._world.balancing.member(host)
        if member is None or member.balanced.name not in self._sets:
            return
        if member.balancer != NONE:
            self._updating(member, kind, facts)
            self._mixed(member)
        self._availability(member.balanced)

    def report(self) -> dict[str, Any]:
        """Return for each set how many seconds, and how many times, nobody of it served."""
        now = self._world.clock.time
        return {
            name: {
                "seconds": round(sum((now if o.until is None else o.until) - o.since for o in watched.outages), 1),
                "times": sum(1 for outage in watched.outages if not outage.found),
            }
            for name, watched in self._sets.items()
        }

    # -- inside

    def _updating(self, member: Member, kind: str, facts: dict[str, Any]) -> None:
        """A member that takes users while it is updated."""
        host, name = member.host, member.balanced.name
        if kind == "installer_started" and (member.in_rotation or member.state == "draining"):
            how = "is in the rotation" if member.in_rotation else "still has connections"
            self._judge(host, 1, f"{facts['package']['key']} starts while the front-end {how} of the set {name}")
        elif kind == "rotation" and member.in_rotation and host.installing and member.cause != "crash":
            self._judge(host, 1, f"the front-end joins the set {name} while {host.installing[0]} is being installed")

    def _mixed(self, member: Member) -> None:
        """An updated and a not updated member that both take users: judged once, when it begins."""
        watched = self._sets[member.balanced.name]
        mixture = self._mixture(member.balanced)
        if mixture and not watched.mixed and member.cause != "crash":
            what = f"{' and '.join(mixture)} of the set {member.balanced.name} serve users with different versions"
            self._judge(member.host, 1, what)
        watched.mixed = bool(mixture)

    def _mixture(self, balanced: BalancedSet) -> list[str]:
        """One host of each version that takes users, when there is more than one version; else nothing."""
        if any(member.host.product == "2000" for member in balanced.members):
            return []
        levels: dict[tuple[bool, ...], str] = {}
        for member in balanced.members:
            if member.in_rotation:
                has = tuple(has_update(member.host, package) for package in self._world.updates)
                levels.setdefault(has, member.host.name)
        return sorted(levels.values()) if len(levels) > 1 else []

    def _availability(self, balanced: BalancedSet) -> None:
        outages = self._sets[balanced.name].outages
        down = bool(outages) and outages[-1].until is None
        if down and balanced.served:
            outages[-1].until = self._world.clock.time
        elif not down and not balanced.served:
            outages.append(_Outage(self._world.clock.time))

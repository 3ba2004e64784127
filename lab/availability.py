# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the virtual servers were not there for their users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .exchange import has_update

if TYPE_CHECKING:
    from .cluster import Group
    from .world import World

#: The services without which a virtual server is not there for its users.
SERVING = ("MSExchangeSA", "MSExchangeIS")


@dataclass
class Outage:
    """A time without a virtual server. `found`: it was so from the beginning; `after_roll`: all had it then."""

    since: float
    until: float | None = None
    found: bool = False
    after_roll: bool = False


class Availability:
    """The outages of every virtual server. It is there while its System Attendant and Information Store are online."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.outages: dict[str, list[Outage]] = {}

    def begin(self) -> None:
        """Note the virtual servers as they are found."""
        for cluster in self._world.clusters.values():
            for group in cluster.groups.values():
                if group.virtual_server is not None:
                    there = self._there(group)
                    self.outages[self._name(group)] = [] if there else [Outage(self._world.clock.time, found=True)]

    def look(self, group: Group) -> None:
        """A resource of the group has changed its state."""
        outages = self.outages.get(self._name(group))
        if outages is None:
            return
        down = bool(outages) and outages[-1].until is None
        if down and self._there(group):
            outages[-1].until = self._world.clock.time
        elif not down and not self._there(group):
            outages.append(Outage(self._world.clock.time, after_roll=self._rolled(group)))

    def report(self) -> dict[str, Any]:
        """Return seconds and times for each virtual server, and those before the failover test by themselves."""
        result = {}
        for name, outages in self.outages.items():
            early = [outage for outage in outages if not outage.after_roll]
            result[name] = {**self._sum(outages), "before_failover_test": self._sum(early)}
        return result

    def _sum(self, outages: list[Outage]) -> dict[str, Any]:
        now = self._world.clock.time
        seconds = sum((now if outage.until is None else outage.until) - outage.since for outage in outages)
        return {"seconds": round(seconds, 1), "times": sum(1 for outage in outages if not outage.found)}

    def _there(self, group: Group) -> bool:
        needed = [r for r in group.resources if r.service in SERVING]
        return bool(needed) and all(resource.state == "online" for resource in needed)

    def _rolled(self, group: Group) -> bool:
        """Every node has all of the estate's updates, and so has the virtual server."""
        updates = self._world.updates
        hosts = [node.host for node in group.cluster.nodes.values()]
        server = group.virtual_server
        if server is None or not all(has_update(host, package) for host in hosts for package in updates):
            return False
        packs = [p["service_pack"] for p in updates if p["kind"] == "service_pack" and p["product"] == server.product]
        return server.service_pack >= max(packs, default=0)

    def _name(self, group: Group) -> str:
        return f"{group.cluster.name}/{group.name}"

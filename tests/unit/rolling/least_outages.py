# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often virtual servers have to go offline at least, found by trying everything; it uses nothing of the planner.

A node is a number. A virtual server is its owner and the set of its possible owners (bit n: node n). The rules are
those of KB 328839: a node is updated while it owns no virtual server; a virtual server that moves is offline once, its
upgrade on the updated node included; once upgraded it goes to updated nodes only, and one that is not upgraded comes
online on a node that is not updated, or is upgraded on one that is. It is online at every other moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, permutations
from typing import Any

from ansible_collections.mailops.exchange.tests.unit.rolling.support import BUILDS, World

Server = tuple[int, int]
"""A virtual server: owner, possible owners as bits."""
Case = tuple[int, int, tuple[Server, ...]]
"""A cluster: number of nodes, how many of them (the first ones) are updated already, the virtual servers."""


def fewest(case: Case, limit: int = 0) -> int | None:
    """Return the least total number of outages, or None when not every node can be updated.

    limit: how many virtual servers a node may take, where the operator sets it; one found with more takes none.

    In a cluster of more than two nodes Exchange brings one virtual server online on a node. That holds where the
    cluster was found so and where there is a way; else the least without it counts.
    """
    nodes, servers = case[0], case[2]
    owners = [owner for owner, unused in servers]
    if nodes > 2 and len(set(owners)) == len(owners):
        alone = _search(case, 1)
        if alone is not None:
            return alone
    return _search(case, limit or len(servers))


def _search(case: Case, limit: int) -> int | None:
    """Dijkstra's search; a state is the updated nodes, the owners and the upgraded virtual servers."""
    nodes, ready, servers = case
    updated = (1 << ready) - 1
    owners = tuple(owner for owner, unused in servers)
    upgraded = sum(1 << n for n, owner in enumerate(owners) if owner < ready)
    everything, goal = (1 << len(servers)) - 1, (1 << nodes) - 1
    rings: list[list[tuple[int, tuple[int, ...], int]]] = [[(updated, owners, upgraded)]]
    seen = set()
    for outages in range(4 * nodes * len(servers) + 1):
        if outages >= len(rings):
            return None
        ring = rings[outages]
        rings.append([])
        while ring:
            state = ring.pop()
            if state in seen:
                continue
            seen.add(state)
            updated, owners, upgraded = state
            if updated == goal and upgraded == everything:
                return outages
            ring += [
                (updated | 1 << node, owners, upgraded)
                for node in range(nodes)
                if not updated >> node & 1 and node not in owners
            ]
            for number, (unused, possible) in enumerate(servers):
                for node in range(nodes):
                    if node == owners[number] or not possible >> node & 1 or owners.count(node) >= limit:
                        continue
                    if upgraded >> number & 1 and not updated >> node & 1:
                        continue
                    after = (*owners[:number], node, *owners[number + 1 :])
                    rings[-1].append((updated, after, upgraded | (updated >> node & 1) << number))
    return None


def cases(nodes: int, servers: int, ready: int, *, least_possible: int = 2) -> Iterator[Case]:
    """Every cluster of so many nodes, virtual servers and updated nodes, one of all that differ in names only."""
    kinds = [
        (owner, possible)
        for owner in range(nodes)
        for possible in range(1 << nodes)
        if possible >> owner & 1 and possible.bit_count() >= least_possible
    ]
    number = {kind: index for index, kind in enumerate(kinds)}
    renamed = []
    for first in permutations(range(ready)):
        for rest in permutations(range(ready, nodes)):
            to = (*first, *rest)
            renamed.append([number[to[o], sum(1 << to[n] for n in range(nodes) if p >> n & 1)] for o, p in kinds])
    for chosen in combinations_with_replacement(range(len(kinds)), servers):
        if all(tuple(sorted(names[each] for each in chosen)) >= chosen for names in renamed):
            yield nodes, ready, tuple(kinds[each] for each in chosen)


def estate_of(case: Case, turned: int = 0, product: str = "2003") -> dict[str, Any]:
    """The observed estate of a cluster. turned: its nodes get other names, which must not matter."""
    nodes, ready, servers = case
    names = [f"n{(node * (nodes - 1) + turned) % nodes + 1 if turned % 2 else node + 1}" for node in range(nodes)]
    world = World(product)
    done = world.least + 1
    world.cluster("mail", names, quorum=names[turned % nodes])
    for node in names[:ready]:
        build = BUILDS[product][done]
        world.hosts[node]["exchange"].update(service_pack=done, build=build, hotfixes=["KB831464", "KB912442"])
    for index, (owner, possible) in enumerate(servers):
        owners = [names[node] for node in range(nodes) if possible >> node & 1]
        world.evs("mail", f"EVS{index}", names[owner], owners, service_pack=done if owner < ready else None)
    return world.estate()

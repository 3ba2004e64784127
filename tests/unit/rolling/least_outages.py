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
    least = _search(case, 1, ()) if alone(case) else None
    if least is None:
        least = _search(case, limit or len(case[2]), ())
    return None if least is None else least[0]


def fewest_and_home(case: Case, homes: tuple[int, ...]) -> tuple[int, int] | None:
    """Return the same, and how many virtual servers are not at home after it, at least. Only where ``alone`` holds.

    None: there is no way on which a node carries one only.
    """
    return _search(case, 1, homes)


def alone(case: Case) -> bool:
    """Whether a node carries one virtual server only."""
    owners = [owner for owner, unused in case[2]]
    return case[0] > 2 and len(set(owners)) == len(owners)


def _search(case: Case, limit: int, homes: tuple[int, ...]) -> tuple[int, int] | None:
    """Dijkstra's search; a state is the updated nodes, the owners and the upgraded virtual servers."""
    nodes, ready, servers = case
    updated = (1 << ready) - 1
    owners = tuple(owner for owner, unused in servers)
    upgraded = sum(1 << n for n, owner in enumerate(owners) if owner < ready)
    everything, goal = (1 << len(servers)) - 1, (1 << nodes) - 1
    rings: list[list[tuple[int, tuple[int, ...], int]]] = [[(updated, owners, upgraded)]]
    seen = set()
    away: list[int] = []
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
                if not homes:
                    return outages, 0
                away.append(sum(owner != home for owner, home in zip(owners, homes, strict=True)))
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
        if away:
            return outages, min(away)
    return None


def walked(case: Case, plan: dict[str, Any], names: list[str], *, hotfix: bool) -> int:
    """Follow the steps of a plan by the rules, and return how many outages they cause before the end.

    What the plan says of itself plays no part. names: the nodes. A rule that is broken fails an assertion.
    """
    nodes, ready, servers = case
    number = {name.upper(): node for node, name in enumerate(names)}
    owners = {f"EVS{index}": owner for index, (owner, unused) in enumerate(servers)}
    updated, down = set(range(ready)), set[int]()
    offline = set[str]()
    upgraded = {name for name, owner in owners.items() if owner < ready}
    outages = 0
    for step in plan["steps"]:
        word, name = step["step"], step["object"]
        if step["phase"] == "finish":
            break
        if word == "stop_cluster_service":
            assert number[name] not in owners.values()
            assert not down
            down.add(number[name])
        elif word == "install_update":
            assert number[step["host"].upper()] in down
        elif word == "start_cluster_service":
            down.remove(number[name])
            updated.add(number[name])
        elif word == "take_offline":
            outages += name not in offline
            offline.add(name)
        elif word == "upgrade_virtual_server":
            assert name in offline
            assert owners[name] in updated
            upgraded.add(name)
        elif word == "bring_online":
            offline.remove(name)
        elif word == "move_group" and name in owners:
            owners[name] = number[step["node"]]
            assert servers[int(name[3:])][1] >> owners[name] & 1
            assert owners[name] not in down
            outages += name not in offline
        if word in ("bring_online", "move_group") and name in owners and name not in offline:
            # It is online there: upgraded where the node is updated, where that upgrades it by itself, and only there.
            if owners[name] in updated and (hotfix or step.get("upgrades")):
                upgraded.add(name)
            assert (name in upgraded) == (owners[name] in updated)
    assert updated == set(range(nodes))
    assert not down | offline
    assert upgraded == set(owners)
    return outages


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


def names_of(nodes: int, turned: int) -> list[str]:
    """The names of so many nodes. turned: other names, which must not matter."""
    return [f"n{(node * (nodes - 1) + turned) % nodes + 1 if turned % 2 else node + 1}" for node in range(nodes)]


def estate_of(case: Case, turned: int = 0, product: str = "2003") -> dict[str, Any]:
    """The observed estate of a cluster. turned: see ``names_of``."""
    nodes, ready, servers = case
    names = names_of(nodes, turned)
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

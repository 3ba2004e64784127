# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which node comes next, and which node takes a group over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from .model import Cluster, Group

MOST_TRIES = 3000
"""How many beginnings of an order are tried for one in which no two virtual servers share a node."""


def home_of(cluster: Cluster, group: Group, option: str) -> str:
    """Return the node where ``group`` belongs at the end: option home, ``preferred``, ``as_found`` or ``stay``.

    preferred: the first preferred owner that may own it, else where the first run found it.
    """
    if option == "stay":
        return group.owner
    if option == "preferred":
        for node in group.preferred:
            if node in group.possible:
                return node
    found = cluster.found.get(group.name, group.owner)
    return found if found in group.possible else group.owner


def choose_target(
    cluster: Cluster, group: Group, candidates: Iterable[str], home: str, order: Sequence[str] = ()
) -> str | None:
    """Return the best of ``candidates`` to take ``group`` over, or None when none of them can.

    Only nodes that are up and possible owners come in question. For a virtual server the best is: one that carries no
    other, where one node carries one only; its home (no further move is needed then); the first of the preferred
    owners; the one that carries fewest. For other groups: the home, then the node whose turn comes last (``order``),
    so that the group is not moved again soon. The name decides last, so that the same estate gives the same plan.
    """
    fitting = [node for node in candidates if node in group.possible and node in cluster.up and node != group.owner]

    def rank(node: str) -> tuple[Any, ...]:
        load = sum(1 for other in cluster.owned(node) if other.name != group.name)
        turn = order.index(node) if node in order else len(order)
        preferred = group.preferred.index(node) if node in group.preferred else len(group.preferred)
        if not group.virtual_server:
            return node != home, -turn, node
        return cluster.one_each and load > 0, node != home, preferred, load, -turn, node

    return min(fitting, key=rank, default=None)


def turn_order(cluster: Cluster, waiting: Sequence[str], done: Iterable[str], homes: Mapping[str, str]) -> list[str]:
    """Return the nodes of ``waiting`` in the order in which the virtual servers are offline least often.

    A virtual server has to be offline once, when it is upgraded on an updated node. It is offline once more when its
    owner's turn comes while none of its possible owners is updated, and again when it is brought home at the end. So
    the order is best in which this happens least; it is found over the subsets of at most eight nodes. Free nodes
    come first (that never costs more), then those that own fewest virtual servers and not the quorum, then by name.
    """
    nodes = sorted(waiting, key=lambda node: _burden(cluster, node))
    ready = frozenset(done)

    def cost(node: str, updated: frozenset[str]) -> int:
        extra = sum(1 for group in cluster.owned(node) if not updated & frozenset(group.possible) - {node})
        return extra

    def homeless(node: str, updated: frozenset[str]) -> int:
        return sum(1 for group in cluster.owned(node) if homes[group.name] not in updated)

    @cache
    def best(updated: frozenset[str]) -> tuple[int, int]:
        rest = [node for node in nodes if node not in updated]
        return min((total(node, updated) for node in rest), default=(0, 0))

    @cache
    def total(node: str, updated: frozenset[str]) -> tuple[int, int]:
        further = best(updated | {node})
        return cost(node, updated) + further[0], homeless(node, updated) + further[1]

    def cheapest_first(updated: frozenset[str]) -> list[str]:
        rest = [node for node in nodes if node not in updated]
        return sorted(rest, key=lambda node: total(node, updated))

    order: list[str] = []
    while len(order) < len(nodes):
        order.append(cheapest_first(ready | set(order))[0])
    if not cluster.one_each:
        return order
    tries = iter(range(MOST_TRIES))

    def search(now: Cluster, taken: list[str]) -> list[str] | None:
        if len(taken) == len(nodes):
            return taken
        for node in cheapest_first(ready | set(taken)):
            if next(tries, None) is None:
                return None
            rest = [other for other in nodes if other not in taken]
            after = _freed(now, node, sorted(ready) + taken, rest, homes)
            found = search(after, [*taken, node]) if after else None
            if found:
                return found
        return None

    return search(cluster, []) or order


def _freed(
    cluster: Cluster, node: str, updated: Sequence[str], later: Sequence[str], homes: Mapping[str, str]
) -> Cluster | None:
    """Return the cluster once ``node`` is free of virtual servers, or None when two would have to share a node."""
    for group in cluster.owned(node):
        home = homes[group.name]
        target = choose_target(cluster, group, updated, home) or choose_target(cluster, group, later, home, later)
        if target is None or cluster.owned(target):
            return None
        cluster = replace(cluster, groups={**cluster.groups, group.name: replace(group, owner=target)})
    return cluster


def _burden(cluster: Cluster, node: str) -> tuple[int, bool, str]:
    """What ``node`` carries: a free node carries least."""
    quorum = any(group.quorum and group.owner == node for group in cluster.groups.values())
    return len(cluster.owned(node)), quorum, node

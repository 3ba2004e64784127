# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which node takes a group over, and in which order the nodes come where nothing limits what a node carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from .model import Cluster, Group

NEVER = 1000
"""Cost of a virtual server that cannot leave its node at that point: more than any number of outages."""


def home_of(cluster: Cluster, group: Group, option: str) -> str:
    """Return the node where ``group`` belongs at the end: option home, ``preferred``, ``as_found`` or ``stay``.

    preferred: the first preferred owner that may own it, else where the first run found it. Where a node carries one
    virtual server only, no two belong to the same.
    """
    if option == "stay":
        return group.owner
    if cluster.one_each and group.virtual_server:
        return _homes_apart(cluster, option)[group.name]
    return _choices(cluster, group, option)[0]


def _choices(cluster: Cluster, group: Group, option: str) -> list[str]:
    """Return the nodes where a group may belong, the most wanted first; the last is where the first run found it."""
    chosen = [node for node in group.preferred if node in group.possible] if option == "preferred" else []
    found = cluster.found.get(group.name, group.owner)
    return list(dict.fromkeys([*chosen, found if found in group.possible else group.owner]))


def _homes_apart(cluster: Cluster, option: str) -> dict[str, str]:
    """Return virtual server -> home, so that each node is the home of one at most.

    A node that several want goes to the one that was found on it, else to the one that wants it most; so each of them
    can at least stay where it was found (matching by Gale and Shapley).
    """
    choices = {group.name: _choices(cluster, group, option) for group in cluster.virtual_servers}
    left = {name: list(nodes) for name, nodes in choices.items()}
    homes: dict[str, str] = {}
    holder: dict[str, str] = {}
    waiting = sorted(choices, reverse=True)

    def claim(name: str, node: str) -> tuple[bool, int, str]:
        return cluster.found.get(name) != node, choices[name].index(node), name

    while waiting:
        name = waiting.pop()
        if not left[name]:
            # Only where it was found on a node that may not own it.
            homes[name] = cluster.groups[name].owner
            continue
        node = left[name].pop(0)
        other = holder.get(node)
        if other is None or claim(name, node) < claim(other, node):
            holder[node], homes[name] = name, node
            waiting += [other] if other else []
        else:
            waiting.append(name)
    return homes


def rank_targets(
    cluster: Cluster, group: Group, candidates: Iterable[str], home: str, order: Sequence[str] = (), limit: int = 0
) -> list[str]:
    """Return those of ``candidates`` that can take ``group`` over, the best first.

    Only nodes that are up and possible owners come in question. For a virtual server the best is: one that does not
    carry ``limit`` others (0: no limit); its home (no further move is needed then); the first of the preferred owners;
    the one that carries fewest. For other groups: the home, then the node whose turn comes last (``order``), so that
    the group is not moved again soon. The name decides last, so that the same estate gives the same plan.
    """
    fitting = [node for node in candidates if node in group.possible and node in cluster.up and node != group.owner]

    def rank(node: str) -> tuple[Any, ...]:
        load = cluster.load(node, group.name)
        turn = order.index(node) if node in order else len(order)
        preferred = group.preferred.index(node) if node in group.preferred else len(group.preferred)
        if not group.virtual_server:
            return node != home, -turn, node
        return bool(limit) and load >= limit, node != home, preferred, load, -turn, node

    return sorted(fitting, key=rank)


def choose_target(
    cluster: Cluster, group: Group, candidates: Iterable[str], home: str, order: Sequence[str] = (), limit: int = 0
) -> str | None:
    """Return the best of ``candidates`` to take ``group`` over, or None when none of them can."""
    return next(iter(rank_targets(cluster, group, candidates, home, order, limit)), None)


def turn_order(
    cluster: Cluster,
    waiting: Sequence[str],
    done: Iterable[str],
    homes: Mapping[str, str],
    old: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return the nodes of ``waiting`` in the order in which the virtual servers are offline least often.

    A virtual server has to be offline once, when it is upgraded on an updated node. It is offline once more when its
    owner's turn comes while none of its possible owners is updated, and again when it is brought home at the end. So
    the order is best in which this happens least; it is found over the subsets of at most eight nodes. Free nodes
    come first (that never costs more), then those that own fewest virtual servers and not the quorum, then by name.
    ``old``: virtual server -> the nodes to which it can go before they are updated.
    """
    nodes = sorted(waiting, key=lambda node: _burden(cluster, node))
    ready = frozenset(done)
    owned = {node: cluster.owned(node) for node in nodes}

    def extra(group: Group, node: str, updated: frozenset[str]) -> int:
        if any(other in updated for other in group.possible if other != node):
            return 0
        return 1 if any(other not in updated for other in old[group.name] if other != node) else NEVER

    @cache
    def best(updated: frozenset[str]) -> tuple[int, int]:
        return min((total(node, updated) for node in nodes if node not in updated), default=(0, 0))

    @cache
    def total(node: str, updated: frozenset[str]) -> tuple[int, int]:
        further = best(updated | {node})
        cost = sum(extra(group, node, updated) for group in owned[node])
        homeless = sum(1 for group in owned[node] if homes[group.name] not in updated)
        return cost + further[0], homeless + further[1]

    order: list[str] = []
    while len(order) < len(nodes):
        updated = ready | frozenset(order)
        order.append(min((node for node in nodes if node not in updated), key=lambda node: total(node, updated)))
    return order


def _burden(cluster: Cluster, node: str) -> tuple[int, bool, str]:
    """What ``node`` carries: a free node carries least."""
    quorum = any(group.quorum and group.owner == node for group in cluster.groups.values())
    return cluster.load(node), quorum, node

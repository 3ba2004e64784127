# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a cluster's roll: every virtual server is shown to fail over, everything goes home, the notes go."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .draft import Draft
from .model import Cluster, Group
from .steps import Step


def finish_cluster(draft: Draft, name: str) -> tuple[str, list[Step]]:
    """Return the host that finishes the cluster, and the steps.

    ``remove_note`` is a step of every node: its ``host`` is that node.
    """
    cluster = draft.cluster(name)
    host = cluster.hosts[cluster.nodes[0]]
    steps: list[Step] = []
    for group in cluster.virtual_servers:
        why = "All nodes are updated: it may stand on every one of them again."
        steps += draft.hold("restore_owners", host, name, group.name, "finish", why)
    steps += _failover(draft, name, host)
    steps += bring_home(draft, name, host)
    return host, steps


def bring_home(draft: Draft, name: str, host: str) -> list[Step]:
    """Add the moves of groups without Exchange to where they belong, by ``host``, and the end of the notes."""
    cluster = draft.cluster(name)
    steps: list[Step] = []
    for group in cluster.other_groups:
        home = draft.home(name, group)
        if home != group.owner:
            reason = f"{home} is where the group belongs."
            steps.append(draft.move("move_home", host, name, group.name, home, "finish", reason))
    for node in cluster.nodes:
        note = draft.model.host_of(name, node).note
        if note:
            reason = "The update is complete: nothing is to be brought home any more."
            before, after = {**note, "owners": dict(note["owners"])}, {"owners": None}
            steps.append(draft.on_host("remove_note", cluster.hosts[node], "finish", reason, before, after))
    return steps


def _failover(draft: Draft, name: str, host: str) -> list[Step]:
    """Move each virtual server over its possible owners and home.

    Where a node carries one virtual server only, one whose home is taken waits until that is free. When all of those
    left wait for each other, one of them steps aside to a free node.
    """
    homes = {group.name: draft.home(name, group) for group in draft.cluster(name).virtual_servers}
    rounds = draft.cluster(name).one_each and draft.options.failover_test == "all"
    steps = _rounds(draft, name, host, homes) if rounds else []
    moved = {step["group"] for step in steps}
    waiting = [group.name for group in draft.cluster(name).virtual_servers]
    aside: set[str] = set()
    while waiting:
        ready = next((group for group in waiting if _home_is_free(draft, name, group, homes[group])), None)
        free = None if ready else _free_node(draft, name, waiting[0])
        if not ready and free and waiting[0] not in aside:
            reason = f"{waiting[0]} steps aside: the virtual servers left stand on each other's homes."
            word = "move_home" if draft.options.failover_test == "none" else "failover_test"
            steps.append(draft.move(word, host, name, waiting[0], free, "finish", reason))
            aside.add(waiting[0])
            continue
        chosen = ready or waiting[0]
        steps += _path(draft, name, host, chosen, homes[chosen], moved if rounds else None)
        waiting.remove(chosen)
    return steps


def _rounds(draft: Draft, name: str, host: str, homes: Mapping[str, str]) -> list[Step]:
    """Move the virtual servers over their possible owners where a node carries one only, their homes left for the end.

    Each goes to a node that is free and leaves one that the others may visit next. Where none is free that somebody has
    still to visit, the virtual server that stands on such a node makes room.
    """
    servers = draft.cluster(name).virtual_servers
    left = {group.name: set(group.possible) - {group.owner, homes[group.name]} for group in servers}
    steps: list[Step] = []
    while any(left.values()):
        chosen = _next_visit(draft.cluster(name), left) or _room(draft.cluster(name), left, homes)
        if chosen is None:
            draft.notices += [
                f"The failover test does not move {group} to {', '.join(sorted(nodes))}: another virtual server stands "
                "there, and in a cluster of more than two nodes a node carries one only."
                for group, nodes in left.items()
                if nodes
            ]
            break
        group, node = chosen
        reason = f"{group} is shown to come online on {node}."
        if node not in left[group]:
            reason = f"{group} makes room for the virtual servers that are still to be shown there."
        steps.append(draft.move("failover_test", host, name, group, node, "finish", reason))
        left[group].discard(node)
    return steps


def _next_visit(cluster: Cluster, left: Mapping[str, Collection[str]]) -> tuple[str, str] | None:
    """Return a virtual server and a free node that it has still to visit; the best leaves one that others wait for."""

    def rank(visit: tuple[str, str]) -> tuple[int, int, str, str]:
        group, node = visit
        owner = cluster.groups[group].owner
        return -sum(owner in nodes for nodes in left.values()), -len(left[group]), group, node

    visits = [(group, node) for group, nodes in left.items() for node in nodes if not cluster.load(node)]
    return min(visits, key=rank, default=None)


def _room(cluster: Cluster, left: Mapping[str, Collection[str]], homes: Mapping[str, str]) -> tuple[str, str] | None:
    """Return a virtual server on a node that another one has still to visit, and a free node that it may go to."""
    for node in sorted({node for nodes in left.values() for node in nodes}):
        for group in cluster.owned(node):
            free = [other for other in sorted(group.possible) if not cluster.load(other)]
            if free:
                return group.name, homes[group.name] if homes[group.name] in free else free[0]
    return None


def _taken(draft: Draft, cluster: Cluster, node: str, group: Group) -> bool:
    limit = draft.limit(cluster.name)
    return bool(limit) and cluster.load(node, group.name) >= limit


def _full(draft: Draft, cluster: Cluster, node: str, group: Group) -> bool:
    """Whether the operator's limit keeps the group off the node; Exchange's own gives way where nothing is left."""
    most = draft.options.max_virtual_servers
    return bool(most) and cluster.load(node, group.name) >= most


def _home_is_free(draft: Draft, name: str, group: str, home: str) -> bool:
    cluster = draft.cluster(name)
    found = cluster.groups[group]
    return home == found.owner or not _taken(draft, cluster, home, found)


def _free_node(draft: Draft, name: str, group: str) -> str | None:
    cluster = draft.cluster(name)
    found = cluster.groups[group]
    return next((node for node in sorted(found.possible) if node != found.owner and not cluster.load(node)), None)


def _path(draft: Draft, name: str, host: str, group: str, home: str, moved: Collection[str] | None) -> list[Step]:
    """Return the moves of one virtual server: over the other possible owners, ending at its ``home``.

    moved: those that rounds have moved, where there were any; then nothing but the way home is left. None: no rounds.
    """
    cluster, test = draft.cluster(name), draft.options.failover_test
    found = cluster.groups[group]
    if home != found.owner and _full(draft, cluster, home, found):
        draft.notices.append(
            f"{group} stays on {found.owner}: {home}, where it belongs, carries as many virtual servers as "
            "max_virtual_servers allows."
        )
        home = found.owner
    others = [] if moved is not None else [node for node in sorted(found.possible) if node not in (found.owner, home)]
    visits = [node for node in others if not _taken(draft, cluster, node, found)]
    if test == "none":
        visits = []
    elif test == "one":
        visits = visits[:1] if home == found.owner else []
    elif len(visits) < len(others):
        draft.notices.append(
            f"The failover test does not move {group} to {', '.join(sorted(set(others) - set(visits)))}: "
            "as many virtual servers stand there as max_virtual_servers allows."
        )
    path = visits + ([home] if visits or home != found.owner else [])
    if test != "none" and not path and group not in (moved or ()):
        draft.notices.append(f"{group} is not shown to fail over: no other possible owner of it is free.")
    word = "move_home" if test == "none" else "failover_test"
    steps = []
    for node in path:
        reason = f"{group} is shown to come online on {node}."
        if node == home:
            reason = f"{node} is where {group} belongs" + ("." if test == "none" else "; it is shown to come online.")
        steps.append(draft.move(word, host, name, group, node, "finish", reason))
    return steps

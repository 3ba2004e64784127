# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The turns of a cluster with Exchange 5.5.

A service pack: the active node first, its group stays where it is and is offline while the setup runs; then the other
node [V, KB 328839: C4]. A hotfix: the group goes offline, the hotfix comes to the node that owns it, the group moves
offline to the other node, which gets it too, and goes home [V, Q271634]: one outage over both turns.
"""

from __future__ import annotations

from typing import Any

from . import host_turns
from .draft import Draft
from .finish import bring_home
from .host_turns import Turn, make_turn, needs_turn
from .model import MIXED, ONLINE, Cluster, Group
from .moves import choose_target
from .rules55 import hotfix_missing, pack_missing
from .state55 import PRODUCT
from .steps import Step, make_step, seconds


def notes_owners(draft: Draft, cluster: Cluster) -> bool:
    """Whether groups will move, so that where they stand is noted first."""
    if hotfix_missing(draft.model, cluster, draft.updates):
        return True
    group = _group(cluster)
    return any(_to_move(draft, cluster.name, node) for node in cluster.nodes if node != group.owner)


def cluster_turns(draft: Draft, name: str) -> list[Turn]:
    """Return the turns of a cluster in their order, simulated one after the other."""
    cluster = draft.cluster(name)
    waits = bool(pack_missing(draft.model, cluster, draft.updates)) or cluster.up != frozenset(cluster.hosts)
    made = _pack_turns(draft, name) if waits else _hotfix_turns(draft, name)
    # What an earlier run has left on a node can wait until the users have their mail again.
    for node in cluster.nodes:
        host = cluster.hosts[node]
        if host_turns.has_left(draft, draft.model.hosts[host]):
            made.append(host_turns.leftover_turn(draft, host))
    return made


def finish_cluster(draft: Draft, name: str) -> tuple[str, list[Step]]:
    """Return the host that finishes the cluster, and the steps: other groups go home, the notes go.

    The group with Exchange is not moved to show its failover: that would be an outage that the procedure does not have.
    """
    cluster = draft.cluster(name)
    host = cluster.hosts[cluster.nodes[0]]
    return host, bring_home(draft, name, host)


def _group(cluster: Cluster) -> Group:
    """The group with Exchange."""
    return cluster.virtual_servers[0]


# A service pack


def _pack_turns(draft: Draft, name: str) -> list[Turn]:
    cluster = draft.cluster(name)
    owner = _group(cluster).owner
    turns = []
    if needs_turn(draft.model.host_of(name, owner), cluster):
        turns.append(_active_turn(draft, name, owner))
    others = [node for node in cluster.nodes if node != owner]
    # A node that an earlier run has taken out of the cluster comes before another one leaves it.
    for node in sorted(others, key=lambda node: (node in cluster.up, node)):
        if needs_turn(draft.model.host_of(name, node), draft.cluster(name)):
            turns.append(_passive_turn(draft, name, node))
    return turns


def _active_turn(draft: Draft, name: str, node: str) -> Turn:
    """Return the turn of the node that owns the group, which is not moved."""
    host = draft.cluster(name).hosts[node]
    group = _group(draft.cluster(name)).name
    chain = draft.model.hosts[host].chain
    steps = host_turns.stop_services(draft, host)
    for key in chain:
        lasts = _seconds_of(draft, key)
        tally = draft.outages[f"{name}/{group}"]["roll"]
        tally["times"] += 1
        tally["seconds"] += lasts
        steps.append(host_turns.install_update(draft, host, key, group=group))
        draft.notices.append(
            f"The users of {group} ({name}) have no mail while {key} is installed on {node}, which owns the group: "
            f"about {_minutes(lasts)}. The setup takes Exchange offline and brings it online again; the group is not "
            "moved."
        )
    steps.append(host_turns.verify_host(draft, host))
    reason = f"{node} owns {group}: the active node comes first, and the group stays on it."
    turn = make_turn(draft, host, True, steps, reason)
    turn["virtual_servers"] = [{"group": group, "steps": [_verify(draft, name, host)]}]
    return _ended(draft, turn)


def _passive_turn(draft: Draft, name: str, node: str) -> Turn:
    """Return the turn of a node that does not own the group."""
    host = draft.cluster(name).hosts[node]
    install = bool(draft.model.hosts[host].chain)
    steps: list[Step] = []
    left: list[dict[str, str]] = []
    reason = f"{node} does not own the group; the active node has the service pack."
    if node not in draft.cluster(name).up:
        reason = f"{node} is out of the cluster already: an earlier run has stopped its Cluster service."
    elif _stops(draft):
        steps, left = _free(draft, name, node)
    steps += host_turns.stop_services(draft, host)
    if node in draft.cluster(name).up and _stops(draft):
        steps.append(draft.service("stop_cluster_service", host, "The update is installed while it does not run."))
    steps += [host_turns.install_update(draft, host, key) for key in draft.model.hosts[host].chain]
    if node not in draft.cluster(name).up:
        steps.append(draft.service("start_cluster_service", host, "The node goes back into the cluster."))
    steps.append(host_turns.verify_host(draft, host))
    return _ended(draft, {**make_turn(draft, host, install, steps, reason), "left": left})


def _stops(draft: Draft) -> bool:
    return draft.options.passive_cluster_service == "stopped"


def _to_move(draft: Draft, name: str, node: str) -> list[Group]:
    """Return the groups that have to leave a node before its Cluster service is stopped for a service pack."""
    cluster = draft.cluster(name)
    packs = pack_missing(draft.model, cluster, draft.updates)
    if node not in packs or node not in cluster.up or not _stops(draft):
        return []
    return [group for group in cluster.other_groups if group.owner == node and set(group.possible) - {node}]


def _free(draft: Draft, name: str, node: str) -> tuple[list[Step], list[dict[str, str]]]:
    """Move the groups without Exchange off the passive node, that of the quorum resource first."""
    host, steps, left = draft.cluster(name).hosts[node], [], []
    for group in [group for group in draft.cluster(name).other_groups if group.owner == node]:
        cluster = draft.cluster(name)
        others = [other for other in cluster.nodes if other != node]
        target = choose_target(cluster, group, others, draft.home(name, group))
        if target:
            why = f"The group leaves {node} before its Cluster service stops."
            steps.append(draft.move("move_group", host, name, group.name, target, "free", why, turn=host))
        else:
            reason = (
                f"It has no other possible owner than {node}; it is offline while the Cluster service of the node "
                "does not run."
            )
            left.append({"group": group.name, "reason": reason})
    return steps, left


# A hotfix


def _hotfix_turns(draft: Draft, name: str) -> list[Turn]:
    """Return the turns for a hotfix; those of a run that was cut off go on where it stopped."""
    cluster = draft.cluster(name)
    group = _group(cluster)
    waits = sorted(hotfix_missing(draft.model, cluster, draft.updates), key=lambda node: (node != group.owner, node))
    where = f"{name}/{group.name}"
    at_home = group.state == ONLINE and _home(draft, name) == group.owner
    if not waits and at_home:
        return []
    down = group.state != ONLINE
    if down:
        draft.outages[where]["roll"]["times"] += 1
    turns = []
    for node in waits or [_home(draft, name)]:
        turn = _hotfix_turn(draft, name, node) if waits else _last_turn(draft, name, node)
        turn["goes_on"] = bool(hotfix_missing(draft.model, draft.cluster(name), draft.updates))
        if not turn["goes_on"]:
            turn["virtual_servers"] = [{"group": group.name, "steps": _bring_home(draft, name, turn["host"])}]
        turns.append(_ended(draft, {**turn, "down": down}))
    if waits:
        total = draft.outages[where]["roll"]["seconds"]
        over = f"from the turn of {waits[0]} to the end of that of {waits[-1]}"
        draft.notices.append(
            f"The users of {group.name} ({name}) have no mail "
            f"{over if len(waits) > 1 else f'during the turn of {waits[0]}'}: about {_minutes(total)}. A hotfix knows "
            "nothing of clusters: the group is offline until every node has it."
        )
    return turns


def _hotfix_turn(draft: Draft, name: str, node: str) -> Turn:
    """Return the turn of a node: the group comes to it, offline, and the hotfix is installed."""
    host = draft.cluster(name).hosts[node]
    group = _group(draft.cluster(name))
    steps = host_turns.stop_services(draft, host)
    if group.state in (ONLINE, MIXED):
        why = "The hotfix is installed while Exchange is offline; its disks stay online."
        steps.append(_group_step(draft, "take_offline", name, host, "free", why, {"state": "partially_online"}))
    reason = f"{node} owns {group.name}: the hotfix is installed where its disks are."
    if group.owner != node:
        reason = f"{group.name} comes to {node}, offline: the hotfix is installed where its disks are."
        why = "Offline, it brings its disks to the node that has no hotfix yet."
        steps.append(_move(draft, name, host, node, "free", why))
    for key in draft.model.hosts[host].chain:
        draft.outages[f"{name}/{group.name}"]["roll"]["seconds"] += _seconds_of(draft, key)
        steps.append(host_turns.install_update(draft, host, key))
    steps.append(host_turns.verify_host(draft, host))
    return make_turn(draft, host, True, steps, reason)


def _last_turn(draft: Draft, name: str, node: str) -> Turn:
    """Return the turn in which nothing is left but to bring the group online."""
    reason = f"Every node has the hotfix; {_group(draft.cluster(name)).name} is brought online where it belongs."
    return make_turn(draft, draft.cluster(name).hosts[node], False, [], reason)


def _home(draft: Draft, name: str) -> str:
    """Where the group belongs at the end of a hotfix: its first owner, or as the option home says.

    No other run moves it.
    """
    group = _group(draft.cluster(name))
    if not draft.updates.hotfixes(PRODUCT):
        return group.owner
    home = draft.home(name, group)
    return home if home in draft.cluster(name).up else group.owner


def _bring_home(draft: Draft, name: str, host: str) -> list[Step]:
    """Bring the group online where it belongs."""
    steps: list[Step] = []
    home, group = _home(draft, name), _group(draft.cluster(name))
    if group.owner != home:
        if group.state in (ONLINE, MIXED):
            why = f"It belongs on {home}, and moves offline only."
            steps.append(
                _group_step(draft, "take_offline", name, host, "bring_over", why, {"state": "partially_online"})
            )
        why = f"{home} is where {group.name} belongs."
        steps.append(_move(draft, name, host, home, "bring_over", why))
    if _group(draft.cluster(name)).state != ONLINE:
        why = "Every node has the hotfix."
        steps.append(_group_step(draft, "bring_online", name, host, "bring_over", why, {"state": "online"}))
    return [*steps, _verify(draft, name, host)]


# Steps


def _group_step(draft: Draft, word: str, name: str, host: str, phase: str, reason: str, after: dict[str, Any]) -> Step:
    """Add a step that takes the group offline or brings it online."""
    group, hosts = _group(draft.cluster(name)), draft.cluster(name).hosts
    made = make_step(
        word, host, group.name, phase, reason, {"state": group.word}, after, cluster=name, group=group.name, turn=host
    )
    # A group of which a part is offline already is "partially_online" before and after.
    return draft.add({**made, "changed": True, "node_host": hosts[group.owner]})


def _move(draft: Draft, name: str, host: str, node: str, phase: str, reason: str) -> Step:
    group, hosts = _group(draft.cluster(name)).name, draft.cluster(name).hosts
    return draft.move("move_group", host, name, group, node, phase, reason, turn=host, node_host=hosts[node])


def _verify(draft: Draft, name: str, host: str) -> Step:
    """Add the look whether the group is online, of the version of the node that owns it."""
    group, hosts = _group(draft.cluster(name)), draft.cluster(name).hosts
    seen = {"owner": group.owner, "state": group.word, "version": group.version}
    why = "Users have their mail again before anything else begins."
    made = make_step(
        "verify_virtual_server",
        host,
        group.name,
        "bring_over",
        why,
        seen,
        seen,
        cluster=name,
        group=group.name,
        turn=host,
        node_host=hosts[group.owner],
    )
    return draft.add(made)


def _ended(draft: Draft, turn: Turn) -> Turn:
    """Add what ends a turn."""
    turn["after"] = host_turns.after(draft, turn["host"])
    if draft.options.canary:
        groups = draft.cluster(turn["cluster"]).groups.values()
        turn["leads_to"] = {group.name: {"owner": group.owner, "state": group.word} for group in groups}
    return turn


def _seconds_of(draft: Draft, key: str) -> int:
    """How long the installation of an update takes, about."""
    minutes = draft.updates.by_id[key].get("minutes")
    return int(float(minutes) * 60) if minutes else seconds("install_update")


def _minutes(length: int) -> str:
    minutes = max(1, round(length / 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"

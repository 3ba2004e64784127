# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The turns of a cluster: in which order its nodes take theirs, and which virtual servers come over with each."""

from __future__ import annotations

from collections.abc import Sequence

from .draft import Draft
from .host_turns import (
    Turn,
    after,
    has_left,
    install_chain,
    leftover_turn,
    make_turn,
    needs_turn,
    stop_services,
    upgrade_connector,
    verify_host,
)
from .model import MIXED, OFFLINE, ONLINE, PARKED, Cluster, Group, fits
from .moves import choose_target
from .problems import NoPlan, Problems
from .routes import Move, NoWay, Stage, find_route
from .steps import Step


def has_work(draft: Draft, cluster: Cluster) -> bool:
    """Whether anything is to be done in the cluster: a note that was left means that its finish is missing."""
    if cluster.noted or any(needs_turn(draft.model.hosts[host], cluster) for host in cluster.hosts.values()):
        return True
    return any(
        not group.upgraded or group.unproven or group.state in (PARKED, OFFLINE) for group in cluster.virtual_servers
    )


def check_cluster(draft: Draft, cluster: Cluster, problems: Problems) -> None:
    """Refuse what no order of turns can deal with."""
    upgrades = draft.target(cluster.name) is not None
    for group in cluster.virtual_servers:
        host, where = draft.model.host_of(cluster.name, group.owner), f"{cluster.name}/{group.name}"
        online = f'Bring it online (cluster group "{group.name}" /on) and start the run again.'
        if group.state == MIXED and not cluster.noted:
            problems.add(where, f"Some resources of the virtual server {group.name} are offline.", online)
        elif not upgrades and group.state != ONLINE and not host.updated:
            problems.add(where, f"The virtual server {group.name} is offline but for three resources.", online)
        elif upgrades and group.upgraded and group.state == ONLINE and host.old:
            problems.add(
                where,
                f"The virtual server {group.name} is newer than the node {group.owner} that it stands on.",
                "Read the versions again; move it to an updated node by hand when it is so.",
            )
        elif host.restart_pending and group.owner in cluster.up and (group.state != ONLINE or not group.upgraded):
            problems.add(
                host.name,
                f"{group.owner} waits for a restart, its Cluster service runs, and {group.name} is not online there.",
                f"Stop the Cluster service on {group.owner}, restart the host, and start the run again.",
            )
    for group in cluster.groups.values():
        host = draft.model.host_of(cluster.name, group.owner)
        if not (group.virtual_server or group.quorum) or not needs_turn(host, cluster):
            continue
        if not set(group.possible) - {group.owner}:
            problems.add(
                f"{cluster.name}/{group.name}",
                f"The group {group.name} cannot leave {group.owner}: its possible owners are "
                f"{', '.join(group.possible) or 'none'}.",
                f"Add another node to the possible owners of every resource of {group.name}, and start the run again.",
            )


def cluster_turns(draft: Draft, name: str) -> list[Turn]:
    """Return the turns of a cluster in their order, simulated one after the other.

    The way of the virtual servers is found once (``routes``), and anew where one that was offline had to be brought
    over out of turn. Raises NoPlan where the possible owners or the limit leave no way.
    """
    cluster = draft.cluster(name)
    waiting = [node for node in cluster.nodes if needs_turn(draft.model.host_of(name, node), cluster)]
    done = [node for node in cluster.nodes if node not in waiting]
    ready = list(done)
    turns: list[Turn] = []
    offline = _offline(draft, name, done)
    stages = [] if offline else _route(draft, name, waiting, done)
    unheld = _unheld(draft, name, waiting)
    if offline or (unheld and done) or (stages and stages[0].over):
        turn, stages = _first_turn(draft, name, offline, stages, unheld, done)
        turns.append(turn)
        unheld = []
    while stages:
        stage = stages.pop(0)
        turn = _node_turn(draft, name, stage, [later.node for later in stages], done, unheld)
        unheld = []
        waiting.remove(stage.node)
        done.append(stage.node)
        offline = _offline(draft, name, done)
        turn["virtual_servers"] = _bring_over(draft, name, turn["host"], offline, done)
        if offline:
            stages = _route(draft, name, waiting, done)
        turn["virtual_servers"] += _over(draft, name, turn["host"], stages)
        turn["after"] = after(draft, turn["host"])
        if draft.options.canary:
            turn["leads_to"] = {
                group.name: {"owner": group.owner, "state": group.word} for group in draft.cluster(name).groups.values()
            }
        turns.append(turn)
    return left_over(draft, name, ready) + turns


def left_over(draft: Draft, name: str, nodes: Sequence[str]) -> list[Turn]:
    """Return the turns of updated nodes on which an earlier run has left something to be put back."""
    hosts = [draft.cluster(name).hosts[node] for node in nodes]
    return [leftover_turn(draft, host) for host in hosts if has_left(draft, draft.model.hosts[host])]


def _route(draft: Draft, name: str, waiting: Sequence[str], done: Sequence[str]) -> list[Stage]:
    """Return the way that keeps to the limits; raises NoPlan, with what would open a way.

    That a node carries one virtual server only, where Exchange asks for it, gives way when nothing else is possible;
    the limit that the operator sets does not.
    """
    cluster, most = draft.cluster(name), draft.options.max_virtual_servers
    homes = {group.name: draft.home(name, group) for group in cluster.virtual_servers}

    def find(limit: int) -> list[Stage] | None:
        return find_route(draft.model, name, waiting, done, homes, limit)

    try:
        route = find(1) if cluster.one_each else None
        if route is None:
            route = find(most)
    except NoWay as error:
        raise _no_way(draft, name, error.group, error.node) from error
    if route is not None:
        return route
    enough = next((limit for limit in range(most + 1, len(cluster.virtual_servers)) if find(limit) is not None), None)
    remedy = f"Set max_virtual_servers to {enough}" if enough else "Set max_virtual_servers to 0 (no limit)"
    bound = [group for group in cluster.virtual_servers if len(group.possible) < len(cluster.hosts)]
    if bound:
        lists = "; ".join(f"{group.name}: {', '.join(group.possible)}" for group in bound[:5])
        remedy += f", or let more nodes own the virtual servers ({lists}{'; ...' if len(bound) > 5 else ''})"
    what = (
        f"No order of the nodes was found in which no node takes more than {most} virtual servers, the limit "
        "max_virtual_servers."
    )
    raise NoPlan(
        f"No plan can be made. {name}: {what}", f"{remedy}.", [{"host": name, "what": what, "remedy": f"{remedy}."}]
    )


def _no_way(draft: Draft, name: str, group: Group, node: str) -> NoPlan:
    """Return the refusal for a group that cannot leave a node whose turn has come: which owner list is in the way."""
    cluster = draft.cluster(name)
    goals = []
    for other in group.possible:
        if other == node:
            continue
        host = draft.model.host_of(name, other)
        why = "out of the cluster" if other not in cluster.up else ""
        if not why and group.virtual_server and not fits(group, draft.model.host_of(name, group.owner), host):
            why = "not of its version"
        goals.append(f"{other} ({why})" if why else other)
    others = [other for other in cluster.nodes if other not in group.possible]
    remedy = f"Add {' or '.join(others)} to the possible owners of every resource of {group.name}" if others else (
        f"Bring the nodes that {group.name} may stand on to one level, or move it by hand to one where it comes online"
    )  # fmt: skip
    target = draft.target(name)
    up = [other for other in group.possible if other in cluster.up and other != node]
    way = [other for other in up if draft.model.host_of(name, other).old is group.upgraded]
    if group.virtual_server and way and target and len(draft.updates.given) > 1:
        # It may be upgraded on a newer node, but not while that is still to be freed for the next update; and an older
        # node can take it over once it has the service pack.
        there = "does not have it yet" if group.upgraded else f"has {target.update}"
        remedy = f"Start a run with {target.update} alone first, then this one: {way[0]} {there}"
    what = (
        f"No possible owner of the group {group.name} can take it over from {node} at that point; besides {node} its "
        f"possible owners are {', '.join(goals) or 'none'}."
    )
    where, remedy = f"{name}/{group.name}", f"{remedy}, and start the run again."
    return NoPlan(f"No plan can be made. {where}: {what}", remedy, [{"host": where, "what": what, "remedy": remedy}])


def _unheld(draft: Draft, name: str, waiting: Sequence[str]) -> list[str]:
    """Return the virtual servers whose possible owners an earlier run has not limited, or has limited too far to leave.

    Upgraded and online, with a possible owner that is not updated: the cluster could bring it there at any moment. And
    those of which the directory does not show that they are upgraded: that is looked at before anything is built on it.
    """
    found = []
    for group in draft.cluster(name).virtual_servers:
        wanted = set(draft.owners_wanted(name, group))
        too_wide = set(group.hold) - wanted
        too_narrow = wanted - set(group.hold) and group.owner in waiting
        held = group.resource is None or not (too_wide or too_narrow)
        if group.state == ONLINE and (not held or group.unproven):
            found.append(group.name)
    return found


def _first_turn(
    draft: Draft,
    name: str,
    offline: list[Move],
    stages: list[Stage],
    unheld: Sequence[str],
    done: Sequence[str],
) -> tuple[Turn, list[Stage]]:
    """Return the turn of a node that is done already, when virtual servers have to come to it before the first update.

    Or be held to some nodes (``unheld``): best from the node that owns one, unless that has a turn of its own still to
    come. The second part is the way of the others.
    """
    owners = [draft.cluster(name).groups[group].owner for group in unheld]
    over = [node for unused, node in stages[0].over] if stages else []
    coming = [node for unused, node in offline] + over
    node = (coming + [owner for owner in owners if owner in done] + list(done))[0]
    host = draft.cluster(name).hosts[node]
    reason = f"{node} is updated already; virtual servers come to it."
    if not coming and node not in owners:
        reason = f"{node} is updated already; from it those on other nodes are held to where they may stand."
    turn = make_turn(draft, host, False, upgrade_connector(draft, host), reason)
    turn["virtual_servers"] = [
        _come(draft, name, host, group, draft.cluster(name).groups[group].owner, "") for group in unheld
    ]
    turn["virtual_servers"] += _bring_over(draft, name, host, offline, done)
    if offline:
        waiting = [node for node in draft.cluster(name).nodes if node not in done]
        stages = _route(draft, name, waiting, done)
    turn["virtual_servers"] += _over(draft, name, host, stages)
    turn["after"] = after(draft, host)
    return turn, stages


def _offline(draft: Draft, name: str, done: Sequence[str]) -> list[Move]:
    """Return the virtual servers that are offline and can be brought online on an updated node now."""
    ready = []
    for group in draft.cluster(name).virtual_servers:
        waits = group.owner in done and (not group.upgraded or group.state != ONLINE)
        if waits or (group.owner not in done and group.state != ONLINE):
            target = _target(draft, name, group, done)
            ready += [(group.name, target)] if target else []
    return ready


def _target(draft: Draft, name: str, group: Group, done: Sequence[str]) -> str | None:
    """Return the updated node for a virtual server: where it stands if that is done, else the best of the others."""
    if group.owner in done:
        return group.owner
    cluster = draft.cluster(name)
    return choose_target(cluster, group, done, draft.home(name, group), limit=draft.limit(name))


def _bring_over(
    draft: Draft, name: str, host: str, offline: list[Move], done: Sequence[str]
) -> list[dict[str, object]]:
    """Add the steps of the virtual servers that are offline (KB 822582: one after the other, never two upgrades)."""
    made: list[dict[str, object]] = []
    for group, unused in offline:
        found = draft.cluster(name).groups[group]
        target = str(_target(draft, name, found, done))
        why = f"{group} is offline already: it comes first."
        if found.owner in done:
            why = f"{group} is offline and waits on the updated node {found.owner}."
        made.append(_come(draft, name, host, group, target, why))
    return made


def _come(draft: Draft, name: str, host: str, group: str, target: str, why: str) -> dict[str, object]:
    """Bring a virtual server to ``target``. ``back``: the node that it leaves, where it can come online as it is."""
    found = draft.cluster(name).groups[group]
    old = draft.model.host_of(name, found.owner).old
    fits_there = draft.target(name) is None or found.upgraded != old
    back = found.owner if found.owner != target and fits_there else None
    return {"group": group, "back": back, "steps": draft.bring_over(host, name, group, target, why)}


def _over(draft: Draft, name: str, host: str, stages: list[Stage]) -> list[dict[str, object]]:
    """Add the steps of the virtual servers that leave the node whose turn is next, or make room for those.

    The others stay where they are: each is offline once only, and as late as it can be.
    """
    made: list[dict[str, object]] = []
    for group, target in stages[0].over if stages else ():
        owner, node = draft.cluster(name).groups[group].owner, stages[0].node
        why = f"{group} leaves {node}, whose turn is next."
        if owner != node:
            why = f"{group} makes room on {owner} for the virtual servers of {node}, whose turn is next."
        made.append(_come(draft, name, host, group, target, why))
    return made


def _node_turn(
    draft: Draft, name: str, stage: Stage, later: list[str], done: list[str], unheld: Sequence[str] = ()
) -> Turn:
    """Return the turn of a node: free it, stop its Cluster service, install, restart, start the service, verify.

    unheld: virtual servers on nodes that wait for their turn, to be held before anything else. From a node that is out
    of the cluster that is possible only once it is back.
    """
    node = stage.node
    host = draft.cluster(name).hosts[node]
    install = bool(draft.model.hosts[host].chain)
    steps: list[Step] = []
    left: list[dict[str, str]] = []
    if node in draft.cluster(name).up:
        reason = f"{node} owns no virtual server." if not draft.cluster(name).load(node) else f"{node} is freed."
        for virtual_server in unheld:
            why = "Upgraded, it stays on nodes that have the service pack: the cluster must not try another one."
            steps += draft.hold("limit_owners", host, name, virtual_server, "free", why, turn=host)
        freed, left = _free(draft, name, stage, later, done)
        steps += freed
        steps += stop_services(draft, host)
        steps.append(draft.service("stop_cluster_service", host, "The update is installed while it does not run."))
    else:
        reason = f"{node} is out of the cluster already: an earlier run has stopped its Cluster service."
        steps = stop_services(draft, host)
    steps += install_chain(draft, host)
    steps.append(draft.service("start_cluster_service", host, "The node goes back into the cluster."))
    steps.append(verify_host(draft, host))
    steps += upgrade_connector(draft, host)
    for group in draft.cluster(name).virtual_servers:
        why = f"{node} is updated: it may own the upgraded virtual server again."
        if group.upgraded and group.state == ONLINE and (group.hold != group.hold_found or group.name in unheld):
            steps += draft.hold("restore_owners", host, name, group.name, "update", why, turn=host)
    return {**make_turn(draft, host, install, steps, reason), "left": left}


def _free(
    draft: Draft, name: str, stage: Stage, later: list[str], done: list[str]
) -> tuple[list[Step], list[dict[str, str]]]:
    """Move everything off a node.

    The group of the quorum resource goes first: its move costs the users nothing, so it shows that another node takes
    groups over before a virtual server is touched. Virtual servers go last. They have been brought to an updated node
    before, unless none of their possible owners is updated yet.
    """
    node, steps, left = stage.node, [], []
    host = draft.cluster(name).hosts[node]
    for group in [group for group in draft.cluster(name).other_groups if group.owner == node]:
        home, now, order = draft.home(name, group), draft.cluster(name), [node, *later]
        target = choose_target(now, group, done, home) or choose_target(now, group, later, home, order)
        why = f"The group leaves {node} before its Cluster service stops."
        if group.quorum:
            why = "The group of the quorum resource goes first: it shows that another node takes groups over."
        if target:
            steps.append(draft.move("move_group", host, name, group.name, target, "free", why, turn=host))
        elif group.quorum:
            raise _no_way(draft, name, group, node)
        else:
            left.append(
                {
                    "group": group.name,
                    "reason": f"It has no other possible owner than {node}; it is offline "
                    "while the Cluster service of the node does not run.",
                }
            )
    for virtual_server, target in stage.aside:
        owner = draft.cluster(name).groups[virtual_server].owner
        why = f"{virtual_server} leaves {node} before its update; none of its possible owners is updated yet."
        if owner != node:
            why = f"{virtual_server} makes room on {owner} for the virtual servers of {node}."
        elif any(other in done for other in draft.cluster(name).groups[virtual_server].possible):
            why = f"{virtual_server} leaves {node} before its update; no updated node that may own it has room for it."
        steps.append(draft.move("move_group", host, name, virtual_server, target, "free", why, turn=host))
    return steps, left

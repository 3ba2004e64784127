# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The turns: what is done while it is one host's turn, and in which order the nodes of a cluster take theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import levels
from .draft import Draft
from .model import MIXED, OFFLINE, ONLINE, PARKED, Cluster, Group, Host
from .moves import choose_target, turn_order
from .problems import NoPlan, Problems
from .steps import Step

Turn = dict[str, Any]

CLUSTER_ROLE = "exchange2003_cluster"
SERVER_ROLE = "exchange2003_server"


def needs_turn(host: Host, cluster: Cluster | None = None) -> bool:
    """Whether the host itself is not done: not updated, to be restarted, or its node out of the cluster."""
    return host.needs_install or host.restart_pending or bool(cluster and host.node not in cluster.up)


def server_turn(draft: Draft, host: str) -> Turn | None:
    """Return the turn of a server that is not clustered, or None when nothing is to be done on it."""
    if not needs_turn(draft.model.hosts[host]):
        return None
    install = draft.model.hosts[host].needs_install
    steps = [*_install(draft, host), _verify_host(draft, host)]
    reason = "The server is to be updated." if install else "The installer has asked for a restart."
    return _turn(draft, host, SERVER_ROLE, install, steps, reason)


def has_work(draft: Draft, cluster: Cluster) -> bool:
    """Whether anything is to be done in the cluster: a note that was left means that its finish is missing."""
    if cluster.noted or any(needs_turn(draft.model.hosts[host], cluster) for host in cluster.hosts.values()):
        return True
    return any(not group.upgraded or group.state in (PARKED, OFFLINE) for group in cluster.virtual_servers)


def check_cluster(draft: Draft, cluster: Cluster, problems: Problems) -> None:
    """Refuse what no order of turns can deal with."""
    upgrades = levels.upgrades_virtual_servers(draft.update)
    for group in cluster.virtual_servers:
        host, where = draft.model.host_of(cluster.name, group.owner), f"{cluster.name}/{group.name}"
        online = f'Bring it online (cluster group "{group.name}" /on) and start the run again.'
        if group.state == MIXED and not cluster.noted:
            problems.add(where, f"Some resources of the virtual server {group.name} are offline.", online)
        elif not upgrades and group.state != ONLINE and not host.updated:
            problems.add(where, f"The virtual server {group.name} is offline but for three resources.", online)
        elif upgrades and group.upgraded and group.state == ONLINE and not host.updated:
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

    The order is found anew for each turn: a virtual server that had to be brought over out of turn changes it. It
    holds from the moment the next node's virtual servers leave it until that node's turn is over.
    """
    cluster = draft.cluster(name)
    waiting = [node for node in cluster.nodes if needs_turn(draft.model.host_of(name, node), cluster)]
    done = [node for node in cluster.nodes if node not in waiting]
    homes = {group.name: draft.home(name, group) for group in cluster.virtual_servers}
    first, order = _first_turn(draft, name, waiting, done, homes)
    turns = [first] if first else []
    while order:
        node = order[0]
        turn = _node_turn(draft, name, node, order, done)
        waiting.remove(node)
        done.append(node)
        turn["virtual_servers"], order = _arrivals(draft, name, turn["host"], waiting, done, homes)
        turns.append(turn)
    return turns


def _order(draft: Draft, name: str, waiting: Sequence[str], done: Sequence[str], homes: Mapping[str, str]) -> list[str]:
    """Return the nodes that wait for their turn: one that is out of the cluster already first, then the best order."""
    cluster = draft.cluster(name)
    down = [node for node in waiting if node not in cluster.up]
    return down + turn_order(cluster, [node for node in waiting if node in cluster.up], [*done, *down], homes)


def _first_turn(
    draft: Draft, name: str, waiting: Sequence[str], done: Sequence[str], homes: Mapping[str, str]
) -> tuple[Turn | None, list[str]]:
    """Return the turn of a node that is done already, when virtual servers have to come to it before the first update.

    The second part is the order of the nodes that wait.
    """
    order = _order(draft, name, waiting, done, homes)
    ready = _offline(draft, name, done) or _leaving(draft, name, order, done)
    if not ready:
        return None, order
    node = str(_target(draft, name, ready[0][0], done))
    host = draft.cluster(name).hosts[node]
    turn = _turn(draft, host, CLUSTER_ROLE, False, [], f"{node} is updated already; virtual servers come to it.")
    turn["virtual_servers"], order = _arrivals(draft, name, host, waiting, done, homes)
    return turn, order


def _arrivals(
    draft: Draft, name: str, host: str, waiting: Sequence[str], done: Sequence[str], homes: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Bring over what is offline, then what stands on the node whose turn is next.

    The others stay where they are: each is offline once only, and as late as it can be. Returns the steps of each
    virtual server, and the order of the nodes that wait by which the next one was chosen.
    """
    made = _bring_over(draft, name, host, _offline(draft, name, done), done)
    order = _order(draft, name, waiting, done, homes)
    return made + _bring_over(draft, name, host, _leaving(draft, name, order, done), done), order


def _offline(draft: Draft, name: str, done: Sequence[str]) -> list[tuple[Group, str]]:
    """Return the virtual servers that are offline and can be brought online on an updated node now."""
    ready = []
    for group in draft.cluster(name).virtual_servers:
        if group.owner in done and (not group.upgraded or group.state != ONLINE):
            ready.append((group, f"{group.name} is offline and waits on the updated node {group.owner}."))
        elif group.owner not in done and group.state != ONLINE:
            ready.append((group, f"{group.name} is offline already: it comes first."))
    return [(group, why) for group, why in ready if _target(draft, name, group, done)]


def _leaving(draft: Draft, name: str, order: Sequence[str], done: Sequence[str]) -> list[tuple[Group, str]]:
    """Return the virtual servers of the node whose turn is next that an updated node can take over."""
    cluster = draft.cluster(name)
    following = order[:1]
    ready = [group for group in cluster.virtual_servers if group.owner in following and group.owner in cluster.up]
    return [
        (group, f"{group.name} leaves {group.owner}, whose turn is next.")
        for group in ready
        if _target(draft, name, group, done)
    ]


def _target(draft: Draft, name: str, group: Group, done: Sequence[str]) -> str | None:
    """Return the updated node for a virtual server: where it stands if that is done, else the best of the others."""
    if group.owner in done:
        return group.owner
    return choose_target(draft.cluster(name), group, done, draft.home(name, group))


def _bring_over(
    draft: Draft, name: str, host: str, ready: list[tuple[Group, str]], done: Sequence[str]
) -> list[dict[str, Any]]:
    """Add the steps of each virtual server, one after the other (KB 822582: never two upgrades at once)."""
    made = []
    for group, why in ready:
        target = _target(draft, name, draft.cluster(name).groups[group.name], done)
        made.append({"group": group.name, "steps": draft.bring_over(host, name, group.name, str(target), why)})
    return made


def _node_turn(draft: Draft, name: str, node: str, order: list[str], done: list[str]) -> Turn:
    """Return the turn of a node: free it, stop its Cluster service, install, restart, start the service, verify."""
    host = draft.cluster(name).hosts[node]
    found = draft.model.hosts[host]
    steps: list[Step] = []
    left: list[dict[str, str]] = []
    if node in draft.cluster(name).up:
        reason = f"{node} owns no virtual server." if not draft.cluster(name).owned(node) else f"{node} is freed."
        steps, left = _free(draft, name, node, order, done)
        steps.append(draft.service("stop_cluster_service", host, "The update is installed while it does not run."))
    else:
        reason = f"{node} is out of the cluster already: an earlier run has stopped its Cluster service."
    steps += _install(draft, host)
    steps.append(draft.service("start_cluster_service", host, "The node goes back into the cluster."))
    steps.append(_verify_host(draft, host))
    turn = _turn(draft, host, CLUSTER_ROLE, found.needs_install, steps, reason)
    return {**turn, "left": left}


def _free(
    draft: Draft, name: str, node: str, order: list[str], done: list[str]
) -> tuple[list[Step], list[dict[str, str]]]:
    """Move everything off a node.

    The group of the quorum resource goes first: its move costs the users nothing, so it shows that another node takes
    groups over before a virtual server is touched. Virtual servers go last. They have been brought to an updated node
    before, unless none of their possible owners is updated yet.
    """
    cluster, steps, left = draft.cluster(name), [], []
    host = cluster.hosts[node]
    later = [other for other in order[1:] if not draft.model.host_of(name, other).updated]
    for group in [group for group in cluster.other_groups + cluster.virtual_servers if group.owner == node]:
        home, now = draft.home(name, group), draft.cluster(name)
        if group.virtual_server:
            candidates = [] if group.upgraded and draft.model.hosts[host].updated else later
            target = choose_target(now, group, done, home) or choose_target(now, group, candidates, home, order)
            why = f"{group.name} leaves {node} before its update; none of its possible owners is updated yet."
        else:
            target = choose_target(now, group, done, home) or choose_target(now, group, order[1:], home, order)
            why = f"The group leaves {node} before its Cluster service stops."
            if group.quorum:
                why = "The group of the quorum resource goes first: it shows that another node takes groups over."
        if target:
            steps.append(draft.move("move_group", host, name, group.name, target, "free", why, turn=host))
        elif group.virtual_server or group.quorum:
            raise NoPlan(
                f"No plan can be made. {name}/{group.name}: no possible owner of the group {group.name} can take it "
                f"over from {node} at that point; its possible owners are {', '.join(group.possible)}.",
                f"Add a node to the possible owners of every resource of {group.name}, and start the run again.",
            )
        else:
            left.append(
                {
                    "group": group.name,
                    "reason": f"It has no other possible owner than {node}; it is offline "
                    "while the Cluster service of the node does not run.",
                }
            )
    return steps, left


def _install(draft: Draft, host: str) -> list[Step]:
    """Add the installation and the restart; an installation that runs or has ended is gone on with, not begun anew."""
    found, steps = draft.model.hosts[host], []
    phase = "update"
    if found.needs_install:
        pack, build, fixes = levels.level_after(draft.update, found.service_pack, found.build, found.hotfixes)
        after = {"service_pack": pack, "build": build, "hotfixes": sorted(fixes)}
        reason = {
            "running": "The installer runs already: its end is waited for.",
            "armed": "An earlier run has prepared the installation.",
            "finished": "An earlier run has begun the installation; the server does not have the update.",
        }.get(found.installation, f"The server has {levels.words_of(found.service_pack)}.")
        steps.append(draft.on_host("install_update", host, phase, reason, before=found.level, after=after, turn=host))
        why = "Only if the installer asks for it, which it says at its end."
        steps.append(
            draft.on_host("restart_host", host, phase, why, before={}, after={}, turn=host, unpredictable=True)
        )
    elif found.restart_pending:
        why = "The installer has asked for it."
        before, after = {"restart_pending": True}, {"restart_pending": False}
        steps.append(draft.on_host("restart_host", host, phase, why, before=before, after=after, turn=host))
    return steps


def _verify_host(draft: Draft, host: str) -> Step:
    level = draft.model.hosts[host].level
    reason = "The level that the update promises is read back from the server."
    return draft.on_host("verify_host", host, "update", reason, before=level, after=level, turn=host)


def _turn(draft: Draft, host: str, role: str, install: bool, steps: list[Step], reason: str) -> Turn:
    found = draft.model.hosts[host]
    return {
        "host": host,
        "cluster": found.cluster,
        "node": found.node,
        "role": role,
        "wave": 0,
        "install": install,
        "reason": reason,
        "steps": steps,
        "virtual_servers": [],
        "left": [],
    }

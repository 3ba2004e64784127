# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads one cluster as its nodes see it, and refuses what no plan may begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import levels
from .model import MIXED, OFFLINE, ONLINE, PARKED, Cluster, Group, Host
from .problems import Problems

STAYING_TYPES = frozenset({"IP Address", "Network Name", "Physical Disk"})
"""Types of resource that stay online while a virtual server is upgraded [V, KB 328839]. Everything else in its group
belongs to Exchange or depends on it; the names of those types are not relied upon."""
COORDINATOR = "Distributed Transaction Coordinator"
NODE_STATES = frozenset({"up", "down", "paused", "joining", "unknown"})
GROUP_STATES = frozenset({"online", "offline", "failed", "partially_online", "pending", "unknown"})
ON_THEIR_WAY = frozenset({"online_pending", "offline_pending", "pending", "initializing"})


def read_cluster(
    name: str,
    views: Mapping[str, Mapping[str, Any]],
    computers: Mapping[str, str],
    hosts: Mapping[str, Host],
    update: Mapping[str, Any],
    directory: Mapping[str, Any] | None,
    problems: Problems,
) -> Cluster | None:
    """Return the cluster, or None when too little of it is known; problems are added to ``problems``.

    views: what each running node says of it. computers: computer name -> inventory name, of the whole run.
    """
    view = views[sorted(views)[0]]
    nodes = {node: computers[node.upper()] for node in view["nodes"] if node.upper() in computers}
    for node in sorted(set(view["nodes"]) - set(nodes)):
        problems.add(
            f"{name}/{node}",
            f"The node {node} of the cluster {name} is not part of this run.",
            "Take every node of the cluster into the inventory group, and do not leave one out with --limit.",
        )
    _check_same(name, views, problems)
    up = _read_nodes(name, view, views, nodes, hosts, problems)
    noted = _read_note(name, nodes, hosts, problems)
    spelling = {node.upper(): node for node in view["nodes"]}
    groups = {}
    for group in sorted(view["groups"]):
        read = _read_group(name, group, view, spelling, update, directory, problems)
        _check_state(name, read, noted is not None, nodes, hosts, problems)
        groups[group] = read
    if not any(group.virtual_server for group in groups.values()):
        problems.add(name, f"The cluster {name} has no Exchange virtual server.", "Take its nodes out of this run.")
    if any(not group.upgraded for group in groups.values()):
        _check_coordinator(name, view, problems)
    for group in groups.values():
        if group.owner not in view["nodes"]:
            problems.add(f"{name}/{group.name}", f"{group.owner}, its owner, is no node.", "Look at the cluster.")
    if len(nodes) < len(view["nodes"]) or any(group.owner not in nodes for group in groups.values()):
        return None
    found = {group.name: group.owner for group in groups.values()}
    found.update({group: spelling.get(node.upper(), node) for group, node in (noted or {}).items() if group in groups})
    owners = [group.owner for group in groups.values() if group.virtual_server]
    return Cluster(
        name=name,
        hosts=nodes,
        up=up,
        groups=groups,
        found=found,
        noted=noted is not None,
        one_each=len(nodes) > 2 and len(set(owners)) == len(owners),
    )


def _check_same(name: str, views: Mapping[str, Mapping[str, Any]], problems: Problems) -> None:
    """Refuse when the nodes do not say the same of the groups: somebody is moving them at this moment."""
    seen = {
        tuple(sorted((group, row["owner"], row["state"]) for group, row in view["groups"].items()))
        for view in views.values()
    }
    if len(seen) > 1:
        problems.add(
            name,
            f"The nodes of the cluster {name} disagree on who owns which group.",
            "Wait until nothing moves in the cluster any more, and start the run again.",
        )


def _read_nodes(
    name: str,
    view: Mapping[str, Any],
    views: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, str],
    hosts: Mapping[str, Host],
    problems: Problems,
) -> frozenset[str]:
    """Return the nodes that are up. One may be down: the one that an interrupted run was at."""
    down = []
    noted = any(hosts[host].note for host in nodes.values())
    for node, host in sorted(nodes.items()):
        state, running = view["nodes"][node]["state"], host in views
        if state not in NODE_STATES or state == "unknown":
            problems.add(host, f"The state of the node {node} is unknown ({state}).", "Look at the cluster by hand.")
        elif state == "paused":
            problems.add(
                host, f"The node {node} is paused: it takes no group over.", f'Resume it: cluster node "{node}" /resume'
            )
        elif state == "joining" or running != (state == "up"):
            problems.add(
                host,
                f"The node {node} has not settled: it is {state}, its Cluster service "
                f"{'runs' if running else 'does not run'}.",
                "Wait until the node is up, look at its System log if it stays so, and start the run again.",
            )
        elif state == "down":
            down.append(node)
            if not (noted or hosts[host].installing or hosts[host].restart_pending):
                problems.add(
                    host,
                    f"The node {node} is down, and no run of this update has stopped its Cluster service.",
                    "Find out why the Cluster service does not run, start it (net start clussvc), and start again.",
                )
    if len(down) > 1:
        busy = [node for node in down if hosts[nodes[node]].installing or hosts[nodes[node]].restart_pending]
        for node in sorted(set(down) - set(busy[:1])):
            problems.add(
                nodes[node],
                f"More than one node of the cluster {name} is down: {', '.join(down)}.",
                f"Start the Cluster service on {node} (net start clussvc) and start the run again.",
            )
    return frozenset(nodes) - frozenset(down)


def _read_note(
    name: str, nodes: Mapping[str, str], hosts: Mapping[str, Host], problems: Problems
) -> Mapping[str, str] | None:
    """Return the note of the owners that an earlier run has left on the nodes, or None."""
    notes = {host: note for host in sorted(nodes.values()) if (note := hosts[host].note)}
    if len({tuple(sorted(note.items())) for note in notes.values()}) > 1:
        problems.add(
            name,
            f"The notes of the owners on {', '.join(notes)} differ.",
            "Delete the notes that are wrong (owners.json in the update's folder below C:\\mailops) and start again.",
        )
    return next(iter(notes.values()), None)


def _read_group(
    cluster: str,
    name: str,
    view: Mapping[str, Any],
    spelling: Mapping[str, str],
    update: Mapping[str, Any],
    directory: Mapping[str, Any] | None,
    problems: Problems,
) -> Group:
    row = view["groups"][name]
    resources = [res for res in view.get("resources", {}).values() if res["group"] == name]
    possible = [spelling[node.upper()] for node in row.get("possible_owners") or [] if node.upper() in spelling]
    group = Group(
        name=name,
        owner=spelling.get(str(row["owner"]).upper(), str(row["owner"])),
        state=_state(row, resources),
        virtual_server=bool(row.get("virtual_server")),
        quorum=bool(row.get("quorum")),
        network_name=row.get("network_name"),
        preferred=tuple(
            spelling[node.upper()] for node in row.get("preferred_owners") or [] if node.upper() in spelling
        ),
        # A group without any resource has nothing that binds it to a node.
        possible=tuple(possible or ([] if resources else sorted(spelling.values()))),
    )
    if not group.virtual_server:
        return group
    return _with_version(cluster, group, update, directory, problems)


def _state(row: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> str:
    """Return the state of a group; a virtual server that is partly online is told apart by its resources."""
    state = str(row["state"])
    states = {str(res["state"]) for res in resources}
    if state in ("failed", "pending", "unknown") or state not in GROUP_STATES:
        return state
    if row.get("virtual_server") and "failed" in states:
        return "failed"
    if states & ON_THEIR_WAY:
        return "pending"
    if state != "partially_online" or not row.get("virtual_server"):
        return state
    staying = [res["state"] == "online" for res in resources if res["type"] in STAYING_TYPES]
    others = [res["state"] == "online" for res in resources if res["type"] not in STAYING_TYPES]
    if not staying or not all(staying):
        return state
    if all(others):
        return ONLINE
    return MIXED if any(others) else PARKED


def _with_version(
    cluster: str, group: Group, update: Mapping[str, Any], directory: Mapping[str, Any] | None, problems: Problems
) -> Group:
    """Return the virtual server with its version from the directory."""
    entry = (directory or {}).get(str(group.network_name or "").upper()) or {}
    where = f"The virtual server {group.name} of the cluster {cluster}"
    known = Group(
        **{**group.__dict__, "service_pack": int(entry.get("service_pack") or 0), "build": entry.get("build")}
    )
    if not levels.upgrades_virtual_servers(update):
        return known
    if not entry:
        problems.add(
            f"{cluster}/{group.name}",
            f"{where} ({group.network_name or 'without a network name'}) was not found in the directory"
            f"{'' if directory else ', which was not read'}: its version is not known.",
            "Give the run a domain controller and an account that reads the configuration of Active Directory "
            "(mailops_exchange_directory), and check the network name.",
        )
        return known
    if str(entry.get("product")) != str(update["product"]):
        problems.add(
            f"{cluster}/{group.name}",
            f"{where} is still an Exchange {entry.get('product')} virtual server.",
            'First upgrade it to the version of its nodes ("Upgrade Exchange Virtual Server", KB 842427), bring it '
            "online, and start the run again: no service pack before that.",
        )
        return known
    return Group(**{**known.__dict__, "upgraded": levels.virtual_server_is_upgraded(update, entry)})


def _check_state(
    cluster: str, group: Group, noted: bool, nodes: Mapping[str, str], hosts: Mapping[str, Host], problems: Problems
) -> None:
    """Refuse states of a group that a person has to look at first."""
    where = f"{cluster}/{group.name}"
    if group.state == "failed":
        problems.add(
            where,
            f"The group {group.name} has failed on {group.owner}.",
            f"Look at the Application and System logs of {group.owner} (event 1025 of MSExchangeCluster: the version "
            "of the virtual server is not that of the node). Bring the group online, or take the failed resources "
            f'offline when {group.name} still waits for its upgrade: cluster group "{group.name}" /on',
        )
    elif group.state == "pending":
        problems.add(
            where,
            f"The group {group.name} did not settle: it is still on its way online or offline.",
            "Wait until it is online, look at the cluster if it does not come, and start the run again.",
        )
    elif group.state not in GROUP_STATES | {PARKED, MIXED} or group.state == "unknown":
        problems.add(where, f"The state of the group {group.name} is unknown ({group.state}).", "Look at the cluster.")
    elif group.virtual_server and group.state == "partially_online":
        problems.add(
            where,
            f"The virtual server {group.name} is only partly online: not all of its IP Address, Network Name and "
            "Physical Disk resources are.",
            f'Bring it online (cluster group "{group.name}" /on), or just these resources when it waits for its '
            "upgrade, and start the run again.",
        )
    elif group.virtual_server and group.state == OFFLINE:
        host = hosts.get(nodes.get(group.owner, ""))
        if not (noted and group.upgraded and host and host.updated):
            problems.add(
                where,
                f"The virtual server {group.name} is offline altogether, and no run of this update took it down so.",
                f'Find out who took it offline and why; bring it online (cluster group "{group.name}" /on; its '
                "IP Address, Network Name and Physical Disk only, when it waits for its upgrade on an updated node).",
            )


def _check_coordinator(name: str, view: Mapping[str, Any], problems: Problems) -> None:
    """The Distributed Transaction Coordinator has to be online for the upgrade of a virtual server (KB 328839: A16)."""
    for resource, row in sorted(view.get("resources", {}).items()):
        if row["type"] == COORDINATOR and row["state"] != "online":
            problems.add(
                name,
                f"The resource {resource} (Distributed Transaction Coordinator) is {row['state']}; virtual servers "
                "are upgraded only while it is online.",
                f'Bring it online: cluster res "{resource}" /on',
            )

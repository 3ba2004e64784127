# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads one cluster as its nodes see it, and refuses what no plan may begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from . import check55
from .model import MIXED, OFFLINE, ONLINE, PARKED, Cluster, Group, Host
from .problems import Problems
from .procedures import PROCEDURES
from .state55 import PRODUCT as EXCHANGE55
from .updates import Target, Updates

STAYING_TYPES = frozenset({"IP Address", "Network Name", "Physical Disk"})
"""Types of resource that stay online while a virtual server is upgraded [V, KB 328839]. Everything else in its group
belongs to Exchange or depends on it; the names of those types are not relied upon."""
BY_MENU = ' ("Upgrade Exchange Virtual Server", KB 842427)'
COORDINATOR = "Distributed Transaction Coordinator"
NODE_STATES = frozenset({"up", "down", "paused", "joining", "unknown"})
GROUP_STATES = frozenset({"online", "offline", "failed", "partially_online", "pending", "unknown"})
ON_THEIR_WAY = frozenset({"online_pending", "offline_pending", "pending", "initializing"})


def read_cluster(
    name: str,
    views: Mapping[str, Mapping[str, Any]],
    computers: Mapping[str, str],
    hosts: Mapping[str, Host],
    updates: Updates,
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
    product = hosts[sorted(views)[0]].product
    target = updates.target(product)
    groups = {}
    for group in sorted(view["groups"]):
        read = _read_group(group, view, spelling, ((noted or {}).get("possible_owners") or {}).get(group))
        if read.virtual_server and product == EXCHANGE55:
            owner = hosts.get(nodes.get(read.owner, ""))
            groups[group] = check55.with_version(read, owner)
            check55.check_state(f"{name}/{group}", read, owner, updates, problems)
            continue
        if read.virtual_server:
            read = _with_version(name, read, product, target, directory, problems)
            owner = hosts.get(nodes.get(read.owner, ""))
            # An online virtual server is of its node's service pack: a directory that says otherwise is behind.
            same = owner is not None and owner.level.service_pack == read.service_pack
            read = replace(read, known=read.known and (same or read.state != ONLINE))
            if not read.upgraded and read.state == ONLINE and _itself(product) and owner and not owner.old:
                # It would not have come online before its upgrade: the directory may be behind. The run looks first.
                now = updates.version_after(product, read.version)
                read = replace(read, upgraded=True, known=True, unproven=True, **now)
            _check_hold(name, read, target, problems)
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
    owners_found = ((noted or {}).get("owners") or {}).items()
    found.update({group: spelling.get(node.upper(), node) for group, node in owners_found if group in groups})
    owners = [found[group.name] for group in groups.values() if group.virtual_server]
    return Cluster(
        name=name,
        hosts=nodes,
        up=up,
        groups=groups,
        found=found,
        noted=noted is not None,
        one_each=len(nodes) > 2 and len(set(owners)) == len(owners),
    )


def _itself(product: str) -> bool:
    """Whether virtual servers of a product upgrade themselves as they come online on an updated node."""
    return PROCEDURES[product].upgrade == "itself"


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
    serving = {str(row["owner"]).upper() for row in view["groups"].values() if row.get("virtual_server")}
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
            ours = noted or hosts[host].installing or hosts[host].restart_pending
            if not (ours or check55.stopped_for_pack(node, nodes, hosts, serving)):
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
) -> Mapping[str, Mapping[str, Any]] | None:
    """Return the note of the owners that an earlier run has left on the nodes, or None."""
    notes = {host: note for host in sorted(nodes.values()) if (note := hosts[host].note)}
    if any(note != other for note in notes.values() for other in notes.values()):
        problems.add(
            name,
            f"The notes of the owners on {', '.join(notes)} differ.",
            "Delete the notes that are wrong (C:\\mailops\\roll\\owners.json) and start again.",
        )
    return next(iter(notes.values()), None)


def _read_group(name: str, view: Mapping[str, Any], spelling: Mapping[str, str], noted: list[str] | None) -> Group:
    """Return a group. noted: the possible owners of its System Attendant as the first run found them."""
    row = view["groups"][name]
    resources = {key: res for key, res in view.get("resources", {}).items() if res["group"] == name}

    def nodes(names: Any) -> tuple[str, ...]:
        return tuple(spelling[str(node).upper()] for node in names or [] if str(node).upper() in spelling)

    # A group without any resource has nothing that binds it to a node.
    possible = tuple(sorted(nodes(row.get("possible_owners")))) or (
        () if resources else tuple(sorted(spelling.values()))
    )
    hold = row.get("hold") or {}
    held = tuple(sorted(nodes(hold.get("possible_owners"))))
    before = tuple(sorted(nodes(noted))) if noted is not None else held
    if hold and before != held:
        # The roll holds the group to some nodes by this resource: without it the others would say who may own it.
        others = [set(nodes(res.get("possible_owners"))) for key, res in resources.items() if key != hold["resource"]]
        possible = tuple(node for node in before if all(node in other for other in others))
    return Group(
        name=name,
        owner=spelling.get(str(row["owner"]).upper(), str(row["owner"])),
        state=_state(row, list(resources.values())),
        virtual_server=bool(row.get("virtual_server")),
        quorum=bool(row.get("quorum")),
        network_name=row.get("network_name"),
        preferred=nodes(row.get("preferred_owners")),
        possible=possible,
        resource=str(hold["resource"]) if hold else None,
        hold=held,
        hold_found=before,
    )


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
    cluster: str,
    group: Group,
    product: str,
    target: Target | None,
    directory: Mapping[str, Any] | None,
    problems: Problems,
) -> Group:
    """Return the virtual server with its version from the directory; ``known``: it was found there."""
    entry = (directory or {}).get(str(group.network_name or "").upper()) or {}
    where = f"The virtual server {group.name} of the cluster {cluster}"
    found = replace(
        group,
        service_pack=int(entry.get("service_pack") or 0),
        build=entry.get("build"),
        known=bool(entry),
        # Nothing is said of one whose version is not known.
        upgraded=target is None,
    )
    if entry and str(entry.get("product")) != product:
        problems.add(
            f"{cluster}/{group.name}",
            f"{where} is still an Exchange {entry.get('product')} virtual server.",
            f"First upgrade it to the version of its nodes{'' if _itself(product) else BY_MENU}, bring it online, and "
            "start the run again: no service pack and no hotfix before that.",
        )
        return found
    if not entry and target:
        problems.add(
            f"{cluster}/{group.name}",
            f"{where} ({group.network_name or 'without a network name'}) was not found in the directory"
            f"{'' if directory else ', which was not read'}: its version is not known.",
            "Give the run a domain controller and an account that reads the configuration of Active Directory "
            "(mailops_exchange_directory), and check the network name.",
        )
    return replace(found, upgraded=target.reached(entry)) if entry and target else found


def _check_hold(cluster: str, group: Group, target: Target | None, problems: Problems) -> None:
    """An upgraded virtual server is held by the possible owners of its System Attendant (KB 328839: A10)."""
    if target and group.resource is None:
        problems.add(
            f"{cluster}/{group.name}",
            f"The System Attendant resource of {group.name} was not found, so that nothing could keep the upgraded "
            "virtual server off nodes that are not updated.",
            "Look at the resources of the group; a virtual server has one of the type Microsoft Exchange System "
            "Attendant.",
        )


def _check_state(
    cluster: str, group: Group, noted: bool, nodes: Mapping[str, str], hosts: Mapping[str, Host], problems: Problems
) -> None:
    """Refuse states of a group that a person has to look at first."""
    where = f"{cluster}/{group.name}"
    itself = any(_itself(hosts[host].product) for host in nodes.values())
    waits = "" if itself else f", or take the failed resources offline when {group.name} still waits for its upgrade"
    if group.state == "failed":
        upgrade = "; 2146 and 2065: its upgrade failed" if itself else ""
        problems.add(
            where,
            f"The group {group.name} has failed on {group.owner}.",
            f"Look at the Application and System logs of {group.owner} (event 1025 of MSExchangeCluster: the version "
            f"of the virtual server is not that of the node{upgrade}). Bring the group online{waits}: "
            f'cluster group "{group.name}" /on',
        )
    elif group.state == "pending":
        slow = " The store may still be upgrading its databases, which can take hours." if itself else ""
        problems.add(
            where,
            f"The group {group.name} did not settle: it is still on its way online or offline.{slow}",
            "Wait until it is online, look at the cluster if it does not come, and start the run again.",
        )
    elif group.state not in GROUP_STATES | {PARKED, MIXED} or group.state == "unknown":
        problems.add(
            where,
            f"The state of the group {group.name} is unknown ({group.state}): cluster.exe shows a word for it that is "
            "not known here.",
            f'Look at it by hand (cluster group "{group.name}"): it may be on its way, or have failed. Start the run '
            "again when it is online.",
        )
    elif group.virtual_server and group.state == "partially_online":
        problems.add(
            where,
            f"The virtual server {group.name} is only partly online: not all of its IP Address, Network Name and "
            "Physical Disk resources are.",
            f'Bring it online (cluster group "{group.name}" /on)'
            f"{'' if itself else ', or just these resources when it waits for its upgrade'}, and start the run again.",
        )
    elif group.virtual_server and group.state == OFFLINE:
        host = hosts.get(nodes.get(group.owner, ""))
        if not (noted and (group.upgraded or itself) and host and host.updated):
            problems.add(
                where,
                f"The virtual server {group.name} is offline altogether, and no run of this update took it down so.",
                f'Find out who took it offline and why; bring it online (cluster group "{group.name}" /on'
                + ("" if itself else "; its IP Address, Network Name and Physical Disk only, when it waits for its "
                   "upgrade on an updated node") + ").",
            )  # fmt: skip


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

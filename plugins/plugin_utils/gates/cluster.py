# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a cluster: nodes, groups, quorum, transaction coordinator, possible owners (A5, A7, A16, C4).

A service pack of Exchange 5.5 is installed where its group stands, which is not moved: no other node has to be able to
take it. Its hotfixes move the group (Q271634 [V]), and of 2000 and 2003 every update does.
"""

from __future__ import annotations

from collections.abc import Iterator

from .model import FAILED, INFORMATION, PASSED, WARNING, ClusterView, Finding, View, listed

COORDINATOR = "Distributed Transaction Coordinator"
"""Type of the resource; names of types are not translated [R]."""

UNSAFE = frozenset('"%!')
"""What no name in a command line of Windows may hold: ``hosts/commands.py`` refuses it, in the midst of the run."""


def cluster_nodes(view: View) -> Iterator[Finding]:
    """Every node is up and takes groups over; one may be where an earlier run has left it."""
    for cluster in view.open_clusters():
        bad: list[str] = []
        left: list[str] = []
        idle: list[str] = []
        for node, entry in sorted(cluster.state["nodes"].items()):
            host = cluster.hosts.get(node, "")
            if entry["state"] == "up" or (host and host not in view.reached):
                # A node that was not reached is what the gate of the channel says.
                continue
            words = f"{node} is {entry['state']}"
            begun = entry["state"] == "down" and host and view.under_way(host)
            if begun:
                left.append(words)
            elif host and not view.moves(cluster):
                idle.append(words)
            else:
                bad.append(words)
        outside = sorted(set(cluster.state["nodes"]) - set(cluster.hosts))
        bad += [f"{node} is not part of this run" for node in outside]
        if bad:
            yield _row(
                cluster,
                FAILED,
                "; ".join(bad),
                "Start the Cluster service of the node (net start clussvc), or resume it (cluster node NAME /resume); "
                "take every node of the cluster into the run.",
            )
        elif idle:
            words = f"{'; '.join(idle)}: nothing is moved there by this update, and nothing can fail over to it either"
            yield _row(cluster, WARNING, words, "See whether the node is meant to be so.")
        elif left:
            yield _row(cluster, WARNING, f"{'; '.join(left)}: an earlier run was there, and this one goes on with it")
        else:
            yield _row(cluster, PASSED, f"all {len(cluster.state['nodes'])} nodes are up")
    yield from _unread(view)


def cluster_groups(view: View) -> Iterator[Finding]:
    """No group is failed, pending or unknown."""
    for cluster in view.open_clusters():
        groups = cluster.state["groups"]
        failed_resources = {
            row["group"] for row in (cluster.state.get("resources") or {}).values() if row["state"] == "failed"
        }
        bad = [
            f"{name} is {'failed' if name in failed_resources else row['state']} on {row['owner']}"
            for name, row in sorted(groups.items())
            if row["state"] in ("failed", "pending", "unknown") or name in failed_resources
        ]
        parted = [
            f"{name} is {row['state'].replace('_', ' ')}"
            for name, row in sorted(groups.items())
            if row.get("virtual_server") and row["state"] in ("offline", "partially_online")
        ]
        unsafe = _unsafe_names(cluster) if view.moves(cluster) else []
        if unsafe:
            words = (
                f'{listed(unsafe)}: a name with one of the characters " % ! cannot stand in a command line of Windows'
            )
            yield _row(cluster, FAILED, words, "Rename it in Cluster Administrator, then start again.")
        elif bad and any(view.under_way(host) for host in cluster.members):
            yield _row(cluster, WARNING, f"{'; '.join(bad)}: an earlier run was there, and this one goes on with it")
        elif bad:
            yield _row(
                cluster,
                FAILED,
                "; ".join(bad),
                "Read the System and Application logs of the owner, bring the group online, and start again.",
            )
        elif parted:
            yield _row(cluster, WARNING, "; ".join(parted), "See whether the virtual server is meant to be so.")
        else:
            yield _row(cluster, PASSED, f"none of {len(groups)} groups is failed or pending")


def _unsafe_names(cluster: ClusterView) -> list[str]:
    """Names that the run would have to write into command lines: of every group, of the resources of Exchange's."""
    groups = cluster.state["groups"]
    resources = [
        name
        for name, row in (cluster.state.get("resources") or {}).items()
        if (groups.get(row["group"]) or {}).get("virtual_server")
    ]
    return sorted(name for name in {*groups, *resources} if UNSAFE & set(name))


def quorum(view: View) -> Iterator[Finding]:
    """The quorum resource is known, with the group that holds it."""
    for cluster in view.open_clusters():
        name = cluster.state.get("quorum_resource")
        row = (cluster.state.get("resources") or {}).get(name)
        groups = [group for group, entry in cluster.state["groups"].items() if entry.get("quorum")]
        if not name or row is None or len(groups) != 1:
            yield _row(cluster, FAILED, "the resource that holds the quorum is not known", _QUORUM)
        elif row["state"] != "online":
            yield _row(cluster, FAILED, f"the quorum resource {name} is {row['state'].replace('_', ' ')}", _QUORUM)
        else:
            yield _row(cluster, PASSED, f"{name} in {groups[0]}, on {row['owner']}")
    for host in view.lost:
        if _without_quorum(view, host):
            yield Finding(host, FAILED, "the cluster's registry does not name the quorum resource", _QUORUM)


def msdtc(view: View) -> Iterator[Finding]:
    """The transaction coordinator is a resource of the cluster and online, where virtual servers are upgraded."""
    for cluster in view.open_clusters():
        chains = [update for host in cluster.members if host in view.open for update in view.chain(host)]
        if not any(update.get("upgrades_virtual_server") for update in chains):
            continue
        found = {
            name: row for name, row in (cluster.state.get("resources") or {}).items() if row["type"] == COORDINATOR
        }
        online = [name for name, row in found.items() if row["state"] == "online"]
        if online:
            yield _row(cluster, PASSED, f"{online[0]} is online")
            continue
        states = [f"{name} is {row['state'].replace('_', ' ')}" for name, row in sorted(found.items())]
        yield _row(
            cluster,
            FAILED,
            "; ".join(states) or f"the cluster has no resource of the type {COORDINATOR}",
            'Bring it online (cluster res "NAME" /online); where there is none, create it as Exchange setup asks for.',
        )


def possible_owners(view: View) -> Iterator[Finding]:
    """Every virtual server has a possible owner beside the node that it stands on, where it has to move."""
    for cluster in view.open_clusters():
        bad = []
        servers = {name: row for name, row in sorted(cluster.state["groups"].items()) if row.get("virtual_server")}
        for name, row in servers.items():
            # While a roll is under way, one resource holds the virtual server to the updated nodes.
            held = [str(node).upper() for node in (_noted(view, cluster).get(name) or row.get("possible_owners") or [])]
            others = [node for node in held if node != str(row["owner"]).upper()]
            if not others:
                bad.append(f"{name} can stand on {listed(held) or 'no node'} only")
        if bad and not view.moves(cluster):
            yield _row(cluster, INFORMATION, f"{'; '.join(bad)}: this update moves nothing")
        elif bad:
            yield _row(
                cluster,
                FAILED,
                "; ".join(bad),
                "Add a node to the possible owners of every resource of the group (cluster res NAME /addowner:NODE).",
            )
        else:
            count = "the virtual server has" if len(servers) == 1 else f"{len(servers)} virtual servers, each with"
            yield _row(cluster, PASSED, f"{count} another possible owner")


_QUORUM = "Look at the cluster's properties (cluster /quorumresource), bring the quorum disk online, and start again."


def _row(cluster: ClusterView, result: str, observed: str, remedy: str = "") -> Finding:
    return Finding(cluster.name, result, observed, remedy, cluster.members)


def _noted(view: View, cluster: ClusterView) -> dict[str, list[str]]:
    """The possible owners that an earlier run has noted before it narrowed them."""
    noted: dict[str, list[str]] = {}
    for host in cluster.members:
        note = (view.hosts.get(host) or {}).get("note") or {}
        for group, nodes in (note.get("possible_owners") or {}).items():
            noted.setdefault(group, [str(node) for node in nodes])
    return noted


def _without_quorum(view: View, host: str) -> bool:
    told = view.facts(host).get("quorum")
    return told is not None and not told.get("resource")


def _unread(view: View) -> Iterator[Finding]:
    for host in view.lost:
        if _without_quorum(view, host):
            continue
        reason = view.reached[host].get("cluster_problem") or "its Cluster service does not run"
        yield Finding(
            host,
            FAILED,
            f"no running node of its cluster was read: {reason}",
            "Start the Cluster service on the nodes (net start clussvc), and start again.",
        )

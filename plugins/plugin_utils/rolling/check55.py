# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what is of its own in a cluster of Exchange 5.5, and refuses what no plan may begin with.

Such a cluster has one group with Exchange, no virtual server that is upgraded, and no entry in Active Directory that
had to be there: the version of the group is that of the node which owns it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .draft import Draft
from .levels import words_of
from .model import MIXED, OFFLINE, ONLINE, PARKED, Cluster, Group, Host
from .problems import Problems
from .rules55 import HALF_WAY, hotfix_missing, pack_missing
from .state55 import PRODUCT
from .updates import BEGUN, Updates


def with_version(group: Group, owner: Host | None) -> Group:
    """Return the group with the version of the node that owns it."""
    if owner is None:
        return group
    return replace(group, service_pack=owner.level.service_pack, build=owner.level.build, known=True)


def stopped_for_pack(node: str, nodes: Mapping[str, str], hosts: Mapping[str, Host], owners: set[str]) -> bool:
    """Whether a run has stopped the Cluster service of a 5.5 node for a service pack: the others have it then.

    nodes: node -> inventory name. owners: the nodes that own virtual servers, in capital letters.
    """
    host = hosts[nodes[node]]
    others = [hosts[name] for other, name in nodes.items() if other != node]
    if host.product != PRODUCT or node.upper() in owners or not all(other.updated for other in others):
        return False
    return bool(host.chain) or any(phase in BEGUN for phase in host.phases.values())


def check_cluster(draft: Draft, cluster: Cluster, problems: Problems) -> None:
    """Refuse what no order of the turns can deal with."""
    hosts = [draft.model.hosts[name] for name in cluster.hosts.values()]
    other = sorted(host.name for host in hosts if host.product != PRODUCT)
    if other:
        problems.add(
            cluster.name,
            f"The nodes of the cluster run different versions of Exchange: {', '.join(other)} not {PRODUCT}.",
            "Bring all nodes of the cluster to one version of Exchange first.",
        )
        return
    if len(cluster.virtual_servers) > 1:
        problems.add(
            cluster.name,
            "The cluster has more than one group with Exchange 5.5: "
            f"{', '.join(group.name for group in cluster.virtual_servers)}.",
            "Exchange 5.5 knows one group in a cluster. Look which one serves, and take the other one away.",
        )
        return
    for group in cluster.virtual_servers:
        _check_chains(draft, cluster, problems)
        _check_levels(draft, cluster, group, problems)
        _check_group(draft, cluster, group, problems)


def _check_chains(draft: Draft, cluster: Cluster, problems: Problems) -> None:
    """Refuse what the order of a 5.5 cluster has no place for."""
    updates, waits = draft.updates, pack_missing(draft.model, cluster, draft.updates)
    if waits and hotfix_missing(draft.model, cluster, updates):
        packs = [str(entry["id"]) for entry in updates.of(PRODUCT) if entry["kind"] == "service_pack"]
        fixes = updates.hotfixes(PRODUCT)
        problems.add(
            cluster.name,
            f"A cluster of Exchange 5.5 cannot get a service pack ({', '.join(packs)}) and a hotfix "
            f"({', '.join(fixes)}) in one run: for the service pack its group is never moved, for the hotfix it is.",
            f"Make two runs for this cluster: {', '.join(packs)} first, then {', '.join(fixes)}.",
        )
    for host in (draft.model.hosts[name] for name in cluster.hosts.values()):
        for key in host.chain:
            entry = updates.by_id[key]
            if entry["kind"] == "windows_hotfix" or entry.get("restart") == "always":
                problems.add(
                    host.name,
                    f"{key} cannot be installed on a node of an Exchange 5.5 cluster by a run: "
                    f"{'it is for Windows' if entry['kind'] == 'windows_hotfix' else 'it restarts the node'}, and the "
                    "group must not leave its node for it.",
                    f"Install {key} by hand at a time at which the users can do without {cluster.name}, or take it "
                    "out of this run.",
                )
        if host.restart_pending:
            problems.add(
                host.name,
                f"The node {host.node} waits for a restart that an installer has asked for; no update of Exchange "
                "5.5 asks for one, and a restart of the active node would move the group.",
                "See that the node does not own the group with Exchange, or take that offline; restart the node, "
                "bring the group online, and start the run again.",
            )


def _check_levels(draft: Draft, cluster: Cluster, group: Group, problems: Problems) -> None:
    """Refuse when the group stands on a node that is older than another one, or an installer runs on the wrong one."""
    where, owner = f"{cluster.name}/{group.name}", draft.model.host_of(cluster.name, group.owner)
    for node in cluster.nodes:
        host = draft.model.host_of(cluster.name, node)
        if host.level.service_pack > owner.level.service_pack:
            problems.add(
                where,
                f"The group {group.name} is on {group.owner}, which has {words_of(owner.level.service_pack)}, while "
                f"{node} has {words_of(host.level.service_pack)}: the service pack has come to {node} first, or the "
                "group was moved since. Databases that a newer Exchange has opened do not start on an older one.",
                f"Look for the events 1197 and 1005 of MSExchangeIS Private on {group.owner}. Then move the group to "
                f'{node} by hand (cluster group "{group.name}" /moveto:{node}), bring it online there, and start '
                f"the run again: it goes on with {group.owner}.",
            )
        elif host.running and host is not owner and (owner.chain or _hotfix_runs(host, draft.updates)):
            problems.add(
                host.name,
                f"An installer runs on {node}, which does not own the group {group.name}; it belongs on "
                f"{group.owner} first.",
                "Wait until it has ended, look into its log, and start the run again.",
            )


def _hotfix_runs(host: Host, updates: Updates) -> bool:
    return any(phase == "running" and updates.by_id[key]["kind"] == "hotfix" for key, phase in host.phases.items())


def _check_group(draft: Draft, cluster: Cluster, group: Group, problems: Problems) -> None:
    """Refuse a group that is not as the order asks for, and that no run of this update has brought into that state."""
    where, owner = f"{cluster.name}/{group.name}", draft.model.host_of(cluster.name, group.owner)
    again = f'Bring it online (cluster group "{group.name}" /on) and start the run again.'
    if group.owner not in group.possible:
        problems.add(
            where,
            f"{group.owner} owns the group {group.name}, and is no possible owner of all its resources "
            f"({', '.join(group.possible) or 'none'}).",
            f"Add {group.owner} to the possible owners of every resource of {group.name}, and start the run again.",
        )
    if group.owner not in cluster.up:
        problems.add(
            where,
            f"{group.owner} owns the group {group.name}, and its Cluster service does not run.",
            f"Start the Cluster service on {group.owner} (net start clussvc), see that the group is online, and start "
            "the run again.",
        )
    packs, fixes = (each(draft.model, cluster, draft.updates) for each in (pack_missing, hotfix_missing))
    strange = [node for node in fixes if node not in group.possible]
    if strange:
        problems.add(
            where,
            f"The hotfix is installed where the disks of {group.name} are, and {', '.join(strange)} cannot own it.",
            f"Add {', '.join(strange)} to the possible owners of every resource of {group.name}, and start again.",
        )
    if fixes and cluster.up != frozenset(cluster.hosts):
        problems.add(
            where,
            f"The group {group.name} moves over all nodes for the hotfix, and "
            f"{', '.join(sorted(frozenset(cluster.hosts) - cluster.up))} is down; no run stops it for a hotfix.",
            "Find out why the Cluster service does not run, start it (net start clussvc), and start again.",
        )
    if group.state == ONLINE or _setup_at_work(owner, group, draft.updates):
        return
    if group.state == "pending":
        problems.add(
            where,
            f"The group {group.name} did not settle: it is still on its way online or offline.",
            "Wait until it is online, look at the cluster if it does not come, and start the run again.",
        )
    elif packs or not cluster.noted:
        what = "offline altogether" if group.state == OFFLINE else "only partly online"
        ended = [key for key in owner.chain if owner.phases.get(key) in ("finished", "interrupted")]
        why = f"the setup of {ended[0]} has ended and left it so" if ended else "no run of this update took it down so"
        problems.add(where, f"The group {group.name} is {what}, and {why}.", again)
    elif fixes and group.state == OFFLINE:
        problems.add(
            where,
            f"The group {group.name} is offline altogether; its disks are needed for the hotfix.",
            "Bring its IP Address, Network Name and Physical Disk resources online (cluster res NAME /on), and start "
            "the run again.",
        )


def _setup_at_work(owner: Host, group: Group, updates: Updates) -> bool:
    """Whether the group is half-way because the setup of a service pack is at work on the node that owns it."""
    packs = [key for key in owner.chain if updates.by_id[key]["kind"] == "service_pack"]
    return group.state in HALF_WAY and any(owner.phases.get(key) in ("armed", "running") for key in packs)


def check_state(where: str, group: Group, owner: Host | None, updates: Updates, problems: Problems) -> None:
    """Refuse states of the group that a person has to look at in any case, also where nothing is to be done."""
    if group.state == "failed":
        problems.add(
            where,
            f"The group {group.name} has failed on {group.owner}.",
            f"Look at the Application and System logs of {group.owner}: events 1197 and 1005 of MSExchangeIS Private "
            "say that a newer Exchange has opened its databases; then it belongs on the node that was updated. Bring "
            f'the group online there (cluster group "{group.name}" /on), and start the run again.',
        )
    elif group.state == "pending" and (owner is None or not _setup_at_work(owner, group, updates)):
        problems.add(
            where,
            f"The group {group.name} did not settle: it is still on its way online or offline.",
            "Wait until it is online, look at the cluster if it does not come, and start the run again.",
        )
    elif group.state not in (ONLINE, OFFLINE, PARKED, MIXED, "pending", "partially_online"):
        problems.add(where, f"The state of the group {group.name} is unknown ({group.state}).", "Look at the cluster.")
    elif group.state == "partially_online":
        problems.add(
            where,
            f"The group {group.name} is only partly online: not all of its IP Address, Network Name and Physical "
            "Disk resources are.",
            f'Bring it online (cluster group "{group.name}" /on), and start the run again.',
        )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of Exchange 5.5 in every state: the rules that no step of a plan may break, and what its steps do.

5: the group of an Exchange 5.5 cluster is never moved for a service pack, which comes to the active node first [V, KB
328839: C4]. A hotfix knows nothing of clusters: it is installed on the node that owns the group, while the group is
offline [V, Q271634]; for that it moves, offline.
"""

from __future__ import annotations

from dataclasses import replace

from .model import MIXED, ONLINE, PARKED, Cluster, Group, Host, Model, PlannerError
from .state55 import DUE, PRODUCT, State55
from .steps import Step
from .updates import Updates


def need(holds: bool, step: Step, what: str) -> None:
    """Raise PlannerError, with the step and what is wrong, unless it holds."""
    if not holds:
        raise PlannerError(f"{step['step']} {step['object']} on {step['host']}: {what}")


def is_55(model: Model, cluster: Cluster) -> bool:
    """Whether the nodes of the cluster run Exchange 5.5."""
    return any(model.hosts[host].product == PRODUCT for host in cluster.hosts.values())


def pack_missing(model: Model, cluster: Cluster, updates: Updates) -> list[str]:
    """Return the nodes that still need a service pack."""
    return [node for node in cluster.nodes if _of_kind(model.host_of(cluster.name, node), updates, "service_pack")]


def hotfix_missing(model: Model, cluster: Cluster, updates: Updates) -> list[str]:
    """Return the nodes that still need a hotfix."""
    return [node for node in cluster.nodes if _of_kind(model.host_of(cluster.name, node), updates, "hotfix")]


def _of_kind(host: Host, updates: Updates, kind: str) -> bool:
    return any(updates.by_id[key]["kind"] == kind for key in host.chain)


def check_move(model: Model, step: Step, cluster: Cluster, updates: Updates) -> None:
    """The group is moved for a hotfix only, and offline."""
    group = cluster.groups[step["group"]]
    need(step["step"] != "failover_test", step, "5: an Exchange 5.5 group is not moved to show its failover")
    need(not pack_missing(model, cluster, updates), step, "5: a service pack never moves the group")
    need(bool(updates.hotfixes(PRODUCT)), step, "5: only a hotfix moves the group")
    need(group.state == PARKED, step, f"5: the group is {group.state}; it moves offline only")


def check_take_offline(model: Model, step: Step, cluster: Cluster, updates: Updates) -> None:
    """The group is taken offline for a hotfix only."""
    need(not pack_missing(model, cluster, updates), step, "5: the setup of a service pack does it itself")
    need(bool(updates.hotfixes(PRODUCT)), step, "5: only a hotfix asks for it")


def check_bring_online(model: Model, step: Step, cluster: Cluster) -> None:
    """The group comes online when no node needs it offline any more."""
    old = [host for host in cluster.hosts.values() if not model.hosts[host].updated]
    need(not old, step, f"{', '.join(sorted(old))} are not updated: it would go offline once more")


def check_install(model: Model, step: Step, host: Host, updates: Updates) -> None:
    """The order of a cluster, and Exchange stopped on a server that is not clustered."""
    key = step["object"]
    kind = updates.by_id[key]["kind"]
    if not host.cluster:
        state = host.exchange55 or State55()
        runs = bool(state.running) and host.phases.get(key) != "running"
        need(kind != "service_pack" or not runs, step, f"these services run: {', '.join(state.running)}")
        return
    cluster = model.clusters[host.cluster]
    need(kind != "windows_hotfix", step, "no order is known in which a cluster of Exchange 5.5 gets it")
    need(updates.by_id[key].get("restart") != "always", step, "5: the restart would move the group")
    for group in cluster.virtual_servers:
        active = model.host_of(cluster.name, group.owner)
        if kind == "hotfix":
            need(group.owner == host.node, step, f"the disks of {group.name} are on {group.owner}")
            need(group.state == PARKED, step, f"the group {group.name} is {group.state}")
        elif active is not host:
            need(key not in active.chain, step, f"5: the active node {group.owner} does not have it yet")


def installed(model: Model, host: Host, key: str, updates: Updates) -> None:
    """Change what an installation changes besides the level: the version of the group, and what becomes due."""
    if host.cluster:
        for group in model.clusters[host.cluster].virtual_servers:
            if group.owner == host.node:
                level = model.hosts[host.name].level
                # The setup of a service pack has taken it offline, and brings it online again [V, Q221393].
                pack = updates.by_id[key]["kind"] == "service_pack"
                state = ONLINE if pack else group.state
                changes = {"service_pack": level.service_pack, "build": level.build, "state": state}
                model.change_group(host.cluster, group.name, **changes)
    elif updates.by_id[key]["kind"] == "service_pack":
        model.change_host(host.name, exchange55=replace(host.exchange55 or State55(), optimizer=DUE))


def moved(group: Group, target: Host) -> dict[str, object]:
    """What a move changes of the group: its version is that of its owner."""
    return {"service_pack": target.level.service_pack, "build": target.level.build}


def _state(model: Model, step: Step) -> State55:
    host = model.hosts[step["host"]]
    need(not host.cluster, step, "the host is a cluster node")
    return host.exchange55 or State55()


def save_tuning(model: Model, step: Step, updates: Updates) -> None:
    """The values are saved."""
    model.change_host(step["host"], exchange55=replace(_state(model, step), saved=True))


def stop_exchange(model: Model, step: Step, updates: Updates) -> None:
    """The services are noted and stopped."""
    state = _state(model, step)
    noted = {**dict.fromkeys(state.running, "running"), **(state.noted or {})}
    model.change_host(step["host"], exchange55=replace(state, running=(), noted=noted))


def start_exchange(model: Model, step: Step, updates: Updates) -> None:
    """Those that ran are started, and the note goes."""
    state = _state(model, step)
    running = {name for name, word in (state.noted or {}).items() if word == "running"} | set(state.running)
    model.change_host(step["host"], exchange55=replace(state, running=tuple(sorted(running)), noted=None))


def optimize(model: Model, step: Step, updates: Updates) -> None:
    """The optimizer has come to its end: its notes go, and the services that it had to stop run again."""
    start_exchange(model, step, updates)
    state = replace(_state(model, step), optimizer=None, saved=False)
    model.change_host(step["host"], exchange55=state)


def update_addon(model: Model, step: Step, updates: Updates) -> None:
    """The add-on is of the service pack's level."""
    state = _state(model, step)
    need(model.hosts[step["host"]].updated, step, "the server is not updated")
    left = tuple(each for each in state.addons if each != step["object"])
    model.change_host(step["host"], exchange55=replace(state, addons=left))


EFFECTS = {
    "save_tuning": save_tuning,
    "stop_exchange": stop_exchange,
    "start_exchange": start_exchange,
    "optimize": optimize,
    "update_addon": update_addon,
}
"""Step word -> what it does; see ``transitions``."""

HALF_WAY = frozenset({PARKED, MIXED, "pending"})
"""States of the group while the setup of a service pack runs on its owner."""

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each step does to the estate, and what has to hold in every state (the invariants of the procedure).

``apply`` is the only place that says what a step leads to: the planner simulates with it, and what a plan predicts
is what comes out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import levels
from .model import MIXED, OFFLINE, ONLINE, PARKED, Model, PlannerError
from .steps import Step


def apply(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    """Return the model after ``step``.

    Raises PlannerError when the step must not be taken in this state, or would break an invariant that held.
    """
    after = _EFFECTS[step["step"]](model, step, update)
    broken = violations(after) - violations(model)
    if broken:
        what = "; ".join(sorted(broken))
        raise PlannerError(f"{step['step']} {step['object']} on {step['host']} would break: {what}")
    return after


def violations(model: Model) -> set[str]:
    """Return what of the invariants does not hold in this state, in words.

    2: an installer beside a running Cluster service. 3: two nodes of a cluster out of service. 4: a virtual server
    online on a node of another version than its own.
    """
    broken = set()
    for cluster in model.clusters.values():
        out = {node for node, host in cluster.hosts.items() if node not in cluster.up}
        if len(out) > 1:
            broken.add(f"3: {', '.join(sorted(out))} of {cluster.name} are out of service together")
        for node, name in cluster.hosts.items():
            if model.hosts[name].installation == "running" and node in cluster.up:
                broken.add(f"2: the Cluster service runs on {node} beside the installer")
        for group in cluster.virtual_servers:
            host = model.host_of(cluster.name, group.owner)
            if group.owner not in cluster.up:
                broken.add(f"the virtual server {group.name} is owned by {group.owner}, which is out of service")
            elif group.state == ONLINE and host.updated and not group.upgraded:
                broken.add(f"4: {group.name} is online on the newer node {group.owner} before its upgrade")
            elif group.state == ONLINE and host.service_pack < group.service_pack:
                broken.add(f"4: {group.name} is online on {group.owner}, which is older than it")
    return broken


def _need(holds: bool, step: Step, what: str) -> None:
    if not holds:
        raise PlannerError(f"{step['step']} {step['object']} on {step['host']}: {what}")


def _stage(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    return model.with_host(step["host"], staged=True)


def _note(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    return model.with_host(step["host"], note=step["after"]["owners"])


def _move(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    cluster = model.clusters[step["cluster"]]
    group, target = cluster.groups[step["group"]], step["node"]
    _need(target in cluster.up, step, f"{target} is not up")
    _need(target in group.possible, step, f"{target} is no possible owner")
    if group.virtual_server:
        source, goal = model.host_of(cluster.name, group.owner), model.host_of(cluster.name, target)
        came_online = source.updated and group.upgraded and group.state == ONLINE
        _need(goal.updated or not came_online, step, f"{target} is not updated, and the virtual server was online")
    return model.with_group(cluster.name, group.name, owner=target)


def _stop(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    cluster, node = model.clusters[step["cluster"]], step["object"]
    _need(not cluster.owned(node), step, "the node owns a virtual server")
    quorum = [group for group in cluster.groups.values() if group.quorum]
    _need(all(group.owner != node for group in quorum), step, "the node owns the group of the quorum resource")
    return model.with_cluster(cluster.name, up=cluster.up - {node})


def _install(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    host = model.hosts[step["host"]]
    if host.cluster:
        cluster = model.clusters[host.cluster]
        _need(host.node not in cluster.up, step, "2: the Cluster service of the node runs")
        owners = [group.owner for group in cluster.groups.values() if group.virtual_server or group.quorum]
        _need(host.node not in owners, step, "2: the node owns a virtual server or the quorum")
    if not host.front_end:
        waiting = [other.name for other in model.hosts.values() if other.front_end and not other.updated]
        _need(not waiting, step, f"1: the front-ends {waiting} are not updated yet")
    pack, build, fixes = levels.level_after(update, host.service_pack, host.build, host.hotfixes)
    return model.with_host(
        host.name,
        service_pack=pack,
        build=build,
        hotfixes=fixes,
        updated=True,
        installation="finished",
        restart_pending=False,
    )


def _restart(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    host = model.hosts[step["host"]]
    if host.cluster:
        _need(host.node not in model.clusters[host.cluster].up, step, "8: the node still serves")
    return model.with_host(host.name, restart_pending=False)


def _start(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    cluster, host = model.clusters[step["cluster"]], model.hosts[step["host"]]
    _need(not host.needs_install, step, "the node is not updated")
    return model.with_cluster(cluster.name, up=cluster.up | {step["object"]})


def _take_offline(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    group = model.clusters[step["cluster"]].groups[step["group"]]
    _need(group.state in (ONLINE, MIXED), step, f"it is {group.state}")
    return model.with_group(step["cluster"], group.name, state=PARKED)


def _upgrade(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    """The preconditions are those of KB 328839 (A16); the coordinator's is checked before planning."""
    group = model.clusters[step["cluster"]].groups[step["group"]]
    _need(group.state == PARKED, step, f"its resources are not offline but for three: {group.state}")
    _need(model.host_of(step["cluster"], group.owner).updated, step, f"{group.owner} is not updated")
    version = step["after"]["version"]
    return model.with_group(
        step["cluster"], group.name, upgraded=True, service_pack=version["service_pack"], build=version["build"]
    )


def _bring_online(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    group = model.clusters[step["cluster"]].groups[step["group"]]
    _need(group.state in (PARKED, MIXED, OFFLINE), step, f"it is {group.state}")
    return model.with_group(step["cluster"], group.name, state=ONLINE)


def _verify_host(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    _need(model.hosts[step["host"]].updated, step, "the host is not updated")
    return model


def _verify_virtual_server(model: Model, step: Step, update: Mapping[str, Any]) -> Model:
    group = model.clusters[step["cluster"]].groups[step["group"]]
    seen = {"owner": group.owner, "state": group.word, "version": group.version}
    _need(step["after"] == seen and group.state == ONLINE, step, f"it is {seen}")
    return model


_EFFECTS: dict[str, Callable[[Model, Step, Mapping[str, Any]], Model]] = {
    "stage_package": _stage,
    "note_owners": _note,
    "move_group": _move,
    "stop_cluster_service": _stop,
    "install_update": _install,
    "restart_host": _restart,
    "start_cluster_service": _start,
    "take_offline": _take_offline,
    "upgrade_virtual_server": _upgrade,
    "bring_online": _bring_online,
    "verify_host": _verify_host,
    "verify_virtual_server": _verify_virtual_server,
    "failover_test": _move,
    "move_home": _move,
    "remove_note": _note,
}

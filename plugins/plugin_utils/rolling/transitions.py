# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each step does to the estate, and what has to hold in every state (the invariants of the procedure).

``apply`` is the only place that says what a step leads to: the planner simulates with it, and what a plan predicts
is what comes out of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import rules55
from .model import MIXED, OFFLINE, ONLINE, PARKED, Group, Model, PlannerError
from .procedures import PROCEDURES
from .rules55 import need as _need
from .state55 import PRODUCT as EXCHANGE55
from .steps import Step
from .updates import Updates


def apply(model: Model, step: Step, updates: Updates) -> None:
    """Change the model as the step changes the estate.

    Raises PlannerError when the step must not be taken in this state, or would break an invariant that held; the model
    is of no use then.
    """
    effect = _EFFECTS.get(step["step"])
    if effect is None:
        return
    cluster = step["cluster"]
    held = violations(model, cluster) if cluster else set()
    effect(model, step, updates)
    broken = violations(model, cluster) - held if cluster else set()
    if broken:
        what = "; ".join(sorted(broken))
        raise PlannerError(f"{step['step']} {step['object']} on {step['host']} would break: {what}")


def violations(model: Model, name: str) -> set[str]:
    """Return what of the invariants does not hold in a cluster at this moment, in words.

    2: an installer beside a running Cluster service. 3: two nodes of a cluster out of service. 4: a virtual server
    online on a node of another version than its own.
    """
    broken = set()
    cluster = model.clusters[name]
    out = [node for node in cluster.hosts if node not in cluster.up]
    if len(out) > 1:
        broken.add(f"3: {', '.join(sorted(out))} of {cluster.name} are out of service together")
    for node, host_name in cluster.hosts.items():
        host = model.hosts[host_name]
        # A service pack of Exchange 5.5 comes to a node that serves.
        if node in cluster.up and host.running and host.product != EXCHANGE55:
            broken.add(f"2: the Cluster service runs on {node} beside the installer")
    for group in cluster.groups.values():
        if not group.virtual_server:
            continue
        host = model.host_of(name, group.owner)
        if group.owner not in cluster.up:
            broken.add(f"the virtual server {group.name} is owned by {group.owner}, which is out of service")
        elif group.state != ONLINE:
            continue
        elif not group.upgraded and not host.old:
            broken.add(f"4: {group.name} is online on the newer node {group.owner} before its upgrade")
        elif group.upgraded and host.old:
            broken.add(f"4: {group.name} is upgraded and online on {group.owner}, which is not updated")
        elif group.known and host.level.service_pack != group.service_pack:
            broken.add(f"4: {group.name} is online on {group.owner}, which has another service pack")
    return broken


def _stage(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], unstaged=model.hosts[step["host"]].unstaged - {step["object"]})


def _note(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], note=step["after"] if step["after"]["owners"] is not None else None)


def _move(model: Model, step: Step, updates: Updates) -> None:
    cluster = model.clusters[step["cluster"]]
    group, target = cluster.groups[step["group"]], step["node"]
    _need(target in cluster.up, step, f"{target} is not up")
    _need(target in group.allowed, step, f"{target} is no possible owner")
    if group.virtual_server and rules55.is_55(model, cluster):
        rules55.check_move(model, step, cluster, updates)
        goal = model.host_of(cluster.name, target)
        model.change_group(cluster.name, group.name, owner=target, **rules55.moved(group, goal))
        return
    if group.virtual_server:
        source, goal = model.host_of(cluster.name, group.owner), model.host_of(cluster.name, target)
        upgraded = group.upgraded and updates.target(goal.product) is not None
        _need(not (upgraded and goal.old), step, f"A10: it is upgraded, and {target} is not updated")
        came_online = source.updated and group.upgraded and group.state == ONLINE
        _need(goal.updated or not came_online, step, f"{target} is not updated, and the virtual server was online")
    online = group.virtual_server and group.state == ONLINE
    upgraded_there = _upgrades_itself(model, cluster.name, group, target, updates) if online else {}
    model.change_group(cluster.name, group.name, owner=target, **upgraded_there)


def _upgrades_itself(model: Model, cluster: str, group: Group, node: str, updates: Updates) -> dict[str, Any]:
    """Return what changes of a virtual server that comes online on ``node``: of Exchange 2000 it upgrades itself.

    Its System Attendant does it where the node is newer [V, evand blog and KB 887722].
    """
    host = model.host_of(cluster, node)
    if PROCEDURES[host.product].upgrade != "itself" or group.upgraded or host.old:
        return {}
    return {"upgraded": True, "known": True, **updates.version_after(host.product, group.version)}


def _stop(model: Model, step: Step, updates: Updates) -> None:
    cluster, node = model.clusters[step["cluster"]], step["object"]
    _need(not cluster.load(node), step, "the node owns a virtual server")
    quorum = [group for group in cluster.groups.values() if group.quorum]
    _need(all(group.owner != node for group in quorum), step, "the node owns the group of the quorum resource")
    model.change_cluster(cluster.name, up=cluster.up - {node})


def _install(model: Model, step: Step, updates: Updates) -> None:
    host, key = model.hosts[step["host"]], step["object"]
    _need(host.chain[:1] == (key,), step, f"the chain of the host is {list(host.chain)}")
    if host.product == EXCHANGE55:
        rules55.check_install(model, step, host, updates)
    elif host.cluster:
        cluster = model.clusters[host.cluster]
        _need(host.node not in cluster.up, step, "2: the Cluster service of the node runs")
        owners = [group.owner for group in cluster.groups.values() if group.virtual_server or group.quorum]
        _need(host.node not in owners, step, "2: the node owns a virtual server or the quorum")
    if not host.front_end:
        _need(not model.waiting, step, f"1: the front-ends {sorted(model.waiting)} are not updated yet")
    else:
        _need(host.rotation in (None, "out"), step, "the front-end is in the rotation of its set")
    model.change_host(
        host.name,
        level=updates.level_after(key, host.level),
        chain=host.chain[1:],
        old=updates.raises(host.chain[1:]),
        phases={**host.phases, key: "finished"},
        restart_pending=updates.by_id[key].get("restart") == "always",
        backup_due=key if updates.by_id[key]["kind"] == "service_pack" else host.backup_due,
    )
    if host.product == EXCHANGE55:
        rules55.installed(model, host, key, updates)


def _restart(model: Model, step: Step, updates: Updates) -> None:
    host = model.hosts[step["host"]]
    if host.cluster:
        _need(host.product != EXCHANGE55, step, "5: no node of an Exchange 5.5 cluster is restarted")
        _need(host.node not in model.clusters[host.cluster].up, step, "8: the node still serves")
    model.change_host(host.name, restart_pending=False)


def _start(model: Model, step: Step, updates: Updates) -> None:
    cluster, host = model.clusters[step["cluster"]], model.hosts[step["host"]]
    _need(host.updated and not host.running, step, "the node is not updated")
    model.change_cluster(cluster.name, up=cluster.up | {step["object"]})


def _take_offline(model: Model, step: Step, updates: Updates) -> None:
    cluster = model.clusters[step["cluster"]]
    group = cluster.groups[step["group"]]
    if rules55.is_55(model, cluster):
        rules55.check_take_offline(model, step, cluster, updates)
    _need(group.state in (ONLINE, MIXED), step, f"it is {group.state}")
    model.change_group(step["cluster"], group.name, state=PARKED)


def _upgrade(model: Model, step: Step, updates: Updates) -> None:
    """The preconditions are those of KB 328839 (A16); the coordinator's is checked before planning."""
    group = model.clusters[step["cluster"]].groups[step["group"]]
    product = model.host_of(step["cluster"], group.owner).product
    _need(PROCEDURES[product].upgrade == "menu", step, f"nobody upgrades a virtual server of Exchange {product}")
    _need(group.state == PARKED, step, f"its resources are not offline but for three: {group.state}")
    _need(model.host_of(step["cluster"], group.owner).updated, step, f"{group.owner} is not updated")
    version = step["after"]["version"]
    model.change_group(
        step["cluster"],
        group.name,
        upgraded=True,
        known=True,
        service_pack=version["service_pack"],
        build=version["build"],
    )


def _hold(model: Model, step: Step, updates: Updates) -> None:
    cluster = model.clusters[step["cluster"]]
    group, nodes = cluster.groups[step["group"]], tuple(step["nodes"])
    _need(group.owner in nodes, step, f"{group.owner} owns it and would be no possible owner")
    _need(set(nodes) <= set(group.hold_found), step, "a node would be added that never was a possible owner")
    old = [node for node in nodes if model.host_of(cluster.name, node).old]
    _need(not (old and group.upgraded), step, f"A10: {old} are not updated")
    model.change_group(cluster.name, group.name, hold=nodes)


def _bring_online(model: Model, step: Step, updates: Updates) -> None:
    cluster = model.clusters[step["cluster"]]
    group = cluster.groups[step["group"]]
    _need(group.state in (PARKED, MIXED, OFFLINE), step, f"it is {group.state}")
    if rules55.is_55(model, cluster):
        rules55.check_bring_online(model, step, cluster)
    if group.upgraded and group.resource is not None:
        old = [node for node in group.allowed if model.host_of(cluster.name, node).old]
        _need(not old, step, f"A10: it is upgraded, and {old} are possible owners that are not updated")
    upgraded_there = _upgrades_itself(model, cluster.name, group, group.owner, updates)
    model.change_group(cluster.name, group.name, state=ONLINE, **upgraded_there)


def _verify_host(model: Model, step: Step, updates: Updates) -> None:
    _need(model.hosts[step["host"]].updated, step, "the host is not updated")


def _verify_virtual_server(model: Model, step: Step, updates: Updates) -> None:
    group = model.clusters[step["cluster"]].groups[step["group"]]
    seen = {"owner": group.owner, "state": group.word, "version": group.version}
    _need(step["after"] == seen and group.state == ONLINE, step, f"it is {seen}")
    model.change_group(step["cluster"], group.name, unproven=False)


def _leave(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], rotation="out")


def _join(model: Model, step: Step, updates: Updates) -> None:
    host = model.hosts[step["host"]]
    _need(host.updated and not host.restart_pending, step, "the front-end is not updated")
    model.change_host(host.name, rotation="in")


def _stop_services(model: Model, step: Step, updates: Updates) -> None:
    host = model.hosts[step["host"]]
    noted = {**dict.fromkeys(step["after"]["services"], "running"), **(host.noted_services or {})}
    model.change_host(host.name, interfering=(), noted_services=noted)


def _start_services(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], noted_services=None)


def _upgrade_connector(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], connector="begun")


def _compare_connector(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], connector=None)


def _note_backup(model: Model, step: Step, updates: Updates) -> None:
    model.change_host(step["host"], backup_due=None)


_EFFECTS: dict[str, Callable[[Model, Step, Updates], None]] = {
    "stage_package": _stage,
    "note_owners": _note,
    "move_group": _move,
    "stop_cluster_service": _stop,
    "install_update": _install,
    "restart_host": _restart,
    "start_cluster_service": _start,
    "take_offline": _take_offline,
    "upgrade_virtual_server": _upgrade,
    "limit_owners": _hold,
    "restore_owners": _hold,
    "bring_online": _bring_online,
    "verify_host": _verify_host,
    "verify_virtual_server": _verify_virtual_server,
    "failover_test": _move,
    "move_home": _move,
    "remove_note": _note,
    "leave_rotation": _leave,
    "join_rotation": _join,
    "stop_services": _stop_services,
    "start_services": _start_services,
    "upgrade_connector": _upgrade_connector,
    "compare_schema_maps": _compare_connector,
    "note_backup_due": _note_backup,
    **rules55.EFFECTS,
}
"""Step word -> what it does; ``export_schema_maps`` changes nothing that is planned with."""

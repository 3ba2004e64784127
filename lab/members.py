# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that join and leave a cluster: start, stop and loss of the Cluster service."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from .clock import Course, Flow
from .tables import table

if TYPE_CHECKING:
    from .cluster import Cluster, Group, Node
    from .services import Service

#: What a Cluster service that cannot start leaves in the service control manager: it ended unexpectedly.
START_FAILED = 1067
_PATIENCE = 300.0


class Membership:
    """The membership of one cluster. The quorum is not modelled beyond its group: any node can form the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._world = cluster.world

    def starting(self, node: Node) -> Generator[float | Flow, None, int]:
        """The start of the Cluster service on a node: joins the others, or forms the cluster; gives an exit code."""
        cluster = self._cluster
        node.leaving = False
        cluster.set_node(node, "joining")
        yield float(table("cluster")["timing"]["join"]) * self._world.jitter()
        if self._world.faults.take("start_cluster_service", host=node.host.name):
            cluster.set_node(node, "down")
            node.host.log_event("System", "ClusSvc", 1009, "error", "The Cluster service could not be started.")
            return START_FAILED
        cluster.set_node(node, "paused" if node.paused else "up")
        if not node.paused:
            self._adopt(node)
        return 0

    def stopping(self, node: Node, cause: str) -> Course:
        """The stop of the Cluster service: its groups go to other nodes, or offline where there is none."""
        cluster = self._cluster
        node.leaving = True
        reason = "service_stop" if cause == "command" else cause
        for group in [g for g in cluster.groups.values() if g.owner == node.name]:
            cluster.work.replace(group, cluster.work.fail_over(group, reason))
        patience = self._world.clock.time + _PATIENCE
        while any(self._still_here(group, node) for group in cluster.groups.values()):
            if self._world.clock.time > patience:
                break
            yield 0.5
        node.leaving = False
        cluster.set_node(node, "down")
        for group in cluster.groups.values():  # nobody could take them then; a node may have joined meanwhile
            takers = cluster.candidates(group, {node.name}) if group.owner == node.name and not group.busy else []
            if takers:
                cluster.work.replace(group, cluster.work.take_over(group, takers[0]))

    def lost(self, node: Node) -> None:
        """A node has died: what it ran is gone at once, and its groups go elsewhere when that is noticed."""
        cluster = self._cluster
        if node.state == "down":
            return
        node.leaving = False
        cluster.set_node(node, "down")
        detect = float(table("cluster")["timing"]["detect"])
        for group in cluster.groups.values():
            if group.owner != node.name:
                continue
            group.queue.clear()
            if group.flow:
                group.flow.cancel()
            for resource in reversed(group.resources):
                if resource.state != "offline":
                    cluster.work.set_state(resource, "offline", "failure")
            if cluster.running:
                cluster.work.replace(group, cluster.work.fail_over(group, "failure", detect))

    def service_gone(self, node: Node, service: Service, cause: str) -> None:
        """A service on a node has stopped by itself or by hand.

        For one that the cluster manages the resource monitor's IsAlive finds its resource failed [V, mskb 810860]. A
        Cluster service whose process was ended is a lost node; the service control manager starts it again [R].
        """
        if service.cluster_managed:
            for resource in list(self._cluster.resources.values()):
                group = self._cluster.groups[resource.group]
                if group.owner == node.name and resource.service == service.name:
                    self._cluster.work.failed(resource)
        elif service.name == "ClusSvc" and cause == "killed":
            self.lost(node)
            self._world.clock.after(float(table("cluster")["timing"]["service_restart"]), lambda: self._restart(node))

    # -- inside

    def _restart(self, node: Node) -> None:
        if node.host.up and node.host.services["ClusSvc"].state == "stopped":
            node.host.start_service("ClusSvc", cause="boot")

    def _still_here(self, group: Group, node: Node) -> bool:
        if group.owner != node.name:
            return False
        return group.busy or any(resource.state != "offline" for resource in group.resources)

    def _adopt(self, node: Node) -> None:
        """Take the groups whose owner does not run, and those of its own that nobody works on."""
        cluster = self._cluster
        for group in cluster.groups.values():
            ownerless = not cluster.nodes[group.owner].member or group.owner == node.name
            if ownerless and not group.busy and node.name in group.possible_owners:
                cluster.work.replace(group, cluster.work.take_over(group, node))

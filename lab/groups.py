# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work on cluster groups: online, offline, move, failure. Each course runs by the clock's events.

`cause` says why something happens: command (somebody asked for it), service_stop (the Cluster service of the owner is
being stopped on command), shutdown, failure (a node or a resource failed, or a move failed and comes back), start (the
cluster is formed or a node joins).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from .clock import Course, Flow
from .exchange import comes_online
from .exchange2000 import upgrade_seconds
from .tables import table

if TYPE_CHECKING:
    from .cluster import Cluster, Group, Node, Resource
    from .faults import Fault

ONLINE_FAILED, RESOURCE_FAILED = 5018, 5038
ATTEMPTS = 2
ATTENDANT = "MSExchangeSA"

Trial = Generator["float | Flow", None, bool]


class GroupWork:
    """The courses of one cluster's groups."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._world = cluster.world

    # -- starting and queueing

    def begin(self, group: Group, course: Course, whole: bool = False) -> None:
        """Start a course on a group; work on single resources waits for its turn. `whole`: the group is pending."""
        if group.busy:
            group.queue.append(course)
            return
        group.whole = whole
        group.last_error = 0
        group.flow = self._world.clock.flow(self._one_by_one(group, course))
        self._world.changed()

    def replace(self, group: Group, course: Course) -> Flow:
        """Give up what is under way on a group (its owner is gone) and start something else."""
        group.queue.clear()
        if group.flow:
            group.flow.cancel()
        group.whole = True
        group.flow = self._world.clock.flow(self._one_by_one(group, course))
        self._world.changed()
        return group.flow

    def _one_by_one(self, group: Group, course: Course) -> Course:
        yield from course
        while group.queue:
            yield from group.queue.pop(0)
        # the flow counts as done only after this step; whoever reads the state then sees the result
        self._world.clock.after(0.0, self._world.changed)

    # -- courses

    def online(self, group: Group, resources: list[Resource], cause: str, requested: bool = False) -> Course:
        """Bring resources of a group online where it is; stops at the first that fails."""
        exchange = any(resource.is_exchange for resource in resources)
        fault = None
        if requested and group.virtual_server and exchange:
            server = group.virtual_server.network_name
            fault = self._world.faults.take("online", cluster=self._cluster.name, target=group.name, also=server)
        yield from self._bring_online(group, resources, cause, fault)

    def offline(self, resources: list[Resource], cause: str) -> Course:
        """Take resources offline, in the reverse order of their dependencies."""
        for resource in reversed(self._cluster.in_order(resources)):
            if resource.state in ("online", "online_pending"):
                self.set_state(resource, "offline_pending", cause)
                yield self._seconds(resource, "offline")
            if resource.state != "offline":
                self.set_state(resource, "offline", cause)

    def move(self, group: Group, target: Node, cause: str) -> Course:
        """Move a group: offline here, online there; what fails there comes back, or goes on to another node."""
        cluster = self._cluster
        source = cluster.nodes[group.owner]
        server = group.virtual_server.network_name if group.virtual_server else ""
        fault = None
        if cause == "command":
            fault = self._world.faults.take("move", cluster=cluster.name, target=group.name, also=server)
        wanted = [resource for resource in group.resources if resource.persistent_state]
        yield from self.offline(group.resources, cause)
        yield float(table("cluster")["timing"]["between"])
        tried = {source.name} if cause != "command" else set()
        node: Node | None = target
        while node is not None:
            if not node.takes_groups:
                node = self._next(group, tried)
                continue
            tried.add(node.name)
            self._own(group, node, cause)
            if (yield from self._bring_online(group, wanted, cause, fault)):
                return
            fault, cause = None, "failure"
            if source.name not in tried and source.takes_groups and source.name in group.possible_owners:
                following: Node | None = source
            else:
                following = self._next(group, tried)
            if following is None:
                return
            yield from self.offline(group.resources, cause)
            yield float(table("cluster")["timing"]["between"])
            node = following
        if source.member and not source.leaving:  # nobody took it: it stays, and comes back online here
            yield from self._bring_online(group, wanted, "failure", None)

    def fail_over(self, group: Group, cause: str, detect: float = 0.0) -> Course:
        """The owner is gone or goes: the group comes online on the best other node that can take it."""
        lost = group.owner
        wanted = [resource for resource in group.resources if resource.persistent_state]
        if detect:
            yield detect
        else:
            yield from self.offline(group.resources, cause)
            yield float(table("cluster")["timing"]["between"])
        tried = {lost}
        node = self._next(group, tried)
        while node is not None:
            tried.add(node.name)
            self._own(group, node, cause)
            if (yield from self._bring_online(group, wanted, cause, None)):
                return
            cause = "failure"
            following = self._next(group, tried)
            if following is None:
                return
            yield from self.offline(group.resources, cause)
            yield float(table("cluster")["timing"]["between"])
            node = following

    def take_over(self, group: Group, node: Node, wait: float = 0.0) -> Course:
        """A node that joins takes a group that nobody runs."""
        yield wait
        if not node.takes_groups:
            return
        self._own(group, node, "start")
        wanted = [resource for resource in group.resources if resource.persistent_state]
        yield from self._bring_online(group, wanted, "start", None)

    # -- failure of a resource that was online

    def failed(self, resource: Resource) -> None:
        """An online resource has failed: it is started again once here, then the group fails over once."""
        group = self._cluster.groups[resource.group]
        if group.busy or resource.state != "online":
            return
        resource.last_error = RESOURCE_FAILED
        self._log(group, resource)
        self.begin(group, self._recover(group, resource), whole=True)

    def _recover(self, group: Group, resource: Resource) -> Course:
        wanted = [r for r in group.resources if r.persistent_state]
        affected = self._cluster.dependents(resource)
        self.set_state(resource, "failed", "failure")
        yield from self.offline([r for r in affected if r.group == group.name], "failure")
        yield float(table("cluster")["timing"]["between"])
        if (yield from self._bring_online(group, wanted, "failure", None)):
            return
        node = self._next(group, {group.owner})
        if node is not None:
            yield from self.fail_over(group, "failure")

    # -- one resource

    def set_state(self, resource: Resource, state: str, cause: str) -> None:
        """A resource comes to a state; services on the nodes and observers follow."""
        if resource.state == state:
            return
        before, resource.state = resource.state, state
        group = self._cluster.groups[resource.group]
        if resource.service:
            self.follow(group.owner, resource.service, cause)
        self._world.changed()
        self._world.emit(
            "resource", cluster=self._cluster, group=group, resource=resource, state=state, before=before, cause=cause
        )

    def follow(self, node: str, service: str, cause: str) -> None:
        """A service that the cluster manages runs on a node where a resource of that kind is online, only there."""
        member, host = self._cluster.nodes[node].member, self._cluster.nodes[node].host
        known = host.services.get(service)
        if known is None or not known.cluster_managed:
            return
        runs = any(
            r.service == service and self._cluster.groups[r.group].owner == node
            for r in self._cluster.resources.values()
            if r.state == "online"
        )
        host.service_manager.set_at_once(service, "running" if runs and member else "stopped", "cluster")

    def _bring_online(self, group: Group, resources: list[Resource], cause: str, fault: Fault | None) -> Trial:
        """Bring resources online in order, each with two attempts; False at the first that fails."""
        wanted = self._cluster.in_order(resources)
        doomed = next((r for r in wanted if r.service == ATTENDANT), wanted[-1] if wanted else None)
        for resource in wanted:
            if resource.state == "online":
                continue
            if any(self._cluster.resources[name].state != "online" for name in resource.depends_on):
                continue
            for attempt in range(ATTEMPTS):
                if attempt:
                    yield float(table("cluster")["timing"]["between"])
                if (yield from self._one_online(group, resource, cause, fault is not None and resource is doomed)):
                    break
            else:
                group.last_error = resource.last_error
                return False
        return True

    def _one_online(self, group: Group, resource: Resource, cause: str, doomed: bool) -> Trial:
        self.set_state(resource, "online_pending", cause)
        node = self._cluster.nodes[group.owner]
        yield self._seconds(resource, "online") + upgrade_seconds(group, resource, node.host)
        node = self._cluster.nodes[group.owner]
        if node.state == "paused" or doomed or not comes_online(group, resource, node.host):
            resource.last_error = ONLINE_FAILED
            self.set_state(resource, "failed", cause)
            self._log(group, resource)
            return False
        resource.last_error = 0
        self.set_state(resource, "online", cause)
        return True

    def _own(self, group: Group, node: Node, cause: str) -> None:
        before, group.owner = group.owner, node.name
        for service in sorted({resource.service for resource in group.resources} - {""}):
            self.follow(before, service, cause)
        self._world.changed()
        self._world.emit("owner", cluster=self._cluster, group=group, node=node, before=before, cause=cause)

    def _next(self, group: Group, tried: set[str]) -> Node | None:
        candidates = self._cluster.candidates(group, tried)
        return candidates[0] if candidates else None

    def _seconds(self, resource: Resource, what: str) -> float:
        kind = table("cluster")["types"].get(resource.type, {})
        seconds = kind.get(what, 2)
        if not kind.get("service") and resource.service:  # a Generic Service takes as long as its service
            node = self._cluster.nodes[self._cluster.groups[resource.group].owner]
            known = node.host.services.get(resource.service)
            if known is not None:
                seconds = known.start_seconds if what == "online" else known.stop_seconds
        return float(seconds) * self._world.jitter()

    def _log(self, group: Group, resource: Resource) -> None:
        host = self._cluster.nodes[group.owner].host
        text = f"Cluster resource '{resource.name}' in resource group '{group.name}' failed."
        host.log_event("System", "ClusSvc", 1069, "error", text)

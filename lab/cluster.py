# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server cluster (MSCS): its nodes, groups and resources, and what can be asked of it.

Operations only begin their work, or raise a Win32Error; the caller watches the states. Node names are the hosts'
computer names. `groups.py` holds the courses of the work, `members.py` those of joining and leaving nodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .clock import Course, Flow
from .errors import Win32Error
from .groups import GroupWork
from .members import Membership
from .tables import table

if TYPE_CHECKING:
    from .databases import Database
    from .exchange import VirtualServer
    from .host import Host
    from .world import World

RESOURCE_NOT_FOUND, GROUP_NOT_FOUND, NODE_NOT_FOUND = 5007, 5013, 5042
OBJECT_ALREADY_EXISTS, OBJECT_NOT_FOUND = 5010, 4312
INVALID_STATE, ALL_NODES_NOT_AVAILABLE = 5023, 5037
NODE_DOWN, NODE_NOT_PAUSED, NODE_PAUSED, CANT_HOST = 5050, 5058, 5070, 5071
INVALID_ON_QUORUM, NODE_SHUTTING_DOWN = 5068, 5073
NOT_RUNNING = 1753

PENDING = ("online_pending", "offline_pending", "pending", "initializing")


@dataclass(eq=False)
class Node:
    """A node. `state`: up, down, paused or joining. `paused` survives a restart."""

    id: int
    name: str
    host: Host
    state: str = "up"
    paused: bool = False
    leaving: bool = False

    @property
    def member(self) -> bool:
        """Whether its Cluster service takes part in the cluster (up or paused)."""
        return self.state in ("up", "paused")

    @property
    def takes_groups(self) -> bool:
        """Whether groups can be moved to it."""
        return self.state == "up" and not self.leaving


@dataclass(eq=False)
class Resource:
    """A resource. `private`: its private properties; `persistent_state`: 1 = it is wanted online."""

    guid: str
    name: str
    type: str
    group: str
    state: str = "offline"
    possible_owners: list[str] = field(default_factory=list)
    depends_on: list[str] = field(default_factory=list)
    private: dict[str, Any] = field(default_factory=dict)
    persistent_state: int = 1
    description: str = ""
    properties: dict[str, int] = field(default_factory=lambda: dict(table("cluster")["resource_properties"]))
    last_error: int = 0

    @property
    def is_exchange(self) -> bool:
        """Whether it is one of Exchange's, which go offline for an upgrade of the virtual server."""
        return self.type not in table("cluster")["kept_online"]

    @property
    def service(self) -> str:
        """The service that runs where it is online, empty for none; a Generic Service names its own."""
        kind = table("cluster")["types"].get(self.type, {})
        return str(kind.get("service") or self.private.get("ServiceName", ""))


@dataclass(eq=False)
class Group:
    """A group. `owner`: a node's name; `last_error`: Win32 code of the last operation that failed."""

    guid: str
    name: str
    owner: str
    cluster: Cluster
    persistent_state: int = 1
    preferred_owners: list[str] = field(default_factory=list)
    virtual_server: VirtualServer | None = None
    description: str = ""
    properties: dict[str, int] = field(default_factory=lambda: dict(table("cluster")["group_properties"]))
    flow: Flow | None = None
    queue: list[Course] = field(default_factory=list)
    whole: bool = False
    last_error: int = 0
    databases: list[Database] = field(default_factory=list)

    @property
    def resources(self) -> list[Resource]:
        """Its resources, those first that others depend on."""
        return self.cluster.in_order(r for r in self.cluster.resources.values() if r.group == self.name)

    @property
    def busy(self) -> bool:
        """Whether work on it is under way."""
        return self.flow is not None and not self.flow.done

    @property
    def state(self) -> str:
        """online, offline, failed, partially_online or pending."""
        states = {resource.state for resource in self.resources}
        if (self.busy and self.whole) or states & set(PENDING):
            return "pending"
        if "failed" in states:
            return "failed"
        if states <= {"online"}:
            return "online" if states or self.persistent_state else "offline"
        return "offline" if states == {"offline"} else "partially_online"

    @property
    def possible_owners(self) -> list[str]:
        """The nodes on which every one of its resources may run, in the order of the nodes."""
        resources = self.resources
        return [n for n in self.cluster.nodes if all(n in r.possible_owners for r in resources)]


class Cluster:
    """A cluster. `name` is the estate's name, and the cluster's own."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.instance_id = ""
        self.nodes: dict[str, Node] = {}
        self.groups: dict[str, Group] = {}
        self.resources: dict[str, Resource] = {}
        self.quorum_resource = ""
        self.quorum_path = "Q:\\MSCS\\"
        # False: the configuration does not name the quorum's resource, it is damaged
        self.quorum_known = True
        self.work = GroupWork(self)
        self.members = Membership(self)

    # -- finding

    def access(self, host: Host) -> None:
        """Raise Win32Error 1753 when the cluster cannot be asked from this host: its Cluster service does not run."""
        if host.node is None or host.node.name not in self.nodes or not host.service_running("ClusSvc"):
            raise Win32Error(NOT_RUNNING, host.name)

    @property
    def running(self) -> bool:
        """Whether any node takes part."""
        return any(node.member for node in self.nodes.values())

    def node(self, name: str) -> Node:
        """Return a node by its name in any case or its number; raises Win32Error 5042."""
        for node in self.nodes.values():
            if node.name.lower() == name.lower() or str(node.id) == name:
                return node
        raise Win32Error(NODE_NOT_FOUND, name)

    def group(self, name: str) -> Group:
        """Return a group by its name in any case; raises Win32Error 5013."""
        for group in self.groups.values():
            if group.name.lower() == name.lower():
                return group
        raise Win32Error(GROUP_NOT_FOUND, name)

    def resource(self, name: str) -> Resource:
        """Return a resource by its name in any case; raises Win32Error 5007."""
        for resource in self.resources.values():
            if resource.name.lower() == name.lower():
                return resource
        raise Win32Error(RESOURCE_NOT_FOUND, name)

    @property
    def quorum_group(self) -> Group:
        """The group that holds the quorum resource."""
        return self.groups[self.resources[self.quorum_resource].group]

    def in_order(self, resources: Iterable[Resource]) -> list[Resource]:
        """Return resources so that each comes after those that it depends on."""
        left = list(resources)
        waiting = {resource.name for resource in left}
        ordered: list[Resource] = []
        while left:
            ready = [resource for resource in left if waiting.isdisjoint(resource.depends_on)] or left
            ordered += ready
            waiting -= {resource.name for resource in ready}
            left = [resource for resource in left if resource.name in waiting]
        return ordered

    def dependents(self, resource: Resource) -> list[Resource]:
        """Return everything that depends on a resource, directly or not, those first that go offline first."""
        found = [resource]
        for other in self.in_order(self.resources.values()):
            if any(d.name in other.depends_on for d in found):
                found.append(other)
        return found[:0:-1]

    def providers(self, resource: Resource) -> list[Resource]:
        """Return everything that a resource depends on, directly or not, those first that come online first."""
        found = [resource]
        for other in reversed(self.in_order(self.resources.values())):
            if any(other.name in f.depends_on for f in found):
                found.append(other)
        return found[:0:-1]

    # -- nodes

    def pause(self, name: str) -> None:
        """Pause a node: nothing comes online or moves to it; raises Win32Error 5042, 5050 or 5070."""
        node = self._member(name)
        if node.paused:
            raise Win32Error(NODE_PAUSED, name)
        node.paused = True
        self.set_node(node, "paused")

    def resume(self, name: str) -> None:
        """Take back a pause; raises Win32Error 5042, 5050 or 5058."""
        node = self._member(name)
        if not node.paused:
            raise Win32Error(NODE_NOT_PAUSED, name)
        node.paused = False
        self.set_node(node, "up")

    def set_node(self, node: Node, state: str) -> None:
        """A node comes to a state; the observers hear of it."""
        if node.state != state:
            node.state = state
            self.world.changed()
            self.world.emit("node", cluster=self, node=node, state=state)

    def node_lost(self, node: Node) -> None:
        """A node is gone without a farewell."""
        self.members.lost(node)

    # -- groups

    def move_group(self, name: str, node: str | None = None, cause: str = "command") -> None:
        """Begin to move a group, without a node to the best other one.

        Raises Win32Error 5013, 5042, 5050 (node down), 5070 (paused), 5071 (a resource may not run there),
        5037 (no other node), 5023 (the group is pending).
        """
        group = self.group(name)
        target = self.node(node) if node else None
        if target is not None and target.name == group.owner and target.member:
            return
        self._idle(group)
        if target is None:
            candidates = self.candidates(group, {group.owner})
            if not candidates:
                raise Win32Error(ALL_NODES_NOT_AVAILABLE, name)
            target = candidates[0]
        if not target.member or target.leaving:
            raise Win32Error(NODE_DOWN, target.name)
        if target.state == "paused":
            raise Win32Error(NODE_PAUSED, target.name)
        if any(target.name not in r.possible_owners for r in group.resources):
            raise Win32Error(CANT_HOST, target.name)
        if not self.nodes[group.owner].member:
            raise Win32Error(NODE_DOWN, group.owner)
        self.world.emit("move_requested", cluster=self, group=group, node=target, cause=cause)
        self.work.begin(group, self.work.move(group, target, cause), whole=True)

    def online_group(self, name: str, cause: str = "command") -> None:
        """Begin to bring a group online with all its resources; raises Win32Error 5013, 5023, 5050, 5070, 5073."""
        group = self.group(name)
        self._idle(group)
        self._owner_ready(group)
        group.persistent_state = 1
        for resource in group.resources:
            resource.persistent_state = 1
        self.work.begin(group, self.work.online(group, group.resources, cause, requested=True), whole=True)

    def offline_group(self, name: str) -> None:
        """Begin to take a group offline; raises Win32Error 5013, 5023, 5050, or 5068 for the quorum's group."""
        group = self.group(name)
        if group is self.quorum_group:
            raise Win32Error(INVALID_ON_QUORUM, name)
        self._idle(group)
        self._owner_member(group)
        group.persistent_state = 0
        for resource in group.resources:
            resource.persistent_state = 0
        self.work.begin(group, self.work.offline(group.resources, "command"), whole=True)

    def online_resource(self, name: str, cause: str = "command") -> None:
        """Begin to bring a resource online, what it needs first; raises Win32Error 5007, 5023, 5050, 5070, 5073."""
        resource = self.resource(name)
        group = self.groups[resource.group]
        self._not_moving(group)
        self._owner_ready(group)
        wanted = [*self.providers(resource), resource]
        for each in wanted:
            each.persistent_state = 1
        group.persistent_state = 1
        self.work.begin(group, self.work.online(group, wanted, cause, requested=True))

    def offline_resource(self, name: str) -> None:
        """Begin to take a resource offline, what depends on it first; raises Win32Error 5007, 5023, 5050, 5068."""
        resource = self.resource(name)
        group = self.groups[resource.group]
        affected = [*self.dependents(resource), resource]
        if any(r.name == self.quorum_resource for r in affected):
            raise Win32Error(INVALID_ON_QUORUM, name)
        self._not_moving(group)
        self._owner_member(group)
        for each in affected:
            each.persistent_state = 0
        self.work.begin(group, self.work.offline(self.in_order(affected), "command"))

    def fail_resource(self, name: str) -> None:
        """Make an online resource fail, as `cluster res /fail` does; raises Win32Error 5007 or 5004 (not online)."""
        resource = self.resource(name)
        if resource.state != "online":
            raise Win32Error(5004, name)
        self.work.failed(resource)

    def set_preferred_owners(self, name: str, nodes: list[str]) -> None:
        """Set the preferred owners of a group; raises Win32Error 5013 or 5042."""
        group = self.group(name)
        group.preferred_owners = [self.node(node).name for node in nodes]
        self.world.changed()

    def add_possible_owner(self, name: str, node: str) -> None:
        """Let a resource run on a node; raises Win32Error 5007, 5042 or 5010 (it may already)."""
        resource, member = self.resource(name), self.node(node)
        if member.name in resource.possible_owners:
            raise Win32Error(OBJECT_ALREADY_EXISTS, node)
        resource.possible_owners = [n for n in self.nodes if n in (*resource.possible_owners, member.name)]
        self.world.changed()

    def remove_possible_owner(self, name: str, node: str) -> None:
        """Forbid a node to a resource; raises Win32Error 5007, 5042, 4312 (not one), 5071 (it is there)."""
        resource, member = self.resource(name), self.node(node)
        if member.name not in resource.possible_owners:
            raise Win32Error(OBJECT_NOT_FOUND, node)
        if self.groups[resource.group].owner == member.name:
            raise Win32Error(CANT_HOST, node)
        resource.possible_owners.remove(member.name)
        self.world.changed()

    def candidates(self, group: Group, without: set[str]) -> list[Node]:
        """Return the nodes that can take a group, the preferred ones first, then by number."""
        possible = [self.nodes[n] for n in group.possible_owners if n not in without and self.nodes[n].takes_groups]
        preferred = {name: place for place, name in enumerate(group.preferred_owners)}
        return sorted(possible, key=lambda node: (preferred.get(node.name, len(preferred)), node.id))

    # -- inside

    def _member(self, name: str) -> Node:
        node = self.node(name)
        if not node.member:
            raise Win32Error(NODE_DOWN, name)
        return node

    def _idle(self, group: Group) -> None:
        if group.busy:
            raise Win32Error(INVALID_STATE, group.name)

    def _not_moving(self, group: Group) -> None:
        if group.busy and group.whole:
            raise Win32Error(INVALID_STATE, group.name)

    def _owner_member(self, group: Group) -> None:
        if not self.nodes[group.owner].member:
            raise Win32Error(NODE_DOWN, group.owner)

    def _owner_ready(self, group: Group) -> None:
        self._owner_member(group)
        if self.nodes[group.owner].leaving:
            raise Win32Error(NODE_SHUTTING_DOWN, group.owner)
        if self.nodes[group.owner].state == "paused":
            raise Win32Error(NODE_PAUSED, group.owner)

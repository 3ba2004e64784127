# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of a cluster at one moment, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .configuration import Configuration
from .words import Words

PENDING_RESOURCE_STATES = frozenset({"online_pending", "offline_pending", "pending", "initializing"})
"""Resource states that are on their way to another one."""


@dataclass(frozen=True)
class Node:
    """A node: its number in the cluster and its state (up, down, paused, joining, unknown)."""

    id: int
    state: str


@dataclass(frozen=True)
class Group:
    """A group: who owns it now, its state, and what the configuration says of it.

    ``hold``, of a virtual server: its System Attendant resource, with the nodes that may own that one (``resource``,
    ``possible_owners``); while an update is rolled out these keep the virtual server on updated nodes.
    """

    owner: str
    state: str
    preferred_owners: list[str]
    possible_owners: list[str]
    virtual_server: bool
    quorum: bool
    network_name: str | None
    hold: dict[str, Any] | None = None


@dataclass(frozen=True)
class Resource:
    """A resource: its group, owner, state, type, the nodes that may own it and what it depends on."""

    group: str
    owner: str
    state: str
    type: str
    possible_owners: list[str]
    depends_on: list[str]


@dataclass(frozen=True)
class ClusterState:
    """A cluster as one of its nodes sees it; everything but ``service`` is empty when the service does not run."""

    service: str
    name: str | None = None
    quorum_resource: str | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    words: Words = field(default_factory=Words, compare=False, repr=False)
    configuration: Configuration | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, without what was learnt on the way."""
        return {
            "service": self.service,
            "name": self.name,
            "quorum_resource": self.quorum_resource,
            "nodes": {name: asdict(node) for name, node in self.nodes.items()},
            "groups": {name: asdict(group) for name, group in self.groups.items()},
            "resources": {name: asdict(resource) for name, resource in self.resources.items()},
        }

    @property
    def unsettled(self) -> list[str]:
        """What is still on its way: names of nodes, groups and resources, each with its state."""
        found = [f"node {name} is {node.state}" for name, node in self.nodes.items() if node.state == "joining"]
        found += [f"group {name} is {group.state}" for name, group in self.groups.items() if group.state == "pending"]
        found += [
            f"resource {name} is {resource.state}"
            for name, resource in self.resources.items()
            if resource.state in PENDING_RESOURCE_STATES
        ]
        return found

    @property
    def coming_online(self) -> list[str]:
        """The virtual servers that come online, where nothing else is on its way; empty where something else is.

        Beside a resource that does come online, a word that nobody knows may well be for this, too. Alone it may as
        well be that for "failed", which hours do not mend.
        """
        moving = PENDING_RESOURCE_STATES | {"unknown"}
        pending = {name: entry for name, entry in self.resources.items() if entry.state in moving}
        groups = {entry.group for entry in pending.values()}
        groups |= {name for name, group in self.groups.items() if group.state in moving}
        coming = {entry.group for entry in pending.values() if entry.state in ("online_pending", "pending")}
        joining = any(node.state == "joining" for node in self.nodes.values())
        others = [name for name in groups if name not in coming or not self.groups[name].virtual_server]
        return [] if joining or others else sorted(groups)

    @property
    def unknown(self) -> list[str]:
        """Nodes, groups and resources whose state cannot be told."""
        states = [(name, node.state) for name, node in self.nodes.items()]
        states += [(name, group.state) for name, group in self.groups.items()]
        states += [(name, resource.state) for name, resource in self.resources.items()]
        return [name for name, state in states if state == "unknown"]

    def find_group(self, name: str) -> str | None:
        """The group of that name as the cluster spells it (names differ in nothing but case on Windows)."""
        return next((group for group in self.groups if group.lower() == name.lower()), None)

    def find_node(self, name: str) -> str | None:
        """The node of that name as the cluster spells it."""
        return next((node for node in self.nodes if node.lower() == name.lower()), None)

    def find_resource(self, name: str) -> str | None:
        """The resource of that name as the cluster spells it."""
        return next((resource for resource in self.resources if resource.lower() == name.lower()), None)

    def resources_of(self, group: str) -> dict[str, Resource]:
        """The resources of a group."""
        return {name: resource for name, resource in self.resources.items() if resource.group == group}

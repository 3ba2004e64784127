# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the planner knows of the estate at one moment: immutable data, so that a state can be kept and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

ONLINE = "online"
PARKED = "parked"
"""Exactly IP Address, Network Name and Physical Disk are online: the state in which a virtual server is upgraded."""
MIXED = "mixed"
"""The three are online, and some of the Exchange resources are, some are not."""
OFFLINE = "offline"

CLUSTER_WORDS = {ONLINE: "online", PARKED: "partially_online", MIXED: "partially_online", OFFLINE: "offline"}
"""Our states of a virtual server -> the cluster's word for the state of its group."""


class PlannerError(Exception):
    """The planner itself was about to break an invariant: a mistake in this code, never of the estate."""


@dataclass(frozen=True)
class Host:
    """A server. ``updated`` says that its level is the one that the update brings."""

    name: str
    computer: str
    product: str
    service_pack: int
    build: int | None
    hotfixes: frozenset[str]
    updated: bool
    installation: str = "none"
    restart_pending: bool = False
    staged: bool = True
    note: Mapping[str, str] | None = None
    front_end: bool = False
    cluster: str | None = None
    node: str | None = None

    @property
    def installing(self) -> bool:
        """Whether the update's installation has been begun and is not concluded."""
        return self.installation == "running" or (self.installation in ("armed", "finished") and not self.updated)

    @property
    def needs_install(self) -> bool:
        """Whether the installation is still to be done or waited for."""
        return not self.updated or self.installation == "running"

    @property
    def level(self) -> dict[str, Any]:
        """The level in the words of a step."""
        return {"service_pack": self.service_pack, "build": self.build, "hotfixes": sorted(self.hotfixes)}


@dataclass(frozen=True)
class Group:
    """A cluster group. For a virtual server ``upgraded`` says that it needs no upgrade for this update (any more)."""

    name: str
    owner: str
    state: str
    virtual_server: bool = False
    quorum: bool = False
    network_name: str | None = None
    preferred: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    service_pack: int = 0
    build: int | None = None
    upgraded: bool = True

    @property
    def version(self) -> dict[str, Any]:
        """The version of the virtual server in the words of a step."""
        return {"service_pack": self.service_pack, "build": self.build}

    @property
    def word(self) -> str:
        """The cluster's word for the state of the group."""
        return CLUSTER_WORDS.get(self.state, self.state)


@dataclass(frozen=True)
class Cluster:
    """A cluster. ``found`` is where the groups stood when the first run began; ``noted`` that this is from a note."""

    name: str
    hosts: Mapping[str, str]
    up: frozenset[str]
    groups: Mapping[str, Group]
    found: Mapping[str, str]
    noted: bool = False
    one_each: bool = False
    """A node carries one virtual server only. In clusters of more than two nodes Exchange 2003 brings no second one
    online on a node [V, TechNet aa998107: "Configuration Settings for a Four-Node Cluster"]. Held only where the
    estate as found keeps to it; where the possible owners leave no other way, the plan says so in a notice."""

    @property
    def nodes(self) -> list[str]:
        """The nodes, sorted by name."""
        return sorted(self.hosts)

    @property
    def virtual_servers(self) -> list[Group]:
        """The virtual servers, sorted by name."""
        return [group for unused, group in sorted(self.groups.items()) if group.virtual_server]

    @property
    def other_groups(self) -> list[Group]:
        """The groups without a virtual server: that of the quorum resource first, then by name."""
        others = [group for group in self.groups.values() if not group.virtual_server]
        return sorted(others, key=lambda group: (not group.quorum, group.name))

    def owned(self, node: str) -> list[Group]:
        """The virtual servers that ``node`` owns."""
        return [group for group in self.virtual_servers if group.owner == node]


@dataclass(frozen=True)
class Model:
    """The whole estate at one moment."""

    hosts: Mapping[str, Host]
    clusters: Mapping[str, Cluster]

    def host_of(self, cluster: str, node: str) -> Host:
        """The host that is the node of that name."""
        return self.hosts[self.clusters[cluster].hosts[node]]

    def with_host(self, name: str, **changes: Any) -> Model:
        """The model with something changed of one host."""
        return replace(self, hosts={**self.hosts, name: replace(self.hosts[name], **changes)})

    def with_cluster(self, name: str, **changes: Any) -> Model:
        """The model with something changed of one cluster."""
        return replace(self, clusters={**self.clusters, name: replace(self.clusters[name], **changes)})

    def with_group(self, cluster: str, name: str, **changes: Any) -> Model:
        """The model with something changed of one group."""
        groups = self.clusters[cluster].groups
        return self.with_cluster(cluster, groups={**groups, name: replace(groups[name], **changes)})

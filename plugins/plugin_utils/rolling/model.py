# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the planner knows of the estate at one moment.

Hosts, groups and clusters are immutable; the model that holds them is changed in place as the steps are simulated.
``Model.copy`` keeps a moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .levels import Level
from .state55 import State55

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
    """A server. ``chain``: the keys of the updates that it still needs, in order; with none left it is updated.

    ``old``: it still needs one after which virtual servers are upgraded, so that an upgraded one cannot come online on
    it. ``phases``: how far the installation of each update has come. ``unstaged``: updates whose package is still to
    be copied. ``note``: ``owners`` and ``possible_owners`` as the first run found them.
    """

    name: str
    computer: str
    product: str
    level: Level
    chain: tuple[str, ...] = ()
    old: bool = False
    phases: Mapping[str, str] = field(default_factory=dict)
    restart_pending: bool = False
    unstaged: frozenset[str] = frozenset()
    note: Mapping[str, Mapping[str, Any]] | None = None
    front_end: bool = False
    cluster: str | None = None
    node: str | None = None
    balanced: str | None = None
    """The load-balancing set that the host belongs to."""
    rotation: str | None = None
    """in, out, draining, unknown; None: nobody takes it out of a rotation."""
    interfering: tuple[str, ...] = ()
    """Running services that would keep an update from being installed."""
    noted_services: Mapping[str, str] | None = None
    """The services that an earlier run has stopped -> the state in which it found them."""
    connector: str | None = None
    """What is to be done about the Active Directory Connector: upgrade, begun (an earlier run has started it)."""
    backup_due: str | None = None
    """The service pack that this roll has installed and that is not noted on the host yet."""
    exchange55: State55 | None = None
    """What is known of Exchange 5.5 on the host; None: it runs another version."""

    @property
    def begun55(self) -> bool:
        """Whether an earlier run has stopped Exchange 5.5 on the host, or left its Performance Optimizer to be run."""
        return self.exchange55 is not None and (self.exchange55.noted is not None or bool(self.exchange55.optimizer))

    @property
    def updated(self) -> bool:
        """Whether nothing is left in the chain."""
        return not self.chain

    @property
    def running(self) -> bool:
        """Whether an installer of these updates runs."""
        return "running" in self.phases.values()

    @property
    def installing(self) -> bool:
        """Whether an installation has been begun and is not concluded."""
        return self.running or any(self.phases.get(key) in ("armed", "finished") for key in self.chain)


@dataclass(frozen=True)
class Group:
    """A cluster group. For a virtual server ``upgraded`` says that it needs no upgrade for this run (any more).

    ``possible``: the nodes that may own it, as the first run found them. ``hold``: those that may own its System
    Attendant resource (``resource``) now: with it the virtual server is held to updated nodes. ``hold_found``: the
    same as the first run found them. ``known``: its service pack is known and is that of the node it is online on.
    ``unproven``: it is taken for upgraded because it is online on an updated node; the directory does not show it.
    """

    name: str
    owner: str
    state: str
    virtual_server: bool = False
    quorum: bool = False
    network_name: str | None = None
    preferred: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    resource: str | None = None
    hold: tuple[str, ...] = ()
    hold_found: tuple[str, ...] = ()
    service_pack: int = 0
    build: int | None = None
    known: bool = False
    upgraded: bool = True
    unproven: bool = False

    @property
    def version(self) -> dict[str, Any]:
        """The version of the virtual server in the words of a step."""
        return {"service_pack": self.service_pack, "build": self.build}

    @property
    def word(self) -> str:
        """The cluster's word for the state of the group."""
        return CLUSTER_WORDS.get(self.state, self.state)

    @property
    def allowed(self) -> tuple[str, ...]:
        """The nodes that the cluster lets own it at this moment."""
        return self.possible if self.resource is None else tuple(node for node in self.possible if node in self.hold)


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
    online on a node [V, TechNet aa998107: "Configuration Settings for a Four-Node Cluster"]; those of Exchange 2000 are
    to be active/passive as well [V, KB 815180, which names KB 329208 for the limits]. Held only where the
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

    def load(self, node: str, but: str = "") -> int:
        """How many virtual servers ``node`` owns, ``but`` left out."""
        return sum(
            1 for group in self.groups.values() if group.virtual_server and group.owner == node and group.name != but
        )


@dataclass
class Model:
    """The whole estate at one moment. ``waiting``: the front-ends that are not updated yet."""

    hosts: dict[str, Host]
    clusters: dict[str, Cluster]
    waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Find the front-ends that wait."""
        self.waiting = {host.name for host in self.hosts.values() if host.front_end and not host.updated}

    def copy(self) -> Model:
        """Return this moment, to be kept."""
        return Model(hosts=dict(self.hosts), clusters=dict(self.clusters))

    def host_of(self, cluster: str, node: str) -> Host:
        """The host that is the node of that name."""
        return self.hosts[self.clusters[cluster].hosts[node]]

    def change_host(self, name: str, **changes: Any) -> None:
        """Change something of one host."""
        host = self.hosts[name] = replace(self.hosts[name], **changes)
        if host.front_end:
            (self.waiting.discard if host.updated else self.waiting.add)(name)

    def change_cluster(self, name: str, **changes: Any) -> None:
        """Change something of one cluster."""
        self.clusters[name] = replace(self.clusters[name], **changes)

    def change_group(self, cluster: str, name: str, **changes: Any) -> None:
        """Change something of one group."""
        groups = self.clusters[cluster].groups
        self.change_cluster(cluster, groups={**groups, name: replace(groups[name], **changes)})


def fits(group: Group, source: Host, goal: Host) -> bool:
    """Whether a virtual server that stands on ``source`` may be moved to ``goal`` as it is, without an upgrade.

    An upgraded one comes online only where the update for it is installed, one that is not upgraded only where it is
    not. Once a virtual server has come online on an updated node, it goes to no other (KB 328839: A10).
    """
    if group.upgraded == goal.old or (group.known and goal.level.service_pack != group.service_pack):
        return False
    return goal.updated or not (source.updated and group.upgraded and group.state == ONLINE)

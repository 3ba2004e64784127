# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building the world from an estate: hosts, clusters, accounts, the share of packages, the directory."""

from __future__ import annotations

import re
from typing import Any

from .additions import build_additions
from .clock import Clock
from .cluster import Cluster, Group, Node, Resource
from .connector import build_connector
from .databases import build_databases
from .errors import EstateError
from .exchange import Directory, VirtualServer, fits, level_of
from .exchange55 import ATTENDANT, follow_checkpoints, in_directory
from .exchange2000 import first_database_version
from .files import Share, Volume
from .host import Host
from .installer import Packages
from .machines import build_accounts, build_controller, build_host, set_free_space
from .person import Person
from .tables import sentence, table
from .world import World

#: Letters of the disks of groups, in the order in which groups take them; Q: is the quorum's.
_LETTERS = "EFGHIJKLMNOPRSTUVWXYZ"


def build_world(estate: dict[str, Any], catalogue: dict[str, Any], start: float | None) -> World:
    """Build the world of an estate; raises EstateError."""
    world = World(estate, Clock(estate.get("speed", 0), start))
    build_accounts(world)
    world.packages = Packages(world, catalogue)
    for key in _update_keys(estate):
        world.updates.append({"key": key, **world.packages.package(key)})
    world.directory_model = Directory(world)
    for name, settings in (estate.get("hosts") or {}).items():
        world.hosts[name] = build_host(world, name, settings or {})
    organizations = estate.get("organizations") or {world.prefix.lower(): list(world.hosts)}
    for organization, members in organizations.items():
        for name in members:
            world.hosts[name].organization = organization
    build_additions(world)
    for name, settings in (estate.get("clusters") or {}).items():
        world.clusters[name] = _ClusterBuilder(world, name, settings or {}).build()
    for host in world.hosts.values():
        if not host.clustered and in_directory(host):
            front_end = host.role == "front_end"
            organization = host.organization or world.prefix.lower()
            world.directory_model.add_server(
                host.computer_name, organization, host.product, host.service_pack, front_end
            )
    follow_checkpoints(world)
    world.balancing.build()
    for name, controller in world.controllers.items():
        # Small Business Server is a host with Exchange and a domain controller in one
        world.controller_hosts[name] = world.hosts.get(name) or build_controller(world, name, controller or {})
    build_databases(world)
    _share(world)
    build_connector(world)
    world.backups.begin()
    for name, settings in [*world.controllers.items(), *(estate.get("hosts") or {}).items()]:
        set_free_space(world.machines[name], (settings or {}).get("free_mb"))
    world.person = Person(world, estate.get("operator", {}))
    world.observers.append(world.referee.observe)
    world.referee.begin()
    return world


def _update_keys(estate: dict[str, Any]) -> list[str]:
    update = estate.get("updates") or estate.get("update") or []
    return [update] if isinstance(update, str) else list(update)


def _share(world: World) -> None:
    controller = next(iter(world.controllers))
    readers = {account.name.upper() for account in world.accounts.values()}
    share = Share(controller.upper(), "updates", Volume(), readers=readers)
    world.shares[f"\\\\{controller.lower()}\\updates"] = share
    world.packages.place(share.volume)
    # The folder lies on the controller's own drive D:, which is how the controller itself sees it.
    share.volume.root.name = share.name
    drive = world.controller_hosts[controller].files.volumes.setdefault("D:", Volume())
    drive.root.children[share.name] = share.volume.root


class _ClusterBuilder:
    """Builds one cluster: its core group, virtual servers and other groups."""

    def __init__(self, world: World, name: str, settings: dict[str, Any]) -> None:
        self._world = world
        self._settings = settings
        self._cluster = Cluster(world, name)
        self._letters = iter(_LETTERS)
        self._address = 10
        self._number = len(world.clusters) + 1

    def build(self) -> Cluster:
        """Return the cluster in the state that the estate describes."""
        cluster, world = self._cluster, self._world
        cluster.instance_id = self._guid()
        for number, name in enumerate(self._settings.get("nodes", []), 1):
            host = world.hosts[name]
            node = Node(number, host.computer_name, host)
            host.cluster, host.node = cluster, node
            cluster.nodes[node.name] = node
            self._services(node)
        if not cluster.nodes:
            raise EstateError(f"clusters.{cluster.name}: has no nodes")
        self._core_group()
        first = True
        for name, settings in (self._settings.get("virtual_servers") or {}).items():
            self._virtual_server(name, settings or {}, first)
            first = False
        for name, settings in (self._settings.get("other_groups") or {}).items():
            group = self._group(name, (settings or {}).get("owner"))
            names = self._base(group, self._network_name(name))
            path = {"Path": "E:\\Share", "ShareName": re.sub(r"\W", "", name)}
            self._resource(f"{name} Share", "File Share", group, names, private=path)
            self._other_state(group, (settings or {}).get("state", "online"))
        for resource in list(cluster.resources.values()):
            if resource.state == "online" and resource.service:
                cluster.work.follow(cluster.groups[resource.group].owner, resource.service, "boot")
        return cluster

    def _services(self, node: Node) -> None:
        members, host = self._cluster.members, node.host
        host.service_starters["ClusSvc"] = lambda: members.starting(node)
        host.service_stoppers["ClusSvc"] = lambda cause: members.stopping(node, cause)
        state = (self._world.estate["hosts"].get(host.name) or {}).get("node_state")
        if state == "down":
            node.state = "down"
            return
        if state == "paused":
            node.state, node.paused = "paused", True
        host.service_manager.set_at_once("ClusSvc", "running", "boot")

    def _core_group(self) -> None:
        cluster, world = self._cluster, self._world
        quorum = self._settings.get("quorum") or {}
        group = self._group(quorum.get("group", sentence(world.language, "quorum_group")), quorum.get("owner"))
        ip = self._resource(sentence(world.language, "cluster_ip"), "IP Address", group, [], private=self._ip())
        name = sentence(world.language, "cluster_name")
        self._resource(name, "Network Name", group, [ip.name], private={"Name": cluster.name})
        disk = self._resource(self._disk("Q"), "Physical Disk", group, [], private={"Signature": self._signature()})
        coordinator = self._resource(
            sentence(world.language, "msdtc"), "Distributed Transaction Coordinator", group, [name, disk.name]
        )
        if self._settings.get("msdtc") == "offline":
            coordinator.state, coordinator.persistent_state = "offline", 0
        cluster.quorum_resource = disk.name
        cluster.quorum_known = bool(quorum.get("found", True))

    def _virtual_server(self, name: str, settings: dict[str, Any], first: bool) -> None:
        cluster, world = self._cluster, self._world
        group = self._group(name, settings.get("owner"))
        owner = cluster.nodes[group.owner].host
        network_name = settings.get("network_name") or self._network_name(name)
        product = str(settings.get("product") or owner.product)
        service_pack = int(settings.get("service_pack", owner.service_pack))
        possible = [world.hosts[n].computer_name for n in settings.get("possible_owners") or self._settings["nodes"]]
        group.preferred_owners = [world.hosts[n].computer_name for n in settings.get("preferred_owners") or []]
        group.virtual_server = VirtualServer(name, network_name, product, service_pack)
        level_of(product, service_pack)
        group.virtual_server.database_version = first_database_version(group)
        group.virtual_server.database_minutes = float(settings.get("database_minutes") or 0)
        names = self._base(group, network_name, possible=possible)
        made: dict[str, str] = {}
        if owner.product == "5.5":
            self._generic_services(group, names, possible)
        for row in table("cluster")["virtual_server"] if owner.product != "5.5" else ():
            if row.get("once") and not first:
                continue
            needs = row.get("needs_2000", row.get("needs")) if owner.product == "2000" else row.get("needs")
            depends = names if needs is None else [made[needs]]
            private = {"DestPath": "C:\\Program Files\\Exchsrvr"} if row["kind"].startswith(("Info", "Message")) else {}
            kind = row["kind"]
            resource = self._resource(
                f"Exchange {kind} ({network_name})", row["type"], group, depends, possible, private
            )
            made[kind] = resource.name
        self._state(group, settings.get("state"), owner)
        organization = owner.organization or world.prefix.lower()
        if in_directory(owner):
            world.directory_model.add_server(network_name, organization, product, service_pack, False)

    def _generic_services(self, group: Group, names: list[str], possible: list[str]) -> None:
        """The resources of Exchange 5.5: one for each of its services that every node has."""
        made: dict[str, str] = {}
        for row in table("cluster")["virtual_server_55"]:
            if any(row["service"] not in node.host.services for node in self._cluster.nodes.values()):
                continue
            properties = {"ServiceName": row["service"], "StartupParameters": "", "UseNetworkName": 1}
            depends = [made[row["needs"]]] if "needs" in row else names
            resource = self._resource(row["name"], "Generic Service", group, depends, possible, properties)
            made[row["service"]] = resource.name

    def _state(self, group: Group, state: str | None, owner: Host) -> None:
        """The state in which a virtual server is found; one of another version than its owner cannot be online."""
        if group.virtual_server is None:
            return
        exchange = [resource for resource in group.resources if resource.is_exchange]
        if state == "offline":
            group.persistent_state = 0
            for resource in group.resources:
                resource.state, resource.persistent_state = "offline", 0
        elif state == "failed":
            for resource in exchange:
                resource.state = "failed" if resource.service == ATTENDANT else "offline"
        elif not fits(group.virtual_server, owner):
            for resource in exchange:
                resource.state, resource.persistent_state = "offline", 0

    def _other_state(self, group: Group, state: str) -> None:
        """The state in which a group without Exchange is found."""
        if state == "offline":
            group.persistent_state = 0
            for resource in group.resources:
                resource.state, resource.persistent_state = "offline", 0
        elif state == "failed":
            group.resources[-1].state = "failed"

    def _base(self, group: Group, network_name: str, possible: list[str] | None = None) -> list[str]:
        """Address, name and disk of a group; returns the names that the others depend on."""
        private: dict[str, Any] = {"Name": network_name, "RequireKerberos": 0}
        ip = self._resource(f"{group.name} IP Address", "IP Address", group, [], possible, self._ip())
        name = self._resource(f"{group.name} Name", "Network Name", group, [ip.name], possible, private)
        letter = next(self._letters, None)
        if letter is None:
            raise EstateError(f"clusters.{self._cluster.name}: has more groups than there are drive letters")
        disk = self._resource(
            self._disk(letter), "Physical Disk", group, [], possible, {"Signature": self._signature()}
        )
        return [name.name, disk.name]

    def _group(self, name: str, owner: str | None) -> Group:
        cluster = self._cluster
        node = self._world.hosts[owner].computer_name if owner else next(iter(cluster.nodes))
        if name in cluster.groups or node not in cluster.nodes:
            raise EstateError(f"clusters.{cluster.name}: group {name} is there twice, or its owner is no node")
        cluster.groups[name] = Group(self._guid(), name, node, cluster)
        return cluster.groups[name]

    def _resource(
        self,
        name: str,
        kind: str,
        group: Group,
        depends_on: list[str],
        possible: list[str] | None = None,
        private: dict[str, Any] | None = None,
    ) -> Resource:
        owners = possible if possible is not None else list(self._cluster.nodes)
        base, number = name, 1
        while name in self._cluster.resources:  # a group called "Cluster" would have a second "Cluster Name"
            number += 1
            name = f"{base} {number}"
        resource = Resource(self._guid(), name, kind, group.name, "online", list(owners), depends_on, private or {})
        self._cluster.resources[name] = resource
        return resource

    def _disk(self, letter: str) -> str:
        return sentence(self._world.language, "disk").format(letter=letter)

    def _ip(self) -> dict[str, Any]:
        self._address += 1
        return {"Address": f"10.{self._number}.0.{self._address}", "SubnetMask": "255.255.255.0", "Network": "Public"}

    def _signature(self) -> int:
        return self._world.random.getrandbits(32)

    def _guid(self) -> str:
        digits = f"{self._world.random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _network_name(self, name: str) -> str:
        """A NetBIOS name from a name: capitals, digits and hyphen, at most 15 characters, not used yet."""
        base = re.sub(r"[^A-Z0-9-]", "", name.upper()).strip("-")[:15].rstrip("-") or "GROUP"
        used = {str(r.private.get("Name", "")) for r in self._cluster.resources.values()}
        used |= {host.computer_name for host in self._world.hosts.values()}
        found, number = base, 1
        while found in used:
            number += 1
            found = base[: 15 - len(str(number))] + str(number)
        return found

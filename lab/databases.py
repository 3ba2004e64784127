# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of Exchange's servers: their names, their files, and their entries in the directory.

A server has one storage group with a mailbox store and a public folder store; Exchange 5.5 has its two stores and its
directory. Names of the files and their folders as setup makes them: [R].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .files import Volume
from .tables import sentence, table

if TYPE_CHECKING:
    from .cluster import Group
    from .host import Host
    from .world import World

SIZE = {"mailbox": 26, "public": 9, "directory": 4}
#: Where Exchange 5.5 keeps the paths of its databases in the registry [V, a disaster recovery paper of Microsoft's].
PLACES = {
    "mailbox": ("MSExchangeIS\\ParametersPrivate", "DB Path"),
    "public": ("MSExchangeIS\\ParametersPublic", "DB Path"),
    "directory": ("MSExchangeDS\\Parameters", "DSA Database file"),
}
_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_CLASSES = {"mailbox": "msExchPrivateMDB", "public": "msExchPublicMDB"}


@dataclass(frozen=True)
class Database:
    """One database. `kind`: mailbox, public or directory; `group`: its storage group, empty with 5.5."""

    server: str
    group: str
    name: str
    kind: str
    path: str

    @property
    def megabytes(self) -> int:
        """The size of its file."""
        return SIZE[self.kind]

    @property
    def logs(self) -> tuple[str, str]:
        """The first and the last of its storage group's log files."""
        folder = self.path.rpartition("\\")[0]
        prefix = "edb" if not self.group else "E00"
        return f"{folder}\\{prefix}00001.log", f"{folder}\\{prefix}00004.log"


def databases_of(world: World, server: str, product: str, folder: str) -> list[Database]:
    """The databases of a server whose data lies in `folder`."""
    if product == "5.5":
        rows = [("mailbox", "mdbdata\\priv.edb"), ("public", "mdbdata\\pub.edb"), ("directory", "dsadata\\dir.edb")]
        group = ""
    else:
        rows = [("mailbox", "mdbdata\\priv1.edb"), ("public", "mdbdata\\pub1.edb")]
        group = sentence(world.language, "storage_group")
    names = {kind: sentence(world.language, f"{kind}_store").format(server=server) for kind, unused in rows}
    return [Database(server, group, names[kind], kind, f"{folder}\\{path}") for kind, path in rows]


def build_databases(world: World) -> None:
    """Put the databases of every server onto its drives and into the directory."""
    for host in world.hosts.values():
        if not host.clustered:
            root = table("products")["products"][host.product]["root"]
            host.databases = databases_of(world, host.computer_name, host.product, root)
            for database in host.databases:
                host.files.write_virtual(database.path, database.megabytes * 2**20)
            _enter(world, host.databases)
            _place(host, host.databases)
    for cluster in world.clusters.values():
        for group in cluster.groups.values():
            server = group.virtual_server
            if server is not None:
                letter = SharedDisks.letter(group)
                group.databases = databases_of(world, server.network_name, server.product, f"{letter}\\Exchsrvr")
                _enter(world, group.databases)
                for node in cluster.nodes.values():
                    # the cluster takes these keys along to every node
                    _place(node.host, group.databases)
    SharedDisks(world).begin()


def _place(host: Host, databases: list[Database]) -> None:
    """The paths of the databases in the registry of Exchange 5.5."""
    for database in databases:
        if not database.group:
            key, name = PLACES[database.kind]
            host.registry.set(f"{_SERVICES}\\{key}", name, "REG_SZ", database.path)


def _enter(world: World, databases: list[Database]) -> None:
    """The directory's entries of databases; 5.5 keeps its own directory."""
    for database in databases:
        if not database.group:
            continue
        directory = world.directory_model
        server = directory.server(database.server)["dn"]
        stores = f"CN=InformationStore,{server}"
        group = f"CN={database.group},{stores}"
        known = {entry["dn"] for entry in directory.entries}
        for dn, kind in ((stores, "msExchInformationStore"), (group, "msExchStorageGroup")):
            if dn not in known:
                directory.entries.append(_entry(dn, kind))
        dn = f"CN={database.name},{group}"
        entry = _entry(dn, _CLASSES[database.kind])
        entry["attributes"] |= {"msExchEDBFile": [database.path], "msExchOwningServer": [server]}
        directory.entries.append(entry)


def _entry(dn: str, kind: str) -> dict[str, Any]:
    name = dn.partition(",")[0][3:]
    attributes: dict[str, list[str]] = {
        "objectClass": ["top", kind],
        "objectCategory": [kind],
        "cn": [name],
        "name": [name],
        "distinguishedName": [dn],
    }
    return {"dn": dn, "attributes": attributes}


class SharedDisks:
    """The disks of the clusters' groups: a drive of the node that owns the group, while its resource is online."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._volumes: dict[tuple[str, str], tuple[str, Volume]] = {}

    @staticmethod
    def letter(group: Group) -> str:
        """The drive of a group: the last but one sign of its disk's name in every language ("Disk E:")."""
        disk = next(resource for resource in group.resources if resource.type == "Physical Disk")
        return disk.name[disk.name.index(":") - 1 :][:2]

    def begin(self) -> None:
        """Connect the disks as the groups are found, and follow them from now on."""
        for cluster in self._world.clusters.values():
            for group in cluster.groups.values():
                for resource in group.resources:
                    if resource.type != "Physical Disk":
                        continue
                    volume = Volume()
                    self._volumes[cluster.name, resource.name] = (self.letter(group), volume)
                    owner = cluster.nodes[group.owner].host
                    owner.files.volumes[self.letter(group)] = volume
                    for database in group.databases:
                        owner.files.write_virtual(database.path, database.megabytes * 2**20)
                    if resource.state != "online":
                        del owner.files.volumes[self.letter(group)]
        self._world.observers.append(self._observe)

    def _observe(self, kind: str, facts: dict[str, Any]) -> None:
        if kind != "resource":
            return
        cluster, group, resource = facts["cluster"], facts["group"], facts["resource"]
        known = self._volumes.get((cluster.name, resource.name))
        if known is None:
            return
        letter, volume = known
        host: Host = cluster.nodes[group.owner].host
        if facts["state"] == "online":
            host.files.volumes[letter] = volume
        elif host.files.volumes.get(letter) is volume:
            del host.files.volumes[letter]

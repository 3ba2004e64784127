# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange: versions, virtual servers, and the directory's entries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import Win32Error
from .tables import table

if TYPE_CHECKING:
    from .cluster import Cluster, Group, Resource
    from .host import Host
    from .world import Context, World

SYSTEM_ATTENDANT = "Microsoft Exchange System Attendant"
INFORMATION_STORE = "Microsoft Exchange Information Store"
TRANSACTIONS = "Distributed Transaction Coordinator"

#: "The version on this computer does not match the version on the server" [V, KB 328839].
VERSION_MISMATCH = 0xC1037B44
#: The group is not in the state that the upgrade needs (5023 as HRESULT) [R]; no access to the directory [R].
WRONG_STATE, NO_ACCESS, NOT_FOUND = 0x8007139F, 0x80070005, 0x80071395
UPGRADE_SECONDS = 25.0
#: What the System Attendant of Exchange 2000 logs when it cannot upgrade its virtual server [V, KB 887722].
UPGRADE_FAILED = {2146: "An error occurred during the Exchange resource upgrade.", 2065: "Failed to come online."}


def level_of(product: str, service_pack: int) -> dict[str, Any]:
    """Return the row of a product's service pack: service_pack, build, serial."""
    for row in table("products")["products"][product]["levels"]:
        if row["service_pack"] == service_pack:
            return dict(row)
    raise KeyError(f"Exchange {product} has no service pack {service_pack}")


def level_version(product: str, service_pack: int) -> str:
    """The version that the programs of a level carry (6.0.6249.4)."""
    found = re.search(r"Build (\d+\.\d+)", str(level_of(product, service_pack)["serial"]))
    return f"{table('products')['products'][product]['version']}.{found[1]}" if found else ""


@dataclass(eq=False)
class VirtualServer:
    """An Exchange virtual server: the version that the directory has for it.

    `database_version`: of the store that opened its databases last; `database_minutes`: how long a newer one takes to
    upgrade them. `refusals`: how many further attempts fail with the one that has failed.
    """

    group: str
    network_name: str
    product: str
    service_pack: int
    database_version: str = ""
    database_minutes: float = 0.0
    refusals: int = 0

    @property
    def build(self) -> int:
        """Its Exchange build (7226)."""
        return int(level_of(self.product, self.service_pack)["build"])


def has_update(host: Host, package: dict[str, Any]) -> bool:
    """Whether a host has what a package brings (True also where the package is not for its product)."""
    from .exchange2000 import has_suite

    if package["product"] not in (host.product, "windows"):
        return True
    if package["product"] == "windows" and not for_windows_of(host, package):
        return True
    if "suite" in package:
        return has_suite(host, package)
    if package["kind"] == "service_pack":
        return bool(host.service_pack >= package["service_pack"])
    return package["hotfix"] in host.hotfixes


def for_windows_of(host: Host, package: dict[str, Any]) -> bool:
    """Whether a hotfix of Windows is for the Windows of a host: later service packs have it in them."""
    return host.os in package["os"] and host.os_service_pack in package["os_service_packs"]


def fits(server: VirtualServer, host: Host) -> bool:
    """Whether a virtual server can run on a host: the versions are the same (2000 upgrades it by itself).

    Exchange 5.5 has none of that: there the databases must not be newer than the store.
    """
    rule = table("products")["products"][server.product]["virtual_server_upgrade"]
    if host.product != server.product:
        return False
    if rule == "manual":
        return host.service_pack == server.service_pack
    return host.service_pack >= server.service_pack


def comes_online(group: Group, resource: Resource, host: Host) -> bool:
    """Whether a resource can come online on a host; a System Attendant of another version cannot (event 1025)."""
    from .exchange55 import comes_online as comes_online_55
    from .exchange2000 import store_came_online, upgrades_itself

    server = group.virtual_server
    if server is not None and server.product == "5.5":
        return comes_online_55(group, resource, host)
    if resource.type == INFORMATION_STORE:
        store_came_online(group, host)
    if server is None or resource.type != SYSTEM_ATTENDANT:
        return True
    if not fits(server, host):
        text = (
            f"{resource.name}: Failed to bring the resource online. The version of Exchange on this machine does not "
            f"match the version of Exchange server {server.network_name}. Error {VERSION_MISMATCH:08x}"
        )
        strings = [resource.name, server.network_name, f"{VERSION_MISMATCH:08x}"]
        host.log_event("Application", "MSExchangeCluster", 1025, "error", text, strings)
        return False
    if host.reinstall_needed:
        text = f"{resource.name}: Failed to bring the resource online. Exchange is not set up for this cluster."
        host.log_event("Application", "MSExchangeCluster", 1025, "error", text, [resource.name, server.network_name])
        return False
    return server.service_pack == host.service_pack or upgrades_itself(group, resource, host)


def set_virtual_server(group: Group, service_pack: int) -> None:
    """The virtual server of a group has another version from now on, also in the directory."""
    if group.virtual_server is None:
        raise ValueError(f"{group.name} is no virtual server")
    world = group.cluster.world
    group.virtual_server.service_pack = service_pack
    server = group.virtual_server
    world.directory_model.set_level(server.network_name, server.product, service_pack)
    world.changed()
    world.emit("upgraded", cluster=group.cluster, group=group)


def upgrade_obstacle(group: Group, host: Host) -> tuple[int, str]:
    """Return (code, reason) why "Upgrade Exchange Virtual Server" would fail from this host now; (0, "") if nothing."""
    server, cluster = group.virtual_server, group.cluster
    if server is None:
        return NOT_FOUND, f"{group.name} is not an Exchange virtual server."
    if table("products")["products"][server.product]["virtual_server_upgrade"] != "manual":
        return NOT_FOUND, f"Exchange {server.product} has no command to upgrade a virtual server."
    mismatch = "The version of Exchange on this computer does not match the version on the server."
    owner = cluster.nodes[group.owner].host
    if host.product != server.product or owner.product != server.product:
        return VERSION_MISMATCH, mismatch
    if host.reinstall_needed:
        return NOT_FOUND, "The command to upgrade Exchange virtual servers is not registered on this computer."
    if host.service_pack < server.service_pack or owner.service_pack != host.service_pack:
        return VERSION_MISMATCH, mismatch
    if host.service_pack == server.service_pack:
        newest = max(node.host.service_pack for node in cluster.nodes.values())
        return (VERSION_MISMATCH, mismatch) if newest > server.service_pack else (0, "")
    kept = table("cluster")["kept_online"]
    for resource in group.resources:
        if resource.type in kept and resource.state != "online":
            return WRONG_STATE, f"{resource.name} is not online."
        if resource.type not in kept and resource.state not in ("offline", "failed"):
            return WRONG_STATE, f"{resource.name} is not offline."
    coordinator = [r for r in cluster.resources.values() if r.type == TRANSACTIONS]
    if not any(r.state == "online" for r in coordinator):
        return WRONG_STATE, "The Distributed Transaction Coordinator resource is not online."
    return 0, ""


def find_virtual_server(cluster: Cluster, name: str) -> Group | None:
    """Return the group of a virtual server by the group's name or its network name."""
    for group in cluster.groups.values():
        server = group.virtual_server
        if server and name.lower() in (group.name.lower(), server.network_name.lower()):
            return group
    return None


def upgrade_virtual_server(context: Context, name: str) -> tuple[int, str]:
    """Upgrade a virtual server from this host, as the menu entry of Cluster Administrator does; takes its time.

    `name`: the group's or the network name. Returns (code, reason): 0 = done (or nothing to do), else an HRESULT.
    Faults `upgrade NAME` strike here.
    """
    world, host = context.world, context.host
    if host.cluster is None:
        return NOT_FOUND, "This computer is not a node of a cluster."
    try:
        host.cluster.access(host)
    except Win32Error as problem:
        return 0x80070000 | problem.code, "The Cluster service is not running on this computer."
    group = find_virtual_server(host.cluster, name)
    if group is None:
        return NOT_FOUND, f"{name} is not an Exchange virtual server of this cluster."
    if context.credentials is None or context.account is None or not context.account.exchange_admin:
        return NO_ACCESS, "Access is denied. This needs Exchange Full Administrator rights."
    server = group.virtual_server
    network_name = server.network_name if server else ""
    fault = world.faults.take("upgrade", cluster=host.cluster.name, target=group.name, also=network_name)
    if fault:
        world.clock.sleep(UPGRADE_SECONDS / 5)
        return int(str(fault.settings.get("code", "c1037b44")), 16), "The upgrade failed."
    code, reason = upgrade_obstacle(group, host)
    if code or server is None or server.service_pack == host.service_pack:
        return code, reason
    world.clock.sleep(UPGRADE_SECONDS)
    code, reason = upgrade_obstacle(group, host)
    if not code:
        set_virtual_server(group, host.service_pack)
    return code, reason


#: What has a meaning of its own in a distinguished name; a backslash is written as its number, so that no comma seems
#: to be escaped by it.
_SPECIAL = {"\\": "\\5C"} | {letter: f"\\{letter}" for letter in ',+"<>;='}


def escaped(name: str) -> str:
    """A value as it stands in a distinguished name (RFC 4514)."""
    text = "".join(_SPECIAL.get(letter, letter) for letter in name)
    return f"\\{text}" if text[:1] in ("#", " ") else text


class Directory:
    """The part of Active Directory that holds Exchange's servers: containers and one entry for each server."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.base = ",".join(f"DC={label}" for label in world.domain.split("."))
        self.configuration = f"CN=Configuration,{self.base}"
        self.exchange = f"CN=Microsoft Exchange,CN=Services,{self.configuration}"
        self.entries: list[dict[str, Any]] = []
        self._servers: dict[str, dict[str, Any]] = {}
        self._container(self.base, "domainDNS", world.domain.partition(".")[0])
        self._container(self.configuration, "configuration", "Configuration")
        self._container(f"CN=Services,{self.configuration}", "container", "Services")
        self._container(self.exchange, "msExchConfigurationContainer", "Microsoft Exchange")

    def add_server(self, name: str, organization: str, product: str, service_pack: int, front_end: bool) -> None:
        """Add the entry of a server, with the containers above it."""
        top = f"CN={escaped(organization)},{self.exchange}"
        groups = f"CN=Administrative Groups,{top}"
        group = f"CN=First Administrative Group,{groups}"
        servers = f"CN=Servers,{group}"
        for dn, kind, called in (
            (top, "msExchOrganizationContainer", organization),
            (groups, "msExchAdminGroupContainer", "Administrative Groups"),
            (group, "msExchAdminGroup", "First Administrative Group"),
            (servers, "msExchServersContainer", "Servers"),
        ):
            if not any(entry["dn"] == dn for entry in self.entries):
                self._container(dn, kind, called)
        legacy = f"/o={organization}/ou=First Administrative Group/cn=Configuration/cn=Servers/cn={name}"
        entry = self._container(f"CN={name},{servers}", "msExchExchangeServer", name)
        full = f"{name.lower()}.{self._world.domain}"
        entry["attributes"] |= {
            "objectClass": ["top", "server", "msExchExchangeServer"],
            "legacyExchangeDN": [legacy],
            "networkAddress": [f"ncacn_vns_spp:{name}", f"netbios:{name}", f"ncacn_np:{name}", f"ncacn_ip_tcp:{full}"],
            "serverRole": ["1" if front_end else "0"],
        }
        self._servers[name.upper()] = entry
        self.set_level(name, product, service_pack)

    def set_level(self, name: str, product: str, service_pack: int) -> None:
        """Set what the entry of a server says of its version."""
        if name.upper() not in self._servers:
            return  # Exchange 5.5 without a newer server beside it: Active Directory knows nothing of it
        level, settings = level_of(product, service_pack), table("products")["products"][product]
        # that Exchange 2003's setup writes versionNumber in exactly this form is unsure; serialNumber is what counts
        number = ((settings["major"] << 28) | (settings["minor"] << 24) | level["build"]) + 30000
        attributes = self._servers[name.upper()]["attributes"]
        attributes["serialNumber"] = [level["serial"]]
        attributes["versionNumber"] = [str(number)]

    def server(self, name: str) -> dict[str, Any]:
        """Return the entry of a server by its name in any case; raises KeyError."""
        return self._servers[name.upper()]

    def _container(self, dn: str, kind: str, name: str) -> dict[str, Any]:
        entry = {
            "dn": dn,
            "attributes": {
                "objectClass": ["top", kind],
                "objectCategory": [kind],
                "cn": [name],
                "name": [name],
                "distinguishedName": [dn],
            },
        }
        self.entries.append(entry)
        return entry

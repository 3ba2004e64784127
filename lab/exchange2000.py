# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange 2000: virtual servers that upgrade themselves, databases that the store upgrades, Small Business Server.

There is no menu entry: the System Attendant upgrades its virtual server as it comes online on a node whose Exchange is
newer [V, a team blog and KB 887722]; the store upgrades the databases as it starts, after a service pack or a hotfix of
the store [V, KB 328839].
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from .exchange import (
    INFORMATION_STORE,
    SYSTEM_ATTENDANT,
    UPGRADE_FAILED,
    UPGRADE_SECONDS,
    level_version,
    set_virtual_server,
)

if TYPE_CHECKING:
    from .clock import Flow
    from .cluster import Group, Resource
    from .databases import Database
    from .host import Host
    from .registry import Tree, Values

STORE = "MSExchangeIS"
#: "Successfully upgraded database to version ...": [V, Q244976] for 5.5, where the sources are MSExchangeIS Private and
#: Public; the number and the sources on 2000: [R].
UPGRADED = 1185
_SOURCES = {"mailbox": "MSExchangeIS Mailbox Store", "public": "MSExchangeIS Public Store"}
#: A resource is tried twice in a row (see groups.py): what keeps the upgrade from working keeps both from it.
_FURTHER_ATTEMPTS = 1


def newer(version: str, other: str) -> bool:
    """Whether a version such as 6.0.6249.4 is above another; an empty one is below none."""
    if not version or not other:
        return False
    return [int(part) for part in version.split(".")] > [int(part) for part in other.split(".")]


# -- clusters


def upgrade_seconds(group: Group, resource: Resource, host: Host) -> float:
    """How much longer a resource takes to come online because something is upgraded with it."""
    server = group.virtual_server
    if server is None or server.product == "5.5":
        return 0.0
    if resource.type == SYSTEM_ATTENDANT and server.product == "2000" and host.service_pack > server.service_pack:
        return UPGRADE_SECONDS
    if resource.type == INFORMATION_STORE and newer(host.file_version, server.database_version):
        return server.database_minutes * 60
    return 0.0


def upgrades_itself(group: Group, resource: Resource, host: Host) -> bool:
    """The System Attendant of an older virtual server comes online on a newer node; False when that fails.

    A fault stands for a Cluster service account without the rights that this needs [V, KB 887722].
    """
    server, cluster = group.virtual_server, group.cluster
    if server is None:
        return True
    if server.refusals:
        server.refusals -= 1
    elif cluster.world.faults.take("upgrade", cluster=cluster.name, target=group.name, also=server.network_name):
        server.refusals = _FURTHER_ATTEMPTS
    else:
        set_virtual_server(group, host.service_pack)
        return True
    for number, text in UPGRADE_FAILED.items():
        host.log_event("Application", "MSExchangeCluster", number, "error", f"{resource.name}: {text}", [resource.name])
    return False


def store_came_online(group: Group, host: Host) -> None:
    """The store of a virtual server runs: its databases are those of that version now."""
    server = group.virtual_server
    if server is not None and newer(host.file_version, server.database_version):
        server.database_version = host.file_version
        if server.database_minutes:
            tell_upgraded(host, group.databases)


def first_database_version(group: Group) -> str:
    """The version of the store that opened the databases of a virtual server last, as the estate is found."""
    server = group.virtual_server
    if server is None:
        return ""
    owner = group.cluster.nodes[group.owner].host
    if (server.product, server.service_pack) == (owner.product, owner.service_pack):
        return owner.file_version
    return level_version(server.product, server.service_pack)


# -- servers that are not clustered


def follow_store(host: Host) -> None:
    """The store of a server upgrades its databases as it starts, where the estate says how long that takes."""
    if host.more.database_minutes and STORE in host.services:
        host.service_starters[STORE] = lambda: _store_starting(host)


def _store_starting(host: Host) -> Generator[float | Flow, None, int]:
    yield host.services[STORE].start_seconds
    if newer(host.file_version, host.more.database_version):
        yield host.more.database_minutes * 60
        host.more.database_version = host.file_version
        tell_upgraded(host, host.databases)
    return 0


def tell_upgraded(host: Host, databases: list[Database]) -> None:
    """The entries of the event log about upgraded databases."""
    for database in databases:
        if database.kind in _SOURCES:
            text = f"Successfully upgraded database {database.name} to version {host.file_version}."
            strings = [database.name, host.file_version]
            host.log_event("Application", _SOURCES[database.kind], UPGRADED, "information", text, strings)


# -- Small Business Server 2000


def has_suite(host: Host, package: dict[str, Any]) -> bool:
    """Whether a host has all that a pack of the suite brings; it is for no other edition."""
    if host.edition != package["edition"]:
        return True
    exchange, windows = host.service_pack >= package["service_pack"], host.os_service_pack >= package["windows"]
    return bool(exchange and windows and host.more.suite_service_pack >= package["suite"])


def suite_view(host: Host) -> Tree:
    """The suite's own key in the registry: ServicePackNumber [V for its successor of 2003, a team blog; R for 2000]."""
    if host.edition != "small_business" or host.product != "2000":
        return {}
    values: Values = {}
    if host.more.suite_service_pack:
        values["ServicePackNumber"] = ("REG_DWORD", host.more.suite_service_pack)
    return {"HKLM\\SOFTWARE\\Microsoft\\SmallBusinessServer": values}

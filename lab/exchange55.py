# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange 5.5: what its servers have, what holds its files, its one group in a cluster.

Each service of a clustered server is a Generic Service resource of one group [V, Q290651, Q221393].
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from .exchange import level_version
from .optimizer import build_tuning, restore_tuning, tuning_of
from .tables import table

if TYPE_CHECKING:
    from .cluster import Cluster, Group, Resource
    from .host import Host
    from .world import World

ATTENDANT, STORE, DIRECTORY = "MSExchangeSA", "MSExchangeIS", "MSExchangeDS"
FOLDER = "C:\\EXCHSRVR\\bin"
#: "Database is too new to be upgraded", and what the store says then [V, Q244976].
TOO_NEW, CANNOT_START = 1197, 1005


def build_exchange55(host: Host, settings: dict[str, Any]) -> None:
    """Give a server its programs and libraries, its tuning, and the time that its directory takes to stop."""
    set_libraries(host)
    minutes = settings.get("directory_stop_minutes")
    if minutes is not None:
        host.services[DIRECTORY].stop_seconds = float(minutes) * 60
    build_tuning(host, custom=bool(settings.get("custom_tuning")))


def libraries() -> list[str]:
    """The names of the libraries that others can hold."""
    rules = table("exchange55")
    return [*rules["libraries"], rules["backup_library"], rules["attendant_library"]]


def set_libraries(host: Host) -> None:
    """The libraries carry the version of the installed level; the Performance Optimizer lies beside them."""
    version = level_version(host.product, host.service_pack)
    for name in libraries():
        host.files.write_virtual(f"{FOLDER}\\{name}", 65536, tag={"version": version})
    host.files.write_virtual(f"{FOLDER}\\perfwiz.exe", 262144, tag={"version": version, "tool": "perfwiz"})


# -- files in use


def exchange_services(host: Host) -> list[str]:
    """Exchange's services that do not stand still, those first that are to stop first."""
    names: list[str] = []
    for service in host.services.values():
        if service.name.startswith("MSExchange") and service.state != "stopped":
            for name in [*(s.name for s in host.service_manager.running_dependents(service.name)), service.name]:
                if name not in names:
                    names.append(name)
    return names


def file_in_use(host: Host) -> str:
    """A file of Exchange that something else holds now; empty when there is none.

    A library that was renamed is in nobody's way [V, Q320097].
    """
    rules = table("exchange55")
    running = exchange_services(host)
    if running:
        image = host.services[running[-1]].image
        return str(rules["attendant_library"] if ATTENDANT in running else image)
    held = []
    if _somebody(host, rules["counter_readers"]):
        held += rules["libraries"]
    if _somebody(host, rules["backup_agents"]):
        held.append(rules["backup_library"])
    return next((str(name) for name in held if host.files.exists(f"{FOLDER}\\{name}")), "")


def _somebody(host: Host, holders: dict[str, list[str]]) -> bool:
    services = (service.name for service in host.services.values() if service.state != "stopped")
    images = (process.image for process in host.processes)
    return _fits(services, holders["services"]) or _fits(images, holders["processes"])


def _fits(names: Iterable[str], patterns: list[str]) -> bool:
    return any(fnmatchcase(name.lower(), pattern.lower()) for name in names for pattern in patterns)


# -- clusters


def group_of(cluster: Cluster | None) -> Group | None:
    """The group of Exchange 5.5 in a cluster: there is one at most."""
    groups = cluster.groups.values() if cluster else ()
    return next((g for g in groups if g.virtual_server is not None and g.virtual_server.product == "5.5"), None)


def owns(host: Host, group: Group) -> bool:
    """Whether a node owns the group."""
    return host.node is not None and group.owner == host.node.name


def resources_of(group: Group) -> list[Resource]:
    """The resources that are Exchange's services, those first that others depend on."""
    return [resource for resource in group.resources if resource.service.startswith("MSExchange")]


def comes_online(group: Group, resource: Resource, host: Host) -> bool:
    """Whether a service of the group can come online on a node: an older store does not open newer databases."""
    server = group.virtual_server
    if server is None or resource.service != STORE or host.service_pack >= server.service_pack:
        return True
    for kind in ("Private", "Public"):
        text = "Database is too new to be upgraded."
        host.log_event("Application", f"MSExchangeIS {kind}", TOO_NEW, "error", text)
    text = "Unable to start the Microsoft Exchange Information Store. Error 0x451."
    host.log_event("Application", "MSExchangeIS Private", CANNOT_START, "error", text, ["0x451"])
    return False


def follow_checkpoints(world: World) -> None:
    """The registry checkpoints of a cluster: as the services come online, its values of their keys are written back.

    So what the Performance Optimizer changes on a node is lost [V, Q278464].
    """
    kept = {}
    for cluster in world.clusters.values():
        group = group_of(cluster)
        if group is not None:
            kept[cluster.name] = tuning_of(cluster.nodes[group.owner].host)

    def observe(kind: str, facts: dict[str, Any]) -> None:
        if kind == "resource" and facts["state"] == "online" and facts["resource"].service == ATTENDANT:
            cluster: Cluster = facts["cluster"]
            if cluster.name in kept:
                restore_tuning(cluster.nodes[facts["group"].owner].host, kept[cluster.name])

    if kept:
        world.observers.append(observe)


# -- the directory


def in_directory(host: Host) -> bool:
    """Whether Active Directory has an entry of a server: of 5.5 only beside a newer one in its organisation.

    Exchange 5.5 has a directory of its own; what Active Directory shows of it comes by replication [R].
    """
    others = host.world.hosts.values()
    return host.product != "5.5" or any(o.organization == host.organization and o.product != "5.5" for o in others)

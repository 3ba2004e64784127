# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the observed estate (plain JSON data) into a ``Model``, and refuses what no plan may begin with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from . import levels
from .clusters import read_cluster
from .front_ends import check_front_ends, check_sets, is_front_end, read_rotation
from .levels import Level
from .model import Cluster, Host, Model
from .problems import Problems
from .procedures import PLANNED_PRODUCTS
from .state55 import PRODUCT as EXCHANGE55
from .state55 import State55, read_state
from .updates import Chain, Updates

INSTALLATION_PHASES = frozenset({"none", "prepared", "armed", "running", "finished", "interrupted"})
SETTLED_SERVICE = frozenset({"running", "stopped"})


def read_estate(
    estate: Mapping[str, Any], updates: Updates, problems: Problems, front_ends_done: Iterable[str] = ()
) -> Model:
    """Return the model of the estate; what is wrong with it is added to ``problems``, and left out of the model.

    The result may be planned with only when ``problems`` is empty.
    """
    directory = (estate.get("directory") or {}).get("servers") if estate.get("directory") else None
    hosts: dict[str, Host] = {}
    for name in sorted(estate.get("hosts") or {}):
        host = _read_host(name, estate["hosts"][name], updates, directory, problems)
        if host:
            hosts[name] = host
    if not estate.get("hosts"):
        problems.add("", "There is no host to plan for.", "Check the inventory group and --limit.")
    clusters = _read_clusters(estate, hosts, updates, directory, problems)
    model = Model(hosts=hosts, clusters=clusters)
    check_front_ends(model, estate, updates, directory, front_ends_done, problems)
    check_sets(model, estate, updates, directory, front_ends_done, problems)
    return model


def _read_host(
    name: str,
    found: Mapping[str, Any] | None,
    updates: Updates,
    directory: Mapping[str, Any] | None,
    problems: Problems,
) -> Host | None:
    """Return one host, or None when nothing can be planned with it."""
    again = "Bring the host back and start the run again, or take it out of this run."
    if not found or found.get("unreachable"):
        why = found.get("unreachable") if found else None
        problems.add(name, f"The host could not be read{f': {why}' if isinstance(why, str) else '.'}", again)
        return None
    exchange = found.get("exchange")
    if not exchange or not exchange.get("installed"):
        problems.add(name, "Exchange is not installed on the host.", "Take the host out of this run.")
        return None
    product = str(exchange.get("product"))
    if product not in PLANNED_PRODUCTS or not updates.of(product):
        problems.add(
            name,
            f"The server runs Exchange {product}; none of the updates ({', '.join(updates.keys)}) is for it.",
            "Take it out of this run or add its update.",
        )
        return None
    phases = _phases(name, found, updates, problems)
    level = _level(found, updates, phases)
    chain = Chain(name, updates, exchange, level, phases, problems).find()
    computer = str(exchange.get("computer_name") or name).upper()
    clustered = bool(exchange.get("clustered"))
    front_end = is_front_end(found, (directory or {}).get(computer) or {}, clustered=clustered)
    if product == EXCHANGE55:
        front_end, balanced, rotation = _no_front_end(name, found, problems), None, None
    else:
        balanced, rotation = read_rotation(name, found, front_end, problems)
    packages, note = found.get("packages") or {}, found.get("note")
    state = _exchange55(name, found, product, updates, problems)
    connector = _connector(found.get("connector"), product, updates)
    wanted = (*chain, *_for_addons(state, updates), *_for_connector(connector, product, updates))
    installations = found.get("installations") or {}
    host = Host(
        name=name,
        computer=computer,
        product=product,
        level=level,
        chain=chain,
        old=updates.raises(chain),
        phases=phases,
        restart_pending=any((each or {}).get("restart_pending") for each in installations.values()),
        unstaged=frozenset(key for key in wanted if _unstaged(packages.get(key))),
        note=note or None,
        front_end=front_end,
        balanced=balanced,
        rotation=rotation,
        connector=connector,
        exchange55=state,
        **_services(found.get("interfering") or {}),
    )
    return replace(host, backup_due=_backup_due(host, found, updates))


def _no_front_end(name: str, found: Mapping[str, Any], problems: Problems) -> bool:
    """Refuse what says that a server with Exchange 5.5 is a front-end, which that version does not have; false."""
    if found.get("front_end") or (found.get("rotation") or {}).get("set"):
        problems.add(
            name,
            "The server runs Exchange 5.5, which has no front-end servers and no load-balanced sets of them.",
            "Take mailops_exchange_front_end and mailops_exchange_load_balanced off the host.",
        )
    return False


def _exchange55(
    name: str, found: Mapping[str, Any], product: str, updates: Updates, problems: Problems
) -> State55 | None:
    if product != EXCHANGE55:
        return None
    clustered, has_pack = bool(found["exchange"].get("clustered")), updates.service_pack(product) is not None
    return read_state(name, found, clustered=clustered, has_pack=has_pack, problems=problems)


def _for_addons(state: State55 | None, updates: Updates) -> tuple[str, ...]:
    """The service pack whose package the add-ons of a server are upgraded from."""
    pack = updates.service_pack(EXCHANGE55)
    return (str(pack["id"]),) if state and state.addons and pack else ()


def _for_connector(connector: str | None, product: str, updates: Updates) -> tuple[str, ...]:
    """The service pack whose package holds the setup of the host's Active Directory Connector, where that is due."""
    pack = updates.service_pack(product)
    return (str(pack["id"]),) if connector and pack else ()


def _level(found: Mapping[str, Any], updates: Updates, phases: Mapping[str, str]) -> Level:
    """Return the level of a server. What the service pack of a suite has installed counts from the restart on.

    Until then only Exchange shows it; it is not installed again for that.
    """
    level = updates.level_of(found["exchange"])
    for key, installation in sorted((found.get("installations") or {}).items()):
        entry = updates.by_id.get(key)
        waits = phases.get(key) == "finished" and (installation or {}).get("restart_pending")
        if entry and waits and levels.is_suite(entry) and level.service_pack >= int(entry["result"]["service_pack"]):
            level = updates.level_after(key, level)
    return level


def _phases(name: str, found: Mapping[str, Any], updates: Updates, problems: Problems) -> dict[str, str]:
    """Return how far the installation of each update has come; a person has to look at some of it first."""
    phases = {}
    for key, installation in sorted((found.get("installations") or {}).items()):
        if key not in updates.by_id:
            continue
        phase = phases[key] = str((installation or {}).get("phase") or "none")
        if phase not in INSTALLATION_PHASES:
            problems.add(name, f"The installation of {key} is in the unknown phase {phase!r}.", "Look at the host.")
        elif phase == "interrupted":
            path = str((updates.by_id[key].get("log") or {}).get("path") or "")
            log = path.replace("{folder}", f"C:\\mailops\\{key}") or "the installer's log"
            problems.add(
                name,
                f"The installer of {key} was cut off: the host went down, or the program was ended, while it ran.",
                f"Read the end of {log} and see whether the Exchange services of the host start. Run the update's "
                "setup once more by hand until it ends without an error, delete the folder "
                f"C:\\mailops\\{key} on the host, and start the run again: it goes on from what it finds.",
            )
    return phases


def _unstaged(package: Mapping[str, Any] | None) -> bool:
    return bool(package and package.get("needed") and not package.get("staged"))


def _services(interfering: Mapping[str, Any]) -> dict[str, Any]:
    note = interfering.get("note")
    states = {name: str((row or {}).get("state") or "running") for name, row in sorted((note or {}).items())}
    return {
        "interfering": tuple(sorted(interfering.get("running") or {})),
        "noted_services": states if note is not None else None,
    }


def _connector(found: Mapping[str, Any] | None, product: str, updates: Updates) -> str | None:
    """Return what is due of the Active Directory Connector: only a service pack brings a new one (KB 328839: G6).

    Those of Exchange 5.5 do not.
    """
    if not found or not found.get("installed") or product == EXCHANGE55 or updates.service_pack(product) is None:
        return None
    if found.get("begun"):
        return "begun"
    return "due" if found.get("due") else None


def _backup_due(host: Host, found: Mapping[str, Any], updates: Updates) -> str | None:
    """Return the service pack that an earlier run of this roll has installed without noting that a backup is due.

    The host's own note says it: begun before an installation, noted after it. Where nobody has read it, a host that
    has more to do notes it once more.
    """
    packs = [str(entry["id"]) for entry in updates.of(host.product) if entry["kind"] == "service_pack"]
    if "backup_due" in found:
        note = found["backup_due"] or {}
        open_packs = [key for key in packs if key == note.get("update") and not note.get("noted")]
    else:
        open_packs = [
            key for key in packs if host.phases.get(key) == "finished" and (host.chain or host.restart_pending)
        ]
    return next((key for key in open_packs if key not in host.chain), None)


def _read_clusters(
    estate: Mapping[str, Any],
    hosts: dict[str, Host],
    updates: Updates,
    directory: Mapping[str, Any] | None,
    problems: Problems,
) -> dict[str, Cluster]:
    """Return the clusters, and write into ``hosts`` their cluster and node."""
    views: dict[str, dict[str, Mapping[str, Any]]] = {}
    absent: list[str] = []
    for name, host in hosts.items():
        if not estate["hosts"][name]["exchange"].get("clustered"):
            continue
        view = estate["hosts"][name].get("cluster") or {}
        service = view.get("service")
        if service == "running" and view.get("name"):
            views.setdefault(str(view["name"]), {})[name] = view
            continue
        absent.append(name)
        if service not in SETTLED_SERVICE:
            problems.add(
                name,
                f"The Cluster service of the node is {service or 'in an unknown state'}."
                + (f" {why}" if (why := estate["hosts"][name].get("cluster_problem")) else ""),
                "Wait until it runs or is stopped, look why if it does not, and start the run again.",
            )
        elif service == "running":
            problems.add(name, f"{host.computer} does not say which cluster it is in.", "Look at its Cluster service.")
    computers = {host.computer: name for name, host in hosts.items()}
    clusters: dict[str, Cluster] = {}
    for cluster, seen in sorted(views.items()):
        read = read_cluster(cluster, seen, computers, hosts, updates, directory, problems)
        if read:
            clusters[cluster] = read
            for node, name in read.hosts.items():
                hosts[name] = replace(hosts[name], cluster=cluster, node=node, front_end=False)
    known = {str(node).upper() for seen in views.values() for view in seen.values() for node in view.get("nodes") or {}}
    for name in absent:
        if hosts[name].computer not in known:
            problems.add(
                name,
                "The host is a cluster node, but no running node of its cluster was seen.",
                "Start the Cluster service on the nodes of the cluster (or take all of them into the run) and start "
                "again.",
            )
    return clusters

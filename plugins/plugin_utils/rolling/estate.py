# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the observed estate (plain JSON data) into a ``Model``, and refuses what no plan may begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import levels
from .clusters import read_cluster
from .model import Cluster, Host, Model
from .problems import Problems

INSTALLATION_PHASES = frozenset({"none", "prepared", "armed", "running", "finished", "interrupted"})
SETTLED_SERVICE = frozenset({"running", "stopped"})


def read_estate(estate: Mapping[str, Any], update: Mapping[str, Any], problems: Problems) -> Model:
    """Return the model of the estate; what is wrong with it is added to ``problems``, and left out of the model.

    The result may be planned with only when ``problems`` is empty.
    """
    directory = (estate.get("directory") or {}).get("servers") if estate.get("directory") else None
    hosts: dict[str, Host] = {}
    for name in sorted(estate.get("hosts") or {}):
        host = _read_host(name, estate["hosts"][name], update, directory, problems)
        if host:
            hosts[name] = host
    if not estate.get("hosts"):
        problems.add("", "There is no host to plan for.", "Check the inventory group and --limit.")
    clusters, hosts = _read_clusters(estate, hosts, update, directory, problems)
    model = Model(hosts=hosts, clusters=clusters)
    for host in hosts.values():
        if not host.updated and not host.installing:
            levels.check_level(host.name, estate["hosts"][host.name]["exchange"], update, problems)
            if host.cluster:
                levels.check_iis_fix(host.name, estate["hosts"][host.name]["exchange"], update, problems)
    _check_front_ends(model, update, directory, problems)
    return model


def _read_host(
    name: str,
    found: Mapping[str, Any] | None,
    update: Mapping[str, Any],
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
    if str(exchange.get("product")) != str(update.get("product")):
        problems.add(
            name,
            f"The server runs Exchange {exchange.get('product')}; {update['id']} is for {update.get('product')}.",
            "Take the server out of this run, or choose the update of its product.",
        )
        return None
    installation = found.get("installation") or {}
    phase = str(installation.get("phase") or "none")
    if phase not in INSTALLATION_PHASES:
        problems.add(name, f"The installation is in the unknown phase {phase!r}.", "Look at the host by hand.")
        return None
    if phase == "interrupted":
        _add_interrupted(name, update, problems)
    service_pack = int(exchange.get("service_pack") or 0)
    hotfixes = frozenset(str(fix).upper() for fix in exchange.get("hotfixes") or [])
    computer = str(exchange.get("computer_name") or name).upper()
    entry = (directory or {}).get(computer) or {}
    package = found.get("package") or {}
    note = found.get("note")
    return Host(
        name=name,
        computer=computer,
        product=str(exchange["product"]),
        service_pack=service_pack,
        build=exchange.get("build"),
        hotfixes=hotfixes,
        updated=levels.server_is_updated(update, service_pack, hotfixes),
        installation=phase,
        restart_pending=bool(installation.get("restart_pending")),
        staged=not package.get("needed") or bool(package.get("staged")),
        note=dict(note) if note else None,
        front_end=bool(found.get("front_end", entry.get("front_end"))) and not exchange.get("clustered"),
    )


def _add_interrupted(host: str, update: Mapping[str, Any], problems: Problems) -> None:
    log = (update.get("log") or {}).get("path") or "the installer's log"
    problems.add(
        host,
        "The installer was cut off: the host went down, or the program was ended, while it ran.",
        f"Read the end of {log} and see whether the Exchange services of the host start. Run the update's setup once "
        f"more by hand until it ends without an error, delete the folder C:\\mailops\\{update['id']} on the host, and "
        "start the run again: it goes on from what it finds.",
    )


def _read_clusters(
    estate: Mapping[str, Any],
    hosts: dict[str, Host],
    update: Mapping[str, Any],
    directory: Mapping[str, Any] | None,
    problems: Problems,
) -> tuple[dict[str, Cluster], dict[str, Host]]:
    """Return the clusters, and the hosts with their cluster and node."""
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
                f"The Cluster service of the node is {service or 'in an unknown state'}.",
                "Wait until it runs or is stopped, look why if it does not, and start the run again.",
            )
        elif service == "running":
            problems.add(name, f"{host.computer} does not say which cluster it is in.", "Look at its Cluster service.")
    computers = {host.computer: name for name, host in hosts.items()}
    clusters: dict[str, Cluster] = {}
    for cluster, seen in sorted(views.items()):
        read = read_cluster(cluster, seen, computers, hosts, update, directory, problems)
        if read:
            clusters[cluster] = read
            for node, name in read.hosts.items():
                hosts[name] = _placed(hosts[name], cluster, node)
    known = {str(node).upper() for seen in views.values() for view in seen.values() for node in view.get("nodes") or {}}
    for name in absent:
        if hosts[name].computer not in known:
            problems.add(
                name,
                "The host is a cluster node, but no running node of its cluster was seen.",
                "Start the Cluster service on the nodes of the cluster (or take all of them into the run) and start "
                "again.",
            )
    return clusters, hosts


def _placed(host: Host, cluster: str, node: str) -> Host:
    return Host(**{**host.__dict__, "cluster": cluster, "node": node, "front_end": False})


def _check_front_ends(
    model: Model, update: Mapping[str, Any], directory: Mapping[str, Any] | None, problems: Problems
) -> None:
    """Refuse a back-end while a front-end outside of this run is not updated (invariant 1; KB 328839: A2).

    The directory shows service packs only: of a hotfix nothing can be said here.
    """
    back_ends = [host for host in model.hosts.values() if not host.front_end and not host.updated]
    if not back_ends or update["kind"] != "service_pack":
        return
    here = {host.computer for host in model.hosts.values()}
    for name, entry in sorted((directory or {}).items()):
        if not entry.get("front_end") or name.upper() in here or str(entry.get("product")) != str(update["product"]):
            continue
        if not levels.virtual_server_is_upgraded(update, entry):
            problems.add(
                name,
                f"The front-end server {name} has {levels.words_of(entry.get('service_pack'))} and is not part of this "
                "run; every front-end is updated before any back-end.",
                f"Update {name} first, or take it into the run.",
            )

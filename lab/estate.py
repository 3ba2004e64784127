# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an estate and its faults: YAML, the published schema, the defaults, the limits of Windows and Exchange.

`load_estate` gives a plain dictionary in which everything has a value: the keys of the published format, and

* `update` as it was written, `updates` always a list;
* each machine (hosts, controllers): os, os_service_pack, channel, services, processes, free_mb, clock_skew,
  admin_rights;
* each host: product, edition, service_pack, hotfixes, role, load_balanced (or None), balancer, drain_minutes,
  setup {exit_code, minutes}, cluster (or None), node_state (None where it has no cluster), pending_restart,
  setup_rights, reinstall_needed, organization, database_minutes, addons, monitors;
* each cluster: nodes, quorum {group, owner, found}, msdtc, virtual_servers, other_groups {owner, state};
* each virtual server: owner, possible_owners, preferred_owners, service_pack, network_name, and `state`, which is None
  when it was left out (the world then decides by the versions).
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

from .tables import sentence, table
from .yaml_lines import Document, EstateError, check_schema, read_yaml

__all__ = ["EstateError", "complete", "limits", "load_estate", "load_faults", "update_keys"]

Estate = dict[str, Any]


def limits() -> dict[str, Any]:
    """The table of what Windows and Exchange allow (data/limits.yml)."""
    return table("limits")


def update_keys() -> tuple[str, ...]:
    """The keys of all updates that the lab has a package for (data/packages.yml)."""
    return tuple(table("packages")["packages"])


def load_estate(path: Path) -> Estate:
    """Read, check and complete an estate; raises EstateError with a line for each mistake."""
    from .estate_rules import check_rules

    document = read_yaml(path)
    if document.data is None:
        raise EstateError([f"{path}: is empty; expected an estate with at least one entry under hosts"])
    check_schema(document, "estate.schema.json")
    estate = complete(document.data)
    problems = check_rules(document, estate)
    if problems:
        raise EstateError(problems)
    return estate


def load_faults(path: Path, estate: Estate) -> list[dict[str, Any]]:
    """Read and check a file of faults for an estate; raises EstateError with a line for each mistake."""
    from .estate_rules import check_faults

    document: Document = read_yaml(path)
    check_schema(document, "faults.schema.json")
    faults: list[dict[str, Any]] = [dict(fault) for fault in document.data or []]
    problems = check_faults(document, faults, estate)
    if problems:
        raise EstateError(problems)
    for fault in faults:
        fault.setdefault("times", 1)
    return faults


def complete(written: Estate) -> Estate:
    """Fill in every default of an estate that the schema allows; the written one stays as it is."""
    estate = copy.deepcopy(written)
    estate.setdefault("seed", 1)
    estate.setdefault("speed", 60)
    estate.setdefault("language", "en")
    estate.setdefault("domain", "contoso.example")
    estate["controllers"] = {name: value or {} for name, value in estate.get("controllers", {"dc1": {}}).items()}
    for controller in estate["controllers"].values():
        _complete_machine(controller)
    estate.setdefault("prerequisites", [])
    for key in ("package", "accounts"):
        estate[key] = estate.get(key) or {}
    estate["gates"] = {"overridden": []} | (estate.get("gates") or {})
    connector = estate.setdefault("directory_connector", None)
    if connector:
        connector.setdefault("custom_maps", False)
        connector.setdefault("overwrites_maps", False)
        connector.setdefault("maps_given", False)
    estate["backups"] = {"databases": 6, "system_state": 6, "controllers": 6} | estate.get("backups", {})
    person: dict[str, Any] = {"reacts_after": 60, "upgrades_virtual_servers": True, "runs_setup": True}
    person |= {"read_release_notes": True, "takes_backups_after": None}
    operator = estate.get("operator", {})
    estate["operator"] = None if operator is None else person | operator
    estate["clusters"] = {name: value or {} for name, value in (estate.get("clusters") or {}).items()}
    estate["hosts"] = {name: value or {} for name, value in estate["hosts"].items()}
    _membership(estate)
    for host in estate["hosts"].values():
        _complete_host(host)
    taken = {name.upper() for name in [*estate["hosts"], *estate["controllers"]]}
    for cluster in estate["clusters"].values():
        _complete_cluster(cluster, estate, taken)
    if "update" not in estate:
        newest = max((host["product"] for host in estate["hosts"].values()), key=float)
        estate["update"] = limits()["newest_update"]["2000" if newest == "2000" else newest]
    estate["updates"] = [estate["update"]] if isinstance(estate["update"], str) else list(estate["update"])
    default = {estate["domain"].partition(".")[0]: list(estate["hosts"])}
    estate.setdefault("organizations", default)
    for name, host in estate["hosts"].items():
        host["organization"] = next((org for org, members in estate["organizations"].items() if name in members), None)
    return estate


def _membership(estate: Estate) -> None:
    """Nodes and clusters name each other: either side may be left out."""
    for name, cluster in estate["clusters"].items():
        named = [host for host, settings in estate["hosts"].items() if settings.get("cluster") == name]
        cluster.setdefault("nodes", named)
        for node in cluster["nodes"]:
            if node in estate["hosts"] and not estate["hosts"][node].get("cluster"):
                estate["hosts"][node]["cluster"] = name


def _complete_machine(machine: dict[str, Any]) -> None:
    """What every machine has, with Exchange or without."""
    machine["os"] = str(machine.get("os", "server2003"))
    system = limits()["systems"][machine["os"]]
    machine.setdefault("os_service_pack", system["service_packs"])
    machine.setdefault("channel", system["channel"])
    machine["services"] = machine.get("services") or {}
    machine["processes"] = machine.get("processes") or []
    machine.setdefault("free_mb", None)
    machine.setdefault("clock_skew", 0)
    machine.setdefault("admin_rights", True)


def _complete_host(host: dict[str, Any]) -> None:
    for key in ("os", "product"):
        if key in host:
            host[key] = str(host[key])
    if "product" not in host:
        host["product"] = limits()["product_of_system"][host.get("os", "server2003")]
    product = limits()["products"][host["product"]]
    host.setdefault("os", product["systems"][0])
    _complete_machine(host)
    host.setdefault("cluster", None)
    host.setdefault("edition", "enterprise" if host["cluster"] else "standard")
    host.setdefault("service_pack", product["service_pack"])
    host["hotfixes"] = ["KB" + number.removeprefix("KB").removeprefix("Q") for number in host.get("hotfixes", [])]
    host.setdefault("role", "back_end")
    host.setdefault("load_balanced", None)
    host.setdefault("balancer", "nlb")
    host.setdefault("drain_minutes", table("balancing")["drain_minutes"])
    for key, default in (("pending_restart", False), ("setup_rights", True), ("reinstall_needed", False)):
        host.setdefault(key, default)
    host.setdefault("database_minutes", product["database_minutes"])
    for key in ("addons", "monitors"):
        host.setdefault(key, [])
    host.setdefault("node_state", "up" if host["cluster"] else None)
    host["setup"] = {"exit_code": 0, "minutes": 10} | (host.get("setup") or {})


def _complete_cluster(cluster: dict[str, Any], estate: Estate, taken: set[str]) -> None:
    nodes = cluster["nodes"]
    serving = [node for node in nodes if estate["hosts"].get(node, {}).get("node_state") != "down"]
    first = serving[0] if serving else None
    quorum = {"group": sentence(estate["language"], "quorum_group"), "owner": first, "found": True}
    cluster["quorum"] = quorum | (cluster.get("quorum") or {})
    cluster.setdefault("msdtc", "online")
    usual = {"owner": first, "state": "online"}
    others = cluster.get("other_groups") or {}
    cluster["other_groups"] = {name: usual | (value or {}) for name, value in others.items()}
    servers = {name: dict(value or {}) for name, value in (cluster.get("virtual_servers") or {}).items()}
    cluster["virtual_servers"] = servers
    taken |= {server["network_name"] for server in servers.values() if "network_name" in server}
    # the last node stays passive where there is one
    active = serving[:-1] if len(serving) > max(1, len(servers)) else serving
    for index, (name, server) in enumerate(servers.items()):
        server.setdefault("owner", active[index % len(active)] if active else None)
        server.setdefault("possible_owners", list(nodes))
        server.setdefault("preferred_owners", [server["owner"]] if server["owner"] in nodes else [])
        owner = estate["hosts"].get(server["owner"], {})
        server["product"] = str(server.get("product") or owner.get("product") or "")
        same = server["product"] == owner.get("product", server["product"])
        newest = limits()["products"][server["product"]]["service_packs"] if not same else 0
        server.setdefault("service_pack", owner.get("service_pack", 0) if same else newest)
        server.setdefault("state", None)
        server.setdefault("database_minutes", owner.get("database_minutes", 0))
        if "network_name" not in server:
            server["network_name"] = _network_name(name, taken)
            taken.add(server["network_name"])


def _network_name(group: str, taken: set[str]) -> str:
    """A NetBIOS name made from a group's name: capitals, digits and hyphen, at most 15 characters, not used yet."""
    base = re.sub(r"[^A-Z0-9-]", "", group.upper()).strip("-")[:15].rstrip("-") or "EVS"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base[: 15 - len(str(number))]}{number}"
    return name

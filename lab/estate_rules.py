# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of an estate and its faults that a schema cannot say: limits of Windows and Exchange, names that must exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .estate import Estate, limits, update_keys
from .yaml_lines import Document, Place, did_you_mean, one_of, shown


class _Rules:
    """Collects the mistakes of one document."""

    def __init__(self, document: Document, estate: Estate) -> None:
        self.document = document
        self.estate = estate
        self.problems: list[str] = []

    def wrong(self, place: Place, text: str) -> None:
        self.problems.append(self.document.problem(place, text))

    def known(self, place: Place, found: str | None, known: Iterable[str], what: str) -> bool:
        """True when a name is one of the known ones; otherwise notes the mistake."""
        names = list(known)
        if found in names:
            return True
        hint = did_you_mean(str(found), names)
        self.wrong(place, f"found {shown(found)}, expected {what}: {one_of(names)}{hint}")
        return False

    def distinct(self, entries: Iterable[tuple[Place, str]], what: str) -> None:
        """Windows compares names without regard to case."""
        seen: dict[str, str] = {}
        for place, name in entries:
            key = name.casefold()
            if key in seen:
                self.wrong(place, f"{shown(name)} is {what} twice (also {seen[key]}); expected different names")
            seen.setdefault(key, shown(name))


def check_rules(document: Document, estate: Estate) -> list[str]:
    """All mistakes of a completed estate beyond the schema, a line each."""
    rules = _Rules(document, estate)
    _check_top(rules)
    for name in estate["hosts"]:
        _check_host(rules, name)
    if not rules.problems:
        for name in estate["clusters"]:
            _check_cluster(rules, name)
        machines: list[tuple[Place, str]] = [(("hosts", name), name) for name in estate["hosts"]]
        machines += [
            (("clusters", name, "virtual_servers", group, "network_name"), server["network_name"])
            for name, cluster in estate["clusters"].items()
            for group, server in cluster["virtual_servers"].items()
        ]
        rules.distinct(machines, "the name of a computer or virtual server")
    return rules.problems


def _check_top(rules: _Rules) -> None:
    estate = rules.estate
    for index, key in enumerate(estate["updates"]):
        place: Place = ("update",) if isinstance(estate["update"], str) else ("update", index)
        rules.known(place, key, update_keys(), "the key of an update")
    for index, key in enumerate(estate["prerequisites"]):
        rules.known(("prerequisites", index), key, update_keys(), "the key of an update")
    small = [name for name, host in estate["hosts"].items() if host["edition"] == "small_business"]
    others = [name for name in estate["controllers"] if name not in small]
    machines: list[tuple[Place, str]] = [(("controllers", name), name) for name in others]
    for name, controller in estate["controllers"].items():
        _check_system(rules, ("controllers", name), controller)
    machines += [(("hosts", name), name) for name in estate["hosts"]]
    rules.distinct(machines, "a computer's name")
    if estate["directory_connector"]:
        place = ("directory_connector", "host")
        connector = estate["directory_connector"]["host"]
        if rules.known(place, connector, estate["hosts"], "a host") and estate["hosts"][connector]["product"] == "5.5":
            rules.wrong(place, "Exchange 5.5 brings no Active Directory Connector; expected a host with 2000 or 2003")
    where: dict[str, str] = {}
    for organization, members in estate["organizations"].items():
        for index, host in enumerate(members):
            here: Place = ("organizations", organization, index)
            if rules.known(here, host, estate["hosts"], "a host") and host in where:
                rules.wrong(here, f"{host} is also in {where[host]}; expected each host in one organisation")
            where.setdefault(host, organization)
    for host in estate["hosts"]:
        if host not in where:
            rules.wrong(("organizations",), f"{host} is in none; expected each host in one organisation")


def _check_system(rules: _Rules, here: Place, machine: dict[str, Any]) -> None:
    """What holds for every machine: the service pack of its Windows, and how it is reached."""
    system = limits()["systems"][machine["os"]]
    if machine["os_service_pack"] > system["service_packs"]:
        text = f"{system['title']} has no service pack {machine['os_service_pack']}"
        rules.wrong((*here, "os_service_pack"), f"{text}; expected 0 to {system['service_packs']}")
    if machine["channel"] == "winrm" and system["channel"] != "winrm":
        rules.wrong((*here, "channel"), f"{system['title']} has no WinRM; expected rpc")


def _check_host(rules: _Rules, name: str) -> None:
    host = rules.estate["hosts"][name]
    here: Place = ("hosts", name)
    product = limits()["products"][host["product"]]
    system = limits()["systems"][host["os"]]
    title = f"Exchange {host['product']}"
    if host["os"] not in product["systems"]:
        text = f"{title} does not run on {system['title']}; expected {one_of(product['systems'])}"
        rules.wrong((*here, "os") if (*here, "os") in rules.document.lines else (*here, "product"), text)
    if host["service_pack"] > product["service_packs"]:
        text = f"{title} has no service pack {host['service_pack']}; expected 0 to {product['service_packs']}"
        rules.wrong((*here, "service_pack"), text)
    if host["edition"] not in product["editions"]:
        text = f"{title} has no edition {host['edition']}; expected {one_of(product['editions'])}"
        rules.wrong((*here, "edition"), text)
    _check_system(rules, here, host)
    _check_55(rules, name)
    if host["role"] == "front_end" and host["product"] == "5.5":
        rules.wrong((*here, "role"), "Exchange 5.5 has no front-ends; expected back_end")
    _check_balanced(rules, name)
    cluster = host["cluster"]
    if not cluster:
        if host["node_state"] is not None:
            rules.wrong((*here, "node_state"), f"{name} is no node of a cluster; expected nothing here")
        return
    if not rules.known((*here, "cluster"), cluster, rules.estate["clusters"], "a cluster described under clusters"):
        return
    if name not in rules.estate["clusters"][cluster]["nodes"]:
        text = f"{name} is not among the nodes of {cluster}; expected it in clusters.{cluster}.nodes"
        rules.wrong((*here, "cluster"), text)
    if host["edition"] in ("standard", "small_business"):
        text = f"the {host['edition'].replace('_', ' ')} edition does not cluster; expected enterprise"
        rules.wrong((*here, "edition"), text)
    if host["role"] == "front_end":
        rules.wrong((*here, "role"), "a cluster node is no front-end; expected back_end")


def _check_55(rules: _Rules, name: str) -> None:
    """What only Exchange 5.5 has: add-ons, tuning by its optimizer, server monitors; and Small Business Server 2000."""
    hosts = rules.estate["hosts"]
    host = hosts[name]
    for key in ("addons", "custom_tuning", "directory_stop_minutes"):
        if host.get(key) and host["product"] != "5.5":
            text = f"found {shown(key)} with Exchange {host['product']}; expected it with 5.5 only"
            rules.wrong(("hosts", name, key), text)
    for index, other in enumerate(host["monitors"]):
        here: Place = ("hosts", name, "monitors", index)
        if rules.known(here, other, hosts, "a host") and hosts[other]["product"] != "5.5":
            rules.wrong(here, f"{other} has Exchange {hosts[other]['product']}; expected a server with 5.5")
    if host.get("suite_service_pack") and (host["edition"], host["product"]) != ("small_business", "2000"):
        text = "only Small Business Server 2000 has it; expected edition: small_business and os: 2000 beside it"
        rules.wrong(("hosts", name, "suite_service_pack"), text)


def _check_balanced(rules: _Rules, name: str) -> None:
    """A load-balanced set: front-ends, all behind the same kind of balancer."""
    host = rules.estate["hosts"][name]
    here: Place = ("hosts", name)
    if not host["load_balanced"]:
        return
    if host["role"] != "front_end":
        rules.wrong((*here, "load_balanced"), "only front-ends are load-balanced; expected role: front_end beside it")
    mates = [n for n, other in rules.estate["hosts"].items() if other["load_balanced"] == host["load_balanced"]]
    first = rules.estate["hosts"][mates[0]]["balancer"]
    if host["balancer"] != first:
        text = f"found {shown(host['balancer'])}, expected {first}, as {mates[0]} of the same set has it"
        rules.wrong((*here, "balancer"), text)


def _check_cluster(rules: _Rules, name: str) -> None:
    estate = rules.estate
    cluster = estate["clusters"][name]
    nodes: list[str] = cluster["nodes"]
    here: Place = ("clusters", name)
    if not nodes:
        rules.wrong(here, "has no nodes; expected hosts that name it as their cluster, or a list under nodes")
        return
    good = True
    for index, node in enumerate(nodes):
        place = (*here, "nodes", index)
        if not rules.known(place, node, estate["hosts"], "a host"):
            good = False
        elif estate["hosts"][node]["cluster"] != name:
            other = estate["hosts"][node]["cluster"]
            rules.wrong(place, f"{node} is a node of {other} already; expected each host in one cluster")
            good = False
    if not good:
        return
    hosts = [estate["hosts"][node] for node in nodes]
    for host in hosts:
        system = limits()["systems"][host["os"]]
        if len(nodes) > system["nodes"]:
            text = f"{len(nodes)} nodes; expected at most {system['nodes']} on {system['title']}"
            rules.wrong((*here, "nodes"), text)
            break
    if len(nodes) > 2 and any(host["product"] == "5.5" for host in hosts):
        rules.wrong((*here, "nodes"), f"{len(nodes)} nodes; expected at most 2 with Exchange 5.5")
    if len({host["organization"] for host in hosts}) > 1:
        rules.wrong((*here, "nodes"), "the nodes are in different organisations; expected one for the whole cluster")
    rules.known((*here, "quorum", "owner"), cluster["quorum"]["owner"], nodes, "a node of the cluster")
    for group, settings in cluster["other_groups"].items():
        place = (*here, "other_groups", group, "owner")
        rules.known(place, settings["owner"], nodes, "a node of the cluster")
    groups: list[tuple[Place, str]] = [((*here, "quorum"), cluster["quorum"]["group"])]
    groups += [((*here, "virtual_servers", group), group) for group in cluster["virtual_servers"]]
    groups += [((*here, "other_groups", group), group) for group in cluster["other_groups"]]
    rules.distinct(groups, "a group's name")
    owners: list[tuple[Place, str | None]] = [((*here, "quorum", "owner"), cluster["quorum"]["owner"])]
    for kind in ("virtual_servers", "other_groups"):
        owners += [((*here, kind, group, "owner"), settings["owner"]) for group, settings in cluster[kind].items()]
    for place, owner in owners:
        if owner in nodes and estate["hosts"][owner]["node_state"] == "down":
            rules.wrong(place, f"{owner} is down; expected a node that is up, nothing can be owned by this one")
    _check_virtual_servers(rules, name)


def _check_virtual_servers(rules: _Rules, name: str) -> None:
    cluster = rules.estate["clusters"][name]
    nodes, servers = cluster["nodes"], cluster["virtual_servers"]
    here: Place = ("clusters", name, "virtual_servers")
    # Active/active was supported with exactly two nodes; with more, one node at least stays passive. [R]
    most = 2 if len(nodes) == 2 else max(1, len(nodes) - 1)
    if len(servers) > most:
        reason = "two on two nodes" if len(nodes) == 2 else "active/active only with two nodes"
        rules.wrong(here, f"{len(servers)} virtual servers on {len(nodes)} nodes; expected at most {most} ({reason})")
    for group, server in servers.items():
        place = (*here, group)
        good = rules.known((*place, "owner"), server["owner"], nodes, "a node of the cluster")
        for key in ("possible_owners", "preferred_owners"):
            for index, node in enumerate(server[key]):
                good &= rules.known((*place, key, index), node, nodes, "a node of the cluster")
        if not good:
            continue
        if server["owner"] not in server["possible_owners"]:
            rules.wrong((*place, "owner"), f"{server['owner']} is not among its possible owners; expected one of them")
        product, of_node = server["product"], rules.estate["hosts"][server["owner"]]["product"]
        if product != of_node and (product, of_node) != ("2000", "2003"):
            text = f"a virtual server of Exchange {product} on a node with {of_node}; expected {of_node}"
            rules.wrong((*place, "product"), text + (" or 2000" if of_node == "2003" else ""))
            continue
        newest = limits()["products"][product]["service_packs"]
        if server["service_pack"] > newest:
            text = f"Exchange {product} has no service pack {server['service_pack']}; expected 0 to {newest}"
            rules.wrong((*place, "service_pack"), text)


def check_faults(document: Document, faults: list[dict[str, Any]], estate: Estate) -> list[str]:
    """All mistakes of a list of faults beyond the schema, a line each."""
    rules = _Rules(document, estate)
    for index, fault in enumerate(faults):
        _check_fault(rules, fault, (index,))
    return rules.problems


def _check_fault(rules: _Rules, fault: dict[str, Any], here: Place) -> None:
    estate = rules.estate
    where = [key for key in ("host", "cluster", "controller") if key in fault]
    if len(where) != 1:
        rules.wrong(here, f"found {' and '.join(where) or 'none of them'}, expected one of host, cluster, controller")
        return
    kind = where[0]
    if kind == "host":
        machines = [*estate["hosts"], *(estate["controllers"] if fault["on"].startswith("call") else [])]
        if not rules.known((*here, "host"), fault["host"], machines, "a host"):
            return
    elif kind == "cluster" and not rules.known((*here, "cluster"), fault["cluster"], estate["clusters"], "a cluster"):
        return
    moment = fault["on"].partition(" ")[0]
    about = fault["on"].removeprefix(moment).strip()
    table: dict[str, list[str]] = limits()["faults"][kind]
    if not rules.known((*here, "on"), moment, table, f"a moment of a {kind}"):
        return
    if not rules.known((*here, "do"), fault["do"], table[moment], f"what can happen on {moment}"):
        return
    if moment == "call" and not (about.isdecimal() and int(about) > 0):
        rules.wrong((*here, "on"), f"found {shown(fault['on'])}, expected call and a number from 1, such as call 17")
    elif moment in ("move", "upgrade", "online"):
        groups = list(estate["clusters"][fault["cluster"]]["virtual_servers"])
        if moment != "upgrade":
            groups += [estate["clusters"][fault["cluster"]]["quorum"]["group"]]
            groups += list(estate["clusters"][fault["cluster"]]["other_groups"])
        rules.known((*here, "on"), about, groups, f"{moment} and a group of the cluster")
    elif moment == "install" and about:
        if rules.known((*here, "on"), about, estate["hosts"], "install and a host") and fault["do"] != "crash":
            rules.wrong((*here, "do"), f"found {shown(fault['do'])}, expected crash while another host is updated")
    elif moment in ("restart", "start_cluster_service") and about:
        rules.wrong((*here, "on"), f"found {shown(fault['on'])}, expected {moment} alone")
    needs = {"exit": "code", "error": "code", "file_in_use": "file"}.get(fault["do"])
    if needs and needs not in fault:
        rules.wrong(here, f"{needs} is missing; expected it with do: {fault['do']}")
    elif fault["do"] == "exit" and not isinstance(fault["code"], int):
        rules.wrong((*here, "code"), f"found {shown(fault['code'])}, expected a whole number, the exit code")

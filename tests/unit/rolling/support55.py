# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small world with Exchange 5.5 in it: servers, and clusters with an order of their own.

It carries out steps by its own rules: those that the lab's referee judges clusters of Exchange 5.5 by.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.tests.unit.rolling.support import World

CATALOGUE = catalogue.load()
SP3, SP4, FIX = (CATALOGUE[f"exchange55-{key}"] for key in ("sp3", "sp4", "kb894689"))
SERVICES = ("MSExchangeDS", "MSExchangeIS", "MSExchangeMTA", "MSExchangeSA")
BUILDS55 = {0: 1960, 1: 2232, 2: 2448, 3: 2650, 4: 2653}
KEYS55 = [key for key, entry in CATALOGUE.items() if entry["product"] == "5.5"]
RESOURCES = {
    "IP Address": "IP Address",
    "Name": "Network Name",
    "Disk": "Physical Disk",
    "Microsoft Exchange System Attendant": "Generic Service",
    "Microsoft Exchange Information Store": "Generic Service",
}
GROUP = "Exchange"
LAB = Path(__file__).parents[3] / "lab" / "estates"


class World55(World):
    """A world in which some servers and clusters have Exchange 5.5."""

    def __init__(self, updates: list[dict[str, Any]] | None = None) -> None:
        """updates: those of the run that will be carried out, by which a move of the group is judged."""
        super().__init__()
        self.updates = updates or [SP4]
        self.old_clusters: set[str] = set()
        self.installed: list[tuple[str, str]] = []

    def server55(self, name: str, service_pack: int = 3, *, clustered: bool = False, addons: bool = False) -> Any:
        """Add a server with Exchange 5.5; it stands in no directory. Returns its entry."""
        known, self.directory = self.directory, None
        entry = self.server(name, clustered=clustered)
        self.directory = known
        entry["exchange"].update(
            product="5.5", version="5.5", build=BUILDS55[service_pack], service_pack=service_pack, hotfixes=[]
        )
        entry["exchange"]["os"] = {"name": "nt4", "version": "4.0", "build": 1381, "service_pack": 6}
        entry["packages"] = {key: {"needed": True, "staged": False} for key in KEYS55}
        entry["installations"] = {key: {"phase": "none", "exit_code": None, "restart_pending": False} for key in KEYS55}
        rows = {"mailbox_manager", "interorg_replication"} if addons else set()
        entry["exchange55"] = {
            "running": {} if clustered else {each: {"start_type": "auto"} for each in SERVICES},
            "note": None,
            "optimizer": None,
            "tuning_saved": False,
            "addons": {each: {"version": "5.5.2650.0", "due": True} for each in sorted(rows)},
            "monitors": [],
        }
        return entry

    def cluster55(
        self, name: str, nodes: list[str], owner: str, quorum: str, *, service_pack: int = 3, preferred: Any = None
    ) -> dict[str, Any]:
        """Add a cluster with Exchange 5.5 and its group; returns the group."""
        for node in nodes:
            self.server55(node, service_pack, clustered=True)
        up = [node.upper() for node in nodes]
        self.clusters[name] = {"nodes": dict.fromkeys(up, "up"), "groups": {}, "resources": {}, "evs": {}}
        self.group(name, "Cluster Group", quorum)
        self.clusters[name]["groups"]["Cluster Group"]["quorum"] = True
        self._resource(name, "Cluster Group", "Disk Q:", "Physical Disk")
        row = self.group(name, GROUP, owner)
        row.update(
            virtual_server=True, network_name="MAIL", preferred_owners=[each.upper() for each in preferred or []]
        )
        row["hold"] = {
            "resource": f"{GROUP} Microsoft Exchange System Attendant",
            "possible_owners": list(row["possible_owners"]),
        }
        for word, kind in RESOURCES.items():
            self._resource(name, GROUP, f"{GROUP} {word}", kind)
        self.outages[f"{name}/{GROUP}"] = 0
        self.old_clusters.add(name)
        return row

    def level(self, host: str) -> int:
        """The service pack of a host."""
        found: int = self.hosts[host]["exchange"]["service_pack"]
        return found

    def is_of(self, product: str) -> None:
        """What is added, and done, from here on is of this version: 2003 or 2000."""
        self.product, self.least = product, 1 if product == "2003" else 2

    def do(self, step: dict[str, Any], update: dict[str, Any] | None = None) -> None:
        product = self.hosts[step["host"]]["exchange"]["product"]
        if product != "5.5":
            self.is_of(product)
        super().do(step, update)

    def _check_owners(self) -> None:
        """What is said of virtual servers that are upgraded holds of the other clusters only."""
        every, product = self.clusters, self.product
        for name, found in every.items():
            if name not in self.old_clusters:
                self.clusters = {name: found}
                self.is_of(self.hosts[self.host(next(iter(found["nodes"])))]["exchange"]["product"])
                super()._check_owners()
        self.clusters = every
        self.is_of(product)
        for name in self.old_clusters:
            row = every[name]["groups"][GROUP]
            levels = [self.level(self.host(node)) for node in every[name]["nodes"]]
            assert list(every[name]["nodes"].values()).count("down") <= 1
            # What a newer Exchange has opened does not start on an older one.
            assert row["state"] != "online" or self.level(self.host(row["owner"])) == max(levels)

    def _old(self, step: dict[str, Any]) -> bool:
        return self.hosts[step["host"]]["exchange"]["product"] == "5.5"

    def _do_install_update(self, step: dict[str, Any], update: Any) -> None:
        if not self._old(step):
            super()._do_install_update(step, update)
            return
        entry, key = self.hosts[step["host"]], step["object"]
        bought = CATALOGUE[key]
        assert not entry["interfering"]["running"]
        assert entry["packages"][key]["staged"] or entry["installations"][key]["phase"] in ("armed", "running")
        pack = bought["kind"] == "service_pack"
        if entry["exchange"]["clustered"]:
            self._on_node(step, entry, bought)
        elif pack:
            assert not entry["exchange55"]["running"] or entry["installations"][key]["phase"] == "running"
            entry["exchange55"]["optimizer"] = "due"
        if pack:
            assert entry["exchange"]["service_pack"] < bought["result"]["service_pack"]
            entry["exchange"].update(bought["result"])
            entry["backup_due"] = {"update": key, "noted": False}
        else:
            assert {"service_pack": entry["exchange"]["service_pack"]} in bought["from"]
            assert bought["result"]["hotfix"] not in entry["exchange"]["hotfixes"]
            entry["exchange"]["hotfixes"].append(bought["result"]["hotfix"])
        entry["installations"][key] = {"phase": "finished", "exit_code": 0, "restart_pending": False}
        self.installed.append((step["host"], key))

    def _on_node(self, step: dict[str, Any], entry: dict[str, Any], update: dict[str, Any]) -> None:
        """The order of a cluster: as the lab's referee and installers have it."""
        found = self.clusters[step["cluster"]]
        row, node = found["groups"][GROUP], entry["exchange"]["computer_name"]
        running = [
            name
            for name, each in self.hosts.items()
            if name != step["host"]
            and any(one["phase"] == "running" for one in each["installations"].values())
            and each["exchange"]["computer_name"] in found["nodes"]
        ]
        assert not running
        if update["kind"] == "hotfix":
            assert row["owner"] == node
            assert row["state"] == "partially_online"
        elif row["owner"] == node:
            assert found["nodes"][node] == "up"
            assert row["state"] == "online" or entry["installations"][update["id"]]["phase"] in ("armed", "running")
            assert step["group"] == GROUP
            self.outages[f"{step['cluster']}/{GROUP}"] += 1
            self.unpark(step["cluster"], GROUP)
        else:
            assert "group" not in step
            owner = self.hosts[self.host(row["owner"])]["exchange"]
            assert owner["service_pack"] >= update["result"]["service_pack"]

    def _is_old_group(self, step: dict[str, Any]) -> bool:
        return step["cluster"] in self.old_clusters and step.get("group") == GROUP

    def _do_move_group(self, step: dict[str, Any], update: Any) -> None:
        if not self._is_old_group(step):
            super()._do_move_group(step, update)
            return
        found = self.clusters[step["cluster"]]
        row = found["groups"][GROUP]
        mine = [entry for entry in self.updates if entry["product"] == "5.5"]
        assert any(entry["kind"] == "hotfix" for entry in mine)
        packs = [entry["result"]["service_pack"] for entry in mine if entry["kind"] == "service_pack"]
        assert all(self.level(self.host(node)) >= pack for node in found["nodes"] for pack in packs)
        assert row["state"] == "partially_online"
        assert step["step"] == "move_group"
        assert found["nodes"][step["node"]] == "up"
        assert step["node"] in row["possible_owners"]
        assert step["before"]["owner"] == row["owner"] != step["node"]
        row["owner"] = step["node"]
        for resource in found["resources"].values():
            if resource["group"] == GROUP:
                resource["owner"] = step["node"]

    _do_move_home = _do_failover_test = _do_move_group

    def _do_take_offline(self, step: dict[str, Any], update: Any) -> None:
        if self._is_old_group(step):
            assert not [entry for entry in self.updates if entry["kind"] == "service_pack" and self._needs(step, entry)]
        super()._do_take_offline(step, update)

    def _needs(self, step: dict[str, Any], entry: dict[str, Any]) -> bool:
        nodes = self.clusters[step["cluster"]]["nodes"]
        return any(self.level(self.host(node)) < entry["result"]["service_pack"] for node in nodes)

    def _do_bring_online(self, step: dict[str, Any], update: Any) -> None:
        if not self._is_old_group(step):
            super()._do_bring_online(step, update)
            return
        row = self.clusters[step["cluster"]]["groups"][GROUP]
        assert row["state"] != "online"
        self.unpark(step["cluster"], GROUP)

    def _do_verify_virtual_server(self, step: dict[str, Any], update: Any) -> None:
        if not self._is_old_group(step):
            super()._do_verify_virtual_server(step, update)
            return
        row = self.clusters[step["cluster"]]["groups"][GROUP]
        owner = self.hosts[self.host(row["owner"])]["exchange"]
        level = {"service_pack": owner["service_pack"], "build": owner["build"]}
        assert step["after"] == {"owner": row["owner"], "state": row["state"], "version": level}
        assert row["state"] == "online"
        assert step["node_host"] == self.host(row["owner"])

    def _do_restart_host(self, step: dict[str, Any], update: Any) -> None:
        assert not self._old(step)
        super()._do_restart_host(step, update)

    def _do_save_tuning(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["exchange55"]
        assert not found["tuning_saved"] and found["optimizer"] != "begun"
        found["tuning_saved"] = True

    def _do_stop_exchange(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["exchange55"]
        assert set(step["after"]["services"]) == set(found["running"])
        noted = {each: {"state": "running", "start_type": "auto"} for each in found["running"]}
        found.update(running={}, note={**noted, **(found["note"] or {})})

    def _do_start_exchange(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["exchange55"]
        assert step["after"]["services"] == {each: row["state"] for each, row in found["note"].items()}
        ran = {each: {"start_type": "auto"} for each, row in found["note"].items() if row["state"] == "running"}
        found.update(running={**found["running"], **ran}, note=None)

    def _do_optimize(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["exchange55"]
        assert found["tuning_saved"] or found["optimizer"] == "begun"
        assert found["running"] or found["note"]
        ran = {each: {"start_type": "auto"} for each in found["note"] or {}}
        found.update(running={**found["running"], **ran}, note=None, optimizer=None, tuning_saved=False)

    def _do_update_addon(self, step: dict[str, Any], update: Any) -> None:
        entry = self.hosts[step["host"]]
        assert entry["packages"][step["update"]]["staged"]
        assert entry["exchange"]["service_pack"] == CATALOGUE[step["update"]]["result"]["service_pack"]
        entry["exchange55"]["addons"][step["object"]].update(due=False, version="5.5.2653.23")


def from_lab(name: str, updates: list[dict[str, Any]] | None = None) -> World55:
    """The world of an estate of the lab: the same hosts, clusters and services."""
    estate = yaml.safe_load((LAB / f"{name}.yml").read_text(encoding="utf-8"))
    keys = estate["update"] if isinstance(estate["update"], list) else [estate["update"]]
    entries = [CATALOGUE[key] for key in keys]
    asked = {need["update"] for entry in entries for need in entry["requires"]} - set(keys)
    world = World55(updates or [*entries, *({**CATALOGUE[key], "prerequisite": True} for key in sorted(asked))])
    products = {host: _product(row) for host, row in estate["hosts"].items()}
    if set(products.values()) == {"5.5"}:
        world.directory = None
    for cluster, row in (estate.get("clusters") or {}).items():
        nodes = [host for host, each in estate["hosts"].items() if each.get("cluster") == cluster]
        level, product = estate["hosts"][nodes[0]]["service_pack"], products[nodes[0]]
        ((group, server),) = row["virtual_servers"].items()
        quorum = (row.get("quorum") or {}).get("owner", nodes[0])
        preferred = server["preferred_owners"]
        if product == "5.5":
            assert group == GROUP
            world.cluster55(cluster, nodes, server["owner"], quorum, service_pack=level, preferred=preferred)
        else:
            world.is_of(product)
            world.cluster(cluster, nodes, quorum, level)
            world.evs(cluster, group, server["owner"], server["possible_owners"], preferred, level)
    for host, row in estate["hosts"].items():
        if row.get("cluster"):
            continue
        if products[host] != "5.5":
            world.is_of(products[host])
            world.server(host, row["service_pack"], front_end=row.get("role") == "front_end")
            continue
        entry = world.server55(host, row["service_pack"], addons=bool(row.get("addons")))
        entry["exchange"]["edition"] = row.get("edition")
        for service in row.get("services") or {}:
            where = entry["exchange55"] if service.startswith("MSExchange") else entry["interfering"]
            where["running"][service] = {"display_name": service, "start_type": "auto"}
    return world


def _product(row: dict[str, Any]) -> str:
    """The Exchange of a host of the lab: by its Windows, where the estate does not say it."""
    of_windows = {"nt4": "5.5", "2000": "2000"}.get(str(row.get("os")), "2003")
    return str(row.get("product", of_windows))


def cluster55(updates: list[dict[str, Any]] | None = None, *, service_pack: int = 3, quorum: str = "n1") -> World55:
    """A cluster of two nodes; n1 owns the group and is its preferred owner."""
    world = World55(updates)
    world.directory = None
    world.cluster55("mail", ["n1", "n2"], "n1", quorum, service_pack=service_pack, preferred=["n1"])
    return world


def hotfix_world() -> World55:
    """The same cluster with Service Pack 4, for a hotfix."""
    return cluster55([FIX], service_pack=4)


def plan_of(world: World55, **options: Any) -> dict[str, Any]:
    """The plan of the world's updates."""
    return make_plan(world.estate(), world.updates, options)


def refused(world: World55, **options: Any) -> str:
    """Everything that a refusal says; each problem has a remedy."""
    with pytest.raises(NoPlan) as caught:
        plan_of(world, **options)
    assert all(problem["remedy"] for problem in caught.value.problems)
    return " ".join(f"{problem['host']}: {problem['what']} {problem['remedy']}" for problem in caught.value.problems)


def row(world: World55) -> dict[str, Any]:
    """The group with Exchange of the cluster mail."""
    found: dict[str, Any] = world.clusters["mail"]["groups"][GROUP]
    return found


def owned_by(world: World55, node: str) -> None:
    """Somebody has moved the group."""
    row(world)["owner"] = node
    for resource in world.clusters["mail"]["resources"].values():
        if resource["group"] == GROUP:
            resource["owner"] = node


def has_sp4(world: World55, *names: str) -> None:
    """Hosts have the service pack already."""
    for name in names:
        world.hosts[name]["exchange"].update(service_pack=4, build=2653)


def has_fix(world: World55, *names: str) -> None:
    """Hosts have the hotfix already."""
    for name in names:
        world.hosts[name]["exchange"]["hotfixes"] = ["KB894689"]


def noted(world: World55) -> None:
    """An earlier run has noted the owners."""
    for name in ("n1", "n2"):
        world.hosts[name]["note"] = {
            "owners": {"Cluster Group": "N1", GROUP: "N1"},
            "possible_owners": {GROUP: ["N1", "N2"]},
        }

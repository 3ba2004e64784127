# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small world to plan in. It carries out steps by its own rules, not by the planner's transitions."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.mailops.exchange.tests.unit.rolling.entries import (
    AFTER_ROLLUP,
    FOR_SP1,
    FOR_SP2,
    HOTFIX,
    IIS_FIX,
    ROLLUP,
    SP1,
    SP2,
    SP3_2000,
    SUITE,
    UPDATES,
    WITH_FIX,
)
from ansible_collections.mailops.exchange.tests.unit.rolling.world_hosts import HostDeeds

__all__ = [
    "AFTER_ROLLUP",
    "FOR_SP1",
    "FOR_SP2",
    "HOTFIX",
    "IIS_FIX",
    "ROLLUP",
    "SP1",
    "SP2",
    "SP3_2000",
    "SUITE",
    "UPDATES",
    "WITH_FIX",
    "World",
    "two_nodes",
]

BUILDS = {"2003": {0: 6944, 1: 7226, 2: 7638}, "2000": {2: 5762, 3: 6249}}
VERSIONS = {"2003": "6.5", "2000": "6.0"}
SYSTEMS = {
    "2003": {"name": "server2003", "version": "5.2", "build": 3790, "service_pack": 2},
    "2000": {"name": "2000", "version": "5.0", "build": 2195, "service_pack": 2},
}
TYPES = {
    "IP Address": "IP Address",
    "Name": "Network Name",
    "Disk": "Physical Disk",
    "System Attendant": "Microsoft Exchange System Attendant",
    "Information Store": "Microsoft Exchange Information Store",
}
STAYING = ("IP Address", "Network Name", "Physical Disk")


class World(HostDeeds):
    """Servers and clusters, with methods that do what the steps say.

    ``levels``: the service pack that a virtual server really has, whatever the directory shows of it. Of Exchange 2000:
    ``stores``: the newest store (service pack, number of hotfixes) that has opened its databases; ``unheld``: those
    that have upgraded themselves and are not held to updated nodes yet. ``least``: the service pack of servers of which
    nothing else is said.
    """

    def __init__(self, product: str = "2003") -> None:
        self.product = product
        self.least = 1 if product == "2003" else 2
        self.levels: dict[str, int] = {}
        self.stores: dict[str, tuple[int, int]] = {}
        self.unheld: set[str] = set()
        self.hosts: dict[str, dict[str, Any]] = {}
        self.clusters: dict[str, dict[str, Any]] = {}
        self.directory: dict[str, Any] | None = {}
        self.outages: dict[str, int] = {}

    def back(self, group: str) -> None:
        """Have a virtual server of Exchange 2000 that was upgraded be as it was before."""
        self._entry(group.upper(), 2)
        self.stores[group] = (2, 0)
        self.unheld.discard(group.upper())

    def server(
        self, name: str, service_pack: int | None = None, *, front_end: bool = False, clustered: bool = False
    ) -> Any:
        """Add a server and return its entry, to be changed at will."""
        service_pack = self.least if service_pack is None else service_pack
        self.hosts[name] = {
            "exchange": {
                "computer_name": name.upper(),
                "installed": True,
                "product": self.product,
                "version": VERSIONS[self.product],
                "build": BUILDS[self.product][service_pack],
                "service_pack": service_pack,
                "hotfixes": ["KB831464"] if self.product == "2003" else [],
                "edition": None,
                "os": dict(SYSTEMS[self.product]),
                "clustered": clustered,
                "services": {},
                "boot_time": "20261122080000.000000+000",
                "pending_restart": False,
            },
            "packages": {key: {"needed": True, "staged": False} for key in UPDATES},
            "installations": {key: _nothing() for key in UPDATES},
            "note": None,
            "backup_due": None,
            "rotation": None,
            "interfering": {"running": {}, "note": None},
            "connector": None,
        }
        if not clustered and self.directory is not None:
            self._entry(name.upper(), service_pack, front_end)
        return self.hosts[name]

    def _entry(self, name: str, service_pack: int, front_end: bool = False) -> None:
        assert self.directory is not None
        self.levels[name] = service_pack
        build = BUILDS[self.product][service_pack]
        self.directory[name] = {
            "name": name,
            "serial_number": f"Version {VERSIONS[self.product]} (Build {build}.0: Service Pack {service_pack})",
            "product": self.product,
            "service_pack": service_pack,
            "build": build,
            "front_end": front_end,
        }

    def cluster(self, name: str, nodes: list[str], quorum: str, service_pack: int | None = None) -> None:
        """Add a cluster of the inventory names ``nodes``; ``quorum`` owns the quorum group."""
        for node in nodes:
            self.server(node, service_pack, clustered=True)
        up = [node.upper() for node in nodes]
        self.clusters[name] = {"nodes": dict.fromkeys(up, "up"), "groups": {}, "resources": {}, "evs": {}}
        self.group(name, "Cluster Group", quorum)
        self.clusters[name]["groups"]["Cluster Group"]["quorum"] = True
        self._resource(name, "Cluster Group", "Disk Q:", "Physical Disk")
        self._resource(name, "Cluster Group", "MSDTC", "Distributed Transaction Coordinator")

    def group(self, cluster: str, name: str, owner: str, possible: list[str] | None = None) -> dict[str, Any]:
        """Add a group without a virtual server."""
        found = self.clusters[cluster]
        found["groups"][name] = {
            "owner": owner.upper(),
            "state": "online",
            "preferred_owners": [],
            "possible_owners": sorted(node.upper() for node in (possible or found["nodes"])),
            "virtual_server": False,
            "quorum": False,
            "network_name": None,
        }
        return found["groups"][name]

    def _resource(self, cluster: str, group: str, name: str, kind: str) -> None:
        found = self.clusters[cluster]
        row = found["groups"][group]
        found["resources"][name] = {
            "group": group,
            "owner": row["owner"],
            "state": "online",
            "type": kind,
            "possible_owners": row["possible_owners"],
            "depends_on": [],
        }

    def evs(
        self,
        cluster: str,
        name: str,
        owner: str,
        possible: list[str] | None = None,
        preferred: list[str] | None = None,
        service_pack: int | None = None,
    ) -> dict[str, Any]:
        """Add a virtual server and return its group."""
        service_pack = self.least if service_pack is None else service_pack
        row = self.group(cluster, name, owner, possible)
        row["virtual_server"], row["network_name"] = True, name.upper()
        row["hold"] = {"resource": f"{name} System Attendant", "possible_owners": list(row["possible_owners"])}
        row["preferred_owners"] = [node.upper() for node in preferred or []]
        for word, kind in TYPES.items():
            self._resource(cluster, name, f"{name} {word}", kind)
        self._entry(name.upper(), service_pack)
        self.stores[name] = (service_pack, 0)
        self.outages[f"{cluster}/{name}"] = 0
        return row

    def park(self, cluster: str, name: str, *, but: str = "") -> None:
        """Leave only three resources of a virtual server online, and the one whose name ends with ``but``."""
        found = self.clusters[cluster]
        found["groups"][name]["state"] = "partially_online"
        for resource, row in found["resources"].items():
            if row["group"] == name:
                stays = row["type"] in STAYING or (but and resource.endswith(but))
                row["state"] = "online" if stays else "offline"

    def unpark(self, cluster: str, name: str) -> None:
        """Have every resource of a group online."""
        found = self.clusters[cluster]
        found["groups"][name]["state"] = "online"
        for row in found["resources"].values():
            if row["group"] == name:
                row["state"] = "online"

    def estate(self) -> dict[str, Any]:
        """What the information modules would say now."""
        hosts = copy.deepcopy(self.hosts)
        for entry in hosts.values():
            entry["cluster"] = None
        for name, found in self.clusters.items():
            for node, state in found["nodes"].items():
                entry = hosts[self.host(node)]
                if state == "down":
                    empty = {"nodes": {}, "groups": {}, "resources": {}}
                    entry["cluster"] = {"service": "stopped", "name": None, "quorum_resource": None, **empty}
                    continue
                entry["cluster"] = copy.deepcopy(
                    {
                        "service": "running",
                        "name": name,
                        "quorum_resource": "Disk Q:",
                        "nodes": {
                            other: {"id": number, "state": is_}
                            for number, (other, is_) in enumerate(sorted(found["nodes"].items()), 1)
                        },
                        "groups": found["groups"],
                        "resources": found["resources"],
                    }
                )
        directory = None if self.directory is None else {"servers": copy.deepcopy(self.directory)}
        return {"hosts": hosts, "directory": directory}

    def host(self, node: str) -> str:
        """The inventory name of a node."""
        if self.hosts.get(node.lower(), {}).get("exchange", {}).get("computer_name") == node:
            return node.lower()
        return next(name for name, entry in self.hosts.items() if entry["exchange"]["computer_name"] == node)

    def do(self, step: dict[str, Any], update: dict[str, Any] | None = None) -> None:
        """Carry out one step, as the servers would; what they would not do fails an assertion.

        update: an entry that is not in ``UPDATES`` under its key.
        """
        getattr(self, f"_do_{step['step']}")(step, update)
        self._check_owners()

    def _check_owners(self) -> None:
        """A10: whatever the cluster does at this moment, no upgraded virtual server can come to an older node."""
        for found in self.clusters.values():
            for row in found["groups"].values():
                if not row["virtual_server"] or row["state"] != "online" or self.directory is None:
                    continue
                if row["network_name"] in self.unheld:
                    continue
                for node in row["possible_owners"]:
                    level = self.hosts[self.host(node)]["exchange"]["service_pack"]
                    assert self.levels[row["network_name"]] <= level

    def _do_verify_virtual_server(self, step: dict[str, Any], update: Any) -> None:
        row = self.clusters[step["cluster"]]["groups"][step["group"]]
        assert (row["owner"], row["state"]) == (step["after"]["owner"], "online")
        if self.directory is not None:
            if self.directory[row["network_name"]]["service_pack"] != self.levels[row["network_name"]]:
                # It has caught up by now.
                self._entry(row["network_name"], self.levels[row["network_name"]])
            assert step["after"]["version"]["service_pack"] == self.levels[row["network_name"]]

    def _do_limit_owners(self, step: dict[str, Any], update: Any) -> None:
        """The possible owners of the group are those of all its resources."""
        found = self.clusters[step["cluster"]]
        row = found["groups"][step["group"]]
        assert row["owner"] in step["nodes"]
        assert row["hold"]["resource"] == step["resource"]
        assert row["hold"]["possible_owners"] == step["before"]["possible_owners"]
        row["hold"]["possible_owners"] = list(step["nodes"])
        found["resources"][step["resource"]]["possible_owners"] = list(step["nodes"])
        every = [set(res["possible_owners"]) for res in found["resources"].values() if res["group"] == step["group"]]
        row["possible_owners"] = sorted(set.intersection(*every))
        self.unheld.discard(row["network_name"])

    _do_restore_owners = _do_limit_owners

    def _do_move_group(self, step: dict[str, Any], update: Any) -> None:
        found = self.clusters[step["cluster"]]
        group, target = found["groups"][step["group"]], step["node"]
        assert found["nodes"][target] == "up"
        assert target in group["possible_owners"]
        assert group["owner"] == step["before"]["owner"]
        if group["virtual_server"] and group["state"] == "online":
            self.outages[f"{step['cluster']}/{step['group']}"] += 1
            self._fits(step, target)
        elif group["virtual_server"] and self.directory is not None:
            # Upgraded, it goes nowhere where it could not come online.
            level = self.hosts[self.host(target)]["exchange"]["service_pack"]
            assert self.levels[group["network_name"]] <= level
        group["owner"] = target
        for row in found["resources"].values():
            if row["group"] == step["group"]:
                row["owner"] = target

    _do_move_home = _do_failover_test = _do_move_group

    def _fits(self, step: dict[str, Any], node: str) -> None:
        """A virtual server comes online only on a node of its own service pack; of Exchange 2000 it upgrades itself."""
        assert self.directory is not None
        group, found = step["group"], self.hosts[self.host(node)]["exchange"]
        level = found["service_pack"]
        if self.product == "2003":
            assert self.levels[group.upper()] == level
            return
        assert self.levels[group.upper()] <= level
        store = (level, len(found["hotfixes"]))
        upgrades = level > self.levels[group.upper()] or store > self.stores[group]
        assert step.get("upgrades", False) == upgrades or step["step"] == "bring_online"
        assert store >= self.stores[group]
        self.stores[group] = store
        if level > self.levels[group.upper()]:
            assert step["version"] == {"service_pack": level, "build": found["build"]}
            self._entry(group.upper(), level)
            owners = self.clusters[step["cluster"]]["groups"][group]["possible_owners"]
            if any(self.hosts[self.host(each)]["exchange"]["service_pack"] < level for each in owners):
                self.unheld.add(group.upper())

    def _do_stop_cluster_service(self, step: dict[str, Any], update: Any) -> None:
        found = self.clusters[step["cluster"]]
        owned = [row for row in found["groups"].values() if row["owner"] == step["object"]]
        assert not any(row["virtual_server"] or row["quorum"] for row in owned)
        assert not self.unheld
        found["nodes"][step["object"]] = "down"
        assert list(found["nodes"].values()).count("down") == 1

    def _do_start_cluster_service(self, step: dict[str, Any], update: Any) -> None:
        self.clusters[step["cluster"]]["nodes"][step["object"]] = "up"

    def _do_take_offline(self, step: dict[str, Any], update: Any) -> None:
        if self.clusters[step["cluster"]]["groups"][step["group"]]["state"] == "online":
            self.outages[f"{step['cluster']}/{step['group']}"] += 1
        self.park(step["cluster"], step["group"])

    def _do_upgrade_virtual_server(self, step: dict[str, Any], update: Any) -> None:
        """It gets the level of the node that it stands on."""
        row = self.clusters[step["cluster"]]["groups"][step["group"]]
        assert row["state"] == "partially_online"
        assert self.product == "2003"
        level = self.hosts[self.host(row["owner"])]["exchange"]["service_pack"]
        assert step["after"]["version"]["service_pack"] == level
        self._entry(row["network_name"], level)
        assert self.directory is not None
        self.directory[row["network_name"]]["build"] = step["after"]["version"]["build"]

    def _do_bring_online(self, step: dict[str, Any], update: Any) -> None:
        row = self.clusters[step["cluster"]]["groups"][step["group"]]
        if row["virtual_server"]:
            self._fits(step, row["owner"])
        self.unpark(step["cluster"], step["group"])


def _nothing() -> dict[str, Any]:
    return {"phase": "none", "exit_code": None, "restart_pending": False}


def two_nodes(product: str = "2003", service_pack: int | None = None) -> World:
    """An active/passive cluster, EVS1 on n1, which is its preferred owner, and the quorum there too."""
    world = World(product)
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=service_pack)
    world.evs("mail", "EVS1", "n1", preferred=["n1"], service_pack=service_pack)
    return world

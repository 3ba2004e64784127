# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small world to plan in. It carries out steps by its own rules, not by the planner's transitions."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.mailops.exchange.tests.unit.rolling.entries import (
    FOR_SP1,
    FOR_SP2,
    HOTFIX,
    IIS_FIX,
    SP1,
    SP2,
    UPDATES,
    WITH_FIX,
)

__all__ = ["FOR_SP1", "FOR_SP2", "HOTFIX", "IIS_FIX", "SP1", "SP2", "UPDATES", "WITH_FIX", "World", "two_nodes"]

BUILDS = {0: 6944, 1: 7226, 2: 7638}
TYPES = {
    "IP Address": "IP Address",
    "Name": "Network Name",
    "Disk": "Physical Disk",
    "System Attendant": "Microsoft Exchange System Attendant",
    "Information Store": "Microsoft Exchange Information Store",
}
STAYING = ("IP Address", "Network Name", "Physical Disk")


class World:
    """Servers and clusters, with methods that do what the steps say."""

    def __init__(self) -> None:
        self.hosts: dict[str, dict[str, Any]] = {}
        self.clusters: dict[str, dict[str, Any]] = {}
        self.directory: dict[str, Any] | None = {}
        self.outages: dict[str, int] = {}

    def server(self, name: str, service_pack: int = 1, *, front_end: bool = False, clustered: bool = False) -> Any:
        """Add a server and return its entry, to be changed at will."""
        self.hosts[name] = {
            "exchange": {
                "computer_name": name.upper(),
                "installed": True,
                "product": "2003",
                "version": "6.5",
                "build": BUILDS[service_pack],
                "service_pack": service_pack,
                "hotfixes": ["KB831464"],
                "edition": None,
                "os": {"name": "server2003", "version": "5.2", "build": 3790, "service_pack": 2},
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
        self.directory[name] = {
            "name": name,
            "serial_number": f"Version 6.5 (Build {BUILDS[service_pack]}.0: Service Pack {service_pack})",
            "product": "2003",
            "service_pack": service_pack,
            "build": BUILDS[service_pack],
            "front_end": front_end,
        }

    def cluster(self, name: str, nodes: list[str], quorum: str, service_pack: int = 1) -> None:
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
        service_pack: int = 1,
    ) -> dict[str, Any]:
        """Add a virtual server and return its group."""
        row = self.group(cluster, name, owner, possible)
        row["virtual_server"], row["network_name"] = True, name.upper()
        row["hold"] = {"resource": f"{name} System Attendant", "possible_owners": list(row["possible_owners"])}
        row["preferred_owners"] = [node.upper() for node in preferred or []]
        for word, kind in TYPES.items():
            self._resource(cluster, name, f"{name} {word}", kind)
        self._entry(name.upper(), service_pack)
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
                for node in row["possible_owners"]:
                    level = self.hosts[self.host(node)]["exchange"]["service_pack"]
                    assert self.directory[row["network_name"]]["service_pack"] <= level

    def _do_stage_package(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["packages"][step["object"]]["staged"] = True

    def _do_note_owners(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["note"] = copy.deepcopy(step["after"])

    def _do_remove_note(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["note"] = None

    def _do_verify_host(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["exchange"]
        assert found["service_pack"] == step["after"]["service_pack"]
        assert set(step["after"]["hotfixes"]) <= set(found["hotfixes"])

    def _do_verify_virtual_server(self, step: dict[str, Any], update: Any) -> None:
        row = self.clusters[step["cluster"]]["groups"][step["group"]]
        assert (row["owner"], row["state"]) == (step["after"]["owner"], "online")

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

    _do_restore_owners = _do_limit_owners

    def _do_leave_rotation(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["rotation"]
        assert found["set"] == step["object"]
        found["state"] = "out"

    def _do_join_rotation(self, step: dict[str, Any], update: Any) -> None:
        assert self.hosts[step["host"]]["rotation"]["state"] != "in"
        self.hosts[step["host"]]["rotation"]["state"] = "in"

    def _do_stop_services(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["interfering"]
        noted = {name: {"start_type": "auto", "state": "running"} for name in found["running"]}
        found.update(running={}, note={**noted, **(found["note"] or {})})

    def _do_start_services(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["interfering"]
        ran = {name: {} for name, row in (found["note"] or {}).items() if row["state"] == "running"}
        found.update(running={**found["running"], **ran}, note=None)

    def _do_export_schema_maps(self, step: dict[str, Any], update: Any) -> None:
        assert not self.hosts[step["host"]]["connector"].get("begun")

    def _do_upgrade_connector(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["connector"].update(begun=True)

    def _do_compare_schema_maps(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["connector"].update(begun=False, due=False)

    def _do_note_backup_due(self, step: dict[str, Any], update: Any) -> None:
        note = self.hosts[step["host"]]["backup_due"]
        assert note == {"update": step["after"]["backup_due"], "noted": False}
        note["noted"] = True

    def _do_move_group(self, step: dict[str, Any], update: Any) -> None:
        found = self.clusters[step["cluster"]]
        group, target = found["groups"][step["group"]], step["node"]
        assert found["nodes"][target] == "up"
        assert target in group["possible_owners"]
        assert group["owner"] == step["before"]["owner"]
        if group["virtual_server"] and group["state"] == "online":
            self.outages[f"{step['cluster']}/{step['group']}"] += 1
            self._fits(step["group"], target)
        elif group["virtual_server"] and self.directory is not None:
            # Upgraded, it goes nowhere where it could not come online.
            level = self.hosts[self.host(target)]["exchange"]["service_pack"]
            assert self.directory[group["network_name"]]["service_pack"] <= level
        group["owner"] = target
        for row in found["resources"].values():
            if row["group"] == step["group"]:
                row["owner"] = target

    _do_move_home = _do_failover_test = _do_move_group

    def _fits(self, group: str, node: str) -> None:
        """A virtual server comes online only on a node of its own service pack."""
        assert self.directory is not None
        level = self.hosts[self.host(node)]["exchange"]["service_pack"]
        assert self.directory[group.upper()]["service_pack"] == level

    def _do_stop_cluster_service(self, step: dict[str, Any], update: Any) -> None:
        found = self.clusters[step["cluster"]]
        owned = [row for row in found["groups"].values() if row["owner"] == step["object"]]
        assert not any(row["virtual_server"] or row["quorum"] for row in owned)
        found["nodes"][step["object"]] = "down"
        assert list(found["nodes"].values()).count("down") == 1

    def _do_start_cluster_service(self, step: dict[str, Any], update: Any) -> None:
        self.clusters[step["cluster"]]["nodes"][step["object"]] = "up"

    def _do_install_update(self, step: dict[str, Any], update: Any) -> None:
        entry = self.hosts[step["host"]]
        update = update if update and update["id"] == step["object"] else UPDATES[step["object"]]
        assert not entry["interfering"]["running"]
        assert not entry["rotation"] or entry["rotation"]["method"] == "none" or entry["rotation"]["state"] == "out"
        for found in self.clusters.values():
            assert found["nodes"].get(entry["exchange"]["computer_name"], "down") == "down"
        needed = [need.get("service_pack") for need in update.get("from") or []]
        assert not needed or entry["exchange"]["service_pack"] in needed or update["kind"] == "service_pack"
        if update["kind"] == "service_pack":
            entry["exchange"].update(update["result"])
            entry["backup_due"] = {"update": update["id"], "noted": False}
            # The hotfixes of Exchange for the level before are no longer there.
            entry["exchange"]["hotfixes"] = [fix for fix in entry["exchange"]["hotfixes"] if fix != "KB912442"]
            name = entry["exchange"]["computer_name"]
            if self.directory and name in self.directory:
                self._entry(name, update["result"]["service_pack"], self.directory[name]["front_end"])
        else:
            entry["exchange"]["hotfixes"].append(update["result"]["hotfix"])
        pending = update.get("restart") == "always"
        entry["installations"][step["object"]] = {"phase": "finished", "exit_code": 0, "restart_pending": pending}

    def _do_restart_host(self, step: dict[str, Any], update: Any) -> None:
        """A restart starts the Cluster service of a node."""
        entry = self.hosts[step["host"]]
        if step.get("unpredictable"):
            return
        for installation in entry["installations"].values():
            installation["restart_pending"] = False
        for found in self.clusters.values():
            if entry["exchange"]["computer_name"] in found["nodes"]:
                found["nodes"][entry["exchange"]["computer_name"]] = "up"

    def _do_take_offline(self, step: dict[str, Any], update: Any) -> None:
        if self.clusters[step["cluster"]]["groups"][step["group"]]["state"] == "online":
            self.outages[f"{step['cluster']}/{step['group']}"] += 1
        self.park(step["cluster"], step["group"])

    def _do_upgrade_virtual_server(self, step: dict[str, Any], update: Any) -> None:
        """It gets the level of the node that it stands on."""
        row = self.clusters[step["cluster"]]["groups"][step["group"]]
        assert row["state"] == "partially_online"
        level = self.hosts[self.host(row["owner"])]["exchange"]["service_pack"]
        assert step["after"]["version"]["service_pack"] == level
        self._entry(row["network_name"], level)
        assert self.directory is not None
        self.directory[row["network_name"]]["build"] = step["after"]["version"]["build"]

    def _do_bring_online(self, step: dict[str, Any], update: Any) -> None:
        row = self.clusters[step["cluster"]]["groups"][step["group"]]
        if row["virtual_server"]:
            self._fits(step["group"], row["owner"])
        self.unpark(step["cluster"], step["group"])


def _nothing() -> dict[str, Any]:
    return {"phase": "none", "exit_code": None, "restart_pending": False}


def two_nodes() -> World:
    """An active/passive cluster, EVS1 on n1, which is its preferred owner, and the quorum there too."""
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.evs("mail", "EVS1", "n1", preferred=["n1"])
    return world

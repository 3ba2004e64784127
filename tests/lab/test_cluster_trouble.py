# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of Exchange 2003 in less usual trouble: what was found by trying many estates and mishaps.

The real playbooks and roles are run in this process (see driven/), without a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Bench, Ended, bench

UPGRADE = {
    "mailops_exchange_upgrade_method": "command",
    "mailops_exchange_upgrade_command": r'C:\Site\UpgradeVirtualServer.exe "{group}"',
    "mailops_exchange_failover_test": "none",
}


@contextmanager
def cluster(
    folder: Path,
    update: str | list[str],
    nodes: dict[str, dict[str, Any]],
    servers: dict[str, dict[str, Any]],
    *faults: dict[str, Any],
) -> Iterator[Bench]:
    """A lab with one cluster."""
    written = {
        "update": update,
        "speed": 0,
        "hosts": {name: {"cluster": "mail", "hotfixes": ["KB831464"], **node} for name, node in nodes.items()},
        "clusters": {"mail": {"virtual_servers": servers}},
        "operator": {"upgrades_virtual_servers": False},
    }
    with bench(complete(written), folder, faults=[{"times": 1, **fault} for fault in faults], extra=UPGRADE) as lab:
        yield lab
        lab.settle()
        assert lab.world.referee.report()["violations"] == []
        assert lab.lab.trouble == []


def words(run: Ended) -> str:
    return " ".join(f"{problem['what']} {problem['remedy']}" for problem in run.record["problems"])


def test_a_hotfix_that_hangs_keeps_its_node_out_of_the_cluster(tmp_path: Path) -> None:
    """Its package runs under a name of its own, no update.exe is seen: the Cluster service must not start beside it."""
    nodes: dict[str, dict[str, Any]] = {"n1": {"service_pack": 2}, "n2": {"service_pack": 2}}
    hangs = {"host": "n2", "on": "install", "do": "hang"}
    with cluster(tmp_path, "exchange2003-kb912442", nodes, {"EVS1": {"owner": "n1"}}, hangs) as lab:
        for unused in range(2):
            run = lab.run()
            # The second run only waits, in vain: that is no refusal.
            assert run.outcome == "stopped"
            assert "Exchange2003-KB912442-x86-ENU.exe still runs" in words(run)
            assert "the Cluster service is not started while an installer runs" in words(run)
        final = lab.world.referee.report()["final"]
        assert final["n2"]["services_down"] == ["ClusSvc"]
        assert final["mail"]["EVS1"] == {"owner": "n1", "state": "online"}


def test_no_restart_for_what_a_file_in_use_has_kept_out(tmp_path: Path) -> None:
    nodes: dict[str, dict[str, Any]] = {"n1": {}, "n2": {"setup": {"exit_code": 3010}}}
    in_use = {"host": "n2", "on": "install", "do": "file_in_use", "file": "store.exe"}
    with cluster(tmp_path, "exchange2003-sp2", nodes, {"EVS1": {"owner": "n1"}}, in_use) as lab:
        assert lab.run().outcome == "stopped"
        assert [step["step"] for step in lab.run(check=True).plan["turns"]["n2"]["steps"]].count("restart_host") == 1
        assert lab.run().outcome == "done"


def test_partly_updated_with_a_list_of_updates(tmp_path: Path) -> None:
    """n2 has the service pack and not the hotfix; what stands on it is held before anything else moves."""
    nodes: dict[str, dict[str, Any]] = {"n1": {}, "n2": {"service_pack": 2}, "n3": {}}
    updates = ["exchange2003-sp2", "exchange2003-kb912442"]
    with cluster(tmp_path, updates, nodes, {"EVS1": {"owner": "n2"}, "EVS2": {"owner": "n1"}}) as lab:
        check, run = lab.run(check=True), lab.run()
        assert run.outcome == "done", words(run)
        assert check.steps == run.steps
        holds = [step for step in run.steps if step[1] == "limit_owners"]
        assert holds[0][:3] == ("n3", "limit_owners", "EVS1")
        for resource in lab.world.clusters["mail"].resources.values():
            assert len(resource.possible_owners) == 3
        assert lab.run().steps == []


def test_what_waits_for_its_upgrade_is_not_brought_online_when_a_turn_fails(tmp_path: Path) -> None:
    """Its node has the service pack and it has not: it was offline as the run began, and there it would only fail."""
    nodes: dict[str, dict[str, Any]] = {"n1": {"service_pack": 2}, "n2": {"service_pack": 2}}
    servers = {"EVS1": {"owner": "n1", "service_pack": 1}}
    in_use = {"host": "n2", "on": "install", "do": "file_in_use", "file": "store.exe"}
    updates = ["exchange2003-sp2", "exchange2003-kb912442"]
    with cluster(tmp_path, updates, nodes, servers, in_use) as lab:
        run = lab.run()
        assert run.outcome == "stopped"
        assert "no node is known that can carry it" in words(run)
        assert lab.run().outcome == "done"
        assert lab.world.referee.report()["final"]["mail"]["EVS1"]["state"] == "online"


EVICTED: dict[str, dict[str, Any]] = {"n1": {}, "n2": {"reinstall_needed": True}}


def test_a_node_that_was_evicted_and_added_again_is_recognised_by_its_event(tmp_path: Path) -> None:
    """A15: a hotfix upgrades nothing, and the virtual server does not come online on the node: event 1025."""
    nodes = {name: {"service_pack": 2, **node} for name, node in EVICTED.items()}
    with cluster(tmp_path, "exchange2003-kb912442", nodes, {"EVS1": {"owner": "n1"}}) as lab:
        run = lab.run()
        assert run.outcome == "stopped"
        assert "Event 1025 of MSExchangeCluster" in words(run)
        assert "Run Exchange setup with Reinstall on this node" in words(run)
        assert lab.world.referee.report()["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}


def test_the_upgrade_that_a_node_does_not_know(tmp_path: Path) -> None:
    """A15: the menu entry is missing, and the site's tool fails with it."""
    with cluster(tmp_path, "exchange2003-sp2", EVICTED, {"EVS1": {"owner": "n1"}}) as lab:
        run = lab.run()
        assert run.outcome == "stopped"
        assert "Reinstall" in words(run)
        assert lab.world.referee.report()["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}


def test_the_upgrade_from_a_node_of_another_version_is_explained(tmp_path: Path) -> None:
    """A16: c1037b44."""
    fails = {"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"}
    with cluster(tmp_path, "exchange2003-sp2", {"n1": {}, "n2": {}}, {"EVS1": {"owner": "n1"}}, fails) as lab:
        run = lab.run()
        assert run.outcome == "stopped"
        assert "Error c1037b44: the version on this computer does not match" in words(run)
        assert lab.world.referee.report()["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}
        assert lab.run().outcome == "done"


@pytest.mark.parametrize("update", ["exchange2003-sp2", "exchange2003-sp1-kb912442"])
def test_a_virtual_server_of_exchange_2000_is_upgraded_before_anything_else(tmp_path: Path, update: str) -> None:
    """A14: the nodes were installed anew with Exchange 2003, and nobody has upgraded it yet."""
    with cluster(tmp_path, update, {"n1": {}, "n2": {}}, {"EVS1": {"owner": "n1", "product": "2000"}}) as lab:
        run = lab.run()
        assert (run.outcome, [call for call in run.calls if call["changes"]]) == ("refused", [])
        assert "still an Exchange 2000 virtual server" in words(run)
        assert "KB 842427" in words(run)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several updates in one run: the chain of each host, with what has to be there first, in one turn."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.tests.unit.rolling.support import (
    FOR_SP1,
    FOR_SP2,
    HOTFIX,
    IIS_FIX,
    SP1,
    SP2,
    WITH_FIX,
    World,
    two_nodes,
)

NEEDED = {**IIS_FIX, "prerequisite": True}


def installs(plan: dict[str, Any], host: str) -> list[str]:
    """What is installed in the turn of a host."""
    return [step["object"] for step in plan["turns"][host]["steps"] if step["step"] == "install_update"]


def update_steps(plan: dict[str, Any], host: str) -> list[tuple[str, str | None, bool]]:
    """The steps of a turn in the phase update: word, the update that it belongs to, whether it is certain."""
    return [
        (step["step"], step.get("update") or (step["object"] if step["step"] == "install_update" else None),
         "unpredictable" not in step)
        for step in plan["turns"][host]["steps"]
        if step["phase"] == "update"
    ]  # fmt: skip


def problem(world: World, updates: list[dict[str, Any]]) -> str:
    with pytest.raises(NoPlan) as caught:
        make_plan(world.estate(), updates, {})
    assert caught.value.problems[0]["remedy"]
    return caught.value.problems[0]["what"]


def without_fix(world: World) -> World:
    for entry in world.hosts.values():
        entry["exchange"]["hotfixes"] = []
        entry["exchange"]["os"]["service_pack"] = 0
    return world


def test_two_service_packs_after_each_other() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=0)
    world.evs("mail", "EVS1", "n1", service_pack=0)
    world.server("mbx1", 1)
    plan = make_plan(world.estate(), [SP1, {**SP2, "from": [{"service_pack": 1}]}], {})
    assert (plan["update"], plan["updates"], plan["prerequisites"]) == (
        [SP1["id"], SP2["id"]],
        [SP1["id"], SP2["id"]],
        [],
    )
    assert installs(plan, "n1") == [SP1["id"], SP2["id"]]
    assert installs(plan, "mbx1") == [SP2["id"]]
    upgrades = [step for step in plan["steps"] if step["step"] == "upgrade_virtual_server"]
    assert [(step["update"], step["after"]) for step in upgrades] == [
        (SP2["id"], {"version": {"service_pack": 2, "build": 7638}})
    ]
    assert plan["virtual_servers"] == {"mail": SP2["id"]}
    due = [step["after"] for step in plan["steps"] if step["step"] == "note_backup_due"]
    assert due == [{"backup_due": SP2["id"]}] * 3
    assert "Exchange Server 2003 Service Pack 1, then Exchange Server 2003 Service Pack 2" in runbook(plan)


def test_a_hotfix_after_its_service_pack() -> None:
    """The node is freed once, and its Cluster service stopped again should a restart have come in between."""
    plan = make_plan(two_nodes().estate(), [SP2, FOR_SP2], {})
    assert update_steps(plan, "n2") == [
        ("stop_cluster_service", None, True),
        ("install_update", SP2["id"], True),
        ("restart_host", SP2["id"], False),
        ("stop_cluster_service", FOR_SP2["id"], False),
        ("install_update", FOR_SP2["id"], True),
        ("restart_host", FOR_SP2["id"], False),
        ("start_cluster_service", None, True),
        ("verify_host", None, True),
    ]
    again = [step for step in plan["steps"] if step.get("unpredictable") and step["step"] == "stop_cluster_service"]
    assert [(step["before"], step["after"], step["changed"]) for step in again] == [({}, {}, False)] * 2
    assert plan["outages"]["mail/EVS1"]["roll"]["times"] == 1
    assert plan["final"]["hosts"]["n1"]["hotfixes"] == ["KB831464", "KB912442"]
    assert len([step for step in plan["steps"] if step["step"] == "stage_package"]) == 4


def test_a_hotfix_of_the_same_number_is_installed_anew_after_the_service_pack() -> None:
    world = World()
    world.server("mbx1")["exchange"]["hotfixes"].append("KB912442")
    plan = make_plan(world.estate(), [SP2, FOR_SP2], {})
    assert installs(plan, "mbx1") == [SP2["id"], FOR_SP2["id"]]
    steps = [step for step in plan["steps"] if step["step"] == "install_update"]
    assert [step["after"]["hotfixes"] for step in steps] == [["KB831464"], ["KB831464", "KB912442"]]


def test_a_hotfix_for_the_service_pack_that_is_replaced() -> None:
    world = World()
    world.server("mbx1")
    for updates in ([FOR_SP1, SP2], [SP2, FOR_SP1]):
        assert "is for service pack 1, which exchange2003-sp2 replaces in the same run" in problem(world, updates)
    assert "which exchange2003-sp2 replaces" in problem(world, [HOTFIX, SP2])


def test_one_hotfix_for_servers_of_two_levels() -> None:
    """Each server gets the one for its service pack."""
    world = World()
    world.server("mbx1", 1)
    world.server("mbx2", 2)
    plan = make_plan(world.estate(), [FOR_SP1, FOR_SP2], {})
    assert (installs(plan, "mbx1"), installs(plan, "mbx2")) == ([FOR_SP1["id"]], [FOR_SP2["id"]])
    assert "needs at least service pack 2" in problem(world, [FOR_SP2])


def test_a_prerequisite_comes_first_with_its_restart() -> None:
    world = without_fix(two_nodes())
    world.server("mbx1")
    plan = make_plan(world.estate(), [WITH_FIX, NEEDED], {})
    assert (plan["update"], plan["prerequisites"]) == (SP2["id"], [IIS_FIX["id"]])
    assert update_steps(plan, "n2") == [
        ("stop_cluster_service", None, True),
        ("install_update", IIS_FIX["id"], True),
        ("restart_host", IIS_FIX["id"], True),
        ("stop_cluster_service", SP2["id"], True),
        ("install_update", SP2["id"], True),
        ("restart_host", SP2["id"], False),
        ("start_cluster_service", None, True),
        ("verify_host", None, True),
    ]
    restart = next(step for step in plan["steps"] if step["step"] == "restart_host" and step["changed"])
    assert (restart["before"], restart["after"]) == ({"restart_pending": True}, {"restart_pending": False})
    assert installs(plan, "mbx1") == [SP2["id"]]
    assert plan["outages"]["mail/EVS1"]["roll"]["times"] == 1
    assert [step["by_hand"] for step in plan["steps"] if step["step"] == "install_update"][:2] == [True, False]
    for step in plan["steps"]:
        world.do(step)
    assert make_plan(world.estate(), [WITH_FIX, NEEDED], {})["changes"] is False


@pytest.mark.parametrize("done", range(9))
def test_cut_off_in_the_middle_of_a_chain(done: int) -> None:
    """At every step of the turn of n2: what is installed is not installed again, what is left is done."""
    world = without_fix(two_nodes())
    first = make_plan(world.estate(), [WITH_FIX, NEEDED], {})
    turn = [step for step in first["steps"] if step["phase"] == "update" and step["host"] == "n2"]
    for step in first["steps"]:
        if done < len(turn) and step is turn[done]:
            break
        if step["host"] == "n1" and step["phase"] not in ("prepare",):
            break
        world.do(step)
    again = make_plan(world.estate(), [WITH_FIX, NEEDED], {})
    assert again["final"] == first["final"]
    taken = [step["object"] for step in turn[:done] if step["step"] == "install_update"]
    left = installs(again, "n2") if "n2" in again["turns"] else []
    assert taken + left == [IIS_FIX["id"], SP2["id"]]
    for step in again["steps"]:
        world.do(step)
    assert make_plan(world.estate(), [WITH_FIX, NEEDED], {})["changes"] is False


def test_what_an_update_requires_may_be_named() -> None:
    """Then it is for every host of its Windows; it still comes before the update that requires it."""
    world = without_fix(two_nodes())
    world.server("mbx1")["exchange"].update(hotfixes=[], os={"name": "server2003", "service_pack": 0})
    world.server("mbx2")["exchange"]["os"] = {"name": "2000", "service_pack": 4}
    plan = make_plan(world.estate(), [WITH_FIX, IIS_FIX], {})
    assert plan["updates"] == [SP2["id"], IIS_FIX["id"]]
    assert installs(plan, "n1") == [IIS_FIX["id"], SP2["id"]]
    assert installs(plan, "mbx1") == [SP2["id"], IIS_FIX["id"]]
    assert installs(plan, "mbx2") == [SP2["id"]]


def test_a_windows_hotfix_alone() -> None:
    """Nothing of Exchange changes, but the node is freed, and nothing is said about front-ends elsewhere."""
    world = without_fix(two_nodes())
    world.server("mbx1")
    world.server("fe9", front_end=True)
    estate = world.estate()
    del estate["hosts"]["fe9"]
    plan = make_plan(estate, [IIS_FIX], {})
    assert (plan["kind"], plan["virtual_servers"]) == ("windows_hotfix", {"mail": None})
    assert set(plan["turns"]) == {"n1", "n2"}
    words = [step["step"] for step in plan["steps"]]
    assert not {"upgrade_virtual_server", "limit_owners", "note_backup_due"} & set(words)
    assert plan["final"]["hosts"]["n1"]["hotfixes"] == ["KB831464"]


def test_an_update_that_never_restarts() -> None:
    world = World()
    world.server("mbx1")
    plan = make_plan(world.estate(), [{**HOTFIX, "restart": "never"}], {})
    assert [step["step"] for step in plan["turns"]["mbx1"]["steps"]] == ["install_update", "verify_host"]


def test_a_flagged_hotfix_after_the_service_pack_upgrades_once() -> None:
    flagged = {**FOR_SP2, "upgrades_virtual_server": True, "result": {"hotfix": "KB912442", "build": 7650}}
    world = two_nodes()
    plan = make_plan(world.estate(), [SP2, flagged], {})
    upgrade = next(step for step in plan["steps"] if step["step"] == "upgrade_virtual_server")
    assert (upgrade["update"], upgrade["after"]) == (flagged["id"], {"version": {"service_pack": 2, "build": 7650}})
    for step in plan["steps"]:
        world.do(step, flagged)
    assert make_plan(world.estate(), [SP2, flagged], {})["changes"] is False


def test_nodes_that_lack_only_the_hotfix_may_carry_upgraded_virtual_servers() -> None:
    """n1 and n2 have the service pack, n3 has not: EVS1, upgraded, is held off n3 only."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n1")
    for name in ("n1", "n2"):
        world.hosts[name]["exchange"].update(service_pack=2, build=7638)
    world.evs("mail", "EVS1", "n1", service_pack=2)
    plan = make_plan(world.estate(), [SP2, FOR_SP2], {"failover_test": "none"})
    holds = [(step["step"], step["nodes"]) for step in plan["steps"] if "nodes" in step]
    assert holds == [("limit_owners", ["N1", "N2"]), ("restore_owners", ["N1", "N2", "N3"])]
    assert plan["outages"]["mail/EVS1"]["roll"]["times"] == 1
    world._check_owners = lambda: None  # type: ignore[method-assign]  # it was found unheld
    for step in plan["steps"]:
        world.do(step)
    assert make_plan(world.estate(), [SP2, FOR_SP2], {})["changes"] is False


def test_the_digest_covers_all_updates() -> None:
    world = World()
    world.server("mbx1", 2)
    world.hosts["mbx1"]["exchange"]["hotfixes"].append("KB912442")
    one, two = (make_plan(world.estate(), updates, {}) for updates in ([SP2], [SP2, FOR_SP2]))
    assert one["steps"] == two["steps"] == []
    assert one["digest"] != two["digest"]
    assert one["scope_digest"] != two["scope_digest"]

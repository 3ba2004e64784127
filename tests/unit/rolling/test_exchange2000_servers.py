# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for servers of Exchange 2000 without a cluster: by themselves, of the suite, front-ends one by one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule
from ansible_collections.mailops.exchange.tests.unit.rolling.support import SP2, SP3_2000, SUITE, World, two_nodes


def test_b1_a_server_by_itself() -> None:
    world = World("2000")
    world.server("mbx1")
    plan = make_plan(world.estate(), [SP3_2000], {})
    turn = plan["turns"]["mbx1"]
    assert turn["role"] == "exchange2000_server"
    steps = [step["step"] for step in turn["steps"] + turn["after"]]
    assert steps == ["install_update", "restart_host", "verify_host", "note_backup_due"]
    verified = turn["steps"][2]
    assert (verified["seconds"], "upgrades" in verified) == (5 + 30 * 60, False)
    assert "the store upgrades its databases, which is waited for" in verified["reason"]
    times = make_schedule(plan, {SP3_2000["id"]: 30})["steps"][verified["index"]]
    assert times["to"] - times["from"] == 5 + 30 * 60


def small_business(world: World | None = None) -> World:
    world = world or World("2000")
    world.server("sbs1")["exchange"].update(edition="small_business", suite_service_pack=0)
    return world


def test_b6_the_suite() -> None:
    """Three levels are read back; they all count from the restart on."""
    world = small_business()
    plan = make_plan(world.estate(), [SUITE], {})
    turn = plan["turns"]["sbs1"]
    assert [step["step"] for step in turn["steps"]] == ["install_update", "restart_host", "verify_host"]
    assert "unpredictable" not in turn["steps"][1]
    level = {
        "service_pack": 3,
        "build": 6249,
        "hotfixes": [],
        "windows_service_pack": 3,
        "suite_service_pack": 1,
    }
    assert turn["steps"][0]["before"] == {**level, "service_pack": 2, "build": 5762, "windows_service_pack": 2,
                                          "suite_service_pack": 0}  # fmt: skip
    assert (turn["steps"][0]["after"], turn["steps"][2]["after"]) == (level, level)
    assert plan["predicted"]["hosts"]["sbs1"] == level
    for step in plan["steps"]:
        world.do(step)
        again = make_plan(world.estate(), [SUITE], {})
        assert again["final"] == plan["final"]
        if step["step"] == "install_update":
            # Only Exchange shows it now: the restart brings the rest, nothing is installed again.
            assert [left["step"] for left in again["steps"]] == ["restart_host", "verify_host", "note_backup_due"]
            assert again["steps"][1]["after"] == level
    assert again["changes"] is False


@pytest.mark.parametrize(
    ("exchange", "windows"),
    [({"service_pack": 3, "build": 6249}, 2), ({"service_pack": 3, "build": 6249, "suite_service_pack": 1}, 2),
     ({"suite_service_pack": 1}, 3), ({"service_pack": 3, "build": 6249}, 4)],
)  # fmt: skip
def test_the_suite_is_done_when_all_three_are_there(exchange: dict[str, Any], windows: int) -> None:
    world = small_business()
    found = world.hosts["sbs1"]["exchange"]
    found.update(exchange)
    found["os"]["service_pack"] = windows
    plan = make_plan(world.estate(), [SUITE], {})
    assert [step["object"] for step in plan["steps"] if step["step"] == "install_update"] == [SUITE["id"]]
    assert plan["predicted"]["hosts"]["sbs1"]["windows_service_pack"] == max(3, windows)
    found.update(service_pack=3, build=6249, suite_service_pack=1)
    found["os"]["service_pack"] = max(3, windows)
    assert make_plan(world.estate(), [SUITE], {})["changes"] is False


def test_or_the_service_pack_of_exchange_alone() -> None:
    plan = make_plan(small_business().estate(), [SP3_2000], {})
    assert plan["predicted"]["hosts"]["sbs1"] == {"service_pack": 3, "build": 6249, "hotfixes": []}


def test_the_suite_is_refused_elsewhere() -> None:
    world = small_business()
    world.server("mbx1")
    with pytest.raises(NoPlan) as caught:
        make_plan(world.estate(), [SUITE], {})
    assert [each["host"] for each in caught.value.problems] == ["mbx1"]
    assert "sbs2000-sp1 is for Small Business Server only" in caught.value.problems[0]["what"]
    assert "or name the service pack of Exchange as well" in caught.value.problems[0]["remedy"]
    plan = make_plan(world.estate(), [SUITE, SP3_2000], {})
    installed = {step["host"]: step["object"] for step in plan["steps"] if step["step"] == "install_update"}
    assert installed == {"sbs1": SUITE["id"], "mbx1": SP3_2000["id"]}
    assert make_plan(world.estate(), [SP3_2000, SUITE], {})["changes"] is True


# -- front-ends


def balanced(world: World, *names: str, group: str = "web", state: str = "in") -> None:
    for name in names:
        world.server(name, front_end=True)["rotation"] = {"set": group, "method": "nlb", "state": state}


def test_b2_members_of_a_set_go_one_after_the_other() -> None:
    world = two_nodes("2000")
    world.server("fe1", front_end=True)
    balanced(world, "web1", "web2")
    balanced(world, "mob1", "mob2", group="mobile")
    plan = make_plan(world.estate(), [SP3_2000], {"canary": True})
    assert plan["waves"] == [["fe1"], ["mob1"], ["mob2"], ["web1"], ["web2"], ["n2"], ["n1"]]
    assert plan["front_waves"] == 5
    assert plan["sets"] == {}
    assert [host for host, turn in plan["turns"].items() if turn["canary"]] == ["fe1", "mob1", "n2"]
    turn = plan["turns"]["web1"]
    assert (turn["set"], turn["role"]) == ("web", "exchange2000_frontend")
    assert [step["step"] for step in turn["steps"] + turn["after"]] == [
        "leave_rotation",
        "install_update",
        "restart_host",
        "verify_host",
        "note_backup_due",
        "join_rotation",
    ]
    assert "the other members of web serve meanwhile" in turn["steps"][0]["reason"]
    assert "Wave 4 of 7, one member of the load-balanced set web: web1" in runbook(plan)
    assert plan["notices"] == []


def test_who_was_left_out_of_the_rotation_comes_back_first() -> None:
    world = World("2000")
    balanced(world, "web1", "web2", "web3")
    plan = make_plan(world.estate(), [SP3_2000], {})
    for step in plan["steps"]:
        if step["step"] == "join_rotation":
            break
        world.do(step)
    world.hosts["web3"]["rotation"]["state"] = "draining"
    again = make_plan(world.estate(), [SP3_2000], {})
    assert again["waves"] == [["web1"], ["web3"], ["web2"]]
    assert [step["step"] for step in again["turns"]["web1"]["after"]] == ["join_rotation"]


def test_mixed_products_in_one_run() -> None:
    """Front-ends of both, then back-ends of both; the notice about mobile clients is for Exchange 2003 only."""
    world = two_nodes("2000")
    balanced(world, "web1", "web2")
    world.product, world.least = "2003", 1
    world.server("mbx3")
    world.server("fe4", front_end=True)
    balanced(world, "owa1", "owa2", group="owa")
    plan = make_plan(world.estate(), [SP2, SP3_2000], {})
    assert plan["waves"] == [["fe4"], ["owa1", "owa2"], ["web1"], ["web2"], ["mbx3", "n2"], ["n1"]]
    assert plan["sets"] == {"owa": {"hosts": ["owa1", "owa2"], "wave": 1}}
    assert plan["turns"]["mbx3"]["role"] == "exchange2003_server"
    assert len([notice for notice in plan["notices"] if "synchronisation-key errors" in notice]) == 1

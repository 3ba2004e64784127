# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans made at the moments at which a run can be cut off: each goes on from what it finds, to the same end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.tests.unit.rolling.support import SP2, World, two_nodes


def words(steps: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Steps as (host, step, object or target)."""
    return [(step["host"], step["step"], step.get("node") or step["object"]) for step in steps]


def short(plan: dict[str, Any], phase: str = "") -> list[str]:
    return [step["step"] for step in plan["steps"] if not phase or step["phase"] == phase]


def until(word: str) -> World:
    """A world in which the plan was carried out up to (not including) the step ``word`` of n2."""
    world = two_nodes()
    plan = make_plan(world.estate(), [SP2], {})
    for step in plan["steps"]:
        if step["step"] == word and step["host"] == "n2":
            break
        world.do(step, SP2)
    return world


@pytest.mark.parametrize("phase", ["none", "prepared", "armed", "running", "finished"])
def test_cut_off_while_installing(phase: str) -> None:
    world = until("install_update")
    world.hosts["n2"]["installations"]["exchange2003-sp2"]["phase"] = phase
    again = make_plan(world.estate(), [SP2], {})
    assert again["waves"] == [["n2"], ["n1"]]
    steps = [step["step"] for step in again["turns"]["n2"]["steps"]]
    assert steps == ["install_update", "restart_host", "start_cluster_service", "verify_host"]
    assert again["final"] == make_plan(two_nodes().estate(), [SP2], {})["final"]
    assert again["resumes"] is True


def test_cut_off_before_the_restart() -> None:
    world = until("restart_host")
    world.hosts["n2"]["installations"]["exchange2003-sp2"]["restart_pending"] = True
    turn = make_plan(world.estate(), [SP2], {})["turns"]["n2"]
    assert [step["step"] for step in turn["steps"]] == ["restart_host", "start_cluster_service", "verify_host"]
    assert "update" not in turn["steps"][0]
    assert [step["step"] for step in turn["after"]] == ["note_backup_due"]
    assert turn["steps"][0]["before"] == {"restart_pending": True}
    assert "unpredictable" not in turn["steps"][0]
    assert turn["install"] is False


def test_cut_off_before_the_start_of_the_cluster_service() -> None:
    world = until("start_cluster_service")
    turn = make_plan(world.estate(), [SP2], {})["turns"]["n2"]
    assert [step["step"] for step in turn["steps"]] == ["start_cluster_service", "verify_host"]
    assert [server["group"] for server in turn["virtual_servers"]] == ["EVS1"]


def test_cut_off_between_two_turns() -> None:
    """The next turn needs the virtual server gone: a turn of the updated node without installation."""
    world = until("take_offline")
    again = make_plan(world.estate(), [SP2], {})
    assert again["waves"] == [["n2"], ["n1"]]
    assert (again["turns"]["n2"]["install"], again["turns"]["n2"]["steps"]) == (False, [])
    assert short(again, "bring_over")[0] == "take_offline"


@pytest.mark.parametrize(
    ("word", "steps"),
    [
        (
            "move_group",
            ["move_group", "upgrade_virtual_server", "limit_owners", "bring_online", "verify_virtual_server"],
        ),
        ("upgrade_virtual_server", ["upgrade_virtual_server", "limit_owners", "bring_online", "verify_virtual_server"]),
        ("limit_owners", ["limit_owners", "bring_online", "verify_virtual_server"]),
        ("bring_online", ["bring_online", "verify_virtual_server"]),
    ],
)
def test_cut_off_with_the_virtual_server_offline(word: str, steps: list[str]) -> None:
    world = until(word)
    again = make_plan(world.estate(), [SP2], {})
    assert short(again, "bring_over") == steps
    assert again["waves"] == [["n2"], ["n1"]]
    assert again["outages"]["mail/EVS1"]["roll"]["times"] == 1


def test_partly_taken_offline_goes_on_where_a_note_is() -> None:
    world = until("move_group")
    world.park("mail", "EVS1", but="Information Store")
    assert short(make_plan(world.estate(), [SP2], {}), "bring_over")[:2] == ["take_offline", "move_group"]


def test_both_nodes_updated_but_not_the_virtual_server() -> None:
    """As an article's reader may have left it: no note, three resources online."""
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    world.evs("mail", "EVS1", "n1", service_pack=1)
    world.park("mail", "EVS1")
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    assert plan["waves"] == [["n1"]]
    assert plan["turns"]["n1"]["install"] is False
    assert short(plan, "bring_over") == ["upgrade_virtual_server", "bring_online", "verify_virtual_server"]


def test_taken_offline_by_hand_on_an_old_node() -> None:
    """It is brought over with the first updated node, not when its owner's turn is near."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n3")
    world.evs("mail", "EVS1", "n1")
    world.evs("mail", "EVS2", "n2")
    world.park("mail", "EVS2")
    plan = make_plan(world.estate(), [SP2], {"failover_test": "one"})
    assert plan["waves"][0] == ["n3"]
    assert [server["group"] for server in plan["turns"]["n3"]["virtual_servers"]] == ["EVS2"]
    assert plan["waves"] == [["n3"], ["n2"], ["n1"]]
    assert plan["notices"] == []
    assert plan["outages"]["mail/EVS2"]["roll"]["times"] == 1


def test_offline_altogether_after_the_upgrade() -> None:
    """It has failed over while the run was away and did not come online: it is only brought online."""
    world = until("bring_online")
    world.clusters["mail"]["groups"]["EVS1"]["state"] = "offline"
    for row in world.clusters["mail"]["resources"].values():
        if row["group"] == "EVS1":
            row["state"] = "offline"
    step = next(step for step in make_plan(world.estate(), [SP2], {})["steps"] if step["step"] == "bring_online")
    assert step["before"] == {"state": "offline"}


def test_only_the_note_is_left() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    world.evs("mail", "EVS1", "n1", service_pack=2)
    world.hosts["n2"]["note"] = {"owners": {"EVS1": "N2"}, "possible_owners": {"EVS1": ["N1", "N2"]}}
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    assert plan["waves"] == []
    assert words(plan["steps"]) == [
        ("n1", "note_owners", "n1"),
        ("n1", "move_home", "N2"),
        ("n1", "remove_note", "n1"),
        ("n2", "remove_note", "n2"),
    ]


def test_restart_asked_while_the_node_serves() -> None:
    """Somebody has started the Cluster service before the restart: the node is freed for it."""
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    world.evs("mail", "EVS1", "n1", service_pack=2)
    world.hosts["n1"]["installations"][SP2["id"]] = {"phase": "finished", "restart_pending": True}
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    assert plan["waves"] == [["n2"], ["n1"]]
    assert short(plan, "free") == ["move_group"]
    assert short(plan, "update") == ["stop_cluster_service", "restart_host", "start_cluster_service", "verify_host"]


def test_a_restart_asked_on_a_single_server() -> None:
    world = World()
    entry = world.server("mbx1", 2)
    entry["installations"][SP2["id"]] = {"phase": "finished", "exit_code": 3010, "restart_pending": True}
    entry["backup_due"] = {"update": SP2["id"], "noted": False}
    assert short(make_plan(world.estate(), [SP2], {})) == ["restart_host", "verify_host", "note_backup_due"]

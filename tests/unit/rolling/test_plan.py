# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of single servers and clusters from the beginning, their form, and what the planner checks of itself."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.digest import difference
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.estate import read_estate
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.levels import Level
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import PlannerError, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.problems import Problems
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.steps import PHASES, make_step, step_words
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.transitions import apply
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.updates import Updates
from ansible_collections.mailops.exchange.tests.unit.rolling.support import HOTFIX, SP2, World, two_nodes


def words(steps: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Steps as (host, step, object or target)."""
    return [(step["host"], step["step"], step.get("node") or step["object"]) for step in steps]


def short(plan: dict[str, Any], phase: str = "") -> list[str]:
    return [step["step"] for step in plan["steps"] if not phase or step["phase"] == phase]


def test_single_server() -> None:
    world = World()
    world.server("mbx1")
    plan = make_plan(world.estate(), [SP2], {})
    assert plan["waves"] == [["mbx1"]]
    assert words(plan["steps"]) == [
        ("mbx1", "stage_package", "exchange2003-sp2"),
        ("mbx1", "install_update", "exchange2003-sp2"),
        ("mbx1", "restart_host", "mbx1"),
        ("mbx1", "verify_host", "mbx1"),
        ("mbx1", "note_backup_due", "mbx1"),
    ]
    turn = plan["turns"]["mbx1"]
    assert (turn["role"], turn["cluster"], turn["install"], turn["wave"]) == ("exchange2003_server", None, True, 0)
    assert plan["steps"][2]["unpredictable"] is True
    assert plan["final"]["hosts"]["mbx1"]["service_pack"] == 2
    assert plan["final"]["hosts"]["mbx1"]["build"] == 7638


def test_front_ends_come_before_everything_else() -> None:
    world = two_nodes()
    world.server("mbx1")
    world.server("fe1", front_end=True)
    world.server("fe2", front_end=True)
    assert make_plan(world.estate(), [SP2], {})["waves"] == [["fe1", "fe2"], ["mbx1", "n2"], ["n1"]]


def test_updated_front_ends_take_no_wave() -> None:
    world = two_nodes()
    world.server("fe1", 2, front_end=True)
    plan = make_plan(world.estate(), [SP2], {})
    assert plan["waves"] == [["n2"], ["n1"]]
    assert "fe1" not in plan["turns"]


def test_active_passive_in_the_order_of_the_article() -> None:
    plan = make_plan(two_nodes().estate(), [SP2], {})
    assert words([step for step in plan["steps"] if step["phase"] not in ("prepare", "finish")]) == [
        ("n2", "stop_cluster_service", "N2"),
        ("n2", "install_update", "exchange2003-sp2"),
        ("n2", "restart_host", "n2"),
        ("n2", "start_cluster_service", "N2"),
        ("n2", "verify_host", "n2"),
        ("n2", "take_offline", "EVS1"),
        ("n2", "move_group", "N2"),
        ("n2", "upgrade_virtual_server", "N2"),
        ("n2", "limit_owners", "EVS1"),
        ("n2", "bring_online", "EVS1"),
        ("n2", "verify_virtual_server", "EVS1"),
        ("n2", "note_backup_due", "n2"),
        ("n1", "move_group", "N2"),
        ("n1", "stop_cluster_service", "N1"),
        ("n1", "install_update", "exchange2003-sp2"),
        ("n1", "restart_host", "n1"),
        ("n1", "start_cluster_service", "N1"),
        ("n1", "verify_host", "n1"),
        ("n1", "restore_owners", "EVS1"),
        ("n1", "note_backup_due", "n1"),
    ]
    assert words([step for step in plan["steps"] if step["phase"] == "finish"]) == [
        ("n1", "failover_test", "N1"),
        ("n1", "move_home", "N1"),
        ("n1", "remove_note", "n1"),
        ("n2", "remove_note", "n2"),
    ]
    note = next(step for step in plan["steps"] if step["step"] == "note_owners")
    assert note["after"] == {
        "owners": {"Cluster Group": "N1", "EVS1": "N1"},
        "possible_owners": {"EVS1": ["N1", "N2"]},
    }


def test_hotfix_needs_no_upgrade() -> None:
    plan = make_plan(two_nodes().estate(), [HOTFIX], {"failover_test": "none"})
    assert "upgrade_virtual_server" not in short(plan)
    assert "take_offline" not in short(plan)
    assert short(plan, "bring_over") == ["move_group", "verify_virtual_server"]
    assert short(plan, "finish") == ["move_home", "move_home", "remove_note", "remove_note"]
    assert plan["final"]["hosts"]["n1"]["hotfixes"] == ["KB831464", "KB912442"]
    assert plan["outages"]["mail/EVS1"]["roll"]["times"] == 1


def test_hotfix_that_upgrades_virtual_servers() -> None:
    update = {**HOTFIX, "upgrades_virtual_server": True, "result": {"hotfix": "KB912442", "build": 7650}}
    plan = make_plan(two_nodes().estate(), [update], {})
    step = next(step for step in plan["steps"] if step["step"] == "upgrade_virtual_server")
    assert step["after"] == {"version": {"service_pack": 1, "build": 7650}}


def test_active_active_is_offline_once_more_for_one_only() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.evs("mail", "EVS1", "n1")
    world.evs("mail", "EVS2", "n2")
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    assert plan["waves"] == [["n2"], ["n1"]]
    assert plan["outages"]["mail/EVS2"]["times"] == 2
    assert plan["outages"]["mail/EVS1"]["times"] == 2
    assert words(plan["turns"]["n2"]["steps"])[0] == ("n2", "move_group", "N1")
    assert [server["group"] for server in plan["turns"]["n2"]["virtual_servers"]] == ["EVS1", "EVS2"]
    assert plan["final"]["clusters"]["mail"]["EVS2"]["owner"] == "N2"


def test_four_nodes_are_offline_once_each() -> None:
    """Three virtual servers and a free node: every one comes to the node that has just been updated."""
    world = World()
    world.cluster("beta", ["b1", "b2", "b3", "b4"], quorum="b4")
    for number, possible in ((1, None), (2, ["b2", "b3", "b4"]), (3, None)):
        world.evs("beta", f"EVS-B{number}", f"b{number}", possible)
    plan = make_plan(world.estate(), [SP2], {"failover_test": "one"})
    assert plan["waves"][0] == ["b4"]
    assert {outage["roll"]["times"] for outage in plan["outages"].values()} == {1}
    owners = {group: row["owner"] for group, row in plan["final"]["clusters"]["beta"].items()}
    assert owners == {"Cluster Group": "B4", "EVS-B1": "B1", "EVS-B2": "B2", "EVS-B3": "B3"}


def test_no_node_carries_two_where_one_is_the_limit() -> None:
    """EVS3 can only go to n1: so n1 and n3 are updated before n2, although the names say otherwise."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3", "n4"], quorum="n4")
    world.evs("mail", "EVS1", "n1", ["n1", "n4"])
    world.evs("mail", "EVS2", "n2")
    world.evs("mail", "EVS3", "n3", ["n1", "n3"])
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    assert [host for wave in plan["waves"] for host in wave] == ["n4", "n1", "n3", "n2"]
    assert plan["notices"] == []
    for step in plan["steps"]:
        world.do(step, SP2)
        owners = [row["owner"] for row in world.clusters["mail"]["groups"].values() if row["virtual_server"]]
        assert len(set(owners)) == 3


def test_possible_owners_that_leave_no_other_way_are_noticed() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n3")
    world.evs("mail", "EVS1", "n1", ["n1", "n2"])
    world.evs("mail", "EVS2", "n2", ["n1", "n2"])
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    assert any("has to share" in notice for notice in plan["notices"])


def test_other_groups_leave_or_stay_with_a_reason() -> None:
    world = two_nodes()
    world.group("mail", "File Share", "n2")
    world.group("mail", "Bound", "n2", ["n2"])
    world._resource("mail", "Bound", "Disk X:", "Physical Disk")
    turn = make_plan(world.estate(), [SP2], {})["turns"]["n2"]
    assert words(turn["steps"])[0] == ("n2", "move_group", "N1")
    assert [left["group"] for left in turn["left"]] == ["Bound"]
    assert "no other possible owner" in turn["left"][0]["reason"]


def test_quorum_moves_before_virtual_servers() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.evs("mail", "EVS1", "n1")
    world.evs("mail", "EVS2", "n1")
    world.evs("mail", "EVS3", "n2")
    world.group("mail", "A group", "n2")
    free = [s for s in make_plan(world.estate(), [HOTFIX], {})["turns"]["n2"]["steps"] if s["phase"] == "free"]
    assert [step["object"] for step in free] == ["A group", "EVS3"]
    world.clusters["mail"]["groups"]["Cluster Group"]["owner"] = "N2"
    free = [s for s in make_plan(world.estate(), [HOTFIX], {})["turns"]["n2"]["steps"] if s["phase"] == "free"]
    assert [step["object"] for step in free] == ["Cluster Group", "A group", "EVS3"]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"failover_test": "all"}, [("failover_test", "N3"), ("failover_test", "N1")]),
        ({"failover_test": "one"}, [("failover_test", "N1")]),
        ({"failover_test": "none"}, [("move_home", "N1")]),
        ({"failover_test": "none", "home": "stay"}, []),
        ({"failover_test": "one", "home": "stay"}, [("failover_test", "N1"), ("failover_test", "N2")]),
        (
            {"failover_test": "all", "home": "stay"},
            [("failover_test", "N1"), ("failover_test", "N3"), ("failover_test", "N2")],
        ),
    ],
)
def test_failover_test_and_home(options: dict[str, str], path: list[tuple[str, str]]) -> None:
    """The roll leaves EVS1 on N2; its home is N1."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n2")
    world.evs("mail", "EVS1", "n1", preferred=["n1", "n2"])
    plan = make_plan(world.estate(), [SP2], options)
    finish = [step for step in plan["finish"]["mail"]["steps"] if step["object"] == "EVS1"]
    assert [(step["step"], step["node"]) for step in finish] == path


def test_home_as_found_comes_from_the_note() -> None:
    world = two_nodes()
    plan = make_plan(world.estate(), [SP2], {"home": "as_found"})
    for step in plan["steps"]:
        if step["phase"] == "finish":
            break
        world.do(step, SP2)
    assert world.clusters["mail"]["groups"]["EVS1"]["owner"] == "N2"
    again = make_plan(world.estate(), [SP2], {"home": "as_found"})
    assert again["waves"] == []
    assert again["final"]["clusters"]["mail"]["EVS1"]["owner"] == "N1"
    assert again["resumes"] is True
    assert again["scope_digest"] == plan["scope_digest"]


def test_nothing_to_do_though_not_at_home() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    world.evs("mail", "EVS1", "n2", preferred=["n1"], service_pack=2)
    plan = make_plan(world.estate(), [SP2], {})
    assert (plan["changes"], plan["steps"], plan["waves"], plan["finish"], plan["prepare"]) == (False, [], [], {}, {})
    assert "Nothing is to be done" in runbook(plan)


# Form


def test_a_plan_is_one_consistent_thing() -> None:
    world = two_nodes()
    world.server("mbx1")
    plan = make_plan(world.estate(), [SP2], {})
    assert [step["index"] for step in plan["steps"]] == list(range(len(plan["steps"])))
    listed = [step for steps in plan["prepare"].values() for step in steps]
    for wave in plan["waves"]:
        for host in wave:
            turn = plan["turns"][host]
            listed += turn["steps"] + [step for server in turn["virtual_servers"] for step in server["steps"]]
            listed += turn["after"]
    listed += [step for finish in plan["finish"].values() for step in finish["steps"]]
    assert listed == plan["steps"]
    for step in plan["steps"]:
        assert step["step"] in step_words()
        assert step["phase"] in PHASES
        assert step["changed"] == (step["before"] != step["after"])
        assert step["reason"]
        assert step["host"] in world.hosts


def test_digest_follows_what_matters_only() -> None:
    world = two_nodes()
    plan = make_plan(world.estate(), [SP2], {})
    world.hosts["n1"]["packages"]["exchange2003-sp2"]["staged"] = True
    assert make_plan(world.estate(), [SP2], {})["digest"] == plan["digest"]
    world.clusters["mail"]["groups"]["Cluster Group"]["owner"] = "N2"
    drifted = make_plan(world.estate(), [SP2], {})
    assert drifted["digest"] != plan["digest"]
    assert any("Cluster Group" in line for line in difference(plan, drifted))
    other = make_plan(two_nodes().estate(), [SP2], {"failover_test": "none"})
    assert other["digest"] != plan["digest"]
    assert difference(plan, other)[0].startswith("options")
    assert difference(plan, plan) == []


def test_runbook_says_who_has_to_do_what() -> None:
    text = runbook(make_plan(two_nodes().estate(), [SP2], {}))
    assert 'In Cluster Administrator on N2: "Upgrade Exchange Virtual Server" on the group EVS1' in text
    assert "Run the setup of exchange2003-sp2 on n1" in text
    assert "perhaps: Restart the host: n2" in text
    assert "offline once for the update, once more for the failover test" in " ".join(text.split())
    commands = {**SP2, "command": "update.exe /x"}
    assert "What a person has to do" not in runbook(
        make_plan(two_nodes().estate(), [commands], {"upgrade_method": "command"})
    )


def test_sixteen_virtual_servers_on_eight_nodes_are_quick() -> None:
    world = World()
    nodes = [f"n{number}" for number in range(1, 9)]
    world.cluster("mail", nodes, quorum="n8")
    for number in range(16):
        world.evs("mail", f"EVS{number}", nodes[number % 8])
    estate = world.estate()
    begin = time.perf_counter()
    make_plan(estate, [SP2], {})
    assert time.perf_counter() - begin < 1


def test_the_planner_checks_itself() -> None:
    """A step that would break an invariant is refused, whoever thought of it."""
    updates = Updates([SP2], Problems())
    model = read_estate(two_nodes().estate(), updates, Problems())
    stop = make_step("stop_cluster_service", "n1", "N1", "update", "", {}, {}, cluster="mail")
    install = make_step("install_update", "n2", SP2["id"], "update", "", {}, {}, cluster="mail")
    move = make_step("move_group", "n1", "EVS1", "free", "", {}, {}, cluster="mail", group="EVS1", node="N2")
    upgrade = make_step("upgrade_virtual_server", "n1", "EVS1", "bring_over", "", {}, {}, cluster="mail", group="EVS1")
    other = {**install, "object": HOTFIX["id"]}
    for step, why in (
        (stop, "owns a virtual server"),
        (install, "2: the Cluster service"),
        (other, "the chain of the host is"),
        (upgrade, "not offline"),
    ):
        with pytest.raises(PlannerError, match=why):
            apply(model.copy(), step, updates)
    down = model.copy()
    down.change_cluster("mail", up=frozenset({"N1"}))
    with pytest.raises(PlannerError, match="not up"):
        apply(down, move, updates)
    newer = model.copy()
    newer.change_host("n2", level=Level(2, 7638, frozenset()), chain=(), old=False)
    with pytest.raises(PlannerError, match="4: EVS1 is online on the newer node"):
        apply(newer.copy(), move, updates)
    with pytest.raises(ValueError, match="no such step"):
        make_step("dance", "n1", "x", "free", "", {}, {})


def test_the_planner_never_lets_an_upgraded_virtual_server_go_back() -> None:
    """A10: neither by a step of its own, nor by what the cluster may do once it is online."""
    updates = Updates([SP2], Problems())
    model = read_estate(two_nodes().estate(), updates, Problems())
    model.change_host("n2", level=Level(2, 7638, frozenset()), chain=(), old=False)
    model.change_group("mail", "EVS1", owner="N2", upgraded=True, service_pack=2, state="partially_online")
    back = make_step("move_group", "n1", "EVS1", "free", "", {}, {}, cluster="mail", group="EVS1", node="N1")
    with pytest.raises(PlannerError, match="A10: it is upgraded, and N1 is not updated"):
        apply(model.copy(), back, updates)
    model.change_group("mail", "EVS1", state="parked")
    online = make_step("bring_online", "n2", "EVS1", "bring_over", "", {}, {}, cluster="mail", group="EVS1")
    with pytest.raises(PlannerError, match=r"A10.*\['N1'\] are possible owners that are not updated"):
        apply(model.copy(), online, updates)
    limit = make_step("limit_owners", "n2", "EVS1", "bring_over", "", {}, {}, cluster="mail", group="EVS1")
    for nodes, why in ((["N1", "N2"], "A10"), (["N1"], "owns it"), (["N2", "N9"], "never was")):
        with pytest.raises(PlannerError, match=why):
            apply(model.copy(), {**limit, "nodes": nodes}, updates)
    apply(model, {**limit, "nodes": ["N2"]}, updates)
    apply(model, online, updates)
    assert model.clusters["mail"].groups["EVS1"].allowed == ("N2",)


@pytest.mark.parametrize("failover_test", ["all", "one", "none"])
def test_no_two_virtual_servers_belong_to_one_node_where_a_node_carries_one(failover_test: str) -> None:
    """n1 is the preferred owner of all: it is the home of the one found on it, and the others stay apart."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3", "n4"], quorum="n1")
    world.evs("mail", "EVS1", "n1", preferred=["n1"])
    world.evs("mail", "EVS2", "n2", preferred=["n1", "n3"])
    world.evs("mail", "EVS3", "n3", preferred=["n1"])
    plan = make_plan(world.estate(), [SP2], {"failover_test": failover_test})
    final = plan["final"]["clusters"]["mail"]
    # EVS2 wants n3 more than nothing, but EVS3 was found there.
    assert [final[name]["owner"] for name in ("EVS1", "EVS2", "EVS3")] == ["N1", "N2", "N3"]
    notes = [notice for notice in plan["notices"] if "not on its preferred owner" in notice]
    assert [note.split()[0] for note in notes] == ["EVS2", "EVS3"]
    groups = [row for row in world.clusters["mail"]["groups"].values() if row["virtual_server"]]
    for step in plan["steps"]:
        world.do(step)
        assert len({row["owner"] for row in groups}) == 3
    assert make_plan(world.estate(), [SP2], {})["changes"] is False


def test_where_nodes_carry_several_each_goes_to_its_preferred_owner() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.evs("mail", "EVS1", "n1", preferred=["n1"])
    world.evs("mail", "EVS2", "n2", preferred=["n1"])
    final = make_plan(world.estate(), [SP2], {})["final"]["clusters"]["mail"]
    assert (final["EVS1"]["owner"], final["EVS2"]["owner"]) == ("N1", "N1")


@pytest.mark.parametrize(("nodes", "servers"), [(3, 1), (3, 2), (4, 2), (4, 3), (5, 4), (8, 1), (8, 4), (8, 7)])
def test_each_virtual_server_is_shown_on_each_node_where_a_node_carries_one(nodes: int, servers: int) -> None:
    """It visits the nodes that the others have left, the last move brings it home (A12)."""
    world = World()
    names = [f"n{number}" for number in range(1, nodes + 1)]
    world.cluster("mail", names, quorum=names[-1])
    for number in range(1, servers + 1):
        world.evs("mail", f"EVS{number}", f"n{number}", preferred=[f"n{number}"])
    plan = make_plan(world.estate(), [SP2], {})
    rows = [row for row in world.clusters["mail"]["groups"].values() if row["virtual_server"]]
    visited: dict[str, list[str]] = {}
    for step in plan["steps"]:
        if step["step"] == "failover_test":
            visited.setdefault(step["group"], [world.clusters["mail"]["groups"][step["group"]]["owner"]])
            visited[step["group"]].append(step["node"])
        world.do(step)
        assert len({row["owner"] for row in rows}) == servers
    for number in range(1, servers + 1):
        path = visited[f"EVS{number}"]
        assert path[-1] == f"N{number}"
        assert set(path) == {name.upper() for name in names}
        # Each move shows it on a node that it was not on; at most one more makes room for others.
        assert len(path) <= nodes + 1


def test_a_virtual_server_that_is_shown_everywhere_makes_room_for_another() -> None:
    """EVS2 may stand on n2 and n4 only, and EVS1 has n2 still to visit."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3", "n4"], quorum="n1")
    world.evs("mail", "EVS1", "n1", ["n1", "n2"], preferred=["n1"])
    world.evs("mail", "EVS2", "n2", ["n2", "n4"], preferred=["n2"])
    plan = make_plan(world.estate(), [SP2], {})
    final = plan["final"]["clusters"]["mail"]
    assert (final["EVS1"]["owner"], final["EVS2"]["owner"]) == ("N1", "N2")
    assert not [notice for notice in plan["notices"] if "failover test" in notice]

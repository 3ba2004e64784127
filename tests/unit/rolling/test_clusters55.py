# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters with Exchange 5.5: exact plans for the lab's estates, plans from every moment of a run, and refusals."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule, turn_steps
from ansible_collections.mailops.exchange.tests.unit.rolling.support55 import (
    FIX,
    GROUP,
    SP3,
    SP4,
    World55,
    cluster55,
    from_lab,
    has_fix,
    hotfix_world,
    noted,
    owned_by,
    plan_of,
    refused,
    row,
)


def words(steps: list[dict[str, Any]]) -> list[str]:
    return [step["step"] for step in steps]


def moves(plan: dict[str, Any], group: str = GROUP) -> list[str]:
    return [step["node"] for step in plan["steps"] if step.get("node") and step["object"] == group]


# The service pack


def test_the_active_node_comes_first_and_nothing_moves() -> None:
    plan = plan_of(from_lab("exchange55_cluster"))
    assert plan["waves"] == [["n1"], ["n2"]]
    assert {host: words(steps) for host, steps in plan["prepare"].items()} == {
        "n1": ["stage_package"],
        "n2": ["stage_package"],
    }
    active, passive = plan["turns"]["n1"], plan["turns"]["n2"]
    assert (active["role"], active["install"]) == ("exchange55_cluster", True)
    assert words(active["steps"]) == ["install_update", "verify_host"]
    assert active["steps"][0]["group"] == GROUP
    ((server),) = active["virtual_servers"]
    assert (server["group"], words(server["steps"])) == (GROUP, ["verify_virtual_server"])
    step = server["steps"][0]
    assert step["after"] == {"owner": "N1", "state": "online", "version": {"service_pack": 4, "build": 2653}}
    assert step["before"] == step["after"]
    assert (step["group"], step["cluster"], step["node_host"], step["turn"]) == (GROUP, "mail", "n1", "n1")
    assert words(active["after"]) == words(passive["after"]) == ["note_backup_due"]
    assert words(passive["steps"]) == ["stop_cluster_service", "install_update", "start_cluster_service", "verify_host"]
    assert "group" not in passive["steps"][1]
    assert passive["virtual_servers"] == []
    assert plan["finish"] == {}
    assert moves(plan) == []
    assert plan["virtual_servers"] == {"mail": None}
    assert plan["outages"]["mail/Exchange"] == {
        "times": 1,
        "seconds": 1800,
        "roll": {"times": 1, "seconds": 1800},
        "finish": {"times": 0, "seconds": 0},
    }
    assert plan["notices"][0].startswith(
        "The users of Exchange (mail) have no mail while exchange55-sp4 is installed on N1, which owns the group: "
        "about 30 minutes."
    )
    assert "no unattended form" in plan["notices"][1]
    outage = make_schedule(plan, {SP4["id"]: 30})["outages"]["mail/Exchange"]
    assert [(each["to"] - each["from"], each["part"]) for each in outage] == [(1800, "update")]


def test_the_passive_node_may_go_on_serving() -> None:
    plan = plan_of(cluster55(), passive_cluster_service="running")
    assert words(plan["turns"]["n2"]["steps"]) == ["install_update", "verify_host"]
    assert plan["options"]["passive_cluster_service"] == "running"


def test_other_groups_leave_the_passive_node_and_come_home() -> None:
    """The quorum's group is no group with Exchange: it goes, because the Cluster service of its node stops."""
    world = cluster55(quorum="n2")
    world.group("mail", "File Share", "n2", ["n2"])
    plan = plan_of(world)
    assert words(plan["prepare"]["n1"]) == ["stage_package", "note_owners"]
    turn = plan["turns"]["n2"]
    assert words(turn["steps"])[:2] == ["move_group", "stop_cluster_service"]
    assert (turn["steps"][0]["object"], turn["steps"][0]["node"]) == ("Cluster Group", "N1")
    assert [left["group"] for left in turn["left"]] == ["File Share"]
    assert words(plan["finish"]["mail"]["steps"]) == ["move_home", "remove_note", "remove_note"]
    assert moves(plan) == []
    assert plan["final"]["clusters"]["mail"]["Cluster Group"]["owner"] == "N2"
    assert "note_owners" not in words(plan_of(world, passive_cluster_service="running")["steps"])


def test_services_that_interfere_are_stopped_on_both_nodes() -> None:
    world = cluster55()
    for name in ("n1", "n2"):
        world.hosts[name]["interfering"]["running"] = {"SNMP": {"display_name": "SNMP", "start_type": "auto"}}
    plan = plan_of(world)
    assert words(plan["turns"]["n1"]["steps"]) == ["stop_services", "install_update", "verify_host"]
    assert words(plan["turns"]["n2"]["steps"])[:2] == ["stop_services", "stop_cluster_service"]
    assert words(plan["turns"]["n2"]["after"]) == ["start_services", "note_backup_due"]


def test_two_service_packs_are_two_outages() -> None:
    world = cluster55([SP3, SP4], service_pack=2)
    plan = plan_of(world)
    assert words(plan["turns"]["n1"]["steps"]) == ["install_update", "install_update", "verify_host"]
    assert plan["outages"]["mail/Exchange"]["times"] == 2
    for step in plan["steps"]:
        world.do(step)
    assert world.outages == {"mail/Exchange": 2}


@pytest.mark.parametrize("quorum", ["n1", "n2"])
@pytest.mark.parametrize("service", ["stopped", "running"])
def test_every_moment_of_a_service_pack(quorum: str, service: str) -> None:
    options = {"passive_cluster_service": service}
    first = plan_of(cluster55(quorum=quorum), **options)
    for done in range(len(first["steps"]) + 1):
        world = cluster55(quorum=quorum)
        for step in first["steps"][:done]:
            world.do(step)
        again = plan_of(world, **options)
        assert again["final"] == first["final"]
        assert again["scope_digest"] == first["scope_digest"]
        for step in again["steps"]:
            world.do(step)
        assert world.installed == [("n1", SP4["id"]), ("n2", SP4["id"])]
        assert world.outages == {"mail/Exchange": 1}
        assert (row(world)["owner"], row(world)["state"]) == ("N1", "online")
        assert plan_of(world, **options)["changes"] is False


@pytest.mark.parametrize("phase", ["armed", "running"])
@pytest.mark.parametrize("but", ["", "Information Store"])
def test_cut_off_while_the_setup_runs_on_the_active_node(phase: str, but: str) -> None:
    """The setup has taken the group offline: its end is waited for, and the users are told."""
    world = cluster55()
    world.hosts["n1"]["installations"][SP4["id"]]["phase"] = phase
    world.park("mail", GROUP, but=but)
    plan = plan_of(world)
    assert words(turn_steps(plan["turns"]["n1"])) == [
        "install_update",
        "verify_host",
        "verify_virtual_server",
        "note_backup_due",
    ]
    assert plan["outages"]["mail/Exchange"]["times"] == 1
    row(world)["state"] = "pending"
    assert plan_of(world)["final"] == plan["final"]
    row(world)["state"] = "failed"
    assert "has failed on N1" in refused(world)


@pytest.mark.parametrize(
    ("where", "phase", "words_left"),
    [
        ("install_update", "none", ["install_update", "start_cluster_service", "verify_host"]),
        ("install_update", "running", ["install_update", "start_cluster_service", "verify_host"]),
        ("start_cluster_service", "finished", ["start_cluster_service", "verify_host"]),
    ],
)
def test_cut_off_with_the_passive_node_out_of_the_cluster(where: str, phase: str, words_left: list[str]) -> None:
    world = cluster55()
    for step in plan_of(world)["steps"]:
        if step["step"] == where and step["host"] == "n2":
            break
        world.do(step)
    world.hosts["n2"]["installations"][SP4["id"]]["phase"] = phase
    plan = plan_of(world)
    assert plan["waves"] == [["n2"]]
    assert words(plan["turns"]["n2"]["steps"]) == words_left
    assert "out of the cluster already" in plan["turns"]["n2"]["reason"]


def test_service_packs_in_waves_with_other_servers() -> None:
    world = cluster55()
    world.server55("mbx1")
    world.cluster55("post", ["o1", "o2"], "o2", "o2")
    assert plan_of(world)["waves"] == [["mbx1", "n1", "o2"], ["n2", "o1"]]
    assert plan_of(world, lanes=1)["waves"] == [["mbx1"], ["n1"], ["n2"], ["o2"], ["o1"]]
    plan = plan_of(world, canary=True)
    assert plan["waves"] == [["mbx1"], ["n1"], ["n2", "o2"], ["o1"]]
    assert [host for host, turn in plan["turns"].items() if turn["canary"]] == ["mbx1", "n1"]
    assert plan["turns"]["n1"]["leads_to"][GROUP] == {"owner": "N1", "state": "online"}


# The hotfix


def test_the_hotfix_is_one_outage_over_two_turns() -> None:
    plan = plan_of(from_lab("exchange55_cluster_hotfix"))
    assert plan["waves"] == [["n1"], ["n2"]]
    assert words(plan["prepare"]["n1"]) == words(plan["prepare"]["n2"]) == ["stage_package", "note_owners"]
    assert plan["prepare"]["n1"][1]["after"]["owners"] == {"Cluster Group": "N2", GROUP: "N1"}
    first, second = plan["turns"]["n1"], plan["turns"]["n2"]
    assert words(first["steps"]) == ["take_offline", "install_update", "verify_host"]
    assert (first["virtual_servers"], first["goes_on"], first["down"]) == ([], True, False)
    assert words(second["steps"]) == ["move_group", "install_update", "verify_host"]
    assert second["goes_on"] is False
    ((server),) = second["virtual_servers"]
    assert words(server["steps"]) == ["move_group", "bring_online", "verify_virtual_server"]
    there, back = second["steps"][0], server["steps"][0]
    assert (there["node"], there["phase"], there["node_host"]) == ("N2", "free", "n2")
    assert (back["node"], back["phase"], back["node_host"]) == ("N1", "bring_over", "n1")
    assert (first["steps"][0]["before"], first["steps"][0]["after"]) == (
        {"state": "online"},
        {"state": "partially_online"},
    )
    assert {step["node_host"] for step in server["steps"]} == {"n1"}
    assert words(plan["finish"]["mail"]["steps"]) == ["remove_note", "remove_note"]
    assert not {"failover_test", "stop_cluster_service", "limit_owners"} & set(words(plan["steps"]))
    outage = plan["outages"]["mail/Exchange"]
    # Two installations of ten minutes, and what is done to the group.
    assert (outage["times"], outage["seconds"]) == (1, 2 * 600 + 60 + 90 + 90 + 90)
    assert plan["notices"] == [
        "The users of Exchange (mail) have no mail from the turn of N1 to the end of that of N2: about 26 minutes. A "
        "hotfix knows nothing of clusters: the group is offline until every node has it."
    ]
    times = make_schedule(plan, {FIX["id"]: 10})["outages"]["mail/Exchange"]
    assert [each["to"] - each["from"] for each in times] == [outage["seconds"] + 2 * 5]


@pytest.mark.parametrize(
    ("home", "preferred", "ends"), [("preferred", "N2", "N2"), ("as_found", "N2", "N1"), ("stay", "N1", "N2")]
)
def test_where_the_group_goes_after_a_hotfix(home: str, preferred: str, ends: str) -> None:
    world = hotfix_world()
    row(world)["preferred_owners"] = [preferred]
    plan = plan_of(world, home=home)
    assert plan["final"]["clusters"]["mail"][GROUP] == {"owner": ends, "state": "online"}
    assert moves(plan) == (["N2", "N1"] if ends == "N1" else ["N2"])
    for step in plan["steps"]:
        world.do(step)
    assert plan_of(world, home=home)["changes"] is False


@pytest.mark.parametrize("owner", ["N1", "N2"])
@pytest.mark.parametrize("home", ["preferred", "as_found"])
def test_every_moment_of_a_hotfix(owner: str, home: str) -> None:
    """Each installation comes once, the group is offline once, and it ends where the first run found it."""
    begin = hotfix_world()
    row(begin)["preferred_owners"] = [owner]
    owned_by(begin, owner)
    first = plan_of(begin, home=home)
    for done in range(len(first["steps"]) + 1):
        world = copy.deepcopy(begin)
        for step in first["steps"][:done]:
            world.do(step)
        again = plan_of(world, home=home)
        assert again["final"] == first["final"]
        assert again["scope_digest"] == first["scope_digest"]
        assert again["resumes"] is bool(done > 1 and again["changes"])
        for step in again["steps"]:
            world.do(step)
        assert sorted(world.installed) == [("n1", FIX["id"]), ("n2", FIX["id"])]
        assert world.outages == {"mail/Exchange": 1}
        assert (row(world)["owner"], row(world)["state"]) == (owner, "online")
        assert all(entry["note"] is None for entry in world.hosts.values())
        assert plan_of(world, home=home)["changes"] is False


def done_until(word: str, host: str = "n2") -> World55:
    """A hotfix of which everything was done up to a step of a host."""
    world = hotfix_world()
    for step in plan_of(world)["steps"]:
        if (step["step"], step["host"]) == (word, host) and step["phase"] != "prepare":
            break
        world.do(step)
    return world


def test_plans_from_the_moments_of_a_hotfix() -> None:
    """What is left, step by step: after take_offline, the installations, the moves."""
    left = [
        (done_until("install_update", "n1"), {"n1": ["install_update", "verify_host"]}),
        (done_until("verify_host", "n1"), {"n2": ["move_group", "install_update", "verify_host", "move_group"]}),
        (done_until("install_update"), {"n2": ["install_update", "verify_host", "move_group", "bring_online"]}),
        (done_until("verify_host"), {"n1": ["move_group", "bring_online", "verify_virtual_server"]}),
        (done_until("bring_online"), {"n1": ["bring_online", "verify_virtual_server"]}),
    ]
    for world, turns in left:
        plan = plan_of(world)
        for host, steps in turns.items():
            assert words(turn_steps(plan["turns"][host]))[: len(steps)] == steps
        assert all(turn["down"] for turn in plan["turns"].values())
        assert plan["outages"]["mail/Exchange"]["times"] == 1


def test_an_installer_of_the_hotfix_is_waited_for() -> None:
    world = done_until("install_update", "n1")
    world.hosts["n1"]["installations"][FIX["id"]]["phase"] = "running"
    step = plan_of(world)["turns"]["n1"]["steps"][0]
    assert (step["step"], step["reason"]) == ("install_update", "The installer runs already: its end is waited for.")


def test_what_was_half_taken_offline_is_taken_offline() -> None:
    world = done_until("install_update", "n1")
    world.park("mail", GROUP, but="Information Store")
    plan = plan_of(world)
    assert words(plan["turns"]["n1"]["steps"]) == ["take_offline", "install_update", "verify_host"]
    assert plan["turns"]["n1"]["steps"][0]["changed"] is True
    world = done_until("bring_online")
    world.park("mail", GROUP, but="System Attendant")
    assert words(turn_steps(plan_of(world)["turns"]["n1"])) == ["bring_online", "verify_virtual_server"]


def test_somebody_has_brought_the_group_online_in_between() -> None:
    """The only way is offline once more: at the node that has no hotfix yet."""
    world = done_until("move_group")
    world.unpark("mail", GROUP)
    plan = plan_of(world)
    assert words(turn_steps(plan["turns"]["n2"]))[:3] == ["take_offline", "move_group", "install_update"]
    for step in plan["steps"]:
        world.do(step)
    assert (row(world)["owner"], row(world)["state"]) == ("N1", "online")


@pytest.mark.parametrize("fixed", ["n1", "n2"])
def test_somebody_has_moved_the_group_in_between(fixed: str) -> None:
    """Whichever node has the hotfix: the other one gets it, and the group goes home."""
    world = hotfix_world()
    has_fix(world, fixed)
    owned_by(world, "N2")
    noted(world)
    plan = plan_of(world)
    for step in plan["steps"]:
        world.do(step)
    assert world.installed == [("n2" if fixed == "n1" else "n1", FIX["id"])]
    assert (row(world)["owner"], row(world)["state"]) == ("N1", "online")
    assert plan_of(world)["changes"] is False


def test_only_the_note_is_left() -> None:
    world = hotfix_world()
    has_fix(world, "n1", "n2")
    noted(world)
    assert words(plan_of(world)["steps"]) == ["remove_note", "remove_note"]
    # Somewhere else, it goes home by the note: offline, as everything with this group.
    owned_by(world, "N2")
    steps = words(plan_of(world)["steps"])
    assert steps == [
        "take_offline",
        "move_group",
        "bring_online",
        "verify_virtual_server",
        "remove_note",
        "remove_note",
    ]
    # Not for a service pack, which never moves it.
    world.updates = [SP4]
    assert words(plan_of(world)["steps"]) == ["remove_note", "remove_note"]


def test_nobody_stands_beside_a_group_that_is_offline_between_turns() -> None:
    world = hotfix_world()
    world.server55("mbx1", 4)
    world.cluster55("post", ["o1", "o2"], "o2", "o2", service_pack=4)
    assert plan_of(world)["waves"] == [["mbx1"], ["n1", "o2"], ["n2", "o1"]]
    assert plan_of(world, lanes=1)["waves"] == [["mbx1"], ["n1"], ["n2"], ["o2"], ["o1"]]
    plan = plan_of(world, canary=True)
    assert plan["waves"] == [["mbx1"], ["n1"], ["n2"], ["o2"], ["o1"]]
    assert plan["turns"]["n1"]["leads_to"][GROUP] == {"owner": "N1", "state": "partially_online"}
    assert plan["turns"]["n2"]["leads_to"][GROUP] == {"owner": "N1", "state": "online"}


def test_a_group_that_is_offline_comes_first() -> None:
    """Its users wait: nothing else begins before it, not even a canary."""
    world = done_until("verify_host", "n1")
    world.server55("mbx1", 4)
    for canary in (False, True):
        plan = plan_of(world, canary=canary)
        assert plan["waves"][0] == ["n2"]
        assert plan["waves"][-1] == ["mbx1"]


def test_what_people_read() -> None:
    text = runbook(plan_of(cluster55()))
    assert "mail/Exchange: offline once for the update; about 30 minutes altogether" in text
    assert "Take the resources offline: Exchange" in runbook(plan_of(hotfix_world()))

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers with Exchange 5.5: exact plans for the lab's estates, and plans from every moment of a run."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.documents import documents
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.due import backups_due
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.rollback import rollback_words
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule, turn_steps
from ansible_collections.mailops.exchange.tests.unit.rolling.support55 import (
    FIX,
    SERVICES,
    SP3,
    SP4,
    World55,
    cluster55,
    from_lab,
    plan_of,
    refused,
)

AFTER_PACK = ["stop_exchange", "install_update", "start_exchange", "verify_host", "optimize"]


def words(steps: list[dict[str, Any]]) -> list[str]:
    return [step["step"] for step in steps]


def objects(steps: list[dict[str, Any]], word: str) -> list[str]:
    return [step["object"] for step in steps if step["step"] == word]


def one_server(updates: list[dict[str, Any]] | None = None, service_pack: int = 3, *, addons: bool = True) -> World55:
    world = World55(updates)
    world.directory = None
    world.server55("mbx1", service_pack, addons=addons)
    return world


# What the lab's estates lead to


def test_the_servers_of_the_lab() -> None:
    plan = plan_of(from_lab("exchange55_single"))
    assert plan["waves"] == [["mbx1", "mbx2"]]
    assert words(plan["prepare"]["mbx1"]) == words(plan["prepare"]["mbx2"]) == ["stage_package", "save_tuning"]
    turn = plan["turns"]["mbx1"]
    assert (turn["role"], turn["install"], turn["virtual_servers"]) == ("exchange55_server", True, [])
    assert words(turn["steps"]) == ["stop_services", *AFTER_PACK, "update_addon", "update_addon"]
    assert words(turn["after"]) == ["start_services", "note_backup_due"]
    assert words(plan["turns"]["mbx2"]["steps"]) == AFTER_PACK
    assert words(plan["turns"]["mbx2"]["after"]) == ["note_backup_due"]
    stop, start = (
        next(step for step in turn["steps"] if step["step"] == f"{each}_exchange") for each in ("stop", "start")
    )
    services = [*SERVICES, "MSExchangeIMC", "MSExchangeKMS"]
    assert stop["before"] == {"services": dict.fromkeys(services, "running")} == start["after"]
    assert stop["after"] == {"services": dict.fromkeys(services, "stopped")} == start["before"]
    optimizer = next(step for step in turn["steps"] if step["step"] == "optimize")
    assert (optimizer["object"], optimizer["update"], optimizer["turn"]) == ("mbx1", SP4["id"], "mbx1")
    assert (optimizer["before"], optimizer["after"]) == ({"optimized": False}, {"optimized": True})
    first, second = [step for step in turn["steps"] if step["step"] == "update_addon"]
    assert (first["object"], first["by_hand"], first["update"]) == ("interorg_replication", False, SP4["id"])
    assert (second["object"], second["by_hand"], second["before"]) == ("mailbox_manager", True, {"due": True})
    tuning = plan["prepare"]["mbx1"][1]
    assert (tuning["before"], tuning["after"], tuning["update"]) == ({"saved": False}, {"saved": True}, SP4["id"])
    assert plan["due"] == [] and plan["finish"] == {}
    assert all("restart_host" not in words(turn["steps"]) for turn in plan["turns"].values())


def test_small_business_server_needs_no_directory() -> None:
    plan = plan_of(from_lab("exchange55_sbs"))
    assert words(plan["turns"]["sbs1"]["steps"]) == AFTER_PACK
    assert not [notice for notice in plan["notices"] if "directory" in notice]
    assert plan["final"]["hosts"]["sbs1"] == {"product": "5.5", "service_pack": 4, "build": 2653, "hotfixes": []}


def test_a_mixed_organisation() -> None:
    """Front-ends first; each product's updates come to its own hosts; the directory shows no 5.5 server."""
    world = from_lab("mixed")
    plan = plan_of(world)
    assert plan["front_waves"] == 1
    assert plan["waves"] == [["fe1", "fe2"], ["mbx1", "mbx2", "n2", "o1", "old1", "old2"], ["n1", "o2"]]
    installs = {host: objects(turn["steps"], "install_update") for host, turn in plan["turns"].items()}
    assert installs == {
        **{key: ["exchange55-sp4"] for key in ["old1", "old2", "o1", "o2"]},
        **{key: ["exchange2000-sp3"] for key in ["fe1", "mbx1"]},
        **{key: ["exchange2003-sp2"] for key in ["fe2", "mbx2", "n1", "n2"]},
    }
    assert {plan["turns"][host]["role"] for host in ("o1", "o2")} == {"exchange55_cluster"}
    for step in plan["steps"]:
        world.do(step)
    assert plan_of(world)["changes"] is False
    assert world.outages == {where: outage["times"] for where, outage in plan["outages"].items()}


def test_a_host_without_an_update_of_its_version_is_refused() -> None:
    with pytest.raises(NoPlan) as caught:
        make_plan(from_lab("mixed").estate(), [SP4], {})
    refused = {problem["host"] for problem in caught.value.problems}
    assert refused == {"fe1", "mbx1", "fe2", "mbx2", "n1", "n2"}


# Chains


def test_a_hotfix_stops_and_starts_what_it_needs_itself() -> None:
    plan = plan_of(one_server([FIX], 4))
    assert words(plan["turns"]["mbx1"]["steps"]) == ["install_update", "verify_host"]
    assert words(plan["prepare"]["mbx1"]) == ["stage_package"]
    assert plan["turns"]["mbx1"]["after"] == []
    assert plan["notices"] == []
    assert plan["by_hand"] == {"setup": False, "upgrade": False, "updates": []}


def test_a_service_pack_and_a_hotfix_in_one_run() -> None:
    """Exchange runs again before the hotfix comes, and the optimizer is run when everything is there."""
    world = one_server([SP3, SP4, FIX], 2, addons=False)
    plan = plan_of(world)
    steps = plan["turns"]["mbx1"]["steps"]
    assert words(steps) == [
        "stop_exchange",
        "install_update",
        "install_update",
        "start_exchange",
        "install_update",
        "verify_host",
        "optimize",
    ]
    assert objects(steps, "install_update") == [SP3["id"], SP4["id"], FIX["id"]]
    for step in plan["steps"]:
        world.do(step)
    assert plan_of(world)["changes"] is False


def test_nothing_runs_so_nothing_is_stopped() -> None:
    world = one_server(addons=False)
    world.hosts["mbx1"]["exchange55"]["running"] = {}
    assert words(plan_of(world)["turns"]["mbx1"]["steps"]) == ["install_update", "verify_host", "optimize"]


def test_add_ons_are_left_when_the_site_says_so() -> None:
    plan = plan_of(one_server(), addons="leave")
    assert objects(plan["steps"], "update_addon") == []
    assert plan["due"] == [
        "mbx1: the upgrade of the InterOrg Replication utility (5.5.2650.0) to Exchange 5.5 Service Pack 4 (the option "
        "addons is leave).",
        "mbx1: the upgrade of the Mailbox Manager (5.5.2650.0) to Exchange 5.5 Service Pack 4 (the option addons is "
        "leave).",
    ]


def test_add_ons_of_an_updated_server() -> None:
    """They are due with a service pack in the run only; its package is staged for them."""
    world = one_server(service_pack=4)
    plan = plan_of(world)
    assert words(plan["prepare"]["mbx1"]) == ["stage_package"]
    assert words(turn_steps(plan["turns"]["mbx1"])) == ["update_addon", "update_addon"]
    assert plan["turns"]["mbx1"]["install"] is False
    for step in plan["steps"]:
        world.do(step)
    assert plan_of(world)["changes"] is False
    world = one_server([FIX], 4)
    world.hosts["mbx1"]["exchange"]["hotfixes"] = ["KB894689"]
    assert plan_of(world)["changes"] is False


@pytest.mark.parametrize(("commands", "by_hand"), [([], True), (["mailbox_manager"], False)])
def test_who_runs_the_setup_of_an_add_on(commands: list[str], by_hand: bool) -> None:
    plan = plan_of(one_server(), addon_commands=commands)
    step = next(step for step in plan["steps"] if step["object"] == "mailbox_manager")
    assert step["by_hand"] is by_hand
    text = "Run the setup of the Mailbox Manager on mbx1"
    assert (text in runbook(plan)) is by_hand
    persons = make_schedule(plan, {})["persons"]
    assert (step["index"] in [person["index"] for person in persons]) is by_hand


def test_a_node_of_a_cluster_gets_neither_optimizer_nor_add_ons() -> None:
    world = cluster55()
    for name in ("n1", "n2"):
        world.hosts[name]["exchange55"]["addons"] = {"mailbox_manager": {"version": None, "due": True}}
        world.hosts[name]["exchange55"].update(running={"MSExchangeSA": {}}, optimizer="due")
    plan = plan_of(world)
    assert not {"optimize", "update_addon", "save_tuning", "stop_exchange"} & set(words(plan["steps"]))
    assert [text.split(".")[0] for text in plan["due"]] == [
        f"{host}: {what}"
        for host in ("n1", "n2")
        for what in (
            "the Performance Optimizer after Exchange 5",
            "the upgrade of the Mailbox Manager to Exchange 5",
        )
    ]
    assert all("registry checkpoints" in text and "Q278464" in text for text in plan["due"])
    # A hotfix makes nothing due.
    assert plan_of(cluster55([FIX], service_pack=4))["due"] == []


# Runs that were cut off


def test_every_moment_of_a_server() -> None:
    """The end is the same, nothing is installed twice, and every service that ran runs again."""
    first = plan_of(from_lab("exchange55_single"))
    for done in range(len(first["steps"]) + 1):
        world = from_lab("exchange55_single")
        ran = copy.deepcopy({name: set(entry["exchange55"]["running"]) for name, entry in world.hosts.items()})
        for step in first["steps"][:done]:
            world.do(step)
        again = plan_of(world)
        assert again["final"] == first["final"]
        assert again["scope_digest"] == first["scope_digest"]
        for step in again["steps"]:
            world.do(step)
        assert sorted(world.installed) == [("mbx1", SP4["id"]), ("mbx2", SP4["id"])]
        assert {name: set(entry["exchange55"]["running"]) for name, entry in world.hosts.items()} == ran
        assert not any(entry["exchange55"]["addons"].get(each, {}).get("due") for entry in world.hosts.values()
                       for each in entry["exchange55"]["addons"])  # fmt: skip
        assert plan_of(world)["changes"] is False


def until(word: str, world: World55) -> dict[str, Any]:
    """Carry out the plan of the world up to (not including) a step; returns the entry of mbx1."""
    for step in plan_of(world)["steps"]:
        if step["step"] == word:
            break
        world.do(step)
    entry: dict[str, Any] = world.hosts["mbx1"]
    return entry


def test_services_that_an_earlier_run_has_stopped() -> None:
    """The service pack is there, the note too: the services are started, the optimizer is run."""
    world = one_server(addons=False)
    until("start_exchange", world)
    plan = plan_of(world)
    turn = plan["turns"]["mbx1"]
    assert (turn["install"], plan["resumes"]) == (False, True)
    assert words(turn["steps"]) == ["start_exchange", "optimize"]
    assert words(turn["after"]) == ["note_backup_due"]
    assert plan["prepare"] == {}


def test_half_of_the_services_are_stopped() -> None:
    world = one_server(addons=False)
    state = until("stop_exchange", world)["exchange55"]
    state["note"] = {each: {"state": "running", "start_type": "auto"} for each in SERVICES}
    del state["running"]["MSExchangeMTA"]
    plan = plan_of(world)
    assert words(plan["turns"]["mbx1"]["steps"]) == AFTER_PACK
    stop, start = (objects_of(plan, f"{each}_exchange") for each in ("stop", "start"))
    assert sorted(stop) == ["MSExchangeDS", "MSExchangeIS", "MSExchangeSA"]
    assert sorted(start) == sorted(SERVICES)


def objects_of(plan: dict[str, Any], word: str) -> dict[str, str]:
    services: dict[str, str] = next(step for step in plan["steps"] if step["step"] == word)["after"]["services"]
    return services


@pytest.mark.parametrize("noted", [True, False])
def test_an_installer_that_runs_is_not_disturbed(noted: bool) -> None:
    """Its setup stops and starts services itself: they are left alone until it has ended."""
    world = one_server(addons=False)
    entry = until("stop_exchange", world)
    entry["installations"][SP4["id"]]["phase"] = "running"
    entry["exchange55"].update(optimizer="due")
    if noted:
        entry["exchange55"]["note"] = {each: {"state": "running", "start_type": "auto"} for each in SERVICES}
        entry["exchange55"]["running"] = {}
    start = ["start_exchange"] if noted else []
    assert words(plan_of(world)["turns"]["mbx1"]["steps"]) == ["install_update", *start, "verify_host", "optimize"]


def test_an_optimizer_that_was_begun() -> None:
    """It comes to its end first, and puts back what it has stopped; its values are not saved over now."""
    world = one_server(addons=False)
    entry = until("optimize", world)
    entry["exchange55"].update(
        optimizer="begun",
        tuning_saved=False,
        running={},
        note={each: {"state": "running", "start_type": "auto"} for each in SERVICES},
    )
    plan = plan_of(world)
    assert words(turn_steps(plan["turns"]["mbx1"])) == ["optimize", "note_backup_due"]
    assert plan["prepare"] == {}
    # Whatever the run brings: it may be running still, and comes before an installer.
    world.updates = [FIX]
    assert words(plan_of(world)["turns"]["mbx1"]["steps"]) == ["optimize", "install_update", "verify_host"]


def test_an_optimizer_that_is_due_saves_first() -> None:
    world = one_server(service_pack=4, addons=False)
    world.hosts["mbx1"]["exchange55"]["optimizer"] = "due"
    plan = plan_of(world)
    assert words(plan["steps"]) == ["save_tuning", "optimize"]
    assert plan["turns"]["mbx1"]["steps"][0]["update"] == SP4["id"]
    world.hosts["mbx1"]["exchange55"]["tuning_saved"] = True
    assert words(plan_of(world)["steps"]) == ["optimize"]


# Refusals


def test_services_that_were_not_read() -> None:
    world = one_server()
    world.hosts["mbx1"]["exchange55"] = None
    assert "mbx1: Which services of Exchange 5.5 run on the host was not read" in refused(world)


def test_a_note_that_is_not_understood() -> None:
    world = one_server()
    world.hosts["mbx1"]["exchange55"]["optimizer"] = "sleeping"
    assert "'sleeping'" in refused(world)


@pytest.mark.parametrize(
    "said", [{"front_end": True}, {"rotation": {"set": "web", "method": "nlb", "state": "in"}}]
)  # fmt: skip
def test_exchange_55_has_no_front_ends(said: dict[str, Any]) -> None:
    world = one_server()
    world.hosts["mbx1"].update(said)
    assert "which has no front-end servers" in refused(world)
    assert "mailops_exchange_load_balanced" in refused(world)


def test_front_ends_elsewhere_are_no_matter_of_exchange_55() -> None:
    estate = one_server().estate()
    estate["inventory"] = {
        "fe9": {"front_end": True, "limited_out": True},
        "x": {"front_end": None, "limited_out": True},
    }
    assert make_plan(estate, [SP4], {})["changes"] is True


def test_options_that_are_not_understood() -> None:
    text = refused(one_server(), addons="perhaps", passive_cluster_service="maybe", addon_commands=["outlook"])
    assert "addons cannot be 'perhaps'" in text
    assert "passive_cluster_service cannot be 'maybe'" in text
    assert "addon_commands cannot be ['outlook']" in text and "mailbox_manager" in text


# Words


def test_what_people_read() -> None:
    plan = plan_of(from_lab("exchange55_single"))
    text = runbook(plan)
    assert "its Exchange services stop while the installer runs, and once more for the Performance Optimizer" in text
    assert "Stop Exchange: mbx2 (MSExchangeDS, MSExchangeIS, MSExchangeMTA, MSExchangeSA)" in text
    assert "has no unattended form (Q180404)" in " ".join(plan["notices"])
    schedule = make_schedule(plan, {SP4["id"]: 30})
    made = documents(plan, schedule, rollback_words(plan["entries"]))
    assert "Run the Performance Optimizer" in made["plan.md"]
    # Stop, installation and start are one outage, the optimizer another.
    assert "| mbx2 | 2 times | 53 min" in made["plan.md"]
    words_back = " ".join(rollback_words(plan["entries"]))
    assert "Active Directory" not in words_back
    assert "may be of no use on a server that has it" in words_back
    done = [{**step, "status": "ok"} for step in plan["steps"]]
    assert [text for text in backups_due(plan, done) if "may be of no use any more" in text and "mbx1" in text]


def test_how_a_hotfix_is_taken_back() -> None:
    words_back = " ".join(rollback_words(plan_of(one_server([FIX], 4))["entries"]))
    assert "uninst.exe" in words_back and "Control Panel" not in words_back
    mixed = " ".join(rollback_words(plan_of(from_lab("mixed"))["entries"]))
    assert "Active Directory" in mixed and "cannot be restored to" in mixed

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a turn does beside the update: the hold on possible owners, interfering services, the connector, the backup."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import turn_steps
from ansible_collections.mailops.exchange.tests.unit.rolling.support import FOR_SP2, HOTFIX, SP2, World, two_nodes

CONNECTOR = {"installed": True, "version": "6.5.6944.0", "custom_maps": False, "due": True, "maps_given": False}


def words(steps: list[dict[str, Any]]) -> list[str]:
    return [step["step"] for step in steps]


def holds(plan: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """The steps about possible owners: word, virtual server, nodes."""
    return [(step["step"], step["object"], step["nodes"]) for step in plan["steps"] if "nodes" in step]


def four_nodes() -> World:
    world = World()
    world.cluster("mail", ["n1", "n2", "n3", "n4"], quorum="n1")
    world.evs("mail", "EVS1", "n1")
    world.evs("mail", "EVS2", "n2", ["n2", "n3", "n4"])
    world.evs("mail", "EVS3", "n3")
    return world


def carry_out(world: World, plan: dict[str, Any], steps: int | None = None) -> None:
    for step in plan["steps"][:steps]:
        world.do(step)


# The hold on possible owners (A10)


def test_an_upgraded_virtual_server_is_held_to_the_updated_nodes() -> None:
    """Each node that is updated is added for those that are held; at the end all are as they were."""
    plan = make_plan(four_nodes().estate(), [SP2], {})
    assert [host for wave in plan["waves"] for host in wave] == ["n4", "n2", "n3", "n1"]
    assert holds(plan) == [
        ("limit_owners", "EVS2", ["N4"]),
        ("restore_owners", "EVS2", ["N2", "N4"]),
        ("limit_owners", "EVS3", ["N2", "N4"]),
        ("restore_owners", "EVS2", ["N2", "N3", "N4"]),
        ("restore_owners", "EVS3", ["N2", "N3", "N4"]),
        ("limit_owners", "EVS1", ["N2", "N3", "N4"]),
        ("restore_owners", "EVS1", ["N1", "N2", "N3", "N4"]),
        ("restore_owners", "EVS3", ["N1", "N2", "N3", "N4"]),
    ]
    limit = next(step for step in plan["steps"] if step["step"] == "limit_owners")
    assert (limit["group"], limit["resource"], limit["cluster"]) == ("EVS2", "EVS2 System Attendant", "mail")
    assert (limit["before"], limit["after"]) == (
        {"possible_owners": ["N2", "N3", "N4"]},
        {"possible_owners": ["N4"]},
    )
    assert holds(make_plan(four_nodes().estate(), [HOTFIX], {})) == []
    note = plan["prepare"]["n1"][-1]["after"]
    assert note["possible_owners"]["EVS2"] == ["N2", "N3", "N4"]


def test_the_hold_survives_every_moment_at_which_a_run_is_cut_off() -> None:
    """The world checks after each step that no upgraded virtual server can come to an older node."""
    first = make_plan(four_nodes().estate(), [SP2], {})
    for steps in range(len(first["steps"])):
        world = four_nodes()
        carry_out(world, first, steps)
        again = make_plan(world.estate(), [SP2], {})
        assert again["final"] == first["final"]
        assert again["scope_digest"] == first["scope_digest"]
        carry_out(world, again)
        rows = world.clusters["mail"]["groups"]
        assert rows["EVS1"]["hold"]["possible_owners"] == ["N1", "N2", "N3", "N4"]
        assert rows["EVS2"]["possible_owners"] == ["N2", "N3", "N4"]
        assert make_plan(world.estate(), [SP2], {})["changes"] is False


def test_a_hold_that_was_set_half() -> None:
    """The action adds and removes one node after the other: cut off in between, the rest is done by the next run."""
    first = make_plan(four_nodes().estate(), [SP2], {})
    world = four_nodes()
    carry_out(world, first, words(first["steps"]).index("limit_owners"))
    world.clusters["mail"]["groups"]["EVS2"]["hold"]["possible_owners"] = ["N3", "N4"]
    world.clusters["mail"]["resources"]["EVS2 System Attendant"]["possible_owners"] = ["N3", "N4"]
    world.clusters["mail"]["groups"]["EVS2"]["possible_owners"] = ["N3", "N4"]
    again = make_plan(world.estate(), [SP2], {})
    assert holds(again)[0] == ("limit_owners", "EVS2", ["N4"])
    assert again["final"] == first["final"]


def test_upgraded_by_hand_and_not_held() -> None:
    """n1 and its virtual server were updated without us: it is held before anything else, without an outage."""
    world = four_nodes()
    world.hosts["n1"]["exchange"].update(service_pack=2, build=7638)
    world.directory["EVS1"].update(service_pack=2, build=7638)  # type: ignore[index]
    plan = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    first = plan["turns"][plan["waves"][0][0]]
    assert (first["host"], first["install"]) == ("n1", False)
    assert [(server["group"], words(server["steps"])) for server in first["virtual_servers"]] == [
        ("EVS1", ["limit_owners", "verify_virtual_server"])
    ]
    assert plan["outages"]["mail/EVS1"]["roll"]["times"] == 0


def three_nodes_half_way() -> World:
    """n2 has the service pack and lacks the hotfix; EVS1 stands upgraded on it, and may go to older nodes."""
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n1")
    world.hosts["n2"]["exchange"].update(service_pack=2, build=7638)
    world.evs("mail", "EVS1", "n2", service_pack=2)
    world.evs("mail", "EVS2", "n1")
    world.unheld.add("EVS1")
    return world


def test_upgraded_on_a_node_whose_own_turn_is_still_to_come() -> None:
    """Each host has one turn: the virtual server is held in that of the first node, before this one is freed."""
    world = three_nodes_half_way()
    plan = make_plan(world.estate(), [SP2, FOR_SP2], {})
    assert [host for wave in plan["waves"] for host in wave] == ["n3", "n2", "n1"]
    first = plan["turns"]["n3"]
    assert words(first["steps"])[:2] == ["limit_owners", "stop_cluster_service"]
    assert holds(plan)[0] == ("limit_owners", "EVS1", ["N2"])
    assert {step["index"] for step in plan["steps"]} == {
        step["index"]
        for part in (*plan["prepare"].values(), *(each["steps"] for each in plan["finish"].values()))
        for step in part
    } | {step["index"] for turn in plan["turns"].values() for step in turn_steps(turn)}
    carry_out(world, plan)
    assert make_plan(world.estate(), [SP2, FOR_SP2], {})["changes"] is False


def test_where_a_virtual_server_goes_back_to_when_a_turn_fails() -> None:
    """To the node that it leaves; not where that has the service pack, and it has not been upgraded."""
    plan = make_plan(two_nodes().estate(), [SP2], {})
    assert [server["back"] for server in plan["turns"]["n2"]["virtual_servers"]] == ["N1"]
    world = two_nodes()
    for node in ("n1", "n2"):
        world.hosts[node]["exchange"].update(service_pack=2, build=7638)
    world.park("mail", "EVS1")
    plan = make_plan(world.estate(), [SP2, FOR_SP2], {})
    assert [server["back"] for server in plan["turns"]["n2"]["virtual_servers"]] == [None]
    assert [step["node"] for step in plan["steps"] if step["phase"] == "bring_over" and "node" in step] == ["N2", "N2"]


def test_the_first_node_is_out_of_the_cluster() -> None:
    """Nothing can be asked of the cluster from it: the virtual server is held as soon as it is back."""
    world = three_nodes_half_way()
    world.clusters["mail"]["nodes"]["N3"] = "down"
    world.hosts["n3"]["installations"]["exchange2003-sp2"].update(phase="armed")
    plan = make_plan(world.estate(), [SP2, FOR_SP2], {})
    first = plan["turns"]["n3"]
    assert words(first["steps"])[-3:] == ["start_cluster_service", "verify_host", "restore_owners"]
    assert holds(plan)[0] == ("restore_owners", "EVS1", ["N2", "N3"])


def test_held_from_a_node_that_is_done_where_the_owner_is_not() -> None:
    world = three_nodes_half_way()
    world.hosts["n3"]["exchange"].update(service_pack=2, build=7638, hotfixes=["KB831464", "KB912442"])
    plan = make_plan(world.estate(), [SP2, FOR_SP2], {})
    assert plan["waves"][0] == ["n3"]
    first = plan["turns"]["n3"]["virtual_servers"][0]
    assert words(first["steps"]) == ["limit_owners", "verify_virtual_server"]
    carry_out(world, plan)
    assert make_plan(world.estate(), [SP2, FOR_SP2], {})["changes"] is False


def test_a_restore_that_was_lost_is_made_up_for_at_the_end() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    row = world.evs("mail", "EVS1", "n2", service_pack=2)
    row["hold"]["possible_owners"] = row["possible_owners"] = ["N2"]
    world.clusters["mail"]["resources"]["EVS1 System Attendant"]["possible_owners"] = ["N2"]
    for name in ("n1", "n2"):
        note = {"owners": {"EVS1": "N1", "Cluster Group": "N1"}, "possible_owners": {"EVS1": ["N1", "N2"]}}
        world.hosts[name]["note"] = note
    plan = make_plan(world.estate(), [SP2], {"home": "as_found"})
    finish = plan["finish"]["mail"]["steps"]
    assert words(finish) == ["restore_owners", "failover_test", "remove_note", "remove_note"]
    assert (finish[0]["nodes"], finish[0]["phase"], finish[1]["node"]) == (["N1", "N2"], "finish", "N1")
    assert finish[-1]["before"] == world.hosts["n1"]["note"]
    carry_out(world, plan)


# Interfering services (G9)


def with_services(world: World, name: str) -> dict[str, Any]:
    details = {"display_name": "SNMP Service", "start_type": "auto", "why": "it holds performance libraries"}
    world.hosts[name]["interfering"]["running"] = {"SNMP": details, "TrendServer": details}
    return world.hosts[name]["interfering"]  # type: ignore[no-any-return]


def test_interfering_services_are_stopped_for_the_turn() -> None:
    world = two_nodes()
    world.server("mbx1")
    for name in ("n1", "mbx1"):
        with_services(world, name)
    plan = make_plan(world.estate(), [SP2], {})
    steps = words(plan["turns"]["n1"]["steps"])
    assert steps[:4] == ["move_group", "stop_services", "stop_cluster_service", "install_update"]
    assert words(plan["turns"]["n1"]["after"]) == ["start_services", "note_backup_due"]
    assert words(plan["turns"]["mbx1"]["steps"])[0] == "stop_services"
    assert "stop_services" not in words(plan["turns"]["n2"]["steps"])
    stop, start = plan["turns"]["mbx1"]["steps"][0], plan["turns"]["mbx1"]["after"][0]
    running = {"services": {"SNMP": "running", "TrendServer": "running"}}
    stopped = {"services": {"SNMP": "stopped", "TrendServer": "stopped"}}
    assert (stop["object"], stop["before"], stop["after"]) == ("mbx1", running, stopped)
    assert (start["object"], start["before"], start["after"]) == ("mbx1", stopped, running)
    assert "Stop what interferes: mbx1 (SNMP, TrendServer)" in runbook(plan)


def test_services_of_a_run_that_was_killed_are_started_again() -> None:
    """A turn for them alone, in a cluster too; nothing else is done there."""
    world = two_nodes()
    world.server("mbx1", 2)
    for name in ("n1", "n2"):
        world.hosts[name]["exchange"].update(service_pack=2, build=7638)
    world.directory["EVS1"].update(service_pack=2, build=7638)  # type: ignore[index]
    note = {"SNMP": {"start_type": "auto", "state": "running"}, "UPS": {"start_type": "manual", "state": "stopped"}}
    for name in ("n1", "mbx1"):
        world.hosts[name]["interfering"]["note"] = note
    plan = make_plan(world.estate(), [SP2], {})
    assert words(plan["steps"]) == ["start_services", "start_services"]
    assert plan["steps"][0]["after"] == {"services": {"SNMP": "running", "UPS": "stopped"}}
    assert (plan["waves"], plan["turns"]["n1"]["install"]) == ([["mbx1", "n1"]], False)
    assert (plan["finish"], plan["resumes"]) == ({}, True)
    carry_out(world, plan)
    assert make_plan(world.estate(), [SP2], {})["changes"] is False


@pytest.mark.parametrize("steps", range(30))
def test_services_are_back_after_any_run_that_was_cut_off(steps: int) -> None:
    world = two_nodes()
    with_services(world, "n1")
    with_services(world, "n2")
    first = make_plan(world.estate(), [SP2], {"failover_test": "none"})
    carry_out(world, first, steps)
    carry_out(world, make_plan(world.estate(), [SP2], {"failover_test": "none"}))
    for name in ("n1", "n2"):
        assert set(world.hosts[name]["interfering"]["running"]) == {"SNMP", "TrendServer"}
        assert world.hosts[name]["interfering"]["note"] is None
    assert make_plan(world.estate(), [SP2], {"failover_test": "none"})["changes"] is False


def test_an_installer_that_runs_is_not_disturbed() -> None:
    world = World()
    world.server("mbx1")["installations"][SP2["id"]]["phase"] = "running"
    with_services(world, "mbx1")
    assert "stop_services" not in words(make_plan(world.estate(), [SP2], {})["steps"])


# Active Directory Connector (G6 to G8)


def test_the_connector_is_upgraded_after_the_service_pack() -> None:
    world = World()
    world.server("mbx1")["connector"] = dict(CONNECTOR)
    plan = make_plan(world.estate(), [SP2], {})
    assert words(plan["prepare"]["mbx1"]) == ["stage_package", "export_schema_maps"]
    assert words(plan["turns"]["mbx1"]["steps"])[-3:] == ["verify_host", "upgrade_connector", "compare_schema_maps"]
    told = {step["step"]: (step["before"], step["after"]) for step in plan["steps"]}
    assert told["export_schema_maps"] == ({"exported": False}, {"exported": True})
    assert told["upgrade_connector"] == ({"due": True}, {"due": False})
    assert told["compare_schema_maps"] == ({"compared": False}, {"compared": True})
    assert plan["due"] == []
    assert "upgrade_connector" not in words(make_plan(world.estate(), [HOTFIX], {})["steps"])


def test_the_connector_may_be_left() -> None:
    world = World()
    world.server("mbx1")["connector"] = dict(CONNECTOR)
    plan = make_plan(world.estate(), [SP2], {"connector": "leave"})
    assert not {"export_schema_maps", "upgrade_connector"} & set(words(plan["steps"]))
    assert [text.split(":")[0] for text in plan["due"]] == ["mbx1"]
    assert "Due afterwards" in runbook(plan)


@pytest.mark.parametrize("steps", range(9))
def test_the_connector_is_gone_on_with(steps: int) -> None:
    world = World()
    world.server("mbx1")["connector"] = dict(CONNECTOR)
    first = make_plan(world.estate(), [SP2], {})
    carry_out(world, first, steps)
    again = make_plan(world.estate(), [SP2], {})
    if world.hosts["mbx1"]["connector"].get("begun"):
        assert "export_schema_maps" not in words(again["steps"])
        assert words(again["turns"]["mbx1"]["steps"]) == ["upgrade_connector", "compare_schema_maps"]
    carry_out(world, again)
    assert world.hosts["mbx1"]["connector"]["due"] is False
    assert make_plan(world.estate(), [SP2], {})["changes"] is False


# The backup that is due (G5)


def test_a_backup_is_due_after_a_service_pack_only() -> None:
    world = World()
    world.server("mbx1")
    step = make_plan(world.estate(), [SP2], {})["turns"]["mbx1"]["after"][0]
    assert (step["step"], step["object"], step["phase"], step["changed"]) == ("note_backup_due", "mbx1", "after", True)
    assert (step["before"], step["after"]) == ({"backup_due": None}, {"backup_due": SP2["id"]})
    assert "note_backup_due" not in words(make_plan(world.estate(), [HOTFIX], {})["steps"])


def test_a_note_that_was_only_begun_is_completed() -> None:
    world = World()
    world.server("mbx1", 2)["backup_due"] = {"update": SP2["id"], "noted": False}
    assert words(make_plan(world.estate(), [SP2], {})["steps"]) == ["note_backup_due"]
    world.hosts["mbx1"]["backup_due"]["noted"] = True
    assert make_plan(world.estate(), [SP2], {})["changes"] is False
    # Begun, and the installer never ran: the installation brings it.
    world.server("mbx2", 1)["backup_due"] = {"update": SP2["id"], "noted": False}
    assert words(make_plan(world.estate(), [SP2], {})["turns"]["mbx2"]["after"]) == ["note_backup_due"]


def test_without_the_note_a_host_that_has_more_to_do_notes_it() -> None:
    world = World()
    entry = world.server("mbx1", 2)
    entry["installations"][SP2["id"]] = {"phase": "finished", "restart_pending": True}
    del entry["backup_due"]
    assert words(make_plan(world.estate(), [SP2], {})["steps"]) == ["restart_host", "verify_host", "note_backup_due"]
    entry["installations"][SP2["id"]]["restart_pending"] = False
    assert make_plan(world.estate(), [SP2], {})["changes"] is False

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.exchange import upgrade_virtual_server
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import (
    estate,
    install,
    mail,
    make,
    many_nodes,
    offline_for_upgrade,
    rest,
    rules,
    setup_context,
    start_cluster_service,
    stop_cluster_service,
    wait,
)


def move(world: World, group: str, node: str) -> None:
    mail(world).move_group(group, node)
    rest(world, mail(world).group(group))


def roll(world: World) -> None:
    """The whole procedure on the cluster of two nodes, as it must be done."""
    evs = mail(world).group("EVS1")
    stop_cluster_service(world, "n2")
    wait(world, lambda: all(group.state == "online" for group in mail(world).groups.values()))
    install(world, "n2")
    start_cluster_service(world, "n2")
    offline_for_upgrade(world, "EVS1")
    move(world, "EVS1", "N2")
    assert upgrade_virtual_server(setup_context(world.hosts["n2"]), "EVS1") == (0, "")
    mail(world).online_group("EVS1")
    rest(world, evs)
    move(world, "Cluster Group", "N2")
    stop_cluster_service(world, "n1")
    install(world, "n1")
    start_cluster_service(world, "n1")
    move(world, "EVS1", "N1")


def front_ends(**service_packs: int) -> dict[str, Any]:
    hosts = {name: {"role": "front_end", "service_pack": pack} for name, pack in service_packs.items()}
    return estate(hosts={**hosts, "be": {"service_pack": 1}}, clusters={})


def test_a_correct_roll_has_no_violation_and_one_outage_before_its_end() -> None:
    world = make()
    roll(world)
    report = world.referee.report()
    assert report["violations"] == []
    availability = report["availability"]["mail/EVS1"]
    assert availability["times"] == 2
    assert availability["before_failover_test"]["times"] == 1
    assert 0 < availability["before_failover_test"]["seconds"] < availability["seconds"]
    assert report["final"]["n1"] == {
        "product": "2003",
        "service_pack": 2,
        "build": 7638,
        "hotfixes": [],
        "services_down": [],
        "up": True,
    }
    assert report["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}


def test_an_outage_is_measured_from_the_first_resource_to_the_last() -> None:
    world = make()
    begun = world.clock.now()
    mail(world).offline_group("EVS1")
    world.clock.sleep(1000)
    mail(world).online_group("EVS1")
    rest(world, mail(world).group("EVS1"))
    outage = world.referee.availability.outages["mail/EVS1"][0]
    assert begun <= outage.since < begun + 30
    assert outage.until is not None
    seconds = world.referee.report()["availability"]["mail/EVS1"]["seconds"]
    assert seconds == pytest.approx(outage.until - outage.since, abs=0.1)
    assert seconds > 950


def test_an_open_outage_counts_until_now_and_one_that_was_found_is_no_time() -> None:
    plain = estate()
    plain["clusters"]["mail"]["virtual_servers"]["EVS1"]["state"] = "offline"
    world = make(plain)
    world.clock.sleep(100)
    assert world.referee.report()["availability"]["mail/EVS1"]["seconds"] == 100
    assert world.referee.report()["availability"]["mail/EVS1"]["times"] == 0


# -- rule 1


def test_rule_1_a_back_end_before_a_front_end() -> None:
    world = make(front_ends(fe1=2, fe2=1))
    install(world, "be")
    assert rules(world) == [(1, "be")]


def test_rule_1_is_kept_when_all_front_ends_are_done_or_of_another_organisation() -> None:
    world = make(front_ends(fe1=2, fe2=2))
    install(world, "be")
    assert rules(world) == []
    world = make(front_ends(fe1=1) | {"organizations": {"a": ["fe1"], "b": ["be"]}})
    install(world, "be")
    assert rules(world) == []


def test_rule_1_says_nothing_of_a_windows_hotfix() -> None:
    world = make(front_ends(fe1=1))
    install(world, "be", "windows2003-kb831464")
    assert rules(world) == []


# -- rules 2 and 3


def test_rule_2_an_installer_on_a_node_whose_cluster_service_runs() -> None:
    world = make()
    install(world, "n2")
    assert rules(world) == [(2, "n2")]


def test_rule_2_each_group_that_the_node_owns() -> None:
    world = make()
    install(world, "n1")
    assert rules(world) == [(2, "n1")] * 3
    texts = " ".join(violation.what for violation in world.referee.violations)
    assert "EVS1" in texts
    assert "Cluster Group" in texts
    assert "File Share" not in texts


def test_rule_2_the_cluster_service_starts_while_the_installer_runs() -> None:
    world = make()
    stop_cluster_service(world, "n2")
    install(world, "n2", done=False)
    world.hosts["n2"].start_service("ClusSvc")
    assert rules(world) == [(2, "n2")]


def test_rule_2_is_kept_by_the_last_node_that_holds_nothing_while_the_cluster_is_down() -> None:
    world = make(many_nodes(1, servers=1))
    stop_cluster_service(world, "n1")
    install(world, "n1")
    start_cluster_service(world, "n1")
    assert rules(world) == []


def test_rule_3_a_second_node_is_stopped() -> None:
    world = make(many_nodes(3))
    stop_cluster_service(world, "n3")
    stop_cluster_service(world, "n2")
    assert (3, "n2") in rules(world)


def test_rule_3_a_node_is_stopped_while_another_still_joins() -> None:
    world = make(many_nodes(3))
    stop_cluster_service(world, "n3")
    world.hosts["n3"].start_service("ClusSvc")
    world.clock.sleep(1)
    world.hosts["n2"].stop_service("ClusSvc")
    assert (3, "n2") in [(v.rule, v.host) for v in world.referee.violations]


def test_rule_3_a_node_is_restarted_while_another_is_out() -> None:
    world = make(many_nodes(3))
    world.hosts["n2"].crash()
    world.hosts["n3"].shutdown(restart=True)
    assert (3, "n3") in rules(world)


def test_rule_3_an_installer_that_ran_beside_the_cluster_service_leaves_the_node_in_service() -> None:
    world = make()
    install(world, "n2")
    stop_cluster_service(world, "n1")
    assert [rule for rule in rules(world) if rule[0] == 3] == []


def test_rule_3_a_node_that_dies_by_itself_is_not_the_run_s_doing() -> None:
    world = make(many_nodes(3))
    stop_cluster_service(world, "n3")
    world.hosts["n2"].crash()
    install(world, "n3")
    assert [rule for rule in rules(world) if rule[0] == 3] == []


def test_rule_3_one_after_the_other_is_right_and_so_are_two_clusters() -> None:
    plain = many_nodes(2, servers=1)
    plain["hosts"] |= {name: {"cluster": "other"} for name in ("m1", "m2")}
    plain["clusters"]["other"] = {"nodes": ["m1", "m2"]}
    world = make(plain)
    stop_cluster_service(world, "n2")
    stop_cluster_service(world, "m2")
    start_cluster_service(world, "n2")
    start_cluster_service(world, "m2")
    stop_cluster_service(world, "n1")
    start_cluster_service(world, "n1")
    assert rules(world) == []


def test_rule_3_a_shutdown_that_was_taken_back_does_not_count() -> None:
    world = make(many_nodes(3))
    world.referee.observe("installer_ended", ended(world, "n3", 3010))
    world.hosts["n3"].shutdown(delay=60)
    world.hosts["n3"].abort_shutdown()
    stop_cluster_service(world, "n2")
    start_cluster_service(world, "n2")
    assert rules(world) == []


# -- rule 4


def test_rule_4_a_move_to_a_node_of_another_version() -> None:
    world = make()
    world.hosts["n2"].service_pack = 2
    move(world, "EVS1", "N2")
    assert rules(world) == [(4, "n2")]


def test_rule_4_bringing_online_before_the_upgrade() -> None:
    world = make()
    world.hosts["n2"].service_pack = 2
    offline_for_upgrade(world, "EVS1")
    move(world, "EVS1", "N2")
    assert rules(world) == []
    mail(world).online_resource("Exchange System Attendant (EVS1)")
    rest(world, mail(world).group("EVS1"))
    assert rules(world) == [(4, "n2")]


def test_rule_4_the_run_stops_the_node_that_holds_the_server() -> None:
    world = make()
    world.hosts["n2"].service_pack = 2
    stop_cluster_service(world, "n1")
    rest(world, mail(world).group("EVS1"))
    assert (4, "n2") in rules(world)


def test_rule_4_a_failover_after_a_crash_is_not_the_run_s_doing() -> None:
    world = make()
    world.hosts["n2"].service_pack = 2
    world.hosts["n1"].crash()
    rest(world, mail(world).group("EVS1"))
    assert mail(world).group("EVS1").state == "failed"
    assert rules(world) == []


def test_rule_4_a_move_that_fails_and_comes_back_is_none() -> None:
    world = make()
    world.faults.load([{"cluster": "mail", "on": "move EVS1", "do": "fail"}])
    move(world, "EVS1", "N2")
    assert rules(world) == []


# -- rule 5


def test_rule_5_a_group_of_exchange_5_5_is_moved() -> None:
    plain = many_nodes(2, servers=1)
    for host in plain["hosts"].values():
        host |= {"product": "5.5", "os": "nt4", "service_pack": 3, "channel": "rpc"}
    world = make(plain | {"update": "exchange55-sp4"})
    move(world, "EVS1", "N2")
    assert rules(world) == [(5, "n2")]


# -- rule 7


def test_rule_7_what_was_stopped_must_run_again() -> None:
    world = make()
    stop_cluster_service(world, "n2")
    world.hosts["mbx1"].stop_service("Spooler")
    world.clock.sleep(60)
    assert rules(world) == [(7, "mbx1"), (7, "n2")]
    assert world.referee.report()["final"]["mbx1"]["services_down"] == ["Spooler"]
    start_cluster_service(world, "n2")
    world.hosts["mbx1"].start_service("Spooler")
    world.clock.sleep(60)
    assert rules(world) == []


def test_rule_7_a_service_that_did_not_run_before_may_stay_stopped() -> None:
    world = make()
    host = world.hosts["mbx1"]
    host.service_manager.configure("NntpSvc", "manual")
    host.start_service("NntpSvc")
    world.clock.sleep(30)
    host.stop_service("NntpSvc")
    world.clock.sleep(30)
    host.service_manager.configure("NntpSvc", "disabled")
    assert rules(world) == []


def test_rule_7_a_start_that_fails_by_a_fault_was_tried() -> None:
    world = make()
    world.faults.load([{"host": "n2", "on": "start_cluster_service", "do": "fail"}])
    stop_cluster_service(world, "n2")
    start_cluster_service(world, "n2")
    assert rules(world) == []
    assert world.referee.report()["final"]["n2"]["services_down"] == ["ClusSvc"]


def test_rule_7_nothing_can_be_started_while_an_installer_hangs_or_the_host_is_down() -> None:
    world = make()
    world.faults.load([{"host": "n2", "on": "install", "do": "hang"}])
    stop_cluster_service(world, "n2")
    install(world, "n2", done=False)
    world.clock.sleep(7200)
    assert rules(world) == []
    world.hosts["n2"].crash(comes_back=False)
    assert rules(world) == []


def test_rule_7_a_service_with_manual_start_is_not_saved_by_a_restart() -> None:
    plain = estate()
    plain["hosts"]["mbx1"] |= {
        "setup": {"exit_code": 3010, "minutes": 1},
        "services": {"SNMP": {"state": "running", "start_type": "manual"}, "TrendServer": "running"},
    }
    world = make(plain)
    host = world.hosts["mbx1"]
    for name in ("SNMP", "TrendServer"):
        host.stop_service(name)
    world.clock.sleep(30)
    install(world, "mbx1")
    restart(world, "mbx1")
    assert rules(world) == []
    wait(world, lambda: host.settled and host.service_running("TrendServer"))
    assert rules(world) == [(7, "mbx1")]
    host.start_service("SNMP")
    world.clock.sleep(30)
    assert rules(world) == []


def test_rule_7_start_types_are_put_back() -> None:
    world = make()
    manager = world.hosts["mbx1"].service_manager
    manager.configure("Spooler", "disabled")
    assert rules(world) == [(7, "mbx1")]
    manager.configure("Spooler", "auto")
    assert rules(world) == []


# -- rule 8


def ended(world: World, name: str, code: int) -> dict[str, Any]:
    package = world.packages.package("exchange2003-sp2")
    return {"host": world.hosts[name], "package": package, "exit_code": code, "success": True, "in_use": False}


def restart(world: World, name: str) -> None:
    host = world.hosts[name]
    host.shutdown(restart=True)
    wait(world, lambda: not host.up)
    wait(world, lambda: host.up)


def test_rule_8_a_restart_that_nobody_asked_for() -> None:
    world = make()
    restart(world, "mbx1")
    assert rules(world) == [(8, "mbx1")]


def test_rule_8_a_restart_that_the_installer_asked_for_and_only_one() -> None:
    plain = estate()
    plain["hosts"]["mbx1"]["setup"] = {"exit_code": 3010, "minutes": 1}
    world = make(plain)
    install(world, "mbx1")
    restart(world, "mbx1")
    assert rules(world) == []
    restart(world, "mbx1")
    assert rules(world) == [(8, "mbx1")]


def test_rule_8_a_host_that_dies_by_itself_is_none() -> None:
    world = make()
    world.hosts["mbx1"].crash()
    assert rules(world) == []


# -- rule 9


def known(world: World, name: str) -> None:
    """The run reads the host's state and so learns of the failure."""
    call = world.begin_call(name, "winrm", "type exit.txt")
    world.end_call(call, 0, False)


def failed(fault: dict[str, Any]) -> World:
    world = make()
    world.faults.load([{"host": "mbx1", "on": "install", **fault}])
    install(world, "mbx1")
    return world


@pytest.mark.parametrize("fault", [{"do": "exit", "code": 1603}, {"do": "file_in_use", "file": "store.exe"}])
def test_rule_9_an_installer_elsewhere_after_a_failure_is_known(fault: dict[str, Any]) -> None:
    world = failed(fault)
    stop_cluster_service(world, "n2")
    known(world, "mbx1")
    world.clock.sleep(60)
    install(world, "n2")
    assert (9, "n2") in rules(world)


def test_rule_9_the_same_host_may_be_tried_again_and_a_new_run_begins_anew() -> None:
    world = failed({"do": "exit", "code": 1603})
    known(world, "mbx1")
    world.clock.sleep(60)
    install(world, "mbx1")
    assert rules(world) == []
    world.referee.run_started()
    stop_cluster_service(world, "n2")
    install(world, "n2")
    start_cluster_service(world, "n2")
    assert rules(world) == []


def test_rule_9_what_began_before_the_failure_could_be_known_is_right() -> None:
    world = make()
    world.faults.load([{"host": "mbx1", "on": "install", "do": "exit", "code": 1603}])
    stop_cluster_service(world, "n2")
    install(world, "mbx1")
    install(world, "n2", done=False)
    known(world, "mbx1")
    world.clock.sleep(3600)
    start_cluster_service(world, "n2")
    assert rules(world) == []


def test_a_violation_has_time_host_rule_and_text() -> None:
    world = make()
    moment = world.clock.now()
    world.hosts["mbx1"].shutdown()
    violation = world.referee.report()["violations"][0]
    assert violation == {
        "time": "2023-11-14T22:13:20.000Z",
        "host": "mbx1",
        "rule": 8,
        "what": "a restart is ordered that no installer asked for",
    }
    assert moment == 1_700_000_000

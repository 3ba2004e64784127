# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange 2000: the article's procedures by hand, virtual servers that upgrade themselves, databases, the suite."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.exchange2000 import newer

from .by_hand import Hand

SP3 = "exchange2000-sp3"
LANGUAGES = ["en", "it", "de"]


def test_versions_compare_by_their_numbers() -> None:
    assert newer("6.0.6249.4", "6.0.5762.4") and newer("6.0.10000.0", "6.0.9999.9")
    assert not newer("6.0.6249.4", "6.0.6249.4") and not newer("", "6.0.1.1") and not newer("6.0.1.1", "")


# -- the procedures


@pytest.mark.parametrize("language", LANGUAGES)
def test_b1_and_b7_servers_by_themselves(language: str) -> None:
    hand = Hand.of("exchange2000_single", language)
    for name in ("mbx1", "conf1"):
        for key in (SP3, "exchange2000-kb870540", "exchange2000-kb931832"):
            assert hand.install(name, key) == 0
        hand.wait(900)
        assert hand.host(name).file_version == "6.0.6619.12"
        assert sorted(hand.host(name).hotfixes) == ["KB870540", "KB931832"]
    assert hand.host("conf1").service_running("MSExConfMCU")
    hand.all_well()


@pytest.mark.parametrize("language", LANGUAGES)
def test_b2_front_ends_first(language: str) -> None:
    hand = Hand.of("exchange2000_front_ends", language)
    assert hand.install("fe1", SP3) == 0
    assert hand.install("fe2", SP3) == 3010
    hand.restart("fe2")
    assert hand.install("mbx1", SP3) == 0
    hand.update_free_node("n2", SP3)
    quorum = hand.cluster().quorum_group.name
    hand.move("n2", "EVS1", "N2")
    hand.move("n2", quorum, "N2")
    hand.update_free_node("n1", SP3)
    hand.all_well()


def test_b2_the_members_of_a_set_need_not_go_at_the_same_time() -> None:
    front_end = {"os": "2000", "service_pack": 2, "role": "front_end", "load_balanced": "web"}
    hand = Hand.on(update=SP3, hosts={"fe1": front_end, "fe2": front_end})
    for name in ("fe1", "fe2"):
        hand.line(name, "wlbs drainstop")
        hand.wait(600)
        assert hand.install(name, SP3) == 0
        hand.line(name, "wlbs start")
        hand.wait(60)
    hand.all_well()
    assert hand.report["sets"]["web"] == {"seconds": 0, "times": 0}


def test_a_back_end_before_a_front_end_is_seen() -> None:
    hand = Hand.of("exchange2000_front_ends")
    assert hand.install("mbx1", SP3) == 0
    assert hand.violations == [(1, "mbx1"), (1, "mbx1")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_b4_active_passive(language: str) -> None:
    hand = Hand.of("exchange2000_active_passive", language)
    group, quorum = hand.group("EVS1"), hand.cluster().quorum_group.name
    hand.update_free_node("n2", SP3)
    assert group.virtual_server is not None and group.virtual_server.service_pack == 2
    before = hand.world.clock.time
    hand.move("n1", "EVS1", "N2")
    assert hand.world.clock.time - before > 12 * 60
    hand.move("n1", quorum, "N2")
    assert (group.owner, group.state, group.virtual_server.service_pack) == ("N2", "online", 3)
    serial = hand.world.directory_model.server(group.virtual_server.network_name)["attributes"]["serialNumber"]
    assert serial == ["Version 6.0 (Build 6249.4: Service Pack 3)"]
    hand.update_free_node("n1", SP3)
    hand.move("n1", "EVS1", "N1")
    hand.move("n1", quorum, "N1")
    hand.all_well()


@pytest.mark.parametrize("language", LANGUAGES)
def test_b5_active_active(language: str) -> None:
    hand = Hand.of("exchange2000_active_active", language)
    quorum = hand.cluster().quorum_group.name
    hand.move("n1", "EVS1", "N2")
    hand.move("n1", quorum, "N2")
    hand.update_free_node("n1", SP3)
    for name in ("EVS1", "EVS2", quorum):
        hand.move("n1", name, "N1")
    hand.update_free_node("n2", SP3)
    hand.move("n1", "EVS2", "N2")
    hand.all_well()
    for name in ("EVS1", "EVS2"):
        server = hand.group(name).virtual_server
        assert server is not None and server.service_pack == 3


# -- virtual servers


def test_once_upgraded_it_comes_online_on_no_older_node() -> None:
    hand = Hand.of("exchange2000_active_passive")
    hand.update_free_node("n2", SP3)
    hand.move("n1", "EVS1", "N2")
    result = hand.run("n2", "cluster group EVS1 /move:N1 /wait:3600")
    assert result.exit_code != 0 or hand.group("EVS1").owner == "N2"
    hand.wait(1800)
    assert (hand.group("EVS1").owner, hand.group("EVS1").state) == ("N2", "online")
    assert {event.id for event in hand.host("n1").events if event.source == "MSExchangeCluster"} == {1025}
    assert (4, "n1") in hand.violations


def test_one_fault_keeps_all_attempts_of_an_upgrade_from_working() -> None:
    hand = Hand.of("exchange2000_active_passive")
    hand.world.faults.load([{"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"}])
    hand.update_free_node("n2", SP3)
    hand.run("n1", "cluster group EVS1 /move:N2 /wait:3600")
    hand.wait(1800)
    group = hand.group("EVS1")
    assert (group.owner, group.state) == ("N1", "online")
    found = [event for event in hand.host("n2").events if event.source == "MSExchangeCluster"]
    assert [event.id for event in found] == [2146, 2065, 2146, 2065]
    hand.move("n1", "EVS1", "N2")
    assert group.owner == "N2" and group.virtual_server is not None and group.virtual_server.service_pack == 3
    assert hand.violations == []


def test_there_is_no_command_to_upgrade_a_virtual_server() -> None:
    hand = Hand.of("exchange2000_active_passive")
    hand.update_free_node("n2", SP3)
    result = hand.run("n2", "C:\\Site\\UpgradeVirtualServer.exe EVS1")
    assert result.exit_code != 0 and "no command to upgrade" in result.stderr


def test_a_node_that_owns_a_virtual_server_is_not_updated_unseen() -> None:
    hand = Hand.of("exchange2000_active_passive")
    assert hand.install("n1", SP3) == 0
    assert {rule for rule, unused in hand.violations} == {2}


# -- databases


def test_the_store_of_a_cluster_upgrades_its_databases_once() -> None:
    hand = Hand.of("exchange2000_active_passive")
    hand.update_free_node("n2", SP3)
    hand.move("n1", "EVS1", "N2")
    host = hand.host("n2")
    upgraded = [event for event in host.events if event.id == 1185]
    assert {event.source for event in upgraded} == {"MSExchangeIS Mailbox Store", "MSExchangeIS Public Store"}
    assert {event.strings[-1] for event in upgraded} == {"6.0.6249.4"}
    before = hand.world.clock.time
    hand.line("n2", "cluster group EVS1 /offline /wait:600")
    hand.line("n2", "cluster group EVS1 /online /wait:600")
    assert hand.world.clock.time - before < 300
    assert len([event for event in host.events if event.id == 1185]) == 2


def test_while_the_databases_are_upgraded_the_resource_is_pending() -> None:
    hand = Hand.of("exchange2000_active_passive")
    hand.update_free_node("n2", SP3)
    hand.run("n1", "cluster group EVS1 /move:N2 /wait:1")
    hand.wait(5 * 60)
    states = {resource.service: resource.state for resource in hand.group("EVS1").resources}
    assert (states["MSExchangeSA"], states["MSExchangeIS"]) == ("online", "online_pending")
    assert not hand.host("n2").service_running("MSExchangeIS")


def test_a_hotfix_of_the_store_upgrades_the_databases_too() -> None:
    hand = Hand.on(
        hosts={"mbx1": {"os": "2000", "service_pack": 3, "database_minutes": 15}}, update="exchange2000-kb870540"
    )
    assert hand.install("mbx1", "exchange2000-kb870540") == 0
    host = hand.host("mbx1")
    # the installer does not wait for ever for the services that it has started
    assert host.services["MSExchangeIS"].state == "start_pending"
    hand.wait(600)
    assert host.service_running("MSExchangeIS")
    assert [event.strings[-1] for event in host.events if event.id == 1185] == ["6.0.6603.1"] * 2
    hand.all_well()


def test_databases_are_upgraded_when_the_service_starts_again_after_a_crash() -> None:
    hand = Hand.on(hosts={"mbx1": {"os": "2000", "service_pack": 2, "database_minutes": 30}}, update=SP3)
    assert hand.install("mbx1", SP3) == 0
    host = hand.host("mbx1")
    host.crash()
    hand.wait(900)
    assert host.up and host.services["MSExchangeIS"].state == "start_pending"
    hand.wait(30 * 60)
    assert host.service_running("MSExchangeIS") and host.more.database_version == "6.0.6249.4"


# -- hotfixes, Small Business Server


@pytest.mark.parametrize("key", ["exchange2000-kb894689", "exchange2000-kb912442", "exchange2000-kb931832"])
def test_hotfixes_after_service_pack_3_need_the_rollup(key: str) -> None:
    hand = Hand.on(hosts={"mbx1": {"os": "2000", "service_pack": 3}}, update=[key])
    assert hand.install("mbx1", key) == 1603
    assert "KB870540" in hand.line("mbx1", f"type C:\\WINNT\\KB{key[-6:]}.log")
    assert hand.install("mbx1", "exchange2000-kb870540") == 0
    assert hand.install("mbx1", key) == 0
    assert sorted(hand.host("mbx1").hotfixes) == ["KB870540", f"KB{key[-6:]}"]


SUITE = "HKLM\\SOFTWARE\\Microsoft\\SmallBusinessServer"


def test_b6_the_suites_own_service_pack() -> None:
    hand = Hand.of("exchange2000_sbs")
    host = hand.host("sbs1")
    assert host.registry.value(SUITE, "ServicePackNumber") is None
    assert hand.install("sbs1", "sbs2000-sp1") == 3010
    assert host.service_pack == 3 and host.os_service_pack == 2
    hand.restart("sbs1")
    hand.wait(900)
    version = host.registry.value("HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", "CSDVersion")
    setup = host.registry.value("HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup", "ServicePackNumber")
    assert (version, setup) == (("REG_SZ", "Service Pack 3"), ("REG_DWORD", 3))
    assert host.registry.value(SUITE, "ServicePackNumber") == ("REG_DWORD", 1)
    hand.all_well()


def test_b6_or_the_service_pack_of_exchange_alone() -> None:
    hand = Hand.of("exchange2000_sbs")
    assert hand.install("sbs1", SP3) == 0
    hand.wait(900)
    assert hand.host("sbs1").registry.value(SUITE, "ServicePackNumber") is None
    hand.all_well()


def test_the_suites_service_pack_is_for_the_suite() -> None:
    hand = Hand.on(hosts={"mbx1": {"os": "2000", "service_pack": 2}}, update="sbs2000-sp1")
    assert hand.install("mbx1", "sbs2000-sp1") == 1603
    assert hand.host("mbx1").service_pack == 2


def test_a_newer_windows_stays_as_it_is() -> None:
    hosts = {"sbs1": {"os": "2000", "os_service_pack": 4, "service_pack": 2, "edition": "small_business"}}
    hand = Hand.on(hosts=hosts, controllers={"sbs1": {}}, update="sbs2000-sp1")
    assert hand.install("sbs1", "sbs2000-sp1") == 3010
    hand.restart("sbs1")
    assert hand.host("sbs1").os_service_pack == 4 and hand.host("sbs1").more.suite_service_pack == 1

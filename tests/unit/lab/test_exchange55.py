# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange 5.5: service packs and hotfixes by hand, and what gets in their way."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.exchange55 import FOLDER, file_in_use

from .by_hand import Hand

SP4, FIX = "exchange55-sp4", "exchange55-kb894689"
LANGUAGES = ["en", "it", "de"]
ANSWERS = "C:\\mailops\\perfopt.inf"
LOG = "C:\\Exchange Server Setup.log"


def single(update: str = SP4, **host: Any) -> Hand:
    return Hand.on(hosts={"mbx1": {"os": "nt4", "service_pack": 3} | host}, update=update)


def optimize(hand: Hand, name: str) -> None:
    """Run the Performance Optimizer without moving files."""
    for number, text in enumerate(("[Perfwiz]", "Users=2", "Analyze Disks=0", "Move Files=0")):
        hand.line(name, f"echo {text}{'>' if not number else '>>'}{ANSWERS}")
    hand.line(name, f"{FOLDER}\\perfwiz.exe -f {ANSWERS}")


# -- the procedures


@pytest.mark.parametrize("language", LANGUAGES)
def test_c1_to_c3_servers_by_themselves(language: str) -> None:
    hand = Hand.of("exchange55_single", language)
    hand.line("mbx1", "net stop SNMP")
    first = hand.run("mbx1", "net stop MSExchangeSA /yes")
    assert first.exit_code == 2 and hand.host("mbx1").service_running("MSExchangeSA")
    assert hand.run("mbx1", "net stop MSExchangeSA /yes").exit_code == 2
    hand.wait(12 * 60)
    hand.line("mbx1", "net stop MSExchangeSA /yes")
    assert hand.install("mbx1", SP4) == 0
    for service in ("MSExchangeSA", "MSExchangeDS", "MSExchangeIS", "MSExchangeMTA", "MSExchangeIMC", "MSExchangeMCA"):
        hand.line("mbx1", f"net start {service}")
    optimize(hand, "mbx1")
    folder = f"C:\\mailops\\{SP4}\\ENG\\Server\\Support"
    hand.line("mbx1", f"{folder}\\Mbmngr\\Setup\\I386\\setup.exe /unattend")
    hand.line("mbx1", "net stop EXSSRV")
    for file in ("Exscfg.exe", "Exssrv.exe"):
        hand.line("mbx1", f"copy /y {folder}\\Exchsync\\I386\\{file} C:\\Exchsync\\")
    for service in ("EXSSRV", "MSExchangeKMS", "SNMP"):
        hand.line("mbx1", f"net start {service}")
    assert hand.install("mbx2", SP4) == 0
    optimize(hand, "mbx2")
    hand.all_well()
    report = hand.report
    for name in ("mbx1", "mbx2"):
        assert (report["final"][name]["service_pack"], report["final"][name]["optimized"]) == (4, True)
    for path in ("C:\\EXCHSRVR\\bin\\mbmngr.exe", "C:\\Exchsync\\Exssrv.exe", "C:\\Exchsync\\Exscfg.exe"):
        assert hand.host("mbx1").files.entry(path).tag["version"] == "5.5.2653.23"


@pytest.mark.parametrize("language", LANGUAGES)
def test_small_business_server(language: str) -> None:
    hand = Hand.of("exchange55_sbs", language)
    assert hand.install("sbs1", SP4) == 0
    optimize(hand, "sbs1")
    hand.all_well()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mixed_organisation(language: str) -> None:
    hand = Hand.of("mixed", language)
    for name in ("old1", "old2"):
        assert hand.install(name, SP4) == 0
        optimize(hand, name)
    assert hand.install("fe1", "exchange2000-sp3") == 0
    assert hand.install("mbx1", "exchange2000-sp3") == 0
    for name in ("fe2", "mbx2"):
        assert hand.install(name, "exchange2003-sp2") == 0
    for name in ("o1", "o2"):
        assert hand.install(name, SP4) == 0
    quorum = hand.cluster().quorum_group.name
    for free, other in (("n2", "N2"), ("n1", "N1")):
        hand.update_free_node(free, "exchange2003-sp2")
        if free == "n1":
            break
        for resource in reversed(hand.group("EVS1").resources):
            if resource.is_exchange:
                hand.line("n1", f'cluster res "{resource.name}" /offline /wait:600')
        hand.move("n1", "EVS1", other)
        hand.line("n2", "C:\\Site\\UpgradeVirtualServer.exe EVS1")
        hand.line("n2", "cluster group EVS1 /online /wait:3600")
        hand.move("n1", quorum, other)
    hand.all_well()
    known = hand.world.directory_model
    assert known.server("OLD1")["attributes"]["serialNumber"] == ["Version 5.5 (Build 2653.23: Service Pack 4)"]
    with pytest.raises(KeyError):
        known.server("OLD2")


# -- the service pack's setup


def test_the_setup_opens_a_window_that_nobody_sees() -> None:
    hand = single()
    before = hand.world.clock.time
    assert hand.run("mbx1", hand.stage("mbx1", SP4)).exit_code == 1
    assert hand.world.clock.time - before > 3600 and hand.host("mbx1").service_pack == 3


def test_the_setups_log_and_the_registry() -> None:
    hand = single()
    assert hand.install("mbx1", SP4) == 0
    text = hand.line("mbx1", f'type "{LOG}"')
    assert text.splitlines()[0] == "++++ Microsoft Exchange Setup initialized ++++"
    key = "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup"
    values = hand.host("mbx1").registry.values(key)
    assert (values["NewestBuild"][1], values["ServicePackNumber"][1], values["Services Version"][1]) == (2653, 4, 55)
    assert not hand.host("mbx1").pending_restart
    assert hand.report["final"]["mbx1"]["optimized"] is False


@pytest.mark.parametrize(
    ("reader", "library"),
    [
        ({"services": {"SNMP": "running"}}, "mdbperf.dll"),
        ({"processes": ["perfmon.exe"]}, "mdbperf.dll"),
        ({"services": {"Backup Exec Agent": "running"}}, "edbbcli.dll"),
    ],
)
def test_a_library_that_somebody_holds_keeps_the_service_pack_away(reader: dict[str, Any], library: str) -> None:
    hand = single(**reader)
    assert hand.install("mbx1", SP4) == 1603
    assert hand.host("mbx1").service_pack == 3
    assert f"FileInUse:: Added to FileList: {library}" in hand.line("mbx1", f'type "{LOG}"')
    assert hand.host("mbx1").service_running("MSExchangeMTA")


def test_libraries_that_were_renamed_are_in_nobodys_way() -> None:
    hand = single(services={"SNMP": "running"})
    for name in ("mdbperf", "msefperf", "mtaperf", "perfdsa", "gwperf", "imsperf", "mseperf", "eseperf"):
        hand.line("mbx1", f"ren {FOLDER}\\{name}.dll {name}.old")
    assert hand.install("mbx1", SP4) == 0
    assert hand.host("mbx1").files.entry(f"{FOLDER}\\mdbperf.dll").tag["version"] == "5.5.2653.23"
    hand.all_well()


@pytest.mark.parametrize("disabled", [False, True])
def test_a_server_monitor_starts_the_system_attendant_in_the_midst_of_it(disabled: bool) -> None:
    hosts = {"mbx1": {"os": "nt4"}, "mbx2": {"os": "nt4", "monitors": ["mbx1"]}}
    hand = Hand.on(hosts=hosts, update=SP4)
    attendant = hand.host("mbx1").services["MSExchangeSA"]
    if disabled:
        hand.host("mbx1").service_manager.configure("MSExchangeSA", "disabled")
    assert hand.install("mbx1", SP4) == (0 if disabled else 1603)
    if disabled:
        assert attendant.state == "stopped"
    else:
        assert "address.dll" in hand.line("mbx1", f'type "{LOG}"')


def test_a_monitor_that_was_closed_does_nothing() -> None:
    hosts = {"mbx1": {"os": "nt4"}, "mbx2": {"os": "nt4", "monitors": ["mbx1"]}}
    hand = Hand.on(hosts=hosts, update=SP4)
    admin = next(process for process in hand.host("mbx2").processes if process.image == "admin.exe")
    hand.line("mbx1", "net stop MSExchangeSA /yes")
    hand.wait(120)
    assert hand.host("mbx1").service_running("MSExchangeSA")
    hand.host("mbx2").kill(admin)
    assert hand.install("mbx1", SP4) == 0


def test_a_person_at_the_console_tries_again_until_the_file_is_free() -> None:
    hand = single(services={"SNMP": "running"})
    host = hand.host("mbx1")
    program = hand.stage("mbx1", SP4)
    hand.world.clock.after(240, lambda: host.stop_service("SNMP"))
    assert hand.run("mbx1", program, logon="interactive").exit_code == 0
    assert host.service_pack == 4 and file_in_use(host) != ""


# -- hotfixes


def test_a_hotfix_returns_long_before_it_has_finished() -> None:
    hand = single(FIX, service_pack=4)
    before = hand.world.clock.time
    assert hand.install("mbx1", FIX, "/s") == 0
    assert hand.world.clock.time - before < 60
    hand.wait(1200)
    host = hand.host("mbx1")
    assert host.hotfixes == ["KB894689"] and host.file_version == "5.5.2658.34"
    assert host.registry.exists("HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange Server 5.5\\SP5\\894689")
    assert host.files.exists("C:\\EXCHSRVR\\894689\\uninstall\\uninst.exe")
    assert hand.report["installations"] == {"mbx1": 1}
    hand.all_well()


def test_a_hotfix_that_is_refused_returns_success_too() -> None:
    hand = single(FIX, service_pack=3)
    assert hand.install("mbx1", FIX, "/s") == 0
    hand.wait(1200)
    assert hand.host("mbx1").hotfixes == []
    assert "did not complete" in hand.line("mbx1", "type C:\\EXCHSRVR\\894689\\INSTALL.LOG")


def test_without_its_switch_a_hotfix_opens_a_window() -> None:
    hand = single(FIX, service_pack=4)
    assert hand.install("mbx1", FIX, "/q") == 1
    assert hand.host("mbx1").hotfixes == []


def test_a_restart_ends_what_goes_on_behind_its_back() -> None:
    hand = single(FIX, service_pack=4)
    assert hand.install("mbx1", FIX, "/s") == 0
    hand.wait(60)
    hand.host("mbx1").crash()
    hand.wait(1800)
    assert hand.host("mbx1").hotfixes == [] and hand.host("mbx1").installing == []


@pytest.mark.parametrize("fault", [{"do": "exit", "code": 1603}, {"do": "file_in_use", "file": "store.exe"}])
def test_faults_strike_behind_its_back(fault: dict[str, Any]) -> None:
    hand = single(FIX, service_pack=4)
    hand.world.faults.load([{"host": "mbx1", "on": "install", **fault}])
    hand.hotfix_of_55("mbx1")
    hand.wait(300)
    assert hand.host("mbx1").hotfixes == []
    hand.hotfix_of_55("mbx1")
    assert hand.host("mbx1").hotfixes == ["KB894689"]


def test_a_hotfix_that_hangs_ends_when_its_process_is_ended() -> None:
    hand = single(FIX, service_pack=4)
    hand.world.faults.load([{"host": "mbx1", "on": "install", "do": "hang"}])
    assert hand.install("mbx1", FIX, "/s") == 0
    hand.wait(7200)
    host = hand.host("mbx1")
    process = next(process for process in host.processes if process.image == "Q894689.exe")
    host.kill(process)
    assert host.installing == [] and host.hotfixes == []


# -- net stop


def test_net_stop_waits_for_a_directory_that_stops_in_time() -> None:
    hand = single()
    hand.line("mbx1", "net stop MSExchangeSA /yes")
    states = {s.state for s in hand.host("mbx1").services.values() if s.name.startswith("MSExchange")}
    assert states == {"stopped"}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "starting or stopping"), ("de", "gestartet oder beendet"), ("it", "avvio o di arresto")],
)
def test_net_stop_of_a_service_that_is_stopping(language: str, words: str) -> None:
    hand = Hand.of("exchange55_single", language)
    hand.run("mbx1", "net stop MSExchangeSA /yes")
    result = hand.run("mbx1", "net stop MSExchangeSA /yes")
    assert result.exit_code == 2 and words in result.stderr and "2189" in result.stderr


# -- estates


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{os: '2000', addons: [mailbox_manager]}", 'hosts.a.addons: found "addons" with Exchange 2000'),
        ("{monitors: [b]}", 'hosts.a.monitors[0]: found "b", expected a host'),
        ("{monitors: [a]}", "hosts.a.monitors[0]: a has Exchange 2003; expected a server with 5.5"),
        ("{os: '2000', suite_service_pack: 1}", "hosts.a.suite_service_pack: only Small Business Server 2000 has it"),
    ],
)
def test_mistakes_in_estates(tmp_path: Any, written: str, message: str) -> None:
    from ansible_collections.mailops.exchange.lab.estate import EstateError, load_estate

    path = tmp_path / "my.yml"
    path.write_text(f"hosts:\n  a: {written}\n", encoding="utf-8")
    with pytest.raises(EstateError) as caught:
        load_estate(path)
    assert message in str(caught.value)

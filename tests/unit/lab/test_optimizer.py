# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Performance Optimizer of Exchange 5.5, and the components with a setup of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.exchange55 import FOLDER
from ansible_collections.mailops.exchange.lab.optimizer import Answers, read_answers, tuning_of
from ansible_collections.mailops.exchange.lab.person import NOTE

from .by_hand import Hand

PROGRAM = f"{FOLDER}\\perfwiz.exe"
LOG = "C:\\WINNT\\System32\\perfopt.log"
SYSTEM = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeIS\\ParametersSystem"
QUIET = "[Perfwiz]\r\nUsers=0\r\nAnalyze Disks=0\r\nMove Files=0\r\n"


def server(**host: Any) -> Hand:
    return Hand.on(hosts={"mbx1": {"os": "nt4", "service_pack": 4} | host}, update="exchange55-sp4")


def answers(hand: Hand, text: str = QUIET, path: str = "C:\\perfopt.inf", name: str = "mbx1") -> None:
    hand.host(name).files.write(path, text.encode("ascii"))


def log(hand: Hand, name: str = "mbx1") -> str:
    return hand.host(name).files.read(LOG).decode("ascii")


# -- the answer file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Answers()),
        ("[Other]\r\nUsers=5\r\n", Answers()),
        ("not an answer file", Answers()),
        ("[perfwiz]\r\nusers = 3\r\nServer Type=4\r\n", Answers(users=3, server_type=4)),
        ("[Perfwiz]\r\nUsers=9\r\n", Answers(users=5)),
        ("[Perfwiz]\r\nDont Restart=1\r\n", Answers(restart=False)),
        ("[Perfwiz]\r\nDont Restart=TRUE\r\nMove Files=FALSE\r\n", Answers(restart=False, move=False)),
        ("[Perfwiz]\r\nAnalyze Disks=0\r\nMove Files=1\r\n", Answers(analyze=False, move=False)),
        ("[Perfwiz]\r\nLimit Memory Usage=64\r\n", Answers(memory=64)),
    ],
)
def test_what_an_answer_file_says(text: str, expected: Answers) -> None:
    assert read_answers(text) == expected


@given(st.text())
def test_whatever_stands_there_is_read(text: str) -> None:
    found = read_answers(text)
    assert 0 <= found.users <= 5 and (found.analyze or not found.move)


# -- runs


@pytest.mark.parametrize("arguments", ["-f C:\\perfopt.inf", "-fC:\\perfopt.inf", "/F C:\\perfopt.inf"])
def test_it_changes_values_and_starts_again_what_ran(arguments: str) -> None:
    hand = server()
    answers(hand)
    assert hand.host("mbx1").registry.value(SYSTEM, "Max Threads (Public+Private)") == ("REG_DWORD", 32)
    hand.line("mbx1", f"{PROGRAM} {arguments}")
    assert hand.host("mbx1").registry.value(SYSTEM, "Max Threads (Public+Private)") == ("REG_DWORD", 5)
    assert "Set Maximum # of information store threads from 32 to 5" in log(hand)
    hand.all_well()


def test_the_answers_beside_the_program() -> None:
    hand = server()
    assert hand.run("mbx1", f"{PROGRAM} -s").exit_code == 2
    answers(hand, path=f"{FOLDER}\\Perfopt.inf")
    hand.line("mbx1", f"{PROGRAM} -s")
    first = log(hand)
    hand.line("mbx1", f"{PROGRAM} -s")
    assert log(hand).startswith(first) and "Set " not in log(hand)[len(first) :]


@pytest.mark.parametrize("arguments", ["", "-v", "-r", "-r -s"])
def test_windows_open_where_nobody_is(arguments: str) -> None:
    hand = server()
    answers(hand, path=f"{FOLDER}\\Perfopt.inf")
    result = hand.run("mbx1", f"{PROGRAM} {arguments}")
    assert result.exit_code == 1 and result.changing is ("-r" not in arguments)
    assert not hand.host("mbx1").files.exists(LOG)


def test_custom_tuning_is_overwritten() -> None:
    hand = server(custom_tuning=True)
    assert hand.host("mbx1").registry.value(SYSTEM, "Background Threads") == ("REG_DWORD", 96)
    answers(hand)
    hand.line("mbx1", f"{PROGRAM} -f C:\\perfopt.inf")
    assert hand.host("mbx1").registry.value(SYSTEM, "Background Threads") == ("REG_DWORD", 15)


def test_the_limit_of_memory_and_the_type_of_server() -> None:
    hand = server()
    answers(hand, f"{QUIET}Users=5\r\nLimit Memory Usage=8\r\nServer Type=1\r\n")
    hand.line("mbx1", f"{PROGRAM} -f C:\\perfopt.inf")
    registry = hand.host("mbx1").registry
    assert registry.value(SYSTEM, "Buffer Count") == ("REG_DWORD", 2048)
    services = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeIS"
    assert registry.value(f"{services}\\ParametersPublic", "Send Threads") == ("REG_DWORD", 4)
    assert registry.value(f"{services}\\ParametersPrivate", "Send Threads") == ("REG_DWORD", 2)


def test_services_that_stay_stopped_on_request() -> None:
    hand = server()
    answers(hand, f"{QUIET}Dont Restart=1\r\n")
    hand.line("mbx1", f"{PROGRAM} -f C:\\perfopt.inf")
    assert not any(s.state == "running" for s in hand.host("mbx1").services.values() if "MSExchange" in s.name)


def test_services_that_were_stopped_stay_so() -> None:
    hand = server()
    hand.line("mbx1", "net stop MSExchangeMTA")
    answers(hand)
    hand.line("mbx1", f"{PROGRAM} -f C:\\perfopt.inf")
    assert not hand.host("mbx1").service_running("MSExchangeMTA") and hand.host("mbx1").service_running("MSExchangeIS")


def test_with_key_management_it_never_ends() -> None:
    hand = server(services={"MSExchangeKMS": "running"})
    answers(hand)
    assert hand.run("mbx1", f"{PROGRAM} -f C:\\perfopt.inf").exit_code == 1
    assert "800FF351" in log(hand) and "finished" not in log(hand)
    assert not hand.host("mbx1").service_running("MSExchangeKMS") and hand.host("mbx1").service_running("MSExchangeIS")


def test_it_moves_the_databases_unless_told_not_to() -> None:
    hand = server(free_mb={"D": 10000})
    answers(hand, "[Perfwiz]\r\nUsers=1\r\n")
    hand.line("mbx1", f"{PROGRAM} -f C:\\perfopt.inf")
    host = hand.host("mbx1")
    assert {database.path[:2] for database in host.databases} == {"D:"}
    assert all(host.files.exists(database.path) for database in host.databases)
    hand.all_well()


def test_who_may_run_it() -> None:
    hand = server()
    answers(hand)
    assert hand.run("mbx1", f"{PROGRAM} -f C:\\perfopt.inf", user="updshare").exit_code == 5
    assert tuning_of(hand.host("mbx1"))[SYSTEM, "Background Threads"] == 25


def test_on_a_cluster_its_work_is_lost() -> None:
    hosts = {name: {"os": "nt4", "service_pack": 4, "cluster": "mail"} for name in ("n1", "n2")}
    hand = Hand.on(hosts=hosts, clusters={"mail": {"virtual_servers": {"Exchange": {"owner": "n1"}}}})
    before = tuning_of(hand.host("n1"))
    answers(hand, name="n1")
    hand.run("n1", f"{PROGRAM} -f C:\\perfopt.inf")
    hand.wait(1200)
    assert hand.group("Exchange").state == "online"
    owner = hand.group("Exchange").owner.lower()
    hand.line(owner, "cluster group Exchange /offline /wait:600")
    hand.line(owner, "cluster group Exchange /online /wait:600")
    assert tuning_of(hand.host(owner)) == before
    assert hand.report["notes"] == [
        "n1: the registry checkpoints of the cluster overwrite what the Performance Optimizer changes"
    ]


# -- components


def test_components_keep_their_version_until_their_own_setup() -> None:
    hand = server(service_pack=3, addons=["mailbox_manager", "interorg_replication"])
    host = hand.host("mbx1")
    assert hand.install("mbx1", "exchange55-sp4") == 0
    assert host.file_version == "5.5.2653.23"
    paths = [host.services[name].path for name in ("MSExchangeMCA", "EXSSRV")]
    assert [host.files.entry(path).tag["version"] for path in paths] == ["5.5.2650.24"] * 2
    assert all(host.service_running(name) for name in ("MSExchangeMCA", "EXSSRV"))
    setup = "C:\\mailops\\exchange55-sp4\\ENG\\Server\\Support\\Mbmngr\\Setup\\I386\\setup.exe"
    assert hand.run("mbx1", setup).exit_code == 1
    hand.line("mbx1", f"{setup} /unattend")
    assert [host.files.entry(path).tag["version"] for path in paths] == ["5.5.2653.23", "5.5.2650.24"]
    hand.all_well()


def test_a_program_that_runs_is_not_replaced() -> None:
    hand = server(service_pack=3, addons=["interorg_replication"])
    hand.stage("mbx1", "exchange55-sp4")
    source = "C:\\mailops\\exchange55-sp4\\ENG\\Server\\Support\\Exchsync\\I386"
    result = hand.run("mbx1", f"copy /y {source}\\Exssrv.exe C:\\Exchsync\\")
    assert result.exit_code != 0 and "being used by another process" in result.stdout + result.stderr
    hand.line("mbx1", "net stop EXSSRV")
    hand.line("mbx1", f"copy /y {source}\\Exssrv.exe C:\\Exchsync\\")
    assert hand.host("mbx1").files.entry("C:\\Exchsync\\Exssrv.exe").tag["version"] == "5.5.2653.23"


def test_a_component_that_is_not_there_has_nothing_to_update() -> None:
    hand = server(service_pack=3)
    hand.stage("mbx1", "exchange55-sp4")
    setup = "C:\\mailops\\exchange55-sp4\\ENG\\Server\\Support\\Mbmngr\\Setup\\I386\\setup.exe"
    assert hand.run("mbx1", f"{setup} /unattend").exit_code == 1603
    assert "MSExchangeMCA" not in hand.host("mbx1").services


def test_the_operator_runs_a_components_setup_when_a_note_asks_for_it() -> None:
    from ansible_collections.mailops.exchange.lab.person import Person

    hand = server(service_pack=3, addons=["mailbox_manager"])
    program = hand.stage("mbx1", "exchange55-sp4").replace("Setup\\I386\\Update.exe", "")
    text = f"addon: exchange55-sp4\r\nProgram: {program}Support\\Mbmngr\\Setup\\I386\\setup.exe\r\n"
    host = hand.host("mbx1")
    host.files.make_dirs("C:\\mailops\\addon")
    host.files.write(f"C:\\mailops\\addon\\{NOTE}", text.encode("ascii"))
    hand.world.person = Person(hand.world, {"reacts_after": 60})
    hand.wait(900)
    assert host.files.entry("C:\\EXCHSRVR\\bin\\mbmngr.exe").tag["version"] == "5.5.2653.23"

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls from outside: journal, faults tied to calls, and the time that a call costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.errors import EstateError, Win32Error
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import START, make, wait


@pytest.fixture
def world() -> World:
    return make()


def call(world: World, host: str, text: str, exit_code: int | None = 0, changes: bool = False) -> str | None:
    received = world.begin_call(host, "winrm", text)
    world.end_call(received, exit_code, changes)
    return received.fault


def test_a_journal_line_has_the_published_fields(world: World, tmp_path: Path) -> None:
    world.journal.attach(tmp_path / "live.jsonl")
    call(world, "n1", "cluster group", 0)
    call(world, "n2", "net stop clussvc", 2, True)
    world.journal.detach()
    world.journal.write(tmp_path / "journal.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert lines == [json.loads(line) for line in (tmp_path / "live.jsonl").read_text().splitlines()]
    assert lines[0] == {
        "time": "2023-11-14T22:13:21.000Z",
        "host": "n1",
        "channel": "winrm",
        "call": "cluster group",
        "exit_code": 0,
        "changes": False,
    }
    assert (lines[1]["exit_code"], lines[1]["changes"]) == (2, True)


def test_no_secret_stands_in_the_journal(world: World) -> None:
    password = world.accounts["contoso\\exsetup"].password
    for text in (
        f"schtasks /create /tn x /tr y /ru CONTOSO\\exsetup /rp {password}",
        'schtasks /create /ru a /rp "with blank" /sc once',
        f"net use \\\\dc1\\updates /user:CONTOSO\\updshare {password}",
        f"echo {password}",
        "tool /p:secret1 /u someone /P secret2",
    ):
        call(world, "n1", text)
    written = json.dumps(world.journal.entries)
    for secret in (password, "with blank", "secret1", "secret2", "someone"):
        assert secret not in written
    assert "/ru CONTOSO\\\\exsetup /rp ********" in written
    assert "/sc once" in written


def test_ordinary_arguments_stay_in_the_journal(world: World) -> None:
    text = "shutdown -r -f -t 0 -d p:2:4 & reg query HKLM\\x /ve & copy /y a b & dir /p"
    call(world, "n1", text)
    assert world.journal.entries[0]["call"] == text


def test_each_call_costs_a_second_and_asking_again_jumps_to_the_next_event(world: World) -> None:
    call(world, "n1", "sc query clussvc")
    assert world.clock.now() == START + 1
    world.clock.after(300, world.changed)
    call(world, "n1", "sc query clussvc")
    assert world.clock.now() == START + 301
    call(world, "n1", "sc query clussvc")
    assert world.clock.now() == START + 361


def test_another_call_or_another_host_is_no_polling(world: World) -> None:
    for host, text in (("n1", "a"), ("n1", "b"), ("n2", "a"), ("n2", "b")):
        call(world, host, text)
    assert world.clock.now() == START + 4


def test_at_speed_a_call_costs_nothing_by_itself() -> None:
    world = make(speed=1)
    call(world, "n1", "a")
    call(world, "n1", "a")
    assert world.clock.now() < START + 5


def test_a_client_that_polls_sees_an_installation_to_its_end_quickly(world: World) -> None:
    host = world.hosts["mbx1"]
    host.stop_service("MSExchangeIS")
    for number in range(20):
        if host.services["MSExchangeIS"].state == "stopped":
            break
        call(world, "mbx1", "sc query msexchangeis")
    assert number < 6


def test_faults_strike_the_call_of_their_number_once(world: World) -> None:
    world.faults.load(
        [
            {"host": "n1", "on": "call 2", "do": "drop"},
            {"host": "n1", "on": "call 3", "do": "refuse"},
            {"host": "n2", "on": "call 1", "do": "refuse"},
        ]
    )
    assert [call(world, "n1", text) for text in "abcd"] == [None, "drop", "refuse", None]
    assert [call(world, "n2", text) for text in "ab"] == ["refuse", None]


def test_the_run_is_killed_at_a_call_counted_over_all_hosts(world: World) -> None:
    killed: list[str] = []
    world.kill_controller = killed.append
    world.faults.load([{"controller": "run", "on": "call 3", "do": "kill"}])
    found = [call(world, host, host) for host in ("n1", "n2", "mbx1", "n1")]
    assert found == [None, None, "kill", None]
    assert killed == ["mbx1"]


def test_a_host_can_stay_down_at_a_restart(world: World) -> None:
    world.faults.load([{"host": "mbx1", "on": "restart", "do": "stay_down"}])
    host = world.hosts["mbx1"]
    host.shutdown(restart=True)
    world.clock.sleep(7200)
    assert not host.up
    host.boot()
    wait(world, lambda: host.up)
    host.shutdown(restart=True)
    wait(world, lambda: not host.up)
    wait(world, lambda: host.up, 600)


def test_a_fault_strikes_as_often_as_it_says(world: World) -> None:
    world.faults.load([{"host": "n1", "on": "restart", "do": "stay_down", "times": 2}])
    assert [world.faults.take("restart", host="n1") is not None for unused in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"host": "n9", "on": "install", "do": "hang"}, "n9"),
        ({"host": "n1", "on": "lunch", "do": "hang"}, "on"),
        ({"host": "n1", "on": "install", "do": "kill"}, "do"),
        ({"host": "n1", "on": "call", "do": "drop"}, "number"),
        ({"host": "n1", "on": "install n2", "do": "hang"}, "crash"),
        ({"cluster": "mail", "on": "move", "do": "fail"}, "group"),
        ({"host": "n1", "cluster": "mail", "on": "install", "do": "hang"}, "exactly one"),
        ({"on": "install", "do": "hang"}, "exactly one"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_its_place(world: World, fault: dict, word: str) -> None:
    with pytest.raises(EstateError, match=r"fault 2.*") as error:
        world.faults.load([{"host": "n1", "on": "install", "do": "hang"}, fault])
    assert word in str(error.value)
    assert world.faults.faults == []


def test_accounts_are_known_by_every_form_of_their_name(world: World) -> None:
    password = world.accounts["contoso\\exadmin"].password
    for name in ("CONTOSO\\exadmin", "contoso\\EXADMIN", "exadmin", "exadmin@contoso.example", "exadmin@CONTOSO"):
        assert world.logon(name, password).name == "CONTOSO\\exadmin"
    with pytest.raises(Win32Error) as error:
        world.logon("OTHER\\exadmin", password)
    assert error.value.code == 1326


def test_without_programs_a_command_is_not_found_and_the_journal_says_so(world: World) -> None:
    context = world.hosts["n1"].context("CONTOSO\\exsetup", "batch")
    assert world.run_program(context, "cmd /c x") == 9009
    assert "no programs" in world.journal.problems[0]

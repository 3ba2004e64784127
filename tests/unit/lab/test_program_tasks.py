# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``schtasks``."""

from __future__ import annotations

import csv

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

RUN = "C:\\mailops\\run.cmd"


@pytest.fixture
def console() -> Console:
    made = Console("mbx1")
    made.write(RUN, "@echo off", "ping -n 11 127.0.0.1 >nul", "echo %USERNAME% >C:\\mailops\\out.txt", "exit /b 7")
    return made


def create(console: Console, more: str = "", start: str = "00:00") -> str:
    password = console.password("exsetup")
    return f'schtasks /create /tn "my task" /tr "{RUN}" /sc once /st {start} /ru CONTOSO\\exsetup /rp {password} {more}'


def rows(console: Console, arguments: str = "/v /nh") -> list[list[str]]:
    return list(csv.reader(console.out(f"schtasks /query /fo csv {arguments}").splitlines()))


def test_a_start_in_the_past_is_only_warned_about(console: Console) -> None:
    assert console.out(create(console)) == (
        "WARNING: Task may not run because /ST is earlier than current time.\n"
        'SUCCESS: The scheduled task "my task" has successfully been created.\n'
    )
    console.pass_time(2 * 86400)
    assert console.host.tasks["my task"].last_run is None


def test_it_runs_on_demand_under_its_account_and_leaves_its_exit_code(console: Console) -> None:
    console.run(create(console))
    before = rows(console)[0]
    assert (len(before), before[1], before[3], before[6], before[9]) == (28, "my task", "", "0", RUN)
    assert console.out('schtasks /run /tn "MY TASK"') == 'SUCCESS: Attempted to run the scheduled task "my task".\n'
    assert rows(console)[0][3] == "Running"
    console.pass_time(11)
    assert rows(console)[0][3:7:3] == ["", "7"]
    assert console.read("C:\\mailops\\out.txt") == "exsetup \n"


def test_a_start_in_the_future_comes(console: Console) -> None:
    start = (console.host.local_time).replace(second=0)
    text = f"{start.hour:02}:{start.minute:02}:{59}"
    assert "WARNING" not in console.out(create(console, start=text))
    console.pass_time(75)
    assert console.host.tasks["my task"].last_result == 7


def test_an_existing_task_is_replaced_after_a_yes_only(console: Console) -> None:
    console.run(create(console))
    first = console.host.tasks["my task"]
    result = console.run(create(console), b"n\r\n")
    assert result.exit_code == 1
    assert "already exists. Do you want to replace it (Y/N)?" in result.stdout
    assert console.took(create(console)) == 600
    assert console.code(create(console, "<nul")) == 1
    assert console.host.tasks["my task"] is first
    assert console.run("echo Y| " + create(console)).exit_code == 0
    assert console.host.tasks["my task"] is not first


def test_a_wrong_password_leaves_a_task_that_cannot_start(console: Console) -> None:
    line = create(console).replace(console.password("exsetup"), "wrong")
    result = console.run(line)
    assert result.exit_code == 0
    assert "the account information could not be set" in result.stdout
    console.run('schtasks /run /tn "my task"')
    assert rows(console)[0][3] == "Could not start"
    assert int(rows(console)[0][6]) != 0


def test_a_running_task_is_ended(console: Console) -> None:
    console.run(create(console))
    assert console.code('schtasks /end /tn "my task"') == 1
    console.run('schtasks /run /tn "my task"')
    console.pass_time(5)
    assert console.code('schtasks /end /tn "my task"') == 0
    console.pass_time(20)
    assert not console.host.files.exists("C:\\mailops\\out.txt")


def test_deleting(console: Console) -> None:
    console.run(create(console))
    console.run('schtasks /delete /tn "my task"', b"n\r\n")
    assert rows(console)
    assert console.code('schtasks /delete /tn "my task" /f') == 0
    assert console.out("schtasks /query") == "INFO: There are no scheduled tasks present in the system.\n"
    result = console.run('schtasks /delete /tn "my task" /f')
    assert (result.exit_code, result.stdout) == (1, "")
    assert "does not exist" in result.stderr


def test_the_forms_of_a_listing(console: Console) -> None:
    console.run(create(console))
    heads = rows(console, "/v")[0]
    assert (len(heads), heads[:7]) == (
        28,
        ["HostName", "TaskName", "Next Run Time", "Status", "Logon Mode", "Last Run Time", "Last Result"],
    )
    assert rows(console, "/nh") == [["my task", "Never", ""]]
    assert any(row.startswith("my task   ") for row in console.lines("schtasks /query"))
    assert "TaskName:                            my task" in console.lines("schtasks /query /fo list")


@pytest.mark.parametrize(
    "arguments",
    [
        "/create /tn x /tr y /sc once /st 00:00 /f",
        "/create /tn x /tr y /sc nosuch",
        "/create /tn x /tr y /sc once",
        "/create /tn x /tr y /sc once /st 25:00",
        "/create /tn x /sc once /st 00:00",
        "/create /tr x /sc once /st 00:00",
        f"/create /tn x /tr {'y' * 262} /sc once /st 00:00",
        "/query /tn x",
        "/run",
        "/run /tn nosuch",
        "/nosuch",
        "/create /tn",
    ],
)
def test_what_is_refused(console: Console, arguments: str) -> None:
    result = console.run(f"schtasks {arguments}")
    assert result.exit_code == 1
    assert result.stderr.startswith("ERROR: ")
    assert not console.host.tasks


def test_the_system_account_needs_no_password(console: Console) -> None:
    for user in ('""', "SYSTEM"):
        console.run(f"schtasks /create /tn s /tr {RUN} /sc once /st 00:00 /ru {user}")
        assert console.host.tasks["s"].account_valid
        console.run("schtasks /delete /tn s /f")
    console.run('schtasks /create /tn s /tr "cmd /c md C:\\made & exit 3" /sc once /st 00:00 /ru SYSTEM')
    console.run("schtasks /run /tn s")
    console.pass_time(1)
    assert console.host.files.is_dir("C:\\made")
    assert console.host.tasks["s"].last_result == 3


def test_without_its_service_nothing_works(console: Console) -> None:
    console.service("Schedule", "stopped")
    assert console.code("schtasks /query") == 1

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sc`` and ``net``."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

SHARE = "\\\\dc1\\updates"


@pytest.fixture
def console() -> Console:
    return Console()


def test_the_layout_of_a_query(console: Console) -> None:
    assert console.out("sc query spooler") == (
        "\nSERVICE_NAME: Spooler\n"
        "        TYPE               : 10  WIN32_OWN_PROCESS\n"
        "        STATE              : 4  RUNNING\n"
        "                                (STOPPABLE,NOT_PAUSABLE,ACCEPTS_SHUTDOWN)\n"
        "        WIN32_EXIT_CODE    : 0  (0x0)\n"
        "        SERVICE_EXIT_CODE  : 0  (0x0)\n"
        "        CHECKPOINT         : 0x0\n"
        "        WAIT_HINT          : 0x0\n"
    )
    pid = console.host.services["Spooler"].pid
    assert pid and f"        PID                : {pid}" in console.lines("sc queryex Spooler")
    assert "        START_TYPE         : 2   AUTO_START" in console.lines("sc qc Spooler")
    assert "        DEPENDENCIES       : RpcSs" in console.lines("sc qc Spooler")


def test_all_services_are_listed_by_state(console: Console) -> None:
    def listed(arguments: str) -> set[str]:
        rows = console.lines(f"sc query {arguments}")
        return {row.partition(": ")[2] for row in rows if row.startswith("SERVICE_NAME")}

    running = {each.name for each in console.host.services.values() if each.state == "running"}
    assert listed("") == running
    assert listed("state= all") == set(console.host.services)
    assert listed("type= service state= inactive") == set(console.host.services) - running


@pytest.mark.parametrize(
    ("line", "code", "function"),
    [
        ("sc query nosuch", 1060, "EnumQueryServicesStatus:OpenService"),
        ("sc qc nosuch", 1060, "OpenService"),
        ("sc start nosuch", 1060, "StartService: OpenService"),
        ("sc stop nosuch", 1060, "OpenService"),
        ("sc start Spooler", 1056, "StartService"),
        ("sc stop NntpSvc", 1062, "ControlService"),
        ("sc start NntpSvc", 1058, "StartService"),
        ("sc stop RpcSs", 1051, "ControlService"),
        ("sc \\\\nosuch query Spooler", 1722, "OpenSCManager"),
        ("sc \\\\N2 query Spooler", 5, "OpenSCManager"),
    ],
)
def test_errors(console: Console, line: str, code: int, function: str) -> None:
    result = console.run(line)
    assert result.exit_code == code
    assert result.stdout.startswith(f"[SC] {function} FAILED {code}:\r\n\r\n")


def test_sc_returns_at_once_while_the_service_is_pending(console: Console) -> None:
    assert console.took("sc stop Spooler") == 0
    assert "        STATE              : 3  STOP_PENDING" in console.lines("sc query Spooler")
    console.pass_time(5)
    assert "        STATE              : 1  STOPPED" in console.lines("sc query Spooler")
    assert "        STATE              : 2  START_PENDING" in console.lines("sc start Spooler")


def test_start_types(console: Console) -> None:
    for word, number in (("disabled", 4), ("demand", 3), ("auto", 2)):
        assert console.code(f"sc config Spooler start= {word}") == 0
        assert any(f"START_TYPE         : {number}" in row for row in console.lines("sc qc Spooler"))
    assert console.code("sc config Spooler start= nosuch") == 1639
    assert console.code("sc config Spooler start=auto") == 1639


def test_dependents(console: Console) -> None:
    assert "SERVICE_NAME: SMTPSVC" in console.lines("sc enumdepend IISADMIN")


def test_net_start_and_stop_wait_and_say_so(console: Console) -> None:
    assert console.out("net stop Spooler") == (
        "The Print Spooler service is stopping.\nThe Print Spooler service was stopped successfully.\n\n"
    )
    assert console.host.services["Spooler"].state == "stopped"
    assert console.out('net start "Print Spooler"') == (
        "The Print Spooler service is starting.\nThe Print Spooler service was started successfully.\n\n"
    )
    assert "   Print Spooler" in console.lines("net start")


@pytest.mark.parametrize(
    ("line", "number"),
    [("net start Spooler", 2182), ("net stop NntpSvc", 3521), ("net stop nosuch", 2185), ("net start no", 2185)],
)
def test_net_folds_everything_into_2(console: Console, line: str, number: int) -> None:
    result = console.run(line)
    assert result.exit_code == 2
    assert f"More help is available by typing NET HELPMSG {number}." in result.stderr
    assert console.code(f"net helpmsg {number}") == 0


def test_net_stop_asks_about_dependents(console: Console) -> None:
    line = "net stop IISADMIN"
    result = console.run(line, b"n\r\n")
    assert result.exit_code == 2
    assert "Simple Mail Transfer Protocol (SMTP)" in result.stdout
    assert console.host.services["IISADMIN"].state == "running"
    assert console.took(line) == 600
    assert console.code(line + " /y") == 0
    assert console.host.services["SMTPSVC"].state == "stopped"


def test_a_service_that_is_disabled_or_fails(console: Console) -> None:
    assert "System error 1058 has occurred." in console.run("net start NntpSvc").stderr
    console.run("net stop ClusSvc")
    console.world.faults.load([{"host": "n1", "on": "start_cluster_service", "do": "fail"}])
    result = console.run("net start ClusSvc")
    assert result.exit_code == 2
    assert "The Cluster Service service could not be started." in result.stdout
    assert "System error 1067 has occurred." in result.stderr


def test_connections_belong_to_the_logon_session(console: Console) -> None:
    password = console.password("updshare")
    assert "There are no entries in the list." in console.out("net use")
    assert console.out(f"net use X: {SHARE} {password} /user:CONTOSO\\updshare") == (
        f"Drive X: is now connected to {SHARE}.\n\nThe command completed successfully.\n\n"
    )
    assert console.code("if not exist X:\\E3SP2ENG.EXE exit 1") == 0
    assert any(SHARE in row and "X:" in row for row in console.lines("net use"))
    assert console.code("net use X: /delete") == 0
    assert console.code("if not exist X:\\E3SP2ENG.EXE exit 1") == 1
    assert console.run("net use X: /delete").stderr.startswith("System error 2250 has occurred.")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (f"{SHARE} /user:CONTOSO\\updshare wrong", 1326),
        (f"{SHARE} wrong /user:CONTOSO\\nobody", 1326),
        ("\\\\dc1\\nosuch", 67),
        ("\\\\nosuch\\updates", 53),
        (SHARE, 5),
    ],
)
def test_connections_that_fail(console: Console, arguments: str, code: int) -> None:
    result = console.run(f"net use {arguments}")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"System error {code} has occurred.\r\n\r\n")


def test_a_password_is_asked_for(console: Console) -> None:
    line = f"net use {SHARE} /user:CONTOSO\\updshare"
    assert console.run(line, console.password("updshare").encode() + b"\r\n").exit_code == 0
    assert "System error 1223" in console.run(line + " <nul").stderr

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote shells: what reaches a command, what comes back, and how long a shell lives."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.shell import Process, SignalCode, WinRS

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire import winrm_shells
from ansible_collections.mailops.exchange.tests.unit.lab.wire_clients import make, run, shell, wsman


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One lab for the tests that leave it as it is."""
    with make() as running:
        yield running


def test_environment_directory_and_code_page(lab: Lab) -> None:
    """What the shell was opened with reaches the command; output comes in the shell's code page."""
    settings: dict[str, Any] = {
        "environment": {"GREETING": "Grüße"},
        "working_directory": "C:\\WINDOWS",
        "no_profile": True,
    }
    with shell(lab, codepage=850, idle_time_out=60, **settings) as opened:
        assert run(opened, "echo %GREETING%").stdout == "Grüße\r\n".encode("cp850")
        assert run(opened, "cd").stdout == b"C:\\WINDOWS\r\n"
    with shell(lab, codepage=65001, **settings) as opened:
        assert run(opened, "echo %GREETING%").stdout == "Grüße\r\n".encode()
    with pytest.raises(WSManFaultError) as caught, shell(lab, codepage=12345):
        pass
    assert caught.value.code == 87


def test_without_cmd_operators_mean_nothing(lab: Lab) -> None:
    """WINRS_SKIP_CMD_SHELL runs a program, not a line."""
    with shell(lab) as opened:
        assert run(opened, "hostname").stdout == run(opened, "hostname", no_shell=True).stdout
        assert b"&" not in run(opened, "hostname & ver").stdout
        assert run(opened, "hostname & ver", no_shell=True).stdout.count(b"Version") == 0


def test_standard_input(lab: Lab) -> None:
    """Input that is sent reaches the program."""
    with shell(lab) as opened:
        process = Process(opened, 'find /c /v ""')
        process.begin_invoke()
        process.send(b"one\r\ntwo\r\n", end=False)
        process.send(b"three\r\n", end=True)
        process.end_invoke()
    assert process.stdout.strip() == b"3"


def test_a_command_that_waits_times_out_and_can_be_ended(lab: Lab) -> None:
    """Receive is answered within OperationTimeout by the fault that clients ignore; a signal ends the command."""
    with shell(lab) as opened:
        process = Process(opened, 'find /c /v ""')  # waits for input for ever
        process.begin_invoke()
        with pytest.raises(WSManFaultError) as caught:
            opened.receive("stdout stderr", process.id, timeout=5)
        assert (caught.value.code, caught.value.reason.split(" ")[0]) == (2150858793, "The")
        process.signal(SignalCode.CTRL_C)
        process.end_invoke()
        assert process.rc == 0xC000013A
        process.signal(SignalCode.TERMINATE)
        with pytest.raises(WSManFaultError):
            opened.receive("stdout", process.id)
    assert not [entry for entry in lab.world.hosts["mbx1"].processes if entry.image == "cmd.exe"]


def test_long_output_comes_in_parts(lab: Lab) -> None:
    """More than an envelope holds comes in several answers, complete and in order."""
    text = b"0123456789" * 30 + b"\r\n"
    host = lab.world.hosts["mbx1"]
    with lab.world.clock.lock:
        host.files.write("C:\\big.txt", text * 2000)
    with shell(lab) as opened:
        process = Process(opened, "type C:\\big.txt")
        process.begin_invoke()
        state, exit_code, first = opened.receive("stdout stderr", process.id)
        assert (state.rpartition("/")[2], exit_code) == ("Running", None)
        assert len(base64.b64encode(first["stdout"])) < 153600
        process.stdout = first["stdout"]
        process.end_invoke()
    assert process.stdout == text * 2000
    assert process.rc == 0


def test_a_shell_that_is_not_there(lab: Lab) -> None:
    """Its own fault, also for somebody else's shell."""
    with shell(lab) as opened:
        good = opened._selector_set.values[0]
        opened._selector_set.values[0] = (good[0], "11111111-1111-1111-1111-111111111111", good[2])
        with pytest.raises(WSManFaultError) as caught:
            run(opened, "ver")
        assert caught.value.code == 2150858843
        opened._selector_set.values[0] = good
        with wsman(lab, r"CONTOSO\exsetup", lab.password("exsetup")) as other:
            stranger = WinRS(other)
            stranger._selector_set = opened._selector_set
            with pytest.raises(WSManFaultError) as caught:
                run(stranger, "ver")
        assert caught.value.code == 2150858843


def test_shells_that_are_left_open_count() -> None:
    """Five for a user; one that has been idle for three minutes makes room."""
    with make() as lab:
        kept = [WinRS(wsman(lab)) for unused in range(winrm_shells.MAX_SHELLS)]
        for opened in kept:
            opened.open()
        late = WinRS(wsman(lab))
        with pytest.raises(WSManFaultError) as caught:
            late.open()
        assert caught.value.code == 2150859173
        lab.world.clock.sleep(winrm_shells.IDLE_TIMEOUT - 1)
        assert run(kept[-1], "ver").rc == 0
        lab.world.clock.sleep(2)
        late.open()
        with pytest.raises(WSManFaultError) as caught:
            run(kept[0], "ver")
        assert caught.value.code == 2150858843
        assert run(kept[-1], "ver").rc == 0
        for opened in (*kept, late):
            opened.wsman.close()


def test_configuration_can_be_read(lab: Lab) -> None:
    """Clients ask for the size of envelopes."""
    with wsman(lab) as connection:
        connection.update_max_payload_size()
        assert connection.max_envelope_size == 153600
        with pytest.raises(WSManFaultError):
            connection.get("http://example.com/other")


def test_every_command_is_a_line_of_the_journal(lab: Lab) -> None:
    """Commands are journaled with host, channel and exit code; shells and receives are not."""
    before = len(lab.world.journal.entries)
    with shell(lab) as opened:
        run(opened, "exit 5")
    (entry,) = lab.world.journal.entries[before:]
    assert (entry["host"], entry["channel"], entry["call"], entry["exit_code"]) == ("mbx1", "winrm", "exit 5", 5)


def test_a_command_that_nobody_asks_about_still_runs() -> None:
    """The client goes away without reading: the command has its effect."""
    with make() as lab, wsman(lab) as connection:
        opened = WinRS(connection)
        opened.open()
        Process(opened, "md C:\\made").begin_invoke()
        lab.world.clock.sleep(5)
        assert lab.world.hosts["mbx1"].files.exists("C:\\made")

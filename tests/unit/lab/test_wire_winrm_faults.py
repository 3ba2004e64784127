# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that break, hosts that die, many clients at once, and the end of a lab."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import requests
from pypsrp.exceptions import WinRMTransportError, WSManFaultError
from pypsrp.shell import Process, WinRS

from ansible_collections.mailops.exchange.lab.wire import winrm_shells
from ansible_collections.mailops.exchange.tests.unit.lab.wire_clients import make, run, shell, wsman


@pytest.mark.parametrize(("do", "done"), [("drop", True), ("refuse", False)])
def test_connections_that_break(do: str, done: bool) -> None:
    """drop: after the effect; refuse: before it. The next call works, in the same shell where the log-on is new."""
    fault = {"host": "mbx1", "on": "call 2", "do": do, "times": 1}
    with make([fault]) as lab:
        with shell(lab) as opened:
            run(opened, "md C:\\one")
            with pytest.raises(requests.ConnectionError):
                run(opened, "md C:\\two")
            assert lab.world.hosts["mbx1"].files.exists("C:\\two") is done
            opened.opened = False
        with shell(lab) as opened:
            assert run(opened, "md C:\\three").rc == 0
        journal = [(entry["call"], entry["exit_code"]) for entry in lab.world.journal.entries]
        assert journal == [("md C:\\one", 0), ("md C:\\two", 0 if done else None), ("md C:\\three", 0)]


def test_a_host_that_dies_takes_its_connections_along() -> None:
    """Established connections break, new ones are reset and cost time; after the boot old shells are gone."""
    with make() as lab:
        host = lab.world.hosts["mbx1"]
        connection = wsman(lab)
        opened = WinRS(connection)
        opened.open()
        process = Process(opened, 'find /c /v ""')
        process.begin_invoke()
        with lab.world.clock.lock:
            host.crash()
        with pytest.raises(requests.ConnectionError):
            run(opened, "ver")
        before = lab.world.clock.now()
        with pytest.raises(requests.ConnectionError):
            wsman(lab).get_server_config()
        assert lab.world.clock.now() >= before + 10
        with lab.world.clock.lock:
            assert lab.world.clock.wait_until(lambda: host.up, 3600)
        connection.transport.encryption = None
        with pytest.raises(WSManFaultError) as caught:
            run(opened, "ver")
        assert caught.value.code == 2150858843
        with shell(lab) as again:
            assert run(again, "hostname").rc == 0


def test_a_reset_is_a_reset() -> None:
    """No orderly end: the other side sees that the connection broke."""
    with make() as lab:
        host = lab.world.hosts["mbx1"]
        with lab.world.clock.lock:
            host.crash(comes_back=False)
        connection = socket.create_connection((host.address, host.port), 5)
        with connection, pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_many_clients_at_once() -> None:
    """Hosts are served in parallel while one command waits, and everybody gets the own answer."""
    with make(speed=100) as lab:
        results: dict[int, bytes] = {}

        def work(number: int) -> None:
            with shell(lab) as opened:
                results[number] = run(opened, f"ping -n {number % 3 + 1} 127.0.0.1 >nul & echo {number}").stdout

        threads = [threading.Thread(target=work, args=(number,)) for number in range(winrm_shells.MAX_SHELLS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert results == {number: b"%d\r\n" % number for number in range(winrm_shells.MAX_SHELLS)}


def test_stopping_is_quick_and_complete() -> None:
    """Open connections, waiting commands: nothing is left behind."""
    before = set(threading.enumerate())
    lab = make(speed=1)
    lab.start()
    opened = WinRS(wsman(lab))
    opened.open()
    process = Process(opened, 'find /c /v ""')
    process.begin_invoke()
    failed: list[Exception] = []

    def ask() -> None:
        try:
            process.poll_invoke(timeout=20)
        except Exception as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    idle = socket.create_connection((lab.world.hosts["mbx2"].address, lab.world.hosts["mbx2"].port))
    time.sleep(0.1)
    began = time.monotonic()
    lab.stop()
    lab.stop()
    assert time.monotonic() - began < 2
    asking.join(5)
    idle.close()
    assert failed or process.rc == winrm_shells.INTERRUPTED
    left = [thread for thread in threading.enumerate() if thread not in before and thread is not asking]
    assert left == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((lab.world.hosts["mbx2"].address, lab.world.hosts["mbx2"].port), 1)


def test_a_mistake_of_the_lab_is_seen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug in the model gives the client an error and stays in the lab's list."""

    def broken(*unused: object, **also: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(winrm_shells, "make_context", broken)
    with make() as lab:
        with shell(lab) as opened:
            with pytest.raises(WinRMTransportError):
                run(opened, "ver")
            opened.wsman.transport.encryption = None
        assert "a bug" in lab.trouble[-1]
    assert "a bug" in capsys.readouterr().err

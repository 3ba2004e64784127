# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults at SMB's calls, hosts that die, and the count of calls."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from impacket.dcerpc.v5 import scmr

from ansible_collections.mailops.exchange.lab.inventory import inventory
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import BROKEN, bind, calls, connect, host, make


@pytest.mark.parametrize(("do", "done"), [("drop", True), ("refuse", False)])
def test_connections_that_break_at_a_file(do: str, done: bool) -> None:
    """drop: after the effect; refuse: before it. The next connection works."""
    with make([{"host": "mbx1", "on": "call 2", "do": do}]) as lab:
        connection = connect(lab)
        connection.createDirectory("C$", "one")
        with pytest.raises(BROKEN):
            connection.createDirectory("C$", "two")
        assert host(lab).files.exists("C:\\two") is done
        connect(lab).createDirectory("C$", "three")
        assert calls(lab) == [
            ("smb mkdir C:\\one", 0, True),
            ("smb mkdir C:\\two", 0 if done else None, done),
            ("smb mkdir C:\\three", 0, True),
        ]
        assert lab.trouble == []


@pytest.mark.parametrize(("do", "done"), [("drop", True), ("refuse", False)])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_connections_that_break_at_a_service(number: int, do: str, done: bool) -> None:
    """Made, started, deleted: whichever call breaks, its effect is there or not."""
    with make([{"host": "mbx1", "on": f"call {number}", "do": do}]) as lab:
        dce = bind(connect(lab), r"\svcctl", scmr.MSRPC_UUID_SCMR)
        manager = scmr.hROpenSCManagerW(dce)["lpScHandle"]
        line = "cmd.exe /c echo x> C:\\ran.txt\0"
        with pytest.raises(BROKEN):
            made = scmr.hRCreateServiceW(dce, manager, "job\0", "job\0", dwStartType=3, lpBinaryPathName=line)
            service = made["lpServiceHandle"]
            try:
                scmr.hRStartServiceW(dce, service)
            except scmr.DCERPCSessionError as problem:
                assert problem.get_error_code() == 1053
            scmr.hRDeleteService(dce, service)
        effects = {
            1: "job" in host(lab).services,
            2: host(lab).files.exists("C:\\ran.txt"),
            3: "job" not in host(lab).services,
        }
        assert effects[number] is done
        assert lab.trouble == []


def test_a_long_upload_has_several_calls() -> None:
    """So that it can break in the middle; what was written before stays."""
    faults: list[dict[str, Any]] = [{"host": "mbx1", "on": "call 3", "do": "refuse"}]
    with make(faults) as lab:
        with pytest.raises(BROKEN):
            connect(lab).putFile("C$", "big.bin", io.BytesIO(bytes(20 * 2**20)).read)
        writes = ["smb write C:\\big.bin"] * 2
        assert [call[0] for call in calls(lab)] == ["smb create C:\\big.bin", *writes]
        assert 16 * 2**20 <= host(lab).files.size("C:\\big.bin") < 17 * 2**20
        assert lab.trouble == []


def test_a_host_that_dies_takes_its_connections_along() -> None:
    """Established connections break, new ones are reset and cost time; after the boot everything is there again."""
    with make() as lab:
        machine = host(lab)
        connection = connect(lab)
        machine.files.write("C:\\kept.txt", b"1")
        with lab.world.clock.lock:
            machine.crash()
        with pytest.raises(BROKEN):
            connection.listPath("C$", "*")
        before = lab.world.clock.now()
        with pytest.raises(BROKEN):
            connect(lab)
        assert lab.world.clock.now() >= before + 10
        with lab.world.clock.lock:
            assert lab.world.clock.wait_until(lambda: machine.service_running("LanmanServer"), 3600)
        names = [row.get_longname() for row in connect(lab).listPath("C$", "*.txt")]
        assert names == ["kept.txt"]


def test_looking_again_and_again_lets_time_pass() -> None:
    """Where nobody waits, a question that is repeated goes on to the next event."""
    with make() as lab:
        machine = host(lab)
        dce = bind(connect(lab), r"\svcctl", scmr.MSRPC_UUID_SCMR)
        manager = scmr.hROpenSCManagerW(dce)["lpScHandle"]
        service = scmr.hROpenServiceW(dce, manager, "MSExchangeIS\0")["lpServiceHandle"]
        scmr.hRControlService(dce, service, 1)
        looks = 0
        while scmr.hRQueryServiceStatus(dce, service)["lpServiceStatus"]["dwCurrentState"] != 1:
            looks += 1
            assert looks < 20
        assert machine.services["MSExchangeIS"].state == "stopped"


def test_a_winrm_host_shares_its_files_too() -> None:
    """On a port of its own, which the inventory tells."""
    with make() as lab:
        connect(lab, "win").putFile("C$", "x.txt", io.BytesIO(b"1").read)
        assert host(lab, "win").files.read("C:\\x.txt") == b"1"
        groups = inventory(lab, Path())["all"]["children"]["exchange_servers"]
        hosts = groups["hosts"]
        assert hosts["win"]["mailops_exchange_smb_port"] == lab.smb_port
        assert hosts["win"]["ansible_port"] != lab.smb_port
        assert hosts["mbx1"]["ansible_port"] == lab.smb_port
        assert groups["vars"]["mailops_exchange_share_port"] == lab.smb_port

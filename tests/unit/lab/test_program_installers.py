# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages and setup programs as they are started from a command line."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import put_setup

LOG = "C:\\Exchange Server Setup Progress.log"


def as_setup_account(host: str = "mbx1") -> Console:
    return Console(host, logon="batch", user="exsetup")


def test_a_package_is_unpacked() -> None:
    console = as_setup_account()
    console.run("copy /y \\\\dc1\\updates\\E3SP2ENG.EXE C:\\mailops\\")
    console.host.files.copy(
        "\\\\dc1\\updates\\E3SP2ENG.EXE",
        "C:\\mailops\\E3SP2ENG.EXE",
        console.host.context("CONTOSO\\updshare", "batch"),
    )
    result = console.run('C:\\mailops\\E3SP2ENG.EXE /x:"C:\\mailops\\un packed" /q')
    assert (result.exit_code, result.changing) == (0, True)
    assert console.host.files.exists("C:\\mailops\\un packed\\setup\\i386\\update.exe")


def test_a_service_pack_installs_and_takes_its_time() -> None:
    console = as_setup_account()
    path = put_setup(console.world, "mbx1")
    assert console.took(f'"{path}" /unattend') > 600
    assert console.host.service_pack == 2
    assert "IGNORING PREVIOUS ERRORS" in console.read(LOG)


def test_a_network_logon_cannot_install() -> None:
    console = Console("mbx1", user="exsetup")
    path = put_setup(console.world, "mbx1")
    result = console.run(f"{path} /unattend")
    assert (result.exit_code, result.changing) == (1603, True)
    assert console.host.service_pack == 1


def test_the_exit_code_reaches_a_batch_file() -> None:
    console = as_setup_account()
    console.host.setup = {"exit_code": 3010, "minutes": 1}
    path = put_setup(console.world, "mbx1")
    console.write("C:\\mailops\\run.cmd", "@echo off", f"{path} /unattend", ">C:\\mailops\\exit.txt echo %ERRORLEVEL%")
    console.run("C:\\mailops\\run.cmd")
    assert console.read("C:\\mailops\\exit.txt") == "3010\n"


def test_a_file_that_is_no_program_is_refused() -> None:
    console = as_setup_account()
    console.host.files.write_virtual("C:\\mailops\\other.exe", 1000)
    result = console.run("C:\\mailops\\other.exe")
    assert (result.exit_code, result.stderr) == (1, "The system cannot execute the specified program.\r\n")


def test_an_installation_ends_with_its_host() -> None:
    console = as_setup_account()
    path = put_setup(console.world, "mbx1")
    console.world.clock.after(100, console.host.crash)
    assert console.run(f"{path} /unattend & echo over").interrupted
    assert console.host.service_pack == 1


@pytest.mark.parametrize(("logon", "code"), [("batch", 0xC1037B44), ("network", 0x80070005)])
def test_the_sites_tool_gives_the_reason(logon: str, code: int) -> None:
    console = Console(logon=logon, user="exsetup")
    console.world.hosts["n2"].service_pack = 2
    result = console.run('C:\\Site\\UpgradeVirtualServer.exe "EVS1"')
    assert result.exit_code == code - (1 << 32)
    assert f"(0x{code:08x})" in result.stderr
    assert console.code("C:\\Site\\UpgradeVirtualServer.exe") == 87

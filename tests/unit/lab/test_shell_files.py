# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cmd's own commands about files."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

SHARE = "\\\\dc1\\updates"
PACKAGE = "E3SP2ENG.EXE"


@pytest.fixture
def console() -> Console:
    made = Console()
    made.write("C:\\mailops\\a.txt", "a")
    made.write("C:\\mailops\\b.txt", "b")
    return made


def connect(console: Console) -> None:
    password = console.password("updshare")
    assert console.code(f"net use {SHARE} /user:CONTOSO\\updshare {password}") == 0


def test_directories_are_made_with_those_above(console: Console) -> None:
    assert console.out('md "C:\\one\\two three\\four"') == ""
    assert console.host.files.is_dir("C:\\one\\two three\\four")
    assert console.code("rd C:\\one") == 145
    assert console.code("rd /s /q C:\\one") == 0
    assert not console.host.files.exists("C:\\one")


def test_a_tree_is_removed_after_a_yes_only(console: Console) -> None:
    console.run("md C:\\one\\two")
    console.run("rd /s C:\\one", b"n\r\n")
    assert console.host.files.exists("C:\\one\\two")
    console.run("rd /s C:\\one", b"y\r\n")
    assert not console.host.files.exists("C:\\one")


def test_del(console: Console) -> None:
    assert console.out("del C:\\mailops\\a.txt") == ""
    assert not console.host.files.exists("C:\\mailops\\a.txt")
    result = console.run("del C:\\mailops\\a.txt")
    assert (result.exit_code, result.stderr) == (0, "Could Not Find C:\\mailops\\a.txt\r\n")
    console.run("del C:\\mailops\\*.*", b"n\r\n")
    assert console.host.files.exists("C:\\mailops\\b.txt")
    console.run("del /q C:\\mailops\\*.txt")
    assert not console.host.files.exists("C:\\mailops\\b.txt")


def test_ren_and_move(console: Console) -> None:
    assert console.code("ren C:\\mailops\\a.txt b.txt") == 1
    assert console.code("ren C:\\mailops\\a.txt C:\\mailops\\c.txt") == 1
    assert console.code("ren C:\\mailops\\a.txt c.txt") == 0
    assert console.code("ren C:\\mailops\\*.txt *.log") == 0
    assert console.host.files.exists("C:\\mailops\\c.log")
    assert console.out("move /y C:\\mailops\\c.log C:\\mailops\\b.log") == "        1 file(s) moved.\n"
    assert console.read("C:\\mailops\\b.log") == "a\n"
    assert console.out("move C:\\mailops\\b.log C:\\") == "        1 file(s) moved.\n"
    assert console.host.files.exists("C:\\b.log")


def test_copy_asks_before_it_overwrites(console: Console) -> None:
    line = "copy C:\\mailops\\a.txt C:\\mailops\\b.txt"
    assert console.run(line, b"n\r\n").exit_code == 1
    assert console.read("C:\\mailops\\b.txt") == "b\n"
    assert console.run(line, b"y\r\n").exit_code == 0
    assert console.read("C:\\mailops\\b.txt") == "a\n"
    console.write("C:\\mailops\\run.cmd", f"@{line.replace('a.txt', 'run.cmd')}")
    assert console.code("C:\\mailops\\run.cmd") == 0


def test_copy_joins_files_and_takes_patterns(console: Console) -> None:
    console.run("copy /b C:\\mailops\\a.txt+C:\\mailops\\b.txt C:\\mailops\\ab")
    assert console.read("C:\\mailops\\ab") == "a\nb\n"
    console.run("md C:\\to")
    assert console.lines("copy C:\\mailops\\*.txt C:\\to")[-1] == "        2 file(s) copied."
    assert console.lines("dir /b C:\\to") == ["a.txt", "b.txt"]


def test_a_folder_that_is_missing_is_no_target(console: Console) -> None:
    result = console.run("copy C:\\mailops\\a.txt C:\\nosuch\\")
    assert (result.exit_code, result.stderr) == (1, "The system cannot find the path specified.\r\n")
    assert console.code("copy C:\\mailops\\a.txt C:\\nosuch\\a.txt") == 1


def test_a_network_logon_needs_credentials_of_its_own_for_a_share(console: Console) -> None:
    line = f"copy /z /y {SHARE}\\{PACKAGE} C:\\mailops\\"
    result = console.run(line)
    assert (result.exit_code, result.stderr) == (1, "Access is denied.\r\n")
    connect(console)
    assert console.code(line) == 0


def test_a_copy_from_a_share_takes_time_by_its_size(console: Console) -> None:
    connect(console)
    size = console.host.files.size(f"{SHARE}\\{PACKAGE}", console.context)
    assert console.took(f"copy /z /y {SHARE}\\{PACKAGE} C:\\mailops\\") == pytest.approx(size / 20e6, abs=0.01)
    assert console.host.files.size(f"C:\\mailops\\{PACKAGE}") == size


def test_a_copy_that_is_cut_off_leaves_a_part(console: Console) -> None:
    connect(console)
    size = console.host.files.size(f"{SHARE}\\{PACKAGE}", console.context)
    whole = console.host.files.sha256(f"{SHARE}\\{PACKAGE}", console.context)
    console.world.clock.after(3, console.host.crash)
    assert console.run(f"copy /z /y {SHARE}\\{PACKAGE} C:\\mailops\\").interrupted
    assert 0 < console.host.files.size(f"C:\\mailops\\{PACKAGE}") < size
    assert console.host.files.sha256(f"C:\\mailops\\{PACKAGE}") != whole


def test_dir(console: Console) -> None:
    assert console.lines("dir /b C:\\mailops") == ["a.txt", "b.txt"]
    text = console.out("dir C:\\mailops")
    assert " Directory of C:\\mailops\n" in text
    assert "                 3 a.txt\n" in text
    assert "               2 File(s)              6 bytes\n" in text
    console.run("md C:\\mailops\\in")
    assert console.lines("dir /b /ad C:\\mailops") == ["in"]
    assert console.lines("dir /b /a-d C:\\mailops") == ["a.txt", "b.txt"]
    assert console.lines("dir /s /b C:\\mailops\\*.txt") == ["C:\\mailops\\a.txt", "C:\\mailops\\b.txt"]
    assert console.run("dir /b C:\\mailops\\*.log").stderr == "File Not Found\r\n"
    assert console.run(f"dir {SHARE}").stderr == "Access is denied.\r\n"
    connect(console)
    assert PACKAGE in console.lines(f"dir /b {SHARE}")


@pytest.mark.parametrize(
    ("line", "changing"),
    [
        ("echo a", False),
        ("type C:\\mailops\\a.txt", False),
        ("dir", False),
        ("set X=1", False),
        ("echo a >nul 2>&1", False),
        ("echo a >C:\\mailops\\x", True),
        ("echo a >C:\\nosuch\\x", True),
        ("md C:\\x", True),
        ("del C:\\nosuch", True),
        ("ren nosuch x", True),
        ("copy nosuch x", True),
        ("move nosuch x", True),
        ("rd nosuch", True),
        ("if exist C:\\nosuch del C:\\nosuch", False),
        ("if exist C:\\mailops del C:\\nosuch", True),
        ("nosuch && md C:\\x", False),
        ("nosuch || md C:\\x", True),
        ('echo a | find "b" >C:\\mailops\\x', True),
        ("echo a | (md C:\\x)", True),
        ("cmd /c md C:\\x", True),
        ("for %I in (a) do @md C:\\%I", True),
        ("for /f %I in ('md C:\\x') do @echo %I", True),
        ("cluster node", False),
        ("cluster /cluster:mail group", False),
        ("cluster group EVS1 /stat", False),
        ('cluster res "EVS1 Name" /listdep', False),
        ('cluster res "EVS1 Name" /priv', False),
        ("cluster group nosuch /moveto:N2", True),
        ("cluster node nosuch /pause", True),
        ("cluster group EVS1 /prop FailoverThreshold=5", True),
        ("reg query HKLM\\Cluster", False),
        ("reg add HKLM\\Software\\X /f", True),
        ("reg delete HKLM\\Software\\Nosuch /f", True),
        ("sc query", False),
        ("sc qc Spooler", False),
        ("sc stop nosuch", True),
        ("sc \\\\N1 query Spooler", False),
        ("net start", False),
        ("net use", False),
        ("net helpmsg 2182", False),
        ("net start nosuch", True),
        ("schtasks /query", False),
        ("schtasks", False),
        ("schtasks /delete /tn nosuch /f", True),
        ("tasklist", False),
        ("taskkill /im nosuch.exe", True),
        ("shutdown -a", True),
        ("shutdown /?", False),
        ("wmic os get Version <nul", False),
        ("ping -n 1 127.0.0.1", False),
        ("certutil -hashfile C:\\mailops\\a.txt", False),
        ("xcopy nosuch C:\\mailops", True),
        ("C:\\Site\\UpgradeVirtualServer.exe EVS1", True),
    ],
)
def test_what_counts_as_changing(console: Console, line: str, changing: bool) -> None:
    assert console.run(line).changing == changing

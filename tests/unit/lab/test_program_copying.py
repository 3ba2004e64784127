# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""xcopy, certutil, fciv."""

from __future__ import annotations

import hashlib

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console


@pytest.fixture
def console() -> Console:
    made = Console()
    made.host.files.make_dirs("C:\\from\\below")
    made.write("C:\\from\\a.txt", "a")
    made.write("C:\\from\\below\\b.txt", "b")
    return made


def test_xcopy_copies_a_tree(console: Console) -> None:
    assert console.lines("xcopy C:\\from C:\\to /e /i")[-1] == "2 File(s) copied"
    assert console.read("C:\\to\\below\\b.txt") == "b\n"
    assert console.lines("xcopy C:\\from\\*.txt C:\\flat\\ /q") == ["1 File(s) copied"]
    assert console.host.files.exists("C:\\flat\\a.txt")


def test_xcopy_asks(console: Console) -> None:
    console.run("xcopy C:\\from\\a.txt C:\\copy", b"F\r\n")
    assert console.read("C:\\copy") == "a\n"
    console.run("xcopy C:\\from\\a.txt C:\\folder", b"D\r\n")
    assert console.read("C:\\folder\\a.txt") == "a\n"
    console.write("C:\\from\\a.txt", "new")
    console.run("xcopy C:\\from\\a.txt C:\\copy", b"n\r\n")
    assert console.read("C:\\copy") == "a\n"
    console.run("xcopy /y C:\\from\\a.txt C:\\copy")
    assert console.read("C:\\copy") == "new\n"


@pytest.mark.parametrize("arguments", ["", "C:\\nosuch C:\\to", "C:\\from\\nosuch C:\\to", "C:\\from C:\\to /nosuch"])
def test_xcopy_that_cannot_start(console: Console, arguments: str) -> None:
    assert console.code(f"xcopy {arguments}") == 4


def test_xcopy_is_a_process_while_it_runs(console: Console) -> None:
    console.host.files.write_virtual("C:\\from\\big", 600_000_000)
    console.run("start xcopy /y C:\\from\\big C:\\to\\")
    console.pass_time(5)
    assert any(process.image == "xcopy.exe" for process in console.host.processes)
    console.pass_time(30)
    assert not any(process.image == "xcopy.exe" for process in console.host.processes)
    assert console.host.files.size("C:\\to\\big") == 600_000_000


@pytest.mark.parametrize(("argument", "algorithm"), [("", "sha1"), ("SHA256", "sha256"), ("md5", "md5")])
def test_certutil(console: Console, argument: str, algorithm: str) -> None:
    title, digest, end = console.lines(f'certutil -hashfile "C:\\from\\a.txt" {argument}'.strip())
    assert title == f"{algorithm.upper()} hash of file C:\\from\\a.txt:"
    assert digest.replace(" ", "") == hashlib.new(algorithm, b"a\r\n").hexdigest()
    assert end == "CertUtil: -hashfile command completed successfully."


def test_certutil_fails(console: Console) -> None:
    result = console.run("certutil -hashfile C:\\nosuch SHA256")
    assert result.exit_code == 0x80070002 - (1 << 32)
    assert "FAILED: 0x80070002 (WIN32: 2)" in result.stdout
    assert console.code("certutil -hashfile C:\\from SHA256") == 0x80070005 - (1 << 32)
    assert console.code("certutil -hashfile C:\\from\\a.txt NOSUCH") == 0x80070057 - (1 << 32)


def test_without_its_file_there_is_no_certutil(console: Console) -> None:
    console.host.files.delete("C:\\WINDOWS\\system32\\certutil.exe")
    assert console.code("certutil -hashfile C:\\from\\a.txt & exit") == 9009


def test_fciv_is_where_somebody_put_it(console: Console) -> None:
    assert console.code("fciv -sha1 C:\\from\\a.txt & exit") == 9009
    console.host.files.write_virtual("C:\\WINDOWS\\fciv.exe", 80000)
    digest = hashlib.sha1(b"a\r\n").hexdigest()
    assert console.lines("fciv -sha1 C:\\from\\a.txt")[-1] == f"{digest} c:\\from\\a.txt"
    assert len(console.lines("fciv -both C:\\from\\a.txt")[-1].split()) == 3
    assert console.code("C:\\WINDOWS\\fciv.exe -md5 C:\\nosuch") == 1

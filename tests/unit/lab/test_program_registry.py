# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``reg``."""

from __future__ import annotations

import re

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

KEY = "HKLM\\Software\\Test"
LONG = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Test"
ROW = re.compile(r"^    (?P<name>[^\t]*)\t(?P<kind>REG_[A-Z_]+)\t(?P<data>.*)$")


@pytest.fixture
def console() -> Console:
    made = Console()
    for arguments in (
        '/v text /d "a b"',
        "/v number /t REG_DWORD /d 26",
        "/v list /t REG_MULTI_SZ /d one\\0two",
        "/ve /d default",
        '/v "with blanks" /t REG_EXPAND_SZ /d ^%SystemRoot^%\\x',
        "/v raw /t REG_BINARY /d 00ff",
    ):
        assert made.code(f"reg add {KEY} {arguments}") == 0
    made.run(f'reg add "{KEY}\\in here" /v deep /d 1')
    return made


def test_a_key_with_its_values(console: Console) -> None:
    assert console.out(f"reg query {KEY}") == (
        "\n! REG.EXE VERSION 3.0\n"
        f"\n{LONG}\n"
        "    text\tREG_SZ\ta b\n"
        "    number\tREG_DWORD\t0x1a\n"
        "    list\tREG_MULTI_SZ\tone\\0two\\0\\0\n"
        "    (Default)\tREG_SZ\tdefault\n"
        "    with blanks\tREG_EXPAND_SZ\t%SystemRoot%\\x\n"
        "    raw\tREG_BINARY\t00FF\n"
        f"\n{LONG}\\in here\n"
    )


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        ("/v NUMBER", [("number", "REG_DWORD", "0x1a")]),
        ("/ve", [("(Default)", "REG_SZ", "default")]),
        ('/v "with blanks"', [("with blanks", "REG_EXPAND_SZ", "%SystemRoot%\\x")]),
        ("/v deep /s", [("deep", "REG_SZ", "1")]),
    ],
)
def test_single_values(console: Console, arguments: str, rows: list[tuple[str, str, str]]) -> None:
    found = [ROW.match(line) for line in console.out(f"reg query {KEY} {arguments}").splitlines()]
    assert [match.group("name", "kind", "data") for match in found if match] == rows


@pytest.mark.parametrize(
    "line",
    [
        "reg query HKLM\\Nosuch",
        f"reg query {KEY} /v nosuch",
        f"reg query {KEY} /v nosuch /s",
        f"reg delete {KEY} /v nosuch /f",
    ],
)
def test_what_is_missing(console: Console, line: str) -> None:
    result = console.run(line)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The system was unable to find the specified registry key or value" in result.stderr


@pytest.mark.parametrize(
    "line",
    ["reg", "reg query", "reg query HKXX\\A", f"reg query {KEY} /nosuch", "reg nosuch HKLM", "reg query \\\\N2\\HKLM"],
)
def test_arguments_that_make_no_sense(console: Console, line: str) -> None:
    result = console.run(line)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error:")


def test_an_unset_default_value_is_said_to_be_unset(console: Console) -> None:
    assert "    (Default)\tREG_SZ\t(value not set)\n" in console.out(f'reg query "{KEY}\\in here" /ve')


def test_adding_asks_before_it_overwrites(console: Console) -> None:
    console.run(f"reg add {KEY} /v text /d new", b"n\r\n")
    assert console.host.registry.value(KEY, "text") == ("REG_SZ", "a b")
    console.run(f"reg add {KEY} /v text /d new", b"y\r\n")
    assert console.host.registry.value(KEY, "text") == ("REG_SZ", "new")
    console.run(f"reg add {KEY} /v text /d newer /f")
    assert console.host.registry.value(KEY, "text") == ("REG_SZ", "newer")


def test_deleting(console: Console) -> None:
    assert console.code(f"reg delete {KEY} /v text /f") == 0
    assert console.host.registry.value(KEY, "text") is None
    console.run(f"reg delete {KEY}", b"n\r\n")
    assert console.host.registry.exists(KEY)
    assert console.code(f"reg delete {KEY} /f") == 0
    assert not console.host.registry.exists(KEY)


def test_wrong_data(console: Console) -> None:
    assert console.code(f"reg add {KEY} /v n /t REG_DWORD /d x /f") == 1
    assert console.code(f"reg add {KEY} /v n /t REG_NOSUCH /d 1 /f") == 1


def test_the_cluster_key_is_there_while_its_service_runs_and_is_not_written(console: Console) -> None:
    assert ROW.search(console.lines("reg query HKLM\\Cluster\\Quorum /v Path")[-1])
    assert console.run("reg add HKLM\\Cluster /v x /d 1 /f").stderr.strip() == "Error:  Access is denied."
    console.service("ClusSvc", "stopped")
    assert console.code("reg query HKLM\\Cluster") == 1


def test_the_model_shows_in_the_registry(console: Console) -> None:
    line = 'reg query "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion" /v CurrentVersion'
    assert console.lines(line)[-1] == "    CurrentVersion\tREG_SZ\t5.2"

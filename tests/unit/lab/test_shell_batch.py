# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch files."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.shell.run import run_batch, run_command
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

BATCH = "C:\\mailops\\run.cmd"


@pytest.fixture
def console() -> Console:
    return Console()


def run(console: Console, *lines: str, arguments: str = "") -> str:
    console.write(BATCH, "@echo off", *lines)
    return console.out(f"{BATCH} {arguments}".strip())


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["echo %UNDEFINED%."], ".\n"),
        (["echo 100%%"], "100%\n"),
        (["echo 100%"], "100\n"),
        (["echo %%UNDEFINED%%"], "%UNDEFINED%\n"),
        (["set X=5", "echo %X%"], "5\n"),
        (["set X=5& echo [%X%]"], "[]\n"),
        (["set X=5", "call echo %%X%%"], "5\n"),
        (["echo %UNDEFINED:a=b%"], "a=b\n"),
        (["for %%I in (a b) do echo %%I"], "a\nb\n"),
        (["if 1==1 (", "  echo a", "  echo b", ") else (", "  echo c", ")"], "a\nb\n"),
        (["if 1==2 (", "  echo a", ") else (", "  echo c", ")"], "c\n"),
        (["(", "echo a & echo b", ")"], "a \nb\n"),
        (["echo a^", "b"], "ab\n"),
        (["echo a ^& b"], "a & b\n"),
        (["goto there", "echo a", ":there", "echo b"], "b\n"),
        (["goto :there", "echo a", ": there  and more", "echo b"], "b\n"),
        (["echo a", "goto :eof", "echo b"], "a\n"),
        (["set N=0", ":again", "set /a N+=1", "if %N% LSS 3 goto again", "echo %N%"], "3\n"),
        (["call :sub x y", "echo back", "goto :eof", ":sub", "echo %1-%2-%0", "exit /b"], "x-y-:sub\nback\n"),
        (["for %%I in (1 2) do call :sub %%I", "goto :eof", ":sub", "echo s%1"], "s1\ns2\n"),
        (["cmd /c exit 3", "echo %ERRORLEVEL%"], "3\n"),
        (["cmd /c exit 3", "set X=1", "echo %ERRORLEVEL%"], "0\n"),
        (["cmd /c exit 3", "if errorlevel 3 echo yes", "if not errorlevel 4 echo no more"], "yes\nno more\n"),
        (["nosuch 2>nul", "echo %ERRORLEVEL%"], "9009\n"),
        (["setlocal", "set X=1", "endlocal", "echo [%X%]"], "[]\n"),
        (["setlocal enabledelayedexpansion", "set X=1", "(set X=2& echo %X% !X!)"], "1 2\n"),
        (["set X=1& (", "echo %X%.", ")"], ".\n"),
        (["rem a & echo b", ":: a label", "echo c"], "c\n"),
        (["echo a>nul"], ""),
        (["cd mailops", "cd"], "C:\\mailops\n"),
        (["exit /b 4", "echo a"], ""),
        (["echo on", "echo a"], "\nC:\\>echo a \na\n"),
    ],
)
def test_what_a_batch_file_prints(console: Console, lines: list[str], text: str) -> None:
    console.write(BATCH, "@echo off", *lines)
    assert console.run(BATCH).stdout.replace("\r\n", "\n") == text


@pytest.mark.parametrize(
    ("line", "arguments", "text"),
    [
        ("echo %1 %2 [%3]", "a b", "a b []\n"),
        ("echo %*", "a b c", "a b c\n"),
        ("echo %~1", '"a b"', "a b\n"),
        ("echo %1", '"a b"', '"a b"\n'),
        ("echo %~nx0", "", "run.cmd\n"),
        ("echo %~dp0", "", "C:\\mailops\\\n"),
        ("echo %~f1", "x", "C:\\x\n"),
        ("shift& echo %1", "a b", "a\n"),
        ("echo %1", "a,b;c=d", "a\n"),
    ],
)
def test_arguments(console: Console, line: str, arguments: str, text: str) -> None:
    assert run(console, line, arguments=arguments) == text


def test_shift_moves_the_arguments(console: Console) -> None:
    assert run(console, "shift", "echo %1", arguments="a b") == "b\n"


@pytest.mark.parametrize(
    ("last", "code"),
    [("exit /b 5", 5), ("exit 6", 6), ("cmd /c exit 7", 7), ("ver >nul", 0), ("goto nowhere", 1), ("if", 255)],
)
def test_exit_codes(console: Console, last: str, code: int) -> None:
    console.write(BATCH, "@echo off", last)
    assert console.code(BATCH) == code
    assert run_batch(console.context, BATCH) == code
    assert run_command(console.context, BATCH) == code


def test_a_batch_file_does_not_come_back_without_call(console: Console) -> None:
    console.write("C:\\mailops\\inner.cmd", "@echo inner")
    assert run(console, "C:\\mailops\\inner.cmd", "echo after") == "inner\n"
    assert run(console, "call C:\\mailops\\inner.cmd", "echo after") == "inner\nafter\n"


def test_at_the_prompt_the_line_goes_on_after_it(console: Console) -> None:
    console.write(BATCH, "@echo off", "exit /b 3")
    assert console.out(f"{BATCH} & call echo %^ERRORLEVEL%") == "3\n"
    assert console.out(f"{BATCH} || echo failed") == "failed\n"


def test_lines_are_echoed_unless_switched_off(console: Console) -> None:
    console.write(BATCH, "echo a", "@echo b")
    assert console.out(BATCH) == "\nC:\\>echo a \na\nb\n"


def test_the_digit_before_the_sign_is_a_trap(console: Console) -> None:
    out = "C:\\mailops\\exit.txt"
    run(console, "cmd /c exit 7", f"echo %ERRORLEVEL%>{out}")
    assert console.read(out) == ""
    run(console, "cmd /c exit 7", f">{out} echo %ERRORLEVEL%")
    assert console.read(out) == "7\n"


def test_a_token_is_taken_only_once(console: Console) -> None:
    console.write("C:\\mailops\\go.txt")
    lines = ["cd /d C:\\mailops", "ren go.txt started.txt || exit /b 9", "echo once"]
    assert run(console, *lines) == "once\n"
    assert console.code(BATCH) == 9


def test_it_is_found_by_name_in_the_current_directory(console: Console) -> None:
    console.write(BATCH, "@echo found")
    assert console.out("cd /d C:\\mailops & run") == "found\n"
    assert console.out('"C:\\mailops\\run"') == "found\n"


def test_it_runs_in_the_background_of_the_line_that_starts_it(console: Console) -> None:
    console.write(BATCH, "@echo off", "ping -n 11 127.0.0.1 >nul", "echo done >C:\\mailops\\done.txt")
    assert console.took(f'start "" /b {BATCH}') == 0
    console.pass_time(9)
    assert not console.host.files.exists("C:\\mailops\\done.txt")
    console.pass_time(2)
    assert console.host.files.exists("C:\\mailops\\done.txt")
    assert console.took(f"start /wait {BATCH}") == 10


def test_a_host_that_goes_down_ends_it(console: Console) -> None:
    console.world.clock.after(5, console.host.crash)
    console.write(BATCH, "@echo off", "echo a", "ping -n 60 127.0.0.1 >nul", "echo b >C:\\mailops\\b.txt")
    result = console.run(f"{BATCH} & echo c")
    assert result.interrupted
    assert result.stdout == "a\r\n"
    assert not console.host.files.exists("C:\\mailops\\b.txt")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where output goes and input comes from."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

FILE = "C:\\mailops\\out.txt"


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.mark.parametrize(
    ("line", "content"),
    [
        (f"echo a>{FILE}", "a\n"),
        (f"echo a >{FILE}", "a \n"),
        (f">{FILE} echo a", "a\n"),
        (f'>"{FILE}" (echo a& echo b)', "a\nb\n"),
        (f"echo a>{FILE}& echo b>>{FILE}", "a\nb\n"),
        (f"echo 7>{FILE}", ""),
        (f"echo a7>{FILE}", "a7\n"),
        (f"echo ^7>{FILE}", "7\n"),
        (f">{FILE} echo 7", "7\n"),
        (
            f"(nosuch) 2>{FILE}",
            "'nosuch' is not recognized as an internal or external command,\noperable program or batch file.\n",
        ),
        (f"(type nosuch & echo b) >{FILE} 2>&1", "The system cannot find the file specified.\nb\n"),
        (f"type nosuch 2>&1 >{FILE}", ""),
        (f"echo a & echo b >{FILE}", "b \n"),
        (f"(echo a>&2) 2>{FILE}", "a\n"),
        (f'echo a| find "a" >{FILE}', "a\n"),
        (f"for %I in (1 2) do @echo %I>>{FILE}", "1\n2\n"),
    ],
)
def test_into_a_file(console: Console, line: str, content: str) -> None:
    console.run(line)
    assert console.read(FILE) == content


def test_standard_error_joins_standard_output_in_order(console: Console) -> None:
    assert console.out("(echo a & type nosuch & echo b) 2>&1") == "a \nThe system cannot find the file specified.\nb\n"


@pytest.mark.parametrize("line", ["nosuch >nul 2>&1", "nosuch 2>nul", "type nosuch >nul 2>nul", "(nosuch) 2>NUL"])
def test_nul_swallows(console: Console, line: str) -> None:
    result = console.run(line)
    assert (result.stdout, result.stderr, result.changing) == ("", "", False)


def test_a_file_gets_the_hosts_code_page() -> None:
    console = Console(language="de")
    console.run(f"echo Gr\u00fc\u00dfe>{FILE}")
    assert console.host.files.read(FILE) == "Gr\u00fc\u00dfe\r\n".encode("cp850")
    assert console.out(f"type {FILE}") == "Gr\u00fc\u00dfe\n"


def test_input_is_read_by_the_first_that_asks(console: Console) -> None:
    assert console.out("set /p A=& set /p B=& call echo %^B%%^A%", b"one\r\ntwo\r\n") == "twoone\n"


def test_a_program_that_waits_for_input_waits(console: Console) -> None:
    assert console.took('find "x"') == 600
    assert console.took('find "x" <nul') == 0

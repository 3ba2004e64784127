# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""find, findstr, more, sort."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.programs.filters import lines_of
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

FILE = "C:\\mailops\\f.txt"


@pytest.fixture(scope="module")
def console() -> Console:
    made = Console()
    made.write(FILE, "one [1]", "Two", "three one", "", "a.b")
    made.write("C:\\mailops\\g.txt", "one")
    return made


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f'find "one" <{FILE}', "one [1]\nthree one\n"),
        (f'find /i /n "TWO" <{FILE}', "[2]Two\n"),
        (f'find /c "one" <{FILE}', "2\n"),
        (f'find /v /c "" <{FILE}', "5\n"),
        (f'find /v "o" <{FILE}', "\na.b\n"),
        (f'find "one" {FILE}', "\n---------- C:\\MAILOPS\\F.TXT\none [1]\nthree one\n"),
        (f'find /c /v "" {FILE}', "\n---------- C:\\MAILOPS\\F.TXT: 5\n"),
        (f"findstr one {FILE}", "one [1]\nthree one\n"),
        (f"findstr /b one {FILE}", "one [1]\n"),
        (f"findstr /e one {FILE}", "three one\n"),
        (f"findstr /x /i two {FILE}", "Two\n"),
        (f'findstr /c:"three one" {FILE}', "three one\n"),
        (f'findstr "three Two" {FILE}', "Two\nthree one\n"),
        (f"findstr /n /v e {FILE}", "2:Two\n4:\n5:a.b\n"),
        (f"findstr /l . {FILE}", "a.b\n"),
        (f"findstr /r ^^a.b$ {FILE}", "a.b\n"),
        (f"findstr \\[1\\] {FILE}", "one [1]\n"),
        (f'findstr /r "t[gh]r.*" {FILE}', "three one\n"),
        (
            "findstr one C:\\mailops\\*.txt",
            "C:\\mailops\\f.txt:one [1]\nC:\\mailops\\f.txt:three one\nC:\\mailops\\g.txt:one\n",
        ),
        ("findstr /m one C:\\mailops\\*.txt", "C:\\mailops\\f.txt\nC:\\mailops\\g.txt\n"),
        (f"more +3 {FILE}", "\na.b\n"),
        (f'more <{FILE} | find /c "o"', "3\n"),
        (f"sort <{FILE}", "\na.b\none [1]\nthree one\nTwo\n"),
        (f"sort /r {FILE}", "Two\nthree one\none [1]\na.b\n\n"),
    ],
)
def test_filters(console: Console, line: str, text: str) -> None:
    assert console.out(line) == text


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f'find "nosuch" <{FILE}', 1),
        (f"find one <{FILE}", 2),
        ('find /z "x" <nul', 2),
        ('find "x" C:\\nosuch', 1),
        ("find", 2),
        (f"findstr nosuch {FILE}", 1),
        ("findstr", 2),
        ("findstr /q x <nul", 2),
        ("findstr x C:\\nosuch", 1),
        ("more C:\\nosuch", 1),
        ("sort C:\\nosuch", 1),
    ],
)
def test_exit_codes(console: Console, line: str, code: int) -> None:
    assert console.code(line) == code


@given(lines=st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=5), max_size=5))
def test_lines_are_counted_by_their_ends(lines: list[str]) -> None:
    assert lines_of("".join(line + "\r\n" for line in lines)) == lines

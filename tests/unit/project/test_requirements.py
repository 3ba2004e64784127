# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/kb328839.md says where each requirement of the article is met: every id once, every path and test exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[3]
DONE, BY_HAND, NOT_YET = "done", "by hand, asked for and checked", "not there yet"
NUMBERS = {"G": 12, "A": 17, "B": 7, "C": 4}
IDS = [f"{part}{number}" for part, most in NUMBERS.items() for number in range(1, most + 1)]
# What the README calls the rows of a part that are not there yet.
NAMES = {"G": "every version", "A": "Exchange 2003", "B": "Exchange 2000", "C": "Exchange 5.5"}


class Row(NamedTuple):
    id: str
    asks: str
    code: str
    test: str
    state: str


def paths(cell: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def read_rows() -> list[Row]:
    rows = []
    for line in (ROOT / "docs/kb328839.md").read_text(encoding="utf-8").splitlines():
        if re.match(r"\| *[A-Z]+[0-9]+ *\|", line):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            assert len(cells) == len(Row._fields), line
            rows.append(Row(*cells))
    return rows


ROWS = read_rows()


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_requirement_stands_there_once() -> None:
    assert sorted(row.id for row in ROWS) == sorted(IDS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_complete_and_names_what_there_is(row: Row) -> None:
    assert row.asks
    assert row.state in (DONE, BY_HAND, NOT_YET)
    assert [path for path in paths(row.code) if not (ROOT / path).exists()] == []
    for test in paths(row.test):
        path, found, function = test.partition("::")
        assert found and (ROOT / path).is_file(), test
        assert path.startswith("tests/") and function.startswith("test_") and function in functions(path), test
    if row.state != NOT_YET:
        assert paths(row.code) and paths(row.test)


def test_what_is_not_there_yet_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## What is not there yet\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found
    missing = {NAMES[row.id[0]] for row in ROWS if row.state == NOT_YET}
    assert sorted(name for name in missing if name not in found[1]) == []

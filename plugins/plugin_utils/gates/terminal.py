# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates as a table for the terminal: what needs a person first, what passed in one line for each gate. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .model import FAILED, PASSED, RESULTS

WIDTH = 110
_RESULT, _GATE = 11, 21
_HOST = 15


def table(rows: Sequence[Mapping[str, Any]], verdict: str, width: int = WIDTH) -> list[str]:
    """Return the lines, none longer than ``width`` (at least 80)."""
    width = max(width, 80)
    lines = [f"{'RESULT':<{_RESULT}} {'GATE':<{_GATE}} {'HOST':<{_HOST}} OBSERVED"]
    for result in RESULTS[:-1]:
        for row in rows:
            if row["result"] == result:
                lines += _lines(row, width)
    lines += _passed(rows, width)
    return [*lines, "", *textwrap.wrap(_verdict(rows, verdict), width)]


def _lines(row: Mapping[str, Any], width: int) -> Iterator[str]:
    yield from _cells(_word(row), row["id"], row["host"] or "-", row["observed"], width)
    for head, text in (("overridden: ", row.get("overridden")), ("why: ", _why(row)), ("do: ", _remedy(row))):
        if text:
            yield from _cells("", "", "", head + text, width)


def _word(row: Mapping[str, Any]) -> str:
    return "overridden" if row["result"] == FAILED and row["overridden"] is not None else str(row["result"])


def _why(row: Mapping[str, Any]) -> str:
    return str(row["why"]) if row["result"] == FAILED and row["overridden"] is None else ""


def _remedy(row: Mapping[str, Any]) -> str:
    return str(row["remedy"]) if row["overridden"] is None else ""


def _passed(rows: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    for gate in dict.fromkeys(row["id"] for row in rows):
        passed = [row for row in rows if row["id"] == gate and row["result"] == PASSED]
        if not passed:
            continue
        if len(passed) == 1:
            yield from _cells(PASSED, gate, passed[0]["host"] or "-", passed[0]["observed"], width)
            continue
        names = ", ".join(row["host"] for row in passed)
        yield from _cells(
            PASSED, gate, f"{len(passed)} of them", textwrap.shorten(names, 160, placeholder=" ..."), width
        )


def _cells(result: str, gate: str, host: str, text: str, width: int) -> Iterator[str]:
    indent = _RESULT + _GATE + _HOST + 3
    # A long name takes the room that it needs; the text then begins on a line of its own.
    head = f"{result:<{_RESULT}} {gate:<{_GATE}} {host:<{_HOST}} "
    parts = textwrap.wrap(" ".join(text.split()), width - indent) or [""]
    if len(head) > indent:
        yield head.rstrip()[:width]
        head = " " * indent
    for part in parts:
        yield f"{head}{part}".rstrip()
        head = " " * indent


def _verdict(rows: Sequence[Mapping[str, Any]], verdict: str) -> str:
    counts = {result: sum(row["result"] == result for row in rows) for result in RESULTS}
    overridden = sum(row["overridden"] is not None for row in rows)
    said = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
    over = f", {overridden} of the failed ones overridden by the operator" if overridden else ""
    if verdict == PASSED:
        return f"The gates are open: {said}{over}."
    return f"The gates are closed: {said}{over}. Nothing is begun; a gate is overridden only by its id and a reason."

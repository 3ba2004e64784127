# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``tasklist`` and ``taskkill`` of Server 2003."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..host import Process
from ..shell.call import Call, program
from ..shell.filesystem import matches

FILTER = re.compile(r"\s*(\w+)\s+(eq|ne|gt|lt|ge|le)\s+(.*?)\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One process as it is listed."""

    image: str
    pid: int
    memory: int
    user: str
    process: Process | None = None


def processes(call: Call, own: str) -> list[Row]:
    """Every process; the caller's own console programs are among them, as on a real host."""
    rows = [Row(each.image, each.pid, each.memory, each.user, each) for each in call.host.processes]
    highest = max((row.pid for row in rows), default=0)
    names = [own]
    if call.context.process is None:
        names.insert(0, "cmd.exe")
    if call.context.logon == "network":
        names.insert(0, "winrshost.exe")
    rows += [
        Row(name, highest + 4 * number, 3_000_000 + 100_000 * number, call.context.user)
        for number, name in enumerate(names, 1)
    ]
    return rows


def fits(row: Row, text: str) -> bool | None:
    """Whether a row passes a filter like ``imagename eq X``; None when the filter makes no sense."""
    found = FILTER.match(text)
    if found is None:
        return None
    field, operator, wanted = found[1].lower(), found[2].lower(), found[3]
    if field == "imagename" and operator in ("eq", "ne"):
        return matches(row.image, wanted) == (operator == "eq")
    if field == "username" and operator in ("eq", "ne"):
        return (row.user.lower() == wanted.lower()) == (operator == "eq")
    if field in ("pid", "memusage") and wanted.isdigit():
        value, number = row.pid if field == "pid" else row.memory // 1024, int(wanted)
        return {
            "eq": value == number,
            "ne": value != number,
            "gt": value > number,
            "lt": value < number,
            "ge": value >= number,
            "le": value <= number,
        }[operator]
    return None


@program("tasklist", systems=("server2003",))
def tasklist(call: Call) -> int:
    """``tasklist [/fo table|list|csv] [/nh] [/svc] [/v] [/fi FILTER]...``; exit 0 also when nothing is found [V]."""
    form, heading, services, filters = "table", True, False, []
    words = iter(call.argv)
    for word in words:
        option = word.lower()
        if option == "/fo":
            form = next(words, "").lower()
        elif option == "/fi":
            filters.append(next(words, ""))
        elif option == "/nh":
            heading = False
        elif option == "/svc":
            services = True
        else:
            return _wrong(call, "tasklist.option", word)
    if form not in ("table", "list", "csv"):
        return _wrong(call, "tasklist.option", form)
    rows = processes(call, "tasklist.exe")
    for text in filters:
        if fits(rows[0], text) is None:
            return _wrong(call, "tasklist.filter", text)
        rows = [row for row in rows if fits(row, text)]
    if not rows:
        call.line(call.text("tasklist.none"))
        return 0
    heads = [
        call.text(f"tasklist.head.{key}")
        for key in ("image", "pid", *(("services",) if services else ("session", "number", "memory")))
    ]
    cells = [_cells(call, row, services) for row in rows]
    _print(call, form, heads if heading or form == "list" else [], cells, services)
    return 0


def _wrong(call: Call, key: str, value: str) -> int:
    call.complain(call.text(key, value=value))
    return 1


def _cells(call: Call, row: Row, services: bool) -> list[str]:
    if services:
        names = [each.name for each in call.host.services.values() if row.pid and each.pid == row.pid]
        return [row.image, str(row.pid), ",".join(names) or call.text("tasklist.no_services")]
    return [row.image, str(row.pid), "Console", "0", f"{row.memory // 1024:,} K"]


def _print(call: Call, form: str, heads: list[str], rows: Sequence[list[str]], services: bool) -> None:
    if form == "csv":
        for cells in ([heads] if heads else []) + list(rows):
            call.line(csv_row(cells))
    elif form == "list":
        for cells in rows:
            call.line()
            for head, cell in zip(heads, cells, strict=True):
                call.line(f"{head + ':':<13} {cell}")
    else:
        widths = [25, 6, 45] if services else [25, 6, 16, 8, 12]
        rights = {1} if services else {1, 3, 4}
        if heads:
            call.line("\n" + _table_row(heads, widths, rights))
            call.line(" ".join("=" * width for width in widths))
        for cells in rows:
            call.line(_table_row(cells, widths, rights))


def _table_row(cells: Sequence[str], widths: Sequence[int], rights: set[int]) -> str:
    return " ".join(
        f"{cell:>{width}}" if number in rights else f"{cell[:width]:<{width}}"
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )


def csv_row(cells: Sequence[str]) -> str:
    """A row in which every field stands in double quotes."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="").writerow(cells)
    return text.getvalue()


@program("taskkill", changing=True, systems=("server2003",))
def taskkill(call: Call) -> int:
    """``taskkill [/f] [/t] /im NAME | /pid N``: exit 0, or 128 when there is no such process ([R])."""
    wanted: list[tuple[str, str]] = []
    words = iter(call.argv)
    for word in words:
        option = word.lower()
        if option in ("/im", "/pid"):
            wanted.append((option, next(words, "")))
        elif option not in ("/f", "/t"):
            return _wrong(call, "tasklist.option", word)
    code = 0
    for option, value in wanted:
        rows = [
            row
            for row in processes(call, "taskkill.exe")
            if row.process is not None and (matches(row.image, value) if option == "/im" else str(row.pid) == value)
        ]
        if not rows:
            call.complain(call.text("taskkill.none", value=value))
            code = 128
        for row in rows:
            if row.process is not None:
                call.host.kill(row.process)
            call.line(call.text("taskkill.done", image=row.image, pid=row.pid))
    return code

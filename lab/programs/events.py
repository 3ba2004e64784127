# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cscript``: it runs ``eventquery.vbs``, the event log reader of Server 2003, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ..host import Event
from ..shell.call import Call, program
from ..shell.filesystem import split_last
from .tasklist import csv_row

FILTER = re.compile(r"\s*(id|source|type)\s+(eq|ne|gt|lt)\s+(.*?)\s*$", re.IGNORECASE)


@program("cscript", systems=("server2003",))
def cscript(call: Call) -> int:
    """``cscript [//nologo] [PATH]eventquery.vbs [/l LOG] [/fi FILTER] [/r N] [/fo csv|list] [/nh] [/v]``."""
    words = [word for word in call.argv if not word.startswith("//")]
    if len(words) == len(call.argv):
        call.line(call.text("cscript.banner") + "\n")
    if not words:
        call.line(call.text("cscript.usage"))
        return 1
    if split_last(words[0])[1].lower() != "eventquery.vbs":
        call.complain(call.text("cscript.not_found", path=words[0]))
        return 1
    return _query(call, words[1:])


def _query(call: Call, words: list[str]) -> int:
    logs: list[str] = []
    filters: list[tuple[str, str, str]] = []
    form, heading, verbose, count = "table", True, False, 0
    rest = iter(words)
    for word in rest:
        option = word.lower()
        if option == "/l":
            logs.append(next(rest, "").lower())
        elif option == "/fi":
            found = FILTER.match(next(rest, ""))
            if found is None:
                call.complain(call.text("cscript.filter"))
                return 1
            filters.append((found[1].lower(), found[2].lower(), found[3].lower()))
        elif option == "/fo":
            form = next(rest, "").lower()
        elif option == "/r":
            text = next(rest, "0")
            count = int(text) if text.lstrip("-").isdigit() else 0
        elif option == "/nh":
            heading = False
        elif option == "/v":
            verbose = True
        else:
            call.complain(call.text("schtasks.option", value=word))
            return 1
    events = [event for event in reversed(call.host.events) if not logs or event.log.lower() in logs or "*" in logs]
    events = [event for event in events if all(_passes(event, *each) for each in filters)]
    events = events[:count] if count > 0 else events[count:] if count < 0 else events
    if not events:
        call.line(call.text("cscript.none"))
        return 0
    _print(call, events, form, heading, verbose)
    return 0


def _passes(event: Event, field: str, operator: str, wanted: str) -> bool:
    if field == "id":
        number = int(wanted) if wanted.isdigit() else -1
        return {"eq": event.id == number, "ne": event.id != number, "gt": event.id > number, "lt": event.id < number}[
            operator
        ]
    value = event.source if field == "source" else event.kind
    return (value.lower() == wanted) == (operator != "ne")


def _print(call: Call, events: list[Event], form: str, heading: bool, verbose: bool) -> None:
    keys = ["type", "event", "time", "source", *(["computer", "category", "user", "description"] if verbose else [])]
    heads = [call.text(f"cscript.head.{key}") for key in keys]
    rows = []
    for event in events:
        when = datetime.fromtimestamp(event.time, tz=UTC)
        row = [call.text(f"cscript.kind.{event.kind}"), str(event.id), f"{when:%m/%d/%Y %I:%M:%S %p}", event.source]
        rows.append(row + ([call.host.computer_name, "None", "N/A", event.text] if verbose else []))
    if form == "csv":
        for row in [heads, *rows] if heading else rows:
            call.line(csv_row(row))
    elif form == "list":
        for row in rows:
            call.line()
            for head, cell in zip(heads, row, strict=True):
                call.line(f"{head + ':':<15} {cell}")
    else:
        for row in [heads, *rows] if heading else rows:
            call.line(" ".join(f"{cell:<22}" for cell in row))

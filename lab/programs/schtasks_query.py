# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``schtasks /query``."""

from __future__ import annotations

from datetime import UTC, datetime

from .. import tasks
from ..shell.call import Call
from ..tasks import Task
from .tasklist import csv_row

# The 28 columns of Server 2003 in their order [V]; the first and the last but these are left out without /v.
COLUMNS = (
    "host",
    "name",
    "next",
    "status",
    "mode",
    "last",
    "result",
    "creator",
    "schedule",
    "command",
    "folder",
    "comment",
    "state",
    "type",
    "time",
    "date",
    "end",
    "days",
    "months",
    "user",
    "unscheduled",
    "limit",
    "every",
    "until_time",
    "until_duration",
    "still",
    "idle",
    "power",
)
SHORT = ("name", "next", "status")


def query(call: Call, options: dict[str, str]) -> int:
    """List the tasks as table, list or csv. Raises Win32Error when the scheduler does not run."""
    form = options.get("/fo", "table").lower()
    if form not in ("table", "list", "csv"):
        call.complain(call.text("schtasks.option", value=form))
        return 1
    found = tasks.query(call.host)
    if not found:
        call.line(call.text("schtasks.none"))
        return 0
    columns = COLUMNS if "/v" in options else SHORT if form != "list" else ("host", *SHORT)
    heads = [call.text(f"schtasks.column.{column}") for column in columns]
    rows = [[_cell(call, task, column) for column in columns] for task in found]
    if form == "csv":
        for row in rows if "/nh" in options else [heads, *rows]:
            call.line(csv_row(row))
    elif form == "list":
        for row in rows:
            call.line()
            for head, cell in zip(heads, row, strict=True):
                call.line(f"{head + ':':<37}{cell}")
    else:
        widths = [36, 24, 15] if columns is SHORT else [max(len(head), 12) for head in heads]
        table = [heads, ["=" * width for width in widths], *rows]
        call.line()
        for row in rows if "/nh" in options else table:
            call.line(" ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)))
    return 0


def moment(value: float | None, never: str) -> str:
    """A time in the form of the host's settings: ``04:00:00, 10/9/2011`` ([V] but for the date's order)."""
    if value is None:
        return never
    when = datetime.fromtimestamp(value, tz=UTC)
    return f"{when:%H:%M:%S}, {when.month}/{when.day}/{when.year}"


def _cell(call: Call, task: Task, column: str) -> str:
    disabled, missing = call.text("schtasks.disabled"), call.text("schtasks.missing_value")
    fixed = {
        "mode": call.text("schtasks.mode"),
        "folder": missing,
        "comment": missing,
        "state": call.text("schtasks.enabled"),
        "end": missing,
        "days": missing,
        "months": missing,
        "unscheduled": disabled,
        "limit": "72:0",
        "every": disabled,
        "until_time": disabled,
        "until_duration": disabled,
        "still": disabled,
        "idle": disabled,
        "power": call.text("schtasks.power"),
    }
    if column in fixed:
        return fixed[column]
    never = call.text("schtasks.never")

    def own(value: float | None) -> float | None:
        """A moment by the host's own clock."""
        return None if value is None else value + call.host.clock_skew

    return {
        "host": lambda: call.host.computer_name,
        "name": lambda: task.name,
        "next": lambda: moment(own(task.next_run), never),
        "status": lambda: call.text("schtasks.status." + task.status.lower().replace(" ", "_")) if task.status else "",
        "last": lambda: moment(own(task.last_run), never),
        "result": lambda: str(task.last_result),
        "creator": lambda: task.creator or call.context.user.rpartition("\\")[2],
        "schedule": lambda: call.text("schtasks.at", time=task.start_time),
        "command": lambda: task.command,
        "type": lambda: call.text("schtasks.once") if task.schedule == "once" else task.schedule.capitalize(),
        "time": lambda: task.start_time,
        "date": lambda: moment(own(task.next_run or call.world.clock.time), "").partition(", ")[2],
        "user": lambda: task.user,
    }[column]()

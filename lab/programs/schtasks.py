# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``schtasks`` of Server 2003.

The column order of ``/query /v /fo csv`` is captured [V] (28 columns with "Logon Mode"); messages are [R]. ``/f`` at
``/create`` came later: 2003 asks whether to replace a task, and answers that cannot be read mean no.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from .. import tasks
from ..errors import Win32Error
from ..shell.call import Call, program
from ..tasks import Task
from .schtasks_query import query

TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?$")
SCHEDULES = ("minute", "hourly", "daily", "weekly", "monthly", "once", "onstart", "onlogon", "onidle")
LONGEST_COMMAND = 261
VALUES = {
    "create": (
        "/tn",
        "/tr",
        "/sc",
        "/st",
        "/sd",
        "/ru",
        "/rp",
        "/mo",
        "/d",
        "/m",
        "/i",
        "/et",
        "/ed",
        "/ri",
        "/du",
        "/s",
        "/u",
        "/p",
    ),
    "query": ("/fo", "/s", "/u", "/p"),
    "run": ("/tn", "/s", "/u", "/p"),
    "end": ("/tn", "/s", "/u", "/p"),
    "delete": ("/tn", "/s", "/u", "/p"),
}
FLAGS = {"create": (), "query": ("/nh", "/v"), "run": (), "end": (), "delete": ("/f",)}


class UsageError(Exception):
    """The arguments make no sense; the text says why."""


def _changing(argv: Sequence[str]) -> bool:
    return bool(argv) and argv[0].lower() not in ("/query", "/?")


def read(call: Call) -> tuple[str, dict[str, str]]:
    """The verb and its options in small letters. Raises UsageError with the program's complaint."""
    verb = call.argv[0].lower().lstrip("/") if call.argv else "query"
    if verb not in VALUES:
        raise UsageError(call.text("schtasks.option", value=call.argv[0]))
    options: dict[str, str] = {}
    words = iter(call.argv[1:])
    for word in words:
        option = word.lower()
        if option in VALUES[verb]:
            value = next(words, None)
            if value is None:
                raise UsageError(call.text("schtasks.value", value=word))
            options[option] = value
        elif option in FLAGS[verb]:
            options[option] = ""
        else:
            raise UsageError(call.text("schtasks.option", value=word))
    if "/s" in options and options["/s"].lower() not in (call.host.name, call.host.computer_name.lower(), "localhost"):
        raise UsageError(call.text("schtasks.error", text=call.win32(5)))
    if verb != "query" and not options.get("/tn"):
        raise UsageError(call.text("schtasks.missing", value="/tn"))
    return verb, options


@program("schtasks", changing=_changing, systems=("server2003",))
def schtasks(call: Call) -> int:
    """``schtasks /create|/run|/query|/end|/delete``; exit 0 or 1."""
    try:
        verb, options = read(call)
    except UsageError as error:
        call.complain(str(error))
        return 1
    try:
        if verb == "query":
            return query(call, options)
        if verb == "create":
            return _create(call, options)
        name = options["/tn"]
        if verb == "delete" and name == "*":
            for task in tasks.query(call.host):
                tasks.delete(call.host, task.name)
            return 0
        task = tasks.find(call.host, name)
        if verb == "run":
            tasks.run(call.host, name)
        elif verb == "end":
            return _end(call, task)
        elif "/f" not in options and not _agreed(call, "schtasks.sure", task.name):
            return 0
        else:
            tasks.delete(call.host, name)
    except Win32Error as error:
        if error.code == 2:
            call.complain(call.text("schtasks.not_found", name=options.get("/tn", "")))
        else:
            call.complain(call.text("schtasks.error", text=call.win32(error.code)))
        return 1
    call.line(call.text(f"schtasks.done.{verb}", name=task.name))
    return 0


def _agreed(call: Call, key: str, name: str) -> bool:
    """Ask; only a clear yes is one."""
    call.out(call.text(key, name=name))
    answer = (call.read_line() or "").strip().lower()[:1]
    call.line()
    return answer == call.text("cmd.yes_letter").lower()


def _end(call: Call, task: Task) -> int:
    if task.process is None:
        call.complain(call.text("schtasks.not_running", name=task.name))
        return 1
    tasks.end(call.host, task.name)
    call.line(call.text("schtasks.done.end", name=task.name))
    return 0


def _create(call: Call, options: dict[str, str]) -> int:
    schedule = options.get("/sc", "").lower()
    for needed in ("/tr", "/sc"):
        if not options.get(needed):
            call.complain(call.text("schtasks.missing", value=needed))
            return 1
    if schedule not in SCHEDULES:
        call.complain(call.text("schtasks.schedule", value=options["/sc"]))
        return 1
    if len(options["/tr"]) > LONGEST_COMMAND:
        call.complain(call.text("schtasks.long", value="/tr", limit=LONGEST_COMMAND))
        return 1
    moment = _start_time(call, options)
    if moment is None:
        return 1
    user = options.get("/ru", call.context.user)
    password = options.get("/rp")
    system = user.upper() in ("", "SYSTEM", "NT AUTHORITY\\SYSTEM")
    if not system and password in (None, "*"):
        call.out(call.text("schtasks.password", user=user))
        password = call.read_line() or ""
        call.line()
    existing = call.host.tasks.get(options["/tn"].lower())
    if existing is not None:
        if not _agreed(call, "schtasks.replace", existing.name):
            call.line(call.text("schtasks.not_replaced"))
            return 1
        tasks.delete(call.host, existing.name)
    late = schedule == "once" and moment <= call.host.now
    task = tasks.create(
        call.host,
        options["/tn"],
        options["/tr"],
        user=user,
        password=password,
        schedule=schedule,
        start=moment - call.host.clock_skew if schedule == "once" else None,
        start_time=_clock(options.get("/st", "00:00")),
        creator=call.context.user.rpartition("\\")[2],
    )
    if late:
        call.line(call.text("schtasks.late"))
    if task.refusal:
        call.line(call.text("schtasks.account", name=task.name))
    else:
        call.line(call.text("schtasks.done.create", name=task.name))
    return 0


def _clock(text: str) -> str:
    found = TIME.match(text)
    return f"{int(found[1]):02}:{found[2]}:{found[3] or '00'}" if found else "00:00:00"


def _start_time(call: Call, options: dict[str, str]) -> float | None:
    """The moment of /st today (or on /sd, month first) by the host's clock; None after a complaint."""
    text = options.get("/st")
    if text is None:
        if options["/sc"].lower() == "once":
            call.complain(call.text("schtasks.missing", value="/st"))
            return None
        return call.host.now
    found = TIME.match(text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        call.complain(call.text("schtasks.time", value=text))
        return None
    day = call.host.local_time
    if "/sd" in options:
        try:
            day = datetime.strptime(options["/sd"], "%m/%d/%Y").replace(tzinfo=UTC)
        except ValueError:
            call.complain(call.text("schtasks.date", value=options["/sd"]))
            return None
    moment = day.replace(hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0), microsecond=0)
    return moment.timestamp()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""``at``: jobs at a time of day, as the system itself; in every Windows.

``at [\\HOST] HH:MM [/interactive] [/every:DAYS | /next:DAYS] COMMAND``, ``at [\\HOST] [ID] [/delete [/yes]]``. The
sentence about a new job: [V, quoted session]; the table and the other sentences: [R].
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..at_jobs import RUN_PERIODICALLY, AtJob, add, jobs, remove
from ..errors import Win32Error
from ..host import Host
from ..shell.call import Call, program

BAD_NETPATH, NO_SUCH_JOB, ACCESS_DENIED = 53, 3806, 5
_TIME = re.compile(r"(\d{1,2}):(\d{2})(am?|pm?)?$", re.IGNORECASE)
_WEEK = ("M", "T", "W", "TH", "F", "S", "SU")


def _changing(argv: Sequence[str]) -> bool:
    words = [word.lower() for word in argv]
    return "/delete" in words or any(_TIME.match(word) for word in words)


@program("at", changing=_changing)
def at(call: Call) -> int:
    """Run ``at``; 0, or 1 with a message."""
    words = call.argv
    try:
        host = call.host
        if words and words[0].startswith("\\\\"):
            host = _machine(call, words[0])
            words = words[1:]
        if call.context.account is not None and not host.is_administrator(call.context.user):
            raise Win32Error(ACCESS_DENIED, call.context.user)
        return _run(call, host, words)
    except Win32Error as error:
        call.complain(call.text("at.no_such_job") if error.code == NO_SUCH_JOB else call.win32(error.code))
        return 1


def _machine(call: Call, name: str) -> Host:
    wanted = name.strip("\\").lower().partition(".")[0]
    for host in call.world.machines.values():
        if wanted in (host.name.lower(), host.computer_name.lower()) and host.up:
            return host
    raise Win32Error(BAD_NETPATH, name)


def _run(call: Call, host: Host, words: list[str]) -> int:
    options = [word.lower() for word in words if word.startswith("/")]
    plain = [word for word in words if not word.startswith("/")]
    if "/delete" in options:
        chosen = [_find(host, plain[0])] if plain else jobs(host)
        for job in chosen:
            remove(host, job)
        return 0
    moment = _TIME.match(plain[0]) if plain else None
    if moment is None:
        return _show(call, host, plain)
    command = _rest(call, plain[0])
    hours, minutes = int(moment[1]), int(moment[2])
    if moment[3]:
        hours = hours % 12 + (12 if moment[3].lower().startswith("p") else 0)
    if hours > 23 or minutes > 59 or not command:
        call.complain(call.text("at.usage"))
        return 1
    month, week, flags = _days(options)
    job = add(host, command, (hours * 60 + minutes) * 60000, month, week, flags)
    call.line(call.text("at.added", number=job.number))
    return 0


def _rest(call: Call, clock: str) -> str:
    """The command as it was typed: what follows the time and its options."""
    text = call.raw.partition(clock)[2].strip()
    while text.startswith("/"):
        text = text.partition(" ")[2].strip()
    return text[1:-1] if text[:1] == text[-1:] == '"' and text.count('"') == 2 else text


def _days(options: list[str]) -> tuple[int, int, int]:
    """Days of the month, days of the week and flags of ``/every`` and ``/next``."""
    month = week = flags = 0
    for option in options:
        name, _unused, value = option.partition(":")
        if name not in ("/every", "/next"):
            continue
        flags = RUN_PERIODICALLY if name == "/every" else 0
        for day in value.upper().split(","):
            if day.isdigit():
                month |= 1 << (int(day) - 1)
            elif day in _WEEK:
                week |= 1 << _WEEK.index(day)
    return month, week, flags


def _find(host: Host, number: str) -> AtJob:
    for job in jobs(host):
        if str(job.number) == number:
            return job
    raise Win32Error(NO_SUCH_JOB, number)


def _show(call: Call, host: Host, plain: list[str]) -> int:
    chosen = [_find(host, plain[0])] if plain else jobs(host)
    if not chosen:
        call.line(call.text("at.none"))
        return 0
    call.line(call.text("at.head") + "\n" + "-" * 79)
    for job in chosen:
        clock = f"{job.moment // 3600000}:{job.moment // 60000 % 60:02}"
        call.line(f"{'':8}{job.number:>3}   {call.text('at.day'):23} {clock:13} {job.command}")
    return 0

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the command `at`: at a time of day, once or on certain days, as the system itself.

Before Windows 2000 a service of their own keeps them; since then they are tasks of the Task Scheduler called At1, At2
and so on [V, Microsoft's description of "at"]. In the model they are such tasks everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from . import tasks
from .errors import Win32Error

if TYPE_CHECKING:
    from .host import Host

INVALID_PARAMETER = 87
DAY = 86_400_000
#: Flags of a job ([MS-TSCH] 2.3.4): periodic; its last start failed; it starts today; not in the user's sight.
RUN_PERIODICALLY, EXEC_ERROR, RUNS_TODAY, NON_INTERACTIVE = 0x01, 0x02, 0x04, 0x10
_PREFIX = "At"


@dataclass
class AtJob:
    """A job; `moment`: milliseconds from midnight by the host's clock."""

    number: int
    moment: int
    days_of_month: int
    days_of_week: int
    flags: int
    command: str


def jobs(host: Host) -> list[AtJob]:
    """All jobs in the order of their numbers; raises Win32Error 1062 when nothing schedules them."""
    tasks.query(host)
    return [host.at_jobs[number] for number in sorted(host.at_jobs)]


def add(host: Host, command: str, moment: int, month: int, week: int, flags: int) -> AtJob:
    """Add a job; raises Win32Error 87 for a time that no day has, 1062."""
    if not 0 <= moment < DAY or not command.strip():
        raise Win32Error(INVALID_PARAMETER, command)
    tasks.query(host)
    number = 1 + max(host.at_jobs, default=0)
    job = AtJob(number, moment, month, week, flags & (RUN_PERIODICALLY | NON_INTERACTIVE), command)
    host.at_jobs[number] = job
    _arm(host, job)
    return job


def remove(host: Host, job: AtJob) -> None:
    """Delete a job; a program of it that runs goes on."""
    host.at_jobs.pop(job.number, None)
    name = f"{_PREFIX}{job.number}"
    if name.lower() in host.tasks:
        tasks.delete(host, name)


def _arm(host: Host, job: AtJob) -> None:
    """Make the task that runs the job the next time."""
    start = _next(host, job)
    clock = f"{job.moment // 3600000:02}:{job.moment // 60000 % 60:02}:00"
    tasks.create(
        host, f"{_PREFIX}{job.number}", job.command, user="SYSTEM", start=start, start_time=clock, creator="SYSTEM"
    )
    host.world.clock.at(start + 1.0, lambda: _started(host, job))


def _next(host: Host, job: AtJob) -> float:
    """When the job starts next, in epoch seconds of the world."""
    now = host.local_time
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(0, 367):
        day = midnight + timedelta(days=days)
        moment = day + timedelta(milliseconds=job.moment)
        if moment <= now:
            continue
        fits = not (job.days_of_month or job.days_of_week)
        fits |= bool(job.days_of_month >> (day.day - 1) & 1) or bool(job.days_of_week >> day.weekday() & 1)
        if fits:
            return moment.timestamp() - host.clock_skew
    raise Win32Error(INVALID_PARAMETER, job.command)


def _started(host: Host, job: AtJob) -> None:
    """After its start a job that is not periodic is gone; a periodic one waits for its next day."""
    if host.at_jobs.get(job.number) is not job:
        return
    if host.up and "Schedule" in host.services and host.service_running("Schedule"):
        name = f"{_PREFIX}{job.number}"
        if name.lower() in host.tasks:
            tasks.delete(host, name)
        if job.flags & RUN_PERIODICALLY:
            _arm(host, job)
        else:
            del host.at_jobs[job.number]
            host.world.changed()

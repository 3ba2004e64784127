# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task scheduler of a host: tasks whose command runs as a background program under the task's account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clock import Handle
from .errors import Win32Error

if TYPE_CHECKING:
    from .host import Host, Process

FILE_NOT_FOUND, FILE_EXISTS, SERVICE_NOT_ACTIVE = 2, 80, 1062
#: Last result of a task that never ran, and of one whose logon failed (1326 as HRESULT) [R].
NEVER_RAN, LOGON_FAILED = 0, -2147023570


@dataclass(eq=False)
class Task:
    """A scheduled task. `status`: "" (ready), Running, or Could not start. Times are simulated epoch seconds."""

    name: str
    command: str
    schedule: str
    start_time: str
    user: str
    creator: str
    account_valid: bool = True
    status: str = ""
    last_run: float | None = None
    last_result: int = NEVER_RAN
    next_run: float | None = None
    process: Process | None = None
    timer: Handle | None = None


def create(
    host: Host,
    name: str,
    command: str,
    *,
    user: str,
    password: str | None = None,
    schedule: str = "once",
    start: float | None = None,
    start_time: str = "00:00:00",
    creator: str = "",
) -> Task:
    """Create a task; `start`: the epoch seconds of its start, in the past = it runs by `run` only.

    Raises Win32Error 80 when the name is taken. With a wrong account or password the task is created, but
    `account_valid` is False: the console program warns, and the task cannot start [R].
    """
    _scheduler(host)
    if name.lower() in host.tasks:
        raise Win32Error(FILE_EXISTS, name)
    task = Task(name, command, schedule, start_time, user, creator)
    if user.upper() in ("", "SYSTEM", "NT AUTHORITY\\SYSTEM"):
        task.user = "NT AUTHORITY\\SYSTEM"
    else:
        try:
            task.user = host.world.logon(user, password or "").name
        except Win32Error:
            task.account_valid = False
    host.tasks[name.lower()] = task
    if start is not None and start > host.world.clock.time:
        task.next_run = start
        task.timer = host.world.clock.at(start, lambda: _due(host, task))
    host.world.changed()
    return task


def find(host: Host, name: str) -> Task:
    """Return a task by its name in any case; raises Win32Error 2."""
    _scheduler(host)
    task = host.tasks.get(name.lower().lstrip("\\"))
    if task is None:
        raise Win32Error(FILE_NOT_FOUND, name)
    return task


def query(host: Host) -> list[Task]:
    """Return all tasks in the order of their names; raises Win32Error 1062 when the scheduler is stopped."""
    _scheduler(host)
    return [host.tasks[name] for name in sorted(host.tasks)]


def run(host: Host, name: str) -> None:
    """Start a task now; one that runs already is not started a second time [R]."""
    task = find(host, name)
    if task.status != "Running":
        _start(host, task)


def end(host: Host, name: str) -> None:
    """End the running program of a task, and what it started."""
    task = find(host, name)
    if task.process is not None:
        host.kill(task.process)


def delete(host: Host, name: str) -> None:
    """Delete a task; a program of it that runs goes on."""
    task = find(host, name)
    if task.timer:
        task.timer.cancel()
    del host.tasks[task.name.lower()]
    host.world.changed()


def _scheduler(host: Host) -> None:
    if "Schedule" in host.services and not host.service_running("Schedule"):
        raise Win32Error(SERVICE_NOT_ACTIVE, "Schedule")


def _due(host: Host, task: Task) -> None:
    task.next_run = None
    if host.up and host.service_running("Schedule") and task.status != "Running":
        _start(host, task)


def _start(host: Host, task: Task) -> None:
    world = host.world
    task.last_run = world.clock.time
    world.changed()
    if not task.account_valid:
        task.status, task.last_result = "Could not start", LOGON_FAILED
        return
    task.status = "Running"
    context = host.context(task.user, "batch", cwd="C:\\WINDOWS\\system32")
    process = host.spawn("cmd.exe", task.user, "batch")
    task.process = process

    def ended(exit_code: int) -> None:
        task.process = None
        task.status, task.last_result = "", exit_code
        world.changed()

    def program() -> None:
        exit_code = world.run_program(context, task.command)
        host.end_process(process, exit_code)

    process.on_end = ended
    process.background = world.clock.spawn(program, f"{host.name}: {task.name}")
    context.process = process

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
LOGON_TYPE_NOT_GRANTED = 1385
#: Last result of a task that never ran; of one whose logon failed it is the error as HRESULT [R].
NEVER_RAN = 0


@dataclass(eq=False)
class Task:
    """A scheduled task. `status`: "" (ready), Running, or Could not start. Times are simulated epoch seconds."""

    name: str
    command: str
    schedule: str
    start_time: str
    user: str
    creator: str
    refusal: int = 0
    status: str = ""
    last_run: float | None = None
    last_result: int = NEVER_RAN
    next_run: float | None = None
    process: Process | None = None
    timer: Handle | None = None

    @property
    def account_valid(self) -> bool:
        """Whether its account could log on when the task was made."""
        return self.refusal == 0


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

    Raises Win32Error 80 when the name is taken. With an account that cannot log on the task is created, but `refusal`
    says why (1326 wrong password, 1330 expired, 1909 locked out): the console program warns, and the task cannot start
    [R]. Without the right to log on as a batch job (1385) only the start fails [R].
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
        except Win32Error as problem:
            task.refusal = problem.code
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


def hresult(code: int) -> int:
    """A Win32 error as the signed number of an HRESULT."""
    return code - 0x7FF90000


def _batch_refusal(host: Host, user: str) -> int:
    """Why an account cannot run a batch job on the host now; 0 when it can: administrators and the system can."""
    account = host.world.accounts.get(user.lower())
    if account is None:
        return 0
    return account.refusal or (0 if host.is_administrator(account.name) else LOGON_TYPE_NOT_GRANTED)


def _due(host: Host, task: Task) -> None:
    task.next_run = None
    if host.up and host.service_running("Schedule") and task.status != "Running":
        _start(host, task)


def _start(host: Host, task: Task) -> None:
    world = host.world
    task.last_run = world.clock.time
    world.changed()
    refusal = task.refusal or _batch_refusal(host, task.user)
    if refusal:
        task.status, task.last_result = "Could not start", hresult(refusal)
        return
    task.status = "Running"
    context = host.context(task.user, "batch", cwd=f"{host.system_root}\\system32")
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

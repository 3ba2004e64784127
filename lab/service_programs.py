# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that clients make and delete, and those whose program is no service, such as a line of cmd.exe.

The service control manager starts such a program and waits for it to report. It never does: the start ends with error
1053 when the program has ended, or after 30 seconds, and then the manager ends the program [V, public issues of
psexec-like tools: the start "times out after 30 seconds and terminates the process"; the default time-out: event 7009].
What the program has started apart from itself lives on [R].
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from .clock import Flow
from .environment import SYSTEM, is_system
from .errors import Win32Error
from .scratch import Job
from .services import START_TYPES, Service
from .shell.find_program import Missing, find
from .shell.interpreter import Shell
from .shell.percent import expand_prompt
from .shell.run import first_word

if TYPE_CHECKING:
    from .host import Host

FILE_NOT_FOUND, INVALID_PARAMETER, INVALID_NAME = 2, 87, 123
NO_REPORT, INVALID_ACCOUNT, LOGON_FAILED = 1053, 1057, 1069
MARKED_FOR_DELETE, EXISTS, DUPLICATE_NAME = 1072, 1073, 1078
#: ServicesPipeTimeout's default [V, event 7009].
PATIENCE = 30.0
_LOOK = 0.25


def create(
    host: Host,
    name: str,
    display: str,
    path: str,
    *,
    start_type: str = "manual",
    own_process: bool = True,
    account: str = "",
    password: str = "",
) -> Service:
    """Make a service; raises Win32Error 87, 123, 1057 (no such account), 1072, 1073 (name in use), 1078."""
    if not name or len(name) > 256 or any(char in name for char in "/\\"):
        raise Win32Error(INVALID_NAME, name)
    if start_type not in START_TYPES or not path:
        raise Win32Error(INVALID_PARAMETER, name)
    for other in host.services.values():
        if other.name.lower() == name.lower():
            raise Win32Error(MARKED_FOR_DELETE if other.deleted else EXISTS, name)
        if display and display.lower() in (other.display.lower(), other.name.lower()):
            raise Win32Error(DUPLICATE_NAME, display)
    service = Service(name, display or name, start_type=start_type, image=path.rpartition("\\")[2])
    service.path, service.own_process = path, own_process
    host.services[name] = service
    try:
        set_account(host, service, account, password)
    except Win32Error:
        del host.services[name]
        raise
    host.service_starters[name] = lambda: _starting(host, service)
    host.world.changed()
    return service


def set_account(host: Host, service: Service, account: str, password: str) -> None:
    """Give a service the account that it runs under; raises Win32Error 1057. The password is not looked at yet."""
    if is_system(account):
        service.account, service.password = "LocalSystem", ""
        return
    known = host.world.accounts.get(host.world.account_key(account))
    if known is None:
        raise Win32Error(INVALID_ACCOUNT, account)
    service.account, service.password = known.name, password


def delete(host: Host, service: Service) -> None:
    """Mark a service for deletion; raises Win32Error 1072 when it is marked already."""
    if service.deleted:
        raise Win32Error(MARKED_FOR_DELETE, service.name)
    service.deleted = True
    host.world.changed()


def forget_if_unused(host: Host, service: Service) -> None:
    """A service marked for deletion is gone when nobody holds it open and it is stopped."""
    unused = service.handles <= 0 and service.state == "stopped"
    if service.deleted and unused and host.services.get(service.name) is service:
        del host.services[service.name]
        host.service_starters.pop(service.name, None)
        host.world.changed()


def runs_program(host: Host, service: Service) -> bool:
    """Whether the program behind a service is none that could report."""
    return bool(service.path) and service.name in host.service_starters


def may_log_on(host: Host, account: str) -> bool:
    """Whether an account has the right to log on as a service there."""
    return account.lower() in (name.lower() for name in host.service_logon)


def _starting(host: Host, service: Service) -> Generator[float | Flow, None, int]:
    """Run the program of a service; the value returned is the error with which the start ends."""
    world, user = host.world, SYSTEM
    if not is_system(service.account):
        try:
            user = world.logon(service.account, service.password).name
        except Win32Error:
            user = ""
        if not user or not may_log_on(host, user):
            host.log_event(
                "System",
                "Service Control Manager",
                7000,
                "error",
                f"The {service.display} service failed to start due to a logon failure.",
                [service.display, "%%1069"],
            )
            return LOGON_FAILED
    context = host.context(user, "service", cwd=f"{host.system_root}\\system32")
    shell = Shell(context)
    line = expand_prompt(service.path, shell.lookup).strip()
    name, rest = first_word(line)
    if isinstance(find(shell, name, rest), Missing):
        return FILE_NOT_FOUND
    process = host.spawn(name.strip('"').rpartition("\\")[2], user, "service")
    context.process = process

    job = context.job = Job(host, line)
    job.began()

    def program() -> None:
        code: int | None = None
        try:
            code = world.run_program(context, line)
        finally:
            job.ended(code)
        if not process.ended:
            # the process ends by itself: nothing is left to be killed
            process.background = None
            host.end_process(process, code)

    process.background = world.clock.spawn(program, f"{host.name}: {service.name}")
    waited = 0.0
    while not process.ended and waited < PATIENCE:
        yield _LOOK
        waited += _LOOK
    if not process.ended:
        host.kill(process)
        host.log_event(
            "System",
            "Service Control Manager",
            7009,
            "error",
            f"Timeout (30000 milliseconds) waiting for the {service.display} service to connect.",
            ["30000", service.display],
        )
    return NO_REPORT

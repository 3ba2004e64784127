# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows services by sc.exe, whose exit code is the Win32 error and whose states are numbers [V]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import console
from .commands import quote
from .errors import CommandFailed, Unreadable
from .models import Output, Service

if TYPE_CHECKING:
    from .session import Session

NO_SUCH_SERVICE = 1060
ALREADY_RUNNING = 1056
NOT_ACTIVE = 1062
DEPENDENTS_RUNNING = 1051
_BUFFER_TOO_SMALL = 122


def read(session: Session, names: Sequence[str]) -> dict[str, Service]:
    """State and start type of each service that exists, in one round trip."""
    return found(session, names, session.run_all(lines_for(names)))


def lines_for(names: Sequence[str]) -> list[str]:
    """The command lines that ask for services; ``found`` takes their answers."""
    return [f"sc {verb} {quote(name)}" for name in names for verb in ("query", "qc")]


def found(session: Session, names: Sequence[str], outputs: Sequence[Output]) -> dict[str, Service]:
    """The services that exist, by what the lines of ``lines_for`` brought."""
    there: dict[str, Service] = {}
    for index, name in enumerate(names):
        state, config = outputs[2 * index], outputs[2 * index + 1]
        if state.exit_code == NO_SUCH_SERVICE:
            continue
        if state.exit_code != 0:
            raise Unreadable(_message(session, name, state))
        if config.exit_code == _BUFFER_TOO_SMALL:
            # sc.exe's buffer holds 1 KB by default; a long path or many dependencies need more [R].
            config = session.run(f"sc qc {quote(name)} 8192", changes=False)
        start = console.service_start_type(config.stdout) if config.exit_code == 0 else None
        there[name] = Service(name, console.service_state(state.stdout), start)
    return there


def start(session: Session, name: str, timeout: float) -> bool:
    """Start a service, wait until it runs; False when it ran already."""
    before = _one(session, name)
    if before.state == "running":
        return False
    asked = session.clock.now()
    if before.state != "start_pending":
        if before.state == "stop_pending":
            session.wait(lambda: _in(session, name, "stopped"), what=f"service {name} to stop", timeout=timeout)
        output = session.control_service(name, "start")
        if output.exit_code not in (0, ALREADY_RUNNING):
            raise _failed(session, name, "start", output)

    def running() -> Service | None:
        now = _one(session, name)
        # A service that fails falls back to "stopped". Give it a moment before that is believed.
        if now.state == "stopped" and session.clock.now() - asked > session.poll_interval:
            raise CommandFailed(
                f"service {name} on {session.host} stopped again after it had been started",
                remedy="the host's System and Application event logs say why",
                service=name,
            )
        return now if now.state == "running" else None

    session.wait(running, what=f"service {name} to run", timeout=timeout)
    return True


def stop(session: Session, name: str, timeout: float) -> bool:
    """Stop a service, wait until it is stopped; False when it was stopped already.

    Services that depend on it are not stopped along with it: the caller notes and stops those first.
    """
    before = _one(session, name)
    if before.state == "stopped":
        return False
    if before.state == "start_pending":
        # A service that is still starting refuses to stop (error 1061).
        session.wait(lambda: _in(session, name, "running", "stopped"), what=f"service {name} to run", timeout=timeout)
    if before.state != "stop_pending":
        output = session.control_service(name, "stop")
        if output.exit_code not in (0, NOT_ACTIVE):
            raise _failed(session, name, "stop", output)
    session.wait(lambda: _in(session, name, "stopped"), what=f"service {name} to stop", timeout=timeout)
    return True


def _in(session: Session, name: str, *states: str) -> Service | None:
    service = _one(session, name)
    return service if service.state in states else None


def _one(session: Session, name: str) -> Service:
    found = session.one_service(name)
    if isinstance(found, Service):
        return found
    if found.exit_code == NO_SUCH_SERVICE:
        raise CommandFailed(
            f"there is no service {name} on {session.host}", exit_code=NO_SUCH_SERVICE, output=found.text, service=name
        )
    raise Unreadable(_message(session, name, found))


def _failed(session: Session, name: str, verb: str, output: Output) -> CommandFailed:
    remedy = "the host's System event log says why"
    if output.exit_code == DEPENDENTS_RUNNING:
        remedy = "stop the services that depend on it first"
    return CommandFailed(
        f"service {name} on {session.host} did not {verb}: error {output.exit_code}, "
        f"{' '.join(output.text.split())[:300]}",
        exit_code=output.exit_code,
        output=output.text,
        remedy=remedy,
        service=name,
    )


def _message(session: Session, name: str, output: Output) -> str:
    return (
        f"the state of service {name} on {session.host} cannot be read: error {output.exit_code}, "
        f"{console.first_line(output.text)}"
    )

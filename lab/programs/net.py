# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``net``: start, stop, use, time, localgroup, helpmsg.

Exit 0, or 2 whatever the error is ([R]; templates 3521 to 3530 [V], Q186546).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ..errors import Win32Error
from ..services import Service
from ..shell.call import Call, program
from .net_show import local_group, time
from .net_stop import patience, stop_one_by_one

FAILED = 2
PATIENCE = 3600.0
HELP_MESSAGES = {
    "2182": "net.already_started",
    "2185": "net.invalid_name",
    "2189": "net.changing",
    "3521": "net.not_started_plain",
    "3523": "net.start_failed_plain",
    "3534": "net.no_report",
}


def _changing(argv: Sequence[str]) -> bool:
    words = [word.lower() for word in argv]
    if words[:1] in (["start"], ["stop"], ["use"], ["pause"], ["continue"]):
        return len(words) > 1
    return False


@program("net", changing=_changing)
def net(call: Call) -> int:
    """Run one of ``net``'s commands."""
    words = call.argv
    verb = words[0].lower() if words else ""
    if verb == "start":
        return _start(call, " ".join(words[1:])) if len(words) > 1 else _list_started(call)
    if verb == "stop" and len(words) > 1:
        names = [word for word in words[1:] if word.lower() not in ("/y", "/yes", "/n", "/no")]
        return _stop(call, " ".join(names), yes=any(word.lower() in ("/y", "/yes") for word in words))
    if verb == "use":
        from .net_use import use

        return use(call, words[1:])
    if verb == "helpmsg" and len(words) == 2 and words[1].isdigit():
        key = HELP_MESSAGES.get(words[1])
        call.line("\n" + (call.text(key) if key else call.win32(int(words[1]))) + "\n")
        return 0
    if verb in ("time", "localgroup"):
        return time(call, words[1:]) if verb == "time" else local_group(call, " ".join(words[1:]))
    call.complain(call.text("net.usage"))
    return 1


def _find(call: Call, name: str) -> Service | None:
    """A service by its name or its display name."""
    for service in call.host.services.values():
        if name.lower() in (service.name.lower(), service.display.lower()):
            return service
    return None


def _is_stopped(service: Service) -> bool:
    return service.state == "stopped"


def _more_help(call: Call, number: int) -> int:
    call.complain("\n" + call.text("net.more_help", number=number) + "\n")
    return FAILED


def system_error(call: Call, code: int) -> int:
    """The general form of an error: its number, and the system's sentence."""
    call.complain(call.text("net.system_error", code=code) + "\n\n" + call.win32(code) + "\n")
    return FAILED


def _list_started(call: Call) -> int:
    call.line(call.text("net.started_list") + "\n")
    running = [each.display or each.name for each in call.host.services.values() if each.state == "running"]
    for name in sorted(running, key=str.lower):
        call.line(f"   {name}")
    call.line("\n" + call.text("net.done") + "\n")
    return 0


def _start(call: Call, name: str) -> int:
    service = _find(call, name)
    if service is None:
        call.complain(call.text("net.invalid_name"))
        return _more_help(call, 2185)
    if service.state in ("running", "start_pending"):
        call.complain(call.text("net.already_started"))
        return _more_help(call, 2182)
    try:
        call.host.start_service(service.name)
    except Win32Error as error:
        return system_error(call, error.code)
    call.line(call.text("net.starting", name=service.display))
    call.wait_until(lambda: service.state != "start_pending", PATIENCE)
    if service.state != "running":
        call.line(call.text("net.start_failed", name=service.display))
        if service.exit_code:
            call.complain("\n" + call.text("net.a_system_error") + "\n")
            return system_error(call, service.exit_code)
        call.complain("\n" + call.text("net.no_report"))
        return _more_help(call, 3534)
    call.line(call.text("net.started", name=service.display) + "\n")
    return 0


def _stop(call: Call, name: str, *, yes: bool) -> int:
    service = _find(call, name)
    if service is None:
        call.complain(call.text("net.invalid_name"))
        return _more_help(call, 2185)
    if service.state == "stopped":
        call.complain(call.text("net.not_started", name=service.display))
        return _more_help(call, 3521)
    others = call.host.service_manager.running_dependents(service.name)
    if others:
        call.line(call.text("net.dependents", name=service.display) + "\n")
        for other in others:
            call.line(f"   {other.display}")
        if not yes:
            call.out("\r\n" + call.text("net.continue"))
            answer = (call.read_line() or "").strip().lower()[:1]
            call.line()
            if answer != call.text("cmd.yes_letter").lower():
                return FAILED
        call.line()
    limit = patience(call.host, service)
    if limit is not None:
        return stop_one_by_one(call, [*others, service], limit)
    try:
        call.host.stop_service(service.name, dependents=True)
    except Win32Error as error:
        return system_error(call, error.code)
    for stopped in [*others, service]:
        call.line(call.text("net.stopping", name=stopped.display))
        call.wait_until(functools.partial(_is_stopped, stopped), PATIENCE)
        if stopped.state != "stopped":
            call.complain(call.text("net.stop_failed", name=stopped.display) + "\n")
            return FAILED
        call.line(call.text("net.stopped", name=stopped.display) + "\n")
    return 0

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sc``: the service control manager's command line.

Layout: first lines captured, rest recalled (a state's number stands before its word, and labels are translated
while ``: 4  RUNNING`` is constant [V]). Errors end with the Win32 code as exit code [V].
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Win32Error
from ..host import Host
from ..services import Service
from ..shell.call import Call, program

STATES = {
    "stopped": (1, "STOPPED", "(NOT_STOPPABLE,NOT_PAUSABLE,IGNORES_SHUTDOWN)"),
    "start_pending": (2, "START_PENDING", "(NOT_STOPPABLE,NOT_PAUSABLE,IGNORES_SHUTDOWN)"),
    "stop_pending": (3, "STOP_PENDING", "(STOPPABLE,NOT_PAUSABLE,ACCEPTS_SHUTDOWN)"),
    "running": (4, "RUNNING", "(STOPPABLE,NOT_PAUSABLE,ACCEPTS_SHUTDOWN)"),
}
START_TYPES = {
    "boot": (0, "BOOT_START"),
    "system": (1, "SYSTEM_START"),
    "auto": (2, "AUTO_START"),
    "manual": (3, "DEMAND_START"),
    "disabled": (4, "DISABLED"),
}
START_WORDS = {"boot": "boot", "system": "system", "auto": "auto", "demand": "manual", "disabled": "disabled"}
# The function that sc names in its error, by verb ([V] for query, start and control).
FUNCTIONS = {
    "query": "EnumQueryServicesStatus:OpenService",
    "queryex": "EnumQueryServicesStatus:OpenService",
    "start": "StartService",
    "stop": "ControlService",
}
OPENING = FUNCTIONS | {"start": "StartService: OpenService", "stop": "OpenService"}
READING = ("query", "queryex", "qc", "qdescription", "enumdepend", "getdisplayname", "getkeyname")
NO_SUCH_SERVICE, ACCESS_DENIED, RPC_UNAVAILABLE = 1060, 5, 1722


def _changing(argv: Sequence[str]) -> bool:
    words = [word.lower() for word in argv if not word.startswith("\\\\")]
    return bool(words) and words[0] not in READING


@program("sc", changing=_changing, systems=("server2003",))
def sc(call: Call) -> int:
    r"""``sc [\\HOST] query|queryex|qc|start|stop|config|enumdepend``; the exit code is the Win32 code."""
    words = list(call.argv)
    try:
        host = _host(call, words.pop(0)[2:]) if words and words[0].startswith("\\\\") else call.host
    except Win32Error as error:
        call.line(f"[SC] OpenSCManager FAILED {error.code}:\n\n{call.win32(error.code)}\n")
        return error.code
    verb = words.pop(0).lower() if words else ""
    try:
        if verb in ("query", "queryex"):
            return _query(call, host, words, extended=verb == "queryex")
        if words and verb == "qc":
            _configuration(call, host.service_manager.find(words[0]))
        elif words and verb == "start":
            host.start_service(words[0])
            _show(call, host.service_manager.find(words[0]), extended=True)
        elif words and verb == "stop":
            host.stop_service(words[0])
            _show(call, host.service_manager.find(words[0]), extended=False)
        elif words and verb == "config":
            return _configure(call, host, words)
        elif words and verb == "enumdepend":
            return _dependents(call, host, words[0])
        else:
            call.line(call.text("sc.usage"))
            return 1639 if verb and not words else 0 if not verb else 1639
    except Win32Error as error:
        functions = OPENING if error.code == NO_SUCH_SERVICE else FUNCTIONS
        function = functions.get(verb, "OpenService")
        call.line(f"[SC] {function} FAILED {error.code}:\n\n{call.win32(error.code)}\n")
        return error.code
    return 0


def _host(call: Call, name: str) -> Host:
    """Another host, by name. A network logon has no credentials to show it."""
    for host in call.world.machines.values():
        if name.lower() in (host.name.lower(), host.computer_name.lower(), host.address):
            if host is call.host:
                return host
            if not host.up:
                raise Win32Error(RPC_UNAVAILABLE, name)
            if call.context.credentials is None:
                raise Win32Error(ACCESS_DENIED, name)
            return host
    raise Win32Error(RPC_UNAVAILABLE, name)


def _query(call: Call, host: Host, words: list[str], *, extended: bool) -> int:
    wanted = "active"
    names: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.lower() == "state=":
            wanted = next(rest, "active").lower()
        elif word.endswith("="):
            next(rest, "")
        else:
            names.append(word)
    if names:
        _show(call, host.service_manager.find(names[0]), extended=extended)
        return 0
    for service in sorted(host.services.values(), key=lambda each: each.name.lower()):
        stopped = service.state == "stopped"
        if wanted == "all" or stopped == (wanted == "inactive"):
            _show(call, service, extended=extended, display=True)
    return 0


def _show(call: Call, service: Service, *, extended: bool, display: bool = False) -> None:
    number, word, controls = STATES[service.state]
    kind = "10  WIN32_OWN_PROCESS" if service.own_process else "20  WIN32_SHARE_PROCESS"
    rows = [
        ("type", kind),
        ("state", f"{number}  {word}"),
        ("", controls),
        ("exit", f"{service.exit_code}  (0x{service.exit_code & 0xFFFFFFFF:x})"),
        ("service_exit", "0  (0x0)"),
        ("checkpoint", "0x0"),
        ("wait_hint", "0x0"),
    ]
    if extended:
        rows += [("pid", str(service.pid)), ("flags", "")]
    call.line(f"\n{call.text('sc.label.service')}: {service.name}")
    if display:
        call.line(f"{call.text('sc.label.display')}: {service.display}")
    for label, value in rows:
        if label:
            call.line(f"        {call.text(f'sc.label.{label}'):<19}: {value}")
        else:
            call.line(" " * 32 + value)


def _configuration(call: Call, service: Service) -> None:
    """``sc qc`` ([R])."""
    number, word = START_TYPES[service.start_type]
    kind = "10  WIN32_OWN_PROCESS" if service.own_process else "20  WIN32_SHARE_PROCESS"
    call.line("[SC] QueryServiceConfig SUCCESS\n")
    call.line(f"{call.text('sc.label.service')}: {service.name}")
    rows = [
        ("type", kind),
        ("start", f"{number}   {word}"),
        ("error_control", "1   NORMAL"),
        ("path", service.path or f"C:\\WINDOWS\\system32\\{service.image}"),
        ("order", ""),
        ("tag", "0"),
        ("display", service.display),
        ("depends", service.after[0] if service.after else ""),
        *(("", name) for name in service.after[1:]),
        ("account", service.account),
    ]
    for label, value in rows:
        title = call.text(f"sc.label.{label}") if label else ""
        call.line(f"        {title:<19}: {value} ")


def _configure(call: Call, host: Host, words: list[str]) -> int:
    service = host.service_manager.find(words[0])
    rest = iter(words[1:])
    for word in rest:
        value = next(rest, "").lower()
        if word.lower() != "start=" or value not in START_WORDS:
            call.line(call.text("sc.usage"))
            return 1639
        host.service_manager.configure(service.name, START_WORDS[value])
    call.line("[SC] ChangeServiceConfig SUCCESS")
    return 0


def _dependents(call: Call, host: Host, name: str) -> int:
    service = host.service_manager.find(name)
    found = [each for each in host.services.values() if service.name in each.after]
    call.line(f"Enum: entriesRead  = {len(found)}")
    for each in found:
        _show(call, each, extended=False, display=True)
    return 0

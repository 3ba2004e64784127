# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service control manager from afar ([MS-SCMR]), pipe svcctl: opening, querying, starting and stopping.

The forms for UTF-16 and for bytes of the host's ANSI page are the same code; those with Ex in their names came with
Windows 2000. What makes and changes services is in `rpc_svcctl_changes`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from ..errors import Win32Error
from ..scratch import is_tool
from ..service_programs import forget_if_unused, runs_program
from ..services import Service
from .rpc_interface import Handle, RpcCall, interface, no_handle
from .rpc_ndr import NdrWriter

SVCCTL = interface("svcctl", "367abb81-9844-35f1-ad32-98f038001003", "2.0")
NEWER = ("2000", "server2003")

MORE_DATA, INSUFFICIENT_BUFFER, INVALID_PARAMETER, INVALID_LEVEL = 234, 122, 87, 124
NO_SUCH_SERVICE, INVALID_CONTROL, NOT_STARTED = 1060, 1052, 1062
STATES = {"stopped": 1, "start_pending": 2, "stop_pending": 3, "running": 4}
START_TYPES = {"boot": 0, "system": 1, "auto": 2, "manual": 3, "disabled": 4}
START_WORDS = {number: word for word, number in START_TYPES.items()}
OWN_PROCESS, SHARE_PROCESS, INTERACTIVE = 0x10, 0x20, 0x100
ACTIVE, INACTIVE = 1, 2
CONTROL_STOP, CONTROL_INTERROGATE = 1, 4
#: Stop and shutdown are accepted while a service runs.
ACCEPTS = 0x05
#: Seconds until the service control manager gives up a start; a little more than it waits for a program.
START_WAIT = 90.0


class Manager(Handle):
    """The manager itself, or a lock on its database."""


class ServiceHandle(Handle):
    """An open service; a service marked for deletion goes with the last of them."""

    def __init__(self, call: RpcCall, service: Service) -> None:
        self._host = call.host
        self.service = service
        service.handles += 1

    def closed(self) -> None:
        """One holder less."""
        self.service.handles -= 1
        forget_if_unused(self._host, self.service)


def encoding(call: RpcCall) -> str:
    """The host's page for the forms with bytes."""
    return f"cp{call.host.ansi_codepage}"


def text(call: RpcCall, wide: bool) -> str:
    """A text parameter."""
    return call.read.text() if wide else call.read.narrow(encoding(call))


def optional_text(call: RpcCall, wide: bool) -> str | None:
    """A text parameter behind a unique pointer."""
    return text(call, wide) if call.read.pointer() else None


def pack_text(call: RpcCall, value: str, wide: bool) -> bytes:
    """A text with its end, as it stands in a buffer."""
    return (value + "\0").encode("utf-16-le" if wide else encoding(call), "replace")


def kind_of(service: Service) -> int:
    """The type of a service."""
    return OWN_PROCESS if service.own_process else SHARE_PROCESS


def status_of(service: Service) -> tuple[int, ...]:
    """SERVICE_STATUS: type, state, accepted controls, exit codes, check point, wait hint."""
    pending = service.state in ("start_pending", "stop_pending")
    accepts = ACCEPTS if service.state == "running" else 0
    return (
        kind_of(service),
        STATES[service.state],
        accepts,
        service.exit_code & 0xFFFFFFFF,
        0,
        int(pending),
        30000 if pending else 0,
    )


def path_of(call: RpcCall, service: Service) -> str:
    """The image path."""
    return service.path or f"{call.host.system_root}\\system32\\{service.image}"


def write_status(write: NdrWriter, status: tuple[int, ...]) -> None:
    """A SERVICE_STATUS."""
    for value in status:
        write.u32(value)


def _no_status(write: NdrWriter) -> None:
    write_status(write, (0,) * 7)


def find(call: RpcCall, name: str) -> Service:
    """A service by its name; raises Win32Error 1060."""
    return call.host.service_manager.find(name)


Form = Callable[[RpcCall, bool], int]


def both(number: int, narrow: int, *, refused: Callable[[NdrWriter], None]) -> Callable[[Form], Form]:
    """Register a function as the form for UTF-16 and as the form for bytes."""

    def register(function: Form) -> Form:
        SVCCTL.operation(number, refused=refused)(lambda call: function(call, True))
        SVCCTL.operation(narrow, refused=refused)(lambda call: function(call, False))
        return function

    return register


@both(15, 27, refused=no_handle)
def open_manager(call: RpcCall, wide: bool) -> int:
    """ROpenSCManager."""
    optional_text(call, wide)
    database = optional_text(call, wide)
    call.check_admin()
    if database and database.lower() != "servicesactive":
        raise Win32Error(1065, database)
    call.write.raw(call.open(Manager()))
    return 0


@both(16, 28, refused=no_handle)
def open_service(call: RpcCall, wide: bool) -> int:
    """ROpenService."""
    call.handle(Manager)
    name = text(call, wide)
    call.write.raw(call.open(ServiceHandle(call, find(call, name))))
    return 0


@SVCCTL.operation(0, refused=no_handle)
def close(call: RpcCall) -> int:
    """RCloseServiceHandle."""
    call.close()
    return 0


@SVCCTL.operation(3, refused=no_handle)
def lock(call: RpcCall) -> int:
    """RLockServiceDatabase: nothing else starts services here."""
    call.handle(Manager)
    call.write.raw(call.open(Manager()))
    return 0


@SVCCTL.operation(8, refused=no_handle)
def unlock(call: RpcCall) -> int:
    """RUnlockServiceDatabase."""
    call.close()
    return 0


@SVCCTL.operation(6, refused=_no_status)
def query_status(call: RpcCall) -> int:
    """RQueryServiceStatus."""
    service = call.handle(ServiceHandle).service
    with call.journal(f"svcctl QueryServiceStatus {service.name}", changes=False, part=True):
        write_status(call.write, status_of(service))
    return 0


def no_buffer(write: NdrWriter) -> None:
    """An empty buffer, and nothing needed."""
    write.array(b"")
    write.u32(0)


def _status_ex(call: RpcCall, service: Service) -> bytes:
    return struct.pack("<9I", *status_of(service), service.pid, 0)


@SVCCTL.operation(40, refused=no_buffer, systems=NEWER)
def query_status_ex(call: RpcCall) -> int:
    """RQueryServiceStatusEx."""
    service = call.handle(ServiceHandle).service
    level, room = call.read.u32(), call.read.u32()
    with call.journal(f"svcctl QueryServiceStatus {service.name}", changes=False, part=True):
        data = _status_ex(call, service)
    code = INVALID_LEVEL if level else INSUFFICIENT_BUFFER if room < len(data) else 0
    call.write.array(bytes(room) if code else data + bytes(room - len(data)))
    call.write.u32(len(data))
    return code


@SVCCTL.operation(1, refused=_no_status)
def control(call: RpcCall) -> int:
    """RControlService: stop and interrogate; the model's services take no other control."""
    service, number = call.handle(ServiceHandle).service, call.read.u32()
    if number == CONTROL_INTERROGATE:
        with call.journal(f"svcctl QueryServiceStatus {service.name}", changes=False, part=True):
            if service.state == "stopped":
                raise Win32Error(NOT_STARTED, service.name)
    elif number == CONTROL_STOP:
        with call.journal(f"svcctl StopService {service.name}", changes=True):
            call.host.stop_service(service.name)
    else:
        raise Win32Error(INVALID_CONTROL, service.name)
    write_status(call.write, status_of(service))
    return 0


def _start(call: RpcCall) -> int:
    """RStartService: of a program that is no service the answer comes when it has ended or its time is up."""
    service = call.handle(ServiceHandle).service
    host, clock = call.host, call.world.clock
    with call.journal(f"svcctl StartService {service.name}", changes=not is_tool(service.name)):
        host.start_service(service.name)
        if runs_program(host, service):
            clock.wait_until(lambda: service.state != "start_pending", START_WAIT)
            forget_if_unused(host, service)
            if service.exit_code:
                raise Win32Error(service.exit_code, service.name)
    return 0


for _number in (19, 31):
    SVCCTL.operation(_number)(_start)


def _matches(service: Service, kinds: int, states: int) -> bool:
    state = INACTIVE if service.state == "stopped" else ACTIVE
    return bool(kinds & kind_of(service)) and bool(states & state)


def fill(
    call: RpcCall, services: list[Service], room: int, wide: bool, head: Callable[[Service], bytes], skip: int = 0
) -> tuple[bytes, int, int]:
    """Rows of services with their texts at the end of a buffer: the buffer, bytes still needed, rows in it."""
    rows: list[tuple[bytes, bytes, bytes]] = []
    used = needed = 0
    for service in services[skip:]:
        row = (head(service), pack_text(call, service.name, wide), pack_text(call, service.display, wide))
        size = 8 + sum(len(part) for part in row)
        if needed or used + size > room:
            needed += size
        else:
            rows.append(row)
            used += size
    buffer = bytearray(room)
    end, place = room, 0
    for status, name, display in rows:
        offsets = []
        for part in (display, name):
            end -= len(part)
            buffer[end : end + len(part)] = part
            offsets.append(end)
        row_bytes = struct.pack("<II", offsets[1], offsets[0]) + status
        buffer[place : place + len(row_bytes)] = row_bytes
        place += len(row_bytes)
    return bytes(buffer), needed, len(rows)


def _list(call: RpcCall, wide: bool, head: Callable[[Service], bytes], *, grouped: bool) -> int:
    kinds, states, room = call.read.u32(), call.read.u32(), call.read.u32()
    resume = call.read.optional()
    if grouped:
        optional_text(call, wide)
    if not kinds & 0x3F or not states & 3:
        raise Win32Error(INVALID_PARAMETER, "")
    with call.journal("svcctl EnumServicesStatus", changes=False):
        chosen = [service for service in call.host.services.values() if _matches(service, kinds, states)]
    room = min(room, 0x40000)
    data, needed, count = fill(call, chosen, room, wide, head, resume or 0)
    call.write.array(data)
    call.write.u32(needed)
    call.write.u32(count)
    call.write.optional(None if resume is None else (resume + count if needed else 0))
    return MORE_DATA if needed else 0


def _no_list(write: NdrWriter) -> None:
    write.array(b"")
    write.u32(0)
    write.u32(0)
    write.optional(0)


@both(14, 26, refused=_no_list)
def list_services(call: RpcCall, wide: bool) -> int:
    """REnumServicesStatus."""
    call.handle(Manager)
    return _list(call, wide, lambda service: struct.pack("<7I", *status_of(service)), grouped=False)


def _list_ex(call: RpcCall, wide: bool) -> int:
    """REnumServicesStatusEx."""
    call.handle(Manager)
    if call.read.u32():
        raise Win32Error(INVALID_LEVEL, "")
    return _list(call, wide, lambda service: _status_ex(call, service), grouped=True)


SVCCTL.operation(42, refused=_no_list, systems=NEWER)(lambda call: _list_ex(call, True))
SVCCTL.operation(41, refused=_no_list, systems=NEWER)(lambda call: _list_ex(call, False))


def _no_dependents(write: NdrWriter) -> None:
    write.array(b"")
    write.u32(0)
    write.u32(0)


@both(13, 25, refused=_no_dependents)
def list_dependents(call: RpcCall, wide: bool) -> int:
    """REnumDependentServices: all that need this one, directly or through others; those first that must stop first."""
    service = call.handle(ServiceHandle).service
    states, room = call.read.u32(), min(call.read.u32(), 0x40000)
    with call.journal(f"svcctl EnumDependentServices {service.name}", changes=False):
        chosen = [other for other in dependents(call, service) if _matches(other, 0x3F, states)]
    data, needed, count = fill(call, chosen, room, wide, lambda other: struct.pack("<7I", *status_of(other)))
    call.write.array(data)
    call.write.u32(needed)
    call.write.u32(count)
    return MORE_DATA if needed else 0


def dependents(call: RpcCall, service: Service) -> list[Service]:
    """The services that need one, in the order in which they would stop."""
    found: list[Service] = []
    for other in call.host.services.values():
        if service.name in other.after:
            for each in [*dependents(call, other), other]:
                if each not in found:
                    found.append(each)
    return found

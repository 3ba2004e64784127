# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event logs from afar ([MS-EVEN]), pipe eventlog: opening, counting and reading."""

from __future__ import annotations

import struct

from ..eventlog import Event
from .rpc_interface import Handle, RpcCall, interface, no_handle
from .rpc_ndr import NdrWriter
from .rpc_svcctl import no_buffer
from .smb_status import NtError, Status

EVENTLOG = interface("eventlog", "82273fdc-e32a-18c3-3f78-827929dc23ea", "0.0")
SEQUENTIAL, SEEK, FORWARDS, BACKWARDS = 0x1, 0x2, 0x4, 0x8
LOGS = ("Application", "System", "Security")
#: EventType, and the severity in the upper bits of the number.
KINDS = {
    "error": (0x01, 0xC0000000),
    "warning": (0x02, 0x80000000),
    "information": (0x04, 0x40000000),
    "audit_success": (0x08, 0),
    "audit_failure": (0x10, 0),
}
_HEAD = struct.Struct("<IIIIIIHHHHIIIIII")
_MAGIC = 0x654C664C
_MOST = 0x7FFFF


class LogHandle(Handle):
    """An open log and how far it has been read; `place`: index of the next record, None before the first read."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.place: int | None = None
        self.backwards = False
        self.told = False


def _open(call: RpcCall) -> int:
    """ElfrOpenELW: a log that is not known means Application [V, OpenEventLog documentation]."""
    if call.read.pointer():
        call.read.u16()
    wanted = call.read.unicode() or ""
    if not call.caller.admin:
        raise NtError(Status.ACCESS_DENIED)
    name = next((log for log in LOGS if log.lower() == wanted.lower()), LOGS[0])
    call.write.raw(call.open(LogHandle(name)))
    return 0


EVENTLOG.operation(7, refused=no_handle)(_open)


@EVENTLOG.operation(2, refused=no_handle)
def close(call: RpcCall) -> int:
    """ElfrCloseEL."""
    call.close()
    return 0


def records(call: RpcCall, log: LogHandle) -> list[Event]:
    """The records of a log, the oldest first."""
    return [event for event in call.host.events if event.log == log.name]


@EVENTLOG.operation(4, refused=lambda write: write.u32(0))
def count(call: RpcCall) -> int:
    """ElfrNumberOfRecords."""
    log = call.handle(LogHandle)
    with call.journal(f"eventlog NumberOfRecords {log.name}", changes=False):
        call.write.u32(len(records(call, log)))
    return 0


@EVENTLOG.operation(5, refused=lambda write: write.u32(0))
def oldest(call: RpcCall) -> int:
    """ElfrOldestRecord: the number of the oldest record, 0 for an empty log."""
    log = call.handle(LogHandle)
    with call.journal(f"eventlog OldestRecord {log.name}", changes=False):
        found = records(call, log)
        call.write.u32(_number(found, 0) if found else 0)
    return 0


def _number(found: list[Event], index: int) -> int:
    return found[index].record or index + 1


def pack(event: Event, number: int, computer: str) -> bytes:
    """An EVENTLOGRECORD."""
    kind, severity = KINDS.get(event.kind, (0x04, 0x40000000))
    names = (f"{event.source}\0{computer}\0").encode("utf-16-le")
    strings = event.strings or ([event.text] if event.text else [])
    body = names + bytes(-(_HEAD.size + len(names)) % 4)
    place = _HEAD.size + len(body)
    body += "".join(f"{text}\0" for text in strings).encode("utf-16-le")
    end = _HEAD.size + len(body)
    # the padding is never empty [R]
    body += bytes(4 - end % 4)
    length = _HEAD.size + len(body) + 4
    moment = int(event.time) & 0xFFFFFFFF
    identity = event.id if event.id > 0xFFFF else event.id | severity
    head = _HEAD.pack(
        length,
        _MAGIC,
        number,
        moment,
        moment,
        identity,
        kind,
        len(strings),
        event.category,
        0,
        0,
        place,
        0,
        place,
        0,
        end,
    )
    return head + body + struct.pack("<I", length)


def _nothing(write: NdrWriter) -> None:
    no_buffer(write)
    write.u32(0)


@EVENTLOG.operation(10, refused=_nothing)
def read(call: RpcCall) -> int:
    """ElfrReadELW: as many records as fit, from where the last read ended, or from a record on."""
    log = call.handle(LogHandle)
    flags, record, room = call.read.u32(), call.read.u32(), min(call.read.u32(), _MOST)
    backwards = bool(flags & BACKWARDS)
    if bool(flags & SEQUENTIAL) == bool(flags & SEEK) or backwards == bool(flags & FORWARDS):
        raise NtError(Status.INVALID_PARAMETER)
    found = records(call, log)
    if not log.told:
        log.told = True
        with call.journal(f"eventlog Read {log.name}", changes=False):
            pass
    if flags & SEEK:
        places = [index for index in range(len(found)) if _number(found, index) == record]
        if not places:
            raise NtError(Status.INVALID_PARAMETER)
        place = places[0]
    elif log.place is None:
        place = len(found) - 1 if backwards else 0
    elif log.backwards != backwards:
        # turning round, the record that was read last comes first
        place = log.place - 1 if backwards else log.place + 1
    else:
        place = log.place
    data, step = b"", -1 if backwards else 1
    while 0 <= place < len(found):
        packed = pack(found[place], _number(found, place), call.host.computer_name)
        if len(data) + len(packed) > room:
            break
        data += packed
        place += step
    else:
        if not data:
            raise NtError(Status.END_OF_FILE)
    if not data:
        call.write.array(bytes(room))
        call.write.u32(0)
        call.write.u32(len(pack(found[place], _number(found, place), call.host.computer_name)))
        return int(Status.BUFFER_TOO_SMALL)
    log.place, log.backwards = place, backwards
    call.write.array(data + bytes(room - len(data)))
    call.write.u32(len(data))
    call.write.u32(0)
    return 0

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an event log by [MS-EVEN], newest entry first. Nothing here writes.

An entry holds what its source gave: numbers and strings. The sentence around them stands in a file of messages on the
host, in its language, and is not read.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from . import rpc_library as library
from .errors import Unreadable
from .models import Event
from .rpc_errors import END_OF_FILE, RpcFailed
from .rpc_pipes import EVENTLOG, Pipes
from .rpc_smb import Broken

_SEQUENTIAL, _SEEK, _BACKWARDS = 0x0001, 0x0002, 0x0008
_TOO_SMALL = 0xC0000023
_BLOCK, _LARGEST = 0x8000, 0x7FFFF
_TYPES = {
    0: "success",
    1: "error",
    2: "warning",
    4: "information",
    8: "audit_success",
    16: "audit_failure",
}
# Entries are written in the order of their writing; when they were made may differ by a little.
_SLACK = 600.0


def read(
    pipes: Pipes, log: str, sources: Sequence[str], ids: Sequence[int] | None, since: float | None, limit: int
) -> list[Event]:
    """See ``Session.events``. An empty ``sources`` means every source."""
    wanted = {name.lower() for name in sources}
    numbers = None if ids is None else set(ids)
    found: list[Event] = []
    for written, event in records(pipes, log):
        if since is not None and written < since - _SLACK:
            break
        if since is not None and event.time < since:
            continue
        if (wanted and event.source.lower() not in wanted) or (numbers is not None and event.id not in numbers):
            continue
        found.append(event)
        # A few more than asked for, because their order by the time they were made may be another one.
        if len(found) >= limit + 16:
            break
    return sorted(found, key=lambda event: event.time, reverse=True)[:limit]


def records(pipes: Pipes, log: str) -> Iterator[tuple[float, Event]]:
    """The entries of a log, newest first, each with the time when it was written."""
    last = _newest(pipes, log)
    if last is None:
        return
    # Where to begin is left to the host: given a number, Windows NT and 2000 fail on a large log (KB 177199 [V]).
    begun = False
    for number, written, event in _walk(pipes, log, None):
        if not begun and number < last:
            # This one begins at the oldest entry, as Samba does.
            break
        begun = True
        yield written, event
    if not begun:
        yield from ((written, event) for unused, written, event in _walk(pipes, log, last))


@contextmanager
def _opened(pipes: Pipes, log: str) -> Iterator[Any]:
    request = library.even.ElfrOpenELW()
    request["UNCServerName"] = library.dtypes.NULL
    request["ModuleName"], request["RegModuleName"] = log, ""
    request["MajorVersion"] = request["MinorVersion"] = 1
    handle = pipes.call(EVENTLOG, request, f"opening the event log {log}")["LogHandle"]
    try:
        yield handle
    finally:
        request = library.even.ElfrCloseEL()
        request["LogHandle"] = handle
        with suppress(RpcFailed, Broken):
            pipes.call(EVENTLOG, request, "closing an event log")


def _newest(pipes: Pipes, log: str) -> int | None:
    """The number of the newest entry; None: the log is empty."""
    with _opened(pipes, log) as handle:
        request = library.even.ElfrNumberOfRecords()
        request["LogHandle"] = handle
        count = pipes.call(EVENTLOG, request, f"reading the event log {log}")["NumberOfRecords"]
        if not count:
            return None
        request = library.even.ElfrOldestRecord()
        request["LogHandle"] = handle
        oldest = pipes.call(EVENTLOG, request, f"reading the event log {log}")["OldestRecordNumber"]
        return int(oldest + count - 1)


def _walk(pipes: Pipes, log: str, begin: int | None) -> Iterator[tuple[int, float, Event]]:
    """Entries backwards, from the newest or from a number: number, time of writing, entry."""
    what, size = f"reading the event log {log}", _BLOCK
    with _opened(pipes, log) as handle:
        while begin is None or begin > 0:
            request = library.even.ElfrReadELW()
            request["LogHandle"], request["NumberOfBytesToRead"] = handle, size
            request["ReadFlags"] = _BACKWARDS | (_SEQUENTIAL if begin is None else _SEEK)
            request["RecordOffset"] = begin or 0
            try:
                answer = pipes.call(EVENTLOG, request, what, fine=(_TOO_SMALL,))
            except RpcFailed as error:
                if error.exit_code == END_OF_FILE:
                    return
                raise
            if answer["ErrorCode"] == _TOO_SMALL:
                if size >= _LARGEST:
                    raise Unreadable(f"an entry of the event log {log} of {pipes.wire.host} is too long")
                size = min(max(answer["MinNumberOfBytesNeeded"], size * 2), _LARGEST)
                continue
            found = list(parse(b"".join(answer["Buffer"])[: answer["NumberOfBytesRead"]]))
            if not found:
                return
            yield from found
            if begin is not None:
                begin = found[-1][0] - 1


def parse(block: bytes) -> Iterator[tuple[int, float, Event]]:
    """The records (EVENTLOGRECORD) in what one call brought, each with its number and the time of its writing.

    A damaged one ends the block.
    """
    at = 0
    while at + 56 <= len(block):
        length, signature = struct.unpack_from("<I4s", block, at)
        if signature != b"LfLe" or length < 56 or at + length > len(block):
            return
        record_number, made, written, number, kind, count = struct.unpack_from("<IIIIHH", block, at + 8)
        begin = struct.unpack_from("<I", block, at + 36)[0]
        record = block[at : at + length]
        source, unused = _text(record, 56)
        del unused
        strings: list[str] = []
        for unused_number in range(count):
            text, begin = _text(record, begin)
            strings.append(text)
        yield (
            int(record_number),
            float(written),
            Event(
                time=float(made),
                source=source,
                id=number & 0xFFFF,
                type=_TYPES.get(kind, "unknown"),
                text="\n".join(strings),
                strings=tuple(strings),
            ),
        )
        at += length


def _text(record: bytes, at: int) -> tuple[str, int]:
    """A text that ends with a zero, and where the next one begins."""
    end = at
    while end + 1 < len(record) and record[end : end + 2] != b"\0\0":
        end += 2
    return record[at:end].decode("utf-16-le", "replace"), end + 2

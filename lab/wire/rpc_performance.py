# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Performance data as the registry gives them: the objects System (2) and Process (230).

A PERF_DATA_BLOCK with objects, the definitions of their counters, instances and the counters' values, all by numbers
[V, winperf.h as documented: PERF_DATA_BLOCK, PERF_OBJECT_TYPE, PERF_COUNTER_DEFINITION, PERF_INSTANCE_DEFINITION].
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ..errors import Win32Error
from .smb_info import filetime

if TYPE_CHECKING:
    from ..host import Host

INVALID_PARAMETER = 87
SYSTEM, PROCESS = 2, 230
UP_TIME, PROCESS_ID, ELAPSED, PARENT_ID, WORKING_SET, PROCESSES = 674, 784, 684, 1410, 180, 248
#: PERF_ELAPSED_TIME, PERF_COUNTER_RAWCOUNT, PERF_COUNTER_LARGE_RAWCOUNT.
ELAPSED_TIME, RAW, LARGE_RAW = 0x30240500, 0x00010000, 0x00010100
FREQUENCY = 10_000_000
#: (counter, its type, its size)
_SYSTEM = ((PROCESSES, RAW, 4), (UP_TIME, ELAPSED_TIME, 8))
_PROCESS = ((ELAPSED, ELAPSED_TIME, 8), (PROCESS_ID, RAW, 4), (PARENT_ID, RAW, 4), (WORKING_SET, RAW, 4))
_COUNTER = struct.Struct("<10I")
#: Length of a PERF_DATA_BLOCK without the computer's name.
_HEAD = 88


def data(host: Host, names: str) -> bytes:
    """The block for numbers of objects with blanks between them, or "Global" for all; raises Win32Error 87."""
    wanted = {SYSTEM, PROCESS} if names.lower() in ("", "global") else set()
    for word in names.split():
        if word.isdigit():
            wanted.add(int(word))
        elif word.lower() not in ("global", "costly"):
            raise Win32Error(INVALID_PARAMETER, names)
    objects = []
    if SYSTEM in wanted:
        objects.append(_system(host))
    if PROCESS in wanted:
        objects.append(_processes(host))
    return _block(host, objects)


def _block(host: Host, objects: list[bytes]) -> bytes:
    name = (host.computer_name + "\0").encode("utf-16-le")
    length = _HEAD + len(name) + -(_HEAD + len(name)) % 8
    total = length + sum(len(each) for each in objects)
    now = host.local_time
    moment = (now.year, now.month, (now.weekday() + 1) % 7, now.day, now.hour, now.minute, now.second)
    block = "PERF".encode("utf-16-le")
    block += struct.pack("<IIIIIIi", 1, 1, 1, total, length, len(objects), SYSTEM if objects else -1)
    block += struct.pack("<8H", *moment, now.microsecond // 1000) + bytes(4)
    ticks = int((host.world.clock.time - host.boot_time) * FREQUENCY)
    block += struct.pack("<QQQII", ticks, FREQUENCY, filetime(host.now), len(name), _HEAD) + name
    return block + bytes(length - len(block)) + b"".join(objects)


def _definitions(counters: tuple[tuple[int, int, int], ...]) -> tuple[bytes, int]:
    """The definitions of counters, and the length of their block of values."""
    rows, place = b"", 8
    for number, kind, size in counters:
        place += -place % size
        rows += _COUNTER.pack(_COUNTER.size, number, 0, number, 0, 0, 0, kind, size, place)
        place += size
    return rows, place + -place % 8


def _values(counters: tuple[tuple[int, int, int], ...], length: int, values: dict[int, int]) -> bytes:
    block = bytearray(length)
    struct.pack_into("<I", block, 0, length)
    place = 8
    for number, unused, size in counters:
        place += -place % size
        most = (1 << 8 * size) - 1
        struct.pack_into("<Q" if size == 8 else "<I", block, place, values.get(number, 0) & most)
        place += size
    return bytes(block)


def _object(number: int, counters: tuple[tuple[int, int, int], ...], instances: int, body: bytes, host: Host) -> bytes:
    """An object. Its own timer is the system's clock: an elapsed time is told as the moment at which it began [R]."""
    rows, head = _definitions(counters)[0], 64
    definition = head + len(rows)
    numbers = (definition + len(body), definition, head, number, 0, number, 0, 100, len(counters), 0, instances, 0)
    return struct.pack("<IIIIIIIIIiiI", *numbers) + struct.pack("<QQ", filetime(host.now), FREQUENCY) + rows + body


def _system(host: Host) -> bytes:
    _unused, length = _definitions(_SYSTEM)
    values = {PROCESSES: len(host.processes), UP_TIME: filetime(host.boot_time + host.clock_skew)}
    return _object(SYSTEM, _SYSTEM, -1, _values(_SYSTEM, length, values), host)


def _processes(host: Host) -> bytes:
    _unused, length = _definitions(_PROCESS)
    body = b""
    for process in host.processes:
        image = process.image
        name = image.rsplit(".", 1)[0] if image.lower().endswith((".exe", ".com")) else image
        name = {"System Idle Process": "Idle"}.get(name, name)[:15]
        wide = (name + "\0").encode("utf-16-le")
        head = 24 + len(wide) + -(24 + len(wide)) % 8
        began = filetime(process.started + host.clock_skew)
        values = {ELAPSED: began, PROCESS_ID: process.pid, WORKING_SET: process.memory}
        instance = struct.pack("<IIIiII", head, 0, 0, -1, 24, len(wide)) + wide
        body += instance + bytes(head - len(instance)) + _values(_PROCESS, length, values)
    return _object(PROCESS, _PROCESS, len(host.processes), body, host)

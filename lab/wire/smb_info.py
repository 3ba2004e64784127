# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an information level says of a file or a volume ([MS-CIFS] 2.2.8, [MS-FSCC] 2.4 and 2.5 for those of NT)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ..files import Entry, Volume
from .smb_status import NtError, Status

DIRECTORY, ARCHIVE = 0x10, 0x20
SECTOR, SECTORS_PER_UNIT = 512, 8
_EPOCH = 11644473600
_TRANSLATED = str.maketrans({"<": "*", ">": "?", '"': "."})


def attributes(entry: Entry) -> int:
    """The attributes of a file: a directory, or to be archived."""
    return DIRECTORY if entry.is_dir else ARCHIVE


def filetime(moment: float) -> int:
    """Epoch seconds as Windows counts time: 100 ns since 1601."""
    return int((moment + _EPOCH) * 10_000_000)


def epoch(value: int) -> float | None:
    """A time as Windows counts it in epoch seconds; None where it says "leave it" (0 or -1)."""
    return None if value in (0, 0xFFFFFFFFFFFFFFFF) else value / 10_000_000 - _EPOCH


def dos_time(moment: float) -> tuple[int, int]:
    """Date and time of a moment as DOS has them."""
    when = datetime.fromtimestamp(moment, UTC)
    return (when.year - 1980) << 9 | when.month << 5 | when.day, when.hour << 11 | when.minute << 5 | when.second // 2


def plain_mask(name: str) -> str:
    """A pattern with the characters that NT's clients use for the wildcards of DOS put back."""
    return name.translate(_TRANSLATED)


@dataclass
class Described:
    """A file to be described: its entry, its name within the share, whether it is deleted at its close."""

    entry: Entry
    name: str
    delete_pending: bool = False


def _times(entry: Entry) -> bytes:
    return struct.pack("<Q", filetime(entry.modified)) * 4


def _basic(file: Described) -> bytes:
    return _times(file.entry) + struct.pack("<II", attributes(file.entry), 0)


def _standard(file: Described) -> bytes:
    size = file.entry.size
    return struct.pack("<QQIBBH", size, size, 1, int(file.delete_pending), int(file.entry.is_dir), 0)


def _name(file: Described) -> bytes:
    wide = ("\\" + file.name.lstrip("\\")).encode("utf-16-le")
    return struct.pack("<I", len(wide)) + wide


def _all(file: Described) -> bytes:
    """SMB_QUERY_FILE_ALL_INFO, as it goes over the wire in SMB 1."""
    return _basic(file) + _standard(file)[:22] + b"\0\0" + struct.pack("<I", 0) + _name(file)


def _all_of_nt(file: Described) -> bytes:
    """FileAllInformation: basic, standard, index, extended attributes, access, position, mode, alignment, name."""
    return _basic(file) + _standard(file) + struct.pack("<QIIQII", 0, 0, 0x001F01FF, 0, 0, 0) + _name(file)


def _stream(file: Described) -> bytes:
    if file.entry.is_dir:
        return b""
    name = "::$DATA".encode("utf-16-le")
    return struct.pack("<IIQQ", 0, len(name), file.entry.size, file.entry.size) + name


def _old(file: Described) -> bytes:
    """SMB_INFO_STANDARD."""
    date, time = dos_time(file.entry.modified)
    return struct.pack(
        "<HHHHHHIIH", date, time, date, time, date, time, file.entry.size, file.entry.size, attributes(file.entry)
    )


def _short_name(file: Described) -> bytes:
    wide = file.name.rpartition("\\")[2][:12].encode("utf-16-le")
    return struct.pack("<I", len(wide)) + wide


def _open(file: Described) -> bytes:
    size = file.entry.size
    return _times(file.entry) + struct.pack("<QQII", size, size, attributes(file.entry), 0)


_FILE: dict[int, Callable[[Described], bytes]] = {
    0x0001: _old,
    0x0002: lambda file: _old(file) + bytes(4),
    0x0101: _basic,
    0x0102: _standard,
    0x0103: lambda file: bytes(4),
    0x0104: _name,
    0x0107: _all,
    0x0108: _short_name,
    0x0109: _stream,
    0x010B: lambda file: struct.pack("<QHBBB", file.entry.size, 0, 0, 0, 0) + bytes(3),
    # the same by the numbers of NT ("pass-through": 1000 and FILE_INFORMATION_CLASS)
    1004: _basic,
    1005: _standard,
    1006: lambda file: bytes(8),
    1007: lambda file: bytes(4),
    1009: _name,
    1018: _all_of_nt,
    1021: _short_name,
    1022: _stream,
    1034: _open,
    1035: lambda file: struct.pack("<II", attributes(file.entry), 0),
}


def describe(file: Described, level: int) -> bytes:
    """What a level says of a file; raises NtError for a level that is not known."""
    found = _FILE.get(level)
    if found is None:
        raise NtError(Status.NOT_SUPPORTED)
    return found(file)


def describe_volume(volume: Volume, level: int, serial: int, unicode: bool) -> bytes:
    """What a level says of a volume; raises NtError for a level that is not known."""
    unit = SECTOR * SECTORS_PER_UNIT
    total, free = volume.capacity // unit, volume.free_bytes // unit
    if level == 0x0001:
        most = 0xFFFFFFFF
        return struct.pack("<IIIIH", 0, SECTORS_PER_UNIT, min(total, most), min(free, most), SECTOR)
    if level == 0x0002:
        return struct.pack("<IB", serial, 0)
    if level in (0x0102, 1001):
        return struct.pack("<QIIH", filetime(0), serial, 0, 0)
    if level in (0x0103, 1003):
        return struct.pack("<QQII", total, free, SECTORS_PER_UNIT, SECTOR)
    if level in (0x0104, 1004):
        return struct.pack("<II", 7, 0x20)
    if level in (0x0105, 1005):
        name = "NTFS".encode("utf-16-le")
        # case is kept, names are Unicode, access lists
        return struct.pack("<III", 0x0000000E, 255, len(name)) + name
    if level == 1007:
        return struct.pack("<QQQII", total, free, free, SECTORS_PER_UNIT, SECTOR)
    raise NtError(Status.NOT_SUPPORTED)


def listed(entry: Entry, name: str, level: int, index: int, unicode: bool) -> bytes:
    """One row of a directory's listing, its NextEntryOffset 0; raises NtError for a level that is not known."""
    wide = name.encode("utf-16-le") if unicode else name.encode("cp850", "replace")
    size = entry.size
    if level == 0x0001:
        raise NtError(Status.NOT_SUPPORTED)
    if level == 0x0103:
        return struct.pack("<III", 0, index, len(wide)) + wide
    head = struct.pack("<II", 0, index) + _times(entry) + struct.pack("<QQII", size, size, attributes(entry), len(wide))
    if level == 0x0101:
        return head + wide
    head += struct.pack("<I", 0)
    if level == 0x0102:
        return head + wide
    if level == 0x0104:
        return head + bytes(26) + wide
    if level == 0x0105:
        return head + struct.pack("<IQ", 0, index + 1) + wide
    if level == 0x0106:
        return head + bytes(26) + struct.pack("<HQ", 0, index + 1) + wide
    raise NtError(Status.NOT_SUPPORTED)


def listed_old(entry: Entry, name: str, unicode: bool, resume_key: bytes) -> bytes:
    """One row of a listing at the level SMB_INFO_STANDARD, which has no offsets."""
    date, time = dos_time(entry.modified)
    wide = name.encode("utf-16-le") if unicode else name.encode("cp850", "replace")
    row = resume_key + struct.pack(
        "<HHHHHHIIHB", date, time, date, time, date, time, entry.size, entry.size, attributes(entry), len(wide)
    )
    return row + wide + (b"\0\0" if unicode else b"\0")

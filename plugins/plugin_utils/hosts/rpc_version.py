# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of a program file, read out of the file itself: the few bytes of it that matter ([V], PE format)."""

from __future__ import annotations

import struct
from collections.abc import Callable

Read = Callable[[int, int], bytes]
"""Offset and size -> bytes, fewer at the end of the file."""

_RESOURCES, _VERSION = 2, 16
_SIGNATURE = struct.pack("<I", 0xFEEF04BD)
_SUBFOLDER = 0x80000000


def file_version(read: Read) -> str | None:
    """``6.5.7638.1`` out of VS_FIXEDFILEINFO; None when the file is no program or has no version."""
    try:
        return _file_version(read)
    except (struct.error, IndexError):
        return None


def _file_version(read: Read) -> str | None:
    head = read(0, 64)
    if head[:2] != b"MZ":
        return None
    header = struct.unpack_from("<I", head, 60)[0]
    pe = read(header, 24 + 256)
    if pe[:4] != b"PE\0\0":
        return None
    sections, optional = struct.unpack_from("<H", pe, 6)[0], struct.unpack_from("<H", pe, 20)[0]
    # The table of directories stands behind 96 bytes in a 32-bit program, behind 112 in a 64-bit one.
    tables = 24 + (112 if struct.unpack_from("<H", pe, 24)[0] == 0x20B else 96)
    resources = struct.unpack_from("<I", pe, tables + 8 * _RESOURCES)[0]
    if not resources:
        return None
    table = read(header + 24 + optional, 40 * sections)
    places = [struct.unpack_from("<IIII", table, 40 * index + 8) for index in range(sections)]

    def offset(address: int) -> int | None:
        for size, begin, raw_size, raw in places:
            if begin <= address < begin + max(size, raw_size):
                return int(address - begin + raw)
        return None

    root = offset(resources)
    if root is None:
        return None
    entry = _folder(read, root, 0).get(_VERSION)
    for unused in range(2):
        # The first name, then the first language.
        if entry is None or not entry & _SUBFOLDER:
            return None
        entry = next(iter(_folder(read, root, entry & ~_SUBFOLDER).values()), None)
    if entry is None or entry & _SUBFOLDER:
        return None
    address, size = struct.unpack("<II", read(root + entry, 8))
    place = offset(address)
    if place is None:
        return None
    data = read(place, min(size, 512))
    at = data.find(_SIGNATURE)
    if at < 0:
        return None
    high, low = struct.unpack_from("<II", data, at + 8)
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}.{low & 0xFFFF}"


def _folder(read: Read, root: int, at: int) -> dict[int, int]:
    """A folder of resources: number or name -> where its content stands, from the root."""
    named, numbered = struct.unpack("<HH", read(root + at + 12, 4))
    rows = read(root + at + 16, 8 * (named + numbered))
    return dict(struct.iter_unpack("<II", rows[: len(rows) // 8 * 8]))

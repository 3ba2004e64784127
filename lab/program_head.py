# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The beginning of a program's file that carries a version: headers and one section with the version resource.

[V, the documented format of portable executables: COFF header, optional header of 32-bit programs, resource tables,
VS_VERSIONINFO with VS_FIXEDFILEINFO]
"""

from __future__ import annotations

import struct
from functools import cache

_PE, _SECTION_RAW, _SECTION_ADDRESS = 0x80, 0x200, 0x1000
_VERSION_TYPE, _ENGLISH, _FOLDER = 16, 1033, 0x80000000
_RESOURCES = 2


@cache
def head(version: str) -> bytes:
    """The first bytes of a program with a version of four numbers, such as 6.5.7638.1."""
    section = _resources(version)
    dos = b"MZ" + bytes(58) + struct.pack("<I", _PE)
    coff = struct.pack("<HHIIIHH", 0x014C, 1, 0, 0, 0, 224, 0x0102)
    # magic, linker, three sizes, entry, two bases, image base, alignments, versions, size of image and headers ...
    optional = struct.pack("<HBBIIIIII", 0x010B, 7, 10, 0, len(section), 0, 0, 0, 0)
    optional += struct.pack("<IIIHHHHHHIIIIHH", 0x400000, 0x1000, 0x200, 4, 0, 0, 0, 4, 0, 0, 0x2000, 0x200, 0, 3, 0)
    optional += struct.pack("<IIIIII", 0x100000, 0x1000, 0x100000, 0x1000, 0, 16)
    for number in range(16):
        there = number == _RESOURCES
        optional += struct.pack("<II", _SECTION_ADDRESS if there else 0, len(section) if there else 0)
    row = b".rsrc\0\0\0" + struct.pack(
        "<IIIIIIHHI", len(section), _SECTION_ADDRESS, len(section), _SECTION_RAW, 0, 0, 0, 0, 0x40000040
    )
    whole = dos + bytes(_PE - len(dos)) + b"PE\0\0" + coff + optional + row
    return whole + bytes(_SECTION_RAW - len(whole)) + section


def _resources(version: str) -> bytes:
    """Type, name and language of the one resource, its place, and itself."""
    size, tables = 24, b""
    for level, number in enumerate((_VERSION_TYPE, 1, _ENGLISH)):
        below = size * (level + 1)
        tables += struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1)
        tables += struct.pack("<II", number, below | (_FOLDER if level < 2 else 0))
    info = _version(version)
    start = len(tables) + 16
    return tables + struct.pack("<IIII", _SECTION_ADDRESS + start, len(info), 0, 0) + info


def _version(version: str) -> bytes:
    numbers = [int(part) for part in version.split(".")]
    high, low = numbers[0] << 16 | numbers[1], numbers[2] << 16 | numbers[3]
    fixed = struct.pack("<IIIIII", 0xFEEF04BD, 0x10000, high, low, high, low)
    fixed += struct.pack("<IIIIIII", 0x3F, 0, 0x40004, 1, 0, 0, 0)
    key = "VS_VERSION_INFO\0".encode("utf-16-le")
    gap = -(6 + len(key)) % 4
    return struct.pack("<HHH", 6 + len(key) + gap + len(fixed), len(fixed), 0) + key + bytes(gap) + fixed

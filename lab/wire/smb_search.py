# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listing directories: FIND_FIRST2, FIND_NEXT2, FIND_CLOSE2."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import Win32Error
from ..files import NOT_A_DIRECTORY, PATH_NOT_FOUND, Entry
from ..shell.filesystem import matches
from .smb_commands import Outcome, Transaction, command, transaction2
from .smb_info import DIRECTORY, listed, listed_old, plain_mask
from .smb_information import fields_of, unpack
from .smb_packet import Answer, Block, Message
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection

CLOSE_AFTER, CLOSE_AT_END, RETURN_KEYS, CONTINUE = 0x1, 0x2, 0x4, 0x8
OLD_LEVEL = 0x0001
#: Rows begin at places that can be divided by this.
ALIGNED = 8


@dataclass
class Search:
    """A listing under way: rows (name, entry) and how many of them have been told."""

    rows: list[tuple[str, Entry]]
    told: int = 0


@dataclass
class _Part:
    """What of a listing fits into one answer."""

    data: bytearray = field(default_factory=bytearray)
    count: int = 0
    last: int = 0


@transaction2(0x01)
def find_first(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_FIND_FIRST2."""
    wanted, most, flags, level, _unused = unpack(transaction, "HHHHI")
    tree = connection.tree(transaction.message)
    name = plain_mask(fields_of(transaction, 12).text())
    folder, _unused_cut, mask = name.rpartition("\\")
    base = tree.path(folder)
    files = tree.disk()
    with connection.server.look("list", f"{base.rstrip(chr(92))}\\{mask}"):
        directory = files.find(base)
        if directory is None:
            raise Win32Error(PATH_NOT_FOUND, base)
        if not directory.is_dir:
            raise Win32Error(NOT_A_DIRECTORY, base)
        entries = files.entries(base)
    rows: list[tuple[str, Entry]] = []
    if "*" in mask or "?" in mask:
        if matches("..", mask) or mask == "*":
            rows += [(".", directory), ("..", directory)]
        rows += [(entry.name, entry) for entry in entries if matches(entry.name, mask)]
    else:
        rows = [(entry.name, entry) for entry in entries if entry.name.lower() == mask.lower()]
        if not mask:
            rows = [("\\", directory)]
    if not wanted & DIRECTORY:
        rows = [(name, entry) for name, entry in rows if not entry.is_dir]
    if not rows:
        raise NtError(Status.NO_SUCH_FILE)
    search = Search(rows)
    part = _fill(search, level, most, flags, transaction)
    ended = search.told >= len(search.rows)
    number = connection.next_fid()
    if not (flags & CLOSE_AFTER or (ended and flags & CLOSE_AT_END)):
        connection.searches[number] = search
    parameters = struct.pack("<HHHHH", number, part.count, int(ended), 0, part.last)
    return Outcome(parameters, bytes(part.data))


@transaction2(0x02)
def find_next(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_FIND_NEXT2: goes on behind the name or the key that the client gives."""
    number, most, level, key, flags = unpack(transaction, "HHHIH")
    name = fields_of(transaction, 12).text()
    connection.tree(transaction.message)
    search = connection.searches.get(number)
    if search is None:
        raise NtError(Status.INVALID_HANDLE)
    if not flags & CONTINUE:
        names = [row[0].lower() for row in search.rows]
        if name.lower() in names:
            search.told = names.index(name.lower()) + 1
        elif key:
            search.told = min(key, len(names))
    part = _fill(search, level, most, flags, transaction)
    ended = search.told >= len(search.rows)
    if flags & CLOSE_AFTER or (ended and flags & CLOSE_AT_END):
        connection.searches.pop(number, None)
    return Outcome(struct.pack("<HHHH", part.count, int(ended), 0, part.last), bytes(part.data))


@command(0x34)
def find_close(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_FIND_CLOSE2."""
    connection.searches.pop(block.unpack("H")[0], None)
    return Answer()


def _fill(search: Search, level: int, most: int, flags: int, transaction: Transaction) -> _Part:
    """Rows until the answer is full; at least one, or the client would ask for ever."""
    part = _Part()
    unicode = transaction.message.unicode
    before = 0
    while search.told < len(search.rows) and part.count < max(1, most):
        name, entry = search.rows[search.told]
        if level == OLD_LEVEL:
            key = struct.pack("<I", search.told + 1) if flags & RETURN_KEYS else b""
            row, gap = listed_old(entry, name, unicode, key), 0
        else:
            row, gap = listed(entry, name, level, search.told + 1, unicode), -len(part.data) % ALIGNED
        if part.count and len(part.data) + gap + len(row) > transaction.max_data:
            break
        part.data += bytes(gap)
        if part.count and level != OLD_LEVEL:
            struct.pack_into("<I", part.data, before, len(part.data) - before)
        before = part.last = len(part.data)
        part.data += row
        part.count += 1
        search.told += 1
    return part

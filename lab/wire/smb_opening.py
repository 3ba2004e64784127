# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that open, read, write and close files and named pipes ([MS-CIFS] 2.2.4)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .smb_commands import command
from .smb_files import (
    CREATE,
    CREATED,
    NON_DIRECTORY_FILE,
    OPEN,
    OPEN_IF,
    OPENED,
    OVERWRITE,
    OVERWRITE_IF,
    READ_DATA,
    WRITE_DATA,
    OpenFile,
    keep,
    open_file,
)
from .smb_info import attributes
from .smb_packet import Answer, Block, Message
from .smb_pipes import OpenPipe, open_pipe
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection

#: The most that one large read answers: what a frame of 17 bits has room for.
MAX_READ = 0x1FF00


@command(0xA2)
def nt_create(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_NT_CREATE_ANDX: files, directories and named pipes."""
    values = block.unpack("BHIIIQIIIIIB")
    _unused, _unused_length, _unused_flags, root, access, _unused_size, _unused_attributes = values[:7]
    disposition, options = values[8], values[9]
    tree, session = connection.tree(message), connection.session(message)
    name = message.fields(block).text()
    if root:
        base = connection.opened(root)
        if not isinstance(base, OpenFile):
            raise NtError(Status.INVALID_HANDLE)
        name = f"{base.path[len(tree.base) :]}\\{name}"
    if tree.files is None:
        fid = keep(connection, open_pipe(connection, tree, session, name))
        return Answer(
            struct.pack("<BHI", 0, fid, OPENED) + bytes(32) + struct.pack("<IQQHHB", 0x80, 4096, 0, 2, 0x05FF, 0)
        )
    # ShareAccess without the right to write: not while somebody writes into it.
    if not values[7] & 2 and tree.files.held(tree.path(name)):
        raise NtError(Status.SHARING_VIOLATION)
    opened, action = open_file(connection, tree, session.uid, name, access, disposition, options)
    entry = opened.entry
    fid = keep(connection, opened)
    moment = connection.filetime(entry.modified)
    words = struct.pack("<BHIQQQQ", 0, fid, action, moment, moment, moment, moment)
    words += struct.pack("<IQQHHB", attributes(entry), entry.size, entry.size, 0, 0, int(entry.is_dir))
    return Answer(words)


@command(0x2D)
def open_andx(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_OPEN_ANDX, the older form."""
    _unused_flags, mode, _unused_search, _unused_attributes, _unused_time, how = block.unpack("HHHHIH")
    tree, session = connection.tree(message), connection.session(message)
    access = {0: READ_DATA, 1: WRITE_DATA, 2: READ_DATA | WRITE_DATA, 3: READ_DATA}.get(mode & 7, READ_DATA)
    disposition = {(0, 1): CREATE, (1, 0): OPEN, (1, 1): OPEN_IF, (2, 0): OVERWRITE, (2, 1): OVERWRITE_IF}.get(
        (how & 3, how >> 4 & 1), OPEN
    )
    name = message.fields(block).text()
    if tree.files is None:
        fid = keep(connection, open_pipe(connection, tree, session, name))
        return Answer(struct.pack("<HHIIHHHHIHH", fid, 0, 0, 0, 2, 2, 0x05FF, 1, 0, 0, 0)[:26])
    opened, action = open_file(connection, tree, session.uid, name, access, disposition, NON_DIRECTORY_FILE)
    entry = opened.entry
    fid = keep(connection, opened)
    done = {OPENED: 1, CREATED: 2}.get(action, 3)
    words = struct.pack(
        "<HHIIHHHHIH", fid, attributes(entry), int(entry.modified), entry.size, mode & 7, 0, 0, done, 0, 0
    )
    return Answer(words)


@command(0x2E)
def read_andx(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_READ_ANDX of files and pipes."""
    fid, low, count, _unused_min, high_count, _unused = block.unpack("HIHHIH")
    offset = low + (block.unpack("HIHHIHI")[6] << 32 if len(block.words) >= 24 else 0)
    if high_count & 0xFFFF != 0xFFFF:
        count |= (high_count & 0xFFFF) << 16
    opened, status = connection.opened(fid), 0
    if isinstance(opened, OpenPipe):
        data, left = opened.read(count)
        status = Status.BUFFER_OVERFLOW if left else 0
    elif isinstance(opened, OpenFile):
        data = opened.read(offset, min(count, MAX_READ))
    else:
        raise NtError(Status.INVALID_HANDLE)
    # words: 12 with the two of ANDX; then the count of bytes, and one byte of padding
    place = 32 + 1 + 24 + 2 + 1
    words = struct.pack("<HHHHHI", 0xFFFF, 0, 0, len(data) & 0xFFFF, place, len(data) >> 16) + bytes(6)
    return Answer(words, b"\0" + data, status)


@command(0x2F)
def write_andx(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_WRITE_ANDX of files and pipes."""
    values = block.unpack("HIIHHHHH")
    fid, offset, high_count, count, place = values[0], values[1], values[5], values[6], values[7]
    if len(block.words) >= 28:
        offset += block.unpack("HIIHHHHHI")[8] << 32
    count |= high_count << 16
    data = message.packet[place : place + count]
    if len(data) < count:
        raise NtError(Status.INVALID_SMB)
    opened = connection.opened(fid)
    if isinstance(opened, OpenPipe):
        opened.write(data)
    elif isinstance(opened, OpenFile):
        opened.tree.check_writable()
        opened.write(offset, data)
    else:
        raise NtError(Status.INVALID_HANDLE)
    return Answer(struct.pack("<HHHH", count & 0xFFFF, 0xFFFF, count >> 16, 0))


@command(0x0A)
def read(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_READ, the older form."""
    fid, count, offset = block.unpack("HHI")
    opened = connection.opened(fid)
    if not isinstance(opened, OpenFile):
        raise NtError(Status.INVALID_HANDLE)
    data = opened.read(offset, count)
    return Answer(struct.pack("<H", len(data)) + bytes(8), b"\x01" + struct.pack("<H", len(data)) + data)


@command(0x0B)
def write(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_WRITE, the older form; no bytes cut the file off at the offset."""
    fid, count, offset = block.unpack("HHI")
    opened = connection.opened(fid)
    if not isinstance(opened, OpenFile):
        raise NtError(Status.INVALID_HANDLE)
    opened.tree.check_writable()
    if count:
        opened.write(offset, block.data[3 : 3 + count])
    else:
        opened.resize(offset)
    return Answer(struct.pack("<H", count))


@command(0x04)
def close(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_CLOSE."""
    (fid,) = block.unpack("H")
    opened = connection.opened(fid)
    del connection.files[fid]
    opened.close()
    return Answer()


@command(0x05)
def flush(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_FLUSH: everything is where it belongs already."""
    return Answer()


@command(0x24)
def locking(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_LOCKING_ANDX: granted; nobody else is kept from a part of a file in the model."""
    connection.opened(block.unpack("H")[0])
    return Answer()

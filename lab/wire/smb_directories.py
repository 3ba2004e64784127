# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands about names: directories, deleting, renaming, attributes, free space."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ..errors import Win32Error
from ..files import FILE_NOT_FOUND, NOT_A_DIRECTORY, PATH_NOT_FOUND
from ..shell.filesystem import matches
from .smb_commands import command
from .smb_info import attributes, plain_mask
from .smb_packet import Answer, Block, Message
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection

BLOCK, BLOCKS_PER_UNIT = 512, 8


def _name(message: Message, block: Block) -> str:
    """The name after its format byte."""
    return message.fields(block, 1).text()


@command(0x00)
def create_directory(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_CREATE_DIRECTORY."""
    tree = connection.tree(message)
    path = tree.path(_name(message, block))
    tree.check_writable()
    files = tree.disk()
    parent = files.find(path.rpartition("\\")[0] + "\\")
    with connection.server.change("mkdir", path):
        if parent is None or not parent.is_dir:
            raise Win32Error(PATH_NOT_FOUND, path)
        files.make_dir(path)
    return Answer()


@command(0x01)
def delete_directory(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_DELETE_DIRECTORY."""
    tree = connection.tree(message)
    path = tree.path(_name(message, block))
    tree.check_writable()
    with connection.server.change("rmdir", path):
        tree.disk().remove_dir(path)
    return Answer()


@command(0x06)
def delete(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_DELETE, of one file or of all that a pattern in its last part stands for."""
    tree = connection.tree(message)
    name = plain_mask(_name(message, block))
    tree.check_writable()
    folder, _unused, mask = name.rpartition("\\")
    files = tree.disk()
    with connection.server.change("delete", tree.path(folder).rstrip("\\") + "\\" + mask):
        if "*" in mask or "?" in mask:
            base = tree.path(folder)
            chosen = [e.name for e in files.entries(base) if not e.is_dir and matches(e.name, mask)]
            if not chosen:
                raise NtError(Status.NO_SUCH_FILE)
            for each in chosen:
                files.delete(f"{base.rstrip(chr(92))}\\{each}")
        else:
            path = tree.path(name)
            if files.entry(path).is_dir:
                raise NtError(Status.FILE_IS_A_DIRECTORY)
            files.delete(path)
    return Answer()


@command(0x07)
def rename(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_RENAME."""
    tree = connection.tree(message)
    fields = message.fields(block, 1)
    source = tree.path(fields.text())
    fields.byte()
    target = tree.path(fields.text())
    tree.check_writable()
    with connection.server.change("rename", source, also=target):
        tree.disk().rename(source, target)
    return Answer()


@command(0xA5)
def nt_rename(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_NT_RENAME: a rename, but no hard link."""
    if block.unpack("HH")[1] != 0x0104:
        raise NtError(Status.NOT_SUPPORTED)
    return rename(connection, message, block)


@command(0x10)
def check_directory(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_CHECK_DIRECTORY."""
    tree = connection.tree(message)
    path = tree.path(_name(message, block))
    with connection.server.look("query", path):
        if not tree.disk().entry(path).is_dir:
            raise Win32Error(NOT_A_DIRECTORY, path)
    return Answer()


@command(0x08)
def query_information(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_QUERY_INFORMATION: attributes, time and size of a name."""
    tree = connection.tree(message)
    path = tree.path(_name(message, block))
    with connection.server.look("query", path):
        found = tree.disk().entry(path)
    return Answer(struct.pack("<HII", attributes(found), int(found.modified), found.size) + bytes(10))


@command(0x09)
def set_information(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_SET_INFORMATION: the time; the model has no attributes to set."""
    tree = connection.tree(message)
    _unused, moment = block.unpack("HI")
    path = tree.path(_name(message, block))
    tree.check_writable()
    with connection.server.change("touch", path):
        found = tree.disk().entry(path)
        found.modified = float(moment) or found.modified
    return Answer()


@command(0x80)
def query_disk(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_QUERY_INFORMATION_DISK: units of the volume and how many are free, at most 65,535 of each."""
    tree = connection.tree(message)
    files = tree.disk()
    volume = files.volumes.get(tree.base[:2])
    if volume is None:
        raise Win32Error(FILE_NOT_FOUND, tree.base)
    blocks = BLOCKS_PER_UNIT
    while volume.capacity // (BLOCK * blocks) > 0xFFFF and blocks < 0x8000:
        blocks *= 2
    unit = BLOCK * blocks
    total, free = (min(0xFFFF, size // unit) for size in (volume.capacity, volume.free_bytes))
    return Answer(struct.pack("<HHHHH", total, blocks, BLOCK, free, 0))

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries and changes of files by information level, and of volumes (subcommands of TRANSACTION2)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from ..errors import Win32Error
from ..files import DIR_NOT_EMPTY, FILE_EXISTS, FILE_NOT_FOUND
from .smb_commands import Outcome, Transaction, transaction2
from .smb_files import OpenFile, delete
from .smb_info import Described, describe, describe_volume, epoch
from .smb_packet import Fields
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection
    from .smb_trees import Tree

BASIC, DISPOSITION, ALLOCATION, END_OF_FILE = (0x0101, 1004), (0x0102, 1013), (0x0103, 1019), (0x0104, 1020)
RENAME = (1010,)


def fields_of(transaction: Transaction, skip: int) -> Fields:
    """A reader of the parameters from an offset on; they begin at an even place of the message."""
    return Fields(transaction.parameters, 0, transaction.message.unicode, skip)


def unpack(transaction: Transaction, layout: str) -> tuple[int, ...]:
    """The first parameters; raises NtError when there are too few."""
    size = struct.calcsize("<" + layout)
    if len(transaction.parameters) < size:
        raise NtError(Status.INVALID_SMB)
    return struct.unpack_from("<" + layout, transaction.parameters)


@transaction2(0x03)
def query_volume(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_QUERY_FS_INFORMATION."""
    (level,) = unpack(transaction, "H")
    tree = connection.tree(transaction.message)
    volume = tree.disk().volumes.get(tree.base[:2])
    if volume is None:
        raise Win32Error(FILE_NOT_FOUND, tree.base)
    serial = zlib.crc32(f"{connection.host.computer_name}{tree.base[:2]}".encode())
    return Outcome(data=describe_volume(volume, level, serial, transaction.message.unicode))


@transaction2(0x05)
def query_path(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_QUERY_PATH_INFORMATION."""
    (level,) = unpack(transaction, "H")
    tree = connection.tree(transaction.message)
    name = fields_of(transaction, 6).text()
    path = tree.path(name)
    with connection.server.look("query", path):
        entry = tree.disk().entry(path)
    return Outcome(b"\0\0", describe(Described(entry, name), level))


@transaction2(0x07)
def query_file(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_QUERY_FILE_INFORMATION."""
    fid, level = unpack(transaction, "HH")
    opened = connection.opened(fid)
    if not isinstance(opened, OpenFile):
        raise NtError(Status.INVALID_PARAMETER)
    name = opened.path[len(opened.tree.base.rstrip("\\")) :]
    return Outcome(b"\0\0", describe(Described(opened.entry, name, opened.delete_on_close), level))


@transaction2(0x06)
def set_path(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_SET_PATH_INFORMATION."""
    (level,) = unpack(transaction, "H")
    tree = connection.tree(transaction.message)
    path = tree.path(fields_of(transaction, 6).text())
    tree.check_writable()
    _change(connection, tree, path, level, transaction.data, None)
    return Outcome(b"\0\0")


@transaction2(0x08)
def set_file(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS2_SET_FILE_INFORMATION."""
    fid, level = unpack(transaction, "HH")
    opened = connection.opened(fid)
    if not isinstance(opened, OpenFile):
        raise NtError(Status.INVALID_PARAMETER)
    opened.tree.check_writable()
    _change(connection, opened.tree, opened.path, level, transaction.data, opened)
    return Outcome(b"\0\0")


def _change(connection: Connection, tree: Tree, path: str, level: int, data: bytes, opened: OpenFile | None) -> None:
    files, server = tree.disk(), connection.server
    if level in BASIC:
        if len(data) < 32:
            raise NtError(Status.INVALID_PARAMETER)
        moment = epoch(struct.unpack_from("<Q", data, 16)[0])
        if moment is not None:
            with server.change("touch", path):
                files.entry(path).modified = moment
        return
    if level in DISPOSITION:
        _set_disposition(connection, tree, path, bool(data[:1] != b"\0"), opened)
        return
    if level in ALLOCATION:
        files.entry(path)
        return
    if level in END_OF_FILE:
        if len(data) < 8:
            raise NtError(Status.INVALID_PARAMETER)
        handle = opened or OpenFile(connection, tree, 0, path, 0)
        (size,) = struct.unpack_from("<Q", data)
        if size != handle.entry.size:
            with server.change("resize", path):
                handle.resize(size)
        return
    if level in RENAME and opened is not None:
        _rename(connection, opened, data)
        return
    raise NtError(Status.NOT_SUPPORTED)


def _set_disposition(connection: Connection, tree: Tree, path: str, wanted: bool, opened: OpenFile | None) -> None:
    """A file is deleted when it is closed; by its path it is opened and closed for that."""
    found = tree.disk().entry(path)
    if wanted and found.is_dir and found.children:
        raise Win32Error(DIR_NOT_EMPTY, path)
    if opened is not None:
        opened.delete_on_close = wanted
    elif wanted:
        with connection.server.change("delete", path):
            delete(tree.disk(), path)


def _rename(connection: Connection, opened: OpenFile, data: bytes) -> None:
    """FileRenameInformation: replace, root directory, length of the name, name."""
    if len(data) < 12:
        raise NtError(Status.INVALID_PARAMETER)
    replace, _unused_root, length = struct.unpack_from("<III", data)
    name = data[12 : 12 + length].decode("utf-16-le", "replace")
    files, source = opened.files, opened.path
    target = opened.tree.path(name) if "\\" in name else source.rpartition("\\")[0] + "\\" + name
    with connection.server.change("rename", source, also=target):
        if files.exists(target) and target.lower() != source.lower():
            if not replace & 0xFF:
                raise Win32Error(FILE_EXISTS, target)
            files.delete(target)
        files.rename(source, target)
    opened.path = target

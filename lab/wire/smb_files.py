# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files and directories: how they are opened or made, read, written, and what becomes of them at their close."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol, cast

from .. import content
from ..errors import Win32Error
from ..files import FILE_NOT_FOUND, PATH_NOT_FOUND, Entry, Files
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection
    from .smb_trees import Tree

SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF = range(6)
_MAY_CREATE = (SUPERSEDE, CREATE, OPEN_IF, OVERWRITE_IF)
_REPLACES = (SUPERSEDE, OVERWRITE, OVERWRITE_IF)
#: CreateAction of the answer.
SUPERSEDED, OPENED, CREATED, OVERWRITTEN = range(4)
DIRECTORY_FILE, NON_DIRECTORY_FILE, DELETE_ON_CLOSE = 0x01, 0x40, 0x1000
READ_DATA, WRITE_DATA, APPEND_DATA, DELETE = 0x1, 0x2, 0x4, 0x10000
GENERIC_READ, GENERIC_WRITE, GENERIC_ALL = 0x80000000, 0x40000000, 0x10000000
MAXIMUM_ALLOWED = 0x02000000
#: A long upload is a call of the journal at its first write, and again each time when so much more has come.
WRITE_CALL = 16 * 2**20
#: What a volume has room for is reckoned anew each time when a file has grown by so much.
_ROOM_STEP = 2**20


class Opened(Protocol):
    """What a number of an open file stands for: a file, a directory, or a named pipe."""

    tid: int
    uid: int

    def close(self, *, gone: bool = False) -> None:
        """The client has closed it, or is gone: then no call of the journal is made of it."""


class OpenFile:
    """An open file or directory. What is written is in the model's file at once; a call of the journal says so."""

    def __init__(self, connection: Connection, tree: Tree, uid: int, path: str, access: int) -> None:
        self.tid, self.uid = tree.tid, uid
        self.tree = tree
        self.path = path
        self.access = access
        self.delete_on_close = False
        self._connection = connection
        self._read = False
        self._told = 0
        self._written = 0
        self._buffer: bytearray | None = None
        self._room = 0

    @property
    def files(self) -> Files:
        """Where it lies."""
        return self.tree.disk()

    @property
    def entry(self) -> Entry:
        """The file in the model; raises Win32Error when it was deleted meanwhile."""
        return self.files.entry(self.path)

    def read(self, offset: int, count: int) -> bytes:
        """A part of the file."""
        if not self.access & (READ_DATA | GENERIC_READ | GENERIC_ALL | MAXIMUM_ALLOWED):
            raise NtError(Status.ACCESS_DENIED)
        entry = self.entry
        if entry.is_dir:
            raise NtError(Status.INVALID_PARAMETER)
        if not self._read:
            self._read = True
            with self._connection.server.look("read", self.path):
                pass
        return content.part(entry, offset, count)

    def write(self, offset: int, data: bytes) -> None:
        """Write a part; the file grows as far as that needs."""
        if not self.access & (WRITE_DATA | APPEND_DATA | GENERIC_WRITE | GENERIC_ALL):
            raise NtError(Status.ACCESS_DENIED)
        if self._written >= self._told:
            self._told = self._written + WRITE_CALL
            with self._connection.server.change("write", self.path):
                self._put(offset, data)
        else:
            self._put(offset, data)
        self._written += len(data)

    def resize(self, size: int) -> None:
        """Cut the file off, or let it grow with zeroes."""
        buffer = self._open_buffer()
        if size > len(buffer):
            self._grow(size)
        del buffer[size:]
        self._touch()

    def _put(self, offset: int, data: bytes) -> None:
        buffer = self._open_buffer()
        if offset + len(data) > len(buffer):
            self._grow(offset + len(data))
        buffer[offset : offset + len(data)] = data
        self._touch()

    def _grow(self, size: int) -> None:
        assert self._buffer is not None
        if size > self._room:
            free = self.files.free_bytes(self.path)
            if size - len(self._buffer) > free:
                raise NtError(Status.DISK_FULL)
            self._room = len(self._buffer) + min(free, _ROOM_STEP)
        self._buffer.extend(bytes(max(0, size - len(self._buffer))))

    def _open_buffer(self) -> bytearray:
        entry = self.entry
        if self._buffer is None or id(entry.content) != id(self._buffer):
            self._buffer = bytearray(content.part(entry, 0, entry.size))
            self._room = 0
            entry.tag = {}
            # The model's file grows in place: a copy for each write would take ever longer.
            entry.content = cast(bytes, self._buffer)
        return self._buffer

    def _touch(self) -> None:
        entry = self.entry
        entry.modified = self._connection.world.clock.time
        if self._told == self._written + WRITE_CALL or not self._written:
            self._connection.world.changed()

    def close(self, *, gone: bool = False) -> None:
        """Nothing is left to do but what was put off: the delete, and to see what kind of file has come."""
        found = self.files.find(self.path)
        if found is None:
            return
        if self._buffer is not None and id(found.content) == id(self._buffer):
            found.content = bytes(self._buffer)
            content.recognise(self._connection.world, found)
            self._connection.world.changed()
        self._buffer = None
        if not self.delete_on_close:
            return
        if gone:
            with contextlib.suppress(Win32Error):
                delete(self.files, self.path)
            return
        with self._connection.server.change("delete", self.path):
            delete(self.files, self.path)


def delete(files: Files, path: str) -> None:
    """Delete a file or an empty directory."""
    if files.entry(path).is_dir:
        files.remove_dir(path)
    else:
        files.delete(path)


def open_file(
    connection: Connection, tree: Tree, uid: int, name: str, access: int, disposition: int, options: int
) -> tuple[OpenFile, int]:
    """Open a file or directory, or make it; returns it and what was done (CreateAction)."""
    path = tree.path(name)
    files = tree.disk()
    found = _look(files, path)
    if found is not None and disposition == CREATE:
        raise NtError(Status.OBJECT_NAME_COLLISION)
    if found is None and disposition not in _MAY_CREATE:
        with connection.server.look("query", path):
            raise Win32Error(FILE_NOT_FOUND, path)
    if found is not None and found.is_dir and options & NON_DIRECTORY_FILE:
        raise NtError(Status.FILE_IS_A_DIRECTORY)
    if found is not None and not found.is_dir and options & DIRECTORY_FILE:
        raise NtError(Status.NOT_A_DIRECTORY)
    writes = access & (WRITE_DATA | APPEND_DATA | DELETE | GENERIC_WRITE | GENERIC_ALL)
    if writes or found is None or disposition in _REPLACES or options & DELETE_ON_CLOSE:
        tree.check_writable()
    action = OPENED
    if found is None:
        _make(connection, files, path, directory=bool(options & DIRECTORY_FILE))
        action = CREATED
    elif disposition in _REPLACES:
        if found.is_dir:
            raise NtError(Status.OBJECT_NAME_COLLISION)
        with connection.server.change("create", path):
            files.write(path, b"")
        action = SUPERSEDED if disposition == SUPERSEDE else OVERWRITTEN
    opened = OpenFile(connection, tree, uid, path, access)
    opened.delete_on_close = bool(options & DELETE_ON_CLOSE)
    return opened, action


def _look(files: Files, path: str) -> Entry | None:
    """The file at a path, None when only its last part is missing; raises Win32Error 3 for a missing directory."""
    try:
        return files.entry(path)
    except Win32Error as error:
        if error.code != FILE_NOT_FOUND:
            raise
        parent = files.find(path.rpartition("\\")[0] + "\\")
        if parent is None or not parent.is_dir:
            raise Win32Error(PATH_NOT_FOUND, path) from None
        return None


def _make(connection: Connection, files: Files, path: str, *, directory: bool) -> None:
    with connection.server.change("mkdir" if directory else "create", path):
        if directory:
            files.make_dir(path)
        else:
            files.write(path, b"")


def keep(connection: Connection, opened: Opened) -> int:
    """Give something open a number."""
    fid = connection.next_fid()
    connection.files[fid] = opened
    return fid

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Files of a host by SMB 1, each path as Windows writes it: ``C:\mailops\x`` is ``\mailops\x`` on the share ``C$``."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from .errors import Refused
from .rpc_errors import (
    ACCESS_DENIED,
    END_OF_FILE,
    EXISTS,
    IS_DIRECTORY,
    NO_MORE_FILES,
    NOT_EMPTY,
    NOT_FOUND,
    SHARING_VIOLATION,
    SmbFailed,
    smb_failed,
)
from .rpc_smb import Broken, Reply, Wire

_MAKE_DIR, _REMOVE_DIR, _CLOSE, _FLUSH, _DELETE, _RENAME = 0x00, 0x01, 0x04, 0x05, 0x06, 0x07
_READ, _WRITE, _TRANSACTION, _TRANS2, _CREATE, _NT_TRANSACT = 0x2E, 0x2F, 0x25, 0x32, 0xA2, 0xA0
_FIND_FIRST, _FIND_NEXT, _QUERY_FS, _QUERY_PATH = 1, 2, 3, 5
_BUFFER_OVERFLOW = 0x80000005
_EPOCH = 11644473600

READ, WRITE = 0x00120089, 0x00120116
"""FILE_GENERIC_READ; FILE_GENERIC_WRITE ([MS-SMB])."""
OPEN, CREATE, OPEN_IF, OVERWRITE_IF = 1, 2, 3, 5
SHARE_ALL = 7


@dataclass(frozen=True)
class DirEntry:
    """A file or folder. ``modified``: epoch seconds by the host's clock."""

    name: str
    size: int
    is_dir: bool
    modified: float


@dataclass(frozen=True)
class Handle:
    """An open file, folder or pipe. ``size``: bytes when it was opened."""

    tree: int
    number: int
    size: int
    is_dir: bool
    modified: float


def place(path: str) -> tuple[str, str]:
    r"""Share and path on it: ``C:\x\y`` -> ``C$``, ``\x\y``. Raises Refused for anything else."""
    text = path.replace("/", "\\")
    found = re.match(r"([A-Za-z]):(\\.*)?\Z", text, re.DOTALL)
    if not found or re.search(r'[\x00-\x1f"*?<>|]', text[2:]) or "\\..\\" in text + "\\":
        raise Refused(f"{path!r} is no full path on a drive of the host")
    return f"{found[1].upper()}$", (found[2] or "\\").rstrip("\\") or "\\"


def _name(path: str) -> bytes:
    return (path + "\0").encode("utf-16-le")


def _time(value: int) -> float:
    return value / 1e7 - _EPOCH if value > 0 else 0.0


class Files:
    """What can be done with files over one connection. Raises SmbFailed, and Broken when the connection is gone."""

    def __init__(self, wire: Wire) -> None:
        """``wire``: logged on."""
        self.wire = wire

    # ---- open files ------------------------------------------------------------------------------------

    def open(
        self, path: str, access: int = READ, disposition: int = OPEN, sharing: int = SHARE_ALL, options: int = 0
    ) -> Handle:
        """Open a file, or a folder with options=1."""
        share, rest = place(path)
        return self.open_on(self.wire.tree(share), rest, access, disposition, sharing, options, f"opening {path}")

    def open_on(
        self, tree: int, name: str, access: int, disposition: int, sharing: int, options: int, what: str
    ) -> Handle:
        """Open something by its name on a share."""
        data = name.encode("utf-16-le")
        words = struct.pack(
            "<BBHBHIIIQIIIIIB",
            *(0xFF, 0, 0, 0, len(data), 0, 0, access, 0, 0x80 if not options & 1 else 0x10, sharing),
            *(disposition, options, 2, 3),
        )
        reply = self._ask(_CREATE, words, b"\0" + data, tree, what)
        number, modified, size = (
            struct.unpack_from("<H", reply.words, 5)[0],
            struct.unpack_from("<q", reply.words, 27)[0],
            struct.unpack_from("<q", reply.words, 55)[0],
        )
        return Handle(tree, number, size, bool(reply.words[67]), _time(modified))

    def close(self, handle: Handle) -> None:
        """Close it."""
        self._ask(_CLOSE, struct.pack("<HI", handle.number, 0xFFFFFFFF), b"", handle.tree, "closing a file")

    @contextmanager
    def opened(
        self, path: str, access: int = READ, disposition: int = OPEN, sharing: int = SHARE_ALL
    ) -> Iterator[Handle]:
        """Open a file for a block."""
        handle = self.open(path, access, disposition, sharing, 0x40)
        try:
            yield handle
        finally:
            with suppress(SmbFailed, Broken):
                self.close(handle)

    def read(self, handle: Handle, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes, fewer at the end of the file (or of a pipe's message)."""
        size = min(size, self.wire.read_size)
        words = struct.pack(
            *("<BBHHIHHIHI", 0xFF, 0, 0, handle.number, offset & 0xFFFFFFFF, size, 0, 0xFFFFFFFF, 0, offset >> 32)
        )
        reply = self.wire.request(_READ, words, b"", handle.tree)
        if reply.status == END_OF_FILE:
            return b""
        if reply.status not in (0, _BUFFER_OVERFLOW):
            raise smb_failed(self.wire.host, "reading a file", reply.status)
        length, start = struct.unpack_from("<HH", reply.words, 10)
        return reply.raw[start : start + length]

    def write(self, handle: Handle, offset: int, data: bytes, *, message: bool = False) -> None:
        """Write it all. ``message``: as one message into a pipe."""
        step = self.wire.write_size
        for start in range(0, len(data), step) if data else ():
            part = data[start : start + step]
            at = 0 if message else offset + start
            words = struct.pack(
                "<BBHHIIHHHHHI",
                *(0xFF, 0, 0, handle.number, at & 0xFFFFFFFF, 0xFFFFFFFF, 8 if message else 0, len(part)),
                *(0, len(part), 64, at >> 32),
            )
            reply = self._ask(_WRITE, words, b"\0" + part, handle.tree, "writing a file")
            if struct.unpack_from("<H", reply.words, 4)[0] != len(part):
                raise SmbFailed(f"{self.wire.host} took only a part of what was to be written", 0xC000007F)

    def transact(self, pipe: Handle, data: bytes) -> bytes | None:
        """Write a message into a pipe and read the first part of the answer, in one exchange; None: it is too long."""
        start = 84
        if len(data) + start + 64 > self.wire.buffer:
            return None
        words = struct.pack(
            "<HHHHBBHIHHHHHBBHH",
            *(0, len(data), 0, min(self.wire.buffer, 0xE000) - 256, 0, 0, 0, 0, 0),
            *(0, start, len(data), start, 2, 0, 0x26, pipe.number),
        )
        name = "\\PIPE\\\0".encode("utf-16-le")
        message = self.wire.send(_TRANSACTION, words, b"\0" + name + b"\0\0" + data, pipe.tree)
        return self._parts(_TRANSACTION, message, "calling through a pipe")[1]

    def flush(self, handle: Handle) -> None:
        """Have the host bring everything onto its disk."""
        self._ask(_FLUSH, struct.pack("<H", handle.number), b"", handle.tree, "flushing a file")

    # ---- whole files -----------------------------------------------------------------------------------

    def read_bytes(self, path: str) -> bytes | None:
        """The whole file; None: there is none."""
        try:
            with self.opened(path) as handle:
                found = bytearray()
                while part := self.read(handle, len(found), self.wire.read_size):
                    found += part
                return bytes(found)
        except SmbFailed as error:
            if error.status in NOT_FOUND:
                return None
            raise

    def write_bytes(self, path: str, data: bytes, disposition: int = OVERWRITE_IF) -> None:
        """A file with exactly these bytes, on the disk when this returns."""
        with self.opened(path, WRITE, disposition, sharing=1) as handle:
            self.write(handle, 0, data)
            self.flush(handle)

    def held(self, path: str) -> bool | None:
        """Whether somebody holds the file open, as a command does the file of its output; None: there is no file."""
        try:
            with self.opened(path, READ, OPEN, sharing=0):
                return False
        except SmbFailed as error:
            if error.status in NOT_FOUND:
                return None
            if error.status == SHARING_VIOLATION:
                return True
            raise

    # ---- names -----------------------------------------------------------------------------------------

    def entry(self, path: str) -> DirEntry | None:
        """What is known of a file or folder; None: it is not there."""
        share, rest = place(path)
        tree = self.wire.tree(share)
        parameters = struct.pack("<HI", 0x101, 0) + _name(rest)
        try:
            basic = self._trans2(_QUERY_PATH, parameters, tree, f"looking at {path}")[1]
            standard = self._trans2(
                _QUERY_PATH, struct.pack("<HI", 0x102, 0) + parameters[6:], tree, f"looking at {path}"
            )[1]
        except SmbFailed as error:
            if error.status in NOT_FOUND:
                return None
            raise
        return DirEntry(
            rest.rpartition("\\")[2],
            struct.unpack_from("<q", standard, 8)[0],
            bool(standard[21]),
            _time(struct.unpack_from("<q", basic, 16)[0]),
        )

    def list(self, folder: str) -> list[DirEntry] | None:
        """What is in a folder; None: there is no such folder."""
        share, rest = place(folder)
        tree = self.wire.tree(share)
        parameters = struct.pack("<HHHHI", 0x16, 256, 0x0002, 0x104, 0) + _name(rest.rstrip("\\") + "\\*")
        try:
            answer, data = self._trans2(_FIND_FIRST, parameters, tree, f"listing {folder}")
        except SmbFailed as error:
            if error.status in NOT_FOUND:
                return None
            if error.status == NO_MORE_FILES:
                return []
            raise
        search, count, ended = struct.unpack_from("<HHH", answer)
        found = _entries(data, count)
        while not ended and count:
            # Flag 8: go on behind the last name, not by the key of the old find.
            parameters = struct.pack("<HHHIH", search, 256, 0x104, 0, 0x000A) + _name(found[-1].name)
            answer, data = self._trans2(_FIND_NEXT, parameters, tree, f"listing {folder}")
            count, ended = struct.unpack_from("<HH", answer)
            found += _entries(data, count)
        return [entry for entry in found if entry.name not in (".", "..")]

    def delete(self, path: str) -> bool:
        """Delete a file; False: it was not there."""
        return self._path_change(_DELETE, struct.pack("<H", 0x06), path, f"deleting {path}")

    def make_dir(self, path: str) -> bool:
        """Make one folder; False: it is there already."""
        try:
            self._path_change(_MAKE_DIR, b"", path, f"making the folder {path}", missing=False)
        except SmbFailed as error:
            if error.status == EXISTS:
                return False
            if error.status in (ACCESS_DENIED, IS_DIRECTORY) and (there := self.entry(path)) and there.is_dir:
                return False
            raise
        return True

    def remove_dir(self, path: str) -> bool:
        """Remove a folder; False: it is not there, or not empty."""
        try:
            return self._path_change(_REMOVE_DIR, b"", path, f"removing the folder {path}")
        except SmbFailed as error:
            if error.status == NOT_EMPTY:
                return False
            raise

    def rename(self, path: str, to: str) -> bool:
        """Give a file another name on its drive; False: it is not there. SmbFailed (EXISTS) when the name is taken."""
        (share, old), (other, new) = place(path), place(to)
        if share != other:
            raise Refused(f"{path} cannot be renamed to {to}: another drive")
        data = b"\x04" + _name(old) + b"\x04\0" + _name(new)
        reply = self.wire.request(_RENAME, struct.pack("<H", 0x16), data, self.wire.tree(share))
        if reply.status in NOT_FOUND:
            return False
        if reply.status:
            raise smb_failed(self.wire.host, f"renaming {path} to {to}", reply.status)
        return True

    def free_space(self, drive: str) -> int | None:
        """Free bytes for this account; None: there is no such drive."""
        try:
            tree = self.wire.tree(place(drive[:2] + "\\")[0])
        except SmbFailed:
            return None
        data = self._trans2(_QUERY_FS, struct.pack("<H", 0x103), tree, f"asking for the room on {drive}")[1]
        unused, free, sectors, size = struct.unpack_from("<QQII", data)
        del unused
        return int(free * sectors * size)

    def protect(self, path: str, descriptor: bytes) -> None:
        """Set who may do what with a folder. Raises SmbFailed, also where the drive's format knows no such thing."""
        handle = self.open(path, 0x00040000 | 0x80, OPEN, SHARE_ALL, 1)
        try:
            parameters = struct.pack("<HHI", handle.number, 0, 0x00000004)
            self._nt_transact(3, parameters, descriptor, handle.tree, f"protecting {path}")
        finally:
            with suppress(SmbFailed, Broken):
                self.close(handle)

    # ---- requests --------------------------------------------------------------------------------------

    def _ask(self, command: int, words: bytes, data: bytes, tree: int, what: str) -> Reply:
        reply = self.wire.request(command, words, data, tree)
        if reply.status:
            raise smb_failed(self.wire.host, what, reply.status)
        return reply

    def _path_change(self, command: int, words: bytes, path: str, what: str, *, missing: bool = True) -> bool:
        share, rest = place(path)
        reply = self.wire.request(command, words, b"\x04" + _name(rest), self.wire.tree(share))
        if missing and reply.status in NOT_FOUND:
            return False
        if reply.status:
            raise smb_failed(self.wire.host, what, reply.status)
        return True

    def _trans2(self, function: int, parameters: bytes, tree: int, what: str) -> tuple[bytes, bytes]:
        words = struct.pack(
            "<HHHHBBHIHHHHHBBH",
            *(len(parameters), 0, 64, min(self.wire.buffer, 0xE000) - 256, 0, 0, 0, 0, 0),
            *(len(parameters), 68, 0, 0, 1, 0, function),
        )
        message = self.wire.send(_TRANS2, words, b"\0\0\0" + parameters, tree)
        return self._parts(_TRANS2, message, what)

    def _parts(self, command: int, message: int, what: str) -> tuple[bytes, bytes]:
        """Parameters and data of a transaction's answer, which may come in several messages."""
        answer, data = bytearray(), bytearray()
        while True:
            reply = self.wire.receive(command, message)
            if reply.status not in (0, _BUFFER_OVERFLOW):
                raise smb_failed(self.wire.host, what, reply.status)
            all_answer, all_data, unused, length, at, _to, size, begin = struct.unpack_from("<HHHHHHHH", reply.words)
            del unused, _to
            answer += reply.raw[at : at + length]
            data += reply.raw[begin : begin + size]
            if len(answer) >= all_answer and len(data) >= all_data:
                return bytes(answer), bytes(data)

    def _nt_transact(self, function: int, parameters: bytes, data: bytes, tree: int, what: str) -> None:
        start = 76
        pad = -len(parameters) % 4
        words = struct.pack(
            "<BHIIIIIIIIBH",
            *(0, 0, len(parameters), len(data), 4, 0, len(parameters), start, len(data)),
            *(start + len(parameters) + pad, 0, function),
        )
        self._ask(_NT_TRANSACT, words, b"\0" * 3 + parameters + b"\0" * pad + data, tree, what)


def _entries(data: bytes, count: int) -> list[DirEntry]:
    found: list[DirEntry] = []
    at = 0
    for unused in range(count):
        if at + 94 > len(data):
            break
        following, modified = struct.unpack_from("<I", data, at)[0], struct.unpack_from("<q", data, at + 24)[0]
        size, attributes, length = (
            struct.unpack_from("<q", data, at + 40)[0],
            *struct.unpack_from("<II", data, at + 56),
        )
        name = data[at + 94 : at + 94 + length].decode("utf-16-le", "replace").rstrip("\0")
        found.append(DirEntry(name, size, bool(attributes & 0x10), _time(modified)))
        if not following:
            break
        at += following
    return found

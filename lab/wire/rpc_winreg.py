# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry from afar ([MS-RRP]), pipe winreg, with the performance data behind HKEY_PERFORMANCE_DATA."""

from __future__ import annotations

import struct

from ..errors import Win32Error
from ..registry import Data
from . import rpc_performance
from .rpc_interface import Handle, RpcCall, interface, no_handle
from .rpc_ndr import NdrReader, NdrWriter

WINREG = interface("winreg", "338cd001-2244-31f1-aaaa-900038001003", "1.0")

FILE_NOT_FOUND, MORE_DATA, NO_MORE_ITEMS = 2, 234, 259
INVALID_PARAMETER, KEY_HAS_CHILDREN = 87, 1020
ACCESS_DENIED = 5
ROOTS = {
    0: "HKEY_CLASSES_ROOT",
    1: "HKEY_CURRENT_USER",
    2: "HKEY_LOCAL_MACHINE",
    4: "HKEY_USERS",
    27: "HKEY_CURRENT_CONFIG",
}
TYPES = {"REG_NONE": 0, "REG_SZ": 1, "REG_EXPAND_SZ": 2, "REG_BINARY": 3, "REG_DWORD": 4, "REG_MULTI_SZ": 7}
WORDS = {number: word for word, number in TYPES.items()}
CREATED, OPENED_EXISTING = 1, 2
#: What the remote registry calls itself ([MS-RRP] 3.1.5.24).
VERSION = 5
Row = tuple[str, str, bytes]


class KeyHandle(Handle):
    """An open key. What is read through it is one call of the journal, however much it is."""

    def __init__(self, call: RpcCall, path: str) -> None:
        self.host = call.host
        self.path = path
        self._told = False
        self._seen = -1
        self._keys: list[str] = []
        self._values: list[Row] = []

    def look(self, call: RpcCall) -> None:
        """Read the key, unless nothing has changed since it was read; raises Win32Error when it is gone."""
        registry = self.host.registry
        if not self._told:
            self._told = True
            with call.journal(f"winreg read {self.path}", changes=False):
                registry.keys(self.path)
        if self._seen != call.world.generation:
            self._keys = registry.keys(self.path)
            self._values = [(n, kind, encode(kind, data)) for n, (kind, data) in registry.values(self.path).items()]
            self._seen = call.world.generation

    def keys(self, call: RpcCall) -> list[str]:
        """The names of the keys below."""
        self.look(call)
        return self._keys

    def values(self, call: RpcCall) -> list[Row]:
        """Name, type and bytes of each value."""
        self.look(call)
        return self._values

    def below(self, name: str) -> str:
        """The path of a key below."""
        return "\\".join([self.path, *(part for part in name.split("\\") if part)])


class PerformanceHandle(Handle):
    """HKEY_PERFORMANCE_DATA, which has values only."""


def encode(kind: str, data: Data) -> bytes:
    """The bytes of a value."""
    if isinstance(data, bytes):
        return data
    if isinstance(data, int):
        return struct.pack("<I", data & 0xFFFFFFFF)
    if isinstance(data, list):
        return ("".join(each + "\0" for each in data) + "\0").encode("utf-16-le")
    return (data + "\0").encode("utf-16-le")


def decode(kind: str, data: bytes) -> Data:
    """A value's data from its bytes; raises Win32Error 87 for a number that is none."""
    if kind in ("REG_SZ", "REG_EXPAND_SZ"):
        return data[: len(data) // 2 * 2].decode("utf-16-le", "replace").partition("\0")[0]
    if kind == "REG_MULTI_SZ":
        plain = data[: len(data) // 2 * 2].decode("utf-16-le", "replace")
        return [each for each in plain.split("\0") if each]
    if kind == "REG_DWORD":
        if len(data) != 4:
            raise Win32Error(INVALID_PARAMETER, kind)
        return int(struct.unpack("<I", data)[0])
    return data


def optional_unicode(read: NdrReader) -> str | None:
    """An RPC_UNICODE_STRING behind a unique pointer."""
    return read.unicode() if read.pointer() else None


def _root(number: int, name: str) -> None:
    @WINREG.operation(number, refused=no_handle)
    def open_root(call: RpcCall) -> int:
        """OpenLocalMachine and its like."""
        call.check_admin()
        call.write.raw(call.open(KeyHandle(call, name)))
        return 0


for _number, _name in ROOTS.items():
    _root(_number, _name)


@WINREG.operation(3, refused=no_handle)
def open_performance(call: RpcCall) -> int:
    """OpenPerformanceData."""
    call.check_admin()
    call.write.raw(call.open(PerformanceHandle()))
    return 0


@WINREG.operation(5, refused=no_handle)
def close(call: RpcCall) -> int:
    """BaseRegCloseKey."""
    call.close()
    return 0


@WINREG.operation(15, refused=no_handle)
def open_key(call: RpcCall) -> int:
    """BaseRegOpenKey."""
    key = call.handle(KeyHandle)
    path = key.below(call.read.unicode() or "")
    if not call.host.registry.exists(path):
        with call.journal(f"winreg read {path}", changes=False):
            raise Win32Error(FILE_NOT_FOUND, path)
    call.write.raw(call.open(KeyHandle(call, path)))
    return 0


def _no_key(write: NdrWriter) -> None:
    write.raw(bytes(20))
    write.optional(0)


@WINREG.operation(6, refused=_no_key)
def create_key(call: RpcCall) -> int:
    """BaseRegCreateKey."""
    key = call.handle(KeyHandle)
    path = key.below(call.read.unicode() or "")
    registry = call.host.registry
    if registry.exists(path):
        disposition = OPENED_EXISTING
    else:
        disposition = CREATED
        with call.journal(f"winreg create {path}", changes=True):
            registry.create(path)
    call.write.raw(call.open(KeyHandle(call, path)))
    call.write.optional(disposition)
    return 0


@WINREG.operation(7)
def delete_key(call: RpcCall) -> int:
    """BaseRegDeleteKey: a key without keys below it."""
    key = call.handle(KeyHandle)
    path = key.below(call.read.unicode() or "")
    with call.journal(f"winreg delete {path}", changes=True):
        if call.host.registry.keys(path):
            raise Win32Error(ACCESS_DENIED, path)
        call.host.registry.delete(path)
    return 0


@WINREG.operation(8)
def delete_value(call: RpcCall) -> int:
    """BaseRegDeleteValue."""
    key = call.handle(KeyHandle)
    name = call.read.unicode() or ""
    with call.journal(f"winreg delete {key.path} {name}", changes=True):
        call.host.registry.delete(key.path, name)
    return 0


@WINREG.operation(22)
def set_value(call: RpcCall) -> int:
    """BaseRegSetValue."""
    key = call.handle(KeyHandle)
    name, number = call.read.unicode() or "", call.read.u32()
    data = call.read.array()
    kind = WORDS.get(number)
    if kind is None:
        raise Win32Error(INVALID_PARAMETER, f"type {number}")
    with call.journal(f"winreg set {key.path} {name}", changes=True):
        call.host.registry.set(key.path, name, kind, decode(kind, data))
    return 0


@WINREG.operation(11)
def flush_key(call: RpcCall) -> int:
    """BaseRegFlushKey."""
    call.handle(KeyHandle)
    return 0


def _no_name(write: NdrWriter) -> None:
    write.unicode("")
    write.pointer(False)
    write.pointer(False)


@WINREG.operation(9, refused=_no_name)
def enum_key(call: RpcCall) -> int:
    """BaseRegEnumKey."""
    key, index = call.handle(KeyHandle), call.read.u32()
    _unused, room, there = call.read.unicode_head()
    if there:
        call.read.varying()
    names = key.keys(call)
    if index >= len(names):
        raise Win32Error(NO_MORE_ITEMS, key.path)
    if 2 * len(names[index]) + 2 > room:
        raise Win32Error(MORE_DATA, key.path)
    call.write.unicode(names[index], nul=True)
    call.write.pointer(False)
    call.write.pointer()
    call.write.raw(bytes(8))
    return 0


@WINREG.operation(16, refused=lambda write: write.raw(bytes(44)))
def query_info(call: RpcCall) -> int:
    """BaseRegQueryInfoKey."""
    key = call.handle(KeyHandle)
    names, rows = key.keys(call), key.values(call)
    call.write.unicode("", nul=True)
    longest_key = max((2 * len(name) + 2 for name in names), default=0)
    longest_name = max((2 * len(row[0]) + 2 for row in rows), default=0)
    longest_data = max((len(row[2]) for row in rows), default=0)
    for value in (len(names), longest_key, 0, len(rows), longest_name, longest_data, 0):
        call.write.u32(value)
    call.write.raw(bytes(8))
    return 0


def _write_data(write: NdrWriter, kind: int, data: bytes | None, size: int, asked: tuple[bool, bool, bool]) -> None:
    """Type, data, size and length, each where the client has asked for it."""
    write.optional(kind if asked[0] else None)
    write.pointer(data is not None)
    if data is not None:
        write.varying(data, 1)
    write.optional(size if asked[1] else None)
    write.optional((len(data) if data is not None else 0) if asked[2] else None)


def _read_room(read: NdrReader) -> tuple[bool, bool, int, tuple[bool, bool, bool]]:
    """What the client has room for: is there a buffer, ..., its size, and what it has asked for."""
    kind = read.optional()
    buffer = read.pointer()
    if buffer:
        read.varying(1)
    room = read.optional()
    length = read.optional()
    return buffer, room is not None, room or 0, (kind is not None, room is not None, length is not None)


def _no_value_name(write: NdrWriter) -> None:
    write.unicode("")
    _no_value(write)


def _no_value(write: NdrWriter) -> None:
    for unused in range(4):
        write.pointer(False)


@WINREG.operation(10, refused=_no_value_name)
def enum_value(call: RpcCall) -> int:
    """BaseRegEnumValue."""
    key, index = call.handle(KeyHandle), call.read.u32()
    _unused, name_room, there = call.read.unicode_head()
    if there:
        call.read.varying()
    buffer, _unused_asked, room, asked = _read_room(call.read)
    rows = key.values(call)
    if index >= len(rows):
        raise Win32Error(NO_MORE_ITEMS, key.path)
    name, kind, data = rows[index]
    if 2 * len(name) + 2 > name_room or (buffer and len(data) > room):
        raise Win32Error(MORE_DATA, key.path)
    call.write.unicode(name, nul=True)
    _write_data(call.write, TYPES[kind], data if buffer else None, len(data), asked)
    return 0


@WINREG.operation(17, refused=_no_value)
def query_value(call: RpcCall) -> int:
    """BaseRegQueryValue, of a key or of the performance data."""
    key = call.handle(Handle)
    name = call.read.unicode() or ""
    buffer, _unused_asked, room, asked = _read_room(call.read)
    if isinstance(key, PerformanceHandle):
        with call.journal(f"winreg read HKEY_PERFORMANCE_DATA {name}", changes=False):
            number, data = TYPES["REG_BINARY"], rpc_performance.data(call.host, name)
    elif isinstance(key, KeyHandle):
        found = next((row for row in key.values(call) if row[0].lower() == name.lower()), None)
        if found is None:
            raise Win32Error(FILE_NOT_FOUND, name)
        number, data = TYPES[found[1]], found[2]
    else:
        raise Win32Error(INVALID_PARAMETER, name)
    if buffer and len(data) > room:
        # the performance data say nothing of the size that they would need [V, RegQueryValueEx documentation]
        size = room if isinstance(key, PerformanceHandle) else len(data)
        _write_data(call.write, number, None, size, asked)
        return MORE_DATA
    _write_data(call.write, number, data if buffer else None, len(data), asked)
    return 0


@WINREG.operation(26, refused=lambda write: write.u32(0))
def version(call: RpcCall) -> int:
    """BaseRegGetVersion."""
    call.handle(KeyHandle)
    call.write.u32(VERSION)
    return 0

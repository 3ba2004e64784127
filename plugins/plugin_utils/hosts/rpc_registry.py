# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry by [MS-RRP], on every Windows alike.

On Windows 2000 and Server 2003 the service Remote Registry has to run, as it does unless it was switched off.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from . import rpc_library as library
from .errors import Refused
from .models import RegistryReading, RegistryValues
from .rpc_errors import RpcFailed
from .rpc_pipes import WINREG, Pipes
from .rpc_smb import Broken

_NOT_FOUND = 2
_NO_MORE = 259
_MORE_DATA = 234
_KEY_READ = 0x00020019
_KEY_SET_VALUE = 0x00000002
_DWORD = 4
_TYPES = {
    0: "REG_NONE",
    1: "REG_SZ",
    2: "REG_EXPAND_SZ",
    3: "REG_BINARY",
    4: "REG_DWORD",
    5: "REG_DWORD_BIG_ENDIAN",
    6: "REG_LINK",
    7: "REG_MULTI_SZ",
    8: "REG_RESOURCE_LIST",
    9: "REG_FULL_RESOURCE_DESCRIPTOR",
    10: "REG_RESOURCE_REQUIREMENTS_LIST",
    11: "REG_QWORD",
}
_ROOTS = {
    "HKLM": "OpenLocalMachine",
    "HKEY_LOCAL_MACHINE": "OpenLocalMachine",
    "HKCR": "OpenClassesRoot",
    "HKEY_CLASSES_ROOT": "OpenClassesRoot",
    "HKU": "OpenUsers",
    "HKEY_USERS": "OpenUsers",
}
# A name of a value has at most 16,383 characters, one of a key 255 [V, MS, registry element size limits].
_LONGEST_NAME = 16384


class Reader:
    """Reads keys over one connection; the roots stay open with it."""

    def __init__(self, pipes: Pipes) -> None:
        """``pipes``: of the connection."""
        self._pipes = pipes
        self._roots: dict[str, Any] = {}

    def read(self, values: Sequence[str], trees: Sequence[str], subkeys: Sequence[str]) -> RegistryReading:
        """See ``Session.registry_read``."""
        return RegistryReading(
            values={key: self.values(key) for key in values},
            trees={key: self.tree(key) for key in trees},
            subkeys={key: self.subkeys(key) for key in subkeys},
        )

    def values(self, key: str) -> RegistryValues | None:
        """The values of a key; None: there is no such key."""
        with self._opened(key) as handle:
            return None if handle is None else self._values(handle, key)

    def subkeys(self, key: str) -> list[str] | None:
        """The names of the keys directly below."""
        with self._opened(key) as handle:
            return None if handle is None else self._names(handle, key)

    def tree(self, key: str) -> dict[str, RegistryValues] | None:
        """A key with everything below it: relative key -> values."""
        with self._opened(key) as handle:
            if handle is None:
                return None
            found: dict[str, RegistryValues] = {}
            self._walk(handle, key, "", found)
            return found

    def _walk(self, handle: Any, key: str, relative: str, found: dict[str, RegistryValues]) -> None:
        info = self._info(handle, key)
        found[relative] = self._values(handle, key, info)
        for name in self._names(handle, key) if info[0] else ():
            with self._below(handle, name, f"{key}\\{name}") as below:
                if below is not None:
                    self._walk(below, f"{key}\\{name}", f"{relative}\\{name}".lstrip("\\"), found)

    def write(self, key: str, name: str, number: int | None) -> None:
        """Write a DWORD below a key that is there; None deletes the value, and that it is not there is no error."""
        what = f"writing {name} below the registry key {key}"
        with self._opened(key, _KEY_SET_VALUE) as handle:
            if handle is None:
                raise RpcFailed(f"{what}: there is no such key on {self._pipes.wire.host}", exit_code=_NOT_FOUND)
            if number is None:
                request = library.rrp.BaseRegDeleteValue()
                request["hKey"], request["lpValueName"] = handle, name + "\0"
                self._call(request, what, fine=(_NOT_FOUND,))
                return
            data = struct.pack("<I", number)
            request = library.rrp.BaseRegSetValue()
            request["hKey"], request["lpValueName"], request["dwType"] = handle, name + "\0", _DWORD
            request["lpData"], request["cbData"] = data, len(data)
            self._call(request, what)

    # ---- keys ----------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, key: str, access: int = _KEY_READ) -> Iterator[Any]:
        root, unused, rest = key.partition("\\")
        del unused
        call = _ROOTS.get(root.upper())
        if call is None:
            raise Refused(f"the registry key {key} does not begin with HKLM, HKCR or HKU")
        if call not in self._roots:
            request = getattr(library.rrp, call)()
            request["ServerName"], request["samDesired"] = library.dtypes.NULL, 0x02000000
            self._roots[call] = self._call(request, f"opening the registry root {root}")["phKey"]
        with ExitStack() as stack:
            yield stack.enter_context(self._below(self._roots[call], rest, key, access))

    @contextmanager
    def _below(self, parent: Any, name: str, key: str, access: int = _KEY_READ) -> Iterator[Any]:
        request = library.rrp.BaseRegOpenKey()
        request["hKey"], request["lpSubKey"] = parent, name + "\0"
        request["dwOptions"], request["samDesired"] = 0, access
        try:
            handle = self._call(request, f"opening the registry key {key}")["phkResult"]
        except RpcFailed as error:
            if error.exit_code != _NOT_FOUND:
                raise
            yield None
            return
        try:
            yield handle
        finally:
            request = library.rrp.BaseRegCloseKey()
            request["hKey"] = handle
            with suppress(RpcFailed, Broken):
                self._call(request, "closing a registry key")

    def _info(self, handle: Any, key: str) -> tuple[int, int, int, int]:
        """How many keys and values there are, and the bytes of the longest value name and of the longest data."""
        request = library.rrp.BaseRegQueryInfoKey()
        request["hKey"] = handle
        request["lpClassIn"] = "\0"
        _room(request.fields["lpClassIn"], 256)
        answer = self._call(request, f"looking at the registry key {key}")
        return answer["lpcSubKeys"], answer["lpcValues"], answer["lpcbMaxValueNameLen"], answer["lpcbMaxValueLen"]

    def _names(self, handle: Any, key: str) -> list[str]:
        found: list[str] = []
        while True:
            request = library.rrp.BaseRegEnumKey()
            request["hKey"], request["dwIndex"] = handle, len(found)
            _room(request.fields["lpNameIn"], 256)
            request["lpClassIn"] = "\0"
            _room(request.fields["lpClassIn"].fields["Data"], 256)
            request["lpftLastWriteTime"] = library.dtypes.NULL
            try:
                answer = self._call(request, f"listing the registry key {key}")
            except RpcFailed as error:
                if error.exit_code == _NO_MORE:
                    return found
                raise
            found.append(str(answer["lpNameOut"]).rstrip("\0"))

    def _values(self, handle: Any, key: str, info: tuple[int, int, int, int] | None = None) -> RegistryValues:
        count, name_length, data_length = (info or self._info(handle, key))[1:]
        found: RegistryValues = {}
        index = 0
        characters = min(name_length // 2 + 1, _LONGEST_NAME)
        while index < count:
            request = library.rrp.BaseRegEnumValue()
            request["hKey"], request["dwIndex"] = handle, index
            _room(request.fields["lpValueNameIn"], characters)
            _buffer(request, data_length)
            try:
                answer = self._call(request, f"reading the registry key {key}", fine=(_MORE_DATA,))
            except RpcFailed as error:
                if error.exit_code == _NO_MORE:
                    break
                raise
            if answer["ErrorCode"] == _MORE_DATA:
                if characters >= _LONGEST_NAME and data_length >= 1 << 20:
                    raise RpcFailed(f"a value of the registry key {key} on {self._pipes.wire.host} is too long")
                # It has grown since we asked how long the longest one is.
                characters, data_length = _LONGEST_NAME, max(answer["lpcbData"], data_length * 2, 4096)
                continue
            data = b"".join(answer["lpData"])
            found[str(answer["lpValueNameOut"]).rstrip("\0")] = value_of(answer["lpType"], data)
            index += 1
        return found

    def performance(self, query: str) -> bytes:
        """Performance data of the objects whose numbers are asked for, as RegQueryValueEx would bring it.

        The key is closed again at once: as long as it is open, the libraries of all counters are loaded on the host,
        and an installer finds them in use.
        """
        request = library.rrp.OpenPerformanceData()
        request["ServerName"], request["samDesired"] = library.dtypes.NULL, 0x02000000
        handle = self._call(request, "opening the performance data")["phKey"]
        try:
            size = 1 << 16
            while True:
                request = library.rrp.BaseRegQueryValue()
                request["hKey"], request["lpValueName"] = handle, query + "\0"
                _buffer(request, size)
                answer = self._call(request, "reading the performance data", fine=(_MORE_DATA,))
                if answer["ErrorCode"] != _MORE_DATA:
                    return b"".join(answer["lpData"])
                if size >= 1 << 23:
                    raise RpcFailed(f"the performance data of {self._pipes.wire.host} does not fit in 8 MB")
                size *= 2
        finally:
            request = library.rrp.BaseRegCloseKey()
            request["hKey"] = handle
            with suppress(RpcFailed, Broken):
                self._call(request, "closing the performance data")

    def _call(self, request: Any, what: str, fine: tuple[int, ...] = ()) -> Any:
        return self._pipes.call(WINREG, request, what, fine=fine)


def _room(string: Any, characters: int) -> None:
    """Say how long a text may be that the host writes into this one."""
    string.fields["MaximumLength"] = characters * 2
    string.fields["Data"].fields["Data"].fields["MaximumCount"] = characters


def _buffer(request: Any, size: int) -> None:
    """Offer so many bytes for the data of a value; none are sent."""
    request["lpData"] = b""
    request.fields["lpData"].fields["Data"].fields["MaximumCount"] = size
    request["lpcbData"], request["lpcbLen"] = size, 0
    request["lpType"] = 0


def value_of(kind: int, data: bytes) -> tuple[str, str | int | list[str]]:
    """Type, as reg.exe names it, and data: DWORDs are numbers, lists are lists, bytes are hexadecimal digits."""
    name = _TYPES.get(kind, f"REG_{kind}")
    if kind in (1, 2, 6):
        return name, data.decode("utf-16-le", "replace").split("\0")[0]
    if kind == 7:
        # The list ends with its first empty entry.
        texts = data.decode("utf-16-le", "replace").split("\0")
        return name, texts[: texts.index("")] if "" in texts else texts
    if kind == 4 and len(data) == 4:
        return name, int(struct.unpack("<I", data)[0])
    if kind == 5 and len(data) == 4:
        return name, int(struct.unpack(">I", data)[0])
    if kind == 11 and len(data) == 8:
        return name, int(struct.unpack("<Q", data)[0])
    return name, data.hex().upper()

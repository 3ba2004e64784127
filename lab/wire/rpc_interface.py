# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An interface of remote procedure calls: its number, its operations, and what an operation gets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ..errors import Win32Error
from .rpc_ndr import NdrReader, NdrWriter

if TYPE_CHECKING:
    from ..host import Host
    from ..world import World
    from .smb_server import SmbServer

T = TypeVar("T")

ACCESS_DENIED, INVALID_HANDLE = 5, 6
#: Status codes of faults [V, C706 appendix E].
BAD_OPERATION, CONTEXT_MISMATCH, BAD_STUB_DATA = 0x1C010002, 0x1C00001A, 1783
NO_HANDLE = bytes(20)


class RpcFault(Exception):
    """A call ends in a fault with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"fault 0x{status:08x}")
        self.status = status


@dataclass
class Caller:
    """Who calls: his account, whether he administers the host, the session key of his log-on."""

    server: SmbServer
    account: str
    admin: bool
    key: bytes


class Handle:
    """What a context handle stands for; `closed` is called once."""

    def closed(self) -> None:
        """The client has closed it, or is gone."""


@dataclass
class RpcCall:
    """One call: parameters to read, the answer to write, and the handles of the connection."""

    caller: Caller
    read: NdrReader
    write: NdrWriter
    handles: dict[bytes, Handle]

    @property
    def host(self) -> Host:
        """The host that is called."""
        return self.caller.server.host

    @property
    def world(self) -> World:
        """The estate."""
        return self.caller.server.world

    def journal(self, text: str, *, changes: bool, part: bool = False) -> AbstractContextManager[None]:
        """A line of the journal around what the call does; `part`: as in `World.begin_call`."""
        return self.caller.server.call(text, changes=changes, part=part)

    def check_admin(self) -> None:
        """Raise Win32Error 5 unless an administrator calls."""
        if not self.caller.admin:
            raise Win32Error(ACCESS_DENIED, self.caller.account)

    def open(self, handle: Handle) -> bytes:
        """Keep something open; returns its context handle."""
        number = bytes(4) + uuid.uuid4().bytes
        self.handles[number] = handle
        return number

    def handle(self, kind: type[T]) -> T:
        """Read a context handle; raises RpcFault for one that is not (or no more) known here."""
        found = self.handles.get(self.read.raw(20))
        if not isinstance(found, kind):
            raise RpcFault(CONTEXT_MISMATCH)
        return found

    def close(self) -> None:
        """Read a context handle and close it."""
        number = self.read.raw(20)
        found = self.handles.pop(number, None)
        if found is None:
            raise RpcFault(CONTEXT_MISMATCH)
        found.closed()
        self.write.raw(NO_HANDLE)


Run = Callable[[RpcCall], int]
Refuse = Callable[[NdrWriter], None]


def nothing(write: NdrWriter) -> None:
    """An answer whose only parameter is the error code."""


def no_handle(write: NdrWriter) -> None:
    """The handle of an open that failed."""
    write.raw(NO_HANDLE)


@dataclass
class Operation:
    """An operation. `run` writes the answer and returns the error code that ends it; `refused` writes what stands
    before an error that `run` raises. `systems`: the Windows versions that have it; empty: all.
    """

    run: Run
    refused: Refuse
    systems: frozenset[str]


@dataclass
class Interface:
    """An interface by its UUID and version."""

    name: str
    uuid: uuid.UUID
    major: int
    minor: int
    operations: dict[int, Operation] = field(default_factory=dict)

    def operation(
        self, number: int, *, refused: Refuse = nothing, systems: tuple[str, ...] = ()
    ) -> Callable[[Run], Run]:
        """Register the function that answers an operation."""

        def register(function: Run) -> Run:
            self.operations[number] = Operation(function, refused, frozenset(systems))
            return function

        return register


def interface(name: str, number: str, version: str) -> Interface:
    """An interface without operations yet."""
    major, _unused, minor = version.partition(".")
    return Interface(name, uuid.UUID(number), int(major), int(minor or 0))

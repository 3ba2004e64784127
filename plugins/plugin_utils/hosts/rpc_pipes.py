# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RPC interfaces of a host over named pipes of an SMB connection; impacket makes and reads the messages."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import rpc_library as library
from .errors import Unreachable
from .rpc_errors import NOT_FOUND, RpcFailed, SmbFailed, pipe_missing, rpc_failed
from .rpc_files import OPEN, SHARE_ALL, Files, Handle
from .rpc_smb import Broken, Wire

_PIPE_ACCESS = 0x0012019F  # read, write, synchronize
# Pipe not to be had at this moment: no instance left, about to close, not listening.
_PIPE_BUSY = frozenset({0xC00000AB, 0xC00000AC, 0xC00000AD, 0xC00000AE, 0xC00000B0, 0xC00000B1})
# A call that the interface of this version does not have; the second number is what DCE 1.0 says.
_FAULTS_RANGE = frozenset({0x1C010002, 0x16C9A001})


@dataclass(frozen=True)
class Interface:
    """An interface: its pipe, its number and version, and the Windows service that offers it."""

    pipe: str
    uuid: str
    version: str
    service: str


SVCCTL = Interface("svcctl", "367ABB81-9844-35F1-AD32-98F038001003", "2.0", "Services (services.exe)")
WINREG = Interface("winreg", "338CD001-2244-31F1-AAAA-900038001003", "1.0", "Remote Registry")
EVENTLOG = Interface("eventlog", "82273FDC-E32A-18C3-3F78-827929DC23EA", "0.0", "Event Log")
SRVSVC = Interface("srvsvc", "4B324FC8-1670-01D3-1278-5A47BF6EE188", "3.0", "Server")
SHUTDOWN = Interface("InitShutdown", "894DE0C0-0D55-11D3-A322-00C04FA321A1", "1.0", "Winlogon")
SAMR = Interface("samr", "12345778-1234-ABCD-EF00-0123456789AC", "1.0", "Security Accounts Manager")
LSA = Interface("lsarpc", "12345778-1234-ABCD-EF00-0123456789AB", "0.0", "Local Security Authority")


class _Pipe(library.TransportBase):  # type: ignore[misc]  # impacket has no types
    """One opened pipe, as impacket's RPC runtime wants it."""

    def __init__(self, files: Files, handle: Handle) -> None:
        super().__init__(files.wire.endpoint.address, 0)
        self._files, self._handle = files, handle
        self._answer: bytes | None = None

    def connect(self) -> int:
        """Nothing to do, the pipe is open."""
        return 1

    def send(self, data: Any = b"", forceWriteAndx: int = 0, forceRecv: int = 0) -> None:
        """Write one message. The answer's first part comes along, where both fit in one exchange."""
        self._answer = self._files.transact(self._handle, bytes(data))
        if self._answer is None:
            self._files.write(self._handle, 0, bytes(data), message=True)

    def recv(self, forceRecv: int = 0, count: int = 0) -> bytes:
        """Read what there is of a message."""
        answer, self._answer = self._answer, None
        if answer:
            return answer
        data = self._files.read(self._handle, 0, max(self._files.wire.buffer - 64, 1024))
        if not data:
            raise Broken("a pipe was closed by the host")
        return data

    def disconnect(self) -> None:
        """Close the pipe."""
        with suppress(SmbFailed, Broken):
            self._files.close(self._handle)


class Pipes:
    """The interfaces in use on one connection, each bound when it is first called."""

    def __init__(self, files: Files) -> None:
        """``files``: of the connection."""
        self.files = files
        self.wire: Wire = files.wire
        self._bound: dict[str, Any] = {}
        # impacket logs what it cannot pack or read; what matters is in our own exceptions.
        logging.getLogger("impacket").setLevel(logging.CRITICAL)

    def bound(self, interface: Interface) -> Any:
        """The runtime of an interface. Raises Unreachable when its pipe is not there."""
        known = self._bound.get(interface.pipe)
        if known is not None:
            return known
        tree = self.wire.tree("IPC$")
        try:
            handle = self.files.open_on(
                tree, f"\\{interface.pipe}", _PIPE_ACCESS, OPEN, SHARE_ALL, 0, f"opening the pipe {interface.pipe}"
            )
        except SmbFailed as error:
            if error.status in NOT_FOUND or error.status in _PIPE_BUSY:
                raise pipe_missing(self.wire.host, interface.pipe, interface.service) from None
            raise
        runtime = _Pipe(self.files, handle).get_dce_rpc()
        try:
            runtime.bind(library.uuid_of((interface.uuid, interface.version)))
        except library.rpcrt.DCERPCException:
            raise pipe_missing(self.wire.host, interface.pipe, interface.service) from None
        self._bound[interface.pipe] = runtime
        return runtime

    def call(self, interface: Interface, request: Any, what: str, *, fine: tuple[int, ...] = ()) -> Any:
        """Call, and give back the answer. ``fine``: codes with which the answer is given back too.

        Raises RpcFailed with the code that the host returned; Broken when the connection is gone; Unreachable when
        there is no such interface.
        """
        runtime = self.bound(interface)
        try:
            return runtime.request(request)
        except library.rpcrt.DCERPCException as error:
            code = error.get_error_code()
            packet = getattr(error, "packet", None)
            if code in fine and packet is not None:
                return packet
            if not isinstance(code, int):
                # A fault of the RPC runtime, which impacket tells by its name.
                self._bound.pop(interface.pipe, None)
                text = str(error).splitlines()[0]
                faults = {name: number for number, name in library.rpcrt.rpc_status_codes.items()}
                raise RpcFailed(f"{what} on {self.wire.host} failed: {text}", exit_code=faults.get(text)) from None
            raise rpc_failed(self.wire.host, what, code) from None
        except SmbFailed as error:
            # The interface went away under its pipe, as when its service was stopped.
            self._bound.pop(interface.pipe, None)
            raise Broken(f"the pipe {interface.pipe}: {error.message}") from None

    def close(self) -> None:
        """Close the pipes. Never raises."""
        bound, self._bound = self._bound, {}
        for runtime in bound.values():
            with suppress(Exception):
                runtime.disconnect()


def missing(error: BaseException) -> bool:
    """Whether an error says that a host has no such interface or call."""
    return (isinstance(error, Unreachable) and "pipe" in error.details) or (
        isinstance(error, RpcFailed) and error.exit_code in _FAULTS_RANGE
    )

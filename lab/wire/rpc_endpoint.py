# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection-oriented protocol of remote procedure calls on one open pipe (C706 chapter 12, [MS-RPCE] 2.2.2).

Clients are known from the log-on of the pipe's connection. A client can ask for authentication of its own beside
that (NTLM), up to sealed calls: `Security`.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator

from ..errors import Win32Error
from .rpc_interface import (
    BAD_OPERATION,
    BAD_STUB_DATA,
    Caller,
    Handle,
    Interface,
    RpcCall,
    RpcFault,
)
from .rpc_ndr import BadStub, NdrReader, NdrWriter
from .rpc_security import Security
from .smb_status import NtError

__all__ = ["Caller", "Endpoint"]

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK = 0, 2, 3, 11, 12, 13
ALTER, ALTER_RESPONSE, AUTH3, SHUTDOWN, CANCEL, ORPHANED = 14, 15, 16, 17, 18, 19
FIRST, LAST, OBJECT = 0x01, 0x02, 0x80
HEADER = struct.Struct("<BBBB4sHHI")
LITTLE_ENDIAN = b"\x10\0\0\0"
NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
#: Fragments of named pipes on Windows [V, captures]; the largest call that is taken.
MAX_FRAGMENT, MAX_CALL = 4280, 2**22
ACCEPTED, PROVIDER_REJECTED = 0, 2
NO_INTERFACE, NO_SYNTAX = 1, 2


class Endpoint:
    """One open pipe: takes bytes, gives the packets of the answers."""

    def __init__(self, caller: Caller, name: str, interfaces: list[Interface]) -> None:
        self.caller = caller
        self.name = name
        self.handles: dict[bytes, Handle] = {}
        self._interfaces = interfaces
        self._contexts: dict[int, Interface] = {}
        self._incoming = bytearray()
        self._stubs: dict[int, bytearray] = {}
        self._fragment = MAX_FRAGMENT
        self._security = Security(caller.server)

    def close(self) -> None:
        """Close what is still open."""
        for handle in self.handles.values():
            handle.closed()
        self.handles.clear()

    def receive(self, data: bytes) -> Iterator[bytes]:
        """Take what came; yields the packets that answer it."""
        self._incoming += data
        while len(self._incoming) >= HEADER.size:
            version, _unused, kind, flags, order, length, auth, call = HEADER.unpack_from(self._incoming)
            if version != 5 or order[:1] != LITTLE_ENDIAN[:1] or length < HEADER.size:
                self._incoming.clear()
                return
            if len(self._incoming) < length:
                return
            packet = bytes(self._incoming[:length])
            del self._incoming[:length]
            yield from self._packet(kind, flags, auth, call, packet)

    def _packet(self, kind: int, flags: int, auth: int, call: int, packet: bytes) -> Iterator[bytes]:
        if kind in (BIND, ALTER):
            yield self._bind(kind, call, packet, auth)
        elif kind == AUTH3:
            self._security.step(packet, auth)
        elif kind == REQUEST:
            yield from self._request(flags, call, packet, auth)
        elif kind == ORPHANED:
            self._stubs.pop(call, None)

    # -- binding

    def _bind(self, kind: int, call: int, packet: bytes, auth: int) -> bytes:
        token = self._security.step(packet, auth) if auth else b""
        if token is None:
            return self._pack(BIND_NAK, call, struct.pack("<HB", 8, 0))  # invalid credentials are told so
        transmit, _unused_receive, _unused_group, count = struct.unpack_from("<HHIB", packet, HEADER.size)
        self._fragment = max(1432, min(transmit, MAX_FRAGMENT))
        place = HEADER.size + 12
        results = b""
        for unused in range(count):
            number, syntaxes = struct.unpack_from("<HB", packet, place)
            wanted = uuid.UUID(bytes_le=packet[place + 4 : place + 20])
            major = struct.unpack_from("<H", packet, place + 20)[0]
            offered = [
                uuid.UUID(bytes_le=packet[place + 24 + 20 * index : place + 40 + 20 * index])
                for index in range(syntaxes)
            ]
            place += 24 + 20 * syntaxes
            found = next((i for i in self._interfaces if i.uuid == wanted and i.major == major), None)
            if found is not None and NDR in offered:
                self._contexts[number] = found
                results += struct.pack("<HH", ACCEPTED, 0) + NDR.bytes_le + struct.pack("<I", 2)
            else:
                reason = NO_INTERFACE if found is None else NO_SYNTAX
                results += struct.pack("<HH", PROVIDER_REJECTED, reason) + bytes(20)
        address = b"" if kind == ALTER else f"\\PIPE\\{self.name}".encode() + b"\0"
        body = struct.pack("<HHIH", self._fragment, self._fragment, 0x53F0, len(address)) + address
        body += bytes(-(HEADER.size + len(body)) % 4)
        body += struct.pack("<BBH", count, 0, 0) + results
        return self._pack(BIND_ACK if kind == BIND else ALTER_RESPONSE, call, body, token)

    def _pack(self, kind: int, call: int, body: bytes, token: bytes = b"", flags: int = FIRST | LAST) -> bytes:
        trailer = b""
        if token:
            body += bytes(-(HEADER.size + len(body)) % 4)
            trailer = self._security.verifier(token)
        length = HEADER.size + len(body) + len(trailer)
        return HEADER.pack(5, 0, kind, flags, LITTLE_ENDIAN, length, len(token), call) + body + trailer

    # -- calling

    def _request(self, flags: int, call: int, packet: bytes, auth: int) -> Iterator[bytes]:
        try:
            packet = self._security.open(packet, auth)
        except RpcFault as fault:
            yield self._fault(call, 0, fault.status)
            return
        _unused_hint, context, number = struct.unpack_from("<IHH", packet, HEADER.size)
        start = HEADER.size + 8 + (16 if flags & OBJECT else 0)
        if flags & FIRST:
            self._stubs[call] = bytearray()
        stub = self._stubs.get(call)
        if stub is None or len(stub) > MAX_CALL:
            yield self._fault(call, context, BAD_STUB_DATA)
            return
        stub += packet[start:]
        if not flags & LAST:
            return
        del self._stubs[call]
        try:
            answer = self._run(context, number, bytes(stub))
        except RpcFault as fault:
            yield self._fault(call, context, fault.status)
            return
        except (BadStub, struct.error):
            yield self._fault(call, context, BAD_STUB_DATA)
            return
        yield from self._response(call, context, answer)

    def _run(self, context: int, number: int, stub: bytes) -> bytes:
        found = self._contexts.get(context)
        operation = found.operations.get(number) if found else None
        system = self.caller.server.host.os
        if operation is None or (operation.systems and system not in operation.systems):
            raise RpcFault(BAD_OPERATION)
        call = RpcCall(self.caller, NdrReader(stub), NdrWriter(), self.handles)
        try:
            code = operation.run(call)
        except (Win32Error, NtError) as error:
            call.write = NdrWriter()
            operation.refused(call.write)
            code = error.code if isinstance(error, Win32Error) else error.status
        call.write.settle()
        call.write.u32(code)
        return call.write.data

    def _response(self, call: int, context: int, answer: bytes) -> Iterator[bytes]:
        room = (self._fragment - HEADER.size - 8 - self._security.room) // 8 * 8
        place, flags = 0, FIRST
        while True:
            part = answer[place : place + room]
            place += len(part)
            flags |= LAST if place >= len(answer) else 0
            body = struct.pack("<IHBB", len(answer) - place + len(part), context, 0, 0) + part
            yield self._security.seal(self._pack(RESPONSE, call, body, flags=flags))
            if flags & LAST:
                return
            flags = 0

    def _fault(self, call: int, context: int, status: int) -> bytes:
        body = struct.pack("<IHBBII", 32, context, 0, 0, status, 0)
        return self._pack(FAULT, call, body)

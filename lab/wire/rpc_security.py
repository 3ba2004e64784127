# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication of a remote procedure call's own: NTLM, bare or in SPNEGO, up to sealed calls ([MS-RPCE] 2.2.2.11)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .ntlmssp import Acceptor
from .rpc_interface import RpcFault
from .smb_status import NtError

if TYPE_CHECKING:
    from .smb_server import SmbServer

SPNEGO, NTLM = 9, 10
CONNECT, INTEGRITY, PRIVACY = 2, 5, 6
ACCESS_DENIED, UNKNOWN_TYPE = 5, 0x1C00001B
#: The verifier's own head, and the length of a signature.
HEAD, SIGNATURE = 8, 16
#: Where the stub of a request and of an answer begins.
_STUB = 24


class Security:
    """What a pipe's client has agreed on; nothing, unless it asks."""

    def __init__(self, server: SmbServer) -> None:
        self._server = server
        self._context: Acceptor | None = None
        self._kind = self._level = self._number = 0

    @property
    def room(self) -> int:
        """How many bytes of an answer's packet its verifier takes, padding included."""
        return HEAD + SIGNATURE + 16 if self._protects else 0

    @property
    def _protects(self) -> bool:
        return self._level in (INTEGRITY, PRIVACY) and self._context is not None

    def step(self, packet: bytes, length: int) -> bytes | None:
        """Go on with the log-on that a packet carries; returns the token that answers it, None when it is refused."""
        if length <= 0 or len(packet) < length + HEAD:
            return b""
        self._kind, self._level, _unused, _unused_too, self._number = struct.unpack_from(
            "<BBBBI", packet, len(packet) - length - HEAD
        )
        if self._kind not in (SPNEGO, NTLM):
            return None
        if self._context is None or self._context.complete:
            self._context = Acceptor(self._server.accounts, self._server.host)
        try:
            return self._context.step(packet[-length:])
        except NtError:
            self._context = None
            return None

    def verifier(self, token: bytes, padding: int = 0) -> bytes:
        """A verifier with its head."""
        return struct.pack("<BBBBI", self._kind, self._level, padding, 0, self._number) + token

    def open(self, packet: bytes, length: int) -> bytes:
        """A request without its verifier; raises RpcFault when it is not signed or sealed as was agreed."""
        if not self._protects:
            return packet[: len(packet) - length - HEAD] if length else packet
        if not length or self._context is None or not self._context.complete or not self._context.protects:
            raise RpcFault(ACCESS_DENIED)
        token, head = packet[-length:], packet[-length - HEAD : -length]
        body, stub = packet[:_STUB], packet[_STUB : -length - HEAD]
        if self._level == PRIVACY:
            stub = self._context.decrypt(stub)
        if self._context.sign(body + stub + head, "Client") != token:
            raise RpcFault(ACCESS_DENIED)
        return body + stub[: len(stub) - head[2]]

    def seal(self, packet: bytes) -> bytes:
        """An answer's packet with its verifier, signed or sealed as was agreed."""
        if not self._protects or self._context is None:
            return packet
        padding = -(len(packet) - _STUB) % 16
        packet += bytes(padding)
        whole = len(packet) + HEAD + SIGNATURE
        packet = packet[:8] + struct.pack("<HH", whole, SIGNATURE) + packet[12:]
        head = self.verifier(b"", padding)
        body, stub = packet[:_STUB], packet[_STUB:]
        # sealed first, signed as it was before that: the stream of the cipher goes on in this order
        sent = self._context.encrypt(stub) if self._level == PRIVACY else stub
        return body + sent + head + self._context.sign(body + stub + head)

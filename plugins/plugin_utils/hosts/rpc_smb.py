# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SMB 1 connection: negotiation, logon, signing, one request and its answer at a time ([MS-CIFS], [MS-SMB]).

The dialect is always NT LM 0.12: nothing newer exists on NT 4.0, Windows 2000 and Server 2003.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import rpc_library as library
from .errors import Unreachable
from .rpc_errors import logon_refused, smb_failed
from .rpc_logon import basic_responses, extended_logon

NEGOTIATE, SESSION_SETUP, TREE_CONNECT = 0x72, 0x73, 0x75
TREE_DISCONNECT, LOGOFF = 0x71, 0x74

_FLAGS1 = 0x18  # names without case, canonical paths
_FLAGS2 = 0x8000 | 0x4000 | 0x0001  # Unicode, NTSTATUS, long names
_EXTENDED_SECURITY = 0x0800
_SIGNED = 0x0004
_MORE_PROCESSING = 0xC0000016
_CAPABILITIES = 0x04 | 0x08 | 0x10 | 0x40 | 0x4000 | 0x8000  # Unicode, large files, NT, status, large reads, writes
_CAP_EXTENDED = 0x80000000
# NETWORK_NAME_DELETED, USER_SESSION_DELETED, NETWORK_SESSION_EXPIRED, SMB_BAD_UID.
_SESSION_GONE = frozenset({0xC00000C9, 0xC0000203, 0xC000035C, 0x005B0002})
_OUR_BUFFER = 0xF000
_EPOCH = 11644473600


class Broken(Exception):
    """The connection is gone; whether the last request arrived is not known. The text says what happened."""


@dataclass(frozen=True)
class Endpoint:
    """Where a host listens and how to log on to it. Times are seconds.

    ``port`` None: 445, or 139 (NetBIOS) where nothing listens there. ``signing``: required or when_possible.
    ``ntlm``: v2, or v1 for hosts without extended security that know nothing better. ``netbios_name``: what the host
    calls itself, needed on port 139; where it is given, a NetBIOS session comes first on any port but 445.
    """

    address: str
    user: str
    password: str = field(repr=False)
    port: int | None = None
    netbios_name: str = ""
    signing: str = "when_possible"
    ntlm: str = "v2"
    connection_timeout: int = 30
    read_timeout: int = 60
    codepage: int = 0


@dataclass(frozen=True)
class Reply:
    """An answer: status, the words and the bytes behind them, and the whole message (offsets count from its start)."""

    status: int
    words: bytes
    data: bytes
    raw: bytes
    tree: int
    user: int


class Wire:
    """A connection that is logged on. Made by ``connect``; after ``Broken`` it is of no use any more."""

    def __init__(self, endpoint: Endpoint, host: str) -> None:
        """Connect and log on. Raises Unreachable."""
        library.require()
        self.endpoint, self.host = endpoint, host
        self._session: Any = None
        self._timeout = float(endpoint.read_timeout)
        self._user = 0
        self._message = 0
        self._key = b""
        self._sequence = 0
        self._may_sign = self._must_sign = False
        self._server_buffer, self._server_session, self._offered = 0, 0, 0
        self.session_key = b""
        self.signing = False
        self.trees: dict[str, int] = {}
        self.server_time: float | None = None
        self._dial()
        try:
            self._log_on(self._negotiate())
        except Broken as error:
            self.hang_up()
            raise _unreachable(endpoint, host, str(error)) from None
        except BaseException:
            self.hang_up()
            raise

    # ---- connection ----------------------------------------------------------------------------------

    def _dial(self) -> None:
        ports = [self.endpoint.port] if self.endpoint.port else [445, 139]
        for last, port in enumerate(ports, 1):
            try:
                self._session = self._connect(port)
                break
            except (OSError, library.nmb.NetBIOSError, library.nmb.NetBIOSTimeout) as error:
                # impacket's words for a host that does not know the name; others break off in the midst.
                if "Cannot request session" in str(error):
                    raise _unreachable(self.endpoint, self.host, _cause(error), [port], _NAME) from None
                if last == len(ports):
                    raise _unreachable(self.endpoint, self.host, _cause(error), ports) from None
        with contextlib.suppress(OSError):
            self._session.get_socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def _connect(self, port: int) -> Any:
        """A connection; where NetBIOS stands before SMB, with the session that was asked for by the host's name."""
        timeout = self.endpoint.connection_timeout
        connection = socket.create_connection((self.endpoint.address, port), timeout=timeout)
        connection.settimeout(None)
        try:
            return library.nmb.NetBIOSTCPSession(
                socket.gethostname().split(".")[0][:15] or "CONTROL",
                (self.endpoint.netbios_name or self.host.split(".")[0])[:15] or "*SMBSERVER",
                self.endpoint.address,
                sess_port=139 if self._with_name(port) else 445,
                timeout=timeout,
                sock=connection,
            )
        except BaseException:
            connection.close()
            raise

    def _with_name(self, port: int) -> bool:
        """Whether a NetBIOS session comes first: on its own port, and on one that leads to it, which the name tells."""
        return port == 139 or bool(self.endpoint.netbios_name and port != 445)

    def hang_up(self) -> None:
        """Close the connection, without a word."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(Exception):
                session.close()

    def log_off(self) -> None:
        """Say good-bye, then hang up. Never raises."""
        with contextlib.suppress(Exception), self.patience(5):
            if self._session is not None and self._user:
                self.request(LOGOFF, struct.pack("<BBH", 0xFF, 0, 0), b"")
        self.hang_up()

    @contextlib.contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Within the block an answer may take so many seconds."""
        before, self._timeout = self._timeout, seconds
        try:
            yield
        finally:
            self._timeout = before

    # ---- requests ------------------------------------------------------------------------------------

    def send(self, command: int, words: bytes, data: bytes, tree: int = 0xFFFF, extended: bool = False) -> int:
        """Send a request; its number is what ``receive`` wants."""
        if self._session is None:
            raise Broken("there is no connection")
        self._message = self._message % 0xFFFE + 1
        flags = _FLAGS2 | (_EXTENDED_SECURITY if extended else 0) | (_SIGNED if self._may_sign else 0)
        head = struct.pack(
            "<4sBIBHH8sHHHHH",
            *(b"\xffSMB", command, 0, _FLAGS1, flags, 0, b"\0" * 8, 0, tree, 0xFEED, self._user, self._message),
        )
        raw = head + struct.pack("B", len(words) // 2) + words + struct.pack("<H", len(data)) + data
        if self._key:
            raw = _sign(raw, self._key, self._sequence)
            self._sequence += 2
        try:
            self._session.send_packet(raw)
        except (OSError, library.nmb.NetBIOSError) as error:
            self.hang_up()
            raise Broken(_cause(error)) from None
        return self._message

    def receive(self, command: int, message: int) -> Reply:
        """The answer to a request, its signature verified."""
        while True:
            try:
                raw = self._session.recv_packet(self._timeout).get_trailer()
            except library.nmb.NetBIOSTimeout:
                self.hang_up()
                raise Broken(f"no answer within {self._timeout:.0f} s") from None
            except (OSError, library.nmb.NetBIOSError, AttributeError, TypeError) as error:
                self.hang_up()
                raise Broken(_cause(error)) from None
            if len(raw) < 35 or raw[:4] != b"\xffSMB":
                self.hang_up()
                raise Broken("the answer is no SMB 1")
            status, flags = struct.unpack_from("<I", raw, 5)[0], struct.unpack_from("<H", raw, 10)[0]
            tree, unused, user, number = struct.unpack_from("<HHHH", raw, 24)
            del unused
            if raw[4] != command or number != message:
                # Word of something that was not asked for, as when the server closes an old handle.
                continue
            if self._key and not _verified(raw, self._key, self._sequence - 1):
                self.hang_up()
                raise Broken("an answer was not signed, or its signature is wrong: somebody may have changed it")
            if status in _SESSION_GONE:
                self.hang_up()
                raise Broken(f"the host has ended the session (status 0x{status:08x})")
            if not flags & 0x4000 and status:
                # MS-DOS codes, though NTSTATUS was asked for: keep the number, nothing is decided by it.
                status = 0xC0DE0000 | (status >> 16)
            count = raw[32]
            words = raw[33 : 33 + 2 * count]
            length = struct.unpack_from("<H", raw, 33 + 2 * count)[0] if len(raw) >= 35 + 2 * count else 0
            start = 35 + 2 * count
            return Reply(status, words, raw[start : start + length], raw, tree, user)

    def request(self, command: int, words: bytes, data: bytes, tree: int = 0xFFFF, extended: bool = False) -> Reply:
        """Send, and wait for the answer."""
        return self.receive(command, self.send(command, words, data, tree, extended))

    # ---- logon ---------------------------------------------------------------------------------------

    def _negotiate(self) -> tuple[bool, bytes, str]:
        """Whether extended security is spoken; else the challenge; and the server's domain."""
        reply = self.request(NEGOTIATE, b"", b"\x02NT LM 0.12\0", extended=True)
        if reply.status or len(reply.words) < 34 or struct.unpack_from("<H", reply.words)[0] == 0xFFFF:
            raise Unreachable(
                f"{self.host} does not speak SMB 1 (NT LM 0.12)",
                remedy="it is no NT 4.0, Windows 2000 or Server 2003, or SMB 1 is switched off there",
            )
        unused, mode, _mpx, _circuits, buffer, _raw, session, offered, now, _zone, length = struct.unpack(
            "<HBHHIIIIqhB", reply.words[:34]
        )
        del unused, _mpx, _circuits, _raw, _zone
        self._server_buffer, self._server_session, self._offered = buffer, session, offered
        self.server_time = now / 1e7 - _EPOCH
        if not mode & 0x01 or not mode & 0x02:
            raise Unreachable(
                f"{self.host} wants no account, or a password that is not encrypted",
                remedy="set it to user level security with encrypted passwords",
            )
        self._may_sign, self._must_sign = bool(mode & 0x04), bool(mode & 0x08)
        if self.endpoint.signing == "required" and not self._may_sign:
            raise Unreachable(
                f"{self.host} does not sign its answers, and signing is required",
                remedy="switch signing on at the host (EnableSecuritySignature), or set signing to when_possible",
            )
        if offered & _CAP_EXTENDED:
            return True, reply.data[16:], ""
        domain = reply.data[length:].decode("utf-16-le", "replace").split("\0")[0]
        return False, reply.data[:length], domain

    def _log_on(self, negotiated: tuple[bool, bytes, str]) -> None:
        extended, challenge, domain = negotiated
        if extended:
            reply, key, response = self._log_on_extended()
        else:
            reply, key, response = self._log_on_basic(challenge, domain)
        if struct.unpack_from("<H", reply.words, 4)[0] & 1:
            raise logon_refused(self.host, self.endpoint.user, 0xC000006D)
        self.session_key = key
        if self._may_sign or self._must_sign:
            self._key, self._sequence, self.signing = key + response, 2, True

    def _log_on_extended(self) -> tuple[Reply, bytes, bytes]:
        logon = extended_logon(self.endpoint, self.host)
        token, reply = logon.first(), Reply(0, b"", b"", b"", 0, 0)
        for unused in range(4):
            words = struct.pack("<BBHHHHIHII", 0xFF, 0, 0, _OUR_BUFFER, 2, 1, self._server_session, len(token), 0, 0)
            words = words[:-4] + struct.pack("<I", _CAPABILITIES | _CAP_EXTENDED)
            data = token + (b"" if len(token) % 2 else b"\0") + "Unix\0Samba\0".encode("utf-16-le")
            reply = self.request(SESSION_SETUP, words, data, extended=True)
            self._user = reply.user
            if reply.status == 0:
                return reply, logon.session_key(), b""
            if reply.status != _MORE_PROCESSING or len(reply.words) < 8:
                break
            try:
                token = logon.next(reply.data[: struct.unpack_from("<H", reply.words, 6)[0]])
            except library.spnego.exceptions.SpnegoError as error:
                raise Broken(f"the logon ended in nonsense: {_cause(error)}") from None
        raise logon_refused(self.host, self.endpoint.user, reply.status)

    def _log_on_basic(self, challenge: bytes, domain: str) -> tuple[Reply, bytes, bytes]:
        account, realm, lm, nt, key = basic_responses(self.endpoint, challenge, domain)
        words = struct.pack("<BBHHHHIHHI", 0xFF, 0, 0, _OUR_BUFFER, 2, 1, self._server_session, len(lm), len(nt), 0)
        texts = "".join(f"{text}\0" for text in (account, realm, "Unix", "Samba")).encode("utf-16-le")
        pad = b"" if (61 + len(lm) + len(nt)) % 2 == 0 else b"\0"
        reply = self.request(SESSION_SETUP, words + struct.pack("<I", _CAPABILITIES), lm + nt + pad + texts)
        if reply.status:
            raise logon_refused(self.host, self.endpoint.user, reply.status)
        self._user = reply.user
        return reply, key, nt

    # ---- trees ---------------------------------------------------------------------------------------

    def tree(self, share: str) -> int:
        """The number of a share that is connected, connected now if need be. Raises SmbFailed."""
        known = self.trees.get(share.upper())
        if known is not None:
            return known
        path = f"\\\\{self.endpoint.address}\\{share}".upper() + "\0"
        reply = self.request(
            TREE_CONNECT, struct.pack("<BBHHH", 0xFF, 0, 0, 0, 1), b"\0" + path.encode("utf-16-le") + b"?????\0"
        )
        if reply.status:
            raise smb_failed(self.host, f"connecting to the share {share}", reply.status)
        self.trees[share.upper()] = reply.tree
        return reply.tree

    @property
    def read_size(self) -> int:
        """Bytes that one read may bring."""
        return self._io_size(0x4000)

    @property
    def write_size(self) -> int:
        """Bytes that one write may take."""
        return self._io_size(0x8000)

    def _io_size(self, capability: int) -> int:
        # With signatures Windows keeps to the small size [V, MS-SMB]; blocks of a kilobyte.
        if self._offered & capability and not self.signing:
            return 0xE000
        return max((min(self._server_buffer, _OUR_BUFFER) - 128) & ~0x3FF, 1024)

    @property
    def buffer(self) -> int:
        """Bytes of the longest answer of a transaction."""
        return min(self._server_buffer, _OUR_BUFFER)


def secret_of(key: bytes, password: str) -> bytes:
    """A password as the service control manager wants it: encrypted by the session's key ([MS-LSAD] 5.1.2)."""
    value = password.encode("utf-16-le") + b"\0\0"
    plain = struct.pack("<LL", len(value), 1) + value
    plain += b"\0" * (-len(plain) % 8)
    out, rest = b"", key
    for start in range(0, len(plain), 8):
        out += library.des.new(library.transform_key(rest[:7]), library.des.MODE_ECB).encrypt(plain[start : start + 8])
        rest = rest[7:]
        if len(rest) < 7:
            rest = key[len(rest) :]
    return out


def _sign(raw: bytes, key: bytes, sequence: int) -> bytes:
    marked = raw[:14] + struct.pack("<q", sequence) + raw[22:]
    return raw[:14] + hashlib.md5(key + marked).digest()[:8] + raw[22:]


def _verified(raw: bytes, key: bytes, sequence: int) -> bool:
    return hmac.compare_digest(_sign(raw, key, sequence)[14:22], raw[14:22])


def _cause(error: BaseException) -> str:
    """The innermost sentence of a library's exception."""
    for argument in reversed(error.args):
        if isinstance(argument, BaseException):
            return _cause(argument)
    text = str(error).partition("\n")[0]
    return text or type(error).__name__


_NAME = "give the name that the host calls itself: netbios_name (variable mailops_exchange_netbios_name)"
_WAY = "check the address, the port (445, or 139 for NT 4.0), the firewall, and that the Server service runs"


def _unreachable(endpoint: Endpoint, host: str, why: str, ports: Sequence[int] = (), remedy: str = _WAY) -> Unreachable:
    shown = " and ".join(str(port) for port in ports or (endpoint.port or 445,))
    return Unreachable(f"{host} ({endpoint.address}, port {shown}) does not answer: {why}", remedy=remedy)

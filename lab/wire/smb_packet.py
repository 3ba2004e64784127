# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SMB 1 messages ([MS-CIFS] 2.2.3): frames on TCP, the header, blocks of words and bytes, texts, the signature."""

from __future__ import annotations

import hashlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from .smb_status import NtError, Status

MAGIC = b"\xffSMB"
HEADER = struct.Struct("<4sBIBHH8sHHHHH")
#: The longest message that is read: a large write with room to spare.
MAX_MESSAGE = 0x1FFFF

FLAGS2_LONG_NAMES = 0x0001
FLAGS2_SIGNATURE = 0x0004
FLAGS2_EXTENDED_SECURITY = 0x0800
FLAGS2_NT_STATUS = 0x4000
FLAGS2_UNICODE = 0x8000
FLAGS_REPLY = 0x80
FLAGS_CASELESS = 0x08

#: Commands whose block begins with the next command and where it stands.
ANDX = frozenset((0x24, 0x2D, 0x2E, 0x2F, 0x73, 0x74, 0x75, 0xA2))
NO_NEXT = 0xFF


class Malformed(Exception):
    """What came is no message of this protocol; the connection is closed."""


@dataclass
class Block:
    """One command of a message: its words and bytes; `at`: where the bytes begin in the message."""

    command: int
    words: bytes
    data: bytes
    at: int
    next_command: int = NO_NEXT
    next_offset: int = 0

    def unpack(self, layout: str) -> tuple[int, ...]:
        """The words (without the two of ANDX) by a `struct` layout; raises NtError when there are too few."""
        words = self.words[4:] if self.command in ANDX else self.words
        size = struct.calcsize("<" + layout)
        if len(words) < size:
            raise NtError(Status.INVALID_SMB)
        return struct.unpack("<" + layout, words[:size])


@dataclass
class Message:
    """A message that came."""

    packet: bytes
    command: int
    flags2: int
    signature: bytes
    tid: int
    pid: int
    pid_high: int
    uid: int
    mid: int

    @property
    def unicode(self) -> bool:
        """Whether its texts are UTF-16."""
        return bool(self.flags2 & FLAGS2_UNICODE)

    def block(self, command: int, offset: int) -> Block:
        """The block at an offset; raises NtError for one that is not whole."""
        packet = self.packet
        if offset >= len(packet):
            raise NtError(Status.INVALID_SMB)
        end = offset + 1 + 2 * packet[offset]
        words = packet[offset + 1 : end]
        if len(packet) < end + 2:
            raise NtError(Status.INVALID_SMB)
        (count,) = struct.unpack_from("<H", packet, end)
        block = Block(command, words, packet[end + 2 : end + 2 + count], end + 2)
        if command == 0x2F:
            # a large write says the length of its data elsewhere: the count of bytes has 16 bits only
            block.data = packet[end + 2 :]
        if command in ANDX and len(words) >= 4:
            block.next_command, _unused, block.next_offset = struct.unpack_from("<BBH", words)
        return block

    def fields(self, block: Block, skip: int = 0) -> Fields:
        """A reader of the block's bytes."""
        return Fields(block.data, block.at, self.unicode, skip)


@dataclass
class Answer:
    """The answer to one block. `words`: without the two of ANDX; `data`: bytes, or made when its offset is known.

    `status` beside success only where the answer has a body with it. `tid` and `uid`: new numbers for the header.
    """

    words: bytes = b""
    data: bytes | Callable[[int], bytes] = b""
    status: int = 0
    tid: int | None = None
    uid: int | None = None


@dataclass
class Fields:
    """Reads the bytes of a block or of a transaction, one after the other; `at`: their place in the message."""

    data: bytes
    at: int
    unicode: bool
    place: int = 0

    def take(self, count: int) -> bytes:
        """The next bytes; raises NtError when there are too few."""
        part = self.data[self.place : self.place + count]
        if len(part) < count:
            raise NtError(Status.INVALID_SMB)
        self.place += count
        return part

    def text(self, *, unicode: bool | None = None) -> str:
        """The next text up to its NUL (or to the end); UTF-16 begins at an even offset of the message."""
        wide = self.unicode if unicode is None else unicode
        if not wide:
            end = self.data.find(b"\0", self.place)
            end = len(self.data) if end < 0 else end
            part = self.data[self.place : end]
            self.place = end + 1
            return part.decode("cp850", "replace")
        if (self.at + self.place) % 2:
            self.place += 1
        end = self.place
        while end + 1 < len(self.data) and self.data[end : end + 2] != b"\0\0":
            end += 2
        part = self.data[self.place : end]
        self.place = end + 2
        return part[: len(part) // 2 * 2].decode("utf-16-le", "replace")

    def byte(self) -> int:
        """The next byte."""
        return self.take(1)[0]


def pack_text(text: str, unicode: bool, at: int) -> bytes:
    """A text with its NUL as it stands at an offset of the message."""
    if not unicode:
        return text.encode("cp850", "replace") + b"\0"
    return (b"\0" if at % 2 else b"") + text.encode("utf-16-le") + b"\0\0"


#: The name by which any Server service answers [V, MS-SMB; on NT 4.0 R].
ANYBODY = "*SMBSERVER"


def read_message(connection: socket.socket, name: str = "") -> bytes | None:
    """The next message of a connection (direct TCP: a length of 24 bits before each); None at its end.

    A client that speaks the NetBIOS session service asks for `name` first, or for any Server service (RFC 1002); with
    another one it gets no session. Without a name every one is right.
    """
    while True:
        head = _exactly(connection, 4)
        if head is None:
            return None
        length = int.from_bytes(head[1:], "big")
        if head[0] == 0x85:  # keep-alive of NetBIOS
            continue
        if head[0] == 0x81:
            asked = _exactly(connection, length)
            if asked is None:
                return None
            if name and _called(asked) not in (name.upper(), ANYBODY):
                connection.sendall(b"\x83\0\0\x01\x82")  # called name not present
                return None
            connection.sendall(b"\x82\0\0\0")
            continue
        if head[0] != 0 or not 0 < length <= MAX_MESSAGE:
            raise Malformed
        return _exactly(connection, length)


def _called(request: bytes) -> str:
    """The name that a session request asks for: two letters stand for each of its 16 bytes (RFC 1001, 14.1)."""
    letters = request[1:33]
    if len(letters) < 32 or request[0] != 32:
        return ""
    name = bytes(((letters[at] - 65) << 4 | (letters[at + 1] - 65)) & 0xFF for at in range(0, 32, 2))
    return name[:15].decode("ascii", "replace").rstrip().upper()


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            return None
        data += part
    return bytes(data)


def parse(packet: bytes) -> Message:
    """Take a message apart; raises Malformed."""
    if len(packet) < HEADER.size + 3 or packet[:4] != MAGIC:
        raise Malformed
    values = HEADER.unpack_from(packet)
    _unused_magic, command, _unused_status, flags, flags2, pid_high, signature, _unused, tid, pid, uid, mid = values
    if flags & FLAGS_REPLY:
        raise Malformed
    return Message(packet, command, flags2, signature, tid, pid, pid_high, uid, mid)


@dataclass
class Reply:
    """The message that answers another: one or more blocks."""

    message: Message
    flags2: int
    status: int = 0
    tid: int = 0
    uid: int = 0
    blocks: list[tuple[int, Answer]] = field(default_factory=list)

    def pack(self) -> bytes:
        """The bytes of the message, not signed yet."""
        asked = self.message
        flags = FLAGS_REPLY | FLAGS_CASELESS
        out = bytearray(
            HEADER.pack(
                MAGIC,
                asked.command,
                self.status,
                flags,
                self.flags2,
                asked.pid_high,
                bytes(8),
                0,
                self.tid,
                asked.pid,
                self.uid,
                asked.mid,
            )
        )
        before: int | None = None
        for command, answer in self.blocks:
            start = len(out)
            if before is not None:
                struct.pack_into("<BBH", out, before + 1, command, 0, start)
            words = answer.words
            whole = bool(words) or self.status == 0
            if command in ANDX and whole:
                words, before = struct.pack("<BBH", NO_NEXT, 0, 0) + words, start
            out += bytes((len(words) // 2,)) + words
            data = answer.data(len(out) + 2) if callable(answer.data) else answer.data
            # a large read says its length elsewhere
            out += struct.pack("<H", len(data) & 0xFFFF) + data
        return bytes(out)


def sign(packet: bytes, key: bytes, number: int) -> bytes:
    """The packet with its signature of that sequence number ([MS-CIFS] 3.1.4.1)."""
    return packet[:14] + signature_of(packet, key, number) + packet[22:]


def signature_of(packet: bytes, key: bytes, number: int) -> bytes:
    """The signature that a packet of that sequence number has."""
    counted = packet[:14] + struct.pack("<II", number, 0) + packet[22:]
    return hashlib.md5(key + counted, usedforsecurity=False).digest()[:8]


def frame(packet: bytes) -> bytes:
    """A message as it goes on the connection."""
    return struct.pack(">I", len(packet)) + packet

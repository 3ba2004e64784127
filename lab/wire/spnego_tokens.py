# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens of SPNEGO (RFC 4178) around those of NTLM: as much of their encoding as that takes."""

from __future__ import annotations

from dataclasses import dataclass

#: iso.org.dod.internet.security.mechanism.snego, and Microsoft's number of NTLM
_SPNEGO = bytes.fromhex("06062b0601050502")
NTLM = bytes.fromhex("060a2b06010401823702020a")
_INIT, _RESPONSE, _SEQUENCE, _OCTETS, _STATE = 0x60, 0xA1, 0x30, 0x04, 0x0A
INCOMPLETE, COMPLETE = 1, 0


class BadToken(ValueError):
    """What came is no token."""


@dataclass
class Token:
    """A token: the mechanisms that an initiator offers (none in later tokens), and the token inside."""

    mechanisms: list[bytes]
    inner: bytes


def is_wrapped(token: bytes) -> bool:
    """Whether a token is one of SPNEGO."""
    return token[:1] in (bytes((_INIT,)), bytes((_RESPONSE,)))


def unwrap(token: bytes) -> Token:
    """Take a token of a client apart; raises BadToken."""
    if token[:1] == bytes((_INIT,)):
        body = _content(token, _INIT)
        if not body.startswith(_SPNEGO):
            raise BadToken
        fields = _fields(_content(_content(body[len(_SPNEGO) :], 0xA0), _SEQUENCE))
        offered = _content(fields.get(0xA0, b""), _SEQUENCE)
        mechanisms = []
        while offered:
            size = _size(offered)
            mechanisms.append(offered[:size])
            offered = offered[size:]
        return Token(mechanisms, _octets(fields))
    return Token([], _octets(_fields(_content(_content(token, _RESPONSE), _SEQUENCE))))


def offer() -> bytes:
    """What a server offers: NTLM."""
    mechanisms = _pack(0xA0, _pack(_SEQUENCE, NTLM))
    return _pack(_INIT, _SPNEGO + _pack(0xA0, _pack(_SEQUENCE, mechanisms)))


def answer(state: int, inner: bytes) -> bytes:
    """A server's answer to a token."""
    fields = _pack(0xA0, _pack(_STATE, bytes((state,))))
    fields += _pack(0xA1, NTLM) if state == INCOMPLETE else b""
    fields += _pack(0xA2, _pack(_OCTETS, inner)) if inner else b""
    return _pack(_RESPONSE, _pack(_SEQUENCE, fields))


def _octets(fields: dict[int, bytes]) -> bytes:
    return _content(fields[0xA2], _OCTETS) if 0xA2 in fields else b""


def _head(data: bytes) -> tuple[int, int]:
    """Length of a value's head and of its content; raises BadToken."""
    if len(data) < 2:
        raise BadToken
    if data[1] < 0x80:
        return 2, data[1]
    count = data[1] & 0x7F
    if not 1 <= count <= 4 or len(data) < 2 + count:
        raise BadToken
    return 2 + count, int.from_bytes(data[2 : 2 + count], "big")


def _size(data: bytes) -> int:
    head, length = _head(data)
    if head + length > len(data):
        raise BadToken
    return head + length


def _content(data: bytes, tag: int) -> bytes:
    if data[:1] != bytes((tag,)):
        raise BadToken
    return data[_head(data)[0] : _size(data)]


def _fields(data: bytes) -> dict[int, bytes]:
    """The fields of a sequence by their tags."""
    found: dict[int, bytes] = {}
    while data:
        size = _size(data)
        found[data[0]] = data[_head(data)[0] : size]
        data = data[size:]
    return found


def _pack(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging on to an SMB 1 server by NTLM: NTLMv2 wherever the host can, version 1 only when somebody asks for it.

With extended security (Windows 2000 and later) pyspnego makes the messages of NTLMSSP, and they go in the envelope of
SPNEGO. NT 4.0 takes the two responses to its challenge as they are; it knows NTLMv2 from service pack 4 on
[V, KB 239869].
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import struct
import time
from typing import TYPE_CHECKING, Any

from . import rpc_library as library
from .errors import Refused

if TYPE_CHECKING:
    from .rpc_smb import Endpoint

_EPOCH = 11644473600
# Object identifiers of RFC 4178 and [MS-SPNG] as they stand in a message.
_SPNEGO = bytes.fromhex("06062b0601050502")
_METHODS = bytes.fromhex("300c060a2b06010401823702020a")


class ExtendedLogon:
    """A logon by NTLMSSP in SPNEGO, message by message."""

    def __init__(self, context: Any) -> None:
        """``context``: of pyspnego, not begun."""
        self._context = context

    def first(self) -> bytes:
        """The message that goes first."""
        inner = _tagged(0xA0, _METHODS) + _tagged(0xA2, _tagged(0x04, bytes(self._context.step())))
        return _tagged(0x60, _SPNEGO + _tagged(0xA0, _tagged(0x30, inner)))

    def next(self, answer: bytes) -> bytes:
        """The message after the host's. Some hosts want the list of logon methods confirmed at the end."""
        token, confirmation = _parts(answer)
        if token:
            return _answer(2, bytes(self._context.step(token)))
        if confirmation:
            self._context.verify(_METHODS, confirmation)
        return _answer(3, bytes(self._context.sign(_METHODS)))

    def session_key(self) -> bytes:
        """The key that both sides have now."""
        return bytes(self._context.session_key)


def extended_logon(endpoint: Endpoint, host: str) -> ExtendedLogon:
    """Begin a logon with extended security, always NTLMv2."""
    level = os.environ.get("LM_COMPAT_LEVEL", "3")
    if not level.isdigit() or int(level) < 3:
        # pyspnego heeds this variable and would send the weak responses.
        raise Refused(
            f"the environment variable LM_COMPAT_LEVEL={level} forbids the NTLMv2 logon to {host}",
            remedy="unset it, or set it to 3 or more, where ansible-playbook is started",
        )
    options = library.spnego.NegotiateOptions
    return ExtendedLogon(
        library.spnego.client(
            endpoint.user,
            endpoint.password,
            hostname=endpoint.address,
            service="cifs",
            protocol="ntlm",
            options=options.use_ntlm | options.session_key,
        )
    )


def _tagged(tag: int, value: bytes) -> bytes:
    """One element of DER."""
    length = len(value)
    if length < 0x80:
        return bytes((tag, length)) + value
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + value


def _answer(tag: int, value: bytes) -> bytes:
    return _tagged(0xA1, _tagged(0x30, _tagged(0xA0 | tag, _tagged(0x04, value))))


def _elements(data: bytes) -> dict[int, bytes]:
    """The elements of DER that follow each other, by their tags. Cut-off ones are left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        found[tag] = data[at : at + length]
        at += length
    return found


def _parts(answer: bytes) -> tuple[bytes, bytes]:
    """The logon's own token and the confirmation in an answer of SPNEGO, each empty where there is none."""
    if answer.startswith(b"NTLMSSP"):
        return answer, b""
    inner = _elements(_elements(_elements(answer).get(0xA1, b"")).get(0x30, b""))
    return _elements(inner.get(0xA2, b"")).get(0x04, b""), _elements(inner.get(0xA3, b"")).get(0x04, b"")


def split_user(user: str, domain: str) -> tuple[str, str]:
    r"""Account and domain of ``DOMAIN\name``, ``name@domain`` or ``name``; ``domain`` where it names none."""
    realm, separator, account = user.partition("\\")
    if separator:
        return account, realm
    account, separator, realm = user.partition("@")
    return (account, realm) if separator else (user, domain)


def basic_responses(endpoint: Endpoint, challenge: bytes, domain: str) -> tuple[str, str, bytes, bytes, bytes]:
    """Account, domain, both responses to the challenge, and the session's key ([MS-NLMP] 3.3)."""
    account, realm = split_user(endpoint.user, domain)
    nt_hash = bytes(library.md4_of(endpoint.password))
    if endpoint.ntlm == "v1":
        # The older LM response would give the password away; a copy of the NT response stands in its place.
        response = _des_response(nt_hash, challenge)
        return account, realm, response, response, _md4(nt_hash)
    key = _hmac(nt_hash, (account.upper() + realm).encode("utf-16-le"))
    ours = secrets.token_bytes(8)
    now = int((time.time() + _EPOCH) * 1e7)
    names = realm.encode("utf-16-le")
    target = struct.pack("<HH", 2, len(names)) + names + struct.pack("<HH", 0, 0)
    blob = struct.pack("<BBHIq8sI", 1, 1, 0, 0, now, ours, 0) + target + b"\0" * 4
    proof = _hmac(key, challenge + blob)
    return account, realm, _hmac(key, challenge + ours) + ours, proof + blob, _hmac(key, proof)


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.md5).digest()


def _md4(data: bytes) -> bytes:
    return bytes(library.md4.new(data).digest())


def _des_response(key: bytes, challenge: bytes) -> bytes:
    padded = key + b"\0" * 5
    return b"".join(
        library.des.new(library.transform_key(padded[start : start + 7]), library.des.MODE_ECB).encrypt(challenge)
        for start in (0, 7, 14)
    )

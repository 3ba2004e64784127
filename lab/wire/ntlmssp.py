# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTLM as the server's side of SMB and of remote procedure calls ([MS-NLMP]), bare or in SPNEGO ([MS-SPNG]).

A library's acceptor serves WinRM (`ntlm.py`); it reckons anew what a client should have sent, where Windows checks what
the client has sent, and so it refuses Samba's clients. This one checks.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from Cryptodome.Cipher import ARC4, DES
from Cryptodome.Hash import MD4

from . import spnego_tokens
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from ..host import Host
    from .ntlm import Accounts

_SIGNATURE = b"NTLMSSP\0"
UNICODE, EXTENDED, KEY_EXCHANGE, SEAL = 0x1, 0x00080000, 0x40000000, 0x20
STRONG, MEDIUM = 0x20000000, 0x80000000
TARGET_DOMAIN, TARGET_INFO, VERSION = 0x00010000, 0x00800000, 0x02000000
#: Unicode, request target, sign, seal, NTLM, always sign, extended session security, 128 bits, key exchange, 56 bits.
_OFFERED = 0xE0088237
_WITH_MIC, _AV_FLAGS, _AV_END = 0x2, 6, 0
_REFUSALS = {1330: Status.PASSWORD_EXPIRED, 1909: Status.ACCOUNT_LOCKED_OUT}
_VERSIONS = {"server2003": struct.pack("<BBH", 5, 2, 3790) + b"\0\0\0\x0f"}


@dataclass
class Proof:
    """What a right answer to the challenge leaves: the session key, and what signatures of SMB are made with."""

    session_key: bytes
    mac_key: bytes


def check_answer(
    password: str,
    user: str,
    domain: str,
    challenge: bytes,
    answer: bytes,
    other: bytes = b"",
    *,
    extended: bool = False,
) -> Proof | None:
    """Whether an NTLM or NTLMv2 answer ([MS-NLMP] 3.3) is right for a password; None when it is not.

    `other`: the answer in LAN Manager's field, which with `extended` session security holds the client's challenge.
    """
    nt_hash = MD4.new(password.encode("utf-16-le")).digest()
    if len(answer) == 24:
        session_key = MD4.new(nt_hash).digest()
        if extended:
            session_key = hmac.digest(session_key, challenge + other[:8], "md5")
            challenge = hashlib.md5(challenge + other[:8], usedforsecurity=False).digest()[:8]
        padded = nt_hash + bytes(5)
        keys = [des_key(padded[place : place + 7]) for place in (0, 7, 14)]
        right = b"".join(DES.new(key, DES.MODE_ECB).encrypt(challenge) for key in keys)
    elif len(answer) > 24:
        secret = hmac.digest(nt_hash, (user.upper() + domain).encode("utf-16-le"), "md5")
        right = hmac.digest(secret, challenge + answer[16:], "md5")
        session_key = hmac.digest(secret, right, "md5")
    else:
        return None
    if not hmac.compare_digest(right, answer[: len(right)]):
        return None
    return Proof(session_key, session_key + answer)


def des_key(key: bytes) -> bytes:
    """Seven bytes as the eight of a DES key; the lowest bit of each is its parity, which nobody looks at."""
    number = int.from_bytes(key, "big")
    return bytes((number >> (49 - 7 * index) & 0x7F) << 1 for index in range(8))


def account_of(accounts: Accounts, host: Host, domain: str, user: str) -> str | None:
    """The account that a client names, also one that is barred.

    A name of a domain that nobody knows (Samba's clients send WORKGROUP) is looked up without it [R].
    """
    return accounts.known(f"{domain}\\{user}" if domain else f"{host.world.prefix}\\{user}") or accounts.known(
        f"{host.world.prefix}\\{user}"
    )


def check_barred(accounts: Accounts, account: str, password: str) -> None:
    """Raise NtError for an account that cannot log on although its password is right."""
    barred = accounts.barred(account, password)
    if barred:
        raise NtError(_REFUSALS.get(barred, Status.LOGON_FAILURE))


class Acceptor:
    """One log-on. `account`, `session_key` are there when it is `complete`."""

    def __init__(self, accounts: Accounts, host: Host) -> None:
        self.complete = False
        self.account = ""
        self.session_key = b""
        self._accounts = accounts
        self._host = host
        self._challenge = secrets.token_bytes(8)
        self._flags = 0
        self._wrapped = False
        self._told: list[bytes] = []
        self._streams: dict[str, tuple[bytes, Any]] = {}
        self._counts = {"Client": 0, "Server": 0}

    def hint(self) -> bytes:
        """What the server offers before the client has said anything."""
        return spnego_tokens.offer()

    def step(self, token: bytes) -> bytes:
        """Take a token, return the one that answers it; raises NtError for a log-on that fails."""
        try:
            return self._step(token)
        except NtError:
            raise
        except (ValueError, struct.error) as error:  # it is no token
            raise NtError(Status.LOGON_FAILURE) from error

    def _step(self, token: bytes) -> bytes:
        inner = token
        if spnego_tokens.is_wrapped(token):
            opened = spnego_tokens.unwrap(token)
            inner = opened.inner
            if opened.mechanisms:
                self._wrapped = True
                if spnego_tokens.NTLM not in opened.mechanisms:
                    raise NtError(Status.LOGON_FAILURE)
                if opened.mechanisms[0] != spnego_tokens.NTLM:
                    # the first one was guessed wrong: NTLM it has to be
                    return spnego_tokens.answer(spnego_tokens.INCOMPLETE, b"")
        if inner[:8] != _SIGNATURE:
            raise NtError(Status.LOGON_FAILURE)
        (kind,) = struct.unpack_from("<I", inner, 8)
        if kind == 1:
            answer, state = self._challenge_message(inner), spnego_tokens.INCOMPLETE
        elif kind == 3 and self._told:
            self._check(inner)
            answer, state = b"", spnego_tokens.COMPLETE
        else:
            raise NtError(Status.LOGON_FAILURE)
        return spnego_tokens.answer(state, answer) if self._wrapped else answer

    def _challenge_message(self, negotiate: bytes) -> bytes:
        (wanted,) = struct.unpack_from("<I", negotiate, 12)
        host = self._host
        version = _VERSIONS.get(host.os, b"") if wanted & VERSION else b""
        self._flags = (wanted & _OFFERED) | UNICODE | TARGET_INFO | TARGET_DOMAIN | (VERSION if version else 0)
        dns = f"{host.name}.{host.world.domain}"
        pairs = ((2, host.world.prefix), (1, host.computer_name), (4, host.world.domain), (3, dns))
        info = b""
        for number, text in pairs:
            wide = text.encode("utf-16-le")
            info += struct.pack("<HH", number, len(wide)) + wide
        info += bytes(4)
        target = host.world.prefix.encode("utf-16-le")
        place = 48 + len(version)
        message: bytes = _SIGNATURE + struct.pack("<IHHII", 2, len(target), len(target), place, self._flags)
        message += self._challenge + bytes(8) + struct.pack("<HHI", len(info), len(info), place + len(target))
        message += version + target + info
        self._told = [negotiate, message]
        return message

    def _check(self, message: bytes) -> None:
        fields = [struct.unpack_from("<HHI", message, 12 + 8 * index) for index in range(6)]
        parts = [message[place : place + length] for length, unused, place in fields]
        (flags,) = struct.unpack_from("<I", message, 60)
        letters = "utf-16-le" if flags & UNICODE else "cp850"
        domain, user = parts[2].decode(letters), parts[3].decode(letters)
        account = account_of(self._accounts, self._host, domain, user) if user else None
        if account is None:
            raise NtError(Status.LOGON_FAILURE)
        password = self._host.world.accounts[account.lower()].password
        extended = bool(self._flags & flags & EXTENDED)
        proof = check_answer(password, user, domain, self._challenge, parts[1], parts[0], extended=extended)
        if proof is None:
            raise NtError(Status.LOGON_FAILURE)
        check_barred(self._accounts, account, password)
        self.session_key = proof.session_key
        if flags & KEY_EXCHANGE and len(parts[5]) == 16:
            self.session_key = ARC4.new(proof.session_key).decrypt(parts[5])
        if _promises_mic(parts[1]):
            blank = message[:72] + bytes(16) + message[88:]
            right = hmac.digest(self.session_key, b"".join([*self._told, blank]), "md5")
            if message[72:88] != right:
                raise NtError(Status.LOGON_FAILURE)
        self._flags &= flags
        self.account, self.complete = account, True
        if self._flags & EXTENDED:
            for side in ("Client", "Server"):
                cipher = ARC4.new(self._key("sealing", side))
                self._streams[side] = (self._key("signing", side), cipher)

    def _key(self, purpose: str, side: str) -> bytes:
        """A key of one direction ([MS-NLMP] 3.4.5.2 and 3); a short one where strong keys were not agreed on."""
        secret = self.session_key
        if purpose == "sealing" and not self._flags & STRONG:
            secret = secret[: 7 if self._flags & MEDIUM else 5]
        way = "client-to-server" if side == "Client" else "server-to-client"
        magic = f"session key to {way} {purpose} key magic constant\0".encode()
        return hashlib.md5(secret + magic, usedforsecurity=False).digest()

    # -- messages that are signed or sealed

    @property
    def protects(self) -> bool:
        """Whether messages can be signed and sealed: extended session security only."""
        return bool(self._streams)

    def sign(self, data: bytes, side: str = "Server") -> bytes:
        """The signature of the next message of a side."""
        key, cipher = self._streams[side]
        number = self._counts[side]
        self._counts[side] = number + 1
        digest = hmac.digest(key, struct.pack("<I", number) + data, "md5")[:8]
        if self._flags & KEY_EXCHANGE:
            digest = bytes(cipher.encrypt(digest))
        return struct.pack("<I", 1) + digest + struct.pack("<I", number)

    def encrypt(self, data: bytes) -> bytes:
        """A part of the server's next message, sealed; before it is signed."""
        return bytes(self._streams["Server"][1].encrypt(data))

    def decrypt(self, data: bytes) -> bytes:
        """A part of the client's next message, opened; before its signature is checked."""
        return bytes(self._streams["Client"][1].decrypt(data))


def _promises_mic(answer: bytes) -> bool:
    """Whether the pairs in an NTLMv2 answer say that the message carries a code of its own integrity."""
    place = 16 + 28
    while place + 4 <= len(answer):
        number, length = struct.unpack_from("<HH", answer, place)
        if number == _AV_END:
            return False
        if number == _AV_FLAGS and length >= 4:
            return bool(struct.unpack_from("<I", answer, place + 4)[0] & _WITH_MIC)
        place += 4 + length
    return False

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging on: NTLM by pyspnego's acceptor, plain passwords, and WS-Management's message encryption."""

from __future__ import annotations

import os
import re
import struct
import threading
from collections.abc import Mapping

import spnego
from spnego.exceptions import SpnegoError

from .memory import MemoryFile

__all__ = ["Accounts", "SpnegoError", "decrypt", "encrypt"]

PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
BOUNDARY = "Encrypted Boundary"
ENCRYPTED_TYPE = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="{BOUNDARY}"'
_CONTENT = re.compile(rb"--\s?Encrypted Boundary\r\n\s*Content-Type:\s*application/octet-stream\r\n", re.IGNORECASE)
_LENGTH = re.compile(rb"OriginalContent:[^\r\n]*?Length=(\d+)", re.IGNORECASE)

# pyspnego finds an acceptor's accounts by a variable of the process; several labs may run in one.
_ENVIRONMENT = threading.Lock()
_VARIABLE = "NTLM_USER_FILE"


class Accounts:
    """The lab's accounts. Names are DOMAIN\\user; user@dns.domain means the same account."""

    def __init__(self, passwords: Mapping[str, str], dns_domain: str, barred: Mapping[str, int] | None = None) -> None:
        """`barred`: accounts that cannot log on although the password is right, with the Win32 error."""
        self._passwords = dict(passwords)
        self._barred = dict(barred or {})
        self._dns_domain = dns_domain
        self._names: dict[str, str] = {}
        lines: list[str] = []
        for account, password in passwords.items():
            domain, user = account.split("\\", 1)
            forms = [(domain, user), (dns_domain, user), ("", f"{user}@{dns_domain}"), ("", f"{user}@{domain}")]
            for of, name in forms:
                lines.append(f"{of}:{name}:{password}\n")
                self._names[(f"{of}\\{name}" if of else name).lower()] = account
        self._file = MemoryFile("".join(lines))

    def close(self) -> None:
        """Forget the passwords that the acceptor reads."""
        self._file.close()

    def canonical(self, name: str | None) -> str | None:
        """The account's name as DOMAIN\\user, or None when there is none of that name that may log on."""
        account = self._names.get((name or "").lower())
        return None if account in self._barred else account

    def known(self, name: str) -> str | None:
        """The account's name as DOMAIN\\user, also of one that may not log on now; None when there is none."""
        return self._names.get(name.lower())

    def barred(self, name: str, password: str) -> int:
        """The Win32 error with which a log-on ends although the password is right; 0 when there is none."""
        account = self._names.get(name.lower())
        right = account is not None and self._passwords[account] == password
        return self._barred.get(account or "", 0) if right else 0

    def check(self, name: str, password: str) -> str | None:
        """The account's name when the password is right, else None."""
        account = self.canonical(name)
        return account if account and self._passwords[account] == password else None

    def context(self) -> spnego.ContextProxy:
        """A new acceptor, for SPNEGO and for bare NTLM tokens."""
        return spnego.server(protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)

    def step(self, context: spnego.ContextProxy, token: bytes) -> bytes | None:
        """Go one step on; raises SpnegoError (also for a wrong password)."""
        with _ENVIRONMENT:
            before = os.environ.get(_VARIABLE)
            os.environ[_VARIABLE] = self._file.path
            try:
                return context.step(token)
            except SpnegoError:
                raise
            except Exception as error:  # a token that is none: the library's parsers raise what they like
                raise SpnegoError(1, context_msg=f"not a token: {error}") from error
            finally:
                if before is None:
                    del os.environ[_VARIABLE]
                else:
                    os.environ[_VARIABLE] = before


def encrypt(context: spnego.ContextProxy, message: bytes) -> bytes:
    """The body of an encrypted message ([MS-WSMV] 2.2.9.1)."""
    wrapped = context.wrap_winrm(message)
    head = (
        f"--{BOUNDARY}\r\n\tContent-Type: {PROTOCOL}\r\n"
        "\tOriginalContent: type=application/soap+xml;charset=UTF-8;"
        f"Length={len(message) + wrapped.padding_length}\r\n"
        f"--{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    ).encode()
    end = f"--{BOUNDARY}--\r\n".encode()
    return head + struct.pack("<i", len(wrapped.header)) + wrapped.header + wrapped.data + end


def decrypt(context: spnego.ContextProxy, body: bytes) -> bytes:
    """The message in an encrypted body; raises ValueError when it is none that this context can read."""
    length, start = _LENGTH.search(body), _CONTENT.search(body)
    if not length or not start or start.end() + 4 > len(body):
        raise ValueError("no encrypted message")
    data = body[start.end() :]
    (size,) = struct.unpack("<i", data[:4])
    if not 0 < size < len(data):
        raise ValueError("no signature")
    header, sealed = data[4 : 4 + size], data[4 + size :]
    # NTLM does not pad: the sealed part is as long as the message
    sealed = sealed[: int(length.group(1))]
    try:
        return context.unwrap_winrm(header, sealed)
    except SpnegoError as error:
        raise ValueError(str(error)) from error

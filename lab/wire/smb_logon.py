# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Negotiation of the dialect and logging on ([MS-CIFS] 2.2.4.52 and 53, [MS-SMB] 2.2.4.5 and 6).

NT 4.0 knows no extended security: a client answers a challenge of eight bytes there, with NTLM or NTLMv2. Later
systems take SPNEGO with NTLM. A null session is refused everywhere.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ntlmssp import Acceptor, Proof, account_of, check_answer, check_barred
from .smb_commands import command
from .smb_packet import FLAGS2_EXTENDED_SECURITY, FLAGS2_SIGNATURE, Answer, Block, Message, pack_text
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection

DIALECT = b"NT LM 0.12"
USER_SECURITY, ENCRYPTED, SIGNING, SIGNING_REQUIRED = 0x01, 0x02, 0x04, 0x08
EXTENDED = 0x80000000
#: Unicode, large files, NT SMBs, remote APIs, NT status codes, NT find, levels of NT, large reads and writes
CAPABILITIES = 0x04 | 0x08 | 0x10 | 0x20 | 0x40 | 0x200 | 0x2000 | 0x4000 | 0x8000
#: NT 4.0: without the levels of NT, and without large writes [R]
CAPABILITIES_NT4 = 0x04 | 0x08 | 0x10 | 0x20 | 0x40 | 0x200 | 0x4000
#: MaxBufferSize of Windows 2000 and later with 512 MB, and of NT 4.0 [R]
BUFFER, BUFFER_NT4 = 16644, 4356
#: What NativeOS and NativeLanMan say [V, widely quoted captures]
NATIVE = {
    "nt4": ("Windows NT 4.0", "NT LAN Manager 4.0"),
    "2000": ("Windows 5.0", "Windows 2000 LAN Manager"),
    "server2003": ("Windows Server 2003 3790 Service Pack {service_pack}", "Windows Server 2003 5.2"),
}


@dataclass
class LogonSession:
    """Somebody who has logged on: account (DOMAIN\\user), session key, whether he administers the host."""

    uid: int
    account: str
    key: bytes
    admin: bool


@command(0x72)
def negotiate(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_NEGOTIATE: NT LM 0.12 or nothing."""
    offered = [word.rstrip(b"\0") for word in block.data.split(b"\x02")[1:]]
    if DIALECT not in offered:
        return Answer(struct.pack("<H", 0xFFFF))
    host, server = connection.host, connection.server
    extended = host.os != "nt4" and bool(message.flags2 & FLAGS2_EXTENDED_SECURITY)
    connection.extended = extended
    connection.dialect = True
    mode = USER_SECURITY | ENCRYPTED
    mode |= SIGNING if server.signing != "off" else 0
    mode |= SIGNING_REQUIRED if server.signing == "required" else 0
    capabilities = CAPABILITIES_NT4 if host.os == "nt4" else CAPABILITIES
    words = struct.pack(
        "<HBHHIIIIQhB",
        offered.index(DIALECT),
        mode,
        50,
        1,
        BUFFER_NT4 if host.os == "nt4" else BUFFER,
        65536,
        0,
        capabilities | (EXTENDED if extended else 0),
        connection.filetime(connection.world.clock.time),
        0,
        0 if extended else 8,
    )
    if extended:
        guid = hashlib.md5(host.computer_name.encode(), usedforsecurity=False).digest()
        return Answer(words, guid + Acceptor(server.accounts, host).hint())
    names = [connection.world.prefix, host.computer_name]
    data = b"".join(pack_text(name, message.unicode, 0) for name in names)
    return Answer(words, connection.challenge + data)


@command(0x73)
def session_setup(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_SESSION_SETUP_ANDX, in its form with a security blob or with answers to the challenge."""
    if not connection.dialect:
        raise NtError(Status.INVALID_SMB)
    if len(block.words) == 24:
        return _with_blob(connection, message, block)
    return _with_answers(connection, message, block)


def _with_blob(connection: Connection, message: Message, block: Block) -> Answer:
    length = block.unpack("HHHIHII")[4]
    if not connection.extended:
        raise NtError(Status.INVALID_SMB)
    acceptor = connection.acceptor or Acceptor(connection.server.accounts, connection.host)
    connection.acceptor = None
    token = acceptor.step(block.data[:length])
    uid = message.uid or connection.next_uid()
    if not acceptor.complete:
        connection.acceptor = acceptor
        return _blob_answer(connection, message, token, Status.MORE_PROCESSING_REQUIRED, uid)
    _logged_on(connection, message, uid, acceptor.account, Proof(acceptor.session_key, acceptor.session_key))
    return _blob_answer(connection, message, token, 0, uid)


def _blob_answer(connection: Connection, message: Message, token: bytes, status: int, uid: int) -> Answer:
    def data(at: int) -> bytes:
        return token + _natives(connection, message, at + len(token))

    return Answer(struct.pack("<HH", 0, len(token)), data, status, uid=uid)


def _with_answers(connection: Connection, message: Message, block: Block) -> Answer:
    values = block.unpack("HHHIHHII")
    fields = message.fields(block)
    lan_manager, answer = fields.take(values[4]), fields.take(values[5])
    user, domain = fields.text(), fields.text()
    accounts = connection.server.accounts
    account = account_of(accounts, connection.host, domain, user) if user else None
    proof = None
    if account is not None and connection.server.signing != "required":
        password = connection.world.accounts[account.lower()].password
        proof = check_answer(password, user, domain, connection.challenge, answer or lan_manager)
    if account is None or proof is None:
        raise NtError(Status.LOGON_FAILURE)
    check_barred(accounts, account, connection.world.accounts[account.lower()].password)
    uid = connection.next_uid()
    _logged_on(connection, message, uid, account, proof)
    return Answer(struct.pack("<H", 0), lambda at: _natives(connection, message, at, domain=True), uid=uid)


def _natives(connection: Connection, message: Message, at: int, *, domain: bool = False) -> bytes:
    host = connection.host
    words = [text.format(service_pack=host.os_service_pack) for text in NATIVE[host.os]]
    data = b""
    for word in [*words, *([connection.world.prefix] if domain else [])]:
        data += pack_text(word, message.unicode, at + len(data))
    return data


def _logged_on(connection: Connection, message: Message, uid: int, account: str, proof: Proof) -> None:
    admin = connection.host.is_administrator(account)
    connection.sessions[uid] = LogonSession(uid, account, proof.session_key, admin)
    signing = connection.server.signing
    if signing == "required" or (signing != "off" and message.flags2 & FLAGS2_SIGNATURE):
        connection.begin_signing(proof.mac_key)


@command(0x74)
def log_off(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_LOGOFF_ANDX."""
    connection.session(message)
    connection.sessions.pop(message.uid, None)
    connection.drop_files(lambda opened: opened.uid == message.uid)
    return Answer()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging on by SMB: dialects, answers to the challenge, signatures, and what is refused."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from impacket.smb import SMB_DIALECT
from impacket.smbconnection import SessionError, SMBConnection

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire import spnego_tokens
from ansible_collections.mailops.exchange.lab.wire.ntlmssp import check_answer
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import connect, host, make

# The worked example of [MS-NLMP] 4.2: user User, domain Domain, password Password, these challenges.
SERVER, CLIENT = bytes.fromhex("0123456789abcdef"), b"\xaa" * 8
NTLM1 = bytes.fromhex("67c43011f30298a2ad35ece64f16331c44bdbed927841f94")
NTLM2_SESSION = bytes.fromhex("7537f803ae367128ca458204bde7caf81e97ed2683267232")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab that has made no mistake of its own."""
    with make(accounts={"exsetup": {"locked": True}}) as running:
        yield running
        assert running.trouble == []


def test_answers_of_the_published_example() -> None:
    """NTLM, NTLM with extended session security, NTLMv2; each is refused with another password."""
    proof = check_answer("Password", "User", "Domain", SERVER, NTLM1)
    assert proof and proof.session_key.hex() == "d87262b0cde4b1cb7499becccdf10784"
    other = CLIENT + bytes(16)
    assert check_answer("Password", "User", "Domain", SERVER, NTLM2_SESSION, other, extended=True)
    pairs = struct.pack("<HH", 2, 12) + "Domain".encode("utf-16-le") + struct.pack("<HH", 1, 12)
    pairs += "Server".encode("utf-16-le") + bytes(4)
    blob = b"\x01\x01" + bytes(6) + bytes(8) + CLIENT + bytes(4) + pairs + bytes(4)
    answer = bytes.fromhex("68cd0ab851e51c96aabc927bebef6a1c") + blob
    proof = check_answer("Password", "User", "Domain", SERVER, answer)
    assert proof and proof.session_key.hex() == "8de40ccadbc14a82f15cb0ad0de95ca3"
    for wrong in (NTLM1, answer):
        assert check_answer("password", "User", "Domain", SERVER, wrong) is None
    assert check_answer("Password", "User", "Domain", SERVER, b"") is None


@pytest.mark.parametrize(
    ("name", "system", "required"),
    [
        ("mbx1", "Windows 5.0", False),
        ("old", "Windows NT 4.0", False),
        ("new", "Windows Server 2003 3790 Service Pack 2", False),
        ("dc1", "Windows Server 2003 3790 Service Pack 2", True),
    ],
)
def test_each_windows_says_what_it_is(lab: Lab, name: str, system: str, required: bool) -> None:
    """NT 4.0 has no extended security; a domain controller wants signatures."""
    connection = connect(lab, name)
    assert connection.getServerOS() == system
    assert connection.isSigningRequired() is required
    assert len(connection.getSessionKey()) == 16
    connection.logoff()


@pytest.mark.parametrize("name", ["mbx1", "old", "dc1"])
@pytest.mark.parametrize(("user", "password"), [("exadmin", "wrong"), ("nobody", "x")])
def test_who_is_refused(lab: Lab, name: str, user: str, password: str) -> None:
    """A wrong password, an unknown name."""
    with pytest.raises(SessionError) as caught:
        connect(lab, name, user, password)
    assert caught.value.getErrorCode() == 0xC000006D


@pytest.mark.parametrize("name", ["mbx1", "old"])
def test_a_locked_account_is_told_so(lab: Lab, name: str) -> None:
    """But only to somebody who knows the password."""
    with pytest.raises(SessionError) as caught:
        connect(lab, name, "exsetup")
    assert caught.value.getErrorCode() == 0xC0000234
    with pytest.raises(SessionError) as caught:
        connect(lab, name, "exsetup", "wrong")
    assert caught.value.getErrorCode() == 0xC000006D


def test_without_a_log_on_there_is_nothing(lab: Lab) -> None:
    """A share is not connected to."""
    address = host(lab).address
    connection = SMBConnection("MBX1", address, sess_port=lab.smb_port, preferredDialect=SMB_DIALECT)
    with pytest.raises(SessionError) as caught:
        connection.connectTree("IPC$")
    assert caught.value.getErrorCode() == 0xC0000022


def test_a_message_that_was_altered_is_refused(lab: Lab) -> None:
    """Where signatures are required, a wrong one ends in access denied."""
    connection = connect(lab, "dc1")
    inner = connection.getSMBServer()
    inner._SigningSessionKey = bytes(16)
    inner.set_timeout(5)
    with pytest.raises(SessionError) as caught:
        connection.connectTree("IPC$")
    assert caught.value.getErrorCode() == 0xC0000022


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_does_no_harm(lab: Lab, parts: list[bytes]) -> None:
    """Whatever comes, the connection is answered or closed, and the lab makes no mistake."""
    with contextlib.suppress(OSError), socket.create_connection((host(lab).address, lab.smb_port), 5) as connection:
        for part in parts:
            body = b"\xffSMB" + part
            connection.sendall(struct.pack(">I", len(body)) + body)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            continue
    assert lab.trouble == []


COMMANDS = [0, 1, 4, 5, 6, 7, 8, 9, 0x0A, 0x0B, 0x10, 0x24, 0x25, 0x2D, 0x2E, 0x2F, 0x32, 0x34, 0x71, 0x72, 0x73]
COMMANDS += [0x75, 0x80, 0xA0, 0xA2, 0xA5, 0x26, 0x33, 0x99]


@pytest.fixture(scope="module")
def raw(lab: Lab) -> Iterator[list[SMBConnection]]:
    """A connection that is logged on, in a list of one: it is made anew when it was closed."""
    yield [connect(lab)]


@given(st.sampled_from(COMMANDS), st.binary(max_size=60), st.binary(max_size=120), st.sampled_from([0x8000, 0]))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_commands_that_are_none(
    lab: Lab, raw: list[SMBConnection], number: int, words: bytes, data: bytes, flags: int
) -> None:
    """Somebody who is logged on sends blocks without sense: each is answered or ends the connection."""
    inner = raw[0].getSMBServer()
    uid, tid = inner.get_uid(), raw[0].connectTree("C$")
    words = words[: len(words) // 2 * 2]
    header = struct.pack("<4sBIBHH8sHHHHH", b"\xffSMB", number, 0, 8, 0x4801 | flags, 0, bytes(8), 0, tid, 1, uid, 7)
    body = header + bytes((len(words) // 2,)) + words + struct.pack("<H", len(data)) + data
    connection = inner.get_socket()
    try:
        connection.sendall(struct.pack(">I", len(body)) + body)
        connection.settimeout(0.05 if number in (0x26, 0x33) else 5)
        assert connection.recv(65536)
        raw[0].disconnectTree(tid)
    except (OSError, AssertionError, SessionError):
        raw[0] = connect(lab)
    connection.settimeout(20)
    assert lab.trouble == []


@given(st.binary(max_size=80))
def test_tokens_that_are_none(token: bytes) -> None:
    """They are refused with the parser's own error."""
    try:
        spnego_tokens.unwrap(token)
    except spnego_tokens.BadToken:
        return
    assert token[:1] in (b"\x60", b"\xa1")

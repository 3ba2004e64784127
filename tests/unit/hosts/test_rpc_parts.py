# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the rpc channel that need no host: what it reads out of bytes, and what it puts into them."""

from __future__ import annotations

import hashlib
import hmac
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from impacket.crypto import decryptSecret

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import rpc_logon
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.commands import escape
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, Unreachable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_commands import (
    command_line,
    descriptor,
    in_command_file,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_errors import (
    ACCESS_DENIED,
    logon_refused,
    rpc_failed,
    smb_failed,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_events import parse
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_files import place
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_host import process_table
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_registry import value_of
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_smb import secret_of
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_version import file_version

# ---- logon -----------------------------------------------------------------------------------------------------

# The account of the worked examples in [MS-NLMP] 4.2.1.
CHALLENGE = bytes.fromhex("0123456789abcdef")
EXAMPLE = Endpoint("192.0.2.1", "Domain\\User", "Password")


def test_the_older_responses_of_the_specification() -> None:
    """[MS-NLMP] 4.2.2.2.1 and 4.2.2.1.3: NTLMv1 response and session base key."""
    old = Endpoint("192.0.2.1", "Domain\\User", "Password", ntlm="v1")
    account, realm, lm, nt, key = rpc_logon.basic_responses(old, CHALLENGE, "X")
    assert (account, realm) == ("User", "Domain")
    assert nt.hex() == "67c43011f30298a2ad35ece64f16331c44bdbed927841f94"
    assert key.hex() == "d87262b0cde4b1cb7499becccdf10784"
    assert lm == nt, "the LM response proper never leaves"


def test_the_newer_responses() -> None:
    """[MS-NLMP] 4.2.4.1.1: the key of the account; the rest follows from the random part, which is not ours to fix."""
    account_key = bytes.fromhex("0c868a403bfd7a93a3001ef22ef02e3f")
    lm, nt, key = rpc_logon.basic_responses(EXAMPLE, CHALLENGE, "X")[2:]

    def mac(data: bytes) -> bytes:
        return hmac.new(account_key, data, hashlib.md5).digest()

    proof, blob = nt[:16], nt[16:]
    assert proof == mac(CHALLENGE + blob)
    assert key == mac(proof)
    assert lm == mac(CHALLENGE + lm[16:]) + lm[16:]
    assert blob[:8] == b"\x01\x01" + bytes(6)
    assert blob[16:24] == lm[16:]
    assert blob[28:] == struct.pack("<HH", 2, 12) + "Domain".encode("utf-16-le") + bytes(8)


@pytest.mark.parametrize(
    ("user", "expected"),
    [("name", ("name", "HOSTDOM")), ("D\\name", ("name", "D")), ("name@d.example", ("name", "d.example"))],
)
def test_who_logs_on(user: str, expected: tuple[str, str]) -> None:
    assert rpc_logon.split_user(user, "HOSTDOM") == expected


@pytest.mark.parametrize("level", ["0", "2", "none"])
def test_the_environment_cannot_weaken_the_logon(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("LM_COMPAT_LEVEL", level)
    with pytest.raises(Refused, match="LM_COMPAT_LEVEL"):
        rpc_logon.extended_logon(EXAMPLE, "n1")


@given(st.binary(max_size=400))
def test_any_answer_to_a_logon_is_taken_apart(data: bytes) -> None:
    token, confirmation = rpc_logon._parts(data)
    assert len(token) <= len(data) and len(confirmation) <= len(data)


@given(st.binary(min_size=1, max_size=70_000))
def test_an_answer_comes_back_out_of_its_envelope(token: bytes) -> None:
    assert rpc_logon._parts(rpc_logon._answer(2, token)) == (token, b"")
    assert rpc_logon._parts(rpc_logon._answer(3, token)) == (b"", token)


@given(st.text(max_size=40).filter(lambda text: text.isprintable()), st.binary(min_size=16, max_size=16))
def test_a_password_is_what_the_service_manager_reads(password: str, key: bytes) -> None:
    assert decryptSecret(key, secret_of(key, password)).decode("utf-16-le") == password + "\0"


def test_a_secret_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Password" not in repr(EXAMPLE)
    secret_of(b"k" * 16, "Password")
    assert capsys.readouterr().out == ""


# ---- command lines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "file"),
    [
        ("ver", "ver"),
        ("echo %COMPUTERNAME%", "echo %COMPUTERNAME%"),
        ("echo 100%", "echo 100%%"),
        ("echo 50^% of ^%^x^%", "echo 50^%% of ^%%^x^%%"),
        ("call echo %^ERRORLEVEL%:", "call echo %%^ERRORLEVEL%%:"),
        ('for %I in ("C:\\a b") do @echo %~zI', 'for %%I in ("C:\\a b") do @echo %%~zI'),
        ("for %I in (a%I) do echo %I", "for %%I in (a%%I) do echo %%I"),
    ],
)
def test_a_line_of_the_prompt_in_a_command_file(prompt: str, file: str) -> None:
    assert in_command_file(prompt) == file


def expanded(line: str, variables: dict[str, str]) -> str:
    """How cmd.exe reads percent signs in a command file: two are one, a variable that is not there is empty."""
    out, at = "", 0
    while at < len(line):
        if line[at] != "%":
            out, at = out + line[at], at + 1
        elif line[at : at + 2] == "%%":
            out, at = out + "%", at + 2
        elif (end := line.find("%", at + 1)) > 0:
            out, at = out + variables.get(line[at + 1 : end], ""), end + 1
        else:
            at += 1
    return out


@given(st.text(st.sampled_from('%^&ab_1 I~"!'), max_size=30))
def test_text_that_is_escaped_for_the_prompt_is_the_same_in_a_command_file(text: str) -> None:
    assert expanded(in_command_file(escape(text)), {"a": "VALUE", "b": "VALUE"}) == escape(text)


def test_what_a_service_runs() -> None:
    line = command_line("C:\\mailops\\run\\t\\run.cmd", "C:\\mailops\\run\\t\\busy.txt")
    assert line == (
        '%COMSPEC% /c start "" /b %COMSPEC% /c "C:\\mailops\\run\\t\\run.cmd >C:\\mailops\\run\\t\\busy.txt 2>&1 <nul"'
    )


def test_the_rights_of_a_closed_folder() -> None:
    """[MS-DTYP] 2.4.6: two entries, for SYSTEM and the administrators, inherited by all below, nothing from above."""
    data = descriptor()
    revision, unused, control, owner, group, sacl, dacl = struct.unpack_from("<BBHIIII", data)
    assert (revision, owner, group, sacl) == (1, 0, 0, 0)
    assert control == 0x8000 | 0x1000 | 0x0004
    version, unused, size, count = struct.unpack_from("<BBHH", data, dacl)
    assert (version, count, dacl + size) == (2, 2, len(data))
    at, found = dacl + 8, []
    for unused in range(count):
        kind, flags, length, mask = struct.unpack_from("<BBHI", data, at)
        sid = data[at + 8 : at + length]
        subs = struct.unpack_from(f"<{sid[1]}I", sid, 8)
        found.append((kind, flags, mask, f"S-{sid[0]}-{int.from_bytes(sid[2:8], 'big')}-{'-'.join(map(str, subs))}"))
        at += length
    assert found == [(0, 3, 0x1F01FF, "S-1-5-18"), (0, 3, 0x1F01FF, "S-1-5-32-544")]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("C:\\a\\b", ("C$", "\\a\\b")), ("d:/x/", ("D$", "\\x")), ("C:\\", ("C$", "\\")), ("C:", ("C$", "\\"))],
)
def test_where_a_path_lies(path: str, expected: tuple[str, str]) -> None:
    assert place(path) == expected


@pytest.mark.parametrize("path", ["", "x", "\\\\s\\h\\f", "C:x", "C:\\..\\x", "C:\\a\\..", "C:\\*", "C:\\a\0", "1:\\x"])
def test_paths_that_are_none(path: str) -> None:
    with pytest.raises(Refused):
        place(path)


# ---- registry, events, processes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (1, "C:\\x\0".encode("utf-16-le"), ("REG_SZ", "C:\\x")),
        (1, b"", ("REG_SZ", "")),
        (2, "%SystemRoot%\0junk".encode("utf-16-le"), ("REG_EXPAND_SZ", "%SystemRoot%")),
        (4, b"\x41\0\0\0", ("REG_DWORD", 65)),
        (4, b"\x41", ("REG_DWORD", "41")),
        (5, b"\0\0\0\x41", ("REG_DWORD_BIG_ENDIAN", 65)),
        (7, "a\0b c\0\0".encode("utf-16-le"), ("REG_MULTI_SZ", ["a", "b c"])),
        (7, "a\0b".encode("utf-16-le"), ("REG_MULTI_SZ", ["a", "b"])),
        (7, b"\0\0", ("REG_MULTI_SZ", [])),
        (3, b"\x0a\xff", ("REG_BINARY", "0AFF")),
        (11, b"\1" + bytes(7), ("REG_QWORD", 1)),
        (99, b"\1", ("REG_99", "01")),
    ],
)
def test_values_of_the_registry(kind: int, data: bytes, expected: tuple[str, object]) -> None:
    assert value_of(kind, data) == expected


def record(number: int, made: int, source: str, id_: int, kind: int, strings: list[str]) -> bytes:
    """An EVENTLOGRECORD as [MS-EVEN] 2.2.3 describes it."""
    names = f"{source}\0HOST\0".encode("utf-16-le")
    names += b"\0" * (-(56 + len(names)) % 4)
    texts = "".join(f"{text}\0" for text in strings).encode("utf-16-le")
    length = 56 + len(names) + len(texts) + 4
    length += -length % 4
    head = struct.pack("<I4sIIIIHHHHI", length, b"LfLe", number, made, made + 1, id_, kind, len(strings), 0, 0, 0)
    head += struct.pack("<IIIII", 56 + len(names), 0, 0, 0, 0)
    body = head + names + texts
    return body + b"\0" * (length - 4 - len(body)) + struct.pack("<I", length)


def test_records_of_an_event_log() -> None:
    block = record(8, 100, "MSExchangeIS Mailbox", 0x400025B9, 4, ["größe", ""]) + record(7, 90, "Ü", 1, 16, [])
    rows = list(parse(block))
    first, second = (row[2] for row in rows)
    assert [row[:2] for row in rows] == [(8, 101.0), (7, 91.0)]
    assert (first.time, first.source, first.id, first.type) == (100.0, "MSExchangeIS Mailbox", 9657, "information")
    assert first.strings == ("größe", "")
    assert (second.source, second.type, second.strings, second.text) == ("Ü", "audit_failure", (), "")


@given(st.binary(max_size=300), st.integers(0, 200))
def test_damaged_records_end_a_block(noise: bytes, cut: int) -> None:
    whole = record(1, 1, "A", 1, 1, ["x"])
    assert len(list(parse(whole[: min(cut, len(whole) - 1)]))) == 0
    assert len(list(parse(whole + b"\0" + noise))) == 1


def performance(processes: list[tuple[str, int]]) -> bytes:
    """PERF_DATA_BLOCK with another object before that of the processes (winperf.h)."""
    counters = struct.pack("<IIIIIiIIII", 40, 6, 0, 0, 0, 0, 0, 0, 4, 4)
    counters += struct.pack("<IIIIIiIIII", 40, 784, 0, 0, 0, 0, 0, 0, 4, 8)
    rows = b""
    for name, number in processes:
        text = (name + "\0").encode("utf-16-le")
        text += b"\0" * (-len(text) % 8)
        rows += struct.pack("<IIIiII", 24 + len(text), 0, 0, -1, 24, len(name) * 2 + 2) + text
        rows += struct.pack("<III", 12, 77, number)
    size = 64 + len(counters) + len(rows)
    object_ = struct.pack("<IIIIIIIIii", size, 64 + len(counters), 64, 230, 0, 231, 0, 100, 2, 0)
    object_ += struct.pack("<iIqq", len(processes), 0, 0, 0)
    other = struct.pack("<IIIIIIIIiiiIqq", 64, 64, 64, 2, 0, 3, 0, 100, 0, 0, -1, 0, 0, 0)
    system = "HOST\0".encode("utf-16-le")
    header = 88 + len(system) + (-(88 + len(system)) % 8)
    total = header + len(other) + size
    block = "PERF".encode("utf-16-le") + struct.pack("<IIIIIIi", 1, 1, 1, total, header, 2, -1) + bytes(20)
    block += bytes(24) + struct.pack("<II", len(system), 88) + system
    return block + bytes(header - len(block)) + other + object_ + counters + rows


def test_processes_out_of_performance_data() -> None:
    data = performance([("Idle", 0), ("System", 8), ("store", 1244), ("Büro", 5), ("_Total", 0)])
    assert process_table(data) == [("Idle", 0), ("System", 8), ("store.exe", 1244), ("Büro.exe", 5)]
    assert process_table(b"") == []
    assert process_table(b"nonsense" * 20) == []


@given(st.integers(0, 400))
def test_cut_off_performance_data(cut: int) -> None:
    data = performance([("Idle", 0), ("store", 1244)])
    assert len(process_table(data[:cut])) <= 2


# ---- versions of programs ---------------------------------------------------------------------------------------


def program(version: tuple[int, int, int, int], *, wide: bool = False) -> bytes:
    """The least that a program with a version is: headers, one section, its resources."""
    fixed = struct.pack("<IIII", 0xFEEF04BD, 0x10000, version[0] << 16 | version[1], version[2] << 16 | version[3])
    info = struct.pack("<HHH", 92, 52, 0) + "VS_VERSION_INFO\0".encode("utf-16-le") + bytes(2) + fixed + bytes(36)
    root = struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 2) + struct.pack("<II", 3, 999) + struct.pack("<II", 16, 0x80000020)
    names = struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1) + struct.pack("<II", 1, 0x80000038)
    languages = struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1) + struct.pack("<II", 1031, 0x50)
    entry = struct.pack("<IIII", 0x3000 + 0x60, len(info), 0, 0)
    resources = (root + names + languages + entry).ljust(0x60, b"\0") + info
    optional = struct.pack("<H", 0x20B if wide else 0x10B) + bytes((110 if wide else 94) + 16)
    optional += struct.pack("<II", 0x3000, len(resources)) + bytes(8)
    head = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(0x40)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 2, 0, 0, 0, len(optional), 0) + optional
    head += b".text\0\0\0" + struct.pack("<IIIIIIHHI", 0x100, 0x1000, 0x200, 0x400, 0, 0, 0, 0, 0)
    head += b".rsrc\0\0\0" + struct.pack("<IIIIIIHHI", len(resources), 0x3000, 0x400, 0x600, 0, 0, 0, 0, 0)
    return head.ljust(0x600, b"\0") + resources


def read_from(data: bytes):  # type: ignore[no-untyped-def]
    return lambda at, size: data[at : at + size]


@pytest.mark.parametrize("wide", [False, True])
def test_the_version_of_a_program(wide: bool) -> None:
    assert file_version(read_from(program((6, 5, 7638, 1), wide=wide))) == "6.5.7638.1"


def test_files_without_a_version() -> None:
    assert file_version(read_from(b"")) is None
    assert file_version(read_from(b"MZ" + bytes(100))) is None
    assert file_version(read_from(b"[Setup]\r\n" * 100)) is None


@given(st.data())
def test_a_damaged_program_has_no_version_or_some(data: st.DataObject) -> None:
    whole = bytearray(program((6, 5, 7638, 1)))
    for unused in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    found = file_version(read_from(bytes(whole[:cut])))
    assert found is None or found.count(".") == 3


# ---- errors -------------------------------------------------------------------------------------------------------


def test_what_went_wrong_is_said_with_its_remedy() -> None:
    error = smb_failed("n1", "opening C:\\x", ACCESS_DENIED)
    assert error.message == "opening C:\\x on n1 failed: access is denied, status 0xc0000022"
    assert "administrator" in error.remedy
    assert error.details["status"] == "0xc0000022"
    failed = rpc_failed("n1", "starting the service x", 1069)
    assert failed.exit_code == 1069
    assert "log on as a service" in failed.message
    assert rpc_failed("n1", "x", 4711).message == "x on n1 failed: error 4711"


@pytest.mark.parametrize("status", [0xC000006D, 0xC0000234, 0xC0000072, 0xC0001234])
def test_a_refused_logon_is_known_as_one(status: int) -> None:
    error = logon_refused("n1", "D\\u", status)
    assert isinstance(error, Unreachable)
    # What asks a host again that is just starting counts these, because a wrong password would lock the account.
    assert type(error.__cause__).__name__ == "AuthenticationError"
    assert error.remedy

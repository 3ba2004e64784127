# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rpc channel against a server that this project did not write: Samba's smbd, by SMB 1.

What Samba has no notion of (starting services of a host, processes, performance data) is tested elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ReadOnlyViolation,
    Refused,
    Unreachable,
    Unreadable,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Service
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_commands import descriptor
from ansible_collections.mailops.exchange.tests.lab.samba import ADDRESS, Samba, missing, samba

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())} (Debian package samba)")

# Samba forgets entries that are older than a week.
EARLY = int(time.time()) - 3600
EXCHANGE = r"HKLM\SOFTWARE\Microsoft\Exchange\Setup"
SETUP = {
    "Services": "C:\\Programme\\Exchsrvr für alle",
    "Services Version": 65,
    "ServicePackBuild": 7638,
    "NewestBuild": 0xFFFFFFFF,
    "Web Connector": ["eins", "zwei drei", "vier"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    # Unix sockets allow for short paths only.
    with samba(tmp_path_factory.mktemp("s")) as running:
        running.set_values(EXCHANGE, SETUP)
        running.set_values(EXCHANGE + r"\Empty", {})
        running.set_values(EXCHANGE + r"\Deep\Ärger & Söhne", {"": "default", "n": 1})
        running.set_values(r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage", {"OEMCP": "850", "ACP": "1252"})
        for index in range(120):
            running.set_values(rf"HKLM\SOFTWARE\Many\k{index:03}", {})
        running.add_event("Application", "MSExchangeIS Mailbox", 9551, "ERROR", EARLY, ["a"])
        running.add_event("Application", "ESE BACKUP", 907, "INFO", EARLY + 10, ["store.exe", "Erste Gruppe"])
        running.add_event("Application", "MSExchangeIS Mailbox", 9551 | 0x80000000, "WARNING", EARLY + 20, ["b"])
        yield running


def opened(server: Samba, **options: object) -> RpcSession:
    own = {name: options.pop(name) for name in list(options) if name in Endpoint.__dataclass_fields__}
    settings = {"user": f"CONTOSO\\{server.user}", "password": server.password, "port": server.port, **own}
    return RpcSession(Endpoint(ADDRESS, **settings), host="exnode", **options)  # type: ignore[arg-type]


@pytest.fixture
def session(server: Samba) -> Iterator[RpcSession]:
    with opened(server) as running:
        yield running


# ---- connection ----------------------------------------------------------------------------------------------


def test_messages_are_signed_where_the_host_can(session: RpcSession) -> None:
    assert session.link().wire.signing
    assert len(session.link().wire.session_key) == 16


def test_a_host_that_does_not_sign_is_refused_where_signing_is_required(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with samba(tmp_path_factory.mktemp("u"), signing="disabled") as unsigned:
        with opened(unsigned) as free:
            assert not free.link().wire.signing
            data = os.urandom(200_000)
            (unsigned.drive / "big").write_bytes(data)
            assert free.file_hash("C:\\big") == hashlib.sha256(data).hexdigest()
        with opened(unsigned, signing="required") as strict, pytest.raises(Unreachable, match="signing is required"):
            strict.file_size("C:\\x")


def test_a_changed_answer_is_noticed(server: Samba) -> None:
    """Somebody in between who alters one byte of a file on its way is found out by its signature."""
    (server.drive / "setup.ini").write_bytes(b"level=SP2")
    with (
        Between(server.port, b"level=SP2", b"level=SP1") as port,
        opened(server, port=port) as session,
        pytest.raises(Unreachable, match="signature"),
    ):
        session.read_text("C:\\setup.ini")


@pytest.mark.parametrize(("user", "password"), [("CONTOSO\\nobody-here", "s3cret-1"), (None, "s3cret-2")])
def test_a_refused_logon(server: Samba, user: str | None, password: str) -> None:
    options = {"user": user or f"CONTOSO\\{server.user}", "password": password}
    with opened(server, **options) as session, pytest.raises(Unreachable, match="logon was refused") as raised:
        session.services(["x"])
    assert "password" in raised.value.remedy
    assert type(raised.value.__cause__).__name__ == "AuthenticationError"
    assert password not in f"{raised.value!r} {raised.value.__cause__!r}"


def test_nobody_listens(server: Samba) -> None:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        with opened(server, port=probe.getsockname()[1]) as session, pytest.raises(Unreachable, match="refused"):
            session.file_size("C:\\x")


# ---- registry ------------------------------------------------------------------------------------------------


def test_values(session: RpcSession) -> None:
    kinds = {int: "REG_DWORD", str: "REG_SZ", list: "REG_MULTI_SZ"}
    assert session.registry_values(EXCHANGE) == {name: (kinds[type(data)], data) for name, data in SETUP.items()}
    assert session.registry_values(EXCHANGE.lower()) == session.registry_values(EXCHANGE)
    assert session.registry_values(EXCHANGE + r"\Empty") == {}
    assert session.registry_values(EXCHANGE + r"\None") is None
    assert session.registry_many([EXCHANGE + r"\None", EXCHANGE + r"\Empty"]) == [None, {}]


def test_trees_and_subkeys(session: RpcSession) -> None:
    reading = session.registry_read(
        [EXCHANGE + r"\None"], trees=[EXCHANGE + r"\Deep", r"HKLM\Nix"], subkeys=[EXCHANGE, r"HKLM\SOFTWARE\Many"]
    )
    assert reading.values == {EXCHANGE + r"\None": None}
    assert reading.trees == {
        EXCHANGE + r"\Deep": {
            "": {},
            "Ärger & Söhne": {"": ("REG_SZ", "default"), "n": ("REG_DWORD", 1)},
        },
        r"HKLM\Nix": None,
    }
    assert set(reading.subkeys[EXCHANGE] or []) == {"Empty", "Deep"}
    assert sorted(reading.subkeys[r"HKLM\SOFTWARE\Many"] or []) == [f"k{index:03}" for index in range(120)]


def test_a_key_without_a_known_root(session: RpcSession) -> None:
    with pytest.raises(Refused, match="HKLM"):
        session.registry_values(r"HKXX\Software")


def test_the_code_page_is_the_hosts(server: Samba, session: RpcSession) -> None:
    session.write_text("C:\\umlaut.txt", ["Größe"])
    assert (server.drive / "umlaut.txt").read_bytes() == "Größe\r\n".encode("cp850")
    with pytest.raises(Refused, match="cp850"):
        session.write_text("C:\\greek.txt", ["Ωmega"])


# ---- services, event log, clock --------------------------------------------------------------------------------


def test_services(session: RpcSession) -> None:
    found = session.services(["RemoteRegistry", "Spooler", "Nix"])
    assert found == {
        "RemoteRegistry": Service("RemoteRegistry", "running", found["RemoteRegistry"].start_type),
        "Spooler": Service("Spooler", "stopped", "manual"),
    }
    everything = session.all_services()
    assert everything["Spooler"].display_name == "Print Spooler"
    assert everything["RemoteRegistry"].state == "running"
    assert session.pending_services() == []


def test_a_service_that_is_not_there(session: RpcSession) -> None:
    with pytest.raises(CommandFailed, match="no service Nix") as raised:
        session.start_service("Nix", 10)
    assert raised.value.exit_code == 1060


def test_events(session: RpcSession) -> None:
    events = session.events("Application")
    assert [(event.time, event.id, event.type) for event in events] == [
        (EARLY + 20, 9551, "warning"),
        (EARLY + 10, 907, "information"),
        (EARLY, 9551, "error"),
    ]
    assert events[1].source == "ESE BACKUP"
    assert events[1].strings == ("store.exe", "Erste Gruppe")
    mailbox = session.events("Application", source="mseXchangeis mailbox", ids=[9551])
    assert [event.time for event in mailbox] == [EARLY + 20, EARLY]
    assert [event.time for event in session.events("Application", since=EARLY + 5, limit=1)] == [EARLY + 20]
    assert session.events("Application", source=[], ids=[1]) == []
    assert session.events("System") == []


def test_an_event_log_that_is_not_there(session: RpcSession) -> None:
    with pytest.raises(Unreadable, match="Directory Service"):
        session.events("Directory Service")


def test_clock_and_boot_time(session: RpcSession) -> None:
    assert abs(session.local_time() - session.clock.now()) < 30
    assert session.boot_time().endswith("+000")


def test_no_restart_where_the_account_may_not(session: RpcSession) -> None:
    with pytest.raises(CommandFailed, match="access is denied") as raised:
        session.restart(30, "test")
    assert "right to shut the host down" in raised.value.remedy


# ---- files -------------------------------------------------------------------------------------------------------


def test_texts(server: Samba, session: RpcSession) -> None:
    session.make_dir("C:\\mailops\\roll & more\\deep")
    session.make_dir("C:\\mailops\\roll & more\\deep")
    path = "C:\\mailops\\roll & more\\deep\\owners.json"
    assert session.read_text(path) is None
    session.write_text(path, ["{", '  "a": 1', "}"])
    session.write_text(path, ["[]"])
    assert session.read_text(path) == "[]\n"
    assert [entry.name for entry in session.list_dir("C:\\mailops\\roll & more\\deep") or []] == ["owners.json"]
    session.delete(path)
    session.delete(path)
    assert session.read_text(path) is None
    assert session.list_dir("C:\\nowhere") is None
    (server.drive / "wide.txt").write_bytes("ÄΩ\r\n".encode("utf-16"))
    assert session.read_text("C:\\wide.txt") == "ÄΩ\n"
    assert session.read_texts(["C:\\wide.txt", "C:\\none.txt"]) == ["ÄΩ\n", None]


def test_a_reader_never_finds_half_a_file(server: Samba, session: RpcSession) -> None:
    """Wherever a writer was cut off, the reader has the old text or the new one, and the next writer goes on."""
    folder = server.drive / "half"
    folder.mkdir()
    for there, text in (
        ({"n.json": "old\r\n", "n.json.tmp": "ne"}, "old\n"),
        ({"n.json": "old\r\n", "n.json.whole": "new\r\n"}, "old\n"),
        ({"n.json.whole": "new\r\n"}, "new\n"),
        ({"n.json.whole": "new\r\n", "n.json.tmp": "newer"}, "new\n"),
    ):
        for file in folder.iterdir():
            file.unlink()
        for name, content in there.items():
            (folder / name).write_bytes(content.encode())
        assert session.read_text("C:\\half\\n.json") == text
        session.write_text("C:\\half\\n.json", ["third"])
        assert session.read_text("C:\\half\\n.json") == "third\n"
        assert [file.name for file in folder.iterdir()] == ["n.json"]


def test_lines_of_a_log(server: Samba, session: RpcSession) -> None:
    (server.drive / "setup.log").write_bytes(b"one\r\nFileInUse:: x\r\nthree\r\n")
    assert session.count_lines(["C:\\setup.log", "C:\\no.log"]) == [3, 0]
    assert session.search_lines("C:\\setup.log", ["fileinuse::", "nothing"]) == (3, [(2, "FileInUse:: x")])


def test_many_files_in_a_folder(server: Samba, session: RpcSession) -> None:
    folder = server.drive / "many"
    folder.mkdir()
    names = {f"Datei Nr. {index:04} äöü.txt" for index in range(700)}
    for name in names:
        (folder / name).touch()
    listed = session.list_dir("C:\\many") or []
    assert len(listed) == 700
    assert {entry.name for entry in listed} == names


def test_paths_that_leave_the_drive_are_refused(session: RpcSession) -> None:
    for path in ("mailops\\x", "C:x", "C:\\a\\..\\b", "C:\\a*", "\\x", "C:\\a\nb"):
        with pytest.raises(Refused):
            session.list_dir(path)


def test_free_space(session: RpcSession) -> None:
    assert (session.free_space("C:") or 0) > 0
    assert session.free_space("Q:") is None


def test_who_holds_a_file_is_seen(server: Samba, session: RpcSession) -> None:
    (server.drive / "busy.txt").touch()
    held = session.link().files.held
    assert held("C:\\busy.txt") is False
    assert held("C:\\idle.txt") is None
    with opened(server) as other:
        handle = other.link().files.open("C:\\busy.txt", 0x00120116)
        assert held("C:\\busy.txt") is True
        other.link().files.close(handle)
    assert held("C:\\busy.txt") is False


def test_closing_a_folder_to_others(server: Samba, session: RpcSession) -> None:
    (server.drive / "closed").mkdir()
    session.link().files.protect("C:\\closed", descriptor())
    assert session.list_dir("C:\\closed") == []


# ---- packages ------------------------------------------------------------------------------------------------------


def test_a_package_is_copied_and_gone_on_with(server: Samba, session: RpcSession, tmp_path: Path) -> None:
    data = os.urandom(3_500_000)
    local = tmp_path / "E3SP2ENG.EXE"
    local.write_bytes(data)
    remote, there = "C:\\E3SP2ENG.EXE.part", server.drive / "E3SP2ENG.EXE.part"
    expected = hashlib.sha256(data).hexdigest()
    session.put_file(str(local), remote)
    assert session.file_hash(remote) == expected
    for begun in (data[:1], data[:1_700_000], data):
        there.write_bytes(begun)
        before = there.stat().st_ino
        session.put_file(str(local), remote)
        assert there.read_bytes() == data
        assert there.stat().st_ino == before, "what was there is not sent again"
    for other in (b"\0" * 1_700_000, data + b"more"):
        there.write_bytes(other)
        session.put_file(str(local), remote)
        assert there.read_bytes() == data
    session.move_file(remote, "C:\\E3SP2ENG.EXE")
    session.move_file(remote, "C:\\E3SP2ENG.EXE")
    assert session.file_size("C:\\E3SP2ENG.EXE") == len(data)
    assert session.file_size(remote) is None
    session.get_file("C:\\E3SP2ENG.EXE", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == data


def test_a_copy_survives_lost_connections(server: Samba, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    local = tmp_path / "big.exe"
    local.write_bytes(data)
    with Between(server.port, cut_after=600_000) as port, opened(server, port=port, poll_interval=0.1) as session:
        session.put_file(str(local), "C:\\lossy.exe")
        assert session.file_hash("C:\\lossy.exe") == hashlib.sha256(data).hexdigest()


def test_files_that_are_not_there(session: RpcSession, tmp_path: Path) -> None:
    assert session.file_size("C:\\nothing.exe") is None
    assert session.file_version("C:\\nothing.exe") is None
    with pytest.raises(CommandFailed, match="no file"):
        session.file_hash("C:\\nothing.exe")
    with pytest.raises(Refused, match="control node"):
        session.put_file(str(tmp_path / "nothing"), "C:\\x")


def test_read_only(server: Samba) -> None:
    with opened(server, read_only=True) as session:
        assert session.registry_values(EXCHANGE)
        for change in (
            lambda: session.write_text("C:\\ro.txt", ["x"]),
            lambda: session.delete("C:\\setup.log"),
            lambda: session.make_dir("C:\\ro"),
            lambda: session.stop_service("RemoteRegistry", 10),
            lambda: session.set_start_type("Spooler", "disabled"),
            lambda: session.restart(30, "no"),
            lambda: session.put_file(__file__, "C:\\ro.py"),
            lambda: session.run("del C:\\setup.log", changes=True),
        ):
            with pytest.raises(ReadOnlyViolation):
                change()
        assert not session.mutated
    assert not (server.drive / "ro").exists()


class Between:
    """Stands between a session and the host: changes what the host answers, or cuts the connection."""

    def __init__(self, port: int, old: bytes = b"", new: bytes = b"", cut_after: int = 0) -> None:
        self._target, self._old, self._new, self._cut_after = port, old, new, cut_after
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> int:
        self._listener = socket.create_server((ADDRESS, 0))
        threading.Thread(target=self._accept, daemon=True).start()
        number: int = self._listener.getsockname()[1]
        return number

    def __exit__(self, *unused: object) -> None:
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, unused = self._listener.accept()
                server = socket.create_connection((ADDRESS, self._target))
            except OSError:
                return
            del unused
            self._sockets += [client, server]
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                if answers and self._old:
                    data = data.replace(self._old, self._new)
                target.sendall(data)
                passed += len(data)
                if self._cut_after and passed > self._cut_after:
                    break
        except OSError:
            pass
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

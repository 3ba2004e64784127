# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the rpc channel to NT 4.0, Windows 2000 and Server 2003 in the lab, in three languages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import restart
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    ReadOnlyViolation,
    Unreachable,
    Unreadable,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Service
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import RpcSession, open_files
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_services import NO_SUCH_SERVICE
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, lab_of, opened

WINDOWS = {"nt4": "4.0", "2000": "5.0", "server2003": "5.2"}
LANGUAGES = {"nt4": "de", "2000": "it", "server2003": "en"}


@pytest.fixture(scope="module", params=list(WINDOWS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def lab(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_of(tmp_path_factory.mktemp("lab"), kind, LANGUAGES[kind]) as running:
        yield running


@pytest.fixture
def session(lab: Lab) -> Iterator[RpcSession]:
    with opened(lab) as running:
        yield running


def test_logon_and_signing(kind: str, session: RpcSession) -> None:
    wire = session.link().wire
    # NT 4.0 comes with signing switched off, and without extended security.
    assert wire.signing == (kind != "nt4")
    assert len(wire.session_key) == 16


def test_signing_that_is_required(kind: str, lab: Lab) -> None:
    with opened(lab, signing="required") as session:
        if kind == "nt4":
            with pytest.raises(Unreachable, match="signing is required"):
                session.boot_time()
        else:
            assert session.boot_time()


def test_the_older_logon_is_for_those_that_know_no_better(kind: str, lab: Lab) -> None:
    with opened(lab, ntlm="v1") as session:
        # Where extended security is spoken the setting weakens nothing.
        assert session.boot_time()


@pytest.mark.parametrize(
    ("change", "message"),
    [({"password": "wrong"}, "logon was refused"), ({"user": "CONTOSO\\nobody"}, "logon was refused")],
)
def test_a_refused_logon(lab: Lab, change: dict[str, str], message: str) -> None:
    with opened(lab, **change) as session, pytest.raises(Unreachable, match=message) as raised:
        session.registry_values("HKLM\\SOFTWARE")
    assert type(raised.value.__cause__).__name__ == "AuthenticationError"


def test_the_registry(kind: str, session: RpcSession) -> None:
    values = session.registry_values(r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion") or {}
    assert values["CurrentVersion"] == ("REG_SZ", WINDOWS[kind])
    answers = session.ask(
        values=[r"HKLM\SOFTWARE\Nothing"],
        trees=[r"HKLM\SYSTEM\CurrentControlSet\Control\Nls"],
        subkeys=[r"HKLM\SOFTWARE\Microsoft"],
        services=["TrendServer", "Nix"],
    )
    assert answers.outputs == []
    assert answers.registry.values == {r"HKLM\SOFTWARE\Nothing": None}
    tree = answers.registry.trees[r"HKLM\SYSTEM\CurrentControlSet\Control\Nls"] or {}
    assert tree["CodePage"]["OEMCP"] == ("REG_SZ", {"en": "437"}.get(LANGUAGES[kind], "850"))
    assert "Exchange" in (answers.registry.subkeys[r"HKLM\SOFTWARE\Microsoft"] or [])
    assert answers.services == {"TrendServer": Service("TrendServer", "running", "auto")}


def test_a_number_is_written_and_deleted(lab: Lab, session: RpcSession) -> None:
    key = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
    session.registry_set(key, "MailopsTest", 1)
    assert session.mutated
    assert (session.registry_values(key) or {})["MailopsTest"] == ("REG_DWORD", 1)
    session.registry_set(key, "MailopsTest", 0x10000)
    assert (session.registry_values(key) or {})["MailopsTest"] == ("REG_DWORD", 0x10000)
    for unused in range(2):
        session.registry_set(key, "MailopsTest", None)
        assert "MailopsTest" not in (session.registry_values(key) or {})
    with pytest.raises(CommandFailed, match="there is no such key"):
        session.registry_set(key + r"\Nothing", "MailopsTest", 1)
    with opened(lab, read_only=True) as reader, pytest.raises(ReadOnlyViolation):
        reader.registry_set(key, "MailopsTest", 1)


def test_services(session: RpcSession) -> None:
    assert session.stop_service("TrendServer", 60) is True
    assert session.stop_service("TrendServer", 60) is False
    session.set_start_type("TrendServer", "disabled")
    assert session.services(["TrendServer"]) == {"TrendServer": Service("TrendServer", "stopped", "disabled")}
    with pytest.raises(CommandFailed, match="1058") as raised:
        session.start_service("TrendServer", 60)
    assert raised.value.exit_code == 1058
    session.set_start_type("TrendServer", "auto")
    assert session.start_service("TrendServer", 60) is True
    assert session.start_service("TrendServer", 60) is False
    assert session.mutated
    with pytest.raises(CommandFailed) as raised:
        session.stop_service("Nix", 60)
    assert raised.value.exit_code == NO_SUCH_SERVICE


def test_all_services_and_what_depends(session: RpcSession) -> None:
    found = session.all_services()
    assert found["TrendServer"].state == "running"
    assert found["TrendServer"].display_name
    assert "MSExchangeIS" in session.dependent_services("MSExchangeSA")
    assert session.pending_services() == []


def test_processes(session: RpcSession) -> None:
    found = dict(session.processes())
    assert found["System"] in (2, 4, 8)
    assert "services.exe" in found
    assert "_Total" not in found


def test_clock_events_and_restart(lab: Lab, session: RpcSession) -> None:
    before, earliest = session.boot_time(), lab.world.clock.time
    began = session.local_time()
    assert earliest - 1 <= began <= lab.world.clock.time + 1
    result = restart.restart_and_wait(session, "Exchange: größer", 3600)
    assert session.boot_time()[:14] > before[:14]
    assert result["unsettled"] == []
    started = session.events("System", source="EventLog", ids=[6005], since=began - 60)
    assert [event.id for event in started] == [6005]
    assert started[0].type == "information"
    assert session.events("System", source="Nobody") == []
    with pytest.raises(Unreadable, match="No such log"):
        session.events("No such log")


def test_files(lab: Lab, session: RpcSession, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "local.exe").write_bytes(data)
    session.make_dir("C:\\mailops\\stage")
    session.put_file(str(tmp_path / "local.exe"), "C:\\mailops\\stage\\x.part")
    session.move_file("C:\\mailops\\stage\\x.part", "C:\\mailops\\stage\\x.exe")
    assert session.file_hash("C:\\mailops\\stage\\x.exe") == hashlib.sha256(data).hexdigest()
    assert session.file_hash("C:\\mailops\\stage\\x.exe", "md5") == hashlib.md5(data).hexdigest()
    assert session.file_size("C:\\mailops\\stage\\x.exe") == len(data)
    session.write_text("C:\\mailops\\stage\\n.txt", ["ä", "b"])
    assert session.read_text("C:\\mailops\\stage\\n.txt") == "ä\nb\n"
    names = [entry.name for entry in session.list_dir("C:\\mailops\\stage") or []]
    assert sorted(names) == ["n.txt", "x.exe"]
    assert (session.free_space("C:") or 0) > 2**30
    assert session.free_space("Q:") is None


def test_a_session_for_files_beside_another_channel(lab: Lab, tmp_path: Path) -> None:
    host = lab.world.hosts["n1"]
    user, password = f"{lab.world.prefix}\\exadmin", lab.password("exadmin")
    (tmp_path / "p").write_bytes(b"package")
    with open_files(host.address, user, password, host="n1", port=lab.smb_port) as files:
        files.put_file(str(tmp_path / "p"), "C:\\p.part")
        assert files.file_hash("C:\\p.part") == hashlib.sha256(b"package").hexdigest()


def test_administrators(session: RpcSession) -> None:
    assert "CONTOSO\\exadmin" in (session.administrators() or [])


def test_the_doctor(session: RpcSession) -> None:
    findings = {finding.id: finding.result for finding in session.diagnose()}
    dialect = findings.pop("dialect")
    assert dialect == ("ok" if session.link().wire.signing else "warning")
    assert set(findings.values()) == {"ok"}


def test_the_doctor_where_nobody_answers(lab: Lab) -> None:
    with opened(lab, port=1) as session:
        findings = {finding.id: finding.result for finding in session.diagnose()}
    assert findings["port"] == "failed"
    assert findings["logon"] == "skipped"


def test_reading_goes_on_after_a_break(lab: Lab) -> None:
    """Wherever the connection breaks, a question is asked again, and the answer is whole."""
    with pytest.MonkeyPatch.context() as patch, opened(lab) as session:
        counting = Breaks()
        counting.install(patch)
        whole = session.registry_tree(r"HKLM\SYSTEM\CurrentControlSet\Control\Nls")
        session.services(["TrendServer"])
    assert counting.count > 20
    for number in range(6, counting.count + 1):
        with pytest.MonkeyPatch.context() as patch, opened(lab) as session:
            Breaks(number).install(patch)
            assert session.registry_tree(r"HKLM\SYSTEM\CurrentControlSet\Control\Nls") == whole
            assert session.services(["TrendServer"])["TrendServer"].state == "running"
            assert not session.mutated


def test_a_lost_answer_to_a_restart_is_not_known(lab: Lab) -> None:
    """Asking twice for a restart is no matter of course, so the caller has to look."""
    with pytest.MonkeyPatch.context() as patch, opened(lab) as session:
        session.boot_time()
        counting = Breaks()
        counting.install(patch)
        # Before the request leaves, while its pipe is being opened.
        counting.at, counting.lost = 1, "question"
        with pytest.raises(ConnectionLost, match="not known whether"):
            session.restart(30, "x")
        assert session.mutated

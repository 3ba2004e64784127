# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel over the real protocol: logon, encryption, code pages, files, losses, and clear words for failures."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.commands import echo, quote, secret, write_file
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    HostError,
    ReadOnlyViolation,
    Refused,
    Unreachable,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.restart import restart_and_wait
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import WinrmSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm_transport import silence
from ansible_collections.mailops.exchange.tests.unit.hosts.lab_support import begin, opened

TEXT = st.text(alphabet='ab%^&|<>()"!:=~ x/?\\.,;@0179äé', max_size=25)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One lab for the tests of a module that do not disturb each other."""
    running = begin(tmp_path_factory.mktemp("lab"))
    yield running
    running.stop()
    assert running.trouble == []


@pytest.fixture
def session(lab: Lab) -> Iterator[WinrmSession]:
    """A session of its own for each test."""
    with opened(lab) as session:
        yield session


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Make labs for one test alone, with a language or faults."""
    labs: list[Lab] = []

    def make(**options: object) -> Lab:
        labs.append(begin(tmp_path, **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.stop()


def test_one_command_takes_six_exchanges(lab: Lab) -> None:
    with opened(lab) as session:
        assert session.run("hostname", changes=False).stdout.strip().lower() == "n1"
        assert session.exchanges == 5
    assert session.exchanges == 6


def test_shells_are_given_back(lab: Lab) -> None:
    for number in range(8):
        with opened(lab) as session:
            assert session.run(f"echo {number}", changes=False).stdout == f"{number}\n"


def test_many_commands_in_one_shell(session: WinrmSession) -> None:
    assert [session.run(f"echo {number}", changes=False).stdout for number in range(12)] == [
        f"{number}\n" for number in range(12)
    ]


def test_exit_codes_and_streams(session: WinrmSession) -> None:
    output = session.run("echo out& echo err>&2& exit 3", changes=False)
    assert (output.exit_code, output.stdout, output.stderr) == (3, "out\n", "err\n")
    assert session.run("cmd /c exit -1056736444", changes=False).exit_code == -1056736444
    first, second, third = session.run_all(["cmd /c exit 5", "if exist C:\\nix echo x", "type C:\\nix"])
    assert (first.exit_code, second.exit_code) == (5, 0)
    assert third.exit_code != 0
    assert third.stdout


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=5))
@example(["%PATH%", "%PATH:C=D%", "%%", "100%", "^"])
@example(["a", ""])
@example(["on", "off", "/?", "echo /?"])
def test_what_echo_writes_comes_back(session: WinrmSession, lines: list[str]) -> None:
    assert session.run(write_file("C:\\a b.txt", lines), changes=True).exit_code == 0
    assert session.read_text("C:\\a b.txt") == "".join(line + "\n" for line in lines)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT)
def test_echo_alone(session: WinrmSession, text: str) -> None:
    assert session.run(echo(text), changes=False).stdout == text + "\n"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab&|<>()^ ',;=~{}äö", min_size=1, max_size=20).filter(lambda text: text.strip(" ")))
def test_a_quoted_name_reaches_a_program_whole(session: WinrmSession, name: str) -> None:
    output = session.run(f"sc query {quote(name + 'x')}", changes=False)
    assert output.exit_code == 1060


def test_files(session: WinrmSession) -> None:
    path = "C:\\mailops\\sub folder\\a & b (1).txt"
    session.make_dir("C:\\mailops\\sub folder")
    session.make_dir("C:\\mailops\\sub folder\\")
    assert session.read_text(path) is None
    assert session.file_size(path) is None
    session.write_text(path, ["one", "", "50% & more"])
    assert session.read_text(path) == "one\n\n50% & more\n"
    assert session.file_size(path) == len("one\r\n\r\n50% & more\r\n")
    long = [f"{number} " + "&" * 300 for number in range(60)]
    session.write_text(path, long)
    assert session.read_text(path) == "".join(line + "\n" for line in long)
    session.write_text(path, ["x"])
    assert session.file_hash(path) == hashlib.sha256(b"x\r\n").hexdigest()
    session.delete(path)
    session.delete(path)
    assert session.read_text(path) is None


def test_registry_services_processes(session: WinrmSession) -> None:
    windows = session.registry_values("HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion")
    assert windows is not None
    assert windows["CurrentVersion"] == ("REG_SZ", "5.2")
    assert session.registry_values("HKLM\\SOFTWARE\\Nix") is None
    setup = session.registry_tree("HKLM\\SOFTWARE\\Microsoft\\Exchange")
    assert setup is not None
    assert setup["Setup"]["Services Version"] == ("REG_DWORD", 65)
    found = session.services(["TrendServer", "Nix"])
    assert list(found) == ["TrendServer"]
    assert found["TrendServer"].state == "running"
    assert ("System", 4) in session.processes()
    assert session.boot_time()[:2] == "20"


def test_services_are_stopped_and_started(session: WinrmSession) -> None:
    assert session.stop_service("TrendServer", 300) is True
    assert session.services(["TrendServer"])["TrendServer"].state == "stopped"
    assert session.stop_service("TrendServer", 300) is False
    assert session.start_service("TrendServer", 300) is True
    assert session.start_service("TrendServer", 300) is False
    with pytest.raises(CommandFailed, match="no service Nix"):
        session.start_service("Nix", 300)


@pytest.mark.parametrize(("language", "page"), [("it", "cp850"), ("de", "cp850"), ("en", "cp437")])
def test_the_host_s_own_code_page_is_used(fresh: Callable[..., Lab], language: str, page: str) -> None:
    lab = fresh(language=language)
    with opened(lab) as session:
        assert session.run("echo ÄÖüß", changes=False).stdout == "ÄÖüß\n"
        assert session.encoding == page
        assert session.services(["TrendServer"])["TrendServer"].state == "running"
    with opened(lab) as session:
        session.write_text("C:\\ä.txt", ["ÄÖüß"])
        assert session.read_text("C:\\ä.txt") == "ÄÖüß\n"
    with opened(lab, codepage=850) as session:
        session.run("ver", changes=False)
        assert session.exchanges == 5


def test_an_unknown_code_page_is_said(lab: Lab) -> None:
    with pytest.raises(Refused, match="code page 9999"):
        opened(lab, codepage=9999)


def test_check_mode_sends_nothing(lab: Lab) -> None:
    with opened(lab, read_only=True) as session:
        with pytest.raises(ReadOnlyViolation):
            session.write_text("C:\\x.txt", ["x"])
        assert session.exchanges == 0
        assert session.read_text("C:\\x.txt") is None
        assert session.mutated is False


def test_a_command_that_does_not_end(session: WinrmSession) -> None:
    # Real seconds count too, so that a fast clock does not take the time of a message for a time-out.
    session.run("ver", changes=False)
    with pytest.raises(WaitTimeout, match="did not end within 1 s"):
        session.run("ping -n 6000 127.0.0.1 >nul", changes=False, timeout=1)
    assert session.run("echo on again", changes=False).stdout == "on again\n"


def refusal(lab: Lab, **options: object) -> HostError:
    with pytest.raises(HostError) as caught, opened(lab, **options) as session:
        session.run("ver", changes=False)
    assert lab.password("exadmin") not in str(caught.value)
    return caught.value


def test_what_is_said_when_the_logon_fails(lab: Lab) -> None:
    error = refusal(lab, password="wrong-one")
    assert isinstance(error, Unreachable)
    assert "does not accept user" in error.message
    assert "ansible_password" in error.remedy
    assert "wrong-one" not in error.message + error.remedy
    assert "nobody" in refusal(lab, user="CONTOSO\\nobody").message


def test_what_is_said_when_nobody_listens(lab: Lab) -> None:
    with socket.socket() as free:
        free.bind((lab.world.hosts["n1"].address, 0))
        port = free.getsockname()[1]
    error = refusal(lab, port=port)
    assert isinstance(error, Unreachable)
    assert "refuses the connection" in error.message


def test_what_is_said_about_certificates_and_paths(lab: Lab) -> None:
    untrusted = refusal(lab, scheme="https", port=lab.https_port)
    assert "not trusted" in untrusted.message
    assert "ca_trust_path" in untrusted.remedy
    assert "404" in refusal(lab, path="elsewhere").message
    assert isinstance(refusal(lab, scheme="https", port=lab.https_port, cert_validation="/nix"), Refused)
    assert isinstance(
        refusal(lab, auth="certificate", scheme="https", port=lab.https_port, cert_validation=False), Refused
    )


@pytest.mark.parametrize("encryption", ["auto", "always"])
def test_tls(lab: Lab, encryption: str) -> None:
    settings = {"scheme": "https", "port": lab.https_port, "cert_validation": False}
    with opened(lab, message_encryption=encryption, **settings) as session:
        assert session.run("echo x", changes=False).stdout == "x\n"


@pytest.mark.parametrize("fault", ["drop", "refuse"])
def test_a_lost_reading_call_is_asked_again(fresh: Callable[..., Lab], fault: str) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "call 2", "do": fault}])
    with opened(lab) as session:
        session.run("ver", changes=False)
        assert session.run("echo x", changes=False).stdout == "x\n"


def test_a_question_lost_before_the_first_change_is_asked_again(fresh: Callable[..., Lab]) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "call 1", "do": "refuse"}])
    with opened(lab) as session:
        assert session.run("md C:\\first& exit 4", changes=True).exit_code == 4


def test_a_changing_call_that_may_have_happened(fresh: Callable[..., Lab]) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "call 2", "do": "refuse"}])
    with opened(lab) as session:
        session.run("ver", changes=False)
        with pytest.raises(ConnectionLost):
            session.run("md C:\\made", changes=True)
        assert session.mutated is True
        assert session.run("if exist C:\\made (echo yes) else (echo no)", changes=False).stdout == "no\n"


def test_the_end_of_a_running_change_is_asked_for_again(fresh: Callable[..., Lab]) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "call 2", "do": "drop"}])
    with opened(lab) as session:
        session.run("ver", changes=False)
        assert session.run("md C:\\made& exit 7", changes=True).exit_code == 7
        made = [line for line in lab.world.journal.entries if "md C:" in line["call"]]
        assert len(made) == 1


def test_restart(fresh: Callable[..., Lab]) -> None:
    lab = fresh()
    said: list[str] = []
    with opened(lab, progress=said.append) as session:
        result = restart_and_wait(session, "update, planned", 3600)
        assert result["before"] != result["after"]
        assert session.run("echo back", changes=False).stdout == "back\n"
    assert said[0].startswith("n1: waiting for Windows to start anew: ")


def test_a_request_for_a_restart_that_got_lost_is_made_again(fresh: Callable[..., Lab]) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "call 2", "do": "refuse"}])
    with opened(lab) as session:
        result = restart_and_wait(session, "update", 3600)
        assert result["before"] != result["after"]
    assert sum("shutdown" in line["call"] for line in lab.world.journal.entries) == 2


def test_a_host_that_stays_down(fresh: Callable[..., Lab]) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "restart", "do": "stay_down"}])
    with opened(lab) as session, pytest.raises(WaitTimeout, match="Windows to start anew") as caught:
        restart_and_wait(session, "update", 900)
    assert "Look at the host's console" in str(caught.value.remedy)


def test_a_call_to_a_host_that_went_down_was_certainly_not_made(fresh: Callable[..., Lab]) -> None:
    lab = fresh(faults=[{"host": "n1", "on": "restart", "do": "stay_down"}])
    with opened(lab) as session:
        session.restart(300, "update")
        session.mutated = False
        session.clock.sleep(900)
        session.reconnect()
        with pytest.raises(Unreachable):
            session.run("md C:\\x", changes=True)
        assert session.mutated is False


def test_a_password_with_every_mark_reaches_net_use(session: WinrmSession) -> None:
    value = 'a"b%PATH%^&!|c'
    output = session.run(
        f"net use \\\\dc1\\updates {secret(value)} /user:CONTOSO\\updshare", changes=True, secrets=[value]
    )
    # The lab knows it for a wrong password, not for a wrong command line.
    assert "1326" in output.text or output.exit_code == 2


def test_a_connection_that_went_stale_is_made_anew_before_anything_is_sent(lab: Lab) -> None:
    with opened(lab) as session:
        session.run("ver", changes=False)
        for adapter in session._connection._wsman.transport.session.adapters.values():
            adapter.poolmanager.clear()
        before = len(lab.world.journal.entries)
        assert session.run("md C:\\stale& exit 4", changes=True).exit_code == 4
        assert len(lab.world.journal.entries) == before + 1


def test_a_shell_that_the_host_has_ended_is_opened_anew(lab: Lab) -> None:
    with opened(lab) as session:
        session.run("ver", changes=False)
        session._shell.close()
        assert session.run("md C:\\anew& exit 4", changes=True).exit_code == 4


def test_too_many_shells_are_explained(fresh: Callable[..., Lab]) -> None:
    lab = fresh(speed=1)
    held = [opened(lab) for number in range(6)]
    try:
        with pytest.raises(Unreachable) as caught:
            for session in held:
                session.run("ver", changes=False)
        assert "earlier runs" in caught.value.remedy
    finally:
        for session in held:
            session.close()


def test_libraries_are_silent_and_secrets_stay_inside(
    lab: Lab, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    silence(said.append)
    with opened(lab, trace=said.append) as session:
        session.run("net use \\\\dc1\\updates Geheim1 /user:x", changes=True, secrets=["Geheim1"])
    refusal(lab, path="elsewhere")
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")
    assert "Geheim1" not in "".join(said)
    assert any(line.startswith("pypsrp.wsman: ") for line in said)

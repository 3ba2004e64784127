# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM server, met by the clients that people use: pypsrp, pywinrm and requests."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import winrm
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.shell import Process, SignalCode, WinRS
from pypsrp.wsman import WSMan
from requests_ntlm import HttpNtlmAuth
from winrm.exceptions import InvalidCredentialsError

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.inventory import write_files
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire import winrm_shells

IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
)


def make(faults: list[dict[str, Any]] | None = None, **settings: Any) -> Lab:
    """A lab of one host (without waiting unless told otherwise)."""
    return Lab(complete({"speed": 0, "hosts": {"mbx1": None, "mbx2": None}, **settings}), faults)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One lab for the tests that leave it as it is."""
    with make() as running:
        yield running


def wsman(lab: Lab, user: str = r"CONTOSO\exadmin", password: str | None = None, **options: Any) -> WSMan:
    """A pypsrp connection to the first host."""
    host = lab.world.hosts["mbx1"]
    settings = {"port": host.port, "ssl": False, "auth": "ntlm", "no_proxy": True, **options}
    secret = lab.password("exadmin") if password is None else password
    return WSMan(host.address, username=user, password=secret, **settings)


@contextmanager
def shell(lab: Lab, **options: Any) -> Iterator[WinRS]:
    """A shell on the first host."""
    with wsman(lab) as connection, WinRS(connection, **options) as opened:
        yield opened


def run(opened: WinRS, line: str, arguments: list[str] | None = None, **options: Any) -> Process:
    """Run a command to its end."""
    process = Process(opened, line, arguments, **options)
    process.invoke()
    return process


def calls(lab: Lab) -> list[str]:
    """What stands in the journal."""
    return [entry["call"] for entry in lab.world.journal.entries]


@pytest.mark.parametrize("auth", ["ntlm", "negotiate"])
@pytest.mark.parametrize("user", [r"CONTOSO\exadmin", r"contoso\EXADMIN", "exadmin@contoso.example"])
def test_pypsrp_encrypted(lab: Lab, auth: str, user: str) -> None:
    """NTLM bare and in SPNEGO, whatever form the name has."""
    with wsman(lab, user, auth=auth) as connection, WinRS(connection) as opened:
        process = run(opened, "echo one & echo two 1>&2 & exit 7")
    assert (process.rc, process.stdout, process.stderr) == (7, b"one \r\n", b"two  \r\n")


def test_pywinrm_encrypted(lab: Lab) -> None:
    """The other well-known client, with arguments."""
    host = lab.world.hosts["mbx1"]
    session = winrm.Session(
        f"http://{host.address}:{host.port}/wsman",
        auth=(r"CONTOSO\exadmin", lab.password("exadmin")),
        transport="ntlm",
        message_encryption="always",
        proxy=None,
    )
    answer = session.run_cmd("echo", ["a", "b"])
    assert (answer.status_code, answer.std_out, answer.std_err) == (0, b"a b\r\n", b"")
    assert session.run_cmd("exit 3").status_code == 3


def test_wrong_password_and_unknown_user(lab: Lab) -> None:
    """Both are refused, and both look alike."""
    with pytest.raises(AuthenticationError), wsman(lab, password="wrong") as connection:
        WinRS(connection).open()
    with pytest.raises(AuthenticationError), wsman(lab, r"CONTOSO\nobody") as connection:
        WinRS(connection).open()
    host = lab.world.hosts["mbx1"]
    session = winrm.Session(f"http://{host.address}:{host.port}/wsman", auth=("a", "b"), transport="ntlm", proxy=None)
    with pytest.raises(InvalidCredentialsError):
        session.run_cmd("ver")


def test_only_administrators_get_a_shell(lab: Lab) -> None:
    """The account for the share can log on, but has no rights on the host."""
    with wsman(lab, r"CONTOSO\updshare", lab.password("updshare")) as connection:
        with pytest.raises(WSManFaultError) as caught:
            WinRS(connection).open()
    assert caught.value.code == 5


def test_unencrypted_messages_are_refused(lab: Lab) -> None:
    """AllowUnencrypted is false."""
    with pytest.raises(WinRMTransportError) as caught, wsman(lab, encryption="never") as connection:
        WinRS(connection).open()
    assert caught.value.code == 500


def test_log_on_is_needed_and_offered(lab: Lab) -> None:
    """Without a log-on nothing but the schemes; basic only under TLS."""
    host = lab.world.hosts["mbx1"]
    url = f"http://{host.address}:{host.port}/wsman"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(url, data="<x/>")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Negotiate, NTLM"
        assert session.post(url, auth=("exadmin", lab.password("exadmin"))).status_code == 401
        assert session.post(url, headers={"Authorization": "Negotiate ???"}).status_code == 400
        assert session.post(url, headers={"Authorization": "NTLM " + base64.b64encode(b"no").decode()}).status_code == 401
        assert session.get(url).status_code == 405
        assert session.post(url + "/other").status_code == 404
        session.auth = HttpNtlmAuth(r"CONTOSO\exadmin", lab.password("exadmin"))
        assert session.post(url).status_code == 200


def test_identify_and_the_simulated_date(lab: Lab) -> None:
    """What the server is, without a log-on; its Date is the estate's."""
    host = lab.world.hosts["mbx1"]
    lab.world.clock.sleep(86400)
    with requests.Session() as session:
        session.trust_env = False
        headers = {"WSMANIDENTIFY": "unauthenticated", "Content-Type": "application/soap+xml"}
        answer = session.post(f"http://{host.address}:{host.port}/wsman", data=IDENTIFY, headers=headers)
    assert answer.status_code == 200
    assert "Stack: 2.0" in answer.text
    assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - lab.world.clock.now()) <= 1


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST /wsman HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /wsman HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST /wsman HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_broken_requests_get_an_answer(lab: Lab, sent: bytes) -> None:
    """What is no request is refused and the connection closed; the server lives on."""
    host = lab.world.hosts["mbx1"]
    with socket.create_connection((host.address, host.port), 5) as connection:
        connection.sendall(sent)
        answer = connection.makefile("rb").read()
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))
    assert lab.trouble == []


def test_a_request_in_pieces(lab: Lab) -> None:
    """Chunked bodies and slow senders are understood."""
    host = lab.world.hosts["mbx1"]
    body = IDENTIFY.encode()
    head = b"POST /wsman HTTP/1.1\r\nWSMANIDENTIFY: unauthenticated\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host.address, host.port), 5) as connection:
        connection.sendall(head[:20])
        time.sleep(0.02)
        connection.sendall(head[20:] + b"%x\r\n" % 10 + body[:10] + b"\r\n")
        connection.sendall(b"%x;ext=1\r\n" % len(body[10:]) + body[10:] + b"\r\n0\r\nTrailer: x\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_environment_directory_and_code_page(lab: Lab) -> None:
    """What the shell was opened with reaches the command; output comes in the shell's code page."""
    settings: dict[str, Any] = {"environment": {"GREETING": "Grüße"}, "working_directory": "C:\\WINDOWS", "no_profile": True}
    with shell(lab, codepage=850, idle_time_out=60, **settings) as opened:
        assert run(opened, "echo %GREETING%").stdout == "Grüße\r\n".encode("cp850")
        assert run(opened, "cd").stdout == b"C:\\WINDOWS\r\n"
    with shell(lab, codepage=65001, **settings) as opened:
        assert run(opened, "echo %GREETING%").stdout == "Grüße\r\n".encode()
    with pytest.raises(WSManFaultError) as caught, shell(lab, codepage=12345):
        pass
    assert caught.value.code == 87


def test_without_cmd_operators_mean_nothing(lab: Lab) -> None:
    """WINRS_SKIP_CMD_SHELL runs a program, not a line."""
    with shell(lab) as opened:
        assert run(opened, "hostname").stdout == run(opened, "hostname", no_shell=True).stdout
        assert b"&" not in run(opened, "hostname & ver").stdout
        assert run(opened, "hostname & ver", no_shell=True).stdout.count(b"Version") == 0


def test_standard_input(lab: Lab) -> None:
    """Input that is sent reaches the program."""
    with shell(lab) as opened:
        process = Process(opened, 'find /c /v ""')
        process.begin_invoke()
        process.send(b"one\r\ntwo\r\n", end=False)
        process.send(b"three\r\n", end=True)
        process.end_invoke()
    assert process.stdout.strip() == b"3"


def test_a_command_that_waits_times_out_and_can_be_ended(lab: Lab) -> None:
    """Receive is answered within OperationTimeout by the fault that clients ignore; a signal ends the command."""
    with shell(lab) as opened:
        process = Process(opened, 'find /c /v ""')  # waits for input for ever
        process.begin_invoke()
        with pytest.raises(WSManFaultError) as caught:
            opened.receive("stdout stderr", process.id, timeout=5)
        assert (caught.value.code, caught.value.reason.split(" ")[0]) == (2150858793, "The")
        process.signal(SignalCode.CTRL_C)
        process.end_invoke()
        assert process.rc == 0xC000013A
        process.signal(SignalCode.TERMINATE)
        with pytest.raises(WSManFaultError):
            opened.receive("stdout", process.id)
    assert not [entry for entry in lab.world.hosts["mbx1"].processes if entry.image == "cmd.exe"]


def test_long_output_comes_in_parts(lab: Lab) -> None:
    """More than an envelope holds comes in several answers, complete and in order."""
    text = b"0123456789" * 30 + b"\r\n"
    host = lab.world.hosts["mbx1"]
    with lab.world.clock.lock:
        host.files.write("C:\\big.txt", text * 2000)
    with shell(lab) as opened:
        process = Process(opened, "type C:\\big.txt")
        process.begin_invoke()
        state, unused, first = opened.receive("stdout stderr", process.id)
        assert state.endswith("Running")
        assert len(base64.b64encode(first["stdout"])) < 153600
        process.stdout = first["stdout"]
        process.end_invoke()
    assert process.stdout == text * 2000
    assert process.rc == 0


def test_a_shell_that_is_not_there(lab: Lab) -> None:
    """Its own fault, also for somebody else's shell."""
    with shell(lab) as opened:
        good = opened._selector_set.values[0]
        opened._selector_set.values[0] = (good[0], "11111111-1111-1111-1111-111111111111", good[2])
        with pytest.raises(WSManFaultError) as caught:
            run(opened, "ver")
        assert caught.value.code == 2150858843
        opened._selector_set.values[0] = good
        with wsman(lab, r"CONTOSO\exsetup", lab.password("exsetup")) as other:
            stranger = WinRS(other)
            stranger._selector_set = opened._selector_set
            with pytest.raises(WSManFaultError) as caught:
                run(stranger, "ver")
        assert caught.value.code == 2150858843


def test_shells_that_are_left_open_count() -> None:
    """Five for a user; one that has been idle for three minutes makes room."""
    with make() as lab:
        kept = [WinRS(wsman(lab)) for unused in range(winrm_shells.MAX_SHELLS)]
        for opened in kept:
            opened.open()
        late = WinRS(wsman(lab))
        with pytest.raises(WSManFaultError) as caught:
            late.open()
        assert caught.value.code == 2150859173
        lab.world.clock.sleep(winrm_shells.IDLE_TIMEOUT - 1)
        assert run(kept[-1], "ver").rc == 0
        lab.world.clock.sleep(2)
        late.open()
        with pytest.raises(WSManFaultError) as caught:
            run(kept[0], "ver")
        assert caught.value.code == 2150858843
        assert run(kept[-1], "ver").rc == 0
        for opened in (*kept, late):
            opened.wsman.close()


def test_configuration_can_be_read(lab: Lab) -> None:
    """Clients ask for the size of envelopes."""
    with wsman(lab) as connection:
        connection.update_max_payload_size()
        assert connection.max_envelope_size == 153600
        with pytest.raises(WSManFaultError):
            connection.get("http://example.com/other")


def test_every_command_is_a_line_of_the_journal(lab: Lab) -> None:
    """Commands are journaled with host, channel and exit code; shells and receives are not."""
    before = len(lab.world.journal.entries)
    with shell(lab) as opened:
        run(opened, "exit 5")
    (entry,) = lab.world.journal.entries[before:]
    assert (entry["host"], entry["channel"], entry["call"], entry["exit_code"]) == ("mbx1", "winrm", "exit 5", 5)


def test_a_command_that_nobody_asks_about_still_runs() -> None:
    """The client goes away without reading: the command has its effect."""
    with make() as lab, wsman(lab) as connection:
        opened = WinRS(connection)
        opened.open()
        Process(opened, "md C:\\made").begin_invoke()
        lab.world.clock.sleep(5)
        assert lab.world.hosts["mbx1"].files.exists("C:\\made")


@pytest.mark.parametrize(("do", "done"), [("drop", True), ("refuse", False)])
def test_connections_that_break(do: str, done: bool) -> None:
    """drop: after the effect; refuse: before it. The next call works, in the same shell where the log-on is new."""
    fault = {"host": "mbx1", "on": "call 2", "do": do, "times": 1}
    with make([fault]) as lab:
        with shell(lab) as opened:
            run(opened, "md C:\\one")
            with pytest.raises(requests.ConnectionError):
                run(opened, "md C:\\two")
            assert lab.world.hosts["mbx1"].files.exists("C:\\two") is done
            opened.opened = False
        with shell(lab) as opened:
            assert run(opened, "md C:\\three").rc == 0
        journal = [(entry["call"], entry["exit_code"]) for entry in lab.world.journal.entries]
        assert journal == [("md C:\\one", 0), ("md C:\\two", 0 if done else None), ("md C:\\three", 0)]


def test_a_host_that_dies_takes_its_connections_along() -> None:
    """Established connections break, new ones are reset and cost time; after the boot old shells are gone."""
    with make() as lab:
        host = lab.world.hosts["mbx1"]
        connection = wsman(lab)
        opened = WinRS(connection)
        opened.open()
        process = Process(opened, 'find /c /v ""')
        process.begin_invoke()
        with lab.world.clock.lock:
            host.crash()
        with pytest.raises(requests.ConnectionError):
            run(opened, "ver")
        before = lab.world.clock.now()
        with pytest.raises(requests.ConnectionError):
            wsman(lab).get_server_config()
        assert lab.world.clock.now() >= before + 10
        with lab.world.clock.lock:
            assert lab.world.clock.wait_until(lambda: host.up, 3600)
        connection.transport.encryption = None
        with pytest.raises(WSManFaultError) as caught:
            run(opened, "ver")
        assert caught.value.code == 2150858843
        with shell(lab) as again:
            assert run(again, "hostname").rc == 0


def test_a_reset_is_a_reset() -> None:
    """No orderly end: the other side sees that the connection broke."""
    with make() as lab:
        host = lab.world.hosts["mbx1"]
        with lab.world.clock.lock:
            host.crash(comes_back=False)
        with socket.create_connection((host.address, host.port), 5) as connection:
            with pytest.raises(ConnectionResetError):
                connection.recv(1)


def test_https_with_ntlm_basic_and_certificate(tmp_path: Path) -> None:
    """TLS with the lab's own authority: checked, and every way to log on."""
    with make() as lab:
        write_files(lab, tmp_path)
        options: dict[str, Any] = {"ssl": True, "port": lab.https_port, "cert_validation": str(tmp_path / "ca.pem")}
        certificate = {
            "certificate_pem": str(tmp_path / "client.pem"),
            "certificate_key_pem": str(tmp_path / "client-key.pem"),
        }
        for auth, more in (
            ("ntlm", {}),
            ("negotiate", {"encryption": "always"}),
            ("basic", {}),
            ("certificate", certificate),
        ):
            with wsman(lab, auth=auth, **options, **more) as connection, WinRS(connection) as opened:
                assert run(opened, "echo %USERNAME%").stdout == b"exadmin\r\n", auth
        with pytest.raises(requests.exceptions.SSLError), wsman(lab, **(options | {"cert_validation": True})) as bare:
            WinRS(bare).open()
        with pytest.raises(AuthenticationError), wsman(lab, auth="basic", password="no", **options) as connection:
            WinRS(connection).open()


def test_plain_bytes_on_the_tls_port() -> None:
    """A client that speaks no TLS does not hurt."""
    with make() as lab:
        address = lab.world.hosts["mbx1"].address
        with socket.create_connection((address, lab.https_port), 5) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with suppress(ConnectionResetError):
                connection.makefile("rb").read()
        assert lab.trouble == []


def test_labs_side_by_side_have_networks_of_their_own() -> None:
    """Several labs in one process: other addresses, other passwords, nobody logs on at the wrong one."""
    with make(seed=1) as one, make(seed=2) as two:
        assert one.world.hosts["mbx1"].address != two.world.hosts["mbx1"].address
        assert one.password("exadmin") != two.password("exadmin")
        for lab in (one, two):
            with shell(lab) as opened:
                assert run(opened, "ver").rc == 0
        with pytest.raises(AuthenticationError), wsman(one, password=two.password("exadmin")) as connection:
            WinRS(connection).open()


def test_many_clients_at_once() -> None:
    """Hosts are served in parallel while one command waits, and everybody gets the own answer."""
    with make(speed=100) as lab:
        results: dict[int, bytes] = {}

        def work(number: int) -> None:
            with shell(lab) as opened:
                results[number] = run(opened, f"ping -n {number % 3 + 1} 127.0.0.1 >nul & echo {number}").stdout

        threads = [threading.Thread(target=work, args=(number,)) for number in range(winrm_shells.MAX_SHELLS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert results == {number: b"%d\r\n" % number for number in range(winrm_shells.MAX_SHELLS)}


def test_stopping_is_quick_and_complete() -> None:
    """Open connections, waiting commands: nothing is left behind."""
    before = set(threading.enumerate())
    lab = make(speed=1)
    lab.start()
    opened = WinRS(wsman(lab))
    opened.open()
    process = Process(opened, 'find /c /v ""')
    process.begin_invoke()
    failed: list[Exception] = []

    def ask() -> None:
        try:
            process.poll_invoke(timeout=20)
        except Exception as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    idle = socket.create_connection((lab.world.hosts["mbx2"].address, lab.world.hosts["mbx2"].port))
    time.sleep(0.1)
    began = time.monotonic()
    lab.stop()
    lab.stop()
    assert time.monotonic() - began < 2
    asking.join(5)
    idle.close()
    assert failed or process.rc == winrm_shells.INTERRUPTED
    left = [thread for thread in threading.enumerate() if thread not in before and thread is not asking]
    assert left == []
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((lab.world.hosts["mbx2"].address, lab.world.hosts["mbx2"].port), 1)


def test_a_mistake_of_the_lab_is_seen(lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug in the model gives the client an error and stays in the lab's list."""

    def broken(*unused: object, **also: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(winrm_shells, "make_context", broken)
    with shell(lab) as opened:
        with pytest.raises(WinRMTransportError):
            run(opened, "ver")
        opened.wsman.transport.encryption = None
    assert "a bug" in lab.trouble[-1]
    assert "a bug" in capsys.readouterr().err
    lab.trouble.clear()

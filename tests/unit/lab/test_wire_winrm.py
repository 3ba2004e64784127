# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WinRM server's HTTP side, met by the clients that people use: pypsrp, pywinrm and requests."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import winrm
from pypsrp.exceptions import AuthenticationError, WinRMTransportError, WSManFaultError
from pypsrp.shell import WinRS
from requests_ntlm import HttpNtlmAuth
from winrm.exceptions import InvalidCredentialsError

from ansible_collections.mailops.exchange.lab.inventory import write_files
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.tests.unit.lab.wire_clients import make, run, shell, wsman

IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identify/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One lab for the tests that leave it as it is."""
    with make() as running:
        yield running


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
    password = lab.password("updshare")
    with pytest.raises(WSManFaultError) as caught, wsman(lab, r"CONTOSO\updshare", password) as connection:
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
        assert (
            session.post(url, headers={"Authorization": "NTLM " + base64.b64encode(b"no").decode()}).status_code == 401
        )
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
    head = b"POST /wsman HTTP/1.1\r\nWSMANIDENTIFY: unauthenticated\r\nTransfer-Encoding: chunked\r\n"
    head += b"Connection: close\r\n\r\n"
    with socket.create_connection((host.address, host.port), 5) as connection:
        connection.sendall(head[:20])
        time.sleep(0.02)
        connection.sendall(head[20:] + b"%x\r\n" % 10 + body[:10] + b"\r\n")
        connection.sendall(b"%x;ext=1\r\n" % len(body[10:]) + body[10:] + b"\r\n0\r\nTrailer: x\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK")


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

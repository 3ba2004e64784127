# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service control manager by remote procedure call, and services whose program is a line of cmd.exe."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from impacket.dcerpc.v5 import scmr
from impacket.dcerpc.v5.rpcrt import DCERPC_v5, DCERPCException

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire.rpc_svcctl_changes import decrypt
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import bind, calls, connect, host, make


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab that has made no mistake of its own."""
    with make() as running:
        yield running
        assert running.trouble == []


def manager(lab: Lab, name: str = "mbx1") -> tuple[DCERPC_v5, bytes]:
    """The service control manager of a host."""
    dce = bind(connect(lab, name), r"\svcctl", scmr.MSRPC_UUID_SCMR)
    return dce, scmr.hROpenSCManagerW(dce)["lpScHandle"]


def create(dce: DCERPC_v5, handle: bytes, path: str, name: str = "job", **options: object) -> bytes:
    """A service for a program."""
    made = scmr.hRCreateServiceW(
        dce, handle, f"{name}\0", f"{name}\0", dwStartType=3, lpBinaryPathName=f"{path}\0", **options
    )
    return bytes(made["lpServiceHandle"])


def error(action: object) -> int:
    """The error with which an action fails."""
    with pytest.raises(DCERPCException) as caught:
        action()  # type: ignore[operator]
    return int(caught.value.get_error_code())


def state(dce: DCERPC_v5, service: bytes) -> int:
    """The state of a service."""
    return int(scmr.hRQueryServiceStatus(dce, service)["lpServiceStatus"]["dwCurrentState"])


@pytest.mark.parametrize(("name", "root"), [("mbx1", "C:\\WINNT"), ("old", "C:\\WINNT"), ("new", "C:\\WINDOWS")])
def test_a_line_runs_as_the_system(lab: Lab, name: str, root: str) -> None:
    """The start ends with 1053 when the program has ended; variables are the system's."""
    dce, scm = manager(lab, name)
    service = create(dce, scm, "%COMSPEC% /c echo %USERNAME% %CD% %SystemRoot%> C:\\out.txt")
    assert error(lambda: scmr.hRStartServiceW(dce, service)) == 1053
    said = host(lab, name).files.read("C:\\out.txt")
    assert said == f"SYSTEM {root}\\system32 {root}\r\n".encode()
    assert state(dce, service) == 1
    scmr.hRDeleteService(dce, service)
    assert "job" in host(lab, name).services
    scmr.hRCloseServiceHandle(dce, service)
    assert "job" not in host(lab, name).services
    journal = [call for call in calls(lab, name) if "Service" in call[0]]
    assert journal == [
        ("svcctl CreateService job %COMSPEC% /c echo %USERNAME% %CD% %SystemRoot%> C:\\out.txt", 0, True),
        ("svcctl StartService job", 1053, True),
        ("svcctl QueryServiceStatus job", 0, False),
        ("svcctl DeleteService job", 0, True),
    ]


def test_a_program_that_does_not_end_is_ended(lab: Lab) -> None:
    """After 30 seconds; what it has started apart from itself goes on."""
    dce, scm = manager(lab)
    line = 'cmd.exe /c start "" /b cmd.exe /c "ping -n 90 127.0.0.1 >nul & echo late> C:\\late.txt"'
    line += " & echo first> C:\\first.txt & ping -n 300 127.0.0.1 >nul & echo never> C:\\never.txt"
    service = create(dce, scm, line)
    before = lab.world.clock.time
    assert error(lambda: scmr.hRStartServiceW(dce, service)) == 1053
    assert 29 < lab.world.clock.time - before < 35
    files = host(lab).files
    assert files.exists("C:\\first.txt") and not files.exists("C:\\late.txt")
    with lab.world.clock.lock:
        lab.world.clock.sleep(600)
    assert files.exists("C:\\late.txt") and not files.exists("C:\\never.txt")
    assert any(event.id == 7009 for event in host(lab).events)


def test_an_account_and_its_right(lab: Lab) -> None:
    """The password is sealed with the session key; without the right to log on as a service the start fails."""
    connection = connect(lab)
    dce = bind(connection, r"\svcctl", scmr.MSRPC_UUID_SCMR)
    scm = scmr.hROpenSCManagerW(dce)["lpScHandle"]
    path = "cmd.exe /c set USERNAME> C:\\who.txt"
    for number, (user, password, expected) in enumerate(
        [
            ("exsetup", lab.password("exsetup"), 1053),
            ("exsetup", "wrong", 1069),
            ("exadmin", lab.password("exadmin"), 1069),
        ]
    ):
        sealed = seal(connection.getSessionKey(), (password + "\0").encode("utf-16-le"))
        account = {"lpServiceStartName": f"CONTOSO\\{user}\0", "lpPassword": sealed, "dwPwSize": len(sealed)}
        service = create(dce, scm, path, f"job{number}", **account)
        assert host(lab).services[f"job{number}"].password == password
        assert error(lambda service=service: scmr.hRStartServiceW(dce, service)) == expected
    assert host(lab).files.read("C:\\who.txt") == b"USERNAME=exsetup\r\n"
    assert error(lambda: create(dce, scm, path, "x", lpServiceStartName="CONTOSO\\nobody\0")) == 1057
    assert lab.password("exsetup") not in str(lab.world.journal.entries)


def seal(key: bytes, data: bytes) -> bytes:
    """A secret sealed as [MS-LSAD] 5.1.2 says."""
    from Cryptodome.Cipher import DES

    plain = len(data).to_bytes(4, "little") + (1).to_bytes(4, "little") + data
    plain += bytes(-len(plain) % 8)
    sealed, rest = b"", key
    for place in range(0, len(plain), 8):
        bits = int.from_bytes(rest[:7], "big")
        spread = bytes((bits >> (49 - 7 * index) & 0x7F) << 1 for index in range(8))
        sealed += DES.new(spread, DES.MODE_ECB).encrypt(plain[place : place + 8])
        rest = rest[7:]
        if len(rest) < 7:
            rest = key[len(rest) :]
    return sealed


def test_secrets_that_are_none() -> None:
    """Plain bytes are not taken for a sealed secret."""
    key = bytes(range(16))
    assert decrypt(key, seal(key, b"secret")) == b"secret"
    assert decrypt(key, seal(bytes(16), b"secret")) is None
    assert decrypt(key, b"abc") is None


def test_starting_and_stopping(lab: Lab) -> None:
    """Pending states are passed through; errors are Windows' own."""
    dce, scm = manager(lab)
    service = scmr.hROpenServiceW(dce, scm, "MSExchangeMTA\0")["lpServiceHandle"]
    assert error(lambda: scmr.hRStartServiceW(dce, service)) == 1056
    assert scmr.hRControlService(dce, service, 1)["lpServiceStatus"]["dwCurrentState"] == 3
    while state(dce, service) != 1:
        continue
    assert error(lambda: scmr.hRControlService(dce, service, 1)) == 1062
    scmr.hRStartServiceW(dce, service)
    while state(dce, service) != 4:
        continue
    attendant = scmr.hROpenServiceW(dce, scm, "msexchangesa\0")["lpServiceHandle"]
    assert error(lambda: scmr.hRControlService(dce, attendant, 1)) == 1051
    assert error(lambda: scmr.hROpenServiceW(dce, scm, "Nothing\0")) == 1060
    needed = scmr.hREnumDependentServicesW(dce, attendant, 3, 65536)
    assert needed["lpServicesReturned"] == 4  # store, MTA, events, site replication


def test_configuration(lab: Lab) -> None:
    """Start type, account, names; a disabled service is not started."""
    dce, scm = manager(lab)
    service = scmr.hROpenServiceW(dce, scm, "W3SVC\0")["lpServiceHandle"]
    found = scmr.hRQueryServiceConfigW(dce, service)["lpServiceConfig"]
    assert found["dwStartType"] == 2 and found["lpDisplayName"] == "World Wide Web Publishing Service\0"
    assert found["lpBinaryPathName"] == "C:\\WINNT\\system32\\svchost.exe\0"
    scmr.hRControlService(dce, service, 1)
    while state(dce, service) != 1:
        continue
    scmr.hRChangeServiceConfigW(dce, service, dwStartType=4)
    assert host(lab).services["W3SVC"].start_type == "disabled"
    assert error(lambda: scmr.hRStartServiceW(dce, service)) == 1058
    assert ("svcctl ChangeServiceConfig W3SVC start disabled", 0, True) in calls(lab)


def test_making_and_marking(lab: Lab) -> None:
    """A name is used once; a service that is marked for deletion is there until its last handle is closed."""
    dce, scm = manager(lab)
    service = create(dce, scm, "cmd.exe /c ver")
    assert error(lambda: create(dce, scm, "cmd.exe /c ver")) == 1073
    scmr.hRDeleteService(dce, service)
    assert error(lambda: scmr.hRDeleteService(dce, service)) == 1072
    assert error(lambda: create(dce, scm, "cmd.exe /c ver")) == 1072
    dce.get_rpc_transport().get_smb_connection().getSMBServer().get_socket().close()
    dce, scm = manager(lab)
    assert "job" not in host(lab).services
    missing = create(dce, scm, "C:\\nothing\\there.exe")
    assert error(lambda: scmr.hRStartServiceW(dce, missing)) == 2


def test_listing(lab: Lab) -> None:
    """All services, in as many answers as it takes; the newer form is not on NT 4.0."""
    dce, scm = manager(lab)
    rows = scmr.hREnumServicesStatusW(dce, scm)
    names = {row["lpServiceName"].rstrip("\0") for row in rows}
    assert names == {service.name for service in host(lab).services.values() if service.start_type != "boot"}
    request = scmr.REnumServicesStatusExW()
    request["hSCManager"], request["InfoLevel"], request["cbBufSize"] = scm, 0, 0
    request["dwServiceType"], request["dwServiceState"] = 0x30, 3
    request["lpResumeIndex"] = request["pszGroupName"] = scmr.NULL
    assert error(lambda: dce.request(request)) == 234
    old, old_scm = manager(lab, "old")
    request["hSCManager"] = old_scm
    with pytest.raises(DCERPCException, match="nca_s_op_rng_error"):
        old.request(request)


def test_who_may(lab: Lab) -> None:
    """Administrators only."""
    dce = bind(connect(lab, "mbx1", "updshare"), r"\svcctl", scmr.MSRPC_UUID_SCMR)
    assert error(lambda: scmr.hROpenSCManagerW(dce)) == 5
    dce, _unused = manager(lab)
    with pytest.raises(DCERPCException, match="nca_s_fault_context_mismatch"):
        scmr.hRQueryServiceStatus(dce, b"\1" * 20)


def test_tools_of_a_client_are_no_change(lab: Lab) -> None:
    """A line that only looks leaves no changing call, though a service and files were needed; one that changes does."""
    connection = connect(lab)
    dce = bind(connection, r"\svcctl", scmr.MSRPC_UUID_SCMR)
    manager_handle = scmr.hROpenSCManagerW(dce)["lpScHandle"]
    folder = "C:\\mailops\\run\\m1"
    for part in ("mailops", "mailops\\run", "mailops\\run\\m1"):
        connection.createDirectory("C$", part)
    for number, (line, changing) in enumerate([("cluster group", False), ("net stop Spooler", True)]):
        text = f"@echo off\r\nren {folder}\\go.txt started.txt || exit\r\n{line} >{folder}\\out.txt 2>&1\r\n"
        connection.putFile("C$", "mailops\\run\\m1\\run.cmd", io.BytesIO(text.encode()).read)
        connection.putFile("C$", "mailops\\run\\m1\\go.txt", io.BytesIO(b"go").read)
        path = f'%COMSPEC% /c start "" /b %COMSPEC% /c "{folder}\\run.cmd >{folder}\\busy.txt 2>&1 <nul"'
        service = create(dce, manager_handle, path, f"mailops-m{number}")
        assert error(lambda service=service: scmr.hRStartServiceW(dce, service)) == 1053
        scmr.hRDeleteService(dce, service)
        with lab.world.clock.lock:
            lab.world.clock.sleep(60)
        for name in ("run.cmd", "started.txt", "out.txt", "busy.txt"):
            connection.deleteFile("C$", f"mailops\\run\\m1\\{name}")
        told = [call for call in calls(lab) if call[2]]
        assert told == ([("net stop Spooler", 0, True)] if changing else [])
    assert any(call[0] == "cluster group" for call in calls(lab))
    assert host(lab).services["Spooler"].state == "stopped"

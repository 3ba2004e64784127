# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that this project has not written talk to the lab: Samba's programs and impacket's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import host, make, run, samba

NT1 = "--option=clientminprotocol=NT1"
#: impacket's programs take the ports 139 and 445 only; here they are told another one.
ANY_PORT = (
    "import argparse,runpy,sys; argparse.ArgumentParser._check_value=lambda *a: None; sys.argv=sys.argv[1:];"
    " runpy.run_path(sys.argv[0], run_name='__main__')"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One lab for all of them."""
    with make() as running:
        yield running
        assert running.trouble == []


def smbclient(lab: Lab, share: str, commands: str, *, name: str = "mbx1", user: str = "exadmin", more: str = "") -> str:
    """Run commands of smbclient."""
    words = [samba("smbclient"), "-m", "NT1", NT1, "-p", str(lab.smb_port), f"//{host(lab, name).address}/{share}"]
    words += ["-U", f"CONTOSO\\{user}%{lab.password(user)}", "-c", commands]
    return run(*words, *more.split())


@pytest.mark.parametrize(("name", "more"), [("mbx1", ""), ("new", ""), ("old", "--option=clientusespnego=no")])
def test_smbclient_works_with_files(lab: Lab, tmp_path: Path, name: str, more: str) -> None:
    """A file goes there and back; directories, names, attributes."""
    source, target = tmp_path / "in.txt", tmp_path / "out.txt"
    source.write_bytes(b"some text\n" * 10000)
    done = smbclient(
        lab,
        "C$",
        f"mkdir r2; cd r2; put {source} x.txt; ls; rename x.txt y.txt; get y.txt {target}; allinfo y.txt; del y.txt;"
        " cd ..; rmdir r2; ls r2",
        name=name,
        more=more,
    )
    assert target.read_bytes() == source.read_bytes()
    assert "x.txt                               A   100000" in done
    assert "attributes: A" in done
    assert "NT_STATUS_NO_SUCH_FILE listing \\r2" in done
    assert not host(lab, name).files.exists("C:\\r2")


def test_smbclient_signs_when_it_wants_to(lab: Lab) -> None:
    """Signing is there on Windows 2000; on a domain controller there is nothing without it."""
    assert "WINNT" in smbclient(lab, "C$", "ls", more="--option=clientsigning=required")
    assert "E3SP2ENG.EXE" in smbclient(lab, "updates", "ls", name="dc1", user="updshare")


def test_smbclient_is_refused(lab: Lab) -> None:
    """Wrong share, no right, wrong password, nobody."""
    assert "NT_STATUS_BAD_NETWORK_NAME" in smbclient(lab, "nothing", "ls")
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(lab, "C$", "ls", user="updshare")
    put = f"put {__file__} x"
    assert "NT_STATUS_ACCESS_DENIED" in smbclient(lab, "updates", put, name="dc1", user="updshare")
    words = [samba("smbclient"), "-m", "NT1", NT1, "-p", str(lab.smb_port), f"//{host(lab).address}/C$", "-c", "ls"]
    assert "NT_STATUS_LOGON_FAILURE" in run(*words, "-U", "CONTOSO\\exadmin%wrong")
    assert "NT_STATUS_LOGON_FAILURE" in run(*words, "-U", "%")


def to(name: str) -> list[str]:
    """What Samba's programs have to be told for a host: NT 4.0 has no extended security, and signs nothing."""
    return ["--option=clientusespnego=no", "--option=clientipcsigning=if_required"] if name == "old" else []


def net(lab: Lab, *words: str, name: str = "mbx1") -> str:
    """Run a command of Samba's net."""
    address = host(lab, name).address
    user = f"CONTOSO\\exadmin%{lab.password('exadmin')}"
    options = [NT1, "--option=clientmaxprotocol=NT1", "-p", str(lab.smb_port), "-S", address, "-I", address, "-U", user]
    return run(samba("net"), "rpc", *words, *options, *to(name))


SYSTEMS = [("old", "4.0", 2650, "C:\\EXCHSRVR"), ("mbx1", "5.0", 7226, "Exchsrvr"), ("new", "5.2", 7226, "Exchsrvr")]


@pytest.mark.parametrize(("name", "version", "build", "folder"), SYSTEMS)
def test_all_of_them_talk_to_every_windows(lab: Lab, name: str, version: str, build: int, folder: str) -> None:
    """NT 4.0, Windows 2000 and Server 2003: a service stopped and started, a value read, who is there."""
    assert "MSExchangeIS service is running" in net(lab, "service", "status", "MSExchangeIS", name=name)
    assert "service is stopped" in net(lab, "service", "stop", "MSExchangeMTA", name=name)
    assert host(lab, name).services["MSExchangeMTA"].state == "stopped"
    assert "Successfully started" in net(lab, "service", "start", "MSExchangeMTA", name=name)
    setup = "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup"
    assert f"= {build}\n" in net(lab, "registry", "getvalue", setup, "NewestBuild", name=name)
    user = f"CONTOSO\\exadmin%{lab.password('exadmin')}"
    words = [samba("rpcclient"), "-p", str(lab.smb_port), NT1, "-m", "NT1", "-U", user, *to(name)]
    answer = run(*words, host(lab, name).address, "-c", "srvinfo;getusername")
    assert f"os version      :\t{version}" in answer and "Account Name: exadmin" in answer
    assert folder in program(lab, "reg.py", "query", "-keyName", setup, name=name)
    assert "MSExchangeIS -  RUNNING" in program(lab, "services.py", "status", "-name", "MSExchangeIS", name=name)


def test_net_rpc_service(lab: Lab) -> None:
    """List, state, stop, start, create, delete."""
    listed = net(lab, "service", "list")
    assert 'MSExchangeIS            "Microsoft Exchange Information Store"' in listed
    status = net(lab, "service", "status", "MSExchangeIS")
    assert "MSExchangeIS service is running" in status and "Executable Path      = C:\\WINNT" in status
    assert "service is stopped" in net(lab, "service", "stop", "MSExchangeIS")
    assert host(lab).services["MSExchangeIS"].state == "stopped"
    assert "Successfully started service" in net(lab, "service", "start", "MSExchangeIS")
    assert "Successfully created Service" in net(lab, "service", "create", "tmpx", "Temporary", "cmd.exe /c ver")
    assert host(lab).services["tmpx"].path == "cmd.exe /c ver"
    assert "Successfully deleted Service" in net(lab, "service", "delete", "tmpx")
    assert "tmpx" not in host(lab).services


def test_net_rpc_registry(lab: Lab) -> None:
    """Enumerate, get, and set below a key that is ours."""
    keys = net(lab, "registry", "enumerate", "HKLM\\SOFTWARE\\Microsoft")
    assert "Keyname   = Exchange" in keys
    values = net(lab, "registry", "enumerate", "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup")
    assert "Valuename  = NewestBuild" in values and "Value      = 7226" in values
    assert "7226" in net(lab, "registry", "getvalue", "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup", "NewestBuild")
    assert "createkey created" in net(lab, "registry", "createkey", "HKLM\\SOFTWARE\\Mailops")
    net(lab, "registry", "setvalue", "HKLM\\SOFTWARE\\Mailops", "Words", "sz", "one two")
    assert host(lab).registry.value("HKLM\\SOFTWARE\\Mailops", "Words") == ("REG_SZ", "one two")
    net(lab, "registry", "deletevalue", "HKLM\\SOFTWARE\\Mailops", "Words")
    assert host(lab).registry.value("HKLM\\SOFTWARE\\Mailops", "Words") is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("srvinfo", "os version      :\t5.0"),
        ("netshareenum", "netname: C$"),
        ("lookupnames exsetup", "-1104 (User: 1)"),
        ("lookupsids S-1-5-32-544", "S-1-5-32-544 BUILTIN\\Administrators (4)"),
        ("getusername", "Account Name: exadmin, Authority Name: CONTOSO"),
        ("lsaquery", "Domain Name: CONTOSO"),
        ("enumalsgroups builtin", "group:[Administrators] rid:[0x220]"),
        ("queryaliasmem builtin 0x220", "-1103]"),
        ("eventlog_oldestrecord Application", "oldest entry: 1"),
    ],
)
def test_rpcclient(lab: Lab, command: str, expected: str) -> None:
    """Shares, names and identifiers, groups, event logs."""
    user = f"CONTOSO\\exadmin%{lab.password('exadmin')}"
    words = [samba("rpcclient"), "-p", str(lab.smb_port), NT1, "-m", "NT1", "-U", user, host(lab).address]
    assert expected in run(*words, "-c", command)


def program(lab: Lab, image: str, *words: str, name: str = "mbx1") -> str:
    """Run one of impacket's example programs."""
    path = Path(sys.executable).parent / image
    if not path.exists():
        pytest.skip(f"{image} is not installed")
    target = f"CONTOSO/exadmin:{lab.password('exadmin')}@{host(lab, name).address}"
    return run(sys.executable, "-c", ANY_PORT, str(path), "-port", str(lab.smb_port), target, *words)


def test_impacket_reg(lab: Lab) -> None:
    """reg.py."""
    answer = program(lab, "reg.py", "query", "-keyName", "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup")
    assert "NewestBuild\tREG_DWORD\t 0x1c3a" in answer
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    assert "SystemRoot\tREG_SZ\t C:\\WINNT" in program(lab, "reg.py", "query", "-keyName", key, "-v", "SystemRoot")


def test_impacket_services(lab: Lab) -> None:
    """services.py, with a password that is sealed with the session key."""
    assert "MSExchangeIS" in program(lab, "services.py", "list")
    path = "cmd.exe /c echo done> C:\\services.txt"
    program(lab, "services.py", "create", "-name", "r2", "-display", "R 2", "-path", path)
    assert "ERROR_SERVICE_REQUEST_TIMEOUT" in program(lab, "services.py", "start", "-name", "r2")
    assert host(lab).files.read("C:\\services.txt") == b"done\r\n"
    account = ["-start_name", "CONTOSO\\exsetup", "-password", lab.password("exsetup")]
    program(lab, "services.py", "change", "-name", "r2", "-start_type", "3", *account)
    assert host(lab).services["r2"].account == "CONTOSO\\exsetup"
    assert host(lab).services["r2"].password == lab.password("exsetup")
    assert "START_TYPE        :  3" in program(lab, "services.py", "config", "-name", "r2")
    program(lab, "services.py", "delete", "-name", "r2")
    assert "r2" not in host(lab).services


def test_impacket_smbclient(lab: Lab, tmp_path: Path) -> None:
    """smbclient.py."""
    (tmp_path / "text.txt").write_text("hello\n")
    (tmp_path / "commands").write_text("shares\nuse C$\nput text.txt\nls *.txt\ncat text.txt\nrm text.txt\nexit\n")
    path = Path(sys.executable).parent / "smbclient.py"
    target = f"CONTOSO/exadmin:{lab.password('exadmin')}@{host(lab).address}"
    words = ["-port", str(lab.smb_port), target, "-inputfile", "commands"]
    answer = run(sys.executable, "-c", ANY_PORT, str(path), *words, cwd=tmp_path)
    assert "ADMIN$" in answer and "text.txt" in answer and "hello" in answer
    assert not host(lab).files.exists("C:\\text.txt")

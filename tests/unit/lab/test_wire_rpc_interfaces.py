# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry, performance data, event logs, jobs, names, groups and shutdown by remote procedure call."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from impacket.dcerpc.v5 import atsvc, even, lsad, lsat, rrp, samr, srvs, wkst
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import (
    RPC_C_AUTHN_LEVEL_CONNECT,
    RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    DCERPC_v5,
    DCERPCException,
)
from impacket.smbconnection import SessionError

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire.rpc_eventlog import pack
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import BROKEN, bind, calls, connect, host, make

SETUP = "SOFTWARE\\Microsoft\\Exchange\\Setup"


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab that has made no mistake of its own."""
    with make() as running:
        yield running
        assert running.trouble == []


def error(action: object) -> int:
    """The error with which an action fails."""
    with pytest.raises(DCERPCException) as caught:
        action()  # type: ignore[operator]
    return int(caught.value.get_error_code())


# -- registry


def registry(lab: Lab, name: str = "mbx1") -> tuple[DCERPC_v5, Any]:
    """The registry of a host and its HKEY_LOCAL_MACHINE."""
    dce = bind(connect(lab, name), r"\winreg", rrp.MSRPC_UUID_RRP)
    return dce, rrp.hOpenLocalMachine(dce)["phKey"]


@pytest.mark.parametrize(("name", "build"), [("mbx1", 7226), ("old", 2650), ("new", 7226)])
def test_values_of_a_key(lab: Lab, name: str, build: int) -> None:
    """However many are read with a handle, the journal has one line."""
    dce, root = registry(lab, name)
    key = rrp.hBaseRegOpenKey(dce, root, SETUP)["phkResult"]
    assert rrp.hBaseRegQueryValue(dce, key, "newestbuild") == (4, build)
    found = {}
    for index in range(rrp.hBaseRegQueryInfoKey(dce, key)["lpcValues"]):
        row = rrp.hBaseRegEnumValue(dce, key, index)
        found[row["lpValueNameOut"].rstrip("\0")] = row["lpType"]
    assert found == {
        name: {"REG_SZ": 1, "REG_DWORD": 4}[kind]
        for name, (kind, unused) in host(lab, name).registry.values(f"HKLM\\{SETUP}").items()
    }
    assert error(lambda: rrp.hBaseRegEnumValue(dce, key, 99)) == 259
    assert error(lambda: rrp.hBaseRegQueryValue(dce, key, "Nothing")) == 2
    assert error(lambda: rrp.hBaseRegOpenKey(dce, root, "SOFTWARE\\Nothing")) == 2
    assert calls(lab, name) == [
        (f"winreg read HKEY_LOCAL_MACHINE\\{SETUP}", 0, False),
        ("winreg read HKEY_LOCAL_MACHINE\\SOFTWARE\\Nothing", 2, False),
    ]


@pytest.mark.parametrize(
    ("kind", "word", "value", "stored"),
    [
        (1, "REG_SZ", "text\0", "text"),
        (4, "REG_DWORD", 7, 7),
        (3, "REG_BINARY", b"\1\2", b"\1\2"),
        (7, "REG_MULTI_SZ", "a\0b\0\0", ["a", "b"]),
        (2, "REG_EXPAND_SZ", "%SystemRoot%\0", "%SystemRoot%"),
    ],
)
def test_writing_values(lab: Lab, kind: int, word: str, value: Any, stored: Any) -> None:
    """Every type there and back; the key is made, and deleted only when it is empty of keys."""
    dce, root = registry(lab)
    key = rrp.hBaseRegCreateKey(dce, root, "SOFTWARE\\Mailops\\Below")["phkResult"]
    rrp.hBaseRegSetValue(dce, key, "Name", kind, value)
    path = "HKLM\\SOFTWARE\\Mailops\\Below"
    assert host(lab).registry.value(path, "Name") == (word, stored)
    assert rrp.hBaseRegQueryValue(dce, key, "Name")[0] == kind
    rrp.hBaseRegDeleteValue(dce, key, "Name")
    assert host(lab).registry.value(path, "Name") is None
    assert error(lambda: rrp.hBaseRegDeleteKey(dce, root, "SOFTWARE\\Mailops")) == 5
    rrp.hBaseRegDeleteKey(dce, root, "SOFTWARE\\Mailops\\Below")
    rrp.hBaseRegDeleteKey(dce, root, "SOFTWARE\\Mailops")
    assert not host(lab).registry.exists("HKLM\\SOFTWARE\\Mailops")
    assert all(changes for call, unused, changes in calls(lab) if " read " not in call)


def test_the_remote_registry_is_a_service(lab: Lab) -> None:
    """Stopped, there is no pipe; NT 4.0 has it in Windows itself. Nobody but administrators gets in."""
    for name in ("mbx1", "old"):
        lab.world.machines[name].service_manager.set_at_once("RemoteRegistry", "stopped", "command")
    with pytest.raises(SessionError) as caught:
        registry(lab)
    assert caught.value.getErrorCode() == 0xC0000034
    registry(lab, "old")
    dce = bind(connect(lab, "new", "updshare"), r"\winreg", rrp.MSRPC_UUID_RRP)
    assert error(lambda: rrp.hOpenLocalMachine(dce)) == 5


def performance(dce: DCERPC_v5, names: str) -> bytes:
    """The performance data for a query."""
    key = rrp.hOpenPerformanceData(dce)["phKey"]
    request = rrp.BaseRegQueryValue()
    request["hKey"], request["lpValueName"] = key, names + "\0"
    request["lpData"] = b" " * 65536
    request["lpcbData"], request["lpcbLen"] = 65536, 65536
    return b"".join(dce.request(request)["lpData"])


@pytest.mark.parametrize("name", ["mbx1", "old"])
def test_performance_data(lab: Lab, name: str) -> None:
    """Boot time and processes are in them, by numbers alone."""
    dce, _unused = registry(lab, name)
    data = performance(dce, "2 230")
    total, head, count = struct.unpack_from("<III", data, 20)
    assert data[:8] == "PERF".encode("utf-16-le") and total == len(data) and count == 2
    place, processes, up = head, {}, 0.0
    for unused_object in range(count):
        size, definition, length, number = struct.unpack_from("<IIII", data, place)
        counters, instances = (
            struct.unpack_from("<I", data, place + 32)[0],
            struct.unpack_from("<i", data, place + 40)[0],
        )
        time, frequency = struct.unpack_from("<QQ", data, place + 48)
        rows = [struct.unpack_from("<10I", data, place + length + 40 * index) for index in range(counters)]
        offsets = {row[1]: row[9] for row in rows}
        if number == 2:
            began = struct.unpack_from("<Q", data, place + definition + offsets[674])[0]
            up = (time - began) / frequency
        else:
            at = place + definition
            for unused_instance in range(instances):
                step, name_at, name_length = (struct.unpack_from("<I", data, at + shift)[0] for shift in (0, 16, 20))
                text = data[at + name_at : at + name_at + name_length].decode("utf-16-le").rstrip("\0")
                block = at + step
                processes[struct.unpack_from("<I", data, block + offsets[784])[0]] = text
                at = block + struct.unpack_from("<I", data, block)[0]
            assert at == place + size
        place += size
    assert place == total
    machine = host(lab, name)
    assert up == pytest.approx(lab.world.clock.time - machine.boot_time, abs=2)
    assert len(processes) == len(machine.processes) and "store" in processes.values()
    with pytest.raises(DCERPCException):
        performance(dce, "words")


# -- event logs


def log(lab: Lab, name: str = "mbx1") -> tuple[DCERPC_v5, Any]:
    """The Application log of a host."""
    dce = bind(connect(lab, name), r"\eventlog", even.MSRPC_UUID_EVEN)
    return dce, even.hElfrOpenELW(dce, "Application", "")["LogHandle"]


def read_all(dce: DCERPC_v5, handle: Any, flags: int, room: int) -> list[tuple[int, str, list[str]]]:
    """All records: number of the event, source, strings."""
    found = []
    while True:
        try:
            answer = even.hElfrReadELW(dce, handle, flags | even.EVENTLOG_SEQUENTIAL_READ, 0, room)
        except DCERPCException as problem:
            assert problem.get_error_code() == 0xC0000011
            return found
        data = b"".join(answer["Buffer"])[: answer["NumberOfBytesRead"]]
        while data:
            length, magic, _unused, _unused_time, _unused_written, event = struct.unpack_from("<6I", data)
            assert magic == 0x654C664C and data[length - 4 : length] == data[:4]
            count, strings = struct.unpack_from("<H", data, 26)[0], struct.unpack_from("<I", data, 36)[0]
            source = data[56:].decode("utf-16-le", "replace").partition("\0")[0]
            texts = data[strings:length].decode("utf-16-le", "replace").split("\0")[:count]
            found.append((event & 0xFFFF, source, texts))
            data = data[length:]


@pytest.mark.parametrize("room", [400, 0x7FFFF])
def test_event_logs(lab: Lab, room: int) -> None:
    """The newest first or the oldest first, in as many answers as it takes."""
    machine = host(lab)
    machine.log_event("Application", "Test", 4711, "error", "A text.", ["one", "zwei ü"])
    expected = [(e.id, e.source, e.strings or [e.text]) for e in machine.events if e.log == "Application"]
    dce, handle = log(lab)
    assert even.hElfrNumberOfRecords(dce, handle)["NumberOfRecords"] == len(expected)
    assert read_all(dce, handle, even.EVENTLOG_FORWARDS_READ, room) == expected
    dce, handle = log(lab)
    assert read_all(dce, handle, even.EVENTLOG_BACKWARDS_READ, room) == expected[::-1]
    assert expected[-1] == (4711, "Test", ["one", "zwei ü"])


def test_a_buffer_that_is_too_small(lab: Lab) -> None:
    """The answer says how much room the next record needs."""
    dce, handle = log(lab)
    request = even.ElfrReadELW()
    request["LogHandle"], request["ReadFlags"] = handle, 5
    request["RecordOffset"], request["NumberOfBytesToRead"] = 0, 8
    with pytest.raises(DCERPCException) as caught:
        dce.request(request)
    assert caught.value.get_error_code() == 0xC0000023
    first = next(event for event in host(lab).events if event.log == "Application")
    assert caught.value.get_packet()["MinNumberOfBytesNeeded"] == len(pack(first, 1, "MBX1"))


# -- jobs


@pytest.mark.parametrize(
    "level",
    [0, RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, RPC_C_AUTHN_LEVEL_PKT_PRIVACY],
)
def test_a_job_of_at(lab: Lab, level: int) -> None:
    """It runs as the system at its minute, and is gone then; with and without authentication of the call's own."""
    machine = host(lab)
    dce = bind(connect(lab), r"\atsvc", atsvc.MSRPC_UUID_ATSVC, level=level, lab=lab)
    later = machine.local_time.timestamp() + 120
    info = atsvc.AT_INFO()
    info["JobTime"] = int(later % 86400) // 60 * 60 * 1000
    info["DaysOfMonth"] = info["DaysOfWeek"] = info["Flags"] = 0
    info["Command"] = "cmd.exe /c set USERNAME > C:\\at.txt\0"
    number = atsvc.hNetrJobAdd(dce, NULL, info)["pJobId"]
    assert atsvc.hNetrJobGetInfo(dce, NULL, number)["ppAtInfo"]["Command"] == info["Command"]
    assert atsvc.hNetrJobEnum(dce)["pTotalEntries"] == 1
    assert not machine.files.exists("C:\\at.txt")
    with lab.world.clock.lock:
        lab.world.clock.sleep(180)
    assert machine.files.read("C:\\at.txt") == b"USERNAME=SYSTEM\r\n"
    assert atsvc.hNetrJobEnum(dce)["pTotalEntries"] == 0
    assert error(lambda: atsvc.hNetrJobDel(dce, NULL, number, number)) == 3806


def test_jobs_need_their_service(lab: Lab) -> None:
    """On NT 4.0 it is there, but started by hand."""
    assert host(lab, "old").services["Schedule"].state == "stopped"
    with pytest.raises(SessionError) as caught:
        bind(connect(lab, "old"), r"\atsvc", atsvc.MSRPC_UUID_ATSVC)
    assert caught.value.getErrorCode() == 0xC0000034
    host(lab, "old").service_manager.set_at_once("Schedule", "running", "command")
    dce = bind(connect(lab, "old"), r"\atsvc", atsvc.MSRPC_UUID_ATSVC)
    info = atsvc.AT_INFO()
    info["JobTime"], info["DaysOfMonth"], info["DaysOfWeek"], info["Flags"] = 0, 0, 0x7F, 1
    info["Command"] = "cmd.exe /c ver\0"
    number = atsvc.hNetrJobAdd(dce, NULL, info)["pJobId"]
    with lab.world.clock.lock:
        lab.world.clock.sleep(2 * 86400)
    assert number in host(lab, "old").at_jobs  # a periodic one stays
    atsvc.hNetrJobDel(dce, NULL, number, number)
    assert host(lab, "old").tasks == {}


# -- names, groups, rights


def test_administrators(lab: Lab) -> None:
    """The members of the local group by identifiers, and the names of these."""
    connection = connect(lab)
    dce = bind(connection, r"\samr", samr.MSRPC_UUID_SAMR)
    server = samr.hSamrConnect2(dce)["ServerHandle"]
    sid = samr.hSamrLookupDomainInSamServer(dce, server, "Builtin")["DomainId"]
    domain = samr.hSamrOpenDomain(dce, server, domainId=sid)["DomainHandle"]
    alias = samr.hSamrOpenAlias(dce, domain, aliasId=0x220)["AliasHandle"]
    members = samr.hSamrGetMembersInAlias(dce, alias)["Members"]["Sids"]
    sids = [member["SidPointer"].formatCanonical() for member in members]
    names = bind(connection, r"\lsarpc", lsat.MSRPC_UUID_LSAT)
    policy = lsad.hLsarOpenPolicy2(names, lsat.POLICY_LOOKUP_NAMES)["PolicyHandle"]
    found = lsat.hLsarLookupSids(names, policy, sids)
    domains = [row["Name"] for row in found["ReferencedDomains"]["Domains"]]
    rows = [(domains[row["DomainIndex"]], row["Name"]) for row in found["TranslatedNames"]["Names"]]
    assert rows == [("MBX1", "Administrator"), ("CONTOSO", "exadmin"), ("CONTOSO", "exsetup")]


def test_the_right_to_log_on_as_a_service(lab: Lab) -> None:
    """Granted, listed, taken away."""
    dce = bind(connect(lab), r"\lsarpc", lsad.MSRPC_UUID_LSAD)
    policy = lsad.hLsarOpenPolicy2(dce, lsad.MAXIMUM_ALLOWED)["PolicyHandle"]
    found = lsat.hLsarLookupNames(dce, policy, ["CONTOSO\\exadmin"])
    number = found["TranslatedSids"]["Sids"][0]["RelativeId"]
    base = found["ReferencedDomains"]["Domains"][0]["Sid"]
    sid = f"{base.formatCanonical()}-{number}"
    assert error(lambda: lsad.hLsarEnumerateAccountRights(dce, policy, sid)) == 0xC0000034
    lsad.hLsarAddAccountRights(dce, policy, sid, ["SeServiceLogonRight"])
    assert "CONTOSO\\exadmin" in host(lab).service_logon
    rights = lsad.hLsarEnumerateAccountRights(dce, policy, sid)["UserRights"]["UserRights"]
    assert [right["Data"] for right in rights] == ["SeServiceLogonRight"]
    lsad.hLsarRemoveAccountRights(dce, policy, sid, ["SeServiceLogonRight"])
    assert "CONTOSO\\exadmin" not in host(lab).service_logon


# -- the machine


def test_time_shares_and_versions(lab: Lab) -> None:
    """The host's own clock, also when it is wrong; its shares; what Windows it is."""
    machine = host(lab, "old")
    machine.clock_skew = 400.0
    connection = connect(lab, "old")
    dce = bind(connection, r"\srvsvc", srvs.MSRPC_UUID_SRVS)
    moment = srvs.hNetrRemoteTOD(dce)["BufferPtr"]
    assert moment["tod_elapsedt"] == pytest.approx(lab.world.clock.time + 400, abs=3)
    assert (moment["tod_day"], moment["tod_month"]) == (machine.local_time.day, machine.local_time.month)
    shares = srvs.hNetrShareEnum(dce, 1)["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]
    assert [row["shi1_netname"] for row in shares] == ["ADMIN$\0", "IPC$\0", "C$\0"]
    info = srvs.hNetrServerGetInfo(dce, 101)["InfoStruct"]["ServerInfo101"]
    assert (info["sv101_version_major"], info["sv101_name"]) == (4, "OLD\0")
    dce = bind(connection, r"\wkssvc", wkst.MSRPC_UUID_WKST)
    info = wkst.hNetrWkstaGetInfo(dce, 100)["WkstaInfo"]["WkstaInfo100"]
    assert info["wki100_langroup"] == "CONTOSO\0"


@pytest.mark.parametrize("name", ["mbx1", "old"])
def test_a_restart(lab: Lab, name: str) -> None:
    """Ordered, taken back, ordered again; the host goes down with its connections and comes back."""
    machine = host(lab, name)
    dce, _unused = registry(lab, name)
    order(dce, delay=60)
    abort(dce)
    assert error(lambda: abort(dce)) == 1116
    before = machine.boot_time
    order(dce, delay=0)
    assert error(lambda: order(dce, delay=1)) == 1115
    with lab.world.clock.lock:
        assert lab.world.clock.wait_until(lambda: not machine.up, 600)
    with pytest.raises(BROKEN):
        order(dce, delay=0)
    with pytest.raises(BROKEN):
        connect(lab, name)
    with lab.world.clock.lock:
        assert lab.world.clock.wait_until(lambda: machine.up and machine.service_running("LanmanServer"), 3600)
    connect(lab, name)
    assert machine.boot_time > before


def order(dce: DCERPC_v5, delay: int) -> None:
    """BaseRegInitiateSystemShutdown, which the library does not have: hand-made."""
    message = "maintenance".encode("utf-16-le")
    stub = struct.pack("<I", 0) + struct.pack("<I", 0x20000) + struct.pack("<HHI", len(message), len(message), 0x20004)
    stub += struct.pack("<III", len(message) // 2, 0, len(message) // 2) + message
    stub += bytes(-len(stub) % 4) + struct.pack("<IBB", delay, 1, 1)
    answer(dce, 24, stub)


def abort(dce: DCERPC_v5) -> None:
    """BaseRegAbortSystemShutdown."""
    answer(dce, 25, struct.pack("<I", 0))


def answer(dce: DCERPC_v5, number: int, stub: bytes) -> None:
    """Send a call and raise the error that it ends with."""
    dce.call(number, stub)
    (code,) = struct.unpack("<I", dce.recv()[-4:])
    if code:
        raise DCERPCException(error_code=code)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NetBIOS session service, which is all that NT 4.0 has: on its own port, and on one that leads to it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.inventory import inventory
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire.smb_server import SmbServer
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreachable
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import lab_of, opened
from ansible_collections.mailops.exchange.tests.unit.lab.smb_clients import run, samba

PORT = 139
NAME = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_of(tmp_path_factory.mktemp("lab"), "nt4", "de") as running:
        yield running


@contextmanager
def listening(lab: Lab) -> Iterator[str]:
    """The host listens on the service's own port too; returns its address. Skipped where only root may do that."""
    host = lab.world.hosts["n1"]
    server = SmbServer(lab.world, host, lab.accounts, lambda: lab.trouble.append("in the test"))
    try:
        lab._loopback.listen(int(host.address.rpartition(".")[2]), PORT, server.serve)
    except PermissionError:
        pytest.skip("ports below 1024 are root's here")
    yield host.address


def test_a_session_by_name_on_another_port(lab: Lab) -> None:
    """As on a port that is forwarded to 139; this is also what the lab's inventory says of NT 4.0."""
    variables = inventory(lab, Path())["all"]["children"]["exchange_servers"]["hosts"]["n1"]
    assert variables["mailops_exchange_netbios_name"] == "N1"
    with opened(lab, netbios_name="n1") as session:
        assert (session.registry_values(NAME) or {})["CurrentVersion"][1] == "4.0"


def test_a_name_that_the_host_does_not_have(lab: Lab) -> None:
    with opened(lab, netbios_name="OTHER") as session, pytest.raises(Unreachable) as raised:
        session.registry_values(NAME)
    assert "Called Name:OTHER" in raised.value.message and "netbios_name" in raised.value.remedy


def test_the_name_of_any_server(lab: Lab) -> None:
    """RFC 1002: two letters for each byte of a name; the lab answers to the name of every Server service, too."""
    host = lab.world.hosts["n1"]

    def asked(name: bytes) -> bytes:
        padded = name.ljust(15) + b" "
        letters = b"".join(bytes((65 + (each >> 4), 65 + (each & 15))) for each in padded)
        called = b"\x20" + letters + b"\0"
        request = b"\x81\0" + len(called * 2).to_bytes(2, "big") + called * 2
        with socket.create_connection((host.address, host.port), timeout=10) as connection:
            connection.sendall(request)
            return connection.recv(16)

    assert asked(b"*SMBSERVER") == b"\x82\0\0\0"
    assert asked(b"N1") == b"\x82\0\0\0"
    assert asked(b"N2") == b"\x83\0\0\x01\x82"


def test_the_services_own_port(lab: Lab) -> None:
    """Nothing listens on 445: the other one is tried by itself."""
    with listening(lab) as address:
        with opened(lab, port=None) as session:
            assert session.link().wire.endpoint.port is None
            assert (session.registry_values(NAME) or {})["CurrentVersion"][1] == "4.0"
            assert session.run("echo x", changes=False).stdout == "x\n"
        with opened(lab, port=PORT, netbios_name="N1") as session:
            assert session.local_time() > 0
        user = f"CONTOSO\\exadmin%{lab.password('exadmin')}"
        words = [samba("smbclient"), "-m", "NT1", "--option=clientminprotocol=NT1", "--option=clientusespnego=no"]
        answer = run(*words, "-p", str(PORT), "-I", address, "//N1/C$", "-U", user, "-c", "ls WINNT*")
        assert "WINNT" in answer, answer

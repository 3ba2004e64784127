# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's LDAP against a real slapd, and the lab's directory against clients that this project did not write.

The same entries are served by both. So whatever the collection or a client reads from one it must read from the other.
"""

from __future__ import annotations

import base64
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ldap3
import pytest
import yaml

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action import directory_info
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory, DirectoryError
from ansible_collections.mailops.exchange.tests.lab.slapd import program, slapd
from ansible_collections.mailops.exchange.tests.unit.action.runner import run

pytestmark = pytest.mark.skipif(program("slapd") is None, reason="slapd is not installed (Debian package slapd)")

BASE = "DC=contoso,DC=example"
CONFIGURATION = f"CN=Configuration,{BASE}"
EXCHANGE = f"CN=Microsoft Exchange,CN=Services,{CONFIGURATION}"
# A name that both servers know: the lab takes the first part of it for the account.
USER = f"CN=exadmin,CN=Users,{BASE}"
ORGANIZATION = "Müller, Söhne + Co."
ESTATE: dict[str, Any] = {
    "update": "exchange2003-sp2",
    "speed": 0,
    "directory_connector": {"host": "mbx1"},
    "hosts": {
        "fe1": {"role": "front_end", "load_balanced": "web"},
        "fe2": {"role": "front_end", "load_balanced": "web", "service_pack": 2},
        "mbx1": {},
        "old": {"product": "2000", "service_pack": 3},
        "n1": {"cluster": "mail"},
        "n2": {"cluster": "mail"},
    },
    "clusters": {"mail": {"virtual_servers": {"EVS1": {}, "Post & Büro": {}}}},
    # What a distinguished name has to escape, and letters that it may.
    "organizations": {ORGANIZATION: ["fe1", "fe2", "mbx1", "old", "n1", "n2"]},
}


@dataclass
class Server:
    """A directory to talk to."""

    name: str
    ldap: str
    ldaps: str
    ca_file: str
    password: str


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """The lab's directory, and slapd with the same entries."""
    folder = tmp_path_factory.mktemp("slapd")
    with Lab(complete(ESTATE)) as lab:
        password = lab.password("exadmin")
        (folder / "lab.pem").write_text(lab.authority.pem, encoding="ascii")
        address = lab.controller_address
        own = Server(
            "lab",
            f"ldap://{address}:{lab.ldap_port}",
            f"ldaps://{address}:{lab.ldaps_port}",
            str(folder / "lab.pem"),
            password,
        )
        with slapd(folder / "slapd", BASE, lab.world.directory, USER, password) as other:
            yield {"lab": own, "slapd": Server("slapd", other.ldap, other.ldaps, str(other.ca_file), password)}


def directory(server: Server, uri: str | None = None, **options: Any) -> Directory:
    settings = {"user": USER, "password": server.password, "ca_file": server.ca_file, **options}
    return Directory(uri or server.ldaps, **settings)


# -- the collection


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_the_collection_reads_the_same_from_slapd(servers: dict[str, Server], scheme: str) -> None:
    found = directory(servers["slapd"], getattr(servers["slapd"], scheme)).servers()
    assert set(found) == {"FE1", "FE2", "MBX1", "OLD", "EVS1", "POSTBRO"}
    assert (found["FE2"]["service_pack"], found["FE2"]["front_end"], found["OLD"]["product"]) == (2, True, "2000")
    assert found["FE1"]["administrative_group"] == "First Administrative Group"
    assert {entry["organization"] for entry in found.values()} == {ORGANIZATION}
    assert found == directory(servers["lab"], getattr(servers["lab"], scheme)).servers()


def test_what_slapd_refuses_is_said_in_a_sentence(servers: dict[str, Server]) -> None:
    with pytest.raises(DirectoryError, match="does not accept the logon") as caught:
        directory(servers["slapd"], password="not-the-Password1").servers()
    assert "not-the-Password1" not in caught.value.message
    with pytest.raises(DirectoryError, match="certificate verify failed"):
        directory(servers["slapd"], ca_file=servers["lab"].ca_file).servers()


def test_directory_info_reads_the_same_from_slapd(servers: dict[str, Server]) -> None:
    found = []
    for server in servers.values():
        arguments = {"uri": server.ldap, "user": USER, "password": server.password, "ca_file": server.ca_file}
        result = run(directory_info.ActionModule, arguments)
        assert not result["failed"] and result["msg"] == "The directory holds 6 servers.", server.name
        found.append(result["directory"])
    assert found[0] == found[1]


def test_the_inventory_is_the_same(servers: dict[str, Server], tmp_path: Path) -> None:
    listed = []
    for server in servers.values():
        path = tmp_path / f"{server.name}.exchange_directory.yml"
        options = {
            "plugin": "mailops.exchange.exchange_directory",
            "uri": server.ldaps,
            "user": USER,
            "password": server.password,
            "ca_file": server.ca_file,
            "virtual_servers": ["EVS*", "POSTBRO"],
        }
        path.write_text(yaml.safe_dump(options), encoding="utf-8")
        tool = Path(sys.executable).parent / "ansible-inventory"
        done = subprocess.run(
            [str(tool), "-i", str(path), "--list"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        listed.append(json.loads(done.stdout))
    assert set(listed[1]["_meta"]["hostvars"]) == {"fe1", "fe2", "mbx1", "old"}
    assert listed[0] == listed[1]


# -- other people's clients

Entries = dict[str, dict[str, set[str]]]
SEARCHES: dict[str, tuple[str, str, str, list[str]]] = {
    "everything": (BASE, "sub", "(objectClass=*)", []),
    "the servers": (CONFIGURATION, "sub", "(objectCategory=msExchExchangeServer)", ["serialNumber", "serverRole"]),
    "front-ends of 6.5": (
        CONFIGURATION,
        "sub",
        "(&(objectCategory=msExchExchangeServer)(serialNumber=Version 6.5*)(serverRole=1))",
        ["cn", "networkAddress"],
    ),
    "neither front-end nor 2000": (
        EXCHANGE,
        "sub",
        "(&(objectClass=msExchExchangeServer)(!(serverRole=1))(!(serialNumber=Version 6.0*)))",
        ["legacyExchangeDN"],
    ),
    "one of two names": (BASE, "sub", "(|(cn=FE1)(cn=mbx1))", ["serialNumber"]),
    "with a number above": (BASE, "sub", "(versionNumber>=1)", ["versionNumber"]),
    "one level": (EXCHANGE, "one", "(objectClass=*)", ["cn"]),
    "the entry itself": (EXCHANGE, "base", "(objectClass=*)", []),
    "names alone": (EXCHANGE, "sub", "(cn=Servers)", ["1.1"]),
    "nothing": (BASE, "sub", "(cn=nobody)", ["cn"]),
}


def normal(dn: str) -> str:
    """A name as it is compared: slapd writes the attributes in it as its schema does, and a comma by its number."""
    return re.sub(r"\\([0-9A-Fa-f]{2})", lambda found: f"\\{chr(int(found[1], 16))}", dn).casefold()


def comparable(found: dict[str, dict[str, list[str]]]) -> Entries:
    """Entries of either server as they are compared: `dc`, the name's own attribute, is added for slapd."""
    entries: Entries = {}
    for dn, attributes in found.items():
        entries[normal(dn)] = {
            name.casefold(): {normal(value) if name.casefold() == "distinguishedname" else value for value in values}
            for name, values in attributes.items()
            if name.casefold() != "dc"
        }
    return entries


def by_ldapsearch(server: Server, base: str, scope: str, condition: str, wanted: list[str], *options: str) -> Entries:
    """What Debian's ldapsearch reads."""
    tool = program("ldapsearch")
    if tool is None:
        pytest.skip("ldapsearch is not installed (Debian package ldap-utils)")
    command = [tool, "-LLL", "-o", "ldif-wrap=no", "-x", "-H", server.ldaps, "-D", USER, "-w", server.password]
    command += [*options, "-b", base, "-s", scope, condition, *wanted]
    environment = os.environ | {"LDAPTLS_CACERT": server.ca_file, "LDAPTLS_REQCERT": "demand"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode == 0, f"{server.name}: {done.stderr}"
    return comparable(parsed(done.stdout))


def parsed(text: str) -> dict[str, dict[str, list[str]]]:
    """LDIF without wrapped lines."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in text.split("\n\n"):
        current: dict[str, list[str]] = {}
        for line in block.splitlines():
            if not line or line.startswith("#"):
                continue
            name, _unused, value = line.partition(":")
            value = base64.b64decode(value[1:]).decode() if value.startswith(":") else value.removeprefix(" ")
            if name == "dn":
                found[value] = current
            else:
                current.setdefault(name, []).append(value)
    return found


def by_ldap3(server: Server, base: str, scope: str, condition: str, wanted: list[str]) -> Entries:
    """What ldap3 reads, with its own way over TLS."""
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=server.ca_file)
    host = ldap3.Server(server.ldap, tls=tls, get_info=ldap3.NONE)
    with ldap3.Connection(host, USER, server.password, auto_bind=ldap3.AUTO_BIND_TLS_BEFORE_BIND) as connection:
        scopes = {"sub": ldap3.SUBTREE, "one": ldap3.LEVEL, "base": ldap3.BASE}
        connection.search(base, condition, scopes[scope], attributes=wanted or ["*"])
        return comparable(
            {
                entry["dn"]: {
                    name: [value.decode() for value in values]
                    for name, values in entry["raw_attributes"].items()
                    if values
                }
                for entry in connection.response
            }
        )


@pytest.mark.parametrize("search", SEARCHES)
def test_ldapsearch_and_ldap3_read_the_same_from_both(servers: dict[str, Server], search: str) -> None:
    found = by_ldapsearch(servers["slapd"], *SEARCHES[search])
    assert bool(found) == (search != "nothing")
    assert by_ldapsearch(servers["lab"], *SEARCHES[search]) == found
    assert by_ldap3(servers["slapd"], *SEARCHES[search]) == found
    assert by_ldap3(servers["lab"], *SEARCHES[search]) == found


def test_reading_in_pages(servers: dict[str, Server]) -> None:
    pages = ("-E", "pr=2/noprompt")
    whole = by_ldapsearch(servers["slapd"], *SEARCHES["everything"])
    for server in servers.values():
        assert by_ldapsearch(server, *SEARCHES["everything"], *pages) == whole, server.name


@pytest.mark.parametrize("user", [USER, f"CN=nobody,{BASE}"])
def test_both_refuse_the_same_logon(servers: dict[str, Server], user: str) -> None:
    tool = program("ldapsearch")
    if tool is None:
        pytest.skip("ldapsearch is not installed (Debian package ldap-utils)")
    for server in servers.values():
        environment = os.environ | {"LDAPTLS_CACERT": server.ca_file}
        # invalidCredentials; without TLS strongerAuthRequired of Active Directory, confidentialityRequired of slapd
        for uri, password, codes in ((server.ldaps, "wrong", {49}), (server.ldap, server.password, {8, 13})):
            command = [tool, "-x", "-H", uri, "-D", user, "-w", password, "-b", BASE]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
            assert done.returncode in codes, f"{server.name}: {done.stderr}"

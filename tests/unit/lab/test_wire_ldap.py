# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory's LDAP server, met by ldap3 and, where it is installed, by ldapsearch."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPSocketOpenError

from ansible_collections.mailops.exchange.lab.directory import parts
from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.exchange import set_virtual_server
from ansible_collections.mailops.exchange.lab.inventory import write_files
from ansible_collections.mailops.exchange.lab.simulation import Lab

CONFIGURATION = "CN=Configuration,DC=contoso,DC=example"
SERVERS = "(objectCategory=msExchExchangeServer)"
ESTATE = {
    "speed": 0,
    "hosts": {"fe1": {"role": "front_end"}, "n1": {"cluster": "mail"}, "n2": {"cluster": "mail"}},
    "clusters": {"mail": {"virtual_servers": {"EVS1": None}}},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lab's files are."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Lab]:
    """A lab with a front-end and a cluster."""
    with Lab(complete(ESTATE)) as running:
        write_files(running, folder)
        yield running


def server(lab: Lab, folder: Path, *, tls: bool = True, **options: Any) -> ldap3.Server:
    """The domain controller."""
    trust = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(folder / "ca.pem"))
    port = lab.ldaps_port if tls else lab.ldap_port
    return ldap3.Server(lab.controller_address, port=port, use_ssl=tls, tls=trust, get_info=ldap3.DSA, **options)


@pytest.fixture
def bound(lab: Lab, folder: Path) -> Iterator[ldap3.Connection]:
    """A connection over TLS, logged on."""
    password = lab.password("exadmin")
    with ldap3.Connection(server(lab, folder), user="exadmin@contoso.example", password=password) as connection:
        yield connection


def found(connection: ldap3.Connection, condition: str, base: str = CONFIGURATION, **options: Any) -> list[str]:
    """The names of what a search finds."""
    connection.search(base, condition, **{"attributes": ["name"], **options})
    return [entry["attributes"]["name"][0] for entry in connection.response]


def test_servers_with_their_versions(bound: ldap3.Connection) -> None:
    """What a verification asks for: every server of the organisation, virtual servers under their network name."""
    bound.search(CONFIGURATION, SERVERS, attributes=["name", "serialNumber", "serverRole"])
    rows = {entry["attributes"]["name"][0]: entry["attributes"] for entry in bound.response}
    assert sorted(rows) == ["EVS1", "FE1"]
    assert rows["EVS1"]["serialNumber"] == ["Version 6.5 (Build 7226.6: Service Pack 1)"]
    assert (rows["FE1"]["serverRole"], rows["EVS1"]["serverRole"]) == (["1"], ["0"])


def test_the_directory_is_live(lab: Lab, bound: ldap3.Connection) -> None:
    """An upgrade of a virtual server shows at once."""
    group = lab.world.clusters["mail"].groups["EVS1"]
    with lab.world.clock.lock:
        set_virtual_server(group, 2)
    bound.search(CONFIGURATION, "(cn=evs1)", attributes=["serialNumber"])
    assert bound.response[0]["attributes"]["serialNumber"] == ["Version 6.5 (Build 7638.2: Service Pack 2)"]
    with lab.world.clock.lock:
        set_virtual_server(group, 1)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ("(&(objectClass=msExchExchangeServer)(name=FE*))", ["FE1"]),
        ("(&(objectclass=MSEXCHEXCHANGESERVER)(!(NAME=fe1)))", ["EVS1"]),
        ("(|(cn=FE1)(cn=evs1))", ["EVS1", "FE1"]),
        ("(serialNumber=Version 6.5*Service Pack 1\\29)", ["EVS1", "FE1"]),
        ("(serialNumber=*7226*)", ["EVS1", "FE1"]),
        ("(&(cn=*1)(serialNumber=*Pack 2*))", []),
        ("(&(networkAddress=ncacn_ip_tcp:evs1.contoso.example))", ["EVS1"]),
        ("(&(versionNumber>=1)(cn=F*))", ["FE1"]),
        ("(versionNumber<=5)", []),
        ("(&(serverRole:1.2.840.113556.1.4.803:=1))", ["FE1"]),
        ("(nothing=*)", []),
        ("(distinguishedName=cn=configuration, dc=Contoso,DC=example)", ["Configuration"]),
        ("(cn~=fe1)", ["FE1"]),
    ],
)
def test_filters(bound: ldap3.Connection, condition: str, names: list[str]) -> None:
    """All kinds of filters, without regard to case."""
    assert sorted(found(bound, condition)) == names


def test_scopes(bound: ldap3.Connection) -> None:
    """Base, one level, subtree."""
    every = found(bound, "(objectClass=*)")
    assert found(bound, "(objectClass=*)", search_scope=ldap3.BASE) == ["Configuration"]
    assert found(bound, "(objectClass=*)", search_scope=ldap3.LEVEL) == ["Services"]
    assert len(every) > 8
    assert len(found(bound, "(objectClass=*)", base="DC=contoso,DC=example")) == len(every) + 1


def test_attributes(bound: ldap3.Connection) -> None:
    """All, some, none."""
    bound.search(CONFIGURATION, "(cn=FE1)", attributes=["*"])
    assert {"serialNumber", "objectClass", "distinguishedName"} <= set(bound.response[0]["attributes"])
    bound.search(CONFIGURATION, "(cn=FE1)", attributes=["SERIALNUMBER", "absent"])
    values = bound.response[0]["raw_attributes"]
    assert set(values) == {"serialNumber", "absent"}
    assert (values["serialNumber"], values["absent"]) == ([b"Version 6.5 (Build 7226.6: Service Pack 1)"], [])
    bound.search(CONFIGURATION, "(cn=FE1)", attributes=["1.1"])
    assert bound.response[0]["attributes"] == {}
    bound.search(CONFIGURATION, "(cn=FE1)", attributes=["cn"], types_only=True)
    assert bound.response[0]["attributes"] == {"cn": []}


def test_limits_and_pages(bound: ldap3.Connection) -> None:
    """A size limit is said; pages bring everything once."""
    every = found(bound, "(objectClass=*)")
    assert found(bound, "(objectClass=*)", size_limit=2) == every[:2]
    assert bound.result["description"] == "sizeLimitExceeded"
    pages = bound.extend.standard.paged_search(
        CONFIGURATION, "(objectClass=*)", attributes=["name"], paged_size=3, generator=False
    )
    assert sorted(entry["attributes"]["name"][0] for entry in pages) == sorted(every)
    bound.search(CONFIGURATION, "(objectClass=*)", paged_size=3, paged_cookie=b"unknown!")
    assert bound.result["description"] == "unwillingToPerform"


def test_what_is_not_there(bound: ldap3.Connection) -> None:
    """No such base: the nearest one that is there is named; unknown critical controls are refused."""
    bound.search(f"CN=Nothing,CN=Services,{CONFIGURATION}", "(objectClass=*)")
    assert (bound.result["description"], bound.result["dn"]) == ("noSuchObject", f"CN=Services,{CONFIGURATION}")
    bound.search(CONFIGURATION, "(objectClass=*)", controls=[("1.2.3", True, None)])
    assert bound.result["description"] == "unavailableCriticalExtension"
    bound.extended("1.2.3.4")
    assert bound.result["description"] == "protocolError"


def test_the_root_is_for_everybody(lab: Lab, folder: Path) -> None:
    """The root entry without a log-on, nothing else."""
    with ldap3.Connection(server(lab, folder, tls=False)) as connection:
        info = connection.server.info
        assert info.other["configurationNamingContext"] == [CONFIGURATION]
        assert info.other["defaultNamingContext"] == ["DC=contoso,DC=example"]
        assert CONFIGURATION in info.naming_contexts
        connection.search(CONFIGURATION, SERVERS)
        assert connection.result["description"] == "operationsError"


def test_passwords_only_under_tls(lab: Lab, folder: Path) -> None:
    """A simple bind in the clear is refused; StartTLS or LDAPS make it possible."""
    account = {"user": r"CONTOSO\exadmin", "password": lab.password("exadmin")}
    plain = ldap3.Connection(server(lab, folder, tls=False), **account)
    assert plain.bind() is False
    assert plain.result["description"] == "strongerAuthRequired"
    plain.unbind()
    later = ldap3.Connection(server(lab, folder, tls=False), **account)
    later.open()
    assert later.start_tls()
    assert later.bind()
    assert sorted(found(later, SERVERS)) == ["EVS1", "FE1"]
    later.unbind()


@pytest.mark.parametrize(
    ("user", "good"),
    [
        (r"CONTOSO\exadmin", True),
        ("CN=exadmin,CN=Users,DC=contoso,DC=example", True),
        (r"CONTOSO\nobody", False),
        (r"OTHER\exadmin", False),
    ],
)
def test_names_of_accounts(lab: Lab, folder: Path, user: str, good: bool) -> None:
    """The forms that a domain controller takes."""
    connection = ldap3.Connection(server(lab, folder), user=user, password=lab.password("exadmin"))
    assert connection.bind() is good
    assert connection.result["description"] == ("success" if good else "invalidCredentials")
    connection.unbind()


def test_a_wrong_password(lab: Lab, folder: Path) -> None:
    """Invalid credentials, with Active Directory's own words."""
    connection = ldap3.Connection(server(lab, folder), user=r"CONTOSO\exadmin", password="wrong")
    assert connection.bind() is False
    assert "data 52e" in connection.result["message"]
    connection.unbind()


def test_sasl_is_not_served(lab: Lab, folder: Path) -> None:
    """Other ways to log on are refused in an orderly way."""
    connection = ldap3.Connection(server(lab, folder), authentication=ldap3.SASL, sasl_mechanism=ldap3.EXTERNAL)
    assert connection.bind() is False
    assert connection.result["description"] == "authMethodNotSupported"


def test_the_certificate_is_the_labs(lab: Lab, folder: Path, tmp_path: Path) -> None:
    """A client that trusts somebody else does not talk to it."""
    with Lab(complete(ESTATE)) as other:
        write_files(other, tmp_path)
        with pytest.raises(LDAPSocketOpenError):
            ldap3.Connection(server(lab, tmp_path)).open()


def test_calls_are_in_the_journal_without_secrets(lab: Lab, bound: ldap3.Connection) -> None:
    """Binds and searches are calls of the domain controller."""
    found(bound, "(cn=FE1)")
    rows = [entry for entry in lab.world.journal.entries if entry["channel"] == "ldap"]
    assert rows[-1]["call"] == f"search subtree {CONFIGURATION} (cn=FE1)"
    assert (rows[-1]["host"], rows[-1]["exit_code"], rows[-1]["changes"]) == ("dc1", 0, False)
    assert all(lab.password("exadmin") not in entry["call"] for entry in rows)


def test_nonsense_is_answered_and_closed(lab: Lab) -> None:
    """Bytes that are no LDAP end the connection, not the server."""
    with socket.create_connection((lab.controller_address, lab.ldap_port), 5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        connection.makefile("rb").read()
    assert lab.trouble == []


@pytest.mark.skipif(not shutil.which("ldapsearch"), reason="ldapsearch is not installed here; ldap3 tests the same")
def test_ldapsearch(lab: Lab, folder: Path) -> None:
    """OpenLDAP's own client."""
    uri = f"ldaps://{lab.controller_address}:{lab.ldaps_port}"
    account = ["-x", "-D", "exadmin@contoso.example", "-w", lab.password("exadmin")]
    command = ["ldapsearch", "-H", uri, *account, "-b", CONFIGURATION, "-E", "pr=2/noprompt", SERVERS, "serialNumber"]
    environment = {"LDAPTLS_CACERT": str(folder / "ca.pem"), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("serialNumber: Version 6.5") == 2


def test_names_are_compared_in_one_way_of_writing() -> None:
    """Blanks and case do not matter; an escaped comma is no end of a part."""
    assert parts("CN=A\\, B , dc = X") == parts("cn=a\\, b,DC=x") == ["cn=a\\, b", "dc=x"]
    assert parts("") == []

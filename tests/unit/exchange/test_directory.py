# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the directory: entries, and the lab's own LDAP server on a loopback address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import directory
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory, DirectoryError
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory_entries import (
    describe_databases,
    describe_servers,
    upgraded,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER

USER = "exadmin@contoso.example"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(complete(CLUSTER)) as running:
        yield running


@pytest.fixture(scope="module")
def ca_file(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_text(lab.authority.pem, encoding="ascii")
    return str(path)


def ldaps(lab: Lab) -> str:
    return f"ldaps://{lab.controller_address}:{lab.ldaps_port}"


@pytest.mark.parametrize("user", [USER, "CONTOSO\\exadmin"])
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_servers_over_tls(lab: Lab, ca_file: str, scheme: str, user: str) -> None:
    port = lab.ldaps_port if scheme == "ldaps" else lab.ldap_port
    uri = f"{scheme}://{lab.controller_address}:{port}"
    found = Directory(uri, user, lab.password("exadmin"), ca_file=ca_file).servers()
    # The nodes of a cluster have no entry of their own: their virtual server has.
    assert set(found) == {"MBX1", "EVS1"}
    assert found["EVS1"] == {
        "name": "EVS1",
        "serial_number": "Version 6.5 (Build 7226.6: Service Pack 1)",
        "product": "2003",
        "service_pack": 1,
        "build": 7226,
        "front_end": False,
        "organization": "contoso",
        "administrative_group": "First Administrative Group",
        "fqdn": "evs1.contoso.example",
    }


@pytest.mark.parametrize(
    ("dn", "organization", "group"),
    [
        (
            "CN=A,CN=Servers,CN=Nord\\, West,CN=Administrative Groups,CN=M\\2bM,CN=Microsoft Exchange,DC=x",
            "M+M",
            "Nord, West",
        ),
        (
            "CN=A,CN=Servers,CN=Ost\\5C,CN=Administrative Groups,CN=M\\C3\\BCller\\2C S\u00f6hne,DC=x",
            "M\u00fcller, S\u00f6hne",
            "Ost\\",
        ),
        ("CN=A,CN=Computers,DC=x", None, None),
        ("CN=A,CN=Servers,CN=B,CN=Administrative Groups", None, None),
        ("", None, None),
    ],
)
def test_where_a_server_stands(dn: str, organization: str | None, group: str | None) -> None:
    found = describe_servers([{"name": ["a"], "dn": [dn], "networkaddress": ["netbios:A", "ncacn_ip_tcp:A.X.example"]}])
    assert (found["A"]["organization"], found["A"]["administrative_group"]) == (organization, group)
    assert found["A"]["fqdn"] == "a.x.example"


def test_a_certificate_of_an_unknown_authority_is_refused(lab: Lab) -> None:
    with pytest.raises(DirectoryError, match="certificate verify failed") as caught:
        Directory(ldaps(lab), USER, lab.password("exadmin")).servers()
    assert "ca_file" in caught.value.remedy
    assert Directory(ldaps(lab), USER, lab.password("exadmin"), validate_certs=False).servers()


def test_a_wrong_password_is_one_sentence_without_it(lab: Lab, ca_file: str) -> None:
    with pytest.raises(DirectoryError, match="does not accept the logon") as caught:
        Directory(ldaps(lab), USER, "not-the-Password1", ca_file=ca_file).servers()
    assert "not-the-Password1" not in caught.value.message + caught.value.remedy
    assert "\n" not in caught.value.message


def test_whether_the_domain_lets_an_account_in(lab: Lab, ca_file: str) -> None:
    asked = Directory(ldaps(lab), USER, lab.password("exadmin"), ca_file=ca_file)
    password = lab.password("exsetup")
    for name in ("CONTOSO\\exsetup", "exsetup@contoso.example"):
        assert asked.logon_problem(name, password) is None
        assert asked.logon_problem(name, "not-the-Password1") == "the password is wrong, or there is no such account"
    assert asked.user == USER and asked.servers(), "the reader's own logon stays"
    with pytest.raises(DirectoryError, match="cannot be read"):
        Directory("ldaps://127.0.0.1:9", USER, "x", ca_file=ca_file, timeout=2).logon_problem("CONTOSO\\x", "y")


@pytest.mark.parametrize(("trouble", "words"), [("locked", "locked out"), ("expired", "its password has expired")])
def test_why_an_account_may_not_log_on(trouble: str, words: str, tmp_path: Path) -> None:
    with Lab(complete({**CLUSTER, "accounts": {"exsetup": {trouble: True}}})) as lab:
        authority = tmp_path / "ca.pem"
        authority.write_text(lab.authority.pem, encoding="ascii")
        asked = Directory(ldaps(lab), "exsetup@contoso.example", lab.password("exsetup"), ca_file=str(authority))
        with pytest.raises(DirectoryError, match=words) as caught:
            asked.servers()
    assert "Active Directory" in caught.value.remedy


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"result": 4, "description": "sizeLimitExceeded", "message": ""}, "sizeLimitExceeded"),
        ({"result": 10, "description": "referral", "message": "0000202B: RefErr\0"}, r"referral \(0000202B: RefErr\)"),
        ({"result": 50, "description": "insufficientAccessRights", "message": ""}, "insufficientAccessRights"),
        (None, "not known"),
    ],
)
def test_an_answer_that_was_broken_off_is_no_answer(result: dict[str, Any] | None, words: str) -> None:
    """The library gives what had come until then."""
    entry = {"type": "searchResEntry", "dn": "CN=A", "raw_attributes": {"name": [b"A"]}}
    root = {**entry, "raw_attributes": {"configurationNamingContext": [b"CN=Configuration,DC=x"]}}
    standard = SimpleNamespace(paged_search=lambda *_given, **_options: [entry])
    connection: Any = SimpleNamespace(
        response=[root], search=lambda *_given, **_options: True, extend=SimpleNamespace(standard=standard)
    )
    asked = Directory("ldaps://dc1", USER, "x")
    connection.result = {"result": 0}
    assert asked._search(connection)[0]["name"] == ["A"]
    connection.result = result
    with pytest.raises(DirectoryError, match=words) as caught:
        asked._search(connection)
    assert USER in caught.value.remedy


def broken(lab: Lab, *calls: int) -> None:
    """Have the connection break while so many calls from now are answered."""
    done = lab.world.journal.count(lab.controller)
    lab.world.faults.load(
        [{"host": lab.controller, "on": f"call {done + call}", "do": "drop", "times": 1} for call in calls]
    )


def test_a_connection_that_breaks_is_made_once_more(lab: Lab, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_PAUSE", 0)
    asked = Directory(ldaps(lab), USER, lab.password("exadmin"), ca_file=ca_file)
    # bind, where it stands, the servers
    for call in (1, 2, 3):
        broken(lab, call)
        assert set(asked.servers()) == {"MBX1", "EVS1"}
    broken(lab, 3, 4)
    with pytest.raises(DirectoryError, match="cannot be read"):
        asked.servers()
    # A logon that only asks whether it is let in is one try.
    broken(lab, 1)
    with pytest.raises(DirectoryError, match="cannot be read"):
        asked.logon_problem(USER, lab.password("exadmin"))


def test_nobody_answers(lab: Lab, ca_file: str) -> None:
    with pytest.raises(DirectoryError, match="cannot be read") as caught:
        Directory(f"ldaps://{lab.controller_address}:9", USER, "x", ca_file=ca_file, timeout=2).servers()
    assert "port" in caught.value.remedy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uri": "http://dc1"}, "no LDAP address"),
        ({"uri": "dc1"}, "no LDAP address"),
        ({"uri": "ldap://"}, "no LDAP address"),
        ({"uri": "ldaps://dc1:x"}, "no LDAP address"),
        ({"user": ""}, "are needed"),
        ({"password": ""}, "are needed"),
        ({"ca_file": "/nowhere/ca.pem"}, "is not there"),
        ({"tls_minimum": "3"}, "no TLS version"),
    ],
)
def test_arguments(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DirectoryError, match=message) as caught:
        Directory(**{"uri": "ldaps://dc1", "user": USER, "password": "x", **change})
    assert caught.value.remedy


def test_entries() -> None:
    found = describe_servers(
        [
            {"name": ["fe1"], "serialnumber": ["Version 6.5 (Build 7638.2: Service Pack 2)"], "serverrole": ["1"]},
            {"cn": ["Old"], "serialnumber": ["Version 5.5 (Build 2653.23: Service Pack 4)"], "serverrole": ["0"]},
            {"name": ["new"], "serialnumber": ["something else"]},
            {"serialnumber": ["Version 6.5 (Build 6944.4)"]},
        ]
    )
    assert set(found) == {"FE1", "OLD", "NEW"}
    assert (found["FE1"]["front_end"], found["FE1"]["service_pack"]) == (True, 2)
    assert (found["OLD"]["product"], found["OLD"]["front_end"]) == ("5.5", False)
    assert (found["NEW"]["product"], found["NEW"]["build"], found["NEW"]["service_pack"]) == (None, None, None)


def test_databases_stand_by_their_server() -> None:
    owner = "CN=mbx1,CN=Servers,CN=First Administrative Group,CN=Administrative Groups,DC=contoso,DC=example"
    found = describe_databases(
        [
            {"name": ["Mailbox Store"], "msexchowningserver": [owner], "msexchedbfile": ["D:\\mdbdata\\priv1.edb"]},
            {"cn": ["Archive"], "msexchowningserver": [owner], "msexchedbfile": ["D:\\mdbdata\\arc.edb"]},
            {"name": ["without a file"], "msexchowningserver": [owner]},
            {"name": ["without an owner"], "msexchedbfile": ["D:\\mdbdata\\lost.edb"]},
        ]
    )
    assert found == {
        "MBX1": [
            {"name": "Archive", "file": "D:\\mdbdata\\arc.edb"},
            {"name": "Mailbox Store", "file": "D:\\mdbdata\\priv1.edb"},
        ]
    }


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"product": "2003", "service_pack": 2, "build": 7638}, True),
        ({"product": "2003", "service_pack": 2, "build": 7656}, True),
        ({"product": "2003", "service_pack": 1, "build": 7638}, False),
        ({"product": "2003", "service_pack": 2, "build": 7226}, False),
        ({"product": "2003", "service_pack": None, "build": None}, False),
        ({"product": "2000", "service_pack": 3, "build": 9999}, False),
        (None, False),
    ],
)
def test_evidence(entry: dict[str, Any] | None, expected: bool) -> None:
    assert upgraded(load()["exchange2003-sp2"], entry) is expected

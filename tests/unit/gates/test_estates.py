# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates of Exchange 2000 and 5.5: all gates open untouched, in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.tests.unit.gates.looked import (
    example,
    judged,
    running,
    session_to,
    written,
)
from ansible_collections.mailops.exchange.tests.unit.gates.support import failing, row

OLD = (
    "exchange2000_single",
    "exchange2000_front_ends",
    "exchange2000_active_passive",
    "exchange2000_active_active",
    "exchange2000_sbs",
    "exchange55_single",
    "exchange55_cluster",
    "exchange55_cluster_hotfix",
    "exchange55_sbs",
    "mixed",
)


LANGUAGES = ("en", "de", "it")
# Each estate in one of the languages, the one with everything in all of them.
UNTOUCHED = [(name, LANGUAGES[number % 3]) for number, name in enumerate(OLD)] + [("mixed", "de"), ("mixed", "it")]


@pytest.mark.parametrize(("name", "language"), UNTOUCHED)
def test_untouched_every_gate_is_open(tmp_path: Path, name: str, language: str) -> None:
    with running(tmp_path, example(name, language=language)) as lab:
        result = judged(lab, tmp_path)
        assert result["problems"] == []
        assert {row["result"] for row in result["gates"]} <= {"passed", "information"}
        assert not [entry for entry in lab.world.journal.entries if entry["changes"]]


NT4 = "speed: 0\nupdate: exchange55-sp4\nhosts:\n  mbx1: {os: nt4, service_pack: 3%s}\n"
CLUSTER = """
speed: 0
update: %s
hosts:
  n1: {os: nt4, service_pack: %d, cluster: mail}
  n2: {os: nt4, service_pack: %d, cluster: mail%s}
clusters:
  mail:
    virtual_servers:
      Exchange: {owner: n1, possible_owners: [%s], preferred_owners: [n1]}
"""
PACK, FIX = "exchange55-sp4", "exchange55-kb894689"
# Estate, the gate that is closed by it, the row, and what is seen there and what is to be done, in part.
CLOSED = {
    "databases of 5.5 too old": (
        NT4 % ", backups: {databases: 30}",
        ("backup_databases", "mbx1"),
        "C:\\EXCHSRVR\\mdbdata\\priv.edb (newest full backup 30.",
        "ntbackup backup DS \\\\SERVER IS \\\\SERVER",
    ),
    "the directory of 5.5 not backed up": (
        NT4 % ", backups: {databases: {directory: null}}",
        ("backup_databases", "mbx1"),
        "C:\\EXCHSRVR\\dsadata\\dir.edb (no full backup seen)",
        "",
    ),
    "a backup of the stores of 5.5 that failed": (
        NT4 % ", backups: {failed: 2}",
        ("backup_databases", "mbx1"),
        "pub.edb (a backup failed after the full one)",
        "",
    ),
    "databases of 2000 too old": (
        'speed: 0\nupdate: exchange2000-sp3\nbackups: {databases: 48}\nhosts: {mbx1: {os: "2000"}}\n',
        ("backup_databases", "mbx1"),
        "pub1.edb (newest full backup 2.0 days old)",
        "",
    ),
    "nobody has saved the registry of NT 4.0": (
        NT4 % ", backups: {system_state: null}",
        ("backup_system_state", "mbx1"),
        "Windows NT 4.0 has no system state",
        "rdisk /s",
    ),
    "the statement on the registry is too old": (
        NT4 % ", backups: {system_state: 72}",
        ("backup_system_state", "mbx1"),
        "is older than 24 hours",
        "rdisk /s",
    ),
    "a domain controller on NT 4.0": (
        NT4 % "" + "controllers: {pdc: {os: nt4, ldap: false, backups: {controllers: null}}}\n",
        ("backup_controllers", "pdc"),
        "Windows NT 4.0 has no system state",
        "rdisk /s",
    ),
    "the Performance Monitor on a domain controller": (
        NT4 % "" + "controllers: {dc1: {processes: [perfmon.exe]}}\n",
        ("server_monitors", "mbx1"),
        "perfmon.exe on dc1 (",
        "administrators' computers too",
    ),
    "an Administrator program on the server itself": (
        NT4 % ", monitors: [mbx1]",
        ("server_monitors", "mbx1"),
        "admin.exe on mbx1 (",
        "Q177221",
    ),
    "the Performance Monitor on the server itself": (
        NT4 % ", processes: [perfmon.exe]",
        ("interfering_services", "mbx1"),
        "perfmon.exe (",
        "End the program",
    ),
    "Xcopy on NT 4.0": (
        NT4 % ", processes: [xcopy.exe]",
        ("setup_running", "mbx1"),
        "xcopy.exe is running",
        "",
    ),
    "a restart pending on NT 4.0": (
        NT4 % ", pending_restart: true",
        ("pending_restart", "mbx1"),
        "files are to be renamed",
        "",
    ),
    "the clock of NT 4.0": (NT4 % ", clock_skew: 900", ("clock", "mbx1"), "seconds ahead of", "net time"),
    "no room on NT 4.0": (NT4 % ", free_mb: 100", ("disk_space", "mbx1"), "C: has 10", "Make room"),
    "no right to the setup on NT 4.0": (
        NT4 % "" + "accounts: {exsetup: {not_given: true}}\n",
        ("setup_account", "mbx1"),
        "no account is given",
        "",
    ),
    "the account of the setup is locked out": (
        "speed: 0\nupdate: exchange2003-sp2\nhosts: {mbx1: {}}\naccounts: {exsetup: {locked: true}}\n",
        ("setup_account", "mbx1"),
        "the domain does not let CONTOSO\\exsetup in: it is locked out",
        "unlock",
    ),
    "the password of the setup's account has expired": (
        'speed: 0\nupdate: exchange2000-sp3\nhosts: {mbx1: {os: "2000"}}\naccounts: {exsetup: {expired: true}}\n',
        ("setup_account", "mbx1"),
        "its password has expired",
        "mailops_exchange_setup_password",
    ),
    "the inventory has another password for the setup's account": (
        "speed: 0\nupdate: exchange2003-sp2\nhosts: {mbx1: {}}\naccounts: {exsetup: {wrong_password: true}}\n",
        ("setup_account", "mbx1"),
        "the password is wrong, or there is no such account",
        "mailops_exchange_setup_password",
    ),
    "a hotfix on the wrong level of 5.5": (
        "speed: 0\nupdate: exchange55-kb894689\nhosts: {mbx1: {os: nt4, service_pack: 3}}\n",
        ("version_path", "mbx1"),
        "exchange55-kb894689 is for a server with service pack 4",
        "",
    ),
    "a hotfix of 2000 without the rollup": (
        'speed: 0\nupdate: exchange2000-kb931832\nhosts: {mbx1: {os: "2000", service_pack: 3}}\n',
        ("version_path", "mbx1"),
        "service pack 3 and KB870540",
        "",
    ),
    "Small Business Server's own pack on another server": (
        'speed: 0\nupdate: sbs2000-sp1\nhosts: {mbx1: {os: "2000", os_service_pack: 2}}\n',
        ("version_path", "mbx1"),
        "is for Small Business Server only",
        "",
    ),
    "a package of 5.5 in another language": (
        "speed: 0\nupdate: exchange55-kb894689\npackage: {language: de}\nhosts: {mbx1: {os: nt4, service_pack: 4}}\n",
        ("package", "mbx1"),
        "Exchange5.5-KB894689-x86-DEU.exe is a package in de",
        "mailops_exchange_language",
    ),
    "a package of 2000 in another language": (
        'speed: 0\nupdate: exchange2000-sp3\npackage: {language: it}\nhosts: {mbx1: {os: "2000"}}\n',
        ("package", "mbx1"),
        "E2KSP3_ITALIAN.EXE is a package in it",
        "",
    ),
    "a hotfix of 5.5 and only one possible owner": (
        CLUSTER % (FIX, 4, 4, "", "n1"),
        ("possible_owners", "mail"),
        "Exchange can stand on N1 only",
        "/addowner",
    ),
    "a hotfix of 5.5 and a paused node": (
        CLUSTER % (FIX, 4, 4, ", node_state: paused", "n1, n2"),
        ("cluster_nodes", "mail"),
        "N2 is paused",
        "",
    ),
    "an upgrade of virtual servers of 2000 without the coordinator": (
        "speed: 0\nupdate: exchange2000-sp3\n"
        'hosts: {n1: {os: "2000", cluster: mail}, n2: {os: "2000", cluster: mail}}\n'
        "clusters: {mail: {msdtc: offline, virtual_servers: {EVS1: {owner: n1}}}}\n",
        ("msdtc", "mail"),
        "MSDTC is offline",
        "",
    ),
}


@pytest.mark.parametrize("case", CLOSED)
def test_one_gate_is_closed(tmp_path: Path, case: str) -> None:
    text, gate, seen, remedy = CLOSED[case]
    with running(tmp_path, written(text)) as lab:
        result = judged(lab, tmp_path)
        assert not [entry for entry in lab.world.journal.entries if entry["changes"]]
    assert failing(result) == {gate}
    shown = row(result, *gate)
    assert seen in shown["observed"]
    assert remedy in shown["remedy"] and shown["remedy"]


def test_an_account_that_is_no_administrator(tmp_path: Path) -> None:
    """On NT 4.0 and 2000 nothing in the registry tells: the right to make services does."""
    with running(tmp_path, written(NT4 % "")) as lab:
        with session_to(lab, "mbx1") as session:
            assert session.is_administrator() is True
        host = lab.world.hosts["mbx1"]
        host.administrators = [name for name in host.administrators if not name.endswith("exadmin")]
        with session_to(lab, "mbx1") as session:
            assert session.is_administrator() is False


@pytest.mark.parametrize(
    ("settings", "gate", "seen"),
    [
        (("", "n1"), "possible_owners", "this update moves nothing"),
        ((", node_state: paused", "n1, n2"), "cluster_nodes", "nothing is moved there by this update"),
    ],
)
def test_a_service_pack_of_55_moves_nothing(tmp_path: Path, settings: tuple[str, str], gate: str, seen: str) -> None:
    """No other node has to be able to take the group (C4)."""
    with running(tmp_path, written(CLUSTER % (PACK, 3, 3, *settings))) as lab:
        result = judged(lab, tmp_path)
    assert failing(result) == set()
    assert seen in row(result, gate, "mail")["observed"]


def test_no_gate_for_what_an_old_version_does_not_have(tmp_path: Path) -> None:
    """No Distributed Transaction Coordinator, no IIS hotfix, no Active Directory is asked for by Exchange 5.5."""
    text = CLUSTER % (PACK, 3, 3, "", "n1, n2") + "    msdtc: none\ncontrollers: {dc1: {ldap: false}}\n"
    with running(tmp_path, written(text)) as lab:
        result = judged(lab, tmp_path)
    assert failing(result) == set()
    assert not {"msdtc", "iis_fix", "connector"} & {each["id"] for each in result["gates"]}
    assert "has a directory of its own" in row(result, "directory")["observed"]

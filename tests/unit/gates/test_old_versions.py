# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates ask of Exchange 5.5 and 2000, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import levels
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.installed import _wrong_name
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.interfering import known, monitors
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.model import View
from ansible_collections.mailops.exchange.tests.unit.gates.support import (
    FILES_55,
    SP2,
    SP4,
    estate,
    failing,
    judged,
    old_estate,
    row,
)

HOTFIX_55 = {**SP4, "id": "exchange55-kb894689", "kind": "hotfix", "from": [{"service_pack": 4}]}
HOTFIX_55["result"] = {"hotfix": "KB894689"}
SUITE: dict[str, Any] = {
    **SP2,
    "id": "sbs2000-sp1",
    "product": "2000",
    "edition": "small_business",
    "from": [{"service_pack": number} for number in range(4)],
    "result": {"service_pack": 3, "build": 6249, "windows_service_pack": 3, "suite_service_pack": 1},
    "requires": [],
}
PACK_2000 = {**SUITE, "id": "exchange2000-sp3", "edition": None, "result": {"service_pack": 3, "build": 6249}}


def test_every_gate_is_open() -> None:
    result = judged(old_estate())
    assert failing(result) == set()
    assert "Exchange 5.5 has a directory of its own" in row(result, "directory")["observed"]
    assert "all 3 databases" in row(result, "backup_databases", "old1")["observed"]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(("file", "name"), [(FILES_55[2], "dir.edb"), (FILES_55[0], "priv.edb")])
def test_the_databases_of_55(told: bool, file: str, name: str) -> None:
    """By the registry; where that does not name them, by the names that every server has."""
    given = old_estate()
    found = given["hosts"]["old1"]["facts"]
    del found["backup"]["engine"]["databases"][file.lower()]
    if not told:
        found["databases"] = None
    result = judged(given)
    seen = row(result, "backup_databases", "old1")
    if name == "priv.edb" and not told:
        # A server for public folders only has none.
        assert failing(result) == set()
        assert "as far as the events name them" in seen["observed"]
    else:
        assert failing(result) == {("backup_databases", "old1")}
        assert f"{name} (no full backup seen)" in seen["observed"] and "ntbackup backup DS" in seen["remedy"]


@pytest.mark.parametrize("machine", ["old1", "dc1"])
def test_nt4_has_no_system_state(machine: str) -> None:
    """No event can prove what it does not have: somebody has to sign."""
    given = old_estate()
    (given["hosts"]["old1"] if machine == "old1" else given["controllers"]["dc1"])["facts"]["system"] = "nt4"
    gate = "backup_system_state" if machine == "old1" else "backup_controllers"
    result = judged(given)
    assert failing(result) == {(gate, machine)}
    assert "rdisk /s" in row(result, gate, machine)["remedy"]
    signed = {"gate": gate, "hosts": [machine], "who": "A. Rossi", "when": "2026-11-22T20:00:00+00:00", "what": "ERD"}
    notes = {"gate": "release_notes", "who": "a", "when": "2026-11-20", "what": "read"}
    assert failing(judged(given, statements=[signed, notes])) == set()


@pytest.mark.parametrize("machine", ["dc1", "old2", "old1"])
def test_a_server_monitor_anywhere(machine: str) -> None:
    given = old_estate()
    done = {**given["hosts"]["old1"], "exchange": {**given["hosts"]["old1"]["exchange"], "service_pack": 4}}
    given["hosts"]["old2"] = {**done, "facts": {**done["facts"], "processes": []}}
    where = given["controllers"] if machine == "dc1" else given["hosts"]
    where[machine] = {**where[machine], "facts": {**where[machine]["facts"], "processes": ["Admin.exe", "store.exe"]}}
    result = judged(given)
    # Only of the server that is still to be updated, not of the one that has the service pack.
    assert failing(result) == {("server_monitors", "old1")}
    assert f"Admin.exe on {machine} (" in row(result, "server_monitors", "old1")["observed"]
    assert failing(judged(given | {"keep_services": ["admin.exe"]})) == set()


def test_the_performance_monitor_is_told_once() -> None:
    given = old_estate()
    given["hosts"]["old1"]["facts"]["processes"] = ["perfmon.exe"]
    assert failing(judged(given)) == {("interfering_services", "old1")}
    given["hosts"]["old1"]["facts"]["processes"] = []
    given["controllers"]["dc1"]["facts"]["processes"] = ["perfmon4.exe"]
    assert failing(judged(given)) == {("server_monitors", "old1")}


def test_newer_versions_are_not_asked() -> None:
    given = estate()
    given["hosts"]["mbx1"]["facts"] |= {"processes": ["admin.exe"], "application_server": True}
    result = judged(given)
    assert failing(result) == set()
    assert not {"server_monitors", "terminal_services"} & {each["id"] for each in result["gates"]}


def test_an_application_server_is_a_warning() -> None:
    given = old_estate()
    given["hosts"]["old1"]["facts"]["application_server"] = True
    found = row(judged(given), "terminal_services", "old1")
    assert (found["result"], "change user /install" in found["remedy"]) == ("warning", True)


@pytest.mark.parametrize("left", [{"note": {"MSExchangeSA": {}}}, {"optimizer": "due"}])
def test_a_turn_of_55_that_was_cut_off_is_brought_to_its_end(left: dict[str, Any]) -> None:
    given = old_estate()
    given["hosts"]["old1"]["facts"]["backup"] = {"engine": None, "system_state": None, "problem": None}
    assert failing(judged(given)) == {("backup_databases", "old1"), ("backup_system_state", "old1")}
    given["hosts"]["old1"]["exchange55"] = left
    assert failing(judged(given)) == set()


def test_every_monitor_has_its_source() -> None:
    for entry in known()["monitors"]:
        assert entry["why"] and entry["source"] and entry["sureness"] in ("V", "R")
    assert monitors(["store.exe", "ADMIN.EXE"]) == {"ADMIN.EXE": known()["monitors"][0]["why"]}


# ---- levels ------------------------------------------------------------------------------------------------------


def exchange(**changes: Any) -> dict[str, Any]:
    found = {"product": "2000", "service_pack": 1, "build": 4712, "os": {"name": "2000", "service_pack": 2}}
    return {**found, "edition": "small_business", "suite_service_pack": 0, "hotfixes": []} | changes


@pytest.mark.parametrize(
    ("server", "updates", "chain"),
    [
        (exchange(), [SUITE], ["sbs2000-sp1"]),
        # Exchange's part alone is not all of it.
        (exchange(service_pack=3, build=6249), [SUITE], ["sbs2000-sp1"]),
        (exchange(service_pack=3, os={"name": "2000", "service_pack": 4}), [SUITE], ["sbs2000-sp1"]),
        (exchange(service_pack=3, os={"name": "2000", "service_pack": 4}, suite_service_pack=1), [SUITE], []),
        (exchange(edition=None, suite_service_pack=None), [PACK_2000, SUITE], ["exchange2000-sp3"]),
    ],
)
def test_the_pack_of_a_suite(server: dict[str, Any], updates: list[dict[str, Any]], chain: list[str]) -> None:
    found, objections = levels.chain(updates, server)
    assert ([each["id"] for each in found], objections) == (chain, [])


def test_the_pack_of_a_suite_is_for_nobody_else() -> None:
    found, objections = levels.chain([SUITE], exchange(edition=None, suite_service_pack=None))
    assert found == [] and "Small Business Server only" in objections[0][0]


def test_a_hotfix_after_the_service_pack_of_the_same_run() -> None:
    server = {"product": "5.5", "service_pack": 3, "build": 2650, "hotfixes": []}
    found, objections = levels.chain([SP4, HOTFIX_55], server)
    assert ([each["id"] for each in found], objections) == (["exchange55-sp4", "exchange55-kb894689"], [])
    found, objections = levels.chain([HOTFIX_55], server)
    assert found == [] and "is for a server with service pack 4" in objections[0][0]


# ---- names of packages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "product", "language", "wrong"),
    [
        ("SP4_550I.EXE", "5.5", "de", ""),
        ("SP4_550I.EXE", "2000", "en", "a package for Exchange 5.5, not 2000"),
        ("E2KSP3_ENGLISH.EXE", "2000", "en", ""),
        ("E2KSP3_GERMAN.EXE", "2000", "it", "a package in de, the server's language is it"),
        ("E2KSP3_KLINGON.EXE", "2000", "it", ""),
        ("E2KSP3_ENGLISH.EXE", "2003", "en", "a package for Exchange 2000, not 2003"),
        ("SBS2KSP1ENG.EXE", "2000", "en", ""),
        ("SBS2KSP1ADEU.EXE", "2000", "en", "a package in de"),
        ("Exchange5.5-KB894689-x86-ITA.exe", "5.5", "it", ""),
        ("Exchange5.5-KB894689-x86-ITA.exe", "5.5", "de", "a package in it"),
        ("Exchange2000-KB870540-x86-ENU.exe", "5.5", "en", "a package for Exchange 2000"),
        ("setup.exe", "5.5", "en", ""),
    ],
)
def test_what_the_name_of_a_package_says(name: str, product: str, language: str, wrong: str) -> None:
    given = old_estate() | {"language": {"old1": language}}
    found = _wrong_name(View(**given), "old1", name, product)
    assert (wrong in found[0]) if found and wrong else (found is None and not wrong)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells of itself: captured and localised output, and the facts of a lab's hosts in three languages."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible.errors import AnsibleActionFail
from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action.preflight import ActionModule as Preflight
from ansible_collections.mailops.exchange.plugins.action.preflight_facts import ActionModule as PreflightFacts
from ansible_collections.mailops.exchange.plugins.plugin_utils._facts import read_facts
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import machine
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, Unreachable, Unreadable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import Endpoint, WinrmSession
from ansible_collections.mailops.exchange.tests.unit.action.runner import FakeSession, run
from ansible_collections.mailops.exchange.tests.unit.gates.support import RELEASE_NOTES, estate

# Forms of `net localgroup`: headings and the last sentence are translated, dashes and places are not.
ENGLISH = """Alias name     Administrators
Comment        Administrators have complete and unrestricted access to the computer/domain

Members

-------------------------------------------------------------------------------
Administrator
CONTOSO\\Domain Admins
CONTOSO\\exsetup
The command completed successfully.

"""
GERMAN = """Aliasname      Administratoren
Beschreibung   Administratoren haben uneingeschr\u00e4nkten Vollzugriff auf den Computer/die Dom\u00e4ne.

Mitglieder

-------------------------------------------------------------------------------
Administrator
CONTOSO\\Dom\u00e4nen-Admins
Der Befehl wurde erfolgreich ausgef\u00fchrt.

"""
ITALIAN_EMPTY = """Nome alias     Administrators
Commento

Membri

-------------------------------------------------------------------------------
Esecuzione comando riuscita.

"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENGLISH, ["Administrator", "CONTOSO\\Domain Admins", "CONTOSO\\exsetup"]),
        (GERMAN, ["Administrator", "CONTOSO\\Dom\u00e4nen-Admins"]),
        (ITALIAN_EMPTY, []),
        (ENGLISH.replace("\n", "\r\n"), ["Administrator", "CONTOSO\\Domain Admins", "CONTOSO\\exsetup"]),
        ("System error 1376 has occurred.\n", None),
        ("-----------\n", None),
        ("", None),
    ],
)
def test_members_of_a_local_group(text: str, expected: list[str] | None) -> None:
    assert machine.members(Output(0, text)) == expected
    assert machine.members(Output(2, text)) is None


def test_instances_are_told_apart_by_a_property_that_comes_again() -> None:
    text = "\r\r\n\r\r\nDeviceID=A:\r\r\nFreeSpace=\r\r\n\r\r\n\r\r\nDeviceID=C:\r\r\nFreeSpace=5000000\r\r\n\r\r\n"
    expected = [{"DeviceID": "A:", "FreeSpace": ""}, {"DeviceID": "C:", "FreeSpace": "5000000"}]
    assert machine.instances(text) == expected
    # wmic's own UTF-16, decoded as if each byte were a character.
    wide = text.encode("utf-16-le").decode("latin-1")
    assert machine.instances("\u00ff\u00fe" + wide)[-1] == expected[-1]
    assert machine.instances("No Instance(s) Available.\n") == []


values = st.text(alphabet=st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12).map(str.strip)


@given(st.lists(st.tuples(values, values), max_size=6))
def test_instances_read_what_wmic_prints(rows: list[tuple[str, str]]) -> None:
    text = "".join(f"\r\r\n\r\r\nDisplayName={one}\r\r\nName={two}\r\r\n" for one, two in rows)
    assert machine.instances(text) == [{"DisplayName": one, "Name": two} for one, two in rows]


@pytest.mark.parametrize(("path", "drive"), [("C:\\WINDOWS", "C:"), ("d:", "D:"), ("q:\\", "Q:")])
def test_the_drive_of_a_path(path: str, drive: str) -> None:
    assert machine.drive_of(path) == drive


@pytest.mark.parametrize("path", ["", "\\\\dc1\\updates", "C:relative", "windows"])
def test_a_path_without_a_drive(path: str) -> None:
    with pytest.raises(Refused):
        machine.drive_of(path)


def test_a_host_that_names_no_services_is_not_one_without_any() -> None:
    with pytest.raises(Unreadable):
        FakeSession(answer=lambda line: Output(0, "")).all_services()
    with pytest.raises(Unreadable):
        FakeSession(answer=lambda line: Output(44135, "")).free_space("C:")
    with pytest.raises(Unreadable):
        FakeSession(answer=lambda line: Output(0, "LocalDateTime=soon")).local_time()


def serve(folder: Path, language: str) -> Lab:
    path = folder / "estate.yml"
    path.write_text(
        f"speed: 600\nlanguage: {language}\nupdate: exchange2003-sp2\n"
        "hosts:\n  mbx1: {services: {SNMP: running}, free_mb: 900, pending_restart: true, processes: [xcopy.exe]}\n"
    )
    lab = Lab(load_estate(path), None)
    lab.start()
    return lab


def session_to(lab: Lab, name: str = "mbx1") -> WinrmSession:
    host = lab.world.machines[name]
    endpoint = Endpoint(
        host.address, user=f"{lab.world.prefix}\\exadmin", password=lab.password("exadmin"), port=host.port
    )
    return WinrmSession(endpoint, host=name, clock=RehearsalClock(600), read_only=True)


@pytest.mark.parametrize("language", ["en", "de", "it"])
def test_facts_are_the_same_in_every_language(tmp_path: Path, language: str) -> None:
    lab = serve(tmp_path, language)
    try:
        with session_to(lab) as session:
            found = read_facts(session)
        with session_to(lab, "dc1") as session:
            controller = read_facts(session, "controller")
        calls = [entry for entry in lab.world.journal.entries if entry["host"] == "mbx1"]
    finally:
        lab.stop()
    assert found["problems"] == {} and found["backup"]["problem"] is None
    databases = found["backup"]["engine"]["databases"]
    assert {Path(key.replace("\\", "/")).name for key in databases} == {"priv1.edb", "pub1.edb"}
    assert all(5.5 < entry["age"] < 7 and not entry["spoiled"] for entry in databases.values())
    assert 5.5 < found["backup"]["system_state"] < 7
    assert 5.5 < controller["backup"]["system_state"] < 7 and controller["backup"]["engine"] is None
    assert found["services"]["SNMP"]["state"] == "running"
    assert found["services"]["MSExchangeIS"]["start_type"] == "auto"
    assert {"xcopy.exe", "store.exe"} <= set(found["processes"])
    assert found["drives"]["C:"]["free"] == pytest.approx(900 * 2**20, rel=0.05)
    assert set(found["drives"]["C:"]["for"]) == {"system", "exchange", "packages"}
    assert found["pending_restart"] and found["rights"] == "administrator"
    assert any(name.lower().endswith("exsetup") for name in found["administrators"])
    assert found["language"] == {"en": "0409", "de": "0407", "it": "0410"}[language]
    assert abs(found["drift"]) < 60
    assert len(calls) <= 10 and not [entry for entry in calls if entry["changes"]]


def test_a_host_that_tells_little_is_read_as_far_as_it_goes() -> None:
    result = run(PreflightFacts, {}, FakeSession(answer=lambda line: Output(1, "")))
    facts = result["facts"]
    assert not result.get("failed"), result
    assert {"services", "processes", "clock"} <= set(facts["problems"])
    assert facts["backup"] == {"engine": {"databases": {}, "failed": {}, "running": []}, "system_state": None} | {
        "problem": facts["backup"]["problem"]
    }
    assert facts["backup"]["problem"] and "Not told by the host" in result["msg"]


def test_a_host_that_does_not_answer_is_unreachable() -> None:
    def gone(line: str) -> Output:
        raise Unreachable("no route to host")

    with pytest.raises(Unreachable):
        read_facts(FakeSession(answer=gone))


def arguments(**changes: Any) -> dict[str, Any]:
    given = estate()
    return {
        "updates": ["exchange2003-sp2"],
        "hosts": given["hosts"],
        "controllers": given["controllers"],
        "directory": given["directory"],
        "setup_account": given["setup_account"],
        "setup_method": "operator",
        "verify": "size",
        "statements": [RELEASE_NOTES],
        **copy.deepcopy(changes),
    }


@pytest.mark.parametrize("check", [False, True])
def test_the_action_opens_the_gates_or_refuses(check: bool) -> None:
    result = run(Preflight, arguments(), check=check)
    assert (result["verdict"], result["failed"], result["changed"]) == ("passed", False, False), result["problems"]
    result = run(Preflight, arguments(statements=[]), check=check)
    assert (result["verdict"], result["failed"], result["refused"]) == ("failed", True, True)
    assert result["title"] == "Exchange Server 2003 Service Pack 2"
    assert result["problems"][0]["what"].startswith("release_notes: ")
    assert "release_notes" in result["msg"] and any("release_notes" in line for line in result["table"])


def test_the_action_tells_the_verdict_first_and_refuses_by_it_later() -> None:
    told = run(Preflight, arguments(statements=[], refuse=False))
    assert (told["verdict"], told["failed"], bool(told["gates"])) == ("failed", False, True)
    result = run(Preflight, {"judged": told})
    assert (result["failed"], result["refused"], result["problems"]) == (True, True, told["problems"])
    assert "gates" not in result and "table" not in result, "short, because it is shown in full"
    told = run(Preflight, arguments(refuse=False))
    assert run(Preflight, {"judged": told})["failed"] is False
    for neither_nor in ({}, arguments(judged=told)):
        with pytest.raises(AnsibleActionFail, match=r"updates, judged|mutually exclusive"):
            run(Preflight, neither_nor)


def test_the_action_refuses_what_nobody_knows() -> None:
    result = run(Preflight, arguments(updates=["exchange2003-sp9"]))
    assert result["failed"] and "knows no update exchange2003-sp9" in result["msg"]
    result = run(Preflight, arguments(overrides=[{"gate": "everything", "reason": "hurry"}]))
    assert result["failed"] and "there is no gate 'everything'" in result["msg"] and "gates" not in result
    result = run(Preflight, arguments(interfering_services=["ClusSvc"]))
    assert result["failed"] and "ClusSvc is not stopped by hand" in result["msg"]

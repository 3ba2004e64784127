# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements and overrides: by gate and person, never by a general switch; the rest is refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.model import gates
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.signed import (
    moment,
    read_overrides,
    read_statements,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused
from ansible_collections.mailops.exchange.tests.unit.gates.support import (
    NOW,
    RELEASE_NOTES,
    estate,
    failing,
    judged,
    row,
)

BACKUP = {"gate": "backup_system_state", "who": "A. Rossi", "when": "2026-11-22 20:00", "what": "Image by Acme."}


def unproved(*hosts: str) -> dict[str, Any]:
    found = estate()
    for host in hosts:
        found["hosts"][host]["facts"]["backup"]["system_state"] = None
    return found


def test_a_statement_stands_for_a_proof_and_is_kept() -> None:
    result = judged(unproved("mbx1"), [RELEASE_NOTES, BACKUP])
    assert failing(result) == set()
    found = row(result, "backup_system_state", "mbx1")
    assert found["result"] == "passed"
    assert found["statement"] == [{"who": "A. Rossi", "when": "2026-11-22 20:00", "what": "Image by Acme."}]
    assert found["observed"] == "stated by A. Rossi, 2026-11-22 20:00: Image by Acme."
    # What the log proves needs nobody's word.
    assert row(result, "backup_system_state", "n1")["statement"] is None


def test_a_statement_about_some_hosts_is_for_those_only() -> None:
    said = [RELEASE_NOTES, {**BACKUP, "hosts": ["MBX1"]}]
    assert failing(judged(unproved("mbx1", "n2"), said)) == {("backup_system_state", "n2")}


def test_a_row_of_a_cluster_is_meant_by_its_name_or_by_all_of_its_nodes() -> None:
    given = estate()
    given["hosts"]["n1"]["facts"]["backup"]["engine"]["databases"] = {}
    said = {**BACKUP, "gate": "backup_databases"}
    for hosts, proved in ((["mail"], True), (["n1", "n2"], True), (["n1"], False), (["mbx1"], False)):
        result = judged(given, [RELEASE_NOTES, {**said, "hosts": hosts}])
        assert failing(result) == (set() if proved else {("backup_databases", "mail")})


@pytest.mark.parametrize(
    ("when", "counts"),
    [
        ("2026-11-22", True),
        ("2026-11-22 20:00", True),
        ("2026-11-22T20:00:00+01:00", True),
        # No zone: the doubt is for the person who wrote it.
        ("2026-11-21 08:00", True),
        ("2026-11-21 08:00+00:00", False),
        ("2026-11-20", False),
        ("2026-12-24", False),
    ],
)
def test_a_statement_on_a_backup_grows_old_as_the_backup_does(when: str, counts: bool) -> None:
    result = judged(unproved("mbx1"), [RELEASE_NOTES, {**BACKUP, "when": when}])
    assert (failing(result) == set()) is counts
    if not counts:
        assert "older than 24 hours" in row(result, "backup_system_state", "mbx1")["observed"]


def test_an_override_leaves_the_row_failed_with_its_reason() -> None:
    result = judged(unproved("mbx1", "n2"), overrides=[{"gate": "backup_system_state", "reason": "New server."}])
    assert result["verdict"] == "passed" and result["problems"] == []
    found = row(result, "backup_system_state", "mbx1")
    assert (found["result"], found["overridden"]) == ("failed", "New server.")
    assert row(result, "backup_system_state", "n1")["overridden"] is None


def test_an_override_is_for_its_gate_and_its_hosts() -> None:
    given = unproved("mbx1", "n2")
    given["hosts"]["mbx1"]["facts"]["drift"] = 1000.0
    over = [{"gate": "backup_system_state", "reason": "New server.", "hosts": ["mbx1"]}]
    result = judged(given, overrides=over)
    assert {problem["what"].partition(":")[0] for problem in result["problems"]} == {"backup_system_state", "clock"}
    assert [problem["host"] for problem in result["problems"]] == ["n2", "mbx1"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (BACKUP | {"gate": "backups"}, "there is no gate 'backups'"),
        (BACKUP | {"gate": "clock"}, "a statement cannot pass the gate clock"),
        (BACKUP | {"who": " "}, "who is missing"),
        (BACKUP | {"what": None}, "what is missing"),
        (BACKUP | {"when": "yesterday"}, "'yesterday' is no date"),
        ({key: value for key, value in BACKUP.items() if key != "when"}, "when is missing"),
        (BACKUP | {"hosts": []}, "hosts is to be a list"),
        (BACKUP | {"hosts": ["*"]}, "hosts is to be a list"),
        (BACKUP | {"host": "n1"}, "host is unknown"),
        ("backup_databases", "is no mapping"),
    ],
)
def test_a_statement_that_is_not_complete_is_refused(given: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        read_statements([RELEASE_NOTES, given])
    assert words in caught.value.message
    assert caught.value.message.startswith("mailops_exchange_statements[1]")
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gate": "clock"}, "reason is missing"),
        ({"gate": "clock", "reason": ""}, "reason is missing"),
        ({"gate": "clock", "reason": True}, "reason is missing"),
        ({"gate": "all", "reason": "hurry"}, "there is no gate 'all'"),
        ({"gate": "*", "reason": "hurry"}, "there is no gate '*'"),
        ({"gate": ["clock"], "reason": "hurry"}, "gate is missing"),
        ({"reason": "hurry"}, "gate is missing"),
        (True, "is no mapping"),
    ],
)
def test_an_override_without_gate_or_reason_is_refused(given: Any, words: str) -> None:
    with pytest.raises(Refused) as caught:
        read_overrides([given])
    assert words in caught.value.message and caught.value.remedy


@pytest.mark.parametrize("given", [{"gate": "clock", "reason": "hurry"}, "all", True, 1])
def test_what_is_no_list_is_refused(given: Any) -> None:
    for read, name in (
        (read_overrides, "mailops_exchange_overrides"),
        (read_statements, "mailops_exchange_statements"),
    ):
        with pytest.raises(Refused) as caught:
            read(given)
        assert caught.value.message == f"{name} is no list" and "gate" in caught.value.remedy
        assert read(None) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["gate", "reason", "hosts", "x"]), inner),
        max_leaves=8,
    )
)
def test_nothing_but_a_known_gate_with_a_reason_overrides(entry: Any) -> None:
    try:
        (found,) = read_overrides([entry])
    except Refused as error:
        assert error.message and error.remedy
    else:
        assert found.gate in gates() and found.reason.strip()


def test_a_date_is_its_last_second() -> None:
    assert moment("2026-11-22")[0] - moment("2026-11-22 00:00")[0] == 86399
    assert moment("2026-11-22T21:00:00Z") == (NOW, True)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates in the change record and on its page, and a host that lets the run in to nothing."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.mailops.exchange.plugins.action.preflight_facts import ActionModule as PreflightFacts
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreachable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.record import GATE_KEYS, Record
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.report import gate_rows, render
from ansible_collections.mailops.exchange.tests.unit.action.runner import FakeSession, make
from ansible_collections.mailops.exchange.tests.unit.gates.support import estate, judged

BEGIN = "2026-11-22T21:00:00.000Z"


def closed() -> dict[str, Any]:
    given = estate()
    given["hosts"]["mbx1"]["facts"]["drift"] = 900.0
    given["hosts"]["n1"]["facts"]["pending_restart"] = ["<b>somebody</b>"]
    return judged(given, overrides=[{"gate": "pending_restart", "reason": "Fax & printer."}])


def test_a_closed_gate_makes_the_record_refused() -> None:
    result = closed()
    record = Record(BEGIN, check_mode=False)
    record.gates_judged([{**result["gates"][0], "password": "secret"}, "no row"])
    record.gates_judged(result["gates"])
    record.failed("mbx1", "The gates are closed.", "", result["problems"], refusal=True)
    record.finished(BEGIN)
    written = record.to_dict()
    assert written["outcome"] == "refused"
    assert written["gates"] == result["gates"]
    assert all(set(row) == set(GATE_KEYS) for row in written["gates"])
    (problem,) = written["problems"]
    assert problem["what"].startswith("clock: ") and problem["remedy"]
    json.dumps(written)


def test_a_record_keeps_only_known_keys_of_a_gate() -> None:
    record = Record(BEGIN)
    record.gates_judged([{"id": "clock", "secret": "x"}])
    assert "secret" not in record.to_dict()["gates"][0]
    record.gates_judged("nothing")
    assert len(record.to_dict()["gates"]) == 1


def test_the_page_shows_what_needs_a_person_first() -> None:
    rows = gate_rows(closed()["gates"])
    assert [row["shown"] for row in rows[:2]] == ["overridden", "failed"]
    passed = [row["id"] for row in rows if row["shown"] == "passed"]
    assert len(passed) == len(set(passed))
    (notes,) = [row for row in rows if row["id"] == "release_notes"]
    assert notes["shown"] == "stated"

    record = Record(BEGIN)
    record.gates_judged(closed()["gates"])
    page = render(record.to_dict())
    assert "<h2>Gates</h2>" in page and "Fax &amp; printer." in page
    assert "&lt;b&gt;somebody&lt;/b&gt;" in page and "<b>somebody</b>" not in page
    assert "<h2>Gates</h2>" not in render(Record(BEGIN).to_dict())


def test_an_account_without_rights_is_not_tried_for_minutes() -> None:
    asked: list[str] = []

    def denied(line: str) -> Output:
        asked.append(line)
        raise Unreachable("WinRM refused: error 5", fault=5)

    action = make(PreflightFacts, {"reach_timeout": 3600}, FakeSession(answer=denied))
    try:
        action.run(task_vars={"inventory_hostname": "n1"})
    except Exception as error:
        assert "error 5" in str(error)
    else:
        raise AssertionError("an account without rights was taken for a host that tells nothing")
    assert len(asked) == 3


def test_that_there_is_nothing_to_read_is_an_answer() -> None:
    action = make(PreflightFacts, {})
    session = FakeSession()
    assert action.reach(session, lambda: None, 60) is None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates in the playbooks, run in this process: the same verdict from all of them, and what follows from it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete, load_estate
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Ended, bench
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES

OF_THE_MOMENT = re.compile(r"\d+(\.\d+)? (s|seconds|minutes|hours|MB)\b")
# By whom, when and what: for the gates that are passed by a word.
SIGNED = {"who": "A. Rossi", "when": "2099-01-01", "what": "Looked at with the supplier."}
NOTES = {**SIGNED, "gate": "release_notes"}


def gates(run: Ended) -> list[dict[str, Any]]:
    """The rows of a record, without what changes from one second to the next."""
    return [{**row, "observed": OF_THE_MOMENT.sub("N", row["observed"])} for row in run.record["gates"]]


def changes(run: Ended) -> list[str]:
    return [entry["call"] for entry in run.calls if entry["changes"]]


def failed(run: Ended) -> list[tuple[str, str | None]]:
    return [(row["id"], row["overridden"]) for row in run.record["gates"] if row["result"] == "failed"]


def words(run: Ended) -> list[str]:
    return [step["step"] for step in run.record["steps"]]


# Whether an account is an administrator shows only on the wire.
@pytest.mark.parametrize(
    "name", sorted(path.stem for path in ESTATES.glob("gate_*.yml") if path.stem != "gate_channel")
)
def test_the_gates_say_the_same_wherever_they_are_judged(tmp_path: Path, name: str) -> None:
    """Alone, in check mode, as the first play of a run in check mode and of a real one; and nothing is changed."""
    with bench(load_estate(ESTATES / f"{name}.yml"), tmp_path) as lab:
        alone = lab.run("preflight")
        others = [lab.run("preflight", check=True), lab.run("apply", check=True), lab.run("apply")]
    gate = name.removeprefix("gate_").partition("-")[0]
    assert {failing for failing, unused in failed(alone)} == {gate}
    problems = alone.record["problems"]
    assert problems and all(each["what"].startswith(f"{gate}: ") and each["remedy"] for each in problems)
    for run in (alone, *others):
        assert gates(run) == gates(alone)
        assert (run.outcome, changes(run), words(run)) == ("refused", [], [])


def test_services_that_a_killed_run_has_left_stopped_are_owed_while_the_gates_are_closed(tmp_path: Path) -> None:
    estate = {"update": "exchange2003-sp2", "speed": 0, "hosts": {"mbx1": {"services": {"SNMP": "running"}}}}
    with bench(complete(estate), tmp_path) as lab:
        calls = [entry["call"] for entry in lab.run().calls]
    number = calls.index('sc stop "SNMP"') + 1
    fault = {"controller": "run", "on": f"call {number}", "do": "kill"}
    said: dict[str, Any] = {"mailops_exchange_width": 100}
    with bench(complete(estate), tmp_path / "again", faults=[fault], extra=said) as lab:
        assert lab.run().killed
        said["mailops_exchange_statements"] = []
        refused = lab.run()
        assert (refused.outcome, changes(refused), failed(refused)) == ("refused", [], [("release_notes", None)])
        assert [text for text in refused.record["due"] if text.startswith("mbx1: SNMP, stopped by a run")]
        assert "not started again: SNMP" in str(refused.record["gates"])
        del said["mailops_exchange_statements"]
        done = lab.run()
        assert (done.outcome, lab.world.hosts["mbx1"].services["SNMP"].state) == ("done", "running")
        assert "SNMP" not in str(done.record["due"])


def only_the_connector(**settings: Any) -> dict[str, Any]:
    """Everything has the service pack but the connector."""
    return complete(
        {
            "update": "exchange2003-sp2",
            "speed": 0,
            "directory_connector": {"host": "mbx1", "service_pack": 1, **settings},
            "hosts": {"mbx1": {"service_pack": 2}},
        }
    )


CONNECTOR = ["stage_package", "export_schema_maps", "upgrade_connector", "compare_schema_maps"]


def test_a_connector_that_was_forgotten_is_upgraded_alone(tmp_path: Path) -> None:
    with bench(only_the_connector(), tmp_path) as lab:
        check = lab.run(check=True)
        assert changes(check) == [] and check.outcome == "planned"
        run = lab.run()
        assert (run.outcome, words(run)) == ("done", CONNECTOR), run.record["problems"]
        assert check.steps == run.steps
        assert "its Active Directory Connector is not" in str(run.record["turns"])
        assert words(lab.run()) == [], "and that was all"
        assert lab.world.referee.violations == []


def test_customised_maps_of_a_forgotten_connector_close_the_gate(tmp_path: Path) -> None:
    with bench(only_the_connector(custom_maps=True), tmp_path) as lab:
        run = lab.run()
    assert (run.outcome, failed(run), changes(run)) == ("refused", [("connector", None)], [])


@pytest.mark.parametrize(
    "said",
    [
        {"mailops_exchange_statements": [NOTES, {**SIGNED, "gate": "connector"}]},
        {"mailops_exchange_overrides": [{"gate": "connector", "reason": "The maps of 2001 are not needed any more."}]},
    ],
    ids=["stated", "overridden"],
)
def test_what_is_said_of_the_maps_holds_to_the_end(tmp_path: Path, said: dict[str, Any]) -> None:
    """Not only at the gate: the setup does not ask for other maps once Exchange has the service pack."""
    with bench(load_estate(ESTATES / "gate_connector.yml"), tmp_path, extra=said) as lab:
        run = lab.run()
    assert run.outcome == "done", run.record["problems"]
    assert "upgrade_connector" in words(run)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each gate closed by an estate of its own: it fails alone, the run is refused, and nothing is changed on any host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, Run, serving, two_nodes

# Further ways to close a gate (gate_package-missing.yml) are for test_gates_driven.py.
CLOSED = sorted(path.stem.removeprefix("gate_") for path in ESTATES.glob("gate_*.yml") if "-" not in path.stem)
# What fails in none: the way back is told, whatever the estate; an application server is a warning.
ONLY_INFORMS = {"rollback", "terminal_services"}
# What is not asked of servers with Exchange 2003 alone and without the connector.
ELSEWHERE = {"connector", "server_monitors", "terminal_services"}
OVERRIDE = "mailops_exchange_overrides"


def estate_of(gate: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ESTATES / f"gate_{gate}.yml").read_text(encoding="utf-8"))
    return found


def preflight(folder: Path, estate: dict[str, Any], *runs: list[str]) -> Iterator[Run]:
    """Run the playbook against a lab of this estate, once for each list of arguments."""
    with serving(folder, estate) as lab:
        for number, arguments in enumerate(runs or ([],)):
            yield lab.play("preflight", *arguments, record=f"record{number}")


def failed(run: Run) -> set[str]:
    return {row["id"] for row in run.record["gates"] if row["result"] == "failed"}


# The others are driven in one process (test_gates_driven.py), but for the one that shows only on the wire.
@pytest.mark.parametrize(
    "gate", [pytest.param(gate, marks=[] if gate == "channel" else pytest.mark.rehearsals(4)) for gate in CLOSED]
)
def test_the_gate_fails_alone_and_nothing_is_changed(tmp_path: Path, gate: str) -> None:
    (run,) = preflight(tmp_path, estate_of(gate))
    assert failed(run) == {gate}, run.output[-4000:]
    assert run.status != 0
    assert run.record["outcome"] == "refused"
    assert run.record["problems"]
    for problem in run.record["problems"]:
        assert problem["what"].startswith(f"{gate}: ") and problem["remedy"]
    assert run.record["steps"] == [] and run.changing == []
    assert f"failed      {gate}" in run.output and "The gates are closed" in run.output


@pytest.mark.parametrize("gate", ["clock", "cluster_nodes", "release_notes"])
def test_a_gate_is_overridden_by_its_id_and_a_reason(tmp_path: Path, gate: str) -> None:
    over = f'-e{{"{OVERRIDE}": [{{"gate": "{gate}", "reason": "Known since spring, see change 4711."}}]}}'
    (run,) = preflight(tmp_path, estate_of(gate), [over])
    assert (run.status, run.record["outcome"]) == (0, "planned"), run.output[-4000:]
    rows = [row for row in run.record["gates"] if row["result"] == "failed"]
    assert {(row["id"], row["overridden"]) for row in rows} == {(gate, "Known since spring, see change 4711.")}
    assert run.changing == []


def test_every_gate_that_can_fail_has_its_estate(tmp_path: Path) -> None:
    (run,) = preflight(tmp_path, two_nodes(hosts={"mbx1": {}}))
    assert (run.status, run.record["outcome"]) == (0, "planned"), run.output[-4000:]
    assert failed(run) == set()
    known = yaml.safe_load(
        (ESTATES.parents[1] / "plugins/plugin_utils/gates/data/gates.yml").read_text(encoding="utf-8")
    )
    assert set(CLOSED) == set(known) - ONLY_INFORMS
    # All that concern these servers were judged, in the order in which they are documented.
    seen = list(dict.fromkeys(row["id"] for row in run.record["gates"]))
    assert seen == [gate for gate in known if gate not in ELSEWHERE]
    page = (tmp_path / "lab" / "record0" / "record.html").read_text(encoding="utf-8")
    assert "<h2>Gates</h2>" in page and "release_notes, G3" in page


def test_bad_input_is_refused_before_anything_is_judged(tmp_path: Path) -> None:
    over = f'-e{{"{OVERRIDE}": [{{"gate": "all", "reason": "hurry"}}]}}'
    (run,) = preflight(tmp_path, two_nodes(), [over])
    assert run.status != 0 and run.record["outcome"] == "refused"
    (problem,) = run.record["problems"]
    assert "there is no gate 'all'" in problem["what"] and problem["remedy"].startswith("The gates are channel,")
    assert run.record["gates"] == [] and run.changing == []


def test_statements_and_unreachable_machines(tmp_path: Path) -> None:
    with serving(tmp_path, estate_of("backup_controllers")) as lab:
        today = lab.play("preflight", record="before").record["started"][:10]
        said = {"gate": "backup_controllers", "who": "A. Rossi", "when": today, "what": "Image of dc1 by Acme."}
        notes = {"gate": "release_notes", "who": "A. Rossi", "when": "2026-11-20", "what": "Read."}
        # As an operator writes it: YAML makes dates of what looks like one.
        variables = tmp_path / "said.yml"
        variables.write_text(yaml.safe_dump({"mailops_exchange_statements": [said, notes]}).replace("'", ""))
        arguments = ["-e", f"@{variables}", "-e", "mailops_exchange_reach_timeout=30"]
        stated = lab.play("preflight", *arguments, record="stated")
        assert (stated.status, failed(stated)) == (0, set()), stated.output[-4000:]
        (row,) = [each for each in stated.record["gates"] if each["id"] == "backup_controllers"]
        assert row["statement"] == [{"who": "A. Rossi", "when": today, "what": "Image of dc1 by Acme."}]

        nobody = lab.play("preflight", "-emailops_exchange_controllers=nobody", record="nobody")
        (problem,) = nobody.record["problems"]
        assert problem["what"].startswith("backup_controllers: no domain controller is known")

        # Nobody listens there: the gate of the channel says so for each, and the others are judged all the same.
        gone = lab.play("preflight", *arguments, "-eansible_port=9", record="gone")
        assert gone.status != 0 and gone.record["outcome"] == "refused"
        assert failed(gone) == {"channel"}
        assert gone.changing == []
        assert all(problem["what"].startswith("channel: ") for problem in gone.record["problems"])

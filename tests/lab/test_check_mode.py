# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode shows the run's steps and changes nothing; a second run finds nothing to do."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.mailops.exchange.tests.lab.support import rehearse, serving, two_nodes


def test_check_mode_equals_the_run_and_reaches_no_host_with_a_change(tmp_path: Path) -> None:
    estate = two_nodes(hosts={"mbx1": None, "n2": {"setup": {"exit_code": 3010}}})
    planned = rehearse(tmp_path, estate, check=True)
    assert (planned.status, planned.record["outcome"]) == (0, "planned"), planned.output[-3000:]
    assert planned.changing == []
    assert rehearse(tmp_path, estate).steps == planned.steps


def test_plan_apply_again_and_verify(tmp_path: Path) -> None:
    with serving(tmp_path, two_nodes(hosts={"mbx1": None})) as lab:
        unfinished = lab.play("verify", record="verify-before")
        assert unfinished.status != 0
        assert "not complete" in unfinished.output
        plan = lab.play("plan", record="plan")
        assert plan.status == 0, plan.output[-3000:]
        assert "Wave 1 of 2" in plan.output
        rehearsed = lab.play("rehearse", record="rehearse")
        assert (rehearsed.status, rehearsed.record["outcome"]) == (0, "planned"), rehearsed.output[-3000:]
        assert not [entry for entry in lab.calls if entry["changes"]]

        wrong = lab.play("apply", "-e", "approved_plan=0000", record="wrong")
        assert wrong.status != 0
        assert not [entry for entry in lab.calls if entry["changes"]]

        digest = plan.record["digest"]
        first = lab.play("apply", "-e", f"approved_plan={digest}", record="first")
        assert (first.status, first.record["outcome"]) == (0, "done"), first.output[-3000:]
        assert rehearsed.steps == first.steps
        changes = len([entry for entry in lab.calls if entry["changes"]])

        second = lab.play("apply", record="second")
        assert (second.status, second.record["outcome"]) == (0, "done"), second.output[-3000:]
        assert len([entry for entry in lab.calls if entry["changes"]]) == changes
        assert "changed=0" in second.output and "Nothing is to be done" in second.output
        assert lab.play("verify", record="verify-after").status == 0


def test_a_limit_that_leaves_a_node_out_is_refused(tmp_path: Path) -> None:
    run = rehearse(tmp_path, two_nodes(), arguments=["--limit", "n1"])
    assert (run.status, run.record["outcome"]) == (2, "refused")
    assert run.changing == []
    assert any("N2" in problem["what"] or "n2" in problem["what"] for problem in run.record["problems"])

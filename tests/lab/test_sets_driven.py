# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load-balanced sets after a failure, until the next run has put all of it right; cheaply, in this process.

Here the members of a set go one after the other. So the one that fails is the last: nothing begins after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Ended, bench
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, merge

WEB = {"role": "front_end", "load_balanced": "web"}
MEMBERS = {"fe1", "fe2", "fe3"}


def estate(**changes: Any) -> dict[str, Any]:
    """A set of three and the server behind it. The last installer asks for a restart, also where it fails."""
    hosts = {"fe1": WEB, "fe2": WEB, "fe3": {**WEB, "setup": {"exit_code": 3010}}, "mbx1": {}}
    return complete(merge({"update": "exchange2003-sp2", "speed": 0, "hosts": hosts}, changes))


def hosts_of(run: Ended, word: str) -> set[str]:
    """The hosts on which a step was taken to its end."""
    return {step["host"] for step in run.record["steps"] if step["step"] == word and step["status"] == "ok"}


FAULTS = [
    {"do": "exit", "code": 1603},
    {"do": "file_in_use", "file": "store.exe"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault["do"]))
@pytest.mark.parametrize("choice", ["hold", "serve_with_updated"])
def test_the_next_run_puts_right_what_a_failure_has_left(tmp_path: Path, choice: str, fault: dict[str, Any]) -> None:
    faults = [{"host": "fe3", "on": "install", "times": 1, **fault}]
    with bench(estate(), tmp_path, faults=faults, extra={"mailops_exchange_set_failure": choice}) as lab:
        run = lab.run()
        assert run.outcome == "stopped"
        assert hosts_of(run, "verify_host") == {"fe1", "fe2"}
        back = {"fe1", "fe2"} if choice == "serve_with_updated" else set()
        assert hosts_of(run, "join_rotation") == back
        members = lab.world.balancing.sets["web"].members
        assert {member.host.name for member in members if member.in_rotation} == back
        assert "mbx1" not in lab.world.referee.report()["installations"]

        again = lab.run()
        lab.settle()
        report = lab.world.referee.report()
        assert again.outcome == "done", again.record["problems"]
        assert hosts_of(again, "join_rotation") == MEMBERS - back
        assert hosts_of(again, "install_update") == {"fe3", "mbx1"}
        assert all(member.in_rotation for member in members)
        assert report["violations"] == []
        assert report["installations"] == {"fe1": 1, "fe2": 1, "fe3": 2, "mbx1": 1}
        assert lab.run(check=True).steps == []


def test_a_task_file_that_is_not_there_is_told_before_anybody_leaves(tmp_path: Path) -> None:
    hooks = ESTATES.parent / "hooks"
    extra = {
        "mailops_exchange_rotation": "hook",
        "mailops_exchange_rotation_state_tasks": str(hooks / "balancer_state.yml"),
        "mailops_exchange_rotation_leave_tasks": str(hooks / "balancer_leave.yml"),
        "mailops_exchange_rotation_join_tasks": "nowhere/join.yml",
    }
    with bench(estate(), tmp_path, extra=extra) as lab:
        run = lab.run()
    assert run.outcome == "refused"
    assert [call for call in run.calls if call["changes"]] == []
    told = [problem["what"] for problem in run.record["problems"] if problem["host"] == "fe1"]
    assert told[0].startswith("mailops_exchange_rotation_join_tasks of fe1 names /")
    assert told[0].endswith("/nowhere/join.yml, which is not there.")

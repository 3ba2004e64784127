# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When something goes wrong: nothing new begins, mail is back where it can be, and the next run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.tests.lab.support import Run, rehearse, two_nodes

pytestmark = pytest.mark.rehearsals(4)


def installations(run: Run) -> dict[str, int]:
    """How often an installer was started on each host, as the lab saw it."""
    return dict(run.referee["installations"])


@pytest.mark.parametrize("call", [12, 37, 55, 71, 90, 113, 140])
def test_a_run_that_is_killed_and_started_again_ends_as_if_nothing_had_happened(tmp_path: Path, call: int) -> None:
    estate = two_nodes(hosts={"n2": {"setup": {"exit_code": 3010}}})
    run = rehearse(tmp_path, estate, faults=[{"controller": "run", "on": f"call {call}", "do": "kill"}])
    assert run.status == 0, run.output[-3000:]
    assert run.referee["violations"] == []
    assert installations(run) == {"n1": 1, "n2": 1}
    assert run.times("mail/EVS1")[0] == 1
    assert {name: (group["owner"], group["state"]) for name, group in run.referee["final"]["mail"].items()} == {
        "Cluster Group": ("n1", "online"),
        "EVS1": ("n1", "online"),
    }


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize("call", [15, 24, 33, 42])
def test_a_connection_that_breaks_never_starts_an_installer_twice(tmp_path: Path, do: str, call: int) -> None:
    run = rehearse(tmp_path, two_nodes(), faults=[{"host": "n2", "on": f"call {call}", "do": do}])
    assert run.status in (0, 2), run.output[-3000:]
    assert run.referee["violations"] == []
    assert all(count == 1 for count in installations(run).values())
    assert run.referee["final"]["mail"]["EVS1"]["state"] == "online"


FAULTS: dict[str, dict[str, Any]] = {
    "installer fails": {"host": "n2", "on": "install", "do": "exit", "code": 1603},
    "file in use": {"host": "n2", "on": "install", "do": "file_in_use", "file": "store.exe"},
    "installer hangs": {"host": "n2", "on": "install", "do": "hang"},
    "host goes down": {"host": "n2", "on": "install", "do": "crash"},
    "move fails": {"cluster": "mail", "on": "move EVS1", "do": "fail"},
    "upgrade fails": {"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"},
    "online fails": {"cluster": "mail", "on": "online EVS1", "do": "fail"},
    "service does not start": {"host": "n2", "on": "start_cluster_service", "do": "fail"},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_stops_the_roll_with_mail_online(tmp_path: Path, fault: str) -> None:
    run = rehearse(tmp_path, two_nodes(), faults=[FAULTS[fault]])
    assert run.status in (0, 2), run.output[-3000:]
    assert run.referee["violations"] == []
    assert run.referee["final"]["mail"]["EVS1"]["state"] == "online", fault
    if run.status == 2:
        assert run.record["outcome"] == "stopped"
        assert "n1" not in installations(run), "nothing new begins after a failure"
        assert all(problem["what"] for problem in run.record["problems"])
        assert any(problem["remedy"] for problem in run.record["problems"])


def test_a_host_that_stays_down_stops_the_roll(tmp_path: Path) -> None:
    estate = two_nodes(hosts={"n2": {"setup": {"exit_code": 3010}}})
    run = rehearse(tmp_path, estate, faults=[{"host": "n2", "on": "restart", "do": "stay_down"}])
    assert (run.status, run.record["outcome"]) == (2, "stopped"), run.output[-3000:]
    assert run.referee["violations"] == []
    assert run.referee["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}
    assert "n1" not in installations(run)

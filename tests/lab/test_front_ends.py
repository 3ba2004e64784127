# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load-balanced front-ends: all out, all updated side by side, all in; and what becomes of them when one fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, LIMIT, ROOT, Run, merge, rehearse, serving

pytestmark = pytest.mark.rehearsals(4)

WEB: dict[str, Any] = {"role": "front_end", "load_balanced": "web"}


def web(balancer: str = "nlb", **changes: Any) -> dict[str, Any]:
    """A set of two, the first of which asks for a restart, and the server behind it; no waiting."""
    member = WEB | {"balancer": balancer}
    restarted = member | {"setup": {"exit_code": 3010, "minutes": 12}}
    estate = {"update": "exchange2003-sp2", "speed": 0, "hosts": {"fe1": restarted, "fe2": member, "mbx1": {}}}
    return merge(estate, changes)


def steps(run: Run, word: str) -> dict[str, dict[str, Any]]:
    """The steps of a kind by their host."""
    return {step["host"]: step for step in run.record["steps"] if step["step"] == word}


def switches(run: Run, host: str) -> list[str]:
    """The commands to Network Load Balancing that changed a host."""
    return [e["call"].split()[1] for e in run.changing if e["host"] == host and e["call"].startswith("wlbs ")]


def assert_set_updated(run: Run, members: tuple[str, ...] = ("fe1", "fe2")) -> None:
    """All left before anyone was updated, all were updated at the same time, all joined after that."""
    assert run.status == 0, run.output[-3000:]
    assert (run.record["outcome"], run.referee["violations"]) == ("done", [])
    left, installed, joined = (steps(run, word) for word in ("leave_rotation", "install_update", "join_rotation"))
    assert set(left) == set(joined) == set(members)
    begun = [installed[name]["started"] for name in members]
    assert max(left[name]["ended"] for name in members) <= min(begun)
    assert max(begun) < min(installed[name]["ended"] for name in members)
    assert max(installed[name]["ended"] for name in members) <= min(joined[name]["started"] for name in members)
    behind = [step["started"] for name, step in installed.items() if name.startswith("mbx")]
    assert behind and min(behind) >= max(joined[name]["ended"] for name in members)
    assert [found["times"] for found in run.referee["sets"].values()] == [1]


def test_a_set_behind_network_load_balancing_and_a_front_end_alone(tmp_path: Path) -> None:
    run = rehearse(tmp_path, ESTATES / "front_ends.yml")
    assert_set_updated(run)
    alone = steps(run, "install_update")["relay"]
    assert alone["ended"] <= steps(run, "install_update")["mbx1"]["started"]
    # fe2's users take longer than the others; nobody's connection is cut
    assert "stop" not in switches(run, "fe1") + switches(run, "fe2")


def test_a_set_behind_a_balancer_of_its_own(tmp_path: Path) -> None:
    run = rehearse(tmp_path, ESTATES / "front_ends_hardware.yml")
    assert_set_updated(run)
    puts = [e["call"] for e in run.changing if e["host"] == "balancer"]
    wanted = [f'{name} {{"state": "{state}"}}' for state in ("out", "in") for name in ("fe1", "fe2")]
    assert [call.rpartition("/")[2] for call in sorted(puts, key=lambda call: ('"in"' in call, call))] == wanted


@pytest.mark.parametrize("balancer", ["nlb", "hardware", "none"])
def test_check_mode_tells_the_steps_and_switches_nothing(tmp_path: Path, balancer: str) -> None:
    run, check = (rehearse(tmp_path, web(balancer), check=each) for each in (False, True))
    assert run.status == check.status == 0, run.output[-3000:] + check.output[-3000:]
    assert check.steps == run.steps
    assert check.changing == []
    assert (balancer == "none") == (steps(run, "leave_rotation") == {})


def test_users_who_do_not_go_are_ended_at_the_deadline(tmp_path: Path) -> None:
    # at speed 0 the lab lets hours pass while somebody waits
    estate = web(hosts={"fe2": {"drain_minutes": 600}}, speed=600)
    run = rehearse(tmp_path, estate, arguments=["-e", "mailops_exchange_drain_timeout=300"])
    assert_set_updated(run)
    assert switches(run, "fe1")[:2] == ["drainstop", "suspend"]
    assert switches(run, "fe2")[:3] == ["drainstop", "stop", "suspend"]


FAILS = [{"host": "fe2", "on": "install", "do": "exit", "code": 1603}]


def test_when_one_fails_the_others_come_to_their_end_and_nobody_serves(tmp_path: Path) -> None:
    run = rehearse(tmp_path, web(), faults=FAILS)
    assert (run.status, run.record["outcome"], run.referee["violations"]) == (2, "stopped", [])
    assert steps(run, "verify_host").keys() == {"fe1"}
    assert steps(run, "join_rotation") == {}
    assert "mbx1" not in steps(run, "install_update")
    held = [problem["what"] for problem in run.record["problems"] if problem["host"] == "fe1"]
    assert "stays out of the rotation of the set web because of fe2" in held[0]
    assert "serve_with_updated" in held[0]


def test_the_next_update_is_not_begun_when_one_has_failed_at_the_one_before(tmp_path: Path) -> None:
    estate = web(update=["exchange2003-sp2", "exchange2003-kb912442"])
    run = rehearse(tmp_path, estate, faults=FAILS)
    assert (run.status, run.record["outcome"], run.referee["violations"]) == (2, "stopped", [])
    assert run.referee["installations"] == {"fe1": 1, "fe2": 1}
    what = {problem["host"]: problem["what"] for problem in run.record["problems"]}
    assert "exchange2003-kb912442 is not begun on fe1, because of fe2" in what["fe1"]


def test_after_the_window_a_set_is_not_begun_and_one_under_way_is_finished(tmp_path: Path) -> None:
    closed = ["-e", json.dumps({"mailops_exchange_stop_after": "2000-01-01 00:00"})]
    with serving(tmp_path, web()) as lab:
        left = lab.play("apply", *closed, record="left")
        assert [word for word in ("leave_rotation", "install_update") if steps(left, word)] == []
        tool = Path(sys.executable).parent / "ansible"
        command = [str(tool), "-i", str(lab.inventory), "fe1", "-m", "mailops.exchange.nlb_node", "-a", "state=out"]
        subprocess.run(command, cwd=ROOT, check=True, timeout=LIMIT, capture_output=True)
        finished = lab.play("apply", *closed, record="finished")
    assert steps(finished, "install_update").keys() == {"fe1", "fe2"}
    assert steps(finished, "join_rotation").keys() == {"fe1", "fe2"}
    assert steps(finished, "leave_rotation").keys() == {"fe2"}


def test_those_that_are_updated_serve_when_the_operator_says_so(tmp_path: Path) -> None:
    arguments = ["-e", "mailops_exchange_set_failure=serve_with_updated"]
    run = rehearse(tmp_path, web(), faults=FAILS, arguments=arguments)
    assert (run.status, run.record["outcome"], run.referee["violations"]) == (2, "stopped", [])
    assert steps(run, "join_rotation").keys() == {"fe1"}
    assert "mbx1" not in steps(run, "install_update")


def test_when_one_cannot_leave_nobody_is_updated_and_the_others_join_again(tmp_path: Path) -> None:
    tasks = tmp_path / "leave.yml"
    lab = ESTATES.parent / "hooks" / "balancer_leave.yml"
    tasks.write_text(
        "- ansible.builtin.fail: {msg: The balancer refused.}\n"
        "  when: inventory_hostname == 'fe2'\n"
        f"- ansible.builtin.include_tasks: {lab}\n",
        encoding="utf-8",
    )
    run = rehearse(tmp_path, web("hardware"), arguments=["-e", f"mailops_exchange_rotation_leave_tasks={tasks}"])
    assert (run.status, run.record["outcome"], run.referee["violations"]) == (2, "stopped", [])
    assert steps(run, "install_update") == {}
    assert run.referee["installations"] == {}
    assert run.referee["sets"] == {"web": {"seconds": 0, "times": 0}}
    puts = [e["call"] for e in run.changing if e["host"] == "balancer" and "members/fe1" in e["call"]]
    assert ['"out"' in puts[0], '"in"' in puts[-1]] == [True, True]
    what = {problem["host"]: problem["what"] for problem in run.record["problems"]}
    assert "The balancer refused." in what["fe2"]
    assert "because fe2 cannot leave the rotation" in what["fe1"]


@pytest.mark.parametrize("call", [85, 110, 150, 200])
def test_a_run_that_was_killed_is_finished_by_the_next(tmp_path: Path, call: int) -> None:
    run = rehearse(tmp_path, web(), faults=[{"controller": "run", "on": f"call {call}", "do": "kill"}])
    assert run.status == 0, run.output[-3000:]
    assert (run.record["outcome"], run.referee["violations"]) == ("done", [])
    assert run.referee["installations"] == {"fe1": 1, "fe2": 1, "mbx1": 1}
    assert all(run.referee["final"][name]["service_pack"] == 2 for name in ("fe1", "fe2", "mbx1"))
    assert run.referee["sets"]["web"]["times"] == 1


def test_a_host_that_crashes_in_its_update_does_not_come_back_before_users(tmp_path: Path) -> None:
    run = rehearse(tmp_path, web(), faults=[{"host": "fe2", "on": "install", "do": "crash"}])
    assert (run.status, run.record["outcome"], run.referee["violations"]) == (2, "stopped", [])
    assert steps(run, "join_rotation") == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["mailops_exchange_rotation=hook"], "hook needs"),
        (["mailops_exchange_rotation=sometimes"], "it must be auto, nlb, none, or hook"),
        (["mailops_exchange_set_failure=go_on"], "it must be hold or serve_with_updated"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_changes(
    tmp_path: Path, settings: list[str], words: str
) -> None:
    run = rehearse(tmp_path, web(), arguments=[part for each in settings for part in ("-e", each)])
    assert run.status == 2
    assert run.changing == []
    assert words in " ".join(run.output.split())

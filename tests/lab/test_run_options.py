# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator may choose for a run: hooks, the first turn alone, the maintenance window, an approved plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.tests.lab.support import rehearse, serving, two_nodes

pytestmark = pytest.mark.rehearsals(2)

PLACES = ("run", "wave", "turn", "installation")


def hooks(folder: Path, log: Path) -> str:
    """Task files for every place, each writing a line; returns the variable as it is given with -e."""
    folder.mkdir()
    named = {}
    for place in (f"{when}_{what}" for when in ("before", "after") for what in PLACES):
        path = folder / f"{place}.yml"
        path.write_text(
            "---\n- name: Write a line\n  ansible.builtin.lineinfile:\n"
            f"    path: {log}\n    create: true\n    insertafter: EOF\n    regexp: '^$'\n"
            f'    line: "{place} {{{{ inventory_hostname }}}} {{{{ exchange_roll_wave | default(0) }}}}"\n'
            "  delegate_to: localhost\n  vars: {ansible_connection: local}\n",
            encoding="utf-8",
        )
        named[place] = str(path)
    return json.dumps({"mailops_exchange_hooks": named})


def test_hooks_at_every_place_and_the_first_turn_of_each_kind_alone(tmp_path: Path) -> None:
    log = tmp_path / "log"
    estate = two_nodes(hosts={"s1": None, "s2": None})
    variables = hooks(tmp_path / "hooks", log)
    run = rehearse(tmp_path, estate, arguments=["-e", variables, "-e", "mailops_exchange_canary=true"])
    assert (run.status, run.record["outcome"]) == (0, "done"), run.output[-3000:]
    lines = [line.split() for line in log.read_text(encoding="utf-8").splitlines()]
    assert run.record["plan"]["waves"][:2] == [["s1"], ["n2"]]
    assert [lines[0][0], lines[-1][0]] == ["before_run", "after_run"]
    assert [int(wave) for place, unused, wave in lines if place == "before_wave"] == [0, 1, 2]
    assert [int(wave) for place, unused, wave in lines if place == "after_wave"] == [0, 1, 2]
    for host in ("s1", "s2", "n1", "n2"):
        of_host = [
            place for place, name, unused in lines if name == host and "wave" not in place and "run" not in place
        ]
        assert of_host == ["before_turn", "before_installation", "after_installation", "after_turn"], host
    begun = {wave: number for number, (place, unused, wave) in enumerate(lines) if place == "before_wave"}
    turns = {host: number for number, (place, host, unused) in enumerate(lines) if place == "before_turn"}
    assert begun["2"] < min(turns["s2"], turns["n1"])


def test_a_hook_that_fails_stops_the_run(tmp_path: Path) -> None:
    path = tmp_path / "fails.yml"
    path.write_text(
        "---\n- name: Ask the change board\n  ansible.builtin.fail:\n    msg: not tonight\n", encoding="utf-8"
    )
    variables = json.dumps({"mailops_exchange_hooks": {"before_wave": str(path)}})
    run = rehearse(tmp_path, two_nodes(), arguments=["-e", variables])
    assert (run.status, run.record["outcome"]) == (2, "stopped")
    assert run.referee["installations"] == {}
    assert any("not tonight" in problem["what"] for problem in run.record["problems"])


def test_settings_that_cannot_be_are_told_before_anything_is_read(tmp_path: Path) -> None:
    for number, variables in enumerate(
        (
            {"mailops_exchange_hooks": {"before_lunch": "x.yml"}},
            {"mailops_exchange_stop_after": "at four"},
            {"mailops_exchange_update": []},
            {"mailops_exchange_hosts": "nobody"},
        )
    ):
        run = rehearse(tmp_path / str(number), two_nodes(), arguments=["-e", json.dumps(variables)])
        assert run.status == 2
        assert run.changing == []
        assert next(iter(variables)) in run.output


def test_after_the_window_nothing_new_begins_and_the_approval_holds_until_the_end(tmp_path: Path) -> None:
    with serving(tmp_path, two_nodes()) as lab:
        digest = lab.play("plan", record="run").record["digest"]
        approved = f"approved_plan={digest}"
        for unused in range(2):
            late = lab.play("apply", "-e", approved, "-e", "mailops_exchange_stop_after=2026-01-01T04:00", record="run")
            # The first run stages the packages; the second finds that done, and nothing else may begin.
            assert late.status == 2, late.output[-2000:]
            assert late.record["outcome"] == "stopped"
            assert any("n1" in problem["what"] and "window" in problem["what"] for problem in late.record["problems"])
            assert not [entry for entry in lab.calls if "/unattend" in entry["call"]]
        done = lab.play("apply", "-e", approved, record="run")
        assert (done.status, done.record["outcome"]) == (0, "done"), done.output[-3000:]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/change-record.md names every key of the record and every word of a step, with what the step does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.picture import KINDS
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.record import GATE_KEYS, PLAN_KEYS, Record
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.steps import PHASES, make_step, step_words

PAGE = (Path(__file__).parents[3] / "docs/change-record.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, str]:
    """The rows of the table below a heading: what the first column names in code, with the second one."""
    part = PAGE.partition(heading)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+) \| (.*) \|$", part, re.MULTILINE)
    return {word: text for names, text in rows for word in re.findall("`([^`]+)`", names)}


def test_the_words_of_steps_are_the_closed_list() -> None:
    """The table of words is the list that planner and record use."""
    known = {word: " ".join(about["does"].split()) for word, about in step_words().items()}
    assert table("## The words of steps") == known


def test_every_key_is_named() -> None:
    """Keys of the record, of its gates, of the head of its plan, of a step; phases."""
    record = Record("2026-11-22T20:00:00Z")
    step = make_step("install_update", "mbx1", "exchange2003-sp2", "update", "why", {}, {}, unpredictable=True)
    record.step_done(
        "mbx1", {"step": step, "before": {}, "after": {}, "msg": "x"}, "2026-11-22T20:00:00Z", status="failed"
    )
    made = record.to_dict()
    assert set(made) <= set(table("## `record.json`"))
    assert set(made["steps"][0]) <= set(table("Each of the `steps`"))
    for word in (*GATE_KEYS, *PLAN_KEYS, *PHASES):
        assert f"`{word}`" in PAGE


def test_every_key_of_the_referee_is_named() -> None:
    """Keys of referee.json."""
    hosts = {"n1": {"cluster": "mail"}, "fe1": {"role": "front_end", "load_balanced": "web"}}
    clusters = {"mail": {"virtual_servers": {"EVS1": None}}}
    lab = Lab(complete({"hosts": hosts, "clusters": clusters}))
    report = lab.world.referee.report()
    lab.stop()
    inner = [
        report["final"]["n1"],
        report["final"]["mail"]["EVS1"],
        report["availability"]["mail/EVS1"],
        report["sets"]["web"],
    ]
    for word in {*report, *(key for part in inner for key in part)}:
        assert f"`{word}`" in PAGE


@pytest.mark.parametrize("word", sorted(step_words()))
def test_the_picture_knows_what_changes_something(word: str) -> None:
    """Only what merely looks is drawn as a check."""
    assert (word not in KINDS) == word.startswith(("verify_", "compare_"))

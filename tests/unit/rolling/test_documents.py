# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The estimate of a plan, and the plan as documents for the change board."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.documents import documents
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.durations import estimate, measured
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule
from ansible_collections.mailops.exchange.tests.unit.rolling.entries import SP2
from ansible_collections.mailops.exchange.tests.unit.rolling.support import two_nodes


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    world = two_nodes()
    world.server("mbx1", 1)
    return make_plan(world.estate(), [SP2])


def test_the_outage_is_from_the_resources_offline_to_online(plan: dict[str, Any]) -> None:
    schedule = make_schedule(plan, {SP2["id"]: 30})
    where, outages = next(iter(schedule["outages"].items()))
    steps = {step["step"]: schedule["steps"][step["index"]] for step in plan["steps"] if step.get("group")}
    assert (outages[0]["from"], outages[0]["to"]) == (steps["take_offline"]["from"], steps["bring_online"]["to"])
    assert len(outages) == plan["outages"][where]["times"]
    assert [part["from"] for part in schedule["waves"]] == sorted(part["from"] for part in schedule["waves"])
    assert schedule["seconds"] >= max(time["to"] for time in schedule["steps"])
    installs = [step["index"] for step in plan["steps"] if step["step"] == "install_update"]
    assert {schedule["steps"][index]["to"] - schedule["steps"][index]["from"] for index in installs} == {1800}


def test_earlier_records_give_the_durations() -> None:
    def step(word: str, obj: str, seconds: int, **more: Any) -> dict[str, Any]:
        times = {"started": "2026-01-01T00:00:00Z", "ended": f"2026-01-01T00:{seconds // 60:02d}:{seconds % 60:02d}Z"}
        return {"step": word, "object": obj, "changed": True, "status": "ok", **times, **more}

    steps = [
        step("install_update", "a", 600),
        step("install_update", "a", 1200),
        step("install_update", "a", 900),
        step("install_update", "b", 60),
        step("move_group", "EVS1", 30),
        step("move_group", "EVS2", 3000, status="failed"),
        step("move_group", "EVS3", 1, changed=False),
    ]
    known = measured([{"steps": steps}, {"check_mode": True, "steps": [step("move_group", "EVS1", 59)]}, {}])
    assert known == {"install_update a": 900.0, "install_update b": 60.0, "move_group": 30.0}
    assert estimate({"step": "install_update", "object": "a"}, {"a": 5}, known) == 900
    assert estimate({"step": "install_update", "object": "c"}, {"c": 5}, known) == 300
    assert estimate({"step": "restart_host", "object": "n1"}, {}, known) > 0


def test_the_documents_say_the_same_and_names_stay_names(plan: dict[str, Any]) -> None:
    plan = json.loads(json.dumps(plan).replace("EVS1", "Post_*<b>|EVS"))
    made = documents(plan, make_schedule(plan, {}), ["There is no way back but a restore."])
    assert set(made) == {"plan.md", "plan.html", "plan.json"}
    assert json.loads(made["plan.json"])["digest"] == plan["digest"]
    for text in (made["plan.md"], made["plan.html"]):
        assert plan["digest"] in text and "no way back" in text and "<b>" not in text
    assert r"Post\_\*\<b\>\|EVS" in made["plan.md"]
    rows = [line for line in made["plan.md"].splitlines() if line.startswith("| ")]
    assert sum(line.split("|")[1].strip().isdigit() for line in rows) == len(plan["steps"])
    loaded = [value for tag, name, value in _attributes(made["plan.html"]) if name in ("src", "href")]
    assert loaded == []


def test_what_is_left_of_a_roll_keeps_its_approval(plan: dict[str, Any]) -> None:
    schedule = make_schedule(plan, {})
    first = json.loads(documents(plan, schedule, [])["plan.json"])
    left = {**plan, "digest": "1" * 64}
    second = json.loads(documents(left, schedule, [], first)["plan.json"])
    third = json.loads(documents({**plan, "digest": "2" * 64}, schedule, [], second)["plan.json"])
    assert third["earlier_digests"] == [plan["digest"], "1" * 64]
    other = json.loads(documents({**left, "scope_digest": "3" * 64}, schedule, [], second)["plan.json"])
    assert other["earlier_digests"] == []


def _attributes(page: str) -> list[tuple[str, str, str | None]]:
    found: list[tuple[str, str, str | None]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((tag, name, value) for name, value in attrs)

    Reader().feed(page)
    return found

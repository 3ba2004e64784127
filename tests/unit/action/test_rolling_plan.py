# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action rolling_plan: which entries of the catalogue it plans with, and what it says of hosts elsewhere."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from ansible_collections.mailops.exchange.tests.unit.action.runner import run
from ansible_collections.mailops.exchange.tests.unit.rolling.support import two_nodes

ACTION = importlib.import_module("ansible_collections.mailops.exchange.plugins.action.rolling_plan")


def planned(**arguments: Any) -> dict[str, Any]:
    world = two_nodes()
    given = {"updates": ["exchange2003-sp2"], "estate": world.estate(), **arguments}
    result: dict[str, Any] = run(ACTION.ActionModule, given, transport="local")
    return result


def test_what_an_update_requires_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    made = ACTION.make_plan

    def make_plan(estate: Any, updates: Any, options: Any) -> Any:
        given.extend(updates)
        return made(estate, updates, options)

    monkeypatch.setattr(ACTION, "make_plan", make_plan)
    result = planned(updates=["exchange2003-sp2", "exchange2003-sp2-kb912442"])
    assert [(entry["id"], entry.get("prerequisite", False)) for entry in given] == [
        ("exchange2003-sp2", False),
        ("exchange2003-sp2-kb912442", False),
        ("windows2003-kb831464", True),
    ]
    assert result["plan"]["updates"] == ["exchange2003-sp2", "exchange2003-sp2-kb912442"]
    assert result["plan"]["prerequisites"] == []
    assert result["schedule"]["seconds"] > 0
    assert result["rollback"]


def test_an_update_that_the_catalogue_does_not_know() -> None:
    result = planned(updates=["exchange2003-sp9"])
    assert result["failed"] is True
    assert "exchange2003-sp9" in result["msg"]


@pytest.mark.parametrize("front_end", [True, None])
def test_a_front_end_that_was_left_out(front_end: Any) -> None:
    """Said by the operator, or a member of a load-balancing set."""
    estate = {**two_nodes().estate(), "absent": {"fe1": front_end}, "absent_sets": {"fe1": "web"}}
    result = planned(estate=estate)
    assert result["failed"] is True
    assert [problem["host"] for problem in result["problems"]] == ["fe1"]
    assert planned(estate=estate, front_ends_done=["fe1"])["failed"] is False


@pytest.mark.parametrize(("said", "refused"), [("true", True), ("no", False), ("", False), (None, False)])
def test_an_inventory_in_ini_form_says_it_in_words(said: Any, refused: bool) -> None:
    estate = {**two_nodes().estate(), "absent": {"fe1": said}}
    assert planned(estate=estate)["failed"] is refused


def test_a_word_that_says_neither_yes_nor_no() -> None:
    result = planned(estate={**two_nodes().estate(), "absent": {"fe1": "perhaps"}})
    assert result["failed"] is True
    assert "mailops_exchange_front_end of fe1 is 'perhaps'" in result["msg"]
    assert "true or false" in result["remedy"]


def test_what_a_front_end_elsewhere_has() -> None:
    world = two_nodes()
    read = world.server("fe1", 2)["exchange"]
    del world.hosts["fe1"], world.directory["FE1"]  # type: ignore[union-attr]
    estate = {**world.estate(), "absent": {"fe1": True}}
    assert planned(estate=estate)["failed"] is True
    assert planned(estate={**estate, "absent_exchange": {"fe1": read}})["failed"] is False


def test_options_reach_the_planner() -> None:
    result = planned(max_virtual_servers=1, connector="leave", set_failure="serve_with_updated")
    options = result["plan"]["options"]
    assert (options["max_virtual_servers"], options["connector"]) == (1, "leave")
    assert options["set_failure"] == "serve_with_updated"

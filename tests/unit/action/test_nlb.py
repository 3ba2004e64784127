# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions nlb_info and nlb_node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.action import nlb_info, nlb_node
from ansible_collections.mailops.exchange.tests.unit.action.runner import FakeConnection, FakeSession, run
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabSession, world_of

STEP = {
    "index": 3,
    "host": "fe1",
    "cluster": None,
    "step": "leave_rotation",
    "object": "web",
    "phase": "leave",
    "before": {"rotation": "in"},
    "after": {"rotation": "out"},
}


def lab(name: str = "fe1") -> LabSession:
    hosts: dict[str, Any] = {each: {"role": "front_end", "load_balanced": "web"} for each in ("fe1", "fe2")}
    return LabSession(world_of({"update": "exchange2003-sp2", "hosts": {**hosts, "mbx1": {}}}), name)


def on(session: LabSession, action: type[Any], arguments: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
    """Run the action on one of the lab's hosts."""
    task = SimpleNamespace(
        args=arguments, async_val=0, check_mode=check, diff=True, action="mailops.exchange.tested", delegate_to=None
    )
    link = FakeConnection(session)  # type: ignore[arg-type]
    made = action(task, link, SimpleNamespace(), None, None, None)
    result: dict[str, Any] = made.run(task_vars={"inventory_hostname": session.host})
    return result


def test_a_front_end_is_read_as_the_plan_takes_it() -> None:
    result = on(lab(), nlb_info.ActionModule, {"set": "web"})
    assert result["rotation"] == {"set": "web", "method": "nlb", "state": "in", "held": False}
    assert result["balancing"]["state"] == "converged" and result["changed"] is False


def test_without_a_set_nothing_is_said_about_one() -> None:
    result = on(lab("mbx1"), nlb_info.ActionModule, {})
    assert (result["rotation"], result["balancing"], result["failed"]) == (None, None, False)


@pytest.mark.parametrize("method", ["auto", "nlb"])
def test_a_set_without_network_load_balancing_is_refused(method: str) -> None:
    result = on(lab("mbx1"), nlb_info.ActionModule, {"set": "web", "method": method})
    assert result["failed"] and "mailops_exchange_rotation: hook" in result["remedy"]


@pytest.mark.parametrize(("method", "state"), [("hook", None), ("none", "in")])
def test_other_methods_ask_nobody(method: str, state: str | None) -> None:
    session = FakeSession()
    result = run(nlb_info.ActionModule, {"set": "web", "method": method}, session)
    assert result["rotation"] == {"set": "web", "method": method, "state": state}
    assert session.sent == []


def test_out_and_in_again() -> None:
    session = lab()
    left = on(session, nlb_node.ActionModule, {"state": "out", "step": STEP})
    assert left["changed"] and left["after"] == {"rotation": "out"}
    assert left["step"]["step"] == "leave_rotation"
    assert left["diff"] == {"before": {"rotation": "in"}, "after": {"rotation": "out"}}
    assert not on(session, nlb_node.ActionModule, {"state": "out"})["changed"]
    joined = on(session, nlb_node.ActionModule, {"state": "in", "timeout": 300})
    assert joined["changed"] and joined["msg"] == "The front-end is in the rotation."


def test_the_message_says_when_connections_were_ended() -> None:
    result = on(lab(), nlb_node.ActionModule, {"state": "out", "timeout": 30})
    assert result["forced"] and result["msg"].endswith("Connections were left at the deadline and were ended.")


def test_check_mode_answers_from_the_plan_or_from_the_host_and_changes_nothing() -> None:
    session = lab()
    planned = on(session, nlb_node.ActionModule, {"state": "out", "step": STEP}, check=True)
    assert planned["changed"] and session.lines == []
    seen = on(session, nlb_node.ActionModule, {"state": "out"}, check=True)
    assert seen["changed"] and seen["after"] == {"rotation": "out"}
    assert not on(session, nlb_node.ActionModule, {"state": "in"}, check=True)["changed"]
    assert session.changes == []
    wrong = on(session, nlb_node.ActionModule, {"state": "in", "step": STEP}, check=True)
    assert wrong["failed"] and "rotation = out" in wrong["msg"]


@pytest.mark.parametrize(
    ("state", "found", "changed"), [("out", "in", True), ("out", "out", False), ("in", "draining", True)]
)
def test_the_operators_balancer_is_believed(state: str, found: str, changed: bool) -> None:
    session = FakeSession()
    arguments = {"state": state, "method": "hook", "found": found, "said": state}
    result = run(nlb_node.ActionModule, arguments, session)
    assert (result["changed"], result["before"], result["after"]) == (changed, {"rotation": found}, {"rotation": state})
    assert session.sent == []


@pytest.mark.parametrize(("state", "words"), [("out", "out of its"), ("in", "in its")])
def test_the_operators_balancer_that_did_not_do_it_is_a_failure(state: str, words: str) -> None:
    result = run(nlb_node.ActionModule, {"state": state, "method": "hook", "found": "in", "said": "draining"})
    assert result["failed"] and words in result["msg"] and "draining" in result["msg"] and result["remedy"]


def test_a_hook_has_to_say_where_the_host_stands() -> None:
    with pytest.raises(Exception, match="missing"):
        run(nlb_node.ActionModule, {"state": "out", "method": "hook"})

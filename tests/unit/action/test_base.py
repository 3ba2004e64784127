# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The base classes of the actions: check mode, errors, secrets and the shape of results."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction, HostAction
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    Refused,
    Unreachable,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output

from .runner import FakeSession, make, run

STEP = {
    "index": 4,
    "host": "n1",
    "cluster": "mail",
    "step": "move_group",
    "object": "EVS1",
    "phase": "free",
    "reason": "A node is updated only while it owns no group.",
    "before": {"owner": "N1"},
    "after": {"owner": "N2"},
    "node": "N2",
    "changed": True,
}


class Move(HostAction):
    """Moves by one command what is not where it shall be."""

    spec: ClassVar[dict[str, Any]] = {
        "node": {"type": "str", "required": True},
        "password": {"type": "str", "no_log": True},
        "nested": {"type": "dict", "options": {"password": {"type": "str", "no_log": True}}},
        "step": {"type": "dict"},
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        return {"owner": options["node"]}

    def observe(self, session: Any, options: dict[str, Any]) -> dict[str, Any]:
        return {"owner": session.run("where", changes=False).stdout, "state": "online"}

    def perform(self, session: Any, options: dict[str, Any]) -> dict[str, Any]:
        before = self.observe(session, options)
        if before["owner"] == options["node"]:
            return {"before": before, "after": before}
        session.progress(f"moving with {options['password']}")
        output = session.run(f"move {options['node']}", changes=True)
        if output.exit_code:
            raise CommandFailed("the move failed", exit_code=output.exit_code, output=output.text, remedy="try again")
        return {"changed": True, "before": before, "after": {**before, "owner": options["node"]}, "exit_code": 0}


def standing_on(node: str, **failures: Any) -> FakeSession:
    def answer(line: str) -> Output:
        for word, failure in failures.items():
            if line.startswith(word):
                if isinstance(failure, Exception):
                    raise failure
                return Output(failure, "said connection-secret")
        return Output(0, node)

    return FakeSession(answer=answer)


def test_changed_result() -> None:
    session = standing_on("N1")
    result = run(Move, {"node": "N2"}, session)
    assert result == {
        "changed": True,
        "failed": False,
        "msg": "",
        "before": {"owner": "N1", "state": "online"},
        "after": {"owner": "N2", "state": "online"},
        "exit_code": 0,
        "started": "2026-11-22T21:04:22.250+00:00",
        "ended": "2026-11-22T21:04:22.250+00:00",
    }
    assert session.sent == ["where", "move N2"]
    assert session.closed == 1


def test_unchanged_result() -> None:
    session = standing_on("N2")
    assert run(Move, {"node": "N2"}, session)["changed"] is False
    assert session.sent == ["where"]


def test_diff_only_when_asked() -> None:
    assert "diff" not in run(Move, {"node": "N2"}, standing_on("N1"))
    result = run(Move, {"node": "N2"}, standing_on("N1"), diff=True)
    assert result["diff"] == {"before": result["before"], "after": result["after"]}


def test_check_mode_looks_and_sends_no_change() -> None:
    session = standing_on("N1")
    result = run(Move, {"node": "N2"}, session, check=True)
    assert result["changed"] is True
    assert result["before"] == {"owner": "N1", "state": "online"}
    assert result["after"] == {"owner": "N2", "state": "online"}
    assert set(session.sent) == {"where"}
    assert session.mutated is False


def test_check_mode_where_nothing_is_to_be_done() -> None:
    assert run(Move, {"node": "N2"}, standing_on("N2"), check=True)["changed"] is False


def test_check_mode_with_a_step_does_not_even_open_a_session() -> None:
    action = make(Move, {"node": "n2", "step": STEP}, check=True)
    result = action.run(task_vars={"inventory_hostname": "n1"})
    assert action._connection.opened == []
    assert (result["changed"], result["before"], result["after"]) == (True, {"owner": "N1"}, {"owner": "N2"})


def test_check_mode_with_a_step_that_changes_nothing() -> None:
    step = {**STEP, "before": {"owner": "N2"}, "changed": False}
    assert run(Move, {"node": "N2", "step": step}, check=True)["changed"] is False
    del step["changed"]
    assert run(Move, {"node": "N2", "step": step}, check=True)["changed"] is False


def test_check_mode_takes_from_the_plan_that_something_changes_which_its_words_do_not_show() -> None:
    step = {**STEP, "before": {"owner": "N2"}, "changed": True}
    assert run(Move, {"node": "N2", "step": step}, check=True)["changed"] is True


def test_check_mode_refuses_a_step_that_says_otherwise() -> None:
    result = run(Move, {"node": "N3", "step": STEP}, check=True)
    assert result["failed"] is True
    assert "N2" in result["msg"] and "N3" in result["msg"]


def test_step_is_recorded_without_its_states() -> None:
    result = run(Move, {"node": "N2", "step": STEP}, standing_on("N1"))
    assert result["step"] == {
        key: STEP[key] for key in ("index", "host", "cluster", "step", "object", "phase", "reason")
    }
    assert result["changed"] is True


def test_unreachable_before_a_change_is_unreachable() -> None:
    session = standing_on("N1", where=Unreachable("no answer", remedy="see whether the host is up"))
    with pytest.raises(AnsibleConnectionFailure, match=r"^no answer\. See whether the host is up\.$"):
        run(Move, {"node": "N2"}, session)
    assert session.closed == 1


def test_lost_after_a_change_is_a_failure_that_says_so() -> None:
    session = standing_on("N1", move=ConnectionLost("the connection broke"))
    result = run(Move, {"node": "N2"}, session)
    assert (result["failed"], result["changed"]) == (True, True)
    assert "had begun to change it" in result["msg"]
    assert result["remedy"]
    assert result["progress"][0] == result["progress"][2] == "n1: moving with None"
    assert "Looking what became of it" in result["progress"][1]


@pytest.mark.parametrize("stands_on", ["N1", "N2"])
def test_lost_once_the_action_looks_again_and_goes_on(stands_on: str) -> None:
    moves: list[str] = []

    def answer(line: str) -> Output:
        if line.startswith("move"):
            moves.append(line)
            if len(moves) == 1:
                raise ConnectionLost("the connection broke", events=[{"event": "offline"}])
        return Output(0, stands_on if moves else "N1")

    result = run(Move, {"node": "N2"}, FakeSession(answer=answer))
    assert (result["failed"], result["changed"]) == (False, True)
    assert result["events"] == [{"event": "offline"}]
    assert len(moves) == (2 if stands_on == "N1" else 1), "what had happened is not done again"


def test_lost_in_an_action_that_must_not_be_repeated() -> None:
    class Once(Move):
        """A move that would do harm twice."""

        repeatable = False

    session = standing_on("N1", move=ConnectionLost("the connection broke"))
    assert run(Once, {"node": "N2"}, session)["progress"] == ["n1: moving with None"]


def test_unreachable_after_a_change_is_a_failure() -> None:
    session = standing_on("N1", move=Unreachable("gone"))
    assert run(Move, {"node": "N2"}, session)["changed"] is True


def test_failed_command_keeps_exit_code_and_hides_secrets() -> None:
    result = run(Move, {"node": "N2"}, standing_on("N1", move=5015))
    assert (result["failed"], result["exit_code"]) == (True, 5015)
    assert result["output"] == "said ********"
    assert result["remedy"] == "Try again."
    assert "rc" not in result


def test_refusal_before_any_change_is_unchanged() -> None:
    session = standing_on("N1", where=Refused("not now", group="EVS1"))
    result = run(Move, {"node": "N2"}, session)
    assert (result["failed"], result["changed"], result["details"]) == (True, False, {"group": "EVS1"})
    assert result["msg"] == "not now."


def test_unexpected_exceptions_stay_exceptions() -> None:
    session = standing_on("N1", where=ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        run(Move, {"node": "N2"}, session)
    assert session.closed == 1


def test_secrets_are_hidden_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    secrets = {"password": "hunter22", "nested": {"password": "hunter2"}}
    session = standing_on("N1", move=Refused("no hunter22", trace=["hunter2", {"hunter22": "x"}]))
    result = run(Move, {"node": "N2", **secrets}, session)
    assert "hunter" not in json.dumps(result)
    assert result["details"] == {"trace": ["********", {"********": "x"}]}
    shown = capsys.readouterr().out
    assert "n1: moving with ********" in shown
    assert "hunter" not in shown


def test_foreign_connection_is_refused() -> None:
    action = make(Move, {"node": "N2"}, transport="local")
    with pytest.raises(AnsibleActionFail, match="needs a connection of this collection"):
        action.run(task_vars={})
    assert action._connection.opened == []


def test_become_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="does not support become"):
        run(Move, {"node": "N2"}, become=object())


def test_async_is_refused() -> None:
    action = make(Move, {"node": "N2"})
    action._task.async_val = 10
    with pytest.raises(AnsibleActionFail, match="async"):
        action.run(task_vars={})


@pytest.mark.parametrize("arguments", [{}, {"node": "N2", "nodes": 1}, {"node": "N2", "step": 3}])
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(Move, arguments)


class Look(HostAction):
    """Reads, and goes on trying while the host does not answer."""

    spec: ClassVar[dict[str, Any]] = {}

    def perform(self, session: Any, options: dict[str, Any]) -> dict[str, Any]:
        return {"found": self.reach(session, lambda: session.run("look", changes=False).stdout, 300)}


def failing(times: int, error: Exception) -> FakeSession:
    left = [times]

    def answer(line: str) -> Output:
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return Output(0, "here")

    return FakeSession(answer=answer)


def test_a_host_that_is_starting_is_waited_for() -> None:
    session = failing(5, Unreachable("refused"))
    assert run(Look, {}, session)["found"] == "here"
    assert session.reconnects == 5


def test_a_host_that_does_not_come_is_unreachable() -> None:
    with pytest.raises(AnsibleConnectionFailure, match="refused"):
        run(Look, {}, failing(10_000, Unreachable("refused")))


def test_a_refused_logon_is_not_tried_for_long() -> None:
    class AuthenticationError(Exception):
        pass

    error = Unreachable("wrong password")
    error.__cause__ = AuthenticationError()
    session = failing(10_000, error)
    with pytest.raises(AnsibleConnectionFailure, match="wrong password"):
        run(Look, {}, session)
    assert len(session.sent) == 3


class Reckon(ControlAction):
    """Works on the control node."""

    spec: ClassVar[dict[str, Any]] = {"number": {"type": "int", "required": True}}

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"twice": options["number"] * 2}


def test_control_action_leaves_the_host_alone() -> None:
    action = make(Reckon, {"number": 21}, transport="local")
    result = action.run(task_vars={})
    assert (result["twice"], result["changed"], result["failed"]) == (42, False, False)
    assert action._connection.opened == []

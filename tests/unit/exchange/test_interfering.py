# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that interfere: stopped and put back exactly, wherever a run is cut off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.services import Service
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import interfering
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.interfering import interfering as pick
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    HostError,
    ReadOnlyViolation,
    Refused,
    Unreadable,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabSession, world_of

ESTATE: dict[str, Any] = {
    "update": "exchange2003-sp2",
    "hosts": {
        "mbx1": {
            "services": {
                "SNMP": "running",
                "TrendServer": "running",
                "UPS": {"state": "stopped", "start_type": "auto"},
                "CqMgServ": {"state": "running", "start_type": "manual"},
            }
        }
    },
}
NAMES = ("SNMP", "TrendServer", "UPS", "CqMgServ", "Watcher")


class Killed(Exception):
    """The run was killed here."""


class Breaking(LabSession):
    """Breaks at the n-th call: before its effect, or after it."""

    def __init__(self, *arguments: Any, at: int, how: Callable[[], Exception], after: bool) -> None:
        super().__init__(*arguments)
        self.at, self.how, self.after, self.calls = at, how, after, 0

    def _send(self, call: Any) -> Any:
        self.calls += 1
        if self.calls != self.at:
            return super()._send(call)
        if self.after:
            super()._send(call)
        raise self.how()


def make() -> Any:
    """A lab whose SNMP has a dependent service, as hardware agents are."""
    world = world_of(ESTATE)
    host = world.hosts["mbx1"]
    watcher = Service("Watcher", "Hardware Watcher", image="watcher.exe", own_process=True, after=["SNMP"])
    watcher.start_type = "auto"
    host.services["Watcher"] = watcher
    host.service_manager.set_at_once("Watcher", "running", "boot")
    return world


def state(world: Any) -> dict[str, tuple[str, str]]:
    services = world.hosts["mbx1"].services
    return {name: (services[name].state, services[name].start_type) for name in NAMES}


def protected(name: str) -> bool:
    return name.startswith("MSExchange")


def stop(session: LabSession) -> dict[str, Any]:
    return interfering.stop(session, pick, protected, 60)


@pytest.fixture
def world() -> Any:
    return make()


@pytest.fixture
def session(world: Any) -> LabSession:
    return LabSession(world, "mbx1")


def test_what_runs_is_stopped_and_put_back_exactly(world: Any, session: LabSession) -> None:
    before = state(world)
    result = stop(session)
    assert result["changed"] is True
    assert set(result["after"]) == {"SNMP", "TrendServer", "CqMgServ", "Watcher"}
    assert {name: found for name, found in state(world).items() if name != "UPS"} == dict.fromkeys(
        ("SNMP", "TrendServer", "CqMgServ", "Watcher"), ("stopped", "disabled")
    )
    assert state(world)["UPS"] == before["UPS"], "what was not running is left alone"
    note = interfering.read_note(session)
    assert note is not None and note["CqMgServ"]["start_type"] == "manual"
    assert interfering.restore(session, 60)["changed"] is True
    assert state(world) == before
    assert interfering.read_note(session) is None


def test_again_changes_nothing(session: LabSession) -> None:
    stop(session)
    sent = len(session.changes)
    assert stop(session)["changed"] is False
    assert len(session.changes) == sent
    interfering.restore(session, 60)
    sent = len(session.changes)
    assert interfering.restore(session, 60) == {"changed": False, "before": {}, "after": {}, "gone": []}
    assert len(session.changes) == sent


def test_dependents_stop_first_and_start_last(session: LabSession) -> None:
    order = list(interfering.observe(session, pick, protected)["running"])
    assert order.index("Watcher") < order.index("SNMP")
    stop(session)
    session.lines.clear()
    interfering.restore(session, 60)
    started = [line.split('"')[1] for line in session.lines if line.startswith("sc start")]
    assert started.index("SNMP") < started.index("Watcher")


def test_a_service_that_must_run_keeps_what_it_needs_running(session: LabSession) -> None:
    before = state(session.world)
    with pytest.raises(Refused, match="Watcher"):
        interfering.stop(session, pick, lambda name: name == "Watcher", 60)
    assert state(session.world) == before and not session.changes


def test_nothing_is_sent_in_check_mode(world: Any) -> None:
    session = LabSession(world, "mbx1", read_only=True)
    with pytest.raises(ReadOnlyViolation):
        stop(session)
    assert not session.changes


def test_one_that_does_not_stop_brings_the_others_back(world: Any, session: LabSession) -> None:
    before = state(world)

    def refuse(cause: str) -> Any:
        while True:
            yield 3600.0

    world.hosts["mbx1"].service_stoppers["TrendServer"] = refuse
    with pytest.raises(CommandFailed, match="TrendServer"):
        interfering.stop(session, pick, protected, 30)
    after = state(world)
    assert {name: found for name, found in after.items() if name != "TrendServer"} == {
        name: found for name, found in before.items() if name != "TrendServer"
    }
    # Its note stays: it is put back by the next run, when it can be.
    assert (interfering.read_note(session) or {})["TrendServer"]["start_type"] == "auto"


def test_one_that_does_not_start_keeps_none_of_the_others_down(world: Any, session: LabSession) -> None:
    stop(session)

    def fail() -> Any:
        yield 1.0
        return 1066

    world.hosts["mbx1"].service_starters["SNMP"] = fail
    with pytest.raises(CommandFailed, match="SNMP"):
        interfering.restore(session, 60)
    assert state(world)["TrendServer"] == ("running", "auto")
    assert interfering.read_note(session) is not None
    del world.hosts["mbx1"].service_starters["SNMP"]
    interfering.restore(session, 60)
    assert (state(world)["SNMP"], state(world)["Watcher"]) == (("running", "auto"), ("running", "auto"))


def test_a_service_that_is_gone_is_left_out(world: Any, session: LabSession) -> None:
    stop(session)
    del world.hosts["mbx1"].services["TrendServer"]
    assert interfering.restore(session, 60)["gone"] == ["TrendServer"]
    assert interfering.read_note(session) is None


def test_one_that_ran_although_disabled_runs_again_and_is_disabled(world: Any, session: LabSession) -> None:
    world.hosts["mbx1"].services["TrendServer"].start_type = "disabled"
    stop(session)
    interfering.restore(session, 60)
    assert state(world)["TrendServer"] == ("running", "disabled")


@pytest.mark.parametrize("text", ["[]", "x", '{"SNMP": 5}', '{"SNMP": {"start_type": "auto", "state": "running"}}'])
def test_another_file_is_no_note(session: LabSession, text: str) -> None:
    session.make_dir("C:\\mailops\\roll")
    session.write_text(interfering.PATH, [text])
    with pytest.raises(Unreadable):
        interfering.read_note(session)


def calls(work: Callable[[LabSession], Any], prepare: Callable[[LabSession], Any]) -> int:
    """How many calls some work takes."""
    world = make()
    prepare(LabSession(world, "mbx1"))
    counting = Breaking(world, "mbx1", at=0, how=Killed, after=False)
    work(counting)
    return counting.calls


WORK: dict[str, tuple[Callable[[LabSession], Any], Callable[[LabSession], Any]]] = {
    "stop": (stop, lambda session: None),
    "restore": (partial(interfering.restore, timeout=60), stop),
}


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("name", WORK)
def test_killed_at_any_call_the_next_run_has_all_of_it_back(name: str, after: bool) -> None:
    work, prepare = WORK[name]
    for number in range(1, calls(work, prepare) + 1):
        world = make()
        before = state(world)
        prepare(LabSession(world, "mbx1"))
        with pytest.raises(Killed):
            work(Breaking(world, "mbx1", at=number, how=Killed, after=after))
        # The next run puts back what it finds noted, and nothing else.
        session = LabSession(world, "mbx1")
        interfering.restore(session, 60)
        assert state(world) == before, f"killed at call {number}"
        assert interfering.read_note(session) is None


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_killed_while_stopping_the_next_run_may_also_go_on(after: bool) -> None:
    for number in range(1, calls(stop, lambda session: None) + 1):
        world = make()
        before = state(world)
        with pytest.raises(Killed):
            stop(Breaking(world, "mbx1", at=number, how=Killed, after=after))
        session = LabSession(world, "mbx1")
        stop(session)
        assert all(found[0] == "stopped" for found in state(world).values()), f"killed at call {number}"
        interfering.restore(session, 60)
        assert state(world) == before, f"killed at call {number}"


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_connection_that_breaks_at_any_call_loses_nothing(after: bool) -> None:
    for number in range(1, calls(stop, lambda session: None) + 1):
        world = make()
        before = state(world)
        session = Breaking(world, "mbx1", at=number, how=lambda: ConnectionLost("it broke"), after=after)
        try:
            stop(session)
        except HostError:
            session.reconnect()
            stop(session)
        interfering.restore(session, 60)
        assert state(world) == before, f"broken at call {number}"

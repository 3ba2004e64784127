# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that are asked ahead: fewer calls, the same answers, and never an old one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import machine
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreachable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output
from ansible_collections.mailops.exchange.tests.unit.action.runner import FakeSession
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

KEY = r"HKLM\SOFTWARE\Microsoft\Exchange\Setup"


@pytest.fixture
def session() -> LabSession:
    return LabSession(world_of(CLUSTER), "n1")


def test_what_is_asked_ahead_is_answered_without_a_call(session: LabSession) -> None:
    plain = LabSession(session.world, "n1")
    session.ask_ahead([machine.PROCESSES, machine.BOOT_TIME], values=[KEY], services=["ClusSvc"])
    assert len(session.lines) == 1
    assert session.processes() == plain.processes()
    assert session.boot_time() == plain.boot_time()
    asked = {"values": [KEY], "services": ["ClusSvc"]}
    assert session.ask(**asked) == plain.ask(**asked)
    assert len(session.lines) == 1 and len(plain.lines) == 3


def test_an_answer_is_given_once(session: LabSession) -> None:
    session.ask_ahead([machine.BOOT_TIME])
    session.boot_time()
    calls = len(session.lines)
    session.boot_time()
    assert len(session.lines) == calls + 1


def test_what_is_wanted_twice_is_asked_once_and_answered_twice(session: LabSession) -> None:
    session.ask_ahead([machine.BOOT_TIME, machine.BOOT_TIME, machine.PROCESSES])
    for unused in range(2):
        session.boot_time()
    assert len(session.lines) == 1
    session.boot_time()
    assert len(session.lines) == 2


def test_only_the_rest_of_several_lines_is_asked(session: LabSession) -> None:
    session.ask_ahead([machine.BOOT_TIME, machine.PROCESSES])
    outputs = session.run_all(["ver", machine.BOOT_TIME, "hostname"])
    assert "LastBootUpTime" in outputs[1].stdout and "LastBootUpTime" not in session.lines[1]
    assert "LastBootUpTime" not in outputs[0].stdout + outputs[2].stdout


def test_a_change_makes_the_answers_void(session: LabSession) -> None:
    session.ask_ahead([machine.PROCESSES, machine.BOOT_TIME])
    session.make_dir(r"C:\mailops")
    calls = len(session.lines)
    session.processes()
    assert len(session.lines) == calls + 1


def test_answers_that_cannot_be_told_apart_are_asked_for_one_by_one() -> None:
    row = '"System","4","Console","0","28 K"\n'
    fake = FakeSession(answer=lambda line: Output(0, row if line == machine.PROCESSES else "?"))
    fake.ask_ahead([machine.PROCESSES, machine.BOOT_TIME])
    assert fake.processes() == [("System", 4)] and fake.sent[-1] == machine.PROCESSES


def test_a_host_that_does_not_answer_is_unreachable() -> None:
    def gone(line: str) -> Any:
        raise Unreachable("nobody there")

    with pytest.raises(Unreachable):
        FakeSession(answer=gone).ask_ahead([machine.PROCESSES])


def test_all_questions_of_a_machine_are_the_lines_that_it_asks(session: LabSession) -> None:
    session.ask_ahead(machine.questions())
    session.processes()
    for drive in ("C:", "C:", "C:"):
        assert session.free_space(drive)
    assert len(session.lines) == 1 and not any(session.ahead.values())

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A detached job runs exactly once, wherever the run that started it is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    Refused,
    Unreadable,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.jobs import Job, boot_epoch, restarted
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Output
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import WinrmSession
from ansible_collections.mailops.exchange.tests.unit.hosts.lab_support import begin, opened

FOLDER = "C:\\mailops\\exchange2003-sp2"
LINES = [
    ">>C:\\runs.txt echo run",
    "ping -n 120 127.0.0.1 >nul",
    ">>C:\\setup.log echo [10:00:00] FileInUse:: Added to FileList: store.exe",
    "cmd /c exit 3010",
]


class Cut(BaseException):
    """The playbook process is killed here."""


class Cutting(WinrmSession):
    """A session whose process dies at the n-th changing call: before it is sent, or when its effect is there."""

    at = 0
    before = True
    made = 0

    def _send(self, call) -> Output:  # type: ignore[no-untyped-def]
        if not call.changes:
            return super()._send(call)
        self.made += 1
        if self.made == self.at and self.before:
            raise Cut
        output = super()._send(call)
        if self.made == self.at:
            raise Cut
        return output


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab for one test alone."""
    running = begin(tmp_path)
    yield running
    running.stop()
    assert running.trouble == []


def start(lab: Lab, job: Job) -> None:
    job.start(LINES, f"{lab.world.prefix}\\exsetup", lab.password("exsetup"), "C:\\setup.log")


def runs(session: WinrmSession) -> str | None:
    return session.read_text("C:\\runs.txt")


def test_a_job_from_start_to_end(lab: Lab) -> None:
    with opened(lab) as session:
        job = Job(session, FOLDER, "mailops exchange2003-sp2")
        assert job.observe().phase == "none"
        session.write_text("C:\\setup.log", ["FileInUse:: of an earlier try", "x"])
        start(lab, job)
        state = job.wait(3600, "the setup")
        assert (state.phase, state.exit_code, state.restart_since) == ("finished", 3010, False)
        assert runs(session) == "run\n"
        assert job.log_lines(["fileinuse::", "nothing"]) == ["[10:00:00] FileInUse:: Added to FileList: store.exe"]
        with pytest.raises(Refused, match="started before"):
            start(lab, job)
        job.remove_task()
        assert job.observe().phase == "finished"
        job.clear()
        assert job.observe().phase == "none"
        start(lab, job)
        job.wait(3600, "the setup")
        assert runs(session) == "run\nrun\n"


def changing_calls(lab: Lab) -> int:
    with opened(lab, kind=Cutting) as session:
        start(lab, Job(session, FOLDER, "job"))
        return session.made


@pytest.mark.parametrize("before", [True, False])
def test_cut_off_at_every_call_it_still_runs_once(tmp_path: Path, before: bool) -> None:
    first = begin(tmp_path)
    count = changing_calls(first)
    first.stop()
    assert count >= 7
    for number in range(1, count + 1):
        lab = begin(tmp_path)
        with opened(lab, kind=Cutting) as session:
            session.at, session.before = number, before
            with pytest.raises(Cut):
                start(lab, Job(session, FOLDER, "job"))
        with opened(lab) as session:
            job = Job(session, FOLDER, "job")
            phase = job.observe().phase
            assert phase != "interrupted"
            if phase in ("none", "prepared", "armed"):
                start(lab, job)
            state = job.wait(3600, "the setup")
            assert (state.phase, state.exit_code) == ("finished", 3010), f"call {number}"
            assert runs(session) == "run\n", f"call {number}"
        lab.stop()
        assert lab.trouble == []


@pytest.mark.parametrize("before", [True, False])
def test_clearing_can_be_cut_off_too(tmp_path: Path, before: bool) -> None:
    for number in (1, 2):
        lab = begin(tmp_path)
        with opened(lab, kind=Cutting) as session:
            job = Job(session, FOLDER, "job")
            start(lab, job)
            job.wait(3600, "the setup")
            session.made, session.at, session.before = 0, number, before
            with pytest.raises(Cut):
                job.clear()
        with opened(lab) as session:
            job = Job(session, FOLDER, "job")
            assert job.observe().phase in ("finished", "none")
            job.clear()
            assert job.observe().phase == "none"
            assert session.run("schtasks /query /fo csv /nh", changes=False).stdout.count("job") == 0
        lab.stop()


def test_two_runs_at_the_same_time_start_it_once(lab: Lab) -> None:
    with opened(lab) as one, opened(lab) as other:
        first, second = Job(one, FOLDER, "job"), Job(other, FOLDER, "job")
        # The second has looked before the first has started, and comes to its own start afterwards.
        second.observe = iter([second.observe()]).__next__  # type: ignore[method-assign]
        start(lab, first)
        with pytest.raises(Refused, match="another run"):
            start(lab, second)
        assert first.wait(3600, "the setup").exit_code == 3010
        assert runs(one) == "run\n"


@pytest.mark.parametrize("fault", ["drop", "refuse"])
def test_the_answer_to_run_gets_lost(tmp_path: Path, fault: str) -> None:
    probe = begin(tmp_path)
    with opened(probe) as session:
        start(probe, Job(session, FOLDER, "job"))
    calls = [entry["call"] for entry in probe.world.journal.entries]
    probe.stop()
    number = next(index for index, call in enumerate(calls, 1) if call.startswith("schtasks /run"))
    lab = begin(tmp_path, faults=[{"host": "n1", "on": f"call {number}", "do": fault}])
    with opened(lab) as session:
        job = Job(session, FOLDER, "job")
        start(lab, job)
        assert job.wait(3600, "the setup").exit_code == 3010
        assert runs(session) == "run\n"
    lab.stop()


def test_a_restart_in_the_middle_is_an_interruption(lab: Lab) -> None:
    with opened(lab) as session:
        job = Job(session, FOLDER, "job")
        job.start(["ping -n 6000 127.0.0.1 >nul"], f"{lab.world.prefix}\\exsetup", lab.password("exsetup"))
        assert job.observe().phase == "running"
        with pytest.raises(Refused, match="is running"):
            job.clear()
        # The host may be down before it has answered.
        with suppress(ConnectionLost):
            session.restart(1, "somebody else")
        state = job.wait(6000, "the setup")
        assert (state.phase, state.exit_code, state.restart_since) == ("interrupted", None, True)
        with pytest.raises(Refused, match="interrupted"):
            start(lab, job)
        job.clear()
        start(lab, job)
        assert job.wait(3600, "the setup").exit_code == 3010


def test_a_killed_job_is_an_interruption(lab: Lab) -> None:
    with opened(lab) as session:
        job = Job(session, FOLDER, "job")
        job.start(["ping -n 6000 127.0.0.1 >nul"], f"{lab.world.prefix}\\exsetup", lab.password("exsetup"))
        session.run("schtasks /end /tn job", changes=True)
        state = job.wait(3600, "the setup")
        assert (state.phase, state.restart_since) == ("interrupted", False)


def test_a_wrong_password_is_tried_once_and_leaves_nothing_that_could_start(lab: Lab) -> None:
    with opened(lab) as session:
        job = Job(session, FOLDER, "job")
        with pytest.raises(CommandFailed) as caught:
            job.start(LINES, f"{lab.world.prefix}\\exsetup", "Geheim1 & mehr")
        assert "Geheim1" not in str(caught.value) + caught.value.remedy + str(caught.value.details)
        assert job.observe().phase == "prepared"
        assert sum("/create" in entry["call"] for entry in lab.world.journal.entries) == 1
        session.run("schtasks /run /tn job", changes=True)
        start(lab, job)
        assert job.wait(3600, "the setup").exit_code == 3010
        assert runs(session) == "run\n"


def test_a_failing_line_ends_the_job(lab: Lab) -> None:
    with opened(lab) as session:
        job = Job(session, FOLDER, "job")
        job.start(["cmd /c exit 7", *LINES], f"{lab.world.prefix}\\exsetup", lab.password("exsetup"))
        assert job.wait(3600, "the setup").exit_code == 7
        assert runs(session) is None


def test_what_a_job_refuses(lab: Lab) -> None:
    with opened(lab) as session:
        for folder in ("C:\\mail ops\\x", "C:\\50%"):
            with pytest.raises(Refused):
                Job(session, folder, "job")
        with pytest.raises(Refused):
            Job(session, FOLDER, 'a"b')
        with pytest.raises(Refused):
            Job(session, FOLDER, "job").start([], "x", "y")
        with pytest.raises(CommandFailed, match="has not been started"):
            Job(session, FOLDER, "job").wait(60, "x")


def test_boot_times_are_compared_as_moments() -> None:
    assert boot_epoch("19700101000001.500000+000") == 1.0
    assert not restarted("20261122101500.500000+060", "20261122111501.500000+120")
    assert restarted("20261122101500.500000+060", "20261122101500.500000+000")
    assert restarted("20261122101500.500000-300", "20261122101600.500000-300")
    with pytest.raises(Unreadable):
        boot_epoch("yesterday")

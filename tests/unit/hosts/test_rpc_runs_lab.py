# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines by the rpc channel: whatever call the connection breaks at, they run once, and nothing stays behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import rpc_commands, rpc_services
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    HostError,
    ReadOnlyViolation,
    Refused,
    Unreachable,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.jobs import Job
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, Cut, lab_of, leftovers, opened

FOLDER = "C:\\mailops\\exchange2003-sp2"
JOB = [
    ">>C:\\runs.txt echo run",
    "ping -n 120 127.0.0.1 >nul",
    ">C:\\who.txt echo %USERNAME%",
    ">>C:\\setup.log echo FileInUse:: store.exe",
    "cmd /c exit 3010",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_of(tmp_path_factory.mktemp("lab")) as running:
        yield running


def runs(lab: Lab, path: str) -> int:
    with opened(lab) as session:
        return (session.read_text(path) or "").count("run")


# ---- runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "language"), [("nt4", "de"), ("2000", "it"), ("server2003", "en")])
def test_lines_and_their_results(tmp_path: Path, kind: str, language: str) -> None:
    with lab_of(tmp_path, kind, language) as lab, opened(lab) as session:
        output = session.run("echo grün& dir C:\\nope 2>nul& exit 7", changes=False)
        assert output.exit_code == 7
        assert output.stdout.startswith("grün\n")
        assert session.run("dir C:\\nope >nul", changes=False).stderr.strip()
        outputs = session.run_all(["echo a", "cmd /c exit 5", "echo b 100%& echo c", "for %I in (x) do @echo %I"])
        assert [output.exit_code for output in outputs] == [0, 5, 0, 0]
        assert [output.stdout.split() for output in outputs] == [["a"], [], ["b", "100%", "c"], ["x"]]
        assert session.run_all([]) == []
        assert not session.mutated
        assert leftovers(session) == []


def test_a_long_line_that_ends(lab: Lab) -> None:
    with opened(lab) as session:
        assert session.run("ping -n 200 127.0.0.1 >nul & echo over", changes=True, timeout=600).stdout == "over\n"
        assert session.mutated
        assert leftovers(session) == []


def test_a_line_that_does_not_end_in_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_commands, "_REAL_GRACE", 0.0)
    with opened(lab) as session:
        with pytest.raises(WaitTimeout, match="did not end within 30 s"):
            session.run("ping -n 900 127.0.0.1 >nul & >>C:\\slow.txt echo run", changes=True, timeout=30)
        # It goes on, and nothing is taken from under it, not by another run either.
        assert len(leftovers(session)) > 0
    with opened(lab) as session:
        assert session.run("echo x", changes=False).stdout == "x\n"
        assert len(leftovers(session)) > 0
        session.wait(lambda: session.read_text("C:\\slow.txt"), what="the slow line", timeout=1800, interval=20)
        session.clock.sleep(5)
    with opened(lab) as session:
        session.run("echo y", changes=False)
        assert leftovers(session) == []


def test_a_read_only_session_runs_what_changes_nothing(lab: Lab) -> None:
    with opened(lab, read_only=True) as session:
        assert session.run("echo read", changes=False).stdout == "read\n"
        with pytest.raises(ReadOnlyViolation):
            session.run(">C:\\ro.txt echo x", changes=True)
        assert not session.mutated
        assert leftovers(session) == []


def test_longer_lines_than_an_old_windows_takes(tmp_path: Path) -> None:
    line = "echo " + "x" * 2100
    with lab_of(tmp_path, "nt4") as old, opened(old) as session, pytest.raises(Refused, match="2047"):
        session.run(line, changes=False)
    with lab_of(tmp_path) as newer, opened(newer) as session:
        assert session.run(line, changes=False).exit_code == 0


def test_secrets_are_in_no_message(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with opened(lab, trace=said.append) as session:
        session.run("echo hunter2", changes=True, secrets=["hunter2"])
    assert "hunter2" not in "".join(said) + capsys.readouterr().out


def count_messages(lab: Lab, line: str) -> int:
    with pytest.MonkeyPatch.context() as patch, opened(lab) as session:
        breaks = Breaks()
        breaks.install(patch)
        session.run(line, changes=True)
        return breaks.count


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_a_connection_that_breaks_at_any_call(lab: Lab, lost: str) -> None:
    """The line is run once, the caller gets its result, and nothing is left on the host."""
    total = count_messages(lab, "ver")
    assert total > 40
    for number in range(1, total + 1):
        path = f"C:\\lost-{lost}-{number}.txt"
        with pytest.MonkeyPatch.context() as patch, opened(lab) as session:
            Breaks(number, lost).install(patch)
            try:
                output = session.run(f">>{path} echo run& exit 3", changes=True)
            except Unreachable:
                # Only before anything was there to be done anew: while logging on.
                assert number <= 4, f"message {number}"
                assert not session.mutated
                continue
            assert output.exit_code == 3
        assert runs(lab, path) == 1, f"message {number}"
        with opened(lab) as session:
            assert leftovers(session) == [], f"message {number}"


def test_a_run_that_is_killed_at_any_call(lab: Lab) -> None:
    """The line is run once at most, and the next run takes away whatever the killed one left.

    To be killed before a message is, for the host, to be killed after the one before it.
    """
    total = count_messages(lab, "ver")
    for number in range(1, total + 1):
        path = f"C:\\kill-{number}.txt"
        session = opened(lab)
        with pytest.MonkeyPatch.context() as patch:
            Breaks(number, kill=True).install(patch)
            try:
                session.run(f">>{path} echo run", changes=True)
            except Cut:
                pass
            else:
                assert number > total - 5, f"message {number} is not sent at all"
        with opened(lab) as after:
            # Let a command that the killed run has just started come to its end.
            after.clock.sleep(10)
            assert after.run("ver", changes=False).exit_code == 0
            assert leftovers(after) == [], f"message {number}"
        assert runs(lab, path) <= 1, f"message {number}"


def test_what_another_control_node_waits_for_is_left_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(lab) as session:
        folder = f"{rpc_commands.ROOT}\\m00000000-1-12345678"
        session.make_dir(folder)
        session.write_text(f"{folder}\\exit.txt", ["0"])
        session.make_dir(f"{rpc_commands.ROOT}\\of-somebody")
        session.run("ver", changes=False)
        assert leftovers(session) == ["m00000000-1-12345678", "of-somebody"]
        monkeypatch.setattr(rpc_commands, "_OLD", 0.0)
    with opened(lab) as session:
        session.clock.sleep(10)
        session.run("ver", changes=False)
        assert leftovers(session) == ["of-somebody"]
        session.link().files.remove_dir(f"{rpc_commands.ROOT}\\of-somebody")


def test_a_process_that_lives_keeps_its_run() -> None:
    assert rpc_commands._alive(os.getppid())
    assert not rpc_commands._alive(2**22 + 1)


def test_an_account_that_may_not(lab: Lab) -> None:
    with (
        opened(lab, user=f"{lab.world.prefix}\\updshare", password=lab.password("updshare")) as session,
        pytest.raises(HostError, match="access is denied") as raised,
    ):
        session.run("ver", changes=False)
    assert "administrator" in raised.value.remedy


# ---- detached jobs -----------------------------------------------------------------------------------------------


def start(lab: Lab, job: Job, password: str | None = None) -> None:
    job.start(JOB, f"{lab.world.prefix}\\exsetup", password or lab.password("exsetup"), "C:\\setup.log")


@pytest.mark.parametrize("kind", ["nt4", "2000", "server2003"])
def test_a_job_from_start_to_end(tmp_path: Path, kind: str) -> None:
    with lab_of(tmp_path, kind) as lab, opened(lab) as session:
        job = Job(session, FOLDER, "mailops-exchange2003-sp2")
        assert job.observe().phase == "none"
        session.write_text("C:\\setup.log", ["FileInUse:: of an earlier try", "x"])
        start(lab, job)
        assert job.observe().phase == "running"
        state = job.wait(3600, "the setup")
        assert (state.phase, state.exit_code, state.restart_since) == ("finished", 3010, False)
        assert session.read_text("C:\\runs.txt") == "run\n"
        assert session.read_text("C:\\who.txt") == "exsetup\n"
        assert job.log_lines(["fileinuse::"]) == ["FileInUse:: store.exe"]
        with pytest.raises(Refused, match="started before"):
            start(lab, job)
        job.remove_task()
        assert leftovers(session) == []
        assert job.observe().phase == "finished"
        job.clear()
        assert job.observe().phase == "none"


def test_a_wrong_password_of_the_jobs_account(lab: Lab) -> None:
    with opened(lab) as session:
        job = Job(session, "C:\\mailops\\wrong", "wrong")
        with pytest.raises(CommandFailed, match="1069") as raised:
            start(lab, job, "no-such-password")
        assert "log on as a service" in raised.value.remedy
        assert "no-such-password" not in f"{raised.value} {raised.value.details}"
        assert job.observe().phase == "prepared"
        job.clear()
        assert leftovers(session) == []


def test_a_restart_cuts_a_job_off(tmp_path: Path) -> None:
    with lab_of(tmp_path) as lab, opened(lab) as session:
        job = Job(session, FOLDER, "job")
        start(lab, job)
        before = session.boot_time()
        session.restart(5, "test")
        session.wait(
            lambda: None if session.boot_time()[:14] == before[:14] else True,
            what="the restart",
            timeout=3600,
            tolerate=(Unreachable, ConnectionLost),
        )
        state = job.observe()
        assert (state.phase, state.restart_since) == ("interrupted", True)
        job.clear()
        assert leftovers(session) == []


def count_job_messages(folder: Path) -> int:
    with lab_of(folder) as lab, pytest.MonkeyPatch.context() as patch, opened(lab) as session:
        breaks = Breaks()
        breaks.install(patch)
        start(lab, Job(session, FOLDER, "job"))
        return breaks.count


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_a_job_runs_once_wherever_its_start_is_cut_off(tmp_path: Path, lost: str) -> None:
    total = count_job_messages(tmp_path)
    with lab_of(tmp_path) as lab:
        # Every third: the calls in between are reads and closings of the same kind.
        for number in range(1 if lost == "question" else 2, total + 1, 3):
            with opened(lab) as session:
                session.delete("C:\\runs.txt")
            killed = opened(lab)
            with pytest.MonkeyPatch.context() as patch:
                Breaks(number, lost, kill=True).install(patch)
                with pytest.raises(Cut):
                    start(lab, Job(killed, FOLDER, "job"))
            with opened(lab) as session:
                job = Job(session, FOLDER, "job")
                phase = job.observe().phase
                assert phase != "interrupted", f"message {number}"
                if phase in ("none", "prepared", "armed"):
                    start(lab, job)
                state = job.wait(3600, "the setup")
                assert (state.phase, state.exit_code) == ("finished", 3010), f"message {number}"
                assert session.read_text("C:\\runs.txt") == "run\n", f"message {number}"
                job.clear()
                assert leftovers(session) == [], f"message {number}"


def test_a_job_survives_breaks_of_the_connection(tmp_path: Path) -> None:
    total = count_job_messages(tmp_path)
    with lab_of(tmp_path) as lab:
        for number in range(5, total + 1, 7):
            with pytest.MonkeyPatch.context() as patch, opened(lab) as session:
                session.delete("C:\\runs.txt")
                Breaks(number, "answer").install(patch)
                job = Job(session, FOLDER, "job")
                start(lab, job)
                state = job.wait(3600, "the setup")
                assert (state.phase, state.exit_code) == ("finished", 3010), f"message {number}"
                assert session.read_text("C:\\runs.txt") == "run\n", f"message {number}"
                job.clear()
                assert leftovers(session) == []


def test_a_service_that_is_there_already(lab: Lab) -> None:
    with opened(lab) as session:
        pipes = session.link().pipes
        rpc_services.create(pipes, "mailops-twice", "%COMSPEC% /c ver")
        rpc_services.create(pipes, "mailops-twice", "%COMSPEC% /c ver")
        assert rpc_services.delete(pipes, "mailops-twice") is True
        assert rpc_services.delete(pipes, "mailops-twice") is False

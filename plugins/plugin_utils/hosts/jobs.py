# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""A long command on the host, run exactly once, by the host itself.

An installer takes longer than connections last, and needs an account that can reach Active Directory, which the
network logon of a WinRM shell cannot. So it runs as a scheduled task, and what has become of it is kept in files.
In the job's folder:

=============  =========================================================================================
``run.cmd``    what the task runs; its first act is to rename ``go.txt`` to ``started.txt``
``go.txt``     the token. A rename happens once: of all attempts to start the job one at most gets past it
``boot.txt``   when Windows had been started, at the time the job was armed
``log.txt``    the installer's log; ``before.txt``: how many lines it had before
``exit.txt``   the exit code; it appears whole, by a rename
=============  =========================================================================================

Wherever a run is cut off, these files say how to go on: nothing can have been started before ``go.txt`` is there, and
nothing can be started again once ``started.txt`` is. ``go.txt`` is written only where ``started.txt`` is not, and even
then a second start ends in its first line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from . import console, files
from .commands import check_name, command, quote, secret
from .errors import CommandFailed, ConnectionLost, Refused, Unreachable, Unreadable, WaitTimeout
from .session import Session

_BOOT_TOLERANCE = 30.0
_START_WAIT = 60.0
_ATTEMPTS = 2


@dataclass(frozen=True)
class JobState:
    """What has become of a job.

    ``phase``: none; prepared (written down, cannot start); armed (can be started); running; finished (``exit_code``
    tells how); interrupted (it was started, and ended without an exit code, as in a crash or a restart).
    ``started_boot``: boot time when it was armed. ``restart_since``: Windows was restarted after that.
    """

    phase: str
    exit_code: int | None = None
    started_boot: str | None = None
    restart_since: bool = False


def boot_epoch(value: str) -> float:
    """Epoch seconds of a CIM date such as ``20261122101500.500000+060``. Raises Unreadable."""
    found = re.match(r"\s*(\d{14})(?:\.(\d{1,6}))?(?:([+-])(\d{3}))?", value)
    if not found:
        raise Unreadable(f"{value!r} is no date as WMI writes it")
    minutes = int(found[4] or 0) * (-1 if found[3] == "-" else 1)
    moment = datetime.strptime(found[1], "%Y%m%d%H%M%S")
    return moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).timestamp()


def restarted(before: str, now: str) -> bool:
    """Whether Windows was started anew between two looks at its boot time.

    The time is reckoned back from the clock and can wander by a second or two; half a minute is more than that and
    less than any restart takes.
    """
    return abs(boot_epoch(before) - boot_epoch(now)) > _BOOT_TOLERANCE


class Job:
    """One detached command on one host."""

    def __init__(self, session: Session, folder: str, task_name: str) -> None:
        r"""``folder``: ``C:\mailops\<update>``, of this job alone; ``task_name``: of the scheduled task."""
        self.session = session
        self.folder = check_name(folder, "folder").rstrip("\\")
        self.task_name = check_name(task_name, "task name")
        if " " in self.folder:
            # schtasks would take what stands before the blank for the program.
            raise Refused(f"the folder of a job must not hold a blank: {self.folder}")

    def path(self, name: str) -> str:
        """Full path of a file of the job."""
        return f"{self.folder}\\{name}"

    # ---- looking -------------------------------------------------------------------------------------

    def observe(self) -> JobState:
        """What has become of the job, in one round trip; changes nothing."""
        state = self._observe()
        if state.phase == "interrupted" and not state.restart_since:
            # The scheduler may show a task as idle for a moment after it has started it: look again.
            self.session.clock.sleep(self.session.poll_interval)
            state = self._observe()
        return state

    def _observe(self) -> JobState:
        token = self.session.token

        def exists(name: str) -> str:
            return f"if exist {quote(self.path(name))} (echo yes) else (echo no)"

        # The order matters: what shows that it has started, whether it runs, and only then whether it has ended.
        # So "started, not running, no exit code" cannot be a job that ended while we were looking.
        lines = [
            exists("run.cmd"),
            exists("go.txt"),
            exists("started.txt"),
            files.read_line(self.path("boot.txt"), token),
            "schtasks /query /v /fo csv /nh",
            "wmic os get LastBootUpTime /value <nul",
            files.read_line(self.path("exit.txt"), token),
        ]
        answers = self.session.run_all(lines)
        prepared, armed, started = (answer.stdout.strip() == "yes" for answer in answers[:3])
        boot_text = files.content(self.path("boot.txt"), token, answers[3])
        exit_text = files.content(self.path("exit.txt"), token, answers[6])
        boot = (boot_text or "").strip() or None
        now = console.wmic_values(answers[5].stdout).get("LastBootUpTime", "")
        since = bool(boot and now and restarted(boot, now))
        if exit_text is not None:
            return JobState("finished", self._exit_code(exit_text), boot, since)
        if started:
            running = self._task_runs(answers[4].stdout) and not since
            return JobState("running" if running else "interrupted", None, boot, since)
        if armed:
            return JobState("armed", None, boot, since)
        return JobState("prepared" if prepared else "none", None, boot, since)

    def _exit_code(self, text: str) -> int:
        found = re.search(r"-?\d+", text)
        if not found:
            raise Unreadable(f"{self.path('exit.txt')} on {self.session.host} holds no exit code: {text.strip()!r}")
        return console.signed(int(found.group()))

    def _task_runs(self, table: str) -> bool:
        """Whether the scheduler shows the task as something else than idle: an idle task's status is empty [V].

        A task that is not in the table was taken away by hand; nothing is known then, and what is not known to have
        ended counts as running, so that nothing is started beside it.
        """
        ours = [task for task in console.tasks(table) if task.name.lower() == self.task_name.lower()]
        return not ours or any(task.status for task in ours)

    # ---- starting --------------------------------------------------------------------------------------

    def start(self, lines: Sequence[str], account: str, password: str, log: str | None = None) -> JobState:
        """Run the lines as ``account``, once. Returns when the host has begun with them (or has ended already).

        Goes on from wherever an earlier attempt was cut off. Refused when the job has run before: look at it with
        ``observe``, and ``clear`` it first. Each line runs when the one before it ended with 0; the exit code is that
        of the last one that ran. They are lines of a command file (a literal ``%`` is doubled there).

        The password stands on the command line of schtasks.exe (``/rp``): Server 2003 documents no other way to
        give a task its account without a person at the keyboard. It is sent encrypted, and kept by Windows.
        """
        for attempt in range(_ATTEMPTS + 1):
            state = self.observe()
            if state.phase in ("running", "finished", "interrupted"):
                if attempt:
                    return state
                raise Refused(
                    f"the job in {self.folder} on {self.session.host} has been started before ({state.phase})",
                    remedy="it is never started a second time by itself",
                    phase=state.phase,
                    exit_code=state.exit_code,
                )
            if attempt == _ATTEMPTS:
                break
            if state.phase == "armed" and not self._disarm():
                # An earlier start is just taking the token.
                continue
            try:
                self._prepare(lines, log)
                self._create_task(account, password)
                self._arm()
            except CommandFailed as error:
                if error.exit_code != 9:
                    raise
                raise Refused(
                    f"the job in {self.folder} on {self.session.host} has just been started by another run",
                    remedy="let only one run at a time work on a host",
                ) from None
            self._run_task()
            begun = self._begun()
            if begun is not None:
                return begun
            if self._last_result():
                # The scheduler has tried. A wrong password tried again would only lock the account.
                break
        # Nothing may start later on, behind everybody's back.
        if not self._disarm():
            return self.observe()
        raise CommandFailed(
            f"the scheduled task {self.task_name} on {self.session.host} does not start{self._last_result()}",
            remedy=f"see whether {account} may log on as a batch job and its password is right "
            "(C:\\WINDOWS\\Tasks\\SchedLgU.Txt on the host), and whether the service Schedule runs",
        )

    def _disarm(self) -> bool:
        """Take the token away; False when somebody was faster and the job is starting."""
        source, target = quote(self.path("go.txt")), quote("prepared.txt")
        output = self.session.run(
            f"(if exist {quote(self.path('prepared.txt'))} del /f /q {quote(self.path('prepared.txt'))}) "
            f"& ren {source} {target}",
            changes=True,
        )
        return output.exit_code == 0

    def _unless_started(self, line: str) -> str:
        """The line, or exit code 9 when the job has started: somebody else may have done that since we looked."""
        return f"if exist {quote(self.path('started.txt'))} (exit 9) else ({line})"

    def _prepare(self, lines: Sequence[str], log: str | None) -> None:
        session, started = self.session, self.path("started.txt")
        session.make_dir(self.folder)
        files.write_text(session, self.path("run.cmd"), self._script(lines, log), unless=started)
        if log:
            files.write_text(session, self.path("log.txt"), [check_name(log, "log")], unless=started)
        files.write_text(session, self.path("boot.txt"), [session.boot_time()], unless=started)

    def _script(self, lines: Sequence[str], log: str | None) -> list[str]:
        if not lines:
            raise Refused("a job needs at least one command line")
        # The first lines never change: an instance that is just starting reads on behind them, even when the file
        # has been written anew meanwhile, and comes to the rename.
        script = [
            "@echo off",
            f"ren {quote(self.path('go.txt'))} started.txt || exit /b 9",
        ]
        if log:
            script.append(f'>{quote(self.path("before.txt"))} find /c /v "" <{quote(log)}')
        # Some commands, echo among them, leave ERRORLEVEL as they find it: begin with 0, whatever find has said.
        script.append("ver >nul")
        for index, line in enumerate(lines):
            # A command file that is not called would never come back.
            is_file = re.match(r'\s*("[^"]+\.(?:cmd|bat)"|\S+\.(?:cmd|bat))(?:\s|$)', line, re.IGNORECASE)
            text = f"call {line}" if is_file else line
            script.append(f"if %ERRORLEVEL%==0 {text}" if index else text)
        # The redirection leads, because `echo 7>file` would write handle 7.
        script.append(f">{quote(self.path('exit.tmp'))} echo %ERRORLEVEL%")
        script.append(f"ren {quote(self.path('exit.tmp'))} exit.txt")
        return script

    def _create_task(self, account: str, password: str) -> None:
        session = self.session
        # Server 2003 has no /f for /create and would ask whether to replace a task of that name.
        session.run(self._unless_started(self._schtasks("/delete", "/f")), changes=True)
        failures: list[CommandFailed] = []
        # Midnight is over, so it never starts by itself. Server 2003 wants HH:MM, XP and some service packs
        # HH:MM:SS [R]. No date: its format depends on the host's region.
        for midnight in ("00:00", "00:00:00"):
            line = command(
                "schtasks",
                "/create",
                *("/tn", quote(self.task_name)),
                *("/tr", quote(self.path("run.cmd"))),
                *("/sc", "once", "/st", midnight),
                *("/ru", quote(account)),
                *("/rp", secret(password)),
            )
            try:
                line = self._unless_started(line)
                session.change(line, f"creating the task {self.task_name} on {session.host}", secrets=[password])
                return
            except CommandFailed as error:
                failures.append(error)
        raise failures[0]

    def _arm(self) -> None:
        self.session.change(
            self._unless_started(f">{quote(self.path('go.txt'))} echo go"), f"arming the job in {self.folder}"
        )

    def _run_task(self) -> None:
        try:
            output = self.session.run(self._schtasks("/run"), changes=True)
        except ConnectionLost as error:
            # Whether it has started shows in the token, not in the answer that got lost.
            self.session.trace(f"going on to look after: {error}")
            self.session.reconnect()
            return
        if output.exit_code != 0:
            raise CommandFailed(
                f"the task {self.task_name} on {self.session.host} cannot be run: {console.first_line(output.text)}",
                exit_code=output.exit_code,
                output=output.text,
                remedy="see whether the service Schedule runs on the host",
            )

    def _begun(self) -> JobState | None:
        """Wait a little for the token to be taken. None: it lies there still."""

        def taken() -> JobState | None:
            try:
                state = self._observe()
            except (Unreachable, ConnectionLost):
                self.session.reconnect()
                raise
            if state.phase in ("none", "prepared", "armed"):
                return None
            return state if state.phase != "interrupted" else self.observe()

        try:
            return self.session.wait(
                taken,
                what=f"the task {self.task_name} to start",
                timeout=_START_WAIT,
                tolerate=(Unreachable, ConnectionLost),
                interval=min(self.session.poll_interval, 5.0),
            )
        except WaitTimeout:
            return None

    def _last_result(self) -> str:
        """In brackets, why the scheduler could not start the task: a negative result is an error of its own."""
        output = self.session.run("schtasks /query /v /fo csv /nh", changes=False)
        for task in console.tasks(output.stdout):
            if task.name.lower() == self.task_name.lower() and (task.last_result or 0) < 0:
                return f" (error 0x{(task.last_result or 0) & 0xFFFFFFFF:08x})"
        return ""

    def _schtasks(self, verb: str, *more: str) -> str:
        return command("schtasks", verb, "/tn", quote(self.task_name), *more)

    # ---- afterwards --------------------------------------------------------------------------------------

    def wait(self, timeout: float, what: str) -> JobState:
        """Wait until the job has ended. A host that is not there for a while (it restarts) is waited for too.

        Returns a state with the phase finished or interrupted; raises WaitTimeout, and the job goes on then.
        """

        def ended() -> JobState | None:
            try:
                state = self.observe()
            except (Unreachable, ConnectionLost):
                self.session.reconnect()
                raise
            if state.phase in ("none", "prepared", "armed"):
                raise CommandFailed(
                    f"the job in {self.folder} on {self.session.host} has not been started", phase=state.phase
                )
            return None if state.phase == "running" else state

        return self.session.wait(ended, what=what, timeout=timeout, tolerate=(Unreachable, ConnectionLost))

    def log_lines(self, phrases: Sequence[str]) -> list[str]:
        """Lines of the job's log that hold one of the phrases, in any case, written since the job began."""
        session, token = self.session, self.session.token
        answers = session.run_all(
            [files.read_line(self.path("log.txt"), token), files.read_line(self.path("before.txt"), token)]
        )
        log = (files.content(self.path("log.txt"), token, answers[0]) or "").strip()
        before = console.count(files.content(self.path("before.txt"), token, answers[1]) or "") or 0
        if not log or not phrases:
            return []
        searched = " ".join(f"/c:{quote(phrase)}" for phrase in phrases)
        total, matches = session.run_all([f'find /c /v "" <{quote(log)}', f"findstr /n /i /l {searched} {quote(log)}"])
        if matches.exit_code not in (0, 1):
            return []
        if (console.count(total.stdout) or 0) < before:
            # The log was begun anew.
            before = 0
        found: list[str] = []
        for line in matches.stdout.split("\n"):
            number, separator, text = line.partition(":")
            if separator and number.isdigit() and int(number) > before:
                found.append(text)
        return found

    def remove_task(self) -> None:
        """Delete the scheduled task of a job that has finished; its files stay. That there is none is no error."""
        self.session.run(self._schtasks("/delete", "/f"), changes=True)

    def clear(self) -> None:
        """Forget the job, so that it can be started anew: the task and the files that tell its story.

        Refused while it runs. The token goes first, so that nothing can start meanwhile; what cannot be known to
        have ended is not forgotten.
        """
        state = self.observe()
        if state.phase == "armed" and not self._disarm():
            state = self.observe()
        if state.phase == "running":
            raise Refused(f"the job in {self.folder} on {self.session.host} is running", phase=state.phase)
        # What tells that it has run goes last, and the task after it: an idle task is what shows that a job without an
        # exit code was interrupted. So a cut in between never makes the job look new, nor as if it ran for ever.
        names = ("go.txt", "prepared.txt", "run.cmd", "log.txt", "before.txt", "exit.tmp", "boot.txt", "started.txt")
        files.delete_all(self.session, [self.path(name) for name in (*names, "exit.txt")])
        self.remove_task()

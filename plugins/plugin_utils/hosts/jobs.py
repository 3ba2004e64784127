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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from . import console, logs
from .commands import check_name, quote
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
        self._starter = session.starter(self.folder, self.task_name)

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
        look = self._starter.look()
        boot = (look.boot_text or "").strip() or None
        since = bool(boot and look.boot_now and restarted(boot, look.boot_now))
        if look.exit_text is not None:
            return JobState("finished", self._exit_code(look.exit_text), boot, since)
        if look.started:
            return JobState("running" if look.runs and not since else "interrupted", None, boot, since)
        if look.armed:
            return JobState("armed", None, boot, since)
        return JobState("prepared" if look.prepared else "none", None, boot, since)

    def _exit_code(self, text: str) -> int:
        found = re.search(r"-?\d+", text)
        if not found:
            raise Unreadable(f"{self.path('exit.txt')} on {self.session.host} holds no exit code: {text.strip()!r}")
        return console.signed(int(found.group()))

    # ---- starting --------------------------------------------------------------------------------------

    def start(self, lines: Sequence[str], account: str, password: str, log: str | None = None) -> JobState:
        """Run the lines as ``account``, once. Returns when the host has begun with them (or has ended already).

        Goes on from wherever an earlier attempt was cut off. Refused when the job has run before: look at it with
        ``observe``, and ``clear`` it first. Each line runs when the one before it ended with 0; the exit code is that
        of the last one that ran. They are lines of a command file (a literal ``%`` is doubled there).
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
            if state.phase == "armed" and not self._starter.disarm():
                # An earlier start is just taking the token.
                continue
            try:
                self._prepare(lines, log)
                self._starter.create(account, password)
                self._starter.arm()
            except CommandFailed as error:
                if error.exit_code != 9:
                    raise
                raise Refused(
                    f"the job in {self.folder} on {self.session.host} has just been started by another run",
                    remedy="let only one run at a time work on a host",
                ) from None
            self._starter.run()
            begun = self._begun()
            if begun is not None:
                return begun
            if self._starter.last_error():
                # Windows has tried. A wrong password tried again would only lock the account.
                break
        # Nothing may start later on, behind everybody's back.
        if not self._starter.disarm():
            return self.observe()
        raise self._starter.cannot_start(account)

    def _prepare(self, lines: Sequence[str], log: str | None) -> None:
        self.session.make_dir(self.folder)
        self._starter.write("run.cmd", self._script(lines, log))
        if log:
            self._starter.write("log.txt", [check_name(log, "log")])
        self._starter.write("boot.txt", [self.session.boot_time()])

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

    # ---- afterwards --------------------------------------------------------------------------------------

    def wait(self, timeout: float, what: str, watch: Callable[[], None] | None = None) -> JobState:
        """Wait until the job has ended. A host that is not there for a while (it restarts) is waited for too.

        Returns a state with the phase finished or interrupted; raises WaitTimeout, and the job goes on then. ``watch``:
        called at each look, for whoever has to see something else meanwhile.
        """

        def ended() -> JobState | None:
            try:
                state = self.observe()
                if watch is not None:
                    watch()
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
        session = self.session
        log_text, before_text = session.read_texts([self.path("log.txt"), self.path("before.txt")])
        log, before = (log_text or "").strip(), console.count(before_text or "") or 0
        if not log:
            return []
        return logs.new_lines(session, log, before, phrases)

    def remove_task(self) -> None:
        """Delete the scheduled task of a job that has finished; its files stay. That there is none is no error."""
        self._starter.remove()

    def clear(self) -> None:
        """Forget the job, so that it can be started anew: the task and the files that tell its story.

        Refused while it runs. The token goes first, so that nothing can start meanwhile; what cannot be known to
        have ended is not forgotten.
        """
        state = self.observe()
        if state.phase == "armed" and not self._starter.disarm():
            state = self.observe()
        if state.phase == "running":
            raise Refused(f"the job in {self.folder} on {self.session.host} is running", phase=state.phase)
        # What tells that it has run goes last, and the task after it: an idle task is what shows that a job without an
        # exit code was interrupted. So a cut in between never makes the job look new, nor as if it ran for ever.
        names = ("go.txt", "prepared.txt", "run.cmd", "log.txt", "before.txt", "exit.tmp", "boot.txt", "started.txt")
        self._starter.delete_files((*names, "exit.txt"))
        self.remove_task()

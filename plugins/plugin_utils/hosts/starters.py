# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a channel does for a detached job (see ``jobs``), and how it does it where there are cmd.exe and schtasks.exe.

The files of the job and their meaning are the same on every channel; only who starts the job, and how the files come
to the host, differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import console, files
from .commands import command, quote, secret
from .errors import CommandFailed, ConnectionLost

if TYPE_CHECKING:
    from .session import Session


@dataclass(frozen=True)
class Look:
    """What is there of a job: which of its files, the text of two of them, whether it runs, the boot time of now.

    ``runs`` is looked at after ``started`` and before ``exit_text``, so that "started, not running, no exit code"
    cannot be a job that ended meanwhile. ``boot_now``: "" where the host does not tell it.
    """

    prepared: bool
    armed: bool
    started: bool
    boot_text: str | None
    runs: bool
    boot_now: str
    exit_text: str | None


class Starter(ABC):
    """Starts one job and tells of it. ``folder`` is the job's own; ``name`` names it to Windows."""

    def __init__(self, session: Session, folder: str, name: str) -> None:
        """Nothing is sent."""
        self.session, self.folder, self.name = session, folder, name

    def path(self, name: str) -> str:
        """Full path of a file of the job."""
        return f"{self.folder}\\{name}"

    @abstractmethod
    def look(self) -> Look:
        """What is there; changes nothing."""

    @abstractmethod
    def write(self, name: str, lines: Sequence[str]) -> None:
        """Write a file of the job. CommandFailed with exit code 9 where the job has started."""

    @abstractmethod
    def create(self, account: str, password: str) -> None:
        """Tell Windows of the job, so that ``run`` can start it. Exit code 9 as for ``write``."""

    @abstractmethod
    def arm(self) -> None:
        """Put the token down. Exit code 9 as for ``write``."""

    @abstractmethod
    def disarm(self) -> bool:
        """Take the token away; False when somebody was faster and the job is starting."""

    @abstractmethod
    def run(self) -> None:
        """Start it. A lost answer is no error here: the token shows what has become of it."""

    @abstractmethod
    def last_error(self) -> str:
        """In brackets, why Windows could not start it; "" where it does not tell."""

    @abstractmethod
    def remove(self) -> None:
        """Have Windows forget the job; the files stay. That it knows none is no error."""

    @abstractmethod
    def delete_files(self, names: Sequence[str]) -> None:
        """Delete files of the job in this order."""

    def cannot_start(self, account: str) -> CommandFailed:
        """What to say when it does not start."""
        return CommandFailed(
            f"the scheduled task {self.name} on {self.session.host} does not start{self.last_error()}",
            remedy=f"see whether {account} may log on as a batch job and its password is right "
            "(C:\\WINDOWS\\Tasks\\SchedLgU.Txt on the host), and whether the service Schedule runs",
        )


class ScheduledTask(Starter):
    """A scheduled task of Server 2003, by schtasks.exe."""

    def look(self) -> Look:
        """In one round trip."""
        token = self.session.token

        def exists(name: str) -> str:
            return f"if exist {quote(self.path(name))} (echo yes) else (echo no)"

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
        return Look(
            prepared,
            armed,
            started,
            files.content(self.path("boot.txt"), token, answers[3]),
            self._task_runs(answers[4].stdout),
            console.wmic_values(answers[5].stdout).get("LastBootUpTime", ""),
            files.content(self.path("exit.txt"), token, answers[6]),
        )

    def _task_runs(self, table: str) -> bool:
        """Whether the scheduler shows the task as something else than idle: an idle task's status is empty [V].

        A task that is not in the table was taken away by hand; nothing is known then, and what is not known to have
        ended counts as running, so that nothing is started beside it.
        """
        ours = [task for task in console.tasks(table) if task.name.lower() == self.name.lower()]
        return not ours or any(task.status for task in ours)

    def _unless_started(self, line: str) -> str:
        """The line, or exit code 9 when the job has started: somebody else may have done that since we looked."""
        return f"if exist {quote(self.path('started.txt'))} (exit 9) else ({line})"

    def write(self, name: str, lines: Sequence[str]) -> None:
        """By cmd.exe."""
        files.write_text(self.session, self.path(name), lines, unless=self.path("started.txt"))

    def create(self, account: str, password: str) -> None:
        """The password stands on the command line of schtasks.exe (``/rp``).

        Server 2003 documents no other way to give a task its account without a person at the keyboard. It is sent
        encrypted, and kept by Windows.
        """
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
                *("/tn", quote(self.name)),
                *("/tr", quote(self.path("run.cmd"))),
                *("/sc", "once", "/st", midnight),
                *("/ru", quote(account)),
                *("/rp", secret(password)),
            )
            try:
                line = self._unless_started(line)
                session.change(line, f"creating the task {self.name} on {session.host}", secrets=[password])
                return
            except CommandFailed as error:
                failures.append(error)
        raise failures[0]

    def arm(self) -> None:
        """By cmd.exe."""
        self.session.change(
            self._unless_started(f">{quote(self.path('go.txt'))} echo go"), f"arming the job in {self.folder}"
        )

    def disarm(self) -> bool:
        """By a rename, which happens once."""
        source, target = quote(self.path("go.txt")), quote("prepared.txt")
        output = self.session.run(
            f"(if exist {quote(self.path('prepared.txt'))} del /f /q {quote(self.path('prepared.txt'))}) "
            f"& ren {source} {target}",
            changes=True,
        )
        return output.exit_code == 0

    def run(self) -> None:
        """By schtasks.exe, at once."""
        try:
            output = self.session.run(self._schtasks("/run"), changes=True)
        except ConnectionLost as error:
            # Whether it has started shows in the token, not in the answer that got lost.
            self.session.trace(f"going on to look after: {error}")
            self.session.reconnect()
            return
        if output.exit_code != 0:
            raise CommandFailed(
                f"the task {self.name} on {self.session.host} cannot be run: {console.first_line(output.text)}",
                exit_code=output.exit_code,
                output=output.text,
                remedy="see whether the service Schedule runs on the host",
            )

    def last_error(self) -> str:
        """A negative result is an error of the scheduler's own."""
        output = self.session.run("schtasks /query /v /fo csv /nh", changes=False)
        for task in console.tasks(output.stdout):
            if task.name.lower() == self.name.lower() and (task.last_result or 0) < 0:
                return f" (error 0x{(task.last_result or 0) & 0xFFFFFFFF:08x})"
        return ""

    def remove(self) -> None:
        """Delete the task."""
        self.session.run(self._schtasks("/delete", "/f"), changes=True)

    def delete_files(self, names: Sequence[str]) -> None:
        """With one call."""
        files.delete_all(self.session, [self.path(name) for name in names])

    def _schtasks(self, verb: str, *more: str) -> str:
        return command("schtasks", verb, "/tn", quote(self.name), *more)

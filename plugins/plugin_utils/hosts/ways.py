# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small things that each channel does in its own way; here as they are done with cmd.exe and its programs.

They are what the code around a session is built of: services, detached jobs, logs. A channel to a host that lacks
sc.exe, schtasks.exe or findstr.exe has other ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from . import asking, console, files
from .commands import command, quote
from .errors import Refused, Unreadable
from .models import Output, Service
from .starters import ScheduledTask, Starter

if TYPE_CHECKING:
    from .session import Session


class Ways:
    """Base of every session."""

    copies_files = False
    """Whether ``put_file`` can copy a file from the control node to the host."""

    by_programs = True
    """Whether registry, services and jobs are reached by programs of the host, such as reg.exe and sc.exe."""

    def _session(self) -> Session:
        return cast("Session", self)

    def learn_page(self) -> None:
        """Learn now in which code page the console writes, where that is asked for only when it matters."""

    # ---- questions -----------------------------------------------------------------------------------

    def ask_ahead(
        self,
        lines: Sequence[str] = (),
        *,
        values: Sequence[str] = (),
        trees: Sequence[str] = (),
        subkeys: Sequence[str] = (),
        services: Sequence[str] = (),
    ) -> None:
        """Ask together what is going to be asked one by one in a moment; each line is then answered without a trip.

        As in ``Session.ask``; a line that stands here twice is asked once and answered twice. A change makes all
        answers void, and so does the next call. Raises Unreachable.
        """
        asking.ahead(self._session(), lines, values, trees, subkeys, services)

    # ---- services ------------------------------------------------------------------------------------

    def query_service(self, name: str) -> Output:
        """State of one service as ``sc query`` tells it: exit code (1060: there is none) and output."""
        return self._session().run(f"sc query {quote(name)}", changes=False)

    def one_service(self, name: str) -> Service | Output:
        """One service without its start type, or what was said instead: exit code 1060 where there is none."""
        output = self.query_service(name)
        return output if output.exit_code != 0 else Service(name, console.service_state(output.stdout), None)

    def control_service(self, name: str, verb: str) -> Output:
        """Ask a service to ``start`` or to ``stop``; the exit code is the Win32 error. Returns without waiting."""
        return self._session().run(command("sc", verb, quote(name)), changes=True)

    def pending_services(self) -> list[str]:
        """The services that are starting or stopping at this moment."""
        session = self._session()
        output = session.run("sc query state= all bufsize= 65536", changes=False)
        if output.exit_code != 0:
            raise Unreadable(f"the services of {session.host} cannot be listed: {console.first_line(output.text)}")
        return console.services_pending(output.stdout)

    # ---- jobs ----------------------------------------------------------------------------------------

    def starter(self, folder: str, name: str) -> Starter:
        """What starts the detached job in a folder; ``name`` names it to Windows."""
        return ScheduledTask(self._session(), folder, name)

    # ---- files ---------------------------------------------------------------------------------------

    def read_texts(self, paths: Sequence[str]) -> list[str | None]:
        """``read_text`` of several files at once."""
        session, token = self._session(), self._session().token
        answers = session.run_all([files.read_line(path, token) for path in paths])
        return [files.content(path, token, answer) for path, answer in zip(paths, answers, strict=True)]

    def count_lines(self, paths: Sequence[str]) -> list[int]:
        """How many lines each file has; 0 where there is no such file."""
        outputs = self._session().run_all([_counting(path) for path in paths])
        return [(console.count(output.stdout) or 0) if output.exit_code == 0 else 0 for output in outputs]

    def search_lines(self, path: str, phrases: Sequence[str]) -> tuple[int, list[tuple[int, str]]]:
        """How many lines a file has, and those that hold one of the phrases in any case, numbered from 1."""
        searched = " ".join(f"/c:{quote(phrase)}" for phrase in phrases)
        total, matches = self._session().run_all([_counting(path), f"findstr /n /i /l {searched} {quote(path)}"])
        found: list[tuple[int, str]] = []
        if matches.exit_code in (0, 1):
            for line in matches.stdout.split("\n"):
                number, separator, text = line.partition(":")
                if separator and number.isdigit():
                    found.append((int(number), text))
        return console.count(total.stdout) or 0, found

    def put_file(self, local: str, remote: str) -> None:
        """Copy a file of the control node to the host."""
        raise Refused(
            f"this connection cannot copy files to {self._session().host}",
            remedy="name the file on a share, or use the connection mailops.exchange.rpc",
        )

    def move_file(self, path: str, to: str) -> None:
        """Rename a file on its drive, in place of one that has the name."""
        line = command("move", "/y", quote(path), quote(to)) + " >nul"
        self._session().change(line, f"renaming {path} to {to}")


def _counting(path: str) -> str:
    return f'find /c /v "" <{quote(path)}'

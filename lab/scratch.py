# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of SMB needs of its own to run a line on a host: a service, and files in a folder agreed on.

Where there is no remote shell, a line that only looks has to be written into a file and run by a service. These are
the client's tools and no change of the host: the journal's `changes` says what the line itself does. For that a `Job`
watches the program of a service and everything that this has started apart from itself; when all of it has ended, a
line of the journal of its own tells what was run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import Host

#: The folder for lines that are run, the one above it, and how the services begin that run them.
FOLDER, ABOVE, SERVICES = "c:\\mailops\\run", "c:\\mailops", "mailops-m"
CHANNEL = "rpc"
_LONGEST = 2000


def is_scratch(path: str) -> bool:
    """Whether a full path is one of the agreed folders or below the inner one."""
    plain = path.lower().rstrip("\\")
    return plain in (ABOVE, FOLDER) or plain.startswith(FOLDER + "\\")


def is_tool(service: str) -> bool:
    """Whether a service is there only to run a line."""
    return service.lower().startswith(SERVICES)


class Job:
    """The program of a service with all that it has started; `changing`: something of it changes the host."""

    def __init__(self, host: Host, line: str) -> None:
        self.changing = False
        self._host = host
        self._line = line
        self._running = 0
        self._commands: list[str] = []
        self._code: int | None = None

    def began(self) -> None:
        """One more program of it runs."""
        self._running += 1

    def ran(self, text: str) -> None:
        """A command was run in it."""
        self._commands.append(text.strip())

    def ended(self, code: int | None) -> None:
        """A program of it has ended (None: it was cut off); with the last one the journal gets its line."""
        self._running -= 1
        self._code = code if code is not None else self._code
        if self._running > 0:
            return
        text = " & ".join(self._commands) or self._line
        short = text if len(text) <= _LONGEST else text[: _LONGEST - 4] + " ..."
        self._host.world.tell_job(self._host.name, CHANNEL, short, self._code, self.changing)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program is given when it runs, and the table of programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .streams import Streams
from .wording import win32_text, wording

if TYPE_CHECKING:
    from ..host import Host
    from ..world import Context, World
    from .filesystem import Disk
    from .interpreter import Shell


@dataclass
class Call:
    """One run of a program or of one of cmd's own commands."""

    shell: Shell
    name: str
    raw: str  # the argument text as it stands on the line
    argv: list[str]  # the arguments by the C run-time's rules, the program's name not among them
    streams: Streams
    path: str = ""  # the program's file, where it was found as one

    @property
    def context(self) -> Context:
        """Who runs it, where."""
        return self.shell.context

    @property
    def host(self) -> Host:
        """The host that it runs on."""
        return self.shell.context.host

    @property
    def world(self) -> World:
        """The estate."""
        return self.shell.context.world

    @property
    def disk(self) -> Disk:
        """Files, by paths relative to the current directory."""
        return self.shell.disk

    def out(self, text: str) -> None:
        """Write to standard output as it is."""
        self.streams.out.write(text)

    def err(self, text: str) -> None:
        """Write to standard error as it is."""
        self.streams.err.write(text)

    def line(self, text: str = "") -> None:
        """Write a line (or several) to standard output with CR LF."""
        self.out(text.replace("\n", "\r\n") + "\r\n")

    def complain(self, text: str = "") -> None:
        """Write a line (or several) to standard error with CR LF."""
        self.err(text.replace("\n", "\r\n") + "\r\n")

    def text(self, key: str, **values: object) -> str:
        """A text in the host's language."""
        return wording(self.host.language, key, **values)

    def win32(self, code: int) -> str:
        """The system's sentence for an error code in the host's language."""
        return win32_text(self.host.language, code)

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.shell.timer.sleep(seconds)

    def wait_until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Wait for something in simulated time; tells whether it came to hold."""
        return self.shell.timer.wait_until(predicate, seconds)

    def read_input(self) -> str:
        """All of standard input; hangs where nothing is sent and it has no end."""
        self._await_input()
        return self.streams.source.read_all()

    def read_line(self) -> str | None:
        """A line of standard input, None at its end; hangs where nothing is sent and it has no end."""
        self._await_input()
        return self.streams.source.read_line()

    def _await_input(self) -> None:
        if self.streams.source.exhausted and not self.streams.source.ends:
            self.shell.timer.hang()


Changing = bool | Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class Program:
    """A console program. ``systems`` names the Windows versions that have it (empty: all).

    ``file`` is the path that must exist on the host for it to be there (a tool that was put there).
    """

    name: str
    run: Callable[[Call], int]
    changing: Changing = False
    systems: frozenset[str] = field(default_factory=frozenset)
    file: str = ""

    def changes(self, argv: Sequence[str]) -> bool:
        """Whether a run with these arguments is of a kind that changes the host or the cluster."""
        return self.changing(argv) if callable(self.changing) else self.changing


PROGRAMS: dict[str, Program] = {}

Finder = Callable[["Shell", str, str], Program | None]
FINDERS: list[Finder] = []


def program(
    name: str, *, changing: Changing = False, systems: Iterable[str] = (), file: str = ""
) -> Callable[[Callable[[Call], int]], Callable[[Call], int]]:
    """Register a console program under its name without ``.exe``."""

    def register(function: Callable[[Call], int]) -> Callable[[Call], int]:
        PROGRAMS[name] = Program(name, function, changing, frozenset(systems), file)
        return function

    return register


def finder(function: Finder) -> Finder:
    """Register a function that recognises files as programs: (shell, full path, argument text) -> Program or None."""
    FINDERS.append(function)
    return function

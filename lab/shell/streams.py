# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a command's input comes from and where its output goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Sink(Protocol):
    """Takes output text, line ends included."""

    def write(self, text: str) -> None:
        """Take ``text``."""


class Capture:
    """Keeps what is written, in order."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def write(self, text: str) -> None:
        """Keep ``text``."""
        self._parts.append(text)

    @property
    def text(self) -> str:
        """Everything written so far."""
        return "".join(self._parts)


class Discard:
    """The nul device."""

    def write(self, text: str) -> None:
        """Forget ``text``."""


class FileSink:
    """Appends to an opened file."""

    def __init__(self, append: Callable[[bytes], None], encoding: str) -> None:
        self._append = append
        self._encoding = encoding

    def write(self, text: str) -> None:
        """Append ``text`` in the host's code page."""
        self._append(text.encode(self._encoding, errors="replace"))


class Source:
    """Input that is read from front to back.

    ``ends`` tells whether the end of the text is an end of file. Where it is not (the input of a
    remote shell to which nothing was sent) a program that reads on waits for ever.
    """

    def __init__(self, text: str = "", *, ends: bool = True) -> None:
        self._text = text
        self._position = 0
        self.ends = ends

    @property
    def exhausted(self) -> bool:
        """Whether everything has been read."""
        return self._position >= len(self._text)

    def read_all(self) -> str:
        """Everything that is left."""
        rest = self._text[self._position :]
        self._position = len(self._text)
        return rest

    def read_line(self) -> str | None:
        """The next line without its end, or None when there is none."""
        if self.exhausted:
            return None
        end = self._text.find("\n", self._position)
        end = len(self._text) if end < 0 else end
        line = self._text[self._position : end]
        self._position = end + 1
        return line.rstrip("\r")


class Streams:
    """The numbered handles of a running command: 0 is read, the others are written."""

    def __init__(self, source: Source, out: Sink, err: Sink) -> None:
        self.source = source
        self.sinks: dict[int, Sink] = {1: out, 2: err}

    def copy(self) -> Streams:
        """The same handles, to be redirected without effect on this one."""
        twin = Streams(self.source, self.sinks[1], self.sinks[2])
        twin.sinks.update(self.sinks)
        return twin

    @property
    def out(self) -> Sink:
        """Handle 1."""
        return self.sinks[1]

    @property
    def err(self) -> Sink:
        """Handle 2."""
        return self.sinks[2]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batch files: lines one after the other, labels, arguments, ``call :label``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .argv import split_words
from .interpreter import ExitBatch, Shell
from .loops import is_quiet, render
from .parser import DELIMITERS, Parser
from .streams import Streams
from .syntax import SyntaxProblem
from .variables import Variables

if TYPE_CHECKING:
    from collections.abc import Sequence


class GotoLabel(Exception):
    """``goto``: go on after this label."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label


@dataclass
class Frame:
    """A running batch file or subroutine."""

    path: str
    lines: Sequence[str]
    arguments: list[str]
    position: int = 0
    saved: list[tuple[Variables, bool, str]] = field(default_factory=list)

    def restore(self, shell: Shell) -> None:
        """Undo the last ``setlocal``."""
        if self.saved:
            shell.variables, shell.delayed, shell.context.cwd = self.saved.pop()


def run_file(shell: Shell, path: str, rest: str, streams: Streams) -> int:
    """Run a batch file; ``rest`` is the argument text. Returns the ERRORLEVEL that it ends with."""
    text = shell.disk.read(path).decode(shell.encoding, errors="replace")
    lines = text.replace("\r", "").split("\n")
    frame = Frame(path, lines, [path, *split_words(rest)])
    return _run_frame(shell, frame, streams)


def run_label(shell: Shell, label: str, rest: str, streams: Streams) -> int:
    """``call :label``: run the lines after a label of the same file as a subroutine."""
    outer = shell.frame
    if outer is None:
        raise ValueError("a label needs a batch file")
    frame = Frame(outer.path, outer.lines, [":" + label, *split_words(rest)])
    position = _find_label(frame, label)
    if position is None:
        shell.complain(streams, shell.text("cmd.no_label", label=label))
        shell.errorlevel = 1
        return 1
    frame.position = position
    return _run_frame(shell, frame, streams)


def _run_frame(shell: Shell, frame: Frame, streams: Streams) -> int:
    outer, outer_loops = shell.frame, shell.loops
    shell.frame, shell.loops = frame, {}
    try:
        while (line := _next_line(frame)) is not None:
            try:
                _run_line(shell, frame, line, streams)
            except GotoLabel as jump:
                position = None if jump.label.lower() == "eof" else _find_label(frame, jump.label)
                if position is None:
                    if jump.label.lower() != "eof":
                        shell.complain(streams, shell.text("cmd.no_label", label=jump.label))
                        shell.errorlevel = 1
                    break
                frame.position = position
                shell.loops = {}
    except ExitBatch as ended:
        if ended.code is not None:
            shell.errorlevel = ended.code
    finally:
        while frame.saved:
            frame.restore(shell)
        shell.frame, shell.loops = outer, outer_loops
    return shell.errorlevel


def _next_line(frame: Frame) -> str | None:
    if frame.position >= len(frame.lines):
        return None
    frame.position += 1
    return frame.lines[frame.position - 1]


def _run_line(shell: Shell, frame: Frame, line: str, streams: Streams) -> None:
    if line.lstrip(DELIMITERS).startswith(":"):
        return

    def more() -> str | None:
        following = _next_line(frame)
        return None if following is None else "\n" + shell.expand(following)

    try:
        node = Parser(shell.expand(line), more).parse()
    except SyntaxProblem as problem:
        # A line that cannot be parsed ends the batch file.
        shell.syntax_error(problem, streams)
        raise ExitBatch(shell.errorlevel) from None
    if node is None:
        return
    if shell.echo and not is_quiet(node):
        streams.out.write(f"\r\n{shell.context.cwd}>{render(node)} \r\n")
    shell.run(node, streams)


def _find_label(frame: Frame, label: str) -> int | None:
    """The position after the label: searched from here to the end, then from the beginning."""
    wanted = label.lower()
    count = len(frame.lines)
    for offset in range(count):
        position = (frame.position + offset) % count
        text = frame.lines[position].lstrip(DELIMITERS)
        if text.startswith(":"):
            words = split_words(text[1:].lstrip(), DELIMITERS + ":+")
            if words and words[0].lower() == wanted:
                return position + 1
    return None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the remote shell and the task scheduler call: run a line, run a batch file, run a command."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ProcessEnded
from . import builtins_files, builtins_flow, builtins_listing, builtins_text  # they register cmd's own commands
from .interpreter import ExitBatch, ExitShell, Shell
from .streams import Capture, Discard, Source, Streams

if TYPE_CHECKING:
    from ..world import Context

OWN_COMMANDS = (builtins_files, builtins_flow, builtins_listing, builtins_text)


@dataclass(frozen=True)
class Result:
    """What a line left. ``changing``: a command of a changing kind was executed, also one that failed.

    ``interrupted``: the host went down meanwhile, so that nobody can be told the rest.
    """

    exit_code: int
    stdout: str
    stderr: str
    changing: bool
    interrupted: bool = False


def _own(context: Context) -> Context:
    """A context whose environment and directory can be changed without effect on the caller's."""
    return dataclasses.replace(context, environment=dict(context.environment))


def run_line(context: Context, line: str, stdin: bytes = b"") -> Result:
    """Run a line as ``cmd /c "line"`` does; the caller holds the world's lock (waiting releases it).

    ``stdin`` is what was sent to the shell's input; where nothing was sent, a program that reads its input waits.
    """
    from ..programs import load  # the programs build on this package

    load()
    shell = Shell(_own(context))
    out, err = Capture(), Capture()
    source = Source(stdin.decode(shell.encoding, errors="replace"), ends=bool(stdin))
    interrupted = False
    try:
        code = shell.line(line, Streams(source, out, err))
    except ExitShell as ended:
        code = ended.code
    except ProcessEnded:
        code, interrupted = 1, True
    return Result(code, out.text, err.text, shell.changing, interrupted)


def run_batch(context: Context, path: str, arguments: str = "") -> int:
    """Run a batch file in this process; returns its exit code. Raises ProcessEnded when the process is ended."""
    return run_command(context, f'call "{path}" {arguments}')


def run_command(context: Context, command: str) -> int:
    """Run a scheduled task's command without input and output; returns its exit code.

    A program or a batch file is started as it is, not by ``cmd``: operators mean nothing in it.
    Raises ProcessEnded when the process is ended.
    """
    from ..programs import load  # the programs build on this package

    load()
    shell = Shell(_own(context))
    streams = Streams(Source(""), Discard(), Discard())
    try:
        name, rest = first_word(command.strip())
        if name.lower() == "call":
            return shell.line(command, streams)
        return shell.execute(name, rest, streams)
    except ExitShell as ended:
        return ended.code
    except ExitBatch as ended:
        return shell.errorlevel if ended.code is None else ended.code


def first_word(command: str) -> tuple[str, str]:
    """Split a command into its first word, quotes kept together, and the rest with its blank."""
    quoted = False
    for index, char in enumerate(command):
        if char == '"':
            quoted = not quoted
        elif char in " \t" and not quoted:
            return command[:index], command[index:]
    return command, ""

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remote shells of a host and the commands that run in them.

A command is a background program of the clock: it goes on while nobody asks for its output, as on Windows, and it
ends with its shell, with its host, or when the client says so.
"""

from __future__ import annotations

import codecs
import time as realtime
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import ProcessEnded
from ..programs import load
from ..shell.interpreter import ExitShell, Shell
from ..shell.run import Result, first_word, run_line
from ..shell.streams import Capture, Source, Streams
from ..world import make_context
from . import soap
from .connections import Reset

if TYPE_CHECKING:
    from ..clock import Handle
    from ..host import Host, Process
    from ..world import Context, World

#: WinRM 2.0 allows a user five shells [V, quoted in public issues] and ends one that is idle for three minutes [R].
MAX_SHELLS = 5
IDLE_TIMEOUT = 180.0
#: Exit code of a command that control-C ended (STATUS_CONTROL_C_EXIT).
INTERRUPTED = 0xC000013A
#: A command whose client neither sends input nor asks for output starts by itself after this much real time.
PATIENCE = 0.5


class RemoteCommand:
    """One command of a shell; its output is there when it has ended."""

    def __init__(self, shell: RemoteShell, line: str, command_id: str, direct: bool) -> None:
        self.shell = shell
        self.line = line
        self.command_id = command_id
        self.direct = direct
        self.done = False
        self.exit_code = 0
        self.broken = False
        self._input = bytearray()
        self._streams: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        self._process: Process | None = None
        self._timer: Handle | None = None
        clock = shell.world.clock
        self._call = shell.world.begin_call(shell.host.name, "winrm", line)
        if self._call.fault == "refuse":
            shell.world.end_call(self._call, None, False)
            raise Reset
        # the answer is lost when the effect is there
        self.broken = self._call.fault == "drop"
        self._timer = clock.after(max(1.0, PATIENCE * clock.speed), self.start)

    def feed(self, data: bytes, *, end: bool) -> None:
        """Standard input; with its end the command starts."""
        if self._process is None:
            self._input += data
            if end:
                self.start()

    def start(self) -> None:
        """Start the command unless it has started."""
        if self._process is not None or self.done:
            return
        if self._timer:
            self._timer.cancel()
        shell = self.shell
        self._process = shell.host.spawn("cmd.exe", shell.owner, "network", of_call=True)
        self._process.background = shell.world.clock.spawn(self._run, "lab-command")

    def interrupt(self) -> None:
        """End the command where it stands."""
        if self._timer:
            self._timer.cancel()
        if self._process is not None and not self._process.ended:
            self.shell.host.end_process(self._process, INTERRUPTED)
        if not self.done:
            self._finish(INTERRUPTED, changing=False)

    def take(self, name: str, room: int) -> bytes:
        """The next part of a stream, at most `room` bytes."""
        data = self._streams.get(name, b"")
        self._streams[name] = data[room:]
        return data[:room]

    def rest(self, names: list[str]) -> bool:
        """Whether a stream still has something."""
        return any(self._streams.get(name) for name in names)

    def _run(self) -> None:
        shell = self.shell
        try:
            context = shell.context()
            context.process = self._process
            result = run_direct(context, self.line) if self.direct else run_line(context, self.line, bytes(self._input))
        except BaseException:
            # the process was ended before it began, or the lab has made a mistake
            if not self.done:
                self._finish(INTERRUPTED, changing=False)
            raise
        for name, text in (("stdout", result.stdout), ("stderr", result.stderr)):
            self._streams[name] = text.encode(shell.encoding, errors="replace")
        if not self.done:
            self._finish(INTERRUPTED if result.interrupted else result.exit_code, changing=result.changing)
        if self._process is not None and not self._process.ended:
            # the process ends by itself: nothing is left to be killed
            self._process.background = None
            shell.host.end_process(self._process, self.exit_code)

    def _finish(self, exit_code: int, *, changing: bool) -> None:
        self.exit_code = exit_code & 0xFFFFFFFF
        self.done = True
        self.shell.world.end_call(self._call, exit_code, changing)


class RemoteShell:
    """One shell: code page, environment, directory, commands."""

    def __init__(self, world: World, host: Host, owner: str, shell_id: str, codepage: int | None) -> None:
        self.world = world
        self.host = host
        self.owner = owner
        self.shell_id = shell_id
        self.codepage = codepage or host.oem_codepage
        self.encoding = encoding(self.codepage)
        self.environment: dict[str, str] = {}
        self.directory = ""
        self.idle_timeout = IDLE_TIMEOUT
        self.opened = self.used = world.clock.time
        self._boot = host.boot_time
        self._busy = 0
        self._used_real = realtime.monotonic()
        self._commands: dict[str, RemoteCommand] = {}

    def alive(self) -> bool:
        """Whether the host still runs as it did when the shell was opened."""
        return self.host.up and self.host.boot_time == self._boot

    def touch(self) -> None:
        """The shell is used now."""
        self.used, self._used_real = self.world.clock.time, realtime.monotonic()

    def idle(self, *, patient: bool) -> bool:
        """Whether it has been idle for too long.

        `patient`: a client that a fast clock overtakes while it thinks for a moment is not taken for gone.
        """
        if self._busy or self.world.clock.time - self.used <= self.idle_timeout:
            return False
        return not patient or realtime.monotonic() - self._used_real > 10

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """A request waits for the shell: it is not idle."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self.touch()

    def context(self) -> Context:
        """What a program of this shell runs in."""
        context = make_context(self.host, self.owner, "network", self.directory or None)
        context.environment.update(self.environment)
        # One logon for the whole shell: a connection to a share that one command opens is there for the next.
        context.session = f"shell-{self.shell_id}"
        return context

    def run(self, line: str, *, direct: bool, command_id: str) -> RemoteCommand:
        """Take a command line; `direct`: without cmd.exe."""
        command = RemoteCommand(self, line, command_id or str(uuid.uuid4()).upper(), direct)
        self._commands[command.command_id] = command
        return command

    def command(self, command_id: str) -> RemoteCommand:
        """The command of that id; raises soap.Fault."""
        if command_id not in self._commands:
            raise soap.invalid_parameter("CommandId")
        return self._commands[command_id]

    def forget(self, command: RemoteCommand) -> None:
        """The client needs the command no more."""
        self._commands.pop(command.command_id, None)

    def end(self) -> None:
        """End everything that runs in the shell."""
        for command in self._commands.values():
            command.interrupt()
        self._commands.clear()


class ShellTable:
    """The shells of one host."""

    def __init__(self, world: World, host: Host) -> None:
        self._world = world
        self._host = host
        self._shells: dict[str, RemoteShell] = {}

    def open(
        self,
        owner: str,
        *,
        shell_id: str = "",
        codepage: int | None = None,
        environment: dict[str, str] | None = None,
        directory: str = "",
        idle_timeout: float | None = None,
    ) -> RemoteShell:
        """Open a shell; raises soap.Fault when the user has too many, or wants an impossible code page."""
        self._sweep(patient=True)
        if len(self.owned(owner)) >= MAX_SHELLS:
            self._sweep(patient=False)
        if len(self.owned(owner)) >= MAX_SHELLS:
            raise soap.too_many_shells(MAX_SHELLS)
        shell = RemoteShell(self._world, self._host, owner, shell_id or str(uuid.uuid4()).upper(), codepage)
        shell.environment = environment or {}
        shell.directory = directory
        shell.idle_timeout = idle_timeout or IDLE_TIMEOUT
        self._shells[shell.shell_id] = shell
        return shell

    def find(self, shell_id: str, owner: str) -> RemoteShell:
        """The user's shell of that id; raises soap.Fault when there is none (any more)."""
        self._sweep(patient=True)
        shell = self._shells.get(shell_id)
        if shell is None or shell.owner != owner:
            raise soap.shell_not_found(shell_id)
        shell.touch()
        return shell

    def owned(self, owner: str) -> list[RemoteShell]:
        """The user's shells."""
        return [shell for shell in self._shells.values() if shell.owner == owner]

    def close(self, shell: RemoteShell) -> None:
        """End a shell and what runs in it."""
        self._shells.pop(shell.shell_id, None)
        shell.end()

    def _sweep(self, *, patient: bool) -> None:
        for shell in list(self._shells.values()):
            if not shell.alive() or shell.idle(patient=patient):
                self.close(shell)


def run_direct(context: Context, line: str) -> Result:
    """Run a program without cmd.exe: no operators, no variables (WINRS_SKIP_CMD_SHELL)."""
    load()
    shell, out, err = Shell(context), Capture(), Capture()
    name, rest = first_word(line.strip())
    interrupted, code = False, 1
    try:
        code = shell.execute(name, rest, Streams(Source("", ends=False), out, err))
    except ExitShell as ended:
        code = ended.code
    except ProcessEnded:
        interrupted = True
    return Result(code, out.text, err.text, shell.changing, interrupted)


def encoding(codepage: int) -> str:
    """Python's name of a Windows code page; raises soap.Fault when there is none."""
    name = "utf-8" if codepage == 65001 else f"cp{codepage}"
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise soap.invalid_parameter("WINRS_CODEPAGE") from error

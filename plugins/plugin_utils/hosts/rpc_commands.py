# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Running command lines on a host that offers no shell: a temporary service starts cmd.exe on a command file.

Each run has a folder of its own, ``C:\mailops\run\<token>``, and a service of that name. In the folder:

=============  =================================================================================================
``line.cmd``   the lines; ``run.cmd`` runs it, and its first act is to rename ``go.txt`` to ``started.txt``
``go.txt``     a rename happens once, so however often the service is started the lines run once at most
``busy.txt``   the output of ``run.cmd`` itself, held open for as long as it runs: who tries to open it alone sees it
``out.txt``    what the lines wrote, and ``err.txt``; ``exit.txt``: the exit code, which appears whole by a rename
=============  =================================================================================================

So wherever the connection breaks, the files say after a new one what has become of the run, and nothing is run twice.
cmd.exe is no service: the service control manager ends what it has started itself when that does not answer it within
30 s [V, widely seen with tools that work this way]; so the first cmd.exe only starts a second one, and ends.

The folder is closed to everybody but the system and administrators, because what lies in it runs as the system.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import console, rpc_services
from .errors import CommandFailed, ConnectionLost, HostError, Unreachable, WaitTimeout
from .models import Output
from .rpc_errors import RpcFailed, SmbFailed
from .rpc_smb import Broken
from .wait import duration

if TYPE_CHECKING:
    from .rpc_connected import Connected
    from .rpc_link import Link

TOP = "C:\\mailops"
ROOT = f"{TOP}\\run"
PREFIX = "mailops-"
_FILES = ("line.cmd", "run.cmd", "go.txt", "off.txt", "started.txt", "busy.txt", "out.txt", "err.txt", "exit.tmp")
_START_WAIT = 60.0
_AWAY = 180.0
_FIRST_LOOK, _REAL_GRACE = 0.2, 20.0
_OLD = 3600.0
_TOKEN = re.compile(r"m([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\Z")
# Owner and rights in the form of [MS-DTYP] SECURITY_DESCRIPTOR: inherited rights are cut off; full access for
# LocalSystem (S-1-5-18) and the local administrators (S-1-5-32-544), also for everything below.
_SYSTEM = struct.pack(">BBHI", 1, 1, 0, 5) + struct.pack("<I", 18)
_ADMINISTRATORS = struct.pack(">BBHI", 1, 2, 0, 5) + struct.pack("<II", 32, 544)

# Tokens that a session of this process still waits for.
_in_use: set[str] = set()


def descriptor() -> bytes:
    """Only the system and administrators may do anything with a folder and what is in it."""
    entries = b"".join(struct.pack("<BBHI", 0, 3, 8 + len(who), 0x001F01FF) + who for who in (_SYSTEM, _ADMINISTRATORS))
    rights = struct.pack("<BBHHH", 2, 0, 8 + len(entries), 2, 0) + entries
    return struct.pack("<BBHIIII", 1, 0, 0x9004, 0, 0, 0, 20) + rights


def control_node() -> str:
    """Eight digits that stand for this control node."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def in_command_file(line: str) -> str:
    """A line for the prompt, as it has to stand in a command file.

    There a ``%`` that is no part of a variable's name in two of them has to be doubled; ``%NAME%`` means the same in
    both, but for a variable that does not exist.
    """
    return re.sub(r"(%[A-Za-z_][A-Za-z0-9_]*%)|%", lambda found: found[1] or "%%", line)


def command_line(path: str, held: str) -> str:
    """What a service runs so that a command file runs on its own; ``held`` is open as long as it runs."""
    return f'%COMSPEC% /c start "" /b %COMSPEC% /c "{path} >{held} 2>&1 <nul"'


class Run:
    """One run of some lines."""

    def __init__(self, session: Connected, lines: Sequence[str], *, changes: bool, timeout: float, shown: str) -> None:
        """``lines``: several are run one after the other, each with its own exit code behind a mark."""
        self._session, self._lines = session, lines
        self._changes, self._timeout, self._shown = changes, timeout, shown
        self.token = f"m{control_node()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder = f"{ROOT}\\{self.token}"
        self._may_have_started = False
        # As long as it may run, nothing of it is taken away: cmd.exe reads a command file line by line.
        self._over = True

    def _path(self, name: str) -> str:
        return f"{self.folder}\\{name}"

    def result(self) -> Output:
        """Run them. Raises Unreachable when they have not been run, ConnectionLost when nobody knows, WaitTimeout."""
        _in_use.add(self.token)
        mutated = self._session.mutated
        try:
            try:
                self._session.attempt(self._prepare)
            except (RpcFailed, SmbFailed) as error:
                code = error.exit_code if isinstance(error, RpcFailed) else None
                raise _cannot_run(self._session.host, error.message, code) from None
            self._start()
            self._wait()
            return self._session.attempt(self._collect, tries=3)
        except Unreachable as error:
            if self._may_have_started and self._changes:
                raise ConnectionLost(error.message, remedy=error.remedy, **error.details) from None
            self._session.mutated = mutated
            raise
        finally:
            # What still runs is left alone; a later run takes away what it leaves.
            try:
                if self._over:
                    self._clean()
            finally:
                _in_use.discard(self.token)

    # ---- before --------------------------------------------------------------------------------------

    def _prepare(self, link: Link) -> None:
        prepare_root(self._session, link)
        link.files.make_dir(self.folder)
        encoding = self._session.encoding
        for name, lines in (("line.cmd", self._line_file()), ("run.cmd", self._run_file()), ("go.txt", ["go"])):
            link.files.write_bytes(self._path(name), "".join(f"{line}\r\n" for line in lines).encode(encoding))
        rpc_services.create(
            link.pipes, PREFIX + self.token, command_line(self._path("run.cmd"), self._path("busy.txt"))
        )

    def _run_file(self) -> list[str]:
        together = ">{out} 2>&1" if len(self._lines) > 1 else ">{out} 2>{err}"
        where = together.format(out=self._path("out.txt"), err=self._path("err.txt"))
        return [
            "@echo off",
            f"ren {self._path('go.txt')} started.txt || exit",
            f"%COMSPEC% /c {self._path('line.cmd')} <nul {where}",
            f">{self._path('exit.tmp')} echo %ERRORLEVEL%",
            f"ren {self._path('exit.tmp')} exit.txt",
        ]

    def _line_file(self) -> list[str]:
        if len(self._lines) == 1:
            return ["@echo off", in_command_file(self._lines[0])]
        text = ["@echo off"]
        for index, line in enumerate(self._lines):
            text += ["ver >nul", in_command_file(line), f"echo {self._session.token}{index}:%ERRORLEVEL%:"]
        return text

    # ---- start ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Start the service; however often that takes, the lines run once."""
        session = self._session
        for unused in range(3):
            link = session.link()
            self._may_have_started, self._over = True, False
            session.mutated = session.mutated or self._changes
            try:
                rpc_services.start(link.pipes, PREFIX + self.token)
            except Broken as error:
                session.trace(f"looking whether it has started after: {error}")
                session.drop()
            except RpcFailed as error:
                # 1053 is what the manager says of every program that is no service; 1056: it is just starting.
                if error.exit_code == rpc_services.LOCKED:
                    session.clock.sleep(2)
                    continue
                if error.exit_code not in (rpc_services.NOT_IN_TIME, rpc_services.ALREADY_RUNNING):
                    self._not_started()
                    raise _cannot_run(session.host, error.message, error.exit_code) from None
            if self._begun():
                return
        if self._not_started():
            raise _cannot_run(session.host, f"the service {PREFIX}{self.token} on {session.host} does not start", None)

    def _begun(self) -> bool:
        """Wait a little for the token to be taken."""
        session = self._session
        begin, pause = session.clock.now(), _FIRST_LOOK
        while True:
            if session.attempt(lambda link: link.files.entry(self._path("go.txt")), tries=3) is None:
                return True
            if session.clock.now() - begin > _START_WAIT / 3:
                return False
            session.clock.sleep(pause)
            pause = min(pause * 2, 2.0)

    def _not_started(self) -> bool:
        """Take the token away, so that nothing starts later; False: it has started after all."""
        if self._session.attempt(lambda link: link.files.rename(self._path("go.txt"), self._path("off.txt")), tries=3):
            self._may_have_started, self._over = False, True
            return True
        # Also when an earlier attempt to take it away had its answer lost.
        there = self._session.attempt(lambda link: link.files.entry(self._path("off.txt")), tries=3) is not None
        self._may_have_started, self._over = not there, there
        return there

    # ---- while it runs -------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for the exit code."""
        session, clock = self._session, self._session.clock
        begin, pause = clock.now(), _FIRST_LOOK
        real = session.real_time()
        gone = away = 0.0
        while True:
            try:
                held, ended = session.attempt(self._look)
                away = 0.0
            except Unreachable:
                # The lines may be restarting the host, or its network; it is waited for a while.
                away = away or clock.now()
                if clock.now() - away > _AWAY and session.real_time() - real > 5:
                    raise
                held, ended = True, False
                session.drop()
            if ended:
                self._over = True
                return
            if not held:
                # Twice in a row, because the exit code is written when the lines have ended.
                gone += 1
                if gone > 2:
                    self._over = True
                    raise ConnectionLost(
                        f"a command on {session.host} was cut off, perhaps by a restart: {self._shown[:200]}",
                        remedy="look at the host's state",
                    )
            else:
                gone = 0
            elapsed = clock.now() - begin
            if elapsed > self._timeout and session.real_time() - real >= min(self._timeout, _REAL_GRACE):
                raise WaitTimeout(
                    f"a command on {session.host} did not end within {duration(self._timeout)}: {self._shown[:200]}",
                    remedy="look on the host for what it waits for",
                )
            clock.sleep(pause)
            pause = min(pause * 1.5, max(session.poll_interval, 1.0), 5.0)

    def _look(self, link: Link) -> tuple[bool, bool]:
        """Whether it runs, and whether it has ended: in this order, so that "neither" cannot be an end in between."""
        if link.files.entry(self._path("exit.txt")) is not None:
            return False, True
        held = link.files.held(self._path("busy.txt"))
        return bool(held), link.files.entry(self._path("exit.txt")) is not None

    # ---- after ---------------------------------------------------------------------------------------

    def _collect(self, link: Link) -> Output:
        out, err, code = (link.files.read_bytes(self._path(name)) for name in ("out.txt", "err.txt", "exit.txt"))
        found = re.search(rb"-?\d+", code or b"")
        if not found:
            raise CommandFailed(f"a command on {self._session.host} left no exit code: {self._shown[:200]}")
        session = self._session
        return Output(console.signed(int(found[0])), session.decode(out or b""), session.decode(err or b""))

    def _clean(self) -> None:
        """Leave nothing behind; what cannot be taken away now is found by the next run."""
        session = self._session
        for last in (False, True):
            try:
                session.attempt(lambda link: remove(link, self.token))
                return
            except (HostError, Broken) as error:
                session.trace(f"{self.folder} is left behind for now: {error}")
                # A file that was open a moment ago may still be.
                if last or not isinstance(error, SmbFailed):
                    return
                session.clock.sleep(2)


def _cannot_run(host: str, message: str, code: int | None) -> Unreachable:
    # Certainly nothing has been run, which is what Unreachable says of a command.
    error = Unreachable(
        f"commands cannot be run on {host}: {message}",
        remedy="see the host's System event log; the account has to be an administrator who may make services",
    )
    if code is not None:
        error.details["exit_code"] = code
    return error


def prepare_root(session: Connected, link: Link) -> None:
    """The folder of all runs, closed to others; and what earlier runs left there, once in a session."""
    if session.swept:
        return
    for folder in (TOP, ROOT):
        link.files.make_dir(folder)
        try:
            link.files.protect(folder, descriptor())
        except SmbFailed as error:
            # A drive with FAT knows no rights.
            session.trace(f"{folder} cannot be closed to others: {error.message}")
    sweep(session, link)
    session.swept = True


def sweep(session: Connected, link: Link) -> None:
    """Take away what runs that were cut off have left, but never of one that may still be waited for."""
    now: float | None = None
    for entry in link.files.list(ROOT) or []:
        found = _TOKEN.match(entry.name)
        if not entry.is_dir or not found or entry.name in _in_use:
            continue
        if now is None:
            now = session.host_clock(link)
        orphan = found[1] == control_node() and not _alive(int(found[2]))
        if not orphan and now - entry.modified < _OLD:
            continue
        folder = f"{ROOT}\\{entry.name}"
        link.files.rename(f"{folder}\\go.txt", f"{folder}\\off.txt")
        started = link.files.entry(f"{folder}\\started.txt") is not None
        if started and link.files.held(f"{folder}\\busy.txt"):
            session.trace(f"{folder} is left alone: its command still runs")
            continue
        try:
            remove(link, entry.name)
            session.trace(f"{folder} of an earlier run has been removed")
        except SmbFailed as error:
            session.trace(f"{folder} is left alone: {error.message}")


def remove(link: Link, token: str) -> None:
    """Take away the service and the folder of a run, the folder last: as long as it is there, it can be found."""
    folder = f"{ROOT}\\{token}"
    rpc_services.delete(link.pipes, PREFIX + token)
    for name in (*_FILES, "exit.txt"):
        link.files.delete(f"{folder}\\{name}")
    for entry in link.files.list(folder) or []:
        link.files.delete(f"{folder}\\{entry.name}")
    link.files.remove_dir(folder)


def _alive(process: int) -> bool:
    """Whether a process of this control node that made a run is still there, and is not this one."""
    if process == os.getpid():
        # Another session of this process; what is still waited for is in the set.
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True

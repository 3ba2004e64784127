# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows host as the rest of the collection sees it: everything that a channel must be able to do."""

from __future__ import annotations

import re
import secrets as randomness
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from . import asking, console, diagnosis, eventlog, files, machine, registry, service_control, services
from .clock import Clock
from .commands import LINE_LIMIT, check_name, command, escape
from .errors import CommandFailed, ConnectionLost, HostError, ReadOnlyViolation, Refused, Unreachable, Unreadable
from .joining import join_lines, split_answers
from .models import Answers, Event, Output, RegistryReading, RegistryValues, Service
from .wait import Progress, wait_for
from .ways import Ways

T = TypeVar("T")

__all__ = ["Answers", "Event", "Output", "RegistryReading", "RegistryValues", "Service", "Session"]


@dataclass(frozen=True)
class _Call:
    """One command line on its way to the host."""

    line: str
    changes: bool
    timeout: float
    shown: str


class Session(Ways, ABC):
    """One host, one task. Opened by its first call, closed by ``close`` or at the end of a ``with`` block.

    ``read_only``: changing calls raise ReadOnlyViolation and nothing is sent. ``mutated``: a changing call has been
    sent, whatever became of it. ``progress`` takes a sentence for the operator; the host's name is put before it.
    """

    def __init__(
        self,
        host: str,
        *,
        read_only: bool = False,
        clock: Clock | None = None,
        poll_interval: float = 10.0,
        progress: Progress | None = None,
        trace: Progress | None = None,
    ) -> None:
        """``poll_interval``: seconds between two looks at a state that is waited for; ``trace`` takes each call."""
        self.host = host
        self.read_only = read_only
        self.mutated = False
        self.clock = clock if clock is not None else Clock()
        self.poll_interval = poll_interval
        self._tell = progress
        self._trace = trace
        # How text is written and read on the host; a channel that learns better corrects it.
        self.encoding = "cp437"
        # The same for the whole session, so that a repeated question is the same line each time.
        self.token = "M" + randomness.token_hex(6)
        # Answers to questions that were asked ahead: line -> how often it may still be answered, and with what.
        self.ahead: dict[str, list[Output]] = {}

    # ---- what a channel implements -------------------------------------------------------------

    @abstractmethod
    def _send(self, call: _Call) -> Output:
        """Run one command line.

        Raises Unreachable when nothing can have been run, ConnectionLost when it may have been, WaitTimeout when it
        did not end in time. Calls ``_about_to_change`` immediately before a changing line leaves.
        """

    @abstractmethod
    def reconnect(self) -> None:
        """Forget the connection; the next call makes a new one."""

    def hello(self) -> None:
        """Connect now, for a channel from which the clock of a rehearsal learns the time. Never raises."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Give back what the session holds on the host. Never raises."""

    # ---- running command lines ------------------------------------------------------------------

    def progress(self, text: str) -> None:
        """Tell the operator a sentence about this host."""
        if self._tell is not None:
            self._tell(f"{self.host}: {text}")

    def trace(self, text: str) -> None:
        """Note a detail for somebody who asked for details."""
        if self._trace is not None:
            self._trace(text)

    def check_text(self, text: str) -> None:
        """Raise Refused when the host's console cannot write this text."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise Refused(
                f"{text[error.start]!r} cannot be written on {self.host}: its code page {self.encoding} lacks it"
            ) from None

    def _about_to_change(self, call: _Call) -> None:
        if call.changes:
            self.mutated = True

    def run(self, line: str, *, changes: bool, timeout: float = 300, secrets: Sequence[str] = ()) -> Output:
        """Run a line of cmd.exe and give back exit code and output; an exit code is never an exception.

        ``changes`` says whether the line changes anything on the host. A line that does not is run a second time,
        once, when the connection was lost. ``timeout``: seconds of the session's clock until WaitTimeout.
        ``secrets``: texts never to be shown.
        """
        if changes and self.read_only:
            raise ReadOnlyViolation(f"a changing command is not run on {self.host} in a read-only session")
        if len(line) > 8191:
            raise Refused(f"a command line of {len(line)} characters is too long for cmd.exe (8191)")
        if not changes and self.ahead.get(line):
            return self.ahead[line].pop()
        call = _Call(line, changes, timeout, hide(line, secrets))
        self.trace(f"{'CHANGE' if changes else 'READ'} {call.shown}")
        if changes:
            self.ahead.clear()
            return self._send(call)
        try:
            return self._send(call)
        except ConnectionLost as error:
            self.trace(f"asked again after: {error}")
            self.reconnect()
        try:
            return self._send(call)
        except ConnectionLost as error:
            raise Unreachable(error.message, remedy=error.remedy, **error.details) from None

    def change(self, line: str, what: str, *, timeout: float = 300, secrets: Sequence[str] = ()) -> Output:
        """Run a changing line that must end with exit code 0. ``what`` it does, for the message of CommandFailed."""
        output = self.run(line, changes=True, timeout=timeout, secrets=secrets)
        if output.exit_code != 0:
            said = hide(output.text, secrets)
            raise CommandFailed(
                f"{what} failed with exit code {output.exit_code}: {console.first_line(said)}",
                exit_code=output.exit_code,
                output=said,
            )
        return output

    def run_all(self, lines: Sequence[str], *, timeout: float = 300) -> list[Output]:
        """Run lines that change nothing, in as few round trips as the length of a command line allows.

        Each gets its own exit code; what it writes to its error output stands in ``stdout`` too. Raises Unreadable
        when the answers cannot be told apart.
        """
        outputs: list[Output] = []
        if any(self.ahead.get(line) for line in lines):
            rest = iter(self.run_all([line for line in lines if not self.ahead.get(line)], timeout=timeout))
            return [self.ahead[line].pop() if self.ahead.get(line) else next(rest) for line in lines]
        for batch in self._batches(lines):
            if len(batch) == 1:
                alone = self.run(batch[0], changes=False, timeout=timeout)
                outputs.append(Output(alone.exit_code, alone.text))
                continue
            joined = join_lines(batch, self.token)
            outputs.extend(split_answers(self.run(joined, changes=False, timeout=timeout), self.token, len(batch)))
        return outputs

    def _batches(self, lines: Iterable[str]) -> Iterable[list[str]]:
        batch: list[str] = []
        for line in lines:
            if batch and len(join_lines([*batch, line], self.token)) > LINE_LIMIT:
                yield batch
                batch = []
            batch.append(line)
        if batch:
            yield batch

    def wait(
        self,
        probe: Callable[[], T | None],
        *,
        what: str,
        timeout: float,
        tolerate: tuple[type[Exception], ...] = (),
        interval: float | None = None,
    ) -> T:
        """``wait_for`` with this session's clock, poll interval and progress."""
        return wait_for(
            probe,
            what=what,
            timeout=timeout,
            clock=self.clock,
            interval=self.poll_interval if interval is None else interval,
            progress=self.progress,
            tolerate=tolerate,
        )

    # ---- registry, services, processes -----------------------------------------------------------

    def registry_values(self, key: str) -> RegistryValues | None:
        """Values of a key, name -> (type, data); the default value is called "". None: there is no such key."""
        return registry.read_many(self, [key])[0]

    def registry_many(self, keys: Sequence[str]) -> list[RegistryValues | None]:
        """``registry_values`` of several keys in one round trip."""
        return registry.read_many(self, keys)

    def registry_tree(self, key: str) -> dict[str, RegistryValues] | None:
        """A key with everything below it: relative key ("" for itself) -> values. None: there is no such key."""
        return registry.read_tree(self, key)

    def registry_read(
        self, values: Sequence[str] = (), *, trees: Sequence[str] = (), subkeys: Sequence[str] = ()
    ) -> RegistryReading:
        """Values of some keys, whole trees of others, names of subkeys of others, all in one round trip."""
        return self.ask(values=values, trees=trees, subkeys=subkeys).registry

    def ask(
        self,
        lines: Sequence[str] = (),
        *,
        values: Sequence[str] = (),
        trees: Sequence[str] = (),
        subkeys: Sequence[str] = (),
        services: Sequence[str] = (),
    ) -> Answers:
        """``run_all``, ``registry_read`` and ``services`` in as few round trips as the channel can."""
        return asking.ask(self, lines, values, trees, subkeys, services)

    def registry_set(self, key: str, name: str, number: int | None) -> None:
        """Write a DWORD below a key that is there; None deletes the value. Raises CommandFailed."""
        registry.write(self, key, name, number)

    def services(self, names: Sequence[str]) -> dict[str, Service]:
        """State and start type of the services that exist, by the names that were asked for."""
        return services.read(self, names)

    def all_services(self) -> dict[str, Service]:
        """Every service of the host by its short name, with state, start type and display name."""
        return machine.all_services(self)

    def start_service(self, name: str, timeout: float) -> bool:
        """Start a service and wait until it runs; False: it was running already. Raises CommandFailed, WaitTimeout."""
        return services.start(self, name, timeout)

    def stop_service(self, name: str, timeout: float) -> bool:
        """Stop a service and wait until it is stopped; False: it was stopped already."""
        return services.stop(self, name, timeout)

    def dependent_services(self, name: str) -> list[str]:
        """Services that depend on this one, directly at least, running or not; those first that must stop first."""
        return service_control.dependents(self, name)

    def set_start_type(self, name: str, start_type: str) -> None:
        """Change how a service is started: auto, manual or disabled."""
        service_control.set_start_type(self, name, start_type)

    def processes(self) -> list[tuple[str, int]]:
        """All processes: image name and process id."""
        output = self.run(machine.PROCESSES, changes=False)
        if output.exit_code != 0:
            raise Unreadable(f"the processes of {self.host} cannot be listed: {console.first_line(output.text)}")
        return console.tasklist(output.stdout)

    def events(
        self,
        log: str,
        *,
        source: str | Sequence[str] | None = None,
        ids: Iterable[int] | None = None,
        since: float | None = None,
        limit: int = 50,
    ) -> list[Event]:
        """Entries of an event log ("Application", "System"), newest first, at most ``limit``; [] where none fits.

        ``source``: only of this source, or of one of these. ``ids``: only with one of these numbers. ``since``: epoch
        seconds by the session's clock; without it the whole log is searched, which can take minutes. The host's clock
        may differ: who compares gives some slack. Raises Unreadable where the log cannot be read.
        """
        return eventlog.read(self, log, source=source, ids=ids, since=since, limit=limit)

    # ---- files --------------------------------------------------------------------------------------

    def read_text(self, path: str) -> str | None:
        """Content of a text file, line ends as ``\\n``; None: there is no such file."""
        return files.read_text(self, path)

    def write_text(self, path: str, lines: Sequence[str]) -> None:
        """Write a text file. A reader sees the old file or the whole new one."""
        files.write_text(self, path, lines)

    def delete(self, path: str) -> None:
        """Delete a file; that it is not there is no error."""
        files.delete(self, path)

    def make_dir(self, path: str) -> None:
        """Make a folder with all above it; that it is there already is no error."""
        files.make_dir(self, path)

    def file_size(self, path: str) -> int | None:
        """Bytes; None: there is no such file."""
        return files.size(self, path)

    def file_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        """Hexadecimal hash (sha256, sha1 or md5) in small letters. None: the host offers no way to make it."""
        return files.digest(self, path, algorithm)

    def known_hash(self, path: str) -> str | None:
        """SHA-256 as ``note_hash`` has noted it, where nothing says that the file has changed since; else made anew.

        For a look. Before a file is run its hash is made anew in any case, by ``file_hash``.
        """
        return self.file_hash(path)

    def note_hash(self, path: str, digest: str) -> None:
        """Note the SHA-256 of a file that was just made, where making it anew is dear; else nothing."""

    def file_version(self, path: str) -> str | None:
        """Version of a program file, as ``6.5.7638.1``; None: no such file, no version in it, or no way to tell."""
        return files.version(self, path)

    # ---- the whole host -----------------------------------------------------------------------------

    def boot_time(self) -> str:
        """When Windows was started, as a CIM date (``20261122101500.500000+060``): compare, do not reckon with it."""
        # wmic reads its standard input even when it is asked for nothing, and hangs without this redirection.
        output = self.run(machine.BOOT_TIME, changes=False)
        value = console.wmic_values(output.stdout).get("LastBootUpTime", "")
        if not re.match(r"\d{14}", value):
            raise Unreadable(
                f"{self.host} does not tell when it was started: {console.first_line(output.text)}",
                remedy="see whether `wmic os get LastBootUpTime /value` works on the host",
            )
        return value

    def free_space(self, drive: str) -> int | None:
        """Free bytes of a drive (``C:``); None: there is no such drive."""
        return machine.free_space(self, drive)

    def local_time(self) -> float:
        """What the host's own clock says, as epoch seconds (UTC)."""
        return machine.local_time(self)

    def administrators(self) -> list[str] | None:
        r"""Direct members of the local administrators as ``DOMAIN\name``; None where the host does not tell them."""
        return machine.administrators(self)

    def is_administrator(self) -> bool | None:
        """Whether the account of the connection is an administrator of the host; None where that is not told."""
        return None

    def restart(self, delay: int, reason: str) -> None:
        """Ask Windows to restart in ``delay`` seconds. The reason stands in its event log (at most 127 characters)."""
        text = check_name(reason, "reason")[:127]
        # p:2:4 = planned, operating system, ... [R]; numbers only, the same in every language.
        line = command("shutdown", "-r", "-f", "-t", int(delay), "-d", "p:2:4", "-c", text)
        self.change(line, "asking for a restart")

    def diagnose(self) -> Iterator[diagnosis.Finding]:
        """Look, step by step, whether this host can be worked with by this channel. Raises nothing: it tells."""
        yield from diagnosis.of_session(self)

    # ---- with -----------------------------------------------------------------------------------------

    def __enter__(self) -> Session:
        """Nothing is sent yet."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Close, whatever happened."""
        self.close()


def hide(text: str, secrets: Sequence[str]) -> str:
    """The text with every secret, and every form in which a command line may hold it, replaced by stars."""
    for value in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (value, escape(value), escape(value.replace('"', '\\"'))):
            text = text.replace(form, "********")
    return text


def explain(error: HostError) -> str:
    """The sentence with its remedy."""
    return f"{error.message}; {error.remedy}" if error.remedy else error.message

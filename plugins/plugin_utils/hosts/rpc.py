# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel to NT 4.0, Windows 2000 and Server 2003 by SMB 1 and MS-RPC, as administrators' tools of their time.

Whatever has an interface goes by it, in numbers and without a word of any language; only a command line needs a
temporary service (see ``rpc_commands``). In a read-only session a line that changes nothing is run that way too:
there is no other for the state of a cluster. The service and its folder are the channel's own, and gone afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from . import (
    diagnosis,
    rpc_diagnosis,
    rpc_events,
    rpc_host,
    rpc_members,
    rpc_proofs,
    rpc_services,
    rpc_texts,
)
from .clock import Clock, RehearsalClock
from .errors import CommandFailed, ConnectionLost, Refused, Unreachable, Unreadable
from .eventlog import names
from .joining import split_answers
from .models import Answers, Event, Output, RegistryReading, RegistryValues, Service
from .rpc_commands import Run
from .rpc_connected import Connected
from .rpc_errors import RpcFailed
from .rpc_files import DirEntry
from .rpc_smb import Endpoint
from .rpc_starter import ServiceStarter
from .session import _Call
from .starters import Starter
from .wait import Progress

__all__ = ["Endpoint", "RpcSession", "open_files"]

_WINDOWS = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_EVENT_LOGS = r"HKLM\SYSTEM\CurrentControlSet\Services\Eventlog"
_LOGS = ("Application", "System", "Security")
# cmd.exe of NT 4.0 and 2000 takes no longer lines [R, KB 830473].
_OLD_LINE_LIMIT = 2047


class RpcSession(Connected):
    """A session by SMB 1 and MS-RPC. Everything about its connection is in ``Connected``."""

    copies_files = True
    by_programs = False

    # ---- command lines ---------------------------------------------------------------------------------

    def _send(self, call: _Call) -> Output:
        return self._run([call.line], call)

    def run_all(self, lines: Sequence[str], *, timeout: float = 300) -> list[Output]:
        """All lines in one run, however many there are."""
        if not lines:
            return []
        joined = " & ".join(lines)
        call = _Call(joined, False, timeout, joined)
        self.trace(f"READ {call.shown}")
        if len(lines) == 1:
            alone = self.run(lines[0], changes=False, timeout=timeout)
            return [Output(alone.exit_code, alone.text)]
        try:
            output = self._run(lines, call)
        except ConnectionLost as error:
            self.trace(f"asked again after: {error}")
            self.reconnect()
            output = self._run(lines, call)
        return split_answers(output, self.token, len(lines))

    def _run(self, lines: Sequence[str], call: _Call) -> Output:
        for line in lines:
            self.check_text(line)
        if any(len(line) > _OLD_LINE_LIMIT for line in lines):
            values = self.attempt(lambda link: link.registry.values(_WINDOWS)) or {}
            if str(values.get("CurrentVersion", ("", "5.2"))[1]) < "5.1":
                raise Refused(f"a command line of more than {_OLD_LINE_LIMIT} characters is too long for {self.host}")
        return Run(self, lines, changes=call.changes, timeout=call.timeout, shown=call.shown).result()

    # ---- registry, services, processes, events ---------------------------------------------------------

    def ask(
        self,
        lines: Sequence[str] = (),
        *,
        values: Sequence[str] = (),
        trees: Sequence[str] = (),
        subkeys: Sequence[str] = (),
        services: Sequence[str] = (),
    ) -> Answers:
        """Registry and services by their interfaces; only the lines need a run."""
        outputs = self.run_all(lines)
        reading = self.attempt(lambda link: link.registry.read(values, trees, subkeys), tries=3)
        return Answers(outputs, reading, self.services(services) if services else {})

    def ask_ahead(
        self,
        lines: Sequence[str] = (),
        *,
        values: Sequence[str] = (),
        trees: Sequence[str] = (),
        subkeys: Sequence[str] = (),
        services: Sequence[str] = (),
    ) -> None:
        """Nothing is asked ahead: most questions are calls of an interface, and no lines at all."""

    def registry_values(self, key: str) -> RegistryValues | None:
        """By the remote registry."""
        return self.attempt(lambda link: link.registry.values(key))

    def registry_many(self, keys: Sequence[str]) -> list[RegistryValues | None]:
        """By the remote registry."""
        return self.attempt(lambda link: [link.registry.values(key) for key in keys])

    def registry_tree(self, key: str) -> dict[str, RegistryValues] | None:
        """By the remote registry."""
        return self.attempt(lambda link: link.registry.tree(key))

    def registry_read(
        self, values: Sequence[str] = (), *, trees: Sequence[str] = (), subkeys: Sequence[str] = ()
    ) -> RegistryReading:
        """By the remote registry."""
        return self.attempt(lambda link: link.registry.read(values, trees, subkeys), tries=3)

    def registry_set(self, key: str, name: str, number: int | None) -> None:
        """By the remote registry."""
        self.alter(f"registry {key} {name}: {number}", lambda link: link.registry.write(key, name, number))

    def services(self, names: Sequence[str]) -> dict[str, Service]:
        """By the service control manager."""
        return self.attempt(lambda link: rpc_services.read(link.pipes, names))

    def all_services(self) -> dict[str, Service]:
        """Every Win32 service; its start type is not told."""
        return self.attempt(lambda link: rpc_services.read_all(link.pipes))

    def one_service(self, name: str) -> Service | Output:
        """Its state alone."""
        try:
            state = self.attempt(lambda link: rpc_services.state(link.pipes, name))
        except RpcFailed as error:
            return Output(error.exit_code or 1, error.message)
        return Service(name, state, None)

    def control_service(self, name: str, verb: str) -> Output:
        """Start or stop."""
        action = rpc_services.start if verb == "start" else rpc_services.stop
        try:
            self.alter(f"{verb} service {name}", lambda link: action(link.pipes, name))
        except RpcFailed as error:
            return Output(error.exit_code or 1, error.message)
        return Output(0, "")

    def pending_services(self) -> list[str]:
        """The services that are starting or stopping at this moment."""
        return [name for name, service in self.all_services().items() if service.state.endswith("_pending")]

    def dependent_services(self, name: str) -> list[str]:
        """Services that depend on this one, running or not."""
        return self.attempt(lambda link: rpc_services.dependents(link.pipes, name))

    def set_start_type(self, name: str, start_type: str) -> None:
        """Change how a service is started: auto, manual or disabled."""
        self.alter(
            f"start type of service {name}: {start_type}",
            lambda link: rpc_services.set_start_type(link.pipes, name, start_type),
        )

    def processes(self) -> list[tuple[str, int]]:
        """All processes: image name and process id, from the performance data."""
        return self.attempt(lambda link: rpc_host.processes(link.registry, self.host))

    def events(
        self,
        log: str,
        *,
        source: str | Sequence[str] | None = None,
        ids: Iterable[int] | None = None,
        since: float | None = None,
        limit: int = 50,
    ) -> list[Event]:
        """By the event log's interface; see there."""
        sources, numbers = names(source), None if ids is None else list(ids)
        if (source is not None and not sources) or numbers == []:
            return []
        if log not in _LOGS and self.registry_values(f"{_EVENT_LOGS}\\{log}") is None:
            # Windows would open the log Application instead, without a word [V, MS, OpenEventLog].
            raise Unreadable(f"{self.host} has no event log {log}")
        try:
            return self.attempt(lambda link: rpc_events.read(link.pipes, log, sources, numbers, since, limit))
        except RpcFailed as error:
            raise Unreadable(error.message, remedy=error.remedy) from None

    # ---- files -----------------------------------------------------------------------------------------

    def read_text(self, path: str) -> str | None:
        """By SMB."""
        return super().read_text(path) if _elsewhere(path) else rpc_texts.read(self, path)

    def read_texts(self, paths: Sequence[str]) -> list[str | None]:
        """By SMB."""
        return [self.read_text(path) for path in paths]

    def write_text(self, path: str, lines: Sequence[str]) -> None:
        """By SMB."""
        rpc_texts.write(self, path, lines)

    def count_lines(self, paths: Sequence[str]) -> list[int]:
        """By SMB."""
        return [len(rpc_texts.lines(self, path)) for path in paths]

    def search_lines(self, path: str, phrases: Sequence[str]) -> tuple[int, list[tuple[int, str]]]:
        """By SMB."""
        return rpc_texts.search(self, path, phrases)

    def delete(self, path: str) -> None:
        """By SMB."""
        rpc_texts.delete(self, path)

    def make_dir(self, path: str) -> None:
        """By SMB."""
        rpc_texts.make_dir(self, path)

    def list_dir(self, path: str) -> list[DirEntry] | None:
        """What is in a folder; None: there is no such folder."""
        return self.attempt(lambda link: link.files.list(path))

    def file_size(self, path: str) -> int | None:
        """By SMB; a file on another server's share is looked at by the host."""
        return super().file_size(path) if _elsewhere(path) else rpc_texts.size(self, path)

    def file_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        """The file is read back, and the hash made here."""
        return super().file_hash(path, algorithm) if _elsewhere(path) else rpc_texts.digest(self, path, algorithm)

    def known_hash(self, path: str) -> str | None:
        """From the note beside the file, which otherwise had to be read back whole."""
        found = None if _elsewhere(path) else rpc_proofs.known(self, path)
        return found or self.file_hash(path)

    def note_hash(self, path: str, digest: str) -> None:
        """Beside the file."""
        rpc_proofs.note(self, path, digest)

    def file_version(self, path: str) -> str | None:
        """Read out of the file."""
        return rpc_texts.version(self, path)

    def put_file(self, local: str, remote: str) -> None:
        """Copy a file of the control node to the host, going on with what is there of it already."""
        rpc_texts.put(self, local, remote)

    def get_file(self, remote: str, local: str) -> None:
        """Copy a file of the host to the control node."""
        rpc_texts.get(self, remote, local)

    def move_file(self, path: str, to: str) -> None:
        """Rename a file, in place of one that has the name."""
        rpc_texts.move(self, path, to)

    # ---- the whole host --------------------------------------------------------------------------------

    def boot_time(self) -> str:
        """When Windows was started, as a CIM date in UTC."""
        return self.attempt(lambda link: rpc_host.boot_time(link.pipes))

    def free_space(self, drive: str) -> int | None:
        """By SMB, on the drive's administrative share."""
        return self.attempt(lambda link: link.files.free_space(drive))

    def local_time(self) -> float:
        """What the host's own clock says, as epoch seconds (UTC)."""
        moment, before = self.attempt(lambda link: (rpc_host.clock_of(link.pipes)[0], link.wire.server_time))
        if isinstance(self.clock, RehearsalClock) and before:
            # A simulated estate shows its time to a new connection only; the moment lies between two of them.
            self.close()
            after = self.link().wire.server_time or before
            self.clock.seen(min(max(moment, before), after))
        return moment

    def administrators(self) -> list[str] | None:
        r"""Direct members of the local administrators as ``DOMAIN\name``; None where the host does not tell them."""
        try:
            return self.attempt(lambda link: rpc_members.administrators(link.pipes))
        except (CommandFailed, Unreachable):
            return None

    def is_administrator(self) -> bool | None:
        """By the right to make services, which the channel needs anyway."""
        return self.attempt(lambda link: rpc_services.may_create(link.pipes))

    def restart(self, delay: int, reason: str) -> None:
        """By the shutdown interface. The reason is shown on the host (at most 127 characters)."""
        self.alter(
            f"restart in {int(delay)} s", lambda link: rpc_host.restart(link.pipes, delay, reason[:127]), again=False
        )

    def starter(self, folder: str, name: str) -> Starter:
        """A temporary service."""
        return ServiceStarter(self, folder, name)

    def diagnose(self) -> Iterator[diagnosis.Finding]:
        """Look, step by step, whether this host can be worked with by this channel."""
        yield from rpc_diagnosis.of_session(self)


def open_files(
    address: str,
    user: str,
    password: str,
    *,
    host: str | None = None,
    port: int | None = None,
    read_only: bool = False,
    clock: Clock | None = None,
    progress: Progress | None = None,
    signing: str = "when_possible",
) -> RpcSession:
    """A session for files alone (``put_file``, ``file_hash``, ``move_file``) on a host that is driven otherwise.

    For Server 2003 over WinRM, whose packages come by SMB. Used in a ``with`` block; nothing is sent before its first
    call.
    """
    endpoint = Endpoint(address=address, user=user, password=password, port=port, signing=signing)
    return RpcSession(endpoint, host=host, read_only=read_only, clock=clock, progress=progress)


def _elsewhere(path: str) -> bool:
    """Whether a path lies on another server: only the host itself can look there."""
    return path.startswith("\\\\")

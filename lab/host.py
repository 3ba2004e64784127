# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Windows host: its processes, its life from boot to shutdown, its connections to shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .additions import Additions
from .clock import Course, Flow
from .errors import Win32Error
from .eventlog import Event
from .files import Files
from .processes import Process
from .services import Service, ServiceManager
from .tables import table

if TYPE_CHECKING:
    from .at_jobs import AtJob
    from .cluster import Cluster, Node
    from .databases import Database
    from .registry import Registry
    from .tasks import Task
    from .world import Context, World

__all__ = ["Event", "Host", "Process"]

SHUTDOWN_IN_PROGRESS, NO_SHUTDOWN_IN_PROGRESS = 1115, 1116
NOT_CONNECTED, CREDENTIAL_CONFLICT, DEVICE_IN_USE = 2250, 1219, 85


@dataclass(eq=False)
class Host:
    """A Windows host. `name` is the estate's, `computer_name` the same in capital letters.

    `product` is empty on a domain controller without Exchange; `controller`: it is one (Small Business Server is too).
    """

    world: World
    name: str
    computer_name: str
    os: str = "server2003"
    os_service_pack: int = 0
    channel: str = "winrm"
    product: str = "2003"
    edition: str = "standard"
    service_pack: int = 0
    hotfixes: list[str] = field(default_factory=list)
    role: str = "back_end"
    load_balanced: str | None = None
    organization: str = ""
    cluster_name: str | None = None
    setup: dict[str, Any] = field(default_factory=dict)
    language: str = "en"
    oem_codepage: int = 437
    ansi_codepage: int = 1252
    address: str = ""
    port: int = 0
    up: bool = True
    booting: bool = False
    boot_time: float = 0.0
    pending_restart: bool = False
    controller: bool = False
    clock_skew: float = 0.0
    reinstall_needed: bool = False
    administrators: list[str] = field(default_factory=list)
    #: Accounts with the right to log on as a service (SeServiceLogonRight).
    service_logon: list[str] = field(default_factory=list)
    databases: list[Database] = field(default_factory=list)
    cluster: Cluster | None = None
    node: Node | None = None
    services: dict[str, Service] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    at_jobs: dict[int, AtJob] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    installing: list[str] = field(default_factory=list)
    hotfix_folders: dict[str, str] = field(default_factory=dict)
    more: Additions = field(default_factory=Additions)

    def __post_init__(self) -> None:
        """Give the host its parts; the world's builder fills them."""
        self.files = Files(self.world, self.computer_name)
        self.service_manager = ServiceManager(self)
        self.service_starters: dict[str, Callable[[], Any]] = {}
        self.service_stoppers: dict[str, Callable[[str], Course]] = {}
        self.registry: Registry
        self._next_pid = 4
        self._life: Flow | None = None
        self._waiting = self._closing = False
        self._connections: dict[tuple[str, str], str] = {}
        self._drives: dict[tuple[str, str], str] = {}

    # -- what it is

    @property
    def build(self) -> int:
        """The Exchange build that belongs to its service pack (7226)."""
        return int(self.level["build"])

    @property
    def level(self) -> dict[str, Any]:
        """The row of its service pack in the table of products."""
        for row in table("products")["products"][self.product]["levels"]:
            if row["service_pack"] == self.service_pack:
                return dict(row)
        raise KeyError(f"Exchange {self.product} has no service pack {self.service_pack}")

    @property
    def file_version(self) -> str:
        """The version that its Exchange programs carry (6.5.7226.6); empty without Exchange."""
        if not self.product:
            return ""
        minor = str(self.level["serial"]).partition(f"Build {self.build}.")[2].partition(":")[0].rstrip(")")
        product = table("products")["products"][self.product]
        brought = product["hotfix_files"].get(self.service_pack, {})
        folder = f"{product['updates']}\\SP{self.service_pack + 1}"
        for_this = [h for h in self.hotfixes if h in brought and self.hotfix_folders.get(h, folder) == folder]
        versions: list[str] = [f"{product['version']}.{self.build}.{minor}", *(brought[hotfix] for hotfix in for_this)]
        return max(versions, key=lambda version: [int(part) for part in version.split(".")])

    @property
    def system_root(self) -> str:
        """The folder of Windows: WINNT before Server 2003."""
        return str(table("products")["systems"][self.os]["root"])

    @property
    def clustered(self) -> bool:
        """Whether it is a node of a cluster."""
        return self.cluster_name is not None

    @property
    def now(self) -> float:
        """The host's own clock in epoch seconds: it can go wrong by some seconds."""
        return self.world.clock.time + self.clock_skew

    @property
    def local_time(self) -> datetime:
        """The host's own clock; the estate lives in UTC."""
        return datetime.fromtimestamp(self.now, tz=UTC)

    def is_administrator(self, account: str) -> bool:
        """Whether a domain account (DOMAIN\\user) is in the local group of administrators."""
        return account.lower() in (name.lower() for name in self.administrators)

    # -- services

    def start_service(self, name: str, cause: str = "command") -> None:
        """Begin to start a service; raises Win32Error (1056, 1058, 1060, 1061)."""
        self.service_manager.start(name, cause)

    def stop_service(self, name: str, dependents: bool = False, cause: str = "command") -> None:
        """Begin to stop a service, with `dependents` those that need it; raises Win32Error (1051, 1060, 1061, 1062)."""
        self.service_manager.stop(name, dependents, cause)

    def service_running(self, name: str) -> bool:
        """Whether the service is there and runs."""
        return name in self.services and self.services[name].state == "running"

    # -- programs and processes

    @property
    def settled(self) -> bool:
        """Whether it neither shuts down nor starts up, with its services, now."""
        return self._life is None or self._life.done

    def context(self, user: str, logon: str = "network", cwd: str | None = None) -> Context:
        """Return what a program of this account runs in, with the environment that Windows gives it."""
        from .world import make_context

        return make_context(self, user, logon, cwd)

    def spawn(
        self,
        image: str,
        user: str,
        logon: str = "service",
        duration: float | None = None,
        on_end: Callable[[int], object] | None = None,
        of_call: bool = False,
    ) -> Process:
        """Start a process; it ends by itself with exit code 0 after `duration` seconds, or never (None)."""
        self._next_pid += 4 * self.world.random.randrange(1, 40)
        memory = self.world.random.randrange(800, 60000) * 1024
        process = Process(
            self._next_pid, image, user, logon, self.world.clock.time, memory, on_end=on_end, of_call=of_call
        )
        self.processes.append(process)
        if duration is not None:
            process.handle = self.world.clock.after(duration, lambda: self.end_process(process, 0))
        if not of_call:
            self.world.changed()
        return process

    def kill(self, process: Process) -> None:
        """End a process from outside (exit code 1), with the program that runs in it."""
        self.end_process(process, 1)

    def end_process(self, process: Process, exit_code: int) -> None:
        """The process ends with that exit code."""
        if process.ended:
            return
        process.exit_code = exit_code
        if process in self.processes:
            self.processes.remove(process)
        if process.handle:
            process.handle.cancel()
        if not process.of_call:
            self.world.changed()
        if process.on_end:
            process.on_end(exit_code)
        if process.background:
            process.background.kill(f"{process.image} was ended")

    def log_event(
        self,
        log: str,
        source: str,
        number: int,
        kind: str,
        text: str,
        strings: Sequence[str] = (),
        category: int = 0,
        *,
        at: float | None = None,
    ) -> None:
        """Write an entry into an event log; `at`: when it was written, by the host's clock (the past, at the start)."""
        record = 1 + sum(1 for event in self.events if event.log == log)
        moment = self.now if at is None else at
        self.events.append(Event(moment, log, source, number, kind, text, list(strings), category, record))

    # -- life

    def boot_at_once(self) -> None:
        """The first state: up and settled, services with automatic start running (not those of the cluster)."""
        self.boot_time = self.world.clock.time - self.world.random.randrange(5 * 86400, 60 * 86400)
        self._system_processes()
        for service in self.services.values():
            if service.start_type == "auto" and service.name != "ClusSvc":
                self.service_manager.set_at_once(service.name, "running", "boot")

    def shutdown(self, restart: bool = True, delay: float = 0.0, cause: str = "command") -> None:
        """Order a shutdown in `delay` seconds; raises Win32Error 1115 when one is under way.

        `cause`: command, or installer when an update's program restarts the host itself.
        """
        if not self.up or self._closing:
            raise Win32Error(SHUTDOWN_IN_PROGRESS, self.name)
        if self._life:
            self._life.cancel()  # services that are still to be started with the host
        self._closing = True
        self.world.emit("shutdown", host=self, restart=restart, cause=cause)
        self.log_event("System", "USER32", 1074, "information", "A restart or shutdown was initiated.")
        self._life = self.world.clock.flow(self._going_down(restart, delay, cause))

    def abort_shutdown(self) -> None:
        """Take back a shutdown whose delay has not run out; raises Win32Error 1116."""
        if not self._life or not self._waiting:
            raise Win32Error(NO_SHUTDOWN_IN_PROGRESS, self.name)
        self._life.cancel()
        self._life = None
        self._closing = self._waiting = False
        self.world.emit("shutdown_aborted", host=self)

    def crash(self, comes_back: bool = True) -> None:
        """The host dies at once; it comes back by itself after its boot time, unless told otherwise."""
        if not self.up:
            return
        if self._life:
            self._life.cancel()
        self._fall("crash")
        self._life = self.world.clock.flow(self._starting_up()) if comes_back else None

    def boot(self) -> None:
        """Switch a host on that is down (somebody presses its button)."""
        if not self.up and not (self._life and not self._life.done):
            self._life = self.world.clock.flow(self._starting_up())

    def _going_down(self, restart: bool, delay: float, cause: str) -> Course:
        seconds = table("services")["restart"]
        self._waiting = True
        yield delay
        self._waiting = False
        yield seconds["closing"]
        self.up = False
        self.world.changed()
        self.world.emit("unreachable", host=self)
        if self.service_running("ClusSvc"):
            self.stop_service("ClusSvc", cause="shutdown")
        while self.clustered and self.services["ClusSvc"].state == "stop_pending":
            yield 1.0
        yield seconds["down"]
        self._fall("shutdown")
        if not restart or self.world.faults.take("restart", host=self.name):
            return
        yield from self._starting_up()

    def _starting_up(self) -> Course:
        seconds = table("services")["restart"]
        yield seconds["off"] * self.world.jitter()
        self.boot_time = self.world.clock.time
        self.booting = True
        yield seconds["loading"] * self.world.jitter()
        self.booting = False
        self.up = True
        self.pending_restart = False
        self.more.restarted(self)
        self._system_processes()
        self.log_event("System", "EventLog", 6005, "information", "The Event log service was started.")
        for service in self.services.values():
            if service.name in ("Eventlog", "RpcSs", "SamSs", "PlugPlay", "WinRM"):
                self.service_manager.set_at_once(service.name, "running", "boot")
        self.world.changed()
        self.world.emit("up", host=self)
        yield seconds["settling"]
        yield from self.service_manager.automatic()

    def _fall(self, cause: str) -> None:
        """From now on nothing of the host runs."""
        self.up = self.booting = self._waiting = self._closing = False
        self._connections.clear()
        self._drives.clear()
        self.service_manager.drop_all(cause)
        for process in list(self.processes):
            self.end_process(process, 1)
        self.processes.clear()
        self.world.emit("down", host=self, cause=cause)
        if self.node is not None and self.cluster is not None:
            self.cluster.node_lost(self.node)
        self.world.changed()

    def _system_processes(self) -> None:
        self._next_pid = 0
        for number, image in enumerate(table("services")["processes"]):
            process = self.spawn(image, "NT AUTHORITY\\SYSTEM")
            if number < 2:
                process.pid = 4 * number
        self._next_pid = max(self._next_pid, 200)

    # -- connections to shares, one set for each logon session

    def connect(
        self, context: Context, unc: str, user: str | None = None, password: str | None = None, drive: str | None = None
    ) -> None:
        """`net use`: connect to `\\\\server\\share`, for the logon session of `context` only.

        Raises Win32Error 5, 53, 67, 85 (drive letter in use), 1219 (other credentials for that server), 1326.
        """
        root = "\\".join(unc.rstrip("\\").split("\\")[:4])
        account = context.credentials if user is None else self.world.logon(user, password or "").name
        server = root.split("\\")[2].lower()
        for (session, other), name in self._connections.items():
            if session == context.session and other.split("\\")[2] == server and name != account:
                raise Win32Error(CREDENTIAL_CONFLICT, unc)
        if drive and ((context.session, drive.upper()) in self._drives or drive.upper() in self.files.volumes):
            raise Win32Error(DEVICE_IN_USE, drive)
        self.world.check_share(root, account)
        self._connections[(context.session, root.lower())] = account or ""
        if drive:
            self._drives[(context.session, drive.upper())] = root
        self.world.changed()

    def disconnect(self, context: Context, name: str) -> None:
        """`net use X /delete` with a drive letter or a share; raises Win32Error 2250."""
        key = (context.session, name.upper())
        root = self._drives.pop(key, None) or name.rstrip("\\")
        if self._connections.pop((context.session, root.lower()), None) is None:
            raise Win32Error(NOT_CONNECTED, name)
        for letter in [held for held, target in self._drives.items() if target.lower() == root.lower()]:
            if letter[0] == context.session:
                del self._drives[letter]
        self.world.changed()

    def connections(self, context: Context) -> list[tuple[str, str]]:
        """Return (drive letter or "", share) of every connection of the logon session."""
        letters = {
            root.lower(): letter for (session, letter), root in self._drives.items() if session == context.session
        }
        return [(letters.get(root, ""), root) for (session, root) in self._connections if session == context.session]

    def connected_as(self, context: Context, root: str) -> str | None:
        """Return the account of a connection to that server, or None."""
        server = root.split("\\")[2].lower()
        for (session, other), name in self._connections.items():
            if session == context.session and other.split("\\")[2] == server:
                return name
        return None

    def mapped_drive(self, context: Context, letter: str) -> str | None:
        """Return the share that a drive letter stands for in the logon session, or None."""
        return self._drives.get((context.session, letter.upper()))

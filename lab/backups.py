# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what the estate says of them becomes entries of the event logs, and a book for the referee.

NTBackup writes 8000 and 8001 for each thing that it saves (8001 as an error when something could not be saved), and
8019 at the end [V, Q182506 and an encyclopedia's entry]. Exchange's database engine writes 210 or 211 at the start of a
full or an incremental backup, 220 and 221 for each file, 223 and 224 for the logs, 213 at the good end, 214 at a bad
one, 222 for a file that was not read to its end [V, the engine's published message file]. Names of the sources (ESE
BACKUP, ESE97), the numbers of the categories and the texts in other languages: [R].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .clock import Handle
from .databases import SIZE, Database
from .shell.wording import wording
from .tables import sentence

if TYPE_CHECKING:
    from .host import Host
    from .world import World

HOUR = 3600.0
SYSTEM_STATE = "system_state"
DATABASES, CONTROLLERS = "databases", "controllers"
#: An age in hours when the estate says nothing.
USUAL = 6.0
PROGRAM = "ntbackup.exe"
#: Seconds that a backup of databases takes, and one that still runs has taken.
_LENGTH, _RUNNING = 900.0, 600.0
_CATEGORY = 3
_DISK_ERROR = "-1022"


@dataclass
class Kept:
    """What the referee knows of the backups of one thing: moments in simulated time."""

    good: list[float] = field(default_factory=list)
    bad: list[float] = field(default_factory=list)

    def proves(self, now: float, hours: float) -> bool:
        """Whether the newest full backup is good and not older than that."""
        newest = max(self.good, default=None)
        return newest is not None and now - newest <= hours * HOUR and not any(moment > newest for moment in self.bad)


class Backups:
    """The backups of the estate. `begin` writes those of the past; `take` makes new ones."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._book: dict[tuple[str, str], Kept] = {}
        self._run = 0.0

    def begin(self) -> None:
        """Write the evidence that the estate describes, everywhere."""
        self.run_started()
        for host in self._world.machines.values():
            settings = self._settings(host)
            kind = SYSTEM_STATE if host.name in self._world.hosts or SYSTEM_STATE in settings else CONTROLLERS
            age = self._age(settings, kind, host)
            if age is not None:
                self._system_state(host, self._world.clock.time - float(age) * HOUR)
            self._databases_of(host, settings)
            host.events.sort(key=lambda event: event.time)
            for log in {event.log for event in host.events}:
                for number, event in enumerate((each for each in host.events if each.log == log), 1):
                    event.record = number
        self._take_later()

    def missing(self, host: Host, hours: float) -> list[tuple[str, str]]:
        """What is missing before an update of that host: (kind, text); nothing when every backup is there.

        The age is that at the beginning of the run: its gates cannot know how long it will take.
        """
        now, found = self._run, []
        young = f"younger than {hours:g} h"
        for owner, database in self.databases(host):
            if not self._kept(owner, database.path).proves(now, hours):
                found.append((DATABASES, f"no good backup of {database.path} of {owner} that is {young}"))
        for machine in [host, *self._world.controller_hosts.values()]:
            if not self._kept(machine.name, SYSTEM_STATE).proves(now, hours):
                what = CONTROLLERS if machine is not host else SYSTEM_STATE
                found.append((what, f"no backup of the system state of {machine.name} that is {young}"))
        return found

    def saved_at(self, machine: str) -> float | None:
        """When the newest good backup of a machine's system state ended; on NT 4.0 of its registry and its drive."""
        return max(self._kept(machine, SYSTEM_STATE).good, default=None)

    def run_started(self) -> None:
        """A run of the playbooks begins."""
        self._run = self._world.clock.time

    def databases(self, host: Host) -> list[tuple[str, Database]]:
        """The databases that an update of a host concerns, each with the server or virtual server that it is of."""
        if host.cluster is None:
            return [(host.name, database) for database in host.databases]
        groups = [group for group in host.cluster.groups.values() if group.virtual_server is not None]
        return [(f"{host.cluster.name}/{g.name}", database) for g in groups for database in g.databases]

    def take(self, host: Host) -> None:
        """A full backup of everything on a host ends now: its system state, its databases, those of its cluster."""
        now = self._world.clock.time
        self._system_state(host, now)
        rows = [(host, host.name, host.databases)]
        if host.cluster is not None:
            for group in host.cluster.groups.values():
                if group.virtual_server is not None:
                    owner = host.cluster.nodes[group.owner].host
                    rows.append((owner, f"{host.cluster.name}/{group.name}", group.databases))
        for where, owner_name, databases in rows:
            if databases and where.up:
                self._full(where, owner_name, databases, now)
        self._world.changed()

    # -- the estate's words

    def _settings(self, host: Host) -> dict[str, Any]:
        """What the estate says of one machine: its own word, else that for all."""
        estate = self._world.estate
        common = dict(estate.get("backups") or {})
        if host.name in self._world.hosts:
            return common | (((estate.get("hosts") or {}).get(host.name) or {}).get("backups") or {})
        common.pop(SYSTEM_STATE, None)
        return common | (((estate.get("controllers") or {}).get(host.name) or {}).get("backups") or {})

    @staticmethod
    def _age(settings: dict[str, Any], kind: str, host: Host) -> Any:
        """An age in hours for a machine, None for no backup; the estate may give one for each machine by name."""
        age = settings.get(kind, USUAL)
        if not isinstance(age, dict) or set(age) & set(SIZE):
            return age
        return age.get(host.name, USUAL)

    def _databases_of(self, host: Host, settings: dict[str, Any]) -> None:
        rows = [(host.name, host.databases)] if host.databases else []
        if host.cluster is not None and host.node is not None:
            for group in host.cluster.groups.values():
                if group.databases and group.owner == host.node.name:
                    rows.append((f"{host.cluster.name}/{group.name}", group.databases))
        if not rows:
            return
        now = self._world.clock.time
        age = self._age(settings, DATABASES, host)
        for owner, databases in rows:
            ages: dict[float, list[Database]] = {}
            for database in databases:
                hours = age.get(database.kind, USUAL) if isinstance(age, dict) else age
                if hours is not None:
                    ages.setdefault(float(hours), []).append(database)
            for hours, some in ages.items():
                self._full(host, owner, some, now - hours * HOUR)
            if settings.get("incremental") is not None:
                self._incremental(host, databases, now - float(settings["incremental"]) * HOUR)
            if settings.get("failed") is not None:
                self._failed(host, owner, databases, now - float(settings["failed"]) * HOUR)
            if settings.get("running"):
                self._running(host, databases, now - _RUNNING)

    def _take_later(self) -> None:
        """The operator begins new backups some minutes after a service pack, where the estate says so.

        Whatever the run still changes on the host lets the operator wait again, and save the host once more.
        """
        operator = self._world.estate.get("operator") or {}
        minutes = operator.get("takes_backups_after")
        if minutes is None:
            return

        delay = float(minutes) * 60 + _LENGTH
        waiting: dict[str, Handle] = {}

        def begin(host: Host) -> None:
            if host.name in waiting:
                waiting[host.name].cancel()
            waiting[host.name] = self._world.clock.after(delay, lambda: self.take(host) if host.up else None)

        def observe(kind: str, facts: dict[str, Any]) -> None:
            if kind == "installer_ended" and facts["success"] and facts["package"]["kind"] == "service_pack":
                begin(facts["host"])
            elif kind == "call" and facts["changes"] and facts["host"] in waiting:
                begin(self._world.hosts[facts["host"]])

        self._world.observers.append(observe)

    # -- the events

    def _kept(self, owner: str, what: str) -> Kept:
        return self._book.setdefault((owner, what), Kept())

    def _system_state(self, host: Host, end: float) -> None:
        self._kept(host.name, SYSTEM_STATE).good.append(end)
        # NT 4.0 has no system state: the drive is saved, and whether the registry went with it (/b) no event says [R]
        what = "C:" if host.os == "nt4" else sentence(host.language, SYSTEM_STATE)
        self._ntbackup(host, what, end - 300, end)

    def _full(self, host: Host, owner: str, databases: list[Database], end: float) -> None:
        """One backup for each engine: Exchange 5.5 has two, of its stores and of its directory."""
        for some in _engines(databases):
            self._full_of(host, owner, some, end)

    def _full_of(self, host: Host, owner: str, databases: list[Database], end: float) -> None:
        start, step = end - _LENGTH, _LENGTH / (len(databases) + 1)
        self._engine(host, 210, databases[0], start)
        for number, database in enumerate(databases):
            self._kept(owner, database.path).good.append(end)
            moment = start + number * step
            self._engine(host, 220, database, moment + 5, database.path, f"{database.megabytes} Mb")
            self._engine(host, 221, database, moment + step - 5, database.path)
        self._engine(host, 223, databases[0], end - 20, *databases[0].logs)
        self._engine(host, 224, databases[0], end - 10, *databases[0].logs)
        self._engine(host, 213, databases[0], end)
        self._ntbackup(host, self._store(databases[0]), start, end)

    def _incremental(self, host: Host, databases: list[Database], end: float) -> None:
        self._engine(host, 211, databases[0], end - 120)
        self._engine(host, 223, databases[0], end - 60, *databases[0].logs)
        self._engine(host, 224, databases[0], end - 30, *databases[0].logs)
        self._engine(host, 213, databases[0], end)
        self._ntbackup(host, self._store(databases[0]), end - 120, end, mode="incremental")

    def _failed(self, host: Host, owner: str, databases: list[Database], end: float) -> None:
        first = databases[0]
        for database in databases:
            self._kept(owner, database.path).bad.append(end)
        self._engine(host, 210, first, end - 300)
        self._engine(host, 220, first, end - 290, first.path, f"{first.megabytes} Mb")
        size = first.megabytes * 2**20
        self._engine(host, 222, first, end - 5, first.path, str(size // 3), str(size))
        self._engine(host, 214, first, end, _DISK_ERROR)
        self._ntbackup(host, self._store(first), end - 300, end, good=False)

    def _running(self, host: Host, databases: list[Database], start: float) -> None:
        first = databases[0]
        self._engine(host, 210, first, start)
        self._engine(host, 220, first, start + 5, first.path, f"{first.megabytes} Mb")
        self._ntbackup(host, self._store(first), start, None)
        if not any(process.image == PROGRAM for process in host.processes):
            host.spawn(PROGRAM, f"{self._world.prefix}\\exadmin", "batch")

    def _engine(self, host: Host, number: int, database: Database, moment: float, *about: str) -> None:
        """An entry of the database engine: process, its number, the storage group, and what the event is about.

        5.5 has no storage groups, and its events no place for one [I, KB 311396].
        """
        service = host.services.get("MSExchangeIS")
        directory = database.kind == "directory"
        process = "MSExchangeDS" if directory else "MSExchangeIS" if not database.group else "Information Store"
        group = f"{database.group}: " if database.group else ""
        strings = [process, str(service.pid if service else 0), *([group] if group else []), *about]
        places = dict(zip(("first", "second", "third"), [*about, "", "", ""], strict=False))
        places |= {"process": process, "pid": strings[1], "group": group}
        source = "ESE BACKUP" if database.group else "ESE97"
        kind = "error" if number in (214, 222) else "information"
        text = wording(host.language, f"ese.{number}", **places)
        host.log_event("Application", source, number, kind, text, strings, _CATEGORY, at=moment + host.clock_skew)

    def _ntbackup(
        self, host: Host, what: str, start: float, end: float | None, *, mode: str = "normal", good: bool = True
    ) -> None:
        type_name = wording(host.language, f"ntbackup.mode.{mode}")
        strings = [what, wording(host.language, "ntbackup.mode", type=type_name)]
        rows = [(8000, start, "information", strings)]
        if end is not None:
            rows.append((8001, end, "information" if good else "error", strings))
            rows.append((8019, end + 1, "information", []))
        for number, moment, kind, about in rows:
            places = {"what": about[0], "mode": about[1]} if about else {}
            text = wording(host.language, f"ntbackup.{number}", **places)
            host.log_event("Application", "NTBackup", number, kind, text, about, at=moment + host.clock_skew)

    @staticmethod
    def _store(database: Database) -> str:
        """How NTBackup names a storage group, or the stores of 5.5 [R]."""
        if not database.group:
            what = "Microsoft Directory" if database.kind == "directory" else "Microsoft Information Store"
            return f"\\\\{database.server}\\{what}"
        return f"{database.server}\\Microsoft Information Store\\{database.group}"


def _engines(databases: list[Database]) -> list[list[Database]]:
    """The databases by the engine that keeps them; never an empty list in it."""
    directory = [database for database in databases if database.kind == "directory"]
    stores = [database for database in databases if database.kind != "directory"]
    return [some for some in (stores, directory) if some]

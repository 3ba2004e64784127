# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Performance Optimizer of Exchange 5.5: `perfwiz -s`, `perfwiz -f FILE` and what its answer file says.

It stops the services that run, changes values of the registry (whatever a site has set there by hand), may move the
databases, and starts the services again; its log is appended to [V, Q175283, Q246125, Q271824]. With Key Management
Server among them it never ends [V, Q263718]. On a cluster the registry checkpoints bring the old values back as the
services come online [V, Q278464]. What nobody has written down, such as the values, stands in data/optimizer.yml.
"""

from __future__ import annotations

import configparser
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .tables import table

if TYPE_CHECKING:
    from .host import Host
    from .processes import Process
    from .world import Context

SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
IMAGE, ANSWERS = "perfwiz.exe", "Perfopt.inf"
#: No documented exit codes: 0 when it came to its end, these where it did nothing [U].
NO_ANSWERS, NOT_ALLOWED = 2, 5
_PATIENCE = 1800.0


@dataclass
class Answers:
    """What an answer file says [V, Q175283]; what is left out has the program's own default."""

    users: int = 1
    server_type: int = 3
    restart: bool = True
    analyze: bool = True
    move: bool = True
    memory: int = 0


def build_tuning(host: Host, custom: bool) -> None:
    """The values as setup leaves them, with those that a site has changed by hand."""
    rules = table("optimizer")
    for row in rules["values"]:
        host.registry.set(f"{SERVICES}\\{row['key']}", row["name"], "REG_DWORD", int(row["found"]))
    for row in rules["custom"] if custom else []:
        host.registry.set(f"{SERVICES}\\{row['key']}", row["name"], "REG_DWORD", int(row["data"]))


def read_answers(text: str) -> Answers:
    """Read an answer file; unknown lines mean nothing, numbers that are none neither."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return Answers()
    section = next((parser[name] for name in parser.sections() if name.lower() == "perfwiz"), None)
    if section is None:
        return Answers()
    usual = Answers()
    users = min(max(_number(section.get("users"), usual.users), 0), 5)
    analyze = _number(section.get("analyze disks"), 1) != 0
    return Answers(
        users,
        _number(section.get("server type"), usual.server_type),
        _number(section.get("dont restart"), 0) == 0,
        analyze,
        analyze and _number(section.get("move files"), 1) != 0,
        _number(section.get("limit memory usage"), 0),
    )


def _number(text: str | None, usual: int) -> int:
    word = (text or "").strip().lower()
    if word in ("true", "false"):
        return int(word == "true")
    return int(word) if word.isdecimal() else usual


def run(context: Context, path: str, arguments: list[str]) -> int:
    """Run the program; `path` is its file. Without -s or -f, and with -r, its window stands open."""
    from .installer import dialog

    host = context.host
    process = host.spawn(IMAGE, context.user, context.logon)
    code = 1
    try:
        given = _answers_file(path, arguments)
        if given is None:
            return dialog(context, process)
        if context.account is not None and not host.is_administrator(context.account.name):
            code = NOT_ALLOWED
            return code
        if not host.files.exists(given, context):
            code = NO_ANSWERS
            return code
        answers = read_answers(host.files.read(given, context).decode("cp1252", "replace"))
        code = _Run(context, process, answers).run()
        return code
    finally:
        host.end_process(process, code)
        host.world.changed()


def _answers_file(path: str, arguments: list[str]) -> str | None:
    """The answer file that the arguments name; None where a window opens."""
    words = list(arguments)
    silent = None
    while words:
        word = words.pop(0)
        switch = word[1:2].lower() if word[:1] in ("-", "/") else ""
        if switch == "r":
            return None
        if switch == "s":
            silent = silent or f"{path.rpartition(chr(92))[0]}\\{ANSWERS}"
        elif switch == "f":
            silent = word[2:].strip('"') or (words.pop(0).strip('"') if words else None)
    return silent


class _Run:
    """One run to its end."""

    def __init__(self, context: Context, process: Process, answers: Answers) -> None:
        self._context, self._host, self._world = context, context.host, context.world
        self._process, self._answers = process, answers

    def run(self) -> int:
        """Stop, change, start again; returns the exit code."""
        from .installer import dialog

        host, world, rules = self._host, self._world, table("optimizer")
        world.emit("optimizer_started", host=host)
        self._log("Microsoft Exchange Server Performance Optimizer started.")
        ran = self._stop()
        seconds = rules["seconds"]
        if self._wait(seconds["settings"] + (seconds["disks"] if self._answers.analyze else 0)):
            return 1
        if self._answers.analyze:
            self._log("Disk analysis finished.")
        self._tune()
        if self._answers.move and self._wait(seconds["move"] if self._move() else 0):
            return 1
        if self._answers.restart:
            hanging = rules["hanging"]
            self._start([name for name in ran if name != hanging["service"]])
            if hanging["service"] in ran:
                self._log(f"Failed to start {hanging['service']}: {hanging['code']}")
                return dialog(self._context, self._process)
        host.more.optimized = True
        self._log("Microsoft Exchange Server Performance Optimizer finished.")
        world.emit("optimizer_ended", host=host)
        return 0

    def _wait(self, seconds: float) -> bool:
        return self._world.clock.wait_until(lambda: self._process.ended, seconds) if seconds else self._process.ended

    def _stop(self) -> list[str]:
        """Stop what runs of Exchange; returns it, those first that were stopped first."""
        from .exchange55 import exchange_services

        host = self._host
        names = [name for name in exchange_services(host) if host.service_running(name)]
        for name in names:
            if host.service_running(name):
                host.stop_service(name, dependents=True, cause="installer")
        self._settle(names)
        return names

    def _start(self, names: list[str]) -> None:
        host = self._host
        for name in reversed(names):
            if host.services[name].state == "stopped" and host.services[name].start_type != "disabled":
                host.start_service(name, cause="installer")
        self._settle(names)

    def _settle(self, names: list[str]) -> None:
        services = self._host.services
        self._world.clock.wait_until(lambda: not any(services[n].state.endswith("_pending") for n in names), _PATIENCE)

    def _tune(self) -> None:
        rules, answers = table("optimizer"), self._answers
        for row in rules["values"]:
            if row["for"] and not answers.server_type & row["for"]:
                continue
            wanted = int(row["set"][answers.users])
            if row.get("memory") and answers.memory:
                wanted = min(wanted, answers.memory * int(rules["buffers_per_megabyte"]))
            key = f"{SERVICES}\\{row['key']}"
            before = self._host.registry.value(key, row["name"])
            found = before[1] if before and isinstance(before[1], int) else 0
            if found != wanted:
                self._log(f"Set {row['option']} from {found} to {wanted}")
                self._host.registry.set(key, row["name"], "REG_DWORD", wanted)

    def _move(self) -> bool:
        """Move the databases to another drive, where there is one; True when there was something to move."""
        host = self._host
        other = next((letter for letter in sorted(host.files.volumes) if letter != "C:"), None)
        if other is None or host.clustered:
            return False
        moved = []
        for database in host.databases:
            path = f"{other}{database.path[2:]}"
            if database.path != path:
                host.files.make_dirs(path.rpartition("\\")[0])
                host.files.rename(database.path, path)
                self._log(f"Moved {database.path} to {path}")
            moved.append(dataclasses.replace(database, path=path))
        host.databases = moved
        return True

    def _log(self, text: str) -> None:
        stamp = self._host.local_time.strftime("%m/%d/%y %H:%M:%S")
        path = f"{self._host.system_root}\\System32\\perfopt.log"
        self._host.files.append(path, f"{stamp} {text}\r\n".encode("ascii", "replace"))


def tuning_of(host: Host) -> dict[tuple[str, str], int]:
    """The values that the optimizer knows, as they are on a host: (key, name) -> number."""
    found: dict[tuple[str, str], int] = {}
    for row in table("optimizer")["values"]:
        place = (f"{SERVICES}\\{row['key']}", str(row["name"]))
        value = host.registry.value(*place)
        if value is not None and isinstance(value[1], int):
            found[place] = value[1]
    return found


def restore_tuning(host: Host, values: dict[tuple[str, str], int]) -> None:
    """Bring values back: what a cluster's registry checkpoints do [V, Q278464]."""
    for (key, name), data in values.items():
        found = host.registry.value(key, name)
        if found is None or found[1] != data:
            host.registry.set(key, name, "REG_DWORD", data)

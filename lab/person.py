# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The person who does by hand what has no unattended form: upgrading virtual servers, running a setup.

The person looks whenever the world has changed, reacts after the estate's `reacts_after` seconds when the need still
holds, and gives up after an error until something changes or a new run begins.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .clock import Handle
from .errors import EstateError, Win32Error
from .exchange import upgrade_obstacle, upgrade_virtual_server
from .installer import run as run_installer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cluster import Group
    from .files import Entry
    from .host import Host
    from .world import World

NOTE = "WAITING-FOR-OPERATOR.txt"
FOLDER = "C:\\mailops"

Need = tuple[str, str, str]


class Person:
    """The operator of the estate; `settings` None: there is nobody."""

    def __init__(self, world: World, settings: dict[str, Any] | None) -> None:
        self._world = world
        self._settings = settings
        self._looking: Handle | None = None
        self._reacting: dict[Need, Handle] = {}
        self._busy: set[Need] = set()
        self._settled: set[Need] = set()
        self.look_soon()

    def look_soon(self) -> None:
        """Look at the estate as soon as time is asked for."""
        if self._settings is not None and not (self._looking and self._looking.pending):
            self._looking = self._world.clock.after(0.0, self._look)

    def forget(self) -> None:
        """A new run has begun: what was given up is tried again when it is asked for."""
        self._settled.clear()
        self.look_soon()

    def _look(self) -> None:
        needs: dict[Need, Callable[[], None]] = {}
        if self._wants("upgrades_virtual_servers"):
            for cluster in self._world.clusters.values():
                for group in cluster.groups.values():
                    if self._upgrade_is_due(group):
                        needs["upgrade", cluster.name, group.name] = partial(self._upgrade, group)
        if self._wants("runs_setup"):
            for host in self._world.hosts.values():
                for folder, key in self._notes(host, "setup") if host.up else []:
                    needs["setup", host.name, folder] = partial(self._setup, host, folder, key)
                for folder, key in self._notes(host, "connector") if host.up else []:
                    needs["connector", host.name, folder] = partial(self._connector, host, folder, key)
                for folder, key in self._notes(host, "addon") if host.up else []:
                    needs["addon", host.name, folder] = partial(self._addon, host, folder, key)
        self._settled &= set(needs)
        for need in [need for need in self._reacting if need not in needs]:
            self._reacting.pop(need).cancel()
        for need, action in needs.items():
            if need not in self._reacting and need not in self._busy and need not in self._settled:
                self._reacting[need] = self._world.clock.after(self._seconds, partial(self._react, need, action))

    @property
    def _seconds(self) -> float:
        return float((self._settings or {}).get("reacts_after", 60))

    def _wants(self, what: str) -> bool:
        return bool((self._settings or {}).get(what, True))

    def _react(self, need: Need, action: Callable[[], None]) -> None:
        self._reacting.pop(need, None)
        self._busy.add(need)
        action()

    def _done(self, need: Need) -> None:
        self._busy.discard(need)
        self._settled.add(need)
        self.look_soon()

    def _at_work(self, host: Host, image: str, need: Need, work: Callable[[], object]) -> None:
        """Do something on the host's console, as a program that ends with the host."""
        process = host.spawn(image, self._account, "interactive")

        def program() -> None:
            try:
                work()
            except (Win32Error, EstateError) as problem:
                self._world.journal.problem(f"{host.name}: the operator could not go on: {problem}")
            host.end_process(process, 0)

        process.on_end = lambda code: self._done(need)
        process.background = self._world.clock.spawn(program, f"{host.name}: operator")

    @property
    def _account(self) -> str:
        return f"{self._world.prefix}\\exsetup"

    # -- virtual servers

    def _upgrade_is_due(self, group: Group) -> bool:
        server, owner = group.virtual_server, group.cluster.nodes[group.owner].host
        if server is None or group.busy or not owner.service_running("ClusSvc"):
            return False
        return server.service_pack < owner.service_pack and upgrade_obstacle(group, owner)[0] == 0

    def _upgrade(self, group: Group) -> None:
        owner = group.cluster.nodes[group.owner].host
        context = owner.context(self._account, "interactive")
        need = ("upgrade", group.cluster.name, group.name)
        self._at_work(owner, "CluAdmin.exe", need, lambda: upgrade_virtual_server(context, group.name))

    # -- setup by hand

    def _notes(self, host: Host, what: str) -> list[tuple[str, str]]:
        """The folders in which a note asks for a setup (of an update, or of the connector), with the update's key."""
        found = []
        if not host.files.is_dir(FOLDER):
            return []
        for entry in host.files.entries(FOLDER):
            note = entry.children.get(NOTE.lower())
            if entry.is_dir and note is not None and note.content:
                first = note.content.decode("ascii", "replace").splitlines()[0]
                words = [word.strip() for word in first.split(":", 1)]
                if words[0].lower() == what and words[-1] and len(words) == 2:
                    found.append((f"{FOLDER}\\{entry.name}", words[1]))
        return found

    def _setup(self, host: Host, folder: str, key: str) -> None:
        self._at_work(host, "cmd.exe", ("setup", host.name, folder), lambda: self._run_setup(host, folder, key))

    def _connector(self, host: Host, folder: str, key: str) -> None:
        need = ("connector", host.name, folder)
        self._at_work(host, "cmd.exe", need, lambda: self._run_connector(host, folder, key))

    def _addon(self, host: Host, folder: str, key: str) -> None:
        """The setup of a component of Exchange 5.5: the program that the note names."""
        context = host.context(self._account, "interactive")
        note = host.files.read(f"{folder}\\{NOTE}", context).decode("latin-1")
        named = [line.partition(":")[2].strip() for line in note.splitlines() if line.lower().startswith("program:")]

        def work() -> None:
            for program in named:
                run_installer(context, program, [])

        self._at_work(host, "cmd.exe", ("addon", host.name, folder), work)

    def _run_setup(self, host: Host, folder: str, key: str) -> None:
        context = host.context(self._account, "interactive")
        package = self._world.packages.package(key)
        program = self._program(host, folder, key, "setup") or self._program(host, folder, key, "hotfix")
        if program is None:
            program = self._archive(host, folder, key)
            if package["kind"] == "service_pack":
                run_installer(context, program, [f"/x:{folder}\\package", "/q"])
                program = f"{folder}\\package\\{package['setup']}"
        run_installer(context, program, [] if package["kind"] == "service_pack" else ["/norestart"])

    def _run_connector(self, host: Host, folder: str, key: str) -> None:
        """The connector's own setup: the one in the folder that the note names, else one that was extracted."""
        context = host.context(self._account, "interactive")
        note = host.files.read(f"{folder}\\{NOTE}", context).decode("latin-1")
        named = [line.partition(":")[2].strip() for line in note.splitlines() if line.lower().startswith("folder:")]
        programs = [f"{place}\\setup.exe" for place in named if host.files.exists(f"{place}\\setup.exe", context)]
        found = programs[0] if programs else self._program(host, FOLDER, key, "connector")
        if found is None:
            archive = self._archive(host, folder, key)
            run_installer(context, archive, [f"/x:{folder}\\package", "/q"])
            found = self._program(host, folder, key, "connector")
        if found is not None:
            run_installer(context, found, [])

    def _archive(self, host: Host, folder: str, key: str) -> str:
        """The package's file below a folder; it is fetched from the share when it is not there."""
        found = self._program(host, folder, key, "archive") or self._program(host, folder, key, "hotfix")
        if found is None:
            file, server = self._world.packages.package(key)["file"], next(iter(self._world.controllers))
            found = f"{folder}\\{file}"
            context = host.context(self._account, "interactive")
            host.files.copy(f"\\\\{server}\\updates\\{file}", found, context)
        return found

    def _program(self, host: Host, folder: str, key: str, part: str) -> str | None:
        """The path of a package's program below a folder."""

        def search(entry: Entry, path: str) -> str | None:
            for child in entry.children.values():
                below = f"{path}\\{child.name}"
                if child.tag.get("part") == part and self._same(child.tag.get("package"), key):
                    return below
                found = search(child, below)
                if found:
                    return found
            return None

        return search(host.files.entry(folder), folder)

    def _same(self, one: str | None, other: str) -> bool:
        packages = self._world.packages
        return one is not None and packages.package(one)["sha256"] == packages.package(other)["sha256"]

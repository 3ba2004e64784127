# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation over the rpc channel that is cut off at a call of one's choice, and the one that goes on after it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.shell.run import run_line
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import install
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load, staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_smb import Wire
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Session
from ansible_collections.mailops.exchange.tests.unit.gates.looked import CATALOGUE, running, session_to, written
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks

# Windows -> update, and the host that it is for.
KINDS = {
    "nt4": ("exchange55-sp4", "{os: nt4, service_pack: 3}"),
    "nt4_hotfix": ("exchange55-kb894689", "{os: nt4, service_pack: 4}"),
    "2000": ("exchange2000-sp3", '{os: "2000"}'),
    "server2003": ("exchange2003-sp2", "{service_pack: 1, channel: rpc}"),
}
TOP = "C:\\mailops"
_OPENING, _TRANSACTION = 0xA2, 0x25
_RANDOM = re.compile(rb"m[0-9a-f]{8}-\d+-[0-9a-f]{8}")


class Site:
    """A host with the package of its update on it."""

    def __init__(self, lab: Lab, folder: Path, kind: str) -> None:
        self.lab = lab
        key = KINDS[kind][0]
        self.update = load([str(folder / CATALOGUE)])[key]
        package, host = lab.world.packages.package(key), lab.world.hosts["n1"]
        place = staging_folder(self.update)
        self.package = f"{place}\\{package['file']}"
        context = host.context(f"{lab.world.prefix}\\exsetup", "batch", cwd="C:\\")
        with lab.world.clock.lock:
            share = f"\\\\{lab.controller}\\updates\\{package['file']}"
            assert run_line(context, f"mkdir {TOP} & mkdir {place} & copy /y {share} {place}\\").exit_code == 0
        self.ended: list[bool] = []
        lab.world.observers.append(self._observe)

    def _observe(self, kind: str, facts: dict[str, Any]) -> None:
        if kind == "installer_ended":
            self.ended.append(bool(facts["success"]))

    @contextmanager
    def session(self) -> Iterator[Session]:
        with session_to(self.lab, "n1", read_only=False) as session:
            yield session

    def install(self, session: Session) -> dict[str, Any]:
        """Install, and forget the job, as a turn does."""
        account = f"{self.lab.world.prefix}\\exsetup"
        result = install.install(
            session, self.update, package=self.package, account=account, password=self.lab.password("exsetup")
        )
        install.clear(session, self.update)
        return result

    def left(self) -> list[str]:
        """What is on the host that was not there before: services, jobs of the scheduler, files."""
        host = self.lab.world.hosts["n1"]
        with self.lab.world.clock.lock:
            services = [name for name in host.services if name.lower().startswith("mailops-")]
            jobs = [f"AT job {number}" for number in host.at_jobs] + [f"task {name}" for name in host.tasks]
            kept = {staging_folder(self.update).rpartition("\\")[2].lower(), "run"}
            files = [name for name in host.files.listdir(TOP) if name.lower() not in kept]
            if host.files.is_dir(f"{TOP}\\run"):
                files += [f"run\\{name}" for name in host.files.listdir(f"{TOP}\\run")]
            own = {self.package.rpartition("\\")[2].lower(), "files"}
            place = staging_folder(self.update)
            files += [f"{place}\\{name}" for name in host.files.listdir(place) if name.lower() not in own]
        return [*services, *jobs, *files]


@contextmanager
def site(folder: Path, kind: str) -> Iterator[Site]:
    """A lab of one host, ready for its update."""
    key, host = KINDS[kind]
    with running(folder, written(f"speed: 0\nupdate: {key}\nhosts: {{n1: {host}}}\n")) as lab:
        yield Site(lab, folder, kind)


def calls_of(folder: Path, kind: str) -> list[tuple[Any, ...]]:
    """Every message of an installation that nothing disturbs, each as what it is about."""
    found: list[tuple[Any, ...]] = []
    send = Wire.send

    def sending(wire: Wire, command: int, words: bytes, data: bytes, *more: Any, **options: Any) -> int:
        found.append((command, *_about(command, data)))
        return send(wire, command, words, data, *more, **options)

    with site(folder, kind) as place, place.session() as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wire, "send", sending)
        assert place.install(session)["success"]
    return found


def _about(command: int, data: bytes) -> tuple[Any, ...]:
    """The name of a file or pipe, or the number of a remote procedure; what is random in a name does not count."""
    if command == _OPENING:
        return (_RANDOM.sub(b"*", data.replace(b"\0", b"")),)
    if command == _TRANSACTION:
        at = data.find(b"\x05\x00\x00\x03")
        return (int.from_bytes(data[at + 22 : at + 24], "little"),) if at >= 0 else ()
    return ()


def chosen(calls: list[tuple[Any, ...]], each: int) -> list[int]:
    """The numbers of the messages that differ: of those about the same thing the first ``each``, and the last.

    Waiting asks the same again and again.
    """
    places: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for number, about in enumerate(calls, 1):
        places[about].append(number)
    return sorted({number for numbers in places.values() for number in (*numbers[:each], numbers[-1])})


def cut(number: int, lost: str, patch: pytest.MonkeyPatch) -> None:
    """Break the connection at a message; the run is killed there, or goes on with a new connection."""
    Breaks(number, lost.removesuffix("_killed"), kill=lost.endswith("_killed")).install(patch)

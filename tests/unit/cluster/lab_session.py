# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A session whose host is one of the lab's, without a network: for tests of what drives a session."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.programs import install
from ansible_collections.mailops.exchange.lab.shell.run import run_line
from ansible_collections.mailops.exchange.lab.world import Context, World, make_context
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import ConnectionLost, Unreachable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Output, Session

CLUSTER: dict[str, Any] = {
    "update": "exchange2003-sp2",
    "speed": 0,
    "hosts": {
        "mbx1": {"hotfixes": ["KB831464"]},
        "n1": {"cluster": "mail", "hotfixes": ["KB831464"]},
        "n2": {"cluster": "mail", "hotfixes": ["KB831464"]},
    },
    "clusters": {
        "mail": {
            "quorum": {"group": "Cluster Group", "owner": "n1"},
            "virtual_servers": {"EVS1": {"owner": "n1", "preferred_owners": ["n1"]}},
            "other_groups": {"File Share": {"owner": "n2"}},
        }
    },
}


def world_of(estate: dict[str, Any], faults: list[dict[str, Any]] | None = None) -> World:
    """A simulated estate at speed 0 with its programs."""
    world = World.from_estate(complete({"speed": 0, **estate}))
    install(world)
    world.faults.load([{"times": 1, **fault} for fault in faults or []])
    return world


class LabClock(Clock):
    """Simulated time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def now(self) -> float:
        with self.world.clock.lock:
            return float(self.world.clock.now())

    def sleep(self, seconds: float) -> None:
        with self.world.clock.lock:
            self.world.clock.sleep(seconds)


class LabSession(Session):
    """Runs each line in the lab's own cmd.exe, as the WinRM server does, with its faults."""

    def __init__(self, world: World, host: str, *, read_only: bool = False) -> None:
        self.said: list[str] = []
        self.lines: list[str] = []
        super().__init__(host, read_only=read_only, clock=LabClock(world), poll_interval=5.0, progress=self.said.append)
        self.world = world
        self.context: Context | None = None
        self.user = next(a.name for a in world.accounts.values() if a.local_admin and not a.exchange_admin)

    def _send(self, call: Any) -> Output:
        if call.changes:
            self._about_to_change(call)
        self.lines.append(call.line)
        host = self.world.hosts[self.host]
        with self.world.clock.lock:
            if not host.up or host.booting:
                self.world.clock.sleep(10)
                raise Unreachable(f"{self.host} does not answer")
            received = self.world.begin_call(self.host, "winrm", call.shown)
            if received.fault == "refuse":
                self.world.end_call(received, None, False)
                raise ConnectionLost("the connection broke")
            if self.context is None:
                self.context = make_context(host, self.user)
            result = run_line(self.context, call.line)
            lost = received.fault == "drop" or result.interrupted or not host.up
            self.world.end_call(received, None if lost else result.exit_code, result.changing)
        if lost:
            raise ConnectionLost("the connection broke")
        return Output(result.exit_code, result.stdout.replace("\r\n", "\n"), result.stderr.replace("\r\n", "\n"))

    def reconnect(self) -> None:
        """A new logon: connections to shares belong to the old one."""
        self.context = None

    def close(self) -> None:
        """Nothing is kept."""

    @property
    def changes(self) -> list[str]:
        """The changing command lines that were sent."""
        return [e["call"] for e in self.world.journal.entries if e["changes"] and e["host"] == self.host]

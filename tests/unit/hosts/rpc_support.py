# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab whose host is reached by SMB and RPC, sessions to it, and connections that break at a call of one's choice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_commands import PREFIX, ROOT
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_smb import Broken, Wire

SPEED = 600
ESTATE = """
update: exchange2003-sp2
speed: 600
language: {language}
hosts:
  n1: {{os: {os}, product: "{product}", service_pack: {service_pack}, channel: rpc, services: {{TrendServer: running}}}}
"""
KINDS = {"nt4": ("5.5", 4), "2000": ("2000", 3), "server2003": ("2003", 1)}


@contextmanager
def lab_of(folder: Path, os: str = "server2003", language: str = "en") -> Iterator[Lab]:
    """A running lab of one host; it must have had no trouble at the end."""
    product, service_pack = KINDS[os]
    path = folder / "estate.yml"
    path.write_text(ESTATE.format(os=os, product=product, service_pack=service_pack, language=language))
    lab = Lab(load_estate(path))
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
    assert lab.trouble == []


def opened(lab: Lab, **options: Any) -> RpcSession:
    """A session to the lab's host."""
    host = lab.world.hosts["n1"]
    settings = {"user": f"{lab.world.prefix}\\exadmin", "password": lab.password("exadmin"), "port": host.port}
    own = {name: options.pop(name) for name in list(options) if name in Endpoint.__dataclass_fields__}
    endpoint = Endpoint(host.address, **{**settings, **own})
    return RpcSession(endpoint, host="n1", clock=RehearsalClock(SPEED), **options)


def leftovers(session: RpcSession) -> list[str]:
    """What runs have left behind on the host: services and folders."""
    services = [name for name in session.all_services() if name.startswith(PREFIX)]
    return services + [entry.name for entry in session.list_dir(ROOT) or []]


class Cut(BaseException):
    """The process of the playbook is killed here."""


class Breaks:
    """Counts the messages of all connections, and breaks them at one of them.

    ``lost`` "question": the message does not arrive; "answer": it does, and its effect is there. ``kill``: nothing more
    is sent after that, as when the process has died; else the next connection is as good as new.
    """

    def __init__(self, at: int = 0, lost: str = "answer", kill: bool = False) -> None:
        self.at, self.lost, self.kill = at, lost, kill
        self.count = 0
        self._dead = False

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Put it into every connection from now on."""
        send, receive = Wire.send, Wire.receive

        def sending(wire: Wire, *arguments: Any, **options: Any) -> int:
            if self._dead:
                raise Cut
            self.count += 1
            if self.count == self.at and self.lost == "question":
                self._break(wire)
            return send(wire, *arguments, **options)

        def receiving(wire: Wire, command: int, message: int) -> Any:
            reply = receive(wire, command, message)
            if self.count == self.at and self.lost == "answer":
                self.at = -1
                self._break(wire)
            return reply

        patch.setattr(Wire, "send", sending)
        patch.setattr(Wire, "receive", receiving)

    def _break(self, wire: Wire) -> None:
        wire.hang_up()
        if self.kill:
            self._dead = True
            raise Cut
        raise Broken("cut off by the test")

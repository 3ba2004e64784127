# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SMB 1 server of one machine: who may connect, and what its connections share."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from ..errors import Win32Error
from ..scratch import is_scratch
from .connections import Reset
from .smb_connection import Connection

if TYPE_CHECKING:
    from ..host import Host
    from ..world import World
    from .ntlm import Accounts

#: Seconds that a connection attempt to a host that is down costs where nobody waits in real time.
DOWN_COSTS = 10.0
#: Seconds of simulated time that a call costs where nobody waits in real time: a round trip or a few, no process.
CALL_COSTS = 0.05
CHANNEL = "rpc"


class SmbServer:
    """The Server service of a machine, with the named pipes behind its share IPC$.

    `signing`: off (NT 4.0 as installed), enabled (2000 and Server 2003: used when the client asks for it) or required
    (a domain controller of Server 2003). [R]
    """

    def __init__(self, world: World, host: Host, accounts: Accounts, trouble: Callable[[], None]) -> None:
        self.world = world
        self.host = host
        self.accounts = accounts
        self.trouble = trouble
        self.signing = "off" if host.os == "nt4" else "required" if host.controller else "enabled"
        self.connections: list[Connection] = []

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        self._attempt()
        served = Connection(self, connection)
        self.connections.append(served)
        try:
            served.serve()
        finally:
            self.connections.remove(served)

    @property
    def available(self) -> bool:
        """Whether the host is up and shares its files."""
        return self.host.up and self.host.service_running("LanmanServer")

    def boot(self) -> float | None:
        """What tells one run of the host from the next; None while nobody answers there."""
        with self.world.clock.lock:
            self.world.clock.now()
            return self.host.boot_time if self.available else None

    def _attempt(self) -> None:
        """A connection attempt: a host that is down answers nobody."""
        clock = self.world.clock
        with clock.lock:
            clock.now()
            if self.available:
                return
            if not clock.speed:
                clock.sleep(DOWN_COSTS)
        raise Reset

    def change(self, verb: str, path: str, *, also: str = "") -> AbstractContextManager[None]:
        """A call that changes the file at a path; a client's own tools are no change of the host."""
        own = is_scratch(path) and (not also or is_scratch(also))
        return self.call(f"smb {verb} {path}{f' -> {also}' if also else ''}", changes=not own)

    def look(self, verb: str, path: str) -> AbstractContextManager[None]:
        """A call that looks at a path; clients look again and again."""
        return self.call(f"smb {verb} {path}", changes=False, part=True)

    @contextmanager
    def call(self, text: str, *, changes: bool, part: bool = False) -> Iterator[None]:
        """A call for the journal, at which faults strike; what happens in it is its effect. `part`: see World.

        Raises Reset instead of doing anything (refuse), or after it (drop). An error of the effect is its exit code.
        """
        call = self.world.begin_call(self.host.name, CHANNEL, text, costs=CALL_COSTS, part=part)
        if call.fault == "refuse":
            self.world.end_call(call, None, False)
            raise Reset
        code: int | None = None
        try:
            yield
            code = 0
        except Win32Error as error:
            code = error.code
            if call.fault == "drop":
                raise Reset from error
            raise
        finally:
            self.world.end_call(call, code, changes)
        if call.fault == "drop":
            raise Reset

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server monitors: an Administrator program somewhere that starts the System Attendant of a server that it watches.

It does so also while an update is installed, and files are in use then; a System Attendant that is disabled stays as it
is [V, Q177221, Q245838]. Suspending monitors (`admin /t nr`) does not keep it from that [V, Q177221].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange55 import ATTENDANT
from .tables import table

if TYPE_CHECKING:
    from .host import Host
    from .processes import Process
    from .world import World

CAUSES = ("command", "installer", "killed")


def watch(world: World) -> None:
    """Start the monitors of the estate (`monitors` of a host: the servers that it watches)."""
    watched: dict[str, list[Process]] = {}
    for name, host in world.hosts.items():
        servers = ((world.estate.get("hosts") or {}).get(name) or {}).get("monitors") or []
        if servers:
            process = host.spawn(table("exchange55")["monitor"]["program"], f"{world.prefix}\\exadmin", "interactive")
            for server in servers:
                watched.setdefault(server, []).append(process)
    if not watched:
        return

    def observe(kind: str, facts: dict[str, Any]) -> None:
        if kind != "service" or facts["service"].name != ATTENDANT or facts["state"] != "stopped":
            return
        host: Host = facts["host"]
        programs = watched.get(host.name, [])
        if programs and facts["cause"] in CAUSES and not host.clustered:
            seconds = float(table("exchange55")["monitor"]["reacts"])
            world.clock.after(seconds, lambda: _react(host, programs))

    world.observers.append(observe)


def _react(host: Host, programs: list[Process]) -> None:
    service = host.services[ATTENDANT]
    watched = any(not program.ended for program in programs)
    if watched and host.up and service.state == "stopped" and service.start_type != "disabled":
        host.start_service(ATTENDANT, cause="monitor")

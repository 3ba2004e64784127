# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``net stop`` of services that can take longer to stop than ``net`` waits: those of Exchange 5.5.

``net`` stops them one after the other and gives up on one that does not stop in time; what that depends on runs on. So
the documents give the line twice [V, BORK excc14_29, Q246287]; how long it waits, and what it says of a service that is
still stopping: [R].
"""

from __future__ import annotations

import functools

from ..errors import Win32Error
from ..host import Host
from ..services import Service
from ..shell.call import Call
from ..tables import table

FAILED, PENDING = 2, 2189


def patience(host: Host, service: Service) -> float | None:
    """How many seconds ``net`` waits for each of the services to stop; None where it waits until they have."""
    slow = host.product == "5.5" and service.name.startswith("MSExchange")
    return float(table("exchange55")["net_patience"]) if slow else None


def stop_one_by_one(call: Call, services: list[Service], limit: float) -> int:
    """Stop services in this order; ends with the first that does not stop in time, or that stops already."""
    for service in services:
        if service.state == "stopped":
            continue
        call.line(call.text("net.stopping", name=service.display))
        try:
            call.host.stop_service(service.name, dependents=True)
        except Win32Error:
            call.complain(call.text("net.changing"))
            call.complain("\n" + call.text("net.more_help", number=PENDING) + "\n")
            return FAILED
        call.wait_until(functools.partial(_stopped, service), limit)
        if service.state != "stopped":
            call.complain(call.text("net.stop_failed", name=service.display) + "\n")
            return FAILED
        call.line(call.text("net.stopped", name=service.display) + "\n")
    return 0


def _stopped(service: Service) -> bool:
    return service.state == "stopped"

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Letting a world come to rest: what is under way is seen to its end, nothing new is waited for."""

from __future__ import annotations

from .world import World

#: Simulated seconds after which a world counts as at rest whatever is still under way (a program that hangs).
LONGEST = 4 * 3600.0
PENDING = ("start_pending", "stop_pending", "continue_pending", "pause_pending")


def settle(world: World) -> bool:
    """Let time jump until nothing is under way any more; returns whether that came true."""
    clock = world.clock
    with clock.lock:
        clock.now()
        clock.speed = 0.0
        return clock.wait_until(lambda: at_rest(world), LONGEST)


def at_rest(world: World) -> bool:
    """Whether no host boots or installs, no service and no cluster resource is on its way."""
    for host in world.hosts.values():
        life = host._life
        if host.installing or (life is not None and not life.done):
            return False
        if any(service.state in PENDING for service in host.services.values()):
            return False
    for cluster in world.clusters.values():
        if any("pending" in resource.state for resource in cluster.resources.values()):
            return False
        if any(node.state == "joining" for node in cluster.nodes.values()):
            return False
    return True

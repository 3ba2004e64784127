# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The referee's eyes on clusters of Exchange 5.5, which have an order of their own.

Judged as rule 5 (a service pack never moves the group): any move of the group for it, a stop of the active node or of
its Cluster service, and a service pack on the passive node before the active one has it. A hotfix, which knows nothing
of clusters, is the only reason to move the group, offline, and is installed on its owner while nothing of Exchange is
online [V, Q271634]. Two nodes at once: rule 3. What is useless but harms nothing stands among the notes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .exchange import has_update
from .exchange55 import group_of, owns, resources_of

if TYPE_CHECKING:
    from .cluster import Group
    from .host import Host
    from .world import World

Judge = Callable[["Host", int, str], None]
_WORKING = ("online", "online_pending", "offline_pending")


class Referee55:
    """Watches the clusters of Exchange 5.5 of a world for its referee."""

    def __init__(self, world: World, judge: Judge) -> None:
        self._world = world
        self._judge = judge
        self.notes: list[str] = []

    def observe(self, kind: str, facts: dict[str, Any]) -> None:
        """Something has happened in the world."""
        watcher = getattr(self, f"_on_{kind}", None)
        if watcher is not None:
            watcher(facts)

    # -- inside

    def _on_move_requested(self, facts: dict[str, Any]) -> None:
        group: Group = facts["group"]
        if group.virtual_server is None or group.virtual_server.product != "5.5" or facts["cause"] != "command":
            return
        why = self._why_not(group)
        if why:
            host = facts["node"].host
            self._judge(host, 5, f"the Exchange 5.5 group {group.name} is moved to {facts['node'].name}: {why}")

    def _why_not(self, group: Group) -> str:
        """Why a group is not to be moved now; empty when a hotfix is the reason and everything is as it asks for."""
        mine = [package for package in self._world.updates if package["product"] == "5.5"]
        hosts = [node.host for node in group.cluster.nodes.values()]
        packs = [package for package in mine if package["kind"] == "service_pack"]
        if not any(package["kind"] == "hotfix" for package in mine):
            return "no hotfix asks for it"
        if not all(has_update(host, package) for host in hosts for package in packs):
            return "a service pack is not on every node yet"
        if any(resource.state in _WORKING for resource in resources_of(group)):
            return "it is not offline"
        return ""

    def _on_service(self, facts: dict[str, Any]) -> None:
        host: Host = facts["host"]
        if facts["service"].name == "ClusSvc" and facts["state"] == "stop_pending" and facts["cause"] == "command":
            self._active(host, "the Cluster service is stopped")

    def _on_shutdown(self, facts: dict[str, Any]) -> None:
        if facts["cause"] == "command":
            self._active(facts["host"], "a shutdown is ordered")

    def _active(self, host: Host, what: str) -> None:
        group = group_of(host.cluster)
        if group is not None and owns(host, group):
            self._judge(host, 5, f"{what} on the node that owns the Exchange 5.5 group {group.name}")

    def _on_installer_started(self, facts: dict[str, Any]) -> None:
        host, package = facts["host"], facts["package"]
        group = group_of(host.cluster)
        if group is None or package["product"] != "5.5":
            return
        for node in group.cluster.nodes.values():
            if node.host is not host and node.host.installing:
                what = f"{package['key']} starts while {node.host.installing[0]} is being installed on {node.name}"
                self._judge(host, 3, what)
        if package["kind"] == "service_pack":
            active = group.cluster.nodes[group.owner].host
            if active is not host and not has_update(active, package):
                self._judge(host, 5, f"{package['key']} starts on the passive node before {active.name} has it")
        elif not owns(host, group):
            self._judge(host, 5, f"{package['key']} starts on a node that does not own the group {group.name}")
        elif any(resource.state in _WORKING for resource in resources_of(group)):
            self._judge(host, 5, f"{package['key']} starts while the group {group.name} is not offline")

    def _on_optimizer_started(self, facts: dict[str, Any]) -> None:
        host: Host = facts["host"]
        if host.clustered:
            what = "the registry checkpoints of the cluster overwrite what the Performance Optimizer changes"
            self.notes.append(f"{host.name}: {what}")

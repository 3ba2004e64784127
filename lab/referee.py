# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The referee: watches what happens in the world and judges the run by the procedure's invariants.

It takes part in nothing. Its rules are the numbers of the invariants: 1 front-ends before back-ends, 2 no installer on
a node that owns an Exchange virtual server or the quorum's group, or whose Cluster service runs, 3 one node of a
cluster at a time, 4 no virtual server on a node of another version, 5 a 5.5 group is not moved, 6 no installer before
its gates hold (backups, the package is the right one), 7 what was stopped runs again and nothing else does, 8 no
restart that nobody asked for, 9 nothing new after a failure. Only what the run does is judged: what a crash or another
fault brings about is not. Rule 10, secrets in the open, is looked at when the run is over (`disclosure.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .availability import Availability
from .exchange import fits, has_update
from .referee_55 import Referee55
from .referee_sets import SetReferee

if TYPE_CHECKING:
    from .cluster import Cluster, Group, Node, Resource
    from .faults import Fault
    from .host import Host
    from .services import Service
    from .world import World

#: What the run may still send before it can know of a failure: real seconds (times the speed), or seconds at speed 0.
GRACE_REAL, GRACE = 2.0, 30.0

#: Hours that a backup may be old when an update begins.
BACKUP_AGE = 24.0

BY_COMMAND = ("command", "service_stop")


@dataclass
class Violation:
    """A rule that was broken."""

    time: float
    host: str
    rule: int
    what: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as it stands in referee.json."""
        return {"time": stamp(self.time), "host": self.host, "rule": self.rule, "what": self.what}


@dataclass
class _Failure:
    """An installer that failed in this run, and when the run could know of it."""

    host: str
    time: float
    known: float | None = None


@dataclass
class _Watched:
    """What the referee remembers of one host."""

    baseline: list[str] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    start_failed: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    restart_asked: bool = False
    start_types: dict[str, str] = field(default_factory=dict)


def stamp(moment: float) -> str:
    """A time as ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Referee:
    """Judges the run. `observe` is told everything; `report` gives the judgement."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self.availability = Availability(world)
        self.sets = SetReferee(world, self._judge)
        self.old = Referee55(world, self._judge)
        self._hosts: dict[str, _Watched] = {}
        self._out: set[str] = set()
        self._failures: list[_Failure] = []
        self._installations: dict[str, int] = {}

    def begin(self) -> None:
        """Remember the estate as it is found."""
        for host in self._world.machines.values():
            running = [s.name for s in host.services.values() if s.state == "running" and not s.cluster_managed]
            start_types = {service.name: service.start_type for service in host.services.values()}
            self._hosts[host.name] = _Watched(baseline=running, start_types=start_types)
        self.availability.begin()
        self.sets.begin()

    def run_started(self) -> None:
        """A run of the playbooks begins: failures of the one before it do not count against it."""
        self._failures.clear()
        self._world.backups.run_started()
        if self._world.person is not None:
            self._world.person.forget()

    def observe(self, kind: str, facts: dict[str, Any]) -> None:
        """Something has happened in the world."""
        watcher = getattr(self, f"_on_{kind}", None)
        if watcher is not None:
            watcher(**facts)
        self.sets.observe(kind, facts)
        self.old.observe(kind, facts)

    def report(self) -> dict[str, Any]:
        """Return violations, availability, installers started on each host, and the final state, as in referee.json."""
        with self._world.clock.lock:
            self._world.clock.now()
            violations = [*self.violations, *self._left_stopped()]
            return {
                "violations": [violation.to_dict() for violation in violations],
                "availability": self.availability.report(),
                "sets": self.sets.report(),
                "notes": list(self.old.notes),
                "installations": dict(sorted(self._installations.items())),
                "final": self._final(),
            }

    # -- installers: rules 1, 2, 3, 9

    def _on_installer_started(self, host: Host, package: dict[str, Any], logon: str) -> None:
        key = package["key"]
        self._installations[host.name] = self._installations.get(host.name, 0) + 1
        self._judge_gates(host, package)
        if host.role != "front_end" and package["product"] == host.product:
            for other in self._world.hosts.values():
                same = other.organization == host.organization and other.product == host.product
                if same and other.role == "front_end" and not has_update(other, package):
                    self._judge(host, 1, f"{key} starts before the front-end {other.name} has it")
        if host.cluster is not None and host.node is not None and host.product != "5.5":
            if host.services["ClusSvc"].state != "stopped":
                self._judge(host, 2, f"{key} starts while the Cluster service is {host.services['ClusSvc'].state}")
            for group in self._owned(host.cluster, host.node):
                self._judge(host, 2, f"{key} starts while the node owns {group.name}")
            self._take_out(host, f"{key} starts")
        for failure in self._failures:
            if failure.host != host.name and failure.known is not None:
                grace = GRACE_REAL * self._world.clock.speed if self._world.clock.speed else GRACE
                if self._now > failure.known + grace:
                    self._judge(host, 9, f"{key} starts after an installer has failed on {failure.host}")
                    break

    def _judge_gates(self, host: Host, package: dict[str, Any]) -> None:
        """Rule 6. What the operator answers for is in the estate: the lab does not see overrides and statements."""
        overridden = (self._world.estate.get("gates") or {}).get("overridden") or []
        if package.get("altered") and "package" not in overridden:
            self._judge(host, 6, f"{package['key']} starts from a package that is not the one of the catalogue")
        for kind, what in self._world.backups.missing(host, BACKUP_AGE):
            if f"backup_{kind}" not in overridden:
                self._judge(host, 6, f"{package['key']} starts: {what}")

    def _on_installer_ended(
        self, host: Host, package: dict[str, Any], exit_code: int | None, success: bool, in_use: bool
    ) -> None:
        if success and exit_code in (1641, 3010):
            self._hosts[host.name].restart_asked = True
        if host.node is not None and host.node.member and not host.node.leaving:
            self._out.discard(host.name)
        if exit_code is not None and not success:
            self._failures.append(_Failure(host.name, self._now))

    def _on_call(self, host: str, exit_code: int | None, changes: bool) -> None:
        """An answered call: from now on the run can know of a failure on that host."""
        for failure in self._failures:
            if failure.host == host and failure.known is None and exit_code is not None:
                failure.known = self._now

    def _owned(self, cluster: Cluster, node: Node) -> list[Group]:
        """The groups on a node that keep an installer from it; nothing owns anything while the cluster is down."""
        if not cluster.running:
            return []
        quorum = cluster.quorum_group
        groups = cluster.groups.values()
        return [g for g in groups if g.owner == node.name and (g.virtual_server is not None or g is quorum)]

    # -- nodes: rule 3

    def _take_out(self, host: Host, why: str) -> None:
        """The run takes a node out of service."""
        if host.cluster is None or host.node is None or host.name in self._out:
            return
        if not host.node.member:
            # it is out already, and not by this run's hand: nothing changes for the cluster
            self._out.add(host.name)
            return
        self._out.add(host.name)
        for node in host.cluster.nodes.values():
            if node is not host.node and (not node.member or node.host.name in self._out):
                self._judge(host, 3, f"{why} while the node {node.name} of the same cluster is out of service")

    def _on_node(self, cluster: Cluster, node: Node, state: str) -> None:
        if state in ("up", "paused"):
            self._out.discard(node.host.name)

    # -- services: rules 2, 3, 7

    def _on_service(self, host: Host, service: Service, state: str, before: str, cause: str) -> None:
        watched = self._hosts.get(host.name)
        if watched is None:
            return
        if state == "stop_pending" and cause == "command":
            watched.stopped.add(service.name)
            watched.start_failed.discard(service.name)
            if service.name == "ClusSvc":
                self._take_out(host, "the Cluster service is stopped")
        elif state == "start_pending":
            if service.name == "ClusSvc" and host.installing and host.product != "5.5":
                self._judge(host, 2, f"the Cluster service starts while {host.installing[0]} is being installed")
        elif state == "running":
            watched.stopped.discard(service.name)
            watched.start_failed.discard(service.name)
            if cause == "command" and not service.cluster_managed and service.name != "ClusSvc":
                watched.started.add(service.name)
        elif state == "stopped" and before == "start_pending":
            watched.start_failed.add(service.name)

    def _left_stopped(self) -> list[Violation]:
        found = []
        for host in self._world.machines.values():
            watched = self._hosts[host.name]
            if not host.up or host.installing or not host.settled:
                continue
            for name, start_type in watched.start_types.items():
                if host.services[name].start_type != start_type:
                    what = f"the start type of {name} is {host.services[name].start_type}, it was {start_type}"
                    found.append(Violation(self._now, host.name, 7, what))
            for name in sorted(watched.stopped - watched.start_failed):
                if name in watched.baseline and host.services[name].state == "stopped":
                    found.append(Violation(self._now, host.name, 7, f"the service {name} was stopped and does not run"))
            for name in sorted(watched.started - set(watched.baseline)):
                if host.services[name].state == "running":
                    found.append(Violation(self._now, host.name, 7, f"the service {name} runs, it did not before"))
        return found

    # -- groups: rule 4 (rule 5: referee_55.py)

    def _on_resource(
        self, cluster: Cluster, group: Group, resource: Resource, state: str, before: str, cause: str
    ) -> None:
        self.availability.look(group)
        if resource.service != "MSExchangeSA" or state != "online_pending" or cause not in BY_COMMAND:
            return
        host, server = cluster.nodes[group.owner].host, group.virtual_server
        if server is not None and before != "failed" and not fits(server, host):
            levels = f"service pack {server.service_pack} on a node with service pack {host.service_pack}"
            self._judge(host, 4, f"{group.name} is brought online: {levels}")

    # -- restarts: rules 3, 8

    def _on_shutdown(self, host: Host, restart: bool, cause: str) -> None:
        if cause != "command":
            return
        what = "restart" if restart else "shutdown"
        if not self._hosts[host.name].restart_asked:
            self._judge(host, 8, f"a {what} is ordered that no installer asked for")
        self._take_out(host, f"a {what} is ordered")

    def _on_shutdown_aborted(self, host: Host) -> None:
        if host.node is not None and host.node.member:
            self._out.discard(host.name)

    def _on_up(self, host: Host) -> None:
        self._hosts[host.name].restart_asked = False

    def _on_fault(self, fault: Fault) -> None:
        """A fault that keeps something from working is no violation of the run's; the start of a service is such."""
        if fault.on == "start_cluster_service":
            self._hosts[fault.name].start_failed.add("ClusSvc")

    # -- the report

    def _final(self) -> dict[str, Any]:
        names = {host.computer_name: host.name for host in self._world.hosts.values()}
        final: dict[str, Any] = {}
        for host in self._world.hosts.values():
            baseline = self._hosts[host.name].baseline
            final[host.name] = {
                "product": host.product,
                "service_pack": host.service_pack,
                "build": host.build,
                "hotfixes": sorted(host.hotfixes),
                "services_down": [name for name in baseline if host.services[name].state != "running"],
                "up": host.up,
            }
            if host.product == "5.5":
                final[host.name]["optimized"] = host.more.optimized
        for cluster in self._world.clusters.values():
            groups = {
                group.name: {"owner": names[group.owner], "state": group.state} for group in cluster.groups.values()
            }
            final.setdefault(cluster.name, {}).update(groups)
        return final

    @property
    def _now(self) -> float:
        return self._world.clock.time

    def _judge(self, host: Host, rule: int, what: str) -> None:
        self.violations.append(Violation(self._now, host.name, rule, what))

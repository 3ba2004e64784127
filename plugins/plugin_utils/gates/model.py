# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates look at, what they find, and the limits that the operator sets. Plain data, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from . import levels
from .interfering import ACTIVE

PASSED, FAILED, WARNING, INFORMATION = "passed", "failed", "warning", "information"
RESULTS = (FAILED, WARNING, INFORMATION, PASSED)
NO_SYSTEM_STATE = frozenset({"nt4"})
"""Windows that have no system state to back up: it has come with Windows 2000 [V, usage text of ntbackup]."""
UNDER_WAY = frozenset({"armed", "running", "finished", "interrupted"})
"""Phases of an installation that this collection has begun."""


@dataclass(frozen=True)
class Gate:
    """A gate as people see it; see data/gates.yml."""

    id: str
    title: str
    why: str
    requirement: str | None
    scope: str
    statement: bool


@dataclass(frozen=True)
class Finding:
    """What one gate found of one host, cluster or controller ("" for the whole run)."""

    host: str
    result: str
    observed: str
    remedy: str = ""
    members: tuple[str, ...] = ()
    """Hosts that a row stands for beside ``host``: the nodes of a cluster."""
    certain: bool = False
    """Nothing is in doubt here, so that nobody's word can stand for what was seen."""


@dataclass(frozen=True)
class Limits:
    """What the operator sets. Hours, seconds, megabytes."""

    backup_age: float = 24.0
    clock: float = 300.0
    disk_space: int = 500


@dataclass(frozen=True)
class ClusterView:
    """A cluster as its running nodes see it, and the hosts of the run that are its nodes (node name -> host)."""

    name: str
    state: Mapping[str, Any]
    hosts: Mapping[str, str]
    views: Sequence[str] = ()

    @property
    def members(self) -> tuple[str, ...]:
        """The hosts that are its nodes."""
        return tuple(sorted(self.hosts.values()))


@dataclass(frozen=True)
class View:
    """Everything that the gates judge by.

    ``hosts``: name -> what was observed of an Exchange server (``exchange``, ``cluster``, ``packages``,
    ``installations``, ``note``, ``interfering``, ``connector``, ``exchange55``, ``facts``), or ``{"unreachable":
    reason}``.
    ``controllers``: name -> ``{"facts": ...}`` or ``{"unreachable": reason}``. ``updates``: entries of the catalogue in
    order, those that others require with ``prerequisite`` true. ``own_packages``: what lies on the control node, as the
    ``packages`` of the hosts' facts. ``now``: epoch seconds by which statements are dated.
    """

    hosts: Mapping[str, Mapping[str, Any]]
    controllers: Mapping[str, Mapping[str, Any]]
    directory: Mapping[str, Any] | None
    updates: Sequence[Mapping[str, Any]]
    now: float
    directory_error: str = ""
    directory_given: bool = True
    limits: Limits = field(default_factory=Limits)
    setup_account: str | None = None
    setup_method: str = "auto"
    connector: str = "upgrade"
    connector_by_job: bool = False
    own_packages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    interfering_services: Sequence[str] = ()
    keep_services: Sequence[str] = ()
    language: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def reached(self) -> dict[str, Mapping[str, Any]]:
        """The hosts that could be read."""
        return {
            name: found
            for name, found in sorted(self.hosts.items())
            if found and not found.get("unreachable") and found.get("exchange")
        }

    @cached_property
    def package_files(self) -> dict[str, Mapping[str, Any]]:
        """The packages that were seen where they come from: path in small letters -> ``size``, ``sha256``."""
        found = dict(self.own_packages)
        # Of one that is both, the domain controller tells more.
        for machine in (*self.hosts.values(), *self.controllers.values()):
            found |= ((machine or {}).get("facts") or {}).get("packages") or {}
        return found

    @cached_property
    def open(self) -> dict[str, Mapping[str, Any]]:
        """The hosts on which something is left to do: the gates before an update are for these."""
        return {
            name: found
            for name, found in self.reached.items()
            if self.chain(name) or self.unfit(name) or (self.connector == "upgrade" and self.connector_left(name))
        }

    def facts(self, host: str) -> Mapping[str, Any]:
        """What ``preflight_facts`` told of a host; empty where it told nothing."""
        found: Mapping[str, Any] = (self.hosts.get(host) or {}).get("facts") or {}
        return found

    def chain(self, host: str) -> list[Mapping[str, Any]]:
        """The updates that are still to be installed on a host, in their order."""
        return levels.chain(self.updates, self.reached[host]["exchange"])[0]

    def connector_left(self, host: str) -> bool:
        """Whether Active Directory Connector alone is still to be upgraded, because the host has the service pack."""
        found = self.reached[host].get("connector") or {}
        due = found.get("due") and found.get("update") and self.product(host) != "5.5"
        return bool(due) and not self.chain(host)

    def packages(self, host: str) -> list[Mapping[str, Any]]:
        """The updates whose packages a host needs: those of its chain, and the one that holds the connector's setup."""
        chain = self.chain(host)
        if self.connector != "upgrade" or not self.connector_by_job or not self.connector_left(host):
            return chain
        wanted = self.reached[host]["connector"]["update"]
        return [*chain, *(update for update in self.updates if update["id"] == wanted)]

    def unfit(self, host: str) -> list[tuple[str, str]]:
        """Why updates cannot be installed on a host: sentence and remedy of each reason."""
        return levels.chain(self.updates, self.reached[host]["exchange"])[1]

    def product(self, host: str) -> str:
        """Exchange's product on a host that was read."""
        return str(self.reached[host]["exchange"].get("product"))

    def moves(self, cluster: ClusterView) -> bool:
        """Whether the run moves groups of a cluster: only a service pack of Exchange 5.5 moves nothing (C4)."""
        due = [(host, update) for host in cluster.members if host in self.open for update in self.chain(host)]
        return any(self.product(host) != "5.5" or update["kind"] == "hotfix" for host, update in due)

    def under_way(self, host: str) -> bool:
        """Whether an earlier run has begun with the host, or with its cluster: then it has to be brought to its end."""
        names = {host, *(other for cluster in self.clusters if host in cluster.members for other in cluster.members)}
        return any(_begun(self.hosts.get(name) or {}) for name in names)

    def left_stopped(self, host: str) -> list[str]:
        """Services that a run which was cut off has stopped and not started again: those it has noted as running."""
        found, services = self.hosts.get(host) or {}, self.facts(host).get("services") or {}
        noted = [(found.get(part) or {}).get("note") or {} for part in ("exchange55", "interfering")]
        return [
            name
            for note in noted
            for name, entry in sorted(note.items())
            if entry.get("state") in ACTIVE and (services.get(name) or {}).get("state") not in ACTIVE
        ]

    def installing(self, host: str) -> bool:
        """Whether a job of ours runs an installer on the host, or has run one whose end was not seen yet."""
        return _begun_installation(self.hosts.get(host) or {})

    @cached_property
    def clusters(self) -> list[ClusterView]:
        """The clusters of which at least one running node was read."""
        seen: dict[str, dict[str, Mapping[str, Any]]] = {}
        for name, found in self.reached.items():
            state = found.get("cluster") or {}
            if state.get("service") == "running" and state.get("name"):
                seen.setdefault(str(state["name"]), {})[name] = state
        computers = {self._computer(name): name for name in self.hosts}
        return [
            ClusterView(
                cluster,
                state := views[sorted(views)[0]],
                {node: computers[node.upper()] for node in state.get("nodes") or {} if node.upper() in computers},
                tuple(sorted(views)),
            )
            for cluster, views in sorted(seen.items())
        ]

    def open_clusters(self) -> Iterator[ClusterView]:
        """The clusters with a node on which something is left to do."""
        for cluster in self.clusters:
            if any(host in self.open for host in cluster.members):
                yield cluster

    def single(self) -> Iterator[str]:
        """The open hosts that are no nodes of a cluster."""
        nodes = {host for cluster in self.clusters for host in cluster.members} | set(self.lost)
        yield from (host for host in self.open if host not in nodes)

    @cached_property
    def lost(self) -> list[str]:
        """Open hosts that are nodes of a cluster of which nothing was read."""
        known = {host for cluster in self.clusters for host in cluster.members}
        return [host for host, found in self.open.items() if found["exchange"].get("clustered") and host not in known]

    def _computer(self, name: str) -> str:
        exchange = (self.hosts.get(name) or {}).get("exchange") or {}
        return str(exchange.get("computer_name") or name).upper()


def _begun(found: Mapping[str, Any]) -> bool:
    old = found.get("exchange55") or {}
    noted = found.get("note") or (found.get("interfering") or {}).get("note") or old.get("note") or old.get("optimizer")
    return bool(noted) or _begun_installation(found)


def _begun_installation(found: Mapping[str, Any]) -> bool:
    """One whose failure was told is not gone on with: the next attempt is a new one, with all that it asks for."""
    rows = (found.get("installations") or {}).values()
    return any(row.get("phase") in UNDER_WAY and not row.get("reported") for row in rows)


DATA = Path(__file__).with_name("data")


@cache
def read_data(name: str) -> Any:
    """A data file of this package, read once: nobody changes what is returned."""
    with (DATA / name).open(encoding="utf-8") as file:
        return yaml.safe_load(file)


@cache
def gates() -> dict[str, Gate]:
    """All gates by id, in the order in which they are shown."""
    return {name: Gate(name, **entry) for name, entry in read_data("gates.yml").items()}


def hours(age: float) -> str:
    """An age in hours as a person says it."""
    if age < 1:
        return f"{max(round(age * 60), 0)} minutes"
    return f"{age:.1f} hours" if age < 48 else f"{age / 24:.1f} days"


def listed(names: Sequence[str], limit: int = 8) -> str:
    """Names in a row, of many the first ones."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")

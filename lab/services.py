# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of a host and the service control manager.

A start or a stop only begins the work; the service passes through its pending state and stands there for its own
time. Errors: 1051 others that depend on it run, 1052/1061 it cannot take that control now, 1053 it does not answer,
1056 already running, 1058 disabled, 1060 no such service, 1062 not started.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .clock import Course, Flow
from .errors import Win32Error
from .tables import table

if TYPE_CHECKING:
    from .host import Host, Process

DEPENDENT_RUNNING, CANNOT_CONTROL, ALREADY_RUNNING, DISABLED = 1051, 1061, 1056, 1058
NO_SUCH_SERVICE, NOT_STARTED, TERMINATED = 1060, 1062, 1067

START_TYPES = ("boot", "system", "auto", "manual", "disabled")


@dataclass
class Service:
    """One service. `state`: stopped, start_pending, stop_pending or running; `start_type`: auto, manual, disabled.

    `path`: the program's, where it was given. `cause` says who brought it to its state: boot, command,
    cluster, installer, shutdown, crash (of the host), killed (its process was ended).
    """

    name: str
    display: str = ""
    state: str = "stopped"
    start_type: str = "manual"
    image: str = "svchost.exe"
    path: str = ""
    own_process: bool = False
    after: list[str] = field(default_factory=list)
    start_seconds: float = 2.0
    stop_seconds: float = 2.0
    account: str = "LocalSystem"
    exit_code: int = 0
    cluster_managed: bool = False
    cause: str = "boot"
    process: Process | None = None
    flow: Flow | None = None
    #: Password of `account`, where one was given.
    password: str = ""
    #: Marked for deletion: gone with the last of the handles that clients have open.
    deleted: bool = False
    handles: int = 0

    @property
    def pid(self) -> int:
        """The number of its own process; 0 when it has none."""
        return self.process.pid if self.process else 0


def build_services(host: Host, beyond: dict[str, Any]) -> dict[str, Service]:
    """Make the services that such a host has, with those of the estate `beyond` them; none runs yet."""
    tables = table("services")
    rows = list(tables["windows"])
    rows += tables["windows_since_2000"] if host.os != "nt4" else tables["windows_nt4"]
    rows += tables["winrm"] if host.channel == "winrm" else []
    rows += tables["cluster"] if host.cluster_name else []
    rows += tables["exchange"].get(host.product, [])
    rows += tables["exchange_2003_only"] if host.product == "2003" else []
    rows += tables["conferencing"] if host.edition == "conferencing" else []
    rows += [row for row in tables["optional"].get(host.product, []) if row["name"] in beyond]
    rows += tables["controller"] if host.controller and host.os != "nt4" else []
    old = "_55" if host.product == "5.5" else ""
    managed = set(tables[f"cluster_managed{old}"]) if host.cluster_name else set()
    services: dict[str, Service] = {}
    for row in rows:
        start, stop = row.get("seconds", [2, 2])
        service = Service(row["name"], row["display"], image=row["image"], own_process=row.get("own", False))
        service.after, service.start_seconds, service.stop_seconds = list(row.get("after", [])), start, stop
        service.cluster_managed = service.name in managed
        service.start_type = "manual" if service.cluster_managed else row.get("start", "auto")
        services[service.name] = service
    if "ClusSvc" in services:
        services["ClusSvc"].account = f"{host.world.prefix}\\cluster"
    for name, wanted in beyond.items():
        settings = wanted if isinstance(wanted, dict) else {"state": wanted}
        runs = settings.get("state", "running") == "running"
        known = services.get(name)
        service = known or Service(name, name, image=f"{name.lower()}.exe", own_process=True)
        service.start_type = settings.get("start_type", "auto" if runs else "manual")
        service.display = settings.get("display_name", service.display)
        services[name] = service
    return services


class ServiceManager:
    """The service control manager of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._clock = host.world.clock

    def find(self, name: str) -> Service:
        """Return a service by its name in any case; raises Win32Error 1060."""
        for service in self._host.services.values():
            if service.name.lower() == name.lower():
                return service
        raise Win32Error(NO_SUCH_SERVICE, name)

    def running_dependents(self, name: str) -> list[Service]:
        """Return the services that need this one and are not stopped, those first that must stop first."""
        found: list[Service] = []
        for service in self._host.services.values():
            if name in service.after and service.state != "stopped":
                for other in [*self.running_dependents(service.name), service]:
                    if other not in found:
                        found.append(other)
        return found

    def start(self, name: str, cause: str = "command") -> None:
        """Begin to start a service, and what it needs; raises Win32Error."""
        service = self.find(name)
        if service.state == "running":
            raise Win32Error(ALREADY_RUNNING, name)
        if service.state != "stopped":
            raise Win32Error(ALREADY_RUNNING if service.state == "start_pending" else CANNOT_CONTROL, name)
        if service.start_type == "disabled":
            raise Win32Error(DISABLED, name)
        self._set(service, "start_pending", cause)
        service.flow = self._clock.flow(self._starting(service, cause))

    def stop(self, name: str, dependents: bool = False, cause: str = "command") -> None:
        """Begin to stop a service, with `dependents` those that need it too; raises Win32Error."""
        service = self.find(name)
        if service.state == "stopped":
            raise Win32Error(NOT_STARTED, name)
        if service.state != "running":
            raise Win32Error(CANNOT_CONTROL, name)
        others = self.running_dependents(service.name)
        if others and not dependents:
            raise Win32Error(DEPENDENT_RUNNING, name)
        for other in others:
            if other.state == "start_pending" and other.flow:
                other.flow.cancel()
            self._set(other, "stop_pending", cause)
        self._set(service, "stop_pending", cause)
        flow = self._clock.flow(self._stopping([*others, service], cause))
        for stopped in [*others, service]:
            stopped.flow = flow

    def configure(self, name: str, start_type: str) -> None:
        """Change the start type; raises Win32Error 87 for an unknown word."""
        service = self.find(name)
        if start_type not in START_TYPES:
            raise Win32Error(87, start_type)
        service.start_type = start_type
        self._host.world.changed()

    def set_at_once(self, name: str, state: str, cause: str) -> None:
        """Bring a service to a state without a pending time (the cluster's doing, a crash, the first state)."""
        service = self._host.services.get(name)
        if service is not None and service.state != state:
            self._set(service, state, cause)

    def drop_all(self, cause: str) -> None:
        """Nothing runs any more: the host is down."""
        for service in self._host.services.values():
            if service.flow:
                service.flow.cancel()
                service.flow = None
            if service.state != "stopped":
                self._set(service, "stopped", cause)

    def automatic(self) -> Course:
        """The start of the host: services with automatic start, in the order of their needs."""
        for service in list(self._host.services.values()):
            if service.start_type == "auto" and service.state == "stopped":
                self._set(service, "start_pending", "boot")
                service.flow = self._clock.flow(self._starting(service, "boot"))
                yield 0.2

    # -- inside

    def _starting(self, service: Service, cause: str) -> Course:
        for name in service.after:
            needed = self._host.services.get(name)
            if needed is None:
                continue
            if needed.state == "stopped" and needed.start_type != "disabled":
                self.start(needed.name, cause)
            while needed.state == "start_pending":
                yield 0.5
            if needed.state != "running":
                service.exit_code = 1068
                self._set(service, "stopped", cause)
                return
        own: Callable[[], Any] | None = self._host.service_starters.get(service.name)
        if own is None:
            yield service.start_seconds
            code = 0
        else:
            code = yield from own()
        service.exit_code = code
        self._set(service, "stopped" if code else "running", cause)

    def _stopping(self, services: list[Service], cause: str) -> Course:
        for service in services:
            own: Callable[[str], Course] | None = self._host.service_stoppers.get(service.name)
            if own is None:
                yield service.stop_seconds
            else:
                yield from own(cause)
            service.exit_code = 0
            self._set(service, "stopped", cause)

    def _set(self, service: Service, state: str, cause: str) -> None:
        before, service.state, service.cause = service.state, state, cause
        host = self._host
        if state == "running" and service.own_process and service.process is None:
            process = host.spawn(service.image, service.account, "service")
            process.on_end = lambda code: self._process_ended(service, process)
            service.process = process
        elif state == "stopped" and service.process is not None:
            process, service.process = service.process, None
            process.on_end = None
            host.end_process(process, 0)
        host.world.changed()
        host.world.emit("service", host=host, service=service, state=state, before=before, cause=cause)
        if state == "stopped" and cause in ("command", "killed", "installer") and host.cluster and host.node:
            host.cluster.members.service_gone(host.node, service, cause)

    def _process_ended(self, service: Service, process: Process) -> None:
        """The process of a running service was ended from outside."""
        if service.process is process:
            service.process = None
            service.exit_code = TERMINATED
            if service.flow:
                service.flow.cancel()
            self._set(service, "stopped", "killed")

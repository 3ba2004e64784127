# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installers of Exchange 5.5: the service pack's Update.exe, and hotfixes as packages of the SMS-Installer kind.

A service pack knows clusters: it takes the services of the group offline on the node that owns it, leaves the group
where it is, and brings them online again; the other node ("Update Node") is refused until then [V for the order, KB
328839, Q248635; how it refuses: U]. It needs no restart. A hotfix knows nothing of clusters [V, Q271634].
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from .environment import is_system
from .exchange55 import exchange_services, file_in_use, group_of, owns, resources_of, set_libraries
from .installer import FATAL, Installation, dialog
from .tables import table

if TYPE_CHECKING:
    from .clock import Background
    from .cluster import Group
    from .world import Context

#: The directory can take 10 to 15 minutes to stop [V, BORK excc14_29].
_PATIENCE = 1800.0
_LOOK = 10.0


class _GivenUp(Exception):
    """A file is in use and nobody has freed it."""


class ServicePack55(Installation):
    """Update.exe of a service pack of Exchange 5.5."""

    _copying = False
    _stopped: list[str]
    _offline: Group | None = None

    def _work(self, others: list[str]) -> int:
        self._stopped = []
        try:
            return super()._work(others)
        except _GivenUp as reason:
            self._copying = False
            code = self._fail(FATAL, str(reason))
            self._start_services(self._stopped)
            return self._finish(code)

    def _refusal(self, others: list[str]) -> str:
        refusal = super()._refusal(others)
        group = group_of(self._host.cluster)
        if refusal or group is None or group.virtual_server is None:
            return refusal
        if owns(self._host, group):
            kept = [resource for resource in group.resources if not resource.is_exchange]
            if not self._host.service_running("ClusSvc") or any(resource.state != "online" for resource in kept):
                return "The cluster group that is configured for Exchange Server is not available on this computer."
        elif group.virtual_server.service_pack < self._package["service_pack"]:
            return "Update the node first that owns the Exchange Server resources of this cluster."
        return ""

    # -- services

    def _stop_services(self) -> list[str]:
        host = self._host
        group = group_of(host.cluster)
        if group is not None:
            if owns(host, group):
                self._take_offline(group)
        else:
            self._stopped = [name for name in exchange_services(host) if host.service_running(name)]
            for name in self._stopped:
                if host.service_running(name):
                    host.stop_service(name, dependents=True, cause="installer")
            self._world.clock.wait_until(lambda: not any(self._pending(name) for name in self._stopped), _PATIENCE)
        self._copying = True
        self._look()
        return self._stopped

    def _start_services(self, names: list[str]) -> None:
        self._copying = False
        group = self._offline
        if group is None:
            super()._start_services(names)
            return
        wanted = [resource for resource in resources_of(group) if resource.persistent_state]
        work = group.cluster.work
        work.begin(group, work.online(group, wanted, "installer"))
        self._world.clock.wait_until(lambda: not group.busy, _PATIENCE)

    def _take_offline(self, group: Group) -> None:
        running = [resource for resource in resources_of(group) if resource.state == "online"]
        if running:
            self._offline = group
            work = group.cluster.work
            work.begin(group, work.offline(running, "installer"))
            self._world.clock.wait_until(lambda: not group.busy, _PATIENCE)

    # -- files in use

    def _wait(self, seconds: float) -> bool:
        ended = super()._wait(seconds)
        if not ended and self._copying:
            self._look()
        return ended

    def _look(self) -> None:
        """A file in use is a window with Abort, Retry and Ignore: a person tries again, an answer by rule gives up."""
        patience = float(table("exchange55")["retry"]) if self._context.interactive else 0.0
        name = file_in_use(self._host)
        while name:
            self._log(f"The file {name} is in use (error 32). FileInUse:: Added to FileList: {name}")
            if patience <= 0 or super()._wait(_LOOK):
                raise _GivenUp(f"The file {name} is in use.")
            patience -= _LOOK
            name = file_in_use(self._host)

    # -- effects

    def _succeed(self) -> None:
        super()._succeed()
        host = self._host
        set_libraries(host)
        host.more.optimized = False
        group = group_of(host.cluster)
        if group is not None and group.virtual_server is not None and owns(host, group):
            group.virtual_server.service_pack = max(group.virtual_server.service_pack, host.service_pack)
            server = group.virtual_server
            self._world.directory_model.set_level(server.network_name, server.product, server.service_pack)

    def _open_log(self) -> None:
        # [V, Q158545] for the first line; a log that is appended to [V, Q290226]
        self._log("++++ Microsoft Exchange Setup initialized ++++", plain=True)
        super()._open_log()


class GuiHotfix:
    """A package of the SMS-Installer kind: unpacks itself, starts Qnnnnnn.exe and returns [V, KB 257946].

    `/s`: without a window. `/x` and `/m`, which ask for a folder, and `/z`, open one.
    """

    def __init__(
        self, context: Context, image: str, package: dict[str, Any], arguments: list[str], switches: list[str]
    ) -> None:
        self._context, self._image, self._package = context, image, package
        self._arguments, self._switches = arguments, switches

    def run(self) -> int:
        """Start the installation; returns 0 long before it has ended, whatever becomes of it."""
        context, rules = self._context, table("exchange55")["sms_installer"]
        host, clock = context.host, context.world.clock
        front = host.spawn(self._image, context.user, context.logon)
        code = 1
        try:
            if not context.interactive and "/s" not in self._switches:
                return dialog(context, front)
            if clock.wait_until(lambda: front.ended, rules["unpacks"]):
                return code
            own = dataclasses.replace(context, environment=dict(context.environment))
            course = _Course(own, self._package["process"], self._package, self._arguments, self._switches)
            course.background = clock.spawn(course.run, f"{host.name}: {self._package['process']}")
            clock.wait_until(lambda: front.ended, rules["returns"])
            code = 0
            return code
        finally:
            host.end_process(front, code)


class _Course(Installation):
    """What goes on behind the package's back."""

    background: Background | None = None

    def _work(self, others: list[str]) -> int:
        self._process.background = self.background
        return super()._work(others)

    def _unattended(self) -> bool:
        return True

    def _refusal(self, others: list[str]) -> str:
        host, package, account = self._host, self._package, self._context.account
        if not (account is not None and host.is_administrator(account.name)) and not is_system(self._context.user):
            return "Access is denied."
        if package["product"] != host.product or host.service_pack not in package["from"]:
            return f"This update is not for the Exchange that is installed here (build {host.build})."
        if package["language"] not in (None, host.language):
            return "This update is for another language of Exchange."
        group = group_of(host.cluster)
        if group is not None and not owns(host, group):
            return "The disks of Exchange Server are not on this computer."
        return ""

    def _stop_services(self) -> list[str]:
        """The service control manager stops Exchange and IIS; on a cluster these fail in the Cluster service's eyes."""
        host = self._host
        names = [name for name in [*exchange_services(host), "W3SVC"] if host.service_running(name)]
        for name in names:
            if host.service_running(name):
                host.stop_service(name, dependents=True, cause="installer")
        self._world.clock.wait_until(lambda: not any(self._pending(name) for name in names), _PATIENCE)
        return names

    def _held(self) -> str:
        return file_in_use(self._host)

    def _succeed(self) -> None:
        super()._succeed()
        self._host.files.write_virtual(f"{self._folder}\\uninstall\\uninst.exe", 65536)

    def _finish(self, code: int) -> int:
        self._world.changed()
        return code

    @property
    def _folder(self) -> str:
        # [V, MS06-003] for the folder and the way back; the name of the log: [R]
        return f"{table('products')['products']['5.5']['root']}\\{self._package['hotfix'].removeprefix('KB')}"

    @property
    def _log_path(self) -> str:
        return f"{self._folder}\\INSTALL.LOG"

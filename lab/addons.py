# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Components of Exchange 5.5 with a setup of their own: Mailbox Manager and InterOrg Replication.

A service pack does not touch them. Mailbox Manager has a setup (its window: nobody sees it in a job; `/unattend` is the
lab's own, as with service packs); InterOrg Replication is two files that are copied over the old ones while its service
stands still [I, Q238573].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .exchange import level_version
from .services import Service
from .tables import table

if TYPE_CHECKING:
    from .host import Host
    from .world import Context

PART = "addon"
FATAL = 1603


def build_addons(host: Host) -> None:
    """Install the components that the estate gives a server, at the level of its service pack."""
    for name in host.more.addons:
        row = table("exchange55")["addons"][name]
        set_program(host, name, level_version("5.5", host.service_pack))
        about = row["service"]
        image = str(row["program"]).rpartition("\\")[2]
        service = Service(about["name"], about["display"], image=image, path=row["program"], own_process=True)
        service.start_type, service.after = "auto", list(about["after"])
        if host.clustered and service.name in table("services")["cluster_managed_55"]:
            service.start_type, service.cluster_managed = "manual", True
        host.services[service.name] = service
        if not service.cluster_managed:
            host.service_manager.set_at_once(service.name, "running", "boot")
    if host.more.addons:
        host.files.runs = lambda path: _runs(host, path)


def _runs(host: Host, path: str) -> bool:
    """Whether one of the components' services runs from that file."""
    names = [table("exchange55")["addons"][name]["service"]["name"] for name in host.more.addons]
    running = [host.services[name] for name in names if host.services[name].state != "stopped"]
    return any(service.path.lower() == path.lower() for service in running)


def set_program(host: Host, name: str, version: str) -> None:
    """The programs of a component have that version from now on."""
    row = table("exchange55")["addons"][name]
    host.files.write_virtual(row["program"], 131072, tag={"version": version})
    folder = str(row["program"]).rpartition("\\")[0]
    for file in row["files"]:
        host.files.write_virtual(f"{folder}\\{file}", 131072, tag={"version": version})


def unpack(context: Context, target: str, package: dict[str, Any]) -> None:
    """Put what a service pack of 5.5 brings for the components below the folder that it was unpacked to."""
    if package["product"] != "5.5":
        return
    version = level_version("5.5", package["service_pack"])
    for name, row in table("exchange55")["addons"].items():
        for file in row["files"]:
            path = f"{target}\\{row['folder']}\\{file}"
            context.host.files.write_virtual(path, 131072, tag={"version": version}, context=context)
        if row["setup"]:
            tag = {"package": package["key"], "part": PART, "addon": name, "altered": package["altered"]}
            path = f"{target}\\{row['folder']}\\{row['setup']}"
            context.host.files.write_virtual(path, 131072, tag=tag, context=context)


def run_setup(context: Context, image: str, name: str, package: dict[str, Any], arguments: list[str]) -> int:
    """Run a component's own setup; returns 0, or 1603 where it is not installed or the account may not."""
    from .installer import dialog

    host, world, row = context.host, context.world, table("exchange55")["addons"][name]
    process = host.spawn(image, context.user, context.logon)
    code = 1
    try:
        if not context.interactive and not any(word.lower().startswith("/unattend") for word in arguments):
            return dialog(context, process)
        allowed = context.account is not None and host.is_administrator(context.account.name)
        if not allowed or name not in host.more.addons:
            code = FATAL
            return code
        service = str(row["service"]["name"])
        ran = host.service_running(service)
        if ran:
            host.stop_service(service, dependents=True, cause="installer")
        if world.clock.wait_until(lambda: process.ended, float(row["minutes"]) * 60):
            return code
        set_program(host, name, level_version("5.5", package["service_pack"]))
        if ran and host.services[service].state == "stopped":
            host.start_service(service, cause="installer")
            world.clock.wait_until(lambda: host.services[service].state != "start_pending", 600)
        code = 0
        return code
    finally:
        host.end_process(process, code)
        world.changed()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Active Directory Connector: its service, its schema maps in files and in the directory, and its own setup.

A service pack does not touch it [V, KB 328839]. Its setup replaces the two map files beside it by those in the
package's folder. Whether it also replaces the attributes in the directory is told in both ways (Q253834: it does not
where they exist; an article on 2000 SP3: it does): the estate decides, `overwrites_maps`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .files import Entry
from .services import Service
from .tables import table

if TYPE_CHECKING:
    from .host import Host
    from .world import Context, World

MAPS = ("local.map", "remote.map")
LOG = "C:\\ADC Setup.log"
FATAL = 1603


def level_of(product: str, service_pack: int) -> dict[str, Any] | None:
    """The row of the connector's table for a level of Exchange; None for a product that has none."""
    rows = table("connector")["levels"].get(product, [])
    return next((dict(row) for row in rows if row["service_pack"] == service_pack), None)


def shipped_maps(product: str, service_pack: int) -> dict[str, str]:
    """The two maps as the product brings them, by the file's name."""
    rules, level = table("connector"), level_of(product, service_pack)
    more = [[name, *rules["more"][name]] for name in level["more"]] if level else []
    rows = [*rules["rules"], *more]
    old = [f"{name}#organizationalPerson#user#{theirs}#{ours}###" for name, theirs, ours in rows]
    new = [f"{name}#user#organizationalPerson#{ours}#{theirs}###" for name, theirs, ours in rows]
    return {"local.map": "\r\n".join([*old, ""]), "remote.map": "\r\n".join([*new, ""])}


def build_connector(world: World) -> None:
    """Install the estate's connector on its host, and make what the directory has of it."""
    settings = world.estate.get("directory_connector")
    if not settings:
        return
    host, rules = world.hosts[settings["host"]], table("connector")
    level = level_of(host.product, int(settings.get("service_pack", host.service_pack)))
    if level is None:
        return
    maps = shipped_maps(host.product, level["service_pack"])
    if settings.get("custom_maps"):
        maps |= {name: maps[name] + f"{rule}\r\n" for name, rule in rules["custom"].items()}
        if settings.get("maps_given"):
            _give_maps(world, host.product)
    folder, program = rules["folder"], rules["program"]
    host.files.write_virtual(f"{folder}\\{program}", 450560, tag={"version": level["version"]})
    for name, content in maps.items():
        host.files.write(f"{folder}\\{name}", content.encode("ascii"))
    row = rules["service"]
    service = Service(row["name"], row["display"], image=program, path=f"{folder}\\{program}", own_process=True)
    service.start_type, service.after = "auto", ["RpcSs"]
    host.services[service.name] = service
    host.service_manager.set_at_once(service.name, "running", "boot")
    _Policy(world).create(maps, level["agreement"], host)


def all_maps() -> list[bytes]:
    """The maps of every level as the products bring them: whatever else is found was customised."""
    levels = table("connector")["levels"]
    rows = [(product, row["service_pack"]) for product in levels for row in levels[product]]
    return [text.encode("ascii") for row in rows for text in shipped_maps(*row).values()]


def _give_maps(world: World, product: str) -> None:
    """The operator's customised maps for the update, on the share."""
    packs = [p["service_pack"] for p in world.updates if p["kind"] == "service_pack" and p["product"] == product]
    if not packs:
        return
    custom = table("connector")["custom"]
    folder = Entry("adc", is_dir=True)
    for name, content in shipped_maps(product, max(packs)).items():
        more = f"{custom[name]}\r\n" if name in custom else ""
        folder.children[name] = Entry(name, content=f"{content}{more}".encode("ascii"))
    next(iter(world.shares.values())).volume.root.children["adc"] = folder


def package_maps(product: str, service_pack: int) -> dict[str, bytes]:
    """The files of the connector in a service pack, by the path below the package's folder."""
    folder = table("connector")["package_folder"]
    if level_of(product, service_pack) is None:
        return {}
    return {f"{folder}\\{name}": text.encode("ascii") for name, text in shipped_maps(product, service_pack).items()}


def run_setup(context: Context, path: str, package: dict[str, Any], arguments: list[str]) -> int:
    """Run the connector's own setup from an extracted service pack; returns its exit code."""
    from .installer import dialog

    host, world, rules = context.host, context.world, table("connector")
    process = host.spawn(path.rpartition("\\")[2], context.user, context.logon)
    code = 1
    try:
        if not context.interactive and not any(word.lower().startswith("/unattend") for word in arguments):
            return dialog(context, process)
        code = _refusal(context, package)
        if code:
            world.clock.wait_until(lambda: process.ended, 5)
            _log(host, "The Active Directory Connector cannot be upgraded.")
            return code
        name = rules["service"]["name"]
        ran = host.service_running(name)
        if ran:
            host.stop_service(name, dependents=True, cause="installer")
        if world.clock.wait_until(lambda: process.ended, rules["minutes"] * 60):
            code = 1
            return code
        _replace(context, path.rpartition("\\")[0], package)
        if ran:
            host.start_service(name, cause="installer")
            world.clock.wait_until(lambda: host.services[name].state != "start_pending", 600)
        _log(host, "The Active Directory Connector was upgraded.")
        code = 0
        return code
    finally:
        host.end_process(process, code)
        world.changed()


def _refusal(context: Context, package: dict[str, Any]) -> int:
    """The exit code when this cannot be upgraded here; 0 when it can."""
    account, host = context.account, context.host
    allowed = account is not None and account.exchange_admin and context.logon != "network"
    there = table("connector")["service"]["name"] in host.services
    return 0 if allowed and there and package["product"] == host.product else FATAL


def _replace(context: Context, source: str, package: dict[str, Any]) -> None:
    """What the setup replaces: the program, the map files, the agreements' version, maybe the maps of the directory."""
    host, world, rules = context.host, context.world, table("connector")
    level = level_of(package["product"], package["service_pack"])
    if level is None:
        return
    maps = {}
    for name in MAPS:
        found = host.files.find(f"{source}\\{name}", context)
        if found is not None and found.content is not None:
            maps[name] = found.content.decode("latin-1")
            host.files.write(f"{rules['folder']}\\{name}", found.content)
    host.files.write_virtual(f"{rules['folder']}\\{rules['program']}", 458752, tag={"version": level["version"]})
    policy = _Policy(world)
    policy.set_agreements(level["agreement"])
    if (world.estate.get("directory_connector") or {}).get("overwrites_maps"):
        policy.set_maps(maps)


def _log(host: Host, text: str) -> None:
    host.files.append(LOG, f"{host.local_time:[%H:%M:%S]} {text}\r\n".encode("ascii"))


class _Policy:
    """The connector's objects in the directory: its policy with the schema maps, and a connection agreement."""

    def __init__(self, world: World) -> None:
        self._entries = world.directory_model.entries
        self._top = f"CN=Active Directory Connections,{world.directory_model.exchange}"
        self._policy = f"CN=Default ADC Policy,{self._top}"

    def create(self, maps: dict[str, str], number: int, host: Host) -> None:
        """Make them. Their classes: [R]."""
        self._add(self._top, "msExchActiveDirectoryConnections")
        self._add(self._policy, "msExchADCPolicy")
        agreement = self._add(f"CN=Users {host.computer_name},{self._top}", "msExchConnectionAgreement")
        agreement["versionNumber"] = [str(number)]
        self.set_maps(maps)

    def set_maps(self, maps: dict[str, str]) -> None:
        """Fill the attributes from map files."""
        names = table("connector")["attributes"]
        for entry in self._entries:
            if entry["dn"] == self._policy:
                entry["attributes"] |= {names[name]: [text] for name, text in maps.items()}

    def set_agreements(self, number: int) -> None:
        """Set the version of the connection agreements."""
        for entry in self._entries:
            if entry["dn"].endswith(self._top) and "versionNumber" in entry["attributes"]:
                entry["attributes"]["versionNumber"] = [str(number)]

    def _add(self, dn: str, kind: str) -> dict[str, list[str]]:
        name = dn.partition(",")[0][3:]
        attributes = {
            "objectClass": ["top", kind],
            "objectCategory": [kind],
            "cn": [name],
            "name": [name],
            "distinguishedName": [dn],
        }
        self._entries.append({"dn": dn, "attributes": attributes})
        return attributes

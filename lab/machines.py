# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building machines from an estate: the hosts with Exchange, and the domain controllers."""

from __future__ import annotations

import re
import string
from typing import Any

from .errors import EstateError
from .exchange import level_of
from .files import Volume
from .host import Host
from .registry import Registry
from .services import build_services
from .tables import sentence, table
from .views import VIEWS
from .world import Account, World

MEGABYTE = 2**20
#: The accounts of the estate: (name, local administrator, Exchange administrator).
ACCOUNTS = (("exadmin", True, False), ("exsetup", True, True), ("updshare", False, False))
#: Programs of every Windows, and those that have come with Server 2003. [V and R: see the programs themselves]
_SYSTEM_FILES = (
    "at.exe",
    "cluster.exe",
    "cmd.exe",
    "find.exe",
    "findstr.exe",
    "more.com",
    "net.exe",
    "ping.exe",
    "xcopy.exe",
)
_SINCE_2003 = (
    "certutil.exe",
    "reg.exe",
    "sc.exe",
    "schtasks.exe",
    "shutdown.exe",
    "taskkill.exe",
    "tasklist.exe",
)
_EXCHANGE_FILES = ("store.exe", "mad.exe", "exsetdata.dll")


def build_accounts(world: World) -> None:
    """Make the domain accounts with random passwords, in the state that the estate says."""
    alphabet = string.ascii_letters + string.digits
    states = world.estate.get("accounts") or {}
    for name, admin, exchange in ACCOUNTS:
        password = "".join(world.random.choice(alphabet) for unused_place in range(16))
        full, state = f"{world.prefix}\\{name}", states.get(name) or {}
        account = Account(full, password, admin, exchange and not state.get("not_exchange_admin"))
        account.locked, account.expired = bool(state.get("locked")), bool(state.get("expired"))
        world.accounts[full.lower()] = account


def build_host(world: World, name: str, settings: dict[str, Any]) -> Host:
    """Make a host with Exchange; raises EstateError."""
    product = str(settings.get("product", "2003"))
    system = str(settings.get("os", "server2003"))
    if product not in table("products")["products"] or system not in table("products")["systems"]:
        raise EstateError(f"hosts.{name}: unknown product {product} or system {system}")
    host = Host(world, name, _computer_name(world, name), system, int(settings.get("os_service_pack", 2)))
    host.product, host.edition = product, settings.get("edition", "standard")
    host.service_pack = int(settings.get("service_pack", 1))
    level_of(product, host.service_pack)
    host.role, host.load_balanced = settings.get("role", "back_end"), settings.get("load_balanced")
    host.cluster_name = settings.get("cluster") or _cluster_of(world, name)
    host.setup = {"exit_code": 0, "minutes": 10} | (settings.get("setup") or {})
    # Small Business Server is always the first domain controller of its domain [R]
    host.controller = host.edition == "small_business"
    host.pending_restart = bool(settings.get("pending_restart"))
    host.reinstall_needed = bool(settings.get("reinstall_needed"))
    return _finished(host, settings)


def build_controller(world: World, name: str, settings: dict[str, Any]) -> Host:
    """Make a domain controller without Exchange."""
    system = str(settings.get("os", "server2003"))
    host = Host(world, name, name.upper(), system, int(settings.get("os_service_pack", 2)))
    host.product, host.service_pack, host.controller = "", 0, True
    return _finished(host, settings)


def _finished(host: Host, settings: dict[str, Any]) -> Host:
    """Give a machine what every Windows has, and bring it to its first state."""
    world = host.world
    pages = table("products")["code_pages"][world.language]
    host.language, host.oem_codepage, host.ansi_codepage = world.language, pages[0], pages[1]
    host.channel = settings.get("channel", "winrm")
    host.hotfixes = [str(hotfix) for hotfix in settings.get("hotfixes", [])]
    host.address, host.port = settings.get("address", ""), int(settings.get("port", 0))
    host.clock_skew = float(settings.get("clock_skew") or 0)
    host.administrators = _administrators(world, settings)
    # the operator has prepared the account that runs Exchange's setup
    host.service_logon = [f"{world.prefix}\\exsetup"] if settings.get("setup_rights", True) else []
    host.registry = Registry(host, VIEWS)
    services = settings.get("services") or {}
    host.services = build_services(host, services)
    _system_files(host)
    host.boot_at_once()
    for wanted, value in services.items():
        state = value.get("state", "running") if isinstance(value, dict) else value
        host.service_manager.set_at_once(wanted, state, "boot")
    for image in settings.get("processes") or []:
        host.spawn(image, f"{world.prefix}\\exadmin", "interactive")
    return host


def _administrators(world: World, settings: dict[str, Any]) -> list[str]:
    """The domain accounts in the local group of administrators; without the right to it they are left out."""
    left_out = {"exsetup"} if not settings.get("setup_rights", True) else set()
    left_out |= {"exadmin"} if not settings.get("admin_rights", True) else set()
    return [a.name for a in world.accounts.values() if a.local_admin and a.name.partition("\\")[2] not in left_out]


def set_free_space(host: Host, free: float | dict[str, float] | None) -> None:
    """Leave that many megabytes free, on C: or on each drive named; a drive that is not there is made."""
    if free is None:
        return
    for letter, megabytes in (free if isinstance(free, dict) else {"C": free}).items():
        volume = host.files.volumes.setdefault(f"{letter.rstrip(':').upper()}:", Volume())
        used = volume.capacity - volume.free_bytes
        volume.capacity = used + int(megabytes * MEGABYTE)


def set_exchange_files(host: Host) -> None:
    """Exchange's programs carry the version of the installed level."""
    root = table("products")["products"][host.product]["root"]
    for name in _EXCHANGE_FILES:
        path = f"{root}\\bin\\{name}"
        host.files.write_virtual(path, 4194304, tag={"version": host.file_version})


def local_groups(host: Host) -> dict[str, tuple[str, list[str]]]:
    """The local groups that matter: name in the host's language -> (SID, members)."""
    world = host.world
    own = [f"{host.computer_name}\\{sentence(host.language, 'administrator')}"]
    users = [f"{world.prefix}\\{sentence(host.language, 'domain_users')}"]
    return {
        sentence(host.language, "administrators"): ("S-1-5-32-544", [*own, *host.administrators]),
        sentence(host.language, "users"): ("S-1-5-32-545", users),
    }


def _computer_name(world: World, name: str) -> str:
    """The NetBIOS name of a host: capitals, digits and hyphen, at most 15 characters, not used yet."""
    base = re.sub(r"[^A-Z0-9-]", "-", name.upper())[:15]
    taken = {host.computer_name for host in world.hosts.values()}
    found, number = base, 1
    while found in taken:
        number += 1
        found = base[: 15 - len(str(number))] + str(number)
    return found


def _cluster_of(world: World, host: str) -> str | None:
    clusters = world.estate.get("clusters") or {}
    return next((name for name, cluster in clusters.items() if host in (cluster or {}).get("nodes", [])), None)


def _system_files(host: Host) -> None:
    files, root = host.files, host.system_root
    folders = [f"{root}\\system32", f"{root}\\Temp", "C:\\Program Files"]
    names = list(_SYSTEM_FILES)
    if host.os != "nt4":
        folders += ["C:\\Documents and Settings\\All Users", f"{root}\\system32\\Wbem"]
    if host.os == "server2003":
        names += _SINCE_2003
        files.write_virtual(f"{root}\\system32\\Wbem\\wmic.exe", 358400)
    for folder in folders:
        files.make_dirs(folder)
    for name in names:
        files.write_virtual(f"{root}\\system32\\{name}", 40960)
    if host.product:
        set_exchange_files(host)
    if host.clustered:
        files.write_virtual("C:\\Site\\UpgradeVirtualServer.exe", 65536, tag={"tool": "upgrade_virtual_server"})

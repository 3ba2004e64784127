# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Exchange is on a host, in which level, with which hotfixes, on which Windows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..cluster.service import COMPUTER_NAME_KEY
from ..hosts.errors import Unreadable
from ..hosts.machine import BOOT_TIME
from ..hosts.session import Answers, RegistryReading, Session
from .builds import load_data, normal_hotfix, product_of_services_version, service_pack_of, version_of

SETUP_KEY = r"HKLM\SOFTWARE\Microsoft\Exchange\Setup"
WINDOWS_KEY = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PRODUCT_OPTIONS_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions"
SESSION_MANAGER_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
SUITE_KEY = r"HKLM\SOFTWARE\Microsoft\SmallBusinessServer"
"""Key of Small Business Server; its ServicePackNumber is [V] for 2003 (a team blog), [R] for 2000."""
CLUSTER_SERVICE = "ClusSvc"
SYSTEMS = {"4.0": "nt4", "5.0": "2000", "5.1": "xp", "5.2": "server2003"}
"""CurrentVersion of Windows -> our name of it."""


@cache
def _hotfix_keys() -> dict[str, Any]:
    table: dict[str, Any] = load_data("hotfix_keys.yml")
    return table


@cache
def exchange_services() -> dict[str, dict[str, Any]]:
    """The services of Exchange (data/services.yml)."""
    table: dict[str, dict[str, Any]] = load_data("services.yml")
    return table


def read_exchange(session: Session) -> dict[str, Any]:
    """Product, build, service pack, hotfixes, Windows, services and boot time of a host, in a few round trips.

    ``installed`` is false where Exchange is not there, also where its Setup key survived a removal. Build,
    service pack and product are null then. ``earlier_hotfixes`` names hotfixes that were installed for an
    earlier service pack: they say nothing about this one. ``store_version`` is the file version of ``store.exe``; null
    where the host does not tell it. ``edition``: small_business, conferencing or null; ``suite_service_pack``: that of
    Small Business Server, null where there is no such suite.
    """
    updates, flat = _update_keys()
    questions: dict[str, list[str]] = {
        "values": [SETUP_KEY, WINDOWS_KEY, PRODUCT_OPTIONS_KEY, SESSION_MANAGER_KEY, COMPUTER_NAME_KEY, SUITE_KEY],
        "trees": [updates],
        "subkeys": flat,
        "services": [*exchange_services(), CLUSTER_SERVICE],
    }
    session.ask_ahead([BOOT_TIME], **questions)
    answers = session.ask(**questions)
    found = {**_describe(answers), "boot_time": session.boot_time(), "store_version": None}
    store = _store_path(answers.registry) if found["installed"] else None
    if store:
        found["store_version"] = session.file_version(store)
    return found


def _update_keys() -> tuple[str, list[str]]:
    """The key whose tree names installed updates, and those whose subkeys do."""
    keys = _hotfix_keys()
    return "HKLM\\" + keys["updates"]["key"], ["HKLM\\" + key for key in keys["flat"]]


def _store_path(registry: RegistryReading) -> str | None:
    """Where ``store.exe`` lies: below the install root that Setup noted (``Services`` [V] KB texts)."""
    setup = _values(registry, SETUP_KEY)
    root = _text(setup, "services").rstrip("\\")
    return f"{root}\\bin\\store.exe" if re.match(r"[A-Za-z]:\\", root) else None


def _describe(answers: Answers) -> dict[str, Any]:
    registry, services = answers.registry, answers.services
    windows = _values(registry, WINDOWS_KEY)
    options = _values(registry, PRODUCT_OPTIONS_KEY)
    manager = _values(registry, SESSION_MANAGER_KEY)
    names = _values(registry, COMPUTER_NAME_KEY)
    if not windows:
        raise Unreadable(f"the version of Windows cannot be read from {WINDOWS_KEY}")
    evidence = any(entry.get("evidence") and name in services for name, entry in exchange_services().items())
    marks = _marks(registry, installed=evidence)
    product = marks["product"]
    cluster = services.get(CLUSTER_SERVICE)
    version = _text(windows, "currentversion")
    edition = _edition(_list(options.get("productsuite", [])), services)
    return {
        "computer_name": _text(names, "computername").upper() or None,
        "installed": product is not None,
        "product": product,
        "version": version_of(product) if product else None,
        "build": marks["build"],
        "service_pack": marks["service_pack"],
        "hotfixes": marks["hotfixes"],
        "earlier_hotfixes": marks["earlier_hotfixes"],
        "edition": edition,
        "suite_service_pack": _suite_level(registry) if edition == "small_business" else None,
        "os": {
            "name": SYSTEMS.get(version, "unknown"),
            "version": version,
            "build": int(re.sub(r"\D", "", _text(windows, "currentbuildnumber")) or 0),
            # "Service Pack 2": only the digits, the words could be translated.
            "service_pack": int(re.sub(r"\D", "", _text(windows, "csdversion")) or 0),
        },
        # Enterprise editions of Server 2003 bring the service along, disabled until a cluster is made [R].
        "clustered": cluster is not None and not (cluster.state == "stopped" and cluster.start_type == "disabled"),
        "services": {
            name: {"state": service.state, "start_type": service.start_type} for name, service in services.items()
        },
        "pending_restart": any(_list(manager.get("pendingfilerenameoperations", []))),
    }


def _edition(suites: list[Any], services: Mapping[str, object]) -> str | None:
    """What a host is beside a server with Exchange: ProductSuite holds "Small Business" or "Small Business(Restricted)"
    on SBS [R]; Conferencing Server shows in its own services.
    """
    if any(str(suite).startswith("Small Business") for suite in suites):
        return "small_business"
    marks = (name for name, entry in exchange_services().items() if entry.get("edition") == "conferencing")
    return "conferencing" if any(name in services for name in marks) else None


def _suite_level(registry: RegistryReading) -> int | None:
    """The service pack of Small Business Server: 0 where its key names none, None where there is no such key."""
    if registry.values.get(SUITE_KEY) is None:
        return None
    return _number(_values(registry, SUITE_KEY), "servicepacknumber") or 0


def find_hotfixes(
    updates: Mapping[str, object], flat: list[str], product: str | None, service_pack: int | None
) -> tuple[list[str], list[str]]:
    """Installed hotfixes, and those of an earlier service pack, given the keys below Updates and the flat ones.

    A key of Exchange counts when its folder is a later service pack than the server's: a hotfix stands in
    the folder of the next one. What stands only in the folder of a service pack that is installed by now was
    made for an earlier level (KB912442 exists for 2003 SP1 and for SP2, with different files), and a key
    of the same number elsewhere says nothing more.
    """
    keys = _hotfix_keys()["updates"]
    own = [folder.lower() for folder in keys["exchange"].get(product or "", [])]
    windows = [folder.lower() for folder in keys["windows"]]
    found: set[str] = set()
    earlier: set[str] = set()
    for key in updates:
        parts = key.split("\\")
        hotfix = next(filter(None, map(normal_hotfix, parts[1:])), None)
        if not hotfix:
            continue
        if parts[0].lower() in windows:
            found.add(hotfix)
        elif parts[0].lower() in own:
            folder = re.fullmatch(r"SP(\d+)", parts[1], re.IGNORECASE)
            is_earlier = folder is not None and service_pack is not None and int(folder[1]) <= service_pack
            (earlier if is_earlier else found).add(hotfix)
    for name in flat:
        hotfix = normal_hotfix(name)
        if hotfix and hotfix not in earlier:
            found.add(hotfix)
    return sorted(found), sorted(earlier - found)


def _level(product: str | None, setup: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Service pack and build. ``ServicePackNumber`` is documented; that every service pack refreshes
    ``NewestBuild`` is not, so that the higher of it and ``ServicePackBuild`` is the build.
    """
    if product is None:
        return None, None
    build = max(_number(setup, "newestbuild") or 0, _number(setup, "servicepackbuild") or 0) or None
    number = _number(setup, "servicepacknumber")
    if number is None:
        # Absent: RTM, as documented, unless the build is one that only a service pack brings.
        number = (service_pack_of(product, build) or 0) if build else 0
    return number, build


def _values(registry: RegistryReading, key: str) -> dict[str, Any]:
    values = registry.values.get(key) or {}
    return {name.lower(): data for name, (unused, data) in values.items()}


def _number(values: Mapping[str, Any], name: str) -> int | None:
    data = values.get(name)
    if isinstance(data, str) and data.strip().isdigit():
        return int(data)
    return data if isinstance(data, int) else None


def _text(values: Mapping[str, Any], name: str) -> str:
    data = values.get(name)
    return str(data) if data is not None else ""


def _list(data: Any) -> list[Any]:
    return data if isinstance(data, list) else [data] if data else []


def read_marks(session: Session) -> dict[str, Any]:
    """``product``, ``service_pack``, ``build`` and ``hotfixes`` alone, in one round trip: the evidence of an update.

    Unlike ``read_exchange`` it asks no services, so it is for hosts that are known to have Exchange.
    """
    updates, flat = _update_keys()
    return _marks(session.registry_read([SETUP_KEY], trees=[updates], subkeys=flat), installed=True)


def _marks(registry: RegistryReading, installed: bool) -> dict[str, Any]:
    setup = _values(registry, SETUP_KEY)
    product = product_of_services_version(_number(setup, "services version") or 0) if installed else None
    service_pack, build = _level(product, setup)
    updates_key, flat_keys = _update_keys()
    flat = [name for key in flat_keys for name in registry.subkeys[key] or []]
    hotfixes, earlier = find_hotfixes(registry.trees[updates_key] or {}, flat, product, service_pack)
    return {
        "product": product,
        "service_pack": service_pack,
        "build": build,
        "hotfixes": hotfixes,
        "earlier_hotfixes": earlier,
    }

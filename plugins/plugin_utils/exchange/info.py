# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Exchange is on a host, in which level, with which hotfixes, on which Windows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..cluster.configuration import registry_tree
from ..cluster.service import COMPUTER_NAME_KEY
from ..hosts.commands import command, quote
from ..hosts.errors import Unreadable
from ..hosts.models import RegistryValues
from ..hosts.session import Output, Service, Session
from .builds import load_data, normal_hotfix, product_of_services_version, service_pack_of, version_of

SETUP_KEY = r"HKLM\SOFTWARE\Microsoft\Exchange\Setup"
WINDOWS_KEY = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
PRODUCT_OPTIONS_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\ProductOptions"
SESSION_MANAGER_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
CLUSTER_SERVICE = "ClusSvc"
_SYSTEMS = {"4.0": "nt4", "5.0": "2000", "5.1": "xp", "5.2": "server2003"}


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
    earlier service pack: they say nothing about this one.
    """
    keys = _hotfix_keys()
    registry = session.run_all(
        [
            *(
                command("reg", "query", quote(key))
                for key in (SETUP_KEY, WINDOWS_KEY, PRODUCT_OPTIONS_KEY, SESSION_MANAGER_KEY, COMPUTER_NAME_KEY)
            ),
            command("reg", "query", quote("HKLM\\" + keys["updates"]["key"]), "/s"),
            *(command("reg", "query", quote("HKLM\\" + key)) for key in keys["flat"]),
        ]
    )
    services = session.services([*exchange_services(), CLUSTER_SERVICE])
    return {**_describe(registry, services), "boot_time": session.boot_time()}


def _describe(registry: list[Output], services: Mapping[str, Service]) -> dict[str, Any]:
    setup = _values(registry[0], SETUP_KEY)
    windows = _values(registry[1], WINDOWS_KEY)
    options = _values(registry[2], PRODUCT_OPTIONS_KEY)
    manager = _values(registry[3], SESSION_MANAGER_KEY)
    names = _values(registry[4], COMPUTER_NAME_KEY)
    if not windows:
        raise Unreadable(f"the version of Windows cannot be read from {WINDOWS_KEY}", output=registry[1].text[:500])
    evidence = any(entry.get("evidence") and name in services for name, entry in exchange_services().items())
    marks = _marks(setup, registry[5], registry[6:], installed=evidence)
    product = marks["product"]
    cluster = services.get(CLUSTER_SERVICE)
    suites = options.get("productsuite", [])
    version = _text(windows, "currentversion")
    return {
        "computer_name": _text(names, "computername").upper() or None,
        "installed": product is not None,
        "product": product,
        "version": version_of(product) if product else None,
        "build": marks["build"],
        "service_pack": marks["service_pack"],
        "hotfixes": marks["hotfixes"],
        "earlier_hotfixes": marks["earlier_hotfixes"],
        # ProductSuite holds "Small Business" or "Small Business(Restricted)" on SBS [R].
        "edition": "small_business"
        if any(str(suite).startswith("Small Business") for suite in _list(suites))
        else None,
        "os": {
            "name": _SYSTEMS.get(version, "unknown"),
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


def _values(output: Output, key: str) -> dict[str, Any]:
    if output.exit_code != 0:
        return {}
    values: RegistryValues = registry_tree(output.stdout, key).get("", {})
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
    keys = _hotfix_keys()
    updates_key = "HKLM\\" + keys["updates"]["key"]
    flat_keys = ["HKLM\\" + key for key in keys["flat"]]
    setup_output, updates_output, *flat_outputs = session.run_all(
        [
            command("reg", "query", quote(SETUP_KEY)),
            command("reg", "query", quote(updates_key), "/s"),
            *(command("reg", "query", quote(key)) for key in flat_keys),
        ]
    )
    return _marks(_values(setup_output, SETUP_KEY), updates_output, flat_outputs, installed=True)


def _marks(
    setup: Mapping[str, Any], updates_output: Output, flat_outputs: list[Output], installed: bool
) -> dict[str, Any]:
    keys = _hotfix_keys()
    product = product_of_services_version(_number(setup, "services version") or 0) if installed else None
    service_pack, build = _level(product, setup)
    updates_key = "HKLM\\" + keys["updates"]["key"]
    updates = registry_tree(updates_output.stdout, updates_key) if updates_output.exit_code == 0 else {}
    flat: list[str] = []
    for output, key in zip(flat_outputs, keys["flat"], strict=True):
        if output.exit_code == 0:
            flat += [name.split("\\")[0] for name in registry_tree(output.stdout, "HKLM\\" + key) if name]
    hotfixes, earlier = find_hotfixes(updates, flat, product, service_pack)
    return {
        "product": product,
        "service_pack": service_pack,
        "build": build,
        "hotfixes": hotfixes,
        "earlier_hotfixes": earlier,
    }

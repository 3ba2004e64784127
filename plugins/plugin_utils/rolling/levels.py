# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an update needs and what it brings: is a server done, may it begin, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .problems import Problems

KINDS = ("service_pack", "hotfix")
PLANNED_PRODUCTS = ("2003",)
"""Products that this planner knows the procedure of."""
NEEDED_BEFORE = frozenset({"service_pack", "build", "hotfix"})
"""Words that an entry of the update's ``from`` may use."""
IIS_FIX = "KB831464"
"""IIS 6.0 compression: needed on the nodes of a Server 2003 cluster before a 2003 service pack [V, KB 328839].
Windows Server 2003 SP1 and newer contain it [R]."""


def check_update(update: Mapping[str, Any], problems: Problems) -> None:
    """Add to ``problems`` whatever in the catalogue's entry the planner does not understand."""
    name = str(update.get("id"))
    remedy = f"Correct the entry of {name} in the catalogue of updates."
    if update.get("kind") not in KINDS:
        problems.add("", f"The update {name} is of the unknown kind {update.get('kind')!r}.", remedy)
        return
    if str(update.get("product")) not in PLANNED_PRODUCTS:
        problems.add(
            "",
            f"The update {name} is for {update.get('product')!r}; only updates of Exchange 2003 can be planned.",
            "Choose an update of Exchange 2003.",
        )
    result = update.get("result") or {}
    wanted = "service_pack" if update["kind"] == "service_pack" else "hotfix"
    if result.get(wanted) in (None, ""):
        problems.add("", f"The update {name} does not say in its result which {wanted} it brings.", remedy)
    for entry in update.get("from") or []:
        for word in sorted(set(entry) - NEEDED_BEFORE):
            problems.add("", f"The update {name} asks in `from` for {word!r}, which is not known here.", remedy)
    if update["kind"] == "hotfix" and update.get("upgrades_virtual_server") and not result.get("build"):
        problems.add(
            "",
            f"The hotfix {name} upgrades virtual servers, but its result names no build to recognise an upgraded one.",
            f"Give result.build in the entry of {name} in the catalogue of updates.",
        )


def upgrades_virtual_servers(update: Mapping[str, Any]) -> bool:
    """Whether the update asks for "Upgrade Exchange Virtual Server": service packs do, hotfixes do not [V, KB 328839].

    The exception are hotfixes that change exsetdata.dll [V, Windows IT Pro]: the catalogue says which.
    """
    return bool(update.get("upgrades_virtual_server", update["kind"] == "service_pack"))


def server_is_updated(update: Mapping[str, Any], service_pack: int, hotfixes: frozenset[str]) -> bool:
    """Whether a server of this level has the update."""
    if update["kind"] == "service_pack":
        return service_pack == int(update["result"]["service_pack"])
    return hotfix_of(update) in hotfixes


def virtual_server_is_upgraded(update: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether the directory's ``entry`` of a virtual server says that it has been upgraded."""
    if update["kind"] == "service_pack":
        return int(entry.get("service_pack") or 0) >= int(update["result"]["service_pack"])
    return int(entry.get("build") or 0) >= int(update["result"]["build"])


def level_after(update: Mapping[str, Any], service_pack: int, build: int | None, hotfixes: frozenset[str]) -> Any:
    """Return service pack, build and hotfixes of a server once it has the update."""
    if update["kind"] == "service_pack":
        return int(update["result"]["service_pack"]), update["result"].get("build", build), hotfixes
    return service_pack, build, hotfixes | {hotfix_of(update)}


def hotfix_of(update: Mapping[str, Any]) -> str:
    """Return the number of a hotfix in the form KBnnnnnn."""
    number = str(update["result"]["hotfix"]).upper()
    return number if number.startswith("KB") else f"KB{number.lstrip('Q')}"


def words_of(service_pack: int | None) -> str:
    """Return a service-pack level as a person says it."""
    return f"service pack {service_pack}" if service_pack else "no service pack"


def check_level(host: str, exchange: Mapping[str, Any], update: Mapping[str, Any], problems: Problems) -> None:
    """Add to ``problems`` why a server that does not have the update cannot get it."""
    name, level = update["id"], int(exchange.get("service_pack") or 0)
    if update["kind"] == "service_pack" and level > int(update["result"]["service_pack"]):
        problems.add(
            host,
            f"The server already has {words_of(level)}, which is beyond {name}.",
            "Take the server out of this run.",
        )
        return
    entries = update.get("from") or []
    packs = [int(entry["service_pack"]) for entry in entries if "service_pack" in entry]
    if packs and level < min(packs):
        problems.add(
            host,
            f"The server has {words_of(level)}; {name} needs at least {words_of(min(packs))}.",
            f"Bring {words_of(min(packs))} onto the server first.",
        )
        return
    if packs and level not in packs:
        problems.add(
            host,
            f"The server already has {words_of(level)}; {name} is for {' or '.join(words_of(p) for p in packs)}.",
            "Take the server out of this run, or choose the update for its service pack.",
        )
        return
    fitting = [entry for entry in entries if int(entry.get("service_pack", level)) == level]
    lacking = [missing for entry in fitting if (missing := _lacking(entry, exchange))]
    if fitting and len(lacking) == len(fitting):
        problems.add(host, f"{name} needs {lacking[0]} on the server first.", f"Bring {lacking[0]} onto the server.")


def _lacking(entry: Mapping[str, Any], exchange: Mapping[str, Any]) -> str:
    """Return what of an entry of ``from`` the server does not have; empty: it has all."""
    if int(exchange.get("build") or 0) < int(entry.get("build") or 0):
        return f"at least build {entry['build']}"
    if entry.get("hotfix") and str(entry["hotfix"]).upper() not in {
        str(fix).upper() for fix in exchange.get("hotfixes") or []
    }:
        return str(entry["hotfix"])
    return ""


def check_iis_fix(host: str, exchange: Mapping[str, Any], update: Mapping[str, Any], problems: Problems) -> None:
    """Add a problem for a cluster node that lacks the IIS 6.0 fix which a 2003 service pack needs (KB 328839)."""
    system = exchange.get("os") or {}
    if update["kind"] != "service_pack" or system.get("name") != "server2003" or int(system.get("service_pack") or 0):
        return
    if IIS_FIX not in (exchange.get("hotfixes") or []):
        problems.add(
            host,
            f"The hotfix {IIS_FIX} (IIS 6.0 compression) is missing, which a node on Windows Server 2003 without a "
            "service pack needs before an Exchange 2003 service pack.",
            f"Install {IIS_FIX} (or a service pack of Windows Server 2003) and restart the node; then start again.",
        )

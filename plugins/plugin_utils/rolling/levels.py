# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an update needs and what it brings: is a server done, may it begin, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .problems import Problems
from .procedures import PLANNED_PRODUCTS

Update = Mapping[str, Any]
"""An entry of the catalogue with its key as ``id``."""

KINDS = ("service_pack", "hotfix", "windows_hotfix")
WINDOWS = "windows"
"""Product of a windows_hotfix: it is for the hosts whose Windows its ``applies`` names."""
NEEDED_BEFORE = frozenset({"service_pack", "build", "hotfix"})
"""Words that an entry of the update's ``from`` may use."""


@dataclass(frozen=True)
class Level:
    """What is installed on a server: Exchange's service pack and build, and the hotfixes (KBnnnnnn)."""

    service_pack: int
    build: int | None
    hotfixes: frozenset[str]

    @classmethod
    def of(cls, exchange: Mapping[str, Any]) -> Level:
        """Return the level of an observed server."""
        fixes = frozenset(str(fix).upper() for fix in exchange.get("hotfixes") or [])
        return cls(int(exchange.get("service_pack") or 0), exchange.get("build"), fixes)

    @property
    def words(self) -> dict[str, Any]:
        """The level in the words of a step."""
        return {"service_pack": self.service_pack, "build": self.build, "hotfixes": sorted(self.hotfixes)}


def check_update(update: Update, problems: Problems) -> None:
    """Add to ``problems`` whatever in the catalogue's entry the planner does not understand."""
    name, kind = str(update.get("id")), update.get("kind")
    remedy = f"Correct the entry of {name} in the catalogue of updates."
    if kind not in KINDS:
        problems.add("", f"The update {name} is of the unknown kind {kind!r}.", remedy)
        return
    product = str(update.get("product"))
    if (kind == "windows_hotfix") != (product == WINDOWS):
        problems.add("", f"The update {name} is of the kind {kind}, and for the product {product!r}.", remedy)
    elif product not in (*PLANNED_PRODUCTS, WINDOWS):
        problems.add(
            "",
            f"The update {name} is for {product!r}; only updates of Exchange {', '.join(PLANNED_PRODUCTS)} can be "
            "planned.",
            f"Choose an update of Exchange {', '.join(PLANNED_PRODUCTS)}.",
        )
    result = update.get("result") or {}
    wanted = "service_pack" if kind == "service_pack" else "hotfix"
    if result.get(wanted) in (None, ""):
        problems.add("", f"The update {name} does not say in its result which {wanted} it brings.", remedy)
    for entry in update.get("from") or []:
        for word in sorted(set(entry) - NEEDED_BEFORE):
            problems.add("", f"The update {name} asks in `from` for {word!r}, which is not known here.", remedy)
    if kind == "hotfix" and update.get("upgrades_virtual_server") and not result.get("build"):
        problems.add(
            "",
            f"The hotfix {name} upgrades virtual servers, but its result names no build to recognise an upgraded one.",
            f"Give result.build in the entry of {name} in the catalogue of updates.",
        )


def upgrades_virtual_servers(update: Update) -> bool:
    """Whether the update asks for "Upgrade Exchange Virtual Server": service packs do, hotfixes do not [V, KB 328839].

    The exception are hotfixes that change exsetdata.dll [V, Windows IT Pro]: the catalogue says which.
    """
    return bool(update.get("upgrades_virtual_server", update["kind"] == "service_pack"))


def package_given(update: Update) -> bool:
    """Whether the site gives the update's package, so that a run may install it as a prerequisite."""
    return bool((update.get("package") or {}).get("path"))


def hotfix_of(update: Update) -> str:
    """Return the number of a hotfix in the form KBnnnnnn."""
    number = str(update["result"]["hotfix"]).upper()
    return number if number.startswith("KB") else f"KB{number.lstrip('Q')}"


def has(update: Update, level: Level) -> bool:
    """Whether a server of this level has the update, or the service pack after it."""
    if update["kind"] == "service_pack":
        return level.service_pack >= int(update["result"]["service_pack"])
    return hotfix_of(update) in level.hotfixes


def applies(update: Update, system: Mapping[str, Any]) -> bool:
    """Whether the update is for this Windows; ``applies`` of the entry says which (nothing: all)."""
    wanted = update.get("applies") or {}
    if wanted.get("os") and system.get("name") not in wanted["os"]:
        return False
    packs = wanted.get("os_service_pack")
    return packs is None or int(system.get("service_pack") or 0) in packs


def level_after(update: Update, level: Level, own: frozenset[str] = frozenset()) -> Level:
    """Return the level of a server once it has the update.

    own: the hotfixes of Exchange in this run. A service pack brings a new level, for which they are to be installed
    anew: the hotfix of the same number for the level before is no longer there.
    """
    if update["kind"] == "service_pack":
        result = update["result"]
        return Level(int(result["service_pack"]), result.get("build", level.build), level.hotfixes - own)
    return replace(level, hotfixes=level.hotfixes | {hotfix_of(update)})


def words_of(service_pack: int | None) -> str:
    """Return a service-pack level as a person says it."""
    return f"service pack {service_pack}" if service_pack else "no service pack"


def unfit(update: Update, level: Level) -> tuple[str, str] | None:
    """Return why a server of this level cannot get the update, and what to do about it; None: it can."""
    name, entries = update["id"], update.get("from") or []
    packs = [int(entry["service_pack"]) for entry in entries if "service_pack" in entry]
    if packs and level.service_pack < min(packs):
        return (
            f"The server has {words_of(level.service_pack)}; {name} needs at least {words_of(min(packs))}.",
            f"Bring {words_of(min(packs))} onto the server first, or name it before {name} in this run.",
        )
    if packs and level.service_pack not in packs:
        return (
            f"The server already has {words_of(level.service_pack)}; {name} is for "
            f"{' or '.join(words_of(pack) for pack in packs)}.",
            "Take the server out of this run, or choose the update for its service pack.",
        )
    fitting = [entry for entry in entries if int(entry.get("service_pack", level.service_pack)) == level.service_pack]
    lacking = [missing for entry in fitting if (missing := _lacking(entry, level))]
    if fitting and len(lacking) == len(fitting):
        return f"{name} needs {lacking[0]} on the server first.", f"Bring {lacking[0]} onto the server."
    return None


def _lacking(entry: Mapping[str, Any], level: Level) -> str:
    """Return what of an entry of ``from`` the server does not have; empty: it has all."""
    if int(level.build or 0) < int(entry.get("build") or 0):
        return f"at least build {entry['build']}"
    if entry.get("hotfix") and str(entry["hotfix"]).upper() not in level.hotfixes:
        return str(entry["hotfix"])
    return ""

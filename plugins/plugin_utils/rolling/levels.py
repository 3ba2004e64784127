# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an update needs and what it brings: is a server done, may it begin, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .problems import Problems
from .procedures import PLANNED_PRODUCTS, PROCEDURES

Update = Mapping[str, Any]
"""An entry of the catalogue with its key as ``id``."""

KINDS = ("service_pack", "hotfix", "windows_hotfix")
WINDOWS = "windows"
"""Product of a windows_hotfix: it is for the hosts whose Windows its ``applies`` names."""
SUITE_WORDS = ("windows_service_pack", "suite_service_pack")
"""What the result of a service pack of a suite holds besides Exchange's."""
NEEDED_BEFORE = frozenset({"service_pack", "build", "hotfix"})
"""Words that an entry of the update's ``from`` may use."""


@dataclass(frozen=True)
class Level:
    """What is installed on a server: Exchange's service pack and build, and the hotfixes (KBnnnnnn).

    ``suite``: None, or the service packs of Windows and of the suite itself (Small Business Server), of a server that a
    service pack of the suite is for: that brings all three (KB 328839: B6).
    """

    service_pack: int
    build: int | None
    hotfixes: frozenset[str]
    suite: tuple[int, int] | None = None

    @classmethod
    def of(cls, exchange: Mapping[str, Any], *, suite: bool = False) -> Level:
        """Return the level of an observed server. suite: whether the packs of Windows and the suite belong to it."""
        fixes = frozenset(str(fix).upper() for fix in exchange.get("hotfixes") or [])
        windows = int((exchange.get("os") or {}).get("service_pack") or 0)
        more = (windows, int(exchange.get("suite_service_pack") or 0)) if suite else None
        return cls(int(exchange.get("service_pack") or 0), exchange.get("build"), fixes, more)

    @property
    def words(self) -> dict[str, Any]:
        """The level in the words of a step."""
        found = {"service_pack": self.service_pack, "build": self.build, "hotfixes": sorted(self.hotfixes)}
        return found if self.suite is None else {**found, **dict(zip(SUITE_WORDS, self.suite, strict=True))}


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
    if kind == "hotfix" and upgrades_virtual_servers(update) and not result.get("build"):
        problems.add(
            "",
            f"The hotfix {name} upgrades virtual servers, but its result names no build to recognise an upgraded one.",
            f"Give result.build in the entry of {name} in the catalogue of updates.",
        )


def upgrades_virtual_servers(update: Update) -> bool:
    """Whether virtual servers are upgraded to the level of the update: service packs ask for it, hotfixes do not.

    Of Exchange 2003 somebody has to upgrade them [V, KB 328839]; the exception are hotfixes that change exsetdata.dll
    [V, Windows IT Pro]: the catalogue says which. Those of Exchange 2000 upgrade themselves with every service pack,
    whatever the catalogue says of it [V, evand blog and KB 887722]. Exchange 5.5 has none.
    """
    procedure = PROCEDURES.get(str(update.get("product")))
    if procedure is None or procedure.upgrade == "none":
        return False
    pack = update["kind"] == "service_pack"
    said = bool(update.get("upgrades_virtual_server", pack))
    return said or (pack and procedure.upgrade == "itself")


def is_suite(update: Update) -> bool:
    """Whether the update is a service pack of a whole suite, which Windows and the suite itself belong to."""
    return any(word in (update.get("result") or {}) for word in SUITE_WORDS)


def for_edition(update: Update, exchange: Mapping[str, Any]) -> bool:
    """Whether the update is for this edition of the server; ``edition`` of the entry says which (nothing: all)."""
    return update.get("edition") in (None, exchange.get("edition"))


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
        there = level.service_pack >= int(update["result"]["service_pack"])
        return there and level.suite == _suite_after(update, level)
    return hotfix_of(update) in level.hotfixes


def _suite_after(update: Update, level: Level) -> tuple[int, int] | None:
    """Return the packs of Windows and the suite once the server has the update; what is newer stays."""
    if level.suite is None:
        return None
    windows, suite = (
        max(now, int(update["result"].get(word) or 0)) for word, now in zip(SUITE_WORDS, level.suite, strict=True)
    )
    return windows, suite


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
        pack, build = int(result["service_pack"]), result.get("build", level.build)
        if pack == level.service_pack and is_suite(update):
            # Only Windows and the suite get something new.
            return replace(level, suite=_suite_after(update, level))
        return Level(pack, build, level.hotfixes - own, _suite_after(update, level))
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
        return (
            f"{name} needs {lacking[0]} on the server first.",
            f"Bring {lacking[0]} onto the server first, or name the update that brings it before {name} in this run.",
        )
    return None


def for_pack(update: Update, level: Level) -> bool:
    """Whether the update is for the service pack of the server, whatever else it may lack."""
    packs = [int(entry["service_pack"]) for entry in update.get("from") or [] if "service_pack" in entry]
    return not packs or level.service_pack in packs


def _lacking(entry: Mapping[str, Any], level: Level) -> str:
    """Return what of an entry of ``from`` the server does not have; empty: it has all."""
    if int(level.build or 0) < int(entry.get("build") or 0):
        return f"at least build {entry['build']}"
    if entry.get("hotfix") and str(entry["hotfix"]).upper() not in level.hotfixes:
        return str(entry["hotfix"])
    return ""

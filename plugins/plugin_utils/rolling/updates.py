# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The updates of a run, and the chain of those that a host still needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import levels
from .levels import WINDOWS, Level, Update
from .problems import Problems

BEGUN = frozenset({"armed", "running", "finished"})
"""Phases of an installation that an earlier run has begun: what it needed was looked at then."""


@dataclass(frozen=True)
class Target:
    """The level that virtual servers are upgraded to, and the key of the update that brings it (the last one)."""

    update: str
    service_pack: int | None
    build: int | None

    def reached(self, entry: Mapping[str, Any]) -> bool:
        """Whether the directory's ``entry`` of a virtual server says that it has been upgraded.

        A service pack is told by its number; the build counts only where a hotfix brings one.
        """
        if self.service_pack is not None and int(entry.get("service_pack") or 0) < self.service_pack:
            return False
        return self.build is None or int(entry.get("build") or 0) >= self.build


class Updates:
    """The updates in the order in which the operator named them, and the prerequisites that they may ask for."""

    def __init__(self, entries: Sequence[Update], problems: Problems) -> None:
        """Check the entries (catalogue entries with ``id``; ``prerequisite``: not named by the operator)."""
        self.entries = tuple(entries)
        self.given = tuple(entry for entry in entries if not entry.get("prerequisite"))
        self.by_id: dict[str, Update] = {str(entry.get("id")): entry for entry in entries}
        for entry in entries:
            levels.check_update(entry, problems)
        if not self.given:
            problems.add("", "No update was named.", "Name at least one update of the catalogue.")
        for number, entry in enumerate(self.given):
            if any(entry.get("id") == other.get("id") for other in self.given[:number]):
                problems.add("", f"The update {entry.get('id')} is named twice.", "Name each update once.")
        self._check_order(problems)

    def _check_order(self, problems: Problems) -> None:
        """Service packs contain those before them: named the other way round the second one could not be installed.

        Those of a suite do not take part: they are for other servers, or bring more.
        """
        packs = [entry for entry in self.given if entry.get("kind") == "service_pack" and not entry.get("edition")]
        for number, entry in enumerate(packs):
            for later in packs[number + 1 :]:
                numbers = [str((each.get("result") or {}).get("service_pack")) for each in (entry, later)]
                if entry.get("product") == later.get("product") and numbers[0] >= numbers[1]:
                    problems.add(
                        "",
                        f"{later['id']} is named after {entry['id']}, which contains it.",
                        f"Name {later['id']} before {entry['id']}, or not at all.",
                    )

    @cached_property
    def own_hotfixes(self) -> frozenset[str]:
        """The hotfixes of Exchange in this run."""
        return frozenset(levels.hotfix_of(entry) for entry in self.entries if entry["kind"] == "hotfix")

    def level_of(self, exchange: Mapping[str, Any]) -> Level:
        """Return the level of an observed server; with the suite's where one of the updates is for the suite."""
        entries = self.of(str(exchange.get("product")))
        suite = any(levels.is_suite(entry) and levels.for_edition(entry, exchange) for entry in entries)
        return Level.of(exchange, suite=suite)

    @property
    def keys(self) -> list[str]:
        """The keys of the updates that the operator named."""
        return [str(entry["id"]) for entry in self.given]

    @property
    def kind(self) -> str:
        """service_pack when one is among them, else hotfix, else windows_hotfix."""
        kinds = {str(entry["kind"]) for entry in self.given}
        return next(kind for kind in levels.KINDS if kind in kinds)

    @property
    def title(self) -> str:
        """What the run brings, for people."""
        return ", then ".join(str(entry.get("title") or entry["id"]) for entry in self.given)

    def of(self, product: str) -> list[Update]:
        """Return the named updates that are for hosts with this Exchange: its own and those of Windows."""
        return [entry for entry in self.given if str(entry["product"]) in (product, WINDOWS)]

    def own(self, product: str) -> list[str]:
        """Return the keys of all updates of a product, with those that another one requires."""
        return [key for key, entry in self.by_id.items() if str(entry["product"]) == product]

    def service_pack(self, product: str) -> Update | None:
        """Return the last service pack among the updates of a product."""
        packs = [entry for entry in self.of(product) if entry["kind"] == "service_pack"]
        return packs[-1] if packs else None

    def hotfixes(self, product: str) -> list[str]:
        """Return the keys of the product's own hotfixes among the updates: the directory does not show these."""
        return [str(entry["id"]) for entry in self.of(product) if entry["kind"] == "hotfix"]

    def target(self, product: str) -> Target | None:
        """Return the level that virtual servers of a product are upgraded to; None: they are not upgraded."""
        found = None
        for entry in self.of(product):
            if not levels.upgrades_virtual_servers(entry) or entry["kind"] == "windows_hotfix":
                continue
            if entry["kind"] == "service_pack":
                found = Target(str(entry["id"]), int(entry["result"]["service_pack"]), None)
            else:
                pack = found.service_pack if found else None
                found = Target(str(entry["id"]), pack, int(entry["result"]["build"]))
        return found

    def version_after(self, product: str, version: Mapping[str, Any]) -> dict[str, Any]:
        """Return the version that the upgrade of a virtual server leads to: that of the last update that asks for it.

        version: ``service_pack`` and ``build`` as they are before it.
        """
        result = {"service_pack": version["service_pack"], "build": version["build"]}
        for entry in self.of(product):
            if self.raises([str(entry["id"])]):
                brings = entry["result"]
                result["service_pack"] = int(brings.get("service_pack", result["service_pack"]))
                result["build"] = brings.get("build", result["build"])
        return result

    def database_minutes(self, chain: Iterable[str]) -> int | None:
        """Return how long the store upgrades its databases after these updates; None: it does not.

        It upgrades them once, to the newest of them, as it first opens them. The catalogue's estimate is for people.
        """
        found = [int(self.by_id[key].get("database_minutes") or 0) for key in chain if self.by_id[key].get("databases")]
        return max(found, default=None)

    def raises(self, chain: Sequence[str]) -> bool:
        """Whether one of these updates is one after which virtual servers have to be upgraded."""
        return any(
            levels.upgrades_virtual_servers(self.by_id[key])
            for key in chain
            if self.by_id[key]["kind"] != "windows_hotfix"
        )

    def level_after(self, key: str, level: Level) -> Level:
        """Return the level of a server after the update of that key."""
        return levels.level_after(self.by_id[key], level, self.own_hotfixes)


@dataclass
class Chain:
    """Finds the chain of one host: the keys of what it still needs, in the order of installation.

    level: what is on the host, or will be with its next restart.
    """

    host: str
    updates: Updates
    exchange: Mapping[str, Any]
    level: Level
    phases: Mapping[str, str]
    problems: Problems

    def __post_init__(self) -> None:
        """Begin with what is on the host."""
        self.found: list[str] = []
        self.replaced_by = ""

    def find(self) -> tuple[str, ...]:
        """Return the chain; what keeps an update from being installed is added to the problems.

        The versions allowed are checked as they will be when an update's place in the chain is reached.
        """
        entries = self.updates.of(str(self.exchange["product"]))
        last = self.updates.service_pack(str(self.exchange["product"]))
        if last and self.level.service_pack > int(last["result"]["service_pack"]):
            self.problems.add(
                self.host,
                f"The server already has {levels.words_of(self.level.service_pack)}, which is beyond {last['id']}.",
                "Take the server out of this run.",
            )
            return ()
        for number, entry in enumerate(entries):
            if self._needs(entry) and (self._begun(entry) or self._may(entry, entries, entries[number + 1 :])):
                self._take(entry)
        return tuple(self.found)

    def _phase(self, entry: Update) -> str:
        return self.phases.get(str(entry["id"]), "none")

    def _begun(self, entry: Update) -> bool:
        return self._phase(entry) in BEGUN

    def _needs(self, entry: Update) -> bool:
        """Whether the update is missing; one that is being installed is, whatever the registry says already."""
        if entry["id"] in self.found:
            return False
        if self._phase(entry) == "running":
            return True
        if not levels.for_edition(entry, self.exchange):
            return not self._served_otherwise(entry)
        return levels.applies(entry, self.exchange.get("os") or {}) and not levels.has(entry, self.level)

    def _served_otherwise(self, entry: Update) -> bool:
        """Whether another service pack of the run brings to this host what ``entry`` brings to another edition."""
        pack = int(entry["result"].get("service_pack") or 0)
        return any(
            other["kind"] == "service_pack"
            and levels.for_edition(other, self.exchange)
            and int(other["result"]["service_pack"]) >= pack
            for other in self.updates.of(str(self.exchange["product"]))
        )

    def _take(self, entry: Update) -> None:
        self.found.append(str(entry["id"]))
        self.level = self.updates.level_after(str(entry["id"]), self.level)
        if entry["kind"] == "service_pack":
            self.replaced_by = str(entry["id"])

    def _may(self, entry: Update, entries: Sequence[Update], later: Sequence[Update]) -> bool:
        """Whether the update can be installed at its place; takes its prerequisites into the chain before it."""
        if not levels.for_edition(entry, self.exchange):
            self.problems.add(
                self.host,
                f"{entry['id']} is for Small Business Server only, and the server is none.",
                "Take the server out of this run, or name the service pack of Exchange as well: then each server gets "
                "the one that is for it.",
            )
            return False
        unfit = levels.unfit(entry, self.level)
        if unfit and entry["kind"] == "hotfix" and any(self._same(entry, other) for other in entries):
            return False
        if entry["kind"] == "hotfix" and not unfit:
            packs = [other for other in later if other["kind"] == "service_pack" and not levels.has(other, self.level)]
            if packs:
                self._add_replaced(entry, str(packs[0]["id"]))
                return False
        if unfit and self.replaced_by and entry["kind"] == "hotfix" and not levels.for_pack(entry, self.level):
            self._add_replaced(entry, self.replaced_by)
            return False
        # What it requires may bring what it lacks, except another service pack.
        if unfit and not (entry.get("requires") and levels.for_pack(entry, self.level)):
            self.problems.add(self.host, *unfit)
            return False
        # Every one is asked, also after the first that is missing: all problems are told at once.
        there = [self._require(entry, need) for need in entry.get("requires") or []]
        if False in there:
            return False
        unfit = levels.unfit(entry, self.level)
        if unfit:
            self.problems.add(self.host, *unfit)
        return unfit is None

    def _same(self, entry: Update, other: Update) -> bool:
        """Whether ``other`` is the same hotfix for the level that the server has."""
        return (
            other is not entry
            and other["kind"] == "hotfix"
            and levels.hotfix_of(other) == levels.hotfix_of(entry)
            and not levels.unfit(other, self.level)
        )

    def _add_replaced(self, entry: Update, pack: str) -> None:
        level = " or ".join(levels.words_of(need.get("service_pack")) for need in entry.get("from") or [])
        self.problems.add(
            self.host,
            f"{entry['id']} is for {level or 'the level of the server'}, which {pack} replaces in the same run.",
            f"Take {entry['id']} out of this run, or name the hotfix for the new service pack, after {pack}.",
        )

    def _require(self, entry: Update, need: Mapping[str, Any]) -> bool:
        """Take a prerequisite into the chain where it is missing; False when that is not possible."""
        if need.get("on", "any") == "cluster" and not self.exchange.get("clustered"):
            return True
        wanted = self.updates.by_id.get(str(need["update"]))
        if wanted is None:
            self.problems.add(
                self.host,
                f"{entry['id']} asks for {need['update']} first, which is not in the catalogue.",
                f"Give the entry of {need['update']} in a catalogue of the site.",
            )
            return False
        if not self._needs(wanted):
            return True
        named = not wanted.get("prerequisite")
        if not named and not levels.package_given(wanted) and not self._begun(wanted):
            what = levels.hotfix_of(wanted) if wanted["kind"] != "service_pack" else wanted["id"]
            title = f" ({wanted['title']})" if wanted.get("title") else ""
            restart = " and restart the host" if wanted.get("restart") == "always" else ""
            self.problems.add(
                self.host,
                f"{what}{title} is missing on the host; {entry['id']} needs it there first.",
                f"Give its package (package.path of {wanted['id']} in a catalogue of the site): then this run installs "
                f"it before {entry['id']}. Or install it yourself{restart}; then start again.",
            )
            return False
        if not self._begun(wanted) and not self._may(wanted, [], []):
            return False
        self._take(wanted)
        return True

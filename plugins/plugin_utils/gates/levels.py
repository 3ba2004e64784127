# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which updates a server still lacks, and whether they fit its level.

Simulated update by update: a service pack of the same run can be what a hotfix asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

IIS_FIX = "KB831464"


def chain(
    updates: Sequence[Mapping[str, Any]], exchange: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], list[tuple[str, str]]]:
    """Return the updates to be installed on a server, and what is in the way: pairs of a sentence and its remedy.

    ``exchange``: as exchange_info tells it. Updates of another product are not for this server; that no update of the
    run is for it, is in the way.
    """
    if not exchange.get("installed", True):
        return [], [("Exchange is not installed", "Take the host out of this run.")]
    product = str(exchange.get("product"))
    level = int(exchange.get("service_pack") or 0)
    build = int(exchange.get("build") or 0)
    fixes = {number(fix) for fix in exchange.get("hotfixes") or []}
    suite = (int((exchange.get("os") or {}).get("service_pack") or 0), int(exchange.get("suite_service_pack") or 0))
    wanted, objections, own, other, raised_by = [], [], 0, [], ""
    for position, update in enumerate(updates):
        if update["kind"] == "windows_hotfix":
            if for_windows(update, exchange) and number(update["result"]["hotfix"]) not in fixes:
                wanted.append(update)
                fixes.add(number(update["result"]["hotfix"]))
            own += not update.get("prerequisite")
            continue
        if str(update.get("product")) != product:
            continue
        if update.get("edition") not in (None, exchange.get("edition")):
            # A suite's pack is for its own servers; another one of the run may bring the same to this one.
            other.append(str(update["id"]))
            continue
        own += 1
        if installed(update, level, fixes, suite) or _superseded(update, updates[position + 1 :], level):
            continue
        objection = _objection(update, level, build, fixes)
        if raised_by and update["kind"] == "service_pack" and int(update["result"]["service_pack"]) < level:
            objection = (
                f"{update['id']} is named after {raised_by}, which contains it",
                f"Name {update['id']} before {raised_by}, or not at all.",
            )
        if objection:
            objections.append(objection)
            continue
        wanted.append(update)
        if update["kind"] == "service_pack":
            raised_by = str(update["id"])
            level = max(level, int(update["result"]["service_pack"]))
            build = max(build, int(update["result"].get("build") or 0))
            suite = (max(suite[0], _windows_of(update)), max(suite[1], _suite_of(update)))
        else:
            fixes.add(number(update["result"]["hotfix"]))
    if other and not own:
        objections.append(
            (
                f"{', '.join(other)} is for Small Business Server only, and the server is none",
                "Take the server out of this run, or name the service pack of Exchange as well.",
            )
        )
    elif not own:
        names = ", ".join(str(update["id"]) for update in updates)
        objections.append(
            (
                f"the server runs Exchange {product}, and none of {names} is for it",
                "Take the server out of this run, or choose the update of its product.",
            )
        )
    return _without_idle(wanted, bool(exchange.get("clustered"))), objections


def _without_idle(wanted: list[Mapping[str, Any]], clustered: bool) -> list[Mapping[str, Any]]:
    """Leave out what is there only because another update requires it, where none that is to be installed does."""
    needed = {
        need["update"]
        for update in wanted
        for need in update.get("requires") or []
        if need.get("on", "any") == "any" or clustered
    }
    return [update for update in wanted if not update.get("prerequisite") or update["id"] in needed]


def _superseded(update: Mapping[str, Any], later: Sequence[Mapping[str, Any]], level: int) -> bool:
    """Whether a later service pack of the run is on the server already: then this one's turn is over."""
    there = any(
        each["kind"] == "service_pack"
        and each.get("product") == update.get("product")
        and int(each["result"]["service_pack"]) == level
        for each in later
    )
    if update["kind"] == "service_pack":
        return there and int(update["result"]["service_pack"]) < level
    packs = [int(entry["service_pack"]) for entry in update.get("from") or [] if "service_pack" in entry]
    return there and bool(packs) and max(packs) < level


def installed(update: Mapping[str, Any], level: int, fixes: set[str], suite: tuple[int, int] = (0, 0)) -> bool:
    """Whether a server of this level has the update. ``suite``: service packs of Windows and of the suite itself."""
    if update["kind"] == "service_pack":
        parts = suite[0] >= _windows_of(update) and suite[1] >= _suite_of(update)
        return level == int(update["result"]["service_pack"]) and parts
    return number(update["result"]["hotfix"]) in fixes


def _windows_of(update: Mapping[str, Any]) -> int:
    """The service pack of Windows that a suite's pack brings; 0 for others."""
    return int(update["result"].get("windows_service_pack") or 0)


def _suite_of(update: Mapping[str, Any]) -> int:
    """The service pack of the suite itself, as above."""
    return int(update["result"].get("suite_service_pack") or 0)


def for_windows(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> bool:
    """Whether a hotfix of Windows is for the Windows of a server."""
    system, applies = exchange.get("os") or {}, update.get("applies") or {}
    names, packs = applies.get("os"), applies.get("os_service_pack")
    return (not names or system.get("name") in names) and (
        packs is None or int(system.get("service_pack") or 0) in [int(pack) for pack in packs]
    )


def number(hotfix: Any) -> str:
    """A hotfix in the form KBnnnnnn."""
    text = str(hotfix).upper()
    return text if text.startswith("KB") else f"KB{text.lstrip('Q')}"


def words(level: int) -> str:
    """A level as a person says it."""
    return f"service pack {level}" if level else "no service pack"


def _objection(update: Mapping[str, Any], level: int, build: int, fixes: set[str]) -> tuple[str, str] | None:
    if update["kind"] == "service_pack" and level > int(update["result"]["service_pack"]):
        return f"{words(level)} is on the server, which is beyond {update['id']}", "Take the server out of this run."
    entries = update.get("from") or []
    if not entries or any(_fits(entry, level, build, fixes) for entry in entries):
        return None
    asked = " or ".join(dict.fromkeys(_asked(entry) for entry in entries))
    return (
        f"{update['id']} is for a server with {asked}; this one has {words(level)}, build {build or 'unknown'}",
        f"Bring the server to {asked} first, or choose the update for its level.",
    )


def _fits(entry: Mapping[str, Any], level: int, build: int, fixes: set[str]) -> bool:
    if int(entry.get("service_pack", level)) != level or build < int(entry.get("build") or 0):
        return False
    return not entry.get("hotfix") or number(entry["hotfix"]) in fixes


def _asked(entry: Mapping[str, Any]) -> str:
    parts = [words(int(entry["service_pack"]))] if "service_pack" in entry else []
    parts += [f"at least build {entry['build']}"] if entry.get("build") else []
    parts += [number(entry["hotfix"])] if entry.get("hotfix") else []
    return " and ".join(parts)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the event log proves of backups. Pure: plain events in, evidence out.

Numbers, sources and insertion strings count, never sentences, because those are translated. ESE, the database engine,
writes 210 (full backup begins), 211 (incremental), 212 (shadow copy), 221 (a file is complete), 222 (a file is not),
213 (the backup ended well), 214 (with an error), 215 (broken off) [V, message file of the engine]. NTBackup writes 8001
at the end of each set [V, Q182506]; that its first string names what was saved: [R], and the name is translated.

Exchange 5.5 has no storage groups: its directory and its information store are two programs with an engine each, whose
events begin with the program's name (``MSExchangeDS (294) ...`` [V, KB 311396]) and name no group.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from .model import read_data

ENGINE_SOURCES = ("ESE", "ESE BACKUP", "ESE97", "ESE98", "ESENT")
"""Names of the engine's source on 2000 and 2003 [R], and on 5.5 (ESE97) [V, KB 311396]."""
BACKUP_SOURCES = ("NTBackup",)
FULL, INCREMENTAL, SHADOW, SUCCESS, ERROR, ABORTED = 210, 211, 212, 213, 214, 215
FILE_END, FILE_INCOMPLETE = 221, 222
END_OF_SET = 8001
ENGINE_IDS = (FULL, INCREMENTAL, SHADOW, SUCCESS, ERROR, ABORTED, FILE_END, FILE_INCOMPLETE)
BACKUP_IDS = (END_OF_SET,)
RUNNING_HOURS = 24.0
"""A backup that began longer ago than this, and of which no end was seen, is taken to be dead."""

# A database: .edb (2000, 2003; 5.5 too). The .stm beside it belongs to the same backup.
_DATABASE = re.compile(r"""([A-Za-z]:|\\\\[^\\"<>|]+)\\[^"<>|*?:\n]*?\.edb\b""", re.IGNORECASE)


@cache
def _system_state_words() -> frozenset[str]:
    return frozenset(word.casefold() for words in read_data("backup_words.yml").values() for word in words)


def databases(events: Iterable[Mapping[str, Any]], now: float) -> dict[str, Any]:
    """Return what the engine's events say, ``now`` being the host's own time (epoch seconds).

    ``databases``: path in small letters -> ``file``, ``group``, ``age`` (hours since the end of its newest full
    backup) and ``spoiled`` (a backup of its storage group failed after that, or in the same second: events have no
    finer time, and doubt counts against a backup). ``failed``: storage group -> hours since its last failure.
    ``running``: storage groups with a backup that has begun and not ended.
    """
    groups: dict[str, _Group] = {}
    for event in sorted(events, key=lambda each: float(each["time"])):
        if str(event["source"]).casefold() in _folded(ENGINE_SOURCES):
            groups.setdefault(_group_name(event), _Group()).take(event)
    found: dict[str, dict[str, Any]] = {}
    for name, group in groups.items():
        for key, (path, moment) in group.complete.items():
            age = max(now - moment, 0.0) / 3600
            if key not in found or age < found[key]["age"]:
                found[key] = {"file": path, "group": name, "age": age, "spoiled": group.failed_at >= moment}
    running = [
        name for name, group in groups.items() if group.began is not None and now - group.began < RUNNING_HOURS * 3600
    ]
    failed = {name: max(now - group.failed_at, 0.0) / 3600 for name, group in groups.items() if group.failed_at}
    return {"databases": found, "failed": failed, "running": sorted(running)}


def together(parts: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the databases of several nodes' evidence: of each its newest backup, and whether one failed after it.

    A virtual server is backed up where it stands, so that its events lie on several nodes. Two storage groups of the
    same name cannot be told apart by their failures: then both count as spoiled.
    """
    parts = list(parts)
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for key, entry in part.get("databases", {}).items():
            if key not in found or entry["age"] < found[key]["age"]:
                found[key] = dict(entry)
    for entry in found.values():
        later = [part["failed"][entry["group"]] for part in parts if entry["group"] in part.get("failed", {})]
        entry["spoiled"] = entry["spoiled"] or any(age <= entry["age"] for age in later)
    return found


def system_state(events: Iterable[Mapping[str, Any]], now: float) -> float | None:
    """Return the age in hours of the newest system-state backup that ended well; None where the log proves none."""
    ages = [
        max(now - float(event["time"]), 0.0) / 3600
        for event in events
        if int(event["id"]) == END_OF_SET
        and str(event["source"]).casefold() in _folded(BACKUP_SOURCES)
        and event.get("type") in ("information", "success")
        and _names_system_state(event)
    ]
    return min(ages, default=None)


def _names_system_state(event: Mapping[str, Any]) -> bool:
    strings = [str(text).strip(" '\"").casefold() for text in event.get("strings") or []]
    if strings:
        return bool(set(strings) & _system_state_words())
    # Without its strings an event is its sentence: what was saved stands in quotation marks there [V, Q182506].
    quoted = re.findall(r"['\"]([^'\"]+)['\"]", str(event.get("text") or ""))
    return any(text.strip().casefold() in _system_state_words() for text in quoted)


class _Group:
    """One storage group (on 5.5: the directory, or the information store), event by event."""

    def __init__(self) -> None:
        self.complete: dict[str, tuple[str, float]] = {}
        self.failed_at = 0.0
        self.began: float | None = None
        self._files: dict[str, str] | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        number, moment = int(event["id"]), float(event["time"])
        if number in (FULL, INCREMENTAL, SHADOW):
            self.began = moment
            # Only a full backup can be gone back to by itself.
            self._files = {} if number == FULL else None
        elif number == FILE_END and self._files is not None:
            path = _path(event)
            if path:
                self._files[path.casefold()] = path
        elif number == FILE_INCOMPLETE:
            self.failed_at = moment
            if self._files is not None:
                self._files.pop((_path(event) or "").casefold(), None)
        elif number in (ERROR, ABORTED):
            self.failed_at, self.began, self._files = moment, None, None
        elif number == SUCCESS:
            for key, path in (self._files or {}).items():
                self.complete[key] = (path, moment)
            self.began = self._files = None


def _group_name(event: Mapping[str, Any]) -> str:
    """The storage group: the third string on 2000 and 2003 (``First Storage Group: ``) [V, message file of the engine].

    Without one, as on 5.5, the first string stands for it: the program whose engine it is.
    """
    strings = [str(text).strip() for text in event.get("strings") or []]
    if len(strings) > 2 and strings[2].endswith(":"):
        return strings[2].rstrip(":").strip()
    return strings[0] if strings else ""


def _path(event: Mapping[str, Any]) -> str | None:
    for text in [*(event.get("strings") or []), event.get("text") or ""]:
        found = _DATABASE.search(str(text))
        if found:
            return found[0]
    return None


@cache
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry of the catalogue of updates may hold, and the check of one. Pure."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from typing import Any

PLACEHOLDERS = frozenset({"package", "folder", "log"})
KINDS = ("service_pack", "hotfix", "windows_hotfix")
RESTARTS = ("asked", "always", "never")
"""When a restart follows: as the installer asks, whatever it says, or never."""
_SYSTEMS = ("nt4", "2000", "server2003")

EDITIONS = (None, "small_business")
"""What an update of Exchange can be for alone: Small Business Server."""
_PARTS = frozenset({"windows_service_pack", "suite_service_pack"})
"""What the service pack of a suite brings beside Exchange's."""

DEFAULTS: dict[str, Any] = {
    "kb": None,
    "applies": None,
    "edition": None,
    "requires": [],
    "upgrades_virtual_server": False,
    "extract": None,
    "command": None,
    "restart": "asked",
    "minutes": 30,
    "databases": False,
    "database_minutes": 0,
    "returns_early": False,
    "processes": ["update.exe", "setup.exe"],
    "notes": [],
}
PACKAGE: dict[str, Any] = {
    "file": None,
    "path": None,
    "sha256": None,
    "size": None,
    "languages": ["en"],
    "verify": "sha256",
}
LOG: dict[str, Any] = {"path": None, "success": [], "failure": [], "final": [], "in_use": None, "ignore": None}


class CatalogueError(Exception):
    """A mistake in a catalogue: in which file, at which key, and what is expected there."""

    def __init__(self, file: str, key: str, expected: str) -> None:
        super().__init__(f"{file}: {key}: {expected}")
        self.file = file
        self.key = key
        self.expected = expected


def check(file: str, key: str, update: dict[str, Any]) -> None:
    """Every field of an update. Complains of the first mistake only: one clear message."""

    def must(good: bool, name: str, expected: str) -> None:
        if not good:
            raise CatalogueError(file, f"{key}.{name}", expected)

    def texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(entry, str) and entry for entry in value)

    def text_or_null(value: Any) -> bool:
        return value is None or (isinstance(value, str) and bool(value))

    _no_others(
        file,
        key,
        update,
        {*DEFAULTS, "id", "title", "kind", "product", "from", "result", "package", "exit_codes", "log"},
    )
    must(isinstance(update.get("title"), str), "title", "a text is expected")
    must(update.get("kind") in KINDS, "kind", "service_pack, hotfix or windows_hotfix is expected")
    must(
        update.get("product") in ("5.5", "2000", "2003", "windows"),
        "product",
        'one of "5.5", "2000", "2003" (in quotes) and windows is expected',
    )
    must(
        update["kb"] is None or _is_hotfix(update["kb"]),
        "kb",
        "KB and the article's number, or null, is expected",
    )
    windows = update["kind"] == "windows_hotfix"
    must(
        (update["product"] == "windows") == windows,
        "product",
        "windows is expected for a windows_hotfix, and only there",
    )
    must(update["edition"] in EDITIONS[: 1 if windows else None], "edition", "small_business or null is expected")
    _check_applies(file, key, windows, update["applies"])
    _check_requires(file, key, update["requires"])
    _check_from(file, key, update.get("from"))
    must(isinstance(update["upgrades_virtual_server"], bool), "upgrades_virtual_server", "true or false is expected")
    must(not (windows and update["upgrades_virtual_server"]), "upgrades_virtual_server", "false is expected")
    _check_result(file, key, update["kind"], update["upgrades_virtual_server"], update.get("result"))
    _check_package(file, key, update["package"])
    _check_log(file, key, update["log"], texts, text_or_null)
    for name in ("extract", "command"):
        must(text_or_null(update[name]), name, "a command line or null is expected")
        if update[name]:
            _check_placeholders(file, f"{key}.{name}", update[name], PLACEHOLDERS)
    codes: Any = update.get("exit_codes")
    must(isinstance(codes, dict) and bool(codes), "exit_codes", "a mapping of exit codes is expected")
    for code, meaning in codes.items():
        must(_whole(code), f"exit_codes.{code}", "a whole number is expected as the key")
        good = (
            isinstance(meaning, dict)
            and {"meaning", "success"} <= set(meaning) <= {"meaning", "success", "restart"}
            and isinstance(meaning["meaning"], str)
            and all(isinstance(meaning[name], bool) for name in ("success", "restart") if name in meaning)
        )
        must(
            good,
            f"exit_codes.{code}",
            "meaning (a text), success (true or false), and restart (true or false) are expected",
        )
    must(update["restart"] in RESTARTS, "restart", "asked, always or never is expected")
    must(_whole(update["minutes"]) and update["minutes"] > 0, "minutes", "a number of minutes is expected")
    must(isinstance(update["databases"], bool), "databases", "true or false is expected")
    must(_whole(update["database_minutes"]), "database_minutes", "a number of minutes is expected")
    must(update["databases"] or not update["database_minutes"], "database_minutes", "0 is expected without databases")
    must(isinstance(update["returns_early"], bool), "returns_early", "true or false is expected")
    must(texts(update["processes"]), "processes", "a list of image names is expected")
    notes = update["notes"]
    good = isinstance(notes, list) and all(
        isinstance(note, dict) and set(note) == {"about", "sureness", "source"} for note in notes
    )
    must(good, "notes", "a list of about, sureness and source is expected")


def _check_result(file: str, key: str, kind: str, upgrades: bool, result: Any) -> None:
    if kind == "service_pack":
        needed = {"service_pack", "build"}
        good = isinstance(result, dict) and needed <= set(result) <= needed | _PARTS
        expected = (
            "service_pack and build, both whole numbers, are expected (and windows_service_pack, suite_service_pack"
            " where it brings these)"
        )
    else:
        good = isinstance(result, dict) and {"hotfix"} <= set(result) <= {"hotfix", "build"}
        good = good and _is_hotfix(result["hotfix"]) and ("build" in result or not upgrades)
        expected = "hotfix: KB and its number is expected (and build where the hotfix upgrades virtual servers)"
    if not good or not all(_whole(value) for name, value in result.items() if name != "hotfix"):
        raise CatalogueError(file, f"{key}.result", expected)


def _check_applies(file: str, key: str, windows: bool, value: Any) -> None:
    if not windows:
        if value is not None:
            raise CatalogueError(file, f"{key}.applies", "null is expected for an update of Exchange")
        return
    good = isinstance(value, dict) and set(value) == {"os", "os_service_pack"}
    good = good and all(isinstance(value[name], list) and value[name] for name in value)
    if not good or not set(value["os"]) <= set(_SYSTEMS) or not all(map(_whole, value["os_service_pack"])):
        expected = "{os: [...], os_service_pack: [...]} with " + ", ".join(_SYSTEMS) + " and whole numbers is expected"
        raise CatalogueError(file, f"{key}.applies", expected)


def _check_requires(file: str, key: str, needs: Any) -> None:
    good = isinstance(needs, list)
    for need in needs if good else []:
        good = good and isinstance(need, dict) and set(need) == {"update", "on"}
        good = good and isinstance(need["update"], str) and need["on"] in ("cluster", "any")
    if not good:
        expected = "a list of {update: KEY, on: cluster} is expected; on is cluster or any"
        raise CatalogueError(file, f"{key}.requires", expected)


def _check_from(file: str, key: str, levels: Any) -> None:
    good = isinstance(levels, list)
    for level in levels if good else []:
        good = good and isinstance(level, dict) and bool(level) and set(level) <= {"service_pack", "build", "hotfix"}
        good = good and all(_whole(level[name]) for name in ("service_pack", "build") if name in level)
        good = good and ("hotfix" not in level or _is_hotfix(level["hotfix"]))
    if not good:
        raise CatalogueError(
            file, f"{key}.from", "a list of levels such as {service_pack: 1} is expected (also build, hotfix)"
        )


def _check_package(file: str, key: str, package: dict[str, Any]) -> None:
    _no_others(file, f"{key}.package", package, set(PACKAGE))
    for name in ("file", "path"):
        value = package[name]
        good = value is None or (isinstance(value, str) and bool(value) and not set(value) & set('"%!\r\n'))
        if not good:
            raise CatalogueError(file, f"{key}.package.{name}", 'a path without the characters " % ! is expected')
    if package["file"] and set(package["file"]) & set("\\/:"):
        raise CatalogueError(file, f"{key}.package.file", "a file name without a folder is expected")
    digest = package["sha256"]
    if digest is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", str(digest)):
        raise CatalogueError(file, f"{key}.package.sha256", "64 hexadecimal digits are expected")
    if package["size"] is not None and not _whole(package["size"]):
        raise CatalogueError(file, f"{key}.package.size", "a number of bytes is expected")
    if package["verify"] not in ("sha256", "size"):
        raise CatalogueError(file, f"{key}.package.verify", "sha256 or size is expected")
    if not isinstance(package["languages"], list):
        raise CatalogueError(file, f"{key}.package.languages", "a list is expected")


def _check_log(
    file: str, key: str, log: dict[str, Any], texts: Callable[[Any], bool], text_or_null: Callable[[Any], bool]
) -> None:
    _no_others(file, f"{key}.log", log, set(LOG))
    for name in ("path", "in_use", "ignore"):
        if not text_or_null(log[name]):
            raise CatalogueError(file, f"{key}.log.{name}", "a text or null is expected")
    for name in ("success", "failure", "final"):
        if not texts(log[name]):
            raise CatalogueError(file, f"{key}.log.{name}", "a list of phrases is expected")
    if log["path"]:
        _check_placeholders(file, f"{key}.log.path", log["path"], frozenset({"folder"}))


def _check_placeholders(file: str, key: str, template: str, known: frozenset[str]) -> None:
    expected = "no placeholder but " + ", ".join("{" + name + "}" for name in sorted(known)) + " is expected"
    try:
        fields = [(name, spec, conversion) for unused, name, spec, conversion in string.Formatter().parse(template)]
    except ValueError as error:
        raise CatalogueError(file, key, f"{expected} (and a brace itself is written twice)") from error
    for name, spec, conversion in fields:
        if name is not None and (name not in known or spec or conversion):
            raise CatalogueError(file, key, expected)


def _no_others(file: str, key: str, given: Mapping[str, Any], known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise CatalogueError(file, f"{key}.{name}", f"this key is unknown; {', '.join(sorted(known))} are known")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_hotfix(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"KB\d{6,7}[a-z]?", value))

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and programs that keep an update from being installed: which of a host's are among them. Pure.

KB 328839 (G9): antivirus is closed, and services and programs that are not essential are stopped, before the update.
What is known stands in data/interfering.yml, each with its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..hosts.errors import Refused

ACTIVE = frozenset({"running", "start_pending", "continue_pending", "pause_pending", "paused"})
"""States of a service whose program is loaded."""


@cache
def known() -> dict[str, Any]:
    """The table of what interferes (data/interfering.yml)."""
    with Path(__file__).with_name("data").joinpath("interfering.yml").open(encoding="utf-8") as file:
        table: dict[str, Any] = yaml.safe_load(file)
    return table


def interfering(
    services: Mapping[str, Mapping[str, Any]], extra: Iterable[str] = (), keep: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return the running services to be stopped for an update, in the order of the alphabet.

    ``services``: short name -> ``display_name``, ``state``, ``start_type`` (state in the words of ``hosts.models``).
    ``extra``: names or patterns of the operator's own; ``keep``: names or patterns that are never stopped, which wins.
    The result: short name -> ``display_name``, ``start_type``, ``why``. Services that were not running are left
    alone, those that do not obey the service control manager are in ``unstoppable``. Raises Refused for an ``extra``
    that names a service which the update itself needs.
    """
    named, kept = list(extra), list(keep)
    _check_extra(named)
    found = {}
    for name, service, entry in _active(services, named):
        if entry.get("control", True) and not _one_of(name, kept):
            found[name] = _described(name, service, entry)
    return found


def unstoppable(services: Mapping[str, Mapping[str, Any]], keep: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the known interfering services that run and are not going to be stopped, as ``interfering`` does.

    Either they do not obey the service control manager, or the operator keeps them; ``kept`` says which.
    """
    kept = list(keep)
    found = {}
    for name, service, entry in _active(services, []):
        held = _one_of(name, kept)
        if held or not entry.get("control", True):
            found[name] = {**_described(name, service, entry), "kept": held}
    return found


def programs(
    processes: Iterable[str], services: Mapping[str, Mapping[str, Any]], keep: Iterable[str] = ()
) -> dict[str, str]:
    """Return the known interfering programs that no running service explains: image name -> why.

    ``processes``: image names. ``keep``: image names or patterns that the operator lets run. What a service explains
    goes away with the service.
    """
    kept = list(keep)
    running = [name for name, service in services.items() if service.get("state") in ACTIVE]
    found = {}
    for image in sorted(set(processes), key=str.casefold):
        entry = next((each for each in known()["programs"] if _like(image, each["image"])), None)
        if entry is None or _one_of(image, kept) or any(_one_of(name, entry["services"]) for name in running):
            continue
        found[image] = str(known()["kinds"][entry["kind"]])
    return found


def monitors(processes: Iterable[str], keep: Iterable[str] = ()) -> dict[str, str]:
    """Return the programs that reach servers with Exchange 5.5 from another computer too: image name -> why.

    ``processes``: image names of any computer. ``keep``: as for ``programs``.
    """
    kept = list(keep)
    found = {}
    for image in sorted(set(processes), key=str.casefold):
        entry = next((each for each in known()["monitors"] if _like(image, each["image"])), None)
        if entry is not None and not _one_of(image, kept):
            found[image] = str(entry["why"])
    return found


def _active(
    services: Mapping[str, Mapping[str, Any]], extra: list[str]
) -> Iterator[tuple[str, Mapping[str, Any], dict[str, Any]]]:
    for name in sorted(services, key=str.casefold):
        service = services[name]
        if service.get("state") not in ACTIVE or _one_of(name, known()["never"]):
            continue
        entry = _entry(name, str(service.get("display_name") or ""))
        if _one_of(name, extra):
            entry = {"kind": "site"} if entry is None else {**entry, "control": True}
        if entry is not None:
            yield name, service, entry


def _entry(name: str, display: str) -> dict[str, Any] | None:
    for entry in known()["services"]:
        value, pattern = (name, entry["name"]) if "name" in entry else (display, entry["display"])
        if _like(value, pattern):
            return dict(entry)
    return None


def _described(name: str, service: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "display_name": str(service.get("display_name") or name),
        "start_type": service.get("start_type"),
        "why": str(known()["kinds"][entry["kind"]]),
    }


def _check_extra(extra: list[str]) -> None:
    for name in extra:
        if not name.strip() or not name.strip("*?"):
            raise Refused(
                f"mailops_exchange_interfering_services: {name!r} is no name of a service",
                remedy="Give short names of services, or patterns such as Acme*.",
            )
        protected = next((each for each in known()["never"] if _like(name, each)), None)
        if protected is not None:
            raise Refused(
                f"mailops_exchange_interfering_services: {name} is not stopped by hand, the update or the run needs it",
                remedy="Take it out of the list: the installer stops Exchange's own services itself.",
            )


def _one_of(name: str, patterns: Iterable[str]) -> bool:
    return any(_like(name, pattern) for pattern in patterns)


def _like(name: str, pattern: str) -> bool:
    return fnmatchcase(name.casefold(), pattern.casefold())

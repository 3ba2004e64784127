# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Products, builds and service pack levels of Exchange."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

# Tolerant of translated words: "Versione 6.5 (build 7638.2: Service Pack 2)" has been seen (KB 328839).
_SERIAL = re.compile(r"(\d+\.\d+) \(\D*(\d+)\.(\d+)(?:\D+(\d+))?\D*\)")


@dataclass(frozen=True)
class Serial:
    """What a server's ``serialNumber`` in the directory says; ``product`` is None for an unknown version."""

    product: str | None
    version: str
    build: int
    revision: int
    service_pack: int


DATA = Path(__file__).with_name("data")


@cache
def load_data(name: str) -> Any:
    """A data file of this package, read once: nobody changes what is returned."""
    with (DATA / name).open(encoding="utf-8") as file:
        return yaml.safe_load(file)


@cache
def products() -> dict[str, dict[str, Any]]:
    """The table of products (data/builds.yml)."""
    table: dict[str, dict[str, Any]] = load_data("builds.yml")
    return table


def product_of_version(version: str) -> str | None:
    """``6.5`` -> ``2003``."""
    return next((name for name, entry in products().items() if entry["version"] == version), None)


def product_of_services_version(number: int) -> str | None:
    """The registry's ``Services Version`` (65) -> ``2003``."""
    return next((name for name, entry in products().items() if entry["services_version"] == number), None)


def version_of(product: str) -> str:
    """``2003`` -> ``6.5``."""
    return str(products()[product]["version"])


def service_pack_of(product: str, build: int) -> int | None:
    """The service pack that a build belongs to, by range; None below the first known build."""
    levels: dict[int, int] = products().get(product, {}).get("levels", {})
    reached = [level for level, first in levels.items() if build >= first]
    return max(reached) if reached else None


def first_build(product: str, service_pack: int) -> int | None:
    """The build that a service pack brings; None where it is not known."""
    build = products().get(product, {}).get("levels", {}).get(service_pack)
    return int(build) if build is not None else None


def parse_serial(text: str) -> Serial | None:
    """Read ``Version 6.5 (Build 7638.2: Service Pack 2)``; None where the text is of another form.

    A string without a service pack is RTM (documented), so its level is 0.
    """
    match = _SERIAL.search(text)
    if not match:
        return None
    return Serial(
        product=product_of_version(match[1]),
        version=match[1],
        build=int(match[2]),
        revision=int(match[3]),
        service_pack=int(match[4] or 0),
    )


def store_difference(
    product: str, service_pack: int, hotfixes: Iterable[str], version: str, build: int | None = None
) -> str | None:
    """What of a level the version of ``store.exe`` contradicts, in words; None where it fits.

    ``version``: ``6.5.7638.1``. The file must be at least of the version that the level and each of ``hotfixes``
    brings, and not yet of the next service pack; where the level's file version is not known, its build has to lie in
    the range of the level. ``build``: one that is expected beyond that. A text that is no version fits nothing.
    """
    found = version_tuple(version)
    entry = products().get(product)
    if entry is None or len(found) != 4:
        return f"store.exe has the version {version}, which is none of Exchange {product}"
    if ".".join(map(str, found[:2])) != entry["version"]:
        return f"store.exe has the version {version}, which is none of Exchange {product} ({entry['version']})"
    least = [(entry["store"].get(service_pack), f"service pack {service_pack}" if service_pack else "no service pack")]
    known = entry["store_hotfixes"].get(service_pack, {})
    least += [(known.get(hotfix), hotfix) for hotfix in hotfixes]
    for wanted, name in least:
        if wanted and found < version_tuple(str(wanted)):
            return f"store.exe has the version {version}, and {name} brings {wanted}"
    first = max(first_build(product, service_pack) or 0, build or 0)
    if found[2] < first:
        return f"store.exe has the version {version}, and build {first} or later is expected"
    following = first_build(product, service_pack + 1)
    if following is not None and found[2] >= following:
        return f"store.exe has the version {version}, which is of a later service pack than {service_pack}"
    return None


def version_tuple(text: str) -> tuple[int, ...]:
    """``6.5.7638.1`` -> (6, 5, 7638, 1); empty for another text."""
    parts = text.split(".")
    return tuple(map(int, parts)) if parts and all(part.isdecimal() and part.isascii() for part in parts) else ()


def normal_hotfix(name: str) -> str | None:
    """``885882``, ``Q278518``, ``kb912442`` -> ``KB885882`` ...; None for what is no hotfix number.

    A letter at the end (842436a, one of three packages of one bulletin) is part of the name.
    """
    match = re.fullmatch(r"(?:KB|Q)?(\d{6,7})([a-z]?)", name.strip(), re.IGNORECASE)
    return f"KB{match[1]}{match[2].lower()}" if match else None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of updates: our own data file with the site's files merged over it, checked as a whole."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ..hosts.errors import Refused
from .catalogue_check import DEFAULTS, LOG, PACKAGE, CatalogueError, check

__all__ = [
    "STAGING_ROOT",
    "CatalogueError",
    "applies",
    "fill",
    "fill_folder",
    "load",
    "log_path",
    "merge",
    "package_given",
    "staging_folder",
    "with_required",
]

STAGING_ROOT = r"C:\mailops"
"""Folder on a host below which each update has a folder of its own."""


class _Loader(yaml.SafeLoader):
    """YAML that takes no key twice: the second would silently win."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, unused in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key} stands here twice", key_node.start_mark)
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(paths: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """All updates by id, every field filled in, each with its ``id``.

    Files are YAML mappings of update ids; those in ``paths`` are merged over ours in their order, mappings
    key by key, everything else as a whole. Raises ``CatalogueError``.
    """
    own = Path(__file__).with_name("data") / "updates.yml"
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for path in (str(own), *paths):
        for key, entry in _read(path).items():
            merged[key] = merge(merged[key], entry) if key in merged else copy.deepcopy(entry)
            origin[key] = path
    updates = {key: _complete(origin[key], key, entry) for key, entry in merged.items()}
    for key, update in updates.items():
        for index, need in enumerate(update["requires"]):
            if need["update"] not in updates or need["update"] == key:
                raise CatalogueError(
                    origin[key],
                    f"{key}.requires[{index}].update",
                    "the id of another update of the catalogue is expected",
                )
    return updates


def with_required(known: Mapping[str, dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """The entries of these updates, each after those that it requires and that a package is given for.

    An entry that is there only because another one requires it has ``prerequisite`` true. ``keys`` must be known.
    """
    found: dict[str, dict[str, Any]] = {}

    def add(key: str, above: tuple[str, ...]) -> None:
        if key in found:
            return
        for need in known[key]["requires"]:
            if need["update"] not in above and (need["update"] in keys or package_given(known[need["update"]])):
                add(need["update"], (*above, key))
        found[key] = {**known[key], "prerequisite": key not in keys}

    for key in keys:
        add(key, ())
    return list(found.values())


def package_given(update: Mapping[str, Any]) -> bool:
    """Whether the site says where the update's package is."""
    return bool(update["package"]["path"])


def programs(update: Mapping[str, Any]) -> set[str]:
    """The image names, in small letters, of what runs while the update is installed: its processes and its package."""
    package = update.get("package") or {}
    files = [str(package[key]).replace("/", "\\") for key in ("file", "path") if package.get(key)]
    return {name.lower() for name in (*(update.get("processes") or []), *(file.rpartition("\\")[2] for file in files))}


def applies(update: Mapping[str, Any], exchange: Mapping[str, Any]) -> bool:
    """Whether an update is made for a host (see ``read_exchange``): its Exchange and edition, or its Windows."""
    if update["kind"] != "windows_hotfix":
        return exchange.get("product") == update["product"] and update["edition"] in (None, exchange.get("edition"))
    system, wanted = exchange.get("os") or {}, update["applies"]
    return system.get("name") in wanted["os"] and system.get("service_pack") in wanted["os_service_pack"]


def merge(below: Any, above: Any) -> Any:
    """``above`` over ``below``: mappings key by key, everything else as a whole."""
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        result = {key: copy.deepcopy(value) for key, value in below.items()}
        for key, value in above.items():
            result[key] = merge(result[key], value) if key in result else copy.deepcopy(value)
        return result
    return copy.deepcopy(above)


def staging_folder(update: Mapping[str, Any]) -> str:
    r"""The update's own folder on a host: ``C:\mailops\<update id>``."""
    return f"{STAGING_ROOT}\\{update['id']}"


def log_path(update: Mapping[str, Any]) -> str | None:
    """Where the installer's log is on a host."""
    path = update["log"]["path"]
    return path.format(folder=staging_folder(update)) if path else None


def fill(template: str, update: Mapping[str, Any], package: str) -> str:
    """A command line of the catalogue with its placeholders filled in."""
    try:
        return template.format(package=package, folder=staging_folder(update), log=log_path(update) or "")
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise CatalogueError(
            "(command line)", template, "no placeholder but {folder}, {log}, {package} is expected"
        ) from error


def fill_folder(line: str | None, folder: str, title: str, variable: str) -> str:
    """The site's own command line for the setup of ``title`` with {folder} filled in.

    Refused where the site gives none in ``variable``, or for another placeholder.
    """
    if not line:
        raise Refused(
            f"no command line is known that upgrades {title} without a person",
            remedy=f"Use the method operator, or give the site's own command line ({variable}).",
        )
    try:
        return line.format(folder=folder)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise Refused(
            f"the command line for the setup of {title} holds an unknown placeholder: {error}",
            remedy="Write {folder} only, and a brace itself twice.",
        ) from error


@lru_cache(maxsize=32)
def _yaml(path: str, changed: int, size: int) -> Any:
    """What a file holds, read once as long as it stays the same; whoever takes it copies it."""
    with Path(path).open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_Loader)


def _read(path: str) -> dict[str, Any]:
    try:
        state = Path(path).stat()
        content = _yaml(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise CatalogueError(path, "(file)", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(path, "(file)", "UTF-8 is expected") from error
    except yaml.YAMLError as error:
        raise CatalogueError(path, "(file)", f"YAML is expected: {' '.join(str(error).split())}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CatalogueError(path, "(file)", "a mapping of update ids is expected")
    for key, entry in content.items():
        if not isinstance(key, str) or not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", key):
            raise CatalogueError(path, str(key), "an update id of small letters, digits, dots and hyphens is expected")
        if not isinstance(entry, dict):
            raise CatalogueError(path, key, "a mapping is expected")
    return content


def _complete(file: str, key: str, entry: dict[str, Any]) -> dict[str, Any]:
    update = {**copy.deepcopy(DEFAULTS), **entry, "id": key}
    for name, defaults in (("package", PACKAGE), ("log", LOG)):
        given = update.get(name)
        if given is not None and not isinstance(given, dict):
            raise CatalogueError(file, f"{key}.{name}", "a mapping is expected")
        update[name] = {**copy.deepcopy(defaults), **(given or {})}
    if isinstance(update["requires"], list):
        # YAML 1.1 takes a bare "on" for true.
        update["requires"] = [
            {"on" if name is True else name: value for name, value in need.items()} if isinstance(need, dict) else need
            for need in update["requires"]
        ]
    check(file, key, update)
    update["exit_codes"] = {code: {"restart": False, **meaning} for code, meaning in update["exit_codes"].items()}
    return update

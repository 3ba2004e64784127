# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of a host: values that were written, and views of the simulated system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import Win32Error

if TYPE_CHECKING:
    from .host import Host

#: Data of a value: text (REG_SZ, REG_EXPAND_SZ), number (REG_DWORD), list of texts (REG_MULTI_SZ), bytes (REG_BINARY).
Data = str | int | list[str] | bytes
Values = dict[str, tuple[str, Data]]
#: Keys and their values, by full path below the root.
Tree = dict[str, Values]

FILE_NOT_FOUND, ACCESS_DENIED = 2, 5
ROOTS = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}


@dataclass
class Key:
    """A key: its name as written, values by name in small letters, and keys below it."""

    name: str
    values: dict[str, tuple[str, str, Data]] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)

    def below(self, parts: list[str]) -> Key | None:
        """Return the key at that path, or None."""
        found: Key | None = self
        for part in parts:
            found = found.keys.get(part.lower()) if found else None
        return found

    def make(self, parts: list[str]) -> Key:
        """Return the key at that path; makes what is missing."""
        found = self
        for part in parts:
            below = found.keys.get(part.lower())
            if below is None:
                below = found.keys[part.lower()] = Key(part)
            found = below
        return found


def split_key(path: str) -> list[str]:
    """Split a path into the long root name and the keys; raises Win32Error 2 for an unknown root."""
    parts = [part for part in path.strip().strip('"').split("\\") if part]
    root = parts[0].upper() if parts else ""
    root = ROOTS.get(root, root)
    if root not in ROOTS.values():
        raise Win32Error(FILE_NOT_FOUND, path)
    return [root, *parts[1:]]


class Registry:
    """The registry of one host. `views` give the parts that show the simulated system, each with the key above
    them; they cannot be written.
    """

    def __init__(self, host: Host, views: list[tuple[str, Callable[[Host], Tree]]]) -> None:
        self._host = host
        self._views = [([part.lower() for part in split_key(top)], view) for top, view in views]
        self._written = Key("")
        self._standing: dict[tuple[int, ...], Key] | None = None

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within the block the views are taken once: for a program that reads many keys at one moment."""
        before, self._standing = self._standing, {}
        try:
            yield
        finally:
            self._standing = before

    def exists(self, path: str) -> bool:
        """Whether the key is there."""
        parts = split_key(path)
        return any(root.below(parts) is not None for root in self._layers(parts))

    def keys(self, path: str) -> list[str]:
        """Return the names of the keys below; raises Win32Error 2 when the key is missing."""
        names: dict[str, str] = {}
        for key in self._found(path):
            for name, child in key.keys.items():
                names.setdefault(name, child.name)
        return [names[name] for name in sorted(names)]

    def values(self, path: str) -> Values:
        """Return name -> (type, data) of a key ("" is its default value); raises Win32Error 2 when it is missing."""
        result: dict[str, tuple[str, str, Data]] = {}
        for key in self._found(path):
            result.update(key.values)
        return {name: (kind, data) for name, kind, data in result.values()}

    def value(self, path: str, name: str) -> tuple[str, Data] | None:
        """Return (type, data) of one value, its name in any case, or None."""
        if not self.exists(path):
            return None
        for found, value in self.values(path).items():
            if found.lower() == name.lower():
                return value
        return None

    def canonical(self, path: str) -> str:
        """Return the path with the long root name and the case in which the keys were made."""
        names: list[str] = []
        parts = split_key(path)
        layers = self._layers(parts)
        for length in range(1, len(parts) + 1):
            for layer in layers:
                key = layer.below(parts[:length])
                if key is not None:
                    names.append(key.name)
                    break
            else:
                raise Win32Error(FILE_NOT_FOUND, path)
        return "\\".join(names)

    def set(self, path: str, name: str, kind: str, data: Data) -> None:
        """Write a value, making the keys; raises Win32Error 5 below HKLM\\Cluster."""
        parts = self._writable(path)
        self._written.make(parts).values[name.lower()] = (name, kind, data)
        self._host.world.changed()

    def create(self, path: str) -> None:
        """Make a key, and those above it; raises Win32Error 5 below HKLM\\Cluster."""
        self._written.make(self._writable(path))
        self._host.world.changed()

    def delete(self, path: str, name: str | None = None) -> None:
        """Delete a value, or a key with all below it; raises Win32Error 2 when missing, 5 when it is a view."""
        parts = self._writable(path)
        key = self._written.below(parts)
        if name is not None:
            if key is None or name.lower() not in key.values:
                raise Win32Error(ACCESS_DENIED if self.value(path, name) else FILE_NOT_FOUND, path)
            del key.values[name.lower()]
        else:
            if key is None:
                raise Win32Error(ACCESS_DENIED if self.exists(path) else FILE_NOT_FOUND, path)
            parent = self._written.below(parts[:-1])
            if parent is not None:
                del parent.keys[parts[-1].lower()]
        self._host.world.changed()

    # -- inside

    def _writable(self, path: str) -> list[str]:
        parts = split_key(path)
        if [part.lower() for part in parts[1:2]] == ["cluster"] or len(parts) < 2:
            raise Win32Error(ACCESS_DENIED, path)
        return parts

    def _layers(self, parts: list[str]) -> list[Key]:
        """What is shown and what was written; views that lie beside the path are left out."""
        lowered = [part.lower() for part in parts]
        taken = []
        for number, (top, unused) in enumerate(self._views):
            shared = min(len(top), len(lowered))
            if top[:shared] == lowered[:shared]:
                taken.append(number)
        known = None if self._standing is None else self._standing.get(tuple(taken))
        seen = known or self._seen(taken)
        if self._standing is not None:
            self._standing[tuple(taken)] = seen
        return [seen, self._written]

    def _seen(self, taken: list[int]) -> Key:
        seen = Key("")
        for number in taken:
            for path, values in self._views[number][1](self._host).items():
                key = seen.make(split_key(path))
                key.values.update({name.lower(): (name, kind, data) for name, (kind, data) in values.items()})
        for root in ROOTS.values():
            seen.make([root])
        return seen

    def _found(self, path: str) -> list[Key]:
        parts = split_key(path)
        found = [key for key in (layer.below(parts) for layer in self._layers(parts)) if key is not None]
        if not found:
            raise Win32Error(FILE_NOT_FOUND, path)
        return found

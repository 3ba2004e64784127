# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's files as one process sees them: its current directory, its credentials, patterns."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import Win32Error

if TYPE_CHECKING:
    from ..files import Entry
    from ..world import Context


class Disk:
    """Files by paths as they are typed; errors are Win32Error."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._files = context.host.files

    def resolve(self, path: str) -> str:
        """The full path. Raises Win32Error 123 for a name with characters that no file can have."""
        return self._files.absolute(path, self.context)

    def resolve_pattern(self, path: str) -> str:
        """The full path of something whose last part can be a pattern."""
        parent, mask = split_last(path)
        if "*" in mask or "?" in mask:
            return self.resolve(parent or ".").rstrip("\\") + "\\" + mask
        return self.resolve(path)

    def holding(self, paths: Iterable[str]) -> AbstractContextManager[None]:
        """Within the block these files are open for writing; full paths."""
        return self._files.holding(paths)

    def entry(self, path: str) -> Entry:
        """The file or directory. Raises Win32Error (2, 3, 5, 53, 67, 1326 ...)."""
        return self._files.entry(path, self.context)

    def find(self, path: str) -> Entry | None:
        """The file or directory, or None."""
        try:
            return self._files.find(path, self.context)
        except Win32Error:
            return None

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory."""
        return self.find(path) is not None

    def is_dir(self, path: str) -> bool:
        """Whether it is a directory."""
        found = self.find(path)
        return found is not None and found.is_dir

    def is_file(self, path: str) -> bool:
        """Whether it is a file."""
        found = self.find(path)
        return found is not None and not found.is_dir

    def entries(self, path: str) -> list[Entry]:
        """What is in a directory, by name."""
        return self._files.entries(path, self.context)

    def glob(self, pattern: str) -> list[str]:
        """The names that a pattern in its last part stands for; none when the directory is missing."""
        parent, mask = split_last(pattern)
        if "*" not in mask and "?" not in mask:
            found = self.find(pattern)
            return [found.name or mask] if found else []
        try:
            names = [entry.name for entry in self.entries(parent or ".")]
        except Win32Error:
            return []
        return [name for name in names if matches(name, mask)]

    def matches(self, pattern: str) -> bool:
        """Whether a file, a directory or at least one name of a pattern exists (``if exist``)."""
        if "*" in pattern or "?" in pattern:
            return bool(self.glob(pattern))
        if pattern.lower() == "nul" or pattern.lower().endswith("\\nul"):
            return pattern.lower() == "nul" or self.is_dir(pattern[:-4] or "\\")
        found = self.find(pattern)
        # A path that ends in a backslash can only be a directory.
        return found is not None and (found.is_dir or not pattern.endswith(("\\", "/")))

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return self._files.read(path, self.context)

    def write(self, path: str, data: bytes) -> None:
        """Write a file anew."""
        self._files.write(path, data, self.context)

    def append(self, path: str, data: bytes) -> None:
        """Append to a file."""
        self._files.append(path, data, self.context)

    def copy(self, source: str, target: str) -> None:
        """Copy a file at once."""
        self._files.copy(source, target, self.context)

    def write_part(self, target: str, size: int) -> None:
        """A file of which only ``size`` bytes have arrived yet."""
        self._files.write_virtual(target, size, context=self.context)

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._files.delete(path, self.context)

    def remove_dir(self, path: str, *, tree: bool) -> None:
        """Remove a directory."""
        self._files.remove_dir(path, tree, self.context)

    def rename(self, path: str, target: str) -> None:
        """Rename or move."""
        self._files.rename(path, target, self.context)

    def make_dir(self, path: str) -> None:
        """Make a directory and those above it."""
        self._files.make_dir(path, self.context)

    def free_bytes(self, path: str) -> int:
        """Free space of the drive."""
        return self._files.free_bytes(path, self.context)

    def modify(self, value: str, letters: str) -> str:
        """``%~fI`` and its relatives: parts and properties of the file that a value names ([V] ``for /?``)."""
        plain = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value.lstrip('"')
        if not letters:
            return plain
        try:
            full = self.resolve(plain) if plain else self.context.cwd
        except Win32Error:
            full = plain
        found = self.find(full) if plain else None
        folder, name = split_last(full)
        stem, dot, extension = name.rpartition(".")
        if not dot:
            stem, extension = name, ""
        drive = full[:2] if full[1:2] == ":" else ""
        parts: list[str] = []
        if "a" in letters:
            parts.append(("d--------" if found.is_dir else "--a------") if found else "")
        if "t" in letters:
            parts.append(stamp(found.modified) if found else "")
        if "z" in letters:
            parts.append(str(found.size) if found else "")
        path = ""
        if "f" in letters:
            path = full
        else:
            path += drive if "d" in letters else ""
            path += folder[len(drive) :] if "p" in letters else ""
            path += stem if "n" in letters else ""
            path += dot + extension if "x" in letters else ""
        return " ".join(part for part in [*parts, path] if part)


def split_last(path: str) -> tuple[str, str]:
    """Split a path into all up to the last backslash (or drive colon) and the last name."""
    path = path.replace("/", "\\")
    cut = path.rfind("\\") + 1
    if not cut and path[1:2] == ":":
        cut = 2
    return path[:cut], path[cut:]


def matches(name: str, mask: str) -> bool:
    """Whether a name fits a pattern; ``*.*`` fits every name, also one without a dot."""
    mask = mask.lower()
    if mask == "*.*":
        return True
    if mask.endswith(".*") and "." not in name:
        mask = mask[:-2]
    expression = re.sub(r"\[", "[[]", mask)
    return fnmatch.fnmatchcase(name.lower(), expression)


def stamp(moment: float) -> str:
    """A time as ``dir`` shows it with US settings: ``11/22/2026  04:05 PM``."""
    return datetime.fromtimestamp(moment, tz=UTC).strftime("%m/%d/%Y  %I:%M %p")

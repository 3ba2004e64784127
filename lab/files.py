# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a host: drives, big files without content, and shares that need credentials.

Paths are Windows paths; case is kept and ignored. Every method takes an optional `context`: it gives the current
directory for relative paths, mapped drives, and the credentials for `\\\\server\\share` paths. Errors are Win32
codes: 2 file not found, 3 path not found, 5 access denied, 15 no such drive, 32 in use, 53 no such server, 67 no such
share, 80 exists, 112 disk full, 123 bad name, 145 directory not empty, 267 not a directory.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .content import sha256 as generated_sha256
from .errors import Win32Error

if TYPE_CHECKING:
    from .world import Context, World

FILE_NOT_FOUND, PATH_NOT_FOUND, ACCESS_DENIED, INVALID_DRIVE = 2, 3, 5, 15
BAD_NETPATH, BAD_NET_NAME, FILE_EXISTS, DISK_FULL = 53, 67, 80, 112
INVALID_NAME, DIR_NOT_EMPTY, NOT_A_DIRECTORY = 123, 145, 267
SHARING_VIOLATION = 32


@dataclass
class Entry:
    """A file or a directory. A virtual file has a size, but no content (`content` is None).

    What is read of it over the network is made from its `seed`; its hash is that of this, unless one was given.
    """

    name: str
    is_dir: bool = False
    content: bytes | None = b""
    virtual_size: int = 0
    virtual_sha256: str = ""
    tag: dict[str, Any] = field(default_factory=dict)
    modified: float = 0.0
    seed: str = ""
    children: dict[str, Entry] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Size in bytes; 0 for a directory."""
        return self.virtual_size if self.content is None else len(self.content)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, in small hexadecimal digits."""
        if self.content is not None:
            return hashlib.sha256(self.content).hexdigest()
        return self.virtual_sha256 or generated_sha256(self.seed, self.virtual_size, str(self.tag.get("version", "")))

    def walk(self) -> Iterator[Entry]:
        """This entry and everything below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


@dataclass
class Volume:
    """A drive or the directory behind a share."""

    capacity: int = 36 * 2**30
    root: Entry = field(default_factory=lambda: Entry("", is_dir=True))

    @property
    def free_bytes(self) -> int:
        """Free space in bytes."""
        return self.capacity - sum(entry.size for entry in self.root.walk())


@dataclass
class Share:
    """A directory that a server offers; `readers` are the accounts that may read it (capital letters)."""

    server: str
    name: str
    volume: Volume
    folder: str = ""
    readers: set[str] = field(default_factory=set)
    writable: bool = False


def split_path(path: str) -> tuple[str, list[str]]:
    """Split an absolute path into its root (`C:` or `\\\\server\\share`) and its parts; "." and ".." are resolved."""
    root, parts = _split(path)
    return root, list(parts)


@lru_cache(maxsize=4096)
def _split(path: str) -> tuple[str, tuple[str, ...]]:
    path = path.strip().strip('"').replace("/", "\\")
    if path.startswith("\\\\"):
        words = [word for word in path[2:].split("\\") if word]
        if len(words) < 2:
            raise Win32Error(BAD_NETPATH, path)
        root, rest = f"\\\\{words[0]}\\{words[1]}", words[2:]
    elif path[1:2] == ":":
        root, rest = path[:2].upper(), path[2:].split("\\")
    else:
        raise Win32Error(PATH_NOT_FOUND, path)
    parts: list[str] = []
    for word in rest:
        if word == "..":
            del parts[-1:]
        elif word not in ("", "."):
            if any(char in word for char in '<>:"|?*'):
                raise Win32Error(INVALID_NAME, path)
            parts.append(word)
    return root, tuple(parts)


class Files:
    """The files of one host, and the way to those of others."""

    def __init__(self, world: World, server: str = "", on_change: Callable[[], object] | None = None) -> None:
        self._world = world
        self._server = server.upper()
        self._on_change = on_change or world.changed
        self.volumes: dict[str, Volume] = {"C:": Volume()}
        self._held: Counter[str] = Counter()
        #: Says of a full path whether a program runs from that file, so that nobody can replace it.
        self.runs: Callable[[str], bool] = lambda path: False

    # -- who has them open

    @contextmanager
    def holding(self, paths: Iterable[str]) -> Iterator[None]:
        """Within the block these files are open for writing, as the file of a redirection is; full paths."""
        names = [path.lower() for path in paths]
        self._held.update(names)
        try:
            yield
        finally:
            self._held.subtract(names)

    def held(self, path: str) -> bool:
        """Whether a running command writes into a file."""
        return self._held[path.lower()] > 0

    # -- reading

    def absolute(self, path: str, context: Context | None = None) -> str:
        """Return the absolute form of a path."""
        path = path.strip().strip('"').replace("/", "\\")
        cwd = context.cwd if context else "C:\\"
        if path.startswith("\\\\"):
            full = path
        elif path[1:2] == ":":
            same = cwd[:2].upper() == path[:2].upper()
            full = path if path[2:3] == "\\" else f"{cwd if same else path[:2]}\\{path[2:]}"
        elif path.startswith("\\"):
            full = cwd[:2] + path if cwd[1:2] == ":" else split_path(cwd)[0] + path
        else:
            full = f"{cwd}\\{path}"
        root, parts = split_path(full)
        return "\\".join([root, *parts]) if parts else root + "\\"

    def entry(self, path: str, context: Context | None = None) -> Entry:
        """Return the file or directory at `path`; raises Win32Error 2 or 3 when there is none."""
        volume, parts = self._locate(path, context)
        found = volume.root
        for number, part in enumerate(parts):
            child = found.children.get(part.lower())
            if child is None:
                raise Win32Error(FILE_NOT_FOUND if number == len(parts) - 1 else PATH_NOT_FOUND, path)
            found = child
        return found

    def find(self, path: str, context: Context | None = None) -> Entry | None:
        """Return the file or directory at `path`, or None when there is none or it cannot be reached."""
        try:
            return self.entry(path, context)
        except Win32Error:
            return None

    def exists(self, path: str, context: Context | None = None) -> bool:
        """Whether there is a file or directory at `path` (False also where it cannot be reached)."""
        return self.find(path, context) is not None

    def is_dir(self, path: str, context: Context | None = None) -> bool:
        """Whether `path` is a directory."""
        found = self.find(path, context)
        return found is not None and found.is_dir

    def listdir(self, path: str, context: Context | None = None) -> list[str]:
        """Return the names in a directory, in alphabetical order as NTFS keeps them."""
        return [entry.name for entry in self.entries(path, context)]

    def entries(self, path: str, context: Context | None = None) -> list[Entry]:
        """Return what is in a directory, in alphabetical order."""
        found = self.entry(path, context)
        if not found.is_dir:
            raise Win32Error(NOT_A_DIRECTORY, path)
        return [found.children[key] for key in sorted(found.children)]

    def read(self, path: str, context: Context | None = None) -> bytes:
        """Return the content of a file; of a big file without content its first two bytes, as a program has them."""
        found = self._file(path, context)
        return b"MZ" if found.content is None else found.content

    def size(self, path: str, context: Context | None = None) -> int:
        """Return the size of a file in bytes."""
        return self._file(path, context).size

    def sha256(self, path: str, context: Context | None = None) -> str:
        """Return the SHA-256 of a file in small hexadecimal digits."""
        return self._file(path, context).sha256

    def free_bytes(self, path: str = "C:\\", context: Context | None = None) -> int:
        """Return the free space of the drive or share that `path` is on."""
        return self._locate(path, context)[0].free_bytes

    # -- changing

    def write(self, path: str, data: bytes, context: Context | None = None) -> None:
        """Write a file anew; its directory must exist."""
        self._put(path, Entry("", content=bytes(data)), context)

    def append(self, path: str, data: bytes, context: Context | None = None) -> None:
        """Append to a file; makes it when there is none."""
        found = self.find(path, context)
        before = b"" if found is None or found.content is None else found.content
        tag = found.tag if found else {}
        self._put(path, Entry("", content=before + bytes(data), tag=tag), context)

    def write_virtual(
        self, path: str, size: int, sha256: str = "", tag: dict[str, Any] | None = None, context: Context | None = None
    ) -> None:
        """Write a big file that has a size and a hash, but no content; directories above it are made."""
        self.make_dirs(path.rpartition("\\")[0], context)
        entry = Entry("", content=None, virtual_size=size, tag=dict(tag or {}))
        entry.virtual_sha256, entry.seed = sha256, f"{path.rpartition(chr(92))[2].upper()}:{size}"
        self._put(path, entry, context)

    def copy(self, source: str, target: str, context: Context | None = None) -> None:
        """Copy a file; `target` is the new file's path. What kind of program it is goes along."""
        found = self._file(source, context)
        copied = Entry("", content=found.content, virtual_size=found.virtual_size, tag=dict(found.tag))
        copied.virtual_sha256, copied.seed = found.virtual_sha256, found.seed
        self._put(target, copied, context)

    def delete(self, path: str, context: Context | None = None) -> None:
        """Delete a file."""
        self._file(path, context)
        self._take(path, context)

    def remove_dir(self, path: str, tree: bool = False, context: Context | None = None) -> None:
        """Remove a directory; raises Win32Error 145 when it is not empty, unless `tree`."""
        found = self.entry(path, context)
        if not found.is_dir:
            raise Win32Error(NOT_A_DIRECTORY, path)
        if found.children and not tree:
            raise Win32Error(DIR_NOT_EMPTY, path)
        self._take(path, context)

    def rename(self, path: str, target: str, context: Context | None = None) -> None:
        """Rename or move a file or directory; a target without a directory stays in the same one.

        Raises Win32Error 80 when the target exists (`move` of cmd deletes a file there first).
        """
        found = self.entry(path, context)
        if not any(char in target for char in "\\/:"):
            target = self.absolute(path, context).rpartition("\\")[0] + "\\" + target
        there = self.find(target, context)
        if there is not None and there is not found:
            raise Win32Error(FILE_EXISTS, target)
        self._parent(target, context)
        self._take(path, context)
        parent, name = self._parent(target, context)
        found.name = name
        parent.children[name.lower()] = found

    def make_dir(self, path: str, context: Context | None = None) -> None:
        """Make a directory, and those above it as cmd's `mkdir` does; raises Win32Error 80 when it exists."""
        if self.exists(path, context):
            raise Win32Error(FILE_EXISTS, path)
        self.make_dirs(path, context)

    def make_dirs(self, path: str, context: Context | None = None) -> None:
        """Make a directory and those above it, where they are missing."""
        volume, parts = self._locate(path, context, writing=True)
        found = volume.root
        for part in parts:
            child = found.children.get(part.lower())
            if child is None:
                child = found.children[part.lower()] = Entry(part, is_dir=True, modified=self._world.clock.time)
            if not child.is_dir:
                raise Win32Error(PATH_NOT_FOUND, path)
            found = child
        self._on_change()

    # -- inside

    def _locate(self, path: str, context: Context | None, writing: bool = False) -> tuple[Volume, list[str]]:
        root, parts = split_path(self.absolute(path, context))
        if root.startswith("\\\\"):
            return self._share(root, parts, context, writing)
        volume = self.volumes.get(root)
        if volume is not None:
            return volume, parts
        mapped = context.host.mapped_drive(context, root) if context else None
        if mapped is None:
            raise Win32Error(INVALID_DRIVE if not parts else PATH_NOT_FOUND, path)
        return self._share(mapped, parts, context, writing)

    def _share(self, root: str, parts: list[str], context: Context | None, writing: bool) -> tuple[Volume, list[str]]:
        share = self._world.open_share(root, context, writing)
        below = [part for part in share.folder.split("\\") if part]
        return share.volume, below + parts

    def _file(self, path: str, context: Context | None) -> Entry:
        found = self.entry(path, context)
        if found.is_dir:
            raise Win32Error(ACCESS_DENIED, path)
        return found

    def _parent(self, path: str, context: Context | None) -> tuple[Entry, str]:
        volume, parts = self._locate(path, context, writing=True)
        if not parts:
            raise Win32Error(ACCESS_DENIED, path)
        found = volume.root
        for part in parts[:-1]:
            child = found.children.get(part.lower())
            if child is None or not child.is_dir:
                raise Win32Error(PATH_NOT_FOUND, path)
            found = child
        return found, parts[-1]

    def _put(self, path: str, entry: Entry, context: Context | None) -> None:
        parent, name = self._parent(path, context)
        there = parent.children.get(name.lower())
        if there is not None and there.is_dir:
            raise Win32Error(ACCESS_DENIED, path)
        if context is not None and self.runs(self.absolute(path, context)):
            raise Win32Error(SHARING_VIOLATION, path)
        volume = self._locate(path, context, writing=True)[0]
        if entry.size > 2**20 and entry.size - (there.size if there else 0) > volume.free_bytes:
            raise Win32Error(DISK_FULL, path)
        entry.name = there.name if there else name
        entry.modified = self._world.clock.time
        parent.children[name.lower()] = entry
        self._on_change()

    def _take(self, path: str, context: Context | None) -> None:
        parent, name = self._parent(path, context)
        del parent.children[name.lower()]
        self._on_change()

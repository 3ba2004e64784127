# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in big files that the model has no content for.

A file without content (`Entry.content` is None) still can be read over the network: its bytes are made from its seed,
and its SHA-256 is that of these bytes, so that a client which reads it back can compare.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

from .program_head import head
from .tables import table

if TYPE_CHECKING:
    from .files import Entry
    from .world import World

#: The content is one block, made from the seed, again and again; the first two bytes say that it is a program.
BLOCK = 65536


@cache
def _block(seed: str) -> bytes:
    digest = hashlib.sha256(seed.encode()).digest()
    return b"MZ" + hashlib.shake_256(digest).digest(BLOCK - 2)


@cache
def sha256(seed: str, size: int, version: str = "") -> str:
    """The SHA-256 of the content that belongs to a seed, a size and a program's version."""
    digest = hashlib.sha256()
    for place in range(0, size, BLOCK):
        digest.update(_generated(seed, size, version, place, BLOCK))
    return digest.hexdigest()


def _generated(seed: str, size: int, version: str, offset: int, count: int) -> bytes:
    """A part of the content that is made from a seed; where there is a version, it begins with a program's head."""
    count = max(0, min(count, size - offset))
    if not count:
        return b""
    block, start = _block(seed), offset % BLOCK
    if start + count <= BLOCK:
        whole = block[start : start + count]
    else:
        whole = (block[start:] + block * ((count + start) // BLOCK))[:count]
    first = head(version) if version else b""
    if offset < len(first) <= size:
        kept = first[offset : offset + count]
        whole = kept + whole[len(kept) :]
    return whole


def part(entry: Entry, offset: int, count: int) -> bytes:
    """A part of a file's content; empty beyond its end."""
    if entry.content is not None:
        return bytes(memoryview(entry.content)[offset : offset + count])
    return _generated(entry.seed, entry.virtual_size, str(entry.tag.get("version", "")), offset, count)


def recognise(world: World, entry: Entry) -> None:
    """A file that has come over the network may be a copy of an update package: then it is that program."""
    if entry.content is None:
        return
    sizes = {row["size"] for row in table("packages")["packages"].values()}
    sizes |= {package["size"] for package in world.updates}
    if len(entry.content) not in sizes:
        return
    digest = hashlib.sha256(entry.content).hexdigest()
    for key in world.packages.keys:
        package = world.packages.described(key)
        if package["size"] == len(entry.content) and world.packages.package(key)["sha256"] == digest:
            entry.content, entry.virtual_size = None, package["size"]
            entry.virtual_sha256, entry.seed = package.get("sha256", ""), package["seed"]
            entry.tag = {"package": key, "part": "archive" if package["kind"] == "service_pack" else "hotfix"}
            return

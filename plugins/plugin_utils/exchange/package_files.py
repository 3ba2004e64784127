# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packages where they come from, looked at without a connection to a share, which would change something.

A network logon has nothing to show to a second host, so a server cannot read a share before it has made a connection.
The machine that offers the share can, as its own files; and the control node can read its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..hosts.session import RegistryValues, Session
from .package import source_path

SHARES_KEY = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Shares"
"""A value for each share, whose lines are its parameters: ``Path=D:\\updates`` [R]."""
NAME_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName"

Files = dict[str, dict[str, Any]]
"""Path of a package, in small letters -> ``size`` (null: no such file) and ``sha256`` (null: not made)."""


def shared_here(
    session: Session,
    updates: Iterable[Mapping[str, Any]],
    registry: Mapping[str, RegistryValues | None],
    *,
    hashes: bool = True,
) -> Files:
    """The packages that lie on shares of this host, by its own files. ``registry``: what stands in the two keys.

    ``hashes``: whether they are made, for which a channel that copies files reads the whole file.
    """
    names = {_short(session.host), *_texts(registry.get(NAME_KEY), "computername")}
    shares = {name.casefold(): data for name, (unused, data) in (registry.get(SHARES_KEY) or {}).items()}
    found: Files = {}
    for update in updates:
        origin = source_path(update, None) or ""
        parts = origin[2:].split("\\") if origin.startswith("\\\\") else []
        if len(parts) < 3 or _short(parts[0]) not in names:
            continue
        folder = _folder(shares.get(parts[1].casefold()))
        if folder is None:
            continue
        path = "\\".join([folder.rstrip("\\"), *parts[2:]])
        size, wanted = session.file_size(path), update["package"]
        whole = hashes and size is not None and wanted["size"] in (None, size) and wanted["verify"] == "sha256"
        found[origin.casefold()] = {"size": size, "sha256": session.file_hash(path, "sha256") if whole else None}
    return found


def of_control_node(updates: Iterable[Mapping[str, Any]]) -> Files:
    """The packages that are files of the control node."""
    found: Files = {}
    for update in updates:
        origin = source_path(update, None) or ""
        if not origin.startswith("/"):
            continue
        found[origin.casefold()] = {"size": None, "sha256": None}
        try:
            with Path(origin).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[origin.casefold()] = {"size": file.tell(), "sha256": digest}
        except OSError:
            # It is not there, or cannot be read: the same for whoever wants to copy it.
            continue
    return found


def _short(name: str) -> str:
    """A computer's own name; an address stays as it is."""
    return name if name.replace(".", "").isdigit() else name.partition(".")[0].casefold()


def _folder(parameters: Any) -> str | None:
    """The folder of a share, from the lines of its value."""
    lines = parameters if isinstance(parameters, list) else []
    return next((line.partition("=")[2] for line in lines if line.casefold().startswith("path=")), None) or None


def _texts(values: RegistryValues | None, name: str) -> list[str]:
    return [str(data).casefold() for key, (unused, data) in (values or {}).items() if key.casefold() == name]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The Performance Optimizer of Exchange 5.5 on a cluster node: due after a service pack, and run by a person (C2).

No job of ours runs it there (Q278464). That somebody did shows in its log, to which it appends on the node on which it
was run [V]: so the log's size is noted after the service pack, and the optimizer is due until that has changed on one
of the nodes.
"""

from __future__ import annotations

from typing import Any

from ..hosts.errors import Unreadable
from ..hosts.session import Session
from .exchange55 import facts
from .host_notes import ROLL_FOLDER, read_json, remove_json, write_json
from .info import WINDOWS_KEY

PATH = rf"{ROLL_FOLDER}\optimizer-by-hand.json"


def mark(session: Session, update: str) -> bool:
    """Note that it is due after a service pack that was installed just now. False: noted already."""
    note = _read(session)
    if note is not None and note["update"] == update:
        return False
    write_json(session, PATH, {"update": update, "log": _size(session)})
    return True


def observe(session: Session) -> dict[str, Any] | None:
    """``update`` after which it is due, and whether it ``ran`` on this host since; None where nothing is noted."""
    note = _read(session)
    if note is None:
        return None
    size = _size(session)
    return {"update": note["update"], "ran": size not in (0, note["log"])}


def forget(session: Session) -> None:
    """Remove the note: it was run."""
    remove_json(session, PATH)


def _read(session: Session) -> dict[str, Any] | None:
    note = read_json(session, PATH)
    if note is not None and not (isinstance(note.get("update"), str) and isinstance(note.get("log"), int)):
        raise Unreadable(
            f"{PATH} of {session.host} does not say after which service pack the Performance Optimizer is due",
            remedy="Look at the file on the host; run the Performance Optimizer by hand, then delete the file",
        )
    return note


def _size(session: Session) -> int:
    """Size of its log; 0 where there is none."""
    values = {name.lower(): data for name, (unused, data) in (session.registry_many([WINDOWS_KEY])[0] or {}).items()}
    root = str(values.get("systemroot") or "").rstrip("\\")
    return (session.file_size(f"{root}\\{facts()['optimizer']['log']}") if root else None) or 0

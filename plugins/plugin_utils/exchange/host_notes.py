# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small JSON files on a host, in which a run tells a later one how things were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..hosts.errors import Unreadable
from ..hosts.session import Session
from .notes import FOLDER as ROLL_FOLDER
from .notes import note_lines

__all__ = ["ROLL_FOLDER", "read_json", "remove_json", "write_json"]


def read_json(session: Session, path: str) -> dict[str, Any] | None:
    """The object in a file; None where there is none. Raises Unreadable for another text."""
    text = session.read_text(path)
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreadable(
            f"{path} of {session.host} does not hold what a run of this collection writes there",
            remedy="Look at the file on the host, and delete it when it says nothing that is needed",
        )
    return found


def write_json(session: Session, path: str, content: Mapping[str, Any]) -> None:
    """Write an object to a file, with its folder. A reader sees the old content or the new one."""
    session.make_dir(path.rpartition("\\")[0])
    session.write_text(path, note_lines(content))


def remove_json(session: Session, path: str) -> None:
    """Remove a file; that it is not there is no error."""
    session.delete(path)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owned which group before the update, and who might own which virtual server: noted on the hosts themselves, so
that a later run finds it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ..hosts.errors import Refused, Unreadable
from ..hosts.session import Session

FOLDER = r"C:\mailops\roll"
"""Folder on a host for what belongs to a roll as a whole, not to one of its updates."""
PATH = FOLDER + r"\owners.json"
# Characters with a meaning for cmd.exe never reach it: JSON can write every character of a string as \uXXXX.
_SPECIAL = re.compile(r"[%!^&|<>]")

Note = dict[str, dict[str, Any]]
"""``owners``: group -> node; ``possible_owners``: group of a virtual server -> nodes that may own what holds it."""


def make_note(owners: Mapping[str, str], possible_owners: Mapping[str, list[str]] | None = None) -> Note:
    """The note as plain data."""
    return {"owners": dict(owners), "possible_owners": {g: list(nodes) for g, nodes in (possible_owners or {}).items()}}


def write_note(session: Session, note: Note) -> bool:
    """Write the note; False where the same one is there already.

    The first note is the one that counts, because a later run sees groups that were moved already: another
    one is never written over it (``Refused``).
    """
    existing = read_note(session)
    if existing is not None:
        if existing != note:
            raise Refused(
                f"{session.host} holds a note of other owners already: {words(existing)}",
                remedy=f"It says how the groups stood before the update: bring them there, or delete {PATH} if that is"
                " over.",
                note=existing,
            )
        return False
    session.make_dir(FOLDER)
    session.write_text(PATH, note_lines(note))
    return True


def read_note(session: Session) -> Note | None:
    """The note on the host; None where there is none. Raises ``Unreadable`` for what is no note of ours."""
    text = session.read_text(PATH)
    return None if text is None else parse_note(text)


def remove_note(session: Session) -> bool:
    """Remove the note; False where there was none."""
    if session.read_text(PATH) is None:
        return False
    session.delete(PATH)
    return True


def note_lines(note: Mapping[str, Any]) -> list[str]:
    """Plain JSON data as lines of ASCII without characters that mean something to cmd.exe."""
    text = json.dumps(note, ensure_ascii=True, indent=1, sort_keys=True)
    return [_SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in text.splitlines()]


def parse_note(text: str) -> Note:
    """The reverse of ``note_lines``; raises ``Unreadable`` for another text."""
    try:
        note = json.loads(text)
    except ValueError:
        note = None
    good = isinstance(note, dict) and set(note) == {"owners", "possible_owners"}
    good = good and all(isinstance(part, dict) for part in note.values())
    good = good and all(isinstance(node, str) for node in note["owners"].values())
    for nodes in note["possible_owners"].values() if good else []:
        good = good and isinstance(nodes, list) and all(isinstance(node, str) for node in nodes)
    if not good:
        raise Unreadable(
            f"{PATH} does not hold the owners of groups",
            remedy="Look at the file on the host; delete it if the groups' owners are as they were before the update.",
        )
    return make_note(note["owners"], note["possible_owners"])


def words(note: Mapping[str, Any]) -> str:
    """The note in words."""
    stood = [f"{group} on {node}" for group, node in sorted(note["owners"].items())]
    held = [f"{group} possible on {' and '.join(nodes)}" for group, nodes in sorted(note["possible_owners"].items())]
    return ", ".join([*stood, *held]) or "no group"

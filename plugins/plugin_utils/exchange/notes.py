# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who owned which group before the update: noted on the hosts themselves, so that a later run finds it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from ..hosts.errors import Refused, Unreadable
from ..hosts.session import Session

FILE = "owners.json"
# Characters with a meaning for cmd.exe never reach it: JSON can write every character of a string as \uXXXX.
_SPECIAL = re.compile(r"[%!^&|<>]")


def write_note(session: Session, folder: str, owners: Mapping[str, str]) -> bool:
    """Note group -> owner in the folder; False where the same note is there already.

    The first note is the one that counts, because a later run sees groups that were moved already: another
    one is never written over it (``Refused``).
    """
    existing = read_note(session, folder)
    if existing is not None:
        if existing != dict(owners):
            raise Refused(
                f"{_path(folder)} holds other owners than the ones to be noted",
                remedy="An earlier run left it: bring the groups to the owners in it, or delete the file.",
                note=existing,
            )
        return False
    session.make_dir(folder)
    session.write_text(_path(folder), note_lines(owners))
    return True


def read_note(session: Session, folder: str) -> dict[str, str] | None:
    """The note in the folder; None where there is none. Raises ``Unreadable`` for what is no note of ours."""
    text = session.read_text(_path(folder))
    return None if text is None else parse_note(text, _path(folder))


def remove_note(session: Session, folder: str) -> bool:
    """Remove the note; False where there was none."""
    if session.read_text(_path(folder)) is None:
        return False
    session.delete(_path(folder))
    return True


def note_lines(owners: Mapping[str, str]) -> list[str]:
    """The note as lines of ASCII without characters that mean something to cmd.exe."""
    text = json.dumps(dict(owners), ensure_ascii=True, indent=1, sort_keys=True)
    return [_SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}", line) for line in text.splitlines()]


def parse_note(text: str, path: str = FILE) -> dict[str, str]:
    """The reverse of ``note_lines``."""
    try:
        owners = json.loads(text)
    except ValueError as error:
        owners = error
    if not isinstance(owners, dict) or not all(isinstance(owner, str) for owner in owners.values()):
        raise Unreadable(
            f"{path} does not hold the owners of groups",
            remedy="Look at the file on the host; delete it if the groups' owners are as they were before the update.",
        )
    return owners


def _path(folder: str) -> str:
    return f"{folder}\\{FILE}"

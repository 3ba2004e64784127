# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hash of a file that was read back over SMB, noted beside it: an update's package is some hundred megabytes.

The note holds what tells a changed file: its size, and when it was last written. Whoever can give another file the same
two can write the note as well (an administrator of the host). So the note saves looks, and proves nothing before a file
is run.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from . import rpc_texts

if TYPE_CHECKING:
    from .rpc_connected import Connected

SUFFIX = ".proof"


def note(session: Connected, path: str, digest: str) -> None:
    """Note the SHA-256 of a file as it is now."""
    if state := _state(session, path):
        size, written = state
        text = json.dumps({"sha256": digest, "size": size, "written": written}, sort_keys=True)
        rpc_texts.write(session, path + SUFFIX, [text])


def known(session: Connected, path: str) -> str | None:
    """The noted SHA-256; None without a note, or where the file is another one than that of the note."""
    text = rpc_texts.read(session, path + SUFFIX)
    if text is None:
        return None
    try:
        found = json.loads(text)
        digest, state = str(found["sha256"]), (found["size"], found["written"])
    except (ValueError, TypeError, KeyError):
        # Not ours, or cut off: the file itself tells.
        return None
    good = re.fullmatch("[0-9a-f]{64}", digest) is not None
    return digest if good and state == _state(session, path) else None


def _state(session: Connected, path: str) -> tuple[int, float] | None:
    """Size of a file, and when it was last written; None where there is none."""
    entry = session.attempt(lambda link: link.files.entry(path))
    return None if entry is None or entry.is_dir else (entry.size, entry.modified)

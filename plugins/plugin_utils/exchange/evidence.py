# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What installers leave behind besides the registry: their logs, and the files that were in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..hosts import logs
from ..hosts.session import Session
from .catalogue import log_path, staging_folder
from .info import WINDOWS_KEY
from .outcome import files_in_use, relevant_phrases

IN_USE_FILE = "in-use.txt"
"""Names the files that were in use in an installation: until one succeeds, the update counts as not there."""


def in_use(session: Session, update: Mapping[str, Any]) -> list[str]:
    """The files that were in use when the update was installed, as an earlier run noted; [] where none was."""
    text = session.read_text(_path(update)) or ""
    return [line.strip() for line in text.split("\n") if line.strip()]


def keep_in_use(session: Session, update: Mapping[str, Any], lines: Sequence[str], success: bool) -> None:
    """Note which files the log calls in use, or forget the note of an earlier try once an installation succeeded.

    The registry can show an update that is not complete for a file in use; the note outlives the run that saw it.
    """
    names = files_in_use(update, lines)
    if names:
        # Without what the code page of a console may lack.
        session.write_text(_path(update), [re.sub(r"[^ -~]", "?", name) for name in names])
    elif success and in_use(session, update):
        session.delete(_path(update))


class HandLog:
    """The logs of an installer that a person starts, from now on.

    The catalogue's log, and of a hotfix ``%windir%\\KBn.log``: the name stands in the bulletins [V], the folder does
    not [R].
    """

    def __init__(self, session: Session, update: Mapping[str, Any]) -> None:
        """Count the lines that are there."""
        self._session, self._update = session, update
        self._paths = [path for path in [log_path(update)] if path]
        if update["kind"] != "service_pack":
            values = session.registry_values(WINDOWS_KEY) or {}
            root = next((data for name, (unused, data) in values.items() if name.lower() == "systemroot"), None)
            if isinstance(root, str) and root:
                self._paths.append(f"{root}\\{update['result']['hotfix']}.log")
        self._before = logs.line_counts(session, self._paths)

    def grown(self) -> bool:
        """Whether one of them has other lines by now."""
        return logs.line_counts(self._session, self._paths) != self._before

    def new_lines(self) -> list[str]:
        """The lines since then that say something about how it ended."""
        phrases = relevant_phrases(self._update)
        found = zip(self._paths, self._before, strict=True)
        return [line for path, before in found for line in logs.new_lines(self._session, path, before, phrases)]


def _path(update: Mapping[str, Any]) -> str:
    return f"{staging_folder(update)}\\{IN_USE_FILE}"

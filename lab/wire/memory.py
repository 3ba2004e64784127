# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets for libraries that read files: a file without a place on any disk, gone with the process."""

from __future__ import annotations

import os


class MemoryFile:
    """A file in memory (Linux) that can be opened by its path, from this process only."""

    def __init__(self, text: str) -> None:
        self._number = os.memfd_create("lab")
        os.write(self._number, text.encode())

    @property
    def path(self) -> str:
        """Its path."""
        return f"/proc/self/fd/{self._number}"

    def close(self) -> None:
        """Give it up; a second call does nothing."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1

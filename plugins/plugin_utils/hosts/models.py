# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain things that sessions give back."""

from __future__ import annotations

from dataclasses import dataclass

RegistryValues = dict[str, tuple[str, "str | int | list[str]"]]
"""Value name -> (type as reg.exe names it, data). DWORDs are numbers, REG_MULTI_SZ are lists."""


@dataclass(frozen=True)
class Output:
    """How a command ended. Lines end with ``\\n``; the exit code is a signed 32-bit number, as cmd.exe shows it."""

    exit_code: int
    stdout: str
    stderr: str = ""

    @property
    def text(self) -> str:
        """Everything it wrote, standard output first."""
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Service:
    """A Windows service.

    ``state``: stopped, start_pending, stop_pending, running, continue_pending, pause_pending or paused.
    ``start_type``: boot, system, auto, manual or disabled; None when it was not told.
    """

    name: str
    state: str
    start_type: str | None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that runs on a host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .clock import Background, Handle


@dataclass(eq=False)
class Process:
    """A running program. `duration` None: it runs until it is ended. `exit_code` is None while it runs."""

    pid: int
    image: str
    user: str
    logon: str
    started: float
    memory: int = 0
    exit_code: int | None = None
    on_end: Callable[[int], object] | None = None
    background: Background | None = None
    handle: Handle | None = None
    # The shell of a client's call: that it comes and goes is no change of the world for those who watch it.
    of_call: bool = False

    @property
    def ended(self) -> bool:
        """Whether it runs no more."""
        return self.exit_code is not None

    @property
    def session(self) -> int:
        """Terminal Services session: everything runs in session 0 on these systems' console."""
        return 0

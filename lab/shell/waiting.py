# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting in simulated time as a process of a host: it ends with the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import ProcessEnded

if TYPE_CHECKING:
    from ..world import Context

# What waits for an input or a dialog that never comes is let go after this time (seconds), as if the
# input had ended: any client has given up by then.
HANG = 600.0


class Timer:
    """The waiting of one process tree. Remembers the host's boot: a process does not outlive it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._boot = context.host.boot_time

    def check(self) -> None:
        """Raise ProcessEnded when the host has gone down (or down and up again) since the start."""
        host = self._context.host
        if not host.up or host.boot_time != self._boot:
            raise ProcessEnded(f"{host.name} went down")

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of simulated time pass."""
        if seconds > 0:
            self.wait_until(lambda: False, seconds)

    def wait_until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Wait until ``predicate()`` holds, for ``seconds`` at most; tells whether it does."""
        if predicate():
            return True
        if seconds > 0:
            self._context.world.clock.wait_until(lambda: self._dead() or predicate(), seconds)
            self.check()
        return predicate()

    def hang(self) -> None:
        """Wait for something that does not come."""
        self.sleep(HANG)

    def _dead(self) -> bool:
        host = self._context.host
        return not host.up or host.boot_time != self._boot

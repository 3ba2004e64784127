# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time that sessions and waits go by."""

from __future__ import annotations

import time


class Clock:
    """Real time, in epoch seconds. Steps of the control node's own clock do not reach it."""

    floor = 0.0
    """Real seconds that every wait may take, however short its limit."""

    def __init__(self) -> None:
        """Fix the epoch once; from then on only the monotonic clock counts."""
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970, never going back."""
        return self._offset + time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of this clock."""
        if seconds > 0:
            time.sleep(seconds)

    def drift(self, moment: float, before: float) -> float:
        """Seconds by which a clock that showed ``moment`` is ahead of this one, at the least.

        ``before``: what this clock showed when the other was asked; its answer takes time itself.
        """
        return max(moment - self.now(), 0.0) + min(moment - before, 0.0)


class RehearsalClock(Clock):
    """The time of a simulated estate in which a second passes ``scale`` times as fast as a real one.

    The estate's own time, seen in its answers, is what counts; between two answers it is extrapolated.
    """

    # Where a second lasts a thousandth, the control node's own work would use up the limit of a wait.
    floor = 10.0

    def __init__(self, scale: float) -> None:
        """``scale``: simulated seconds in one real second, more than 0."""
        super().__init__()
        if not scale > 0:
            raise ValueError("the time scale must be more than 0")
        self.scale = scale
        self._seen = super().now()
        self._seen_at = time.monotonic()
        self._latest = 0.0

    def seen(self, epoch: float) -> None:
        """Take over the time that the estate has just shown (epoch seconds)."""
        self._seen = epoch
        self._seen_at = time.monotonic()
        # The first sight may lie anywhere; only from then on time must not go back.
        if self._latest == 0.0:
            self._latest = epoch

    def now(self) -> float:
        """Simulated epoch seconds, never going back after the first answer."""
        reckoned = self._seen + (time.monotonic() - self._seen_at) * self.scale
        if self._latest == 0.0:
            return reckoned
        self._latest = max(self._latest, reckoned)
        return self._latest

    def drift(self, moment: float, before: float) -> float:
        """Seconds by which a clock that showed ``moment`` is ahead of the time that the estate showed last."""
        return moment - self._seen

    def sleep(self, seconds: float) -> None:
        """Wait for so many simulated seconds."""
        if seconds > 0:
            time.sleep(seconds / self.scale)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a state, with a limit, and with word of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from .clock import Clock
from .errors import WaitTimeout

T = TypeVar("T")
Progress = Callable[[str], None]


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``2 min 30 s``, ``60 min``, ``3 h 5 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def _next_word(elapsed: float) -> float:
    """When to say again that the wait goes on: after 10 s, 30 s, then each minute."""
    for first in (10.0, 30.0, 60.0):
        if elapsed < first:
            return first
    return (elapsed // 60 + 1) * 60


def wait_for(
    probe: Callable[[], T | None],
    *,
    what: str,
    timeout: float,
    clock: Clock,
    interval: float,
    progress: Progress | None = None,
    tolerate: tuple[type[Exception], ...] = (),
) -> T:
    """Ask ``probe`` every ``interval`` seconds until it gives something else than None, and return that.

    ``timeout`` and ``interval`` are seconds of ``clock``. Exceptions in ``tolerate`` count as "not yet".
    The probe is asked once more after the time is up, and at least twice, so that a slow answer cannot turn
    a state that was reached into a failure. Raises WaitTimeout.
    """
    begun = time.monotonic()
    start = clock.now()
    deadline = start + timeout
    word_at = 10.0
    asked = 0
    last: Exception | None = None
    while True:
        asked += 1
        try:
            found = probe()
            last = None
        except tolerate as error:
            found, last = None, error
        if found is not None:
            return found
        now = clock.now()
        if now >= deadline and asked > 1 and time.monotonic() - begun >= clock.floor:
            detail = f" (last answer: {last})" if last is not None else ""
            raise WaitTimeout(f"waited {duration(timeout)} for {what}, in vain{detail}", waited=round(now - start))
        if progress is not None and now - start >= word_at:
            progress(f"waiting for {what}: {duration(now - start)} of at most {duration(timeout)}")
            word_at = _next_word(now - start)
        clock.sleep(min(interval, deadline - now) if now < deadline else interval)

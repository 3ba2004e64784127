# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting, and the words about it; the two clocks."""

from __future__ import annotations

import time

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock, RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreachable, WaitTimeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.wait import duration, wait_for


class HandClock(Clock):
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (150, "2 min 30 s"),
        (3600, "60 min"),
        (11100, "3 h 5 min"),
        (7200, "2 h"),
    ],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_it_returns_what_the_probe_found_at_once() -> None:
    clock = HandClock()
    assert wait_for(lambda: 0, what="x", timeout=0, clock=clock, interval=10) == 0
    assert clock.time == 1000.0


def test_it_says_so_at_growing_distances() -> None:
    clock, said = HandClock(), []
    with pytest.raises(WaitTimeout) as caught:
        wait_for(lambda: None, what="the move", timeout=200, clock=clock, interval=5, progress=said.append)
    assert said == [
        f"waiting for the move: {words} of at most 3 min 20 s" for words in ("10 s", "30 s", "1 min", "2 min", "3 min")
    ]
    assert str(caught.value) == "waited 3 min 20 s for the move, in vain"
    assert clock.time == 1200.0


def test_the_probe_is_asked_once_more_at_the_end() -> None:
    clock = HandClock()
    assert wait_for(lambda: clock.time >= 1017 or None, what="x", timeout=17, clock=clock, interval=10) is True
    times = iter([None, "late"])
    assert wait_for(lambda: next(times), what="x", timeout=0, clock=clock, interval=10) == "late"


def test_tolerated_errors_count_as_not_yet_and_are_told_at_the_end() -> None:
    clock, answers = HandClock(), iter([Unreachable("gone"), "back"])

    def probe() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait_for(probe, what="x", timeout=60, clock=clock, interval=1, tolerate=(Unreachable,)) == "back"

    def gone() -> None:
        raise Unreachable("n2 refuses the connection")

    with pytest.raises(WaitTimeout, match="n2 refuses the connection"):
        wait_for(gone, what="x", timeout=5, clock=clock, interval=1, tolerate=(Unreachable,))
    with pytest.raises(Unreachable):
        wait_for(gone, what="x", timeout=5, clock=clock, interval=1)


def test_the_real_clock_shows_the_epoch() -> None:
    assert abs(Clock().now() - time.time()) < 5


def test_the_rehearsal_clock_follows_the_estate() -> None:
    clock = RehearsalClock(1000)
    clock.seen(5_000_000.0)
    first = clock.now()
    assert 5_000_000 <= first < 5_001_000
    start = time.monotonic()
    clock.sleep(30)
    assert 0.02 < time.monotonic() - start < 0.5
    assert clock.now() >= first + 29
    high = clock.now()
    clock.seen(5_000_001.0)
    assert clock.now() >= high
    clock.seen(6_000_000.0)
    assert clock.now() >= 6_000_000


def test_a_scale_must_be_positive() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        RehearsalClock(0)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated time: events that run at their own moment, and programs that wait in it.

Nothing runs by itself. Events are run by whoever asks for the time, one by one and at their own time, so that a
run with the same seed and the same calls gives the same course at any speed. Two kinds of code wait in simulated
time: a *foreground* call (a request from the wire), which lets time pass, and a *background* program (a batch
file of the task scheduler), which is a thread of its own but runs only when an event wakes it, while the thread
that ran the event stands still. So there is never more than one thread at work in the world.
"""

from __future__ import annotations

import heapq
import threading
import time as realtime
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from .courses import Background, Baton, Course, Flow, Handle

_LONGEST_REAL_WAIT = 0.05
_LONGEST_JUMP = 3600.0


__all__ = ["Background", "Clock", "Course", "Flow", "Handle"]


class Clock:
    """The simulated time of the estate, and the lock of the whole world.

    `speed`: simulated seconds in one real second; 0: time passes only by `sleep`, `wait_until` and `jump`.
    `start`: simulated epoch seconds at the beginning (default: the real time).
    """

    def __init__(self, speed: float = 0.0, start: float | None = None) -> None:
        self.speed = float(speed)
        self.baton = Baton()
        self.lock = threading.Condition(cast(Any, self.baton))
        self._start = realtime.time() if start is None else float(start)
        self._real_start = realtime.monotonic()
        self._time = self._start
        self._acting: float | None = None
        self._events: list[tuple[float, int, Handle]] = []
        self._count = 0
        self._backgrounds: dict[int, Background] = {}

    # -- reading the time

    @property
    def time(self) -> float:
        """The current simulated time without running any event; what the model itself uses in its middle."""
        return self._time if self._acting is None else self._acting

    def now(self) -> float:
        """Return the simulated epoch seconds; runs the events that are due first."""
        with self.lock:
            if self._acting is not None:
                return self._acting
            self._run_until(self._present())
            return self._time

    def datetime(self) -> datetime:
        """Return the current time as an aware UTC datetime; runs no event."""
        return datetime.fromtimestamp(self.time, tz=UTC)

    # -- events

    def at(self, when: float, action: Callable[[], object]) -> Handle:
        """Run `action` at simulated time `when` (at once, when that has passed); equal times keep their order."""
        with self.lock:
            handle = Handle(max(when, self.time), action)
            self._count += 1
            heapq.heappush(self._events, (handle.when, self._count, handle))
            return handle

    def after(self, seconds: float, action: Callable[[], object]) -> Handle:
        """Run `action` in `seconds` of simulated time."""
        return self.at(self.time + seconds, action)

    def flow(self, course: Course, on_end: Callable[[], object] | None = None) -> Flow:
        """Start a course of work; its first step runs at once."""
        with self.lock:
            return Flow(self, course, on_end)

    def spawn(self, function: Callable[[], object], name: str = "program") -> Background:
        """Start a background program; it begins at the current simulated time, with the next event run."""
        with self.lock:
            background = Background(self, function, name)
            ident = background.thread.ident
            if ident is None:
                raise RuntimeError("the thread did not start")
            self._backgrounds[ident] = background
            background.handle = self.after(0.0, background.resume)
            return background

    # -- waiting

    def sleep(self, seconds: float) -> None:
        """Wait in simulated time; a background program is woken by an event and lets no time pass itself."""
        with self.lock:
            me = self._backgrounds.get(threading.get_ident())
            if me is None:
                self.wait_until(lambda: False, seconds)
                return
            me.check()
            me.handle = self.after(seconds, me.resume)
            me.park()

    @property
    def in_background(self) -> bool:
        """Whether the running thread is that of a background program."""
        return threading.get_ident() in self._backgrounds

    def sleep_for_ever(self, until: Callable[[], bool] | None = None) -> None:
        """Wait without an end (a dialog that nobody sees), or until a condition. Only in a background program."""
        with self.lock:
            me = self._backgrounds.get(threading.get_ident())
            if me is None:
                raise RuntimeError("a foreground call would never end")
            me.check()
            me.predicate = until
            try:
                me.park()
            finally:
                me.predicate = None

    def wait_until(self, predicate: Callable[[], bool], seconds: float) -> bool:
        """Wait until `predicate()` holds, at most `seconds` of simulated time; return whether it holds."""
        with self.lock:
            me = self._backgrounds.get(threading.get_ident())
            if me is not None:
                return self._wait_in_background(me, predicate, seconds)
            if self._acting is not None:
                raise RuntimeError("an event cannot wait; start a flow instead")
            deadline = self.now() + seconds
            while not predicate():
                limit = min(deadline, self._present())
                if self._run_one(limit):
                    continue
                self._settle(limit)
                following = self._next()
                if following <= self._time:
                    continue
                if self._time >= deadline:
                    return predicate()
                if self.speed:
                    pause = max(min(deadline, following) - self._present(), 0.0) / self.speed
                    self.lock.wait(min(pause + 1e-4, _LONGEST_REAL_WAIT))
                else:
                    self._time = min(deadline, following)
            return True

    def jump(self) -> None:
        """Speed 0 only: go to the next event, or 60 s on when there is none (at most an hour)."""
        with self.lock:
            if self.speed or self._acting is not None:
                return
            self.now()
            following = self._next()
            target = self._time + 60.0 if following == float("inf") else min(following, self._time + _LONGEST_JUMP)
            self._run_until(max(target, self._time))

    def close(self) -> None:
        """End every background program and forget all events; the world is not used any more."""
        with self.lock:
            for background in list(self._backgrounds.values()):
                background.kill("the lab ends")
            self._events.clear()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """A context in which no event is run, whoever asks for the time."""
        before = self._acting
        self._acting = self.time
        try:
            yield
        finally:
            self._acting = before

    def forget(self, background: Background) -> None:
        """A background program has ended."""
        self._backgrounds.pop(threading.get_ident(), None)
        background.predicate = None

    # -- inside

    def _present(self) -> float:
        """The moment up to which events are due."""
        if not self.speed:
            return self._time
        return max(self._time, self._start + (realtime.monotonic() - self._real_start) * self.speed)

    def _next(self) -> float:
        """The time of the next event; infinity when there is none."""
        while self._events and not self._events[0][2].pending:
            heapq.heappop(self._events)
        return self._events[0][0] if self._events else float("inf")

    def _run_one(self, limit: float) -> bool:
        """Run the earliest event up to `limit`; False when there is none."""
        if self._next() > limit:
            return False
        handle = heapq.heappop(self._events)[2]
        action, handle.action = handle.action, None
        self._time = max(self._time, handle.when)
        if action is not None:
            self._act(self._time, action)
        return True

    def _act(self, moment: float, action: Callable[[], object]) -> None:
        self._acting = moment
        try:
            action()
            self._wake()
        finally:
            self._acting = None
        self.lock.notify_all()

    def _run_until(self, limit: float) -> None:
        while True:
            while self._run_one(limit):
                continue
            self._settle(limit)  # wakes programs, which may make events that are due now
            if self._next() > limit:
                return

    def _settle(self, moment: float) -> None:
        """No event is left before `moment`: time stands there now."""
        self._time = max(self._time, moment)
        if any(b.predicate is not None for b in self._backgrounds.values()):
            self._act(self._time, lambda: None)

    def _wake(self) -> None:
        """Wake the background programs whose condition holds now."""
        for background in list(self._backgrounds.values()):
            if background.predicate is not None and background.predicate():
                background.predicate = None
                if background.handle:
                    background.handle.cancel()
                background.resume()

    def _wait_in_background(self, me: Background, predicate: Callable[[], bool], seconds: float) -> bool:
        me.check()
        if predicate():
            return True
        me.handle = self.after(seconds, me.resume)
        me.predicate = predicate
        try:
            me.park()
        finally:
            me.predicate = None
        return predicate()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in simulated time: events, flows of events, and background programs, which are threads.

A background program is a thread that runs only while another one, which holds the world's lock, stands still for it:
the lock (a `Baton`) is lent to it meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from .errors import ProcessEnded

if TYPE_CHECKING:
    from .clock import Clock

#: A course of work: yields seconds to wait, or another Flow whose end it waits for.
Course = Generator["float | Flow", None, None]


class Baton:
    """A re-entrant lock that its owner can lend to another thread, for `threading.Condition`."""

    def __init__(self) -> None:
        self._block = threading.Lock()
        self._owner: int | None = None
        self.count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; the owner takes it once more."""
        me = threading.get_ident()
        if self._owner == me:
            self.count += 1
            return True
        got = self._block.acquire(blocking, timeout)
        if got:
            self._owner, self.count = me, 1
        return got

    def release(self) -> None:
        """Give the lock back once."""
        if self._owner != threading.get_ident():
            raise RuntimeError("cannot release a lock that another thread owns")
        self.count -= 1
        if not self.count:
            self._owner = None
            self._block.release()

    __enter__ = acquire

    def __exit__(self, *details: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return self._owner == threading.get_ident()

    def _release_save(self) -> int:
        count, self.count, self._owner = self.count, 0, None
        self._block.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self._block.acquire()
        self._owner, self.count = threading.get_ident(), count

    def lend(self, owner: int | None, count: int) -> tuple[int | None, int]:
        """Make another thread the owner, without a moment in which nobody is; return what was."""
        saved = (self._owner, self.count)
        self._owner, self.count = owner, count
        return saved


class Handle:
    """An event that is due later; `cancel` takes it back."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Callable[[], object]) -> None:
        self.when = when
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Take the event back; nothing happens when it has run already."""
        self.action = None

    @property
    def pending(self) -> bool:
        """Whether the event is still to come."""
        return self.action is not None


class Flow:
    """A course of work in simulated time, driven by events (no thread)."""

    def __init__(self, clock: Clock, course: Course, on_end: Callable[[], object] | None = None) -> None:
        self._clock = clock
        self._course = course
        self._handle: Handle | None = None
        self._stepping = False
        self._cancelled = False
        self.done = False
        self._on_end = on_end
        self._waiting: list[Callable[[], object]] = []
        self._step()

    def cancel(self) -> None:
        """End the course where it stands; its `on_end` is not called, those who wait for it go on."""
        if self.done or self._cancelled:
            return
        self._cancelled = True
        if self._handle:
            self._handle.cancel()
        if not self._stepping:
            self._course.close()
            self._finish(cancelled=True)

    def wait(self, action: Callable[[], object]) -> None:
        """Call `action` when the course has ended."""
        if self.done:
            action()
        else:
            self._waiting.append(action)

    def _step(self) -> None:
        if self.done or self._cancelled:
            return
        self._stepping = True
        try:
            pause = next(self._course)
        except StopIteration:
            self._stepping = False
            self._finish(cancelled=self._cancelled)
            return
        finally:
            self._stepping = False
        if self._cancelled:
            self._course.close()
            self._finish(cancelled=True)
        elif isinstance(pause, Flow):
            pause.wait(lambda: self._later(0.0))
        else:
            self._later(pause)

    def _later(self, seconds: float) -> None:
        if not self.done and not self._cancelled:
            self._handle = self._clock.after(seconds, self._step)

    def _finish(self, cancelled: bool) -> None:
        self.done = True
        if self._on_end and not cancelled:
            self._on_end()
        for action in self._waiting:
            action()


class Background:
    """A program that runs in a thread of its own, but only when an event of the clock wakes it."""

    def __init__(self, clock: Clock, function: Callable[[], object], name: str) -> None:
        self._clock = clock
        self._function = function
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._count = 1
        self._active = False
        self._verdict: str | None = None
        self.handle: Handle | None = None
        self.predicate: Callable[[], bool] | None = None
        self.done = False
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._main, name=name, daemon=True)
        self.thread.start()

    def resume(self) -> None:
        """Let the program run until it waits again or ends; called by the thread that holds the lock."""
        if self.done or self._active:
            return
        baton = self._clock.baton
        with self._clock.standing_still():
            saved = baton.lend(self.thread.ident, self._count)
            self._active = True
            self._go.release()
            self._back.acquire()
            self._active = False
            baton.lend(*saved)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def park(self) -> None:
        """Stand still until the next `resume`; called by the program's own thread."""
        self.check()
        self._count = self._clock.baton.count
        self._back.release()
        self._go.acquire()
        self.check()

    def check(self) -> None:
        """Raise ProcessEnded when the program was ended."""
        if self._verdict is not None:
            raise ProcessEnded(self._verdict)

    def kill(self, reason: str) -> None:
        """End the program: what it waits for raises ProcessEnded."""
        if self.done or self._verdict is not None:
            return
        self._verdict = reason
        if self.handle:
            self.handle.cancel()
        self.predicate = None
        if not self._active:
            self.resume()

    def _main(self) -> None:
        self._go.acquire()
        try:
            self.check()
            self._function()
        except ProcessEnded:
            self._error = None  # an ended process is no mistake of the lab
        except BaseException as error:
            self._error = error  # shown to whoever let time pass: a mistake must not stay unseen
        finally:
            self.done = True
            self._clock.forget(self)
            self._back.release()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Issue a command of cluster.exe and watch, by reading, what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from ..hosts.errors import CommandFailed, ConnectionLost, Unreachable
from ..hosts.session import Session
from .codes import explain_code, failure
from .read import Moving, NotAnswering

T = TypeVar("T")

SLICE = 15
"""Seconds that cluster.exe itself waits. Short, so that the connection is free and progress can be shown."""
STABLE = 3
"""So many equal readings in a row before a state that is not the wanted one is believed to be final."""
LOST_LIMIT = 3
"""So many times a command is issued again after a lost connection."""
LONG = 120.0
"""Seconds after which something that is still on its way is looked at seldom: it can take hours."""
SELDOM = 30.0
"""Seconds between two looks then."""
TRANSIENT: tuple[type[Exception], ...] = (NotAnswering, Moving, Unreachable)
"""Failed readings that a wait outlives."""


@dataclass(frozen=True)
class Look:
    """One reading: ``done``, ``pending``, ``unchanged`` (as before the command) or ``bad``.

    ``key`` is what must stay equal for the reading to count as the same; ``detail`` says what is seen;
    ``remedy`` belongs to a bad one.
    """

    verdict: str
    key: Hashable
    detail: str
    remedy: str = ""


def patient(session: Session, probe: Callable[[], T]) -> Callable[[], T]:
    """The probe, with a new connection after each one that was lost; the error itself goes on to the wait."""

    def ask() -> T:
        try:
            return probe()
        except (Unreachable, ConnectionLost):
            session.reconnect()
            raise

    return ask


def drive(session: Session, line: str, look: Callable[[], Look], *, what: str, timeout: float) -> Look:
    """Issue ``line`` (with its own short wait) and read until ``look`` says done.

    cluster.exe's own wait and its exit code at the end of that wait are advisory (undocumented), so only
    readings decide. A command is issued again only when nothing is on its way and the state is what it was
    before: after an exit code that can pass, or after the connection was lost on it. Raises
    ``CommandFailed`` when cluster.exe refuses, or when something else than the wanted state stays;
    ``WaitTimeout`` when the time is up. What is on its way is no failure however long it takes: the store of a virtual
    server upgrades its databases as it comes online on a new version.
    """
    tries = lost = 0
    kind = ""

    def issue() -> str:
        nonlocal tries, lost
        tries += 1
        try:
            output = session.run(line, changes=True, timeout=SLICE + 105)
        except ConnectionLost:
            session.reconnect()
            lost += 1
            session.progress(f"the connection was lost on {what}; reading what became of it")
            return "lost"
        code = explain_code(output)
        if code.kind == "failed":
            # The command can be refused because its work is done already; then a reading says so.
            if look().verdict == "done":
                return "done"
            raise failure(what, output)
        if code.kind == "retry":
            session.progress(f"{what}: {code.meaning}; asking again")
        return code.kind

    kind = issue()
    key: Hashable = None
    equal = 0
    started = session.clock.now()

    def watch() -> Look | None:
        nonlocal kind, key, equal
        seen = look()
        equal = equal + 1 if seen.key == key else 1
        key = seen.key
        if seen.verdict == "done":
            return seen
        if seen.verdict == "unchanged" and (kind == "retry" or (kind == "lost" and equal > 1)):
            if kind == "lost" and lost > LOST_LIMIT:
                raise CommandFailed(f"{what}: the connection was lost each time; {seen.detail}", remedy=seen.remedy)
            kind, equal = issue(), 0
        elif seen.verdict != "pending" and equal >= STABLE:
            raise CommandFailed(f"{what}: {seen.detail}", remedy=seen.remedy)
        elif seen.verdict == "pending" and session.clock.now() - started > LONG:
            session.clock.sleep(max(SELDOM - session.poll_interval, 0.0))
        return None

    return session.wait(patient(session, watch), what=what, timeout=timeout, tolerate=TRANSIENT)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting a host, and being sure that it has been."""

from __future__ import annotations

from .errors import CommandFailed, ConnectionLost, Unreachable, Unreadable, WaitTimeout
from .jobs import restarted
from .session import Session

_DELAY = 5
SETTLE = 600.0
"""Seconds that the services of a host may take to settle after its start."""
_DOUBT = 120.0
_SHUTDOWN_UNDER_WAY = (1115, 1190)
_CONSOLE = (
    "Look at the host's console: it may stand before a dialog or a disk check, or be switched off. Bring it up, and"
    " start the run again: it goes on from what it finds."
)


def restart_and_wait(session: Session, reason: str, timeout: float) -> dict[str, object]:
    """Restart the host and wait until Windows has started anew and its services have settled.

    ``timeout`` seconds for all of it. A boot time that changed is the proof: a host that merely did not answer for
    a while has not been restarted. Returns ``before`` and ``after`` (boot times), ``seconds``, and ``unsettled``, the
    services that were still starting or stopping ten minutes later. Raises WaitTimeout, CommandFailed.
    """
    before = session.boot_time()
    start = session.clock.now()
    # Whether the request got lost with its connection. If the host is still there as before a while later, it did.
    doubtful = not _ask(session, reason)
    away = False

    def anew() -> str | None:
        nonlocal doubtful, away
        try:
            now = session.boot_time()
        except (Unreachable, ConnectionLost):
            away = True
            session.reconnect()
            raise
        if restarted(before, now):
            return now
        if doubtful and not away and session.clock.now() - start > _DOUBT:
            doubtful = not _ask(session, reason)
        return None

    try:
        after = session.wait(
            anew,
            what="Windows to start anew",
            timeout=timeout,
            tolerate=(Unreachable, ConnectionLost, Unreadable),
        )
    except WaitTimeout as error:
        error.remedy = _CONSOLE
        raise
    left = max(timeout - (session.clock.now() - start), 0.0)
    unsettled = settle(session, min(left, SETTLE))
    return {
        "before": before,
        "after": after,
        "seconds": round(session.clock.now() - start),
        "unsettled": unsettled,
    }


def _ask(session: Session, reason: str) -> bool:
    """Ask for a restart; False when the answer got lost."""
    try:
        session.restart(_DELAY, reason)
    except ConnectionLost as error:
        session.trace(f"going on to look after: {error}")
        return False
    except CommandFailed as error:
        if error.exit_code not in _SHUTDOWN_UNDER_WAY:
            raise
    return True


def settle(session: Session, timeout: float) -> list[str]:
    """Wait until no service is starting or stopping: twice in a row, because one may start another.

    Returns the services that still are when the time is up. One that hangs there for ever is common, and no reason
    to call a restart failed: what must run is looked at by whoever needs it.
    """
    quiet = [0]
    pending: list[str] = []

    def settled() -> bool | None:
        try:
            pending[:] = session.pending_services()
        except (Unreachable, ConnectionLost):
            session.reconnect()
            raise
        quiet[0] = 0 if pending else quiet[0] + 1
        return True if quiet[0] >= 2 else None

    try:
        session.wait(
            settled,
            what="the services to settle",
            timeout=timeout,
            tolerate=(Unreachable, ConnectionLost, Unreadable),
            interval=min(session.poll_interval, 5.0),
        )
    except WaitTimeout:
        if not pending:
            raise
        session.progress(f"going on although services are still starting or stopping: {', '.join(pending)}")
    return list(pending)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting a host, and being sure that it has been."""

from __future__ import annotations

from . import console
from .errors import CommandFailed, ConnectionLost, Unreachable, Unreadable
from .jobs import restarted
from .session import Session

_DELAY = 5
_SHUTDOWN_UNDER_WAY = (1115, 1190)


def restart_and_wait(session: Session, reason: str, timeout: float) -> dict[str, object]:
    """Restart the host and wait until Windows has started anew and its services have settled.

    ``timeout`` seconds for all of it. A boot time that changed is the proof: a host that merely did not answer for
    a while has not been restarted. Returns ``{"before": .., "after": .., "seconds": ..}`` with the boot times.
    Raises WaitTimeout, CommandFailed.
    """
    before = session.boot_time()
    start = session.clock.now()
    try:
        session.restart(_DELAY, reason)
    except ConnectionLost as error:
        # It may have been asked for. The boot time will tell.
        session.trace(f"going on to look after: {error}")
    except CommandFailed as error:
        if error.exit_code not in _SHUTDOWN_UNDER_WAY:
            raise
    away = [False]

    def anew() -> str | None:
        try:
            now = session.boot_time()
        except (Unreachable, ConnectionLost):
            away[0] = True
            session.reconnect()
            raise
        return now if restarted(before, now) else None

    after = session.wait(
        anew,
        what="Windows to start anew",
        timeout=timeout,
        tolerate=(Unreachable, ConnectionLost, Unreadable),
    )
    left = max(timeout - (session.clock.now() - start), 0.0)
    settle(session, left)
    return {"before": before, "after": after, "seconds": round(session.clock.now() - start)}


def settle(session: Session, timeout: float) -> None:
    """Wait until no service is starting or stopping: twice in a row, because one may start another."""
    quiet = [0]

    def settled() -> bool | None:
        try:
            output = session.run("sc query state= all bufsize= 65536", changes=False)
        except (Unreachable, ConnectionLost):
            session.reconnect()
            raise
        if output.exit_code != 0:
            raise Unreadable(f"the services of {session.host} cannot be listed: {console.first_line(output.text)}")
        quiet[0] = 0 if console.services_pending(output.stdout) else quiet[0] + 1
        return True if quiet[0] >= 2 else None

    session.wait(
        settled,
        what="the services to settle",
        timeout=timeout,
        tolerate=(Unreachable, ConnectionLost, Unreadable),
        interval=min(session.poll_interval, 5.0),
    )

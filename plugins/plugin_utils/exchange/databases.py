# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of Exchange that are on their way, above all a store that upgrades its databases as it starts.

On a new version the Information Store upgrades the databases before it serves [V, KB 328839]; that grows with them and
can take hours, while the service is start_pending and the setup that started it has ended long since. Nothing is wrong
then, so it is waited for, with a time of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..cluster.drive import TRANSIENT, patient
from ..cluster.model import ClusterState
from ..cluster.read import read_cluster
from ..hosts.errors import ConnectionLost, HostError, Unreachable, WaitTimeout
from ..hosts.session import Session
from .info import exchange_services, read_exchange

DATABASE_TIMEOUT = 14400
"""Seconds that a store may take for its databases, where nobody says otherwise."""
INTERVAL = 30.0
"""Seconds between two looks at something that takes minutes or hours."""
UPGRADED = 1185
"""A database was upgraded to a version of the store."""
# The sources are [V] for 5.5 (Q244976: MSExchangeIS Private, MSExchangeIS Public), [R] for 2000, as is the number.
SOURCES = ("MSExchangeIS Mailbox Store", "MSExchangeIS Public Store", "MSExchangeIS Private", "MSExchangeIS Public")
STORE = "MSExchangeIS"
_SLACK = 300.0
_LEAVE_IT = (
    "Nothing is wrong as long as the service is starting and its databases are read and written: leave it, and start"
    " the run again afterwards; a longer time is given with mailops_exchange_database_timeout."
)
_GONE = (Unreachable, ConnectionLost)


def on_their_way(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The services of Exchange that are starting, by what ``read_exchange`` tells of them."""
    own = exchange_services()
    return sorted(name for name, service in services.items() if name in own and service["state"] == "start_pending")


def read_started(
    session: Session,
    timeout: float,
    found: dict[str, Any] | None = None,
    read: Callable[[Session], dict[str, Any]] = read_exchange,
) -> dict[str, Any]:
    """What ``read`` tells once no service of Exchange is starting any more; nothing is waited for where none is.

    ``found``: what was read just now. What became of the services is for the caller to judge: one that fails falls
    back to stopped. Raises WaitTimeout after ``timeout`` seconds, with the remedy.
    """
    found = found or read(session)
    seen = set(on_their_way(found["services"]))
    if not seen:
        return found
    begun = session.clock.now()

    def settled() -> dict[str, Any] | None:
        now = read(session)
        starting = on_their_way(now["services"])
        seen.update(starting)
        return None if starting else now

    names = ", ".join(sorted(seen))
    why = "; the store may be upgrading its databases" if STORE in seen else ""
    session.progress(f"{names}: starting{why}")
    try:
        found = session.wait(
            patient(session, settled),
            what=f"{names} to start",
            timeout=timeout,
            interval=max(INTERVAL, session.poll_interval),
            tolerate=_GONE,
        )
    except WaitTimeout as error:
        error.remedy = _LEAVE_IT
        raise
    if STORE in seen:
        tell_upgraded(session, begun)
    return found


def read_cluster_at_rest(session: Session, settle: float, timeout: float) -> ClusterState:
    """``read_cluster`` with a longer time where nothing but virtual servers that come online is on its way.

    Their store may be upgrading its databases: a run that was cut off meanwhile leaves them so. ``settle``: seconds for
    everything else; ``timeout``: seconds for such a virtual server. Raises what ``read_cluster`` raises, WaitTimeout
    with the remedy also after ``timeout``.
    """
    coming: list[str] = []

    def seen(state: ClusterState) -> None:
        if state.coming_online and state.coming_online != coming:
            told = ", ".join(state.coming_online)
            session.progress(f"{told}: on the way online; the store may be upgrading its databases")
        coming[:] = state.coming_online

    begun = session.clock.now()
    try:
        found = read_cluster(session, settle, seen)
        if not found.coming_online:
            return found
    except WaitTimeout:
        if not coming:
            raise

    def came() -> bool | None:
        return None if read_cluster(session).coming_online else True

    try:
        session.wait(
            patient(session, came),
            what=f"{', '.join(coming)} to come online",
            timeout=max(timeout - (session.clock.now() - begun), 0.0),
            interval=max(INTERVAL, session.poll_interval),
            tolerate=TRANSIENT,
        )
    except WaitTimeout as error:
        error.remedy = _LEAVE_IT
        raise
    return read_cluster(session, settle)


def tell_upgraded(session: Session, since: float) -> None:
    """Say how many databases the store has upgraded since then, where the event log tells; it proves nothing."""
    try:
        events = session.events("Application", source=list(SOURCES), ids=[UPGRADED], since=since - _SLACK, limit=500)
    except HostError:
        return
    if events:
        session.progress(f"the store has upgraded {len(events)} databases (event {UPGRADED})")

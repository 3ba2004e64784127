# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A service pack on the node that owns the group of Exchange 5.5: an outage, and Setup ends it.

Setup of a service pack takes the services of the group offline on the node that owns it and brings them online again
[V, KB 328839: C4, Q221393]. When that was is kept for the change record, and the group is seen to be back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..cluster import act
from ..cluster.drive import STABLE, TRANSIENT, patient
from ..cluster.read import SERVICE, read_cluster
from ..cluster.service import computer_name
from ..hosts.errors import ConnectionLost, HostError, Unreachable, WaitTimeout
from ..hosts.session import Session
from .cluster55 import PRODUCT, group_of, read_patiently, services_of
from .install import install
from .troubles import explained


class Outage:
    """When the group went offline and came online, as the states of its services on this node show it."""

    def __init__(self, session: Session, group: str, services: Sequence[str]) -> None:
        """Begin with none. ``services``: those of the group's resources."""
        self.group = group
        self._session = session
        self._services = list(services)
        self._seen_up: float | None = None
        self._down: float | None = None
        self._up: float | None = None

    def look(self) -> None:
        """Look once; a host that is away at the moment is looked at again later."""
        try:
            found = self._session.services(self._services)
        except (Unreachable, ConnectionLost):
            raise
        except HostError as error:
            self._session.progress(f"the services of {self.group} are not seen: {error.message}")
            return
        now = self._session.clock.now()
        if any(name not in found or found[name].state != "running" for name in self._services):
            # It began after the last look at which all of them ran: rather too long than too short.
            self.stopped(now if self._seen_up is None else self._seen_up)
            self._up = None
        elif self._down is None:
            self._seen_up = now
        elif self._up is None:
            self._up = now

    def stopped(self, at: float) -> None:
        """Setup has stopped the services, also where nobody was looking."""
        self._down = at if self._down is None else self._down

    def online(self) -> None:
        """The group is seen online."""
        self._up = self._session.clock.now() if self._up is None else self._up

    @property
    def lasts(self) -> bool:
        """Whether the group is offline still."""
        return self._down is not None and self._up is None

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events as results tell them."""
        told = (("offline", self._down), ("online", self._up if self._down is not None else None))
        return [{"virtual_server": self.group, "event": word, "at": at} for word, at in told if at is not None]


def install_on_node(
    session: Session,
    update: Mapping[str, Any],
    *,
    peers: Sequence[Mapping[str, Any]] = (),
    timeout: float = 7200,
    **options: Any,
) -> dict[str, Any]:
    """``install.install``; where this node owns the group of Exchange 5.5, its outage is told and seen to its end.

    ``peers``: what the other nodes of an Exchange 5.5 cluster told a moment ago. Adds ``events`` to the result, and to
    the details of an error. A group that Setup leaves offline after it succeeded is brought online where it stands;
    CommandFailed where that does not work.
    """
    outage = _owned(session, update)
    if outage is None:
        return {**install(session, update, peers=peers, timeout=timeout, **options), "events": []}
    started = session.clock.now()
    try:
        result = install(session, update, peers=peers, timeout=timeout, watch=outage.look, **options)
        if result["changed"] and result["success"] and result["before"] != result["after"]:
            outage.stopped(started)
        rest = max(timeout - (session.clock.now() - started), 600.0)
        if not _settled(session, outage, rest) and result["success"]:
            session.progress(f"Setup has left {outage.group} offline; bringing it online where it stands")
            with explained(session, PRODUCT):
                act.bring_online(session, outage.group, rest)
            outage.online()
    except HostError as error:
        error.details["events"] = outage.events
        if isinstance(error, WaitTimeout) and outage.lasts:
            error.remedy = f"{outage.group} is offline until the setup has ended: do this at once. {error.remedy}"
        raise
    return {**result, "events": outage.events}


def _owned(session: Session, update: Mapping[str, Any]) -> Outage | None:
    """The outage to watch: for a service pack on the node that owns the group, else None."""
    if update["product"] != PRODUCT or update["kind"] != "service_pack":
        return None
    found = session.services([SERVICE]).get(SERVICE)
    if found is None or found.state == "stopped":
        return None
    state = read_patiently(session)
    group = group_of(state.to_dict()) if state.service == "running" else None
    if group is None or state.groups[group].owner.casefold() != computer_name(session).casefold():
        return None
    return Outage(session, group, services_of(state, group))


def _settled(session: Session, outage: Outage, timeout: float) -> bool:
    """Wait while the group is on its way; whether it is online in the end. ``timeout``: seconds."""
    equal: list[Any] = [None, 0]

    def look() -> bool | None:
        state = read_cluster(session)
        states = {name: entry.state for name, entry in state.resources_of(outage.group).items()}
        if state.service == "running" and state.groups[outage.group].state == "online":
            outage.online()
            return True
        equal[:] = [states, equal[1] + 1 if equal[0] == states else 1]
        moving = any(now in act.UNDECIDED for now in states.values()) or not states
        return False if not moving and equal[1] >= STABLE else None

    return session.wait(
        patient(session, look), what=f"{outage.group} to be online again", timeout=timeout, tolerate=TRANSIENT
    )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Acting on a cluster: each function observes first and does nothing where all is as asked already.

Each returns ``changed``, ``before``, ``after`` and ``events``: when a virtual server went offline, came
online or moved (``at``: epoch seconds by the session's clock). An error carries the events so far among
its details.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..hosts.commands import command, quote, switch
from ..hosts.errors import CommandFailed, HostError, Refused
from ..hosts.session import Session
from .configuration import INFORMATION_STORE
from .drive import LONG, SLICE, STABLE, TRANSIENT, Look, drive, patient
from .model import PENDING_RESOURCE_STATES, ClusterState, Group
from .read import group_row, read_cluster, refresh
from .service import start_cluster_service, stop_cluster_service

KEPT_TYPES = ("IP Address", "Network Name", "Physical Disk")
"""What stays online in a virtual server that is to be upgraded: the article's own rule."""
UNDECIDED = PENDING_RESOURCE_STATES | {"unknown"}
"""What nothing is concluded from. A word that nobody knows may well be the one for "on its way"."""
_UNKNOWN_WAIT = 60.0
_TOLD_EVERY = 600.0
_EVENT_LOGS = "Read the Application and System logs of the node (sources MSExchangeCluster, ClusSvc)."

__all__ = [
    "KEPT_TYPES",
    "bring_online",
    "move_group",
    "start_cluster_service",
    "stop_cluster_service",
    "take_offline",
]


def move_group(session: Session, group: str, node: str, timeout: float) -> dict[str, Any]:
    """Move a group to a node and wait until it is there as it was before (or better).

    Refused where the node is not up or may not own the group. A group that stays failed on the target or
    comes back to where it was is a ``CommandFailed``. ``timeout``: seconds.
    """
    started = session.clock.now()
    state, name, found = _observe(session, group, timeout)
    target = state.find_node(node)
    before = {"owner": found.owner, "state": found.state}
    if target is None:
        raise Refused(f"the cluster has no node {node}", remedy=f"Its nodes are {', '.join(state.nodes)}.")
    if found.owner == target:
        return {"changed": False, "before": before, "after": before, "events": []}
    if state.nodes[target].state != "up":
        raise Refused(
            f"{name} cannot move to {target}: the node is {state.nodes[target].state}",
            remedy="See that the Cluster service runs on the node and that it is not paused.",
        )
    if target not in found.possible_owners:
        raise Refused(
            f"{name} cannot move to {target}: the node is no possible owner of all of its resources",
            remedy=f"Add {target} to the possible owners of each resource, or choose one of "
            f"{', '.join(found.possible_owners) or 'none'}.",
        )
    events = _Events(name, found.virtual_server)
    teller = _Teller(session, state, name)

    last = ("", "")

    def look() -> Look:
        nonlocal last
        last = key = owner, word = group_row(session, name, state.words)
        if word in UNDECIDED:
            teller.tell()
            return Look("pending", key, "")
        if owner == target:
            if word == "online" or (word == found.state and word != "failed"):
                return Look("done", key, word)
            return Look("bad", key, f"{name} is {word} on {target}", _EVENT_LOGS)
        if owner == found.owner:
            return Look("unchanged", key, f"{name} stayed on, or came back to, {owner} and is {word}", _EVENT_LOGS)
        return Look("bad", key, f"{name} went to {owner} and is {word}", _EVENT_LOGS)

    with events.kept_in_errors():
        if found.state == "online":
            events.add("offline", session.clock.now())
        line = command("cluster", "group", quote(name), switch("moveto", target), switch("wait", SLICE))
        rest = max(timeout - (session.clock.now() - started), 0.0)
        try:
            done = drive(session, line, look, what=f"moving {name} from {found.owner} to {target}", timeout=rest)
        except CommandFailed:
            if last[1] == "online":
                # It came back to where it was, and serves there.
                events.add("online", session.clock.now())
            raise
        now = session.clock.now()
        events.add("moved", now)
        if done.detail == "online":
            events.add("online", now)
    return {
        "changed": True,
        "before": before,
        "after": {"owner": target, "state": done.detail},
        "events": events.list,
    }


def take_offline(
    session: Session, group: str, keep_types: Sequence[str] = KEPT_TYPES, timeout: float = 600
) -> dict[str, Any]:
    """Take every resource of a group offline except those of some types, dependent ones first.

    The result's ``taken`` names what was taken offline and ``left`` what was offline before. Refused for the
    group of the quorum resource. ``timeout``: seconds for all of them together.
    """
    started = session.clock.now()
    state, name, found = _observe(session, group, timeout)
    if found.quorum:
        raise Refused(
            f"{name} holds the quorum resource; its resources are not taken offline",
            remedy="Name the group of a virtual server.",
        )
    kept = {kind.lower() for kind in keep_types}
    targets = [r for r in _dependents_first(state, name) if state.resources[r].type.lower() not in kept]
    before = _group_dict(state, name)
    left = [r for r in targets if state.resources[r].state == "offline"]
    taken: list[str] = []
    events = _Events(name, found.virtual_server)
    current = state

    def look(resource: str, was: str) -> Look:
        nonlocal current
        current = refresh(session, current)
        now = current.resources[resource].state
        key = (resource, now)
        if now == "offline":
            return Look("done", key, now)
        if now in UNDECIDED:
            return Look("pending", key, now)
        return Look("unchanged" if now == was else "bad", key, f"{resource} is {now}", _EVENT_LOGS)

    with events.kept_in_errors():
        for resource in targets:
            was = current.resources[resource].state
            if was == "offline":
                continue
            if not taken and found.state == "online":
                events.add("offline", session.clock.now())
            line = command("cluster", "res", quote(resource), switch("off"), switch("wait", SLICE))
            rest = max(timeout - (session.clock.now() - started), 0.0)
            drive(
                session,
                line,
                lambda resource=resource, was=was: look(resource, was),  # type: ignore[misc]
                what=f"taking {resource} offline",
                timeout=rest,
            )
            taken.append(resource)
    return {
        "changed": bool(taken),
        "before": before,
        "after": _group_dict(current, name),
        "taken": taken,
        "left": left,
        "events": events.list,
    }


def bring_online(session: Session, group: str, timeout: float, leave_offline: Sequence[str] = ()) -> dict[str, Any]:
    """Bring a group online and wait until every resource of it is, but for those in ``leave_offline``.

    ``leave_offline``: resources that were offline before the update and stay so. A resource that fails is a
    ``CommandFailed`` that names it. ``timeout``: seconds.
    """
    started = session.clock.now()
    state, name, found = _observe(session, group, timeout)
    spared = {resource.lower() for resource in leave_offline}
    wanted = [r for r in reversed(_dependents_first(state, name)) if r.lower() not in spared]
    before = _group_dict(state, name)
    events = _Events(name, found.virtual_server)
    current = state
    equal: list[Any] = [None, 0]
    teller = _Teller(session, state, name)

    def look(of_interest: Sequence[str]) -> Look:
        nonlocal current
        current = refresh(session, current)
        states = {r: current.resources[r].state for r in of_interest}
        key = tuple(states.items())
        equal[:] = [key, equal[1] + 1 if equal[0] == key else 1]
        if all(now == "online" for now in states.values()):
            return Look("done", key, "online")
        if any(now in UNDECIDED for now in states.values()):
            teller.tell(current)
            return Look("pending", key, "")
        sick = [f"{r} is {now}" for r, now in states.items() if now not in ("online", "offline")]
        if sick:
            return Look(
                "bad",
                key,
                f"{name} does not come online on {current.groups[name].owner}: {', '.join(sick)}",
                _EVENT_LOGS,
            )
        idle = [r for r, now in states.items() if now == "offline"]
        if len(of_interest) > 1 and equal[1] >= STABLE:
            # The group's command leaves some resources alone: they are brought online one by one.
            return Look("done", key, "partial")
        return Look("unchanged", key, f"{', '.join(idle)} stay offline", _EVENT_LOGS)

    def go(line: str, of_interest: Sequence[str], what: str) -> Look:
        equal[:] = [None, 0]
        rest = max(timeout - (session.clock.now() - started), 0.0)
        return drive(session, line, lambda: look(of_interest), what=what, timeout=rest)

    offline = [r for r in wanted if state.resources[r].state != "online"]
    with events.kept_in_errors():
        if offline and not spared:
            line = command("cluster", "group", quote(name), switch("on"), switch("wait", SLICE))
            go(line, wanted, f"bringing {name} online")
        for resource in wanted:
            if current.resources[resource].state == "online":
                continue
            line = command("cluster", "res", quote(resource), switch("on"), switch("wait", SLICE))
            go(line, [resource], f"bringing {resource} online")
        if offline:
            events.add("online", session.clock.now())
    return {
        "changed": bool(offline),
        "before": before,
        "after": _group_dict(current, name),
        "events": events.list,
    }


class _Events:
    """The events of one group; kept only for virtual servers."""

    def __init__(self, group: str, virtual_server: bool) -> None:
        self.group = group
        self.virtual_server = virtual_server
        self.list: list[dict[str, Any]] = []

    def add(self, event: str, at: float) -> None:
        if self.virtual_server:
            self.list.append({"virtual_server": self.group, "event": event, "at": at})

    @contextmanager
    def kept_in_errors(self) -> Iterator[None]:
        try:
            yield
        except HostError as error:
            error.details.setdefault("events", self.list)
            raise


class _Teller:
    """Says which resources of a group are on their way when that takes long. What cannot be read then is not said."""

    def __init__(self, session: Session, state: ClusterState, group: str) -> None:
        self._session = session
        self._state = state
        self._group = group
        self._next = session.clock.now() + LONG

    def tell(self, state: ClusterState | None = None) -> None:
        """Say it, if it is time to. ``state``: what was read just now."""
        if self._session.clock.now() < self._next:
            return
        self._next = self._session.clock.now() + _TOLD_EVERY
        try:
            members = (state or refresh(self._session, self._state)).resources_of(self._group)
        except HostError:
            return
        waiting = [
            f"{name} is {entry.state.replace('_', ' ')}" for name, entry in members.items() if entry.state in UNDECIDED
        ]
        if waiting:
            why = "; a store upgrades its databases as it comes online on a new version, which can take hours"
            store = any(members[name].type == INFORMATION_STORE for name in members if members[name].state in UNDECIDED)
            self._session.progress(f"{self._group}: {', '.join(waiting)}{why if store else ''}")


def _observe(session: Session, group: str, timeout: float) -> tuple[ClusterState, str, Group]:
    """The cluster and the group in it, once nothing in the group is on its way."""
    started = session.clock.now()

    def look() -> tuple[ClusterState, str, Group] | None:
        state = read_cluster(session)
        if state.service != "running":
            raise Refused(
                f"the Cluster service of this node is {state.service}",
                remedy="Start the Cluster service, or ask another node of the cluster.",
            )
        name = state.find_group(group)
        if name is None:
            raise Refused(f"the cluster has no group {group}", remedy=f"Its groups are {', '.join(state.groups)}.")
        states = {name: state.groups[name].state}
        states |= {member: entry.state for member, entry in state.resources_of(name).items()}
        undecided = [member for member, now in states.items() if now in UNDECIDED]
        if not undecided:
            return state, name, state.groups[name]
        unknown = [member for member in undecided if states[member] == "unknown"]
        if unknown and session.clock.now() - started > _UNKNOWN_WAIT:
            raise Refused(
                f"the state of {', '.join(unknown)} cannot be told from the word that cluster.exe shows",
                remedy="Look at it by hand; for a language that is missing, see data/words.yml.",
            )
        return None

    return session.wait(patient(session, look), what=f"{group} to settle", timeout=timeout, tolerate=TRANSIENT)


def _dependents_first(state: ClusterState, group: str) -> list[str]:
    """The resources of a group so that each stands before those that it depends on."""
    members = state.resources_of(group)
    ordered: list[str] = []
    waiting = dict(members)
    while waiting:
        needed = {provider for entry in waiting.values() for provider in entry.depends_on}
        free = [name for name in waiting if name not in needed] or list(waiting)
        for name in free:
            del waiting[name]
        ordered += free
    return ordered


def _group_dict(state: ClusterState, group: str) -> dict[str, Any]:
    found = state.groups[group]
    return {
        "owner": found.owner,
        "state": found.state,
        "resources": {name: entry.state for name, entry in state.resources_of(group).items()},
    }

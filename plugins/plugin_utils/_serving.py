# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a virtual server back into service after a turn that failed, on a node that can carry its version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cluster import act
from .cluster.model import Group
from .cluster.read import read_cluster
from .cluster.service import computer_name
from .exchange.directory_entries import upgraded
from .exchange.info import read_marks
from .exchange.outcome import at_result
from .exchange.virtual_server import ServerDirectory
from .hosts.errors import CommandFailed, HostError, Refused
from .hosts.session import Session


def serve(
    session: Session,
    group: str,
    update: Mapping[str, Any],
    directory: ServerDirectory | None,
    fallback_node: str | None,
    timeout: float,
) -> dict[str, Any]:
    """Bring a virtual server online, moved before where its version does not fit the node that it stands on.

    One that is online is left alone. ``fallback_node``: the node that carried it before the turn. ``timeout``: seconds
    for all of it. Returns ``changed``, ``before``, ``after``, ``events`` and ``msg``. Raises Refused where no node is
    known that can carry it.
    """
    started = session.clock.now()
    events: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    tried: list[str] = []
    try:
        while True:
            state = read_cluster(session, settle=_rest(session, started, timeout))
            name = state.find_group(group)
            if name is None:
                raise Refused(f"the cluster has no group {group}, or its service does not run on this node")
            found = state.groups[name]
            before = before or {"owner": found.owner, "state": found.state}
            if found.state == "online":
                after = {"owner": found.owner, "state": found.state}
                return {**_result(name, before, after, events), "changed": bool(tried)}
            target = _target(session, found, update, directory, fallback_node, name)
            tried.append(target)
            try:
                if target.casefold() != found.owner.casefold():
                    session.progress(f"moving {name} to {target}, which can carry its version")
                    events += act.move_group(session, name, target, _rest(session, started, timeout))["events"]
                done = act.bring_online(session, name, _rest(session, started, timeout))
            except CommandFailed as error:
                # A person may have upgraded it at this very moment: then another node can carry it now.
                again = _target(session, found, update, directory, fallback_node, name)
                if again in tried:
                    raise
                events += error.details.get("events", [])
                continue
            after = {key: done["after"][key] for key in ("owner", "state")}
            return _result(name, before, after, [*events, *done["events"]])
    except HostError as error:
        error.details["events"] = [*events, *error.details.get("events", [])]
        raise


def _result(name: str, before: dict[str, Any], after: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    words = f"{name} is online on {after['owner']}."
    return {"changed": True, "before": before, "after": after, "events": events, "msg": words}


def _target(
    session: Session,
    found: Group,
    update: Mapping[str, Any],
    directory: ServerDirectory | None,
    fallback_node: str | None,
    name: str,
) -> str:
    """Return the node that can carry the virtual server by what host and directory say now. Raises Refused."""
    entry = _entry(directory, found.network_name) if update["upgrades_virtual_server"] else None
    target = carrier(
        owner=found.owner,
        here=computer_name(session),
        fallback=fallback_node,
        node_updated=at_result(update, read_marks(session)),
        server_upgraded=upgraded(update, entry) if update["upgrades_virtual_server"] else None,
    )
    if target is None:
        raise Refused(
            f"{name} is of another version than {found.owner}, and no node is known that can carry it",
            remedy="Move it by hand to a node with the Exchange version that the directory shows for it, and bring it "
            "online there; or upgrade it on an updated node",
            virtual_server=entry,
        )
    return target


def carrier(
    *, owner: str, here: str, fallback: str | None, node_updated: bool, server_upgraded: bool | None
) -> str | None:
    """Return the node on which a virtual server that is offline can come online; None where none is known. Pure.

    ``here`` is the node whose turn it was, the only one whose level was read now. ``server_upgraded`` is None where
    the update upgrades no virtual servers: then every node can carry it. Once upgraded it needs an updated node, and
    before that one that is not.
    """
    if server_upgraded is None:
        return owner
    stands_here = owner.casefold() == here.casefold()
    came_from_here = fallback is not None and owner.casefold() == fallback.casefold()
    if server_upgraded:
        # Only an updated node carries it: any but the one that it left, and this one once it is updated.
        if not (came_from_here or (stands_here and not node_updated)):
            return owner
        return here if node_updated else None
    # Only a node that is not updated carries it: the one that it left, or this one while it is not.
    if came_from_here or (stands_here and not node_updated):
        return owner
    return fallback


def _entry(directory: ServerDirectory | None, network_name: str | None) -> dict[str, Any] | None:
    if directory is None or not network_name:
        raise Refused(
            "without the directory nobody can see which version the virtual server has",
            remedy="Configure the directory (address, user, password), or bring the virtual server online by hand",
        )
    return directory.servers().get(network_name.upper())


def _rest(session: Session, started: float, timeout: float) -> float:
    return max(timeout - (session.clock.now() - started), 0.0)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting and stopping the Cluster service of a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hosts.errors import CommandFailed, ConnectionLost, Refused, Unreachable, Unreadable
from ..hosts.session import Session
from .drive import patient
from .read import SERVICE, Moving, NotAnswering, read_cluster

COMPUTER_NAME_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName"
INSTALLERS = ("update.exe", "setup.exe")
"""Image names of the Exchange installers."""


def computer_name(session: Session) -> str:
    """The host's own name, as its cluster knows it."""
    values = session.registry_values(COMPUTER_NAME_KEY) or {}
    for name, (unused, data) in values.items():
        if name.lower() == "computername" and isinstance(data, str) and data:
            return data
    raise Unreadable(f"the host's own name is not in {COMPUTER_NAME_KEY}")


def start_cluster_service(session: Session, timeout: float) -> dict[str, Any]:
    """Start the Cluster service and wait until the node is up in its cluster (right after the start it does not
    answer yet). ``timeout``: seconds for both together.
    """
    started = session.clock.now()
    before = read_state(session)
    if before == "absent":
        raise Refused(
            "the Cluster service is not installed on this host",
            remedy="Take the host out of its cluster in the inventory, or install the Cluster service.",
        )
    node = computer_name(session)
    changed = False
    for attempt in (1, 2, 3):
        try:
            changed = session.start_service(SERVICE, _rest(session, started, timeout)) or changed
            break
        except ConnectionLost:
            # Starting a service that runs or is starting does nothing, so that it can be asked for again.
            session.reconnect()
            changed = True
            if attempt == 3:
                raise

    def up() -> str | None:
        state = read_cluster(session)
        if state.service in ("stopped", "stop_pending"):
            raise CommandFailed(
                "the Cluster service stopped again after its start",
                remedy="Read the System log of the node (source ClusSvc) and %windir%\\Cluster\\cluster.log.",
            )
        own = state.find_node(node)
        seen = state.nodes[own].state if own else None
        if seen == "paused":
            raise CommandFailed(
                f"the node {node} is paused, which outlives a restart",
                remedy=f"Resume it: cluster node {node} /resume",
            )
        return seen if seen == "up" else None

    after = session.wait(
        patient(session, up),
        what=f"node {node} to be up in its cluster",
        timeout=_rest(session, started, timeout),
        tolerate=(NotAnswering, Moving, Unreachable),
    )
    return {
        "changed": changed,
        "before": {"service": before},
        "after": {"service": "running", "node": after},
        "events": [],
    }


def stop_cluster_service(session: Session, timeout: float, installers: Sequence[str] = INSTALLERS) -> dict[str, Any]:
    """Stop the Cluster service of a node that nothing depends on any more.

    Read again immediately before the stop, and refused: where the node owns a virtual server or the group
    of the quorum resource, where another node of the cluster is not in service, where an installer runs.
    ``timeout``: seconds.
    """
    started = session.clock.now()
    before = read_state(session)
    if before == "absent":
        raise Refused("the Cluster service is not installed on this host")
    after = {"service": "stopped"}
    if before == "stopped":
        return {"changed": False, "before": {"service": before}, "after": after, "events": []}
    node = computer_name(session)
    for attempt in (1, 2, 3):
        if read_state(session) == "running":
            _may_stop(session, node, installers)
        try:
            session.stop_service(SERVICE, _rest(session, started, timeout))
            break
        except ConnectionLost:
            session.reconnect()
            if attempt == 3:
                raise
    return {"changed": True, "before": {"service": before}, "after": after, "events": []}


def read_state(session: Session) -> str:
    """The state of the Cluster service, or ``absent``."""
    found = session.services([SERVICE])
    return found[SERVICE].state if SERVICE in found else "absent"


def _may_stop(session: Session, node: str, installers: Sequence[str]) -> None:
    running = {image.lower() for image, unused in session.processes()}
    busy = sorted(name for name in installers if name.lower() in running)
    if busy:
        raise Refused(
            f"an installer runs on this node: {', '.join(busy)}", remedy="Let it end, or end it, and start again."
        )
    # Last of all, so that nothing lies between this reading and the stop.
    state = read_cluster(session)
    own = state.find_node(node)
    if own is None:
        raise Refused(f"the cluster {state.name} does not know this host ({node})")
    held = [
        name for name, group in state.groups.items() if group.owner == own and (group.virtual_server or group.quorum)
    ]
    if held:
        raise Refused(
            f"the Cluster service of {own} is not stopped: the node owns {', '.join(held)}",
            remedy="Move these groups to another node first.",
            groups=held,
        )
    away = [
        f"{name} is {entry.state}"
        for name, entry in state.nodes.items()
        if name != own and entry.state not in ("up", "paused")
    ]
    if away:
        raise Refused(
            f"the Cluster service of {own} is not stopped: {', '.join(away)}, and only one node of a cluster may be out"
            " of service at a time",
            remedy="Bring the other node back into the cluster first.",
        )


def _rest(session: Session, started: float, timeout: float) -> float:
    return max(timeout - (session.clock.now() - started), 0.0)

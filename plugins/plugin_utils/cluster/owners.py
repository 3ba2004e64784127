# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The possible owners of a resource: the nodes on which the cluster may run it, and with it its group.

``cluster res NAME /addowner:NODE`` and ``/removeowner:NODE`` are documented (cc785087, Server 2003 SP2's usage text)
[V]; their exit codes are advisory, and what the registry shows afterwards decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..hosts.commands import command, quote, switch
from ..hosts.errors import Refused
from ..hosts.session import Session
from .drive import TRANSIENT, Look, drive, patient
from .model import ClusterState
from .read import read_cluster

_LOGS = "Read the System log of the node (source ClusSvc)."


def set_owners(session: Session, resource: str, nodes: Sequence[str], timeout: float) -> dict[str, Any]:
    """Have exactly these nodes as the possible owners of a resource: what lacks is added first, then the others go.

    Refused: an empty set, a node that the cluster does not know, a set without the node that owns the resource now
    (the cluster would have nowhere to keep it). ``timeout``: seconds for all of it. Returns ``changed``, ``before``
    and ``after`` (``possible_owners``, by the numbers of the nodes).
    """
    started = session.clock.now()
    state = session.wait(
        patient(session, lambda: _running(session)),
        what="the cluster to answer",
        timeout=timeout,
        tolerate=TRANSIENT,
    )
    name = state.find_resource(resource)
    if name is None:
        raise Refused(f"the cluster has no resource {resource}", remedy="See cluster_info for its resources.")
    wanted = _wanted(state, name, nodes)
    before = list(state.resources[name].possible_owners)
    missing = [node for node in wanted if node not in before]
    surplus = [node for node in before if node not in wanted]
    for nodes_left, verb, word in ((missing, "addowner", "adding"), (surplus, "removeowner", "removing")):
        for node in nodes_left:
            what = f"{word} {node} as a possible owner of {name}"
            rest = max(timeout - (session.clock.now() - started), 0.0)
            line = command("cluster", "res", quote(name), switch(verb, node))
            drive(session, line, _Watch(session, name, node, verb == "addowner"), what=what, timeout=rest)
    after = before if not missing and not surplus else list(read_cluster(session).resources[name].possible_owners)
    return {
        "changed": bool(missing or surplus),
        "before": {"possible_owners": before},
        "after": {"possible_owners": after},
        "events": [],
    }


class _Watch:
    """Reads whether a node is a possible owner by now, or none any more."""

    def __init__(self, session: Session, resource: str, node: str, there: bool) -> None:
        self._session, self._resource, self._node, self._there = session, resource, node, there

    def __call__(self) -> Look:
        owners = read_cluster(self._session).resources[self._resource].possible_owners
        key = tuple(owners)
        if (self._node in owners) is self._there:
            return Look("done", key, "")
        return Look("unchanged", key, f"the possible owners stay {', '.join(owners)}", _LOGS)


def _running(session: Session) -> ClusterState:
    state = read_cluster(session)
    if state.service != "running":
        raise Refused(
            f"the Cluster service of this node is {state.service}",
            remedy="Start the Cluster service, or ask another node of the cluster.",
        )
    return state


def _wanted(state: ClusterState, resource: str, nodes: Sequence[str]) -> list[str]:
    """The nodes as the cluster spells them, by their numbers."""
    found = {node: state.find_node(node) for node in nodes}
    unknown = [node for node, known in found.items() if known is None]
    if unknown:
        raise Refused(
            f"the cluster has no node {', '.join(unknown)}", remedy=f"Its nodes are {', '.join(state.nodes)}."
        )
    if not found:
        raise Refused(
            f"{resource} would have no possible owner", remedy="Name at least the node that owns its group now."
        )
    wanted = [node for node in state.nodes if node in found.values()]
    owner = state.groups[state.resources[resource].group].owner
    if owner not in wanted:
        raise Refused(
            f"{resource} stands on {owner}, which would be no possible owner of it any more",
            remedy=f"Name {owner} too, or move the group first.",
        )
    return wanted

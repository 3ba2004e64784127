# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters with Exchange 5.5: whether an installer may start on a node, and its group back in service.

Exchange 5.5 has one group in a cluster of two nodes; its services are Generic Service resources of it [V, Q290651]. A
service pack goes onto the node that owns the group first, and the group stays where it is: Setup takes the services
offline and brings them online again [V, KB 328839, Q221393]. A hotfix knows nothing of clusters: the group is offline
while it is installed on the node that owns the group's disks [V, Q271634].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..cluster import act
from ..cluster.drive import TRANSIENT, patient
from ..cluster.model import ClusterState
from ..cluster.read import SERVICE, read_cluster
from ..cluster.service import computer_name
from ..hosts.errors import CommandFailed, HostError, Refused
from ..hosts.jobs import Job
from ..hosts.session import Session
from .catalogue import programs, staging_folder
from .info import read_marks
from .outcome import at_result

PRODUCT = "5.5"
GENERIC = "Generic Service"
"""Type of the resources that are Exchange 5.5's services [V, Q290651]; newer versions have types of their own."""
INSTALLERS = ("setup.exe", "update.exe", "xcopy.exe")
"""Programs that keep a service pack from being installed while they run [V, KB 328839]."""
_ANSWER = 300.0
_KEPT = frozenset(kind.lower() for kind in act.KEPT_TYPES)


def group_of(cluster: Mapping[str, Any]) -> str | None:
    """The group of Exchange 5.5 in a cluster (as ``ClusterState.to_dict``), None where there is none.

    It is told by the service that one of its resources stands for, not by a name.
    """
    for name, group in cluster["groups"].items():
        hold = group["hold"]
        if group["virtual_server"] and hold and cluster["resources"][hold["resource"]]["type"] == GENERIC:
            return str(name)
    return None


def services_of(state: ClusterState, group: str) -> list[str]:
    """The services that the group's resources stand for, by their short names."""
    configured = state.configuration.resources if state.configuration else {}
    names = [configured[name].private.get("servicename", "") for name in state.resources_of(group)]
    return [name for name in names if name]


def read_patiently(session: Session, timeout: float = _ANSWER) -> ClusterState:
    """The cluster as this node sees it, also right after the Cluster service has started. ``timeout``: seconds."""
    return session.wait(
        patient(session, lambda: read_cluster(session)),
        what="the Cluster service to answer",
        timeout=timeout,
        tolerate=TRANSIENT,
    )


def read_node(session: Session, update: Mapping[str, Any]) -> dict[str, Any]:
    """What a node tells the installation on another one, read-only.

    Returns ``node`` (its computer name), ``installing`` (what installs something on it right now), ``exchange``
    (``product``, ``service_pack``, ``build``, ``hotfixes``) and ``cluster`` (as ``ClusterState.to_dict``).
    """
    names = {*INSTALLERS, *programs(update)}
    installing = sorted({image for image, unused in session.processes() if image.lower() in names})
    if Job(session, staging_folder(update), f"mailops-{update['id']}").observe().phase == "running":
        installing.append(f"the job of {update['id']}")
    marks = read_marks(session)
    return {
        "node": computer_name(session),
        "installing": installing,
        "exchange": {key: marks[key] for key in ("product", "service_pack", "build", "hotfixes")},
        "cluster": read_cluster(session).to_dict(),
    }


def check_may_install(session: Session, update: Mapping[str, Any], peers: Sequence[Mapping[str, Any]]) -> None:
    """Refuse where an installer of Exchange 5.5 must not start on this node now; nothing on a server of no cluster.

    ``peers``: what the other nodes told a moment ago (``read_node``).
    """
    found = session.services([SERVICE]).get(SERVICE)
    if found is None or (found.state == "stopped" and found.start_type == "disabled"):
        return
    here = computer_name(session)
    if found.state not in ("running", "stopped"):
        raise Refused(
            f"{update['id']} is not installed: the Cluster service of {here} is {found.state}",
            remedy="Wait until it has settled, and start again.",
        )
    own = read_cluster(session).to_dict() if found.state == "running" else None
    reasons = obstacles(update, here, own, peers)
    if reasons:
        raise Refused(
            f"{update['id']} is not installed on {here}: {'; '.join(what for what, unused in reasons)}",
            remedy=" ".join(dict.fromkeys(remedy for unused, remedy in reasons)),
        )


def obstacles(
    update: Mapping[str, Any], here: str, own: Mapping[str, Any] | None, peers: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Why the update must not be installed on the node ``here`` now, each with its remedy; [] where it may. Pure.

    ``own``: the cluster as this node sees it, None while its Cluster service is stopped. ``peers``: the other nodes
    (``read_node``). What nobody tells counts against the start.
    """
    views = [own, *(peer.get("cluster") for peer in peers)]
    view = next((entry for entry in views if entry and entry["service"] == "running" and entry["nodes"]), None)
    if view is None:
        return [("no node tells who owns the group of Exchange", "Start the Cluster service on the other node.")]
    group = group_of(view)
    if group is None:
        return [("the cluster has no group of Exchange 5.5", "See that the host is a node of the right cluster.")]
    told = {str(peer["node"]).casefold(): peer for peer in peers}
    reasons = []
    for node in view["nodes"]:
        peer = told.get(node.casefold())
        if node.casefold() == here.casefold():
            continue
        if peer is None:
            reasons.append(
                (f"nobody tells whether something is being installed on {node}", f"See that {node} answers.")
            )
        elif peer["installing"]:
            busy = ", ".join(peer["installing"])
            reasons.append((f"{busy} runs on {node}", f"Let it end on {node}: one node at a time is updated."))
    mine = view["groups"][group]["owner"].casefold() == here.casefold()
    if mine and own is None:
        reasons.append((f"the node owns {group}, and its Cluster service is stopped", "Start the Cluster service."))
    if update["kind"] == "service_pack":
        return reasons + _against_service_pack(update, view, group, mine, told)
    return reasons + _against_hotfix(view, group, mine, own)


def _against_service_pack(
    update: Mapping[str, Any], view: Mapping[str, Any], group: str, mine: bool, told: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str]]:
    found = view["groups"][group]
    reasons = []
    if found["state"] != "online" or (idle := _not_in(view, group, ("online",))):
        what = f"{group} is {_words(found['state'])}" if found["state"] != "online" else ", ".join(idle)
        reasons.append((what, f"Bring {group} online where it stands, and start again."))
    active = told.get(found["owner"].casefold())
    if not mine and active is not None and not at_result(update, active["exchange"]):
        reasons.append(
            (
                f"{found['owner']}, which owns {group}, does not have it yet",
                f"Update {found['owner']} first; {group} is not moved for a service pack.",
            )
        )
    return reasons


def _against_hotfix(
    view: Mapping[str, Any], group: str, mine: bool, own: Mapping[str, Any] | None
) -> list[tuple[str, str]]:
    if not mine or own is None:
        owner = view["groups"][group]["owner"]
        return [
            (f"{owner} owns {group} and the disks of Exchange", f"Move {group}, which is offline, to this node first.")
        ]
    busy = _not_in(own, group, ("offline",), exchange=True)
    reasons = [
        (what, f"Take the resources of {group} offline but for its addresses, names and disks.") for what in busy
    ]
    reasons += [
        (what, f"Bring the addresses, names and disks of {group} online on this node.")
        for what in _not_in(own, group, ("online",), exchange=False)
    ]
    return reasons


def _not_in(view: Mapping[str, Any], group: str, states: Iterable[str], exchange: bool | None = None) -> list[str]:
    """The group's resources that are in none of the states; ``exchange``: only Exchange's own ones, or the others."""
    return [
        f"{name} is {_words(entry['state'])}"
        for name, entry in view["resources"].items()
        if entry["group"] == group
        and (exchange is None or exchange == (entry["type"].lower() not in _KEPT))
        and entry["state"] not in states
    ]


def serve(
    session: Session, group: str, update: Mapping[str, Any], first_owner: str | None, timeout: float
) -> dict[str, Any]:
    """Have the group online again after a turn that failed. ``timeout``: seconds for all of it.

    For a service pack it comes online where it stands and is never moved. For a hotfix it goes back to ``first_owner``
    before, offline as it is; where it cannot go there it comes online where it stands: a hotfix makes the databases of
    no newer version. Returns ``changed``, ``before``, ``after``, ``events`` and ``msg``.
    """
    started = session.clock.now()
    state = read_cluster(session, settle=timeout)
    name = state.find_group(group)
    if name is None:
        raise Refused(f"the cluster has no group {group}, or its service does not run on this node")
    found = state.groups[name]
    before = {"owner": found.owner, "state": found.state}
    events: list[dict[str, Any]] = []
    if found.state == "online":
        # Setup may have brought it online itself: the record must know that its outage is over.
        events = [{"virtual_server": name, "event": "online", "at": session.clock.now()}]
        return _served(name, before, before, events, changed=False)

    def rest() -> float:
        return max(timeout - (session.clock.now() - started), 0.0)

    home = state.find_node(first_owner) if first_owner and update["kind"] != "service_pack" else None
    try:
        if home is not None and home != found.owner:
            events += _go_home(session, name, home, rest())
        done = act.bring_online(session, name, rest())
    except HostError as error:
        error.details["events"] = [*events, *error.details.get("events", [])]
        raise
    after = {key: done["after"][key] for key in ("owner", "state")}
    return _served(name, before, after, [*events, *done["events"]], changed=True)


def _go_home(session: Session, name: str, home: str, timeout: float) -> list[dict[str, Any]]:
    """Move the group, offline, to the node where it was found; what cannot be done is said, and no error."""
    events: list[dict[str, Any]] = []
    try:
        events += act.take_offline(session, name, timeout=timeout)["events"]
        session.progress(f"moving {name} back to {home}, where it was found")
        events += act.move_group(session, name, home, timeout)["events"]
    except (CommandFailed, Refused) as error:
        events += error.details.get("events", [])
        session.progress(f"{name} stays where it is: {error.message}")
    return events


def _served(
    name: str, before: dict[str, Any], after: dict[str, Any], events: list[dict[str, Any]], *, changed: bool
) -> dict[str, Any]:
    words = f"{name} is online on {after['owner']}."
    return {"changed": changed, "before": before, "after": after, "events": events, "msg": words}


def _words(state: str) -> str:
    return state.replace("_", " ")

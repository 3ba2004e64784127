# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a cluster from one of its nodes, in one round trip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ..hosts.commands import command, quote
from ..hosts.errors import Unreadable
from ..hosts.session import Output, Session
from .codes import explain_code, failure
from .configuration import (
    KEY,
    Configuration,
    ResourceConfiguration,
    attendant_of,
    is_virtual_server,
    network_name_of,
    read_configuration,
)
from .model import ClusterState, Group, Node, Resource
from .tables import Ambiguous, GroupRow, NodeRow, ResourceRow, parse_groups, parse_nodes, parse_resources
from .words import Words, calibrate

SERVICE = "ClusSvc"
_TABLES = ("cluster node", "cluster group", "cluster res")
_ATTEMPTS = 3


class NotAnswering(Unreadable):
    """The Cluster service runs and does not answer (right after its start, or on its way down)."""


class Moving(Unreadable):
    """Two answers of one reading do not fit together: something moved in between."""


def read_cluster(
    session: Session, settle: float = 0, seen: Callable[[ClusterState], None] | None = None
) -> ClusterState:
    """The state of the cluster that the host belongs to.

    ``settle``: seconds to wait until no group and no resource is on its way and no node is joining;
    0 takes the state as it is. ``seen``: gets each reading of one that has not settled. Where the
    Cluster service is absent or does not run, only ``service`` says something. Raises ``Unreadable``
    where tables and registry contradict each other after several readings, ``WaitTimeout`` where the
    cluster does not settle.
    """
    if settle <= 0:
        return _read_consistently(session)
    deadline = session.clock.now() + settle

    def settled() -> ClusterState | None:
        state = _read_consistently(session)
        if seen is not None and (state.unsettled or state.unknown):
            seen(state)
        if state.unsettled:
            return None
        # A word that nobody knows may be the one for "on its way"; at the end it is told as it is.
        return state if not state.unknown or session.clock.now() >= deadline else None

    return session.wait(settled, what="the cluster to settle", timeout=settle, tolerate=(NotAnswering, Moving))


def refresh(session: Session, state: ClusterState) -> ClusterState:
    """Owners and states anew, with the configuration that is known already."""
    if state.configuration is None:
        return _read_consistently(session)
    configuration = state.configuration
    return _while_moving(session, lambda: _combine(session, configuration, session.run_all(_TABLES)))


def group_row(session: Session, name: str, words: Words | None = None) -> tuple[str, str]:
    """Owner and state of one group, the state ``unknown`` where its word is.

    ``words``: what an earlier ``read_cluster`` learnt (``ClusterState.words``).
    """
    output = session.run(command("cluster", "group", quote(name)), changes=False)
    if output.exit_code != 0:
        raise failure(f"cluster group {name}", output)
    rows = _single_group(output.stdout, name)
    return rows.owner, (words or Words()).group(rows.word)


def _single_group(text: str, name: str) -> GroupRow:
    # Names of nodes hold no blanks, so that with the group's name known the rest is clear without them.
    owners = {word for line in text.splitlines() for word in line.split()}
    rows = parse_groups(text, [name], owners)
    if len(rows) != 1:
        raise Unreadable(f"cluster.exe gave {len(rows)} rows for the group {name}", output=text[:2000])
    return rows[0]


def _read_consistently(session: Session) -> ClusterState:
    """Read until all answers of one reading fit together."""
    return _while_moving(session, lambda: _read_once(session))


def _while_moving(session: Session, read: Callable[[], ClusterState]) -> ClusterState:
    """Read again, some times and not at once, while something moves in between."""
    left = _ATTEMPTS
    while True:
        try:
            return read()
        except Moving:
            left -= 1
            if not left:
                raise
        session.clock.sleep(min(session.poll_interval, 2.0))


def _read_once(session: Session) -> ClusterState:
    answers = session.ask(_TABLES, trees=[KEY], services=[SERVICE])
    service = answers.services.get(SERVICE)
    if service is None:
        return ClusterState(service="absent")
    if service.state != "running":
        return ClusterState(service=service.state)
    tree = answers.registry.trees[KEY]
    if tree is None:
        _answers("cluster node", answers.outputs[0])
        raise Unreadable(
            f"the cluster's configuration ({KEY}) cannot be read",
            remedy="Use an account that is a local administrator of every node.",
        )
    return _combine(session, read_configuration(tree), answers.outputs)


def _answers(what: str, output: Output) -> str:
    """The text of a command of cluster.exe that must have worked."""
    if output.exit_code == 0:
        return output.stdout
    if explain_code(output).kind == "retry":
        raise NotAnswering(
            f"the Cluster service runs but does not answer: {explain_code(output).meaning}",
            remedy="Wait until the node has joined its cluster, and start again.",
            exit_code=output.exit_code,
        )
    raise failure(what, output)


def _combine(session: Session, configuration: Configuration, tables: Sequence[Output]) -> ClusterState:
    node_text, group_text, resource_text = (
        _answers(what, output) for what, output in zip(_TABLES, tables, strict=True)
    )
    node_rows = parse_nodes(node_text)
    _same("nodes", configuration.nodes, [row.name for row in node_rows])
    for row in node_rows:
        if configuration.nodes[row.name] != row.id:
            raise Unreadable(f"node {row.name} has the number {row.id} in the table and another one in the registry")
    group_rows = _group_rows(session, configuration, group_text)
    _same("groups", configuration.groups, [row.name for row in group_rows])
    resource_rows = _resource_rows(session, configuration, resource_text)
    _same("resources", configuration.resources, [row.name for row in resource_rows])
    return _state(configuration, node_rows, group_rows, resource_rows)


def _same(what: str, known: Iterable[str], seen: list[str]) -> None:
    """Every known name once, and no other."""
    expected, counted = set(known), Counter(seen)
    if expected != set(counted) or any(count > 1 for count in counted.values()):
        different = sorted(expected ^ set(counted)) or [name for name, count in counted.items() if count > 1]
        raise Moving(
            f"the table of {what} and the cluster's registry do not name the same ones: {', '.join(different)}",
            remedy="See whether somebody is changing the cluster's configuration right now.",
        )


def _group_rows(session: Session, configuration: Configuration, text: str) -> list[GroupRow]:
    try:
        return parse_groups(text, configuration.groups, configuration.nodes)
    except Ambiguous:
        names = list(configuration.groups)
        outputs = session.run_all([command("cluster", "group", quote(name)) for name in names])
        return [
            _single_group(_answers(f"cluster group {name}", output), name)
            for name, output in zip(names, outputs, strict=True)
        ]


def _resource_rows(session: Session, configuration: Configuration, text: str) -> list[ResourceRow]:
    try:
        return parse_resources(text, configuration.resources, configuration.groups, configuration.nodes)
    except Ambiguous:
        names = list(configuration.resources)
        outputs = session.run_all([command("cluster", "res", quote(name)) for name in names])
        rows = []
        for name, output in zip(names, outputs, strict=True):
            group = configuration.resources[name].group
            groups = [group] if group else list(configuration.groups)
            rows += parse_resources(_answers(f"cluster res {name}", output), [name], groups, configuration.nodes)
        return rows


def _state(
    configuration: Configuration, nodes: list[NodeRow], groups: list[GroupRow], resources: list[ResourceRow]
) -> ClusterState:
    owners = {row.name: row.owner for row in groups}
    for row in resources:
        entry = configuration.resources[row.name]
        if entry.group not in (None, row.group):
            raise Moving(f"resource {row.name} is in the group {row.group} by the table, {entry.group} by the registry")
        if owners[row.group].lower() != row.owner.lower():
            raise Moving(
                f"resource {row.name} is owned by {row.owner}, its group {row.group} by {owners[row.group]}",
                remedy="See whether the group is moving to and fro.",
            )
    quorum = next((row for row in resources if row.name == configuration.quorum_resource), None)
    if quorum is None:
        raise Unreadable(f"the registry ({KEY}\\Quorum) does not name the cluster's quorum resource")
    node_words = {row.name: row.word for row in nodes}
    words = calibrate(quorum.word, node_words[quorum.owner], {row.word for row in groups})
    numbers = {row.name: row.id for row in nodes}
    members: dict[str, dict[str, ResourceConfiguration]] = {row.name: {} for row in groups}
    for row in resources:
        members[row.group][row.name] = configuration.resources[row.name]
    return ClusterState(
        service="running",
        name=configuration.name,
        quorum_resource=quorum.name,
        nodes={row.name: Node(row.id, words.node(row.word)) for row in sorted(nodes, key=lambda row: row.id)},
        groups={
            row.name: Group(
                owner=row.owner,
                state=words.group(row.word),
                preferred_owners=configuration.groups[row.name],
                possible_owners=_possible_owners(members[row.name], numbers),
                virtual_server=is_virtual_server(members[row.name]),
                quorum=row.name == quorum.group,
                network_name=network_name_of(members[row.name]),
                hold=_hold(members[row.name]),
            )
            for row in groups
        },
        resources={
            row.name: Resource(
                group=row.group,
                owner=row.owner,
                state=words.resource(row.word),
                type=configuration.resources[row.name].type,
                possible_owners=configuration.resources[row.name].possible_owners,
                depends_on=configuration.resources[row.name].depends_on,
            )
            for row in resources
        },
        words=words,
        configuration=configuration,
    )


def _hold(members: dict[str, ResourceConfiguration]) -> dict[str, object] | None:
    """By which resource a virtual server can be held to some nodes, and which nodes may own that one now.

    A group can only go to nodes that are possible owners of all of its resources, so one of them is enough.
    """
    name = attendant_of(members)
    return None if name is None else {"resource": name, "possible_owners": members[name].possible_owners}


def _possible_owners(members: dict[str, ResourceConfiguration], numbers: dict[str, int]) -> list[str]:
    """The nodes that may own every resource of a group, in the order of their numbers."""
    possible = set(numbers)
    for entry in members.values():
        possible &= set(entry.possible_owners)
    return sorted(possible, key=lambda node: numbers[node])

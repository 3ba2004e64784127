# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that ``cluster`` prints.

[V] from captured outputs: the columns are *minimum* widths; a longer name pushes the rest of its row to
the right and is never cut; a row can end with a blank. Titles and headings are in the texts' table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..cluster import Cluster, Group, Node, Resource
from ..shell.call import Call

NAME, OWNER = 20, 15
# One row of a property listing: type flag, property, value as it is shown.
Property = tuple[str, str, str]


def show_nodes(call: Call, nodes: Iterable[Node]) -> None:
    """The table of nodes, by number."""
    heads = [call.text("cluster.head.node"), call.text("cluster.head.id"), call.text("cluster.head.status")]
    call.line(f"{heads[0]:<14} {heads[1]:<7} {heads[2]}")
    call.line(f"{'-' * 14} {'-' * 7} {'-' * 21}")
    for node in nodes:
        call.line(f"{node.name:<14} {node.id:>7} {state(call, 'node', node.state)}")


def show_groups(call: Call, groups: Iterable[Group]) -> None:
    """The table of groups."""
    heads = [call.text(f"cluster.head.{key}") for key in ("group", "node", "status")]
    call.line(f"{heads[0]:<{NAME}} {heads[1]:<{OWNER}} {heads[2]}")
    call.line(f"{'-' * NAME} {'-' * OWNER} {'-' * len(heads[2])}")
    for group in groups:
        call.line(f"{group.name:<{NAME}} {group.owner:<{OWNER}} {state(call, 'group', group.state)} ")


def show_resources(call: Call, target: Cluster, resources: Iterable[Resource]) -> None:
    """The table of resources."""
    heads = [call.text(f"cluster.head.{key}") for key in ("resource", "group", "node", "status")]
    call.line(f"{heads[0]:<{NAME}} {heads[1]:<{NAME}} {heads[2]:<{OWNER}} {heads[3]}")
    call.line(f"{'-' * NAME} {'-' * NAME} {'-' * OWNER} {'-' * len(heads[3])}")
    for resource in resources:
        owner = target.groups[resource.group].owner
        word = state(call, "resource", resource.state)
        call.line(f"{resource.name:<{NAME}} {resource.group:<{NAME}} {owner:<{OWNER}} {word}")


def state(call: Call, kind: str, name: str) -> str:
    """The word for a state in the host's language."""
    return call.text(f"cluster.state.{kind}.{name}")


def show_owners(call: Call, title: str, heading: str, name: str, nodes: Sequence[str]) -> None:
    """A list of nodes under a dashed line."""
    head = call.text(heading)
    call.line("\n" + call.text(title, name=name))
    call.line(head)
    call.line("-" * len(head))
    for node in nodes:
        call.line(node)


def show_properties(call: Call, title: str, name: str, rows: Iterable[Property], wanted: Iterable[str] = ()) -> None:
    """A property listing; the row's layout is captured [V], the listing around it recalled [R]."""
    only = {item.lower() for item in wanted}
    call.line("\n" + call.text(title, name=name) + "\n")
    call.line(
        f"T  {call.text('cluster.head.object'):<{NAME}} {call.text('cluster.head.name'):<30} "
        f"{call.text('cluster.head.value')}"
    )
    call.line(f"-- {'-' * NAME} {'-' * 30} {'-' * 23}")
    for flag, key, value in rows:
        if not only or key.lower() in only:
            call.line(f"{flag:<2} {name:<{NAME}} {key:<30} {value}")


def number(value: int) -> str:
    """A number as property listings show it: ``10 (0xa)``."""
    return f"{value} (0x{value & 0xFFFFFFFF:x})"


def show_version(call: Call, target: Cluster) -> None:
    """``cluster /ver`` ([R], texts recalled)."""
    build = {"nt4": "4.0 (Build 1381", "2000": "5.0 (Build 2195"}.get(call.host.os, "5.2 (Build 3790")
    pack = f": Service Pack {call.host.os_service_pack}" if call.host.os_service_pack else ""
    call.line(f"{call.text('cluster.version.name')}: {target.name}")
    call.line(f"{call.text('cluster.version.version')}: {build}{pack})")
    call.line(f"{call.text('cluster.version.vendor')}: Microsoft(R) Cluster service")


def list_clusters(call: Call) -> int:
    """``cluster /list`` ([R])."""
    head = call.text("cluster.version.name")
    call.line(head)
    call.line("-" * len(head))
    for target in call.world.clusters.values():
        if target.running:
            call.line(target.name)
    return 0


def show_quorum(call: Call, target: Cluster) -> None:
    """``cluster /quorum`` ([R], layout recalled)."""
    heads = [call.text(f"cluster.quorum.{key}") for key in ("name", "device", "size")]
    call.line(f"\n{heads[0]:<{NAME}} {heads[1]:<47} {heads[2]}")
    call.line(f"{'-' * NAME} {'-' * 47} {'-' * 12}")
    name = target.quorum_resource if target.quorum_known else call.text("cluster.quorum.lost")
    call.line(f"{name:<{NAME}} {target.quorum_path:<47} 4194304")


def show_cluster_properties(call: Call, target: Cluster) -> None:
    """``cluster /prop`` ([R])."""
    rows = [
        ("D", "EnableEventLogReplication", number(1)),
        ("D", "QuorumArbitrationTimeMax", number(60)),
        ("D", "QuorumArbitrationTimeMin", number(7)),
    ]
    show_properties(call, "cluster.properties_of", target.name, rows)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cluster``: the command line of the Cluster service.

Syntax [V]: TechNet cc723245, cc783967, cc785087, cc781201. The exit code is the Win32 code ([V] from two
production users); whether a wait that ran out is an error is not known ([U]): it ends with 997
(ERROR_IO_PENDING, accepted and still working) without an error text. That error texts go to standard
output is [U].
"""

from __future__ import annotations

from collections.abc import Sequence

from ..cluster import Cluster
from ..errors import Win32Error
from ..shell.call import Call, program
from . import cluster_groups, cluster_nodes, cluster_resources, cluster_tables
from .cluster_options import Options, UsageError, parse

GENERAL = {
    "ver": "version",
    "version": "version",
    "list": "list",
    "quorum": "quorum",
    "quorumresource": "quorum",
    "prop": "prop",
    "properties": "prop",
    "priv": "priv",
    "privproperties": "priv",
}
INVALID_PARAMETER, RPC_UNAVAILABLE, NO_ENDPOINT = 87, 1722, 1753


def _changing(argv: Sequence[str]) -> bool:
    try:
        return parse(argv).changing
    except UsageError:
        return False


@program("cluster", changing=_changing)
def cluster(call: Call) -> int:
    """Run one command of ``cluster.exe``; returns the Win32 error code, 0 for success."""
    try:
        options = parse(call.argv)
    except UsageError as error:
        if error.reason:
            call.line(error.reason)
        call.line(call.text("cluster.usage"))
        return INVALID_PARAMETER if error.reason else 0
    try:
        if options.kind == "" and GENERAL.get(options.option) == "list":
            return cluster_tables.list_clusters(call)
        return _run(call, _reach(call, options.cluster), options)
    except Win32Error as error:
        call.line("\n" + call.text("cluster.error", code=error.code, hex=f"{error.code:08x}"))
        call.line(call.win32(error.code))
        return error.code


def _reach(call: Call, name: str) -> Cluster:
    """The cluster of that name, or the one that this host is a node of."""
    host = call.host
    if name in ("", "."):
        if host.cluster is None:
            raise Win32Error(NO_ENDPOINT, host.name)
        host.cluster.access(host)
        return host.cluster
    for found in call.world.clusters.values():
        nodes = {node.name.lower(): node for node in found.nodes.values()}
        if name.lower() == found.name.lower():
            if not found.running:
                raise Win32Error(RPC_UNAVAILABLE, name)
            return found
        if name.lower() in nodes:
            node = nodes[name.lower()]
            if not node.host.up:
                raise Win32Error(RPC_UNAVAILABLE, name)
            found.access(node.host)
            return found
    raise Win32Error(RPC_UNAVAILABLE, name)


def _run(call: Call, target: Cluster, options: Options) -> int:
    if options.kind == "node":
        return cluster_nodes.run(call, target, options)
    if options.kind == "group":
        return cluster_groups.run(call, target, options)
    if options.kind == "resource":
        return cluster_resources.run(call, target, options)
    action = GENERAL.get(options.option)
    if action == "version":
        cluster_tables.show_version(call, target)
    elif action == "quorum" and not options.value:
        cluster_tables.show_quorum(call, target)
    elif action == "prop":
        cluster_tables.show_cluster_properties(call, target)
    elif action == "priv":
        cluster_tables.show_properties(call, "cluster.private_of", target.name, [])
    else:
        raise Win32Error(INVALID_PARAMETER, options.option)
    return 0

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cluster node``."""

from __future__ import annotations

from ..cluster import Cluster, Node
from ..errors import Win32Error
from ..shell.call import Call
from .cluster_options import Options
from .cluster_tables import number, show_nodes, show_properties

NODE_UP, NODE_DOWN = 5061, 5062


def run(call: Call, target: Cluster, options: Options) -> int:
    """List nodes, or do something with one. Raises Win32Error."""
    if not options.option or options.option == "status":
        if options.name:
            node = target.node(options.name)
            call.line(call.text("cluster.status.node", name=node.name) + "\n")
            show_nodes(call, [node])
        else:
            call.line(call.text("cluster.status.nodes") + "\n")
            show_nodes(call, sorted(target.nodes.values(), key=lambda each: each.id))
        return 0
    if not options.name:
        raise Win32Error(87, options.option)
    node = target.node(options.name)
    if options.option == "prop":
        _properties(call, node, options)
    elif options.option == "priv":
        show_properties(call, "cluster.private_of", node.name, [])
    elif options.option in ("pause", "resume"):
        call.line("\n" + call.text(f"cluster.doing.{options.option}", name=node.name))
        if options.option == "pause":
            target.pause(node.name)
        else:
            target.resume(node.name)
        call.line()
        show_nodes(call, [node])
    elif options.option in ("start", "stop") and call.host.os == "server2003":
        return _service(call, node, options)
    else:
        raise Win32Error(87, options.option)
    return 0


def _properties(call: Call, node: Node, options: Options) -> None:
    rows = [
        ("SR", "NodeName", node.name),
        ("DR", "NodeHighestVersion", number(0x00050ECE)),
        ("DR", "NodeLowestVersion", number(0x00050ECE)),
        ("DR", "MajorVersion", number(5)),
        ("DR", "MinorVersion", number(2)),
        ("DR", "BuildNumber", number(3790)),
        ("SR", "CSDVersion", f"Service Pack {node.host.os_service_pack}" if node.host.os_service_pack else ""),
        ("S", "Description", ""),
    ]
    show_properties(call, "cluster.properties_of", node.name, rows, _wanted(options))


def _wanted(options: Options) -> list[str]:
    return [name for name in options.value.split(",") if name]


def _service(call: Call, node: Node, options: Options) -> int:
    """``/start`` and ``/stop`` of the Cluster service (2003 [R])."""
    starts = options.option == "start"
    service = node.host.services["ClusSvc"]
    if service.state == ("running" if starts else "stopped"):
        raise Win32Error(NODE_UP if starts else NODE_DOWN, node.name)
    if starts:
        node.host.start_service("ClusSvc")
    else:
        node.host.stop_service("ClusSvc")
    pending = "start_pending" if starts else "stop_pending"
    call.wait_until(lambda: service.state != pending, options.patience(0.0))
    if service.state == pending:
        return 0 if options.wait is None else 997
    if service.state == "stopped" and starts:
        raise Win32Error(service.exit_code or 1067, node.name)
    return 0

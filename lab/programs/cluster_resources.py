# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cluster res``."""

from __future__ import annotations

from collections.abc import Callable

from ..cluster import PENDING, Cluster, Resource
from ..errors import Win32Error
from ..shell.call import Call
from .cluster_options import Options
from .cluster_tables import Property, number, show_owners, show_properties, show_resources

STATE_WAIT = 10.0  # seconds that /on and /off wait by default [V, cc785087]
IO_PENDING, ONLINE_FAILED, RESOURCE_FAILED = 997, 5018, 5038


def run(call: Call, target: Cluster, options: Options) -> int:
    """List resources, or do something with one. Raises Win32Error."""
    if not options.option or options.option == "status":
        return _status(call, target, options)
    if not options.name:
        raise Win32Error(87, options.option)
    resource = target.resource(options.name)
    actions: dict[str, Callable[[Call, Cluster, Resource, Options], int]] = {
        "online": _online,
        "offline": _offline,
        "fail": _fail,
        "listowners": _list_owners,
        "addowner": _add_owner,
        "removeowner": _remove_owner,
        "listdep": _list_dependencies,
        "prop": _properties,
        "priv": _private,
    }
    action = actions.get(options.option)
    if action is None:
        raise Win32Error(87, options.option)
    return action(call, target, resource, options)


def _status(call: Call, target: Cluster, options: Options) -> int:
    if options.name:
        resources = [target.resource(options.name)]
        call.line(call.text("cluster.status.resource", name=resources[0].name) + "\n")
    else:
        resources = sorted(target.resources.values(), key=lambda each: each.name.lower())
        call.line(call.text("cluster.status.resources") + "\n")
    if options.node:
        owner = target.node(options.node).name
        resources = [each for each in resources if target.groups[each.group].owner == owner]
    show_resources(call, target, resources)
    return 0


def _finish(call: Call, target: Cluster, resource: Resource, wanted: str, patience: float) -> int:
    """Wait for a state that is not on the way, show the row, and say whether it is the wanted one."""
    group = target.groups[resource.group]

    def settled() -> bool:
        return resource.state == wanted or (not group.busy and resource.state not in PENDING)

    in_time = call.wait_until(settled, patience)
    call.line()
    show_resources(call, target, [resource])
    if not in_time:
        return IO_PENDING
    if resource.state == wanted:
        return 0
    code = resource.last_error or group.last_error
    raise Win32Error(code or (ONLINE_FAILED if wanted == "online" else RESOURCE_FAILED), resource.name)


def _online(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    call.line("\n" + call.text("cluster.doing.resource_online", name=resource.name))
    target.online_resource(resource.name)
    return _finish(call, target, resource, "online", options.patience(STATE_WAIT))


def _offline(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    call.line("\n" + call.text("cluster.doing.resource_offline", name=resource.name))
    target.offline_resource(resource.name)
    return _finish(call, target, resource, "offline", options.patience(STATE_WAIT))


def _fail(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    call.line("\n" + call.text("cluster.doing.fail", name=resource.name))
    target.fail_resource(resource.name)
    call.line()
    show_resources(call, target, [resource])
    return 0


def _list_owners(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    show_owners(call, "cluster.owners.resource", "cluster.head.possible", resource.name, resource.possible_owners)
    return 0


def _add_owner(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    target.add_possible_owner(resource.name, options.value)
    return 0


def _remove_owner(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    target.remove_possible_owner(resource.name, options.value)
    return 0


def _list_dependencies(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    call.line("\n" + call.text("cluster.dependencies", name=resource.name) + "\n")
    show_resources(call, target, [target.resource(name) for name in resource.depends_on])
    return 0


def _wanted(options: Options) -> list[str]:
    return [name for name in options.value.split(",") if name]


def _properties(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    if options.assignments:
        known = {name.lower(): name for name in resource.properties}
        for name, value in options.assignments.items():
            if name.lower() == "description":
                resource.description = value
            elif name.lower() in known and value.isdigit():
                resource.properties[known[name.lower()]] = int(value)
            else:
                raise Win32Error(87, name)
        call.world.changed()
        return 0
    rows: list[Property] = [
        ("SR", "Name", resource.name),
        ("S", "Type", resource.type),
        ("S", "Description", resource.description),
        ("S", "DebugPrefix", ""),
        ("D", "SeparateMonitor", number(0)),
        ("D", "PersistentState", number(resource.persistent_state)),
        *(("D", name, number(value)) for name, value in resource.properties.items()),
    ]
    show_properties(call, "cluster.properties_of", resource.name, rows, _wanted(options))
    return 0


def _private(call: Call, target: Cluster, resource: Resource, options: Options) -> int:
    if options.assignments:
        raise Win32Error(87, resource.name)
    rows: list[Property] = []
    for name, value in resource.private.items():
        if isinstance(value, int):
            rows.append(("D", name, number(value)))
        elif isinstance(value, list):
            rows += [("M", name, str(part)) for part in value] or [("M", name, "")]
        else:
            rows.append(("S", name, str(value)))
    show_properties(call, "cluster.private_of", resource.name, rows, _wanted(options))
    return 0

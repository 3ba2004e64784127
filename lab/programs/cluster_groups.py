# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cluster group``."""

from __future__ import annotations

from collections.abc import Callable

from ..cluster import Cluster, Group
from ..errors import Win32Error
from ..shell.call import Call
from .cluster_options import Options
from .cluster_tables import number, show_groups, show_owners, show_properties

# Default waits in seconds: /move 20 [V, cc783967]; /on and /off 10 [R].
MOVE_WAIT, STATE_WAIT = 20.0, 10.0
IO_PENDING, NOT_OWNER, ONLINE_FAILED, RESOURCE_FAILED = 997, 5016, 5018, 5038


def run(call: Call, target: Cluster, options: Options) -> int:
    """List groups, or do something with one. Raises Win32Error."""
    if not options.option or options.option == "status":
        return _status(call, target, options)
    if not options.name:
        raise Win32Error(87, options.option)
    group = target.group(options.name)
    actions: dict[str, Callable[[Call, Cluster, Group, Options], int]] = {
        "move": _move,
        "online": _online,
        "offline": _offline,
        "listowners": _list_owners,
        "setowners": _set_owners,
        "prop": _properties,
        "priv": _private,
    }
    action = actions.get(options.option)
    if action is None:
        raise Win32Error(87, options.option)
    return action(call, target, group, options)


def _status(call: Call, target: Cluster, options: Options) -> int:
    if options.name:
        groups = [target.group(options.name)]
        call.line(call.text("cluster.status.group", name=groups[0].name) + "\n")
    else:
        groups = sorted(target.groups.values(), key=lambda each: each.name.lower())
        call.line(call.text("cluster.status.groups") + "\n")
    if options.node:
        owner = target.node(options.node).name
        groups = [group for group in groups if group.owner == owner]
    show_groups(call, groups)
    return 0


def _settle(call: Call, group: Group, seconds: float) -> bool:
    """Wait until nothing is under way on the group; tells whether that came in time."""
    return call.wait_until(lambda: not group.busy and group.state != "pending", seconds)


def _finish(call: Call, group: Group, settled: bool, reached: bool, code: int) -> int:
    """Show the group as it stands, and say whether that is what was asked for."""
    call.line()
    show_groups(call, [group])
    if not settled:
        return IO_PENDING
    if reached:
        return 0
    raise Win32Error(group.last_error or code, group.name)


def _move(call: Call, target: Cluster, group: Group, options: Options) -> int:
    call.line("\n" + call.text("cluster.doing.move", name=group.name))
    before = group.owner
    node = target.node(options.value).name if options.value else None
    target.move_group(group.name, node)
    settled = _settle(call, group, options.patience(MOVE_WAIT))
    reached = group.owner == node if node else group.owner != before
    failed = group.state == "failed"
    return _finish(call, group, settled, reached and not failed, RESOURCE_FAILED if reached else NOT_OWNER)


def _online(call: Call, target: Cluster, group: Group, options: Options) -> int:
    call.line("\n" + call.text("cluster.doing.group_online", name=group.name))
    patience = options.patience(STATE_WAIT)
    if options.value and target.node(options.value).name != group.owner:
        deadline = call.world.clock.time + patience
        target.move_group(group.name, options.value)
        if not _settle(call, group, patience):
            return _finish(call, group, False, False, NOT_OWNER)
        patience = max(0.0, deadline - call.world.clock.time)
    target.online_group(group.name)
    settled = _settle(call, group, patience)
    return _finish(call, group, settled, group.state == "online", ONLINE_FAILED)


def _offline(call: Call, target: Cluster, group: Group, options: Options) -> int:
    call.line("\n" + call.text("cluster.doing.group_offline", name=group.name))
    target.offline_group(group.name)
    settled = _settle(call, group, options.patience(STATE_WAIT))
    return _finish(call, group, settled, group.state == "offline", RESOURCE_FAILED)


def _list_owners(call: Call, target: Cluster, group: Group, options: Options) -> int:
    show_owners(call, "cluster.owners.group", "cluster.head.preferred", group.name, group.preferred_owners)
    return 0


def _set_owners(call: Call, target: Cluster, group: Group, options: Options) -> int:
    target.set_preferred_owners(group.name, [name for name in options.value.split(",") if name])
    return 0


def _properties(call: Call, target: Cluster, group: Group, options: Options) -> int:
    if options.assignments:
        return _assign(call, group, options)
    rows = [
        ("SR", "Name", group.name),
        ("S", "Description", group.description),
        ("D", "PersistentState", number(group.persistent_state)),
        *(("D", name, number(value)) for name, value in group.properties.items()),
    ]
    wanted = [name for name in options.value.split(",") if name]
    show_properties(call, "cluster.properties_of", group.name, rows, wanted)
    return 0


def _assign(call: Call, group: Group, options: Options) -> int:
    known = {name.lower(): name for name in group.properties}
    for name, value in options.assignments.items():
        if name.lower() == "description":
            group.description = value
        elif name.lower() in known and value.isdigit():
            group.properties[known[name.lower()]] = int(value)
        else:
            raise Win32Error(87, name)
    call.world.changed()
    return 0


def _private(call: Call, target: Cluster, group: Group, options: Options) -> int:
    show_properties(call, "cluster.private_of", group.name, [])
    return 0

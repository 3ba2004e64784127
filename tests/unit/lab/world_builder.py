# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small estates for the tests of the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.mailops.exchange.lab.cluster import Cluster, Group
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.world import Context, World

START = 1_700_000_000.0


def estate(**changes: Any) -> dict[str, Any]:
    """One single server and a cluster of two nodes with one virtual server; speed 0."""
    plain: dict[str, Any] = {
        "update": "exchange2003-sp2",
        "seed": 7,
        "speed": 0,
        "operator": None,
        "hosts": {
            "mbx1": {"product": "2003", "service_pack": 1},
            "n1": {"product": "2003", "service_pack": 1, "cluster": "mail"},
            "n2": {"product": "2003", "service_pack": 1, "cluster": "mail"},
        },
        "clusters": {
            "mail": {
                "nodes": ["n1", "n2"],
                "quorum": {"group": "Cluster Group", "owner": "n1"},
                "virtual_servers": {"EVS1": {"owner": "n1", "preferred_owners": ["n1"]}},
                "other_groups": {"File Share": {"owner": "n2"}},
            }
        },
    }
    return plain | changes


def many_nodes(count: int, servers: int = 2, **changes: Any) -> dict[str, Any]:
    """A cluster of `count` nodes n1.. with virtual servers EVS1.. on the first of them."""
    names = [f"n{number}" for number in range(1, count + 1)]
    hosts = {name: {"product": "2003", "service_pack": 1, "cluster": "mail"} for name in names}
    groups = {f"EVS{number + 1}": {"owner": names[number % count]} for number in range(servers)}
    clusters = {"mail": {"nodes": names, "quorum": {"owner": "n1"}, "virtual_servers": groups}}
    return estate(hosts=hosts, clusters=clusters, **changes)


def make(settings: dict[str, Any] | None = None, **changes: Any) -> World:
    """A world that starts at a fixed time."""
    return World.from_estate(settings or estate(**changes), start=START)


def mail(world: World) -> Cluster:
    """The cluster of the estate."""
    return world.clusters["mail"]


def wait(world: World, predicate: Callable[[], bool], seconds: float = 3600) -> None:
    """Let time pass until something holds; it must."""
    assert world.clock.wait_until(predicate, seconds)


def rest(world: World, group: Group, seconds: float = 600) -> None:
    """Let time pass until nothing is under way on a group."""
    wait(world, lambda: not group.busy and group.state != "pending", seconds)


def stop_cluster_service(world: World, name: str) -> None:
    """Stop the Cluster service of a host on command, and wait for it."""
    host = world.hosts[name]
    host.stop_service("ClusSvc")
    wait(world, lambda: host.services["ClusSvc"].state == "stopped")


def start_cluster_service(world: World, name: str) -> None:
    """Start the Cluster service of a host on command, and wait for it."""
    host = world.hosts[name]
    host.start_service("ClusSvc")
    wait(world, lambda: host.services["ClusSvc"].state in ("running", "stopped"))


def offline_for_upgrade(world: World, name: str) -> None:
    """Take the Exchange resources of a virtual server offline and keep the three that stay online."""
    group = mail(world).group(name)
    for resource in reversed(group.resources):
        if resource.is_exchange:
            mail(world).offline_resource(resource.name)
    rest(world, group)


def setup_context(host: Host, logon: str = "batch") -> Context:
    """A logon of the account that Exchange's setup needs."""
    return host.context("CONTOSO\\exsetup", logon)


def put_setup(world: World, name: str, key: str = "exchange2003-sp2", folder: str = "C:\\mailops\\x") -> str:
    """Put the setup program of a package onto a host as if it had been unpacked; returns its path."""
    package = world.packages.package(key)
    part = "setup" if package["kind"] == "service_pack" else "hotfix"
    path = f"{folder}\\{package.get('setup', package['file'])}"
    world.hosts[name].files.write_virtual(path, 1000, tag={"package": key, "part": part})
    return path


def install(world: World, name: str, key: str = "exchange2003-sp2", *, done: bool = True) -> list[int]:
    """Run an update's setup in the background, as a task does; returns the list that gets its exit code."""
    from ansible_collections.mailops.exchange.lab.installer import run

    host = world.hosts[name]
    path = put_setup(world, name, key)
    switches = ["/unattend"] if world.packages.package(key)["kind"] == "service_pack" else ["/quiet", "/norestart"]
    codes: list[int] = []
    process = host.spawn("cmd.exe", "CONTOSO\\exsetup", "batch")
    context = setup_context(host)
    process.background = world.clock.spawn(lambda: codes.append(run(context, path, switches)))
    if done:
        wait(world, lambda: bool(codes))
    else:
        wait(world, lambda: bool(host.installing))
    return codes


def rules(world: World) -> list[tuple[int, str]]:
    """The violations of the run as (rule, host)."""
    return [(violation["rule"], violation["host"]) for violation in world.referee.report()["violations"]]

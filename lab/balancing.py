# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load-balanced sets of front-ends: Network Load Balancing on the hosts, or a balancer of its own before them.

A member takes new connections while it is `converged` or `converging`. `draining` it takes none and keeps those that
it has until they end by themselves; then it is `stopped`. `suspended` it ignores every command but query and resume
[V, TechNet cc782460], and after a resume it is stopped until it is started. When Windows starts, Network Load
Balancing starts by itself, long before the host's services: whether it does is a value of the registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .clock import Handle
from .registry import Tree
from .tables import table

if TYPE_CHECKING:
    from .host import Host
    from .world import World

NLB, HARDWARE, NONE = "nlb", "hardware", "none"
#: States in which a member gets new connections.
IN_ROTATION = ("converging", "converged")


@dataclass(eq=False)
class Member:
    """A front-end in its set. `priority`: its number, from 1; `connections`: those of users, while it drains."""

    host: Host
    balanced: BalancedSet
    priority: int
    guid: str
    drain_minutes: float
    state: str = "converged"
    cause: str = "found"
    connections: int = 0
    handles: list[Handle] = field(default_factory=list)

    @property
    def balancer(self) -> str:
        """What balances: nlb, hardware or none."""
        return self.balanced.balancer

    @property
    def in_rotation(self) -> bool:
        """Whether new connections of users come to it."""
        return self.state in IN_ROTATION and (self.balancer != NLB or self.host.up)

    @property
    def serves(self) -> bool:
        """Whether users of the set are served by it: in rotation, and what serves them runs."""
        host = self.host
        needed = [name for name in table("balancing")["serving"] if name in host.services]
        return self.in_rotation and host.up and all(host.service_running(name) for name in needed)

    @property
    def is_default(self) -> bool:
        """Whether it is the host of its cluster with the smallest number that takes part."""
        return self.priority == min((m.priority for m in self.balanced.members if m.in_rotation), default=self.priority)

    @property
    def key(self) -> str:
        """The registry key of its settings."""
        registry = table("balancing")["registry"]
        modern = self.host.os == "server2003"
        return str(registry["interface"].format(guid=self.guid) if modern else registry["plain"])

    @property
    def starts_with_windows(self) -> bool:
        """What the registry says about the next start of Windows."""
        value = self.host.registry.value(self.key, "ClusterModeOnStart")
        return value is not None and value[1] == 1


@dataclass(eq=False)
class BalancedSet:
    """A set of front-ends that users reach under one name."""

    name: str
    balancer: str
    address: str
    members: list[Member] = field(default_factory=list)

    @property
    def served(self) -> bool:
        """Whether anybody of the set serves users."""
        return any(member.serves for member in self.members)


class Balancing:
    """All load-balanced sets of an estate."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sets: dict[str, BalancedSet] = {}

    def build(self) -> None:
        """Make the sets that the hosts name; everybody is in rotation."""
        for host in self._world.hosts.values():
            if host.load_balanced:
                self._add(host)
        if self.sets:
            self._world.observers.append(self.observe)

    def member(self, host: Host) -> Member | None:
        """The host in its set; None when it is in none."""
        found = self.sets.get(host.load_balanced or "")
        return next((m for m in found.members if m.host is host), None) if found else None

    def nlb(self, host: Host) -> Member | None:
        """The host in its set when Network Load Balancing runs on it, else None."""
        member = self.member(host)
        return member if member is not None and member.balancer == NLB else None

    def _add(self, host: Host) -> None:
        settings = (self._world.estate.get("hosts") or {}).get(host.name) or {}
        name = str(host.load_balanced)
        number = len(self.sets) + 1
        found = self.sets.setdefault(name, BalancedSet(name, settings.get("balancer") or NLB, f"10.20.{number}.10"))
        parts = [self._world.random.randrange(16**size) for size in (8, 4, 4, 4, 12)]
        guid = "{:08X}-{:04X}-{:04X}-{:04X}-{:012X}".format(*parts)
        minutes = settings.get("drain_minutes")
        minutes = table("balancing")["drain_minutes"] if minutes is None else minutes
        found.members.append(Member(host, found, len(found.members) + 1, guid, float(minutes)))

    # -- commands

    def start(self, member: Member, cause: str = "command") -> bool:
        """The member joins its cluster; False when that changes nothing (it is suspended, or takes part already)."""
        if member.state in ("suspended", *IN_ROTATION):
            return False
        self._cancel(member)
        self._enter(member, "converging" if member.balancer == NLB else "converged", cause)
        return True

    def stop(self, member: Member, cause: str = "command") -> bool:
        """The member leaves at once, with the connections that it has; False when that changes nothing."""
        if member.state in ("suspended", "stopped"):
            return False
        self._cancel(member)
        self._enter(member, "stopped", cause)
        return True

    def drain(self, member: Member, cause: str = "command") -> bool:
        """The member takes no new connections and leaves when the last has ended; False when that changes nothing."""
        if member.state not in IN_ROTATION:
            return False
        self._cancel(member)
        clock, random = self._world.clock, self._world.random
        member.connections = int(table("balancing")["connections"])
        last = member.drain_minutes * 60
        ends = sorted([*(random.uniform(0, last) for unused in range(member.connections - 1)), last])
        self._enter(member, "draining", cause)
        member.handles = [clock.after(seconds, self._one_less(member, cause)) for seconds in ends]
        return True

    def suspend(self, member: Member, cause: str = "command") -> bool:
        """The member leaves at once and ignores everything but resume and query; False when it did already."""
        if member.state == "suspended":
            return False
        self._cancel(member)
        self._enter(member, "suspended", cause)
        return True

    def resume(self, member: Member, cause: str = "command") -> bool:
        """Commands count again; the member is stopped. False when it was not suspended."""
        if member.state != "suspended":
            return False
        self._enter(member, "stopped", cause)
        return True

    # -- what happens

    def observe(self, kind: str, facts: dict[str, Any]) -> None:
        """A host went down or came up."""
        host = facts.get("host")
        if kind not in ("down", "up") or host is None:
            return
        member = self.nlb(host)
        if member is None:
            return
        if kind == "down":
            self._cancel(member)
            member.cause = "crash" if facts.get("cause") == "crash" else "restart"
            if member.state != "suspended":
                self._enter(member, "stopped", member.cause)
        else:
            suspended = member.state == "suspended"
            if suspended and table("balancing")["keeps_suspended"]:
                return
            cause = member.cause if member.cause == "crash" else "boot"
            self._enter(member, "stopped", cause)
            if member.starts_with_windows:
                self.start(member, cause)

    def _one_less(self, member: Member, cause: str) -> Callable[[], None]:
        def ended() -> None:
            member.connections -= 1
            if member.connections == 0:
                self._enter(member, "stopped", cause)
            else:
                self._world.changed()

        return ended

    def _cancel(self, member: Member) -> None:
        for handle in member.handles:
            handle.cancel()
        member.handles = []
        member.connections = 0

    def _enter(self, member: Member, state: str, cause: str) -> None:
        before, member.state, member.cause = member.state, state, cause
        self._world.changed()
        self._world.emit("rotation", host=member.host, member=member, state=state, before=before, cause=cause)
        if member.balancer == NLB and state in ("converging", "stopped", "suspended") and before != state:
            self._converge(member.balanced)

    def _converge(self, balanced: BalancedSet) -> None:
        """Whoever takes part agrees anew who does; users are served meanwhile [R]."""
        for member in balanced.members:
            if member.state in IN_ROTATION:
                member.state = "converging"
                for handle in member.handles:
                    handle.cancel()
                seconds = table("balancing")["converging"] * self._world.jitter()
                member.handles = [self._world.clock.after(seconds, self._converged(member))]

    def _converged(self, member: Member) -> Callable[[], None]:
        def done() -> None:
            if member.state == "converging":
                member.state = "converged"
                member.handles = []
                self._world.changed()

        return done


def registry_view(host: Host) -> Tree:
    """The settings of Network Load Balancing in the registry; value names [V, KB 193601 and TechNet cc773250]."""
    balancing = getattr(host.world, "balancing", None)
    member = balancing.nlb(host) if balancing is not None else None
    if member is None:
        return {}
    return {
        table("balancing")["registry"]["service"]: {
            "DisplayName": ("REG_SZ", "Network Load Balancing"),
            "ImagePath": ("REG_EXPAND_SZ", r"system32\DRIVERS\wlbs.sys"),
            "Type": ("REG_DWORD", 1),
        },
        member.key: {
            "ClusterIPAddress": ("REG_SZ", member.balanced.address),
            "ClusterNetworkMask": ("REG_SZ", "255.255.255.0"),
            "ClusterName": ("REG_SZ", f"{member.balanced.name}.{host.world.domain}"),
            "ClusterModeOnStart": ("REG_DWORD", 1),
            "HostPriority": ("REG_DWORD", member.priority),
            "DedicatedIPAddress": ("REG_SZ", member.balanced.address.rpartition(".")[0] + f".{100 + member.priority}"),
        },
    }


def wmi_nodes(host: Host) -> list[dict[str, str]]:
    """The instances of MicrosoftNLB_Node [V]; that without remote control only the host itself is listed: [R]."""
    member = host.world.balancing.nlb(host)
    if member is None:
        return []
    state = "default" if member.state == "converged" and member.is_default else member.state
    return [
        {
            "ComputerName": f"{host.computer_name.lower()}.{host.world.domain}",
            "CreationClassName": "MicrosoftNLB_Node",
            "DedicatedIPAddress": member.balanced.address.rpartition(".")[0] + f".{100 + member.priority}",
            "HostPriority": str(member.priority),
            "Name": f"{member.balanced.address}:{member.priority}",
            "StatusCode": str(table("balancing")["status"][state]),
        }
    ]

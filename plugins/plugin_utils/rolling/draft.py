# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan in the making: each step that is added is simulated at once, and refused when it breaks an invariant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .model import MIXED, ONLINE, Cluster, Group, Model
from .moves import home_of
from .procedures import PROCEDURES, Procedure
from .steps import MOVES, Step, duration, make_step, seconds
from .transitions import apply
from .updates import Target, Updates


@dataclass(frozen=True)
class Options:
    """What the operator chose; see ``plan.OPTIONS``."""

    home: str = "preferred"
    failover_test: str = "all"
    upgrade_method: str = "operator"
    setup_method: str = "auto"
    connector: str = "upgrade"
    set_failure: str = "hold"
    addons: str = "upgrade"
    addon_commands: tuple[str, ...] = ()
    passive_cluster_service: str = "stopped"
    max_virtual_servers: int = 0
    front_ends_done: tuple[str, ...] = ()
    lanes: int = 0
    canary: bool = False


class Draft:
    """The state that the steps so far lead to, and what they cost the users."""

    def __init__(self, model: Model, updates: Updates, options: Options) -> None:
        """Begin with the estate as it was found; ``model`` is changed from here on."""
        self.model = model
        self.updates = updates
        self.options = options
        self.notices: list[str] = []
        self.outages: dict[str, dict[str, dict[str, int]]] = {}
        for cluster in model.clusters.values():
            for group in cluster.virtual_servers:
                self.outages[f"{cluster.name}/{group.name}"] = {
                    part: {"times": 0, "seconds": 0} for part in ("roll", "finish")
                }

    def cluster(self, name: str) -> Cluster:
        """The cluster as it stands now."""
        return self.model.clusters[name]

    def procedure(self, cluster: str) -> Procedure:
        """The procedure of the Exchange version of a cluster."""
        found = self.cluster(cluster)
        return PROCEDURES[self.model.hosts[found.hosts[found.nodes[0]]].product]

    def target(self, cluster: str) -> Target | None:
        """The level that the virtual servers of a cluster are upgraded to; None: they are not upgraded."""
        return self.updates.target(self.procedure(cluster).product)

    def home(self, cluster: str, group: Group) -> str:
        """Where the group belongs at the end."""
        return home_of(self.cluster(cluster), group, self.options.home)

    def limit(self, cluster: str) -> int:
        """How many virtual servers a node of the cluster is to carry at most; 0: any number."""
        return 1 if self.cluster(cluster).one_each else self.options.max_virtual_servers

    def add(self, step: Step) -> Step:
        """Simulate ``step`` and return it; raises PlannerError when it must not be taken."""
        self._count(step)
        apply(self.model, step, self.updates)
        return step

    def _count(self, step: Step) -> None:
        """Count what the step costs the users of a virtual server."""
        group = self.cluster(step["cluster"]).groups.get(step.get("group", "")) if step["cluster"] else None
        if not group or not group.virtual_server or not step["changed"]:
            return
        part = "finish" if step["phase"] == "finish" else "roll"
        tally = self.outages[f"{step['cluster']}/{group.name}"][part]
        moves = step["step"] in MOVES
        if group.state == ONLINE and (moves or step["step"] == "take_offline"):
            tally["times"] += 1
        if group.state != ONLINE or moves or step["step"] == "take_offline":
            tally["seconds"] += duration(step)

    def on_host(
        self,
        word: str,
        host: str,
        phase: str,
        reason: str,
        before: dict[str, Any],
        after: dict[str, Any],
        obj: str | None = None,
        **extra: Any,
    ) -> Step:
        """Add a step on a host; its object is the host where it is not something else."""
        found = self.model.hosts[host]
        return self.add(
            make_step(word, host, obj or host, phase, reason, before, after, cluster=found.cluster, **extra)
        )

    def service(self, word: str, host: str, reason: str, **extra: Any) -> Step:
        """Add the stop or the start of a node's Cluster service."""
        found = self.model.hosts[host]
        states: list[dict[str, Any]] = [{"state": "running"}, {"state": "stopped"}]
        before, after = states if word == "stop_cluster_service" else states[::-1]
        if extra.get("unpredictable"):
            before, after = {}, {}
        return self.on_host(word, host, "update", reason, before, after, str(found.node), turn=host, **extra)

    def move(
        self, word: str, host: str, cluster: str, group: str, node: str, phase: str, reason: str, **extra: Any
    ) -> Step:
        """Add the move of a group to ``node``, done from ``host``."""
        now = self.cluster(cluster)
        if now.one_each and now.groups[group].virtual_server and now.load(node):
            others = ", ".join(other.name for other in now.owned(node))
            self.notices.append(
                f"{group} has to share {node} with {others} for a time: its possible owners leave no other way. "
                f"Exchange {self.procedure(cluster).product} may refuse that in a cluster of more than two nodes."
            )
        before, after = {"owner": now.groups[group].owner}, {"owner": node}
        more = self._upgrades(word, cluster, now.groups[group], node)
        if more.get("upgrades"):
            reason = f"{reason} {self._upgraded_words(node, more)}".strip()
        made = make_step(word, host, group, phase, reason, before, after, cluster=cluster, group=group, node=node)
        return self.add({**made, **more, **extra})

    def _upgrades(self, word: str, cluster: str, group: Group, node: str) -> dict[str, Any]:
        """Return the keys of a step that has a virtual server upgraded as it comes online on ``node``; empty: none.

        ``upgrades``: it upgrades itself (``version``: the one that it gets), or the store its databases, as it does
        whenever it is newer than the store that has opened them last. Of one that is offline that store is not known:
        the plan counts with the longer way.
        """
        if not group.virtual_server or (word in MOVES and group.state not in (ONLINE, MIXED)):
            return {}
        source, goal = self.model.host_of(cluster, group.owner), self.model.host_of(cluster, node)
        itself = self.procedure(cluster).upgrade == "itself" and not group.upgraded and not goal.old
        installed = source.chain if group.state == ONLINE else self.updates.own(goal.product)
        minutes = self.updates.database_minutes(key for key in installed if key not in goal.chain)
        if not itself and minutes is None:
            return {}
        more: dict[str, Any] = {"upgrades": True, "seconds": seconds(word) + 60 * (minutes or 0)}
        return {**more, "version": self.updates.version_after(goal.product, group.version)} if itself else more

    @staticmethod
    def _upgraded_words(node: str, more: dict[str, Any]) -> str:
        """Return what is upgraded on ``node``, for the reason of a step."""
        databases = "the store upgrades its databases as it starts"
        if "version" in more:
            return f"On {node} its System Attendant upgrades it as it comes online, and {databases}."
        return f"On {node} {databases}."

    def owners_wanted(self, cluster: str, group: Group) -> tuple[str, ...]:
        """Return the nodes that may own the System Attendant of a virtual server now.

        All that may as they were found; of an upgraded virtual server those that are not updated are left out (A10).
        """
        if not group.upgraded or self.target(cluster) is None:
            return group.hold_found
        return tuple(node for node in group.hold_found if not self.model.host_of(cluster, node).old)

    def hold(self, word: str, host: str, cluster: str, name: str, phase: str, reason: str, **extra: Any) -> list[Step]:
        """Add the step that has the virtual server owned by the wanted nodes only, where it is not so already."""
        group = self.cluster(cluster).groups[name]
        wanted = self.owners_wanted(cluster, group)
        if group.resource is None or set(wanted) == set(group.hold):
            return []
        before, after = {"possible_owners": list(group.hold)}, {"possible_owners": list(wanted)}
        step = make_step(word, host, name, phase, reason, before, after, cluster=cluster, group=name)
        return [self.add({**step, "resource": group.resource, "nodes": list(wanted), **extra})]

    def bring_over(self, host: str, cluster: str, name: str, target: str, why: str) -> list[Step]:
        """Add what brings a virtual server, upgraded where the update asks for it, online on ``target``."""
        steps: list[Step] = []
        started_as = self.cluster(cluster).groups[name]
        if started_as.state != ONLINE:
            self.outages[f"{cluster}/{name}"]["roll"]["times"] += 1

        def act(word: str, reason: str, before: dict[str, Any], after: dict[str, Any], **extra: Any) -> None:
            made = make_step(word, host, name, "bring_over", reason, before, after, cluster=cluster, group=name)
            steps.append(self.add({**made, "turn": host, **extra}))

        def bring_online(reason: str) -> None:
            found = self.cluster(cluster).groups[name]
            more = self._upgrades("bring_online", cluster, found, found.owner)
            if more:
                reason = f"{reason} {self._upgraded_words(found.owner, more)}"
            act("bring_online", reason, {"state": found.word}, {"state": "online"}, **more)

        itself = self.procedure(cluster).upgrade == "itself"
        group = started_as
        if not itself and not group.upgraded and group.state in ("online", "mixed"):
            # Some of its resources are online in any case, also where the group's state is one word before and after.
            act("take_offline", why, {"state": group.word}, {"state": "partially_online"}, changed=True)
        if group.owner != target:
            reason = why if not steps else f"{target} is updated."
            steps.append(self.move("move_group", host, cluster, name, target, "bring_over", reason, turn=host))
        group = self.cluster(cluster).groups[name]
        if not itself and not group.upgraded:
            level = self.target(cluster)
            act(
                "upgrade_virtual_server",
                f"{target} is newer than {name}; only the upgraded virtual server comes online there.",
                {"version": group.version},
                {"version": self.updates.version_after(self.procedure(cluster).product, group.version)},
                node=target,
                node_host=self.cluster(cluster).hosts[target],
                update=level.update if level else None,
            )
        if itself and not group.upgraded:
            # Until it is upgraded it may go back: that is what the cluster does when the upgrade fails.
            bring_online(f"{name} is offline on {target}, which is newer.")
        steps += self.hold(
            "limit_owners",
            host,
            cluster,
            name,
            "bring_over",
            "Upgraded, it comes online on updated nodes only: the cluster must not try another one.",
            turn=host,
        )
        group = self.cluster(cluster).groups[name]
        if group.state != ONLINE:
            newly = not started_as.upgraded
            bring_online(f"{name} is upgraded." if newly else f"{name} is of the version of {target}.")
        group = self.cluster(cluster).groups[name]
        seen = {"owner": group.owner, "state": group.word, "version": group.version}
        act("verify_virtual_server", "Users have their mail again before anything else begins.", seen, seen)
        return steps

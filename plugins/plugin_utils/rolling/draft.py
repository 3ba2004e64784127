# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan in the making: each step that is added is simulated at once, and refused when it breaks an invariant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import levels
from .model import ONLINE, Cluster, Group, Model
from .moves import home_of
from .steps import MOVES, Step, make_step, seconds
from .transitions import apply

Options = Mapping[str, str]


class Draft:
    """The state that the steps so far lead to, and what they cost the users."""

    def __init__(self, model: Model, update: Mapping[str, Any], options: Options) -> None:
        """Begin with the estate as it was found."""
        self.model = model
        self.update = update
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

    def home(self, cluster: str, group: Group) -> str:
        """Where the group belongs at the end."""
        return home_of(self.cluster(cluster), group, self.options["home"])

    def add(self, step: Step) -> Step:
        """Simulate ``step`` and return it; raises PlannerError when it must not be taken."""
        self._count(step)
        self.model = apply(self.model, step, self.update)
        return step

    def _count(self, step: Step) -> None:
        """Count what the step costs the users of a virtual server."""
        group = self.cluster(step["cluster"]).groups.get(step.get("group", "")) if step["cluster"] else None
        if not group or not group.virtual_server or not step["changed"]:
            return
        part = "finish" if step["phase"] == "finish" else "roll"
        tally = self.outages[f"{step['cluster']}/{group.name}"][part]
        if group.state == ONLINE and (step["step"] in MOVES or step["step"] == "take_offline"):
            tally["times"] += 1
        tally["seconds"] += seconds(step["step"])

    def on_host(self, word: str, host: str, phase: str, reason: str, **extra: Any) -> Step:
        """Add a step on a host: its object is the update for the package and the installation, else the host."""
        found = self.model.hosts[host]
        obj = str(self.update["id"]) if word in ("stage_package", "install_update") else host
        before, after = extra.pop("before"), extra.pop("after")
        return self.add(make_step(word, host, obj, phase, reason, before, after, cluster=found.cluster, **extra))

    def service(self, word: str, host: str, reason: str) -> Step:
        """Add the stop or the start of a node's Cluster service."""
        found = self.model.hosts[host]
        states = [{"state": "running"}, {"state": "stopped"}]
        before, after = states if word == "stop_cluster_service" else states[::-1]
        return self.add(
            make_step(word, host, str(found.node), "update", reason, before, after, cluster=found.cluster, turn=host)
        )

    def move(
        self, word: str, host: str, cluster: str, group: str, node: str, phase: str, reason: str, **extra: Any
    ) -> Step:
        """Add the move of a group to ``node``, done from ``host``."""
        now = self.cluster(cluster)
        if now.one_each and now.groups[group].virtual_server and now.owned(node):
            others = ", ".join(other.name for other in now.owned(node))
            self.notices.append(
                f"{group} has to share {node} with {others} for a time: its possible "
                "owners leave no other way. Exchange 2003 may refuse that in a cluster of more than two nodes."
            )
        before, after = {"owner": now.groups[group].owner}, {"owner": node}
        return self.add(
            make_step(word, host, group, phase, reason, before, after, cluster=cluster, group=group, node=node, **extra)
        )

    def bring_over(self, host: str, cluster: str, name: str, target: str, why: str) -> list[Step]:
        """Add what brings a virtual server, upgraded where the update asks for it, online on ``target``."""
        steps: list[Step] = []
        started_as = self.cluster(cluster).groups[name]
        if started_as.state != ONLINE:
            self.outages[f"{cluster}/{name}"]["roll"]["times"] += 1

        def act(word: str, reason: str, before: dict[str, Any], after: dict[str, Any], **extra: Any) -> None:
            made = make_step(word, host, name, "bring_over", reason, before, after, cluster=cluster, group=name)
            steps.append(self.add({**made, "turn": host, **extra}))

        group = started_as
        if not group.upgraded and group.state in ("online", "mixed"):
            act("take_offline", why, {"state": group.word}, {"state": "partially_online"})
        if group.owner != target:
            reason = why if not steps else f"{target} is updated."
            steps.append(self.move("move_group", host, cluster, name, target, "bring_over", reason, turn=host))
        group = self.cluster(cluster).groups[name]
        if not group.upgraded:
            act(
                "upgrade_virtual_server",
                f"{target} is newer than {name}; only the upgraded virtual server comes online there.",
                {"version": group.version},
                {"version": self._version_after(group)},
                node=target,
                node_host=self.cluster(cluster).hosts[target],
            )
        group = self.cluster(cluster).groups[name]
        if group.state != ONLINE:
            reason = f"{name} is upgraded." if not started_as.upgraded else f"{name} is of the version of {target}."
            act("bring_online", reason, {"state": group.word}, {"state": "online"})
        group = self.cluster(cluster).groups[name]
        seen = {"owner": group.owner, "state": group.word, "version": group.version}
        act("verify_virtual_server", "Users have their mail again before anything else begins.", seen, seen)
        return steps

    def _version_after(self, group: Group) -> dict[str, Any]:
        unused = frozenset[str]()
        pack, build, unused = levels.level_after(self.update, group.service_pack, group.build, unused)
        if self.update["kind"] == "hotfix":
            build = self.update["result"]["build"]
        return {"service_pack": pack, "build": build}

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one pure function that makes the plan of a roll from what was observed.

Nothing but the live state goes in, so a plan can be made at any moment of a run that was cut off, and leads to the
same end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import digest, levels, turns
from .draft import Draft
from .estate import read_estate
from .finish import finish_cluster
from .model import MIXED, ONLINE, Model, PlannerError
from .problems import NoPlan, Problems
from .steps import Step

OPTIONS: dict[str, tuple[str, ...]] = {
    "home": ("preferred", "as_found", "stay"),
    "failover_test": ("all", "one", "none"),
    "upgrade_method": ("operator", "command"),
    "setup_method": ("auto", "operator", "command"),
}
"""The options and their words; the first word is the default."""

Plan = dict[str, Any]


def make_plan(estate: Mapping[str, Any], update: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Plan:
    """Return the plan that brings ``update`` onto ``estate``.

    estate: ``hosts`` (inventory name -> ``exchange``, ``cluster``, ``package``, ``installation``, ``note``; None for
    a host that could not be read) and ``directory``. update: the catalogue's entry with its key as ``id``. options:
    see ``OPTIONS``.

    The plan holds ``waves`` (lists of hosts), ``turns`` (host -> its turn), ``prepare`` (host -> steps), ``finish``
    (cluster -> host and steps), ``steps`` (all of them in order, see ``steps``), ``outages`` and ``predicted``.
    It is empty, with ``changes`` false, when nothing is to be done.

    Raises NoPlan with every problem that was found, and PlannerError for a mistake of the planner itself.
    """
    problems = Problems()
    chosen = _read_options(options or {}, problems)
    levels.check_update(update, problems)
    problems.stop_if_any()
    model = read_estate(estate, update, problems)
    draft = Draft(model, update, chosen)
    working = [cluster for unused, cluster in sorted(model.clusters.items()) if turns.has_work(draft, cluster)]
    for cluster in working:
        turns.check_cluster(draft, cluster, problems)
    problems.stop_if_any()
    _note_idle(draft, [cluster.name for cluster in working])
    plan = _assemble(draft, [cluster.name for cluster in working])
    _check_end(draft.model, [cluster.name for cluster in working])
    plan["changes"] = any(step["changed"] or step.get("unpredictable") for step in plan["steps"])
    plan.update(_head(update, chosen, model, draft))
    plan["scope_digest"] = digest.scope_digest(model, plan)
    plan["digest"] = digest.digest(model, plan)
    return plan


def _read_options(options: Mapping[str, Any], problems: Problems) -> dict[str, str]:
    """Return the options with their defaults; an unknown name or word is a problem."""
    for name in sorted(set(options) - set(OPTIONS)):
        problems.add("", f"The option {name!r} is not known.", f"The options are {', '.join(OPTIONS)}.")
    chosen = {}
    for name, words in OPTIONS.items():
        chosen[name] = str(options.get(name) or words[0])
        if chosen[name] not in words:
            problems.add("", f"{name} cannot be {chosen[name]!r}.", f"Choose one of {', '.join(words)}.")
    return chosen


def _assemble(draft: Draft, working: list[str]) -> Plan:
    """Return waves, turns and steps: front-ends first, then everything else side by side, a node a wave."""
    prepare = _prepare(draft, working)
    made: list[list[turns.Turn]] = []
    for front_end in (True, False):
        hosts = [h for h in draft.model.hosts.values() if not h.cluster and h.front_end == front_end]
        made.append([turn for host in hosts if (turn := turns.server_turn(draft, host.name))])
    front, single = made
    base = 1 if front else 0
    for turn in single:
        turn["wave"] = base
    rolled = {name: turns.cluster_turns(draft, name) for name in working}
    for of_cluster in rolled.values():
        for position, turn in enumerate(of_cluster):
            turn["wave"] = base + position
    finish = {}
    for name in working:
        host, steps = finish_cluster(draft, name)
        if steps:
            finish[name] = {"host": host, "steps": steps}
    every = sorted(
        front + single + [turn for of_cluster in rolled.values() for turn in of_cluster],
        key=lambda turn: (turn["wave"], turn["host"]),
    )
    waves: list[list[str]] = [[] for unused in range(max((turn["wave"] for turn in every), default=-1) + 1)]
    for turn in every:
        waves[turn["wave"]].append(turn["host"])
    return {
        "waves": waves,
        "turns": {turn["host"]: turn for turn in every},
        "prepare": prepare,
        "finish": finish,
        "steps": _numbered(prepare, every, finish),
    }


def _prepare(draft: Draft, working: list[str]) -> dict[str, list[Step]]:
    """Return what is done on each host while everything still serves: the package, and the note of the owners."""
    prepare: dict[str, list[Step]] = {}
    for name, host in sorted(draft.model.hosts.items()):
        steps = []
        if host.needs_install and not host.staged and host.installation not in ("armed", "running"):
            before, after = {"staged": False}, {"staged": True}
            why = "It is copied before anything stops, so that nobody waits for it."
            steps.append(draft.on_host("stage_package", name, "prepare", why, before=before, after=after))
        if host.cluster in working and not host.note:
            owners = dict(sorted(draft.cluster(str(host.cluster)).found.items()))
            why = "Groups go home by it at the end, also when the run is cut off in between."
            steps.append(
                draft.on_host("note_owners", name, "prepare", why, before={"owners": None}, after={"owners": owners})
            )
        if steps:
            prepare[name] = steps
    return prepare


def _numbered(prepare: dict[str, list[Step]], every: list[turns.Turn], finish: dict[str, dict[str, Any]]) -> list[Step]:
    """Return all steps in order, each with its index."""
    steps = [step for of_host in prepare.values() for step in of_host]
    for turn in every:
        steps += turn["steps"]
        steps += [step for server in turn["virtual_servers"] for step in server["steps"]]
    steps += [step for of_cluster in finish.values() for step in of_cluster["steps"]]
    for index, step in enumerate(steps):
        step["index"] = index
    return steps


def _note_idle(draft: Draft, working: list[str]) -> None:
    """Mention what was seen in clusters where nothing is to be done, and what cannot be seen at all."""
    for name, cluster in sorted(draft.model.clusters.items()):
        if name not in working:
            draft.notices += [
                f"Some resources of the virtual server {group.name} of {name} are offline; nothing is done about it."
                for group in cluster.virtual_servers
                if group.state == MIXED
            ]
    if draft.update["kind"] == "hotfix" and any(not host.updated for host in draft.model.hosts.values()):
        draft.notices.append(
            "The directory does not show hotfixes: that no front-end outside of this run lacks it, cannot be seen."
        )


def _check_end(model: Model, working: list[str]) -> None:
    """Raise PlannerError unless the steps lead to the end that the roll is for."""
    undone = [host.name for host in model.hosts.values() if turns.needs_turn(host)]
    for name in working:
        cluster = model.clusters[name]
        undone += [node for node in cluster.nodes if node not in cluster.up]
        undone += [group.name for group in cluster.virtual_servers if group.state != ONLINE or not group.upgraded]
        undone += [host for host in cluster.hosts.values() if model.hosts[host].note]
    if undone:
        raise PlannerError(f"the plan would end with these undone: {', '.join(undone)}")


def _head(update: Mapping[str, Any], options: Mapping[str, str], found: Model, draft: Draft) -> Plan:
    """Return what a plan says besides its steps."""
    end = draft.model
    outages = {}
    for where, parts in sorted(draft.outages.items()):
        total = {word: parts["roll"][word] + parts["finish"][word] for word in ("times", "seconds")}
        outages[where] = {**total, **parts}
    return {
        "update": str(update["id"]),
        "kind": update["kind"],
        "title": str(update.get("title") or update["id"]),
        "options": dict(options),
        "by_hand": {
            "setup": options["setup_method"] == "operator"
            or (options["setup_method"] == "auto" and not update.get("command")),
            "upgrade": options["upgrade_method"] == "operator",
        },
        "resumes": any(cluster.noted for cluster in found.clusters.values())
        or any(host.installing or host.restart_pending for host in found.hosts.values()),
        "notices": draft.notices,
        "outages": outages,
        "predicted": {
            "hosts": {name: host.level for name, host in end.hosts.items()},
            "groups": {
                f"{cluster.name}/{group.name}": {
                    "owner": group.owner,
                    "state": group.word,
                    **({"version": group.version} if group.virtual_server else {}),
                }
                for cluster in end.clusters.values()
                for unused, group in sorted(cluster.groups.items())
            },
        },
        "final": {
            "hosts": {name: {"product": host.product, **host.level} for name, host in end.hosts.items()},
            "clusters": {
                cluster.name: {
                    group.name: {"owner": group.owner, "state": group.word}
                    for unused, group in sorted(cluster.groups.items())
                }
                for cluster in end.clusters.values()
            },
        },
    }


__all__ = ["OPTIONS", "NoPlan", "Plan", "PlannerError", "make_plan"]

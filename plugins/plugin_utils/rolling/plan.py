# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one pure function that makes the plan of a roll from what was observed.

Nothing but the live state goes in, so a plan can be made at any moment of a run that was cut off, and leads to the
same end.

The observed estate
===================

``hosts``: inventory name -> None (nothing could be read), or

* ``exchange`` (as exchange_info), ``cluster`` (as cluster_info, for a node; ``cluster_problem``: why there is none),
  ``front_end`` (optional, true or false: what the operator says), ``unreachable`` (optional: why);
* ``packages`` (update -> ``needed``, ``staged``) and ``installations`` (update -> ``phase``, ``restart_pending``), for
  the updates and their prerequisites;
* ``note``: None, or ``owners`` (group -> node) and ``possible_owners`` (virtual server -> nodes) as the first run found
  them; ``backup_due`` (left out when it was not read): None, or ``update`` and ``noted`` (false: only begun);
* ``rotation``: None, or ``set``, ``method`` (nlb, hook, none), ``state`` (in, out, draining, unknown) and, with nlb,
  ``held`` (whether a run of this collection keeps it out);
* ``interfering``: ``running`` (service -> details) and ``note`` (None, or service -> ``start_type``, ``state``);
* ``connector``: None, or ``installed``, ``due``, ``begun``, ``custom_maps``, ``maps_given``;
* ``exchange55`` (Exchange 5.5; needed where the host is no node): ``running`` (service -> details), ``note`` (None, or
  service -> ``start_type``, ``state``), ``optimizer`` (None, due, begun), ``tuning_saved``, ``addons`` (name ->
  ``version``, ``due``).

``directory``: None, or ``servers`` (as directory_info). ``inventory`` (optional): hosts of the inventory that are not
in the run -> ``front_end`` (true, false, None: not said), ``limited_out``, ``set`` (optional: its load-balanced set),
``exchange`` (optional: as exchange_info, of a front-end that could be read).

The plan
========

==================  ===================================================================================================
update, updates     key of the update (the list of keys when there are several); always the list
prerequisites       keys of what is installed on some host because an update asks for it
entries             ``id``, ``kind``, ``product``, ``title``, ``prerequisite`` of all these
kind, title         service_pack, hotfix or windows_hotfix (the first of these that occurs); for people
options             the options with their defaults
changes             whether anything is to be done
resumes             whether this goes on with a run that was cut off
waves               list of lists of hosts: a wave begins when the one before it has ended
front_waves         so many of the first waves are front-ends, whose members go side by side, task by task
sets                load-balancing set whose members go together (Exchange 2003) -> ``hosts`` (all members),
                    ``wave`` (None: none of them has a turn); members of other sets have a wave each
turns               host -> its turn
prepare             host -> steps: stage_package*, note_owners?, export_schema_maps?, save_tuning?
finish              cluster -> ``host``, ``steps``: restore_owners*, failover_test*, move_home*, remove_note*
steps               all of them in order
outages             "CLUSTER/GROUP" -> ``times``, ``seconds``, ``roll`` and ``finish`` (each with the same two)
by_hand             ``setup``, ``upgrade`` (of virtual servers): whether a person does some of it in this plan;
                    ``updates``: keys set up by hand
virtual_servers     key of the update to whose level virtual servers are upgraded, by cluster (None: they are not)
notices, due        sentences: what is to be known; what a person still owes afterwards
predicted, final    ``hosts`` and ``groups``/``clusters`` as they will be
digest              of exactly this plan; ``scope_digest``: the same for the first run and each one that goes on with it
==================  ===================================================================================================

A turn: ``host``, ``cluster``, ``node``, ``role``, ``set`` (or None), ``wave``, ``install`` (whether anything is
installed), ``canary`` (whether nothing else begins before it is verified), with it ``leads_to`` (the groups of the
cluster as they are after it), ``reason``, ``steps``, ``virtual_servers`` (list of ``group``, ``steps``, and ``back``:
the node that it leaves, to which it goes back when the turn fails; None where it would not come online there),
``after`` (steps, done last), ``goes_on`` (5.5 clusters: whether the group stays offline until the next turn of the
cluster, which follows at once) and ``down`` (whether it is offline as the run begins: that cluster goes first),
``left`` (list of ``group``, ``reason``: groups that stay on the node). In this order:

* ``steps``: leave_rotation?; of a node limit_owners* (phase free: of virtual servers on nodes whose turn is still to
  come), move_group*, stop_services?, stop_cluster_service, else stop_services?; then
  restart_host? (left by an earlier run), and for each update of the chain (stop_cluster_service?, install_update,
  restart_host); start_cluster_service (of a node); verify_host; upgrade_connector?, compare_schema_maps?;
  restore_owners*. Of a server with Exchange 5.5: stop_services?, stop_exchange?, install_update (service packs),
  start_exchange?, install_update (hotfixes), verify_host, optimize?, update_addon*. Of a node of a 5.5 cluster:
  move_group* (not of the group with Exchange), stop_services?, stop_cluster_service?, take_offline?, move_group?
  (both for a hotfix), install_update, start_cluster_service?, verify_host.
* ``virtual_servers``: take_offline?, move_group?, upgrade_virtual_server?, limit_owners?, bring_online?,
  verify_virtual_server. Of Exchange 2000, where a virtual server upgrades itself as it comes online: move_group?,
  bring_online? (one that was offline), limit_owners?, verify_virtual_server; one that is upgraded already and offline:
  limit_owners? before bring_online.
* ``after``: start_services?, note_backup_due?, join_rotation?.

A step: ``index``, ``host``, ``cluster``, ``step`` (word of ``data/steps.yml``), ``object``, ``phase``, ``reason``,
``changed``, ``before``, ``after`` (see ``steps``), and where it makes sense ``turn`` (the host whose turn it is),
``unpredictable: true``, ``group``, ``node`` (target of a move; the node of an upgrade) with ``node_host``, ``resource``
and ``nodes`` (limit_owners, restore_owners), ``by_hand`` (install_update), ``seconds`` (how long it is expected to
take, where that is not what its word usually takes), ``upgrades: true`` of a move or bring_online with which the
virtual server upgrades itself (``version``: the one that it gets) or the store its databases (that may take hours),
``update``: of upgrade_virtual_server the key of the update; of restart_host and of a further stop_cluster_service the
installation that it follows or precedes. A restart_host without ``update`` was left to be done by an earlier run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from . import check55, cluster55, digest, host_turns, notices, server55, turns
from .draft import Draft
from .estate import read_estate
from .finish import finish_cluster
from .front_ends import set_members, sets_apart
from .model import ONLINE, Host, Model, PlannerError
from .options import OPTIONS, read_options
from .problems import NoPlan, Problems
from .state55 import PRODUCT as EXCHANGE55
from .steps import Step
from .updates import Updates
from .waves import arrange

Plan = dict[str, Any]


def make_plan(
    estate: Mapping[str, Any], updates: Sequence[Mapping[str, Any]], options: Mapping[str, Any] | None = None
) -> Plan:
    """Return the plan that brings ``updates`` onto ``estate``.

    updates: the catalogue's entries with their keys as ``id``, in the order in which they are to be installed; those
    that they require are among them, flagged ``prerequisite: true``. options: see ``options.OPTIONS``.

    Raises NoPlan with every problem that was found, and PlannerError for a mistake of the planner itself.
    """
    problems = Problems()
    chosen = read_options(options or {}, problems)
    wanted = Updates(updates, problems)
    problems.stop_if_any()
    model = read_estate(estate, wanted, problems, chosen.front_ends_done)
    found = model.copy()
    draft = Draft(model, wanted, chosen)
    working = [name for name, cluster in sorted(model.clusters.items()) if turns.has_work(draft, cluster)]
    for name in working:
        check = check55.check_cluster if _is_55(draft, name) else turns.check_cluster
        check(draft, model.clusters[name], problems)
    problems.stop_if_any()
    notices.note_idle(draft, working)
    notices.note_unseen(draft, estate)
    notices.note_taken_out(draft, estate)
    notices.note_unproven(draft)
    notices.note_homes(draft, [name for name in working if not _is_55(draft, name)])
    plan = _assemble(draft, working)
    notices.note_mixed(draft, plan)
    notices.note_by_hand(draft, plan)
    _check_end(draft.model, working)
    plan["changes"] = any(step["changed"] or step.get("unpredictable") for step in plan["steps"])
    plan.update(_head(wanted, found, draft, plan, working))
    plan["scope_digest"] = digest.scope_digest(found, plan)
    plan["digest"] = digest.digest(found, plan)
    return plan


def _assemble(draft: Draft, working: list[str]) -> Plan:
    """Return waves, turns and steps."""
    prepare = _prepare(draft, working)
    single: dict[bool, list[host_turns.Turn]] = {True: [], False: []}
    servers = [host for host in draft.model.hosts.values() if not host.cluster]
    apart = sets_apart(servers)
    # What an earlier run has left out of the rotation comes back before another member of its set goes.
    for host in sorted(servers, key=lambda host: (not host.front_end, not _left_out(host, apart), host.name)):
        turn = host_turns.server_turn(draft, host.name)
        if turn:
            single[host.front_end].append(turn)
    units = [[turn] for turn in single[False]]
    for name, cluster in sorted(draft.model.clusters.items()):
        if name not in working:
            units.append(turns.left_over(draft, name, cluster.nodes))
        else:
            units.append((cluster55 if _is_55(draft, name) else turns).cluster_turns(draft, name))
    front_waves = arrange(
        single[True], units, lanes=draft.options.lanes, canary=draft.options.canary, apart=apart
    )  # fmt: skip
    every = single[True] + [turn for unit in units for turn in unit]
    finish = {}
    for name in working:
        host_name, steps = (cluster55.finish_cluster if _is_55(draft, name) else finish_cluster)(draft, name)
        if steps:
            finish[name] = {"host": host_name, "steps": steps}
    if len({turn["host"] for turn in every}) < len(every):
        raise PlannerError("a host would have two turns")
    every.sort(key=lambda turn: (turn["wave"], turn["host"]))
    waves: list[list[str]] = [[] for unused in range(max((turn["wave"] for turn in every), default=-1) + 1)]
    for turn in every:
        waves[turn["wave"]].append(turn["host"])
    return {
        "waves": waves,
        "front_waves": front_waves,
        "sets": {
            name: {"hosts": hosts, "wave": next((turn["wave"] for turn in single[True] if turn["set"] == name), None)}
            for name, hosts in sorted(set_members(draft.model.hosts.values()).items())
            if name not in apart
        },
        "turns": {turn["host"]: turn for turn in every},
        "prepare": prepare,
        "finish": finish,
        "steps": _numbered(prepare, every, finish),
    }


def _is_55(draft: Draft, cluster: str) -> bool:
    """Whether a cluster has Exchange 5.5, whose order is another one."""
    return draft.procedure(cluster).product == EXCHANGE55


def _left_out(host: Host, apart: Collection[str]) -> bool:
    """Whether a member of a set whose members go one after the other does not serve."""
    return host.balanced in apart and host.rotation in ("out", "draining")


def _prepare(draft: Draft, working: list[str]) -> dict[str, list[Step]]:
    """Return what is done on each host while everything still serves: the packages, the notes, the schema maps."""
    prepare: dict[str, list[Step]] = {}
    noting = {name for name in working if not _is_55(draft, name) or cluster55.notes_owners(draft, draft.cluster(name))}
    for name, host in sorted(draft.model.hosts.items()):
        steps = []
        further = (*server55.further_packages(draft, host), *host_turns.further_packages(draft, host))
        for key in (*host.chain, *further):
            if key in host.unstaged and host.phases.get(key) not in ("armed", "running"):
                before, after = {"staged": False}, {"staged": True}
                why = "It is copied before anything stops, so that nobody waits for it."
                steps.append(draft.on_host("stage_package", name, "prepare", why, before, after, key))
        if host.cluster in noting and not host.note:
            why = "Groups go home by it at the end, also when the run is cut off in between."
            steps.append(
                draft.on_host("note_owners", name, "prepare", why, {"owners": None}, _note(draft, str(host.cluster)))
            )
        steps += host_turns.export_schema_maps(draft, name) + server55.save_tuning(draft, name)
        if steps:
            prepare[name] = steps
    return prepare


def _note(draft: Draft, name: str) -> dict[str, Any]:
    """Return what is noted of a cluster: how the first run found it."""
    cluster = draft.cluster(name)
    held = {group.name: list(group.hold_found) for group in cluster.virtual_servers if group.resource is not None}
    return {"owners": dict(sorted(cluster.found.items())), "possible_owners": held}


def _numbered(
    prepare: dict[str, list[Step]], every: list[host_turns.Turn], finish: dict[str, dict[str, Any]]
) -> list[Step]:
    """Return all steps in order, each with its index."""
    steps = [step for of_host in prepare.values() for step in of_host]
    for turn in every:
        steps += turn["steps"]
        steps += [step for server in turn["virtual_servers"] for step in server["steps"]]
        steps += turn["after"]
    steps += [step for of_cluster in finish.values() for step in of_cluster["steps"]]
    for index, step in enumerate(steps):
        step["index"] = index
    return steps


def _check_end(model: Model, working: list[str]) -> None:
    """Raise PlannerError unless the steps lead to the end that the roll is for."""
    undone = [host.name for host in model.hosts.values() if host_turns.needs_turn(host)]
    undone += [host.name for host in model.hosts.values() if host.noted_services is not None or host.backup_due]
    undone += [host.name for host in model.hosts.values() if host.rotation in ("out", "draining") or host.begun55]
    for name in working:
        cluster = model.clusters[name]
        undone += [node for node in cluster.nodes if node not in cluster.up]
        undone += [group.name for group in cluster.virtual_servers if group.state != ONLINE or not group.upgraded]
        undone += [group.name for group in cluster.virtual_servers if set(group.hold) != set(group.hold_found)]
        undone += [host for host in cluster.hosts.values() if model.hosts[host].note]
    if undone:
        raise PlannerError(f"the plan would end with these undone: {', '.join(undone)}")


def _head(updates: Updates, found: Model, draft: Draft, plan: Plan, working: Sequence[str]) -> Plan:
    """Return what a plan says besides its steps."""
    end, options = draft.model, draft.options
    outages = {}
    for where, parts in sorted(draft.outages.items()):
        total = {word: parts["roll"][word] + parts["finish"][word] for word in ("times", "seconds")}
        outages[where] = {**total, **parts}
    installed = {step["object"] for step in plan["steps"] if step["step"] == "install_update"}
    keys = [key for key in updates.by_id if key in installed or key in updates.keys]
    by_hand = [key for key in keys if host_turns.by_hand(draft, key)]
    entries = [
        {
            "id": key,
            "kind": updates.by_id[key]["kind"],
            "product": str(updates.by_id[key]["product"]),
            "title": str(updates.by_id[key].get("title") or key),
            "prerequisite": key not in updates.keys,
        }
        for key in keys
    ]
    keys = updates.keys
    targets = {name: draft.target(name) for name in end.clusters}
    return {
        "update": keys[0] if len(keys) == 1 else keys,
        "updates": keys,
        "prerequisites": [key for key in updates.by_id if key in installed and key not in keys],
        "entries": entries,
        "kind": updates.kind,
        "title": updates.title,
        "options": {
            **vars(options),
            "front_ends_done": list(options.front_ends_done),
            "addon_commands": list(options.addon_commands),
        },
        "by_hand": {
            "setup": bool(by_hand),
            "upgrade": options.upgrade_method == "operator"
            and any(step["step"] == "upgrade_virtual_server" for step in plan["steps"]),
            "updates": by_hand,
        },
        "virtual_servers": {name: target.update if target else None for name, target in targets.items()},
        "resumes": any(cluster.noted for cluster in found.clusters.values())
        or any(host.installing or host.restart_pending or host.noted_services for host in found.hosts.values())
        or any(host.begun55 for host in found.hosts.values()),
        "notices": draft.notices,
        "due": [
            f"{host.name}: the upgrade of the Active Directory Connector (the option connector is leave)."
            for host in end.hosts.values()
            if host.connector
        ]
        + server55.due(draft, list(found.hosts.values()), working),
        "outages": outages,
        "predicted": {
            "hosts": {name: host.level.words for name, host in end.hosts.items()},
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
            "hosts": {name: {"product": host.product, **host.level.words} for name, host in end.hosts.items()},
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

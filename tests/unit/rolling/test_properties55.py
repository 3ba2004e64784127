# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange 5.5, alone and beside 2003: whatever the estate and wherever a run was cut off, the end is the same."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.tests.unit.rolling.support import SP2
from ansible_collections.mailops.exchange.tests.unit.rolling.support55 import FIX, GROUP, SP3, SP4, World55

SERVICE = {"display_name": "SNMP", "start_type": "auto", "why": ""}


@st.composite
def worlds(draw: st.DrawFn) -> World55:
    """Up to three servers and up to two clusters with Exchange 5.5; perhaps Exchange 2003 beside them.

    A run brings one or two service packs, or a hotfix; single servers may get both.
    """
    clusters = draw(st.integers(0, 2))
    fix = draw(st.booleans())
    both = not clusters and draw(st.booleans())
    updates = [SP4, FIX] if both else [FIX] if fix else draw(st.sampled_from([[SP4], [SP3, SP4]]))
    world = World55(updates)
    world.directory = {} if draw(st.booleans()) else None
    levels = [4] if updates == [FIX] else [2, 3, 4] if SP3 in updates else [3, 4]
    for number in range(1, clusters + 1):
        nodes = [f"n{number}{letter}" for letter in "ab"]
        owner = draw(st.sampled_from(nodes))
        preferred = draw(st.lists(st.sampled_from(nodes), max_size=1))
        world.cluster55(
            f"mail{number}", nodes, owner, draw(st.sampled_from(nodes)), service_pack=levels[0], preferred=preferred
        )
        if draw(st.booleans()):
            world.group(f"mail{number}", "File Share", draw(st.sampled_from(nodes)))
        if levels[0] < 4 and draw(st.integers(0, 3)) == 0:
            world.hosts[owner]["exchange"].update(service_pack=4, build=2653)
    for number in range(draw(st.integers(0 if clusters else 1, 3))):
        entry = world.server55(f"mbx{number}", draw(st.sampled_from(levels)), addons=draw(st.booleans()))
        if draw(st.booleans()):
            entry["exchange55"]["running"]["MSExchangeKMS"] = {"start_type": "manual"}
    if draw(st.booleans()) and world.directory is not None:
        world.updates = [*updates, SP2]
        world.server("fe1", front_end=True)
        world.server("mbx2003")
        if draw(st.booleans()):
            world.cluster("new", ["x1", "x2"], quorum="x1")
            world.evs("new", "EVS1", "x1", ["x1", "x2"])
    for entry in world.hosts.values():
        if draw(st.integers(0, 3)) == 0:
            entry["interfering"]["running"] = {"SNMP": SERVICE}
    return world


def options_of(draw: Any) -> dict[str, Any]:
    return {
        "home": draw(st.sampled_from(["preferred", "as_found"])),
        "failover_test": draw(st.sampled_from(["all", "none"])),
        "passive_cluster_service": draw(st.sampled_from(["stopped", "running"])),
        "addons": draw(st.sampled_from(["upgrade", "leave"])),
        "lanes": draw(st.integers(0, 2)),
        "canary": draw(st.booleans()),
    }


def owed(world: World55) -> list[tuple[str, str]]:
    """What the hosts need: (host, update)."""
    needs = []
    for name, entry in world.hosts.items():
        level, fixes = entry["exchange"]["service_pack"], entry["exchange"]["hotfixes"]
        for update in world.updates:
            if update["product"] != "5.5" or entry["exchange"]["product"] != "5.5":
                continue
            pack = update["kind"] == "service_pack"
            if level < update["result"]["service_pack"] if pack else update["result"]["hotfix"] not in fixes:
                needs.append((name, update["id"]))
    return sorted(needs)


def cut_in(world: World55, plan: dict[str, Any], data: st.DataObject) -> None:
    """Leave what the run has just come to half-way: an installation, the services, the optimizer, the group."""
    step = next((step for step in plan["steps"] if not step.get("done")), None)
    if step is None or world.hosts[step["host"]]["exchange"]["product"] != "5.5" or not data.draw(st.booleans()):
        return
    entry = world.hosts[step["host"]]
    if step["step"] == "install_update" and step["phase"] == "update":
        phase = data.draw(st.sampled_from(["prepared", "armed", "running"]))
        entry["installations"][step["object"]]["phase"] = phase
        if step["object"] != FIX["id"] and not step["cluster"]:
            entry["exchange55"]["optimizer"] = "due"
        if step.get("group") and phase == "running":
            world.park(step["cluster"], GROUP, but=data.draw(st.sampled_from(["", "Information Store"])))
            world.outages[f"{step['cluster']}/{GROUP}"] += 1
    elif step["step"] == "stop_exchange":
        state = entry["exchange55"]
        gone = data.draw(st.sampled_from(sorted(state["running"])))
        every = {each: {"state": "running", "start_type": "auto"} for each in state["running"]}
        state["note"] = {**every, **(state["note"] or {})}
        del state["running"][gone]
    elif step["step"] == "optimize":
        state = entry["exchange55"]
        every = {each: {"state": "running", "start_type": "auto"} for each in state["running"]}
        state.update(optimizer="begun", note={**every, **(state["note"] or {})}, running={})
    elif step["step"] == "take_offline":
        world.park(step["cluster"], GROUP, but="Information Store")


@settings(max_examples=80, deadline=None)
@given(world=worlds(), data=st.data())
def test_replanning_from_any_moment_ends_the_same(world: World55, data: st.DataObject) -> None:
    """The world's own rules hold, however often the run is cut off; each update comes to each host once."""
    options, needs = options_of(data.draw), owed(world)
    owners = {name: world.clusters[name]["groups"][GROUP]["owner"] for name in world.old_clusters}
    plan = make_plan(world.estate(), world.updates, options)
    end, scope = plan["final"], plan["scope_digest"]
    for unused in range(data.draw(st.integers(0, 3), label="interruptions")):
        for step in plan["steps"][: data.draw(st.integers(0, len(plan["steps"])), label="done")]:
            world.do(step)
            step["done"] = True
        cut_in(world, plan, data)
        plan = make_plan(world.estate(), world.updates, options)
        if plan["changes"]:
            assert plan["final"] == end
            # Of a cluster that is done nothing says any more where its groups once stood, while another one goes on.
            assert plan["resumes"] is False or plan["scope_digest"] == scope
    for step in plan["steps"]:
        world.do(step)
    last = make_plan(world.estate(), world.updates, options)
    assert (last["changes"], last["steps"], last["turns"]) == (False, [], {})
    assert last["final"] == end
    assert sorted(world.installed) == needs
    for name, entry in world.hosts.items():
        assert entry["interfering"]["note"] is None and entry["note"] is None
        state = entry.get("exchange55")
        if state and not entry["exchange"]["clustered"]:
            assert (state["note"], state["optimizer"]) == (None, None), name
            assert set(state["running"]) >= {"MSExchangeSA", "MSExchangeIS"}
    for name, owner in owners.items():
        row = world.clusters[name]["groups"][GROUP]
        home = row["preferred_owners"] if FIX in world.updates and options["home"] == "preferred" else []
        hotfixed = any(host.startswith(f"n{name[-1]}") for host, key in needs if key == FIX["id"])
        assert row["owner"] == (home[0] if home and hotfixed else owner)
        assert row["state"] == "online"


@settings(max_examples=60, deadline=None)
@given(world=worlds(), data=st.data())
def test_counted_outages_are_those_that_happen(world: World55, data: st.DataObject) -> None:
    """The plan announces exactly as many outages as its steps cause, and a cluster of Exchange 5.5 has at most one.

    (Two service packs of one run are two installations.)
    """
    packs = len([entry for entry in world.updates if entry["kind"] == "service_pack" and entry["product"] == "5.5"])
    plan = make_plan(world.estate(), world.updates, options_of(data.draw))
    for step in plan["steps"]:
        world.do(step)
    assert {where: outage["times"] for where, outage in plan["outages"].items()} == world.outages
    for name in world.old_clusters:
        outage = plan["outages"][f"{name}/{GROUP}"]
        assert outage["times"] <= max(1, packs)
        assert outage["finish"] == {"times": 0, "seconds": 0}
        assert bool(outage["seconds"]) == bool(outage["times"])


@settings(max_examples=60, deadline=None)
@given(world=worlds(), data=st.data())
def test_the_order_of_the_waves(world: World55, data: st.DataObject) -> None:
    """Front-ends come first; a node a wave; nobody is beside a cluster whose group is offline between two turns."""
    plan = make_plan(world.estate(), world.updates, options_of(data.draw))
    turns = plan["turns"]
    assert runbook(plan)
    for number, wave in enumerate(plan["waves"]):
        assert wave
        assert {turns[host]["role"] == "exchange2003_frontend" for host in wave} == {number < plan["front_waves"]}
        clusters = [turns[host]["cluster"] for host in wave if turns[host]["cluster"]]
        assert len(clusters) == len(set(clusters))
        for host in wave:
            if not turns[host].get("goes_on"):
                continue
            later = next(
                turn["wave"]
                for turn in sorted(turns.values(), key=lambda turn: turn["wave"])
                if turn["cluster"] == turns[host]["cluster"] and turn["wave"] > number
            )
            assert later == number + 1
            for other in [*wave, *plan["waves"][later]]:
                assert turns[other]["role"] == "exchange55_cluster"
                assert [step for step in turns[other]["steps"] if step["object"] == FIX["id"]]


@settings(max_examples=80, deadline=None)
@given(world=worlds(), data=st.data())
def test_broken_estates_are_refused_never_crash(world: World55, data: st.DataObject) -> None:
    """Whatever is found: there is a plan that ends well, or a refusal with a remedy for each problem."""
    states = st.sampled_from(["online", "online", "offline", "failed", "pending", "partially_online", "odd"])
    for name in sorted(world.old_clusters):
        found = world.clusters[name]
        found["groups"][GROUP]["state"] = data.draw(states)
        if data.draw(st.booleans()):
            world.park(name, GROUP, but=data.draw(st.sampled_from(["", "System Attendant"])))
        node = data.draw(st.sampled_from(sorted(found["nodes"])))
        found["nodes"][node] = data.draw(st.sampled_from(["up", "up", "down", "paused"]))
        entry = world.hosts[world.host(node)]
        key = data.draw(st.sampled_from([update["id"] for update in world.updates if update["product"] == "5.5"]))
        entry["installations"][key] = {
            "phase": data.draw(st.sampled_from(["none", "armed", "running", "finished", "interrupted"])),
            "exit_code": None,
            "restart_pending": data.draw(st.booleans()),
        }
        if data.draw(st.booleans()):
            note = {"owners": {GROUP: node, "Cluster Group": node}, "possible_owners": {}}
            for other in found["nodes"]:
                world.hosts[world.host(other)]["note"] = copy.deepcopy(note)
    for entry in world.hosts.values():
        if "exchange55" in entry and data.draw(st.booleans()):
            entry["exchange55"]["optimizer"] = data.draw(st.sampled_from([None, "due", "begun", "odd"]))
            entry["exchange55"]["tuning_saved"] = data.draw(st.booleans())
    try:
        plan = make_plan(world.estate(), world.updates, options_of(data.draw))
    except NoPlan as refusal:
        assert refusal.problems
        assert all(problem["what"] and problem["remedy"] for problem in refusal.problems)
        return
    for cluster in plan["final"]["clusters"].values():
        assert cluster.get(GROUP, {"state": "online"})["state"] == "online"

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever the cluster looks like and wherever a run was cut off: the rules hold and the end is the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule
from ansible_collections.mailops.exchange.tests.unit.rolling.support import (
    AFTER_ROLLUP,
    BUILDS,
    FOR_SP2,
    HOTFIX,
    IIS_FIX,
    ROLLUP,
    SP2,
    SP3_2000,
    WITH_FIX,
    World,
    two_nodes,
)

PRODUCTS = pytest.mark.parametrize("product", ["2003", "2000"])
MOST = {"2003": (8, 16), "2000": (4, 8)}
"""Nodes of a cluster and virtual servers in it that are tried: Windows 2000 has no larger clusters."""
PACKS = {"2003": SP2, "2000": SP3_2000}


@st.composite
def worlds(draw: st.DrawFn, product: str, updates: list[dict[str, Any]]) -> World:
    """A cluster with virtual servers, and perhaps single servers beside it, that the updates are for.

    Windows has no service pack on some; services interfere on some; front-ends may be load-balanced.
    """
    world = World(product)
    if updates[0]["id"] == ROLLUP["id"]:
        world.least = 3
    nodes, servers = MOST[product]
    names = [f"n{number}" for number in range(1, draw(st.integers(2, nodes)) + 1)]
    world.cluster("mail", names, quorum=draw(st.sampled_from(names)))
    for number in range(draw(st.integers(1, servers))):
        owner = draw(st.sampled_from(names))
        others = draw(st.lists(st.sampled_from([n for n in names if n != owner]), min_size=1, unique=True))
        preferred = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
        world.evs("mail", f"EVS{number}", owner, [owner, *others], preferred)
    if draw(st.booleans()):
        world.group("mail", "File Share", draw(st.sampled_from(names)))
    for number in range(draw(st.integers(0, 2))):
        world.server(f"mbx{number}")
    for number in range(draw(st.integers(0, 3))):
        entry = world.server(f"fe{number}", front_end=True)
        if number:
            state = draw(st.sampled_from(["in", "in", "out", "draining"]))
            entry["rotation"] = {"set": "web", "method": draw(st.sampled_from(["nlb", "none"])), "state": state}
    for entry in world.hosts.values():
        if product == "2003" and draw(st.booleans()):
            entry["exchange"]["os"]["service_pack"] = 0
            entry["exchange"]["hotfixes"] = draw(st.sampled_from([[], ["KB831464"]]))
        if draw(st.integers(0, 3)) == 0:
            entry["interfering"]["running"] = {"SNMP": {"display_name": "SNMP", "start_type": "auto", "why": ""}}
    if draw(st.booleans()):
        host = world.hosts[draw(st.sampled_from(sorted(world.hosts)))]
        host["connector"] = {"installed": True, "due": True, "custom_maps": False, "maps_given": False}
    return world


UPDATES = {
    "2003": [
        [SP2],
        [HOTFIX],
        [SP2, FOR_SP2],
        [WITH_FIX, {**IIS_FIX, "prerequisite": True}],
        [IIS_FIX, WITH_FIX, FOR_SP2],
    ],
    "2000": [
        [SP3_2000],
        [ROLLUP],
        [SP3_2000, ROLLUP],
        [{**ROLLUP, "prerequisite": True}, AFTER_ROLLUP],
        [SP3_2000, ROLLUP, AFTER_ROLLUP],
    ],
}


@st.composite
def estates(draw: st.DrawFn, product: str, *, packs: bool = False) -> tuple[World, list[dict[str, Any]]]:
    """A world, and updates that are for it. packs: a service pack only."""
    updates = [PACKS[product]] if packs else draw(st.sampled_from(UPDATES[product]))
    return draw(worlds(product, updates)), updates


def options_of(draw: Any) -> dict[str, Any]:
    return {
        "home": draw(st.sampled_from(["preferred", "as_found"])),
        "failover_test": draw(st.sampled_from(["all", "one", "none"])),
    }


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_replanning_from_any_moment_ends_the_same(product: str, data: st.DataObject) -> None:
    """The world's own rules (asserted as it carries out the steps) hold, however often the run is cut off."""
    world, updates = data.draw(estates(product))
    options = options_of(data.draw)
    plan = make_plan(world.estate(), updates, options)
    end, scope = plan["final"], plan["scope_digest"]
    for unused in range(data.draw(st.integers(0, 3), label="interruptions")):
        for step in plan["steps"][: data.draw(st.integers(0, len(plan["steps"])), label="done")]:
            world.do(step)
        _cut_in(world, plan, data)
        plan = make_plan(world.estate(), updates, options)
        if plan["changes"]:
            assert plan["final"] == end
            assert plan["resumes"] is False or plan["scope_digest"] == scope
    for step in plan["steps"]:
        world.do(step)
    last = make_plan(world.estate(), updates, options)
    assert (last["changes"], last["steps"], last["waves"], last["turns"]) == (False, [], [], {})
    assert last["final"] == end
    for row in world.clusters["mail"]["groups"].values():
        if row["virtual_server"]:
            assert row["hold"]["possible_owners"] == row["possible_owners"]
    for entry in world.hosts.values():
        assert entry["interfering"]["note"] is None
        assert not entry["rotation"] or entry["rotation"]["method"] == "none" or entry["rotation"]["state"] == "in"


def _cut_in(world: World, plan: dict[str, Any], data: st.DataObject) -> None:
    """Leave an installation or the resources of a virtual server half-way, where the run has just come to one."""
    for entry in world.hosts.values():
        node = entry["exchange"]["computer_name"]
        state = next((c["nodes"][node] for c in world.clusters.values() if node in c["nodes"]), "down")
        turn = plan["turns"].get(next(name for name, each in world.hosts.items() if each is entry))
        chain = [step["object"] for step in turn["steps"] if step["step"] == "install_update"] if turn else []
        done = [key for key in chain if entry["installations"][key]["phase"] == "finished"]
        missing = [key for key in chain if key not in done]
        if state == "down" and entry["note"] and missing:
            installation = entry["installations"][missing[0]]
            installation["phase"] = data.draw(st.sampled_from(["none", "prepared", "armed", "running"]))
        elif state == "down" and entry["note"] and done:
            entry["installations"][done[-1]]["restart_pending"] = data.draw(st.booleans())
    for name, found in world.clusters.items():
        noted = any(world.hosts[world.host(node)]["note"] for node in found["nodes"])
        for group, row in found["groups"].items():
            if noted and row["virtual_server"] and row["state"] == "partially_online" and data.draw(st.booleans()):
                world.park(name, group, but="System Attendant")
            elif noted and row["network_name"] in world.unheld:
                _cut_in_upgrading(world, name, group, data)


def _cut_in_upgrading(world: World, cluster: str, group: str, data: st.DataObject) -> None:
    """Leave a virtual server that has just upgraded itself: as it is, or the directory behind, or all of it undone."""
    seen = data.draw(st.sampled_from(["as it is", "behind", "offline", "not upgraded"]))
    if seen == "behind":
        world.directory[group.upper()].update(service_pack=2, build=5762)  # type: ignore[index]
    elif seen == "offline":
        world.park(cluster, group)
    elif seen == "not upgraded":
        world.park(cluster, group)
        world.back(group)


@st.composite
def half_way(draw: st.DrawFn, product: str, hotfix: str) -> World:
    """A cluster whose nodes have nothing, the service pack, or that and the hotfix after it; nobody holds anything."""
    world = World(product)
    new = world.least + 1
    names = [f"n{number}" for number in range(1, draw(st.integers(2, 4)) + 1)]
    world.cluster("mail", names, quorum=draw(st.sampled_from(names)))
    levels = {name: draw(st.sampled_from(["old", "old", "pack", "done"])) for name in names}
    for name, level in levels.items():
        exchange = world.hosts[name]["exchange"]
        if level != "old":
            exchange.update(service_pack=new, build=BUILDS[product][new])
        if level == "done":
            exchange["hotfixes"] = [*exchange["hotfixes"], hotfix]
    for number in range(draw(st.integers(1, max(1, len(names) - 1)))):
        group, owner = f"EVS{number}", draw(st.sampled_from(names))
        others = draw(st.lists(st.sampled_from([n for n in names if n != owner]), min_size=1, unique=True))
        world.evs("mail", group, owner, [owner, *others], service_pack=world.least if levels[owner] == "old" else new)
        world.stores[group] = (world.least if levels[owner] == "old" else new, int(levels[owner] == "done"))
        if levels[owner] != "old" and "old" in {levels[name] for name in others}:
            world.unheld.add(group)
    return world


@PRODUCTS
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_partly_updated_with_a_list_of_updates(product: str, data: st.DataObject) -> None:
    """Each host has one turn, every step its time, and the end is reached; or the service pack alone opens the way."""
    updates = [SP2, FOR_SP2] if product == "2003" else [SP3_2000, ROLLUP]
    world = data.draw(half_way(product, updates[1]["result"]["hotfix"]))
    try:
        plan = make_plan(world.estate(), updates, options_of(data.draw))
    except NoPlan as refusal:
        assert "alone first" in refusal.remedy
        return
    assert len(make_schedule(plan, {entry["id"]: 5 for entry in plan["entries"]})["steps"]) == len(plan["steps"])
    for step in plan["steps"]:
        world.do(step)
    assert make_plan(world.estate(), updates, {})["changes"] is False


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(quorum=st.sampled_from(["n1", "n2"]), preferred=st.sampled_from([[], ["n1"], ["n2"]]), data=st.data())
def test_active_passive_is_offline_once(product: str, quorum: str, preferred: list[str], data: st.DataObject) -> None:
    """Before the failover test a virtual server of an active/passive pair is offline exactly once."""
    update = data.draw(st.sampled_from([PACKS[product], HOTFIX if product == "2003" else ROLLUP]))
    world = World(product)
    if update is ROLLUP:
        world.least = 3
    world.cluster("mail", ["n1", "n2"], quorum=quorum)
    world.evs("mail", "EVS1", "n1", preferred=preferred)
    plan = make_plan(world.estate(), [update], options_of(data.draw))
    assert plan["outages"]["mail/EVS1"]["roll"]["times"] == 1
    for step in plan["steps"]:
        if step["phase"] == "finish":
            break
        world.do(step)
    assert world.outages == {"mail/EVS1": 1}


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_counted_outages_are_those_that_happen(product: str, data: st.DataObject) -> None:
    """The plan announces exactly as many outages as its steps cause."""
    world, updates = data.draw(estates(product))
    plan = make_plan(world.estate(), updates, {})
    for step in plan["steps"]:
        world.do(step)
    assert {where: outage["times"] for where, outage in plan["outages"].items()} == world.outages


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_order_is_the_best_there_is(product: str, data: st.DataObject) -> None:
    """No order of the nodes needs fewer moves to nodes that are not updated; found by trying them all."""
    world, updates = data.draw(estates(product, packs=True))
    estate = world.estate()
    plan = make_plan(estate, updates, {"failover_test": "none", "home": "stay"})
    turns = [host for wave in plan["waves"] for host in wave if plan["turns"][host]["cluster"]]
    groups = [g for g in world.clusters["mail"]["groups"].values() if g["virtual_server"]]
    extra = _extra([host.upper() for host in turns], groups)
    total = sum(outage["roll"]["times"] for outage in plan["outages"].values())
    # An order is a choice of who is updated before whom: the fewest extra moves over all subsets.
    best = {frozenset(): 0}
    for size in range(len(turns)):
        for done in [done for done in best if len(done) == size]:
            for node in {host.upper() for host in turns} - done:
                cost = best[done] + sum(
                    1 for g in groups if g["owner"] == node and not set(g["possible_owners"]) & done
                )
                best[done | {node}] = min(cost, best.get(done | {node}, cost))
    fewest = best[frozenset(host.upper() for host in turns)]
    # Where a node carries one virtual server only, another order may be needed, and one may have to make room.
    alone = len(world.clusters["mail"]["nodes"]) > 2 and len({g["owner"] for g in groups}) == len(groups)
    assert extra >= fewest if alone else extra == fewest
    assert total >= len(groups) + extra if alone else total == len(groups) + extra


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(limit=st.integers(1, 6), data=st.data())
def test_the_limit_is_kept_or_refused(product: str, limit: int, data: st.DataObject) -> None:
    """No node takes a virtual server beyond the limit; one that carried more as it was found takes none."""
    world, updates = data.draw(estates(product))
    try:
        plan = make_plan(world.estate(), updates, {"max_virtual_servers": limit})
    except NoPlan as refusal:
        assert "max_virtual_servers" in refusal.message
        assert refusal.remedy
        return
    groups = [row for row in world.clusters["mail"]["groups"].values() if row["virtual_server"]]
    for step in plan["steps"]:
        before = [row["owner"] for row in groups]
        world.do(step)
        owners = [row["owner"] for row in groups]
        for node in set(owners):
            assert owners.count(node) <= max(limit, before.count(node))


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_front_ends_come_first_and_together(product: str, data: st.DataObject) -> None:
    """The first waves are front-ends, each set in one of them (of Exchange 2000 each member); then the others come."""
    world, updates = data.draw(estates(product))
    plan = make_plan(world.estate(), updates, {})
    for number, wave in enumerate(plan["waves"]):
        assert {host.startswith("fe") for host in wave} == {number < plan["front_waves"]}
        assert len({plan["turns"][host]["set"] for host in wave}) == 1
        assert len([host for host in wave if plan["turns"][host]["cluster"]]) <= 1
    of_sets = [turn["wave"] for turn in plan["turns"].values() if turn["set"]]
    assert product == "2003" or (plan["sets"] == {} and len(set(of_sets)) == len(of_sets))
    for name, part in plan["sets"].items():
        turns = [turn for turn in plan["turns"].values() if turn["set"] == name]
        assert {turn["wave"] for turn in turns} == ({part["wave"]} if turns else set())


def _extra(order: list[str], groups: list[dict[str, Any]]) -> int:
    return sum(1 for g in groups if min(g["possible_owners"], key=order.index) == g["owner"])


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_same_estate_same_plan(product: str, data: st.DataObject) -> None:
    """The order in which hosts and groups were read plays no part."""
    world, updates = data.draw(estates(product))
    estate = world.estate()
    shuffled = copy.deepcopy(estate)
    shuffled["hosts"] = dict(data.draw(st.permutations(list(shuffled["hosts"].items()))))
    for entry in shuffled["hosts"].values():
        if entry["cluster"]:
            entry["cluster"]["groups"] = dict(reversed(entry["cluster"]["groups"].items()))
    assert make_plan(estate, updates, {}) == make_plan(shuffled, updates, {})
    assert estate == world.estate()


@PRODUCTS
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_broken_estates_are_refused_never_crash(product: str, data: st.DataObject) -> None:
    """Whatever state a group or a node is in: there is a plan, or a refusal with a remedy for each problem."""
    world, updates = data.draw(estates(product, packs=True))
    for group in world.clusters["mail"]["groups"].values():
        group["state"] = data.draw(
            st.sampled_from(["online", "online", "online", "offline", "failed", "pending", "partially_online", "odd"])
        )
    if data.draw(st.booleans()):
        host = world.hosts[data.draw(st.sampled_from(sorted(world.hosts)))]
        host["installations"][updates[0]["id"]]["phase"] = data.draw(
            st.sampled_from(["armed", "running", "finished", "interrupted", "odd"])
        )
    if data.draw(st.booleans()):
        world.clusters["mail"]["nodes"]["N1"] = data.draw(st.sampled_from(["down", "paused", "joining", "odd"]))
    try:
        make_plan(world.estate(), updates, {})
    except NoPlan as refusal:
        assert refusal.problems
        assert all(problem["what"] and problem["remedy"] for problem in refusal.problems)


def test_active_passive_ends_at_home() -> None:
    """The plan that the other tests vary: one outage for the upgrade, one for the failover test."""
    plan = make_plan(two_nodes().estate(), [SP2], {})
    assert plan["waves"] == [["n2"], ["n1"]]
    assert plan["final"]["clusters"]["mail"]["EVS1"] == {"owner": "N1", "state": "online"}
    assert plan["outages"]["mail/EVS1"]["times"] == 2

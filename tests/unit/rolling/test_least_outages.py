# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No cluster is planned with more outages than it needs, before the failover test and the way home.

Whole plans: everything up to three nodes and three virtual servers, and all clusters of four nodes and up to three
virtual servers of which no node is updated yet; of the others, every so many. Their outages are counted from the steps,
by the rules (``walked``), not taken from what the plan says. The ways alone (``routes``), from which plans are made:
all clusters of four nodes and up to four virtual servers, with any number of updated nodes. All plans of up to four
nodes and four virtual servers are compared by ``tests/benchmarks/least_outages.py``.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.levels import Level
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.model import Cluster, Group, Host, Model
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.routes import NoWay, find_route
from ansible_collections.mailops.exchange.tests.unit.rolling.least_outages import (
    Case,
    alone,
    cases,
    estate_of,
    fewest,
    fewest_and_home,
    names_of,
    walked,
)
from ansible_collections.mailops.exchange.tests.unit.rolling.support import FOR_SP2, HOTFIX, SP2, SP3_2000

OPTIONS = {"failover_test": "none"}
BEFORE, AFTER = Level(1, 7226, frozenset()), Level(2, 7638, frozenset())


def planned(case: Case, update: dict[str, Any], turned: int, limit: int = 0) -> int | None:
    """How many outages the steps of the plan cause before the finish, which it has to announce; None: no plan."""
    estate = estate_of(case, turned, update["product"])
    if update["kind"] == "hotfix":
        # The virtual servers are of the nodes' service pack, whatever has been updated.
        for entry in [*estate["directory"]["servers"].values(), *(row["exchange"] for row in estate["hosts"].values())]:
            entry.update(service_pack=2, build=7638)
    try:
        plan = make_plan(estate, [update], {**OPTIONS, "max_virtual_servers": limit})
    except NoPlan as refusal:
        assert refusal.problems
        return None
    outages = walked(case, plan, names_of(case[0], turned), hotfix=update["kind"] == "hotfix")
    assert outages == sum(outage["roll"]["times"] for outage in plan["outages"].values())
    return outages


def way(case: Case, homes: tuple[int, ...]) -> tuple[int, int] | None:
    """How many moves the way of the virtual servers has, and how many are not at home after it; None: no way."""
    nodes, ready, servers = case
    names = [f"N{node}" for node in range(nodes)]
    hosts, groups = {}, {}
    for node, name in enumerate(names):
        level, chain = (AFTER, ()) if node < ready else (BEFORE, ("sp2",))
        hosts[name] = Host(name, name, "2003", level, chain, node >= ready, cluster="mail", node=name)
    for index, (owner, possible) in enumerate(servers):
        name, done = f"EVS{index}", owner < ready
        nodes_of = tuple(names[node] for node in range(nodes) if possible >> node & 1)
        pack = 2 if done else 1
        groups[name] = Group(name, names[owner], "online", virtual_server=True, possible=nodes_of, service_pack=pack,
                             known=True, upgraded=done)  # fmt: skip
    found = {group.name: group.owner for group in groups.values()}
    hosts_of = dict(zip(names, names, strict=True))
    model = Model(hosts, {"mail": Cluster("mail", hosts_of, frozenset(names), groups, found, one_each=alone(case))})
    belongs = {f"EVS{index}": names[home] for index, home in enumerate(homes)}
    for limit in (1, 0) if alone(case) else (0,):
        try:
            route = find_route(model, "mail", names[ready:], names[:ready], belongs, limit)
        except NoWay:
            return None
        if route is not None:
            moves = [move for stage in route for move in (*stage.over, *stage.aside)]
            at = found | dict(moves)
            return len(moves), sum(at[name] != home for name, home in belongs.items())
    return None


def differing(
    found: Iterable[Case], limit: int = 0, updates: tuple[dict[str, Any], ...] = (SP2, FOR_SP2)
) -> list[tuple[Case, int | None, int | None]]:
    """The clusters of which the plan does not need the fewest outages, with what it needs."""
    wrong = []
    for number, case in enumerate(found):
        least = fewest(case, limit)
        for update in updates:
            outages = planned(case, update, number, limit)
            if outages != least:
                wrong.append((case, least, outages))
    return wrong


def test_the_search_knows_what_the_article_says() -> None:
    """Active/passive: once. Active/active: one of the two once more. Nobody can take it over: no way."""
    assert fewest((2, 0, ((0, 0b11),))) == 1
    assert fewest((2, 0, ((0, 0b11), (1, 0b11)))) == 3
    assert fewest((2, 0, ((0, 0b01),))) is None
    assert fewest((2, 1, ((0, 0b11), (1, 0b11)))) == 1
    # One virtual server on each of three nodes: none can go anywhere alone, so that two have to share for a time.
    assert fewest((3, 0, ((0, 0b111), (1, 0b111), (2, 0b111)))) == 4
    # All three can go to node 1 only, which carries one: each but the last has to go back before the next one comes.
    assert fewest((4, 0, ((0, 0b0011), (2, 0b0110), (3, 0b1010)))) == 5


@pytest.mark.parametrize("nodes", [1, 2, 3])
def test_all_clusters_of_up_to_three_nodes_and_virtual_servers(nodes: int) -> None:
    for servers in range(1, 4):
        for ready in range(nodes + 1):
            assert differing(cases(nodes, servers, ready, least_possible=1)) == []


@pytest.mark.parametrize("servers", [1, 2, 3, 4])
def test_all_clusters_of_four_nodes(servers: int) -> None:
    """A service pack and a hotfix in turn: both follow the same way. Of four virtual servers every so many."""
    step = 2 if servers < 4 else 5
    for number, update in enumerate((SP2, FOR_SP2)):
        assert differing(islice(cases(4, servers, 0), number, None, step), updates=(update,)) == []


@pytest.mark.parametrize("ready", [1, 2, 3])
def test_clusters_of_four_nodes_some_of_which_are_updated(ready: int) -> None:
    assert differing(cases(4, 2, ready)) == []
    assert differing(islice(cases(4, 3, ready), 0, None, 17)) == []
    assert differing(islice(cases(4, 4, ready), 0, None, 61)) == []


@pytest.mark.parametrize("ready", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("servers", [1, 2, 3, 4])
def test_the_ways_of_all_clusters_of_four_nodes(servers: int, ready: int) -> None:
    wrong = []
    for case in cases(4, servers, ready, least_possible=1):
        found, least = way(case, tuple(owner for owner, unused in case[2])), fewest(case)
        if (None if found is None else found[0]) != least:
            wrong.append((case, least, found))
    assert wrong == []


@pytest.mark.parametrize("nodes", [3, 4])
def test_of_the_shortest_ways_the_one_that_leaves_fewest_to_be_brought_home(nodes: int) -> None:
    """One virtual server on a node, a free node at least, homes apart: as found, or any."""
    draw = random.Random(nodes)
    wrong, tried = [], 0
    for servers in range(1, nodes):
        for ready in range(nodes):
            for case in filter(alone, cases(nodes, servers, ready)):
                as_found = tuple(owner for owner, unused in case[2])
                drawn = tuple(draw.choice([n for n in range(nodes) if owners >> n & 1]) for unused, owners in case[2])
                for homes in (as_found, drawn):
                    least = fewest_and_home(case, homes)
                    if least is None or len(set(homes)) < servers:
                        continue
                    tried += 1
                    if way(case, homes) != least:
                        wrong.append((case, homes, least, way(case, homes)))
    assert wrong == []
    assert tried > (70 if nodes == 3 else 1000)


@pytest.mark.parametrize("limit", [1, 2])
def test_all_clusters_with_a_limit(limit: int) -> None:
    """max_virtual_servers: two nodes, three, and every so many of four."""
    for servers in range(1, 4):
        assert differing(cases(2, servers, 0), limit) == []
        assert differing(cases(3, servers, 0), limit) == []
    assert differing(cases(3, 4, 1), limit) == []
    assert differing(islice(cases(4, 4, 0), 0, None, 37), limit) == []


def test_virtual_servers_that_upgrade_themselves() -> None:
    """Exchange 2000: all of up to three nodes and two virtual servers, and every so many of four nodes."""
    for nodes in (2, 3):
        for servers in (1, 2):
            for ready in range(nodes + 1):
                assert differing(cases(nodes, servers, ready), updates=(SP3_2000,)) == []
    assert differing(islice(cases(4, 3, 0), 0, None, 37), updates=(SP3_2000,)) == []


def test_a_hotfix_that_upgrades_nothing_needs_no_directory() -> None:
    estate = estate_of((2, 0, ((0, 0b11), (1, 0b11))))
    estate["directory"] = None
    plan = make_plan(estate, [HOTFIX], OPTIONS)
    assert sum(outage["roll"]["times"] for outage in plan["outages"].values()) == 3

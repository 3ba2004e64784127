# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No cluster is planned with more outages than it needs, before the failover test and the way home.

Everything up to three nodes and three virtual servers is tried, and all clusters of four nodes and up to four virtual
servers of which no node is updated yet; of those with updated nodes, every so many. All of up to four nodes and four
virtual servers are compared by ``tests/benchmarks/least_outages.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.tests.unit.rolling.least_outages import Case, cases, estate_of, fewest
from ansible_collections.mailops.exchange.tests.unit.rolling.support import FOR_SP2, HOTFIX, SP2, SP3_2000

OPTIONS = {"failover_test": "none"}


def planned(case: Case, update: dict[str, Any], turned: int, limit: int = 0) -> int | None:
    """How many outages the plan announces before the finish; None: there is no plan."""
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
    return sum(outage["roll"]["times"] for outage in plan["outages"].values())


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
    assert differing(cases(4, servers, 0)) == []


@pytest.mark.parametrize("ready", [1, 2, 3])
def test_clusters_of_four_nodes_some_of_which_are_updated(ready: int) -> None:
    assert differing(cases(4, 2, ready)) == []
    assert differing(islice(cases(4, 4, ready), 0, None, 17)) == []


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

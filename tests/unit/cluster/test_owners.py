# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Possible owners of a resource on a simulated cluster: what holds a virtual server to updated nodes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import move_group
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.owners import set_owners
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

ATTENDANT = "Exchange System Attendant (EVS1)"


def three_nodes(faults: list[dict[str, Any]] | None = None, host: str = "n1") -> LabSession:
    estate = copy.deepcopy(CLUSTER)
    estate["hosts"]["n3"] = {"cluster": "mail", "hotfixes": ["KB831464"]}
    return LabSession(world_of(estate, faults), host)


def owners(session: LabSession) -> list[str]:
    return read_cluster(session).resources[ATTENDANT].possible_owners


def test_one_resource_holds_the_whole_group() -> None:
    session = three_nodes()
    result = set_owners(session, ATTENDANT.lower(), ["n3", "n1"], 300)
    assert result["changed"] is True
    assert result["before"] == {"possible_owners": ["N1", "N2", "N3"]}
    assert result["after"] == {"possible_owners": ["N1", "N3"]}
    state = read_cluster(session)
    evs = state.groups["EVS1"]
    assert evs.hold == {"resource": ATTENDANT, "possible_owners": ["N1", "N3"]}
    # Of the row itself: what every resource of the group allows.
    assert evs.possible_owners == ["N1", "N3"]
    assert state.resources["EVS1 Name"].possible_owners == ["N1", "N2", "N3"]
    with pytest.raises(Refused, match="no possible owner"):
        move_group(session, "EVS1", "N2", 600)
    changes = len(session.changes)
    assert set_owners(session, ATTENDANT, ["N1", "N3"], 300)["changed"] is False
    assert len(session.changes) == changes


def test_what_lacks_is_added_before_anything_is_taken_away() -> None:
    session = three_nodes()
    set_owners(session, ATTENDANT, ["N1", "N2"], 300)
    set_owners(session, ATTENDANT, ["N1", "N3"], 300)
    verbs = [line.split("/")[1].split(":")[0] for line in session.changes]
    assert verbs == ["removeowner", "addowner", "removeowner"]


def test_the_cluster_itself_does_not_fail_over_to_a_node_that_is_held_back() -> None:
    # N2 is the better candidate by its number; N3 alone may own the System Attendant.
    session = three_nodes(host="n3")
    set_owners(session, ATTENDANT, ["N1", "N3"], 300)
    session.world.hosts["n1"].crash(comes_back=False)
    session.clock.sleep(300)
    assert read_cluster(session).groups["EVS1"].owner == "N3"


def test_a_group_that_nobody_else_may_own_stays_down_with_its_node() -> None:
    session = three_nodes(host="n2")
    set_owners(session, ATTENDANT, ["N1"], 300)
    session.world.hosts["n1"].crash(comes_back=False)
    session.clock.sleep(300)
    state = read_cluster(session)
    assert (state.groups["EVS1"].owner, state.groups["EVS1"].state) == ("N1", "offline")
    assert state.groups["Cluster Group"].owner in ("N2", "N3")


@pytest.mark.parametrize(
    ("resource", "nodes", "message"),
    [
        (ATTENDANT, [], "no possible owner"),
        (ATTENDANT, ["N2"], "stands on N1"),
        (ATTENDANT, ["N1", "N9"], "no node N9"),
        ("nosuch", ["N1"], "no resource nosuch"),
    ],
)
def test_what_would_leave_it_without_a_place_is_refused(resource: str, nodes: list[str], message: str) -> None:
    session = three_nodes()
    with pytest.raises(Refused, match=message):
        set_owners(session, resource, nodes, 300)
    assert session.changes == []


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize("call", range(1, 8))
def test_a_lost_connection_changes_nothing_about_the_end(do: str, call: int) -> None:
    session = three_nodes([{"host": "n1", "on": f"call {call}", "do": do}])
    set_owners(session, ATTENDANT, ["N1"], 600)
    assert set_owners(session, ATTENDANT, ["N1", "N2"], 600)["after"] == {"possible_owners": ["N1", "N2"]}
    assert owners(session) == ["N1", "N2"]

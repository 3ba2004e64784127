# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and driving a cluster that the lab simulates."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import (
    bring_online,
    move_group,
    start_cluster_service,
    stop_cluster_service,
    take_offline,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import group_row, read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ReadOnlyViolation,
    Refused,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of


def estate(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CLUSTER), **changes}


@pytest.fixture
def session() -> LabSession:
    return LabSession(world_of(estate()), "n1")


def owner(session: LabSession, group: str) -> tuple[str, str]:
    found = session.world.clusters["mail"].groups[group]
    return found.owner, found.state


def events(result: dict[str, Any]) -> list[str]:
    return [event["event"] for event in result["events"]]


def test_the_state_of_the_cluster_in_one_round_trip(session: LabSession) -> None:
    state = read_cluster(session).to_dict()
    assert len(session.lines) == 1
    assert state["service"] == "running"
    assert state["nodes"] == {"N1": {"id": 1, "state": "up"}, "N2": {"id": 2, "state": "up"}}
    evs = state["groups"]["EVS1"]
    assert evs == {
        "owner": "N1",
        "state": "online",
        "preferred_owners": ["N1"],
        "possible_owners": ["N1", "N2"],
        "virtual_server": True,
        "quorum": False,
        "network_name": "EVS1",
        "hold": {"resource": "Exchange System Attendant (EVS1)", "possible_owners": ["N1", "N2"]},
    }
    assert state["groups"]["Cluster Group"]["hold"] is None
    assert state["groups"]["Cluster Group"]["quorum"] is True
    assert state["groups"]["Cluster Group"]["virtual_server"] is False
    assert state["resources"][state["quorum_resource"]]["type"] == "Physical Disk"
    attendant = next(r for r in state["resources"].values() if r["type"] == "Microsoft Exchange System Attendant")
    assert attendant["state"] == "online"
    assert any(state["resources"][name]["type"] == "Network Name" for name in attendant["depends_on"])
    assert group_row(session, "EVS1") == ("N1", "online")


@pytest.mark.parametrize("language", ["en", "de", "it"])
def test_odd_names_in_every_language(language: str) -> None:
    clusters = {
        "post": {
            "quorum": {"owner": "knoten-3"},
            "virtual_servers": {
                "Büro & Außendienst (Köln)": {"owner": "knoten-1", "network_name": "POST1"},
                "Postfächer der Geschäftsleitung und Gäste": {"owner": "knoten-2", "network_name": "POST2"},
            },
            "other_groups": {"Dateien & Drucker KNOTEN-1": {"owner": "knoten-3"}},
        }
    }
    hosts = {f"knoten-{number}": {"cluster": "post"} for number in (1, 2, 3)}
    session = LabSession(world_of({"language": language, "hosts": hosts, "clusters": clusters}), "knoten-1")
    state = read_cluster(session, settle=60)
    assert {group.state for group in state.groups.values()} == {"online"}
    assert {resource.state for resource in state.resources.values()} == {"online"}
    assert {node.state for node in state.nodes.values()} == {"up"}
    assert state.groups["Dateien & Drucker KNOTEN-1"].owner == "KNOTEN-3"
    result = move_group(session, "Büro & Außendienst (Köln)", "KNOTEN-3", 600)
    assert result["after"] == {"owner": "KNOTEN-3", "state": "online"}


def test_a_host_without_a_cluster_and_one_whose_service_is_stopped(session: LabSession) -> None:
    assert read_cluster(LabSession(session.world, "mbx1")).to_dict()["service"] == "absent"
    move_group(session, "EVS1", "N2", 600)
    move_group(session, "Cluster Group", "N2", 600)
    stop_cluster_service(session, 300)
    assert read_cluster(session).to_dict()["service"] == "stopped"


def test_moving_a_virtual_server(session: LabSession) -> None:
    result = move_group(session, "EVS1", "n2", 600)
    assert result["changed"] is True
    assert result["before"] == {"owner": "N1", "state": "online"}
    assert result["after"] == {"owner": "N2", "state": "online"}
    assert events(result) == ["offline", "moved", "online"]
    times = [event["at"] for event in result["events"]]
    assert times == sorted(times)
    assert times[-1] - times[0] > 5
    again = move_group(session, "EVS1", "N2", 600)
    assert again["changed"] is False
    assert again["events"] == []
    assert len(session.changes) == 1


def test_a_group_that_is_no_virtual_server_has_no_outage(session: LabSession) -> None:
    assert move_group(session, "Cluster Group", "N2", 600)["events"] == []


def test_a_move_is_refused_before_anything_is_sent(session: LabSession) -> None:
    with pytest.raises(Refused, match="no node N9"):
        move_group(session, "EVS1", "N9", 600)
    with pytest.raises(Refused, match="no group EVS9"):
        move_group(session, "EVS9", "N2", 600)
    assert session.changes == []


def test_possible_owners_are_kept() -> None:
    changed = estate()
    changed["clusters"]["mail"]["virtual_servers"]["EVS1"]["possible_owners"] = ["n1"]
    session = LabSession(world_of(changed), "n1")
    with pytest.raises(Refused, match="no possible owner"):
        move_group(session, "EVS1", "N2", 600)
    assert session.changes == []


def test_a_move_that_fails_on_the_target_is_a_failure() -> None:
    session = LabSession(world_of(estate(), [{"cluster": "mail", "on": "move EVS1", "do": "fail"}]), "n1")
    with pytest.raises(CommandFailed) as caught:
        move_group(session, "EVS1", "N2", 900)
    assert caught.value.remedy
    assert [event["event"] for event in caught.value.details["events"]][:1] == ["offline"]


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_a_lost_connection_moves_the_group_exactly_once(do: str, call: int) -> None:
    session = LabSession(world_of(estate(), [{"host": "n1", "on": f"call {call}", "do": do}]), "n1")
    result = move_group(session, "EVS1", "N2", 900)
    assert result["after"] == {"owner": "N2", "state": "online"}
    assert owner(session, "EVS1")[0] in ("N2", "n2")
    assert len(session.changes) == 1


def test_offline_but_for_address_name_and_disk_and_online_again(session: LabSession) -> None:
    result = take_offline(session, "EVS1", timeout=900)
    assert result["changed"] is True
    assert result["after"]["state"] == "partially_online"
    state = read_cluster(session)
    for resource in state.resources_of("EVS1").values():
        kept = resource.type in ("IP Address", "Network Name", "Physical Disk")
        assert resource.state == ("online" if kept else "offline")
    assert events(result) == ["offline"]
    assert result["left"] == []
    assert set(result["taken"]) == {
        name for name, entry in state.resources_of("EVS1").items() if entry.state == "offline"
    }
    assert take_offline(session, "EVS1", timeout=900)["changed"] is False
    online = bring_online(session, "EVS1", 900)
    assert online["after"]["state"] == "online"
    assert events(online) == ["online"]
    assert bring_online(session, "EVS1", 900)["changed"] is False


def test_dependent_resources_go_offline_before_those_that_they_need(session: LabSession) -> None:
    state = read_cluster(session)
    order = take_offline(session, "EVS1", timeout=900)["taken"]
    for index, name in enumerate(order):
        assert not set(state.resources[name].depends_on) & set(order[:index])


def test_resources_that_were_offline_before_stay_so(session: LabSession) -> None:
    state = read_cluster(session)
    spared = next(n for n, r in state.resources_of("EVS1").items() if "Message Transfer" in r.type)
    session.run(f'cluster res "{spared}" /off /wait:60', changes=True)
    result = take_offline(session, "EVS1", timeout=900)
    assert result["left"] == [spared]
    after = bring_online(session, "EVS1", 900, leave_offline=result["left"])["after"]
    assert after["resources"][spared] == "offline"
    assert {state for name, state in after["resources"].items() if name != spared} == {"online"}


def test_the_group_of_the_quorum_resource_is_never_taken_offline(session: LabSession) -> None:
    with pytest.raises(Refused, match="quorum"):
        take_offline(session, "Cluster Group", timeout=60)
    assert session.changes == []


def test_a_group_that_fails_to_come_online() -> None:
    session = LabSession(world_of(estate(), [{"cluster": "mail", "on": "online EVS1", "do": "fail", "times": 9}]), "n1")
    take_offline(session, "EVS1", timeout=900)
    with pytest.raises((CommandFailed, WaitTimeout)) as caught:
        bring_online(session, "EVS1", 900)
    assert "sources MSExchangeCluster, ClusSvc" in caught.value.remedy


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize("call", range(2, 9))
def test_offline_and_online_outlive_a_lost_connection(do: str, call: int) -> None:
    session = LabSession(world_of(estate(), [{"host": "n1", "on": f"call {call}", "do": do}]), "n1")
    take_offline(session, "EVS1", timeout=900)
    assert bring_online(session, "EVS1", 900)["after"]["state"] == "online"


def test_the_service_of_a_node_with_a_virtual_server_or_the_quorum_is_not_stopped(session: LabSession) -> None:
    with pytest.raises(Refused, match=r"owns .*EVS1"):
        stop_cluster_service(session, 300)
    move_group(session, "EVS1", "N2", 600)
    with pytest.raises(Refused, match="owns Cluster Group"):
        stop_cluster_service(session, 300)


def test_stopping_and_starting_the_service(session: LabSession) -> None:
    move_group(session, "EVS1", "N2", 600)
    move_group(session, "Cluster Group", "N2", 600)
    assert stop_cluster_service(session, 300)["changed"] is True
    assert stop_cluster_service(session, 300)["changed"] is False
    started = start_cluster_service(session, 600)
    assert started["changed"] is True
    assert started["after"] == {"service": "running", "node": "up"}
    assert start_cluster_service(session, 600)["changed"] is False


def test_one_node_of_a_cluster_at_a_time(session: LabSession) -> None:
    world = session.world
    for group in ("EVS1", "Cluster Group"):
        move_group(session, group, "N2", 600)
    stop_cluster_service(session, 300)
    with pytest.raises(Refused):
        stop_cluster_service(LabSession(world, "n2"), 300)
    with pytest.raises(Refused, match=r"not up|is down"):
        move_group(LabSession(world, "n2"), "EVS1", "N1", 60)


def test_a_service_that_does_not_start() -> None:
    session = LabSession(world_of(estate(), [{"host": "n1", "on": "start_cluster_service", "do": "fail"}]), "n1")
    for group in ("EVS1", "Cluster Group"):
        move_group(session, group, "N2", 600)
    stop_cluster_service(session, 300)
    with pytest.raises((CommandFailed, WaitTimeout)):
        start_cluster_service(session, 300)


def test_a_read_only_session_changes_nothing() -> None:
    session = LabSession(world_of(estate()), "n1", read_only=True)
    with pytest.raises(ReadOnlyViolation):
        move_group(session, "EVS1", "N2", 60)
    with pytest.raises(ReadOnlyViolation):
        take_offline(session, "EVS1", timeout=60)
    assert session.changes == []
    assert session.mutated is False

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.exchange import SYSTEM_ATTENDANT, set_virtual_server
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import (
    estate,
    mail,
    make,
    many_nodes,
    offline_for_upgrade,
    rest,
    start_cluster_service,
    stop_cluster_service,
    wait,
)


@pytest.fixture
def world() -> World:
    return make()


def states(world: World, kind: str = "resource") -> list[tuple[str, str]]:
    """Collect (resource, state) from now on."""
    seen: list[tuple[str, str]] = []

    def observe(what: str, facts: dict) -> None:
        if what == kind:
            seen.append((facts["resource"].name, facts["state"]))

    world.observers.append(observe)
    return seen


def places(world: World) -> dict[str, tuple[str, str]]:
    return {group.name: (group.owner, group.state) for group in mail(world).groups.values()}


def updated(world: World, *names: str) -> None:
    """Put nodes on service pack 2 without the way there."""
    for name in names:
        world.hosts[name].service_pack = 2


def test_a_fresh_cluster_is_as_the_estate_says(world: World) -> None:
    assert places(world) == {
        "Cluster Group": ("N1", "online"),
        "EVS1": ("N1", "online"),
        "File Share": ("N2", "online"),
    }
    assert mail(world).quorum_group.name == "Cluster Group"
    types = {resource.name: resource.type for resource in mail(world).group("EVS1").resources}
    assert mail(world).resource("Exchange Information Store (EVS1)").depends_on == ["Exchange System Attendant (EVS1)"]
    assert types["EVS1 IP Address"] == "IP Address"
    assert types["EVS1 Name"] == "Network Name"
    assert types["Disk E:"] == "Physical Disk"
    assert types["Exchange System Attendant (EVS1)"] == SYSTEM_ATTENDANT
    assert types["Exchange Message Transfer Agent (EVS1)"] == "Microsoft Exchange Message Transfer Agent"
    assert mail(world).resource("MSDTC").group == "Cluster Group"


def test_only_the_first_virtual_server_has_a_message_transfer_agent() -> None:
    world = make(many_nodes(3))
    owners = [r.group for r in mail(world).resources.values() if r.type.endswith("Message Transfer Agent")]
    assert owners == ["EVS1"]


def test_services_run_where_their_resources_are_online(world: World) -> None:
    n1, n2 = world.hosts["n1"], world.hosts["n2"]
    assert n1.service_running("MSExchangeIS")
    assert not n2.service_running("MSExchangeIS")
    assert n1.services["MSExchangeIS"].start_type == "manual"
    assert {p.image for p in n1.processes} >= {"store.exe", "mad.exe", "clussvc.exe"}
    mail(world).move_group("EVS1", "N2")
    rest(world, mail(world).group("EVS1"))
    assert not n1.service_running("MSExchangeIS")
    assert n2.service_running("MSExchangeIS")
    assert "store.exe" not in {p.image for p in n1.processes}


def test_a_move_takes_everything_down_and_up_in_the_order_of_dependencies(world: World) -> None:
    cluster, group = mail(world), mail(world).group("EVS1")
    seen = states(world)
    before = world.clock.now()
    cluster.move_group("evs1", "n2")
    assert group.state == "pending"
    rest(world, group)
    assert (group.owner, group.state) == ("N2", "online")
    assert 30 < world.clock.now() - before < 200
    down = [name for name, state in seen if state == "offline"]
    up = [name for name, state in seen if state == "online"]
    assert set(down) == set(up) == {resource.name for resource in group.resources}
    for resource in group.resources:
        for needed in resource.depends_on:
            assert down.index(resource.name) < down.index(needed)
            assert up.index(needed) < up.index(resource.name)


def test_a_move_leaves_offline_what_was_taken_offline(world: World) -> None:
    offline_for_upgrade(world, "EVS1")
    group = mail(world).group("EVS1")
    assert group.state == "partially_online"
    mail(world).move_group("EVS1", "N2")
    rest(world, group)
    assert group.owner == "N2"
    assert {r.name for r in group.resources if r.state == "online"} == {"EVS1 IP Address", "EVS1 Name", "Disk E:"}


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda c: c.move_group("nothing", "N2"), 5013),
        (lambda c: c.move_group("EVS1", "N9"), 5042),
        (lambda c: c.online_resource("nothing"), 5007),
        (lambda c: c.offline_resource("Disk Q:"), 5068),
        (lambda c: c.offline_group("Cluster Group"), 5068),
        (lambda c: c.pause("N9"), 5042),
        (lambda c: c.resume("N1"), 5058),
        (lambda c: c.fail_resource("nothing"), 5007),
        (lambda c: c.add_possible_owner("EVS1 Name", "N1"), 5010),
        (lambda c: c.remove_possible_owner("EVS1 Name", "N1"), 5071),
    ],
)
def test_errors_carry_the_codes_of_the_cluster_service(world: World, action, code: int) -> None:
    with pytest.raises(Win32Error) as error:
        action(mail(world))
    assert error.value.code == code


def test_a_pending_group_refuses_a_second_move(world: World) -> None:
    mail(world).move_group("EVS1", "N2")
    for action in (mail(world).move_group, mail(world).online_group, mail(world).offline_group):
        with pytest.raises(Win32Error) as error:
            action("EVS1")
        assert error.value.code == 5023


def test_a_group_that_is_where_it_shall_be_is_left_alone(world: World) -> None:
    before = world.generation
    mail(world).move_group("EVS1", "N1")
    assert world.generation == before
    assert mail(world).group("EVS1").state == "online"


def test_possible_owners_forbid_a_node() -> None:
    plain = many_nodes(3, servers=1)
    plain["clusters"]["mail"]["virtual_servers"]["EVS1"]["possible_owners"] = ["n1", "n3"]
    world = make(plain)
    with pytest.raises(Win32Error) as error:
        mail(world).move_group("EVS1", "N2")
    assert error.value.code == 5071
    mail(world).move_group("EVS1")
    rest(world, mail(world).group("EVS1"))
    assert mail(world).group("EVS1").owner == "N3"


def test_a_paused_node_keeps_its_groups_takes_none_and_stays_paused_over_a_restart(world: World) -> None:
    cluster = mail(world)
    cluster.pause("N2")
    assert cluster.group("File Share").owner == "N2"
    with pytest.raises(Win32Error) as error:
        cluster.move_group("EVS1", "N2")
    assert error.value.code == 5070
    with pytest.raises(Win32Error) as error:
        cluster.online_group("File Share")
    assert error.value.code == 5070
    cluster.move_group("File Share", "N1")
    rest(world, cluster.group("File Share"))
    world.hosts["n2"].shutdown(restart=True)
    wait(world, lambda: cluster.nodes["N2"].state == "down")
    wait(world, lambda: cluster.nodes["N2"].member)
    assert cluster.nodes["N2"].state == "paused"
    cluster.resume("N2")
    assert cluster.nodes["N2"].state == "up"


def test_offline_takes_dependents_along_and_online_brings_providers(world: World) -> None:
    cluster, group = mail(world), mail(world).group("EVS1")
    cluster.offline_resource("EVS1 IP Address")
    rest(world, group)
    assert {r.name for r in group.resources if r.state == "online"} == {"Disk E:"}
    cluster.online_resource("Exchange Information Store (EVS1)")
    rest(world, group)
    online = {r.name for r in group.resources if r.state == "online"}
    assert online == {
        "Disk E:",
        "EVS1 IP Address",
        "EVS1 Name",
        "Exchange System Attendant (EVS1)",
        "Exchange Information Store (EVS1)",
    }


def test_stopping_the_cluster_service_moves_the_groups_away_first(world: World) -> None:
    stop_cluster_service(world, "n1")
    cluster = mail(world)
    assert cluster.nodes["N1"].state == "down"
    assert {group.owner for group in cluster.groups.values()} == {"N2"}
    with pytest.raises(Win32Error) as error:
        cluster.access(world.hosts["n1"])
    assert error.value.code == 1753
    assert not world.hosts["n1"].registry.exists("HKLM\\Cluster")
    assert world.hosts["n2"].registry.exists("HKLM\\Cluster\\Groups")
    wait(world, lambda: all(group.state == "online" for group in cluster.groups.values()))


def test_a_stopped_node_is_stop_pending_while_groups_fail_over(world: World) -> None:
    world.hosts["n1"].stop_service("ClusSvc")
    assert world.hosts["n1"].services["ClusSvc"].state == "stop_pending"
    assert mail(world).nodes["N1"].state == "up"
    with pytest.raises(Win32Error) as error:
        mail(world).move_group("File Share", "N1")
    assert error.value.code == 5050


def test_the_last_node_takes_its_groups_offline_and_they_come_back_with_the_first_to_start(world: World) -> None:
    stop_cluster_service(world, "n1")
    stop_cluster_service(world, "n2")
    cluster = mail(world)
    assert not cluster.running
    assert {group.state for group in cluster.groups.values()} == {"offline"}
    start_cluster_service(world, "n1")
    wait(world, lambda: all(group.state == "online" for group in cluster.groups.values()))
    assert {group.owner for group in cluster.groups.values()} == {"N1"}
    assert cluster.nodes["N2"].state == "down"


def test_nothing_comes_online_on_a_node_that_is_leaving() -> None:
    world = make(many_nodes(1, servers=1))
    cluster = mail(world)
    world.hosts["n1"].stop_service("ClusSvc")
    wait(world, lambda: not cluster.quorum_group.busy)
    assert cluster.nodes["N1"].member
    with pytest.raises(Win32Error) as error:
        cluster.online_group("Cluster Group")
    assert error.value.code == 5073


def test_a_node_that_joins_while_the_last_one_leaves_takes_over_everything(world: World) -> None:
    stop_cluster_service(world, "n2")
    wait(world, lambda: all(group.state == "online" for group in mail(world).groups.values()))
    world.hosts["n1"].stop_service("ClusSvc")
    world.clock.sleep(12)
    world.hosts["n2"].start_service("ClusSvc")
    wait(world, lambda: world.hosts["n1"].services["ClusSvc"].state == "stopped")
    wait(world, lambda: all(group.state == "online" for group in mail(world).groups.values()))
    assert {group.owner for group in mail(world).groups.values()} == {"N2"}


def test_a_group_that_was_taken_offline_stays_so_when_the_cluster_is_formed(world: World) -> None:
    mail(world).offline_group("File Share")
    rest(world, mail(world).group("File Share"))
    stop_cluster_service(world, "n2")
    stop_cluster_service(world, "n1")
    start_cluster_service(world, "n2")
    wait(world, lambda: mail(world).group("EVS1").state == "online")
    rest(world, mail(world).group("File Share"))
    assert mail(world).group("File Share").state == "offline"


def test_a_dying_node_loses_its_groups_to_the_other(world: World) -> None:
    world.hosts["n1"].crash()
    group = mail(world).group("EVS1")
    assert mail(world).nodes["N1"].state == "down"
    assert all(resource.state == "offline" for resource in group.resources)
    rest(world, group)
    assert places(world)["EVS1"] == ("N2", "online")
    wait(world, lambda: mail(world).nodes["N1"].state == "up")
    assert places(world)["EVS1"] == ("N2", "online")


def test_the_source_dies_in_the_middle_of_a_move(world: World) -> None:
    mail(world).move_group("EVS1", "N2")
    world.clock.sleep(5)
    world.hosts["n1"].crash()
    rest(world, mail(world).group("EVS1"))
    assert places(world)["EVS1"] == ("N2", "online")


def test_the_target_dies_in_the_middle_of_a_move(world: World) -> None:
    mail(world).move_group("EVS1", "N2")
    wait(world, lambda: mail(world).group("EVS1").owner == "N2")
    world.hosts["n2"].crash()
    rest(world, mail(world).group("EVS1"))
    assert places(world)["EVS1"] == ("N1", "online")


def test_the_target_dies_before_the_group_has_left(world: World) -> None:
    mail(world).move_group("EVS1", "N2")
    world.clock.sleep(3)
    world.hosts["n2"].crash()
    rest(world, mail(world).group("EVS1"))
    assert places(world)["EVS1"] == ("N1", "online")


def test_the_second_node_dies_while_the_first_boots(world: World) -> None:
    world.hosts["n1"].crash()
    world.clock.sleep(60)
    world.hosts["n2"].crash()
    assert not mail(world).running
    wait(world, lambda: all(group.state == "online" for group in mail(world).groups.values()))
    assert world.hosts["n1"].boot_time < world.hosts["n2"].boot_time
    wait(world, lambda: mail(world).nodes["N2"].state == "up")


def test_the_cluster_service_starts_by_itself_with_the_host(world: World) -> None:
    world.hosts["n2"].shutdown(restart=True)
    wait(world, lambda: mail(world).nodes["N2"].state == "down")
    wait(world, lambda: mail(world).nodes["N2"].state == "joining")
    wait(world, lambda: world.hosts["n2"].service_running("ClusSvc"))
    assert mail(world).nodes["N2"].state == "up"


def test_a_group_goes_to_a_preferred_node_first() -> None:
    plain = many_nodes(3, servers=1)
    plain["clusters"]["mail"]["virtual_servers"]["EVS1"]["preferred_owners"] = ["n1", "n3"]
    world = make(plain)
    stop_cluster_service(world, "n1")
    assert mail(world).group("EVS1").owner == "N3"
    assert mail(world).group("Cluster Group").owner == "N2"


def test_an_older_virtual_server_does_not_come_online_on_an_updated_node(world: World) -> None:
    updated(world, "n2")
    offline_for_upgrade(world, "EVS1")
    mail(world).move_group("EVS1", "N2")
    group = mail(world).group("EVS1")
    rest(world, group)
    mail(world).online_group("EVS1")
    rest(world, group)
    assert (group.owner, group.state) == ("N2", "failed")
    assert group.last_error == 5018
    event = next(event for event in world.hosts["n2"].events if event.id == 1025)
    assert (event.log, event.source, event.kind) == ("Application", "MSExchangeCluster", "error")
    assert "c1037b44" in event.text


def test_a_move_to_a_node_of_another_version_fails_and_comes_back(world: World) -> None:
    updated(world, "n2")
    mail(world).move_group("EVS1", "N2")
    group = mail(world).group("EVS1")
    rest(world, group)
    assert (group.owner, group.state) == ("N1", "online")
    assert any(event.id == 1025 for event in world.hosts["n2"].events)


def test_an_upgraded_virtual_server_does_not_go_back_to_an_old_node(world: World) -> None:
    updated(world, "n2")
    offline_for_upgrade(world, "EVS1")
    group = mail(world).group("EVS1")
    mail(world).move_group("EVS1", "N2")
    rest(world, group)
    set_virtual_server(group, 2)
    mail(world).online_group("EVS1")
    rest(world, group)
    assert group.state == "online"
    mail(world).move_group("EVS1", "N1")
    rest(world, group)
    assert (group.owner, group.state) == ("N2", "online")


def test_a_failover_to_a_node_of_another_version_stays_failed(world: World) -> None:
    updated(world, "n2")
    world.hosts["n1"].crash()
    group = mail(world).group("EVS1")
    rest(world, group)
    assert (group.owner, group.state) == ("N2", "failed")
    online = {resource.name for resource in group.resources if resource.state == "online"}
    assert online == {"EVS1 IP Address", "EVS1 Name", "Disk E:"}


def test_a_failover_goes_on_to_the_next_node_that_fits() -> None:
    world = make(many_nodes(3, servers=1))
    updated(world, "n2")
    world.hosts["n1"].crash()
    group = mail(world).group("EVS1")
    rest(world, group)
    assert (group.owner, group.state) == ("N3", "online")


def test_an_estate_with_an_older_virtual_server_starts_with_exchange_offline() -> None:
    plain = estate()
    plain["hosts"]["n1"]["service_pack"] = plain["hosts"]["n2"]["service_pack"] = 2
    plain["clusters"]["mail"]["virtual_servers"]["EVS1"]["service_pack"] = 1
    group = mail(make(plain)).group("EVS1")
    assert group.state == "partially_online"
    assert all((r.state == "online") != r.is_exchange for r in group.resources)


@pytest.mark.parametrize(("state", "expected"), [("offline", "offline"), ("failed", "failed"), ("online", "online")])
def test_an_estate_can_name_the_state_of_a_virtual_server(state: str, expected: str) -> None:
    plain = estate()
    plain["clusters"]["mail"]["virtual_servers"]["EVS1"]["state"] = state
    assert mail(make(plain)).group("EVS1").state == expected


def test_an_exchange_2000_virtual_server_upgrades_itself_as_it_comes_online() -> None:
    plain = estate()
    for name in ("n1", "n2"):
        plain["hosts"][name] |= {"product": "2000", "os": "2000", "service_pack": 2}
    world = make(plain)
    world.hosts["n2"].service_pack = 3
    mail(world).move_group("EVS1", "N2")
    group = mail(world).group("EVS1")
    rest(world, group)
    assert group.state == "online"
    assert group.virtual_server is not None
    assert group.virtual_server.service_pack == 3
    serial = world.directory_model.server("EVS1")["attributes"]["serialNumber"]
    assert serial == ["Version 6.0 (Build 6249.4: Service Pack 3)"]


def test_a_service_that_is_stopped_by_hand_makes_its_resource_fail_and_start_again(world: World) -> None:
    seen = states(world)
    world.hosts["n1"].stop_service("MSExchangeIS")
    wait(world, lambda: ("Exchange Information Store (EVS1)", "failed") in seen)
    rest(world, mail(world).group("EVS1"))
    assert places(world)["EVS1"] == ("N1", "online")
    assert any(event.id == 1069 for event in world.hosts["n1"].events)


def test_a_killed_cluster_service_is_a_lost_node_and_is_started_again(world: World) -> None:
    n1 = world.hosts["n1"]
    n1.kill(next(process for process in n1.processes if process.image == "clussvc.exe"))
    assert mail(world).nodes["N1"].state == "down"
    rest(world, mail(world).group("EVS1"))
    assert places(world)["EVS1"] == ("N2", "online")
    wait(world, lambda: mail(world).nodes["N1"].state == "up")
    assert n1.up


def test_two_virtual_servers_on_one_node_share_its_services() -> None:
    world = make(many_nodes(2, servers=2))
    mail(world).move_group("EVS2", "N1")
    rest(world, mail(world).group("EVS2"))
    mail(world).offline_group("EVS1")
    rest(world, mail(world).group("EVS1"))
    assert world.hosts["n1"].service_running("MSExchangeIS")
    mail(world).offline_group("EVS2")
    rest(world, mail(world).group("EVS2"))
    assert not world.hosts["n1"].service_running("MSExchangeIS")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["move", "stop", "start", "crash", "offline", "online", "sleep", "restart"]),
        st.integers(1, 3),
        st.sampled_from(["EVS1", "EVS2", "Cluster Group"]),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_whatever_is_done_the_cluster_stays_consistent_and_comes_to_rest(actions) -> None:
    world = make(many_nodes(3, servers=2))
    cluster = mail(world)
    for what, number, group in actions:
        host = world.hosts[f"n{number}"]
        try:
            if what == "move":
                cluster.move_group(group, f"N{number}")
            elif what == "offline":
                cluster.offline_group(group)
            elif what == "online":
                cluster.online_group(group)
            elif what == "sleep":
                world.clock.sleep(number * 17)
            elif not host.up:
                continue
            elif what == "stop":
                host.stop_service("ClusSvc")
            elif what == "start":
                host.start_service("ClusSvc")
            elif what == "restart":
                host.shutdown(restart=True)
            else:
                host.crash()
        except Win32Error:
            continue
        world.clock.sleep(1)
        check(world)
    world.clock.sleep(3600)
    check(world)
    for group in cluster.groups.values():
        assert not group.busy
        assert group.state != "pending"
    if cluster.running:
        assert all(cluster.nodes[group.owner].member for group in cluster.groups.values())
        assert all(g.state == "online" for g in cluster.groups.values() if g.persistent_state)


def check(world: World) -> None:
    cluster = mail(world)
    for resource, needed in itertools.product(cluster.resources.values(), repeat=2):
        if resource.state == "online" and needed.name in resource.depends_on:
            assert needed.state == "online"
    for group in cluster.groups.values():
        if any(resource.state == "online" for resource in group.resources):
            assert cluster.nodes[group.owner].member
    for node in cluster.nodes.values():
        exchange = [
            r
            for r in cluster.resources.values()
            if r.type == SYSTEM_ATTENDANT and r.state == "online" and cluster.groups[r.group].owner == node.name
        ]
        assert node.host.service_running("MSExchangeSA") == bool(exchange)
        if node.host.service_running("ClusSvc"):
            assert node.member

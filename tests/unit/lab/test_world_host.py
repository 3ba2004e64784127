# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.errors import EstateError, Win32Error
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import estate, mail, make, wait

EVS = {"virtual_servers": {"Cluster": {}, "Clust er": {}}}


@pytest.fixture
def world() -> World:
    return make()


@pytest.fixture
def host(world: World) -> Host:
    return world.hosts["mbx1"]


def code(action) -> int:
    with pytest.raises(Win32Error) as error:
        action()
    return error.value.code


def state(host: Host, name: str) -> str:
    return host.services[name].state


# -- services


def test_a_service_passes_through_its_pending_states(world: World, host: Host) -> None:
    host.stop_service("msexchangeis")
    assert state(host, "MSExchangeIS") == "stop_pending"
    wait(world, lambda: state(host, "MSExchangeIS") == "stopped", 60)
    host.start_service("MSExchangeIS")
    assert state(host, "MSExchangeIS") == "start_pending"
    wait(world, lambda: state(host, "MSExchangeIS") == "running", 60)


def test_errors_of_the_service_control_manager(world: World, host: Host) -> None:
    assert code(lambda: host.start_service("nothing")) == 1060
    assert code(lambda: host.start_service("W3SVC")) == 1056
    assert code(lambda: host.start_service("POP3Svc")) == 1058
    assert code(lambda: host.stop_service("POP3Svc")) == 1062
    assert code(lambda: host.stop_service("MSExchangeSA")) == 1051
    host.stop_service("MSExchangeIS")
    assert code(lambda: host.stop_service("MSExchangeIS")) == 1061
    assert code(lambda: host.service_manager.configure("W3SVC", "sometimes")) == 87


def test_dependents_stop_with_a_service_and_what_it_needs_starts_with_it(world: World, host: Host) -> None:
    host.stop_service("MSExchangeSA", dependents=True)
    wait(world, lambda: state(host, "MSExchangeSA") == "stopped", 120)
    assert state(host, "MSExchangeIS") == state(host, "MSExchangeMTA") == "stopped"
    host.start_service("MSExchangeIS")
    wait(world, lambda: state(host, "MSExchangeIS") == "running", 120)
    assert state(host, "MSExchangeSA") == "running"
    assert state(host, "MSExchangeMTA") == "stopped"


def test_a_service_has_its_process(world: World, host: Host) -> None:
    before = host.services["MSExchangeIS"].pid
    assert [p.pid for p in host.processes if p.image == "store.exe"] == [before]
    host.stop_service("MSExchangeIS")
    wait(world, lambda: state(host, "MSExchangeIS") == "stopped")
    assert host.services["MSExchangeIS"].pid == 0
    assert "store.exe" not in [p.image for p in host.processes]


def test_a_service_whose_process_is_killed_is_stopped(world: World, host: Host) -> None:
    process = host.services["MSExchangeIS"].process
    assert process is not None
    host.kill(process)
    assert state(host, "MSExchangeIS") == "stopped"
    assert host.services["MSExchangeIS"].exit_code == 1067


def test_services_and_processes_of_the_estate_are_there() -> None:
    plain = estate()
    plain["hosts"]["mbx1"] |= {
        "services": {"SNMP": "running", "TrendServer": "stopped", "MSExchangeES": {"state": "running"}},
        "processes": ["xcopy.exe"],
    }
    host = make(plain).hosts["mbx1"]
    assert (state(host, "SNMP"), host.services["SNMP"].start_type) == ("running", "auto")
    assert (state(host, "TrendServer"), host.services["TrendServer"].start_type) == ("stopped", "manual")
    assert state(host, "MSExchangeES") == "running"
    assert "xcopy.exe" in [p.image for p in host.processes]


def test_each_product_has_its_services() -> None:
    plain = estate(hosts={"old": {"product": "5.5", "os": "nt4", "service_pack": 3, "channel": "rpc"}}, clusters={})
    host = make(plain | {"update": "exchange55-sp4"}).hosts["old"]
    assert "MSExchangeDS" in host.services
    assert "MSExchangeMGMT" not in host.services
    assert "WinRM" not in host.services
    assert host.build == 2650


# -- life


def test_a_restart(world: World, host: Host) -> None:
    before = host.boot_time
    host.shutdown(restart=True, delay=30)
    world.clock.sleep(29)
    assert host.up
    wait(world, lambda: not host.up, 10)
    wait(world, lambda: host.booting)
    assert not host.up
    wait(world, lambda: host.up)
    assert host.boot_time > before
    assert host.boot_time < world.clock.now()
    assert state(host, "MSExchangeIS") != "running"
    wait(world, lambda: state(host, "MSExchangeIS") == "running", 300)
    assert "store.exe" in [p.image for p in host.processes]


def test_a_shutdown_can_be_taken_back_before_its_time_only(world: World, host: Host) -> None:
    assert code(host.abort_shutdown) == 1116
    host.shutdown(delay=60)
    assert code(host.shutdown) == 1115
    assert not host.settled
    host.abort_shutdown()
    assert host.settled
    world.clock.sleep(600)
    assert host.up
    host.shutdown(delay=1)
    world.clock.sleep(2)
    assert code(host.abort_shutdown) == 1116


def test_a_shutdown_without_restart_stays_down_until_somebody_switches_it_on(world: World, host: Host) -> None:
    host.shutdown(restart=False)
    world.clock.sleep(7200)
    assert not host.up
    host.boot()
    wait(world, lambda: host.up, 600)


def test_a_host_that_has_just_come_up_can_be_restarted_again(world: World, host: Host) -> None:
    for unused_round in range(2):
        host.shutdown(restart=True)
        wait(world, lambda: not host.up)
        wait(world, lambda: host.up)
    wait(world, lambda: host.settled and state(host, "MSExchangeIS") == "running", 300)


def test_a_crash_ends_everything_at_once_and_the_host_comes_back(world: World, host: Host) -> None:
    host.spawn("notepad.exe", "CONTOSO\\exadmin", "interactive")
    host.crash()
    assert not host.up
    assert host.processes == []
    assert {service.state for service in host.services.values()} == {"stopped"}
    wait(world, lambda: host.up, 600)
    assert "notepad.exe" not in [p.image for p in host.processes]


def test_a_second_crash_while_booting_changes_nothing(world: World, host: Host) -> None:
    host.crash()
    world.clock.sleep(40)
    host.crash()
    wait(world, lambda: host.up, 300)


def test_a_graceful_shutdown_of_a_node_hands_over_its_groups(world: World) -> None:
    host, group = world.hosts["n1"], mail(world).group("EVS1")
    host.shutdown(restart=True)
    wait(world, lambda: not host.up)
    wait(world, lambda: group.owner == "N2")
    assert host.services["ClusSvc"].state in ("stop_pending", "stopped")
    wait(world, lambda: group.state == "online")
    wait(world, lambda: mail(world).nodes["N1"].state == "up")


def test_a_process_ends_by_itself_with_zero_or_is_killed_with_one(world: World, host: Host) -> None:
    codes: list[int] = []
    host.spawn("a.exe", "x", duration=10, on_end=codes.append)
    killed = host.spawn("b.exe", "x", duration=10, on_end=codes.append)
    host.kill(killed)
    world.clock.sleep(20)
    assert codes == [1, 0]


def test_pids_are_unique_and_multiples_of_four(host: Host) -> None:
    pids = [p.pid for p in host.processes]
    assert len(set(pids)) == len(pids)
    assert all(pid % 4 == 0 for pid in pids)


# -- building


def test_the_same_seed_gives_the_same_world() -> None:
    first, second, other = make(), make(), make(seed=8)
    assert first.accounts == second.accounts != other.accounts
    assert mail(first).instance_id == mail(second).instance_id


def test_small_estates_need_few_words() -> None:
    world = World.from_estate({"hosts": {"a": {}}})
    host = world.hosts["a"]
    assert (host.product, host.service_pack, host.computer_name) == ("2003", 1, "A")
    assert any(entry["dn"].startswith("CN=A,CN=Servers,") for entry in world.directory)


@pytest.mark.parametrize(
    "plain",
    [
        {"hosts": {"a": {"product": "2007"}}},
        {"hosts": {"a": {}}, "update": "exchange2003-sp9"},
        {"hosts": {"a": {}}, "clusters": {"c": {"nodes": []}}},
        {"hosts": {"a": {}}, "clusters": {"c": {"nodes": ["a"], "other_groups": {"Cluster Group": {}}}}},
    ],
)
def test_an_estate_that_cannot_be_built_is_refused(plain) -> None:
    with pytest.raises(EstateError):
        World.from_estate(plain)


def test_names_are_made_unique() -> None:
    names = ["mailserver-in-rome-1", "mailserver-in-rome-2"]
    world = make({"hosts": {name: {"cluster": "c"} for name in names}, "clusters": {"c": {"nodes": names, **EVS}}})
    assert [host.computer_name for host in world.hosts.values()] == ["MAILSERVER-IN-R", "MAILSERVER-IN-2"]
    cluster = world.clusters["c"]
    assert len({group.virtual_server.network_name for group in cluster.groups.values() if group.virtual_server}) == 2
    name = cluster.group("Cluster").resources[0:2]
    assert {resource.group for resource in name} == {"Cluster"}
    assert cluster.resource("Cluster Name").group == "Cluster Group"
    assert cluster.resource("Cluster Name 2").group == "Cluster"


def test_names_of_the_core_group_follow_the_language() -> None:
    plain = estate(language="de")
    del plain["clusters"]["mail"]["quorum"]["group"]
    cluster = mail(make(plain))
    assert cluster.quorum_group.name == "Clustergruppe"
    assert "Clustername" in cluster.resources
    assert make(plain).hosts["n1"].oem_codepage == 850

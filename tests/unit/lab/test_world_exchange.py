# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.exchange import (
    NO_ACCESS,
    NOT_FOUND,
    VERSION_MISMATCH,
    WRONG_STATE,
    upgrade_virtual_server,
)
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import (
    estate,
    install,
    mail,
    make,
    offline_for_upgrade,
    rest,
    setup_context,
    start_cluster_service,
    stop_cluster_service,
    wait,
)


def level(world: World, name: str = "EVS1") -> tuple[int, str]:
    server = mail(world).group(name).virtual_server
    assert server is not None
    return server.service_pack, world.directory_model.server(server.network_name)["attributes"]["serialNumber"][0]


@pytest.fixture
def ready() -> World:
    """N2 is updated and owns EVS1, which is ready for its upgrade."""
    world = make()
    world.hosts["n2"].service_pack = 2
    offline_for_upgrade(world, "EVS1")
    mail(world).move_group("EVS1", "N2")
    rest(world, mail(world).group("EVS1"))
    return world


def upgrade(world: World, host: str = "n2", name: str = "EVS1", logon: str = "batch") -> tuple[int, str]:
    return upgrade_virtual_server(setup_context(world.hosts[host], logon), name)


def test_the_upgrade_changes_version_and_directory_and_the_server_comes_online(ready: World) -> None:
    before = ready.clock.now()
    assert upgrade(ready, name="evs1") == (0, "")
    assert ready.clock.now() > before
    assert level(ready) == (2, "Version 6.5 (Build 7638.2: Service Pack 2)")
    group = mail(ready).group("EVS1")
    mail(ready).online_group("EVS1")
    rest(ready, group)
    assert group.state == "online"
    assert upgrade(ready)[0] == 0


def test_the_upgrade_is_refused_where_it_cannot_succeed(ready: World) -> None:
    cluster = mail(ready)
    assert upgrade(ready, "n1")[0] == VERSION_MISMATCH
    assert upgrade(ready, logon="network")[0] == NO_ACCESS
    assert upgrade(ready, name="File Share")[0] == NOT_FOUND
    assert upgrade(ready, host="mbx1")[0] == NOT_FOUND
    cluster.offline_resource("EVS1 Name")
    rest(ready, cluster.group("EVS1"))
    assert upgrade(ready)[0] == WRONG_STATE
    cluster.online_resource("EVS1 Name")
    rest(ready, cluster.group("EVS1"))
    cluster.offline_resource("MSDTC")
    rest(ready, cluster.quorum_group)
    code, reason = upgrade(ready)
    assert (code, "Transaction" in reason) == (WRONG_STATE, True)
    assert level(ready)[0] == 1


def test_a_server_on_an_old_node_cannot_be_upgraded_from_anywhere() -> None:
    world = make()
    world.hosts["n2"].service_pack = 2
    offline_for_upgrade(world, "EVS1")
    assert upgrade(world, "n2")[0] == VERSION_MISMATCH
    assert upgrade(world, "n1")[0] == VERSION_MISMATCH


def test_an_online_server_cannot_be_upgraded() -> None:
    world = make()
    for name in ("n1", "n2"):
        world.hosts[name].service_pack = 2
    assert upgrade(world, "n1")[0] == WRONG_STATE


def test_the_upgrade_needs_the_cluster_service(ready: World) -> None:
    stop_cluster_service(ready, "n1")
    assert upgrade(ready, "n1")[0] == 0x80070000 | 1753


def test_the_fault_of_an_upgrade_strikes_once(ready: World) -> None:
    ready.faults.load([{"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"}])
    assert upgrade(ready)[0] == 0xC1037B44
    assert level(ready)[0] == 1
    assert upgrade(ready)[0] == 0


def test_faults_of_moving_and_bringing_online() -> None:
    world = make()
    world.faults.load(
        [
            {"cluster": "mail", "on": "move EVS1", "do": "fail"},
            {"cluster": "mail", "on": "online EVS1", "do": "fail"},
        ]
    )
    cluster, group = mail(world), mail(world).group("EVS1")
    cluster.move_group("EVS1", "N2")
    rest(world, group)
    assert (group.owner, group.state) == ("N1", "online")
    cluster.move_group("EVS1", "N2")
    rest(world, group)
    assert (group.owner, group.state) == ("N2", "online")
    offline_for_upgrade(world, "EVS1")
    cluster.online_resource("Exchange System Attendant (EVS1)")
    rest(world, group)
    assert group.state == "failed"
    cluster.online_group("EVS1")
    rest(world, group)
    assert group.state == "online"


def test_a_failed_move_of_a_group_that_is_kept_offline_comes_back_too() -> None:
    world = make()
    world.faults.load([{"cluster": "mail", "on": "move EVS1", "do": "fail"}])
    group = mail(world).group("EVS1")
    offline_for_upgrade(world, "EVS1")
    mail(world).move_group("EVS1", "N2")
    rest(world, group)
    assert group.owner == "N1"
    assert {r.name for r in group.resources if r.state == "online"} == {"EVS1 IP Address", "EVS1 Name", "Disk E:"}


def test_the_fault_of_the_cluster_service_strikes_once() -> None:
    world = make()
    world.faults.load([{"host": "n2", "on": "start_cluster_service", "do": "fail"}])
    stop_cluster_service(world, "n2")
    start_cluster_service(world, "n2")
    service = world.hosts["n2"].services["ClusSvc"]
    assert (service.state, service.exit_code) == ("stopped", 1067)
    assert mail(world).nodes["N2"].state == "down"
    start_cluster_service(world, "n2")
    assert mail(world).nodes["N2"].state == "up"


# -- the person


def with_person(**settings) -> World:
    person = {"reacts_after": 60, "upgrades_virtual_servers": True, "runs_setup": True}
    world = make(estate(operator=person | settings))
    world.hosts["n2"].service_pack = 2
    offline_for_upgrade(world, "EVS1")
    mail(world).move_group("EVS1", "N2")
    rest(world, mail(world).group("EVS1"))
    return world


def test_the_person_upgrades_a_virtual_server_that_is_ready() -> None:
    world = with_person()
    before = world.clock.now()
    wait(world, lambda: level(world)[0] == 2, 200)
    assert world.clock.now() - before >= 60


def test_nobody_upgrades_where_nobody_is_or_may() -> None:
    for world in (with_person(upgrades_virtual_servers=False), make()):
        world.clock.sleep(7200)
        assert level(world)[0] == 1


def test_the_person_does_nothing_while_the_server_is_not_ready() -> None:
    world = make(estate(operator={"reacts_after": 60}))
    world.hosts["n1"].service_pack = 2
    world.changed()
    world.clock.sleep(7200)
    assert level(world)[0] == 1


def test_the_person_gives_up_after_an_error_until_a_new_run_begins() -> None:
    world = with_person()
    world.faults.load([{"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"}])
    world.clock.sleep(3600)
    assert level(world)[0] == 1
    world.referee.run_started()
    wait(world, lambda: level(world)[0] == 2, 300)


def test_the_person_runs_a_setup_that_a_note_asks_for() -> None:
    world = make(estate(operator={"reacts_after": 60, "runs_setup": True}))
    host = world.hosts["mbx1"]
    folder = "C:\\mailops\\exchange2003-sp2"
    host.files.make_dirs(folder)
    host.files.write(folder + "\\WAITING-FOR-OPERATOR.txt", b"setup: exchange2003-sp2\r\nRun it.\r\n")
    wait(world, lambda: bool(host.installing), 300)
    wait(world, lambda: not host.installing, 1200)
    assert host.service_pack == 2
    logons = {event.id for event in host.events if event.source == "MSExchangeSetup"}
    assert logons == {1000, 1001}
    world.clock.sleep(7200)
    assert host.files.read("C:\\Exchange Server Setup Progress.log").count(b"Beginning Exchange") == 1


def test_the_person_uses_what_is_unpacked_already() -> None:
    world = make(estate(operator={"reacts_after": 1, "runs_setup": True}))
    host = world.hosts["mbx1"]
    folder = "C:\\mailops\\exchange2003-sp2"
    tag = {"package": "exchange2003-sp2", "part": "setup"}
    host.files.write_virtual(folder + "\\files\\setup\\i386\\update.exe", 10, tag=tag)
    host.files.write(folder + "\\WAITING-FOR-OPERATOR.txt", b"setup: exchange2003-sp2\r\n")
    wait(world, lambda: host.service_pack == 2, 1200)
    assert not host.files.exists(folder + "\\E3SP2ENG.EXE")


def test_a_note_without_a_known_update_is_a_problem_not_a_crash() -> None:
    world = make(estate(operator={"reacts_after": 1, "runs_setup": True}))
    host = world.hosts["mbx1"]
    host.files.make_dirs("C:\\mailops\\x")
    host.files.write("C:\\mailops\\x\\WAITING-FOR-OPERATOR.txt", b"setup: nothing\r\n")
    world.clock.sleep(600)
    assert len(world.journal.problems) == 1
    assert host.service_pack == 1


# -- the directory


def test_the_directory_has_single_servers_and_virtual_servers_but_no_nodes() -> None:
    plain = estate(domain="mail.example.org", organizations={"acme": ["mbx1", "n1", "n2"]})
    plain["hosts"]["mbx1"]["role"] = "front_end"
    world = make(plain)
    servers = {
        entry["attributes"]["cn"][0]: entry
        for entry in world.directory
        if entry["attributes"]["objectCategory"] == ["msExchExchangeServer"]
    }
    assert set(servers) == {"MBX1", "EVS1"}
    evs = servers["EVS1"]
    assert evs["dn"] == (
        "CN=EVS1,CN=Servers,CN=First Administrative Group,CN=Administrative Groups,CN=acme,CN=Microsoft Exchange,"
        "CN=Services,CN=Configuration,DC=mail,DC=example,DC=org"
    )
    assert evs["attributes"]["serialNumber"] == ["Version 6.5 (Build 7226.6: Service Pack 1)"]
    assert "ncacn_ip_tcp:evs1.mail.example.org" in evs["attributes"]["networkAddress"]
    assert evs["attributes"]["legacyExchangeDN"][0].startswith("/o=acme/ou=First Administrative Group/")
    assert servers["MBX1"]["attributes"]["serverRole"] == ["1"]
    assert evs["attributes"]["serverRole"] == ["0"]


def test_the_low_part_of_the_version_number_is_the_build() -> None:
    world = make()
    number = int(world.directory_model.server("MBX1")["attributes"]["versionNumber"][0])
    assert (number - 30000) & 0xFFFF == 7226
    install(world, "mbx1")
    number = int(world.directory_model.server("MBX1")["attributes"]["versionNumber"][0])
    assert (number - 30000) & 0xFFFF == 7638
    assert number < 2**31


def test_every_entry_has_the_entries_above_it() -> None:
    world = make()
    names = [entry["dn"] for entry in world.directory]
    for position, name in enumerate(names[1:], 1):
        assert name.partition(",")[2] in names[:position]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an estate can say of its machines before anything begins: room, clock, rights, states, packages."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab import tasks
from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.exchange import upgrade_virtual_server
from ansible_collections.mailops.exchange.lab.machines import local_groups
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import (
    START,
    install,
    mail,
    make,
    offline_for_upgrade,
    rest,
    rules,
    setup_context,
    stop_cluster_service,
    wait,
)

SKEW = 900


def single(**settings: Any) -> dict[str, Any]:
    """One server with these settings, completed as an estate's file is."""
    return complete({"speed": 0, "operator": None, "hosts": {"mbx1": settings or None}})


def cluster(settings: dict[str, Any] | None = None, **nodes: Any) -> World:
    """Two nodes with one virtual server; `settings` for the cluster, the rest for its nodes."""
    hosts = {name: {"cluster": "mail", **nodes.get(name, {})} for name in ("n1", "n2", "n3")}
    clusters = {"mail": {"virtual_servers": {"EVS1": {"owner": "n1"}}, **(settings or {})}}
    return make(complete({"speed": 0, "operator": None, "hosts": hosts, "clusters": clusters}))


# -- room, clock


def test_free_space_shows_and_ends() -> None:
    console = Console("mbx1", **single(free_mb={"C": 100, "D": 7}))
    assert console.host.files.free_bytes("C:\\") == 100 * 2**20
    assert console.host.files.free_bytes("D:\\") == 7 * 2**20
    assert "104,857,600 bytes free" in console.out("dir C:\\")
    with pytest.raises(Win32Error) as caught:
        console.host.files.write_virtual("C:\\package.exe", 101 * 2**20)
    assert caught.value.code == 112


def test_a_database_takes_its_room_on_the_disk_of_its_group() -> None:
    world = cluster()
    volumes = {name: sorted(host.files.volumes) for name, host in world.hosts.items()}
    assert volumes == {"n1": ["C:", "E:", "Q:"], "n2": ["C:"], "n3": ["C:"]}
    assert world.hosts["n1"].files.size("E:\\Exchsrvr\\mdbdata\\priv1.edb") == 26 * 2**20
    mail(world).move_group("EVS1", "N2")
    rest(world, mail(world).group("EVS1"))
    assert sorted(world.hosts["n2"].files.volumes) == ["C:", "E:"]
    assert world.hosts["n2"].files.exists("E:\\Exchsrvr\\mdbdata\\priv1.edb")
    world.hosts["n2"].crash()
    assert "E:" not in world.hosts["n2"].files.volumes


def test_a_clock_that_is_fast_is_seen_everywhere_on_the_host() -> None:
    console = Console("mbx1", **single(clock_skew=SKEW))
    assert console.host.now == console.world.clock.time + SKEW
    assert console.out("time /t").strip() == "10:28 PM"
    assert console.out("echo %TIME%").startswith("22:28")
    assert console.lines("net time \\\\mbx1")[0] == "Current time at \\\\MBX1 is 11/14/2023 10:28 PM"
    assert console.lines("net time")[0] == "Current time at \\\\DC1 is 11/14/2023 10:13 PM"
    assert "20231114222820" in console.out("wmic os get LocalDateTime /value <nul").replace("\r", "")
    assert console.run("net time \\\\nobody").exit_code == 2


def test_a_task_starts_by_the_hosts_clock() -> None:
    console = Console("mbx1", **single(clock_skew=SKEW))
    line = "schtasks /create /tn job /tr cmd.exe /sc once /st {} /ru SYSTEM"
    assert "WARNING" not in console.out(line.format("22:29:00"))
    assert console.host.tasks["job"].next_run == START + 40
    console.run("schtasks /delete /tn job /f")
    assert "WARNING" in console.run(line.format("22:28:00")).stdout


# -- rights and accounts


def test_members_of_the_administrators() -> None:
    world = make(single(setup_rights=False))
    host = world.hosts["mbx1"]
    assert local_groups(host)["Administrators"] == ("S-1-5-32-544", ["MBX1\\Administrator", "CONTOSO\\exadmin"])
    assert host.is_administrator("contoso\\EXADMIN") and not host.is_administrator("CONTOSO\\exsetup")
    console = Console("mbx1", **single(setup_rights=False))
    lines = console.lines("net localgroup Administrators")
    rule = next(number for number, line in enumerate(lines) if line.startswith("-----"))
    assert lines[rule + 1 :] == ["Administrator", "CONTOSO\\exadmin", "The command completed successfully.", ""]
    assert "*Administrators" in console.lines("net localgroup")
    assert console.run("net localgroup Nobodies").exit_code == 2


def test_a_german_group_has_a_german_name() -> None:
    world = make(complete({"speed": 0, "language": "de", "hosts": {"mbx1": None}}))
    assert [sid for sid, unused in local_groups(world.hosts["mbx1"]).values()] == ["S-1-5-32-544", "S-1-5-32-545"]
    assert "Administratoren" in local_groups(world.hosts["mbx1"])


def job(world: World, password: str | None = None) -> tasks.Task:
    """A task of the setup's account that was told to run."""
    host = world.hosts["mbx1"]
    secret = world.accounts["contoso\\exsetup"].password if password is None else password
    task = tasks.create(host, "job", "cmd.exe", user="CONTOSO\\exsetup", password=secret)
    tasks.run(host, "job")
    return task


@pytest.mark.parametrize(
    ("settings", "refusal", "result"),
    [
        ({}, 0, 0),
        ({"accounts": {"exsetup": {"locked": True}}}, 1909, 0x80070775 - 2**32),
        ({"accounts": {"exsetup": {"expired": True}}}, 1330, 0x80070532 - 2**32),
        ({"hosts": {"mbx1": {"setup_rights": False}}}, 0, 0x80070569 - 2**32),
    ],
)
def test_a_job_of_an_account_that_cannot_log_on(settings: dict[str, Any], refusal: int, result: int) -> None:
    plain = {"speed": 0, "operator": None, "hosts": {"mbx1": None}, **settings}
    task = job(make(complete(plain)))
    assert (task.refusal, task.account_valid) == (refusal, refusal == 0)
    assert (task.status, task.last_result) == (("Could not start", result) if result else ("Running", 0))


def test_an_account_without_exchange_rights_cannot_install() -> None:
    world = make(single() | {"accounts": {"exsetup": {"not_exchange_admin": True}}})
    assert install(world, "mbx1") == [1603]


def test_an_account_that_is_no_administrator_cannot_install() -> None:
    assert install(make(single(setup_rights=False)), "mbx1") == [1603]


# -- Windows


def test_a_restart_that_windows_waits_for() -> None:
    host = make(single(pending_restart=True)).hosts["mbx1"]
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
    assert host.registry.value(key, "PendingFileRenameOperations")
    assert not make(single()).hosts["mbx1"].registry.value(key, "PendingFileRenameOperations")


def test_services_with_their_start_type_and_name() -> None:
    trend = {"state": "running", "start_type": "manual", "display_name": "Trend ServerProtect"}
    host = make(single(services={"TrendServer": trend, "SNMP": "stopped"})).hosts["mbx1"]
    service = host.services["TrendServer"]
    assert (service.state, service.start_type, service.display) == ("running", "manual", "Trend ServerProtect")
    assert (host.services["SNMP"].state, host.services["SNMP"].start_type) == ("stopped", "manual")


def test_the_referee_wants_services_as_they_were() -> None:
    world = make(single(services={"TrendServer": {"state": "running", "start_type": "manual"}, "SNMP": "stopped"}))
    host = world.hosts["mbx1"]
    host.stop_service("TrendServer")
    host.service_manager.configure("TrendServer", "disabled")
    host.start_service("SNMP")
    world.clock.sleep(60)
    whats = sorted(entry["what"] for entry in world.referee.report()["violations"])
    assert whats == [
        "the service SNMP runs, it did not before",
        "the service TrendServer was stopped and does not run",
        "the start type of TrendServer is disabled, it was manual",
    ]
    host.stop_service("SNMP")
    host.service_manager.configure("TrendServer", "manual")
    host.start_service("TrendServer")
    world.clock.sleep(60)
    assert rules(world) == []


def test_the_registry_tells_language_rights_and_kind_of_server() -> None:
    for language, number in (("en", "0409"), ("de", "0407"), ("it", "0410")):
        world = make(
            complete({"speed": 0, "language": language, "hosts": {"mbx1": {}, "s": {"edition": "small_business"}}})
        )
        registry = world.hosts["mbx1"].registry
        control = "HKLM\\SYSTEM\\CurrentControlSet\\Control"
        assert registry.value(f"{control}\\Nls\\Language", "InstallLanguage") == ("REG_SZ", number)
        assert registry.exists("HKU\\S-1-5-19")
        kinds = [m.registry.value(f"{control}\\ProductOptions", "ProductType") for m in world.machines.values()]
        assert kinds == [("REG_SZ", "ServerNT"), ("REG_SZ", "LanmanNT"), ("REG_SZ", "LanmanNT")]
    suite = world.hosts["s"].registry.value(f"{control}\\ProductOptions", "ProductSuite")
    assert suite == ("REG_MULTI_SZ", ["Small Business"])


# -- clusters


def test_nodes_that_are_paused_or_down() -> None:
    world = cluster(n2={"node_state": "paused"}, n3={"node_state": "down"})
    states = {node.name: (node.state, node.host.service_running("ClusSvc")) for node in mail(world).nodes.values()}
    assert states == {"N1": ("up", True), "N2": ("paused", True), "N3": ("down", False)}
    with pytest.raises(Win32Error) as caught:
        mail(world).move_group("EVS1", "N2")
    assert caught.value.code == 5070
    mail(world).resume("N2")
    world.hosts["n3"].start_service("ClusSvc")
    wait(world, lambda: all(node.state == "up" for node in mail(world).nodes.values()))


def test_groups_that_are_offline_or_failed() -> None:
    groups = {"a": {"state": "failed"}, "b": {"state": "offline"}, "c": None}
    found = mail(cluster({"other_groups": groups})).groups
    assert {name: found[name].state for name in groups} == {"a": "failed", "b": "offline", "c": "online"}


def test_the_coordinator_is_offline() -> None:
    world = cluster({"msdtc": "offline"})
    assert mail(world).resource("MSDTC").state == "offline"
    assert mail(world).quorum_group.state == "partially_online"
    stop_cluster_service(world, "n2")
    install(world, "n2")


def test_a_quorum_that_is_not_found() -> None:
    world = cluster({"quorum": {"found": False}})
    values = world.hosts["n1"].registry.values("HKLM\\Cluster\\Quorum")
    assert "Resource" not in values and "Path" in values
    assert "Resource" in cluster().hosts["n1"].registry.values("HKLM\\Cluster\\Quorum")


def test_a_node_that_was_evicted_and_added_again() -> None:
    world = cluster(n2={"reinstall_needed": True})
    group = mail(world).group("EVS1")
    mail(world).move_group("EVS1", "N2")
    rest(world, group)
    event = next(event for event in world.hosts["n2"].events if event.id == 1025)
    assert (event.source, event.kind, event.strings[1]) == ("MSExchangeCluster", "error", "EVS1")
    assert event.strings[0] in event.text
    assert group.owner != "N2"
    world.hosts["n2"].service_pack = world.hosts["n1"].service_pack = 2
    group.owner = "N2"
    offline_for_upgrade(world, "EVS1")
    code, reason = upgrade_virtual_server(setup_context(world.hosts["n2"]), "EVS1")
    assert code and "not registered" in reason


# -- packages


def test_packages_are_in_the_estates_language() -> None:
    names = {}
    for language in ("en", "de", "it"):
        world = make(complete({"speed": 0, "language": language, "hosts": {"mbx1": None}}))
        share = next(iter(world.shares.values())).volume.root
        names[language] = {"e3sp2eng.exe", "e3sp2deu.exe", "e3sp2ita.exe"} & set(share.children)
        assert "sp4_550i.exe" in share.children
        assert install(world, "mbx1") == [0]
    assert names == {"en": {"e3sp2eng.exe"}, "de": {"e3sp2deu.exe"}, "it": {"e3sp2ita.exe"}}


def test_a_package_of_another_language_is_refused_by_its_setup() -> None:
    world = make(single() | {"package": {"language": "de"}})
    share = next(iter(world.shares.values())).volume.root
    assert "e3sp2deu.exe" in share.children and "e3sp2eng.exe" not in share.children
    assert "e3sp1eng.exe" in share.children
    assert install(world, "mbx1") == [1603]


def test_a_package_that_is_not_there() -> None:
    share = next(iter(make(single() | {"package": {"missing": True}}).shares.values())).volume.root
    assert "e3sp2eng.exe" not in share.children and "e3sp1eng.exe" in share.children


def test_the_windows_hotfix_is_for_server_2003_without_service_pack() -> None:
    assert install(make(single(os_service_pack=0)), "mbx1", "windows2003-kb831464") == [3010]
    assert install(make(single(os_service_pack=1)), "mbx1", "windows2003-kb831464") == [1603]


def test_programs_carry_the_version_of_the_level() -> None:
    world = make(single())
    store = world.hosts["mbx1"].files.entry("C:\\Program Files\\Exchsrvr\\bin\\store.exe")
    assert store.tag["version"] == "6.5.7226.6"
    install(world, "mbx1")
    store = world.hosts["mbx1"].files.entry("C:\\Program Files\\Exchsrvr\\bin\\store.exe")
    assert store.tag["version"] == "6.5.7638.2"


@pytest.mark.parametrize(("code", "lines"), [(0, ["installation completed"]), (1603, ["did not complete", "0x643"])])
def test_the_log_of_a_hotfix(code: int, lines: list[str]) -> None:
    world = make(single(service_pack=2, setup={"exit_code": code}))
    assert install(world, "mbx1", "exchange2003-kb912442") == [code]
    log = world.hosts["mbx1"].files.read("C:\\WINDOWS\\KB912442.log").decode()
    assert "Hotfix started with following command line: /quiet /norestart" in log
    assert all(line in log for line in lines)
    assert "IGNORING" not in log


def test_a_hotfix_with_a_file_in_use_ends_with_0_and_is_not_there() -> None:
    world = make(single(service_pack=2))
    world.faults.load([{"host": "mbx1", "on": "install", "do": "file_in_use", "file": "store.exe"}])
    assert install(world, "mbx1", "exchange2003-kb912442") == [0]
    host = world.hosts["mbx1"]
    log = host.files.read("C:\\WINDOWS\\KB912442.log").decode()
    assert "FileInUse:: Added to FileList: store.exe" in log.splitlines()
    assert (host.hotfixes, host.pending_restart) == ([], False)

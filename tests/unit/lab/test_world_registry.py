# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.registry import Registry
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import estate, mail, make, wait

SETUP = "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup"
UPDATES = "HKLM\\SOFTWARE\\Microsoft\\Updates"


@pytest.fixture
def world() -> World:
    return make()


@pytest.fixture
def registry(world: World) -> Registry:
    return world.hosts["n1"].registry


def code(action) -> int:
    with pytest.raises(Win32Error) as error:
        action()
    return error.value.code


def test_exchange_setup_shows_the_level_in_any_case_and_with_long_roots(world: World, registry: Registry) -> None:
    values = registry.values("hkey_local_machine\\software\\microsoft\\exchange\\SETUP")
    assert values["Services Version"] == ("REG_DWORD", 65)
    assert values["ServicePackNumber"] == ("REG_DWORD", 1)
    assert values["NewestBuild"] == ("REG_DWORD", 7226)
    assert values["Build"] == ("REG_DWORD", 6944)
    world.hosts["n1"].service_pack = 2
    assert registry.value(SETUP, "newestbuild") == ("REG_DWORD", 7638)
    assert registry.canonical(SETUP.lower()) == "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Exchange\\Setup"


def test_without_a_service_pack_its_values_are_absent() -> None:
    plain = estate(hosts={"a": {"service_pack": 0}}, clusters={})
    values = make(plain).hosts["a"].registry.values(SETUP)
    assert "ServicePackNumber" not in values
    assert values["NewestBuild"] == ("REG_DWORD", 6944)


@pytest.mark.parametrize(
    ("product", "system", "pack", "hotfix", "key"),
    [
        ("2003", "server2003", 2, "KB912442", "Exchange Server 2003\\SP3\\KB912442"),
        ("2003", "server2003", 1, "KB931832", "Exchange Server 2003\\SP2\\KB931832"),
        ("2003", "server2003", 1, "KB831464", "Windows Server 2003\\SP1\\KB831464"),
        ("2000", "2000", 3, "KB912442", "Exchange Server 2000\\SP4\\KB912442"),
        ("5.5", "nt4", 4, "KB894689", "Exchange Server 5.5\\SP5\\894689"),
    ],
)
def test_hotfixes_are_registered_below_the_next_service_pack(product, system, pack, hotfix, key) -> None:
    host = {"product": product, "os": system, "service_pack": pack, "hotfixes": [hotfix]}
    registry = make(estate(hosts={"a": host}, clusters={})).hosts["a"].registry
    assert registry.exists(f"{UPDATES}\\{key}")
    assert registry.keys(f"{UPDATES}\\{key}") == ["Filelist"]


def test_missing_keys_have_code_2(registry: Registry) -> None:
    assert code(lambda: registry.values("HKLM\\SOFTWARE\\Nothing")) == 2
    assert code(lambda: registry.keys("HKXX\\SOFTWARE")) == 2
    assert not registry.exists("HKLM\\SOFTWARE\\Nothing")


def test_values_can_be_written_and_deleted(registry: Registry) -> None:
    registry.set("HKLM\\SOFTWARE\\MailOps", "Mark", "REG_SZ", "x")
    registry.set("HKLM\\SOFTWARE\\MailOps\\Deep", "", "REG_DWORD", 1)
    assert "MailOps" in registry.keys("HKLM\\SOFTWARE")
    assert "Microsoft" in registry.keys("HKLM\\SOFTWARE")
    assert registry.value("hklm\\software\\mailops", "MARK") == ("REG_SZ", "x")
    registry.delete("HKLM\\SOFTWARE\\MailOps", "mark")
    assert registry.values("HKLM\\SOFTWARE\\MailOps") == {}
    registry.delete("HKLM\\SOFTWARE\\MailOps")
    assert not registry.exists("HKLM\\SOFTWARE\\MailOps\\Deep")
    assert code(lambda: registry.delete("HKLM\\SOFTWARE\\MailOps")) == 2


def test_what_shows_the_system_cannot_be_deleted_and_the_cluster_not_written(registry: Registry) -> None:
    assert code(lambda: registry.delete(SETUP)) == 5
    assert code(lambda: registry.delete(SETUP, "NewestBuild")) == 5
    assert code(lambda: registry.set("HKLM\\Cluster\\Groups", "x", "REG_SZ", "y")) == 5


def test_the_cluster_tree_tells_groups_resources_nodes_and_quorum(world: World, registry: Registry) -> None:
    cluster = mail(world)
    root = "HKLM\\Cluster"
    assert registry.values(root)["ClusterName"] == ("REG_SZ", "mail")
    assert registry.values(f"{root}\\Nodes\\2")["NodeName"] == ("REG_SZ", "N2")
    evs = cluster.group("EVS1")
    values = registry.values(f"{root}\\Groups\\{evs.guid}")
    assert values["Name"] == ("REG_SZ", "EVS1")
    assert values["PreferredOwners"] == ("REG_MULTI_SZ", ["1"])
    contained = {registry.values(f"{root}\\Resources\\{guid}")["Name"][1] for guid in values["Contains"][1]}
    assert contained == {resource.name for resource in evs.resources}
    attendant = cluster.resource("Exchange System Attendant (EVS1)")
    depends = registry.values(f"{root}\\Resources\\{attendant.guid}")["DependsOn"][1]
    assert {registry.values(f"{root}\\Resources\\{guid}")["Name"][1] for guid in depends} == {"EVS1 Name", "Disk E:"}
    network = cluster.resource("EVS1 Name")
    assert registry.value(f"{root}\\Resources\\{network.guid}\\Parameters", "Name") == ("REG_SZ", "EVS1")
    quorum = registry.values(f"{root}\\Quorum")["Resource"][1]
    assert registry.values(f"{root}\\Resources\\{quorum}")["Name"] == ("REG_SZ", "Disk Q:")
    assert registry.values(f"{root}\\Resources\\{attendant.guid}")["PossibleOwners"] == ("REG_MULTI_SZ", ["1", "2"])


def test_each_information_store_has_its_destination_path(world: World, registry: Registry) -> None:
    store = mail(world).resource("Exchange Information Store (EVS1)")
    assert registry.value(f"HKLM\\Cluster\\Resources\\{store.guid}\\Parameters", "DestPath") is not None


def test_the_wanted_state_is_in_the_registry_but_not_the_current_one(world: World, registry: Registry) -> None:
    group = mail(world).group("File Share")
    mail(world).offline_group("File Share")
    wait(world, lambda: group.state == "offline")
    values = registry.values(f"HKLM\\Cluster\\Groups\\{group.guid}")
    assert values["PersistentState"] == ("REG_DWORD", 0)
    assert not {"State", "Owner", "OwnerNode"} & set(values)


def test_windows_shows_version_code_page_and_a_pending_restart(world: World, registry: Registry) -> None:
    version = registry.values("HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion")
    assert (version["CurrentVersion"][1], version["CurrentBuildNumber"][1]) == ("5.2", "3790")
    assert version["CSDVersion"] == ("REG_SZ", "Service Pack 2")
    assert registry.value("HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls\\CodePage", "OEMCP") == ("REG_SZ", "437")
    manager = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
    assert registry.value(manager, "PendingFileRenameOperations") is None
    world.hosts["n1"].pending_restart = True
    assert registry.value(manager, "PendingFileRenameOperations") is not None


def test_a_service_shows_its_start_type(world: World, registry: Registry) -> None:
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeIS"
    assert registry.value(key, "Start") == ("REG_DWORD", 3)
    world.hosts["n1"].service_manager.configure("MSExchangeIS", "disabled")
    assert registry.value(key, "Start") == ("REG_DWORD", 4)

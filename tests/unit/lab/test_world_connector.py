# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Active Directory Connector: its service, its maps, its own setup."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.connector import MAPS, all_maps, shipped_maps
from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.installer import run
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import install, make, rules, setup_context, wait

FOLDER = "C:\\Program Files\\MSADC"
PACKAGE = "C:\\mailops\\x"
POLICY = (
    "CN=Default ADC Policy,CN=Active Directory Connections,CN=Microsoft Exchange,CN=Services,"
    "CN=Configuration,DC=contoso,DC=example"
)
CUSTOM = "Custom-Employee#"


def world_of(operator: dict[str, Any] | None = None, **settings: Any) -> World:
    """One server with the connector."""
    hosts = {"mbx1": None}
    connector = {"host": "mbx1", **settings}
    return make(complete({"speed": 0, "operator": operator, "hosts": hosts, "directory_connector": connector}))


def attributes(world: World, dn: str = POLICY) -> dict[str, str]:
    """The first values of an entry."""
    entry = next(entry for entry in world.directory if entry["dn"] == dn)
    return {name: values[0] for name, values in entry["attributes"].items()}


def agreement(world: World) -> str:
    """The version of the connection agreement."""
    return attributes(world, POLICY.replace("Default ADC Policy", "Users MBX1"))["versionNumber"]


def maps(world: World) -> dict[str, bytes]:
    """The map files beside the connector."""
    return {name: world.hosts["mbx1"].files.read(f"{FOLDER}\\{name}") for name in MAPS}


def unpack(world: World) -> str:
    """Unpack the service pack; returns the path of the connector's setup."""
    host, context = world.hosts["mbx1"], setup_context(world.hosts["mbx1"])
    host.files.make_dirs(PACKAGE)
    host.files.copy("\\\\dc1\\updates\\E3SP2ENG.EXE", f"{PACKAGE}\\sp2.exe", context)
    assert run(context, f"{PACKAGE}\\sp2.exe", [f"/x:{PACKAGE}\\files", "/q"]) == 0
    return f"{PACKAGE}\\files\\ADC\\I386\\setup.exe"


def upgrade(world: World, logon: str = "batch", arguments: tuple[str, ...] = ("/unattend",)) -> list[int]:
    """Run the connector's setup as a job does; returns its exit code."""
    host, path, codes = world.hosts["mbx1"], unpack(world), []
    context = setup_context(host, logon)
    process = host.spawn("cmd.exe", context.user, logon)
    process.background = world.clock.spawn(lambda: codes.append(run(context, path, list(arguments))))
    world.clock.wait_until(lambda: bool(codes), 3600)
    return codes


def test_the_maps_of_every_level_differ() -> None:
    assert len(set(all_maps())) == len(all_maps()) == 14
    assert all(line.count("#") == 7 for text in all_maps() for line in text.decode().split())


@pytest.mark.parametrize(("custom", "shipped"), [(False, True), (True, False)])
def test_the_connector_as_it_is_found(custom: bool, shipped: bool) -> None:
    world = world_of(custom_maps=custom)
    host, found = world.hosts["mbx1"], maps(world)
    assert (host.services["MSADC"].state, host.services["MSADC"].start_type) == ("running", "auto")
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSADC"
    assert host.registry.value(key, "ImagePath") == ("REG_EXPAND_SZ", f"{FOLDER}\\adc.exe")
    assert host.files.entry(f"{FOLDER}\\adc.exe").tag["version"] == "6.5.7226.0"
    assert all(found[name] in all_maps() for name in MAPS) is shipped
    policy = attributes(world)
    assert policy["msExchServer2SchemaMap"] == found["local.map"].decode()
    assert policy["msExchServer1SchemaMap"] == found["remote.map"].decode()
    assert agreement(world) == "16973843"
    assert attributes(world_of(service_pack=0), POLICY.replace("Default ADC Policy", "Users MBX1"))[
        "versionNumber"
    ] == ("16973842")


def test_a_service_pack_leaves_the_connector_alone() -> None:
    world = world_of()
    before = maps(world)
    install(world, "mbx1")
    assert world.hosts["mbx1"].files.entry(f"{FOLDER}\\adc.exe").tag["version"] == "6.5.7226.0"
    assert maps(world) == before


@pytest.mark.parametrize("overwrites", [True, False])
def test_its_setup_takes_the_maps_beside_it(overwrites: bool) -> None:
    world = world_of(custom_maps=True, overwrites_maps=overwrites)
    before, started = attributes(world), world.clock.time
    assert upgrade(world) == [0]
    assert world.clock.time - started > 180
    new = shipped_maps("2003", 2)
    assert maps(world) == {name: text.encode() for name, text in new.items()}
    assert world.hosts["mbx1"].files.entry(f"{FOLDER}\\adc.exe").tag["version"] == "6.5.7638.0"
    after = attributes(world)
    assert after["msExchServer2SchemaMap"] == (new["local.map"] if overwrites else before["msExchServer2SchemaMap"])
    assert (CUSTOM in after["msExchServer2SchemaMap"]) is not overwrites
    assert world.hosts["mbx1"].service_running("MSADC")
    assert world.referee.report()["installations"] == {}
    assert rules(world) == []


def test_customised_new_maps_stay_customised() -> None:
    world = world_of(custom_maps=True, overwrites_maps=True, maps_given=True)
    setup = unpack(world)
    share = setup_context(world.hosts["mbx1"])
    for name in MAPS:
        folder = setup.rpartition("\\")[0]
        world.hosts["mbx1"].files.copy(f"\\\\dc1\\updates\\adc\\{name}", f"{folder}\\{name}", share)
    assert run(setup_context(world.hosts["mbx1"]), setup, ["/unattend"]) == 0
    assert CUSTOM in attributes(world)["msExchServer2SchemaMap"]
    assert CUSTOM.encode() in maps(world)["local.map"]
    assert [maps(world)[name] in all_maps() for name in MAPS] == [False, True]


def test_what_its_setup_needs() -> None:
    assert upgrade(world_of(), arguments=()) == []
    assert upgrade(world_of(), logon="network") == [1603]
    without = world_of()
    del without.hosts["mbx1"].services["MSADC"]
    assert upgrade(without) == [1603]


@pytest.mark.parametrize("extracted", [True, False])
def test_the_person_runs_it_when_asked(extracted: bool) -> None:
    world = world_of(operator={"reacts_after": 60})
    folder = unpack(world).rpartition("\\")[0] if extracted else "\\\\somewhere\\else"
    host = world.hosts["mbx1"]
    host.files.make_dirs("C:\\mailops\\connector")
    note = f"connector: exchange2003-sp2\r\nhost: mbx1\r\nfolder: {folder}\r\n"
    host.files.write("C:\\mailops\\connector\\WAITING-FOR-OPERATOR.txt", note.encode())
    version = host.files.entry(f"{FOLDER}\\adc.exe").tag["version"]
    assert version == "6.5.7226.0"
    wait(world, lambda: host.files.entry(f"{FOLDER}\\adc.exe").tag["version"] == "6.5.7638.0")
    assert host.service_pack == 1


def test_an_estate_of_55_has_no_maps_in_its_package() -> None:
    world = make(complete({"speed": 0, "hosts": {"old": {"os": "2000", "product": "5.5"}}}))
    host, context = world.hosts["old"], setup_context(world.hosts["old"])
    host.files.make_dirs(PACKAGE)
    host.files.copy("\\\\dc1\\updates\\SP4_550I.EXE", f"{PACKAGE}\\sp4.exe", context)
    assert run(context, f"{PACKAGE}\\sp4.exe", [f"/x:{PACKAGE}\\files", "/q"]) == 0
    assert not host.files.exists(f"{PACKAGE}\\files\\ADC")

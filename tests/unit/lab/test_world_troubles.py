# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a virtual server that does not come online leaves in the event log of its node, and versions of files."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.world import World

from .world_builder import estate, mail, make


def nodes(product: str, **second: Any) -> World:
    plain = {"product": product, "edition": "enterprise", "cluster": "mail", "os": "2000", "os_service_pack": 4}
    plain["service_pack"] = {"2003": 1, "2000": 2}[product]
    return make(estate(hosts={"n1": dict(plain), "n2": {**plain, **second}}, update=f"exchange{product}-sp2"))


def logged(world: World, host: str) -> list[tuple[int, list[str]]]:
    found = [event for event in world.hosts[host].events if event.source == "MSExchangeCluster"]
    return [(event.id, event.strings) for event in found]


def move(world: World) -> str:
    mail(world).move_group("EVS1", "N2")
    world.clock.sleep(600)
    return mail(world).groups["EVS1"].owner


def test_another_version() -> None:
    world = nodes("2003", service_pack=2)
    assert move(world) == "N1"
    assert {number for number, unused in logged(world, "n2")} == {1025}
    assert logged(world, "n2")[0][1] == ["Exchange System Attendant (EVS1)", "EVS1", "c1037b44"]


def test_a_node_that_was_added_again() -> None:
    world = nodes("2003", reinstall_needed=True)
    assert move(world) == "N1"
    assert {number for number, unused in logged(world, "n2")} == {1025}
    assert all("c1037b44" not in strings for unused, strings in logged(world, "n2"))


@pytest.mark.parametrize("fails", [False, True])
def test_exchange_2000_upgrades_itself_or_says_that_it_cannot(fails: bool) -> None:
    world = nodes("2000", service_pack=3)
    if fails:
        world.faults.load([{"cluster": "mail", "on": "upgrade EVS1", "do": "error", "times": 9}])
    assert move(world) == ("N1" if fails else "N2")
    assert {number for number, unused in logged(world, "n2")} == ({2146, 2065} if fails else set())
    server = mail(world).groups["EVS1"].virtual_server
    assert server is not None and server.service_pack == (2 if fails else 3)


@pytest.mark.parametrize(
    ("service_pack", "hotfixes", "version"),
    [
        (1, [], "6.5.7226.6"),
        (1, ["KB831464"], "6.5.7226.6"),
        (2, ["KB912442"], "6.5.7650.28"),
        (2, ["KB931832", "KB912442"], "6.5.7652.24"),
    ],
)
def test_the_version_of_exchange_files(service_pack: int, hotfixes: list[str], version: str) -> None:
    world = make(estate(hosts={"mbx1": {"service_pack": service_pack, "hotfixes": hotfixes}}, clusters={}))
    host = world.hosts["mbx1"]
    assert host.file_version == version
    assert host.files.entry("C:\\Program Files\\Exchsrvr\\bin\\store.exe").tag["version"] == version


def test_a_hotfix_of_the_service_pack_before_says_nothing_of_the_files() -> None:
    world = make(estate(hosts={"mbx1": {"service_pack": 1, "hotfixes": ["KB912442"]}}, clusters={}))
    host = world.hosts["mbx1"]
    host.hotfix_folders["KB912442"] = "Exchange Server 2003\\SP2"
    host.service_pack = 2
    assert host.file_version == "6.5.7638.2"

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Exchange is on a host."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import (
    find_hotfixes,
    read_exchange,
    read_marks,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import (
    Answers,
    RegistryReading,
    RegistryValues,
    Service,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

SETUP = "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup"


def session_of(host: dict[str, Any], **estate: Any) -> LabSession:
    return LabSession(world_of({"hosts": {"mbx1": host}, **estate}), "mbx1")


def test_a_single_server_in_two_round_trips() -> None:
    session = session_of({"service_pack": 1, "hotfixes": ["KB831464", "KB912442"]})
    found = read_exchange(session)
    # Registry with services and boot time, file version.
    assert len(session.lines) == 2
    assert found["store_version"] == "6.5.7233.69"
    assert (found["product"], found["version"], found["service_pack"], found["build"]) == ("2003", "6.5", 1, 7226)
    assert found["hotfixes"] == ["KB831464", "KB912442"]
    assert found["installed"] is True
    assert found["computer_name"] == "MBX1"
    assert found["os"] == {"name": "server2003", "version": "5.2", "build": 3790, "service_pack": 2}
    assert found["clustered"] is False
    assert found["edition"] is None
    assert found["pending_restart"] is False
    assert found["services"]["MSExchangeIS"] == {"state": "running", "start_type": "auto"}
    assert "MSExchangeDS" not in found["services"]


@pytest.mark.parametrize("service_pack", [0, 1, 2])
def test_levels(service_pack: int) -> None:
    session = session_of({"service_pack": service_pack})
    marks = read_marks(session)
    assert marks["service_pack"] == service_pack
    full = read_exchange(session)
    assert full["store_version"].split(".")[2] == str(full["build"])
    assert {key: full[key] for key in marks} == marks


def test_a_node_and_a_small_business_server() -> None:
    assert read_exchange(LabSession(world_of(CLUSTER), "n1"))["clustered"] is True
    assert read_exchange(session_of({"edition": "small_business"}))["edition"] == "small_business"


def test_a_setup_key_that_survived_a_removal_is_no_exchange() -> None:
    session = session_of({"service_pack": 1})
    for name in ("MSExchangeIS", "MSExchangeSA"):
        del session.world.hosts["mbx1"].services[name]
    found = read_exchange(session)
    assert found["installed"] is False
    assert (found["product"], found["service_pack"], found["build"]) == (None, None, None)
    assert found["store_version"] is None


def test_a_host_that_does_not_tell_the_file_version() -> None:
    session = session_of({"service_pack": 1})
    session.world.hosts["mbx1"].files.delete("C:\\Program Files\\Exchsrvr\\bin\\store.exe")
    found = read_exchange(session)
    assert (found["installed"], found["build"], found["store_version"]) == (True, 7226, None)


class WithoutPrograms(LabSession):
    """A host without reg.exe, sc.exe and wmic, as NT 4.0 and 2000 are: only the channel itself is left."""

    def ask_ahead(self, *unused: Any, **asked: Any) -> None:
        """Nothing: questions are calls of interfaces here, and no lines."""

    def ask(
        self,
        lines: Sequence[str] = (),
        *,
        values: Sequence[str] = (),
        trees: Sequence[str] = (),
        subkeys: Sequence[str] = (),
        services: Sequence[str] = (),
    ) -> Answers:
        host = self.world.hosts[self.host]

        def read(key: str) -> RegistryValues | None:
            return dict(host.registry.values(key)) if host.registry.exists(key) else None

        def tree(key: str, below: str = "") -> dict[str, RegistryValues] | None:
            found = read(key)
            if found is None:
                return None
            whole = {below: found}
            for name in host.registry.keys(key):
                whole |= tree(f"{key}\\{name}", f"{below}\\{name}".lstrip("\\")) or {}
            return whole

        there = {name: host.services[name] for name in services if name in host.services}
        return Answers(
            outputs=self.run_all(lines) if lines else [],
            registry=RegistryReading(
                values={key: read(key) for key in values},
                trees={key: tree(key) for key in trees},
                subkeys={key: host.registry.keys(key) if host.registry.exists(key) else None for key in subkeys},
            ),
            services={name: Service(name, service.state, service.start_type) for name, service in there.items()},
        )

    def boot_time(self) -> str:
        return "20261122101500.500000+000"

    def file_version(self, path: str) -> str | None:
        entry = self.world.hosts[self.host].files.find(path)
        return entry.tag.get("version") if entry else None


def test_a_node_on_windows_2000_is_read_without_its_programs() -> None:
    estate = copy.deepcopy(CLUSTER)
    for name in ("n1", "n2"):
        estate["hosts"][name] |= {
            "os": "2000",
            "os_service_pack": 4,
            "channel": "rpc",
            "product": "2003",
            "edition": "enterprise",
            "service_pack": 1,
            "hotfixes": ["KB912442"],
        }
    session = WithoutPrograms(world_of(estate), "n1")
    found = read_exchange(session)
    assert session.lines == []
    assert found["os"] == {"name": "2000", "version": "5.0", "build": 2195, "service_pack": 4}
    assert (found["product"], found["service_pack"], found["clustered"]) == ("2003", 1, True)
    assert (found["hotfixes"], found["store_version"]) == (["KB912442"], "6.5.7233.69")
    assert read_marks(session)["hotfixes"] == ["KB912442"]


def test_both_ways_read_the_same() -> None:
    host = {"service_pack": 2, "hotfixes": ["KB831464", "KB912442"]}
    estate = {"hosts": {"mbx1": host}}
    first = read_exchange(LabSession(world_of(estate), "mbx1"))
    second = read_exchange(WithoutPrograms(world_of(estate), "mbx1"))
    assert {**first, "boot_time": ""} == {**second, "boot_time": ""}


def test_the_cluster_is_read_the_same_by_both_ways() -> None:
    world = world_of(CLUSTER)
    other = WithoutPrograms(world, "n1")
    assert read_cluster(other).to_dict() == read_cluster(LabSession(world, "n1")).to_dict()
    assert not any("reg " in line or "sc " in line for line in other.lines)


UPDATES = {
    "Exchange Server 2003\\SP2\\KB912442": {},
    "Exchange Server 2003\\SP3\\KB931832\\Filelist\\0": {},
    "Exchange Server 2003\\SP1\\885882": {},
    "Exchange Server 2003\\SP3": {},
    "Exchange Server 2000\\SP4\\KB870540": {},
    "Windows Server 2003\\SP1\\KB831464": {},
    "Office\\SP1\\KB999999": {},
}


def test_a_hotfix_of_an_earlier_service_pack_says_nothing_about_this_one() -> None:
    flat = ["KB912442", "KB824146", "Q278518", "Microsoft Exchange"]
    found, earlier = find_hotfixes(UPDATES, flat, "2003", 2)
    assert found == ["KB278518", "KB824146", "KB831464", "KB931832"]
    assert earlier == ["KB885882", "KB912442"]
    assert find_hotfixes(UPDATES, flat, "2003", 1)[0] == ["KB278518", "KB824146", "KB831464", "KB912442", "KB931832"]


def test_without_exchange_windows_hotfixes_are_found() -> None:
    assert find_hotfixes(UPDATES, [], None, None) == (["KB831464"], [])

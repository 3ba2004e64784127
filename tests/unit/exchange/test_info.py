# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Exchange is on a host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import (
    find_hotfixes,
    read_exchange,
    read_marks,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

SETUP = "HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup"


def session_of(host: dict[str, Any], **estate: Any) -> LabSession:
    return LabSession(world_of({"hosts": {"mbx1": host}, **estate}), "mbx1")


def test_a_single_server_in_three_round_trips() -> None:
    session = session_of({"service_pack": 1, "hotfixes": ["KB831464", "KB912442"]})
    found = read_exchange(session)
    assert len(session.lines) == 3
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

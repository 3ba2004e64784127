# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Active Directory Connector: found, judged by its map files, upgraded exactly once."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.connector import shipped_maps
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.connector import (
    NOTE,
    meant,
    program_of,
    reached,
    read_connector,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.connector_setup import (
    FOLDER,
    clear,
    upgrade,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import ConnectionLost, HostError, Refused
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabSession, world_of

KNOWN = catalogue.load()
SP1, SP2, FIX = (KNOWN[f"exchange2003-{key}"] for key in ("sp1", "sp2", "sp2-kb912442"))
SETUP = '"{folder}\\setup.exe" /unattend'
SOURCE = "C:\\mailops\\exchange2003-sp2\\files\\ADC\\I386"
HASHES = [
    hashlib.sha256(text.encode("ascii")).hexdigest()
    for pack in (0, 1, 2)
    for text in shipped_maps("2003", pack).values()
]
OWN = {"local": "C:\\maps\\local.map", "remote": "C:\\maps\\remote.map"}


def make(faults: list[dict[str, Any]] | None = None, **settings: Any) -> Any:
    """A lab with the connector on a server that has the service pack, which lies unpacked on it."""
    estate = {
        "update": "exchange2003-sp2",
        "hosts": {"mbx1": {"service_pack": 2}},
        "directory_connector": {"host": "mbx1", "service_pack": 1, **settings},
    }
    world = world_of(estate, faults)
    host = world.hosts["mbx1"]
    with world.clock.lock:
        package = world.packages.package("exchange2003-sp2")
        tag = {"package": package["key"], "part": "connector", "altered": False}
        host.files.write_virtual(f"{SOURCE}\\setup.exe", 262144, tag=tag)
        for name, text in shipped_maps("2003", 2).items():
            host.files.write(f"{SOURCE}\\{name}", text.encode("ascii"))
        host.files.make_dirs("C:\\maps")
        for path in OWN.values():
            host.files.write(path, b"Own-Rule#a#b#c#d###\r\n")
    return world


def session_to(world: Any) -> LabSession:
    return LabSession(world, "mbx1")


def account(world: Any) -> dict[str, str]:
    found = next(each for each in world.accounts.values() if each.exchange_admin)
    return {"account": found.name, "password": found.password}


def by_command(session: LabSession, **more: Any) -> dict[str, Any]:
    settings = {"method": "command", "line": SETUP, "shipped": HASHES, **account(session.world), **more}
    return upgrade(session, [SP2], **settings)


def setups(world: Any) -> int:
    """How often the connector's setup was run, by its log."""
    found = world.hosts["mbx1"].files.find("C:\\ADC Setup.log")
    return found.content.count(b"was upgraded") if found is not None and found.content else 0


# ---- looking ------------------------------------------------------------------------------------


def test_there_is_none() -> None:
    world = world_of({"update": "exchange2003-sp2", "hosts": {"mbx1": {"service_pack": 1}}})
    assert read_connector(session_to(world), [SP2], HASHES) is None


def test_maps_as_they_were_shipped() -> None:
    found = read_connector(session_to(make()), [SP2], HASHES)
    assert found is not None
    assert (found["version"], found["custom_maps"], found["due"], found["begun"]) == ("6.5.7226.0", False, True, False)
    assert found["maps_given"] is True, "none is needed"


def test_customised_maps() -> None:
    session = session_to(make(custom_maps=True))
    found = read_connector(session, [SP2], HASHES)
    assert found is not None
    assert (found["maps"], found["custom_maps"], found["maps_given"]) == (
        {"local": "custom", "remote": "shipped"},
        True,
        False,
    )
    found = read_connector(session, [SP2], HASHES, {"local": "C:\\x", "remote": None})
    assert found is not None and found["maps_given"] is True


def test_without_known_hashes_nobody_knows() -> None:
    found = read_connector(session_to(make()), [SP2])
    assert found is not None
    assert (found["custom_maps"], found["maps_given"]) == (None, False)


def test_a_hash_that_is_none_is_refused() -> None:
    with pytest.raises(Refused, match="no hash"):
        read_connector(session_to(make()), [SP2], ["abc"])


def test_one_of_the_service_pack_is_not_due() -> None:
    found = read_connector(session_to(make(service_pack=2)), [SP2], HASHES)
    assert found is not None and found["due"] is False


def test_nothing_is_due_for_a_hotfix() -> None:
    found = read_connector(session_to(make()), [FIX], HASHES)
    assert found is not None and (found["due"], found["update"]) == (False, None)


def test_the_last_service_pack_of_its_kind_is_meant() -> None:
    both = [SP1, SP2, KNOWN["exchange2000-sp3"]]
    assert (meant(both, "6.5.7226.0") or {})["id"] == "exchange2003-sp2"
    assert (meant(both, "6.0.6249.0") or {})["id"] == "exchange2000-sp3"
    assert (meant(both[:2], None) or {})["id"] == "exchange2003-sp2"
    assert meant(both[:2], "6.0.6249.0") is None


@pytest.mark.parametrize(
    ("version", "good"),
    [("6.5.7249.9", False), ("6.5.7250.0", True), ("6.5.7638.2", True), (None, False), ("x", False)],
)
def test_levels(version: str | None, good: bool) -> None:
    assert reached(version, SP2) is good


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ('"C:\\Program Files\\MSADC\\adc.exe"', "C:\\Program Files\\MSADC\\adc.exe"),
        ("C:\\MSADC\\adc.exe -service", "C:\\MSADC\\adc.exe"),
        ("C:\\Program Files\\MSADC\\ADC.EXE", "C:\\Program Files\\MSADC\\ADC.EXE"),
        ("%SystemRoot%\\adc.exe", None),
        ("", None),
    ],
)
def test_program(image: str, program: str | None) -> None:
    assert program_of({"ImagePath": ("REG_EXPAND_SZ", image)}) == program


# ---- upgrading ----------------------------------------------------------------------------------


def test_by_command() -> None:
    world = make()
    session = session_to(world)
    result = by_command(session)
    assert (result["success"], result["problems"], result["exit_code"]) == (True, [], 0)
    assert result["after"]["version"] == "6.5.7638.0"
    assert world.hosts["mbx1"].services["MSADC"].state == "running"
    assert setups(world) == 1
    again = by_command(session)
    assert again["success"] is True and setups(world) == 1, "begun and done: it is not run again"
    assert clear(session) is True
    found = read_connector(session, [SP2], HASHES)
    assert found is not None and (found["due"], found["begun"]) == (False, False)
    assert by_command(session)["changed"] is False
    assert clear(session) is False


def test_customised_maps_are_asked_for() -> None:
    world = make(custom_maps=True)
    session = session_to(world)
    with pytest.raises(Refused, match=r"local\.map") as refused:
        by_command(session)
    assert "mailops_exchange_connector_maps" in refused.value.remedy
    assert setups(world) == 0 and session.read_text(NOTE) is None


def test_customised_maps_go_into_the_setup() -> None:
    world = make(custom_maps=True)
    session = session_to(world)
    assert by_command(session, maps={"local": OWN["local"], "remote": None})["success"] is True
    folder = "C:\\Program Files\\MSADC"
    assert (session.read_text(f"{folder}\\local.map") or "").startswith("Own-Rule")
    assert not (session.read_text(f"{folder}\\remote.map") or "").startswith("Own-Rule")


def test_a_map_that_is_not_there_is_said_before_anything_begins() -> None:
    world = make(custom_maps=True)
    with pytest.raises(Refused, match="no file"):
        by_command(session_to(world), maps={"local": "C:\\nowhere\\local.map", "remote": None})
    assert setups(world) == 0


def test_a_service_pack_that_is_not_unpacked_is_refused() -> None:
    world = world_of(
        {
            "update": "exchange2003-sp2",
            "hosts": {"mbx1": {"service_pack": 2}},
            "directory_connector": {"host": "mbx1", "service_pack": 1},
        }
    )
    with pytest.raises(Refused, match="cannot be unpacked"):
        by_command(session_to(world))
    assert setups(world) == 0


def test_an_exit_code_that_means_failure() -> None:
    world = make()
    session = session_to(world)
    result = by_command(session, line="cmd /c exit 1603")
    assert (result["success"], result["exit_code"]) == (False, 1603)
    assert any("1603" in problem["what"] for problem in result["problems"])
    result = by_command(session)
    assert result["success"] is True, "the next run tries again"
    assert setups(world) == 1


def test_by_a_person() -> None:
    world = make()
    session = session_to(world)
    result = upgrade(session, [SP2], method="operator", shipped=HASHES, timeout=7200)
    assert (result["success"], result["exit_code"]) == (True, None)
    assert any("ADC\\I386" in text for text in session.said)
    assert session.read_text(f"{FOLDER}\\WAITING-FOR-OPERATOR.txt") is None


@pytest.mark.parametrize("do", ["drop", "refuse"])
def test_a_connection_that_breaks_never_runs_the_setup_twice(do: str) -> None:
    number = 0
    while True:
        number += 1
        world = make([{"host": "mbx1", "on": f"call {number}", "do": do}])
        session = session_to(world)
        for attempt in (1, 2, 3):
            try:
                result = by_command(session)
                break
            except (ConnectionLost, HostError):
                assert attempt < 3, f"call {number}"
                session.reconnect()
        assert result["success"] is True, f"call {number}"
        assert setups(world) == 1, f"call {number}"
        if len(session.lines) < number:
            return

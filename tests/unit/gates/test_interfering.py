# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What interferes: services that are stopped, those that are not, programs, and the table itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.interfering import (
    ACTIVE,
    interfering,
    known,
    programs,
    unstoppable,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused

EXCHANGE = ["MSExchangeIS", "MSExchangeSA", "ClusSvc", "W3SVC", "SMTPSVC", "WinRM", "RpcSs", "MSDTC", "MSADC"]


def service(display: str = "", state: str = "running", start: str | None = "auto") -> dict[str, Any]:
    return {"display_name": display, "state": state, "start_type": start}


def test_known_services_by_short_name_and_by_vendor() -> None:
    found = interfering(
        {
            "SNMP": service("Dienst SNMP"),
            "Zebra": service("Symantec Zebra Service"),
            "BackupExecAgentAccelerator": service(start="manual"),
            "Spooler": service("Print Spooler"),
            **{name: service(name) for name in EXCHANGE},
        }
    )
    assert list(found) == ["BackupExecAgentAccelerator", "SNMP", "Zebra"]
    assert found["SNMP"] == {
        "display_name": "Dienst SNMP",
        "start_type": "auto",
        "why": known()["kinds"]["monitor"],
    }
    assert found["BackupExecAgentAccelerator"]["start_type"] == "manual"


@pytest.mark.parametrize("state", ["stopped", "stop_pending"])
def test_what_does_not_run_is_left_alone(state: str) -> None:
    assert interfering({"SNMP": service(state=state)}) == {}


def test_the_operator_adds_and_keeps() -> None:
    services = {"SNMP": service(), "AcmeAgent": service("Acme"), "Other": service()}
    assert set(interfering(services, extra=["acme*"])) == {"SNMP", "AcmeAgent"}
    assert set(interfering(services, extra=["Acme*"], keep=["acmeagent"])) == {"SNMP"}
    assert interfering(services, keep=["*"]) == {}
    assert unstoppable(services, keep=["SNMP"])["SNMP"]["kept"] is True


def test_what_does_not_obey_is_told_and_not_stopped_unless_the_operator_says_so() -> None:
    services = {"SmcService": service("Symantec Management Client")}
    assert interfering(services) == {}
    assert unstoppable(services)["SmcService"]["kept"] is False
    assert set(interfering(services, extra=["SmcService"])) == {"SmcService"}


@pytest.mark.parametrize("name", ["", " ", "*", "MSExchangeIS", "msexchangesa", "ClusSvc", "winrm"])
def test_what_the_update_needs_is_not_stopped(name: str) -> None:
    with pytest.raises(Refused, match="mailops_exchange_interfering_services"):
        interfering({}, extra=[name])


def test_programs_without_their_service() -> None:
    images = ["perfmon.exe", "McShield.exe", "store.exe", "snmp.exe"]
    assert set(programs(images, {})) == {"perfmon.exe", "McShield.exe", "snmp.exe"}
    assert set(programs(images, {"SNMP": service(), "McShield": service(state="stopped")})) == {
        "McShield.exe",
        "perfmon.exe",
    }
    assert programs(["perfmon.exe"], {}, keep=["PerfMon.exe"]) == {}


def test_every_line_of_the_table_has_its_source() -> None:
    table = known()
    for entry in [*table["services"], *table["programs"]]:
        assert entry["kind"] in table["kinds"]
        assert entry["sureness"] in ("V", "R", "I", "U") and entry["source"]
        assert len({"name", "display", "image"} & set(entry)) == 1
    assert interfering({name: service(name) for name in EXCHANGE}, extra=["*a"]) == {}


names = st.sampled_from(["SNMP", "UPS", "McShield", "SmcService", "Acme", "MSExchangeIS", "ClusSvc", "Spooler"])
states = st.sampled_from(sorted(ACTIVE | {"stopped", "stop_pending"}))


@given(st.dictionaries(names, states), st.lists(st.sampled_from(["Acme", "Spo*"])), st.lists(names))
def test_stopped_and_kept_never_meet(given_states: dict[str, str], extra: list[str], keep: list[str]) -> None:
    services = {name: service(name, state) for name, state in given_states.items()}
    stopped, held = interfering(services, extra, keep), unstoppable(services, keep)
    assert not set(stopped) & set(keep)
    assert not {"MSExchangeIS", "ClusSvc"} & (set(stopped) | set(held))
    assert all(services[name]["state"] in ACTIVE for name in [*stopped, *held])
    assert set(held) <= set(services)

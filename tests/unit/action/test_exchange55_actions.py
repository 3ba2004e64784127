# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions for servers with Exchange 5.5, on a host of the lab: check mode, steps, diffs, files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action import exchange_addon, exchange_services, performance_optimizer
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import optimizer, services55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import (
    read_optimizer_note,
    read_services_note,
)
from ansible_collections.mailops.exchange.tests.unit.exchange.support55 import (
    FULL,
    SP4,
    account,
    down,
    lab_of,
    opened,
    staged,
)

from .runner import run

SERVICES, OPTIMIZER, ADDON = (
    exchange_services.ActionModule,
    performance_optimizer.ActionModule,
    exchange_addon.ActionModule,
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_of(tmp_path, FULL) as running:
        yield running


def changes(lab: Lab) -> list[str]:
    """The calls that were sent and change something."""
    return [entry["call"] for entry in lab.world.journal.entries if entry["changes"]]


def step(word: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    told = {"index": 3, "host": "mbx1", "cluster": None, "step": word, "object": "mbx1", "phase": "update"}
    return {**told, "unpredictable": False, "reason": "why", "before": before, "after": after}


# -- exchange_services


def test_services_are_stopped_and_put_back(lab: Lab) -> None:
    result = run(SERVICES, {"state": "stopped"}, opened(lab), diff=True)
    assert result["changed"] and result["diff"]["before"]["services"]["MSExchangeSA"] == "running"
    assert result["after"]["services"]["MSExchangeSA"] == "stopped" and "MSExchangeSA" in down(lab)
    assert run(SERVICES, {"state": "stopped"}, opened(lab))["changed"] is False
    check = run(SERVICES, {"state": "restored"}, opened(lab), check=True)
    assert check["changed"] and check["before"]["services"]["MSExchangeSA"] == "stopped"
    assert check["after"]["services"]["MSExchangeSA"] == "running"
    result = run(SERVICES, {"state": "restored"}, opened(lab))
    assert result["changed"] and "They run again: " in result["msg"] and down(lab) == []
    assert run(SERVICES, {"state": "restored"}, opened(lab))["msg"] == "Nothing was stopped."


def test_what_runs_is_noted_before_an_installer_that_stops_it_itself(lab: Lab) -> None:
    assert run(SERVICES, {"state": "noted"}, opened(lab), check=True)["changed"] is True
    assert run(SERVICES, {"state": "noted"}, opened(lab))["changed"] is True
    with opened(lab) as session:
        assert "MSExchangeKMS" in (read_services_note(session) or {})
        session.run("net stop MSExchangeMTA /yes", changes=True)
    assert down(lab) != []
    assert run(SERVICES, {"state": "restored"}, opened(lab))["changed"] is True
    assert down(lab) == []


@pytest.mark.parametrize("state", ["stopped", "noted"])
def test_check_mode_of_services_sends_nothing(lab: Lab, state: str) -> None:
    result = run(SERVICES, {"state": state}, opened(lab), check=True)
    assert result["changed"] and result["before"]["services"]["MSExchangeKMS"] == "running"
    assert changes(lab) == []


def test_a_planned_step_is_predicted(lab: Lab) -> None:
    before, after = {"services": {"MSExchangeSA": "running"}}, {"services": {"MSExchangeSA": "stopped"}}
    planned = step("stop_exchange", before, after)
    result = run(SERVICES, {"state": "stopped", "step": planned}, opened(lab), check=True)
    assert (result["changed"], result["before"], result["after"]) == (True, before, after)
    assert lab.world.journal.entries == []


# -- performance_optimizer


def test_values_are_saved_once_beside_the_record(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "record"
    arguments = {"state": "saved", "folder": str(folder)}
    check = run(OPTIMIZER, arguments, opened(lab), check=True)
    assert (check["changed"], check["before"], check["after"]) == (True, {"saved": False}, {"saved": True})
    assert not folder.exists() and changes(lab) == []
    result = run(OPTIMIZER, arguments, opened(lab))
    assert (result["changed"], result["after"]) == (True, {"saved": True})
    told = json.loads((folder / "tuning-n1.json").read_text())
    key = r"SYSTEM\CurrentControlSet\Services\MSExchangeIS\ParametersSystem"
    assert told["values"][key]["Background Threads"] == ["REG_DWORD", 96] and told["custom"] == "unknown"
    text = (folder / "tuning-n1.reg").read_text()
    assert text.startswith("REGEDIT4\n") and '"Background Threads"=dword:00000060' in text
    assert run(OPTIMIZER, arguments, opened(lab))["changed"] is False
    # Another control node, or another folder: what was saved first is what counts, although values have changed since.
    with lab.world.clock.lock:
        lab.world.hosts["mbx1"].registry.set("HKLM\\" + key, "Background Threads", "REG_DWORD", 25)
    other = tmp_path / "other"
    assert run(OPTIMIZER, {"state": "saved", "folder": str(other)}, opened(lab))["changed"] is True
    assert '"Background Threads"=dword:00000060' in (other / "tuning-n1.reg").read_text()


def test_files_of_an_earlier_service_pack_are_kept(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "tuning-n1.reg").write_text("REGEDIT4 of an earlier time")
    assert run(OPTIMIZER, {"state": "saved", "folder": str(tmp_path)}, opened(lab))["changed"] is True
    kept = list(tmp_path.glob("tuning-n1-*.reg"))
    assert [path.read_text() for path in kept] == ["REGEDIT4 of an earlier time"]
    assert "dword" in (tmp_path / "tuning-n1.reg").read_text()


def test_a_folder_that_cannot_be_written_is_told_before_anything_changes(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(OPTIMIZER, {"state": "saved", "folder": str(tmp_path / "file")}, opened(lab))
    assert result["failed"] and "cannot be written" in result["msg"] and not result["changed"]
    with opened(lab) as session:
        assert read_optimizer_note(session) is None


def test_it_is_due_it_runs_and_tells_what_it_has_changed(lab: Lab, tmp_path: Path) -> None:
    run(OPTIMIZER, {"state": "saved", "folder": str(tmp_path)}, opened(lab))
    assert run(OPTIMIZER, {"state": "due", "update": SP4}, opened(lab))["changed"] is True
    assert run(OPTIMIZER, {"state": "due", "update": SP4}, opened(lab))["changed"] is False
    arguments = {"state": "run", "settings": {"users": 2}, **account(lab)}
    check = run(OPTIMIZER, arguments, opened(lab), check=True)
    assert (check["changed"], check["before"], check["after"]) == (True, {"optimized": False}, {"optimized": True})
    result = run(OPTIMIZER, arguments, opened(lab))
    assert (result["changed"], result["after"], result["exit_code"]) == (True, {"optimized": True}, 0)
    assert len(result["due"]) == 1 and "Background Threads 96 -> 25" in result["due"][0]
    assert account(lab)["password"] not in json.dumps(result)
    again = run(OPTIMIZER, arguments, opened(lab))
    assert (again["changed"], again["msg"]) == (False, "It is not due.") and "due" not in again
    assert down(lab) == []


def test_a_mistake_in_its_settings_is_told_in_check_mode_too(lab: Lab) -> None:
    planned = step("optimize", {"optimized": False}, {"optimized": True})
    arguments = {"state": "run", "settings": {"users": 9}, "step": planned}
    result = run(OPTIMIZER, arguments, opened(lab), check=True)
    assert result["failed"] and "users is 9" in result["msg"] and "mailops_exchange_optimizer" in result["remedy"]


def test_what_it_has_left_stopped_is_put_back(lab: Lab) -> None:
    assert run(OPTIMIZER, {"state": "restored"}, opened(lab))["changed"] is False
    with opened(lab) as session:
        optimizer.mark_due(session, SP4)
        note = read_optimizer_note(session) or {}
        ran = services55.to_stop(session)
        optimizer.write_json(session, optimizer.OPTIMIZER_NOTE, {**note, "optimizer": "begun", "stopped": ran})
        session.stop_service("MSExchangeKMS", 300)
    assert down(lab) == ["MSExchangeKMS"]
    result = run(OPTIMIZER, {"state": "restored"}, opened(lab))
    assert result["changed"] and result["before"]["services"]["MSExchangeKMS"] == "stopped"
    assert down(lab) == []


# -- exchange_addon


def test_an_add_on_is_upgraded_once(lab: Lab) -> None:
    staged(lab)
    arguments = {"name": "interorg_replication", "updates": [SP4], "source": "C:\\sp4", **account(lab)}
    check = run(ADDON, arguments, opened(lab), check=True)
    assert (check["changed"], check["before"], check["after"]) == (True, {"due": True}, {"due": False})
    assert changes(lab) == []
    failed = run(ADDON, arguments, opened(lab))
    assert failed["failed"] and "there is no C:\\sp4" in failed["msg"]
    with opened(lab) as session:
        session.run(f"C:\\mailops\\{SP4}\\SP4_550I.EXE /x:C:\\sp4 /q", changes=True)
    result = run(ADDON, arguments, opened(lab))
    assert (result["changed"], result["after"], result["addon"]["version"]) == (True, {"due": False}, "5.5.2653.23")
    assert run(ADDON, arguments, opened(lab))["changed"] is False


def test_the_setup_of_an_add_on_that_fails(lab: Lab) -> None:
    with opened(lab) as session:
        package = staged(lab)
        session.run(f"{package} /x:C:\\sp4 /q", changes=True)
    arguments = {"name": "mailbox_manager", "updates": [SP4], "source": "C:\\sp4", **account(lab)}
    result = run(ADDON, {**arguments, "command": "cmd /c exit 1603"}, opened(lab))
    assert result["failed"] and result["exit_code"] == 1603 and result["method"] == "command"
    assert result["problems"][0]["host"] == "n1" and down(lab) == []

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers with Exchange 5.5: the playbook against NT 4.0 over SMB and RPC, whatever happens on the way (C1 to C3).

One whole rehearsal; all else runs the same playbook, roles and actions in this process (see test_properties.py): before
each run check mode has to tell the steps that it then takes, and to send nothing that changes a host.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete, load_estate
from ansible_collections.mailops.exchange.tests.lab.driven.estates import Case
from ansible_collections.mailops.exchange.tests.lab.driven.judge import try_case, try_estate
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Ended, bench
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, Run, merge, rehearse

pytestmark = pytest.mark.rehearsals(18)

SP4, FIX = "exchange55-sp4", "exchange55-kb894689"
FULL = {
    "os": "nt4",
    "service_pack": 3,
    "addons": ["mailbox_manager", "interorg_replication"],
    "custom_tuning": True,
    "services": {"MSExchangeKMS": "running", "SNMP": "running"},
}


@pytest.fixture(autouse=True)
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files beside the change record lie here."""
    monkeypatch.setenv("MAILOPS_EXCHANGE_RECORD_DIR", str(tmp_path / "record"))
    return tmp_path / "record"


def server(**changes: Any) -> dict[str, Any]:
    """One server with everything that a service pack has to do with."""
    return merge({"update": SP4, "hosts": {"mbx1": FULL}}, changes)


def fixed(**changes: Any) -> dict[str, Any]:
    """One server for a hotfix."""
    host = {"os": "nt4", "service_pack": 4, "services": {"MSExchangeIMC": "running", "SNMP": "running"}}
    return merge({"update": FIX, "hosts": {"mbx1": host}}, changes)


def tried(folder: Path, written: dict[str, Any], cut: dict[str, Any] | None = None) -> str:
    """Check mode, the run, and the next one where that was cut off; how the first one ended."""
    return try_case(Case(1, written, {}, cut, wire=True), folder)


def driven(folder: Path, written: dict[str, Any], **extra: Any) -> Ended:
    """One run to its end."""
    with bench(complete({"speed": 0, **written}), folder, wire=True, extra=extra) as lab:
        found = lab.run()
        assert lab.world.referee.report()["violations"] == []
    return found


def words(record: dict[str, Any]) -> list[str]:
    """The steps in order."""
    return [step["step"] for step in record["steps"]]


def test_a_service_pack_with_all_that_goes_with_it(tmp_path: Path) -> None:
    run: Run = rehearse(tmp_path, server(speed=0))
    assert (run.status, run.record["outcome"]) == (0, "done"), run.output[-3000:]
    assert run.referee["violations"] == [] and run.referee["installations"] == {"mbx1": 1}
    final = run.referee["final"]["mbx1"]
    assert (final["service_pack"], final["optimized"], final["services_down"]) == (4, True, [])
    assert words(run.record) == [
        "stage_package",
        "save_tuning",
        "stop_services",
        "stop_exchange",
        "install_update",
        "start_exchange",
        "verify_host",
        "optimize",
        "update_addon",
        "update_addon",
        "start_services",
        "note_backup_due",
    ]
    saved = json.loads((tmp_path / "run" / "tuning-mbx1.json").read_text())["values"]
    assert any(values.get("Background Threads") == ["REG_DWORD", 96] for values in saved.values())
    assert any("Background Threads 96 -> " in text for text in run.record["due"])


def test_check_mode_saves_no_values(tmp_path: Path) -> None:
    with bench(complete({"speed": 0, **server()}), tmp_path, wire=True) as lab:
        check = lab.run(check=True)
        assert (check.outcome, [call for call in check.calls if call["changes"]]) == ("planned", [])
        assert "save_tuning" in words(check.record) and list(tmp_path.rglob("tuning-*")) == []


@pytest.mark.parametrize("name", ["single", "hotfix", "sbs"])
@pytest.mark.parametrize("language", ["it", "de"])
def test_in_other_languages(tmp_path: Path, name: str, language: str) -> None:
    path = tmp_path / "estate.yml"
    path.write_text((ESTATES / f"exchange55_{name}.yml").read_text(encoding="utf-8") + f"language: {language}\n")
    assert try_estate(Case(0, {}, wire=True), load_estate(path) | {"speed": 0}, tmp_path / "run") == "done"


def test_service_packs_and_a_hotfix_in_one_run(tmp_path: Path) -> None:
    assert tried(tmp_path / "tried", server(update=[SP4, FIX])) == "done"
    run = driven(tmp_path / "run", server(update=[SP4, FIX]))
    order = [step["object"] if step["step"] == "install_update" else step["step"] for step in run.record["steps"]]
    assert order.index(SP4) < order.index("start_exchange") < order.index(FIX) < order.index("optimize")


def test_add_ons_that_are_left_are_due(tmp_path: Path) -> None:
    run = driven(tmp_path, server(), mailops_exchange_addons="leave")
    assert run.outcome == "done" and "update_addon" not in words(run.record)
    assert any("Mailbox Manager" in text for text in run.record["due"])
    assert any("InterOrg" in text for text in run.record["due"])


def test_the_setup_of_an_add_on_by_the_sites_command_line(tmp_path: Path) -> None:
    line = {"mailbox_manager": '"{folder}\\setup.exe" /unattend'}
    run = driven(tmp_path, server(operator=None), mailops_exchange_addon_commands=line)
    assert run.outcome == "done" and words(run.record).count("update_addon") == 2


def test_settings_of_the_optimizer_that_mean_nothing(tmp_path: Path) -> None:
    with bench(complete({"speed": 0, **server()}), tmp_path, extra={"mailops_exchange_optimizer": {"users": 9}}) as lab:
        check = lab.run(check=True)
        assert "users is 9" in json.dumps(check.record["problems"])


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "exit", "code": 1603},
        {"do": "file_in_use", "file": "mdbperf.dll"},
        {"do": "crash"},
    ],
    ids=lambda fault: str(fault["do"]),
)
@pytest.mark.parametrize("written", [server(), fixed()], ids=["service pack", "hotfix"])
def test_exchange_runs_again_when_the_turn_fails(
    tmp_path: Path, written: dict[str, Any], fault: dict[str, Any]
) -> None:
    # After a crash in the midst of a service pack a person has to look first: the gate says so.
    ends = ("stopped", "refused") if fault["do"] == "crash" else ("stopped",)
    assert tried(tmp_path, written, {"fault": {"host": "mbx1", "on": "install", **fault}}) in ends


MOMENTS = {
    "noted": "exchange.json.tmp",
    "key management stopped": "StopService MSExchangeKMS",
    "stopping": "net stop MSExchangeSA /yes",
    "installer started": "StartService mailops-exchange55-sp4",
    "starting": "StartService MSExchangeDS",
    "optimizer started": "StartService mailops-optimizer",
    "note of the optimizer removed": r"smb delete C:\mailops\roll\optimizer.json",
    "service of an add-on stopped": "StopService EXSSRV",
    "add-on copied": "Exscfg.exe",
}
"""Where a run is killed: words of the first changing call that holds them, after values were saved."""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The numbers of these calls in a whole run."""
    found = driven(tmp_path_factory.mktemp("whole"), server()).calls
    noted = next(number for number, call in enumerate(found) if "services.json" in call["call"])
    late = [(number, call["call"]) for number, call in enumerate(found, 1) if call["changes"] and number > noted]
    return {name: next(number for number, call in late if words in call) for name, words in MOMENTS.items()}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_the_next_run_ends_it(tmp_path: Path, calls: dict[str, int], moment: str) -> None:
    # A run that looks less often than the one that was counted may be over before that.
    assert tried(tmp_path, server(), {"kill": calls[moment]}) in ("killed", "done")


@pytest.mark.parametrize("number", [150, 200, 250, 300])
def test_a_hotfix_killed_at_any_call_is_installed_once(tmp_path: Path, number: int) -> None:
    assert tried(tmp_path, fixed(), {"kill": number}) in ("killed", "done")

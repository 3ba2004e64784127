# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of Exchange 5.5: the active node first and nothing moved, a hotfix offline, and what goes wrong (C4).

One whole rehearsal; all else runs the same playbook, roles and actions in this process (see test_properties.py): before
each run check mode has to tell the steps that it then takes, and to send nothing that changes a host.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.tests.lab.driven.estates import Case
from ansible_collections.mailops.exchange.tests.lab.driven.judge import try_estate
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Bench, Ended, bench
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, rehearse
from ansible_collections.mailops.exchange.tests.unit.exchange.support55 import end, on_host

pytestmark = pytest.mark.rehearsals(50)

PACK, HOTFIX = "exchange55_cluster", "exchange55_cluster_hotfix"
RUNS = "C:\\mailops\\run"
"""Where lines that were run would be left."""
OF_A_PACK = [
    ("n1", "install_update"),
    ("n1", "verify_host"),
    ("n1", "verify_virtual_server"),
    ("n2", "stop_cluster_service"),
    ("n2", "install_update"),
    ("n2", "start_cluster_service"),
    ("n2", "verify_host"),
]
OF_A_HOTFIX = [
    ("n1", "take_offline"),
    ("n1", "install_update"),
    ("n1", "verify_host"),
    ("n2", "move_group"),
    ("n2", "install_update"),
    ("n2", "verify_host"),
    ("n2", "move_group"),
    ("n2", "bring_online"),
    ("n2", "verify_virtual_server"),
]


@pytest.fixture(autouse=True)
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beside the change record lie here."""
    monkeypatch.setenv("MAILOPS_EXCHANGE_RECORD_DIR", str(tmp_path / "record"))


def example(name: str, language: str = "en") -> dict[str, Any]:
    """An example estate that waits for nothing."""
    return load_estate(ESTATES / f"{name}.yml") | {"speed": 0, "language": language}


def tried(folder: Path, name: str, language: str = "en", cut: dict[str, Any] | None = None) -> str:
    """Check mode, the run over the wire, and the next one where that was cut off; how the first one ended."""
    return try_estate(Case(1, {}, {}, cut, wire=True), example(name, language), folder)


def words(record: dict[str, Any]) -> list[tuple[str, str]]:
    """The steps of the turns: host and word."""
    aside = ("stage_package", "note_owners", "remove_note", "note_backup_due")
    return [(step["host"], step["step"]) for step in record["steps"] if step["step"] not in aside]


def group(lab: Bench) -> tuple[str, str]:
    """Owner and state of the group of Exchange."""
    found = lab.world.clusters["mail"].groups["Exchange"]
    return found.owner, found.state


# -- the procedures


def test_a_service_pack_the_active_node_first(tmp_path: Path) -> None:
    run = rehearse(tmp_path, ESTATES / f"{PACK}.yml")
    assert (run.status, run.record["outcome"]) == (0, "done"), run.output[-3000:]
    assert run.referee["violations"] == [] and run.referee["installations"] == {"n1": 1, "n2": 1}
    assert run.referee["final"]["mail"]["Exchange"] == {"owner": "n1", "state": "online"}
    assert words(run.record) == OF_A_PACK
    told = run.record["virtual_servers"]["mail/Exchange"]
    assert (run.times("mail/Exchange"), len(told["outages"]), told["moves"]) == ((1, 1), 1, 0)
    assert sum("Performance Optimizer" in due for due in run.record["due"]) == 2


@pytest.mark.parametrize("language", ["en", "it", "de"])
@pytest.mark.parametrize("name", [PACK, HOTFIX])
def test_in_each_language(tmp_path: Path, name: str, language: str) -> None:
    assert tried(tmp_path, name, language) == "done"


def test_the_passive_node_with_its_cluster_service_running(tmp_path: Path) -> None:
    extra = {"mailops_exchange_passive_cluster_service": "running"}
    with bench(example(PACK), tmp_path, wire=True, extra=extra) as lab:
        run = lab.run()
        assert (run.outcome, lab.world.referee.report()["violations"]) == ("done", [])
        assert words(run.record) == [word for word in OF_A_PACK if not word[1].endswith("cluster_service")]


def test_a_hotfix_goes_on_an_offline_group(tmp_path: Path) -> None:
    with bench(example(HOTFIX), tmp_path, wire=True) as lab:
        run = lab.run()
        assert (run.outcome, lab.world.referee.report()["violations"]) == ("done", [])
        assert words(run.record) == OF_A_HOTFIX
        told = run.record["virtual_servers"]["mail/Exchange"]
        assert (len(told["outages"]), told["moves"], group(lab)) == (1, 2, ("N1", "online"))


def test_a_service_pack_and_a_hotfix_are_two_runs(tmp_path: Path) -> None:
    both = {"updates": ["exchange55-sp4", "exchange55-kb894689"], "update": ["exchange55-sp4", "exchange55-kb894689"]}
    with bench(example(PACK) | both, tmp_path, wire=True) as lab:
        run = lab.run()
        assert (run.outcome, [call for call in run.calls if call["changes"]]) == ("refused", [])
        assert any("in one run" in problem["what"] for problem in run.record["problems"])


# -- what goes wrong


def fault(host: str, do: str, **more: Any) -> dict[str, Any]:
    """An installer that does not do what it should."""
    return {"host": host, "on": "install", "do": do, **more}


FAILS = {"exit": {"code": 1603}, "file_in_use": {"file": "store.exe"}}


def failed(folder: Path, name: str, strike: dict[str, Any]) -> tuple[Ended, Ended, Bench]:
    """A run with a fault, and the next one without."""
    with bench(example(name), folder, wire=True, faults=[{"times": 1, **strike}]) as lab:
        first = lab.run()
        lab.settle()
        state = lab.world.clusters["mail"].groups["Exchange"].state
        assert state == "online", f"mail is {state} after {strike}"
        moves = [call["call"] for call in first.calls if "/move" in call["call"].lower() and "Exchange" in call["call"]]
        assert name == HOTFIX or not moves
        second = lab.run()
        lab.settle()
        assert lab.world.referee.report()["violations"] == []
        return first, second, lab


@pytest.mark.parametrize("do", FAILS)
@pytest.mark.parametrize("host", ["n1", "n2"])
@pytest.mark.parametrize("name", [PACK, HOTFIX])
def test_a_failure_leaves_mail_online_and_the_next_run_ends_done(tmp_path: Path, name: str, host: str, do: str) -> None:
    first, second, lab = failed(tmp_path, name, fault(host, do, **FAILS[do]))
    assert first.outcome == "stopped" and all(problem["what"] for problem in first.record["problems"])
    if host == "n1":
        assert "n2" not in {step["host"] for step in first.record["steps"] if step["step"] == "install_update"}
    assert second.outcome == "done", second.record["problems"]
    assert group(lab)[1] == "online"
    assert lab.world.referee.report()["installations"] == {"n1": 1, "n2": 1} | {host: 2}
    for machine in lab.world.hosts.values():
        assert [service for service in machine.services if service.lower().startswith("mailops-")] == []
        assert not machine.files.is_dir(RUNS) or machine.files.listdir(RUNS) == []


@pytest.mark.parametrize("host", ["n1", "n2"])
def test_a_node_that_goes_down_in_its_service_pack_is_looked_at_by_a_person_first(tmp_path: Path, host: str) -> None:
    first, second, lab = failed(tmp_path, PACK, fault(host, "crash"))
    assert (first.outcome, second.outcome) == ("stopped", "refused")
    assert any("was cut off" in problem["what"] and problem["remedy"] for problem in second.record["problems"])
    assert group(lab)[1] == "online"
    assert lab.world.referee.report()["installations"] == ({"n1": 1} if host == "n1" else {"n1": 1, "n2": 1})


@pytest.mark.parametrize("host", ["n1", "n2"])
def test_a_node_that_goes_down_in_its_hotfix_gets_it_in_the_next_run(tmp_path: Path, host: str) -> None:
    first, second, lab = failed(tmp_path, HOTFIX, fault(host, "crash"))
    assert (first.outcome, second.outcome, group(lab)) == ("stopped", "done", ("N1", "online"))
    assert lab.world.referee.report()["installations"] == {"n1": 1, "n2": 1} | {host: 2}


def test_an_installer_that_hangs_on_the_owner_is_left_and_said_to_keep_mail_offline(tmp_path: Path) -> None:
    with bench(example(PACK), tmp_path, wire=True, faults=[{"times": 1, **fault("n1", "hang")}]) as lab:
        run = lab.run()
        assert (run.outcome, lab.world.referee.report()["violations"]) == ("stopped", [])
        assert any("Exchange is offline until" in problem["remedy"] for problem in run.record["problems"])
        assert run.record["virtual_servers"]["mail/Exchange"]["outages"][0]["to"] is None
        # The next run goes on waiting, and starts nothing beside it.
        assert any("in vain" in problem["what"] for problem in lab.run().record["problems"])
        assert lab.world.referee.report()["installations"] == {"n1": 1}
        # Somebody ends it, and has to bring the group online; the run after that tells what became of the setup.
        end(lab.lab, "Update.exe", "n1")
        lab.settle()
        assert any("has ended and left it so" in problem["what"] for problem in lab.run().record["problems"])
        on_host(lab.lab, 'cluster group "Exchange" /on /wait:900', "n1")
        told = lab.run()
        assert (told.outcome, group(lab)) == ("stopped", ("N1", "online"))
        assert any("exit code 1" in problem["what"] for problem in told.record["problems"])
        report = lab.world.referee.report()
        assert (report["violations"], report["installations"]) == ([], {"n1": 1})


@pytest.mark.parametrize("kill", [150, 400, 650, 900, 1200])
@pytest.mark.parametrize("name", [PACK, HOTFIX])
def test_a_run_that_is_killed_is_gone_on_with(tmp_path: Path, name: str, kill: int) -> None:
    assert tried(tmp_path, name, "de", {"kill": kill}) == "killed"


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize(("name", "host", "lost"), [(PACK, "n1", 120), (PACK, "n2", 260), (HOTFIX, "n1", 260)])
def test_a_connection_that_breaks(tmp_path: Path, name: str, host: str, lost: int, do: str) -> None:
    cut = {"fault": {"host": host, "lost": lost, "do": do}}
    assert tried(tmp_path, name, "it", cut) in ("done", "stopped")

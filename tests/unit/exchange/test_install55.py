# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of Exchange 5.5: service packs by a job, and hotfixes whose packages return before they have finished."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import early, install, services55
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, WaitTimeout
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, Cut

from .support55 import FIX, SP4, account, down, end, lab_of, opened, staged, update_of


def installed(lab: Lab, key: str, package: str, **options: Any) -> dict[str, Any]:
    with opened(lab) as session:
        return install.install(session, update_of(key), package=package, **{**account(lab), **options})


def phase(lab: Lab, key: str = FIX) -> str:
    with opened(lab) as session:
        return str(install.observe(session, update_of(key))["phase"])


def test_a_service_pack_while_exchange_stands_still(tmp_path: Path) -> None:
    with lab_of(tmp_path) as lab:
        package = staged(lab)
        with opened(lab) as session:
            services55.stop(session, 600)
            result = install.install(session, update_of(), package=package, **account(lab))
            assert (result["success"], result["restart_required"], result["after"]["service_pack"]) == (True, False, 4)
            services55.restore(session, 600)
        assert down(lab) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("    services: {SNMP: running}\n", "rename mdbperf"),
        ("    services: {Backup Exec Agent: running}\n", "again until it ends without messages"),
    ],
)
def test_a_file_in_use_is_told_with_its_remedy(tmp_path: Path, more: str, words: str) -> None:
    with lab_of(tmp_path, more) as lab:
        result = installed(lab, SP4, staged(lab))
    assert result["success"] is False
    told = [problem for problem in result["problems"] if "was in use" in problem["what"]]
    assert told and words in told[0]["remedy"]


def test_a_server_monitor_is_told_as_the_cause(tmp_path: Path) -> None:
    with lab_of(tmp_path, "  mbx2: {os: nt4, monitors: [mbx1]}\n") as lab:
        result = installed(lab, SP4, staged(lab))
    assert result["success"] is False
    told = [problem["remedy"] for problem in result["problems"] if "address.dll" in problem["what"]]
    assert told and "server monitor" in told[0]


@pytest.mark.parametrize("language", ["en", "it", "de"])
def test_a_hotfix_is_waited_for_behind_its_return(tmp_path: Path, language: str) -> None:
    said: list[str] = []
    with lab_of(tmp_path, update=FIX, service_pack=4, language=language) as lab:
        package = staged(lab, FIX)
        with opened(lab, progress=said.append) as session:
            result = install.install(session, update_of(FIX), package=package, **account(lab))
        assert (result["success"], result["exit_code"], result["restart_required"]) == (True, 0, False)
        assert result["after"]["hotfixes"] == ["KB894689"] and result["after"]["store_version"] == "5.5.2658.34"
        assert [line for line in said if "Q894689.exe of exchange55-kb894689 to end" in line]
        assert installed(lab, FIX, package)["after"]["hotfixes"] == ["KB894689"]
        assert lab.world.referee.report()["installations"] == {"mbx1": 1}
        assert down(lab) == []


@pytest.mark.parametrize("fault", [{"do": "exit", "code": 1603}, {"do": "file_in_use", "file": "store.exe"}])
def test_a_hotfix_that_fails_returns_success_and_is_no_success(tmp_path: Path, fault: dict[str, Any]) -> None:
    faults = [{"host": "mbx1", "on": "install", "times": 1, **fault}]
    with lab_of(tmp_path, update=FIX, service_pack=4, faults=faults) as lab:
        package = staged(lab, FIX)
        result = installed(lab, FIX, package)
        assert (result["success"], result["exit_code"]) == (False, 0)
        assert "the host does not show KB894689" in " ".join(problem["what"] for problem in result["problems"])
        assert installed(lab, FIX, package)["success"] is True
        assert down(lab) == []


def test_a_hotfix_that_hangs_runs_for_everybody_to_see(tmp_path: Path) -> None:
    faults = [{"host": "mbx1", "on": "install", "times": 1, "do": "hang"}]
    with lab_of(tmp_path, update=FIX, service_pack=4, faults=faults) as lab:
        package = staged(lab, FIX)
        with opened(lab) as session:
            assert services55.note_running(session) is True
            assert services55.note_running(session) is False
        with pytest.raises(WaitTimeout) as caught:
            installed(lab, FIX, package, timeout=900)
        assert "Q894689.exe still runs" in caught.value.remedy
        assert phase(lab) == "running"
        with pytest.raises(WaitTimeout):
            installed(lab, FIX, package, timeout=120)
        end(lab, "Q894689.exe")
        assert phase(lab) == "finished"
        assert installed(lab, FIX, package)["success"] is True
        # It has found them stopped, and so left them: what runs was written down before.
        assert "MSExchangeIS" in down(lab)
        with opened(lab) as session:
            services55.restore(session, 600)
        assert down(lab) == []


def test_no_other_installer_beside_one_that_goes_on(tmp_path: Path) -> None:
    busy = "    processes: [Q894689.exe]\n"
    with (
        lab_of(tmp_path, busy, update=FIX, service_pack=4) as lab,
        pytest.raises(Refused, match=r"Q894689\.exe runs on this host"),
    ):
        installed(lab, FIX, staged(lab, FIX))


def test_a_run_that_is_killed_at_any_moment_installs_once(tmp_path: Path) -> None:
    for at in (60, 130, 200):
        folder = tmp_path / str(at)
        folder.mkdir()
        with lab_of(folder, update=FIX, service_pack=4) as lab:
            package = staged(lab, FIX)
            with pytest.MonkeyPatch.context() as patch:
                Breaks(at, kill=True).install(patch)
                with suppress(Cut):
                    installed(lab, FIX, package)
            assert installed(lab, FIX, package)["success"] is True, at
            assert lab.world.referee.report()["installations"] == {"mbx1": 1}, at
            assert down(lab) == [], at


def test_a_store_that_contradicts_the_registry() -> None:
    update, after = update_of(FIX), {"product": "5.5", "service_pack": 4, "hotfixes": ["KB894689"]}
    assert early.store_problems(update, {**after, "store_version": "5.5.2658.34"}) == []
    assert early.store_problems(update, {**after, "store_version": None}) == []
    found = early.store_problems(update, {**after, "store_version": "5.5.2653.23"})
    assert len(found) == 1 and "5.5.2653.23" in found[0]["what"]
    assert early.store_problems(update_of(), {**after, "store_version": "5.5.2653.23"}) == []

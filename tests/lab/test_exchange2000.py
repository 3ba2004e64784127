# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchange 2000: every topology of the article in every language, and what becomes of it when something fails.

But for one rehearsal by Ansible itself the real playbooks and roles are run in this process (see driven/), over the
real wire: these servers are reached by SMB and RPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Bench, Ended, bench
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, merge, rehearse

pytestmark = pytest.mark.rehearsals(5)

LANGUAGES = ["en", "it", "de"]
# Packages are not read back: that is the business of other tests, and takes the most of the time.
QUICK = {"mailops_exchange_verify_package": "size"}


def estate(name: str, **changes: Any) -> dict[str, Any]:
    """An example estate without waiting."""
    path = ESTATES / f"exchange2000_{name}.yml"
    written: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return merge(written, {"speed": 0, **changes})


@contextmanager
def driven(folder: Path, name: str, faults: list[dict[str, Any]] | None = None, **changes: Any) -> Iterator[Bench]:
    """A lab with an example estate."""
    given = [{"times": 1, **fault} for fault in faults or []]
    with bench(complete(estate(name, **changes)), folder, faults=given, extra=QUICK) as lab:
        yield lab


def report(lab: Bench) -> dict[str, Any]:
    """What the referee says at the end; the lab itself has had no trouble."""
    lab.settle()
    assert lab.lab.trouble == []
    found: dict[str, Any] = lab.world.referee.report()
    assert found["violations"] == []
    return found


def done(lab: Bench) -> tuple[Ended, dict[str, Any]]:
    """The run came to its end, and no rule was broken."""
    run = lab.run()
    assert run.outcome == "done", run.record["problems"]
    return run, report(lab)


def steps(run: Ended, word: str) -> dict[str, dict[str, Any]]:
    """The steps of a kind by their host."""
    return {step["host"]: step for step in run.record["steps"] if step["step"] == word}


def levels(referee: dict[str, Any]) -> set[int]:
    """The service packs of all servers at the end."""
    return {host["service_pack"] for host in referee["final"].values() if "product" in host}


@pytest.mark.parametrize("language", LANGUAGES)
def test_b4_active_passive(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "active_passive", language=language) as lab:
        run, referee = done(lab)
        second = lab.run(check=True)
    assert levels(referee) == {3}
    availability = referee["availability"]["mail/EVS1"]
    assert (availability["before_failover_test"]["times"], availability["times"]) == (1, 2)
    assert availability["before_failover_test"]["seconds"] > 12 * 60
    assert {step["step"] for step in run.record["steps"]}.isdisjoint({"take_offline", "upgrade_virtual_server"})
    assert {(group["owner"], group["state"]) for group in referee["final"]["mail"].values()} == {("n1", "online")}
    assert second.steps == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_b5_active_active(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "active_active", language=language) as lab:
        run, referee = done(lab)
    assert levels(referee) == {3}
    begun = {host: step["index"] for host, step in steps(run, "install_update").items()}
    # Both virtual servers stand on the node that was updated first before the other one is.
    first, second = sorted(begun, key=lambda host: begun[host])
    over = [s for s in run.record["steps"] if s["step"] == "move_group" and s["phase"] == "bring_over"]
    assert {s["host"] for s in over} == {first} and max(s["index"] for s in over) < begun[second]


@pytest.mark.parametrize("language", LANGUAGES)
def test_b1_servers_with_their_hotfixes(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "single", language=language) as lab:
        referee = done(lab)[1]
    assert levels(referee) == {3}
    for name in ("mbx1", "conf1"):
        assert sorted(referee["final"][name]["hotfixes"]) == ["KB870540", "KB931832"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_b6_small_business_server_by_its_own_pack(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "sbs", language=language) as lab:
        run = done(lab)[0]
        host = lab.world.hosts["sbs1"]
        assert (host.service_pack, host.os_service_pack, host.more.suite_service_pack) == (3, 3, 1)
    assert set(steps(run, "restart_host")) == {"sbs1"}
    assert steps(run, "verify_host")["sbs1"]["index"] > steps(run, "restart_host")["sbs1"]["index"]
    assert steps(run, "note_backup_due")["sbs1"]["changed"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_b7_conferencing(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "conferencing", language=language) as lab:
        referee = done(lab)[1]
    assert referee["final"]["conf1"]["services_down"] == []
    assert levels(referee) == {3}


@pytest.mark.parametrize("language", LANGUAGES)
def test_b2_front_ends_first(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "front_ends", language=language) as lab:
        run = done(lab)[0]
    installed = steps(run, "install_update")
    fronts = [installed[name]["index"] for name in ("fe1", "fe2")]
    assert max(fronts) < min(step["index"] for name, step in installed.items() if not name.startswith("fe"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_b2_the_members_of_a_set_go_one_after_the_other(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "load_balanced", language=language) as lab:
        run, referee = done(lab)
    joined, left = steps(run, "join_rotation"), steps(run, "leave_rotation")
    first, second = sorted(left, key=lambda host: left[host]["index"])
    assert joined[first]["index"] < left[second]["index"]
    # Somebody of the set served all the time.
    assert referee["sets"]["web"] == {"seconds": 0, "times": 0}


@pytest.mark.parametrize("language", LANGUAGES)
def test_hotfixes_that_need_the_rollup(tmp_path: Path, language: str) -> None:
    with driven(tmp_path, "hotfixes", language=language) as lab:
        referee = done(lab)[1]
    hosts = [host for host in referee["final"].values() if "product" in host]
    assert [sorted(host["hotfixes"]) for host in hosts] == [["KB870540", "KB931832"]] * 4
    assert referee["availability"]["mail/EVS1"]["before_failover_test"]["times"] == 1


@pytest.mark.parametrize("name", ["active_passive", "active_active", "sbs", "load_balanced"])
def test_check_mode_tells_the_same_steps(tmp_path: Path, name: str) -> None:
    with driven(tmp_path, name) as lab:
        check = lab.run(check=True)
        assert check.outcome == "planned", check.record["problems"]
        assert [call for call in check.calls if call["changes"]] == []
        assert check.steps == done(lab)[0].steps


def test_an_upgrade_that_fails_stops_the_roll_with_mail_online(tmp_path: Path) -> None:
    fault = {"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"}
    with driven(tmp_path, "active_passive", [fault]) as lab:
        run = lab.run()
        assert run.outcome == "stopped"
        referee = report(lab)
        assert referee["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}
        assert "n1" not in referee["installations"], "nothing new begins after a failure"
        problem = run.record["problems"][0]
        assert "came back to, N1 and is online" in problem["what"]
        assert "account of the Cluster service an Exchange Full Administrator" in problem["remedy"]
        # Started again, it moves the virtual server once more and installs nothing twice.
        assert levels(done(lab)[1]) == {3}
        assert report(lab)["installations"] == {"n1": 1, "n2": 1}


@pytest.mark.parametrize("call", [60, 110, 150, 190])
def test_killed_and_started_again_it_ends_as_if_nothing_had_happened(tmp_path: Path, call: int) -> None:
    with driven(tmp_path, "active_passive", [{"controller": "run", "on": f"call {call}", "do": "kill"}]) as lab:
        first = lab.run()
        assert first.killed
        lab.settle()
        referee = done(lab)[1]
    assert referee["installations"] == {"n1": 1, "n2": 1}
    assert referee["availability"]["mail/EVS1"]["before_failover_test"]["times"] == 1
    assert referee["final"]["mail"]["EVS1"] == {"owner": "n1", "state": "online"}


def test_rehearsed_by_ansible(tmp_path: Path) -> None:
    run = rehearse(tmp_path, estate("active_passive"))
    assert run.status == 0, run.output[-3000:]
    assert (run.record["outcome"], run.referee["violations"], levels(run.referee)) == ("done", [], {3})
    # One move, in which the virtual server upgrades itself and the store its databases, and the failover test.
    assert run.times("mail/EVS1") == (1, 2)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts: only where an installation that succeeded asks for one, and none after one that the installer made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Bench, Ended, bench

HOTFIX = "exchange2003-kb912442"
WEB = {"role": "front_end", "load_balanced": "web", "setup": {"exit_code": 1641}}


def estate(update: Any, **hosts: Any) -> dict[str, Any]:
    """An estate of these hosts."""
    return complete({"update": update, "speed": 0, "hosts": hosts})


def restarts(run: Ended) -> list[bool]:
    """Of each restart that the plan foresees whether the run has made it."""
    return [step["changed"] for step in run.record["steps"] if step["step"] == "restart_host"]


def violations(lab: Bench) -> list[dict[str, Any]]:
    lab.settle()
    return list(lab.world.referee.report()["violations"])


@pytest.mark.parametrize(("update", "pack"), [("exchange2003-sp2", 1), (HOTFIX, 2)])
def test_what_failed_asks_for_no_restart(tmp_path: Path, update: str, pack: int) -> None:
    """The installer asks for one, and could not replace a file: it is run again, and nobody restarts before that."""
    host = {"service_pack": pack, "setup": {"exit_code": 3010}}
    faults = [{"host": "mbx1", "on": "install", "do": "file_in_use", "file": "store.exe", "times": 1}]
    with bench(estate(update, mbx1=host), tmp_path, faults=faults) as lab:
        run = lab.run()
        assert (run.outcome, restarts(run)) == ("stopped", [])
        again = lab.run()
        assert (again.outcome, restarts(again)) == ("done", [True]), again.record["problems"]
        assert violations(lab) == []


def test_an_installer_that_restarts_the_host_itself(tmp_path: Path) -> None:
    """Between two updates of a set, and in a cluster, whose node is not there when the installation is over."""
    with bench(estate(["exchange2003-sp2", HOTFIX], fe1=WEB, fe2=WEB), tmp_path / "set") as lab:
        run = lab.run()
        assert (run.outcome, restarts(run)) == ("done", [False] * 4), run.record["problems"]
        assert violations(lab) == []
    node = {"cluster": "mail", "setup": {"exit_code": 1641}}
    written = {"update": "exchange2003-sp2", "speed": 0, "hosts": {"n1": node, "n2": node}}
    clusters = {"mail": {"virtual_servers": {"EVS1": {"owner": "n1"}}}}
    with bench(complete({**written, "clusters": clusters}), tmp_path / "cluster") as lab:
        run = lab.run()
        assert (run.outcome, restarts(run)) == ("done", [False] * 2), run.record["problems"]
        assert violations(lab) == []

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates that are legal and unusual: check mode, the run and the referee agree on them as on any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import bench

RESTARTS = {"exit_code": 1641}
ESTATES: dict[str, dict[str, Any]] = {
    # The installer begins the restart itself: the run waits for it, and orders none.
    "restart_begun": {
        "hosts": {
            "mbx1": {"setup": RESTARTS},
            "mbx2": {},
            "n1": {"cluster": "mail", "setup": RESTARTS},
            "n2": {"cluster": "mail", "setup": RESTARTS},
        },
        "clusters": {"mail": {"virtual_servers": {"EVS1": {}}}},
    },
    # Windows has a newer service pack than the one that the suite's brings.
    "suite_on_newer_windows": {
        "update": ["exchange2000-sp3", "sbs2000-sp1"],
        "hosts": {"sbs1": {"os": "2000", "edition": "small_business", "os_service_pack": 4}},
        "controllers": {"sbs1": {"os": "2000"}},
    },
}


@pytest.mark.parametrize("name", sorted(ESTATES))
def test_check_mode_and_the_run_agree(tmp_path: Path, name: str) -> None:
    with bench(complete({"speed": 0, **ESTATES[name]}), tmp_path) as lab:
        planned = lab.run(check=True)
        assert (planned.outcome, planned.record["problems"]) == ("planned", [])
        run = lab.run()
        lab.settle()
        report = lab.world.referee.report()
    assert (run.outcome, run.record["problems"], report["violations"]) == ("done", [], [])
    assert run.steps == planned.steps

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example estate: check mode is the run without the changes, and the plan predicts the end and the outages.

Once by the rehearsal itself (a sample by default, all with --all-rehearsals) and once, much quicker, as test_properties
does it with random estates.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.tests.lab.driven.estates import UPGRADE, Case
from ansible_collections.mailops.exchange.tests.lab.driven.judge import try_estate
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, rehearse

#: Those that no run changes: the gates stop it, or the plan does. The balancer's hooks are tasks of other collections.
REFUSED = ("gate_", "failed_group", "evicted_node", "exchange2000_virtual_server")
ONLY_REHEARSED = ("front_ends_hardware",)
EXAMPLES = sorted(path.stem for path in ESTATES.glob("*.yml") if not path.stem.startswith(REFUSED))


@pytest.mark.rehearsals(100)
@pytest.mark.parametrize("name", EXAMPLES)
def test_rehearsed(tmp_path: Path, name: str) -> None:
    check, run = (rehearse(tmp_path, ESTATES / f"{name}.yml", check=each) for each in (True, False))
    assert (check.status, check.record["outcome"], check.changing) == (0, "planned", []), check.output[-3000:]
    assert (run.status, run.record["outcome"]) == (0, "done"), run.output[-3000:]
    assert check.steps == run.steps
    assert run.referee["violations"] == []
    for server, planned in run.record["plan"]["outages"].items():
        assert run.times(server)[1] == planned["times"] == len(run.record["virtual_servers"][server]["outages"]), server


@pytest.mark.parametrize("name", [name for name in EXAMPLES if not name.startswith(ONLY_REHEARSED)])
def test_driven(tmp_path: Path, name: str) -> None:
    estate = load_estate(ESTATES / f"{name}.yml") | {"speed": 0}
    # Both runs are on one lab, whose person would upgrade a waiting virtual server between them: a tool does it here.
    estate["operator"] = {**(estate["operator"] or {}), "upgrades_virtual_servers": False}
    extra = {"mailops_exchange_upgrade_method": "command", "mailops_exchange_upgrade_command": UPGRADE}
    assert try_estate(Case(0, {}, extra), estate, tmp_path) == "done"

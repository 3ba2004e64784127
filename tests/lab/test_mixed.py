# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run over Exchange 5.5, 2000 and 2003, both channels, and two organisations.

It runs the playbook, roles and actions in this process (see test_properties.py); as a whole rehearsal it is one of the
example estates of test_examples.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import load_estate
from ansible_collections.mailops.exchange.tests.lab.driven.estates import Case
from ansible_collections.mailops.exchange.tests.lab.driven.judge import try_estate
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import bench
from ansible_collections.mailops.exchange.tests.lab.support import ESTATES

pytestmark = pytest.mark.rehearsals(7)

LEVELS = {"5.5": 4, "2000": 3, "2003": 2}


@pytest.fixture(autouse=True)
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beside the change record lie here."""
    monkeypatch.setenv("MAILOPS_EXCHANGE_RECORD_DIR", str(tmp_path / "record"))


def example(language: str = "en") -> dict[str, Any]:
    """The example estate that waits for nothing."""
    return load_estate(ESTATES / "mixed.yml") | {"speed": 0, "language": language}


@pytest.mark.parametrize("language", ["en", "it", "de"])
def test_in_each_language(tmp_path: Path, language: str) -> None:
    assert try_estate(Case(1, {}), example(language), tmp_path) == "done"


def test_each_server_gets_what_is_for_it_in_the_order_of_its_organisation(tmp_path: Path) -> None:
    with bench(example(), tmp_path) as lab:
        run = lab.run()
        report = lab.world.referee.report()
    assert (run.outcome, report["violations"]) == ("done", []), run.record["problems"]
    for name, final in report["final"].items():
        if "product" in final:
            assert (final["service_pack"], final["services_down"]) == (LEVELS[final["product"]], []), name
        else:
            assert {group["state"] for group in final.values()} == {"online"}
    assert set(report["installations"].values()) == {1}
    wave = {name: turn["wave"] for name, turn in run.plan["turns"].items()}
    assert max(wave["fe1"], wave["fe2"]) < min(wave[name] for name in ("mbx1", "mbx2", "n1", "n2"))
    assert wave["o1"] < wave["o2"]
    assert {entry["id"]: entry["product"] for entry in run.plan["entries"]} == {
        "exchange55-sp4": "5.5",
        "exchange2000-sp3": "2000",
        "exchange2003-sp2": "2003",
    } | ({"windows2003-kb831464": "windows"} if len(run.plan["entries"]) > 3 else {})


@pytest.mark.parametrize("host", ["n2", "o1", "mbx1"])
def test_a_failure_is_put_back_by_the_updates_of_its_own_product(tmp_path: Path, host: str) -> None:
    fault = {"host": host, "on": "install", "do": "exit", "code": 1603}
    assert try_estate(Case(1, {}, {}, {"fault": fault}), example(), tmp_path) == "stopped"

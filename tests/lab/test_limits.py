# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that --limit, or --forks, restricts: what would break the order is refused with the reason, all else works."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import bench
from ansible_collections.mailops.exchange.tests.lab.support import merge, rehearse

WEB = {"role": "front_end", "load_balanced": "web"}
HOTFIX = "exchange2003-kb912442"


def estate(**changes: Any) -> dict[str, Any]:
    """A front-end alone, a set of two, and what is behind them."""
    hosts = {"relay": {"role": "front_end"}, "fe1": WEB, "fe2": WEB, "mbx1": {}, "mbx2": {}}
    return merge({"update": "exchange2003-sp2", "speed": 0, "hosts": hosts}, changes)


def two_organizations() -> dict[str, Any]:
    """Two with a front-end and a back-end each."""
    hosts = {"afe": {"role": "front_end"}, "ambx": {}, "bfe": {"role": "front_end"}, "bmbx": {}}
    written = {"update": "exchange2003-sp2", "speed": 0, "hosts": hosts}
    return {**written, "organizations": {"Alpha & Sons": ["afe", "ambx"], "beta": ["bfe", "bmbx"]}}


def hotfix(*there: str) -> dict[str, Any]:
    """A hotfix for all, which the hosts named have already."""
    written = {"relay": {"role": "front_end", "service_pack": 2}, "mbx1": {"service_pack": 2}}
    hosts = {name: {**host, "hotfixes": ["KB912442"]} if name in there else host for name, host in written.items()}
    return {"update": HOTFIX, "speed": 0, "hosts": hosts}


@pytest.mark.parametrize(
    ("written", "limit", "extra", "named", "words"),
    [
        (estate(), ["mbx1"], {}, {"relay", "fe1", "fe2"}, "does not have exchange2003-sp2"),
        (estate(), ["mbx1", "relay", "dc1"], {}, {"fe1", "fe2"}, "every front-end is updated before any back-end"),
        (estate(), ["fe1", "relay"], {}, {"fe2"}, "members of a set are updated together"),
        (two_organizations(), ["bmbx"], {}, {"bfe"}, "every front-end is updated before any back-end"),
        (hotfix(), ["mbx1"], {}, {"relay"}, "does not have exchange2003-kb912442"),
        # What the front-end itself says counts more than what the operator believes.
        (hotfix(), ["mbx1"], {"mailops_exchange_front_ends_done": ["relay"]}, {"relay"}, "does not have"),
    ],
)
def test_what_would_break_the_order_is_refused_with_the_reason(
    tmp_path: Path, written: dict[str, Any], limit: list[str], extra: dict[str, Any], named: set[str], words: str
) -> None:
    with bench(complete(written), tmp_path, extra=extra) as lab:
        run = lab.run(limit=limit)
        check = lab.run(check=True, limit=limit)
        assert lab.world.referee.report()["violations"] == []
    assert run.outcome == check.outcome == "refused"
    assert [call for call in [*run.calls, *check.calls] if call["changes"]] == []
    assert {problem["host"] for problem in run.record["problems"]} == named
    assert all(words in problem["what"] and "--limit" in problem["remedy"] for problem in run.record["problems"])


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        (estate(), [["relay"], ["fe1", "fe2"], ["mbx2"], ["mbx1"]]),
        (estate(hosts={"fe2": {"service_pack": 2}}), [["fe1"]]),
        (two_organizations(), [["bfe", "bmbx"]]),
        (hotfix("relay"), [["mbx1"]]),
    ],
)
def test_what_keeps_the_order_works(tmp_path: Path, written: dict[str, Any], limits: list[list[str]]) -> None:
    with bench(complete(written), tmp_path) as lab:
        for limit in limits:
            run = lab.run(limit=limit)
            assert run.outcome == "done", run.record["problems"]
            assert {step["host"] for step in run.record["steps"]} == set(limit)
        lab.settle()
        assert lab.world.referee.report()["violations"] == []


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"backups": {"controllers": None}}, ("dc1", "backup_controllers")),
        # The share with the packages is one of its.
        ({"package": {"missing": True}}, ("relay", "package")),
    ],
)
def test_domain_controllers_are_asked_also_when_the_limit_leaves_them_out(
    tmp_path: Path, wrong: dict[str, Any], found: tuple[str, str]
) -> None:
    with bench(complete(estate(**wrong)), tmp_path) as lab:
        run = lab.run(limit=["relay"])
    assert run.outcome == "refused"
    assert [(problem["host"], problem["what"].partition(":")[0]) for problem in run.record["problems"]] == [found]


def test_a_set_needs_a_fork_for_each_member(tmp_path: Path) -> None:
    with bench(complete(estate()), tmp_path, extra={"ansible_forks": 1}) as lab:
        run = lab.run()
        assert [call for call in run.calls if call["changes"]] == []
        (problem,) = run.record["problems"]
        assert (run.outcome, "Start the run with --forks 2 or more" in problem["what"]) == ("refused", True)
        # Nobody waits for anybody where only one is left.
        assert lab.run(limit=["relay"]).outcome == "done"


def test_ansible_limits_in_the_same_way(tmp_path: Path) -> None:
    """By a pattern, with Ansible itself: the front-end alone is updated, and the set is not touched."""
    run = rehearse(tmp_path, estate(), arguments=["--limit", "rel*"])
    assert (run.status, run.record["outcome"], run.referee["violations"]) == (0, "done", []), run.output[-3000:]
    assert run.referee["installations"] == {"relay": 1}

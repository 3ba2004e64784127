# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roll on estates that differ: whatever stands where, it ends the same, and no virtual server suffers more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.tests.lab.support import ESTATES, Run, rehearse, two_nodes

pytestmark = pytest.mark.rehearsals(3)


def assert_done(run: Run) -> None:
    """The run ended well, everything has the update, everything serves."""
    assert run.status == 0, run.output[-3000:]
    assert run.record["outcome"] == "done"
    assert run.referee["violations"] == []
    for name, final in run.referee["final"].items():
        if "product" in final:
            assert final["service_pack"] == 2, name
            assert final["services_down"] == [], name
        else:
            assert all(group["state"] == "online" for group in final.values()), name


def test_the_example_from_the_first_look_to_the_record(tmp_path: Path) -> None:
    run = rehearse(tmp_path, ESTATES / "example.yml")
    assert_done(run)
    assert run.times("mail/EVS1") == (1, 2)
    assert [len(run.record["virtual_servers"]["mail/EVS1"]["outages"]), run.record["problems"]] == [2, []]
    assert run.referee["final"]["mail"]["EVS1"]["owner"] == "n1"
    assert {
        name: (host["before"]["service_pack"], host["after"]["service_pack"])
        for name, host in run.record["hosts"].items()
    } == {
        "mbx1": (1, 2),
        "n1": (1, 2),
        "n2": (1, 2),
    }
    assert any("mbx1" in due and "backup" in due for due in run.record["due"])
    assert "waiting for" in run.output and "of at most" in run.output
    page = (tmp_path / "run" / "record.html").read_text(encoding="utf-8")
    assert "<svg" in page and "EVS1" in page


PLACES: dict[str, dict[str, Any]] = {
    "virtual server on the other node": {
        "clusters": {"mail": {"virtual_servers": {"EVS1": {"owner": "n2", "preferred_owners": []}}}}
    },
    "quorum away from the virtual server": {"clusters": {"mail": {"quorum": {"owner": "n2"}}}},
    "restart asked on both": {"hosts": {"n1": {"setup": {"exit_code": 3010}}, "n2": {"setup": {"exit_code": 3010}}}},
    "names with blanks, signs and umlauts": {
        "clusters": {
            "mail": {
                "quorum": {"group": "Cluster Group (Küche)", "owner": "n1"},
                "virtual_servers": {"EVS1": None, "Post & Büro (Köln)": {"owner": "n1"}},
                "other_groups": {"Datei & Druck": {"owner": "n2"}},
            }
        }
    },
    "passive node updated": {"hosts": {"n2": {"service_pack": 2}}},
}


@pytest.mark.parametrize("place", PLACES)
def test_each_virtual_server_is_offline_once_before_the_failover_test(tmp_path: Path, place: str) -> None:
    estate = two_nodes(**PLACES[place])
    servers = estate["clusters"]["mail"]["virtual_servers"]
    estate["clusters"]["mail"]["virtual_servers"] = {name: server for name, server in servers.items() if server}
    run = rehearse(tmp_path, estate)
    assert_done(run)
    for name, server in estate["clusters"]["mail"]["virtual_servers"].items():
        if server:
            assert run.times(f"mail/{name}")[0] == 1, name
            assert run.referee["final"]["mail"][name]["owner"] == server["owner"]


def test_nodes_updated_but_not_the_virtual_server(tmp_path: Path) -> None:
    estate = two_nodes(
        hosts={"n1": {"service_pack": 2}, "n2": {"service_pack": 2}},
        clusters={"mail": {"virtual_servers": {"EVS1": {"service_pack": 1}}}},
    )
    run = rehearse(tmp_path, estate)
    assert_done(run)
    assert not [step for step in run.steps if step[1] == "install_update"]


def test_two_clusters_side_by_side(tmp_path: Path) -> None:
    estate = two_nodes(
        hosts={"m1": {"cluster": "post"}, "m2": {"cluster": "post"}},
        clusters={"post": {"virtual_servers": {"EVS2": {"owner": "m2"}}}},
    )
    run = rehearse(tmp_path, estate)
    assert_done(run)
    assert [run.times("mail/EVS1")[0], run.times("post/EVS2")[0]] == [1, 1]


def test_a_failed_group_is_refused_before_anything_changes(tmp_path: Path) -> None:
    run = rehearse(tmp_path, two_nodes(clusters={"mail": {"virtual_servers": {"EVS1": {"state": "failed"}}}}))
    assert (run.status, run.record["outcome"]) == (2, "refused")
    assert run.changing == []
    assert any("EVS1" in problem["what"] and problem["remedy"] for problem in run.record["problems"])


def test_the_upgrade_by_a_command_of_the_site(tmp_path: Path) -> None:
    estate = two_nodes(operator=None)
    arguments = [
        "-e",
        "mailops_exchange_upgrade_method=command",
        "-e",
        r'{"mailops_exchange_upgrade_command": "C:\\Site\\UpgradeVirtualServer.exe \"{group}\""}',
    ]
    assert_done(rehearse(tmp_path, estate, arguments=arguments))


def test_the_setup_by_a_person(tmp_path: Path) -> None:
    run = rehearse(tmp_path, two_nodes(), arguments=["-e", "mailops_exchange_setup_method=operator"])
    assert_done(run)

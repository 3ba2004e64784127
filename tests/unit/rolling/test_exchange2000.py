# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for clusters of Exchange 2000: the article's B4 and B5, service packs and hotfixes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.rollback import rollback_words
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule
from ansible_collections.mailops.exchange.tests.unit.rolling.support import (
    AFTER_ROLLUP,
    ROLLUP,
    SP3_2000,
    World,
    two_nodes,
)

ROLLUP_FIRST = {**ROLLUP, "prerequisite": True}


def words(steps: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Steps as (host, step, target or object)."""
    return [(step["host"], step["step"], step.get("node") or step["object"]) for step in steps]


def moves(plan: dict[str, Any]) -> list[str]:
    """What goes where and what is installed in between, as the article tells it."""
    told = []
    for step in plan["steps"]:
        if step["step"] in ("move_group", "move_home", "failover_test"):
            told.append(f"{step['object']} to {step['node']}")
        elif step["step"] == "install_update":
            told.append(f"update {step['host'].upper()}")
    return told


def problems(world: World, *updates: dict[str, Any], **options: Any) -> dict[str, str]:
    """Host -> what is wrong and what to do."""
    with pytest.raises(NoPlan) as caught:
        make_plan(world.estate(), list(updates), options)
    return {each["host"]: f"{each['what']} {each['remedy']}" for each in caught.value.problems}


def active_active(quorum: str = "n2") -> World:
    world = World("2000")
    world.cluster("mail", ["n1", "n2"], quorum=quorum)
    world.evs("mail", "EVS1", "n1", preferred=["n1"])
    world.evs("mail", "EVS2", "n2", preferred=["n2"])
    return world


# -- clusters


def test_b4_active_passive() -> None:
    """The passive node; the groups move to it, online; the node that has become passive; home by the failover test."""
    world = two_nodes("2000")
    plan = make_plan(world.estate(), [SP3_2000], {})
    assert words(plan["steps"]) == [
        ("n1", "stage_package", SP3_2000["id"]),
        ("n1", "note_owners", "n1"),
        ("n2", "stage_package", SP3_2000["id"]),
        ("n2", "note_owners", "n2"),
        ("n2", "stop_cluster_service", "N2"),
        ("n2", "install_update", SP3_2000["id"]),
        ("n2", "restart_host", "n2"),
        ("n2", "start_cluster_service", "N2"),
        ("n2", "verify_host", "n2"),
        ("n2", "move_group", "N2"),
        ("n2", "limit_owners", "EVS1"),
        ("n2", "verify_virtual_server", "EVS1"),
        ("n2", "note_backup_due", "n2"),
        ("n1", "move_group", "N2"),
        ("n1", "stop_cluster_service", "N1"),
        ("n1", "install_update", SP3_2000["id"]),
        ("n1", "restart_host", "n1"),
        ("n1", "start_cluster_service", "N1"),
        ("n1", "verify_host", "n1"),
        ("n1", "restore_owners", "EVS1"),
        ("n1", "note_backup_due", "n1"),
        ("n1", "failover_test", "N1"),
        ("n1", "move_home", "N1"),
        ("n1", "remove_note", "n1"),
        ("n2", "remove_note", "n2"),
    ]
    assert moves(plan) == [
        "update N2",
        "EVS1 to N2",
        "Cluster Group to N2",
        "update N1",
        "EVS1 to N1",
        "Cluster Group to N1",
    ]
    assert plan["turns"]["n2"]["role"] == "exchange2000_cluster"
    assert plan["virtual_servers"] == {"mail": SP3_2000["id"]}
    assert plan["by_hand"] == {"setup": True, "upgrade": False, "updates": [SP3_2000["id"]]}
    for step in plan["steps"]:
        world.do(step)
    assert world.levels["EVS1"] == 3
    assert make_plan(world.estate(), [SP3_2000], {})["changes"] is False


def test_the_move_that_upgrades_says_so() -> None:
    plan = make_plan(two_nodes("2000").estate(), [SP3_2000], {})
    upgrading = [step for step in plan["steps"] if step.get("upgrades")]
    assert [(step["step"], step["object"], step["node"]) for step in upgrading] == [("move_group", "EVS1", "N2")]
    step = upgrading[0]
    assert step["version"] == {"service_pack": 3, "build": 6249}
    assert step["seconds"] == 90 + 30 * 60
    assert "System Attendant upgrades it" in step["reason"]
    assert "the store upgrades its databases" in step["reason"]
    # Only once it has come online may no older node own it: until then it has to be able to go back.
    limit = plan["steps"][step["index"] + 1]
    assert (limit["step"], limit["nodes"], limit["before"]) == (
        "limit_owners",
        ["N2"],
        {"possible_owners": ["N1", "N2"]},
    )
    verified = plan["steps"][step["index"] + 2]
    assert verified["after"] == {
        "owner": "N2",
        "state": "online",
        "version": {"service_pack": 3, "build": 6249},
    }
    assert plan["predicted"]["groups"]["mail/EVS1"]["version"] == {"service_pack": 3, "build": 6249}
    assert plan["outages"]["mail/EVS1"]["roll"] == {"times": 1, "seconds": 90 + 30 * 60}
    assert plan["outages"]["mail/EVS1"]["finish"] == {"times": 1, "seconds": 90}
    assert make_schedule(plan, {})["outages"]["mail/EVS1"][0]["to"] > 90 + 30 * 60
    text = runbook(plan)
    assert "EVS1 from N1 to N2, where it upgrades itself" in text
    assert "Upgrade Exchange Virtual Server" not in text + " ".join(rollback_words(plan["entries"], plan["turns"]))


def test_what_an_upgrading_move_took_says_nothing_of_the_others() -> None:
    plan = make_plan(two_nodes("2000").estate(), [SP3_2000], {})
    move = next(step for step in plan["steps"] if step.get("upgrades"))
    known = {"move_group": 40.0, "failover_test": 50.0}
    times = make_schedule(plan, {}, known)["steps"]
    assert times[move["index"]]["to"] - times[move["index"]]["from"] == 90 + 30 * 60
    times = make_schedule(plan, {}, {**known, "move_group, upgrading": 600.0})["steps"]
    assert times[move["index"]]["to"] - times[move["index"]]["from"] == 600


@pytest.mark.parametrize(
    ("quorum", "expected"),
    [
        (
            "n2",
            [
                "EVS1 to N2",
                "update N1",
                "EVS1 to N1",
                "EVS2 to N1",
                "Cluster Group to N1",
                "update N2",
                "EVS1 to N2",
                "EVS1 to N1",
                "EVS2 to N2",
                "Cluster Group to N2",
            ],
        ),
        (
            "n1",
            [
                "EVS2 to N1",
                "update N2",
                "EVS1 to N2",
                "EVS2 to N2",
                "Cluster Group to N2",
                "update N1",
                "EVS1 to N1",
                "EVS2 to N1",
                "EVS2 to N2",
                "Cluster Group to N1",
            ],
        ),
    ],
)
def test_b5_active_active(quorum: str, expected: list[str]) -> None:
    """The article's node A is the one without the Cluster Group, which so leaves its node once only."""
    world = active_active(quorum)
    plan = make_plan(world.estate(), [SP3_2000], {})
    assert moves(plan) == expected
    turn = plan["turns"][plan["waves"][0][0]]
    assert [server["group"] for server in turn["virtual_servers"]] == ["EVS1", "EVS2"]
    assert all(server["steps"][0]["upgrades"] for server in turn["virtual_servers"])
    # On its way to B nothing is upgraded: B has not been updated by then.
    assert not any(step.get("upgrades") for step in turn["steps"])
    assert sorted(outage["roll"]["times"] for outage in plan["outages"].values()) == [1, 2]
    for step in plan["steps"]:
        world.do(step)
    assert {name: row["owner"] for name, row in world.clusters["mail"]["groups"].items()} == {
        "EVS1": "N1",
        "EVS2": "N2",
        "Cluster Group": quorum.upper(),
    }


def test_four_nodes_carry_one_virtual_server_each() -> None:
    """In a cluster of more than two nodes Exchange 2000 is active/passive too (KB 329208)."""
    world = World("2000")
    world.cluster("mail", ["n1", "n2", "n3", "n4"], quorum="n1")
    for number in (1, 2, 3):
        world.evs("mail", f"EVS{number}", f"n{number}", preferred=[f"n{number}"])
    plan = make_plan(world.estate(), [SP3_2000], {})
    assert [plan["turns"][wave[0]]["host"] for wave in plan["waves"]] == ["n4", "n2", "n3", "n1"]
    assert [outage["roll"]["times"] for outage in plan["outages"].values()] == [1, 1, 1]
    for step in plan["steps"]:
        world.do(step)
        owners = [row["owner"] for row in world.clusters["mail"]["groups"].values() if row["virtual_server"]]
        assert len(set(owners)) == len(owners)
    shared = World("2000")
    shared.cluster("mail", ["n1", "n2", "n3"], quorum="n1")
    for number in (1, 2, 3):
        shared.evs("mail", f"EVS{number}", f"n{number}")
    notice = make_plan(shared.estate(), [SP3_2000], {"failover_test": "none"})["notices"][0]
    assert "Exchange 2000 may refuse that in a cluster of more than two nodes" in notice


def test_canary_and_lanes() -> None:
    world = two_nodes("2000")
    world.cluster("post", ["p1", "p2"], quorum="p1")
    world.evs("post", "EVS9", "p1")
    world.server("mbx1")
    plan = make_plan(world.estate(), [SP3_2000], {"canary": True, "lanes": 1})
    assert plan["waves"] == [["mbx1"], ["n2"], ["n1"], ["p2"], ["p1"]]
    assert [host for host, turn in plan["turns"].items() if turn["canary"]] == ["mbx1", "n2"]
    assert plan["turns"]["n2"]["leads_to"]["EVS1"] == {"owner": "N2", "state": "online"}


def test_a_menu_is_never_asked_for() -> None:
    """Whatever the catalogue says of it: the System Attendant does it."""
    for said in (True, False):
        plan = make_plan(two_nodes("2000").estate(), [{**SP3_2000, "upgrades_virtual_server": said}], {})
        assert not {"take_offline", "upgrade_virtual_server"} & {step["step"] for step in plan["steps"]}
        assert plan["virtual_servers"] == {"mail": SP3_2000["id"]}


# -- hotfixes


def test_a_store_hotfix_upgrades_databases_only() -> None:
    world = two_nodes("2000", 3)
    plan = make_plan(world.estate(), [ROLLUP], {})
    over = [step for step in plan["steps"] if step["phase"] == "bring_over"]
    assert [step["step"] for step in over] == ["move_group", "verify_virtual_server"]
    assert (over[0]["upgrades"], over[0]["seconds"], "version" in over[0]) == (True, 90 + 600, False)
    assert over[0]["reason"].endswith("On N2 the store upgrades its databases as it starts.")
    assert "EVS1 from N1 to N2, where its databases are upgraded" in runbook(plan)
    assert not any(step.get("upgrades") for step in plan["steps"] if step["phase"] == "finish")
    assert plan["virtual_servers"] == {"mail": None}
    assert plan["outages"]["mail/EVS1"]["roll"] == {"times": 1, "seconds": 90 + 600}
    for step in plan["steps"]:
        world.do(step)
    assert make_plan(world.estate(), [ROLLUP], {})["changes"] is False


def test_a_hotfix_without_the_store_upgrades_nothing() -> None:
    fix = {**ROLLUP, "databases": False}
    plan = make_plan(two_nodes("2000", 3).estate(), [fix], {})
    assert not any(step.get("upgrades") or step.get("seconds") for step in plan["steps"])
    assert plan["outages"]["mail/EVS1"]["roll"] == {"times": 1, "seconds": 90}


def test_hotfixes_bring_the_rollup_that_they_need() -> None:
    world = two_nodes("2000", 3)
    plan = make_plan(world.estate(), [ROLLUP_FIRST, AFTER_ROLLUP], {})
    for host in ("n1", "n2"):
        chain = [step["object"] for step in plan["turns"][host]["steps"] if step["step"] == "install_update"]
        assert chain == [ROLLUP["id"], AFTER_ROLLUP["id"]]
    assert plan["prerequisites"] == [ROLLUP["id"]]
    for step in plan["steps"]:
        world.do(step)
    assert world.hosts["n1"]["exchange"]["hotfixes"] == ["KB870540", "KB912442"]
    # In whichever order they are named.
    again = make_plan(two_nodes("2000", 3).estate(), [AFTER_ROLLUP, ROLLUP], {})
    chain = [step["object"] for step in again["turns"]["n1"]["steps"] if step["step"] == "install_update"]
    assert chain == [ROLLUP["id"], AFTER_ROLLUP["id"]]
    not_given = {key: value for key, value in ROLLUP_FIRST.items() if key != "package"}
    found = problems(two_nodes("2000", 3), not_given, AFTER_ROLLUP)["n1"]
    assert "KB870540 (Rollup for Exchange 2000 SP3 (August 2004)) is missing on the host" in found


def test_all_in_one_run() -> None:
    """The databases are upgraded once, for the newest store, and the virtual server too."""
    world = two_nodes("2000")
    plan = make_plan(world.estate(), [SP3_2000, ROLLUP, AFTER_ROLLUP], {})
    assert [step["object"] for step in plan["steps"] if step["step"] == "install_update" and step["host"] == "n2"] == [
        SP3_2000["id"],
        ROLLUP["id"],
        AFTER_ROLLUP["id"],
    ]
    assert plan["outages"]["mail/EVS1"]["roll"] == {"times": 1, "seconds": 90 + 30 * 60}
    for step in plan["steps"]:
        world.do(step)
    assert make_plan(world.estate(), [SP3_2000, ROLLUP, AFTER_ROLLUP], {})["changes"] is False


def test_what_a_hotfix_lacks_is_told() -> None:
    """The service pack of the same run does not replace what it is for; another hotfix is missing."""
    asks = {**AFTER_ROLLUP, "requires": []}
    found = problems(two_nodes("2000"), SP3_2000, asks)["n1"]
    assert "exchange2000-kb912442 needs KB870540 on the server first" in found
    assert "name the update that brings it before exchange2000-kb912442" in found

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for clusters of Exchange 2000 made at the moments at which a run can be cut off, or an upgrade fail."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.tests.unit.rolling.support import ROLLUP, SP3_2000, World, two_nodes


def short(plan: dict[str, Any], phase: str = "bring_over") -> list[str]:
    return [step["step"] for step in plan["steps"] if step["phase"] == phase]


def until(word: str, host: str = "n2", update: dict[str, Any] | None = None) -> World:
    """A world in which the plan was carried out up to (not including) the step ``word`` of a host.

    update: Service Pack 3, or a hotfix that comes after it.
    """
    world = two_nodes("2000", 3 if update else 2)
    for step in make_plan(world.estate(), [update or SP3_2000], {})["steps"]:
        if step["step"] == word and step["host"] == host:
            break
        world.do(step)
    return world


def refusal(world: World) -> tuple[str, str]:
    with pytest.raises(NoPlan) as caught:
        make_plan(world.estate(), [SP3_2000], {})
    assert [each["host"] for each in caught.value.problems] == ["mail/EVS1"]
    return caught.value.problems[0]["what"], caught.value.problems[0]["remedy"]


def carried_out(world: World, *updates: dict[str, Any]) -> None:
    """The rest of the roll works, and leaves nothing to do."""
    for step in make_plan(world.estate(), list(updates), {})["steps"]:
        world.do(step)
    assert make_plan(world.estate(), list(updates), {})["changes"] is False
    assert world.clusters["mail"]["groups"]["EVS1"]["owner"] == "N1"


@pytest.mark.parametrize("update", [SP3_2000, ROLLUP], ids=["service_pack", "hotfix"])
def test_from_every_moment_to_the_same_end(update: dict[str, Any]) -> None:
    start = two_nodes("2000", 2 if update is SP3_2000 else 3)
    plan = make_plan(start.estate(), [update], {})
    for moment in range(len(plan["steps"]) + 1):
        world = two_nodes("2000", 2 if update is SP3_2000 else 3)
        for step in plan["steps"][:moment]:
            world.do(step)
        again = make_plan(world.estate(), [update], {})
        if moment < len(plan["steps"]) and again["changes"]:
            assert again["final"] == plan["final"]
        carried_out(world, update)


def test_upgraded_and_not_held() -> None:
    """The move had ended when the run was cut off: what is left is to hold it to the updated node."""
    world = until("limit_owners")
    again = make_plan(world.estate(), [SP3_2000], {})
    assert again["waves"] == [["n2"], ["n1"]]
    assert again["turns"]["n2"]["install"] is False
    assert short(again) == ["limit_owners", "verify_virtual_server"]
    assert again["outages"]["mail/EVS1"]["roll"] == {"times": 0, "seconds": 0}
    assert again["resumes"] is True
    carried_out(world, SP3_2000)


def test_the_directory_is_behind() -> None:
    """Online on an updated node it has upgraded itself, whatever a controller shows yet; the look comes afterwards."""
    world = until("limit_owners")
    world.directory["EVS1"].update(service_pack=2, build=5762)  # type: ignore[index]
    again = make_plan(world.estate(), [SP3_2000], {})
    assert short(again) == ["limit_owners", "verify_virtual_server"]
    verified = next(step for step in again["steps"] if step["step"] == "verify_virtual_server")
    assert verified["after"]["version"] == {"service_pack": 3, "build": 6249}
    assert "EVS1 of mail is online on N2, which is updated" in again["notices"][0]
    carried_out(world, SP3_2000)


@pytest.mark.parametrize("nodes", [["n1"], ["n1", "n2"]])
def test_the_directory_does_not_show_it_and_it_is_held(nodes: list[str]) -> None:
    """Somebody may have brought it online after a failed upgrade: that is seen before anything is built on it."""
    world = World("2000")
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    for node in nodes:
        world.hosts[node]["exchange"].update(service_pack=3, build=6249)
    row = world.evs("mail", "EVS1", "n1", ["n1"] if len(nodes) == 1 else None)
    world.levels["EVS1"] = 3
    plan = make_plan(world.estate(), [SP3_2000], {"failover_test": "none"})
    assert (plan["waves"][0], short(plan)) == (["n1"], ["verify_virtual_server"])
    assert "events 2146 and 2065" in plan["notices"][0]
    assert row["possible_owners"]
    for step in plan["steps"]:
        world.do(step)
    assert make_plan(world.estate(), [SP3_2000], {})["changes"] is False


@pytest.mark.parametrize("altogether", [False, True])
def test_offline_on_the_updated_node_and_not_upgraded(altogether: bool) -> None:
    world = until("move_group")
    world.clusters["mail"]["groups"]["EVS1"]["owner"] = "N2"
    world.park("mail", "EVS1")
    if altogether:
        world.clusters["mail"]["groups"]["EVS1"]["state"] = "offline"
        for row in world.clusters["mail"]["resources"].values():
            row["state"] = "offline" if row["group"] == "EVS1" else row["state"]
    again = make_plan(world.estate(), [SP3_2000], {})
    assert short(again) == ["bring_online", "limit_owners", "verify_virtual_server"]
    step = next(step for step in again["steps"] if step["step"] == "bring_online")
    assert (step["upgrades"], step["version"], step["seconds"]) == (
        True,
        {"service_pack": 3, "build": 6249},
        90 + 30 * 60,
    )
    assert step["before"] == {"state": "offline" if altogether else "partially_online"}
    assert "System Attendant upgrades it" in step["reason"]
    assert again["outages"]["mail/EVS1"]["roll"] == {"times": 1, "seconds": 90 + 30 * 60}
    carried_out(world, SP3_2000)


def test_offline_on_the_updated_node_and_upgraded() -> None:
    """It is held before it comes online: an older node must not get it again. Its store may not be through."""
    world = until("limit_owners")
    world.park("mail", "EVS1")
    again = make_plan(world.estate(), [SP3_2000], {})
    assert short(again) == ["limit_owners", "bring_online", "verify_virtual_server"]
    step = next(step for step in again["steps"] if step["step"] == "bring_online")
    assert (step["upgrades"], "version" in step) == (True, False)
    carried_out(world, SP3_2000)


def test_back_on_the_old_node_after_a_failed_upgrade() -> None:
    """It serves there as before: the move is planned again, with its limit after it."""
    world = until("move_group")
    again = make_plan(world.estate(), [SP3_2000], {})
    assert again["waves"] == [["n2"], ["n1"]]
    assert short(again) == ["move_group", "limit_owners", "verify_virtual_server"]
    carried_out(world, SP3_2000)


def test_offline_on_an_old_node() -> None:
    """Whoever took it offline: it comes online where it upgrades itself."""
    world = until("move_group")
    world.park("mail", "EVS1")
    again = make_plan(world.estate(), [SP3_2000], {})
    assert short(again) == ["move_group", "bring_online", "limit_owners", "verify_virtual_server"]
    assert [step["step"] for step in again["steps"] if step.get("upgrades")] == ["bring_online"]
    assert again["outages"]["mail/EVS1"]["roll"]["times"] == 1
    carried_out(world, SP3_2000)


def test_partly_online_on_the_way() -> None:
    """What of it comes online with the move upgrades itself then already: that may take as long."""
    world = until("move_group")
    world.park("mail", "EVS1", but="System Attendant")
    again = make_plan(world.estate(), [SP3_2000], {})
    assert short(again) == ["move_group", "bring_online", "limit_owners", "verify_virtual_server"]
    assert [step["step"] for step in again["steps"] if step.get("upgrades")] == ["move_group", "bring_online"]


def test_a_hotfix_found_offline() -> None:
    """Nothing tells whether the store has upgraded the databases: the plan counts with it."""
    world = until("verify_virtual_server", update=ROLLUP)
    world.park("mail", "EVS1")
    again = make_plan(world.estate(), [ROLLUP], {})
    step = next(step for step in again["steps"] if step["step"] == "bring_online")
    assert (step["upgrades"], step["seconds"], "version" in step) == (True, 90 + 600, False)
    carried_out(world, ROLLUP)


def test_both_nodes_are_done_and_the_virtual_server_is_not() -> None:
    world = World("2000")
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=3)
    world.evs("mail", "EVS1", "n1")
    world.park("mail", "EVS1")
    plan = make_plan(world.estate(), [SP3_2000], {"failover_test": "none"})
    assert plan["waves"] == [["n1"]]
    assert short(plan) == ["bring_online", "verify_virtual_server"]
    assert not any(step["step"] == "limit_owners" for step in plan["steps"])


def test_while_its_databases_are_upgraded() -> None:
    world = until("limit_owners")
    world.clusters["mail"]["groups"]["EVS1"]["state"] = "pending"
    what, remedy = refusal(world)
    assert "still on its way online" in what
    assert "The store may still be upgrading its databases, which can take hours" in what
    assert remedy.startswith("Wait until it is online")


def test_a_failed_group() -> None:
    world = until("move_group")
    world.clusters["mail"]["groups"]["EVS1"]["state"] = "failed"
    what, remedy = refusal(world)
    assert "has failed on N1" in what
    assert "2146 and 2065: its upgrade failed" in remedy
    assert "waits for its upgrade" not in remedy


def test_offline_altogether_and_nobody_has_noted_anything() -> None:
    world = two_nodes("2000")
    world.park("mail", "EVS1")
    world.clusters["mail"]["groups"]["EVS1"]["state"] = "offline"
    for row in world.clusters["mail"]["resources"].values():
        row["state"] = "offline" if row["group"] == "EVS1" else row["state"]
    what, remedy = refusal(world)
    assert "no run of this update took it down so" in what
    assert "waits for its upgrade" not in remedy


def test_a_virtual_server_of_another_version() -> None:
    world = two_nodes("2000")
    world.directory["EVS1"]["product"] = "5.5"  # type: ignore[index]
    what, remedy = refusal(world)
    assert "still an Exchange 5.5 virtual server" in what
    assert "Upgrade Exchange Virtual Server" not in remedy

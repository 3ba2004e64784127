# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters with Exchange 5.5 of which no plan may be made, and steps that no plan may have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.draft import Draft, Options
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.estate import read_estate
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.host_turns import install_update
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.model import PlannerError
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.problems import Problems
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.steps import make_step
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.updates import Updates
from ansible_collections.mailops.exchange.tests.unit.rolling.support import SP2
from ansible_collections.mailops.exchange.tests.unit.rolling.support55 import (
    FIX,
    GROUP,
    SP4,
    World55,
    cluster55,
    has_sp4,
    hotfix_world,
    noted,
    owned_by,
    plan_of,
    refused,
    row,
)


def both(world: World55) -> None:
    world.updates = [SP4, FIX]


def second_lacks_the_pack(world: World55) -> None:
    has_sp4(world, "n1")
    both(world)


def failed(world: World55) -> None:
    row(world)["state"] = "failed"


def pending(world: World55) -> None:
    row(world)["state"] = "pending"


def odd(world: World55) -> None:
    row(world)["state"] = "sleeping"


def parked(world: World55) -> None:
    world.park("mail", GROUP)


def parked_with_a_note(world: World55) -> None:
    parked(world)
    noted(world)


def some_offline(world: World55) -> None:
    world.park("mail", GROUP, but="System Attendant")


def offline(world: World55) -> None:
    row(world)["state"] = "offline"


def no_disk(world: World55) -> None:
    parked(world)
    world.clusters["mail"]["resources"][f"{GROUP} Disk"]["state"] = "offline"


def passive_first(world: World55) -> None:
    has_sp4(world, "n2")


def moved_after_the_active_node(world: World55) -> None:
    has_sp4(world, "n1")
    owned_by(world, "N2")


def runs_on_the_passive_node(world: World55) -> None:
    world.hosts["n2"]["installations"][SP4["id"]]["phase"] = "running"


def passive_is_down(world: World55) -> None:
    world.clusters["mail"]["nodes"]["N2"] = "down"


def active_is_down(world: World55) -> None:
    has_sp4(world, "n2")
    world.hosts["n1"]["installations"][SP4["id"]]["phase"] = "running"
    world.clusters["mail"]["nodes"]["N1"] = "down"


def done_and_down(world: World55) -> None:
    has_sp4(world, "n1", "n2")
    passive_is_down(world)


def not_possible(world: World55) -> None:
    row(world)["possible_owners"] = ["N2"]


def restart_asked(world: World55) -> None:
    world.hosts["n2"]["installations"][SP4["id"]].update(phase="finished", restart_pending=True)


def restarts(world: World55) -> None:
    world.updates = [{**SP4, "restart": "always"}]


def two_groups(world: World55) -> None:
    found = world.group("mail", "More", "n1")
    found["virtual_server"] = True


def other_version(world: World55) -> None:
    world.hosts["n2"]["exchange"]["product"] = "2003"
    world.updates = [SP4, SP2]


def windows_fix(world: World55) -> None:
    world.updates = [
        SP4,
        {
            "id": "nt4-fix",
            "kind": "windows_hotfix",
            "product": "windows",
            "from": [],
            "applies": {"os": ["nt4"], "os_service_pack": [6]},
            "result": {"hotfix": "KB1"},
            "restart": "never",
        },
    ]


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (both, ("cannot get a service pack (exchange55-sp4) and a hotfix", "exchange55-sp4 first, then")),
        (second_lacks_the_pack, ("in one run", "Make two runs")),
        (failed, ("has failed on N1", "1197 and 1005")),
        (pending, ("did not settle",)),
        (odd, ("unknown (sleeping)",)),
        (parked, ("only partly online, and no run of this update", "/on")),
        (parked_with_a_note, ("only partly online, and no run of this update",)),
        (some_offline, ("only partly online",)),
        (offline, ("offline altogether",)),
        (no_disk, ("not all of its IP Address",)),
        (passive_first, ("has service pack 3, while N2 has service pack 4", "/moveto:N2", "goes on with N1")),
        (moved_after_the_active_node, ("is on N2, which has service pack 3, while N1", "1197")),
        (runs_on_the_passive_node, ("An installer runs on N2, which does not own the group",)),
        (passive_is_down, ("N2 is down, and no run",)),
        (active_is_down, ("its Cluster service does not run",)),
        (done_and_down, ("N2 is down, and no run",)),
        (not_possible, ("is no possible owner",)),
        (restart_asked, ("waits for a restart", "would move the group")),
        (restarts, ("it restarts the node", "by hand")),
        (two_groups, ("more than one group with Exchange 5.5: Exchange, More",)),
        (other_version, ("different versions of Exchange",)),
        (windows_fix, ("it is for Windows",)),
    ],
)
def test_refusals(change: Callable[[World55], None], texts: tuple[str, ...]) -> None:
    world = cluster55()
    change(world)
    text = refused(world)
    assert all(each in text for each in texts), text


def hotfix_on_the_passive_node_runs(world: World55) -> None:
    world.hosts["n2"]["installations"][FIX["id"]]["phase"] = "running"


def cannot_go_there(world: World55) -> None:
    row(world)["possible_owners"] = ["N1"]


def down_with_a_note(world: World55) -> None:
    noted(world)
    passive_is_down(world)


def offline_with_a_note(world: World55) -> None:
    noted(world)
    offline(world)


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (parked, ("only partly online, and no run",)),
        (offline_with_a_note, ("its disks are needed for the hotfix",)),
        (hotfix_on_the_passive_node_runs, ("An installer runs on N2",)),
        (cannot_go_there, ("N2 cannot own it", "possible owners")),
        (down_with_a_note, ("N2 is down; no run stops it for a hotfix",)),
        (passive_is_down, ("N2 is down",)),
        (failed, ("has failed",)),
    ],
)
def test_refusals_for_a_hotfix(change: Callable[[World55], None], texts: tuple[str, ...]) -> None:
    world = hotfix_world()
    change(world)
    text = refused(world)
    assert all(each in text for each in texts), text


def test_what_cannot_be_seen_of_a_cluster_in_which_nothing_is_to_be_done() -> None:
    world = cluster55()
    has_sp4(world, "n1", "n2")
    assert plan_of(world)["changes"] is False
    some_offline(world)
    plan = plan_of(world)
    assert plan["changes"] is False
    assert plan["notices"] == [
        "Some resources of the virtual server Exchange of mail are offline; nothing is done about it."
    ]


def test_the_way_out_of_a_group_on_the_older_node() -> None:
    """The refusal says what to do; afterwards the run goes on with the node that is left."""
    world = cluster55()
    passive_first(world)
    refused(world)
    owned_by(world, "N2")
    plan = plan_of(world)
    assert plan["waves"] == [["n1"]]
    assert plan["outages"]["mail/Exchange"]["times"] == 0
    for step in plan["steps"]:
        world.do(step)
    assert plan["final"]["clusters"]["mail"][GROUP] == {"owner": "N2", "state": "online"}


# The rules behind it: a mistake of the planner is an error, never a step


def draft_of(world: World55) -> Draft:
    problems = Problems()
    updates = Updates(world.updates, problems)
    model = read_estate(world.estate(), updates, problems)
    problems.stop_if_any()
    return Draft(model, updates, Options())


def group_step(draft: Draft, word: str) -> None:
    state = draft.cluster("mail").groups[GROUP].word
    after = {"state": "online" if word == "bring_online" else "partially_online"}
    made = make_step(word, "n1", GROUP, "free", "", {"state": state}, after, cluster="mail", group=GROUP)
    draft.add(made)


def test_no_rule_is_broken() -> None:
    for world in (cluster55(), hotfix_world()):
        draft = draft_of(world)
        with pytest.raises(PlannerError, match="5: "):
            draft.move("move_group", "n1", "mail", GROUP, "N2", "free", "")
        with pytest.raises(PlannerError, match="failover"):
            draft.move("failover_test", "n1", "mail", GROUP, "N2", "finish", "")
    with pytest.raises(PlannerError, match="active node N1 does not have it"):
        install_update(draft_of(cluster55()), "n2", SP4["id"])
    with pytest.raises(PlannerError, match="the setup of a service pack does it itself"):
        group_step(draft_of(cluster55()), "take_offline")
    with pytest.raises(PlannerError, match="the group Exchange is online"):
        install_update(draft_of(hotfix_world()), "n1", FIX["id"])
    with pytest.raises(PlannerError, match="are on N1"):
        install_update(draft_of(hotfix_world()), "n2", FIX["id"])
    draft = draft_of(hotfix_world())
    group_step(draft, "take_offline")
    with pytest.raises(PlannerError, match="n1, n2 are not updated"):
        group_step(draft, "bring_online")
    with pytest.raises(PlannerError, match="5: no node of an Exchange"):
        draft.on_host("restart_host", "n1", "update", "", {"restart_pending": True}, {"restart_pending": False})
    world = World55()
    world.directory = None
    world.server55("mbx1")
    with pytest.raises(PlannerError, match="these services run"):
        install_update(draft_of(world), "mbx1", SP4["id"])

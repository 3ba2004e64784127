# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where no plan may be made: each problem with its host and what to do, and all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.tests.unit.rolling.support import (
    FOR_SP2,
    HOTFIX,
    IIS_FIX,
    SP1,
    SP2,
    WITH_FIX,
    World,
    two_nodes,
)


def refused(world: World, update: Any = None, options: Any = None) -> list[tuple[str, str, str]]:
    """The problems of a world that must be refused. update: an entry, or a list of them."""
    with pytest.raises(NoPlan) as caught:
        make_plan(world.estate(), update if isinstance(update, list) else [update or SP2], options)
    assert caught.value.message.startswith("No plan can be made")
    assert caught.value.remedy
    return [(problem["host"], problem["what"], problem["remedy"]) for problem in caught.value.problems]


def has(problems: list[tuple[str, str, str]], host: str, *texts: str) -> None:
    """There is a problem of ``host`` that says all of ``texts``; every problem has a remedy."""
    assert all(remedy for unused, unused_too, remedy in problems)
    assert any(where == host and all(text in f"{what} {do}" for text in texts) for where, what, do in problems), (
        problems
    )


def group(world: World, name: str = "EVS1") -> dict[str, Any]:
    row: dict[str, Any] = world.clusters["mail"]["groups"][name]
    return row


def failed(world: World) -> None:
    group(world)["state"] = "failed"


def failed_resource(world: World) -> None:
    world.park("mail", "EVS1")
    world.clusters["mail"]["resources"]["EVS1 System Attendant"]["state"] = "failed"


def pending(world: World) -> None:
    group(world)["state"] = "pending"


def offline(world: World) -> None:
    group(world)["state"] = "offline"


def no_disk(world: World) -> None:
    world.park("mail", "EVS1")
    world.clusters["mail"]["resources"]["EVS1 Disk"]["state"] = "offline"


def some_offline(world: World) -> None:
    world.park("mail", "EVS1", but="Information Store")


def odd_state(world: World) -> None:
    group(world)["state"] = "sleeping"


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (failed, ("has failed on N1", "1025")),
        (failed_resource, ("has failed",)),
        (pending, ("did not settle",)),
        (offline, ("offline altogether", "/on")),
        (no_disk, ("only partly online", "Physical Disk")),
        (some_offline, ("Some resources", "/on")),
        (odd_state, ("unknown", "sleeping")),
    ],
)
def test_virtual_server_in_a_state_for_a_person(change: Callable[[World], None], texts: tuple[str, ...]) -> None:
    world = two_nodes()
    change(world)
    has(refused(world), "mail/EVS1", *texts)


def node(state: str) -> Callable[[World], None]:
    def change(world: World) -> None:
        world.clusters["mail"]["nodes"]["N2"] = state

    return change


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        (node("down"), ("is down, and no run", "net start clussvc")),
        (node("paused"), ("paused", "/resume")),
        (node("joining"), ("not settled",)),
        (node("unknown"), ("unknown",)),
    ],
)
def test_node_in_a_state_for_a_person(change: Callable[[World], None], texts: tuple[str, ...]) -> None:
    world = two_nodes()
    change(world)
    has(refused(world), "n2", *texts)


def test_two_nodes_down() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n1")
    world.evs("mail", "EVS1", "n1")
    for name in ("n2", "n3"):
        world.clusters["mail"]["nodes"][name.upper()] = "down"
        world.hosts[name]["note"] = {"owners": {"EVS1": "N1"}}
    world.hosts["n2"]["installations"]["exchange2003-sp2"]["phase"] = "running"
    problems = refused(world)
    has(problems, "n3", "More than one node", "N2, N3")
    assert [host for host, unused, unused_too in problems] == ["n3"]


def test_cluster_not_seen() -> None:
    world = two_nodes()
    for name in ("N1", "N2"):
        world.clusters["mail"]["nodes"][name] = "down"
    problems = refused(world)
    has(problems, "n1", "no running node of its cluster was seen")
    has(problems, "n2", "no running node of its cluster was seen")


def test_service_neither_running_nor_stopped() -> None:
    world = two_nodes()
    estate = world.estate()
    estate["hosts"]["n2"]["cluster"]["service"] = "start_pending"
    with pytest.raises(NoPlan) as caught:
        make_plan(estate, [SP2], {})
    assert any("start_pending" in problem["what"] for problem in caught.value.problems)


def test_nodes_that_disagree() -> None:
    estate = two_nodes().estate()
    estate["hosts"]["n2"]["cluster"]["groups"]["EVS1"]["owner"] = "N2"
    with pytest.raises(NoPlan, match="disagree"):
        make_plan(estate, [SP2], {})


def test_node_left_out_by_limit() -> None:
    estate = two_nodes().estate()
    del estate["hosts"]["n2"]
    with pytest.raises(NoPlan) as caught:
        make_plan(estate, [SP2], {})
    assert caught.value.problems[0]["host"] == "mail/N2"
    assert "--limit" in caught.value.problems[0]["remedy"]


@pytest.mark.parametrize("found", [None, {"unreachable": "timed out"}])
def test_host_that_was_not_read(found: Any) -> None:
    estate = two_nodes().estate()
    estate["hosts"]["mbx9"] = found
    with pytest.raises(NoPlan) as caught:
        make_plan(estate, [SP2], {})
    assert [problem["host"] for problem in caught.value.problems] == ["mbx9"]
    assert "could not be read" in caught.value.problems[0]["what"]


def test_no_host_at_all() -> None:
    with pytest.raises(NoPlan, match="no host"):
        make_plan({"hosts": {}, "directory": None}, [SP2], {})


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ({"installed": False}, ("not installed",)),
        ({"product": "2000"}, ("runs Exchange 2000", "exchange2003-sp2", "Take it out of this run or add its update")),
        ({"service_pack": 3}, ("beyond",)),
    ],
)
def test_server_that_is_not_meant(values: dict[str, Any], texts: tuple[str, ...]) -> None:
    world = World()
    world.server("mbx1")["exchange"].update(values)
    has(refused(world), "mbx1", *texts)


@pytest.mark.parametrize(
    ("level", "entries", "texts"),
    [
        (0, [{"service_pack": 1}], ("needs at least service pack 1",)),
        (2, [{"service_pack": 1}], ("already has service pack 2",)),
        (1, [{"service_pack": 1, "build": 7233}], ("at least build 7233",)),
        (1, [{"service_pack": 1, "hotfix": "KB870540"}], ("KB870540",)),
    ],
)
def test_levels_that_the_update_asks_for(level: int, entries: list[dict[str, Any]], texts: tuple[str, ...]) -> None:
    world = World()
    world.server("mbx1", level)
    has(refused(world, {**HOTFIX, "from": entries}), "mbx1", *texts)


def test_interrupted_installation_says_how_to_go_on() -> None:
    world = two_nodes()
    world.hosts["n2"]["installations"]["exchange2003-sp2"]["phase"] = "interrupted"
    has(refused(world), "n2", "cut off", "C:\\Exchange Server Setup Progress.log", "C:\\mailops\\exchange2003-sp2")


def test_the_log_of_an_interrupted_installation_is_named_as_it_is_on_the_host() -> None:
    world = two_nodes()
    world.hosts["n2"]["installations"]["exchange2003-sp2"]["phase"] = "interrupted"
    problems = refused(world, {**SP2, "log": {"path": "{folder}\\update.log"}})
    has(problems, "n2", "the end of C:\\mailops\\exchange2003-sp2\\update.log and")


def test_unknown_phase() -> None:
    world = two_nodes()
    world.hosts["n2"]["installations"]["exchange2003-sp2"]["phase"] = "dreaming"
    has(refused(world), "n2", "dreaming")


def test_directory_without_the_virtual_server() -> None:
    world = two_nodes()
    del world.directory["EVS1"]  # type: ignore[union-attr]
    has(refused(world), "mail/EVS1", "not found in the directory")
    world.directory = None
    has(refused(world), "mail/EVS1", "was not read", "mailops_exchange_directory")
    assert make_plan(world.estate(), [HOTFIX], {})["changes"] is True


def test_virtual_server_newer_than_its_node() -> None:
    world = two_nodes()
    world.directory["EVS1"]["service_pack"] = 2  # type: ignore[index]
    has(refused(world), "mail/EVS1", "newer than the node N1")


def test_no_possible_owner_to_move_to() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.evs("mail", "EVS1", "n1", ["n1"])
    has(refused(world), "mail/EVS1", "cannot leave N1", "its possible owners are N1")
    group(world, "Cluster Group")["possible_owners"] = ["N1"]
    has(refused(world), "mail/Cluster Group", "cannot leave N1")


def test_iis_fix_on_nodes_without_a_windows_service_pack() -> None:
    """Asked for on cluster nodes only, where Windows has no service pack, and where the site gives no package."""
    world = two_nodes()
    world.server("mbx1")["exchange"]["os"]["service_pack"] = 0
    for entry in world.hosts.values():
        entry["exchange"]["hotfixes"] = []
    needed = {**IIS_FIX, "prerequisite": True, "package": {"path": None}}
    assert make_plan(world.estate(), [WITH_FIX, needed], {})["prerequisites"] == []
    for name in ("n1", "n2"):
        world.hosts[name]["exchange"]["os"]["service_pack"] = 0
    problems = refused(world, [WITH_FIX, needed])
    assert [host for host, unused, unused_too in problems] == ["n1", "n2"]
    has(problems, "n1", "KB831464", "package.path of windows2003-kb831464", "exchange2003-sp2")
    has(refused(world, [WITH_FIX]), "n2", "not in the catalogue")
    assert make_plan(world.estate(), [HOTFIX], {})["changes"] is True
    # Named by the operator it may also be installed by hand, without a package.
    assert make_plan(world.estate(), [{**needed, "prerequisite": False}, WITH_FIX], {})["changes"] is True


def test_coordinator_that_is_offline() -> None:
    world = two_nodes()
    world.clusters["mail"]["resources"]["MSDTC"]["state"] = "offline"
    has(refused(world), "mail", "Distributed Transaction Coordinator", "MSDTC")
    assert make_plan(world.estate(), [HOTFIX], {})["changes"] is True


@pytest.mark.parametrize("update", [SP2, HOTFIX])
def test_virtual_server_of_the_product_before(update: dict[str, Any]) -> None:
    """A14: a cluster upgraded by clean installation; neither a service pack nor a hotfix before the upgrade."""
    world = two_nodes()
    world.directory["EVS1"].update(product="2000", service_pack=3)  # type: ignore[index]
    has(refused(world, update), "mail/EVS1", "still an Exchange 2000", "842427", "no hotfix before that")
    world.directory["EVS1"].update(product="2003", service_pack=1)  # type: ignore[index]
    assert make_plan(world.estate(), [update], {})["changes"] is True


def test_front_end_outside_of_the_run() -> None:
    world = two_nodes()
    world.server("fe9", front_end=True)
    estate = world.estate()
    del estate["hosts"]["fe9"]
    with pytest.raises(NoPlan) as caught:
        make_plan(estate, [SP2], {})
    assert caught.value.problems[0]["host"] == "FE9"
    estate["directory"]["servers"]["FE9"]["service_pack"] = 2
    assert make_plan(estate, [SP2], {})["changes"] is True


def test_cluster_without_virtual_servers() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    has(refused(world), "mail", "no Exchange virtual server")


def test_notes_that_differ() -> None:
    world = two_nodes()
    world.hosts["n1"]["note"] = {"owners": {"EVS1": "N1"}, "possible_owners": {}}
    world.hosts["n2"]["note"] = {"owners": {"EVS1": "N2"}, "possible_owners": {}}
    has(refused(world), "mail", "differ")


def test_restart_pending_with_the_virtual_server_down() -> None:
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1", service_pack=2)
    world.evs("mail", "EVS1", "n1", service_pack=1)
    world.park("mail", "EVS1")
    world.hosts["n1"]["installations"][SP2["id"]] = {"phase": "finished", "restart_pending": True}
    has(refused(world), "n1", "waits for a restart")


@pytest.mark.parametrize(
    ("update", "text"),
    [
        ({**SP2, "kind": "patch"}, "unknown kind"),
        ({**SP2, "kind": "windows_hotfix"}, "of the kind windows_hotfix"),
        ({**IIS_FIX, "kind": "hotfix"}, "of the kind hotfix"),
        ([], "No update was named"),
        ([SP2, SP2], "named twice"),
        ([SP2, SP1], "exchange2003-sp1 is named after exchange2003-sp2"),
        ({**SP2, "product": "2007"}, "only updates of Exchange 2003"),
        ({**SP2, "result": {}}, "does not say"),
        ({**SP2, "from": [{"moon": "full"}]}, "moon"),
        ({**HOTFIX, "upgrades_virtual_server": True}, "no build"),
    ],
)
def test_updates_that_are_not_understood(update: dict[str, Any], text: str) -> None:
    has(refused(two_nodes(), update), "", text)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"home": "mars"}, "mars"),
        ({"failover_test": "yes"}, "yes"),
        ({"colour": "red"}, "colour"),
        ({"max_virtual_servers": -1}, "-1"),
        ({"max_virtual_servers": "many"}, "many"),
        ({"front_ends_done": "fe1"}, "Give a list"),
    ],
)
def test_options_that_are_not_understood(options: dict[str, Any], text: str) -> None:
    has(refused(two_nodes(), SP2, options), "", text)


def test_system_attendant_that_is_not_there() -> None:
    """Without it an upgraded virtual server cannot be held to updated nodes."""
    world = two_nodes()
    group(world)["hold"] = None
    has(refused(world), "mail/EVS1", "System Attendant")
    assert make_plan(world.estate(), [HOTFIX], {})["changes"] is True


def crowded() -> World:
    world = World()
    world.cluster("mail", ["n1", "n2", "n3"], quorum="n1")
    for number, owner in ((1, "n1"), (2, "n1"), (3, "n2"), (4, "n3")):
        world.evs("mail", f"EVS{number}", owner, ["n1", "n2"] if number == 3 else None)
    return world


def test_a_limit_that_leaves_no_way_says_what_would_open_one() -> None:
    """Four virtual servers have to stand on two nodes while the third one is updated."""
    with pytest.raises(NoPlan) as caught:
        make_plan(crowded().estate(), [SP2], {"max_virtual_servers": 1})
    assert "max_virtual_servers" in caught.value.message
    assert caught.value.remedy == (
        "Set max_virtual_servers to 2, or let more nodes own the virtual servers (EVS3: N1, N2)."
    )
    assert caught.value.problems[0]["host"] == "mail"
    world = crowded()
    for step in make_plan(world.estate(), [SP2], {"max_virtual_servers": 2})["steps"]:
        world.do(step)
        owners = [row["owner"] for row in world.clusters["mail"]["groups"].values() if row["virtual_server"]]
        assert max(owners.count(owner) for owner in owners) == 2


def test_nodes_of_different_levels_that_cannot_stand_in_for_each_other() -> None:
    """EVS2 is of service pack 1 and can go to n1 only once that is updated; EVS1 to n2 likewise: nobody can begin."""
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.hosts["n1"]["exchange"].update(service_pack=0, build=6944)
    world.evs("mail", "EVS1", "n1", service_pack=0)
    world.evs("mail", "EVS2", "n2", service_pack=1)
    has(refused(world), "mail/EVS2", "No possible owner", "N1 (not of its version)", "one level")


def test_a_node_that_has_the_service_pack_and_waits_for_the_hotfix_of_the_same_run() -> None:
    """EVS1 could be upgraded on n1, which cannot be freed before: the service pack alone opens the way."""
    world = World()
    world.cluster("mail", ["n1", "n2"], quorum="n1")
    world.hosts["n1"]["exchange"].update(service_pack=2, build=7638)
    world.evs("mail", "EVS1", "n2")
    world.evs("mail", "EVS2", "n1", service_pack=2)
    world.unheld.add("EVS2")
    has(refused(world, [SP2, FOR_SP2]), "mail/EVS1", "Start a run with exchange2003-sp2 alone first, then this one")
    for update in (SP2, FOR_SP2):
        for step in make_plan(world.estate(), [update], {})["steps"]:
            world.do(step)
    assert make_plan(world.estate(), [SP2, FOR_SP2], {})["changes"] is False


def test_everything_is_found_at_once() -> None:
    world = two_nodes()
    failed(world)
    world.server("mbx1")["exchange"]["installed"] = False
    world.server("mbx2", 3 - 1)["exchange"]["service_pack"] = 3
    hosts = [host for host, unused, unused_too in refused(world)]
    assert hosts == ["mail/EVS1", "mbx1", "mbx2"]

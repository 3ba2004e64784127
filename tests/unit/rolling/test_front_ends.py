# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Front-ends before back-ends, alone and in load-balanced sets, in the run and outside of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.documents import documents
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import NoPlan, make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule
from ansible_collections.mailops.exchange.tests.unit.rolling.support import (
    FOR_SP2,
    HOTFIX,
    IIS_FIX,
    SP2,
    SP3_2000,
    World,
    two_nodes,
)


def balanced(
    world: World, name: str, group: str, state: str = "in", *, method: str = "nlb", service_pack: int = 1
) -> Any:
    """Add a member of a load-balanced set."""
    entry = world.server(name, service_pack, front_end=True)
    entry["rotation"] = {"set": group, "method": method, "state": state}
    return entry


def words(plan: dict[str, Any], host: str) -> list[str]:
    turn = plan["turns"][host]
    return [step["step"] for step in turn["steps"] + turn["after"]]


def problems(estate: dict[str, Any], updates: list[dict[str, Any]], **options: Any) -> dict[str, tuple[str, str]]:
    """Host -> what is wrong and what to do; empty: there is a plan."""
    try:
        make_plan(estate, updates, options)
    except NoPlan as refusal:
        return {each["host"]: (each["what"], each["remedy"]) for each in refusal.problems}
    return {}


def test_each_set_is_a_wave_of_its_own() -> None:
    world = two_nodes()
    world.server("mbx1")
    world.server("fe1", front_end=True)
    world.server("fe2", front_end=True)
    for name, group in (("web2", "web"), ("web1", "web"), ("mob1", "mobile"), ("mob2", "mobile")):
        balanced(world, name, group)
    plan = make_plan(world.estate(), [SP2], {})
    assert plan["waves"] == [["fe1", "fe2"], ["mob1", "mob2"], ["web1", "web2"], ["mbx1", "n2"], ["n1"]]
    assert plan["front_waves"] == 3
    assert plan["sets"] == {
        "mobile": {"hosts": ["mob1", "mob2"], "wave": 1},
        "web": {"hosts": ["web1", "web2"], "wave": 2},
    }
    turn = plan["turns"]["web1"]
    assert (turn["set"], turn["role"], turn["wave"]) == ("web", "exchange2003_frontend", 2)
    assert plan["turns"]["fe1"]["role"] == "exchange2003_frontend"
    assert (plan["turns"]["fe1"]["set"], plan["turns"]["mbx1"]["role"]) == (None, "exchange2003_server")
    assert words(plan, "web1") == [
        "leave_rotation",
        "install_update",
        "restart_host",
        "verify_host",
        "note_backup_due",
        "join_rotation",
    ]
    leave, join = turn["steps"][0], turn["after"][-1]
    assert (leave["host"], leave["object"], leave["phase"]) == ("web1", "web", "leave")
    assert (leave["before"], leave["after"]) == ({"rotation": "in"}, {"rotation": "out"})
    assert (join["phase"], join["before"], join["after"]) == ("join", {"rotation": "out"}, {"rotation": "in"})
    assert "the load-balanced set mobile: mob1, mob2" in runbook(plan)


@pytest.mark.parametrize(("held", "told"), [(False, True), (True, False), (None, False)])
def test_a_member_that_somebody_else_took_out(held: bool | None, told: bool) -> None:
    """It joins again, as A3 asks, and whoever reads the plan knows. Other balancers do not tell who it was (None)."""
    world = World()
    balanced(world, "web1", "web")
    balanced(world, "web2", "web", "out")["rotation"] |= {} if held is None else {"held": held}
    plan = make_plan(world.estate(), [SP2], {})
    assert words(plan, "web2")[-1] == "join_rotation"
    assert any("web2 is out of the rotation of web" in notice for notice in plan["notices"]) is told


def test_members_that_are_done_already() -> None:
    """In the rotation: it stays there. Out of it: an earlier run has stopped before it joined."""
    world = World()
    balanced(world, "web1", "web", service_pack=2)
    balanced(world, "web2", "web", "out", service_pack=2)
    balanced(world, "web3", "web", "draining")
    plan = make_plan(world.estate(), [SP2], {"set_failure": "serve_with_updated"})
    assert plan["options"]["set_failure"] == "serve_with_updated"
    assert plan["waves"] == [["web2", "web3"]]
    assert words(plan, "web2") == ["join_rotation"]
    assert plan["turns"]["web2"]["install"] is False
    assert plan["turns"]["web3"]["steps"][0]["before"] == {"rotation": "draining"}
    assert plan["sets"] == {"web": {"hosts": ["web1", "web2", "web3"], "wave": 0}}


def test_a_set_that_is_done() -> None:
    world = World()
    balanced(world, "web1", "web", service_pack=2)
    plan = make_plan(world.estate(), [SP2], {})
    assert (plan["changes"], plan["front_waves"], plan["sets"]["web"]["wave"]) == (False, 0, None)


@pytest.mark.parametrize(
    ("state", "method", "expected"),
    [
        ("out", "nlb", ["install_update", "restart_host", "verify_host", "note_backup_due", "join_rotation"]),
        ("unknown", "nlb", ["leave_rotation", "install_update", "restart_host", "verify_host", "note_backup_due",
                            "join_rotation"]),
        ("unknown", "none", ["install_update", "restart_host", "verify_host", "note_backup_due"]),
    ],
)  # fmt: skip
def test_members_that_were_not_in_the_rotation(state: str, method: str, expected: list[str]) -> None:
    world = World()
    balanced(world, "web1", "web", state, method=method)
    plan = make_plan(world.estate(), [SP2], {})
    assert words(plan, "web1") == expected
    assert plan["sets"]["web"]["wave"] == 0


def test_an_updated_member_that_cannot_be_seen_is_left_alone() -> None:
    world = World()
    balanced(world, "web1", "web", "unknown", method="hook", service_pack=2)
    plan = make_plan(world.estate(), [SP2], {})
    assert plan["changes"] is False
    assert any("web1" in notice and "cannot be seen" in notice for notice in plan["notices"])


def test_who_is_a_front_end() -> None:
    """The operator says it, else the directory, else the load-balancing set."""
    world = World()
    world.server("mbx1", front_end=True)["front_end"] = False
    world.server("fe1")["front_end"] = True
    balanced(world, "web1", "web")
    del world.directory["WEB1"]  # type: ignore[union-attr]
    assert make_plan(world.estate(), [SP2], {})["waves"] == [["fe1"], ["web1"], ["mbx1"]]


def test_a_back_end_in_a_set_is_refused() -> None:
    world = two_nodes()
    balanced(world, "web1", "web")["front_end"] = False
    world.hosts["n1"]["rotation"] = {"set": "web", "method": "nlb", "state": "in"}
    balanced(world, "web2", "web", "dancing")
    found = problems(world.estate(), [SP2])
    assert "no front-end" in found["web1"][0]
    assert "mailops_exchange_load_balanced" in found["n1"][1]
    assert "dancing" in found["web2"][0]


def test_mobile_clients_notice_mixed_versions() -> None:
    """Said where front-ends and back-ends both get an update of Exchange in this run, in every form of the plan."""
    world = two_nodes()
    balanced(world, "web1", "web")
    world.server("fe1", front_end=True)
    plan = make_plan(world.estate(), [SP2], {})
    (notice,) = plan["notices"]
    assert "while their versions are mixed, mobile clients can see synchronisation-key errors" in notice
    assert "mobile clients can see" in runbook(plan)
    made = documents(plan, make_schedule(plan, {}), [])
    assert all("mobile clients can see" in " ".join(made[name].split()) for name in ("plan.md", "plan.html"))
    again = make_plan(world.estate(), [HOTFIX], {})
    assert len(again["notices"]) == 1
    for step in plan["steps"]:
        world.do(step)
        if step["step"] == "join_rotation":
            break
    # What is left are back-ends: the others are ahead of them already.
    assert make_plan(world.estate(), [SP2], {})["notices"] == []
    only_windows = two_nodes()
    balanced(only_windows, "web1", "web")
    for entry in only_windows.hosts.values():
        entry["exchange"]["os"]["service_pack"] = 0
        entry["exchange"]["hotfixes"] = []
    assert make_plan(only_windows.estate(), [IIS_FIX], {})["notices"] == []
    alone = World()
    balanced(alone, "web1", "web")
    assert make_plan(alone.estate(), [SP2], {})["notices"] == []


# Front-ends outside of the run


def limited(service_pack: int = 1, *, told: bool | None = True, known: bool = True) -> Any:
    """An estate from which fe1 was left out by --limit."""
    world = two_nodes()
    world.server("fe1", service_pack, front_end=True)
    estate = world.estate()
    del estate["hosts"]["fe1"]
    estate["inventory"] = {"fe1.contoso.example": {"front_end": told, "limited_out": True}}
    if not known:
        del estate["directory"]["servers"]["FE1"]
    return estate


@pytest.mark.parametrize("told", [True, None])
def test_a_front_end_left_out_by_limit(told: bool | None) -> None:
    found = problems(limited(told=told), [SP2])
    name = "fe1.contoso.example"
    assert list(found) == [name]
    assert "has service pack 1 and is not part of this run" in found[name][0]
    assert "--limit" in found[name][1]
    assert problems(limited(2, told=told), [SP2]) == {}


def test_a_front_end_that_the_directory_does_not_know() -> None:
    found = problems(limited(known=False), [SP2])
    assert "not found in the directory" in found["fe1.contoso.example"][0]
    assert "mailops_exchange_front_ends_done: [fe1.contoso.example]" in found["fe1.contoso.example"][1]
    assert problems(limited(known=False), [SP2], front_ends_done=["FE1"]) == {}


def test_a_hotfix_on_a_front_end_elsewhere_cannot_be_seen() -> None:
    """Neither has to be believed without being said; a service pack is read from the directory still."""
    found = problems(limited(), [HOTFIX])
    assert "does not show whether it has exchange2003-kb912442" in found["fe1.contoso.example"][0]
    assert problems(limited(), [HOTFIX], front_ends_done=["fe1"]) == {}
    assert "does not show" in problems(limited(2), [SP2, FOR_SP2])["fe1.contoso.example"][0]
    assert "has service pack 1" in problems(limited(), [SP2, FOR_SP2])["fe1.contoso.example"][0]


def test_front_ends_elsewhere_do_not_matter_to_front_ends() -> None:
    world = two_nodes()
    world.server("fe1", front_end=True)
    world.server("fe2", front_end=True)
    estate = world.estate()
    for name in ("fe1", "n1", "n2"):
        del estate["hosts"][name]
    estate["inventory"] = {"fe1": {"front_end": True, "limited_out": True}}
    assert make_plan(estate, [HOTFIX], {})["waves"] == [["fe2"]]
    done = two_nodes()
    for name in ("n1", "n2"):
        done.hosts[name]["exchange"]["hotfixes"].append("KB912442")
    estate = done.estate()
    estate["inventory"] = {"fe1": {"front_end": True, "limited_out": True}}
    assert make_plan(estate, [HOTFIX], {})["changes"] is False


def test_a_front_end_of_another_version_does_not_matter() -> None:
    estate = limited()
    estate["directory"]["servers"]["FE1"]["product"] = "2000"
    assert problems(estate, [SP2]) == {}


def test_a_front_end_of_another_organisation_does_not_matter() -> None:
    estate = limited(told=None)
    for name, entry in estate["directory"]["servers"].items():
        entry["organization"] = "beta" if name == "FE1" else "alpha"
    assert problems(estate, [SP2]) == {}
    # Where one of the back-ends is in no known organisation, all of them count.
    estate["directory"]["servers"]["EVS1"]["organization"] = None
    assert list(problems(estate, [SP2])) == ["fe1.contoso.example"]


@pytest.mark.parametrize("done", [[], ["fe1"]])
def test_what_a_front_end_elsewhere_says_itself_counts_most(done: list[str]) -> None:
    """More than the directory, and more than what the operator says."""
    for pack, updates in ((1, [SP2]), (2, [HOTFIX]), (2, [SP2, FOR_SP2])):
        estate = limited(pack)
        read = two_nodes().server("fe1", pack, front_end=True)["exchange"]
        estate["inventory"]["fe1.contoso.example"]["exchange"] = read
        found = problems(estate, updates, front_ends_done=done)
        assert list(found) == ["fe1.contoso.example"]
        assert f"does not have {updates[-1]['id']} and is not part" in found["fe1.contoso.example"][0]
        read.update(service_pack=2, hotfixes=["KB912442"])
        estate["directory"]["servers"]["FE1"]["service_pack"] = 1
        assert problems(estate, updates, front_ends_done=done) == {}
        read.update(service_pack=0, product="2000")
        assert problems(estate, updates, front_ends_done=done) == {}


def test_a_directory_that_does_not_know_the_servers_tells_of_no_front_end() -> None:
    """One of another forest, or read by an account that is shown nothing."""
    world = World()
    world.server("mbx1")
    estate = world.estate()
    estate["inventory"] = {"mbx2": {"front_end": None, "limited_out": True}}
    assert problems(estate, [SP2]) == {}
    estate["directory"]["servers"] = {"OTHER": estate["directory"]["servers"].pop("MBX1")}
    assert "mbx2" in problems(estate, [SP2])[""][0]


# Sets of which a member is outside of the run


def parted(**row: Any) -> Any:
    """An estate with web1 of a set of two; web2 was left out by --limit."""
    world = World()
    balanced(world, "web1", "web")
    balanced(world, "web2", "web")
    estate = world.estate()
    del estate["hosts"]["web2"]
    estate["inventory"] = {"web2": {"front_end": True, "limited_out": True, "set": "web", **row}}
    return estate


def test_a_part_of_a_set_is_not_updated() -> None:
    found = problems(parted(), [SP2])
    assert list(found) == ["web2"]
    assert "web2 belongs to the load-balanced set web as web1 does" in found["web2"][0]
    assert "--limit" in found["web2"][1] and "mailops_exchange_front_ends_done: [web2]" in found["web2"][1]
    assert problems(parted(set="mobile"), [SP2]) == {}
    assert problems(parted(), [SP2], front_ends_done=["web2"]) == {}


def test_a_set_of_two_versions() -> None:
    world = World()
    balanced(world, "web1", "web")
    balanced(world, "web2", "web", service_pack=2)["exchange"].update(product="2000", version="6.0", build=5762)
    found = problems(world.estate(), [SP2, SP3_2000])
    assert "The load-balanced set web has members with Exchange 2000 and 2003: web1, web2." in found[""][0]


def test_what_is_known_of_the_member_outside() -> None:
    world = two_nodes()
    read = world.server("web2", 2)["exchange"]
    estate = parted()
    estate["directory"]["servers"]["WEB2"]["service_pack"] = 2
    assert problems(estate, [SP2]) == {}
    # The directory shows no hotfix; what the member says itself counts.
    assert list(problems(estate, [SP2, FOR_SP2])) == ["web2"]
    read["hotfixes"].append("KB912442")
    estate["inventory"]["web2"]["exchange"] = read
    assert problems(estate, [SP2, FOR_SP2]) == {}
    read["service_pack"] = 1
    assert list(problems(estate, [SP2, FOR_SP2], front_ends_done=["web2"])) == ["web2"]


def test_an_updated_member_does_not_join_beside_one_that_is_unknown() -> None:
    estate = parted()
    found = estate["hosts"]["web1"]
    found["exchange"].update(service_pack=2, build=7638)
    assert problems(estate, [SP2]) == {}
    found["rotation"]["state"] = "out"
    assert list(problems(estate, [SP2])) == ["web2"]
    # Where nobody takes members out, users meet two versions as the operator has said.
    found["rotation"].update(method="none", state="in")
    found["exchange"].update(service_pack=1, build=7226)
    assert problems(estate, [SP2]) == {}


def test_without_the_directory_a_limited_run_needs_to_know_the_front_ends() -> None:
    world = World()
    world.server("mbx1")
    world.directory = None
    estate = world.estate()
    assert "directory was not read" in make_plan(estate, [SP2], {})["notices"][0]
    estate["inventory"] = {"mbx2": {"front_end": None, "limited_out": True}, "dc1": {"front_end": None}}
    found = problems(estate, [SP2])
    assert "mbx2" in found[""][0]
    assert "dc1" not in found[""][0]
    assert "mailops_exchange_front_end" in found[""][1]
    assert problems(estate, [SP2], front_ends_done=["mbx2"]) == {}
    estate["inventory"]["mbx2"]["front_end"] = False
    assert problems(estate, [SP2]) == {}

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load-balanced sets of the lab: their states, what a restart does to them, and what the referee says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.balancing import Member
from ansible_collections.mailops.exchange.lab.estate import EstateError, complete, load_estate
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import START, install, rules, wait

WEB: dict[str, Any] = {"role": "front_end", "load_balanced": "web"}


def two(**changes: Any) -> World:
    """Two front-ends of the set web, and a server behind them."""
    hosts = {"fe1": WEB | changes, "fe2": WEB | changes, "mbx1": {}}
    estate = {"update": "exchange2003-sp2", "seed": 7, "speed": 0, "operator": None, "hosts": hosts}
    return World.from_estate(complete(estate), start=START)


def member(world: World, name: str) -> Member:
    found = world.balancing.member(world.hosts[name])
    assert found is not None
    return found


def sets(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.referee.report()["sets"]
    return found


def test_the_members_of_a_set_serve_from_the_beginning() -> None:
    world = two()
    assert [member(world, name).state for name in ("fe1", "fe2")] == ["converged", "converged"]
    assert [member(world, name).priority for name in ("fe1", "fe2")] == [1, 2]
    assert world.balancing.member(world.hosts["mbx1"]) is None
    assert world.balancing.sets["web"].served
    assert sets(world) == {"web": {"seconds": 0, "times": 0}}


def test_draining_ends_with_the_last_connection() -> None:
    world = two(drain_minutes=4)
    one = member(world, "fe1")
    begun = world.clock.now()
    assert world.balancing.drain(one)
    assert (one.state, one.in_rotation, one.connections) == ("draining", False, 12)
    wait(world, lambda: one.connections == 5)
    assert one.state == "draining"
    wait(world, lambda: one.state == "stopped")
    assert world.clock.now() - begun == pytest.approx(240, abs=1)
    assert not world.balancing.drain(one)


def test_draining_can_be_cut_short_and_taken_back() -> None:
    world = two()
    one, other = member(world, "fe1"), member(world, "fe2")
    world.balancing.drain(one)
    assert world.balancing.stop(one) and one.state == "stopped"
    world.balancing.drain(other)
    assert world.balancing.start(other) and other.in_rotation
    world.clock.sleep(600)
    assert [one.state, other.state] == ["stopped", "converged"]


def test_a_suspended_member_takes_no_command_but_resume() -> None:
    world = two()
    one = member(world, "fe1")
    assert world.balancing.suspend(one)
    assert not any(command(one) for command in (world.balancing.start, world.balancing.stop, world.balancing.drain))
    assert one.state == "suspended"
    assert world.balancing.resume(one) and one.state == "stopped"
    assert world.balancing.start(one)


def test_those_that_stay_agree_anew_and_serve_meanwhile() -> None:
    world = two()
    one, other = member(world, "fe1"), member(world, "fe2")
    world.balancing.stop(one)
    assert other.state == "converging" and other.serves
    wait(world, lambda: other.state == "converged", 30)
    assert other.is_default and not one.in_rotation


@pytest.mark.parametrize(("written", "state"), [(None, "converged"), (1, "converged"), (0, "stopped")])
@pytest.mark.parametrize("before", ["converged", "stopped", "suspended"])
def test_when_windows_starts_the_registry_decides(written: int | None, state: str, before: str) -> None:
    world = two()
    one = member(world, "fe1")
    host = world.hosts["fe1"]
    if written is not None:
        host.registry.set(one.key, "ClusterModeOnStart", "REG_DWORD", written)
    if before != "converged":
        {"stopped": world.balancing.stop, "suspended": world.balancing.suspend}[before](one)
    host.shutdown(restart=True)
    wait(world, lambda: not host.up)
    assert not one.in_rotation
    wait(world, lambda: host.up)
    wait(world, lambda: one.state == state, 60)


def test_the_registry_and_wmi_show_it() -> None:
    world = two()
    host = world.hosts["fe2"]
    key = member(world, "fe2").key
    assert host.registry.value(key, "ClusterModeOnStart") == ("REG_DWORD", 1)
    assert host.registry.value(key, "HostPriority") == ("REG_DWORD", 2)
    assert not world.hosts["mbx1"].registry.exists(r"HKLM\SYSTEM\CurrentControlSet\Services\WLBS")


# -- the referee


def test_a_set_out_and_updated_side_by_side_is_as_it_should_be() -> None:
    world = two()
    for name in ("fe1", "fe2"):
        world.balancing.stop(member(world, name))
    world.clock.sleep(60)
    for name in ("fe1", "fe2"):
        install(world, name)
    for name in ("fe1", "fe2"):
        world.balancing.start(member(world, name))
    world.clock.sleep(60)
    assert rules(world) == []
    report = sets(world)["web"]
    assert report["times"] == 1 and report["seconds"] > 1200


def test_an_installer_on_a_member_in_rotation_is_a_violation() -> None:
    world = two()
    install(world, "fe1")
    found = world.referee.report()["violations"]
    assert [(v["rule"], v["host"]) for v in found] == [(1, "fe1"), (1, "fe1")]
    assert "is in the rotation of the set web" in found[0]["what"]
    assert "fe1 and fe2 of the set web serve users with different versions" in found[1]["what"]


def test_an_installer_on_a_draining_member_is_a_violation() -> None:
    world = two()
    world.balancing.stop(member(world, "fe2"))
    world.balancing.drain(member(world, "fe1"))
    install(world, "fe1", done=False)
    assert "still has connections" in world.referee.report()["violations"][0]["what"]


def test_joining_while_it_is_updated_is_a_violation() -> None:
    world = two()
    one = member(world, "fe1")
    world.balancing.stop(one)
    world.balancing.stop(member(world, "fe2"))
    install(world, "fe1", done=False)
    world.balancing.start(one)
    assert (
        "joins the set web while exchange2003-sp2 is being installed" in world.referee.report()["violations"][0]["what"]
    )


def test_versions_mixed_by_the_run_are_a_violation_and_those_found_are_none() -> None:
    world = two()
    one = member(world, "fe1")
    world.balancing.stop(one)
    install(world, "fe1")
    assert rules(world) == []
    world.balancing.start(one)
    assert rules(world) == [(1, "fe1")]
    found = complete(
        {"update": "exchange2003-sp2", "speed": 0, "hosts": {"fe1": WEB | {"service_pack": 2}, "fe2": WEB}}
    )
    mixed = World.from_estate(found, start=START)
    mixed.balancing.stop(member(mixed, "fe2"))
    mixed.balancing.start(member(mixed, "fe2"))
    assert len(rules(mixed)) == 1  # it was over, and the run has brought it about again


def test_what_nothing_takes_out_is_not_judged() -> None:
    world = two(balancer="none")
    install(world, "fe1")
    assert rules(world) == []


def test_a_set_is_served_only_while_the_web_service_runs() -> None:
    world = two()
    for name in ("fe1", "fe2"):
        world.hosts[name].stop_service("W3SVC")
    assert not world.balancing.sets["web"].served
    wait(world, lambda: world.hosts["fe1"].services["W3SVC"].state == "stopped")
    world.hosts["fe1"].start_service("W3SVC")
    wait(world, lambda: world.balancing.sets["web"].served)
    assert sets(world)["web"]["times"] == 1


# -- the estate


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        ("  fe1: {load_balanced: web}", "only front-ends are load-balanced; expected role: front_end beside it"),
        (
            "  fe1: {role: front_end, load_balanced: web}\n"
            "  fe2: {role: front_end, load_balanced: web, balancer: hardware}",
            "expected nlb, as fe1 of the same set has it",
        ),
    ],
)
def test_mistakes_in_a_set(tmp_path: Path, hosts: str, text: str) -> None:
    path = tmp_path / "estate.yml"
    path.write_text(f"hosts:\n{hosts}\n", encoding="utf-8")
    with pytest.raises(EstateError) as caught:
        load_estate(path)
    assert text in str(caught.value)

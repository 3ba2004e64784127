# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lanes and the first turn of each kind: the order of turns in waves, whatever the estate."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.waves import arrange


def turn(host: str, role: str, of_set: str | None = None, *, install: bool = True) -> dict[str, Any]:
    return {"host": host, "role": role, "set": of_set, "install": install, "wave": -1}


def kind(each: dict[str, Any]) -> tuple[str, bool]:
    """A load-balanced set is a kind of its own: it leaves a rotation and joins it."""
    return each["role"], bool(each["set"])


ESTATES = st.tuples(
    st.lists(st.sampled_from([None, "web", "mobile"]), max_size=6),
    st.lists(st.integers(1, 4), max_size=6),
    st.integers(0, 4),
    st.booleans(),
)


@given(ESTATES)
def test_every_order_is_kept(estate: tuple[list[str | None], list[int], int, bool]) -> None:
    sets, lengths, lanes, canary = estate
    front = [turn(f"fe{number}", "front", of_set) for number, of_set in enumerate(sets)]
    units = [
        [turn(f"u{unit}n{node}", "server" if length == 1 else "cluster") for node in range(length)]
        for unit, length in enumerate(lengths)
    ]
    front_waves = arrange(front, units, lanes=lanes, canary=canary)
    back = [each for unit in units for each in unit]
    assert all(each["wave"] < front_waves for each in front)
    assert all(each["wave"] >= front_waves for each in back)
    for unit in units:
        waves = [each["wave"] for each in unit]
        assert waves == sorted(set(waves))
    for name in {each["set"] for each in front if each["set"]}:
        waves_of_set = {each["wave"] for each in front if each["set"] == name}
        assert len(waves_of_set) == 1
        assert all(each["set"] == name for each in front if each["wave"] in waves_of_set)
    used = sorted({each["wave"] for each in front + back})
    assert used == list(range(len(used)))
    if lanes:
        alone = [each for each in front + back if not each["set"]]
        assert all(sum(other["wave"] == each["wave"] for other in alone) <= lanes for each in alone)


@given(ESTATES)
def test_the_first_of_each_kind_has_its_wave_alone(estate: tuple[list[str | None], list[int], int, bool]) -> None:
    sets, lengths, lanes = estate[:3]
    front = [turn(f"fe{number}", "front", of_set) for number, of_set in enumerate(sets)]
    units = [
        [turn(f"u{unit}n{node}", "server" if length == 1 else "cluster") for node in range(length)]
        for unit, length in enumerate(lengths)
    ]
    arrange(front, units, lanes=lanes, canary=True)
    every = front + [each for unit in units for each in unit]
    canaries = [each for each in every if each["canary"]]
    assert {kind(each) for each in canaries} == {kind(each) for each in every}
    for each in canaries:
        mates = [other for other in every if other["wave"] == each["wave"] and other is not each]
        assert all(each["set"] and other["set"] == each["set"] for other in mates)
        earlier = [other for other in every if kind(other) == kind(each) and other["wave"] < each["wave"]]
        assert all(other["canary"] for other in earlier)


@given(ESTATES, st.sets(st.sampled_from(["web", "mobile"])))
def test_members_that_go_one_after_the_other(
    estate: tuple[list[str | None], list[int], int, bool], apart: set[str]
) -> None:
    """Each has a wave of its own, in the order given, after the sets that go together; the first one is a canary."""
    sets, lanes, canary = estate[0], estate[2], estate[3]
    front = [turn(f"fe{number}", "front", of_set) for number, of_set in enumerate(sets)]
    front_waves = arrange(front, [], lanes=lanes, canary=canary, apart=apart)
    assert {each["wave"] for each in front} == set(range(front_waves))
    one_by_one = [each for each in front if each["set"] in apart]
    others = [each["wave"] for each in front if each["set"] not in apart]
    assert len({each["wave"] for each in one_by_one}) == len(one_by_one)
    assert all(each["wave"] > max(others, default=-1) for each in one_by_one)
    for name in apart:
        waves = [each["wave"] for each in front if each["set"] == name]
        assert waves == sorted(waves)
    assert [each["canary"] for each in sorted(one_by_one, key=lambda each: each["wave"])] == [
        canary and number == 0 for number in range(len(one_by_one))
    ]


def test_front_ends_of_each_version_have_a_canary() -> None:
    front = [turn("a", "old"), turn("b", "old"), turn("c", "new"), turn("d", "new")]
    assert arrange(front, [], lanes=0, canary=True) == 3
    assert [(each["wave"], each["canary"]) for each in front] == [(0, True), (2, False), (1, True), (2, False)]


def test_without_a_choice_everything_goes_side_by_side() -> None:
    units = [[turn("s1", "server")], [turn("n1", "cluster"), turn("n2", "cluster")], [turn("s2", "server")]]
    assert arrange([], units, lanes=0, canary=False) == 0
    assert [[each["wave"] for each in unit] for unit in units] == [[0], [0, 1], [0]]


def test_what_is_put_back_comes_before_the_first_installation_of_a_cluster() -> None:
    units = [[turn("n1", "cluster", install=False), turn("n2", "cluster"), turn("n3", "cluster")]]
    arrange([], units, lanes=0, canary=True)
    assert [(each["wave"], each["canary"]) for each in units[0]] == [(0, False), (1, True), (2, False)]

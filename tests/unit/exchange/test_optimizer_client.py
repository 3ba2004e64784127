# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Performance Optimizer of Exchange 5.5 from the control node: its answers, its log, its runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.optimizer import read_answers
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import optimizer, services55, tuning
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import (
    OPTIMIZER_NOTE,
    read_optimizer_note,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.optimizer_log import Setting, read_log
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, Unreadable, WaitTimeout
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, Cut

from .support55 import FULL, SP4, account, down, end, lab_of, opened

SYSTEM = r"SYSTEM\CurrentControlSet\Services\MSExchangeIS\ParametersSystem"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_of(tmp_path, FULL, service_pack=4) as running:
        yield running


def optimized(lab: Lab) -> int:
    """How often it has come to its end, as its log on the host says."""
    files = lab.world.hosts["mbx1"].files
    path = "C:\\WINNT\\System32\\perfopt.log"
    return files.read(path).decode("ascii").count("finished.\r\n") if files.exists(path) else 0


# -- answers


def test_what_is_not_known_is_not_written() -> None:
    assert optimizer.answers({}) == ["[Perfwiz]", "Dont Restart=0", "Analyze Disks=0", "Move Files=0"]
    given = {"users": 3, "org_users": "2", "server_type": ["public", "private"], "limit_memory": 256}
    lines = optimizer.answers(given)
    assert {"Users=3", "Org Users=2", "Server Type=3", "Limit Memory Usage=256"} < set(lines)
    read = read_answers("\r\n".join(lines))
    assert (read.users, read.server_type, read.memory, read.analyze, read.move) == (3, 3, 256, False, False)


def test_a_site_gives_the_whole_answer() -> None:
    assert optimizer.answers({"answer_file": "[perfwiz]\nUsers=1\n"}) == ["[perfwiz]", "Users=1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"users": 6}, "users is 6"),
        ({"org_users": "many"}, "org_users is 'many'"),
        ({"limit_memory": 0}, "limit_memory is 0"),
        ({"server_type": ["postman"]}, "server_type names 'postman'"),
        ({"speed": 1}, "speed is none of its settings"),
        ({"answer_file": "Users=1"}, r"no section \[Perfwiz\]"),
        ({"answer_file": "[Perfwiz]", "users": 1}, "both given"),
    ],
)
def test_settings_that_mean_nothing(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        optimizer.answers(settings)
    assert "mailops_exchange_optimizer" in caught.value.remedy


# -- its log


def test_the_lines_of_its_log() -> None:
    lines = [
        "11/22/26 21:00:00 Microsoft Exchange Server Performance Optimizer started.",
        "11/22/26 21:00:20 Set # of background threads from 96 to 25",
        "Set Maximum # of information store threads from 100 to 20.",
        "11/22/26 21:00:30 Failed to start MSExchangeKMS: 800FF351",
    ]
    found = read_log(lines, ["failed to start"])
    assert found.entries == [
        Setting("# of background threads", 96, 25),
        Setting("Maximum # of information store threads", 100, 20),
    ]
    assert found.failures == [lines[-1]]


@given(st.lists(st.text()))
def test_whatever_stands_in_its_log_is_read(lines: list[str]) -> None:
    found = read_log(lines, ["failed"])
    assert len(found.entries) + len(found.failures) <= len(lines)


@given(
    st.from_regex(r"[A-Za-z#]([A-Za-z# ]{0,20}[a-z])?", fullmatch=True),
    st.integers(-(2**31), 2**31),
    st.integers(0, 2**31),
)
def test_each_setting_is_read_as_it_was_written(option: str, before: int, after: int) -> None:
    line = f"11/22/26 21:00:20 Set {option} from {before} to {after}"
    assert read_log([line], []).entries == [Setting(option, before, after)]


# -- the values that it sets


NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
VALUES = st.dictionaries(
    st.sampled_from([SYSTEM, r"SYSTEM\X", "A"]),
    st.dictionaries(
        NAMES,
        st.one_of(
            st.tuples(st.just("REG_DWORD"), st.integers(0, 2**32 - 1)).map(list),
            st.tuples(st.just("REG_SZ"), st.text(max_size=9)).map(list),
        ),
    ),
)


@given(VALUES)
def test_the_file_for_regedit_holds_each_number_once(values: tuning.Values) -> None:
    text = tuning.reg_text(values)
    assert text.startswith("REGEDIT4\r\n\r\n") and text.endswith("\r\n")
    found: tuning.Values = {}
    key = ""
    for line in text.split("\r\n")[2:]:
        if line.startswith("["):
            key = line.removeprefix("[HKEY_LOCAL_MACHINE\\").removesuffix("]")
        elif line:
            match = re.fullmatch(r'(@|"(?:[^"\\]|\\.)*")=dword:([0-9a-f]{8})', line)
            assert match, line
            name = "" if match[1] == "@" else re.sub(r"\\(.)", r"\1", match[1][1:-1])
            found.setdefault(key, {})[name] = ["REG_DWORD", int(match[2], 16)]
    numbers = {k: {n: pair for n, pair in entries.items() if pair[0] == "REG_DWORD"} for k, entries in values.items()}
    assert found == {key: entries for key, entries in numbers.items() if entries}


@given(VALUES, VALUES)
def test_the_export_and_what_differs_from_it(values: tuning.Values, others: tuning.Values) -> None:
    assert tuning.parse_export(tuning.export_text("mbx1", values, "now"), "here") == values
    found = tuning.differences(values, others)
    assert tuning.differences(values, values) == []
    for change in found:
        one = values.get(change["key"], {}).get(change["name"])
        other = others.get(change["key"], {}).get(change["name"])
        assert one != other
        assert (change["before"], change["after"]) == (one[1] if one else None, other[1] if other else None)
    assert tuning.words(found).count(" -> ") >= len(found)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"values": {"A": {"b": 5}}}'])
def test_an_export_that_is_none(text: str) -> None:
    with pytest.raises(Unreadable, match=r"tuning\.json does not hold"):
        tuning.parse_export(text, "tuning.json")


# -- runs


def test_it_runs_once_where_it_is_due(lab: Lab) -> None:
    with opened(lab) as session:
        assert optimizer.run(session, **account(lab))["changed"] is False
        optimizer.mark_saved(session, tuning.read(session))
        assert optimizer.mark_due(session, SP4) is True
        assert optimizer.mark_due(session, SP4) is False
        said: list[str] = []
        session._tell = said.append
        result = optimizer.run(session, settings={"users": 2}, **account(lab))
        assert (result["success"], result["exit_code"]) == (True, 0)
        changed = {change["name"]: (change["before"], change["after"]) for change in result["changes"]}
        assert changed["Background Threads"] == (96, 25)
        assert {"option": "# of background threads", "before": 96, "after": 25} in result["set"]
        assert [line for line in said if "MSExchangeKMS" in line]
        assert read_optimizer_note(session) is None
        assert optimizer.run(session, **account(lab))["changed"] is False
        assert session.list_dir(optimizer.FOLDER) == []
    assert (optimized(lab), down(lab)) == (1, [])


def test_it_is_not_started_while_exchange_stands_still(lab: Lab) -> None:
    with opened(lab) as session:
        optimizer.mark_due(session, SP4)
        session.run("net stop MSExchangeMTA /yes", changes=True)
        with pytest.raises(Refused, match="MSExchangeMTA of mbx1 does not run"):
            optimizer.run(session, **account(lab))
        assert (read_optimizer_note(session) or {})["optimizer"] == "due"


def test_it_begins_with_the_services_that_an_earlier_run_has_left_stopped(lab: Lab) -> None:
    with opened(lab) as session:
        optimizer.mark_due(session, SP4)
        services55.stop(session, 600)
        assert optimizer.run(session, **account(lab))["success"] is True
    assert down(lab) == []


def test_without_an_account_nothing_begins(lab: Lab) -> None:
    with opened(lab) as session:
        optimizer.mark_due(session, SP4)
        with pytest.raises(Refused, match="an account and its password"):
            optimizer.run(session)
    assert down(lab) == []


def test_one_that_hangs_is_told_and_run_anew_when_it_was_ended(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    table = dict(services55.facts()["services"])
    with monkeypatch.context() as patch:
        # Somebody starts Key Management Server behind our back: here it is not known as what makes it hang.
        patch.setitem(optimizer.facts()["services"], "key_management", "MSExchangeNone")
        with opened(lab) as session:
            optimizer.mark_due(session, SP4)
            with pytest.raises(WaitTimeout) as caught:
                optimizer.run(session, timeout=2400, **account(lab))
            assert "Its log says" in caught.value.remedy and "MSExchangeKMS: 800FF351" in caught.value.remedy
            assert down(lab) == ["MSExchangeKMS"]
            assert optimizer.restore(session, 600)["after"]["MSExchangeKMS"] == "running"
    assert optimizer.facts()["services"] == table
    assert (optimized(lab), down(lab)) == (0, [])
    end(lab, "perfwiz.exe")
    with opened(lab) as session:
        assert optimizer.run(session, **account(lab))["success"] is True
        assert read_optimizer_note(session) is None
    assert (optimized(lab), down(lab)) == (1, [])


def test_one_that_was_cut_off_by_a_restart_is_reported_and_run_anew(lab: Lab) -> None:
    world, struck = lab.world, []

    def strike(kind: str, facts: dict[str, Any]) -> None:
        if kind == "optimizer_started" and not struck:
            struck.append(world.clock.after(30, facts["host"].crash))

    world.observers.append(strike)
    with opened(lab) as session:
        optimizer.mark_due(session, SP4)
        result = optimizer.run(session, **account(lab))
        assert [problem["what"] for problem in result["problems"]] == [
            "the Performance Optimizer was cut off by a restart of the host"
        ]
        assert optimizer.run(session, **account(lab))["success"] is True
    assert (optimized(lab), down(lab)) == (1, [])


def test_a_run_that_is_killed_at_any_moment(tmp_path: Path) -> None:
    with lab_of(tmp_path, FULL, service_pack=4) as lab:
        with pytest.MonkeyPatch.context() as patch:
            counter = Breaks()
            counter.install(patch)
            with opened(lab) as session:
                optimizer.mark_due(session, SP4)
                optimizer.run(session, **account(lab))
        for number, at in enumerate(range(60, counter.count, counter.count // 3), 2):
            with opened(lab) as session:
                optimizer.mark_due(session, SP4)
            with pytest.MonkeyPatch.context() as patch:
                Breaks(at, kill=True).install(patch)
                # A run with fewer looks is over before that.
                with suppress(Cut), opened(lab) as session:
                    optimizer.run(session, **account(lab))
            with opened(lab) as session:
                assert optimizer.run(session, **account(lab))["success"] is True, at
                assert read_optimizer_note(session) is None, at
            assert (optimized(lab), down(lab)) == (number, []), at
    assert OPTIMIZER_NOTE.endswith("optimizer.json")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of an installer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.outcome import (
    at_result,
    files_in_use,
    judge,
    log_problems,
    relevant_phrases,
)

SP2 = load()["exchange2003-sp2"]
HOTFIX = load()["exchange2003-kb912442"]
IGNORE = "[12:00:00] === IGNORING PREVIOUS ERRORS === ScIsServiceThere: The operation has completed successfully."
ERROR = "[12:00:00] Error code 0XC0070424 (1060): The specified service does not exist as an installed service."
FINAL = "Setup failed while installing sub-component Microsoft Exchange with error code 0xC0070643"
HARMLESS = "[12:00:00] Entering CAtomWhatever::ScInstall"


def host(
    service_pack: int = 2, build: int = 7638, hotfixes: tuple[str, ...] = (), restart: bool = False
) -> dict[str, Any]:
    return {
        "product": "2003",
        "service_pack": service_pack,
        "build": build,
        "hotfixes": list(hotfixes),
        "pending_restart": restart,
    }


OLD = host(1, 7226)


def what(problems: list[dict[str, str]]) -> str:
    assert all(problem["what"] and problem["remedy"] for problem in problems)
    return " | ".join(problem["what"] for problem in problems)


@pytest.mark.parametrize(("code", "restart"), [(0, False), (3010, True), (1641, True)])
def test_success(code: int, restart: bool) -> None:
    outcome = judge(SP2, code, [], OLD, host())
    assert (outcome.success, outcome.restart_required, outcome.problems) == (True, restart, [])


def test_a_code_of_success_without_the_version_is_no_success() -> None:
    outcome = judge(SP2, 3010, [], OLD, OLD)
    assert not outcome.success
    assert not outcome.restart_required
    assert "does not show service pack 2" in what(outcome.problems)


def test_a_code_of_failure_with_the_version_is_no_success() -> None:
    outcome = judge(SP2, 1603, [], OLD, host())
    assert not outcome.success
    assert "although the exit code means failure" in what(outcome.problems)


def test_a_failure_names_code_and_version() -> None:
    outcome = judge(SP2, 1603, [ERROR], OLD, OLD)
    text = what(outcome.problems)
    assert "1603" in text
    assert "0XC0070424" in text
    assert "does not show" in text


def test_a_failure_says_where_the_log_is() -> None:
    remedies = " ".join(problem["remedy"] for problem in judge(HOTFIX, 1603, [], OLD, OLD).problems)
    assert r"C:\mailops\exchange2003-kb912442\update.log" in remedies


@pytest.mark.parametrize("code", [-1056736444, 3238230852, 4711])
def test_an_unknown_code_is_no_success(code: int) -> None:
    assert "not known" in what(judge(SP2, code, [], OLD, host()).problems)


def test_a_file_in_use_is_named_whatever_else_is_well() -> None:
    line = "1.234: FileInUse:: Added to FileList: C:\\Exchsrvr\\bin\\store.exe"
    outcome = judge(HOTFIX, 0, [line, IGNORE], OLD, host(hotfixes=("KB912442",)))
    assert not outcome.success
    assert "C:\\Exchsrvr\\bin\\store.exe" in what(outcome.problems)


def test_without_an_exit_code_new_pending_files_ask_for_the_restart() -> None:
    assert judge(SP2, None, [], OLD, host(restart=True)).restart_required
    assert not judge(SP2, None, [], host(1, 7226, restart=True), host(restart=True)).restart_required
    assert not judge(SP2, 0, [], OLD, host(restart=True)).restart_required


def test_an_update_that_always_needs_a_restart() -> None:
    update = load()["windows2003-kb831464"]
    after = {**OLD, "hotfixes": ["KB831464"]}
    assert judge(update, 0, [], OLD, after).restart_required


@pytest.mark.parametrize(
    ("service_pack", "build", "reached"),
    [
        (2, 7638, True),
        (2, 7656, True),
        (2, None, True),
        (2, 7226, False),
        (1, 7638, False),
        (3, 7000, True),
        (0, 6944, False),
    ],
)
def test_the_version_that_counts(service_pack: int, build: int | None, reached: bool) -> None:
    assert at_result(SP2, {"product": "2003", "service_pack": service_pack, "build": build}) is reached


def test_another_product_never_counts() -> None:
    assert not at_result(SP2, {**host(), "product": "2000"})
    assert not at_result(SP2, {"product": None, "service_pack": None, "build": None})


@given(st.lists(st.sampled_from([ERROR, HARMLESS, IGNORE, FINAL]), max_size=30))
def test_only_errors_that_were_not_taken_back_count(lines: list[str]) -> None:
    problems = log_problems(SP2, lines)
    last = max((index for index, line in enumerate(lines) if line == IGNORE), default=-1)
    still_open = any(line == ERROR for line in lines[last + 1 :])
    assert bool(problems) == (still_open or FINAL in lines)


@given(
    before=st.lists(st.sampled_from([ERROR, HARMLESS, IGNORE]), max_size=10),
    after=st.lists(st.sampled_from([ERROR, HARMLESS, IGNORE]), max_size=10),
    name=st.text(alphabet="abcSTORE.x ", min_size=1).map(str.strip).filter(bool),
)
def test_a_file_in_use_is_never_taken_back(before: list[str], after: list[str], name: str) -> None:
    text = what(log_problems(HOTFIX, [*before, f"x FileInUse:: Added to FileList: {name}", *after]))
    assert f"in use during the installation: {name}" in text


@given(
    code=st.one_of(st.none(), st.integers(-(2**31), 2**32)), log=st.lists(st.sampled_from([ERROR, IGNORE]), max_size=4)
)
def test_nothing_is_success_while_the_host_shows_the_old_version(code: int | None, log: list[str]) -> None:
    outcome = judge(SP2, code, log, OLD, OLD)
    assert not outcome.success
    assert outcome.problems


@given(
    code=st.sampled_from([None, 0, 3010, 1603, 5]),
    log=st.lists(st.sampled_from([ERROR, IGNORE, FINAL]), max_size=4),
    reached=st.booleans(),
)
def test_success_and_problems_exclude_each_other(code: int | None, log: list[str], reached: bool) -> None:
    outcome = judge(SP2, code, log, OLD, host() if reached else OLD)
    assert outcome.success is not bool(outcome.problems)
    if outcome.success:
        assert reached
        assert code in (None, 0, 3010)


def test_every_phrase_that_is_judged_is_looked_for() -> None:
    phrases = [phrase.casefold() for phrase in relevant_phrases(SP2)]
    for line in (ERROR, IGNORE, FINAL):
        assert any(phrase in line.casefold() for phrase in phrases)


@pytest.mark.parametrize(
    ("rule", "code", "restart"),
    [("asked", 0, False), ("asked", 3010, True), ("always", 0, True), ("never", 3010, False), ("never", 0, False)],
)
def test_the_rule_of_the_update_says_when_a_restart_follows(rule: str, code: int, restart: bool) -> None:
    outcome = judge({**HOTFIX, "restart": rule}, code, [], host(), host(hotfixes=("KB912442",)))
    assert (outcome.success, outcome.restart_required) == (True, restart)


@pytest.mark.parametrize("code", [0, 3010, None])
def test_a_file_in_use_is_never_success(code: int | None) -> None:
    lines = ["FileInUse:: Added to FileList: store.exe", "FileInUse:: Added to FileList: store.exe", IGNORE]
    outcome = judge(HOTFIX, code, lines, host(), host(hotfixes=("KB912442",)))
    assert not outcome.success
    assert what(outcome.problems).count("store.exe") == 1
    assert files_in_use(HOTFIX, lines) == ["store.exe"]


def test_a_hotfix_whose_log_says_that_it_did_not_complete() -> None:
    outcome = judge(HOTFIX, 0, ["KB912442 installation did not complete."], host(), host(hotfixes=("KB912442",)))
    assert not outcome.success
    assert "did not complete" in what(outcome.problems)


def test_a_hotfix_of_windows_is_seen_by_its_number() -> None:
    fix = load()["windows2003-kb831464"]
    assert not at_result(fix, host())
    assert at_result(fix, host(hotfixes=("KB831464",)))
    outcome = judge(fix, 0, [], host(), host(hotfixes=("KB831464",)))
    assert (outcome.success, outcome.restart_required) == (True, True)

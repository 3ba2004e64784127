# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of WQL, and event logs by wmic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.programs.wql import QueryError, parse

from .console import Console

RECORD = {
    "Name": "C:\\x\\it's",
    "Code": "1025",
    "Log": "Application",
    "When": "20261122211500.000000+000",
    "Empty": "",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("code=1025", True),
        ("Code<>1025", False),
        ("Code>=1000 and Code<=1025", True),
        ("Code>1025 or Code<1025", False),
        ("Log='application' and (Code=7 or Code=1025)", True),
        ("Log='System' and Code=7 or Code=1025", True),
        ("Log='System' and (Code=7 or Code=1025)", False),
        ("not Log='System'", True),
        (r"Name='C:\\x\\it\'s'", True),
        ('Log="Application"', True),
        ("Log like 'App%'", True),
        ("Log like '_pplication'", True),
        ("Log like 'App'", False),
        ("When>='20261122221500.000000+060'", True),
        ("When>'20261122221500.000000+060'", False),
        ("When<'20261122161501.000000-300'", True),
        ("Empty=''", True),
        ("Nosuch=''", False),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    assert parse(text)(RECORD) is expected


@pytest.mark.parametrize("text", ["", "Code", "Code=", "Code=1 and", "(Code=1", "Code=1)", "Code ~ 1", "and Code=1"])
def test_invalid_queries(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)


@given(st.text(alphabet="ab =<>()'\"\\andor1", max_size=40))
def test_any_text_is_a_condition_or_an_error(text: str) -> None:
    try:
        condition = parse(text)
    except QueryError:
        return
    assert condition(RECORD) in (True, False)


@pytest.fixture
def console() -> Console:
    return Console()


def test_the_event_log(console: Console) -> None:
    console.host.log_event("Application", "A", 7, "error", "one\ntwo", ["x", "y"])
    query = "wmic ntevent where \"Logfile='Application' and SourceName='A' and EventCode=7\" get"
    text = console.out(f"{query} TimeGenerated,InsertionStrings,EventCode,EventType,Message /value <nul")
    lines = [line for line in text.replace("\r", "").split("\n") if line]
    assert lines[:4] == ["EventCode=7", "EventType=1", 'InsertionStrings={"x","y"}', "Message=one"]
    assert lines[-1].startswith("TimeGenerated=")
    assert console.code('wmic ntevent where "Logfile=" get EventCode <nul') != 0


def test_a_file_carries_its_version(console: Console) -> None:
    path = "C:\\\\Program Files\\\\Exchsrvr\\\\bin\\\\store.exe"
    out = console.out(f"wmic datafile where \"name='{path}'\" get Version /value <nul")
    assert f"Version={console.host.file_version}" in out

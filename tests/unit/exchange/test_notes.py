# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owner notes: what cmd.exe could misread never reaches it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.notes import (
    PATH,
    make_note,
    note_lines,
    parse_note,
    read_note,
    remove_note,
    write_note,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, Unreadable
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

TEXTS = st.text(max_size=15)


@pytest.fixture
def session() -> LabSession:
    return LabSession(world_of(CLUSTER), "n1")


@given(
    st.dictionaries(st.text(max_size=20), TEXTS, max_size=5),
    st.dictionaries(st.text(max_size=20), st.lists(TEXTS, max_size=3), max_size=3),
)
def test_a_note_comes_back_as_it_was(owners: dict[str, str], possible: dict[str, list[str]]) -> None:
    note = make_note(owners, possible)
    lines = note_lines(note)
    assert parse_note("\n".join(lines)) == note
    for line in lines:
        assert line.isascii()
        assert not set(line) & set("%!^&|<>\r\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        '{"EVS1": "N1"}',
        '{"owners": {"EVS1": 5}, "possible_owners": {}}',
        '{"owners": {}, "possible_owners": {"EVS1": "N1"}}',
        '{"owners": null, "possible_owners": {}}',
    ],
)
def test_another_text_is_no_note(text: str) -> None:
    with pytest.raises(Unreadable, match="does not hold the owners"):
        parse_note(text)


def test_on_a_host(session: LabSession) -> None:
    note = make_note(
        {"Büro & Außendienst (Köln) 100": "N1", "EVS^2 <neu>": "N2"}, {"Büro & Außendienst (Köln) 100": ["N1", "N2"]}
    )
    assert read_note(session) is None
    assert remove_note(session) is False
    assert write_note(session, note) is True
    assert session.world.hosts["n1"].files.exists("C:\\mailops\\roll\\owners.json")
    assert read_note(session) == note
    assert write_note(session, note) is False
    with pytest.raises(Refused, match="other owners") as caught:
        write_note(session, make_note({"EVS1": "N2"}))
    assert PATH in caught.value.remedy
    assert read_note(session) == note
    assert remove_note(session) is True
    assert read_note(session) is None

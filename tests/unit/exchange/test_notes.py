# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Owner notes: what cmd.exe could misread never reaches it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.notes import (
    note_lines,
    parse_note,
    read_note,
    remove_note,
    write_note,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, Unreadable
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of


@pytest.fixture
def session() -> LabSession:
    return LabSession(world_of(CLUSTER), "n1")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=15), max_size=5))
def test_a_note_comes_back_as_it_was(owners: dict[str, str]) -> None:
    lines = note_lines(owners)
    assert parse_note("\n".join(lines)) == owners
    for line in lines:
        assert line.isascii()
        assert not set(line) & set("%!^&|<>\r\n")


@pytest.mark.parametrize("text", ["", "x", "[]", '{"EVS1": 5}', '{"EVS1": null}'])
def test_another_text_is_no_note(text: str) -> None:
    with pytest.raises(Unreadable, match="does not hold the owners"):
        parse_note(text)


def test_on_a_host(session: LabSession) -> None:
    folder = "C:\\mailops\\exchange2003-sp2"
    owners = {"Büro & Außendienst (Köln) 100": "N1", "EVS^2 <neu>": "N2"}
    assert read_note(session, folder) is None
    assert remove_note(session, folder) is False
    assert write_note(session, folder, owners) is True
    assert read_note(session, folder) == owners
    assert write_note(session, folder, owners) is False
    with pytest.raises(Refused, match="other owners"):
        write_note(session, folder, {"EVS1": "N2"})
    assert read_note(session, folder) == owners
    assert remove_note(session, folder) is True
    assert read_note(session, folder) is None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of cluster.exe: written by the documented layout, read back by names alone."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.tables import (
    Ambiguous,
    GroupRow,
    NodeRow,
    ResourceRow,
    parse_groups,
    parse_nodes,
    parse_resources,
    split_table,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreadable

# The captures in this file are real output that others published (a telecom health check, GroundWork's cluster.vbs,
# T38lib's SQL installer); the last blank is in the original.
NODES = """Listing status for all available nodes:

Node           Node ID Status
-------------- ------- ---------------------
BJMSAPG1A            1 Up
BJMSAPG1B            2 Up
"""
GROUPS = """Listing status for all available resource groups:

Group                Node            Status
-------------------- --------------- ------
ATLPRODSQLC01V1      ATLPRODSQLC01N1 Online
ATLPRODSQLC01V2      ATLPRODSQLC01N2 Online
Cluster Group        ATLPRODSQLC01N1 Online
"""
RESOURCES = """Listing status for all available resources:

Resource             Group                Node            Status
-------------------- -------------------- --------------- ------
Cluster IP Address   RVT1DB               RST1DB2         Online
SQL Network Name (RVT1DB1) RVT1DB1              RST1DB2         Online
SQL Server Fulltext (TSQ9) RVT1DB1              RST1DB2         Online \n"""


def rule(*widths: int) -> str:
    return " ".join("-" * width for width in widths)


def render(headings: list[str], widths: list[int], rows: list[tuple[str, ...]], trailing: str = "") -> str:
    """A table as documented: minimum widths, names never cut, one blank between the columns."""

    def line(cells: tuple[str, ...]) -> str:
        padded = [cell.ljust(width) for cell, width in zip(cells[:-1], widths, strict=False)]
        return " ".join([*padded, cells[-1]]) + trailing

    return "\n".join(["Titel:", "", line(tuple(headings)), rule(*widths), *map(line, rows), ""])


def test_captured_nodes() -> None:
    assert parse_nodes(NODES) == [NodeRow("BJMSAPG1A", 1, "Up"), NodeRow("BJMSAPG1B", 2, "Up")]


def test_captured_groups() -> None:
    names = ["Cluster Group", "ATLPRODSQLC01V1", "ATLPRODSQLC01V2"]
    rows = parse_groups(GROUPS, names, ["ATLPRODSQLC01N1", "ATLPRODSQLC01N2"])
    assert rows[2] == GroupRow("Cluster Group", "ATLPRODSQLC01N1", "Online")
    assert len(rows) == 3


def test_captured_resources() -> None:
    names = ["Cluster IP Address", "SQL Network Name (RVT1DB1)", "SQL Server Fulltext (TSQ9)"]
    rows = parse_resources(RESOURCES, names, ["RVT1DB", "RVT1DB1"], ["RST1DB2"])
    assert rows[0] == ResourceRow("Cluster IP Address", "RVT1DB", "RST1DB2", "Online")
    assert rows[2] == ResourceRow("SQL Server Fulltext (TSQ9)", "RVT1DB1", "RST1DB2", "Online")


def test_states_of_two_words_and_rows_that_look_like_others() -> None:
    groups = ["EVS", "EVS N1", "N1", "Datenbank & Büro (alt)", "Gruppe mit einem sehr langen Namen N2"]
    text = render(
        ["Gruppe", "Knoten", "Status"],
        [20, 15, 6],
        [
            ("EVS", "N1", "Partially Online"),
            ("EVS N1", "N2", "Online"),
            ("N1", "N1", "Online Pending"),
            ("Datenbank & Büro (alt)", "N2", "Offline"),
            ("Gruppe mit einem sehr langen Namen N2", "N1", "Failed"),
        ],
    )
    assert parse_groups(text, groups, ["N1", "N2"]) == [
        GroupRow("EVS", "N1", "Partially Online"),
        GroupRow("EVS N1", "N2", "Online"),
        GroupRow("N1", "N1", "Online Pending"),
        GroupRow("Datenbank & Büro (alt)", "N2", "Offline"),
        GroupRow("Gruppe mit einem sehr langen Namen N2", "N1", "Failed"),
    ]


def test_two_readings_of_a_row_are_refused() -> None:
    # Both resource names are 20 characters or longer, so that nothing but the names could tell where one ends.
    resources = ["01234567890123456789", "01234567890123456789 ab"]
    groups = ["ab group with a long name", "group with a long name"]
    text = render(["R", "G", "N", "S"], [20, 20, 15, 6], [("01234567890123456789", groups[0], "N1", "Online")])
    with pytest.raises(Ambiguous):
        parse_resources(text, resources, groups, ["N1"])
    # Asked for alone, the row is clear.
    assert parse_resources(text, resources[:1], groups, ["N1"])[0].group == groups[0]


@pytest.mark.parametrize("text", ["", "System error 1722 has occurred (0x000006ba).\n", "Online\n"])
def test_no_table(text: str) -> None:
    with pytest.raises(Unreadable, match="no table"):
        split_table(text)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(Unreadable, match="fits no known name"):
        parse_groups(GROUPS, ["Cluster Group"], ["ATLPRODSQLC01N1", "ATLPRODSQLC01N2"])


def test_an_unknown_owner_is_refused() -> None:
    with pytest.raises(Unreadable, match="fits no known name"):
        parse_groups(GROUPS, ["Cluster Group", "ATLPRODSQLC01V1", "ATLPRODSQLC01V2"], ["ATLPRODSQLC01N1"])


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(Unreadable, match="columns"):
        parse_groups(RESOURCES, ["RVT1DB"], ["RST1DB2"])


def test_padding_that_is_not_as_documented_is_forgiven_where_names_decide() -> None:
    text = f"x\n\nG N S\n{rule(20, 15, 6)}\nEVS1    N1  Online\n"
    assert parse_groups(text, ["EVS1"], ["N1"]) == [GroupRow("EVS1", "N1", "Online")]


NAMES = (
    st.text(alphabet=st.sampled_from("AbN12 &()-_.'äöüßÈ"), min_size=1, max_size=34)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
NODE_NAMES = st.sampled_from(["N1", "N2", "NODE-0123456789", "A", "MBX01"])
WORDS = st.sampled_from(["Online", "Partially Online", "Online Pending", "Non in linea", "N1 N2", "Up (Ext, '5')"])


@given(
    names=st.lists(NAMES, min_size=1, max_size=8, unique=True),
    data=st.data(),
    widths=st.tuples(st.integers(5, 25), st.integers(2, 20)),
    trailing=st.sampled_from(["", " ", "   "]),
)
def test_groups_are_read_as_they_were_written(names, data, widths, trailing) -> None:  # type: ignore[no-untyped-def]
    rows = [(name, data.draw(NODE_NAMES), data.draw(WORDS)) for name in names]
    nodes = ["N1", "N2", "NODE-0123456789", "A", "MBX01"]
    text = render(["G", "N", "S"], [*widths, 6], rows, trailing)
    try:
        assert parse_groups(text, names, nodes) == [GroupRow(*row) for row in rows]
    except Ambiguous:
        # Refused rather than guessed; then each group is asked for alone, which is never ambiguous.
        for row in rows:
            single = render(["G", "N", "S"], [*widths, 6], [row], trailing)
            assert parse_groups(single, [row[0]], nodes) == [GroupRow(*row)]


@given(
    resources=st.lists(NAMES, min_size=1, max_size=8, unique=True),
    groups=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    data=st.data(),
    widths=st.tuples(st.integers(5, 25), st.integers(5, 25), st.integers(2, 20)),
)
def test_resources_are_read_as_they_were_written(resources, groups, data, widths) -> None:  # type: ignore[no-untyped-def]
    rows = [(name, data.draw(st.sampled_from(groups)), data.draw(NODE_NAMES), data.draw(WORDS)) for name in resources]
    nodes = ["N1", "N2", "NODE-0123456789", "A", "MBX01"]
    text = render(["R", "G", "N", "S"], [*widths, 6], rows)
    try:
        assert parse_resources(text, resources, groups, nodes) == [ResourceRow(*row) for row in rows]
    except Ambiguous:
        for row in rows:
            single = render(["R", "G", "N", "S"], [*widths, 6], [row])
            assert parse_resources(single, [row[0]], [row[1]], nodes) == [ResourceRow(*row)]


@given(ids=st.lists(st.integers(1, 16), min_size=1, max_size=8, unique=True), word=WORDS)
def test_nodes_are_read_as_they_were_written(ids: list[int], word: str) -> None:
    assume(word != "N1 N2")
    lines = [f"{'NODE' + str(number):<14} {number:>7} {word}" for number in ids]
    text = "\n".join(["T", "", "Node", rule(14, 7, 21), *lines, ""])
    assert parse_nodes(text) == [NodeRow(f"NODE{number}", number, word) for number in ids]

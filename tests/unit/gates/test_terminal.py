# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates as lines on a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.terminal import table
from ansible_collections.mailops.exchange.tests.unit.gates.support import estate, judged


def test_what_needs_a_person_stands_first_and_what_passed_in_one_line() -> None:
    given = estate()
    given["hosts"]["mbx1"]["facts"]["drift"] = 900.0
    result = judged(given, overrides=[{"gate": "setup_running", "reason": "never used"}])
    lines = table(result["gates"], result["verdict"])
    assert lines[0].split() == ["RESULT", "GATE", "HOST", "OBSERVED"]
    assert lines[1].startswith("failed      clock                 mbx1            the host's clock is 900 seconds")
    text = "\n".join(lines)
    assert "why: Logons fail" in text and "do: Set the clock" in text
    assert text.count("disk_space") == 1 and "3 of them       mbx1, n1, n2" in text
    assert "The gates are closed: 1 failed" in text and text.endswith("a reason.")


def test_an_override_shows_its_reason() -> None:
    given = estate()
    given["hosts"]["mbx1"]["facts"]["drift"] = 900.0
    result = judged(given, overrides=[{"gate": "clock", "reason": "It is set at eight."}])
    text = "\n".join(table(result["gates"], result["verdict"], 120))
    assert "overridden  clock" in text and "overridden: It is set at eight." in text
    assert "The gates are open" in text and "1 of the failed ones overridden" in text
    assert "do: Set the clock" not in text


rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["clock", "backup_databases", "x" * 40]),
            "host": st.text(max_size=40, alphabet="abc -ü."),
            "result": st.sampled_from(["passed", "failed", "warning", "information"]),
            "observed": st.text(max_size=300),
            "why": st.text(max_size=50),
            "remedy": st.text(max_size=50),
            "overridden": st.none(),
        }
    ),
    max_size=8,
)


@given(rows, st.integers(0, 200))
def test_no_line_is_longer_than_the_terminal(found: list[dict[str, Any]], width: int) -> None:
    lines = table(found, "failed", width)
    assert all(len(line) <= max(width, 80) for line in lines)
    for row in found:
        if row["result"] != "passed":
            assert any(line.startswith(row["result"]) for line in lines)


@pytest.mark.parametrize("width", [80, 110, 120])
def test_an_empty_estate(width: int) -> None:
    assert table([], "passed", width)[-1].startswith("The gates are open")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of backups: numbers and insertion strings, never sentences."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.evidence import databases, system_state, together

HOUR = 3600.0
NOW = 1_795_381_200.0
PRIV, PUB = "D:\\Exchsrvr\\mdbdata\\priv1.edb", "D:\\Exchsrvr\\mdbdata\\pub1.edb"
KEY, PUB_KEY = PRIV.casefold(), PUB.casefold()


def event(number: int, age: float, *strings: str, group: str = "First Storage Group", **more: Any) -> dict[str, Any]:
    """An event of the engine so many hours ago, its strings as on 2000 and 2003."""
    said = ["Information Store", "2956", f"{group}: ", *strings]
    return {"time": NOW - age * HOUR, "source": "ESE BACKUP", "id": number, "strings": said, "text": "", **more}


def full(age: float, *files: str, group: str = "First Storage Group", end: int = 213) -> list[dict[str, Any]]:
    """A full backup that began so many hours ago and took an hour."""
    rows = [event(210, age, group=group)]
    rows += [event(number, age - 0.5, file, group=group) for file in files for number in (220, 221)]
    return [*rows, event(223, age - 0.8, "E000001.log", "E00000F.log", group=group), event(end, age - 1, group=group)]


def test_a_full_backup_names_its_databases() -> None:
    found = databases(full(7, PRIV, PUB, PRIV.replace(".edb", ".stm")), NOW)
    assert set(found["databases"]) == {KEY, PUB_KEY}
    assert found["databases"][KEY] == {"file": PRIV, "group": "First Storage Group", "age": 6.0, "spoiled": False}
    assert (found["running"], found["failed"]) == ([], {})


def test_the_newest_full_backup_counts() -> None:
    found = databases([*full(30, PRIV, PUB), *full(7, PRIV)], NOW)["databases"]
    assert (found[KEY]["age"], found[PUB_KEY]["age"]) == (6.0, 29.0)


@pytest.mark.parametrize("start", [211, 212])
def test_an_incremental_backup_or_a_shadow_copy_is_none(start: int) -> None:
    rows = full(7, PRIV)
    rows[0]["id"] = start
    assert databases(rows, NOW)["databases"] == {}


@pytest.mark.parametrize("end", [214, 215])
def test_a_backup_that_failed_is_none(end: int) -> None:
    found = databases(full(7, PRIV, end=end), NOW)
    assert (found["databases"], found["failed"]) == ({}, {"First Storage Group": 6.0})


def test_a_later_failure_spoils_the_evidence() -> None:
    found = databases([*full(12, PRIV), *full(3, PRIV, end=214)], NOW)["databases"]
    assert (found[KEY]["age"], found[KEY]["spoiled"]) == (11.0, True)
    found = databases([*full(12, PRIV), *full(3, PRIV, end=214, group="Second")], NOW)["databases"]
    assert found[KEY]["spoiled"] is False


def test_a_file_that_is_not_complete_is_not_backed_up() -> None:
    rows = full(7, PRIV, PUB)
    rows.insert(-1, event(222, 6.2, PUB, "1000", "9000"))
    assert set(databases(rows, NOW)["databases"]) == {KEY}


def test_a_backup_under_way_is_seen_and_a_dead_one_is_not() -> None:
    assert databases([event(210, 0.2)], NOW)["running"] == ["First Storage Group"]
    assert databases([event(210, 30)], NOW)["running"] == []
    assert databases(full(7, PRIV)[:-1], NOW)["running"] == ["First Storage Group"]


def test_exchange_55_has_no_storage_groups() -> None:
    rows = full(7, "D:\\exchsrvr\\MDBDATA\\PRIV.EDB", "D:\\exchsrvr\\DSADATA\\dir.edb")
    for row in rows:
        row |= {"source": "ESE97", "strings": [row["strings"][0], *row["strings"][3:]]}
    found = databases(rows, NOW)["databases"]
    assert set(found) == {"d:\\exchsrvr\\mdbdata\\priv.edb", "d:\\exchsrvr\\dsadata\\dir.edb"}


def test_the_engines_of_exchange_55_fail_each_for_itself() -> None:
    """The directory and the stores have an engine each; a number behind the program's is no storage group."""

    def of(program: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "source": "ESE97", "strings": [program, "294", *row["strings"][3:]]} for row in rows]

    stores, directory = "D:\\exchsrvr\\mdbdata\\priv.edb", "D:\\exchsrvr\\dsadata\\dir.edb"
    rows = of("MSExchangeIS", full(9, stores)) + of("MSExchangeDS", full(7, directory))
    failed = event(214, 2, "-1022")
    found = databases([*rows, *of("MSExchangeDS", [failed])], NOW)
    spoiled = {key: entry["spoiled"] for key, entry in found["databases"].items()}
    assert spoiled == {stores.lower(): False, directory.lower(): True}
    assert set(found["failed"]) == {"MSExchangeDS"}


def test_a_channel_without_strings_still_shows_the_path() -> None:
    rows = full(7, PRIV)
    for row in rows:
        row |= {"strings": [], "text": f"Information Store (2956) Fine del backup del file {row['strings'][-1]}."}
    assert set(databases(rows, NOW)["databases"]) == {KEY}


def test_other_sources_prove_nothing() -> None:
    assert databases([{**row, "source": "MSExchangeIS"} for row in full(7, PRIV)], NOW)["databases"] == {}


def test_nodes_put_their_evidence_together() -> None:
    first, second = databases(full(30, PRIV), NOW), databases(full(7, PRIV), NOW)
    assert together([first, second])[KEY]["age"] == 6.0
    failed = databases(full(3, end=214), NOW)
    assert together([second, failed])[KEY]["spoiled"] is True
    assert together([failed, databases(full(2, PRIV), NOW)])[KEY]["spoiled"] is False
    assert together([{}, {}]) == {}


def saved(what: str, age: float = 6.0, **more: Any) -> dict[str, Any]:
    row = {"time": NOW - age * HOUR, "source": "NTBackup", "id": 8001, "type": "information", "text": ""}
    return {**row, "strings": [what, "Normal"], **more}


@pytest.mark.parametrize(
    "word", ["System State", "Systemstatus", "Stato del sistema", "'System State'", "SYSTEM STATE"]
)
def test_the_system_state_in_the_languages_of_the_table(word: str) -> None:
    assert system_state([saved(word)], NOW) == 6.0


@pytest.mark.parametrize(
    "row",
    [
        saved("C:"),
        saved("System State", id=8000),
        saved("System State", type="error"),
        saved("System State", source="MyBackup"),
        saved("System State of nothing"),
        saved("C:", text="End Backup of 'C:' after System State"),
    ],
)
def test_what_does_not_prove_the_system_state(row: dict[str, Any]) -> None:
    assert system_state([row], NOW) is None


def test_the_newest_system_state_counts() -> None:
    rows = [saved("System State", 30), saved("System State", 5), saved("C:", 1)]
    assert system_state(rows, NOW) == 5.0


def test_without_strings_the_quoted_name_counts() -> None:
    row = saved("", strings=[], text="End Backup of 'System State' 'Verify: Off' 'Mode: Replace' 'Type: Normal'")
    assert system_state([row], NOW) == 6.0
    assert system_state([{**row, "text": "The System State was not saved"}], NOW) is None


numbers = st.sampled_from([210, 211, 212, 213, 214, 215, 220, 221, 222, 223, 224])
events = st.builds(
    lambda number, age, file, group: event(number, age, file, group=group),
    numbers,
    st.floats(0, 200),
    st.sampled_from([PRIV, PUB]),
    st.sampled_from(["A", "B"]),
)


@given(st.lists(events, max_size=25), st.randoms(use_true_random=False))
def test_what_counts_has_a_beginning_its_file_and_a_good_end(rows: list[dict[str, Any]], random: Any) -> None:
    found = databases(rows, NOW)
    for entry in found["databases"].values():
        own = [row for row in rows if row["strings"][2] == f"{entry['group']}: "]
        moment = NOW - entry["age"] * HOUR
        assert any(row["id"] == 213 and abs(row["time"] - moment) < 1 for row in own)
        assert any(row["id"] == 210 and row["time"] <= moment + 1 for row in own)
        assert any(row["id"] == 221 and entry["file"] in row["strings"] and row["time"] <= moment + 1 for row in own)
        if entry["spoiled"]:
            assert any(row["id"] in (214, 215, 222) and row["time"] > moment - 1 for row in own)
    if len({row["time"] for row in rows}) == len(rows):
        # The order in which a host lists its events says nothing.
        random.shuffle(rows)
        assert databases(rows, NOW) == found
    # A failure now spoils whatever its storage group has.
    after = databases([*rows, event(214, 0, group="A")], NOW + 1)["databases"]
    assert all(entry["spoiled"] for entry in after.values() if entry["group"] == "A")

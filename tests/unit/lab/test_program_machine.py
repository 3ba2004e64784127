# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What wmic tells of a machine's drives, groups and event log."""

from __future__ import annotations

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console


def rows(console: Console, line: str) -> list[dict[str, str]]:
    """The records of a line that ends with /value."""
    found: list[dict[str, str]] = []
    for text in console.out(f"{line} /value <nul").replace("\r", "").splitlines():
        name, equals, value = text.partition("=")
        if equals:
            if not found or name in found[-1]:
                found.append({})
            found[-1][name] = value
    return found


def test_the_drives() -> None:
    console = Console("n1")
    found = rows(console, "wmic logicaldisk get DeviceID,FreeSpace")
    assert [row["DeviceID"] for row in found] == ["C:", "E:", "Q:"]
    assert int(found[0]["FreeSpace"]) == console.host.files.free_bytes("C:\\")
    assert 36 * 2**30 - int(found[1]["FreeSpace"]) == 35 * 2**20


def test_a_group_by_its_identifier() -> None:
    line = "wmic path win32_group where \"LocalAccount=TRUE and SID='S-1-5-32-544'\" get Name"
    german = Console("mbx1", **complete({"speed": 0, "language": "de", "hosts": {"mbx1": None}}))
    assert rows(german, line) == [{"Name": "Administratoren"}]
    assert rows(Console("n1"), line) == [{"Name": "Administrators"}]


def test_the_event_log_has_the_strings_of_backups() -> None:
    line = "wmic ntevent where \"Logfile='Application' and EventCode=221\" get EventCode,InsertionStrings"
    found = rows(Console("mbx1"), line)
    assert len(found) == 2
    assert all(row["InsertionStrings"].endswith('1.edb"}') for row in found)

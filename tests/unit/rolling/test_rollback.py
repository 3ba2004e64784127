# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What going back would take, and what is due, in plain words."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.due import backups_due, entries
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.rollback import rollback_words

SP2 = {"id": "exchange2003-sp2", "kind": "service_pack", "title": "Exchange Server 2003 Service Pack 2"}
FIX = {"id": "exchange2003-kb912442", "kind": "hotfix", "title": "KB912442"}


def gate(id_: str, host: str, result: str, observed: str, overridden: str | None = None) -> dict[str, Any]:
    return {"id": id_, "host": host, "result": result, "observed": observed, "overridden": overridden}


def test_a_service_pack_cannot_be_uninstalled() -> None:
    text = " ".join(rollback_words([SP2], ["mbx2", "mbx1"]))
    assert "There is no uninstall: Exchange Server 2003 Service Pack 2 cannot be removed again from mbx1, mbx2." in text
    for words in ("remove Exchange", "install it anew", "restore every database", "nobody has looked yet"):
        assert words in text


def test_a_hotfix_alone_says_nothing_of_restoring() -> None:
    text = " ".join(rollback_words([FIX], ["mbx1"]))
    assert "KB912442 can be removed in Control Panel" in text
    assert "restore" not in text and "no uninstall" not in text


def test_both() -> None:
    text = " ".join(rollback_words([SP2, FIX]))
    assert "no uninstall: Exchange Server 2003 Service Pack 2 cannot" in text and "KB912442 can be removed" in text


def test_nothing_is_said_without_updates() -> None:
    assert rollback_words([]) == []


def test_the_gates_say_where_the_backups_are() -> None:
    lines = rollback_words(
        [SP2],
        ["mbx1"],
        [
            gate("backup_databases", "mbx1", "passed", "all 4 databases backed up, the oldest 6 h ago"),
            gate("backup_system_state", "mbx1", "passed", "stated by A. Admin, 2026-11-22: tape 12"),
            gate("backup_controllers", "dc1", "failed", "no backup", "it is a copy"),
            gate("disk_space", "mbx1", "passed", "enough"),
        ],
    )
    told = [line for line in lines if line.startswith("Backup that would serve")]
    assert told == [
        "Backup that would serve, Exchange databases, mbx1: all 4 databases backed up, the oldest 6 h ago.",
        "Backup that would serve, system state of the servers, mbx1: stated by A. Admin, 2026-11-22: tape 12.",
        "Backup that would serve, system state of the domain controllers, dc1: not proved, overridden: it is a copy.",
    ]


def test_a_warning_proves_nothing() -> None:
    lines = rollback_words([SP2], [], [gate("backup_databases", "mbx1", "warning", "not judged")])
    assert any("NOT PROVED: not judged" in line for line in lines)


def test_many_hosts_are_counted() -> None:
    hosts = [f"mbx{number}" for number in range(30)]
    lines = rollback_words([SP2], hosts, [gate("backup_databases", host, "passed", "backed up") for host in hosts])
    assert "from 30 servers" in lines[0]
    assert "Exchange databases, 30 hosts: backed up." in lines[-1]


def step(word: str, host: str, obj: str, cluster: str | None = None, **more: Any) -> dict[str, Any]:
    return {"step": word, "host": host, "object": obj, "cluster": cluster, "changed": True, "status": "ok", **more}


PLAN = {"entries": [FIX, SP2], "outages": {"mail/EVS1": {}, "other/EVS9": {}}}


def test_every_updated_server_has_a_backup_due() -> None:
    found = backups_due(
        PLAN,
        [
            step("install_update", "mbx1", SP2["id"]),
            step("install_update", "mbx2", FIX["id"]),
            step("install_update", "mbx3", SP2["id"], status="failed"),
            step("note_backup_due", "mbx4", "mbx4", after={"backup_due": SP2["id"]}),
            step("install_update", "n1", SP2["id"], "mail"),
            step("upgrade_virtual_server", "n2", "EVS1", "mail"),
        ],
    )
    assert [text.partition(":")[0] for text in found] == ["mbx1", "mbx4", "mail/EVS1 (on n1, n2)"]
    assert all("full backup due" in text and SP2["title"] in text for text in found)


def test_an_upgrade_for_a_hotfix_leaves_nothing_due() -> None:
    plan = {"entries": [FIX], "outages": {"mail/EVS1": {}}}
    assert backups_due(plan, [step("upgrade_virtual_server", "n2", "EVS1", "mail")]) == []


def test_entries_of_a_plan_with_one_update_and_with_several() -> None:
    assert entries({"update": "a", "kind": "hotfix", "title": "A"}) == [{"id": "a", "kind": "hotfix", "title": "A"}]
    assert [entry["id"] for entry in entries({"updates": ["a", "b"], "kind": "service_pack"})] == ["a", "b"]
    assert entries({}) == []

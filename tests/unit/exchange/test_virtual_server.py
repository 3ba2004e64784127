# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrading a virtual server on a simulated cluster."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import bring_online, move_group
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory_entries import describe_servers
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.virtual_server import (
    SETUP_LOG,
    fill_command,
    unmet,
    upgrade,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed, Refused, WaitTimeout
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

TOOL = 'C:\\Site\\UpgradeVirtualServer.exe "{group}"'
ACCOUNT = "CONTOSO\\exsetup"


class WorldDirectory:
    """The simulated directory without its wire; each look lets a little time pass."""

    def __init__(self, session: LabSession) -> None:
        self.session = session

    def servers(self) -> dict[str, dict[str, Any]]:
        self.session.clock.sleep(5)
        entries = [
            {name.lower(): list(values) for name, values in entry["attributes"].items()}
            for entry in self.session.world.directory
        ]
        return describe_servers(entry for entry in entries if "serialnumber" in entry)


def ready(operator: dict[str, Any] | None = None, **server: Any) -> LabSession:
    """Both nodes updated, the virtual server not, its Exchange resources offline."""
    estate = copy.deepcopy(CLUSTER)
    estate["operator"] = operator
    for node in ("n1", "n2"):
        estate["hosts"][node]["service_pack"] = 2
    estate["clusters"]["mail"]["virtual_servers"]["EVS1"] |= {"service_pack": 1, **server}
    return LabSession(world_of(estate), "n1")


def run(session: LabSession, **options: Any) -> dict[str, Any]:
    password = next(a.password for a in session.world.accounts.values() if a.name == ACCOUNT)
    given = {"account": ACCOUNT, "password": password, "timeout": 1800, **options}
    return upgrade(session, "evs1", load()["exchange2003-sp2"], WorldDirectory(session), **given)


def test_a_person_upgrades_it() -> None:
    session = ready({"reacts_after": 60})
    result = run(session)
    assert result["changed"] is True
    assert (result["before"]["service_pack"], result["after"]["service_pack"]) == (1, 2)
    assert any("Upgrade Exchange Virtual Server" in text for text in session.said)
    assert any("N1" in text for text in result["instructions"])
    again = run(session)
    assert again["changed"] is False
    assert bring_online(session, "EVS1", 900)["after"]["state"] == "online"


def test_the_sites_tool_upgrades_it() -> None:
    session = ready()
    result = run(session, method="command", command=TOOL)
    assert (result["changed"], result["exit_code"]) == (True, 0)
    assert result["after"]["build"] == 7638
    assert any('UpgradeVirtualServer.exe ^"EVS1^"' in line for line in session.lines)
    assert run(session, method="command", command=TOOL)["changed"] is False
    assert session.world.referee.violations == []


def test_nobody_upgrades_it() -> None:
    with pytest.raises(WaitTimeout) as caught:
        run(ready(), timeout=600)
    assert "Upgrade Exchange Virtual Server" in caught.value.remedy
    assert caught.value.details["trouble"]["id"] == "missing_upgrade_entry"


def test_a_node_on_which_the_entry_is_missing() -> None:
    session = ready({"reacts_after": 60})
    session.world.hosts["n1"].reinstall_needed = True
    session.world.hosts["n1"].log_event("Application", "MSExchangeCluster", 1025, "error", "was there before")
    with pytest.raises(WaitTimeout) as caught:
        run(session, timeout=600)
    assert caught.value.details["trouble"]["id"] == "evicted_node"
    assert "Reinstall" in caught.value.remedy


def test_the_log_of_setup_tells_what_a_person_met() -> None:
    session = ready()
    files = session.world.hosts["n1"].files
    files.append(SETUP_LOG, b"[10:00:00] Error code 0XC1037B44 of another day\r\n")
    session.world.clock.after(120, lambda: files.append(SETUP_LOG, b"[12:00:00] Error code 0XC1037B44 (7D44): ...\r\n"))
    with pytest.raises(WaitTimeout) as caught:
        run(session, timeout=600)
    assert caught.value.details["trouble"]["id"] == "version_mismatch"
    assert "12:00:00" in caught.value.details["trouble"]["evidence"][0]


def test_a_tool_that_meets_other_versions_is_explained() -> None:
    session = ready()
    session.world.faults.load(
        [{"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44", "times": 1}]
    )
    with pytest.raises(CommandFailed) as caught:
        run(session, method="command", command=TOOL)
    assert "c1037b44" in caught.value.remedy
    assert caught.value.details["trouble"]["id"] == "version_mismatch"
    assert run(session, method="command", command=TOOL)["changed"] is True


def test_preconditions_are_told_together() -> None:
    session = LabSession(world_of(CLUSTER), "n2")
    with pytest.raises(Refused) as caught:
        run(session)
    missing = " | ".join(entry["what"] for entry in caught.value.details["unmet"])
    assert "Move EVS1 to N2 first." in caught.value.remedy
    assert "Install the update on N2 first." in caught.value.remedy
    assert "it stands on N1" in missing
    assert "N2 is not updated" in missing
    assert "has to be offline" in missing
    assert session.changes == []


def test_each_precondition() -> None:
    session = ready()
    state = read_cluster(session)
    assert unmet(state, "EVS1", "n1", True) == []
    dtc = next(name for name, entry in state.resources.items() if entry.type == "Distributed Transaction Coordinator")
    session.run(f'cluster res "{dtc}" /off /wait:60', changes=True)
    assert "Distributed Transaction Coordinator" in unmet(read_cluster(session), "EVS1", "n1", True)[0].what
    session.run(f'cluster res "{dtc}" /on /wait:60', changes=True)
    session.run('cluster res "EVS1 IP Address" /off /wait:60', changes=True)
    assert any("EVS1 IP Address" in entry.what for entry in unmet(read_cluster(session), "EVS1", "n1", True))
    assert all(entry.remedy for entry in unmet(state, "Cluster Group", "N1", True))
    assert any("System Attendant" in entry.what for entry in unmet(state, "Cluster Group", "N1", True))


def test_it_stands_on_the_other_node() -> None:
    session = ready()
    move_group(session, "EVS1", "N2", 600)
    with pytest.raises(Refused, match="it stands on N2"):
        run(session)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "no way"),
        ({"method": "command"}, "no command line"),
        ({"method": "command", "command": "x {host}"}, "unknown placeholders"),
        ({"method": "command", "command": "x {"}, "cannot be read"),
        ({"method": "command", "command": "x", "account": None}, "an account"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_sent(options: dict[str, Any], message: str) -> None:
    session = ready()
    with pytest.raises(Refused, match=message):
        run(session, **options)
    assert session.changes == []


def test_a_hotfix_that_says_so_upgrades_it() -> None:
    session = ready({"reacts_after": 60})
    for node in ("n1", "n2"):
        session.world.hosts[node].hotfixes.append("KB926666")
    # The directory shows the later build a minute after somebody has chosen the entry.
    done = session.clock.now() + 60
    server = {"name": "EVS1", "product": "2003", "service_pack": 2, "serial_number": "Version 6.5"}

    class Later(WorldDirectory):
        def servers(self) -> dict[str, dict[str, Any]]:
            self.session.clock.sleep(5)
            return {"EVS1": {**server, "build": 7651 if self.session.clock.now() > done else 7638}}

    fix = {**load()["exchange2003-kb912442"], "upgrades_virtual_server": True}
    fix["result"] = {"hotfix": "KB926666", "build": 7651}
    result = upgrade(session, "EVS1", fix, Later(session), timeout=600)
    assert (result["changed"], result["before"]["build"], result["after"]["build"]) == (True, 7638, 7651)
    assert result["instructions"]


def test_no_directory_no_upgrade() -> None:
    with pytest.raises(Refused, match="directory"):
        upgrade(ready(), "EVS1", load()["exchange2003-sp2"], None)


def test_a_hotfix_upgrades_nothing() -> None:
    with pytest.raises(Refused, match="does not ask"):
        upgrade(ready(), "EVS1", load()["exchange2003-kb912442"], None)


def test_commands_are_filled_in_for_a_command_file() -> None:
    assert fill_command("tool 50% {group} on {node}: {network_name}", "A & B", "EVS1", "N1") == (
        "tool 50%% A & B on N1: EVS1"
    )
    with pytest.raises(Refused):
        fill_command("tool {group}", 'x" & del', "EVS1", "N1")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate on which every gate is open, as plain data, for tests that close one."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.judge import judge
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.model import View

NOW = 1_795_381_200.0
GIGABYTE = 2**30

SP2: dict[str, Any] = {
    "id": "exchange2003-sp2",
    "kind": "service_pack",
    "product": "2003",
    "from": [{"service_pack": 0}, {"service_pack": 1}],
    "result": {"service_pack": 2, "build": 7638},
    "upgrades_virtual_server": True,
    "requires": [{"update": "windows2003-kb831464", "on": "cluster"}],
    "command": "setup",
    "processes": ["update.exe", "setup.exe"],
    "package": {
        "path": r"\\dc1\updates\E3SP2ENG.EXE",
        "file": "E3SP2ENG.EXE",
        "sha256": "0" * 64,
        "size": 1000,
        "verify": "sha256",
    },
}
HOTFIX: dict[str, Any] = {
    **SP2,
    "id": "exchange2003-kb912442",
    "kind": "hotfix",
    "from": [{"service_pack": 2}],
    "result": {"hotfix": "KB912442"},
    "upgrades_virtual_server": False,
    "requires": [],
    "package": {**SP2["package"], "path": r"\\dc1\updates\Exchange2003-KB912442-x86-ENU.exe"},
}
IIS: dict[str, Any] = {
    **HOTFIX,
    "id": "windows2003-kb831464",
    "kind": "windows_hotfix",
    "product": "windows",
    "from": [],
    "applies": {"os": ["server2003"], "os_service_pack": [0]},
    "result": {"hotfix": "KB831464"},
    "package": {**SP2["package"], "path": r"\\dc1\updates\WindowsServer2003-KB831464-x86-ENU.exe"},
    "prerequisite": True,
}


def exchange(name: str, **changes: Any) -> dict[str, Any]:
    """A server as exchange_info tells it, on service pack 1."""
    found = {
        "computer_name": name.upper(),
        "installed": True,
        "product": "2003",
        "service_pack": 1,
        "build": 7226,
        "hotfixes": [],
        "os": {"name": "server2003", "service_pack": 2},
        "clustered": False,
    }
    return found | changes


def database(file: str, age: float = 6.0, **changes: Any) -> dict[str, Any]:
    return {"file": file, "group": "First Storage Group", "age": age, "spoiled": False} | changes


def facts(*files: str) -> dict[str, Any]:
    """What preflight_facts tells of a host on which all is well."""
    return {
        "time": NOW,
        "drift": 0.0,
        "rights": "administrator",
        "backup": {
            "engine": {
                "databases": {file.lower(): database(file) for file in files},
                "failed": {},
                "running": [],
            },
            "system_state": 6.0,
            "problem": None,
        },
        "services": {
            "MSExchangeIS": {
                "display_name": "Microsoft Exchange Information Store",
                "state": "running",
                "start_type": "auto",
            }
        },
        "processes": ["store.exe", "svchost.exe"],
        "drives": {"C:": {"free": 10 * GIGABYTE, "for": ["system", "exchange", "packages"]}},
        "pending_restart": [],
        "code_page": 437,
        "language": "0409",
        "administrators": ["Administrator", r"CONTOSO\Domain Admins", r"CONTOSO\exsetup"],
        "quorum": {"resource": "guid"},
        "problems": {},
    }


SP4: dict[str, Any] = {
    **SP2,
    "id": "exchange55-sp4",
    "product": "5.5",
    "from": [{"service_pack": number} for number in range(4)],
    "result": {"service_pack": 4, "build": 2653},
    "upgrades_virtual_server": False,
    "requires": [],
    "package": {**SP2["package"], "path": r"\\dc1\updates\SP4_550I.EXE"},
}
FILES_55 = (r"C:\EXCHSRVR\mdbdata\priv.edb", r"C:\EXCHSRVR\mdbdata\pub.edb", r"C:\EXCHSRVR\dsadata\dir.edb")


def old_estate() -> dict[str, Any]:
    """A server with Exchange 5.5 on Windows 2000, and its domain controller, on which every gate is open."""
    found = single("old1")
    found["exchange"] |= {"product": "5.5", "service_pack": 3, "build": 2650, "os": {"name": "2000", "service_pack": 4}}
    found["packages"] = {"exchange55-sp4": {"needed": True, "staged": False, "path": r"C:\mailops\x\SP4_550I.EXE"}}
    found["installations"] = {"exchange55-sp4": {"phase": "none"}}
    found["facts"] = {**facts(*FILES_55), "system": "2000", "databases": list(FILES_55), "application_server": False}
    controller = {"facts": {"system": "2000", "processes": [], "backup": {"system_state": 6.0, "problem": None}}}
    return {
        "hosts": {"old1": found},
        "controllers": {"dc1": controller},
        "directory": None,
        "directory_given": False,
        "updates": [copy.deepcopy(SP4)],
        "now": NOW,
        "setup_account": r"CONTOSO\exsetup",
    }


def single(name: str = "mbx1") -> dict[str, Any]:
    return {
        "exchange": exchange(name),
        "cluster": None,
        "packages": {"exchange2003-sp2": {"needed": True, "staged": False, "path": r"C:\mailops\x\E3SP2ENG.EXE"}},
        "installations": {"exchange2003-sp2": {"phase": "none"}},
        "note": None,
        "connector": None,
        "facts": facts(r"D:\mdbdata\priv1.edb", r"D:\mdbdata\pub1.edb"),
    }


def cluster_state() -> dict[str, Any]:
    resources = {
        "Disk Q:": ("Cluster Group", "Physical Disk"),
        "MSDTC": ("Cluster Group", "Distributed Transaction Coordinator"),
        "EVS1 SA": ("EVS1", "Microsoft Exchange System Attendant"),
    }
    return {
        "service": "running",
        "name": "mail",
        "quorum_resource": "Disk Q:",
        "nodes": {"N1": {"id": 1, "state": "up"}, "N2": {"id": 2, "state": "up"}},
        "groups": {
            "Cluster Group": {"owner": "N1", "state": "online", "quorum": True, "virtual_server": False},
            "EVS1": {
                "owner": "N1",
                "state": "online",
                "quorum": False,
                "virtual_server": True,
                "network_name": "EVS1",
                "possible_owners": ["N1", "N2"],
            },
        },
        "resources": {
            name: {"group": group, "owner": "N1", "state": "online", "type": kind}
            for name, (group, kind) in resources.items()
        },
    }


def node(name: str, *files: str) -> dict[str, Any]:
    found = single(name)
    found["exchange"] = exchange(name, clustered=True)
    found["cluster"] = cluster_state()
    found["facts"] = facts(*files)
    return found


def directory() -> dict[str, Any]:
    files = {"MBX1": [r"D:\mdbdata\priv1.edb", r"D:\mdbdata\pub1.edb"], "EVS1": [r"M:\mdbdata\priv1.edb"]}
    return {
        "servers": {
            name: {"name": name, "product": "2003", "databases": [{"name": file, "file": file} for file in rows]}
            for name, rows in files.items()
        }
    }


def estate() -> dict[str, Any]:
    """Everything that a view is made of; a test changes its own copy."""
    return copy.deepcopy(
        {
            "hosts": {"mbx1": single(), "n1": node("n1", r"M:\mdbdata\priv1.edb"), "n2": node("n2")},
            "controllers": {"dc1": {"facts": {"backup": {"system_state": 6.0, "problem": None}}}},
            "directory": directory(),
            "updates": [SP2],
            "now": NOW,
            "setup_account": r"CONTOSO\exsetup",
        }
    )


def both(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The cluster as its two nodes see it."""
    return [given["hosts"]["n1"]["cluster"], given["hosts"]["n2"]["cluster"]]


RELEASE_NOTES = {"gate": "release_notes", "who": "A. Rossi", "when": "2026-11-20", "what": "Read, nothing to do here."}


def judged(given: dict[str, Any], statements: Any = None, overrides: Any = ()) -> dict[str, Any]:
    from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import signed

    said = signed.read_statements([RELEASE_NOTES] if statements is None else statements)
    return judge(View(**given), said, signed.read_overrides(overrides))


def failing(result: dict[str, Any]) -> set[tuple[str, str]]:
    """Id and host of the rows that failed."""
    return {(row["id"], row["host"]) for row in result["gates"] if row["result"] == "failed"}


def row(result: dict[str, Any], gate: str, host: str = "") -> dict[str, Any]:
    """The one row of a gate and host."""
    (found,) = [each for each in result["gates"] if (each["id"], each["host"]) == (gate, host)]
    return found

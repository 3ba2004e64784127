# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates to plan with: entries as the catalogue has them."""

from __future__ import annotations

from typing import Any

SP2: dict[str, Any] = {
    "id": "exchange2003-sp2",
    "title": "Exchange Server 2003 Service Pack 2",
    "kind": "service_pack",
    "product": "2003",
    "from": [{"service_pack": 0}, {"service_pack": 1}],
    "result": {"service_pack": 2, "build": 7638},
    "upgrades_virtual_server": True,
    "log": {"path": "C:\\Exchange Server Setup Progress.log"},
}
HOTFIX: dict[str, Any] = {
    "id": "exchange2003-kb912442",
    "title": "KB 912442",
    "kind": "hotfix",
    "product": "2003",
    "from": [{"service_pack": 1}, {"service_pack": 2}],
    "result": {"hotfix": "KB912442"},
    "upgrades_virtual_server": False,
}
SP1: dict[str, Any] = {
    **SP2,
    "id": "exchange2003-sp1",
    "title": "Exchange Server 2003 Service Pack 1",
    "from": [{"service_pack": 0}],
    "result": {"service_pack": 1, "build": 7226},
}
FOR_SP1: dict[str, Any] = {**HOTFIX, "id": "exchange2003-sp1-kb912442", "from": [{"service_pack": 1}]}
FOR_SP2: dict[str, Any] = {**HOTFIX, "id": "exchange2003-sp2-kb912442", "from": [{"service_pack": 2}]}
IIS_FIX: dict[str, Any] = {
    "id": "windows2003-kb831464",
    "title": "Hotfix for IIS 6.0 compression on Windows Server 2003",
    "kind": "windows_hotfix",
    "product": "windows",
    "applies": {"os": ["server2003"], "os_service_pack": [0]},
    "from": [],
    "result": {"hotfix": "KB831464"},
    "restart": "always",
    "command": "fix.exe /quiet",
    "package": {"path": "\\\\files\\updates\\fix.exe"},
}
WITH_FIX: dict[str, Any] = {**SP2, "requires": [{"update": IIS_FIX["id"], "on": "cluster"}]}
SP3_2000: dict[str, Any] = {
    "id": "exchange2000-sp3",
    "title": "Exchange 2000 Service Pack 3",
    "kind": "service_pack",
    "product": "2000",
    "from": [{"service_pack": 0}, {"service_pack": 1}, {"service_pack": 2}],
    "result": {"service_pack": 3, "build": 6249},
    "databases": True,
    "database_minutes": 30,
}
ROLLUP: dict[str, Any] = {
    "id": "exchange2000-kb870540",
    "title": "Rollup for Exchange 2000 SP3 (August 2004)",
    "kind": "hotfix",
    "product": "2000",
    "from": [{"service_pack": 3}],
    "result": {"hotfix": "KB870540"},
    "upgrades_virtual_server": False,
    "package": {"path": "\\\\files\\updates\\Exchange2000-KB870540-x86-ENU.exe"},
    "databases": True,
    "database_minutes": 10,
}
AFTER_ROLLUP: dict[str, Any] = {
    **ROLLUP,
    "id": "exchange2000-kb912442",
    "title": "Security update for Exchange 2000 SP3 (MS06-029)",
    "from": [{"service_pack": 3, "hotfix": "KB870540"}],
    "result": {"hotfix": "KB912442"},
    "requires": [{"update": ROLLUP["id"], "on": "any"}],
}
SUITE: dict[str, Any] = {
    **SP3_2000,
    "id": "sbs2000-sp1",
    "title": "Small Business Server 2000 Service Pack 1",
    "edition": "small_business",
    "from": [{"service_pack": 0}, {"service_pack": 1}, {"service_pack": 2}, {"service_pack": 3}],
    "result": {"service_pack": 3, "build": 6249, "windows_service_pack": 3, "suite_service_pack": 1},
    "restart": "always",
}
UPDATES = {
    entry["id"]: entry for entry in (SP1, SP2, HOTFIX, FOR_SP1, FOR_SP2, IIS_FIX, SP3_2000, ROLLUP, AFTER_ROLLUP, SUITE)
}

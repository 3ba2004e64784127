# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes of WMI about the machine: its drives, its local groups. Names of the properties [V, their documentation]."""

from __future__ import annotations

from collections.abc import Callable

from ..machines import local_groups
from ..shell.call import Call
from .wql import Record

LOCAL_DISK, ALIAS_SID = "3", "4"


def drives(call: Call) -> list[Record]:
    """Win32_LogicalDisk: the local drives; sizes in bytes."""
    volumes = call.host.files.volumes
    return [
        {
            "Caption": letter,
            "DeviceID": letter,
            "DriveType": LOCAL_DISK,
            "FileSystem": "NTFS",
            "FreeSpace": str(max(volumes[letter].free_bytes, 0)),
            "Name": letter,
            "Size": str(volumes[letter].capacity),
            "VolumeName": "",
        }
        for letter in sorted(volumes)
    ]


def groups(call: Call) -> list[Record]:
    """Win32_Group: the local groups, by their names in the host's language, with the identifiers that have none."""
    name = call.host.computer_name
    return [
        {
            "Caption": f"{name}\\{group}",
            "Domain": name,
            "LocalAccount": "TRUE",
            "Name": group,
            "SID": identifier,
            "SIDType": ALIAS_SID,
            "Status": "OK",
        }
        for group, (identifier, unused) in sorted(local_groups(call.host).items())
    ]


ALIASES: dict[str, Callable[[Call], list[Record]]] = {
    "logicaldisk": drives,
    "win32_logicaldisk": drives,
    "group": groups,
    "win32_group": groups,
}

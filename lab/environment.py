# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that Windows gives to a program, by the version of Windows and the account. [R]"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .host import Host

SYSTEM = "NT AUTHORITY\\SYSTEM"
_NO_PROFILE = {
    "2000": "C:\\Documents and Settings\\Default User",
    "server2003": "{root}\\system32\\config\\systemprofile",
}


def is_system(user: str) -> bool:
    """Whether an account's name stands for the system itself."""
    return user.upper() in ("", "SYSTEM", "LOCALSYSTEM", ".\\LOCALSYSTEM", SYSTEM)


def profile_of(host: Host, user: str) -> str:
    """The folder of an account's profile."""
    if is_system(user):
        return _NO_PROFILE.get(host.os, "{root}\\Profiles\\Default User").format(root=host.system_root)
    name = user.rpartition("\\")[2]
    if host.os == "nt4":
        return f"{host.system_root}\\Profiles\\{name}"
    return f"C:\\Documents and Settings\\{name}"


def temporary_of(host: Host, user: str) -> str:
    """The folder that %TEMP% names: one for all on NT 4.0, the system's own, or one in the profile."""
    if host.os == "nt4":
        return "C:\\TEMP"
    if is_system(user):
        return f"{host.system_root}\\TEMP"
    return profile_of(host, user) + "\\Local Settings\\Temp"


def environment(host: Host, user: str) -> dict[str, str]:
    """The variables of a new process of that account; makes the folders that they name."""
    world, root = host.world, host.system_root
    profile, temporary = profile_of(host, user), temporary_of(host, user)
    for folder in (profile, temporary):
        if not host.files.exists(folder):
            host.files.make_dirs(folder)
    found = {
        "COMPUTERNAME": host.computer_name,
        "ComSpec": f"{root}\\system32\\cmd.exe",
        "NUMBER_OF_PROCESSORS": "2",
        "OS": "Windows_NT",
        "Path": f"{root}\\system32;{root}",
        "PATHEXT": ".COM;.EXE;.BAT;.CMD",
        "PROCESSOR_ARCHITECTURE": "x86",
        "PROMPT": "$P$G",
        "SystemDrive": "C:",
        "SystemRoot": root,
        "TEMP": temporary,
        "TMP": temporary,
        "USERDOMAIN": world.prefix,
        "USERNAME": "SYSTEM" if is_system(user) else user.rpartition("\\")[2],
        "USERPROFILE": profile,
        "windir": root,
    }
    if host.os != "nt4":
        found |= {
            "ALLUSERSPROFILE": "C:\\Documents and Settings\\All Users",
            "CommonProgramFiles": "C:\\Program Files\\Common Files",
            "Path": f"{found['Path']};{root}\\System32\\Wbem",
            "PATHEXT": f"{found['PATHEXT']};.VBS;.VBE;.JS;.JSE;.WSF;.WSH",
            "ProgramFiles": "C:\\Program Files",
            "USERDNSDOMAIN": world.domain,
        }
    return found

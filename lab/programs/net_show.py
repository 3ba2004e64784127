# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""``net time \\\\server`` and ``net localgroup``: they only show. Layouts as they are known from everyday use [R]."""

from __future__ import annotations

from ..machines import local_groups
from ..shell.call import Call

FAILED = 2
BAD_NETPATH, NO_SUCH_GROUP = 53, 1376
RULE = "-" * 79


def time(call: Call, words: list[str]) -> int:
    r"""``net time [\\\\server]``: the clock of a machine; without a server that of a domain controller."""
    names = [word.lstrip("\\").lower().partition(".")[0] for word in words if not word.startswith("/")]
    wanted = names[0] if names else next(iter(call.world.controllers)).lower()
    found = [h for h in call.world.machines.values() if wanted in (h.name.lower(), h.computer_name.lower()) and h.up]
    if not found:
        return _error(call, BAD_NETPATH)
    moment = found[0].local_time
    name = f"\\\\{found[0].computer_name}"
    call.line(call.text("net.time", server=name, time=f"{moment.month}/{moment:%d/%Y %I:%M %p}") + "\n")
    call.line(call.text("net.done") + "\n")
    return 0


def local_group(call: Call, name: str) -> int:
    """``net localgroup [NAME]``: the groups, or the members of one."""
    groups = local_groups(call.host)
    if not name:
        call.line("\n" + call.text("net.groups", server=f"\\\\{call.host.computer_name}") + f"\n\n{RULE}")
        for each in sorted(groups):
            call.line(f"*{each}")
        call.line(call.text("net.done") + "\n")
        return 0
    known = next((each for each in groups if each.lower() == name.lower()), None)
    if known is None:
        return _error(call, NO_SUCH_GROUP)
    call.line(call.text("net.group.name", name=known))
    call.line(call.text("net.group.comment") + "\n")
    call.line(call.text("net.group.members") + f"\n\n{RULE}")
    for member in groups[known][1]:
        own = f"{call.host.computer_name}\\"
        call.line(member.removeprefix(own))
    call.line(call.text("net.done") + "\n")
    return 0


def _error(call: Call, code: int) -> int:
    call.complain(call.text("net.system_error", code=code) + "\n\n" + call.win32(code) + "\n")
    return FAILED

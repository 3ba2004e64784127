# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``shutdown`` of Server 2003."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import Win32Error
from ..shell.call import Call, program

DEFAULT_DELAY = 30.0
REASON = re.compile(r"(?:[up]+:)?\d{1,3}:\d{1,5}$", re.IGNORECASE)
LONGEST_DELAY, LONGEST_COMMENT = 600, 127


class UsageError(Exception):
    """The arguments make no sense."""


def _changing(argv: Sequence[str]) -> bool:
    return any(word[:1] in "-/" and word[1:2].lower() in ("r", "s", "a", "l") for word in argv)


@program("shutdown", changing=_changing, systems=("server2003",))
def shutdown(call: Call) -> int:
    r"""``shutdown -r|-s|-a [-f] [-t N] [-d [p:]XX:YY] [-c "TEXT"] [-m \\HOST]``; exit 0 or the Win32 code."""
    try:
        action, delay, machine = _read(call.argv)
    except UsageError:
        call.line(call.text("shutdown.usage"))
        return 1
    host = call.host
    if machine:
        named = [
            each for each in call.world.machines.values() if machine.lower() in (each.name, each.computer_name.lower())
        ]
        if not named or not named[0].up:
            return _failed(call, 53)
        if named[0] is not host and call.context.credentials is None:
            return _failed(call, 5)
        host = named[0]
    try:
        if action == "a":
            host.abort_shutdown()
        else:
            host.shutdown(restart=action == "r", delay=delay)
    except Win32Error as error:
        return _failed(call, error.code)
    return 0


def _failed(call: Call, code: int) -> int:
    call.complain(f"{call.win32(code)}({code})")
    return code


def _read(argv: Sequence[str]) -> tuple[str, float, str]:
    action, machine = "", ""
    delay = DEFAULT_DELAY
    words = iter(argv)
    for word in words:
        option = word[1:].lower() if word[:1] in ("-", "/") else ""
        if option in ("r", "s", "a", "l"):
            if action:
                raise UsageError
            action = option
        elif option == "t":
            text = next(words, "")
            if not text.isdigit() or int(text) > LONGEST_DELAY:
                raise UsageError
            delay = float(text)
        elif option == "d":
            if not REASON.match(next(words, "")):
                raise UsageError
        elif option == "c":
            if len(next(words, "")) > LONGEST_COMMENT:
                raise UsageError
        elif option == "m":
            machine = next(words, "").lstrip("\\")
        elif option != "f":
            raise UsageError
    if not action or action == "l":
        raise UsageError
    return action, delay, machine

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``net use``: connections to shares of the logon session."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Win32Error
from ..shell.call import Call

FAILED = 2
CANCELLED = 1223
LETTERS = "ZYXWVUTSRQPONMLKJIHGFED"


def use(call: Call, words: Sequence[str]) -> int:
    r"""``net use [X:|*] \\SERVER\SHARE [PASSWORD|*] [/user:U] [/delete] [/persistent:no]``; exit 0 or 2."""
    operands: list[str] = []
    user: str | None = None
    delete = False
    for word in words:
        option = word.lower()
        if option.startswith("/user:"):
            user = word[len("/user:") :]
        elif option in ("/delete", "/del", "/d"):
            delete = True
        elif not option.startswith(("/persistent:", "/y", "/n")):
            operands.append(word)
    if not operands:
        return _list(call)
    try:
        if delete:
            return _delete(call, operands[0])
        return _connect(call, operands, user)
    except Win32Error as error:
        return _error(call, error.code)


def _error(call: Call, code: int) -> int:
    call.complain(call.text("net.system_error", code=code) + "\n\n" + call.win32(code) + "\n")
    return FAILED


def _list(call: Call) -> int:
    connections = call.host.connections(call.context)
    call.line(call.text("net.use_remembered") + "\n")
    if not connections:
        call.line(call.text("net.use_empty") + "\n")
        return 0
    call.line("\n" + call.text("net.use_head") + "\n\n" + "-" * 79)
    for letter, root in connections:
        call.line(f"OK           {letter:<9} {root:<25} Microsoft Windows Network")
    call.line(call.text("net.done") + "\n")
    return 0


def _delete(call: Call, name: str) -> int:
    if name == "*":
        for letter, root in list(call.host.connections(call.context)):
            call.host.disconnect(call.context, letter or root)
    else:
        call.host.disconnect(call.context, name)
    call.line(call.text("net.use_deleted", name=name) + "\n")
    return 0


def _connect(call: Call, operands: list[str], user: str | None) -> int:
    drive: str | None = None
    if not operands[0].startswith("\\\\"):
        drive = operands.pop(0)
        if drive == "*":
            taken = {letter for letter, _unused in call.host.connections(call.context)}
            drive = next(f"{letter}:" for letter in LETTERS if f"{letter}:" not in taken)
    if not operands or not operands[0].startswith("\\\\"):
        call.complain(call.text("net.usage"))
        return 1
    share = operands[0]
    password = operands[1] if len(operands) > 1 else None
    if user is not None and password in (None, "*"):
        call.out(call.text("net.use_password", user=user, server=share.split("\\")[2]))
        password = call.read_line()
        call.line()
        if password is None:
            return _error(call, CANCELLED)
    call.host.connect(call.context, share, user, password, drive)
    if drive and operands and words_assign_letter(drive):
        call.line(call.text("net.use_drive", drive=drive, share=share) + "\n")
    call.line(call.text("net.done") + "\n")
    return 0


def words_assign_letter(drive: str) -> bool:
    """Whether a device name is a drive letter."""
    return len(drive) == 2 and drive[1] == ":"

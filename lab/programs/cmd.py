# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cmd``: another interpreter started on the line."""

from __future__ import annotations

from ..shell.call import Call, program
from ..shell.interpreter import ExitShell

SPECIAL = "&<>()@^|"


def strip_outer_quotes(text: str, *, simple: bool) -> str:
    """Take the outer quotes off the text after /c as ``cmd /?`` documents it ([V]).

    They stay only where /s is absent, there are exactly two, nothing special and at least one blank stands
    between them. ``simple`` is the switch /s. (That the text must name a file is left to the search.)
    """
    if not text.startswith('"'):
        return text
    inner = text[1 : text.find('"', 1)] if text.count('"') > 1 else ""
    keeps = (
        not simple
        and text.count('"') == 2
        and not any(char in SPECIAL for char in inner)
        and " " in inner
        and inner.lower().endswith((".exe", ".cmd", ".bat", ".com"))
    )
    if keeps:
        return text
    last = text.rfind('"')
    return text[1:last] + text[last + 1 :] if last > 0 else text[1:]


@program("cmd")
def cmd(call: Call) -> int:
    """``cmd [/s] [/d] [/q] [/v:on|off] [/e:on] /c COMMAND``; without a command it reads its input."""
    text = call.raw.lstrip()
    simple = quiet = False
    delayed: bool | None = None
    command: str | None = None
    while text.startswith("/"):
        switch = text[1:2].lower()
        if switch in ("c", "k", "r"):
            command = text[2:].lstrip()
            break
        word, _unused, text = text.partition(" ")
        text = text.lstrip()
        simple |= switch == "s"
        quiet |= switch == "q"
        if switch == "v":
            delayed = not word.lower().endswith(":off")
    shell = call.shell.child()
    shell.frame, shell.loops, shell.echo = None, {}, not quiet
    shell.delayed = bool(delayed)
    code = 0
    try:
        if command is not None:
            code = shell.line(strip_outer_quotes(command, simple=simple), call.streams)
        else:
            while (line := call.read_line()) is not None:
                code = shell.line(line, call.streams)
    except ExitShell as ended:
        code = ended.code
    call.shell.changing |= shell.changing
    return code

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands about the flow and the place: cd, exit, goto, setlocal, shift, start."""

from __future__ import annotations

from .argv import split_words, unquote
from .batch import GotoLabel
from .call import Call
from .commands import Answer, builtin
from .interpreter import ExitBatch, ExitShell, Shell
from .streams import Discard, Source, Streams


@builtin("cd", "chdir")
def change_directory(call: Call) -> Answer:
    """``cd`` shows the current directory, ``cd [/d] PATH`` goes there."""
    text = call.raw.strip(" \t,;=")
    drive = text[:2].lower() == "/d"
    if drive:
        text = text[2:].strip()
    text = unquote(text)
    if not text:
        call.line(call.context.cwd)
        return 0
    path = call.disk.resolve(text)
    if path.startswith("\\\\"):
        call.complain(call.text("cmd.unc_directory", path=text))
        return 1
    if not call.disk.is_dir(path):
        call.complain(call.win32(3 if not call.disk.exists(path) else 267))
        return 1
    # Without /d another drive's directory is noted but not gone to; the model keeps one directory.
    if drive or path[:2].lower() == call.context.cwd[:2].lower():
        call.context.cwd = path
    return 0


@builtin("exit")
def leave(call: Call) -> Answer:
    """``exit [/b] [N]``."""
    words = call.raw.split()
    batch = bool(words) and words[0].lower() == "/b"
    number = words[1:2] if batch else words[:1]
    code: int | None = None
    if number:
        try:
            code = int(number[0], 0)
        except ValueError:
            code = 0
    if code is not None:
        call.shell.errorlevel = code
    if batch and call.shell.frame is not None:
        raise ExitBatch(code)
    raise ExitShell(call.shell.errorlevel)


@builtin("goto")
def goto(call: Call) -> Answer:
    """``goto LABEL``, ``goto :eof``; without a batch file it does nothing."""
    words = call.raw.split()
    if call.shell.frame is None or not words:
        return 1
    label = words[0].lstrip(":")
    if label.lower() == "eof" and words[0].startswith(":"):
        raise ExitBatch(None)
    raise GotoLabel(label)


@builtin("setlocal")
def setlocal(call: Call) -> Answer:
    """Remember the environment; ``enabledelayedexpansion`` switches ``!NAME!`` on. Only in batch files."""
    frame = call.shell.frame
    if frame is None:
        return 0
    shell = call.shell
    frame.saved.append((shell.variables.copy(), shell.delayed, call.context.cwd))
    for word in call.raw.lower().split():
        if word in ("enabledelayedexpansion", "disabledelayedexpansion"):
            shell.delayed = word.startswith("enable")
    return 0


@builtin("endlocal")
def endlocal(call: Call) -> Answer:
    """Go back to the environment of the last ``setlocal``."""
    if call.shell.frame is not None:
        call.shell.frame.restore(call.shell)
    return None


@builtin("shift")
def shift(call: Call) -> Answer:
    """``shift [/N]``: move the arguments of the batch file down."""
    frame = call.shell.frame
    if frame is not None:
        text = call.raw.strip()
        first = int(text[1:]) if text[:1] == "/" and text[1:].isdigit() else 0
        del frame.arguments[first : first + 1]
    return None


@builtin("start", changes=True)
def start(call: Call) -> Answer:
    """``start ["title"] [/b] [/wait] [/min] [/dPATH] COMMAND``: run it in the background, or wait for it."""
    text = call.raw.strip()
    if text.startswith('"'):
        text = text[text.find('"', 1) + 1 :].strip()
    waits = False
    shell = call.shell.child()
    shell.frame = None
    while text.startswith("/"):
        option = split_words(text)[0]
        text = text[len(option) :].strip()
        waits |= option.lower() in ("/wait", "/w")
        if option[:2].lower() == "/d" and len(option) > 2:
            shell.context.cwd = shell.disk.resolve(unquote(option[2:]))
    if not text:
        return 0
    if waits:
        try:
            code = shell.line(text, call.streams)
        except ExitShell as ended:
            code = ended.code
        call.shell.changing |= shell.changing
        return code
    if shell.context.job is not None:
        shell.context.job.began()
    call.world.clock.spawn(lambda: _run_apart(shell, text), name=f"start {text}")
    return None


def _run_apart(shell: Shell, text: str) -> None:
    code: int | None = None
    try:
        code = shell.line(text, Streams(Source(""), Discard(), Discard()))
    except ExitShell as ended:
        code = ended.code
    finally:
        if shell.context.job is not None:
            shell.context.job.ended(code)

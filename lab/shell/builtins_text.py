# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands about text and variables: echo, set, type, ver, chcp and the like."""

from __future__ import annotations

from . import arithmetic
from .argv import split_words, unquote
from .call import Call
from .commands import Answer, Quiet, builtin, succeeded

LETTERS_OF_VERSION = {"nt4": "4.0.1381", "2000": "5.00.2195", "server2003": "5.2.3790"}


@builtin("echo")
def echo(call: Call) -> Answer:
    """``echo TEXT``, ``echo.``, ``echo(``, ``echo on|off`` and ``echo`` alone."""
    text = call.raw
    if not text.strip(" \t,;="):
        call.line(call.text("cmd.echo_on" if call.shell.echo else "cmd.echo_off"))
        return None
    # One character after the name separates, whatever it is.
    text = text[1:]
    word = text.strip().lower()
    if call.raw[0] in " \t,;=" and word in ("on", "off"):
        call.shell.echo = word == "on"
    else:
        call.out(text + "\r\n")
    return None


@builtin("rem", "title", "cls", "color", "break")
def nothing(call: Call) -> Answer:
    """Commands whose effect no remote shell can see."""
    return None


@builtin("verify")
def verify(call: Call) -> Answer:
    """``verify`` shows that it is off."""
    if not call.raw.strip():
        call.line(call.text("cmd.verify_off"))
    return 0


@builtin("prompt")
def prompt(call: Call) -> Answer:
    """``prompt TEXT``."""
    call.shell.variables.set("PROMPT", call.raw.strip())
    return succeeded(call)


@builtin("path")
def path(call: Call) -> Answer:
    """``path`` shows the PATH, ``path TEXT`` sets it."""
    text = call.raw.strip(" \t=")
    if not text:
        call.line("PATH=" + (call.shell.variables.get("PATH") or ""))
    else:
        call.shell.variables.set("PATH", "" if text == ";" else text)
    return succeeded(call)


@builtin("set")
def set_variable(call: Call) -> Answer:
    """``set``, ``set PREFIX``, ``set NAME=VALUE``, ``set "NAME=VALUE"``, ``set /a``, ``set /p``."""
    text = call.raw.lstrip(" \t,;=")
    if text[:2].lower() == "/a":
        return _set_arithmetic(call, text[2:])
    if text[:2].lower() == "/p":
        return _set_from_input(call, _inside_quotes(text[2:].lstrip()))
    text = _inside_quotes(text)
    name, separator, value = text.partition("=")
    if separator:
        if not name:
            call.complain(call.text("cmd.syntax"))
            return 1
        call.shell.variables.set(name, value)
        return succeeded(call)
    prefix = text.strip().upper()
    found = [(key, value) for key, value in call.shell.variables if key.upper().startswith(prefix)]
    for key, value in found:
        call.line(f"{key}={value}")
    if not found:
        call.complain(call.text("cmd.not_defined", name=text.strip()))
        return 1
    return succeeded(call)


def _inside_quotes(text: str) -> str:
    """``"NAME=VALUE" rest``: what stands between the first and the last quote."""
    if text.startswith('"'):
        end = text.rfind('"')
        return text[1:end] if end > 0 else text[1:]
    return text


def _set_arithmetic(call: Call, text: str) -> Answer:
    shell = call.shell
    try:
        value = arithmetic.evaluate(unquote(text), shell.lookup, shell.variables.set)
    except arithmetic.ArithmeticProblem as problem:
        call.complain(call.text(f"cmd.arithmetic_{problem.kind}"))
        return problem.code
    if shell.frame is None:
        call.out(str(value))
    return succeeded(call)


def _set_from_input(call: Call, text: str) -> Answer:
    name, _unused, question = text.partition("=")
    call.out(_inside_quotes(question))
    answer = call.read_line()
    if not answer:
        return 1
    call.shell.variables.set(name, answer)
    return succeeded(call)


@builtin("pause")
def pause(call: Call) -> Answer:
    """``pause`` reads one line of input."""
    call.out(call.text("cmd.pause"))
    call.read_line()
    call.line()
    return None


@builtin("type")
def type_files(call: Call) -> Answer:
    """``type FILE...``; several files or a pattern get a heading each (on standard error, as in cmd)."""
    words = [unquote(word) for word in split_words(call.raw)]
    if not words:
        call.complain(call.text("cmd.syntax"))
        return 1
    code = 0
    for word in words:
        pattern = "*" in word or "?" in word
        parent = word[: word.rfind("\\") + 1]
        names = [parent + name for name in call.disk.glob(word)] if pattern else [word]
        if not names:
            call.complain(call.win32(2))
            code = 1
        for name in names:
            if not _type_one(call, name, heading=pattern or len(words) > 1):
                code = 1
    return code


def _type_one(call: Call, name: str, *, heading: bool) -> bool:
    if name.lower() == "nul":
        return True
    if call.disk.is_dir(name):
        call.complain(call.win32(5))
        return False
    if not call.disk.exists(name):
        parent = name.rpartition("\\")[0]
        call.complain(call.win32(2 if not parent or call.disk.is_dir(parent + "\\") else 3))
        return False
    data = call.disk.read(name)
    if heading:
        call.err(f"\r\n{name}\r\n\r\n\r\n")
    call.out(data.decode(call.shell.encoding, errors="replace"))
    return True


@builtin("ver")
def ver(call: Call) -> Answer:
    """``ver``: a blank line and the version."""
    host = call.host
    name = {"nt4": "Windows NT", "2000": "Windows 2000"}.get(host.os, "Windows")
    call.line(f"\nMicrosoft {name} [{call.text('cmd.version')} {LETTERS_OF_VERSION.get(host.os, '5.2.3790')}]")
    return 0


@builtin("chcp")
def chcp(call: Call) -> Answer:
    """``chcp`` shows the active code page. It is set for the whole remote shell when that is opened."""
    wanted = call.raw.strip()
    if wanted and not wanted.isdigit():
        call.complain(call.text("cmd.chcp_invalid", text=wanted))
        return 1
    call.line(call.text("cmd.chcp", page=wanted or call.host.oem_codepage))
    return 0


@builtin("date")
def date(call: Call) -> Answer:
    """``date /t`` only: the clock of a server is not set by hand."""
    if call.raw.strip().lower() != "/t":
        call.complain(call.win32(1314))
        return 1
    call.line((call.shell.lookup("DATE") or "") + " ")
    return 0


@builtin("time")
def time(call: Call) -> Answer:
    """``time /t`` only."""
    if call.raw.strip().lower() != "/t":
        call.complain(call.win32(1314))
        return 1
    call.line(call.host.local_time.strftime("%I:%M %p"))
    return 0


@builtin("vol")
def vol(call: Call) -> Answer:
    """``vol``: no label, a serial number made from the host's name."""
    volume_header(call, (call.raw.strip() or call.context.cwd)[0].upper())
    return 0


def volume_header(call: Call, drive: str) -> None:
    """The two lines with which ``vol`` and ``dir`` begin."""
    serial = sum(ord(char) * 7919 ** (index % 3 + 1) for index, char in enumerate(call.host.computer_name + drive))
    call.line(call.text("cmd.volume", drive=drive))
    call.line(call.text("cmd.serial", serial=f"{serial >> 16 & 0xFFFF:04X}-{serial & 0xFFFF:04X}"))


@builtin("assoc", "ftype", "dpath")
def unsupported_table(call: Call) -> Answer:
    """Association tables hold nothing in the model."""
    call.complain(call.text("cmd.association", name=call.raw.strip()))
    return Quiet(1)

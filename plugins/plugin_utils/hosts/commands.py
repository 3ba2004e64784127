# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines for cmd.exe as a WinRM shell runs them: like lines typed at the prompt.

Two parsers read such a line: cmd.exe first, then the program's own reader of arguments. Inside double quotes
cmd.exe leaves everything alone except ``%``; a ``"`` cannot be passed to every program; ``!`` matters where delayed
expansion is switched on; a line end ends the line. So names that hold one of these are refused, all other names are
put in double quotes. Text for ``echo`` goes without quotes, with a ``^`` before each special character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .errors import Refused

LINE_LIMIT = 8000
"""Longest line we send. cmd.exe takes 8191 characters on Server 2003 (Microsoft, "command line string limitation")."""

_FORBIDDEN = re.compile(r'["%!\x00-\x1f\x7f]')
_PLAIN = re.compile(r"[A-Za-z0-9_.:\\/=+-]+\Z")
_SPECIAL = frozenset('&|<>^()"!')


class Raw(str):
    """A part of a command line that is written as it stands."""

    __slots__ = ()


def check_name(value: str, what: str = "name") -> str:
    """Give the value back if it can stand in a command line; else raise Refused and say why."""
    text = str(value)
    found = _FORBIDDEN.search(text)
    if found:
        shown = found.group()
        character = shown if shown.isprintable() else f"character 0x{ord(shown):02x}"
        raise Refused(
            f"the {what} {text!r} holds {character} and cannot be passed safely to a Windows command line",
            remedy='rename the object; line ends, control characters and the characters " % ! are not possible here',
        )
    return text


def quote(value: str) -> Raw:
    r"""Put a value in double quotes, as both cmd.exe and the program behind it read it.

    Backslashes at the end are doubled: the usual reader of arguments takes ``\"`` for a quotation mark.
    Raises Refused like check_name.
    """
    text = check_name(value, "value")
    return Raw('"' + text + "\\" * (len(text) - len(text.rstrip("\\"))) + '"')


def switch(name: str, value: str | int | None = None) -> Raw:
    """``/name``, ``/name:300`` or ``/name:"NODE 1"``: cluster.exe wants the quotes behind the colon."""
    if value is None:
        return Raw(f"/{name}")
    if isinstance(value, int):
        return Raw(f"/{name}:{value}")
    return Raw(f"/{name}:{quote(value)}")


def command(program: str, *arguments: str | int) -> str:
    """One command line: plain words as they are, Raw parts as they are, everything else in double quotes."""
    parts = [program]
    for argument in arguments:
        text = str(argument)
        plain = isinstance(argument, (Raw, int)) or (_PLAIN.match(text) and not text.endswith("\\"))
        parts.append(text if plain else quote(text))
    return " ".join(parts)


def secret(value: str) -> Raw:
    r"""Quote a password. Unlike a name it may hold ``"``, ``%`` and ``!``: then every mark is escaped for cmd.exe.

    Raises Refused, without showing the value, when it holds a line end or another control character.
    """
    text = str(value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise Refused(
            "a password holds a line end or another control character and cannot be passed to Windows",
            remedy="look for a stray line end in the vaulted value",
        )
    if not _FORBIDDEN.search(text):
        return quote(text)
    # Backslashes before a quotation mark and at the end are doubled, as argument readers undo it.
    inner = re.sub(r'(\\*)"', r'\1\1\\"', text)
    inner += "\\" * (len(inner) - len(inner.rstrip("\\")))
    return Raw(escape(f'"{inner}"'))


def escape(text: str) -> str:
    """Escape text so that cmd.exe, at its prompt, leaves exactly this text over.

    A ``%`` needs more than its ``^``: variables are expanded before carets are read, so the character behind it gets
    a ``^`` too. What stands between two percent signs then starts with ``^``, and no variable has such a name.
    """
    out: list[str] = []
    after_percent = False
    for character in text:
        if character == "%":
            out.append("^%")
            after_percent = True
            continue
        out.append("^" + character if after_percent or character in _SPECIAL else character)
        after_percent = False
    return "".join(out)


def echo(text: str) -> str:
    """Build an ``echo`` that writes exactly this text and a line end.

    ``echo`` alone, ``echo on``, ``echo off`` and ``echo /?`` mean something else, also with the separators ``,;=``
    about them: ``echo(`` has no such meanings.
    Raises Refused for line ends and control characters.
    """
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise Refused(f"the line {text!r} holds a control character and cannot be written with echo")
    special = text.strip(" ,;=").lower() in ("", "on", "off") or "/?" in text
    return f"echo{'(' if special else ' '}{escape(text)}"


def write_file(path: str, lines: Iterable[str], *, append: bool = False) -> str:
    """One command that writes (or appends) the lines to the file. The redirection leads: ``7>x`` is no pitfall then."""
    body = "& ".join(echo(line) for line in lines)
    sign = ">>" if append else ">"
    if not body:
        return f"type nul{sign}{quote(path)}"
    return f"{sign}{quote(path)} ({body})"


def write_files(path: str, lines: Sequence[str]) -> list[str]:
    """Like write_file, in as many commands as the length of a line asks for: the first writes, the others append."""
    commands: list[str] = []
    block: list[str] = []
    for line in lines:
        if block and len(write_file(path, [*block, line], append=bool(commands))) > LINE_LIMIT:
            commands.append(write_file(path, block, append=bool(commands)))
            block = []
        block.append(line)
    commands.append(write_file(path, block, append=bool(commands)))
    for text in commands:
        if len(text) > LINE_LIMIT:
            raise Refused("a line is too long to be written with a Windows command line", path=path)
    return commands

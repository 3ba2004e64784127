# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of how cmd.exe reads a line at its prompt, written from Microsoft's and the public descriptions.

Only what the tests need: percent expansion, carets and quotes, ``&`` and blocks, a leading redirection, ``echo``.
"""

from __future__ import annotations


def expand(line: str, variables: dict[str, str]) -> str:
    """Phase 1: variables between percent signs. At the prompt an unknown one stays as it is written."""
    known = {name.upper(): value for name, value in variables.items()}
    out = []
    at = 0
    while at < len(line):
        if line[at] != "%":
            out.append(line[at])
            at += 1
            continue
        end = line.find("%", at + 1)
        inside = line[at + 1 : end] if end != -1 else ""
        name, colon, how = inside.partition(":")
        if end != -1 and inside.upper() in known:
            out.append(known[inside.upper()])
            at = end + 1
        elif end != -1 and colon and name.upper() in known and ("=" in how or how.startswith("~")):
            old, new = how.partition("=")[::2]
            out.append(known[name.upper()].replace(old, new) if "=" in how else known[name.upper()][1:])
            at = end + 1
        else:
            out.append("%")
            at += 1
    return "".join(out)


def parse(line: str) -> list[tuple[str, str]]:
    """Phase 2: (character, kind) with kind "op" for an operator, "text" otherwise; carets and quotes are applied."""
    tokens = []
    quoted = False
    at = 0
    while at < len(line):
        character = line[at]
        if quoted:
            tokens.append((character, "text"))
            quoted = character != '"'
        elif character == "^":
            at += 1
            if at < len(line):
                tokens.append((line[at], "text"))
        elif character == '"':
            quoted = True
            tokens.append((character, "text"))
        elif character in "&|<>()":
            tokens.append((character, "op"))
        else:
            tokens.append((character, "text"))
        at += 1
    return tokens


def _echo(text: str) -> str:
    assert text[:4].lower() == "echo", text
    separator, rest = text[4:5], text[5:]
    if separator != "(" and (rest.strip(" ,;=").lower() in ("", "on", "off") or "/?" in rest):
        raise AssertionError(f"echo has another meaning here: {text!r}")
    return rest + "\n"


def run_echoes(line: str, variables: dict[str, str]) -> tuple[str, bool, str]:
    """Run ``>"path" (echo a& echo b)`` or plain echoes: (path, append, what was written)."""
    tokens = parse(expand(line, variables))
    path, append = "", False
    if tokens[0] == (">", "op"):
        tokens.pop(0)
        if tokens[0] == (">", "op"):
            append = True
            tokens.pop(0)
        assert tokens.pop(0)[0] == '"'
        while tokens[0][0] != '"':
            path += tokens.pop(0)[0]
        tokens.pop(0)
        assert tokens.pop(0) == (" ", "text")
        assert tokens.pop(0) == ("(", "op")
        assert tokens.pop() == (")", "op")
    commands, current = [], ""
    for character, kind in tokens:
        if kind == "op" and character == "&":
            commands.append(current)
            current = ""
            continue
        if kind == "op" and not (character == "(" and current.strip().lower() == "echo"):
            raise AssertionError(f"an operator got through: {character!r} in {line!r}")
        if not current and character == " ":
            continue
        current += character
    commands.append(current)
    return path, append, "".join(_echo(command) for command in commands)


def arguments(line: str, variables: dict[str, str]) -> list[str]:
    """A program's arguments by the rules of CommandLineToArgvW, after cmd.exe has read the line."""
    text = "".join(character for character, unused in parse(expand(line, variables)))
    found, current, quoted, begun = [], "", False, False
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            run = len(text[at:]) - len(text[at:].lstrip("\\"))
            following = text[at + run : at + run + 1]
            at += run
            begun = True
            if following == '"':
                current += "\\" * (run // 2)
                if run % 2:
                    current += '"'
                    at += 1
                continue
            current += "\\" * run
            continue
        if character == '"':
            quoted, begun = not quoted, True
        elif character in " \t" and not quoted:
            if begun:
                found.append(current)
            current, begun = "", False
        else:
            current, begun = current + character, True
        at += 1
    if begun:
        found.append(current)
    return found

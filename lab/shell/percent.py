# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Percent expansion: the first thing that cmd.exe does to a line.

At the prompt (and so in ``cmd /c``) an undefined variable stays in the text as it is, ``%%`` is
nothing special and there are no arguments. In a batch file ``%%`` becomes ``%``, an undefined
variable vanishes, and ``%0`` to ``%9``, ``%*`` and ``%~dp0`` are the arguments. [V] both are
described at length in public analyses of cmd's parser and by ``cmd /?``, ``call /?``, ``for /?``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Lookup = Callable[[str], str | None]
Modify = Callable[[str, str], str]

LETTERS = "fdpnxsatz"
SUBSTRING = re.compile(r"~\s*[-+]?\w*(,\s*[-+]?\w*)?")


def apply_modifier(value: str, modifier: str) -> str | None:
    """Apply ``:~start,length`` or ``:search=replace`` (the text after the colon) to a variable's value.

    None: the text is neither, so that the reference is not one.
    """
    if modifier.startswith("~"):
        return _substring(value, modifier[1:]) if SUBSTRING.fullmatch(modifier) else None
    search, separator, replacement = modifier.partition("=")
    if not separator or search in ("", "*"):
        return None
    if search.startswith("*"):
        position = value.lower().find(search[1:].lower())
        return value if position < 0 else replacement + value[position + len(search) - 1 :]
    result: list[str] = []
    lowered, wanted = value.lower(), search.lower()
    index = 0
    while (found := lowered.find(wanted, index)) >= 0:
        result += [value[index:found], replacement]
        index = found + len(wanted)
    return "".join([*result, value[index:]])


def _number(text: str) -> int:
    try:
        return int(text.strip() or "0", 0)
    except ValueError:
        return 0


def _substring(value: str, text: str) -> str:
    start_text, separator, length_text = text.partition(",")
    start = _number(start_text)
    if start < 0:
        start = max(0, len(value) + start)
    rest = value[start:]
    if not separator:
        return rest
    length = _number(length_text)
    return rest[:length] if length >= 0 else rest[: max(0, len(rest) + length)]


def _variable(line: str, index: int) -> tuple[str, str | None, int, bool]:
    """Read a variable reference that begins after the percent sign at ``index - 1``.

    Returns (name, modifier or None, position after it, closed by a percent sign).
    """
    end = index
    while end < len(line) and line[end] not in "%:":
        end += 1
    if line[end : end + 2] == ":%":
        end += 1
    name = line[index:end]
    if end >= len(line):
        return name, None, end, False
    if line[end] == "%":
        return name, None, end + 1, True
    closing = line.find("%", end + 1)
    if closing < 0:
        return name, None, end + 1, False
    return name, line[end + 1 : closing], closing + 1, True


def expand_prompt(line: str, lookup: Lookup) -> str:
    """Expand the variables of a line given at the prompt or to ``cmd /c``."""
    result: list[str] = []
    index = 0
    while index < len(line):
        char = line[index]
        index += 1
        if char == "%":
            name, modifier, after, closed = _variable(line, index)
            value = lookup(name) if closed and name else None
            if value is not None and modifier is not None:
                value = apply_modifier(value, modifier)
            if value is not None:
                result.append(value)
                index = after
                continue
        result.append(char)
    return "".join(result)


def read_modifiers(text: str, index: int, names: str) -> tuple[str, str, int] | None:
    """Read ``~fdpnxsatz`` letters and a one-letter name at ``index`` (just after the tilde).

    Returns (modifiers, name, position after), or None when no name of ``names`` ends them. The longest
    run of letters wins, and a letter that is itself a name can end it, as with ``%~zI``.
    """
    end = index
    while end < len(text) and text[end].lower() in LETTERS:
        end += 1
    if end < len(text) and text[end] in names:
        return text[index:end].lower(), text[end], end + 1
    for last in range(end - 1, index - 1, -1):
        if text[last] in names:
            return text[index:last].lower(), text[last], last + 1
    return None


def expand_batch(line: str, lookup: Lookup, arguments: Sequence[str], modify: Modify) -> str:
    """Expand a line of a batch file. ``arguments`` holds %0 to %9, ``modify`` works out %~ forms."""
    result: list[str] = []
    index = 0
    while index < len(line):
        char = line[index]
        index += 1
        if char != "%":
            result.append(char)
            continue
        following = line[index : index + 1]
        if following == "%":
            result.append("%")
            index += 1
        elif following == "*":
            result.append(" ".join(arguments[1:]))
            index += 1
        elif following.isdigit():
            result.append(arguments[int(following)] if int(following) < len(arguments) else "")
            index += 1
        elif following == "~" and (found := read_modifiers(line, index + 1, "0123456789")):
            number = int(found[1])
            result.append(modify(arguments[number] if number < len(arguments) else "", found[0]))
            index = found[2]
        else:
            index = _batch_variable(line, index, lookup, result)
    return "".join(result)


def _batch_variable(line: str, index: int, lookup: Lookup, result: list[str]) -> int:
    name, modifier, after, closed = _variable(line, index)
    if not closed:
        return index
    value = lookup(name)
    if value is None:
        # An undefined variable with a modifier loses only "%NAME:", the rest stays.
        return after if modifier is None else index + len(name) + 1
    if modifier is not None:
        value = apply_modifier(value, modifier)
        if value is None:
            return index
    result.append(value)
    return after


def expand_delayed(text: str, lookup: Lookup) -> str:
    """Expand ``!NAME!`` (``cmd /v:on``, ``setlocal enabledelayedexpansion``); a caret protects the next character."""
    if "!" not in text:
        return text
    result: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        index += 1
        if char == "^" and index < len(text):
            result.append(text[index])
            index += 1
        elif char == "!":
            closing = text.find("!", index)
            if closing < 0:
                continue
            name, separator, modifier = text[index:closing].partition(":")
            value = lookup(name) or ""
            changed = apply_modifier(value, modifier) if separator else value
            result.append(value if changed is None else changed)
            index = closing + 1
        else:
            result.append(char)
    return "".join(result)

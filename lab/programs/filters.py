# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that read text: find, findstr, more, sort."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import Win32Error
from ..shell.call import Call, program
from ..shell.filesystem import split_last

LAST_LINE_END = re.compile(r"\r?\n$")


def lines_of(text: str) -> list[str]:
    """The lines of a text without their ends; a line end at the very end begins no further line."""
    return LAST_LINE_END.sub("", text).replace("\r\n", "\n").split("\n") if text else []


def read_file(call: Call, name: str) -> str:
    """A file's text in the host's code page. Raises Win32Error."""
    return call.disk.read(name).decode(call.shell.encoding, errors="replace")


def expand(call: Call, names: Sequence[str]) -> Iterator[str]:
    """File names with patterns replaced by what they stand for."""
    for name in names:
        if "*" in name or "?" in name:
            parent = split_last(name)[0]
            yield from (parent + found for found in call.disk.glob(name) if call.disk.is_file(parent + found))
        else:
            yield name


@dataclass
class FindOptions:
    """What the switches of find or findstr ask for."""

    invert: bool = False
    count: bool = False
    numbers: bool = False
    ignore_case: bool = False
    names_only: bool = False
    literal: bool = False
    regular: bool = False
    begins: bool = False
    ends: bool = False
    whole: bool = False
    patterns: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


@program("find")
def find(call: Call) -> int:
    """``find [/v] [/c] [/n] [/i] "TEXT" [FILE...]``: exit 0 found, 1 not found, 2 wrong arguments."""
    options = FindOptions()
    words = re.findall(r'"(?:[^"]|"")*"|\S+', call.raw)
    for word in words:
        if word.startswith("/"):
            for letter in word.lower().split("/")[1:]:
                if letter not in ("v", "c", "n", "i", "off", "offline"):
                    call.complain(call.text("find.switch"))
                    return 2
            letters = word.lower().split("/")
            options.invert |= "v" in letters
            options.count |= "c" in letters
            options.numbers |= "n" in letters
            options.ignore_case |= "i" in letters
        elif not options.patterns:
            if not word.startswith('"'):
                call.complain(call.text("find.parameter"))
                return 2
            options.patterns.append(word[1:-1].replace('""', '"'))
        else:
            options.files.append(word.strip('"'))
    if not options.patterns:
        call.complain(call.text("find.parameter"))
        return 2
    return _find_all(call, options)


def _find_all(call: Call, options: FindOptions) -> int:
    found = False
    if not options.files:
        return 0 if _find_in(call, options, lines_of(call.read_input()), None) else 1
    for name in expand(call, options.files):
        try:
            text = read_file(call, name)
        except Win32Error:
            call.complain(call.text("find.not_found", name=name.upper()))
            continue
        found |= _find_in(call, options, lines_of(text), name)
    return 0 if found else 1


def _find_in(call: Call, options: FindOptions, lines: list[str], name: str | None) -> bool:
    wanted = options.patterns[0].lower() if options.ignore_case else options.patterns[0]
    hits: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        text = line.lower() if options.ignore_case else line
        # An empty text is found in no line ([V]: find /c /v "" counts every line).
        if (bool(wanted) and wanted in text) != options.invert:
            hits.append((number, line))
    if name is not None:
        heading = f"\n---------- {name.upper()}"
        call.line(heading + (f": {len(hits)}" if options.count else ""))
    elif options.count:
        call.line(str(len(hits)))
    if not options.count:
        for number, line in hits:
            call.line(f"[{number}]{line}" if options.numbers else line)
    return bool(hits)


@program("findstr")
def findstr(call: Call) -> int:
    """``findstr [/v] [/i] [/n] [/m] [/b] [/e] [/x] [/l|/r] [/c:TEXT...] [TEXTS] [FILE...]``: exit 0, 1 or 2."""
    options = FindOptions()
    for word in call.argv:
        lowered = word.lower()
        if lowered.startswith("/c:"):
            options.patterns.append(word[3:])
        elif word.startswith("/") and len(word) > 1:
            if not _findstr_switches(options, lowered[1:].replace("/", "")):
                call.complain(call.text("findstr.switch", switch=word[1:]))
                return 2
        elif not options.patterns:
            options.patterns += word.split(" ")
        else:
            options.files.append(word)
    if not options.patterns:
        call.complain(call.text("findstr.usage"))
        return 2
    expression = _expression(options)
    files = list(expand(call, options.files))
    several = len(files) > 1 or any("*" in name or "?" in name for name in options.files)
    found = False
    if not options.files:
        return 0 if _findstr_in(call, options, expression, lines_of(call.read_input()), None, several) else 1
    for name in files:
        try:
            text = read_file(call, name)
        except Win32Error:
            call.complain(call.text("findstr.open", name=name))
            continue
        found |= _findstr_in(call, options, expression, lines_of(text), name, several)
    return 0 if found else 1


def _findstr_switches(options: FindOptions, letters: str) -> bool:
    names = {"v": "invert", "i": "ignore_case", "n": "numbers", "m": "names_only", "b": "begins", "e": "ends"}
    names |= {"x": "whole", "l": "literal", "r": "regular"}
    for letter in letters:
        if letter not in names:
            return False
        setattr(options, names[letter], True)
    return True


def _expression(options: FindOptions) -> re.Pattern[str]:
    """findstr knows . * ^ $ [class] and \\x; everything else is literal. Plain texts without /r count as such too."""
    parts: list[str] = []
    for pattern in options.patterns:
        part = re.escape(pattern) if options.literal else _translate(pattern)
        if options.whole or (options.begins and options.ends):
            part = f"^(?:{part})$"
        elif options.begins:
            part = f"^(?:{part})"
        elif options.ends:
            part = f"(?:{part})$"
        parts.append(part)
    return re.compile("|".join(parts), re.IGNORECASE if options.ignore_case else 0)


def _translate(pattern: str) -> str:
    result = ""
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\" and index + 1 < len(pattern):
            index += 1
            following = pattern[index]
            result += r"\b" if following in "<>" else re.escape(following)
        elif char == "[" and (closing := pattern.find("]", index + 2)) > 0:
            inner = pattern[index + 1 : closing].replace("\\", r"\\")
            result += f"[{inner}]"
            index = closing
        elif (
            char == "."
            or (char == "*" and index)
            or (char == "^" and not index)
            or (char == "$" and index == len(pattern) - 1)
        ):
            result += char
        else:
            result += re.escape(char)
        index += 1
    return result


def _findstr_in(
    call: Call, options: FindOptions, expression: re.Pattern[str], lines: list[str], name: str | None, several: bool
) -> bool:
    found = False
    for number, line in enumerate(lines, 1):
        if bool(expression.search(line)) == options.invert:
            continue
        found = True
        if options.names_only:
            call.line(name or "")
            break
        prefix = f"{name}:" if several else ""
        call.line(prefix + (f"{number}:" if options.numbers else "") + line)
    return found


@program("more")
def more(call: Call) -> int:
    """``more [+N] [FILE...]``: pages do not matter without a console; ``+N`` skips as many lines as N says."""
    first = 0
    files: list[str] = []
    for word in call.argv:
        if word.startswith("+") and word[1:].isdigit():
            # Windows documents "+n: start displaying the first file at line n"; cmd's more skips n lines ([R]).
            first = int(word[1:])
        elif not word.startswith("/"):
            files.append(word)
    if not files:
        _page(call, call.read_input(), first)
        return 0
    for name in files:
        try:
            text = read_file(call, name)
        except Win32Error as error:
            call.complain(call.text("more.open", name=name) if error.code == 2 else call.win32(error.code))
            return 1
        _page(call, text, first)
        first = 0
    return 0


def _page(call: Call, text: str, first: int) -> None:
    for line in lines_of(text)[first:]:
        call.line(line.expandtabs(8))


@program("sort", changing=lambda argv: any(word.lower().startswith("/o") for word in argv))
def sort(call: Call) -> int:
    """``sort [/r] [/+N] [FILE]`` without regard to case; ``/o FILE`` writes into a file."""
    reverse = False
    column = 0
    source = target = ""
    words = iter(call.argv)
    for word in words:
        if word.lower() in ("/r", "/reverse"):
            reverse = True
        elif word.startswith("/+") and word[2:].isdigit():
            column = max(0, int(word[2:]) - 1)
        elif word.lower() in ("/o", "/output"):
            target = next(words, "")
        elif word.startswith("/"):
            call.complain(call.text("sort.switch"))
            return 1
        else:
            source = word
    try:
        text = read_file(call, source) if source else call.read_input()
    except Win32Error as error:
        call.complain(call.win32(error.code))
        return 1
    lines = sorted(lines_of(text), key=lambda line: line[column:].lower(), reverse=reverse)
    if target:
        data = "".join(line + "\r\n" for line in lines)
        call.disk.write(target, data.encode(call.shell.encoding, errors="replace"))
    else:
        for line in lines:
            call.line(line)
    return 0

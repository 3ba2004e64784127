# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``for`` in its plain, ``/d``, ``/l`` and ``/f`` forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .argv import split_words, unquote
from .percent import Modify, read_modifiers
from .streams import Capture, Source, Streams
from .syntax import Block, Chain, For, If, Node, Simple

if TYPE_CHECKING:
    from .interpreter import Shell


def substitute(text: str, values: Mapping[str, str], modify: Modify) -> str:
    """Put the values of the loops' variables in: ``%I`` and ``%~nxI``."""
    names = "".join(values)
    result: list[str] = []
    index = 0
    while index < len(text):
        char = text[index]
        following = text[index + 1 : index + 2]
        if char == "%" and following and following in values:
            result.append(values[following])
            index += 2
        elif char == "%" and following == "~" and (found := read_modifiers(text, index + 2, names)):
            result.append(modify(values[found[1]], found[0]))
            index = found[2]
        else:
            result.append(char)
            index += 1
    return "".join(result)


def render(node: Node) -> str:
    """A command as cmd echoes it."""
    match node:
        case Simple():
            return node.text + "".join(f" {item.handle}{item.mode}{item.target}" for item in node.redirects)
        case Block():
            return f"({render(node.body)})"
        case Chain():
            return f"{render(node.left)} {node.operator} {render(node.right)}"
        case If():
            words = " ".join(node.operands) if node.kind in ("exist", "defined", "errorlevel", "cmdextversion") else ""
            condition = f"{node.kind} {words}" if words else f" {node.kind} ".join(node.operands)
            tail = f" else {render(node.otherwise)}" if node.otherwise else ""
            return f"if {'not ' if node.negated else ''}{condition} {render(node.then)}{tail}"
        case For():
            return f"for %{node.variable} in ({node.values}) do {render(node.body)}"


def is_quiet(node: Node) -> bool:
    """Whether a command begins with ``@``."""
    while isinstance(node, Chain):
        node = node.left
    return node.quiet


def run_for(shell: Shell, node: For, streams: Streams) -> int:
    """Run the body once for each value. The return code is that of the last round."""
    values = shell.substitute(node.values)
    if node.kind == "f":
        rounds = _file_rounds(shell, node, values, streams)
    elif node.kind == "l":
        rounds = [{node.variable: str(number)} for number in _numbers(values)]
    else:
        rounds = [{node.variable: value} for value in _members(shell, values, node.kind == "d")]
    code = 0
    outer = shell.loops
    for variables in rounds:
        shell.loops = {**outer, **variables}
        if shell.echo and not is_quiet(node.body):
            streams.out.write(f"\r\n{shell.context.cwd}>{shell.substitute(render(node.body))} \r\n")
        try:
            code = shell.run(node.body, streams)
        finally:
            shell.loops = outer
    return code


def _members(shell: Shell, values: str, folders: bool) -> list[str]:
    members: list[str] = []
    for word in split_words(values):
        if "*" not in word and "?" not in word:
            members.append(word)
            continue
        pattern = unquote(word)
        parent = pattern[: pattern.rfind("\\") + 1]
        for name in shell.disk.glob(pattern):
            if shell.disk.is_dir(parent + name) == folders:
                members.append(parent + name)
    return members


def _numbers(values: str) -> range:
    try:
        start, step, end = (int(word, 0) for word in split_words(values))
    except ValueError:
        return range(0)
    return range(start, end + (1 if step > 0 else -1), step) if step else range(0)


@dataclass
class _Options:
    delimiters: str = " \t"
    skip: int = 0
    eol: str = ";"
    tokens: str = "1"
    backquotes: bool = False


def _options(text: str) -> _Options:
    """``"eol=; skip=1 tokens=1,3* delims=, usebackq"`` (documented in ``for /?``)."""
    options = _Options()
    text = unquote(text)
    if (found := text.lower().find("delims=")) >= 0:
        rest = text[found + len("delims=") :]
        # Delimiters end at the next blank, except that a blank at the very end is one of them.
        cut = rest.find(" ")
        if cut < 0 or not rest[cut:].strip():
            options.delimiters, text = rest, text[:found]
        else:
            options.delimiters, text = rest[:cut], text[:found] + rest[cut:]
    for word in text.split():
        name, _unused, value = word.partition("=")
        if name.lower() == "skip":
            options.skip = int(value, 0)
        elif name.lower() == "tokens":
            options.tokens = value
        elif name.lower() == "eol":
            options.eol = value[:1]
        elif name.lower() == "usebackq":
            options.backquotes = True
    return options


def _file_rounds(shell: Shell, node: For, values: str, streams: Streams) -> list[dict[str, str]]:
    options = _options(node.options)
    values = values.strip()
    text_quote, command_quote = ("'", "`") if options.backquotes else ('"', "'")
    if len(values) > 1 and values[0] == values[-1] == text_quote:
        text = values[1:-1]
    elif len(values) > 1 and values[0] == values[-1] == command_quote:
        text = _output(shell, values[1:-1], streams)
    else:
        text = ""
        for word in split_words(values):
            text += shell.disk.read(unquote(word)).decode(shell.encoding, errors="replace")
    rounds: list[dict[str, str]] = []
    for line in text.replace("\r", "").split("\n")[options.skip :]:
        if line and not (options.eol and line.startswith(options.eol)):
            found = _tokens(line, node.variable, options)
            if found is not None:
                rounds.append(found)
    return rounds


def _output(shell: Shell, command: str, streams: Streams) -> str:
    from .interpreter import ExitShell  # the interpreter builds on this module

    child = shell.child()
    child.frame = None
    captured = Capture()
    try:
        child.line(command, Streams(Source(""), captured, streams.err))
    except ExitShell:
        child.errorlevel = 0
    shell.changing |= child.changing
    return captured.text


def _tokens(line: str, variable: str, options: _Options) -> dict[str, str] | None:
    """The wanted tokens of a line, or None when the line has none of them."""
    starts: list[tuple[int, int]] = []
    index = 0
    while index < len(line):
        while index < len(line) and line[index] in options.delimiters:
            index += 1
        begin = index
        while index < len(line) and line[index] not in options.delimiters:
            index += 1
        if begin < index:
            starts.append((begin, index))
    wanted: list[int] = []
    rest = options.tokens.endswith("*")
    for part in options.tokens.rstrip("*").split(","):
        first, dash, last = part.partition("-")
        if first:
            wanted += range(int(first), int(last if dash else first) + 1)
    if not starts or (wanted and wanted[0] > len(starts)):
        return None
    result: dict[str, str] = {}
    name = ord(variable)
    for number in wanted:
        begin, end = starts[number - 1] if number <= len(starts) else (0, 0)
        result[chr(name)] = line[begin:end]
        name += 1
    if rest:
        after = max(wanted, default=0)
        result[chr(name)] = line[starts[after][0] :] if after < len(starts) else ""
    return result

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``reg`` of Server 2003.

The row is four blanks, name, TAB, type, TAB, data, as captured on Windows XP ([V]; that the separators
are TABs: [R]); the default value is ``(Default)`` on 2003 [V]. Whether 2003 prints the version line is
not known ([U]): it is printed, a reader has to skip it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Win32Error
from ..registry import Data, split_key
from ..shell.call import Call, program

HEADER = "! REG.EXE VERSION 3.0"
TYPES = ("REG_SZ", "REG_MULTI_SZ", "REG_EXPAND_SZ", "REG_DWORD", "REG_BINARY", "REG_NONE")


@dataclass
class Options:
    """The arguments of one call."""

    key: str
    value: str | None = None
    below: bool = False
    force: bool = False
    everything: bool = False
    kind: str = "REG_SZ"
    data: str = ""
    separator: str = "\\0"


class UsageError(Exception):
    """The arguments make no sense."""


def _options(argv: Sequence[str]) -> Options:
    if len(argv) < 2:
        raise UsageError
    options = Options(argv[1])
    words = iter(argv[2:])
    for word in words:
        name = word.lower()
        if name == "/v":
            options.value = next(words, None)
        elif name == "/ve":
            options.value = ""
        elif name == "/va":
            options.everything = True
        elif name == "/s" and argv[0].lower() == "query":
            options.below = True
        elif name == "/s":
            options.separator = next(words, "\\0")
        elif name == "/f":
            options.force = True
        elif name == "/t":
            options.kind = next(words, "").upper()
        elif name == "/d":
            options.data = next(words, "")
        else:
            raise UsageError
    if options.key.startswith("\\\\"):
        raise UsageError
    return options


def _changing(argv: Sequence[str]) -> bool:
    return bool(argv) and argv[0].lower() not in ("query", "compare", "export", "/?")


@program("reg", changing=_changing, systems=("server2003",))
def reg(call: Call) -> int:
    """``reg query|add|delete``: exit 0 or 1."""
    try:
        options = _options(call.argv)
        split_key(options.key)
    except (UsageError, Win32Error):
        call.complain(call.text("reg.usage"))
        return 1
    verb = call.argv[0].lower()
    try:
        if verb == "query":
            return _query(call, options)
        if verb == "add":
            return _add(call, options)
        if verb == "delete":
            return _delete(call, options)
    except Win32Error as error:
        call.complain("\n" + call.text("reg.denied" if error.code == 5 else "reg.missing"))
        return 1
    call.complain(call.text("reg.usage"))
    return 1


def _query(call: Call, options: Options) -> int:
    registry = call.host.registry
    with registry.standing_still():
        shown, found = _listing(call, registry.canonical(options.key), options)
    if options.value is not None and not found:
        raise Win32Error(2, options.key)
    if call.text("reg.header"):
        call.line("\n" + call.text("reg.header"))
    for line in shown:
        call.line(line)
    return 0


def _listing(call: Call, key: str, options: Options) -> tuple[list[str], bool]:
    """The lines for a key, and with /s for those below it, and whether a value was found."""
    rows = _rows(call, key, options.value)
    found = bool(rows)
    lines = ["\n" + key, *rows] if rows or options.value is None else []
    for child in call.host.registry.keys(key):
        if options.below:
            below, found_below = _listing(call, f"{key}\\{child}", options)
            lines += below
            found |= found_below
        elif options.value is None:
            lines.append(f"\n{key}\\{child}")
    return lines, found


def _rows(call: Call, key: str, wanted: str | None) -> list[str]:
    rows = []
    for name, (kind, data) in call.host.registry.values(key).items():
        if wanted is None or name.lower() == wanted.lower():
            rows.append(f"    {name or call.text('reg.default')}\t{kind}\t{_shown(kind, data)}")
    if wanted == "" and not rows:
        # An unset default value is shown as such ([R]).
        rows.append(f"    {call.text('reg.default')}\tREG_SZ\t{call.text('reg.not_set')}")
    return rows


def _shown(kind: str, data: Data) -> str:
    if isinstance(data, int):
        return f"0x{data:x}"
    if isinstance(data, list):
        return "".join(part + "\\0" for part in data) + "\\0" if data else "\\0"
    return data.hex().upper() if isinstance(data, bytes) else data


def _add(call: Call, options: Options) -> int:
    registry = call.host.registry
    if options.kind not in TYPES:
        call.complain(call.text("reg.usage"))
        return 1
    name = options.value
    if name is not None and not options.force and registry.value(options.key, name) is not None:
        call.out(call.text("reg.overwrite", name=name or call.text("reg.default")))
        answer = (call.read_line() or "").strip().lower()[:1]
        if answer != call.text("cmd.yes_letter").lower():
            call.line("\n" + call.text("reg.cancelled"))
            return 0
    try:
        data: Data = options.data
        if options.kind == "REG_DWORD":
            data = int(options.data or "0", 0) & 0xFFFFFFFF
        elif options.kind == "REG_MULTI_SZ":
            data = [part for part in options.data.split(options.separator) if part]
        elif options.kind in ("REG_BINARY", "REG_NONE"):
            data = bytes.fromhex(options.data)
    except ValueError:
        call.complain("\n" + call.text("reg.data"))
        return 1
    registry.set(options.key, name or "", options.kind, data)
    call.line("\n" + call.text("reg.success"))
    return 0


def _delete(call: Call, options: Options) -> int:
    registry = call.host.registry
    if not registry.exists(options.key):
        raise Win32Error(2, options.key)
    if not options.force:
        what = call.text(
            "reg.delete_key" if options.value is None else "reg.delete_value", name=options.value or options.key
        )
        call.out(what)
        answer = (call.read_line() or "").strip().lower()[:1]
        if answer != call.text("cmd.yes_letter").lower():
            call.line("\n" + call.text("reg.cancelled"))
            return 0
    if options.everything:
        for name in registry.values(options.key):
            registry.delete(options.key, name)
    else:
        registry.delete(options.key, options.value)
    call.line("\n" + call.text("reg.success"))
    return 0

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of ``cluster``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

KINDS = {
    "node": "node",
    "group": "group",
    "res": "resource",
    "resource": "resource",
}
# Objects that the model does not have: named here so that the complaint is about them, not about a cluster's name.
OTHER_KINDS = ("restype", "resourcetype", "network", "netint", "netinterface")

# Long names and their documented short forms; the value tells whether the option changes something.
OPTIONS = {
    "stat": ("status", False),
    "status": ("status", False),
    "node": ("node", False),
    "move": ("move", True),
    "moveto": ("move", True),
    "on": ("online", True),
    "online": ("online", True),
    "off": ("offline", True),
    "offline": ("offline", True),
    "fail": ("fail", True),
    "prop": ("prop", False),
    "properties": ("prop", False),
    "priv": ("priv", False),
    "privproperties": ("priv", False),
    "listowners": ("listowners", False),
    "setowners": ("setowners", True),
    "addowner": ("addowner", True),
    "removeowner": ("removeowner", True),
    "listdep": ("listdep", False),
    "listdependencies": ("listdep", False),
    "pause": ("pause", True),
    "resume": ("resume", True),
    "start": ("start", True),
    "stop": ("stop", True),
}
FOR_EVER = 30 * 86400.0


class UsageError(Exception):
    """The arguments cannot be understood; ``reason`` is empty when help was asked for."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Options:
    """One command: which cluster, kind of object, its name, the option with its value, and the rest."""

    cluster: str = ""
    kind: str = ""
    name: str = ""
    option: str = ""
    value: str = ""
    changing: bool = False
    wait: float | None = None
    node: str = ""
    assignments: dict[str, str] = field(default_factory=dict)

    def patience(self, default: float) -> float:
        """Seconds to wait for the end of an operation."""
        return default if self.wait is None else self.wait


def split_option(word: str) -> tuple[str, str]:
    """``/moveto:N2`` to its name in small letters and its value; only the first colon separates."""
    name, _unused, value = word[1:].partition(":")
    return name.lower(), value.strip('"')


def parse(argv: Sequence[str]) -> Options:
    """Understand the arguments. Raises UsageError."""
    options = Options()
    words = list(argv)
    if not words or words[0] in ("/?", "-?", "/help"):
        raise UsageError
    for position, word in enumerate(list(words)):
        if word.startswith("/") and split_option(word)[0] == "cluster":
            options.cluster = split_option(word)[1]
            del words[position]
            break
    plain = 0
    for word in words:
        if word.startswith("/"):
            _take_option(options, word)
        elif "=" in word and options.option in ("prop", "priv"):
            name, _unused, value = word.partition("=")
            options.assignments[name.partition(":")[0]] = value
            options.changing = True
        else:
            _take_name(options, word, plain)
            plain += 1
    if not options.kind and not options.option:
        raise UsageError(f"'{' '.join(words)}'")
    return options


def _take_name(options: Options, word: str, plain: int) -> None:
    lowered = word.lower()
    if not options.kind and (lowered in KINDS or lowered in OTHER_KINDS):
        if lowered in OTHER_KINDS:
            raise UsageError(f"'{word}'")
        options.kind = KINDS[lowered]
    elif options.kind:
        if options.name:
            raise UsageError(f"'{word}'")
        options.name = word
    elif plain == 0 and not options.cluster:
        options.cluster = word
    else:
        raise UsageError(f"'{word}'")


def _take_option(options: Options, word: str) -> None:
    name, value = split_option(word)
    if name in ("?", "help"):
        raise UsageError
    if name == "wait":
        try:
            options.wait = float(int(value)) if value else FOR_EVER
        except ValueError:
            raise UsageError(f"'{word}'") from None
        return
    if not options.kind:
        if options.option:
            raise UsageError(f"'{word}'")
        options.option, options.value = name, value
        options.changing = name in ("rename", "ren", "create", "evict") or (name.startswith("quorum") and bool(value))
        return
    known = OPTIONS.get(name)
    if known is None:
        raise UsageError(f"'{word}'")
    if known[0] == "node":
        options.node = value
        return
    if options.option:
        raise UsageError(f"'{word}'")
    options.option, options.changing = known
    options.value = value

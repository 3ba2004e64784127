# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Perfopt.log, to which the Performance Optimizer of Exchange 5.5 appends what it does. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

# "Set # of background threads from 25 to 15" [V, Q246125], perhaps behind date and time [U]. Names hold "from" nowhere
# that is known; the last one counts.
_SET = re.compile(r"(?:^|\s)Set\s+(?P<option>\S.*?)\s+from\s+(?P<before>-?\d+)\s+to\s+(?P<after>-?\d+)\.?\s*$")


@dataclass(frozen=True)
class Setting:
    """One value that it says to have set."""

    option: str
    before: int
    after: int


@dataclass(frozen=True)
class Log:
    """What its log says: the values that it set, and lines that tell of a failure."""

    entries: list[Setting] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def read_log(lines: Iterable[str], failure: Sequence[str]) -> Log:
    """Read lines of the log. ``failure``: words that tell of one, in any case. Other lines mean nothing."""
    found = Log()
    for line in lines:
        text = line.strip()
        match = _SET.search(text)
        if match:
            found.entries.append(Setting(match["option"], int(match["before"]), int(match["after"])))
        elif any(words.casefold() in text.casefold() for words in failure):
            found.failures.append(text)
    return found

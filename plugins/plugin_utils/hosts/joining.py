# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several lines as one line of cmd.exe, and its output taken apart again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import console
from .errors import Unreadable
from .models import Output


def join_lines(lines: Sequence[str], token: str) -> str:
    """One line of cmd.exe that runs each line and says after each how it ended.

    ``ver`` sets ERRORLEVEL back to 0, because some commands leave it alone when all is well. At the prompt an unknown
    variable stays as it is written, so ``%^ERRORLEVEL%`` loses only its caret, and ``call`` then reads it anew.
    """
    return " & ".join(
        f"ver >nul & ({line}) 2>&1 & call echo {token}{index}:%^ERRORLEVEL%:" for index, line in enumerate(lines)
    )


def split_answers(output: Output, token: str, count: int) -> list[Output]:
    """Take apart what ``join_lines`` made the host say. Raises Unreadable when one of the answers is missing."""
    rest = output.stdout
    answers: list[Output] = []
    for index in range(count):
        found = re.search(rf"{token}{index}:(-?\d+):[ \t]*(?:\n|\Z)", rest)
        if not found:
            said = console.first_line(output.stderr) or console.first_line(rest) or "nothing"
            raise Unreadable(f"answer {index + 1} of {count} is missing in what the host said: {said}")
        answers.append(Output(int(found.group(1)), rest[: found.start()]))
        rest = rest[found.end() :]
    return answers

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""``perfwiz``: the Performance Optimizer in Exchange 5.5's own folder (what it does: ``lab/optimizer.py``)."""

from __future__ import annotations

from collections.abc import Sequence

from ..optimizer import run
from ..shell.call import Call, Program, finder
from ..shell.interpreter import Shell


def _changing(argv: Sequence[str]) -> bool:
    return not any(word[1:2].lower() == "r" for word in argv if word[:1] in ("-", "/"))


def perfwiz(call: Call) -> int:
    """``perfwiz -s | -f FILE | -r``."""
    return run(call.context, call.path, call.argv)


@finder
def find_perfwiz(shell: Shell, path: str, rest: str) -> Program | None:
    """The program by what it is."""
    entry = shell.disk.find(path)
    if entry is None or entry.tag.get("tool") != "perfwiz":
        return None
    return Program("perfwiz", perfwiz, changing=_changing)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of cmd's own commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .call import Call


@dataclass(frozen=True)
class Quiet:
    """A return code that decides ``&&`` and ``||`` but does not become ERRORLEVEL by itself."""

    code: int


# None: succeeded and leaves ERRORLEVEL as it was.
Answer = int | Quiet | None
Run = Callable[[Call], Answer]


@dataclass(frozen=True)
class Builtin:
    """One of cmd's own commands; ``changes``: it is of a kind that changes files on the host."""

    run: Run
    changes: bool = False


BUILTINS: dict[str, Builtin] = {}


def builtin(*names: str, changes: bool = False) -> Callable[[Run], Run]:
    """Register a command under its names."""

    def register(function: Run) -> Run:
        for name in names:
            BUILTINS[name] = Builtin(function, changes)
        return function

    return register


def succeeded(call: Call) -> Answer:
    """What set, path and prompt answer on success: only in a ``.cmd`` file do they clear ERRORLEVEL.

    [V] public tables of "what sets ERRORLEVEL" (the difference between .bat and .cmd).
    """
    frame = call.shell.frame
    return 0 if frame is not None and frame.path.lower().endswith(".cmd") else None

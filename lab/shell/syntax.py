# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a parsed command line consists of."""

from __future__ import annotations

from dataclasses import dataclass, field


class SyntaxProblem(Exception):
    """The line cannot be parsed. ``token`` is what cmd names as unexpected, or None for its general sentence."""

    def __init__(self, token: str | None) -> None:
        super().__init__(token or "syntax")
        self.token = token


@dataclass
class Redirect:
    """One redirection: ``mode`` is one of ``>``, ``>>``, ``<``, ``>&``, ``<&``; ``target`` a file or a handle."""

    handle: int
    mode: str
    target: str


@dataclass
class Simple:
    """A command with its argument text; ``name`` ends where the first unprotected delimiter stands."""

    name: str
    rest: str
    redirects: list[Redirect] = field(default_factory=list)
    quiet: bool = False

    @property
    def text(self) -> str:
        """The command as it stands after carets have gone."""
        return self.name + self.rest


@dataclass
class Block:
    """A parenthesised sequence."""

    body: Node
    redirects: list[Redirect] = field(default_factory=list)
    quiet: bool = False


@dataclass
class Chain:
    """Two commands joined by ``&``, ``&&``, ``||`` or ``|``."""

    left: Node
    operator: str
    right: Node


@dataclass
class If:
    """``if``: ``kind`` is exist, defined, errorlevel, ``==`` or one of EQU NEQ LSS LEQ GTR GEQ."""

    kind: str
    operands: tuple[str, ...]
    negated: bool
    ignore_case: bool
    then: Node
    otherwise: Node | None = None
    quiet: bool = False


@dataclass
class For:
    """``for``: ``kind`` is empty, ``f``, ``l`` or ``d``; ``variable`` is one letter."""

    kind: str
    options: str
    variable: str
    values: str
    body: Node
    quiet: bool = False


Node = Simple | Block | Chain | If | For

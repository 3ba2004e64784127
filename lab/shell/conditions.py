# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions of ``if``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .argv import unquote
from .syntax import If

if TYPE_CHECKING:
    from .interpreter import Shell


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _compare(kind: str, left: str, right: str, ignore_case: bool) -> bool:
    """Whole numbers are compared as numbers, all else as text (documented in ``if /?``)."""
    first, second = _number(left), _number(right)
    if first is not None and second is not None:
        order = (first > second) - (first < second)
    else:
        if ignore_case:
            left, right = left.lower(), right.lower()
        order = (left > right) - (left < right)
    return {
        "equ": order == 0,
        "neq": order != 0,
        "lss": order < 0,
        "leq": order <= 0,
        "gtr": order > 0,
        "geq": order >= 0,
    }[kind]


def holds(shell: Shell, node: If) -> bool:
    """Whether the condition holds now."""
    operands = [shell.substitute(operand) for operand in node.operands]
    first = operands[0]
    if node.kind == "exist":
        result = shell.disk.matches(unquote(first))
    elif node.kind == "defined":
        result = shell.lookup(first) is not None
    elif node.kind == "errorlevel":
        result = shell.errorlevel >= (_number(first) or 0)
    elif node.kind == "cmdextversion":
        result = (_number(first) or 0) <= 2
    elif node.kind == "==":
        second = operands[1]
        result = first.lower() == second.lower() if node.ignore_case else first == second
    else:
        result = _compare(node.kind, first, operands[1], node.ignore_case)
    return result != node.negated

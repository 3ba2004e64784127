# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``set /a``: whole numbers of 32 bit."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*(0x[0-9a-f]+|\d+|[a-z_][\w.]*|<<=|>>=|<<|>>|[-+*/%&^|]=|[-+*/%&^|~!()=,])", re.IGNORECASE)
_LEVELS = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))


class ArithmeticProblem(Exception):
    """``kind`` is operand, number, zero or parenthesis; ``code`` the ERRORLEVEL that cmd sets ([R])."""

    def __init__(self, kind: str, code: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.code = code


def _wrap(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


class _Reader:
    def __init__(self, text: str, lookup: Callable[[str], str | None], assign: Callable[[str, str], None]) -> None:
        self.tokens: list[str] = []
        position = 0
        text = text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ArithmeticProblem("operand", 1073750989)
            self.tokens.append(match.group(1))
            position = match.end()
        self.index = 0
        self.lookup = lookup
        self.assign = assign

    def peek(self, offset: int = 0) -> str:
        place = self.index + offset
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.index += 1
        return token

    def expression(self) -> int:
        value = self.assignment()
        while self.peek() == ",":
            self.take()
            value = self.assignment()
        return value

    def assignment(self) -> int:
        operator = self.peek(1)
        if re.match(r"[a-z_]", self.peek(), re.IGNORECASE) and operator.endswith("="):
            name = self.take()
            self.take()
            value = self.assignment()
            if operator != "=":
                value = self.apply(operator[:-1], self.variable(name), value)
            self.assign(name, str(value))
            return value
        return self.level(0)

    def level(self, depth: int) -> int:
        if depth == len(_LEVELS):
            return self.unary()
        value = self.level(depth + 1)
        while self.peek() in _LEVELS[depth]:
            operator = self.take()
            value = self.apply(operator, value, self.level(depth + 1))
        return value

    def apply(self, operator: str, left: int, right: int) -> int:
        if operator in ("/", "%"):
            if right == 0:
                raise ArithmeticProblem("zero", 1073750993)
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return quotient if operator == "/" else left - quotient * right
        result = {
            "|": lambda: left | right,
            "^": lambda: left ^ right,
            "&": lambda: left & right,
            "<<": lambda: left << (right & 31),
            ">>": lambda: left >> (right & 31),
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
        }[operator]()
        return _wrap(result)

    def unary(self) -> int:
        token = self.take()
        if token == "-":
            return _wrap(-self.unary())
        if token == "+":
            return self.unary()
        if token == "~":
            return ~self.unary()
        if token == "!":
            return int(not self.unary())
        if token == "(":
            value = self.expression()
            if self.take() != ")":
                raise ArithmeticProblem("parenthesis", 1073750988)
            return value
        if token[:1].isdigit():
            return self.number(token)
        if re.match(r"[a-z_]", token, re.IGNORECASE):
            return self.variable(token)
        raise ArithmeticProblem("operand", 1073750989)

    @staticmethod
    def number(text: str) -> int:
        try:
            octal = len(text) > 1 and text.isdigit() and text[0] == "0"
            return _wrap(int(text, 8 if octal else 0))
        except ValueError:
            raise ArithmeticProblem("number", 1073750992) from None

    def variable(self, name: str) -> int:
        match = re.match(r"\s*([-+]?)(0x[0-9a-f]+|\d+)", self.lookup(name) or "", re.IGNORECASE)
        if match is None:
            return 0
        value = self.number(match.group(2))
        return -value if match.group(1) == "-" else value


def evaluate(text: str, lookup: Callable[[str], str | None], assign: Callable[[str, str], None]) -> int:
    """The value of an expression; assignments in it are carried out. Raises ArithmeticProblem."""
    reader = _Reader(text, lookup, assign)
    value = reader.expression()
    if reader.peek():
        raise ArithmeticProblem("operand", 1073750989)
    return value

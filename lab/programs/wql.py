# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions of WQL: comparisons joined by ``and`` and ``or``, in parentheses where that is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Record = dict[str, str]
Condition = Callable[[Record], bool]

TOKEN = re.compile(
    r"""\s*(?:(?P<mark>\(|\)|<=|>=|<>|!=|=|<|>)|'(?P<single>(?:\\.|[^'\\])*)'|"(?P<double>(?:\\.|[^"\\])*)"|"""
    r"""(?P<word>[^\s()<>=!'"]+))"""
)
OPERATORS = ("=", "<>", "!=", "<", "<=", ">", ">=", "like")
MOMENT = re.compile(r"(\d{14})\.(\d{6})([+-]\d{3})")


class QueryError(Exception):
    """What WMI calls an invalid query."""


def parse(text: str) -> Condition:
    """The condition as a function of a record; raises QueryError. An unknown property fits nothing."""
    tokens: list[tuple[str, str]] = []
    rest = text.strip()
    while rest:
        found = TOKEN.match(rest)
        if not found:
            raise QueryError(rest)
        kind = str(found.lastgroup)
        value = found[kind]
        # a backslash escapes in WQL [V, documentation of WQL]
        tokens.append((kind, re.sub(r"\\(.)", r"\1", value) if kind in ("single", "double") else value))
        rest = rest[found.end() :].strip()
    condition = _any(tokens)
    if tokens:
        raise QueryError(tokens[0][1])
    return condition


def _any(tokens: list[tuple[str, str]]) -> Condition:
    parts = [_all(tokens)]
    while _word(tokens) == "or":
        del tokens[0]
        parts.append(_all(tokens))
    return lambda record: any(part(record) for part in parts)


def _all(tokens: list[tuple[str, str]]) -> Condition:
    parts = [_one(tokens)]
    while _word(tokens) == "and":
        del tokens[0]
        parts.append(_one(tokens))
    return lambda record: all(part(record) for part in parts)


def _one(tokens: list[tuple[str, str]]) -> Condition:
    if _word(tokens) == "not":
        del tokens[0]
        inner = _one(tokens)
        return lambda record: not inner(record)
    if tokens[:1] == [("mark", "(")]:
        del tokens[0]
        condition = _any(tokens)
        if tokens[:1] != [("mark", ")")]:
            raise QueryError("(")
        del tokens[0]
        return condition
    if len(tokens) < 3 or tokens[0][0] != "word" or tokens[1][1].lower() not in OPERATORS or tokens[2][0] == "mark":
        raise QueryError(" ".join(value for unused, value in tokens[:3]))
    name, operator, wanted = (value for unused, value in tokens[:3])
    del tokens[:3]
    return lambda record: _compare(record, name, operator.lower(), wanted)


def _word(tokens: list[tuple[str, str]]) -> str:
    return tokens[0][1].lower() if tokens and tokens[0][0] == "word" else ""


def _compare(record: Record, name: str, operator: str, wanted: str) -> bool:
    value = next((text for key, text in record.items() if key.lower() == name.lower()), None)
    if value is None:
        return False
    if operator == "like":
        pattern = re.escape(wanted).replace("%", ".*").replace("_", ".")
        return re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None
    one, other = _comparable(value), _comparable(wanted)
    if type(one) is not type(other):
        one, other = value.lower(), wanted.lower()
    if operator == "=":
        return one == other
    if operator in ("<>", "!="):
        return one != other
    less, equal = one < other, one == other  # type: ignore[operator]
    return {"<": less, "<=": less or equal, ">": not less and not equal, ">=": not less}[operator]


def _comparable(text: str) -> float | str:
    """Moments by their epoch, numbers by their value, texts without regard to case."""
    moment = MOMENT.fullmatch(text)
    if moment:
        local = datetime.strptime(moment[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return (local - timedelta(minutes=int(moment[3]))).timestamp() + int(moment[2]) / 1e6
    return float(text) if re.fullmatch(r"-?\d+", text) else text.lower()

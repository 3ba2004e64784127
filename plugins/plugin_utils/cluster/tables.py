# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of cluster.exe, read by their layout and by names that are known, never by their words.

Layout (seen in captured English output, the same in all of them): a title and headings that are
translated, one line of dashes whose runs are the *minimum* column widths, then one row an object.
Cells are padded to the width and never cut, so that a long name pushes the rest to the right; one
blank stands between columns; blanks can follow the last one. Names hold blanks and look like
anything, also like a node's name. So a row is matched against the names that the configuration in
the registry gives, and a row that two combinations of names fit is refused: the caller then asks
for one object at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ..hosts.errors import Unreadable

_RULE = re.compile(r"^\s*-{2,}(?: -{2,})*\s*$")
_NODE_ROW = re.compile(r"^(\S+)\s+(\d+)\s+(\S.*)$")
_OWNER_CELL = re.compile(r"^(\S+)( +)(\S.*)$")


class Ambiguous(Unreadable):
    """A row that more than one combination of known names fits."""


@dataclass(frozen=True)
class NodeRow:
    """A row of ``cluster node``."""

    name: str
    id: int
    word: str


@dataclass(frozen=True)
class GroupRow:
    """A row of ``cluster group``."""

    name: str
    owner: str
    word: str


@dataclass(frozen=True)
class ResourceRow:
    """A row of ``cluster res``."""

    name: str
    group: str
    owner: str
    word: str


_Row = TypeVar("_Row", GroupRow, ResourceRow)


def split_table(text: str) -> tuple[list[int], list[str]]:
    """The column widths and the rows of a table; raises ``Unreadable`` where there is none."""
    lines = [line.rstrip() for line in text.splitlines()]
    for number, line in enumerate(lines):
        if _RULE.match(line):
            rows = []
            for row in lines[number + 1 :]:
                if not row:
                    break
                rows.append(row)
            return [len(run) for run in line.split()], rows
    raise Unreadable(
        "cluster.exe printed no table (a line of dashes was expected)",
        remedy="Run the same command on the node by hand and compare what it prints.",
        output=text[:2000],
    )


def parse_nodes(text: str) -> list[NodeRow]:
    """The rows of ``cluster node``; names of nodes hold no blanks, so that the layout alone decides."""
    rows = []
    for line in split_table(text)[1]:
        match = _NODE_ROW.match(line)
        if not match:
            raise Unreadable(f"this row of the node table cannot be read: {line!r}", output=text[:2000])
        rows.append(NodeRow(match[1], int(match[2]), match[3]))
    return rows


def parse_groups(text: str, groups: Iterable[str], nodes: Iterable[str]) -> list[GroupRow]:
    """The rows of ``cluster group`` or ``cluster group "G"``, given the names that can occur."""
    widths, lines = split_table(text)
    _columns(widths, 3, text)
    known_groups, known_nodes = list(groups), list(nodes)
    rows = []
    for line in lines:
        found: set[GroupRow] = set()
        for exact in (True, False):
            for group, rest in _names(line, known_groups, widths[0], exact):
                found |= {GroupRow(group, owner, word) for owner, word in _owners(rest, known_nodes, widths[1], exact)}
            if found:
                break
        rows.append(_only(found, line, "group"))
    return rows


def parse_resources(
    text: str, resources: Iterable[str], groups: Iterable[str], nodes: Iterable[str]
) -> list[ResourceRow]:
    """The rows of ``cluster res`` or ``cluster res "R"``, given the names that can occur."""
    widths, lines = split_table(text)
    _columns(widths, 4, text)
    known_resources, known_groups, known_nodes = list(resources), list(groups), list(nodes)
    rows = []
    for line in lines:
        found: set[ResourceRow] = set()
        for exact in (True, False):
            for resource, after_resource in _names(line, known_resources, widths[0], exact):
                for group, after_group in _names(after_resource, known_groups, widths[1], exact):
                    for owner, word in _owners(after_group, known_nodes, widths[2], exact):
                        found.add(ResourceRow(resource, group, owner, word))
            if found:
                break
        rows.append(_only(found, line, "resource"))
    return rows


def _columns(widths: list[int], expected: int, text: str) -> None:
    if len(widths) != expected:
        raise Unreadable(
            f"cluster.exe printed a table of {len(widths)} columns where {expected} were expected", output=text[:2000]
        )


def _names(line: str, names: Iterable[str], width: int, exact: bool) -> Iterator[tuple[str, str]]:
    """Every known name that the line can begin with, and what follows it."""
    for name in names:
        if exact:
            cell = name.ljust(width) + " "
            if line.startswith(cell) and line[len(cell) : len(cell) + 1].strip():
                yield name, line[len(cell) :]
        elif line.startswith(name + " "):
            # Not as the layout says (a host that counts the width in another way): the names still decide.
            yield name, line[len(name) :].lstrip(" ")


def _owners(rest: str, nodes: Iterable[str], width: int, exact: bool) -> Iterator[tuple[str, str]]:
    """The owner and the state word in the rest of a row."""
    match = _OWNER_CELL.match(rest)
    if not match:
        return
    owner = next((node for node in nodes if node.lower() == match[1].lower()), None)
    if owner and (not exact or len(match[1]) + len(match[2]) == max(width, len(match[1])) + 1):
        yield owner, match[3]


def _only(found: set[_Row], line: str, what: str) -> _Row:
    if not found:
        raise Unreadable(f"this row of the {what} table fits no known name: {line!r}")
    if len(found) > 1:
        raise Ambiguous(f"this row of the {what} table fits several names: {line!r}")
    return found.pop()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the directory: the root entry, searches, filters and attribute selection over the world's live entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sansldap
from sansldap import SearchScope

if TYPE_CHECKING:
    from .world import World

Attributes = dict[str, list[str]]

#: Matching rules of Active Directory for bits in integers.
BIT_AND, BIT_OR = "1.2.840.113556.1.4.803", "1.2.840.113556.1.4.804"
_COMMA = re.compile(r"(?<!\\),")


class NoSuchObject(Exception):
    """The base of a search is not there; `matched` is the nearest entry above it that is."""

    def __init__(self, matched: str) -> None:
        super().__init__(matched)
        self.matched = matched


@dataclass
class Found:
    """An entry that was found, with the attributes that were asked for."""

    dn: str
    attributes: Attributes = field(default_factory=dict)


def parts(dn: str) -> list[str]:
    """The parts of a distinguished name, in one way of writing."""
    if not dn.strip():
        return []
    return [re.sub(r"\s*=\s*", "=", part.strip(), count=1).casefold() for part in _COMMA.split(dn)]


class DirectoryView:
    """What a domain controller answers from. Every search sees the world as it is at that moment."""

    def __init__(self, world: World, controller: str) -> None:
        self._world = world
        self._controller = controller

    @property
    def base(self) -> str:
        """The name of the domain's own context."""
        return ",".join(f"DC={label}" for label in self._world.domain.split("."))

    def root(self) -> Attributes:
        """The entry without a name that says what the server is."""
        configuration = f"CN=Configuration,{self.base}"
        schema = f"CN=Schema,{configuration}"
        now = datetime.fromtimestamp(self._world.clock.time, UTC)
        server = f"CN={self._controller.upper()},CN=Servers,CN=Default-First-Site-Name,CN=Sites,{configuration}"
        return {
            "currentTime": [now.strftime("%Y%m%d%H%M%S.0Z")],
            "dsServiceName": [f"CN=NTDS Settings,{server}"],
            "namingContexts": [self.base, configuration, schema],
            "defaultNamingContext": [self.base],
            "schemaNamingContext": [schema],
            "configurationNamingContext": [configuration],
            "rootDomainNamingContext": [self.base],
            "supportedControl": ["1.2.840.113556.1.4.319", "1.2.840.113556.1.4.417"],
            "supportedExtension": ["1.3.6.1.4.1.1466.20037"],
            "supportedLDAPVersion": ["3"],
            "supportedSASLMechanisms": [],
            "highestCommittedUSN": [str(1000 + self._world.generation)],
            "dnsHostName": [f"{self._controller}.{self._world.domain}"],
            "serverName": [server],
            # 1.2.840.113556.1.4.800: an Active Directory; .1670: of Server 2003 or later [V, MS-ADTS]
            "supportedCapabilities": ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"],
            "isSynchronized": ["TRUE"],
            "isGlobalCatalogReady": ["TRUE"],
            "domainFunctionality": ["2"],
            "forestFunctionality": ["2"],
            "domainControllerFunctionality": ["2"],
        }

    def search(
        self, base: str, scope: SearchScope, condition: sansldap.LDAPFilter, wanted: Sequence[str]
    ) -> list[Found]:
        """Entries below `base` that fit, in the order of the directory; raises NoSuchObject."""
        if not base.strip() and scope is SearchScope.BASE:
            root = self.root() | {"objectClass": ["top"]}
            fits = matches(condition, root)
            return [Found("", select(self.root(), wanted))] if fits else []
        top = parts(base)
        entries = [(entry, parts(entry["dn"])) for entry in self._world.directory]
        if top and not any(name == top for unused, name in entries):
            raise NoSuchObject(self._nearest(base, [name for unused, name in entries]))
        found = []
        for entry, name in entries:
            if top and name[len(name) - len(top) :] != top:
                continue
            depth = len(name) - len(top)
            if (scope is SearchScope.BASE and depth) or (scope is SearchScope.ONE_LEVEL and depth != 1):
                continue
            attributes = {"distinguishedName": [entry["dn"]], **entry["attributes"]}
            if matches(condition, attributes):
                found.append(Found(entry["dn"], select(attributes, wanted)))
        return found

    @staticmethod
    def _nearest(base: str, names: list[list[str]]) -> str:
        written = _COMMA.split(base)
        for start in range(1, len(written)):
            if parts(",".join(written[start:])) in names:
                return ",".join(written[start:])
        return ""


def select(attributes: Attributes, wanted: Sequence[str]) -> Attributes:
    """The attributes that were asked for: none named or * = all, 1.1 alone = none."""
    names = {name.partition(";")[0].casefold() for name in wanted}
    if not names or "*" in names:
        return {name: values for name, values in attributes.items() if values}
    return {name: values for name, values in attributes.items() if name.casefold() in names and values}


def matches(condition: sansldap.LDAPFilter, attributes: Attributes) -> bool:
    """Whether an entry fits a filter. Names and values are compared without regard to case."""
    match condition:
        case sansldap.FilterAnd():
            return all(matches(part, attributes) for part in condition.filters)
        case sansldap.FilterOr():
            return any(matches(part, attributes) for part in condition.filters)
        case sansldap.FilterNot():
            return not matches(condition.filter, attributes)
        case sansldap.FilterPresent():
            return bool(_values(attributes, condition.attribute))
        case sansldap.FilterEquality() | sansldap.FilterApproxMatch():
            wanted = _text(condition.value)
            return any(_equal(condition.attribute, value, wanted) for value in _values(attributes, condition.attribute))
        case sansldap.FilterSubstrings():
            pattern = _pattern(condition)
            return any(pattern.match(value.casefold()) for value in _values(attributes, condition.attribute))
        case sansldap.FilterGreaterOrEqual():
            limit = _text(condition.value)
            return any(_order(value, limit) >= 0 for value in _values(attributes, condition.attribute))
        case sansldap.FilterLessOrEqual():
            limit = _text(condition.value)
            return any(_order(value, limit) <= 0 for value in _values(attributes, condition.attribute))
        case sansldap.FilterExtensibleMatch():
            return _extensible(condition, attributes)
        case _:
            return False


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").casefold()


def _values(attributes: Attributes, name: str) -> Iterable[str]:
    key = name.partition(";")[0].casefold()
    return next((values for known, values in attributes.items() if known.casefold() == key), [])


def _equal(attribute: str, value: str, wanted: str) -> bool:
    found = value.casefold()
    if found == wanted:
        return True
    if "=" not in found:
        return False
    if "=" in wanted:
        return parts(found) == parts(wanted)
    # objectCategory holds a class's name in the schema; the class's short name means the same [V, MS-ADTS]
    category = attribute.casefold() == "objectcategory"
    return category and parts(found)[0].partition("=")[2].replace("-", "") == wanted.replace("-", "")


def _pattern(condition: sansldap.FilterSubstrings) -> re.Pattern[str]:
    pieces = [re.escape(_text(condition.initial or b""))]
    pieces += [re.escape(_text(piece)) for piece in condition.any]
    return re.compile(".*".join([*pieces, re.escape(_text(condition.final or b""))]) + r"\Z", re.DOTALL)


def _order(value: str, limit: str) -> int:
    """Below, at or above: as numbers where both are, else as texts."""
    try:
        first, second = int(value), int(limit)
    except ValueError:
        return (value.casefold() > limit) - (value.casefold() < limit)
    return (first > second) - (first < second)


def _extensible(condition: sansldap.FilterExtensibleMatch, attributes: Attributes) -> bool:
    values = _values(attributes, condition.attribute or "")
    wanted = _text(condition.value)
    if condition.rule in (BIT_AND, BIT_OR):
        try:
            mask = int(wanted)
            bits = [int(value) & mask for value in values]
        except ValueError:
            return False
        return any(part == mask if condition.rule == BIT_AND else part != 0 for part in bits)
    return any(value.casefold() == wanted for value in values)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator signs: statements that stand for a proof, and overrides of a gate by its id and a reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ..hosts.errors import Refused
from .model import Finding, Gate, gates

STATEMENTS, OVERRIDES = "mailops_exchange_statements", "mailops_exchange_overrides"
DATED = frozenset({"backup_databases", "backup_system_state", "backup_controllers"})
"""Gates whose statement grows old as a backup does."""
_ZONES = 14.0
"""Hours by which a time without a zone may be off."""


@dataclass(frozen=True)
class Statement:
    """What a person has signed. ``hosts`` and ``updates`` empty: all of them."""

    gate: str
    who: str
    when: str
    what: str
    hosts: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()

    def signed(self) -> dict[str, str]:
        """Who, when and what, as the record keeps them."""
        return {"who": self.who, "when": self.when, "what": self.what}


@dataclass(frozen=True)
class Override:
    """A gate that the operator lets be, and why. ``hosts`` empty: everywhere."""

    gate: str
    reason: str
    hosts: tuple[str, ...] = ()


def read_statements(given: Any) -> list[Statement]:
    """Return the statements. Raises Refused for the first one that is not complete, with its place."""
    found = []
    for index, entry in enumerate(_list(STATEMENTS, given, "gate, who, when and what")):
        place = f"{STATEMENTS}[{index}]"
        row = _entry(place, entry, {"gate", "who", "when", "what"}, {"hosts", "update"})
        gate = _gate(place, row["gate"])
        if not gate.statement:
            able = ", ".join(name for name, each in gates().items() if each.statement)
            raise Refused(f"{place}: a statement cannot pass the gate {gate.id}", remedy=f"It can for {able}.")
        found.append(
            Statement(
                gate=gate.id,
                who=str(row["who"]).strip(),
                when=str(row["when"]).strip(),
                what=str(row["what"]).strip(),
                hosts=_names(place, "hosts", row.get("hosts")),
                updates=_names(place, "update", row.get("update")),
            )
        )
        if gate.id in DATED:
            moment(found[-1].when, place)
    return found


def read_overrides(given: Any) -> list[Override]:
    """Return the overrides. Raises Refused for the first one that names no gate or gives no reason."""
    found = []
    for index, entry in enumerate(_list(OVERRIDES, given, "gate and reason")):
        place = f"{OVERRIDES}[{index}]"
        row = _entry(place, entry, {"gate", "reason"}, {"hosts"})
        gate = _gate(place, row["gate"])
        found.append(Override(gate.id, str(row["reason"]).strip(), _names(place, "hosts", row.get("hosts"))))
    return found


def concerns(hosts: Sequence[str], finding: Finding) -> bool:
    """Whether a row is meant: it is named, or all of the nodes that it stands for are."""
    named = {name.casefold() for name in hosts}
    if not named or finding.host.casefold() in named:
        return True
    return bool(finding.members) and {name.casefold() for name in finding.members} <= named


def statement_for(
    gate: Gate, finding: Finding, statements: Sequence[Statement], updates: Sequence[str], now: float, age: float
) -> tuple[list[Statement], str]:
    """Return the statements that pass a row, or none and why those that were given do not.

    ``updates``: the ids that the statements on release notes have to cover together. ``age``: hours for which a
    statement on a backup counts. ``now``: epoch seconds.
    """
    own = [each for each in statements if each.gate == gate.id and concerns(each.hosts, finding)]
    if gate.id in DATED:
        young = [each for each in own if _age(each.when, now) <= age]
        if own and not young:
            return [], f"the statement of {own[0].when} is older than {age:g} hours"
        return young[:1], ""
    if gate.id != "release_notes" or not own:
        return own[:1], ""
    missing = [key for key in updates if not any(not each.updates or key in each.updates for each in own)]
    return ([], f"nothing is stated of {', '.join(missing)}") if missing else (own, "")


def moment(text: str, place: str = "") -> tuple[float, bool]:
    """An ISO 8601 date or date with time as epoch seconds, and whether it names its zone. A date is its last second."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused(
            f"{place or STATEMENTS}: {text!r} is no date", remedy="Write when as 2026-11-22 or 2026-11-22 21:30."
        ) from None
    if len(text.strip()) <= 10:
        found += timedelta(days=1, seconds=-1)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp(), found.tzinfo is not None


def signed_since(
    statements: Sequence[Statement], gate: str, names: Sequence[str], since: float, now: float
) -> Statement | None:
    """Return a statement on a gate that is about one of these names, or all, and surely later than a moment.

    Surely: what it does not say (the time of the day, the zone) is taken as early as it can be; and it is not of a day
    that is still to come.
    """
    own = {name.casefold() for name in names}
    for each in statements:
        if each.gate != gate or (each.hosts and not own & {name.casefold() for name in each.hosts}):
            continue
        seconds, zone = moment(each.when)
        whole_day = 86399.0 if len(each.when) <= 10 else 0.0
        early = seconds - whole_day - (0 if zone else _ZONES * 3600)
        if since < early <= now + 86400:
            return each
    return None


def _age(text: str, now: float) -> float:
    """Hours since that moment, in favour of whoever wrote it where the zone is not known; never is a future one."""
    seconds, zone = moment(text)
    hours = (now - seconds) / 3600
    if hours < -24 - _ZONES:
        return float("inf")
    return max(hours - (0 if zone else _ZONES), 0.0)


def _list(name: str, given: Any, form: str) -> Sequence[Any]:
    if given is None:
        return ()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise Refused(f"{name} is no list", remedy=f"Write a list, each entry a mapping with {form}.")
    return given


def _entry(place: str, entry: Any, needed: set[str], possible: set[str]) -> Mapping[str, Any]:
    form = ", ".join(sorted(needed)) + (f" (and {', '.join(sorted(possible))})" if possible else "")
    if not isinstance(entry, Mapping):
        raise Refused(f"{place} is no mapping", remedy=f"Write it with {form}.")
    unknown = sorted(str(key) for key in set(entry) - needed - possible)
    if unknown:
        raise Refused(f"{place}: {unknown[0]} is unknown", remedy=f"Write it with {form}.")
    for key in sorted(needed):
        value = entry.get(key)
        if not isinstance(value, str) or not value.strip():
            raise Refused(f"{place}: {key} is missing or empty", remedy=f"Write it with {form}.")
    return entry


def _gate(place: str, name: str) -> Gate:
    gate = gates().get(name)
    if gate is None:
        raise Refused(f"{place}: there is no gate {name!r}", remedy=f"The gates are {', '.join(gates())}.")
    return gate


def _names(place: str, key: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else value
    good = isinstance(values, Sequence) and bool(values) and all(isinstance(each, str) and each for each in values)
    if not good or any(set(each) <= set("*") for each in values):
        raise Refused(
            f"{place}: {key} is to be a list of names", remedy=f"Leave {key} out where all of them are meant."
        )
    return tuple(values)

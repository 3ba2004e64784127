# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an event log by wmic (class Win32_NTLogEvent), as Server 2003 brings it along. Nothing here writes.

eventquery.vbs would need cscript, prints translated headings and local dates; here dates and kinds are numbers, and the
host itself picks the entries. That the class has these properties: [V] MS documentation; how wmic prints them: [R].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import console
from .commands import check_name, command, quote
from .errors import Refused, Unreadable
from .models import Event

if TYPE_CHECKING:
    from .session import Session

_FIELDS = ("EventCode", "EventType", "InsertionStrings", "Message", "SourceName", "TimeGenerated")
_FIELD = re.compile(rf"({'|'.join(_FIELDS)})=(.*)\Z", re.DOTALL)
# Numbers of the class as it is on XP and 2003 [R]; 8 and 16 are those of the event log itself.
_TYPES = {
    0: "success",
    1: "error",
    2: "warning",
    3: "information",
    4: "audit_success",
    5: "audit_failure",
    8: "audit_success",
    16: "audit_failure",
}
_MOMENT = re.compile(r"(\d{14})\.(\d{6})([+-]\d{3})")


def names(value: str | Sequence[str] | None) -> list[str]:
    """One name, several or none, as a list."""
    return [value] if isinstance(value, str) else list(value or [])


def read(
    session: Session,
    log: str,
    *,
    source: str | Sequence[str] | None,
    ids: Iterable[int] | None,
    since: float | None,
    limit: int,
) -> list[Event]:
    """See ``Session.events``."""
    conditions = [f"Logfile={_text(log)}"]
    if since is not None:
        # Told in UTC; that WMI compares moments and not their texts: [R].
        conditions.append(f"TimeGenerated>='{cim_date(since)}'")
    if source is not None:
        conditions.append("(" + " or ".join(f"SourceName={_text(name)}" for name in names(source)) + ")")
    if ids is not None:
        conditions.append("(" + " or ".join(f"EventCode={int(number)}" for number in ids) + ")")
    if any(condition == "()" for condition in conditions):
        return []
    where = quote(" and ".join(conditions))
    # wmic reads its standard input even when it is asked for nothing, and hangs without this redirection.
    line = command("wmic", "ntevent", "where", where, "get") + f" {','.join(_FIELDS)} /value <nul"
    output = session.run(line, changes=False, timeout=600)
    if output.exit_code != 0:
        raise Unreadable(
            f"the event log {log} of {session.host} cannot be read: {console.first_line(output.text)}",
            remedy="see whether `wmic ntevent` works on the host",
        )
    found = parse(output.stdout)
    return sorted(found, key=lambda event: event.time, reverse=True)[:limit]


def parse(text: str) -> list[Event]:
    """The events that ``wmic ntevent get ... /value`` printed. A message may have several lines."""
    events: list[Event] = []
    fields: dict[str, str] = {}
    last = ""
    for line in [*console.lines_end(text.replace("\0", "")).split("\n"), "EventCode="]:
        begun = _FIELD.match(line)
        if begun is None:
            if last:
                fields[last] += "\n" + line
            continue
        if begun[1] in fields:
            events += _event(fields)
            fields = {}
        last = begun[1]
        fields[last] = begun[2]
    return events


def _event(fields: dict[str, str]) -> list[Event]:
    moment = epoch(fields.get("TimeGenerated", ""))
    number = fields.get("EventCode", "").strip()
    if moment is None or not number.isdigit():
        return []
    kind = fields.get("EventType", "").strip()
    return [
        Event(
            time=moment,
            source=fields.get("SourceName", "").strip(),
            id=int(number),
            type=_TYPES.get(int(kind), "unknown") if kind.isdigit() else "unknown",
            text=fields.get("Message", "").strip(),
            strings=_strings(fields.get("InsertionStrings", "").strip()),
        )
    ]


def _strings(text: str) -> tuple[str, ...]:
    """``{"a","b"}`` as wmic prints lists [V]."""
    if not (text.startswith('{"') and text.endswith('"}')):
        return ()
    return tuple(text[2:-2].split('","'))


def _text(value: str) -> str:
    """A text of WQL. Its backslashes are doubled [V]."""
    if "'" in check_name(value):
        raise Refused(f"{value!r} holds a ' and cannot be asked for in an event log")
    return "'" + value.replace("\\", "\\\\") + "'"


def cim_date(moment: float) -> str:
    """Epoch seconds as a CIM date in UTC: ``20261122101500.000000+000``."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d%H%M%S.%f+000")


def epoch(text: str) -> float | None:
    """A CIM date (``20261122101500.500000+060``, the offset in minutes) as epoch seconds; None for another text."""
    found = _MOMENT.search(text)
    if not found:
        return None
    try:
        local = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return (local - timedelta(minutes=int(found[3]))).timestamp() + int(found[2]) / 1e6

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times: everything is ISO 8601 in UTC, with milliseconds, so that times sort as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def iso(value: Any, default: str) -> str:
    """Return epoch seconds or an ISO 8601 time as ISO 8601 in UTC; ``default`` for anything else."""
    if isinstance(value, bool):
        return default
    try:
        if isinstance(value, int | float):
            return stamp(datetime.fromtimestamp(value, UTC))
        if isinstance(value, str):
            return stamp(moment(value))
    except (ValueError, OverflowError, OSError):
        return default
    return default


def stamp(value: datetime) -> str:
    """Return a time as the record writes it: 2026-11-22T16:30:00.000Z."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return an ISO 8601 time; one without a zone is UTC. Raises ValueError for anything else."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def seconds_between(begin: str, end: str) -> float:
    """Return the seconds from one ISO 8601 time to another, never less than 0."""
    return max(0.0, (moment(end) - moment(begin)).total_seconds())


def duration(seconds: float) -> str:
    """Return a duration as a person reads it: 45 s, 4 min 30 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"

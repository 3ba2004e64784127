# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last lines of a run on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .times import duration, seconds_between


def summary(record: Mapping[str, Any], path: str) -> list[str]:
    """Return the outcome, the outages, what is due and the problems of a record, and where it is, as lines."""
    update = record["update"]
    named = ", ".join(update) if isinstance(update, list) else update
    lines = ["", f"CHANGE RECORD  {record['title'] or named or 'no plan'}: {record['outcome']}"]
    for name, server in record["virtual_servers"].items():
        if record["check_mode"]:
            expected = (record["plan"].get("outages") or {}).get(name) or {}
            if expected.get("times"):
                lines.append(f"  {name}: would be offline {expected['times']} times, the failover test included")
            continue
        parts = []
        for outage in server["outages"]:
            why = " in the failover test" if outage["phase"] == "finish" else ""
            if outage["to"]:
                parts.append(f"{duration(seconds_between(outage['from'], outage['to']))}{why}")
            else:
                parts.append(f"STILL OFFLINE since {outage['from']}")
        lines.append(f"  {name}: " + (f"offline {', '.join(parts)}" if parts else "never offline"))
    if record["problems"]:
        lines.append("  Problems:")
        for problem in record["problems"]:
            lines.append(f"  - {problem['host'] + ': ' if problem['host'] else ''}{problem['what']}")
            if problem["remedy"]:
                lines.append(f"    What to do: {problem['remedy']}")
    if record["due"]:
        lines += ["  Still due:", *(f"  - {text}" for text in record["due"])]
    return [*lines, f"  Record: {path}", ""]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time picture of a change record: where everything stands in it, in SVG units. The template only draws."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from .steps import title
from .times import duration, moment, seconds_between

WIDTH, GUTTER, RIGHT = 1000.0, 190.0, 14.0
LANE, BAR, TOP, HEADING = 22.0, 13.0, 26.0, 24.0
LABEL = 27
"""Longest label in characters that fits into the gutter; a longer one is cut, its whole text is shown on pointing."""

TICKS = (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 604800)
"""Distances of the axis labels in seconds; the first that gives few enough labels is taken."""

KINDS = {
    "stage_package": "prepare",
    "note_owners": "prepare",
    "remove_note": "prepare",
    "move_group": "move",
    "failover_test": "move",
    "move_home": "move",
    "stop_cluster_service": "service",
    "start_cluster_service": "service",
    "install_update": "install",
    "upgrade_connector": "install",
    "stop_services": "service",
    "start_services": "service",
    "stop_exchange": "service",
    "start_exchange": "service",
    "optimize": "install",
    "update_addon": "install",
    "save_tuning": "prepare",
    "limit_owners": "prepare",
    "restore_owners": "prepare",
    "leave_rotation": "move",
    "join_rotation": "move",
    "note_backup_due": "prepare",
    "export_schema_maps": "prepare",
    "restart_host": "restart",
    "take_offline": "switch",
    "bring_online": "switch",
    "upgrade_virtual_server": "upgrade",
}
"""Step word -> colour; everything else is a check."""

LEGEND = (
    ("outage", "virtual server offline"),
    ("install", "installation"),
    ("restart", "restart"),
    ("service", "services"),
    ("move", "move of a group, rotation"),
    ("switch", "resources off and on"),
    ("upgrade", "upgrade of a virtual server"),
    ("prepare", "preparation, note"),
    ("check", "check"),
)


def picture(record: Mapping[str, Any], *, relative: bool = False) -> dict[str, Any] | None:
    """Return axis, lanes and bars of the record's time picture, or None when there is nothing to draw.

    relative: the times count from midnight of an imagined first day, as those of a plan do.

    A lane for each virtual server with its outages, then one for each host with the steps of its turn.
    """
    steps = [step for step in record["steps"] if step["status"] in ("ok", "failed", "ignored")]
    if record["check_mode"] or not steps:
        return None
    times = [time for step in steps for time in (step["started"], step["ended"])]
    for server in record["virtual_servers"].values():
        times += [time for outage in server["outages"] for time in (outage["from"], outage["to"]) if time]
    scale = _Scale(min(times), max(times))
    rows: list[dict[str, Any]] = []
    y = TOP
    if record["virtual_servers"]:
        rows.append({"heading": "Virtual servers", "y": y + 15})
        y += HEADING
        for name, server in record["virtual_servers"].items():
            rows.append(_lane(name, y, [_outage(name, outage, scale, y) for outage in server["outages"]]))
            y += LANE
    rows.append({"heading": "Servers", "y": y + 15})
    y += HEADING
    for host in _hosts(record, steps):
        rows.append(_lane(host, y, [_bar(step, scale, y) for step in steps if step["host"] == host]))
        y += LANE
    used = {drawn["kind"] for row in rows for drawn in row.get("bars", [])}
    return {
        "width": WIDTH,
        "height": y + 30,
        "gutter": GUTTER,
        "left": GUTTER,
        "right": WIDTH - RIGHT,
        "top": TOP - 4,
        "bottom": y + 2,
        "ticks": scale.ticks(),
        "rows": rows,
        "day": f"{scale.day()}, UTC" if not relative else "hours:minutes after the start",
        "legend": [{"kind": kind, "text": text} for kind, text in LEGEND if kind in used],
    }


def _hosts(record: Mapping[str, Any], steps: list[Mapping[str, Any]]) -> list[str]:
    """The hosts that did something: in the order of their turns, the others before them."""
    order = [turn["host"] for turn in record["turns"]]
    seen = {step["host"] for step in steps}
    return sorted(seen - set(order)) + [host for host in order if host in seen]


def _lane(name: str, y: float, bars: list[dict[str, Any]]) -> dict[str, Any]:
    # Names differ at their beginning (hosts) or at their end (numbered nodes and virtual servers): both are kept.
    label = name if len(name) <= LABEL else f"{name[: LABEL - 16]}…{name[-15:]}"
    return {"label": label, "title": name, "y": y, "text_y": y + 14.5, "height": LANE, "bars": bars}


def _bar(step: Mapping[str, Any], scale: _Scale, y: float) -> dict[str, Any]:
    took = duration(seconds_between(step["started"], step["ended"]))
    words = f"{title(step['step'])}: {step['object']} ({took}{', failed' if step['status'] != 'ok' else ''})"
    kind = KINDS.get(step["step"], "check")
    return scale.stretch(step["started"], step["ended"], y, kind=kind, title=words, failed=step["status"] != "ok")


def _outage(name: str, outage: Mapping[str, Any], scale: _Scale, y: float) -> dict[str, Any]:
    end = outage["to"] or scale.end
    took = duration(seconds_between(outage["from"], end))
    words = f"{name} offline for {took}" + ("" if outage["to"] else ", and still at the end of the record")
    drawn = scale.stretch(outage["from"], end, y, kind="outage", title=words, failed=not outage["to"])
    return {**drawn, "text": took if drawn["width"] > 8 * len(took) else ""}


class _Scale:
    """From times to x."""

    def __init__(self, begin: str, end: str) -> None:
        self.begin, self.end = begin, end
        self.span = max(seconds_between(begin, end), 1.0)

    def x(self, time: str) -> float:
        """The place of a time."""
        share = min(1.0, seconds_between(self.begin, time) / self.span)
        return round(GUTTER + share * (WIDTH - RIGHT - GUTTER), 2)

    def stretch(self, begin: str, end: str, y: float, **more: Any) -> dict[str, Any]:
        """A bar from one time to another; never so thin that it is not seen."""
        x = self.x(begin)
        width = max(2.0, round(self.x(max(begin, end)) - x, 2))
        return {"x": min(x, WIDTH - RIGHT - width), "y": y + 4, "width": width, "height": BAR, **more}

    def day(self) -> str:
        """The day or days, for the axis."""
        first, last = (moment(time).astimezone(UTC) for time in (self.begin, self.end))
        if first.date() == last.date():
            return first.strftime("%d %B %Y")
        if (first.year, first.month) == (last.year, last.month):
            return f"{first:%d}-{last:%d %B %Y}"
        return f"{first:%d %b} - {last:%d %b %Y}"

    def ticks(self) -> list[dict[str, Any]]:
        """The labels of the axis: round times, at most ten."""
        apart = next((tick for tick in TICKS if self.span / tick <= 9), TICKS[-1])
        first = moment(self.begin).astimezone(UTC)
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        number = int((first - midnight).total_seconds() // apart) + 1
        marks: list[dict[str, Any]] = []
        while True:
            at = midnight + timedelta(seconds=number * apart)
            x = self.x(at.isoformat())
            if at > moment(self.end) or len(marks) > 12:
                return marks
            text = at.strftime("%d %b" if apart >= 86400 else "%H:%M:%S" if apart < 60 else "%H:%M")
            marks.append({"x": x, "text": text})
            number += 1

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change record as one HTML page: nothing is loaded from elsewhere, it prints, and it needs no JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .picture import picture
from .steps import title
from .times import duration, moment, seconds_between

SENTENCES = {
    "done": "The update is complete on every server of this change.",
    "planned": "Nothing was changed: this is what the change would do.",
    "stopped": "The change was begun and is not complete.",
    "refused": "The change was not begun.",
}


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(clock=_clock, when=_when, words=title, value=_value)
    return found


def render(record: Mapping[str, Any]) -> str:
    """Return the page for a record as ``record.Record.to_dict`` made it."""
    return (
        _environment()
        .get_template("record.html.j2")
        .render(
            record=record,
            named=_value(record["update"]) if record["update"] else "",
            sentence=SENTENCES[record["outcome"]],
            picture=picture(record),
            parts=_parts(record),
            servers=_servers(record),
            took=duration(seconds_between(record["started"], record["ended"])) if record["ended"] else None,
            rows=[_host_row(name, entry) for name, entry in record["hosts"].items()],
            gates=gate_rows(record.get("gates") or []),
        )
    )


def gate_rows(gates: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The gates for the page: what needs a person first; of each gate what passed in one row."""
    order = ("failed", "warning", "information")
    rows = [
        {**row, "shown": "overridden" if row["overridden"] is not None else row["result"]}
        for result in order
        for row in gates
        if row["result"] == result
    ]
    for gate in dict.fromkeys(row["id"] for row in gates):
        passed = [row for row in gates if row["id"] == gate and row["result"] == "passed"]
        # A statement is somebody's word and stands by itself.
        plain = [row for row in passed if not row["statement"]]
        rows += [{**row, "shown": "stated"} for row in passed if row["statement"]]
        if plain:
            hosts = ", ".join(row["host"] for row in plain if row["host"])
            observed = plain[0]["observed"] if len(plain) == 1 else f"on all {len(plain)}"
            rows.append({**plain[0], "host": hosts, "observed": observed, "shown": "passed"})
    return rows


def _when(text: str | None) -> str:
    """A time as a person reads it."""
    return moment(text).astimezone(UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0") if text else "not ended"


def _clock(text: str | None) -> str:
    """A time of day with seconds."""
    return moment(text).astimezone(UTC).strftime("%H:%M:%S") if text else ""


def _value(value: Any) -> str:
    """A value of a step's state in few words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_value(inner) for inner in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _change(step: Mapping[str, Any]) -> str:
    """What a step changed, from its before and after: only the keys that differ."""
    before, after = step.get("before") or {}, step.get("after") or {}
    if set(after) == {"staged"}:
        return "staged" if after["staged"] and not before.get("staged") else ""
    if set(before) == {"owners"} or set(after) == {"owners"}:
        return "written" if after.get("owners") else "removed"
    parts = []
    for key in after:
        # The state says it in short; what each resource of a group did is in record.json.
        if before.get(key) == after[key] or key == "resources":
            continue
        words = key.replace("_", " ")
        old, new = before.get(key), after[key]
        if key == "version" and isinstance(old, Mapping) and isinstance(new, Mapping):
            parts.append(_change({"before": old, "after": new}))
        elif key == "hotfixes" and isinstance(old, list) and isinstance(new, list):
            parts.append("hotfix " + ", ".join(fix for fix in new if fix not in old))
        elif key in ("state", "owner"):
            parts.append(f"{_value(old)} → {_value(new)}".replace("_", " "))
        else:
            parts.append(f"{words} {_value(old)} → {_value(new)}")
    return "; ".join(parts)


def _step_row(step: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"ok": "changed" if step["changed"] else "as it was", "ignored": "failed, ignored"}
    return {
        **step,
        "number": step["index"] + 1 if isinstance(step.get("index"), int) and step["index"] >= 0 else "",
        "took": duration(seconds_between(step["started"], step["ended"])),
        "result": shown.get(step["status"], step["status"]),
        "change": _change(step),
        "unpredictable": step.get("unpredictable", False),
    }


def _parts(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps in parts: the preparations, each turn, the finish of each cluster."""
    turns = {turn["host"]: turn for turn in record["turns"]}
    parts: dict[tuple[str, str], dict[str, Any]] = {}
    for step in record["steps"]:
        phase, host = step.get("phase"), step["host"]
        if phase == "prepare":
            key, name, why = ("prepare", ""), "Preparations", "While everything serves."
        elif phase == "finish":
            key, name = ("finish", str(step["cluster"])), f"Finish of the cluster {step['cluster']}"
            why = "The virtual servers are shown to fail over, and everything goes home."
        else:
            turn = turns.get(host) or {}
            where = f", node {turn['node']} of the cluster {turn['cluster']}" if turn.get("cluster") else ""
            wave = f" (wave {turn['wave'] + 1})" if turn else ""
            key, name, why = ("turn", host), f"Turn of {host}{where}{wave}", turn.get("reason", "")
        part = parts.setdefault(key, {"name": name, "reason": why, "steps": []})
        part["steps"].append(_step_row(step))
    return list(parts.values())


def _servers(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the virtual servers with their outages in words."""
    rows = []
    for name, server in record["virtual_servers"].items():
        outages = []
        for outage in server["outages"]:
            end = outage["to"] or record["ended"] or outage["from"]
            took = seconds_between(outage["from"], end)
            outages.append({**outage, "seconds": took, "took": duration(took)})
        rows.append(
            {
                "name": name,
                "moves": server["moves"],
                "outages": outages,
                "total": duration(sum(outage["seconds"] for outage in outages)),
            }
        )
    return rows


def _host_row(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host with its level before and after (or predicted), and whether they differ."""
    before, after = entry["before"], entry.get("predicted") or entry["after"]
    return {
        "name": name,
        "product": before.get("product") or "",
        "before": _level(before),
        "after": _level(after),
        "predicted": "predicted" in entry,
        "differs": _level(before) != _level(after),
        "fixes": [fix for fix in after.get("hotfixes") or [] if fix not in (before.get("hotfixes") or [])],
    }


def _level(level: Mapping[str, Any]) -> str:
    pack = level.get("service_pack")
    build = f" ({level.get('version') or ''}.{level['build']})".replace("(.", "(") if level.get("build") else ""
    return f"Service Pack {pack}{build}" if pack else f"no service pack{build}"

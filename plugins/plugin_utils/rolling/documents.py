# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan as documents for the change board: Markdown, HTML (nothing is loaded from elsewhere), and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .picture import picture
from .runbook import words
from .schedule import turn_steps
from .steps import Step
from .times import duration, stamp

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|])")
"""Signs with a meaning in Markdown: names of groups may hold them."""


@cache
def _environment(suffix: str) -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=suffix == "html",
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(md=_escaped, took=duration, offset=offset)
    return found


def _escaped(text: Any) -> str:
    """Text as it stands in Markdown, in one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def offset(seconds: float) -> str:
    """Return a time after the beginning as a person reads it: 0:05, 1:20 (hours and minutes)."""
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def documents(
    plan: Mapping[str, Any], schedule: Mapping[str, Any], rollback: list[str], before: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return file name -> content: ``plan.md``, ``plan.html`` and ``plan.json``.

    before: what ``plan.json`` held until now. When that is a plan of the same roll, of which this one is what is left,
    its digests go on to count as approved (``earlier_digests``).

    schedule: what ``schedule.make_schedule`` returned. rollback: what going back would take, in sentences.
    """
    seen = {
        "plan": plan,
        "schedule": schedule,
        "rollback": rollback,
        "parts": _parts(plan, schedule),
        "outages": _outages(plan, schedule),
        "picture": picture(_pretended(plan, schedule), relative=True),
        "persons": [{**person, "words": words(plan["steps"][person["index"]])} for person in schedule["persons"]],
    }
    made = {f"plan.{kind}": _environment(kind).get_template(f"plan.{kind}.j2").render(seen) for kind in ("md", "html")}
    whole = {**plan, "schedule": schedule, "earlier_digests": _earlier(plan, before or {})}
    return {**made, "plan.json": json.dumps(whole, indent=2, ensure_ascii=False) + "\n"}


def _earlier(plan: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Return the digests of the plans that this one goes on with."""
    if before.get("scope_digest") != plan["scope_digest"]:
        return []
    known = [str(each) for each in (*before.get("earlier_digests", []), before.get("digest"))]
    return [each for each in dict.fromkeys(known) if each != plan["digest"]]


def _parts(plan: Mapping[str, Any], schedule: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps in the parts of the plan, each with its time and its words."""
    parts = []
    if plan["prepare"]:
        steps = [step for of_host in plan["prepare"].values() for step in of_host]
        parts.append(_part("Preparations", "While everything serves.", steps, schedule))
    for number, wave in enumerate(plan["waves"], 1):
        for host in wave:
            turn = plan["turns"][host]
            where = f", node {turn['node']} of the cluster {turn['cluster']}" if turn["cluster"] else ""
            name = f"Wave {number} of {len(plan['waves'])}: {host}{where}"
            part = _part(name, turn["reason"], turn_steps(turn), schedule)
            part["left"] = [f"{left['group']} stays on the node. {left['reason']}" for left in turn["left"]]
            parts.append(part)
    for cluster, finish in plan["finish"].items():
        why = "The virtual servers are shown to fail over, and everything goes home."
        parts.append(_part(f"Finish of the cluster {cluster}", why, finish["steps"], schedule))
    return parts


def _part(name: str, reason: str, steps: list[Step], schedule: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "number": step["index"] + 1,
            "at": schedule["steps"][step["index"]]["from"],
            "seconds": schedule["steps"][step["index"]]["to"] - schedule["steps"][step["index"]]["from"],
            "words": words(step),
            "reason": step["reason"],
            "unpredictable": bool(step.get("unpredictable")),
        }
        for step in steps
    ]
    return {"name": name, "reason": reason, "steps": rows, "left": []}


def _outages(plan: Mapping[str, Any], schedule: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each virtual server, and each server without a cluster, with its outages.

    The Exchange services of a server stop while its installer runs, and with its restart; its store may upgrade the
    databases afterwards. Those of Exchange 5.5 stop once more for the Performance Optimizer.
    """
    rows = []
    times = schedule["steps"]
    for host, turn in plan["turns"].items():
        stops = ("stop_exchange", "install_update", "start_exchange", "restart_host")
        down = [
            times[step["index"]]
            for step in turn["steps"]
            if step["step"] in stops or (step["step"] == "verify_host" and step.get("seconds"))
        ]
        if down and not turn["cluster"]:
            found = [{"from": down[0]["from"], "to": down[-1]["to"], "part": "update"}]
            optimizers = [times[step["index"]] for step in turn["steps"] if step["step"] == "optimize"]
            found += [{**each, "part": "update"} for each in optimizers]
            rows.append({"name": host, "outages": found, "seconds": sum(each["to"] - each["from"] for each in found)})
    for where in plan["outages"]:
        found = schedule["outages"].get(where) or []
        rows.append({"name": where, "outages": found, "seconds": sum(each["to"] - each["from"] for each in found)})
    return rows


def _pretended(plan: Mapping[str, Any], schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a change record the picture of time needs, as if the plan had been carried out at midnight."""

    def at(seconds: float) -> str:
        return stamp(datetime.fromtimestamp(seconds, UTC))

    steps = [
        {**step, "status": "ok", "started": at(time["from"]), "ended": at(time["to"])}
        for step in plan["steps"]
        for time in [schedule["steps"][step["index"]]]
    ]
    outages = {
        where: {"outages": [{"from": at(each["from"]), "to": at(each["to"])} for each in found]}
        for where, found in schedule["outages"].items()
    }
    return {"check_mode": False, "steps": steps, "virtual_servers": outages, "turns": list(plan["turns"].values())}

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan as a text that a person reads before it is carried out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .state55 import addon
from .steps import MOVES, Step, title

WIDTH = 110


def runbook(plan: Mapping[str, Any]) -> str:
    """Return the plan as text: what comes when and why, what the users notice, and what a person has to do."""
    lines = [*_wrapped(f"{plan['title']} ({', '.join(plan['updates'])})"), f"Plan {plan['digest']}", ""]
    if not plan["changes"]:
        lines.append("Nothing is to be done: everything has the update and stands where it serves.")
        return "\n".join(lines + _notices(plan)) + "\n"
    if plan["resumes"]:
        lines += ["This goes on with a run that was cut off.", ""]
    lines += _before(plan) + _persons(plan) + _outages(plan)
    if plan["prepare"]:
        lines += ["Prepare, while everything serves", *_steps(plan["prepare"].values(), "  "), ""]
    balanced = {part["wave"]: name for name, part in plan["sets"].items()}
    for number, wave in enumerate(plan["waves"]):
        what = f", the load-balanced set {balanced[number]}" if number in balanced else _one_of(plan, wave)
        lines += _wrapped(f"Wave {number + 1} of {len(plan['waves'])}{what}: {', '.join(wave)}")
        for host in wave:
            lines += _turn(plan["turns"][host])
    for cluster, finish in plan["finish"].items():
        lines += [f"Finish of the cluster {cluster}", *_steps([finish["steps"]], "  "), ""]
    return "\n".join(lines + _notices(plan)) + "\n"


def _one_of(plan: Mapping[str, Any], wave: Sequence[str]) -> str:
    """Say of which set the member is whose turn it is; the others of the set serve meanwhile."""
    group = plan["turns"][wave[0]]["set"] if len(wave) == 1 else None
    return f", one member of the load-balanced set {group}" if group else ""


def _before(plan: Mapping[str, Any]) -> list[str]:
    if plan["kind"] != "service_pack":
        return []
    return [
        "Before it begins",
        *_wrapped("A service pack cannot be uninstalled: going back means to remove Exchange, install it anew and "
                  "restore. Full backups of all databases, system-state backups of the servers and of the domain "
                  "controllers, and the release notes read: without these nothing may begin. Backups taken before "
                  "the service pack cannot be restored after it; new full backups are due as soon as it is done."),
        "",
    ]  # fmt: skip


def _persons(plan: Mapping[str, Any]) -> list[str]:
    """Return what a person has to do, from the methods chosen; nothing when all of it is done by commands."""
    lines: list[str] = []
    upgrades = [step for step in plan["steps"] if step["step"] == "upgrade_virtual_server"]
    installs = [step for step in plan["steps"] if step["step"] == "install_update"]
    lines += [
        f"Run the setup of {step['object']} on {step['host']} when the run asks for it."
        for step in installs
        if step["by_hand"]
    ]
    lines += [
        f"Run the setup of {addon(step['object'])} on {step['host']} when the run asks for it."
        for step in plan["steps"]
        if step["step"] == "update_addon" and step["by_hand"]
    ]
    if plan["by_hand"]["upgrade"]:
        lines += [
            f'In Cluster Administrator on {step["node"]}: "Upgrade Exchange Virtual Server" on the group '
            f"{step['object']}, when the run asks for it."
            for step in upgrades
        ]
    if not lines:
        return []
    return ["What a person has to do", *(line for text in lines for line in _wrapped(text, "- ")), ""]


def _outages(plan: Mapping[str, Any]) -> list[str]:
    lines = []
    for where, outage in plan["outages"].items():
        if outage["times"]:
            lines += _wrapped(
                f"{where}: offline {_times(outage['roll']['times'])} for the update"
                f"{_further(outage['finish']['times'])}; about {_minutes(outage['seconds'])} altogether",
                "- ",
            )
    for turn in plan["turns"].values():
        if not turn["cluster"]:
            again = any(step["step"] == "optimize" for step in turn["steps"])
            more = ", and once more for the Performance Optimizer" if again else ""
            lines += _wrapped(f"{turn['host']}: its Exchange services stop while the installer runs{more}", "- ")
    return ["What the users notice", *lines, ""] if lines else []


def _further(times: int) -> str:
    return f", {_times(times)} more for the failover test and the way home" if times else ""


def _times(number: int) -> str:
    return {0: "not at all", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _minutes(seconds: int) -> str:
    minutes = max(1, round(seconds / 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _turn(turn: Mapping[str, Any]) -> list[str]:
    where = f" (node {turn['node']} of the cluster {turn['cluster']})" if turn["cluster"] else ""
    lines = [*_wrapped(f"{turn['host']}{where}: {turn['reason']}", "  "), *_steps([turn["steps"]], "    ")]
    for left in turn["left"]:
        lines += _wrapped(f"{left['group']} stays on the node. {left['reason']}", "    - ")
    for server in turn["virtual_servers"]:
        lines += [f"    Virtual server {server['group']}", *_steps([server["steps"]], "      ")]
    return [*lines, *_steps([turn["after"]], "    "), ""]


def _steps(parts: Any, indent: str) -> Iterator[str]:
    for steps in parts:
        for step in steps:
            sure = "" if not step.get("unpredictable") else "perhaps: "
            yield from _wrapped(f"{step['index'] + 1}. {sure}{words(step)}. {step['reason']}", indent)


def words(step: Step) -> str:
    """Return a step as a person says it, without its reason."""
    if step["step"] in MOVES:
        way = f"from {step['before']['owner']} to {step['node']}"
        return f"{title(step['step'])}: {step['object']} {way}{_upgraded(step)}"
    where = "" if step["object"].lower() == step["host"].lower() else f" on {step['host']}{_upgraded(step)}"
    if step.get("nodes"):
        where = f", {', '.join(step['before']['possible_owners'])} becomes {', '.join(step['nodes'])}"
    elif step["step"] in ("stop_services", "start_services", "stop_exchange", "start_exchange"):
        where = f" ({', '.join(step['after']['services'])})"
    return f"{title(step['step'])}: {step['object']}{where}"


def _upgraded(step: Step) -> str:
    """Say what is upgraded with the step, where something is."""
    if not step.get("upgrades"):
        return ""
    return ", where it upgrades itself" if step.get("version") else ", where its databases are upgraded"


def _notices(plan: Mapping[str, Any]) -> list[str]:
    lines = []
    for heading, texts in (("To be known", plan["notices"]), ("Due afterwards", plan["due"])):
        if texts:
            lines += ["", heading, *(line for text in texts for line in _wrapped(text, "- "))]
    return lines


def _wrapped(text: str, indent: str = "") -> list[str]:
    """Return ``text`` in lines; further lines stand below the first one's words."""
    number = text.partition(". ")[0]
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=" " * (len(indent) + (len(number) + 2 if number.isdigit() else 0)),
        break_long_words=False,
        break_on_hyphens=False,
    )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold of a case: check mode is the run without the changes, and the plan says the end and the outages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.mailops.exchange.tests.lab.driven.estates import Case
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import Bench, Ended, bench

#: A run may be cut off once; what follows must come to its end.
ATTEMPTS = 2


class Broken(AssertionError):
    """A promise was not kept."""


def require(good: bool, *words: Any) -> None:
    """Raise Broken with the words unless it holds."""
    if not good:
        raise Broken("\n".join(str(word) for word in words))


def try_case(case: Case, folder: Path) -> str:
    """Try a case; returns how the first run ended. Raises Broken with what was promised and what came."""
    return try_estate(case, case.estate, folder)


def try_estate(case: Case, estate: dict[str, Any], folder: Path) -> str:
    """The same for a completed estate that is not the case's own."""
    with bench(estate, folder, wire=case.wire, seed=case.seed, extra=case.extra) as lab:
        first = ""
        for attempt in range(ATTEMPTS):
            begun = len(lab.world.journal.entries)
            check = lab.run(check=True)
            sent = [entry["call"] for entry in lab.world.journal.entries[begun:] if entry["changes"]]
            require(not sent, "check mode sent what changes a host:", *sent)
            # Its look has waited until everything that a killed run had under way was at rest.
            open_before = _outages(lab)
            if not attempt and case.cut:
                _arm(lab, case.cut)
            run = lab.run()
            lab.world.faults.faults.clear()
            first = first or ("killed" if run.killed else run.outcome)
            lab.settle()
            _referee(lab, killed=run.killed)
            if run.outcome == "refused" or check.outcome == "refused":
                require(
                    run.outcome == check.outcome, f"check: {check.outcome}, run: {run.outcome}", *_problems(run, check)
                )
                require(run.record["problems"] == check.record["problems"], "other problems", *_problems(run, check))
                # After a kill nobody is needed; after some mishaps a person has to mend something first.
                helped = bool(case.cut and "fault" in case.cut)
                require(helped or not attempt, "refused after a run that was killed:", *_problems(run))
                return "refused"
            require(check.outcome == "planned", f"check mode ended as {check.outcome}", *_problems(check))
            if run.outcome == "done" and not run.killed:
                _equal(check, run)
                _final(lab, run)
                _outages_as_planned(lab, run, open_before)
                _nothing_left(lab)
                return first
            require(not attempt and case.cut is not None, f"the run ended as {run.outcome}", *_problems(run))
            _part(check, run)
        raise AssertionError("the last attempt either ends or raises")


def _arm(lab: Bench, cut: dict[str, Any]) -> None:
    """Load the fault that cuts the next run off."""
    if "kill" in cut:
        fault = {"controller": "run", "on": f"call {len(lab.world.journal.entries) + cut['kill']}", "do": "kill"}
    else:
        fault = dict(cut["fault"])
        if "lost" in fault:
            fault["on"] = f"call {lab.world.journal.count(fault['host']) + fault.pop('lost')}"
    lab.world.faults.load([{"times": 1, **fault}])


def _problems(*runs: Ended) -> list[str]:
    return [f"{p['host']}: {p['what']} {p['remedy']}" for run in runs for p in run.record["problems"]]


def _equal(check: Ended, run: Ended) -> None:
    """The steps of check mode are those of the run."""
    if check.steps != run.steps:
        missing = [step for step in check.steps if step not in run.steps]
        more = [step for step in run.steps if step not in check.steps]
        raise Broken(
            f"steps differ.\nonly in check mode: {missing}\nonly in the run: {more}\n{check.steps}\n{run.steps}"
        )
    require(check.plan["outages"] == run.plan["outages"], "the plan says other outages in check mode")
    require(check.plan["digest"] == run.plan["digest"], "the plan has another digest in check mode")
    wanted = [s for s in run.plan["steps"] if not s.get("unpredictable")]
    told = [(s["host"], s["step"], s["object"], s["changed"]) for s in wanted]
    require(told == run.steps, "the run took other steps than the plan says:", told, run.steps)


def _part(check: Ended, run: Ended) -> None:
    """What a run that was cut off has done are steps of check mode, in their order."""
    planned = list(check.steps)
    for step in sorted(run.record["steps"], key=lambda step: step["index"]):
        if step.get("unpredictable") or step["status"] != "ok":
            continue
        word = (step["host"], step["step"], step["object"], step["changed"])
        require(word in planned, f"the run took a step that check mode did not tell: {word}", *planned)


def _final(lab: Bench, run: Ended) -> None:
    """The plan predicted the state in which the estate is now."""
    final, found = run.plan["final"], lab.world.referee.report()["final"]
    for name, level in final["hosts"].items():
        there = found[name]
        for key, value in level.items():
            if key in there:
                now = set(there[key]) if isinstance(value, list) else there[key]
                then = set(value) if isinstance(value, list) else value
                require(now == then, f"{name}: the plan predicted {key} {value}, and it is {there[key]}")
        require(there["up"] and not there["services_down"], f"{name}: {there}")
    names = {host.computer_name: host.name for host in lab.world.hosts.values()}
    for cluster, groups in final["clusters"].items():
        for group, then in groups.items():
            now = found[cluster][group]
            wanted = {"owner": names[then["owner"]], "state": then["state"]}
            require(now == wanted, f"{cluster}/{group}: the plan predicted {wanted}, and it is {now}")


def _outages(lab: Bench) -> dict[str, tuple[int, bool]]:
    """How often each virtual server has been offline so far, and whether it is now."""
    found = lab.world.referee.availability.outages
    return {name: (len(each), bool(each) and each[-1].until is None) for name, each in found.items()}


def _outages_as_planned(lab: Bench, run: Ended, before: dict[str, tuple[int, bool]]) -> None:
    """The run's outages are the plan's: as the referee saw them, and as the record tells them."""
    after = _outages(lab)
    for name, (times, was_off) in before.items():
        planned = run.plan["outages"][name]
        seen = after[name][0] - times + was_off
        require(seen == planned["times"], f"{name}: planned {planned}, the referee saw {seen} outages")
        told = run.record["virtual_servers"][name]["outages"]
        require(len(told) == planned["times"], f"{name}: planned {planned}, the record tells {told}")
        late = sum(1 for outage in told if outage["phase"] == "finish")
        require(late == planned["finish"]["times"], f"{name}: planned {planned}, the record tells {told}")


def _referee(lab: Bench, *, killed: bool) -> None:
    """The referee is silent, and the lab has made no mistake. What a killed run has stopped cannot run again yet."""
    referee = lab.world.referee
    violations = [found.to_dict() for found in referee.violations] if killed else referee.report()["violations"]
    require(not violations, "violations:", *violations)
    mistakes = [*lab.world.journal.problems, *lab.lab.trouble]
    require(not mistakes, "the lab's own mistakes:", *mistakes)


def _nothing_left(lab: Bench) -> None:
    """After the end there is nothing to do."""
    begun = len(lab.world.journal.entries)
    again = lab.run(check=True)
    sent = [entry["call"] for entry in lab.world.journal.entries[begun:] if entry["changes"]]
    require(
        not sent and again.outcome in ("planned", "done"), f"looked again: {again.outcome}", *sent, *_problems(again)
    )
    require(not again.steps, "after the run, check mode still has steps:", *again.steps)

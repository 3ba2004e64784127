# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal: the real playbooks against a lab, and the referee's judgement of the run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .disclosure import find_secrets
from .errors import EstateError
from .estate import load_estate, load_faults
from .inventory import FILES, INVENTORY, write_files
from .playbook import NoAnsible, Playbook
from .settle import settle
from .simulation import Lab

RECORD, RECORD_PAGE, REFEREE, JOURNAL = "record.json", "record.html", "referee.json", "journal.jsonl"
#: The plan for the change board, which the callback writes beside the record.
PLANS = ("plan.md", "plan.html", "plan.json")
GOOD, STOPPED, VIOLATION, BROKEN = 0, 2, 3, 1

Say = Callable[[str], None]


@dataclass
class Request:
    """What is to be rehearsed."""

    estate: Path
    out: Path
    check: bool = False
    faults: Path | None = None
    extra: tuple[str, ...] = ()


def load(estate: Path, faults: Path | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Estate and faults, both checked; raises EstateError."""
    loaded = load_estate(estate)
    return loaded, load_faults(faults, loaded) if faults else []


def clean(folder: Path) -> None:
    """Remove what an earlier run of the lab left in its folder, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RECORD, RECORD_PAGE, REFEREE, JOURNAL, *PLANS, *FILES):
        (folder / name).unlink(missing_ok=True)


def rehearse(request: Request, say: Say = print) -> int:
    """Run the rehearsal; returns its exit status.

    0: `done` (in check mode `planned`) and no violation. 2: stopped, refused, or no record, and no violation; also an
    estate that is wrong (nothing is started). 3: a violation. 1: the lab itself has made a mistake.
    """
    out = request.out.resolve()
    try:
        estate, faults = load(request.estate, request.faults)
        clean(out)
        lab = Lab(estate, faults, journal=out / JOURNAL)
        with lab:
            write_files(lab, out)
            playbook = Playbook(out, lab.controller_address.rpartition(".")[0])
            lab.world.kill_controller = lambda unused_host: playbook.kill()
            try:
                outcome = _run(request, lab, playbook, out, say)
            finally:
                lab.world.kill_controller = None
                settle(lab.world)
                judgement = write_judgement(lab, out)
    except (EstateError, NoAnsible, OSError) as error:
        print(error, file=sys.stderr)
        return STOPPED
    return _report(lab, outcome, judgement, out, say, wanted="planned" if request.check else "done")


def write_judgement(lab: Lab, out: Path) -> dict[str, Any]:
    """Write referee.json and the whole journal; returns the referee's report."""
    with lab.world.clock.lock:
        judgement: dict[str, Any] = lab.world.referee.report()
        judgement["violations"] += [found.to_dict() for found in find_secrets(lab.world, out)]
        lab.world.journal.detach()
        lab.world.journal.write(out / JOURNAL)
    text = json.dumps(judgement, indent=2, ensure_ascii=False)
    (out / REFEREE).write_text(text + "\n", encoding="utf-8")
    return judgement


def _run(request: Request, lab: Lab, playbook: Playbook, out: Path, say: Say) -> str | None:
    """Run the playbook, once for all updates; the outcome of the run, None without a record."""
    arguments = [*(["--check"] if request.check else []), *request.extra]
    lab.world.referee.run_started()
    if playbook.run(out / INVENTORY, arguments):
        say("The playbook was killed by a fault. It is started again.")
        (out / RECORD).unlink(missing_ok=True)
        lab.world.referee.run_started()
        playbook.run(out / INVENTORY, arguments)
    return read_outcome(out)


def read_outcome(out: Path) -> str | None:
    """The outcome in the change record; None when there is no record that can be read."""
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    outcome = record.get("outcome") if isinstance(record, dict) else None
    return outcome if isinstance(outcome, str) else None


def _report(lab: Lab, outcome: str | None, judgement: dict[str, Any], out: Path, say: Say, *, wanted: str) -> int:
    violations = judgement["violations"]
    say("")
    say(f"Outcome: {outcome or 'the playbook wrote no record'}")
    for server, numbers in judgement["availability"].items():
        say(f"Offline: {server} {numbers['times']} times, {round(numbers['seconds'])} s in all")
    for violation in violations:
        say(f"VIOLATION of rule {violation['rule']} at {violation['time']}, {violation['host']}: {violation['what']}")
    if not violations:
        say("The referee saw no violation.")
    say(f"Record and journal: {out}")
    problems = [*lab.world.journal.problems, *lab.trouble]
    if problems:
        say(f"The lab itself could not do what it should: {problems[0].strip().splitlines()[-1]}")
    if violations:
        return VIOLATION
    if problems:
        return BROKEN
    return GOOD if outcome == wanted else STOPPED

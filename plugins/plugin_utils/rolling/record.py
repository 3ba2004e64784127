# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change record: what a run did, told event by event, and written down at any moment.

It takes only the keys it knows from a result, so that nothing else that a result may hold gets into a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .due import FULL_BACKUP, backups_due, entries, left_to_people, updated_hosts
from .outages import Outages
from .rollback import rollback_words
from .scrub import scrub
from .times import iso
from .verdict import missing_steps, outcome

HOST_KEYS = ("product", "version", "service_pack", "build", "hotfixes")
STEP_KEYS = ("index", "cluster", "step", "object", "phase", "reason", "unpredictable")
PLAN_KEYS = ("update", "title", "kind", "digest", "scope_digest", "resumes", "waves", "outages", "notices", "options")
GATE_KEYS = (
    "id",
    "title",
    "host",
    "result",
    "observed",
    "why",
    "requirement",
    "remedy",
    "statement",
    "overridden",
)
FORMAT = 1
AGAIN = "Start the run again when this is mended or over: it goes on from what it finds on the servers."
"""What is to be done about a problem that says it by itself, or about which nothing more is known."""


class Record:
    """The record of one run. Every method takes one event; ``to_dict`` is the record as it stands."""

    def __init__(
        self,
        started: str,
        *,
        run_id: str = "",
        check_mode: bool = False,
        ansible_version: str = "",
        origin: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a record. started: ISO 8601, UTC, as every time in it. origin: see ``started_by``."""
        self.started = started
        self.check_mode = check_mode
        self._told_mode = False
        self._head = {"run_id": run_id, "check_mode": check_mode, "ansible_version": ansible_version}
        self._origin = {"collection_version": "", "user": "", "control_node": "", "job": "", **(origin or {})}
        self._plan: dict[str, Any] = {}
        self._plan_text = ""
        self._steps: list[dict[str, Any]] = []
        self._since_plan = 0
        self._hosts: dict[str, dict[str, Any]] = {}
        self._outages = Outages(started)
        self._due: list[str] = []
        self._gates: list[dict[str, Any]] = []
        self._asked: dict[str, Any] = {"update": None, "title": None}
        self._problems: list[dict[str, str]] = []
        self._failed = False
        self._refused_only = True
        self.ended: str | None = None

    def in_check_mode(self, said: bool) -> None:
        """A task says whether it ran in check mode. One that did not makes the run a real one."""
        if said and not self._told_mode:
            self.check_mode = True
        elif not said:
            self.check_mode = False
        self._told_mode = True
        self._head["check_mode"] = self.check_mode

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan that the run follows; empty before it was made."""
        return self._plan

    def plan_made(self, plan: Mapping[str, Any], text: str = "") -> None:
        """The plan was made; the same plan told again (by the next host of a play) changes nothing."""
        if self._plan.get("digest") == plan.get("digest") and len(self._plan["steps"]) == len(plan["steps"]):
            return
        self._plan, self._plan_text = scrub(dict(plan)), scrub(text)
        self._since_plan = len(self._steps)
        self._outages.planned(self._plan)

    def started_by(self, **origin: str) -> None:
        """Who started the run and where: user, control_node, job (of AWX)."""
        self._origin |= scrub(origin)

    def asked_for(self, update: Any, title: Any = None) -> None:
        """Which updates the run is about, also where it ends before there is a plan."""
        if isinstance(update, list):
            update = update[0] if len(update) == 1 else update
        if update and (title or not self._asked["title"]):
            self._asked = scrub({"update": update, "title": title or None})

    def gates_judged(self, rows: Any) -> None:
        """The gates were judged; a later judgement takes the place of an earlier one."""
        if isinstance(rows, list):
            self._gates = scrub([{key: row.get(key) for key in GATE_KEYS} for row in rows if isinstance(row, Mapping)])

    def host_seen(self, host: str, exchange: Mapping[str, Any]) -> None:
        """What was read of a host: the first time is before, the last time after."""
        level = scrub({key: exchange.get(key) for key in HOST_KEYS})
        entry = self._hosts.setdefault(host, {"before": level, "after": level})
        entry["after"] = level

    def step_done(
        self, host: str, result: Mapping[str, Any], at: str, *, status: str = "ok", delegated: str | None = None
    ) -> None:
        """A task of ours that carries a planned step has ended. status: ok, failed, unreachable, ignored or skipped."""
        planned = result.get("step")
        if not isinstance(planned, Mapping) or not planned.get("step"):
            self._beside_the_plan(host, result, at)
            return
        started, ended = iso(result.get("started"), at), iso(result.get("ended"), at)
        name = str(planned.get("host") or delegated or host)
        entry: dict[str, Any] = {"host": name, "cluster": None, "object": name}
        entry |= {key: planned[key] for key in STEP_KEYS if planned.get(key) is not None}
        if not entry.get("unpredictable"):
            entry.pop("unpredictable", None)
        entry |= {"changed": bool(result.get("changed")), "started": started, "ended": ended, "status": status}
        entry |= {key: result[key] for key in ("before", "after") if isinstance(result.get(key), Mapping)}
        if status in ("failed", "unreachable", "ignored"):
            entry["msg"] = str(result.get("msg") or "")
        entry = scrub(entry)
        self._steps.append(entry)
        # Nothing goes offline in check mode, whatever a step predicts.
        if not self.check_mode:
            self._outages.step(entry, _events(result), carried_out=status in ("ok", "failed", "ignored"))
        self._level_after(name, entry)

    def _beside_the_plan(self, host: str, result: Mapping[str, Any], at: str) -> None:
        """What is put back after a failure is no planned step, but virtual servers come back by it."""
        cluster = next((step.get("cluster") for step in self._plan.get("steps") or [] if step["host"] == host), None)
        if self.check_mode or not cluster:
            return
        entry = {"cluster": cluster, "object": None, "ended": iso(result.get("ended"), at), "changed": False}
        self._outages.step(entry, _events(result), carried_out=True)

    def _level_after(self, host: str, entry: Mapping[str, Any]) -> None:
        """Keep the level that a step left on its host; later readings of the host say it again."""
        if self.check_mode or entry["step"] not in ("install_update", "verify_host") or entry["status"] != "ok":
            return
        after = {key: value for key, value in (entry.get("after") or {}).items() if key in HOST_KEYS}
        if host in self._hosts and after:
            self._hosts[host]["after"] = {**self._hosts[host]["after"], **after}

    def failed(
        self, host: str, msg: str, remedy: str = "", problems: Any = None, *, refusal: bool = False
    ) -> list[dict[str, str]]:
        """Something failed for good. refusal: the run refused to begin (no plan, a gate).

        Returns the problems that were added, so that ``forget`` can take them back.
        """
        found = [problem for problem in problems if isinstance(problem, Mapping)] if isinstance(problems, list) else []
        if not found:
            found = [{"host": host, "what": msg or "A task failed without a message.", "remedy": remedy}]
        added = []
        for problem in found:
            entry = scrub({key: str(problem.get(key) or "") for key in ("host", "what", "remedy")})
            entry["remedy"] = entry["remedy"] or AGAIN
            # What a rescue says again at its end is no second problem.
            if not any(other["host"] == entry["host"] and other["what"] in entry["what"] for other in self._problems):
                self._problems.append(entry)
                added.append(entry)
        self._failed = True
        self._refused_only = self._refused_only and refusal
        return added

    def forget(self, problems: list[dict[str, str]]) -> None:
        """These problems turned out to be dealt with: a rescue ended well."""
        self._problems = [problem for problem in self._problems if not any(problem is other for other in problems)]
        self._failed = bool(self._problems)

    def owed(self, texts: Any) -> None:
        """What a person still owes, as an action says it."""
        for text in texts if isinstance(texts, list) else [texts]:
            words = scrub(str(text))
            if words and words not in self._due:
                self._due.append(words)

    def finished(self, at: str) -> None:
        """The run has come to its end. Without this the record says that it was stopped."""
        self.ended = max([at, *(step["ended"] for step in self._steps)])

    def to_dict(self) -> dict[str, Any]:
        """Return the record as it stands now: plain JSON."""
        missing = missing_steps(self._plan, self._steps[self._since_plan :])
        word = outcome(
            ended=self.ended is not None,
            check_mode=self.check_mode,
            failed=self._failed,
            refused_only=self._refused_only,
            plan=self._plan,
            steps=self._steps,
            missing=missing,
        )
        problems = list(self._problems)
        if word == "stopped" and not problems:
            problems.append(_unfinished(self.ended is not None, missing))
        started = min([self.started, *(step["started"] for step in self._steps)])
        return {
            "format": FORMAT,
            "outcome": word,
            "update": self._plan.get("update") or self._asked["update"],
            "title": self._plan.get("title") or self._asked["title"],
            **self._head,
            **self._origin,
            "started": started,
            "ended": self.ended,
            "digest": self._plan.get("digest"),
            "plan": {key: self._plan[key] for key in PLAN_KEYS if key in self._plan},
            "plan_text": self._plan_text,
            "gates": self._gates,
            "steps": sorted(self._steps, key=_order),
            "turns": self._turns(),
            "hosts": self._host_table(),
            "virtual_servers": self._outages.to_dict(),
            "due": self._due + self._left() + self._backups(),
            "rollback": rollback_words(entries(self._plan), updated_hosts(self._plan), self._gates),
            "problems": problems,
        }

    def _turns(self) -> list[dict[str, Any]]:
        """Return the turns of the plan, short: the report groups the steps by them."""
        keys = ("host", "cluster", "node", "wave", "install", "reason", "left")
        return [{key: turn.get(key) for key in keys} for turn in (self._plan.get("turns") or {}).values()]

    def _host_table(self) -> dict[str, Any]:
        """Return the hosts; in check mode with what the plan predicts for them, which is not there yet."""
        predicted = (self._plan.get("predicted") or {}).get("hosts") or {}
        table = {}
        for name, entry in sorted(self._hosts.items()):
            table[name] = dict(entry)
            if self.check_mode and name in predicted:
                table[name]["predicted"] = {**entry["before"], **predicted[name]}
        return table

    def _left(self) -> list[str]:
        """Return what the plan leaves to a person; in check mode nothing was installed."""
        return [] if self.check_mode else left_to_people(self._plan, self._steps, self._due)

    def _backups(self) -> list[str]:
        """Return the backups that are due; in check mode nothing was installed."""
        if self.check_mode:
            return []
        # What an action has seen on the host itself says more.
        told = {text.partition(":")[0] for text in self._due if FULL_BACKUP in text}
        return [text for text in backups_due(self._plan, self._steps) if text.partition(":")[0] not in told]


def _events(result: Mapping[str, Any]) -> Any:
    """The events that a result tells; a failure carries those so far among its details."""
    details = result.get("details")
    return result.get("events") or (details.get("events") if isinstance(details, Mapping) else None)


def _order(step: Mapping[str, Any]) -> tuple[bool, int, str]:
    """The order of the plan, then of time; what has no place in the plan comes last."""
    index = step.get("index")
    known = isinstance(index, int) and index >= 0
    return not known, int(index) if known and index is not None else 0, str(step["started"])


def _unfinished(ended: bool, missing: list[str]) -> dict[str, str]:
    """Return the problem of a run that stopped without saying why."""
    what = "The run was ended before it was complete."
    if ended:
        what = f"The run ended before {len(missing)} of its planned steps were taken; the first is {missing[0]}."
    return {"host": "", "what": what, "remedy": "Start it again: it goes on from what it finds on the servers."}

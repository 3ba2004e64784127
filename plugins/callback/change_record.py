# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback: writes the change record of a run."""

from __future__ import annotations

DOCUMENTATION = r"""
name: change_record
type: notification
short_description: Writes the change record of a roll, for people and for programs
version_added: 0.1.0
author:
  - the mailops.exchange contributors (@mailops-exchange)
description:
  - Keeps a record of what a run of the collection's playbooks planned, did and left to do. It is written to
    C(record.json) after every step and, as a page to hand to a change board, to C(record.html) at the end and after
    a failure.
  - While a run goes on, its record says V(stopped). So the record of a run that was killed says the truth.
  - The record of an earlier run in the same directory is kept under C(record-<time of its start>.json) and C(.html).
  - The plan is written beside it for the change board, as C(plan.md), C(plan.html) and C(plan.json). A plan that was
    refused because another one had been approved does not replace the approved one.
  - Runs that neither plan nor change nor fail with an action of this collection leave no record.
  - The outcome is V(done), V(planned) (check mode, or nothing but a plan was made), V(refused) (a gate was closed, no
    plan could be made, or something else failed before the first step) or V(stopped) (the roll has begun, by this run
    or by one that it goes on with, and is not complete).
  - It never makes a run fail. What it cannot do is one warning.
requirements:
  - enabling in the configuration, C(callbacks_enabled = mailops.exchange.change_record)
options:
  directory:
    description: Where the record goes. It is created when it does not exist.
    type: path
    default: ./mailops-exchange-record
    env:
      - name: MAILOPS_EXCHANGE_RECORD_DIR
    ini:
      - section: callback_mailops_exchange
        key: directory
"""

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as ansible_version
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.documents import documents
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.record import Record
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.report import render
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.scrub import scrub
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.summary import summary
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.times import moment, stamp

OURS = "mailops.exchange."
PLAN_ACTION = "mailops.exchange.rolling_plan"
GATES_ACTION = "mailops.exchange.preflight"


def now() -> str:
    """Return the time as the record writes it."""
    return stamp(datetime.now(UTC))


#: What can be done about a host that does not answer, where the connection itself has no better advice.
UNREACHABLE = (
    "See that the host is up and answers (mailops.exchange.doctor says at which step it does not), then start the run"
    " again: it goes on from what it finds."
)
FAIL_ACTIONS = ("fail", "ansible.builtin.fail", "ansible.legacy.fail")


def part(result: Any, name: str) -> Any:
    """Return host, task or result of a task's result: public since ansible-core 2.19, with an underscore before."""
    found = getattr(result, name, None)
    return found if found is not None else getattr(result, f"_{name}")


def _arguments(result: Any) -> Mapping[str, Any]:
    """Return what the task was given."""
    fields = getattr(result, "_task_fields", None)
    found = fields.get("args") if isinstance(fields, Mapping) else None
    return found if isinstance(found, Mapping) else {}


class CallbackModule(CallbackBase):
    """Feeds the record with what tasks return, and writes it."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "mailops.exchange.change_record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin without a record; it begins with the playbook."""
        super().__init__(*args, **kwargs)
        self._record: Record | None = None
        self._written = self._planned = ""
        self._ours = self._worth = self._warned = self._archived = False
        self._held: dict[tuple[str, str], list[Any]] = {}
        self._problems: dict[str, list[dict[str, str]]] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Begin the record; further playbooks of the same command go on with it."""
        self._safely(self._begin)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play begins: its variables are known."""
        self._safely(self._of_awx, play)

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task ended well; what its items said has been taken already."""
        self._safely(self._ended, result, "ok")

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """One item of a loop ended well."""
        self._safely(self._took, result, "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task failed; ``ignore_errors`` is known only now for the items of a loop, too."""
        self._safely(self._ended, result, "ignored" if ignore_errors else "failed")

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """One item of a loop failed: whether that counts is said with the end of the task."""
        self._safely(self._hold, result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host cannot be reached."""
        # Where the play goes on with such a host, what is missing of it is judged later.
        ignored = bool(getattr(part(result, "task"), "ignore_unreachable", False))
        self._safely(self._ended, result, "ignored" if ignored else "unreachable")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The playbook is over: the record gets its outcome."""
        self._safely(self._finish, stats)

    def _safely(self, call: Callable[..., None], *args: Any) -> None:
        """Call ``call``; whatever goes wrong is one warning, for a record must never stop a roll."""
        try:
            call(*args)
        except Exception as error:
            if not self._warned:
                self._warned = True
                self._display.warning(f"The change record is not complete: {type(error).__name__}: {error}")

    def _begin(self) -> None:
        if self._record is None:
            check_mode = bool(context.CLIARGS.get("check"))
            self._record = Record(
                now(),
                run_id=str(uuid.uuid4()),
                check_mode=check_mode,
                ansible_version=ansible_version,
                origin={
                    "collection_version": collection_version(),
                    "user": user(),
                    "control_node": socket.gethostname(),
                },
            )

    def _of_awx(self, play: Any) -> None:
        """AWX tells who launched which job; its container's user and name say nothing."""
        given = play.get_variable_manager().extra_vars
        for product in ("tower", "awx"):
            if self._record is not None and given.get(f"{product}_job_id"):
                who = str(given.get(f"{product}_user_name") or "")
                self._record.started_by(user=who, job=str(given[f"{product}_job_id"]))

    def _is_ours(self, result: Any) -> bool:
        """Whether the task is one of this collection's actions."""
        task = part(result, "task")
        names = (getattr(task, "resolved_action", None), getattr(task, "action", None))
        return any(isinstance(name, str) and name.startswith(OURS) for name in names)

    def _action(self, result: Any) -> str:
        task = part(result, "task")
        return str(getattr(task, "resolved_action", None) or getattr(task, "action", ""))

    def _key(self, result: Any) -> tuple[str, str]:
        return part(result, "host").get_name(), str(getattr(part(result, "task"), "_uuid", ""))

    def _hold(self, result: Any) -> None:
        self._held.setdefault(self._key(result), []).append(result)

    def _ended(self, result: Any, status: str) -> None:
        """Take the end of a task: the failed items that were held, or the result itself when there is no loop."""
        held = self._held.pop(self._key(result), [])
        for item in held:
            self._took(item, "ignored" if status == "ok" else status)
        data = part(result, "result")
        looped = isinstance(data.get("results"), list) and bool(getattr(part(result, "task"), "loop", None))
        if held or (looped and status != "unreachable"):
            return
        self._took(result, status)

    def _took(self, result: Any, status: str) -> None:
        """Take one result: of a task, or of one item of its loop."""
        record, data = self._record, part(result, "result")
        if record is None or not isinstance(data, Mapping):
            return
        host = part(result, "host").get_name()
        if self._is_ours(result) and not data.get("censored"):
            self._ours = True
            self._take_ours(record, host, data, result, status)
        elif self._is_ours(result):
            self._ours = True
        # A rescue that ends in `fail` says again what is a problem of the host already.
        again = self._action(result) in FAIL_ACTIONS and bool(self._problems.get(host))
        if status in ("failed", "unreachable") and not again:
            words, remedy = str(data.get("msg") or ""), str(data.get("remedy") or "")
            if status == "unreachable":
                words = f"The host is not reachable: {words}" if words else "The host is not reachable."
                remedy = remedy or UNREACHABLE
            refusal = self._action(result) == PLAN_ACTION or bool(data.get("refused"))
            added = record.failed(host, words, remedy, data.get("problems"), refusal=refusal)
            self._problems.setdefault(host, []).extend(added)
            self._worth = True
        self._write(page=status in ("failed", "unreachable"))

    def _take_ours(self, record: Record, host: str, data: Mapping[str, Any], result: Any, status: str) -> None:
        """Give the record what one of our actions returned."""
        delegated = (data.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
        name = str(delegated or host)
        self._notice_check_mode(record, data, result)
        if self._action(result) in (PLAN_ACTION, GATES_ACTION):
            record.asked_for(_arguments(result).get("updates"), data.get("title"))
        if isinstance(data.get("plan"), Mapping) and "steps" in data["plan"]:
            record.plan_made(data["plan"], str(data.get("runbook") or data.get("plan_text") or ""))
            self._worth = True
            if not data.get("failed") and isinstance(data.get("schedule"), Mapping):
                self._write_plan(data)
        if isinstance(data.get("gates"), list):
            record.gates_judged(data["gates"])
            self._worth = True
        exchange = data.get("exchange")
        if isinstance(exchange, Mapping):
            levels = [exchange.get("before"), exchange.get("after")] if "before" in exchange else [exchange]
            for level in levels:
                if isinstance(level, Mapping) and level.get("product"):
                    record.host_seen(name, level)
        if data.get("due"):
            record.owed(data["due"])
        if isinstance(data.get("step"), Mapping) or data.get("changed"):
            self._worth = True
        record.step_done(host, data, now(), status=status, delegated=delegated)

    def _notice_check_mode(self, record: Record, data: Mapping[str, Any], result: Any) -> None:
        """Learn whether the run is in check mode: --check is known, a play's own keyword shows in its tasks only.

        That a task which changes nothing ran outside of check mode says nothing.
        """
        said = data.get("check_mode")
        if not isinstance(said, bool):
            fields = getattr(result, "_task_fields", None) or {}
            said = fields.get("check_mode") if isinstance(fields, Mapping) else None
        if isinstance(said, bool) and (said or data.get("changed") or data.get("step")):
            record.in_check_mode(said)

    def _finish(self, stats: Any) -> None:
        record = self._record
        if record is None or not self._ours:
            return
        for host, problems in self._problems.items():
            # Neither failed nor unreachable in the end: a rescue dealt with it, or the errors were ignored.
            if not stats.failures.get(host) and not stats.dark.get(host):
                record.forget(problems)
        record.finished(now())
        self._write(page=True)
        if self._worth:
            for line in summary(record.to_dict(), str(self._directory() / "record.html")):
                self._display.display(line)

    def _directory(self) -> Path:
        return Path(str(self.get_option("directory"))).expanduser().absolute()

    def _write_plan(self, data: Mapping[str, Any]) -> None:
        """Write the plan beside the record, for the change board. The same plan told again by each host is one file."""
        digest = str(data["plan"].get("digest"))
        if digest == self._planned:
            return
        self._planned = digest
        directory = self._directory()
        directory.mkdir(parents=True, exist_ok=True)
        found = documents(
            scrub(dict(data["plan"])),
            data["schedule"],
            [str(text) for text in data.get("rollback") or []],
            plan_beside(directory),
        )
        for name, text in found.items():
            replace(directory / name, text)

    def _write(self, *, page: bool) -> None:
        """Write the record when there is something of ours in it and it has changed."""
        if self._record is None or not (self._ours and self._worth):
            return
        record = self._record.to_dict()
        text = json.dumps(record, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
        if text == self._written and not page:
            return
        directory = self._directory()
        directory.mkdir(parents=True, exist_ok=True)
        if not self._archived:
            keep_earlier(directory)
            self._archived = True
        replace(directory / "record.json", text)
        self._written = text
        if page:
            replace(directory / "record.html", render(record))


def user() -> str:
    """Return the name of the user who runs Ansible; empty where the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def collection_version() -> str:
    """Return the version of this collection, installed or as a checkout; empty where its files do not say."""
    root = Path(__file__).parents[2]
    try:
        if (root / "MANIFEST.json").exists():
            manifest = json.loads((root / "MANIFEST.json").read_text(encoding="utf-8"))
            return str(manifest["collection_info"]["version"])
        return str(yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return ""


def replace(path: Path, text: str) -> None:
    """Write a file so that a reader finds the old one or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def plan_beside(directory: Path) -> dict[str, Any]:
    """Return the plan that lies there until now; empty where there is none, or none that can be read."""
    try:
        plan = json.loads((directory / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return plan if isinstance(plan, dict) else {}


def keep_earlier(directory: Path) -> None:
    """Rename the record of an earlier run after the time of its start."""
    earlier = directory / "record.json"
    page = directory / "record.html"
    if not earlier.exists() and not page.exists():
        return
    try:
        began = moment(json.loads(earlier.read_text(encoding="utf-8"))["started"])
    except (OSError, ValueError, KeyError, TypeError):
        began = datetime.fromtimestamp((earlier if earlier.exists() else page).stat().st_mtime, UTC)
    base = began.astimezone(UTC).strftime("record-%Y%m%dT%H%M%SZ")
    name, number = base, 1
    while (directory / f"{name}.json").exists() or (directory / f"{name}.html").exists():
        number += 1
        name = f"{base}-{number}"
    for old, suffix in ((earlier, "json"), (page, "html")):
        if old.exists():
            old.replace(directory / f"{name}.{suffix}")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the playbooks on one lab, one after the other, each with its change record and what it sent."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible_collections.mailops.exchange.lab.inventory import inventory, write_files
from ansible_collections.mailops.exchange.lab.settle import settle
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.callback.change_record import CallbackModule, now
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.record import Record
from ansible_collections.mailops.exchange.tests.lab.driven.actions import Actions, Killed
from ansible_collections.mailops.exchange.tests.lab.driven.conductor import Conductor

#: Where the record goes, and what actions keep beside it.
RECORD_DIR = "MAILOPS_EXCHANGE_RECORD_DIR"


class _Recorder(CallbackModule):
    """The change record's callback, told by the conductor; it writes no file."""

    def __init__(self, check: bool) -> None:
        super().__init__()
        self._record = Record(now(), check_mode=check)
        self.last_plan: dict[str, Any] = {}

    def _write(self, *, page: bool) -> None:
        return None

    def _write_plan(self, data: Any) -> None:
        self.last_plan = data["plan"]

    def _safely(self, call: Any, *args: Any) -> None:
        call(*args)

    def task(
        self, host: str, node: dict[str, Any], action: str, result: dict[str, Any], status: str, item: bool
    ) -> None:
        """See ``conductor.Teller``."""
        task = SimpleNamespace(
            action=action,
            resolved_action=action,
            _uuid=node["uuid"],
            loop=node.get("loop"),
            ignore_unreachable=node.get("ignore_unreachable", False),
        )
        told = SimpleNamespace(host=SimpleNamespace(get_name=lambda: host), task=task, result=result)
        if status == "unreachable" and not item:
            self.v2_runner_on_unreachable(told)
        elif status in ("failed", "ignored", "unreachable"):
            if item:
                self.v2_runner_item_on_failed(told)
            else:
                self.v2_runner_on_failed(told, ignore_errors=status == "ignored")
        elif item:
            self.v2_runner_item_on_ok(told)
        else:
            self.v2_runner_on_ok(told)

    def end(self, failed: set[str], unreachable: set[str]) -> dict[str, Any]:
        """The record as the run leaves it."""
        record = self._record
        assert record is not None
        for host, problems in self._problems.items():
            if host not in failed | unreachable:
                record.forget(problems)
        record.finished(now())
        return record.to_dict()


@dataclass
class Ended:
    """What a run has left. ``record`` is that of a killed run where ``killed``; ``calls``: the journal of this run."""

    record: dict[str, Any]
    plan: dict[str, Any]
    calls: list[dict[str, Any]]
    killed: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """The outcome in the record."""
        return str(self.record["outcome"])

    @property
    def steps(self) -> list[tuple[str, str, str, bool]]:
        """The steps that a plan can foresee."""
        return [
            (step["host"], step["step"], step["object"], step["changed"])
            for step in self.record["steps"]
            if not step.get("unpredictable")
        ]


class Bench:
    """A lab with an estate on which playbooks are run."""

    def __init__(self, lab: Lab, folder: Path, *, wire: bool = False, seed: int = 0, extra: dict[str, Any]) -> None:
        self.lab, self.world, self._wire, self._seed, self._extra = lab, lab.world, wire, seed, extra
        write_files(lab, folder)
        self._inventory = inventory(lab, folder)
        self._runs = 0

    def run(self, playbook: str = "apply", *, check: bool = False, limit: Sequence[str] | None = None) -> Ended:
        """Run a playbook to its end, or to the moment where a fault kills it. ``limit``: as --limit."""
        recorder = _Recorder(check)
        self._runs += 1
        actions = Actions(self.lab, {}, wire=self._wire)
        conductor = Conductor(
            self._inventory,
            actions,
            recorder,
            check=check,
            extra=self._extra,
            seed=self._seed * 100 + self._runs,
            limit=limit,
        )
        actions._inventory = conductor.inventory
        if not check:
            self.world.referee.run_started()
        begun = len(self.world.journal.entries)
        killed = False
        try:
            conductor.run(playbook)
            record = recorder.end(conductor.failed, conductor.unreachable)
        except Killed:
            killed = True
            assert recorder._record is not None
            record = recorder._record.to_dict()
        finally:
            self.world.kill_controller = None
        return Ended(record, recorder.last_plan, self.world.journal.entries[begun:], killed, conductor.said)

    def settle(self) -> None:
        """Let what is under way come to its end."""
        settle(self.world)


@contextmanager
def bench(
    estate: dict[str, Any],
    folder: Path,
    *,
    faults: list[dict[str, Any]] | None = None,
    wire: bool = False,
    seed: int = 0,
    extra: dict[str, Any] | None = None,
) -> Iterator[Bench]:
    """A lab with a completed estate, for as long as the block lasts."""
    kept = os.environ.get(RECORD_DIR)
    os.environ[RECORD_DIR] = str(folder)
    try:
        with Lab(estate, faults) as lab:
            yield Bench(lab, folder, wire=wire, seed=seed, extra=extra or {})
    finally:
        if kept is None:
            del os.environ[RECORD_DIR]
        else:
            os.environ[RECORD_DIR] = kept

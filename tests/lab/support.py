# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the playbooks against the lab: in one go by the rehearsal, or step by step against a lab that stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ESTATES = ROOT / "lab" / "estates"
LIMIT = 600
"""Seconds after which a rehearsal hangs: a bound for the test, never a measurement."""


@dataclass
class Run:
    """What a run has left."""

    status: int
    output: str
    record: dict[str, Any]
    referee: dict[str, Any] = field(default_factory=dict)
    journal: list[dict[str, Any]] = field(default_factory=list)

    @property
    def steps(self) -> list[tuple[str, str, str, bool]]:
        """The steps that a plan can foresee, as they are compared between check mode and the run."""
        return [
            (step["host"], step["step"], step["object"], step["changed"])
            for step in self.record["steps"]
            if not step.get("unpredictable")
        ]

    @property
    def changing(self) -> list[dict[str, Any]]:
        """The changing calls that reached a host."""
        return [entry for entry in self.journal if entry["changes"]]

    def times(self, virtual_server: str) -> tuple[int, int]:
        """How often a virtual server went offline: before the final failover test, and in all."""
        found = self.referee["availability"][virtual_server]
        return found["before_failover_test"]["times"], found["times"]


def two_nodes(**changes: Any) -> dict[str, Any]:
    """A small estate: an active/passive cluster, everything on service pack 1, no waiting."""
    estate = {
        "update": "exchange2003-sp2",
        "speed": 0,
        "hosts": {"n1": {"cluster": "mail"}, "n2": {"cluster": "mail"}},
        "clusters": {"mail": {"virtual_servers": {"EVS1": {"owner": "n1", "preferred_owners": ["n1"]}}}},
    }
    return merge(estate, changes)


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge deeply, the changes win."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def write(folder: Path, name: str, content: Any) -> Path:
    """Write a YAML file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def rehearse(
    folder: Path,
    estate: dict[str, Any] | Path,
    *,
    faults: list[dict[str, Any]] | None = None,
    check: bool = False,
    arguments: list[str] | None = None,
) -> Run:
    """Rehearse an estate as `make rehearse` does."""
    path = estate if isinstance(estate, Path) else write(folder, "estate.yml", estate)
    out = folder / ("check" if check else "run")
    command = [sys.executable, "-m", "lab", "rehearse", str(path), "--out", str(out)]
    command += ["--check"] if check else []
    command += ["--faults", str(write(folder, "faults.yml", faults))] if faults else []
    command += ["--", *arguments] if arguments else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    return collect(out, done)


def collect(out: Path, done: subprocess.CompletedProcess[str]) -> Run:
    """Read what lies in the folder of a run; what is missing is empty."""
    files = {}
    for name in ("record", "referee"):
        path = out / f"{name}.json"
        files[name] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    journal = out / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    return Run(
        done.returncode,
        done.stdout + done.stderr,
        files["record"],
        files["referee"],
        [json.loads(line) for line in lines],
    )


class Serving:
    """A lab that listens until the test is over; playbooks are run against it one after the other."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.inventory = out / "inventory.yml"

    def play(self, playbook: str, *arguments: str, record: str = "record") -> Run:
        """Run a playbook of the collection, its record in a folder of its own."""
        folder = self.out / record
        environment = os.environ | {
            "ANSIBLE_CALLBACKS_ENABLED": "mailops.exchange.change_record",
            "MAILOPS_EXCHANGE_RECORD_DIR": str(folder),
        }
        ansible = Path(sys.executable).parent / "ansible-playbook"
        done = subprocess.run(
            [str(ansible), "-i", str(self.inventory), f"mailops.exchange.{playbook}", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        before = len(self.calls)
        run = collect(folder, done)
        run.journal = self.calls
        assert len(run.journal) >= before
        return run

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The journal so far."""
        return [json.loads(line) for line in (self.out / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


@contextmanager
def serving(folder: Path, estate: dict[str, Any]) -> Iterator[Serving]:
    """Start a lab in the background and stop it at the end."""
    out = folder / "lab"
    path = write(folder, "estate.yml", estate)
    lab = [sys.executable, "-m", "lab"]
    subprocess.run([*lab, "serve", str(path), "--out", str(out), "--detach"], cwd=ROOT, check=True, timeout=LIMIT)
    try:
        yield Serving(out)
    finally:
        subprocess.run([*lab, "stop", "--out", str(out)], cwd=ROOT, check=True, timeout=LIMIT)

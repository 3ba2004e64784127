# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rehearsal's exit status gets through `make`, which by itself ends with 2 whatever a command's status was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real Makefile and a lab whose rehearsal only ends, with the status in LAB_STATUS."""
    folder = tmp_path / "a clone (1)"
    for name in ("Makefile", "requirements", "tests/utils"):
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    (folder / "lab").mkdir()
    (folder / "lab/__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:])\nsys.exit(int(os.environ['LAB_STATUS']))\n"
    )
    # The environment of this very test stands in for the one that make would make.
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    (folder / ".venv/made-for").write_text(f"{folder}\npython\n")
    (folder / ".venv/run.ready").touch()
    return folder


def rehearse(checkout: Path, status: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    # What an outer `make test` exports belongs to that make.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    for name in ("PYTHON", "ESTATE", "FAULTS", "OUT", "ARGS", "CHECK"):
        inherited.pop(name, None)
    return subprocess.run(
        ["make", "-C", str(checkout), *arguments, "rehearse"],
        env={**inherited, "LAB_STATUS": str(status)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("status", [0, 2, 3])
@pytest.mark.parametrize("flags", [[], ["-s", "-j4", "-O"]])
def test_make_ends_with_the_status_of_the_rehearsal(checkout: Path, status: int, flags: list[str]) -> None:
    assert rehearse(checkout, status, *flags).returncode == status


def test_the_variables_of_the_command_line_reach_the_rehearsal(checkout: Path) -> None:
    done = rehearse(
        checkout, 0, "-s", "ESTATE=my estate.yml", "CHECK=1", "FAULTS=f;x.yml", "OUT=x dir", "ARGS=--limit n1 -v"
    )
    expected = [
        "rehearse",
        "--check",
        "--faults",
        "f;x.yml",
        "--out",
        "x dir",
        "my estate.yml",
        "--",
        "--limit",
        "n1",
        "-v",
    ]
    assert str(expected) in done.stdout, done.stderr


def test_a_dry_run_of_make_says_what_it_would_do_and_ends_well(checkout: Path) -> None:
    done = rehearse(checkout, 3, "-n")
    assert done.returncode == 0
    assert "-m lab rehearse" in done.stdout

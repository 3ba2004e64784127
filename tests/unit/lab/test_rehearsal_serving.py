# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line: serving in the foreground and detached, stopping, checking."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from ansible_collections.mailops.exchange.lab import cli
from ansible_collections.mailops.exchange.lab.cli import main
from ansible_collections.mailops.exchange.lab.serving import InUse, claimed, running

ROOT = Path(cli.__file__).resolve().parents[1]


def lab(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as an operator does."""
    command = [sys.executable, "-m", "lab", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def detached(tmp_path: Path) -> Iterator[Path]:
    """A lab in the background."""
    (tmp_path / "my.yml").write_text("speed: 60\nhosts: {mbx1: }\n")
    out = tmp_path / "out"
    done = lab("serve", str(tmp_path / "my.yml"), "--out", str(out), "--detach")
    assert done.returncode == 0, done.stderr
    try:
        yield out
    finally:
        assert lab("stop", "--out", str(out)).returncode == 0


def answers(out: Path) -> int:
    """The HTTP status of the first host."""
    group = yaml.safe_load((out / "inventory.yml").read_text())["all"]["children"]["exchange_servers"]
    host = group["hosts"]["mbx1"]
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"http://{host['ansible_host']}:{host['ansible_port']}/wsman", timeout=5).status_code


def test_a_detached_lab_listens_at_once_and_is_stopped(detached: Path) -> None:
    """serve --detach returns when it listens; stop ends it, writes the report and frees the folder."""
    assert answers(detached) == 401
    pid = running(detached)
    assert pid is not None
    again = lab("serve", str(detached.parent / "my.yml"), "--out", str(detached), "--detach")
    assert again.returncode == 2
    assert "is in use by a running lab" in again.stderr
    assert lab("rehearse", str(detached.parent / "my.yml"), "--out", str(detached)).returncode == 2
    assert answers(detached) == 401
    began = time.monotonic()
    assert lab("stop", "--out", str(detached)).returncode == 0
    assert time.monotonic() - began < 10
    assert running(detached) is None
    with pytest.raises(requests.ConnectionError):
        answers(detached)
    assert json.loads((detached / "referee.json").read_text())["violations"] == []
    assert not (detached / "lab.pid").exists()


def test_stopping_what_does_not_run(tmp_path: Path) -> None:
    """No mistake; a stale file does not matter."""
    assert main(["stop", "--out", str(tmp_path)]) == 0
    (tmp_path / "lab.pid").write_text(f"{os.getpid()}\n")
    assert main(["stop", "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serving_in_the_foreground(tmp_path: Path, number: signal.Signals) -> None:
    """It ends in an orderly way by Ctrl-C and by kill."""
    (tmp_path / "my.yml").write_text("hosts: {mbx1: }\n")
    command = [sys.executable, "-m", "lab", "serve", str(tmp_path / "my.yml"), "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "The lab listens" in process.stdout.readline()
        assert answers(tmp_path / "out") == 401
        process.send_signal(number)
        assert process.wait(20) == 0
    assert (tmp_path / "out" / "referee.json").exists()


@pytest.mark.parametrize("more", [[], ["--detach"]])
def test_serving_a_wrong_estate(tmp_path: Path, more: list[str]) -> None:
    """2, a message, nothing written."""
    (tmp_path / "my.yml").write_text("hosts: {mbx1: {product: '2007'}}\n")
    done = lab("serve", str(tmp_path / "my.yml"), "--out", str(tmp_path / "out"), *more)
    assert done.returncode == 2
    assert "my.yml:1: hosts.mbx1.product" in done.stderr
    assert not (tmp_path / "out").exists()


def test_checking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """check says what is in an estate, or what is wrong with it."""
    assert main(["check"]) == 0
    assert "3 hosts, 1 clusters, 1 virtual servers" in capsys.readouterr().out
    (tmp_path / "my.yml").write_text("host: {}\n")
    assert main(["check", str(tmp_path / "my.yml")]) == 2
    assert "did you mean hosts?" in capsys.readouterr().err


def test_arguments_for_ansible_only_with_rehearse() -> None:
    """What comes after -- is for ansible-playbook."""
    with pytest.raises(SystemExit) as caught:
        main(["check", "--", "-v"])
    assert caught.value.code == 2


def test_a_folder_belongs_to_one_lab(tmp_path: Path) -> None:
    """Two labs do not write into one folder."""
    with claimed(tmp_path):
        assert running(tmp_path) == os.getpid()
        with pytest.raises(InUse), claimed(tmp_path):
            pass
    assert running(tmp_path) is None


def test_a_folder_that_cannot_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    for command in (["rehearse"], ["serve"], ["serve", "--detach"]):
        assert main([*command, "--out", str(tmp_path / "file")]) == 2
        assert (
            capsys.readouterr().err == f"{tmp_path / 'file'}: File exists; expected a folder that can be written to\n"
        )

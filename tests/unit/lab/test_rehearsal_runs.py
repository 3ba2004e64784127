# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsals with a stand-in for ansible-playbook: exit status, kill and restart, files, the end by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailops.exchange.lab import playbook, rehearsal
from ansible_collections.mailops.exchange.lab.cli import main
from ansible_collections.mailops.exchange.lab.playbook import NoAnsible, Playbook, environment
from ansible_collections.mailops.exchange.lab.rehearsal import Request, rehearse

# What every stand-in begins with: its inventory, its folder, how often it ran, and a way to run commands.
PRELUDE = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys, time, yaml
folder = pathlib.Path(os.environ["MAILOPS_EXCHANGE_RECORD_DIR"])
group = yaml.safe_load(open(sys.argv[2]))["all"]["children"]["exchange_servers"]
runs = folder / "runs"
number = len(runs.read_text().splitlines()) if runs.exists() else 0
with runs.open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
def record(outcome):
    (folder / "record.json").write_text(json.dumps({{"outcome": outcome}}))
def run(host, line):
    from pypsrp.shell import Process, WinRS
    from pypsrp.wsman import WSMan
    where, account = group["hosts"][host], group["vars"]
    with WSMan(where["ansible_host"], port=where["ansible_port"], username=account["ansible_user"], ssl=False,
               password=account["ansible_password"], auth="ntlm") as connection, WinRS(connection) as shell:
        process = Process(shell, line)
        process.invoke()
        return process.rc
"""
ESTATE = "speed: 0\nhosts: {mbx1: , mbx2: }\n"


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write the stand-in's script."""

    def write(script: str) -> None:
        path = tmp_path / "ansible-playbook"
        path.write_text(PRELUDE + script, encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setattr(playbook, "find_ansible", lambda: path)

    return write


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., Request]:
    """A request for a small estate."""

    def make(estate: str = ESTATE, faults: str | None = None, **options: Any) -> Request:
        (tmp_path / "my.yml").write_text(estate, encoding="utf-8")
        if faults is not None:
            (tmp_path / "faults.yml").write_text(faults, encoding="utf-8")
            options["faults"] = tmp_path / "faults.yml"
        return Request(tmp_path / "my.yml", tmp_path / "out", **options)

    return make


def said() -> tuple[list[str], Callable[[str], None]]:
    """A list and what fills it."""
    lines: list[str] = []
    return lines, lines.append


@pytest.mark.parametrize(
    ("outcome", "check", "status"),
    [
        ("done", False, 0),
        ("planned", True, 0),
        ("planned", False, 2),
        ("done", True, 2),
        ("stopped", False, 2),
        ("refused", False, 2),
        ("refused", True, 2),
        (None, False, 2),
    ],
)
def test_exit_status_without_violation(
    stand_in: Callable[[str], None], request_for: Callable[..., Request], outcome: str | None, check: bool, status: int
) -> None:
    """0 only for the outcome that was wanted; no record is no success."""
    stand_in(f"run('mbx1', 'ver')\n{f'record({outcome!r})' if outcome else ''}\n")
    lines, say = said()
    request = request_for(check=check, extra=("-v",))
    assert rehearse(request, say) == status
    (run,) = [json.loads(line) for line in (request.out / "runs").read_text().splitlines()]
    assert run[0] == "-i"
    assert run[2:] == ["mailops.exchange.apply", *(["--check"] if check else []), "-v"]
    judgement = json.loads((request.out / "referee.json").read_text())
    assert judgement["violations"] == []
    assert {"violations", "availability", "final"} <= set(judgement)
    journal = [json.loads(line) for line in (request.out / "journal.jsonl").read_text().splitlines()]
    assert [(row["host"], row["call"], row["exit_code"]) for row in journal] == [("mbx1", "ver", 0)]
    assert set(journal[0]) == {"time", "host", "channel", "call", "exit_code", "changes"}
    assert "The referee saw no violation." in lines
    assert any(str(request.out) in line for line in lines)


def test_a_violation_outweighs_everything(stand_in: Callable[[str], None], request_for: Callable[..., Request]) -> None:
    """A restart that nobody asked for: 3, although the playbook says done."""
    stand_in("run('mbx1', 'shutdown -r -f -t 0')\nrecord('done')\n")
    lines, say = said()
    request = request_for()
    assert rehearse(request, say) == 3
    (violation,) = json.loads((request.out / "referee.json").read_text())["violations"]
    assert (violation["host"], violation["rule"]) == ("mbx1", 8)
    assert set(violation) == {"time", "host", "rule", "what"}
    assert any(line.startswith("VIOLATION of rule 8") for line in lines)


def test_a_wrong_estate_starts_nothing(
    stand_in: Callable[[str], None], request_for: Callable[..., Request], capsys: pytest.CaptureFixture[str]
) -> None:
    """2, the message on stderr, no folder, no playbook."""
    stand_in("record('done')\n")
    request = request_for("hosts: {}\n")
    assert main(["rehearse", str(request.estate), "--out", str(request.out)]) == 2
    assert "my.yml:1: hosts: is empty" in capsys.readouterr().err
    assert not request.out.exists()
    good = request_for(faults="- {host: nobody, on: install, do: hang}\n")
    assert rehearse(good) == 2
    assert 'found "nobody", expected a host' in capsys.readouterr().err
    assert not request.out.exists()


def test_without_ansible(
    request_for: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """A sentence says what is missing."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoAnsible):
        playbook.find_ansible()
    assert rehearse(request_for()) == 2
    assert "install ansible-core" in capsys.readouterr().err


def test_the_kill_fault_kills_everything_and_starts_again_once(
    stand_in: Callable[[str], None], request_for: Callable[..., Request]
) -> None:
    """At the second call the run and its workers die; the second run finds the same estate and ends well."""
    stand_in(
        r"""
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
(folder / f"worker{number}").write_text(str(worker.pid))
run("mbx1", "md C:\\one")
run("mbx1", "md C:\\two")
if number == 0:
    time.sleep(30)
worker.kill()
record("done")
"""
    )
    request = request_for(faults="- {controller: run, on: call 2, do: kill}\n")
    lines, say = said()
    began = time.monotonic()
    assert rehearse(request, say) == 0
    assert time.monotonic() - began < 20
    assert len((request.out / "runs").read_text().splitlines()) == 2
    assert any("started again" in line for line in lines)
    first = int((request.out / "worker0").read_text())
    stat = Path(f"/proc/{first}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"
    journal = [json.loads(line)["call"] for line in (request.out / "journal.jsonl").read_text().splitlines()]
    assert journal == [r"md C:\one", r"md C:\two"] * 2


def test_a_second_kill_is_the_end(stand_in: Callable[[str], None], request_for: Callable[..., Request]) -> None:
    """It is started again once, not more."""
    stand_in("run('mbx1', f'md C:/made{number}')\ntime.sleep(30)\n")
    faults = "- {controller: run, on: call 1, do: kill}\n- {controller: run, on: call 2, do: kill}\n"
    request = request_for(faults=faults)
    assert rehearse(request, said()[1]) == 2
    assert len((request.out / "runs").read_text().splitlines()) == 2


def test_several_updates_are_one_run(stand_in: Callable[[str], None], request_for: Callable[..., Request]) -> None:
    """The playbook gets the list by the inventory, and leaves one record."""
    keys = ["exchange2003-sp1", "exchange2003-sp2", "exchange2003-kb912442"]
    stand_in("record('done')\n")
    request = request_for(f"update: [{', '.join(keys)}]\nprerequisites: [windows2003-kb831464]\n{ESTATE}")
    assert rehearse(request, said()[1]) == 0
    runs = [json.loads(line) for line in (request.out / "runs").read_text().splitlines()]
    assert len(runs) == 1 and "-e" not in runs[0]
    assert [path.name for path in request.out.glob("record*")] == ["record.json"]
    group = yaml.safe_load((request.out / "inventory.yml").read_text())["all"]["children"]["exchange_servers"]
    assert group["vars"]["mailops_exchange_update"] == keys
    assert [statement["update"] for statement in group["vars"]["mailops_exchange_statements"]] == keys
    site = yaml.safe_load((request.out / "catalogue.yml").read_text())
    assert list(site) == ["windows2003-kb831464", *keys]
    assert all(len(entry["package"]["sha256"]) == 64 for entry in site.values())


def test_only_the_labs_own_files_are_cleaned(
    stand_in: Callable[[str], None], request_for: Callable[..., Request]
) -> None:
    """A stale record does not count for this run; what somebody else put there stays."""
    request = request_for()
    request.out.mkdir()
    (request.out / "record.json").write_text('{"outcome": "done"}')
    (request.out / "notes.txt").write_text("mine")
    stand_in("")
    assert rehearse(request, said()[1]) == 2
    assert not (request.out / "record.json").exists()
    assert (request.out / "notes.txt").read_text() == "mine"


def test_what_is_written_for_the_playbook(stand_in: Callable[[str], None], request_for: Callable[..., Request]) -> None:
    """Inventory and catalogue: complete, absolute, and not readable for others."""
    stand_in("record('done')\n")
    request = request_for("speed: 0\nhosts: {mbx1: , old: {os: nt4}}\nupdate: exchange2003-sp2\n")
    assert rehearse(request, said()[1]) == 0
    group = yaml.safe_load((request.out / "inventory.yml").read_text())["all"]["children"]["exchange_servers"]
    assert set(group["hosts"]) == {"mbx1", "old"}
    assert group["hosts"]["old"]["ansible_connection"] == "mailops.exchange.rpc"
    variables = group["vars"]
    assert variables["ansible_connection"] == "mailops.exchange.winrm"
    assert variables["ansible_user"] == r"CONTOSO\exadmin"
    assert variables["mailops_exchange_time_scale"] == 1000
    assert variables["mailops_exchange_update"] == "exchange2003-sp2"
    assert Path(variables["mailops_exchange_catalogue"][0]).is_absolute()
    assert Path(variables["mailops_exchange_directory"]["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE")
    assert variables["mailops_exchange_directory"]["uri"].startswith("ldaps://127.")
    for name in ("setup", "share"):
        assert variables[f"mailops_exchange_{name}_user"].startswith("CONTOSO\\")
        assert len(variables[f"mailops_exchange_{name}_password"]) >= 12
    update = yaml.safe_load((request.out / "catalogue.yml").read_text())["exchange2003-sp2"]
    assert update["package"]["path"] == r"\\dc1\updates\E3SP2ENG.EXE"
    assert len(update["package"]["sha256"]) == 64
    assert update["package"]["size"] > 10**8
    assert "{package}" in update["extract"]
    assert "{folder}" in update["command"]
    assert (request.out / "inventory.yml").stat().st_mode & 0o077 == 0
    assert (request.out / "client-key.pem").stat().st_mode & 0o077 == 0
    journal = (request.out / "journal.jsonl").read_text()
    assert variables["ansible_password"] not in journal


def test_the_environment_of_the_playbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set already is kept; a tree is made where none is set; no proxy stands before the lab."""
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "profile_tasks")
    monkeypatch.setenv("no_proxy", "example.com")
    monkeypatch.setenv("LC_ALL", "C")
    found = environment(tmp_path, "127.1.2")
    assert found["ANSIBLE_CALLBACKS_ENABLED"] == "profile_tasks,mailops.exchange.change_record"
    assert found["MAILOPS_EXCHANGE_RECORD_DIR"] == str(tmp_path)
    assert found["no_proxy"] == "example.com,127.1.2.0/24"
    assert found["LC_ALL"] == "C.UTF-8"
    first = Path(found["ANSIBLE_COLLECTIONS_PATH"].split(":")[0]) / "ansible_collections" / "mailops" / "exchange"
    assert (first / "lab" / "playbook.py").is_file()
    monkeypatch.delenv("ANSIBLE_COLLECTIONS_PATH")
    made = Path(environment(tmp_path, "127.1.2")["ANSIBLE_COLLECTIONS_PATH"])
    assert (made / "ansible_collections" / "mailops" / "exchange" / "lab" / "playbook.py").is_file()


def test_ctrl_c_ends_the_playbook(stand_in: Callable[[str], None], request_for: Callable[..., Request]) -> None:
    """The playbook gets its interrupt, the referee's report is written, nothing runs on."""
    stand_in(
        """
import signal
def end(*unused):
    (folder / "interrupted").write_text("yes")
    sys.exit(1)
signal.signal(signal.SIGINT, end)
(folder / "pid").write_text(str(os.getpid()))
time.sleep(30)
"""
    )
    request = request_for()

    def interrupt(*unused: object) -> None:
        if not (request.out / "pid").exists():
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            return
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            rehearse(request, said()[1])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert (request.out / "interrupted").read_text() == "yes"
    assert (request.out / "referee.json").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((request.out / "pid").read_text()), 0)


def test_killing_without_a_playbook_does_nothing(stand_in: Callable[[str], None], tmp_path: Path) -> None:
    """The fault can strike when nothing runs."""
    stand_in("record('done')\n")
    Playbook(tmp_path, "127.1.2").kill()


def test_a_mistake_of_the_lab_is_no_success(
    stand_in: Callable[[str], None], request_for: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the model could not do is said, and the rehearsal is not good."""
    stand_in("record('done')\n")

    def settled(world: Any) -> bool:
        world.journal.problem("nobody knows this program")
        return True

    monkeypatch.setattr(rehearsal, "settle", settled)
    lines, say = said()
    assert rehearse(request_for(), say) == 1
    assert any("nobody knows this program" in line for line in lines)

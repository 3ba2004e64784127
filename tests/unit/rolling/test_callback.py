# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback in real runs of ansible-playbook, with an action that returns what the playbook tells it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailops.exchange.plugins.callback.change_record import CallbackModule, collection_version
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.runbook import runbook
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.schedule import make_schedule
from ansible_collections.mailops.exchange.tests.unit.rolling.support import SP2, World, two_nodes

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
ACTION = '''
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    """Returns its argument ``result``."""
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        args = self._task.args
        if args.get("unreachable"):
            from ansible.errors import AnsibleConnectionFailure
            raise AnsibleConnectionFailure(args["unreachable"])
        result = {"changed": False, "failed": False, "msg": ""}
        result.update(args.get("result") or {})
        step = args.get("step")
        if step:
            result["step"] = {k: step[k] for k in ("index", "host", "cluster", "step", "object", "phase") if k in step}
            result["step"]["unpredictable"] = bool(step.get("unpredictable"))
            result["before"], result["after"] = step["before"], step["after"]
            result["changed"] = bool(step["changed"])
            if step["index"] == int(args.get("fails_at", -1)):
                result.update(failed=True, msg="It broke", remedy="Mend it", changed=True)
        return result
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a collection that has the real callback, and actions that only talk."""
    root = tmp_path / "tree" / "ansible_collections" / "mailops" / "exchange" / "plugins"
    root.mkdir(parents=True)
    for name in ("callback", "plugin_utils"):
        (root / name).symlink_to(PLUGINS / name)
    (root / "action").mkdir()
    (root / "modules").mkdir()
    for name in ("say", "rolling_plan"):
        (root / "action" / f"{name}.py").write_text(ACTION)
        (root / "modules" / f"{name}.py").write_text("DOCUMENTATION = ''\n")
    return tmp_path


def prepared(site: Path, plays: list[dict[str, Any]], *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Write the plays for n1 and n2; return the command and its environment."""
    (site / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, **play} for play in plays]))
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "MAILOPS_"))},
        "ANSIBLE_COLLECTIONS_PATH": str(site / "tree"),
        "ANSIBLE_CALLBACKS_ENABLED": "mailops.exchange.change_record",
        "ANSIBLE_HOME": str(site / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "LC_ALL": "C.UTF-8",
    }
    return [sys.executable, "-m", "ansible", "playbook", "-i", "n1,n2,", *arguments, "play.json"], environment


def run(site: Path, plays: list[dict[str, Any]], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run plays, with n1 and n2 as hosts."""
    command, environment = prepared(site, plays, *arguments)
    return subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, timeout=120, check=False)


def record(site: Path) -> dict[str, Any]:
    """The record in the default directory."""
    loaded: dict[str, Any] = json.loads((site / "mailops-exchange-record" / "record.json").read_text())
    return loaded


def say(**arguments: Any) -> dict[str, Any]:
    return {"mailops.exchange.say": arguments}


def roll(site: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A plan for two nodes, and a play that takes its steps in a loop."""
    plan = make_plan(two_nodes().estate(), [SP2], {})
    (site / "plan.json").write_text(json.dumps(plan))
    plays = [
        {
            "tasks": [
                {
                    "mailops.exchange.rolling_plan": {"result": {"plan": plan, "runbook": runbook(plan)}},
                    "run_once": True,
                },
                {
                    "mailops.exchange.say": {"step": "{{ item }}", "fails_at": "{{ fails_at | default(-1) | int }}"},
                    "vars": {"plan": "{{ lookup('file', 'plan.json') | from_json }}"},
                    "loop": "{{ plan.steps | selectattr('host', 'eq', inventory_hostname) }}",
                    "loop_control": {"label": "{{ item.index }}"},
                },
            ]
        }
    ]
    return plan, plays


def test_a_complete_roll_is_done(site: Path) -> None:
    plan, plays = roll(site)
    done = run(site, plays)
    assert done.returncode == 0, done.stdout + done.stderr
    found = record(site)
    assert found["outcome"] == "done"
    assert found["update"] == "exchange2003-sp2"
    assert [step["index"] for step in found["steps"]] == list(range(len(plan["steps"])))
    assert all(step["status"] == "ok" for step in found["steps"])
    assert found["virtual_servers"]["mail/EVS1"]["moves"] == 2
    assert [bool(step.get("unpredictable")) for step in found["steps"]].count(True) == 2
    assert any("mail/EVS1" in text and "full backup" in text for text in found["due"])
    assert found["ended"] >= found["started"]
    assert "CHANGE RECORD" in done.stdout
    assert "mailops-exchange-record/record.html" in done.stdout
    page = (site / "mailops-exchange-record" / "record.html").read_text()
    assert "Exchange Server 2003 Service Pack 2" in page
    assert "WARNING" not in done.stdout + done.stderr


def test_check_mode_is_planned(site: Path) -> None:
    plays = roll(site)[1]
    run(site, plays, "--check")
    found = record(site)
    assert (found["outcome"], found["check_mode"], found["due"]) == ("planned", True, [])
    assert found["virtual_servers"] == {"mail/EVS1": {"outages": [], "moves": 0}}


def test_a_play_in_check_mode_is_planned(site: Path) -> None:
    plays = roll(site)[1]
    run(site, [{**plays[0], "check_mode": "{{ rehearsal }}", "vars": {"rehearsal": True}}])
    assert record(site)["outcome"] == "planned"


def test_a_plan_only_is_planned(site: Path) -> None:
    plan = make_plan(two_nodes().estate(), [SP2], {})
    run(site, [{"tasks": [{"mailops.exchange.rolling_plan": {"result": {"plan": plan}}}]}])
    assert record(site)["outcome"] == "planned"


def test_a_failed_item_stops_the_record(site: Path) -> None:
    plan, plays = roll(site)
    at = next(step["index"] for step in plan["steps"] if step["step"] == "install_update")
    failed = run(site, plays, "-e", f"fails_at={at}")
    found = record(site)
    assert failed.returncode == 2
    assert found["outcome"] == "stopped"
    assert found["problems"] == [{"host": "n2", "what": "It broke", "remedy": "Mend it"}]
    broken = [step for step in found["steps"] if step["status"] == "failed"]
    assert [(step["index"], step["msg"]) for step in broken] == [(at, "It broke")]
    assert "What to do: Mend it" in failed.stdout
    assert len(found["steps"]) == len({step["index"] for step in found["steps"]})


def test_ignored_items_do_not_stop_it(site: Path) -> None:
    plan, plays = roll(site)
    plays[0]["tasks"][1]["ignore_errors"] = True
    at = next(step["index"] for step in plan["steps"] if step["step"] == "verify_host")
    run(site, plays, "-e", f"fails_at={at}")
    found = record(site)
    assert (found["outcome"], found["problems"]) == ("done", [])
    assert [step["status"] for step in found["steps"] if step["index"] == at] == ["ignored"]


def test_no_plan_is_refused(site: Path) -> None:
    problems = [{"host": "n1", "what": "It has failed.", "remedy": "Look."}]
    said = {"failed": True, "msg": "No plan", "problems": problems}
    task = {"mailops.exchange.rolling_plan": {"updates": ["exchange2003-sp2"], "result": said}}
    run(site, [{"tasks": [{**task, "run_once": True}]}], "-e", "awx_job_id=4711", "-e", "awx_user_name=rossi")
    found = record(site)
    assert (found["outcome"], found["problems"], found["update"]) == ("refused", problems, "exchange2003-sp2")
    assert (found["user"], found["job"], found["control_node"]) == ("rossi", "4711", socket.gethostname())
    page = (site / "mailops-exchange-record" / "record.html").read_text()
    assert "It has failed." in page
    assert "rossi, job 4711" in page


def test_a_gate_of_the_playbook_refuses(site: Path) -> None:
    plan = make_plan(two_nodes().estate(), [SP2], {})
    tasks = [
        {"mailops.exchange.rolling_plan": {"result": {"plan": plan}}},
        {"ansible.builtin.fail": {"msg": "No backup"}},
    ]
    run(site, [{"tasks": tasks}])
    found = record(site)
    assert found["outcome"] == "refused"
    assert {problem["what"] for problem in found["problems"]} == {"No backup"}


def test_unreachable_is_a_problem(site: Path) -> None:
    run(site, [{"tasks": [say(unreachable="no answer")]}])
    found = record(site)
    assert found["outcome"] == "refused"
    assert {problem["host"] for problem in found["problems"]} == {"n1", "n2"}
    assert "no answer" in found["problems"][0]["what"]


@pytest.mark.parametrize(
    ("rescue", "outcome"), [({"debug": {"msg": "mended"}}, "done"), ({"fail": {"msg": "Stop: It broke"}}, "stopped")]
)
def test_a_rescue_decides(site: Path, rescue: dict[str, Any], outcome: str) -> None:
    changed = say(
        result={"changed": True, "step": {"index": 0, "step": "note_owners", "phase": "prepare", "object": "n1"}}
    )
    broken = say(result={"failed": True, "msg": "It broke"})
    run(site, [{"tasks": [changed, {"block": [broken], "rescue": [rescue]}]}])
    found = record(site)
    assert found["outcome"] == outcome
    assert [problem["what"] for problem in found["problems"]] == (["It broke"] * 2 if outcome == "stopped" else [])


def test_secrets_stay_out(site: Path) -> None:
    censored = {**say(result={"changed": True, "msg": "hunter2"}), "no_log": True}
    told = say(
        result={
            "failed": True,
            "msg": "schtasks /ru A\\b /rp hunter2 failed",
            "step": {"index": 1, "step": "install_update", "object": "x", "phase": "update"},
            "before": {"password": "hunter2"},
            "secret": "hunter2",
        }
    )
    run(site, [{"tasks": [censored, told]}])
    for path in (site / "mailops-exchange-record").iterdir():
        assert "hunter2" not in path.read_text()


def test_nothing_of_ours_leaves_nothing(site: Path) -> None:
    run(site, [{"tasks": [{"ansible.builtin.fail": {"msg": "x"}}]}])
    assert not (site / "mailops-exchange-record").exists()


def test_reading_only_leaves_nothing(site: Path) -> None:
    run(site, [{"tasks": [say(result={"exchange": {"product": "2003", "service_pack": 1}})]}])
    assert not (site / "mailops-exchange-record").exists()


def test_earlier_records_are_kept(site: Path) -> None:
    plays = roll(site)[1]
    run(site, plays, "--check")
    first = record(site)
    for unused in range(2):
        run(site, plays, "--check")
    names = sorted(path.name for path in (site / "mailops-exchange-record").iterdir())
    assert len([name for name in names if name.endswith(".json")]) == 3
    assert len([name for name in names if name.endswith(".html")]) == 3
    kept = [
        json.loads((site / "mailops-exchange-record" / name).read_text()) for name in names if name.endswith(".json")
    ]
    assert first in kept


def test_a_directory_that_cannot_be_written_is_one_warning(site: Path) -> None:
    plays = roll(site)[1]
    (site / "mailops-exchange-record").write_text("in the way")
    done = run(site, plays)
    assert done.returncode == 0
    assert (done.stdout + done.stderr).count("The change record is not complete") == 1


def test_a_killed_run_says_stopped(site: Path) -> None:
    plan, plays = roll(site)
    waits = {"ansible.builtin.debug": {"msg": "{{ lookup('pipe', 'sleep 30') }}"}}
    plays[0]["tasks"] = [plays[0]["tasks"][0], say(step=plan["steps"][0]), waits]
    command, environment = prepared(site, plays)
    with subprocess.Popen(command, cwd=site, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (site / "mailops-exchange-record" / "record.json").exists() or not record(site)["steps"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    found = record(site)
    assert (found["outcome"], found["ended"]) == ("stopped", None)
    assert "Start it again" in found["problems"][0]["remedy"]


def test_several_servers_keep_their_levels(site: Path) -> None:
    """Before is what was read first; after is what was read last."""
    world = World()
    world.server("n1")
    plan = make_plan(world.estate(), [SP2], {})
    seen = [
        say(result={"exchange": {"product": "2003", "version": "6.5", "service_pack": pack, "hotfixes": []}})
        for pack in (1, 2)
    ]
    steps = [say(step=step) for step in plan["steps"]]
    run(
        site,
        [
            {
                "hosts": "n1",
                "tasks": [{"mailops.exchange.rolling_plan": {"result": {"plan": plan}}}, seen[0], *steps, seen[1]],
            }
        ],
    )
    found = record(site)
    assert found["outcome"] == "done"
    assert (found["hosts"]["n1"]["before"]["service_pack"], found["hosts"]["n1"]["after"]["service_pack"]) == (1, 2)
    assert any(text.startswith("n1: full backup due") for text in found["due"])


def test_a_plan_that_goes_on_with_another_keeps_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(two_nodes().estate(), [SP2], {})
    schedule = make_schedule(plan, {})
    for digest in ("1" * 64, "2" * 64, "3" * 64):
        # Each time by a run of its own.
        callback = CallbackModule()
        monkeypatch.setattr(callback, "_directory", lambda: tmp_path)
        callback._write_plan({"plan": {**plan, "digest": digest}, "schedule": schedule})
    assert json.loads((tmp_path / "plan.json").read_text())["earlier_digests"] == ["1" * 64, "2" * 64]
    (tmp_path / "plan.json").write_text("no plan")
    callback._write_plan({"plan": plan, "schedule": schedule})
    assert json.loads((tmp_path / "plan.json").read_text())["earlier_digests"] == []


def test_the_record_says_which_version_wrote_it() -> None:
    """The version of a checkout is that of its galaxy.yml."""
    galaxy = yaml.safe_load((PLUGINS.parent / "galaxy.yml").read_text(encoding="utf-8"))
    assert collection_version() == galaxy["version"]

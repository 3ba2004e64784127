# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conductor does with the playbooks what Ansible does with them; what it does not know it does not pass over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.tests.lab.driven import roles
from ansible_collections.mailops.exchange.tests.lab.driven.conductor import Conductor
from ansible_collections.mailops.exchange.tests.lab.driven.lab_runs import bench
from ansible_collections.mailops.exchange.tests.lab.support import rehearse

ESTATE: dict[str, Any] = {
    "update": "exchange2003-sp2",
    "speed": 0,
    "hosts": {
        "fe1": {"role": "front_end", "load_balanced": "web"},
        "fe2": {"role": "front_end", "load_balanced": "web", "setup": {"exit_code": 3010}},
        "n1": {"cluster": "mail", "services": {"SNMP": "running"}},
        "n2": {"cluster": "mail"},
    },
    "clusters": {"mail": {"virtual_servers": {"EVS1": {"owner": "n1", "preferred_owners": ["n1"]}}}},
}
FAILURE = [{"host": "n2", "on": "install", "do": "exit", "code": 1603}]
#: Numbers that are made anew each time: of times and of temporary names.
TIMES = re.compile(r"[0-9a-f]{8,}(\.\d+)?([+-]\d{3})?|\d\d:\d\d:\d\d")
WORDS = ("host", "step", "object", "changed", "status", "unpredictable", "before", "after")


def told(record: dict[str, Any]) -> dict[str, Any]:
    """What both must say of a run: everything of the record but times and the run's own number."""
    return {
        "outcome": record["outcome"],
        "digest": record["digest"],
        "steps": [{key: _timeless(step.get(key)) for key in WORDS} for step in record["steps"]],
        "gates": [(gate["id"], gate["host"], gate["result"]) for gate in record["gates"]],
        "hosts": record["hosts"],
        "outages": {name: len(found["outages"]) for name, found in record["virtual_servers"].items()},
        "due": record["due"],
        "problems": [(problem["host"], TIMES.sub("#", problem["what"])) for problem in record["problems"]],
    }


def _timeless(value: Any) -> Any:
    return {key: part for key, part in value.items() if key != "boot_time"} if isinstance(value, dict) else value


def changes(calls: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The changing calls of each host in their order, without the numbers that are made anew each time."""
    found: dict[str, list[str]] = {}
    for entry in calls:
        if entry["changes"]:
            found.setdefault(entry["host"], []).append(TIMES.sub("#", entry["call"]))
    return found


@pytest.mark.rehearsals(2)
@pytest.mark.parametrize("fails", [True, False])
def test_the_conductor_and_ansible_do_the_same(tmp_path: Path, fails: bool) -> None:
    faults = FAILURE if fails else None
    ansible = rehearse(tmp_path, ESTATE, faults=faults)
    with bench(complete(ESTATE), tmp_path / "driven", faults=[{"times": 1, **f} for f in faults or []]) as lab:
        run = lab.run()
        lab.settle()
        final = lab.world.referee.report()["final"]
    assert told(run.record) == told(ansible.record)
    assert run.outcome == ("stopped" if fails else "done")
    assert final == ansible.referee["final"]
    assert changes(run.calls) == changes(ansible.journal)


@pytest.mark.rehearsals(2)
def test_messages_that_are_handed_over_do_what_those_on_the_wire_do(tmp_path: Path) -> None:
    """Sessions by SMB without a network: the same record and the same changes as over a socket."""
    estate = complete(
        {"update": "exchange55-sp4", "speed": 0, "hosts": {"mbx1": {"os": "nt4", "service_pack": 3, "services": {}}}}
    )
    found = []
    for wire in (False, True):
        with bench(estate, tmp_path / str(wire), wire=wire) as lab:
            run = lab.run()
            assert run.outcome == "done", run.record["problems"]
            found.append((told(run.record), changes(run.calls), lab.world.referee.report()["final"]))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "task",
    [
        {"name": "x", "ansible.builtin.command": "true"},
        {"name": "x", "ansible.builtin.debug": {"msg": ""}, "until": True},
        {"name": "x", "ansible.builtin.include_role": {"name": "mailops.exchange.exchange_roll", "public": True}},
    ],
)
def test_what_the_conductor_does_not_know_it_refuses(monkeypatch: pytest.MonkeyPatch, task: dict[str, Any]) -> None:
    inventory = {"all": {"children": {"exchange_servers": {"hosts": {"n1": {}}}}}}
    monkeypatch.setattr(
        "ansible_collections.mailops.exchange.tests.lab.driven.conductor.plays",
        lambda playbook: [{"hosts": "exchange_servers", "tasks": [task]}],
    )
    with pytest.raises(roles.Unknown):
        Conductor(inventory, None, None).run("apply")


class _Told:
    """Keeps what tasks return; does nothing."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []

    def task(self, host: str, node: Any, action: str, result: dict[str, Any], status: str, item: bool) -> None:
        self.heard.append((host, str(result.get("msg")), status))


def play(monkeypatch: pytest.MonkeyPatch, *tasks: dict[str, Any], hosts: int = 2) -> tuple[Conductor, _Told]:
    """Run tasks for some hosts."""
    names = {f"n{number}": {} for number in range(1, hosts + 1)}
    monkeypatch.setattr(
        "ansible_collections.mailops.exchange.tests.lab.driven.conductor.plays",
        lambda playbook: [{"hosts": "all_of_them", "tasks": list(tasks)}],
    )
    heard = _Told()
    run = Conductor({"all": {"children": {"all_of_them": {"hosts": names}}}}, None, heard)  # type: ignore[arg-type]
    run.run("apply")
    return run, heard


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"name": text, "ansible.builtin.debug": {"msg": text}, **more}


def fail(text: str, **more: Any) -> dict[str, Any]:
    return {"name": text, "ansible.builtin.fail": {"msg": text}, **more}


def test_rescue_and_always_as_with_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    block = {
        "name": "all",
        "block": [fail("lost", when="inventory_hostname == 'n1'"), say("good")],
        "rescue": [say("{{ ansible_failed_result.msg }} again"), fail("for good")],
        "always": [say("in the end")],
    }
    run, _heard = play(monkeypatch, block, say("after"))
    assert run.said == ["n2: good", "n1: lost again", "n1: in the end", "n2: in the end", "n2: after"]
    assert run.failed == {"n1"}


def test_conditions_of_a_block_reach_what_it_includes_and_those_of_an_include_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "inner.yml").write_text(
        "- {name: turn, ansible.builtin.set_fact: {go: false}}\n- {name: x, ansible.builtin.debug: {msg: inner}}\n"
    )
    include = {"name": "inner", "ansible.builtin.include_tasks": str(tmp_path / "inner.yml")}
    set_go = {"name": "go", "ansible.builtin.set_fact": {"go": True}}
    run, _heard = play(monkeypatch, set_go, {**include, "when": "go"}, hosts=1)
    assert run.said == ["n1: inner"]
    run, _heard = play(monkeypatch, set_go, {"name": "b", "when": "go", "block": [include]}, hosts=1)
    assert run.said == []


def test_a_loop_goes_on_after_an_item_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    looped = fail("{{ item }}", loop=["a", "b", "c"], when="item != 'b'")
    run, heard = play(monkeypatch, looped, hosts=1)
    assert [text for unused, text, status in heard.heard if status == "failed"] == [
        "a",
        "c",
        "One or more items failed",
    ]
    assert run.failed == {"n1"}


def test_facts_win_over_variables_and_values_are_taken_when_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    run, _heard = play(
        monkeypatch,
        say("{{ late }}", vars={"late": "{{ later | default('not yet') }}"}),
        {"name": "s", "ansible.builtin.set_fact": {"later": "{{ [1, none] }}"}},
        say("{{ late }}", vars={"late": "{{ later | length }}", "later": "hidden"}),
        hosts=1,
    )
    assert run.said == ["n1: not yet", "n1: 2"]
    assert run.facts["n1"]["later"] == [1, None]

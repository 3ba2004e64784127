# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the single actions add to the core: options, check mode and the words of a step."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible.errors import AnsibleActionFail
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ReadOnlyViolation,
    Unreachable,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Event

from .runner import FakeSession, run

PLUGINS = "ansible_collections.mailops.exchange.plugins"
SP1 = {"service_pack": 1, "build": 7226, "hotfixes": ["KB831464"]}
SP2 = {"service_pack": 2, "build": 7638, "hotfixes": ["KB831464"]}


def module(name: str) -> ModuleType:
    return importlib.import_module(f"{PLUGINS}.action.{name}")


def exchange(level: dict[str, Any], **services: str) -> dict[str, Any]:
    return {
        "computer_name": "N1",
        "installed": True,
        "product": "2003",
        **level,
        "boot_time": "20261122101500.500000+060",
        "services": {name: {"state": state, "start_type": "auto"} for name, state in services.items()},
    }


def refuses(*unused: Any, **options: Any) -> dict[str, Any]:
    raise ReadOnlyViolation("not in check mode")


def returns(value: Any) -> Any:
    return lambda *unused, **options: value


# ---- exchange_info ------------------------------------------------------------------------------


@pytest.fixture
def info(monkeypatch: pytest.MonkeyPatch) -> Any:
    action = module("exchange_info")

    def set_found(*found: dict[str, Any]) -> Any:
        left = list(found)
        monkeypatch.setattr(action, "read_exchange", lambda session: left.pop(0) if len(left) > 1 else left[0])
        return action.ActionModule

    return set_found


def test_info_without_an_update_reads_the_level_only(info: Any) -> None:
    result = run(info(exchange(SP1)), {})
    assert result["msg"] == "Exchange 2003 with service pack 1, build 7226."
    assert {"packages", "installations", "note"} & set(result) == set()


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"service_pack": 2}, "service pack 1, not 2"),
        ({"build": 7638}, "build 7226, not 7638 or later"),
        ({"hotfixes": ["KB912442", "KB831464"]}, "hotfix KB912442 is missing"),
    ],
)
def test_info_fails_where_the_level_is_not_as_expected(info: Any, expect: dict[str, Any], words: str) -> None:
    result = run(info(exchange(SP1)), {"expect": expect})
    assert result["failed"] is True
    assert words in result["msg"]
    assert result["exchange"]["service_pack"] == 1


def test_info_takes_a_later_build(info: Any) -> None:
    assert not run(info(exchange({**SP2, "build": 7654})), {"expect": {"service_pack": 2, "build": 7638}})["failed"]


def test_info_waits_for_services(info: Any) -> None:
    action = info(exchange(SP2, W3SVC="start_pending"), exchange(SP2, W3SVC="stopped"), exchange(SP2, W3SVC="running"))
    result = run(action, {"expect": {"service_pack": 2}})
    assert (result["failed"], result["exchange"]["services"]["W3SVC"]["state"]) == (False, "running")


def test_info_names_services_that_stay_stopped(info: Any) -> None:
    result = run(info(exchange(SP2, W3SVC="stopped", SMTPSVC="running")), {"expect": {"service_pack": 2}})
    assert result["failed"] is True
    assert "W3SVC" in result["msg"] and "SMTPSVC" not in result["msg"]


def test_info_expects_what_its_step_ends_with(info: Any) -> None:
    step = {"index": 7, "step": "verify_host", "host": "n1", "object": "n1", "before": SP2, "after": SP2}
    assert run(info(exchange(SP1)), {"step": step})["failed"] is True
    assert run(info(exchange(SP2)), {"step": step})["failed"] is False


def test_info_refuses_an_unknown_update(info: Any) -> None:
    result = run(info(exchange(SP1)), {"updates": ["exchange2003-sp2", "exchange2003-sp9"]})
    assert "exchange2003-sp9" in result["msg"] and "exchange2003-sp2" in result["remedy"]


@pytest.mark.parametrize(
    ("version", "level", "words"),
    [
        ("6.5.7638.1", SP2, None),
        ("6.5.7226.6", SP2, "build 7638 or later is expected"),
        ("6.5.7652.24", {**SP2, "hotfixes": ["KB831464", "KB912442"]}, None),
        ("6.5.7638.1", {**SP2, "hotfixes": ["KB831464", "KB912442"]}, "KB912442 brings 6.5.7650.28"),
        (None, SP2, None),
    ],
)
def test_info_compares_the_file_version(
    info: Any, version: str | None, level: dict[str, Any], words: str | None
) -> None:
    result = run(info({**exchange(level), "store_version": version}), {"expect": level})
    assert result["failed"] is (words is not None)
    assert (words or "") in result["msg"]
    if words is None:
        assert bool(result["notices"]) is (version is None)


def test_info_compares_no_file_version_with_nothing(info: Any) -> None:
    assert not run(info({**exchange(SP2), "store_version": "6.5.1.1"}), {})["failed"]


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> Any:
    observed = importlib.import_module(f"{PLUGINS}.plugin_utils._observed")
    unproven: list[str] = []

    def install(session: Any, update: Any, found: Any) -> dict[str, Any]:
        return {"phase": "none", "unproven": update["id"] in unproven, "in_use": []}

    monkeypatch.setattr(observed.install, "observe", install)
    monkeypatch.setattr(
        observed.package, "observe", lambda session, update, source, folder, look: {"path": source or folder}
    )
    monkeypatch.setattr(observed.notes, "read_note", returns({"owners": {"EVS1": "N1"}, "possible_owners": {}}))
    return unproven


def test_info_of_several_updates(info: Any, states: Any) -> None:
    updates = ["exchange2003-sp2", "exchange2003-kb912442"]
    result = run(info(exchange(SP1)), {"updates": updates})
    assert list(result["packages"]) == list(result["installations"]) == updates
    assert result["packages"]["exchange2003-kb912442"]["path"] == r"C:\mailops\exchange2003-kb912442"
    assert result["note"] == {"owners": {"EVS1": "N1"}, "possible_owners": {}}
    assert result["exchange"]["unproven_hotfixes"] == []


def test_info_tells_of_a_required_update_whose_package_is_given(
    info: Any, states: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = module("exchange_info")
    monkeypatch.setattr(action.ActionModule, "_find_needle", lambda self, kind, path: path, raising=False)
    load = catalogue.load

    def with_package(paths: Any = ()) -> Any:
        known = load()
        known["windows2003-kb831464"]["package"]["path"] = r"\\dc1\updates\x.exe"
        return known

    monkeypatch.setattr(catalogue, "load", with_package)
    result = run(info(exchange(SP1)), {"updates": ["exchange2003-sp2"]})
    assert list(result["installations"]) == ["windows2003-kb831464", "exchange2003-sp2"]


def test_info_does_not_count_a_hotfix_in_whose_installation_a_file_was_in_use(info: Any, states: Any) -> None:
    states.append("exchange2003-kb912442")
    found = exchange({**SP2, "hotfixes": ["KB831464", "KB912442"]})
    result = run(info(found), {"updates": ["exchange2003-sp2", "exchange2003-kb912442"]})
    assert result["exchange"]["hotfixes"] == ["KB831464"]
    assert result["exchange"]["unproven_hotfixes"] == ["KB912442"]


def test_one_source_is_no_package_of_several_updates(info: Any, states: Any) -> None:
    arguments = {"updates": ["exchange2003-sp2", "exchange2003-kb912442"], "source": r"C:\x.exe"}
    assert "several updates" in run(info(exchange(SP1)), arguments)["msg"]
    assert not run(info(exchange(SP1)), {**arguments, "updates": ["exchange2003-sp2"]})["failed"]


# ---- cluster actions ----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [{"name": "EVS1"}, {"name": "EVS1", "node": "N2", "state": "online"}])
def test_group_needs_a_node_or_a_state(arguments: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(module("cluster_group").ActionModule, arguments)


def test_a_failed_group_comes_with_its_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    action = module("cluster_group")

    def fails(*unused: Any, **options: Any) -> Any:
        raise CommandFailed("EVS1 is failed on N2", remedy="Read the logs.", events=[])

    event = Event(1.0, "MSExchangeCluster", 1025, "error", "SA")
    monkeypatch.setattr(action.act, "move_group", fails)
    monkeypatch.setattr(FakeSession, "events", lambda self, log, **options: [event])
    result = run(action.ActionModule, {"name": "EVS1", "node": "N2"})
    assert (result["failed"], result["trouble"]["id"]) == (True, "evicted_node")
    assert "Reinstall" in result["remedy"]


@pytest.fixture
def owners(monkeypatch: pytest.MonkeyPatch) -> Any:
    action = module("cluster_owners")
    state = SimpleNamespace(
        find_resource=lambda name: name, resources={"SA": SimpleNamespace(possible_owners=["N1", "N2"])}
    )
    monkeypatch.setattr(action, "read_cluster", returns(state))
    return action


def test_owners(owners: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"changed": True, "before": {}, "after": {"possible_owners": ["N2"]}, "events": []}
    monkeypatch.setattr(owners, "set_owners", returns(done))
    result = run(owners.ActionModule, {"resource": "SA", "nodes": ["N2"]})
    assert (result["changed"], result["msg"]) == (True, "SA can be owned by N2.")


def test_owners_in_check_mode(owners: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "set_owners", refuses)
    result = run(owners.ActionModule, {"resource": "SA", "nodes": ["N2"]}, check=True)
    assert result["before"] == {"possible_owners": ["N1", "N2"]}
    assert (result["changed"], result["after"]) == (True, {"possible_owners": ["N2"]})
    step = {
        "step": "limit_owners",
        "before": {"possible_owners": ["N1", "N2"]},
        "after": {"possible_owners": ["N1"]},
    }
    assert run(owners.ActionModule, {"resource": "SA", "nodes": ["N1"], "step": step}, check=True)["changed"] is True
    assert run(owners.ActionModule, {"resource": "SA", "nodes": ["N2"], "step": step}, check=True)["failed"] is True


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Any:
    action = module("cluster_service")

    def set_state(state: str, *processes: str) -> Any:
        monkeypatch.setattr(action, "read_state", returns(state))
        monkeypatch.setattr(FakeSession, "processes", lambda self: [(image, 4) for image in processes])
        return action

    return set_state


def test_service_does_not_start_beside_an_installer(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    action = service("stopped", "System", "Update.EXE")
    monkeypatch.setattr(action.act, "start_cluster_service", returns({"changed": True}))
    result = run(action.ActionModule, {"state": "started"})
    assert (result["failed"], result["changed"]) == (True, False)
    assert "Update.EXE" in result["msg"]


def test_service_does_not_start_beside_a_package_or_a_job_of_the_run(
    service: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A hotfix runs under the name of its package, which may be the site's own; the job says it whatever the name."""
    site = tmp_path / "site.yml"
    site.write_text("exchange2003-kb931832: {package: {path: '\\\\dc1\\updates\\Ours.exe'}}\n", encoding="utf-8")
    phases = {"exchange2003-kb912442": "none"}

    def job(session: Any, update: dict[str, Any]) -> Any:
        return SimpleNamespace(observe=lambda: SimpleNamespace(phase=phases[update["id"]]))

    for processes, files, phase, word in (
        (["Exchange2003-KB912442-x86-ENU.exe"], [], "none", "KB912442"),
        (["ours.EXE"], [str(site)], "none", "ours.EXE"),
        (["cmd.exe"], [], "running", "the job of exchange2003-kb912442"),
    ):
        action = service("stopped", "System", *processes)
        monkeypatch.setattr(action.act, "start_cluster_service", refuses)
        phases["exchange2003-kb912442"] = phase
        monkeypatch.setattr(action, "job_of", job)
        monkeypatch.setattr(action.ActionModule, "_find_needle", lambda self, folder, path: path)
        asked = {"state": "started", "updates": list(phases), "catalogue": files}
        result = run(action.ActionModule, asked)
        assert (result["failed"], result["changed"]) == (True, False)
        assert word in result["msg"], result["msg"]


def test_service_starts_and_speaks_the_words_of_a_step(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    action = service("stopped", "System")
    monkeypatch.setattr(action.act, "start_cluster_service", returns({"changed": True, "events": []}))
    result = run(action.ActionModule, {"state": "started"})
    assert (result["changed"], result["before"], result["after"]) == (True, {"state": "stopped"}, {"state": "running"})


def test_service_in_check_mode(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    action = service("running")
    monkeypatch.setattr(action.act, "stop_cluster_service", refuses)
    result = run(action.ActionModule, {"state": "stopped"}, check=True)
    assert (result["changed"], result["before"], result["after"]) == (True, {"state": "running"}, {"state": "stopped"})


# ---- host_restart -------------------------------------------------------------------------------

BOOT = "20261122101500.500000+060"


@pytest.fixture
def restart(monkeypatch: pytest.MonkeyPatch) -> Any:
    action = module("host_restart")
    monkeypatch.setattr(FakeSession, "boot_time", lambda self: BOOT)
    monkeypatch.setattr(action, "restart_and_wait", returns({"before": BOOT, "after": "later", "seconds": 271}))
    monkeypatch.setattr(FakeSession, "pending_services", lambda self: [])
    return action


def test_restart_that_is_not_required_sends_nothing(restart: Any) -> None:
    session = FakeSession()
    result = run(restart.ActionModule, {"reason": "x", "required": False}, session)
    assert (result["changed"], session.sent) == (False, [])


def test_restart_that_has_been_made_is_not_made_again(restart: Any) -> None:
    arguments = {"reason": "x", "boot_time": "20261120101500.500000+060"}
    assert run(restart.ActionModule, arguments)["changed"] is False


def test_a_host_that_restarts_by_itself_is_waited_for(restart: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [Unreachable("n1 does not answer"), Unreachable("n1 does not answer"), BOOT]

    def boot_time(session: FakeSession) -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(FakeSession, "boot_time", boot_time)
    session = FakeSession()
    result = run(restart.ActionModule, {"reason": "x", "boot_time": "20261120101500.500000+060"}, session)
    assert (result["changed"], result["msg"], answers) == (False, "The host has been restarted already.", [])


def test_restart(restart: Any) -> None:
    result = run(restart.ActionModule, {"reason": "x", "boot_time": BOOT, "required": None})
    assert (result["changed"], result["after"], result["seconds"]) == (True, {"boot_time": "later"}, 271)


def test_restart_that_nobody_can_predict_is_not_called_a_change(restart: Any) -> None:
    step = {"step": "restart_host", "unpredictable": True, "before": {}, "after": {}}
    result = run(restart.ActionModule, {"reason": "x", "step": step}, check=True)
    assert (result["changed"], result["step"]["unpredictable"]) == (False, True)


# ---- host_note ----------------------------------------------------------------------------------


def test_another_note_is_not_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    action = module("host_note")
    note = {"owners": {"EVS1": "N1"}, "possible_owners": {"EVS1": ["N1"]}}
    monkeypatch.setattr(action.notes, "read_note", returns(note))
    session = FakeSession()
    result = run(action.ActionModule, {"owners": {"EVS1": "N2"}}, session)
    assert (result["failed"], result["changed"], session.sent) == (True, False, [])
    assert result["details"] == {"note": note}


def test_note_in_check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    action = module("host_note")
    monkeypatch.setattr(action.notes, "read_note", returns(None))
    arguments: dict[str, Any] = {"owners": {"EVS1": "N1"}, "possible_owners": {"EVS1": ["N1", "N2"]}}
    result = run(action.ActionModule, arguments, check=True)
    assert (result["changed"], result["before"], result["after"]) == (True, {"owners": None}, arguments)
    step = {"step": "note_owners", "before": {"owners": None}, "after": arguments}
    assert run(action.ActionModule, {**arguments, "step": step}, check=True)["changed"] is True
    other = {**arguments, "possible_owners": {}, "step": step}
    assert run(action.ActionModule, other, check=True)["failed"] is True


def test_note_needs_owners() -> None:
    with pytest.raises(AnsibleActionFail, match="owners"):
        run(module("host_note").ActionModule, {})


# ---- update_install -----------------------------------------------------------------------------


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch) -> Any:
    action = module("update_install")
    given: dict[str, Any] = {}

    def install(session: Any, update: Any, **options: Any) -> dict[str, Any]:
        given.update(options, command=update["command"])
        return given["result"]

    def prepare(
        before: dict[str, Any], after: dict[str, Any], *, staged: bool = True, problems: Any = (), changed: bool = True
    ) -> tuple[Any, dict[str, Any]]:
        given["result"] = {
            "changed": changed,
            "success": not problems,
            "restart_required": False,
            "problems": list(problems),
            "exit_code": 0,
            "boot_time": BOOT,
            "log_lines": [],
            "before": exchange(before),
            "after": exchange(after),
            "installation": {"phase": "finished", "exit_code": 0, "restart_pending": False},
            "events": [],
        }
        monkeypatch.setattr(action, "install_on_node", install)
        monkeypatch.setattr(action.package, "observe", returns({"staged": staged, "path": r"C:\x\y.exe"}))
        return action.ActionModule, given

    return prepare


ARGUMENTS = {"update": "exchange2003-sp2"}


def test_install_speaks_the_words_of_a_step(setup: Any) -> None:
    action, given = setup(SP1, SP2)
    result = run(action, ARGUMENTS)
    assert (result["changed"], result["before"], result["after"]) == (True, SP1, SP2)
    assert result["exchange"]["service_pack"] == 2
    assert (given["method"], given["package"], result["boot_time"]) == ("operator", r"C:\x\y.exe", BOOT)


def test_install_takes_a_command_line_of_the_task(setup: Any) -> None:
    action, given = setup(SP1, SP2, staged=False)
    result = run(action, {**ARGUMENTS, "command": "{package} /q", "account": "a", "password": "topsecret"})
    assert (given["method"], given["package"], given["command"]) == ("command", None, "{package} /q")
    assert result["method"] == "command"


def test_install_refuses_unknown_placeholders(setup: Any) -> None:
    action, given = setup(SP1, SP2)
    result = run(action, {**ARGUMENTS, "command": "{packages} /q"})
    assert result["failed"] is True and "packages" in result["msg"]
    assert "method" not in given


def test_judging_a_finished_job_again_is_no_change(setup: Any) -> None:
    action = setup(SP2, SP2)[0]
    assert run(action, ARGUMENTS)["changed"] is False


def test_failed_installation_tells_the_problems_with_their_host(setup: Any) -> None:
    problem = {"what": "a file was in use: store.exe", "remedy": "Stop what holds it."}
    action = setup(SP1, SP1, problems=[problem])[0]
    result = run(action, ARGUMENTS)
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["problems"] == [{"host": "n1", **problem}]
    assert result["remedy"] == "Stop what holds it."


def test_install_in_check_mode_does_not_know_about_a_restart(setup: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    action = setup(SP1, SP2)[0]
    step = {"step": "install_update", "before": SP1, "after": SP2}
    result = run(action, {**ARGUMENTS, "step": step}, check=True)
    assert (result["changed"], result["restart_required"]) == (True, None)
    monkeypatch.setattr(module("update_install"), "install_on_node", refuses)
    monkeypatch.setattr(module("update_install"), "read_exchange", returns(exchange(SP1)))
    live = run(action, ARGUMENTS, check=True)
    assert (live["changed"], live["before"], live["after"]) == (True, SP1, SP2)


@pytest.mark.parametrize(("rule", "foreseen"), [("asked", None), ("always", True), ("never", False)])
def test_a_restart_that_the_update_itself_rules_is_foreseen(
    setup: Any, monkeypatch: pytest.MonkeyPatch, rule: str, foreseen: bool | None
) -> None:
    action = setup(SP1, SP2)[0]
    entry = {**catalogue.load()["exchange2003-sp2"], "restart": rule}
    monkeypatch.setattr(action, "update", lambda self, options: entry)
    step = {"step": "install_update", "before": SP1, "after": SP2}
    assert run(action, {**ARGUMENTS, "step": step}, check=True)["restart_required"] is foreseen


# ---- virtual_server -----------------------------------------------------------------------------

DIRECTORY = {"uri": "ldaps://dc1", "user": "reader@x", "password": "topsecret"}


def entry(level: dict[str, Any]) -> dict[str, Any]:
    return {"service_pack": level["service_pack"], "build": level["build"], "serial_number": "Version 6.5"}


def version(level: dict[str, Any]) -> dict[str, Any]:
    return {"version": {"service_pack": level["service_pack"], "build": level["build"]}}


@pytest.mark.parametrize(("planned", "changed"), [(None, False), (SP1, True), (SP2, False)])
def test_what_a_person_upgraded_since_the_plan_is_a_change(
    monkeypatch: pytest.MonkeyPatch, planned: dict[str, Any] | None, changed: bool
) -> None:
    action = module("virtual_server")
    done = {"changed": False, "before": entry(SP2), "after": entry(SP2), "exit_code": None, "instructions": []}
    monkeypatch.setattr(action, "upgrade", returns(done))
    arguments: dict[str, Any] = {"group": "EVS1", **ARGUMENTS, "directory": DIRECTORY}
    if planned:
        arguments["step"] = {"step": "upgrade_virtual_server", "before": version(planned), "after": version(SP2)}
    result = run(action.ActionModule, arguments)
    assert (result["changed"], result["after"]) == (changed, version(SP2))


def test_an_empty_directory_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def upgrade(session: Any, group: str, update: Any, directory: Any, **options: Any) -> Any:
        seen.append(directory)
        raise CommandFailed("stop here", exit_code=1)

    monkeypatch.setattr(module("virtual_server"), "upgrade", upgrade)
    run(module("virtual_server").ActionModule, {"group": "EVS1", **ARGUMENTS, "directory": {}})
    assert seen == [None]


def test_method_command_needs_a_command() -> None:
    with pytest.raises(AnsibleActionFail, match="command"):
        run(module("virtual_server").ActionModule, {"group": "EVS1", **ARGUMENTS, "method": "command"})


# ---- rolling_plan -------------------------------------------------------------------------------

PLAN = {
    "digest": "d1",
    "scope_digest": "s1",
    "changes": True,
    "update": "exchange2003-sp2",
    "entries": [],
    "options": {},
    "steps": [{"step": "install_update", "host": "n1", "object": "exchange2003-sp2", "phase": "update"}],
    "turns": {"n1": {}},
    "waves": [["n1"]],
}


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Any:
    action = module("rolling_plan")
    monkeypatch.setattr(action, "make_plan", returns(PLAN))
    monkeypatch.setattr(action, "runbook", returns("text"))
    monkeypatch.setattr(action, "make_schedule", returns({"seconds": 60.0}))
    return action.ActionModule


def planned(action: Any, **arguments: Any) -> Any:
    given = {"updates": ["exchange2003-sp2"], "estate": {"hosts": {"n1": None}}, **arguments}
    return run(action, given, transport="local")


@pytest.mark.parametrize(
    "approved", [{}, {"approved_digest": ""}, {"approved_digest": "d1"}, {"approved_digest": "s1"}]
)
def test_approved_plan(plan: Any, approved: dict[str, Any]) -> None:
    result = planned(plan, **approved)
    assert (result["failed"], result["digest"], result["runbook"]) == (False, "d1", "text")
    assert result["msg"] == "1 steps on 1 servers in 1 waves."


def test_another_digest_is_refused_with_the_plan(plan: Any) -> None:
    result = planned(plan, approved_digest="d0")
    assert (result["failed"], result["plan"]["digest"], result["differences"]) == (True, "d1", [])


def test_another_plan_is_refused_with_the_difference(plan: Any) -> None:
    result = planned(plan, approved_plan={**PLAN, "digest": "d0", "scope_digest": "s0", "waves": [["n2"]]})
    assert result["failed"] is True
    assert any("waves" in line for line in result["differences"])


def test_no_plan_tells_every_problem() -> None:
    result = planned(module("rolling_plan").ActionModule)
    assert result["failed"] is True
    assert [problem["host"] for problem in result["problems"]] == ["n1"]

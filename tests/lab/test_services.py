# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stopped comes back, the connector gets its own setup, and the backup stays due until it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.tests.lab.support import Run, merge, rehearse, serving, two_nodes

pytestmark = pytest.mark.rehearsals(4)

SERVICES = {"SNMP": "running", "TrendServer": "running", "UPS": {"state": "stopped", "start_type": "auto"}}


def server(**changes: Any) -> dict[str, Any]:
    """One server with services that interfere."""
    estate = {"update": "exchange2003-sp2", "speed": 0, "hosts": {"mbx1": {"service_pack": 1, "services": SERVICES}}}
    return merge(estate, changes)


def words(run: Run) -> list[str]:
    """The steps in order."""
    return [step["step"] for step in run.record["steps"]]


def state_of(run: Run, host: str) -> dict[str, tuple[str, str]]:
    """State and start type of the services as the last calls of the journal left them: started, stopped, configured."""
    found: dict[str, list[str]] = {}
    for entry in run.changing:
        parts = entry["call"].replace('"', "").split()
        if entry["host"] != host or parts[:1] != ["sc"] or entry["exit_code"] != 0 or "ClusSvc" in parts:
            continue
        name = parts[2]
        state = found.setdefault(name, ["running", "auto"])
        if parts[1] in ("start", "stop"):
            state[0] = "running" if parts[1] == "start" else "stopped"
        elif parts[1] == "config":
            state[1] = parts[-1]
    return {name: (state[0], state[1]) for name, state in found.items()}


BACK = {"SNMP": ("running", "auto"), "TrendServer": ("running", "auto")}


def test_services_are_stopped_for_the_turn_and_put_back(tmp_path: Path) -> None:
    run = rehearse(tmp_path, server())
    assert (run.status, run.record["outcome"]) == (0, "done"), run.output[-3000:]
    assert words(run).index("stop_services") < words(run).index("install_update") < words(run).index("start_services")
    assert state_of(run, "mbx1") == BACK, "and UPS, which did not run, was never touched"
    assert run.referee["violations"] == [] and run.referee["final"]["mbx1"]["services_down"] == []
    # Check mode shows the same steps and sends nothing that changes anything.
    check = rehearse(tmp_path, server(), check=True)
    assert check.steps == run.steps
    assert check.changing == []


def test_the_operator_names_services_of_the_site(tmp_path: Path) -> None:
    more = {"hosts": {"mbx1": {"services": {"AcmeScan": "running"}}}}
    arguments = [
        "-e",
        json.dumps({"mailops_exchange_interfering_services": ["Acme*"], "mailops_exchange_keep_services": ["SNMP"]}),
    ]
    run = rehearse(tmp_path, server(**more), arguments=arguments)
    assert run.status == 0, run.output[-3000:]
    assert set(state_of(run, "mbx1")) == {"AcmeScan", "TrendServer"}


@pytest.mark.parametrize("do", ["exit", "file_in_use"])
def test_they_run_again_when_the_turn_fails(tmp_path: Path, do: str) -> None:
    fault = {"host": "mbx1", "on": "install", "do": do, **({"code": 1603} if do == "exit" else {"file": "store.exe"})}
    run = rehearse(tmp_path, server(), faults=[fault])
    assert (run.status, run.record["outcome"]) == (2, "stopped"), run.output[-3000:]
    assert state_of(run, "mbx1") == BACK
    assert run.referee["violations"] == []


@pytest.fixture(scope="module")
def service_calls(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    """The numbers of the calls of a whole run that change something about services, their note included."""
    run = rehearse(tmp_path_factory.mktemp("whole"), server())
    assert run.status == 0, run.output[-3000:]
    return [
        number
        for number, entry in enumerate(run.journal, 1)
        if entry["changes"] and (entry["call"].startswith("sc ") or "services.json" in entry["call"])
    ]


# The note, two services each disabled and stopped, both given back their start type and started, the note removed.
@pytest.mark.parametrize("number", range(10))
def test_killed_at_any_call_the_next_run_has_all_of_it_back(
    tmp_path: Path, service_calls: list[int], number: int
) -> None:
    assert len(service_calls) == 10
    fault = {"controller": "run", "on": f"call {service_calls[number]}", "do": "kill"}
    run = rehearse(tmp_path, server(), faults=[fault])
    assert run.status == 0, run.output[-3000:]
    assert run.referee["violations"] == []
    assert run.referee["installations"] == {"mbx1": 1}
    assert state_of(run, "mbx1") == BACK
    assert run.referee["final"]["mbx1"]["services_down"] == []


def test_on_the_nodes_of_a_cluster(tmp_path: Path) -> None:
    estate = two_nodes(hosts={"n1": {"services": SERVICES}, "n2": {"services": SERVICES}})
    run = rehearse(tmp_path, estate)
    assert run.status == 0, run.output[-3000:]
    assert run.referee["violations"] == []
    assert (state_of(run, "n1"), state_of(run, "n2")) == (BACK, BACK)


# ---- Active Directory Connector -----------------------------------------------------------------


def connector(**settings: Any) -> dict[str, Any]:
    return server(directory_connector={"host": "mbx1", **settings})


BY_HAND = ["-e", json.dumps({"mailops_exchange_connector_method": "operator"})]


@pytest.mark.parametrize("arguments", [None, BY_HAND], ids=["by command", "by a person"])
def test_the_connector_gets_its_own_setup(tmp_path: Path, arguments: list[str] | None) -> None:
    run = rehearse(tmp_path, connector(), arguments=arguments)
    assert (run.status, run.record["outcome"]) == (0, "done"), run.output[-3000:]
    own = [word for word in words(run) if "connector" in word or "schema" in word]
    assert own == ["export_schema_maps", "upgrade_connector", "compare_schema_maps"]
    out = tmp_path / "run"
    assert (out / "connector-maps-mbx1.json").exists() and (out / "connector-maps-mbx1.ldif").exists()
    assert not any("schema maps" in text for text in run.record["due"])
    check = rehearse(tmp_path, connector(), check=True, arguments=arguments)
    assert check.steps == run.steps and check.changing == []
    assert not (tmp_path / "check" / "connector-maps-mbx1.json").exists()


def test_customised_maps_are_asked_for_before_anything_begins(tmp_path: Path) -> None:
    run = rehearse(tmp_path, connector(custom_maps=True))
    assert (run.status, run.record["outcome"]) == (2, "refused"), run.output[-3000:]
    assert run.changing == []
    assert any(problem["what"].startswith("connector") for problem in run.record["problems"])
    assert any("local.map" in problem["remedy"] for problem in run.record["problems"])


def test_customised_maps_that_are_given_are_used_and_what_differs_is_due(tmp_path: Path) -> None:
    run = rehearse(tmp_path, connector(custom_maps=True, maps_given=True, overwrites_maps=True))
    assert run.status == 0, run.output[-3000:]
    assert any("ldapmodify -f" in text for text in run.record["due"])


def test_a_connector_that_is_left_is_due(tmp_path: Path) -> None:
    run = rehearse(tmp_path, connector(), arguments=["-e", "mailops_exchange_connector=leave"])
    assert run.status == 0, run.output[-3000:]
    assert "upgrade_connector" not in words(run)
    assert any("Active Directory Connector" in text and "left as it is" in text for text in run.record["due"])


# ---- the backup afterwards ----------------------------------------------------------------------


def test_a_backup_is_due_until_the_event_log_shows_it(tmp_path: Path) -> None:
    with serving(tmp_path, server(operator={"takes_backups_after": 30})) as lab:
        done = lab.play("apply")
        assert done.record["outcome"] == "done", done.output[-3000:]
        assert any("mbx1: full backup due" in text for text in done.record["due"])
        before = len([entry for entry in lab.calls if entry["changes"]])
        verified = lab.play("verify", record="verify")
        assert verified.status == 0, verified.output[-3000:]
        assert len([entry for entry in lab.calls if entry["changes"]]) == before, "verify changes nothing"
        # Whether the backup is made already depends on how long the plays took; in the end it is, and an apply forgets
        # it.
        again = lab.play("apply", record="again")
        assert again.status == 0, again.output[-3000:]


def test_verify_says_that_it_is_due(tmp_path: Path) -> None:
    with serving(tmp_path, server()) as lab:
        assert lab.play("apply").record["outcome"] == "done"
        verified = lab.play("verify", record="verify")
        assert verified.status == 0, verified.output[-3000:]
        assert "mbx1: full backup due of all Exchange databases" in verified.output
        again = lab.play("apply", record="again")
        assert any("mbx1: full backup due" in text for text in again.record.get("due", [])) or not again.record


def test_the_record_says_what_going_back_would_take(tmp_path: Path) -> None:
    run = rehearse(tmp_path, server())
    text = " ".join(run.record["rollback"])
    assert "There is no uninstall" in text and "remove Exchange" in text
    assert "all 2 databases backed up" in text
    page = (tmp_path / "run" / "record.html").read_text(encoding="utf-8")
    assert "There is no uninstall" in page


# ---- the doctor ---------------------------------------------------------------------------------


def test_the_doctor_as_an_operator_starts_it(tmp_path: Path) -> None:
    with serving(tmp_path, server()) as lab:
        run = lab.play("doctor")
        assert run.status == 0, run.output[-3000:]
        assert "ok       Logon" in run.output and "ok       Package share" in run.output
        assert all(entry["call"].startswith("net use") for entry in run.changing)
        wrong = lab.play("doctor", "-e", "ansible_password=wrong", record="wrong")
        assert wrong.status == 2 and "UNREACHABLE" not in wrong.output, wrong.output[-3000:]
        assert "failed   Logon" in wrong.output and "ok       Directory" in wrong.output

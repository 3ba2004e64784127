# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every gate by itself: each mistake closes its own gate and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.judge import CHECKS
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates.model import gates
from ansible_collections.mailops.exchange.tests.unit.gates.support import (
    HOTFIX,
    IIS,
    RELEASE_NOTES,
    SP2,
    SP4,
    both,
    database,
    estate,
    failing,
    judged,
    row,
)

Change = Callable[[dict[str, Any]], object]


def of(host: str, *path: str, value: Any) -> Change:
    """A change of one value of a host's observation."""

    def change(given: dict[str, Any]) -> None:
        target = given["hosts"][host]
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


def in_cluster(*path: str, value: Any) -> Change:
    """A change of what both nodes see of their cluster."""

    def change(given: dict[str, Any]) -> None:
        for state in both(given):
            target = state
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value

    return change


def without_cluster(quorum: Any) -> Change:
    def change(given: dict[str, Any]) -> None:
        for host in ("n1", "n2"):
            given["hosts"][host]["cluster"] = None
            given["hosts"][host]["cluster_problem"] = "it does not answer"
            given["hosts"][host]["facts"]["quorum"] = quorum

    return change


def windows_rtm(*fixes: str) -> Change:
    def change(given: dict[str, Any]) -> None:
        for host in ("n1", "n2"):
            given["hosts"][host]["exchange"] |= {"os": {"name": "server2003", "service_pack": 0}, "hotfixes": [*fixes]}

    return change


def connector(**found: Any) -> Change:
    return of("mbx1", "connector", value={"installed": True, "version": "6.5", "due": True, **found})


MISTAKES: list[tuple[str, str, Change, str]] = [
    ("channel", "mbx1", lambda given: given["hosts"].update(mbx1={"unreachable": "no route"}), "no route"),
    ("channel", "mbx1", lambda given: given["hosts"].update(mbx1={}), "told nothing"),
    ("channel", "mbx1", of("mbx1", "facts", "rights", value="none"), "no administrator"),
    (
        "backup_databases",
        "mbx1",
        of("mbx1", "facts", "backup", "engine", "databases", "d:\\mdbdata\\priv1.edb", "age", value=25.0),
        "priv1.edb (newest full backup 25.0 hours old)",
    ),
    (
        "backup_databases",
        "mbx1",
        of("mbx1", "facts", "backup", "engine", "databases", "d:\\mdbdata\\priv1.edb", "spoiled", value=True),
        "a backup failed after the full one",
    ),
    (
        "backup_databases",
        "mbx1",
        lambda given: given["hosts"]["mbx1"]["facts"]["backup"]["engine"]["databases"].pop("d:\\mdbdata\\pub1.edb"),
        "pub1.edb (no full backup seen)",
    ),
    (
        "backup_databases",
        "mbx1",
        of("mbx1", "facts", "backup", value={"engine": None, "system_state": 6.0, "problem": "the log is damaged"}),
        "not backed up",
    ),
    (
        "backup_databases",
        "mail",
        lambda given: given["hosts"]["n1"]["facts"]["backup"]["engine"].update(databases={}),
        "M:\\mdbdata\\priv1.edb",
    ),
    (
        "backup_databases",
        "mail",
        of("n2", "facts", "backup", "engine", "failed", value={"First Storage Group": 2.0}),
        "a backup failed after",
    ),
    ("backup_system_state", "n2", of("n2", "facts", "backup", "system_state", value=None), "no backup of the system"),
    ("backup_system_state", "n2", of("n2", "facts", "backup", "system_state", value=72.0), "3.0 days old"),
    ("backup_controllers", "dc1", lambda given: given["controllers"].update(dc1={"unreachable": "down"}), "down"),
    (
        "backup_controllers",
        "dc1",
        lambda given: given["controllers"]["dc1"]["facts"]["backup"].update(system_state=None),
        "no backup of the system state",
    ),
    ("backup_controllers", "", lambda given: given.update(controllers={}), "no domain controller is known"),
    (
        "package",
        "mbx1",
        of("mbx1", "packages", "exchange2003-sp2", "problem", value={"what": "it is not there", "remedy": "Copy it."}),
        "it is not there",
    ),
    (
        "package",
        "mbx1",
        of(
            "mbx1", "packages", "exchange2003-sp2", value={"needed": False, "staged": False, "size": 7, "path": "C:\\x"}
        ),
        "has 7 bytes, the catalogue says 1000",
    ),
    (
        "package",
        "mbx1",
        of(
            "mbx1",
            "packages",
            "exchange2003-sp2",
            value={"needed": False, "staged": False, "size": 1000, "sha256": "ff", "path": "C:\\x"},
        ),
        "SHA-256 ff",
    ),
    ("package", "mbx1", of("mbx1", "facts", "language", value="0407"), "a package in en, the server's language is de"),
    ("package", "mbx1", lambda given: given.update(language={"mbx1": "it"}), "the server's language is it"),
    ("version_path", "mbx1", of("mbx1", "exchange", "service_pack", value=3), "which is beyond"),
    ("version_path", "mbx1", of("mbx1", "exchange", "product", value="2000"), "none of exchange2003-sp2 is for it"),
    ("version_path", "mbx1", of("mbx1", "exchange", "installed", value=False), "not installed"),
    ("disk_space", "mbx1", of("mbx1", "facts", "drives", "C:", "free", value=400 * 2**20), "C: has 400 MB"),
    ("pending_restart", "n1", of("n1", "facts", "pending_restart", value=["files are to be renamed"]), "renamed"),
    ("setup_running", "n1", of("n1", "facts", "processes", value=["XCOPY.EXE", "svchost.exe"]), "XCOPY.EXE is running"),
    ("backup_running", "n1", of("n1", "facts", "processes", value=["ntbackup.exe"]), "ntbackup.exe is running"),
    ("backup_running", "n1", of("n1", "facts", "backup", "engine", "running", value=["SG1"]), "a backup of SG1"),
    ("interfering_services", "n1", of("n1", "facts", "processes", value=["perfmon.exe"]), "perfmon.exe"),
    ("cluster_nodes", "mail", in_cluster("nodes", "N2", "state", value="paused"), "N2 is paused"),
    ("cluster_nodes", "mail", in_cluster("nodes", "N2", "state", value="down"), "N2 is down"),
    ("cluster_nodes", "mail", in_cluster("nodes", "N3", value={"id": 3, "state": "up"}), "N3 is not part of this run"),
    ("cluster_groups", "mail", in_cluster("groups", "EVS1", "state", value="failed"), "EVS1 is failed on N1"),
    (
        "cluster_groups",
        "mail",
        in_cluster("groups", "100% Files", value={"state": "online", "owner": "N1"}),
        "100% Files: a name with one of the characters",
    ),
    ("cluster_groups", "mail", in_cluster("groups", "EVS1", "state", value="pending"), "EVS1 is pending"),
    ("cluster_groups", "mail", in_cluster("resources", "EVS1 SA", "state", value="failed"), "EVS1 is failed"),
    ("quorum", "mail", in_cluster("quorum_resource", value=None), "not known"),
    ("quorum", "mail", in_cluster("resources", "Disk Q:", "state", value="offline"), "Disk Q: is offline"),
    ("msdtc", "mail", in_cluster("resources", "MSDTC", "state", value="offline"), "MSDTC is offline"),
    ("msdtc", "mail", in_cluster("resources", "MSDTC", "type", value="Generic Service"), "no resource of the type"),
    ("possible_owners", "mail", in_cluster("groups", "EVS1", "possible_owners", value=["N1"]), "EVS1 can stand on N1"),
    ("setup_account", "n1", of("n1", "facts", "administrators", value=["Administrator"]), "not among the local"),
    ("setup_account", "n1", of("n1", "facts", "administrators", value=["N1\\ops", "Administrator"]), "not among"),
    ("clock", "n1", of("n1", "facts", "drift", value=-900.0), "900 seconds behind"),
    ("clock", "n1", of("n1", "facts", "drift", value=301.0), "301 seconds ahead"),
    ("directory", "", lambda given: given.update(directory=None, directory_error="wrong password"), "wrong password"),
    ("connector", "mbx1", connector(custom_maps=True, maps_given=False), "is customised"),
    ("connector", "mbx1", connector(custom_maps=None, maps_given=False), "cannot be told"),
]


def test_all_gates_are_open() -> None:
    result = judged(estate())
    assert failing(result) == set()
    assert (result["verdict"], result["problems"]) == ("passed", [])


@pytest.mark.parametrize(
    ("gate", "host", "change", "words"), MISTAKES, ids=[f"{m[0]}-{i}" for i, m in enumerate(MISTAKES)]
)
def test_a_mistake_closes_its_gate_alone(gate: str, host: str, change: Change, words: str) -> None:
    given = estate()
    change(given)
    result = judged(given)
    assert failing(result) == {(gate, host)}
    found = row(result, gate, host)
    assert words in found["observed"]
    assert found["remedy"] and found["why"]
    assert result["verdict"] == "failed"
    (problem,) = result["problems"]
    assert (problem["host"], problem["remedy"]) == (host, found["remedy"])
    assert problem["what"].startswith(f"{gate}: ")


def test_every_gate_can_fail_and_is_tested_or_only_informs() -> None:
    tested = {mistake[0] for mistake in MISTAKES}
    # server_monitors, terminal_services: only Exchange 5.5 and 2000 are asked, see test_old_versions.py.
    assert set(gates()) - tested == {"release_notes", "rollback", "iis_fix", "server_monitors", "terminal_services"}
    assert set(gates()) == set(CHECKS)


def test_release_notes_need_a_word_for_every_update() -> None:
    given = estate() | {"updates": [SP2, HOTFIX]}
    assert failing(judged(given, statements=[])) == {("release_notes", "")}
    one = {"gate": "release_notes", "who": "a", "when": "2026-11-20", "what": "read", "update": "exchange2003-sp2"}
    result = judged(given, statements=[one])
    assert failing(result) == {("release_notes", "")}
    assert "nothing is stated of exchange2003-kb912442" in row(result, "release_notes")["observed"]
    result = judged(given, statements=[one, {**one, "update": ["exchange2003-kb912442"]}])
    assert failing(result) == set()
    assert [each["who"] for each in row(result, "release_notes")["statement"]] == ["a", "a"]


def test_the_iis_fix_is_asked_of_nodes_without_a_windows_service_pack() -> None:
    given = estate()
    windows_rtm()(given)
    assert failing(judged(given)) == {("iis_fix", "n1"), ("iis_fix", "n2")}
    windows_rtm("KB831464")(given)
    assert failing(judged(given)) == set()
    windows_rtm()(given)
    given["updates"] = [IIS, SP2]
    result = judged(given)
    assert failing(result) == set()
    assert "installed first" in row(result, "iis_fix", "n1")["observed"]
    # A server that is no node does not need it, and does not get it.
    assert not [each for each in result["gates"] if each["id"] == "iis_fix" and each["host"] == "mbx1"]
    assert "kb831464" not in row(result, "version_path", "mbx1")["observed"]


def test_a_cluster_that_was_not_read_is_told_once() -> None:
    given = estate()
    without_cluster({"resource": "guid"})(given)
    assert failing(judged(given)) == {("cluster_nodes", "n1"), ("cluster_nodes", "n2")}
    without_cluster({"resource": None})(given)
    assert failing(judged(given)) == {("quorum", "n1"), ("quorum", "n2")}


def test_service_packs_in_the_wrong_order() -> None:
    """The server is not beyond the first one: the run itself would bring it there."""
    given = estate()
    sp1 = {**SP2, "id": "exchange2003-sp1", "from": [{"service_pack": 0}], "result": {"service_pack": 1, "build": 7226}}
    given["updates"] = [SP2, sp1]
    result = row(judged(given), "version_path", "mbx1")
    assert result["observed"] == "exchange2003-sp1 is named after exchange2003-sp2, which contains it"
    assert "before exchange2003-sp2" in result["remedy"]


def test_nothing_is_asked_of_a_server_that_has_the_update() -> None:
    given = estate()
    given["hosts"]["mbx1"]["exchange"] |= {"service_pack": 2, "build": 7638}
    given["hosts"]["mbx1"]["facts"] |= {"drift": 9999.0, "processes": ["xcopy.exe"], "pending_restart": ["x"]}
    given["hosts"]["mbx1"]["facts"]["backup"] = {"engine": None, "system_state": None, "problem": None}
    result = judged(given)
    assert failing(result) == set()
    assert row(result, "version_path", "mbx1")["observed"] == "nothing is left to do"


@pytest.mark.parametrize("phase", ["armed", "running", "finished"])
def test_a_roll_that_was_begun_is_brought_to_its_end(phase: str) -> None:
    given = estate()
    given["hosts"]["n1"]["installations"]["exchange2003-sp2"] = {"phase": phase, "restart_pending": phase == "finished"}
    given["hosts"]["n1"]["facts"] |= {"processes": ["update.exe"], "pending_restart": ["x"]}
    given["hosts"]["n1"]["facts"]["backup"]["system_state"] = 90.0
    given["hosts"]["n2"]["facts"]["backup"]["system_state"] = None
    for state in both(given):
        state["nodes"]["N1"]["state"] = "down"
        state["groups"]["EVS1"]["state"] = "failed"
    given["hosts"]["n1"]["cluster"] = {"service": "stopped"}
    result = judged(given)
    if phase == "armed":
        # The job has not begun yet: whatever waits for a restart is not its own.
        assert failing(result) == {("pending_restart", "n1")}
    else:
        assert failing(result) == set()
    assert row(result, "cluster_nodes", "mail")["result"] == "warning"
    assert row(result, "backup_system_state", "n2")["result"] == "warning"
    assert row(result, "setup_running", "n1")["result"] == "information"


def test_an_installation_that_failed_is_begun_anew_with_new_backups() -> None:
    given = estate()
    row_of = {"phase": "finished", "restart_pending": False, "reported": True}
    given["hosts"]["mbx1"]["installations"]["exchange2003-sp2"] = row_of
    given["hosts"]["mbx1"]["facts"]["backup"]["system_state"] = 90.0
    assert failing(judged(given)) == {("backup_system_state", "mbx1")}


def test_possible_owners_are_those_that_were_noted_while_a_roll_is_under_way() -> None:
    given = estate()
    in_cluster("groups", "EVS1", "possible_owners", value=["N1"])(given)
    given["hosts"]["n2"]["note"] = {"owners": {"EVS1": "N1"}, "possible_owners": {"EVS1": ["N1", "N2"]}}
    assert failing(judged(given)) == set()


def test_what_could_not_be_read_is_a_warning() -> None:
    given = estate()
    unread = {"services", "processes", "drives", "pending_restart", "administrators", "drift"}
    given["hosts"]["mbx1"]["facts"] |= dict.fromkeys(unread) | {"problems": {"processes": "tasklist is not there"}}
    result = judged(given)
    assert failing(result) == set()
    warned = {each["id"] for each in result["gates"] if each["host"] == "mbx1" and each["result"] == "warning"}
    assert warned == {
        "clock",
        "disk_space",
        "pending_restart",
        "setup_running",
        "backup_running",
        "interfering_services",
        "setup_account",
    }
    assert "tasklist is not there" in row(result, "setup_running", "mbx1")["observed"]


def test_databases_without_a_directory_are_those_that_the_events_name() -> None:
    given = estate() | {"updates": [HOTFIX]}
    given["hosts"] = {"mbx1": given["hosts"]["mbx1"]}
    given["hosts"]["mbx1"]["exchange"] |= {"service_pack": 2, "build": 7638}
    given["directory"], given["directory_given"] = None, False
    result = judged(given)
    assert failing(result) == set()
    assert "as far as the events name them" in row(result, "backup_databases", "mbx1")["observed"]
    assert row(result, "directory")["result"] == "information"
    given["hosts"]["mbx1"]["facts"]["backup"]["engine"]["databases"] = {}
    assert failing(judged(given)) == {("backup_databases", "mbx1")}


def test_a_server_without_databases_needs_no_backup_of_them() -> None:
    given = estate()
    given["directory"]["servers"]["MBX1"]["databases"] = []
    assert row(judged(given), "backup_databases", "mbx1")["observed"] == "the server has no database", "any more"
    given["hosts"]["mbx1"]["facts"]["backup"]["engine"]["databases"] = {}
    assert row(judged(given), "backup_databases", "mbx1")["observed"] == "the server has no database"


def test_the_newest_backup_of_all_nodes_counts() -> None:
    given = estate()
    file = "m:\\mdbdata\\priv1.edb"
    given["hosts"]["n1"]["facts"]["backup"]["engine"]["databases"][file]["age"] = 100.0
    assert failing(judged(given)) == {("backup_databases", "mail")}
    given["hosts"]["n2"]["facts"]["backup"]["engine"]["databases"][file] = database("M:\\mdbdata\\priv1.edb", 2.0)
    assert failing(judged(given)) == set()


def test_services_are_told_and_what_cannot_be_stopped_warns() -> None:
    given = estate()
    running = {"display_name": "SNMP Service", "state": "running", "start_type": "auto"}
    given["hosts"]["mbx1"]["facts"]["services"] |= {"SNMP": running, "Acme": {**running, "display_name": "Acme"}}
    given |= {"interfering_services": ["Acme"]}
    found = row(judged(given), "interfering_services", "mbx1")
    assert (found["result"], "Acme, SNMP" in found["observed"]) == ("information", True)
    found = row(judged(given | {"keep_services": ["snmp"]}), "interfering_services", "mbx1")
    assert (found["result"], "SNMP (kept by the operator)" in found["observed"]) == ("warning", True)


def test_without_an_account_a_job_cannot_run_but_a_person_can() -> None:
    given = estate() | {"setup_account": None}
    assert failing(judged(given)) == {("setup_account", host) for host in given["hosts"]}
    signed = {**RELEASE_NOTES, "gate": "setup_account"}
    assert failing(judged(given, [RELEASE_NOTES, signed])), "nobody's word gives the job an account"
    assert failing(judged(given | {"setup_method": "operator"})) == set()


def test_a_group_of_the_domain_may_hold_the_account() -> None:
    given = estate()
    given["hosts"]["n1"]["facts"]["administrators"] = ["Administrator", "CONTOSO\\Domain Admins"]
    found = row(judged(given), "setup_account", "n1")
    assert (found["result"], "only if it belongs to" in found["observed"]) == ("information", True)


def test_the_connector_that_is_left_alone_or_has_its_maps() -> None:
    for found, result in (
        ({"custom_maps": True, "maps_given": True}, "passed"),
        ({"custom_maps": False, "maps_given": False}, "passed"),
        ({"due": False, "custom_maps": True, "maps_given": False}, "passed"),
    ):
        given = estate()
        connector(**found)(given)
        assert row(judged(given), "connector", "mbx1")["result"] == result
    given = estate() | {"connector": "leave"}
    connector(custom_maps=True, maps_given=False)(given)
    assert row(judged(given), "connector", "mbx1")["result"] == "information"


def updated_with_connector(**changes: Any) -> dict[str, Any]:
    """One server, which has the service pack; its connector has not."""
    given = estate()
    given["hosts"] = {"mbx1": given["hosts"]["mbx1"]}
    given["hosts"]["mbx1"]["exchange"] |= {"service_pack": 2, "build": 7638}
    connector(**{"update": "exchange2003-sp2", "custom_maps": True, "maps_given": False} | changes)(given)
    return given


def test_the_connector_alone_is_a_reason_for_the_gates() -> None:
    assert failing(judged(updated_with_connector())) == {("connector", "mbx1")}
    given = updated_with_connector(custom_maps=False) | {"connector_by_job": True, "setup_account": None}
    given["hosts"]["mbx1"]["packages"]["exchange2003-sp2"]["problem"] = {"what": "not there", "remedy": "Put it there."}
    assert failing(judged(given)) == {("setup_account", "mbx1"), ("package", "mbx1")}
    for others in ({"due": False}, {"update": None}):
        assert failing(judged(updated_with_connector(**others), [])) == set(), "nothing is left to do"
    result = judged(updated_with_connector() | {"connector": "leave"}, [])
    assert failing(result) == set() and row(result, "connector", "mbx1")["result"] == "information"


def test_a_connector_on_a_domain_controller_is_told() -> None:
    given = estate()
    given["controllers"]["dc1"]["facts"]["connector"] = True
    found = row(judged(given), "connector", "dc1")
    assert (found["result"], "ADC\\I386" in found["remedy"]) == ("warning", True)
    given["updates"] = [HOTFIX]
    assert not [each for each in judged(given)["gates"] if each["host"] == "dc1" and each["id"] == "connector"]


def test_the_connector_beside_exchange_55_is_told() -> None:
    given = updated_with_connector()
    given["hosts"]["mbx1"]["exchange"] |= {"product": "5.5", "service_pack": 3}
    given["updates"] = [*given["updates"], SP4]
    found = row(judged(given, []), "connector", "mbx1")
    assert (found["result"], "ADC" in found["remedy"]) == ("warning", True)


def test_what_a_run_that_was_cut_off_has_stopped_is_told() -> None:
    given = estate()
    note = {"SNMP": {"state": "running", "start_type": "auto", "order": 0}}
    note["UPS"] = {**note["SNMP"], "state": "stopped"}
    given["hosts"]["mbx1"]["interfering"] = {"running": {}, "note": note}
    given["hosts"]["mbx1"]["facts"]["services"]["SNMP"] = {"display_name": "SNMP", "state": "stopped"}
    rows = [each for each in judged(given)["gates"] if (each["id"], each["host"]) == ("interfering_services", "mbx1")]
    assert [each["result"] for each in rows] == ["warning", "passed"]
    assert "not started again: SNMP;" in rows[0]["observed"] and rows[0]["remedy"]
    # Also on a server that has the update, and not where it runs.
    given["hosts"]["mbx1"]["exchange"] |= {"service_pack": 2, "build": 7638}
    assert "not started again" in row(judged(given), "interfering_services", "mbx1")["observed"]
    given["hosts"]["mbx1"]["facts"]["services"]["SNMP"]["state"] = "start_pending"
    assert "not started again" not in str(judged(given))


PATH = SP2["package"]["path"]


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({"size": None, "sha256": None}, f"is not there: {PATH}"),
        ({"size": 999, "sha256": None}, "has 999 bytes, the catalogue says 1000"),
        ({"size": 1000, "sha256": "1" * 64}, f"has {'1' * 64} as its SHA-256, the catalogue says {'0' * 64}"),
    ],
)
def test_a_package_that_was_seen_on_its_share(file: dict[str, Any], words: str) -> None:
    given = estate()
    given["controllers"]["dc1"]["facts"]["packages"] = {PATH.casefold(): file}
    result = judged(given)
    assert failing(result) == {("package", host) for host in given["hosts"]}
    assert words in row(result, "package", "n1")["observed"]
    # Where it has been copied to, what has become of the share meanwhile does not matter.
    for found in given["hosts"].values():
        found["packages"]["exchange2003-sp2"] |= {"staged": True, "size": 1000, "sha256": "0" * 64}
    assert failing(judged(given)) == set()


def test_a_package_that_lies_where_it_should() -> None:
    good = {"size": 1000, "sha256": "0" * 64}
    for given in (estate() | {"own_packages": {PATH.casefold(): good}}, estate()):
        if "own_packages" not in given:
            given["hosts"]["n2"]["facts"]["packages"] = {PATH.casefold(): good}
        found = row(judged(given), "package", "mbx1")
        assert (found["result"], f"lies at {PATH} with the SHA-256" in found["observed"]) == ("passed", True)


def test_the_directory_is_needed_where_virtual_servers_are_upgraded() -> None:
    given = estate() | {"directory": None, "directory_given": False}
    result = judged(given)
    assert failing(result) == {("directory", "")}
    assert "mail" in row(result, "directory")["observed"]


def test_the_disk_needs_room_for_the_package_twice() -> None:
    given = estate()
    given["updates"] = [{**SP2, "package": {**SP2["package"], "size": 100 * 2**20}}]
    given["hosts"]["mbx1"]["facts"]["drives"]["C:"]["free"] = 650 * 2**20
    assert failing(judged(given)) == {("disk_space", "mbx1")}
    given["hosts"]["mbx1"]["packages"]["exchange2003-sp2"]["staged"] = True
    assert failing(judged(given)) == set()

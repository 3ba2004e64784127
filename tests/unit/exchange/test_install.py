# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing an update on a simulated host."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import move_group, stop_cluster_service
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install import clear, install, observe
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import ConnectionLost, Refused, WaitTimeout
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

ACCOUNT = "CONTOSO\\exsetup"


def estate(host: str = "mbx1", **settings: Any) -> dict[str, Any]:
    changed = copy.deepcopy(CLUSTER)
    changed["hosts"][host] |= settings
    return changed


def start(
    faults: list[dict[str, Any]] | None = None, host: str = "mbx1", described: dict[str, Any] | None = None
) -> tuple[LabSession, dict[str, Any]]:
    session = LabSession(world_of(described or CLUSTER, faults), host)
    update = load()["exchange2003-sp2"]
    share = next(iter(session.world.shares.values()))
    entry = share.volume.root.children["e3sp2eng.exe"]
    files = session.world.hosts[host].files
    files.make_dirs("C:\\mailops")
    files.write_virtual("C:\\mailops\\E3SP2ENG.EXE", entry.size, entry.sha256, dict(entry.tag))
    update["command"] = '"{folder}\\files\\setup\\i386\\update.exe" /unattend'
    return session, update


def run(session: LabSession, update: dict[str, Any], **changed: Any) -> dict[str, Any]:
    password = next(a.password for a in session.world.accounts.values() if a.name == ACCOUNT)
    options: dict[str, Any] = {
        "package": "C:\\mailops\\E3SP2ENG.EXE",
        "account": ACCOUNT,
        "password": password,
        "timeout": 3600,
        **changed,
    }
    return install(session, update, **options)


def free(session: LabSession) -> None:
    """Make the node of the session free and stop its Cluster service."""
    for group in ("EVS1", "Cluster Group"):
        move_group(session, group, "N2", 600)
    stop_cluster_service(session, 600)


def what(result: dict[str, Any]) -> str:
    assert all(problem["remedy"] for problem in result["problems"])
    return " | ".join(problem["what"] for problem in result["problems"])


def test_installed_once() -> None:
    session, update = start()
    nothing = {"phase": "none", "exit_code": None, "restart_pending": False, "unproven": False, "in_use": []}
    assert observe(session, update) == nothing | {"reported": False}
    result = run(session, update)
    assert (result["changed"], result["success"], result["restart_required"]) == (True, True, False)
    assert (result["before"]["service_pack"], result["after"]["service_pack"]) == (1, 2)
    assert result["exit_code"] == 0
    found = observe(session, update)
    assert (found["phase"], found["reported"]) == ("finished", False)
    clear(session, update)
    again = run(session, update)
    assert (again["changed"], again["success"]) == (False, True)
    assert session.world.referee.violations == []


def test_a_restart_that_is_asked_for() -> None:
    session, update = start(described=estate(setup={"exit_code": 3010, "minutes": 5}))
    result = run(session, update)
    assert (result["success"], result["restart_required"], result["exit_code"]) == (True, True, 3010)
    assert observe(session, update)["restart_pending"] is True


def test_a_failure_is_told_and_the_next_run_tries_again() -> None:
    session, update = start([{"host": "mbx1", "on": "install", "do": "exit", "code": 1603}])
    result = run(session, update)
    assert (result["changed"], result["success"], result["restart_required"]) == (True, False, False)
    assert "1603" in what(result)
    assert "does not show" in what(result)
    assert observe(session, update)["reported"] is True
    assert run(session, update)["success"] is True
    assert observe(session, update)["reported"] is False


def test_a_file_in_use_is_named() -> None:
    session, update = start([{"host": "mbx1", "on": "install", "do": "file_in_use", "file": "store.exe"}])
    result = run(session, update)
    assert result["success"] is False
    assert "store.exe" in what(result)


def test_no_restart_for_an_update_that_a_file_in_use_has_kept_out() -> None:
    """The installer's exit code asks for one; but what is not there is installed anew, and nothing waits for it."""
    faults = [{"host": "mbx1", "on": "install", "do": "file_in_use", "file": "store.exe"}]
    setup = {"exit_code": 3010, "minutes": 5}
    session, update = start(faults, described=estate(setup=setup))
    result = run(session, update)
    assert (result["success"], result["restart_required"], result["exit_code"]) == (False, False, 3010)
    assert result["installation"]["restart_pending"] is False
    assert observe(session, update, result["after"])["restart_pending"] is False
    session, update, path = hotfix(faults, setup=setup)
    assert run(session, update, package=path)["success"] is False
    # Some register themselves all the same.
    session.world.hosts["mbx1"].hotfixes.append(KB)
    assert observe(session, update, read_exchange(session))["restart_pending"] is False


KB = "KB912442"


def hotfix(
    faults: list[dict[str, Any]] | None = None, host: str = "mbx1", key: str = "exchange2003-kb912442", **settings: Any
) -> tuple[LabSession, dict[str, Any], str]:
    """A server with Service Pack 2, the update, and its package on the server."""
    session = LabSession(world_of(estate(host, **{"service_pack": 2, **settings}), faults), host)
    update = load()[key]
    entry = next(iter(session.world.shares.values())).volume.root.children[update["package"]["file"].lower()]
    path = f"C:\\mailops\\{update['package']['file']}"
    session.world.hosts[host].files.make_dirs("C:\\mailops")
    session.world.hosts[host].files.write_virtual(path, entry.size, entry.sha256, dict(entry.tag))
    return session, update, path


def test_a_hotfix_and_its_file_version() -> None:
    session, update, path = hotfix()
    result = run(session, update, package=path)
    assert (result["success"], result["restart_required"], result["problems"]) == (True, False, [])
    assert result["after"]["hotfixes"] == ["KB831464", KB]
    assert result["after"]["store_version"] == "6.5.7650.28"
    assert observe(session, update, result["after"])["unproven"] is False


def test_a_hotfix_that_the_registry_shows_is_not_there_while_a_file_was_in_use() -> None:
    session, update, path = hotfix([{"host": "mbx1", "on": "install", "do": "file_in_use", "file": "store.exe"}])
    result = run(session, update, package=path)
    assert (result["success"], result["exit_code"]) == (False, 0)
    assert "store.exe" in what(result)
    # Some installers register what a restart is still to bring: the registry alone is no evidence then.
    session.world.hosts["mbx1"].hotfixes.append(KB)
    found = observe(session, update, read_exchange(session))
    assert (found["unproven"], found["in_use"]) == (True, ["store.exe"])
    # Forgotten at the end of the turn or not: it stays unproven, and the next run installs it once more.
    clear(session, update)
    again = run(session, update, package=path)
    assert (again["changed"], again["success"]) == (True, True)
    assert observe(session, update, again["after"])["unproven"] is False
    assert run(session, update, package=path)["changed"] is True
    clear(session, update)
    assert run(session, update, package=path)["changed"] is False


def test_a_file_that_was_in_use_for_a_person_is_named_too() -> None:
    session, update, path = hotfix([{"host": "mbx1", "on": "install", "do": "file_in_use", "file": "store.exe"}])
    host = session.world.hosts["mbx1"]
    session.world.clock.after(1200, lambda: host.hotfixes.append(KB))
    result = run(session, update, package=path, method="operator", account=None, password=None)
    assert (result["changed"], result["success"]) == (True, False)
    assert "store.exe" in what(result)
    assert observe(session, update, result["after"])["in_use"] == ["store.exe"]


def test_the_fix_of_windows_asks_for_its_restart() -> None:
    session, update, path = hotfix(
        key="windows2003-kb831464", host="n1", service_pack=1, os_service_pack=0, hotfixes=[]
    )
    with pytest.raises(Refused, match="Cluster service"):
        run(session, update, package=path)
    free(session)
    result = run(session, update, package=path)
    assert (result["success"], result["restart_required"]) == (True, True)
    assert result["after"]["hotfixes"] == ["KB831464"]
    assert observe(session, update)["restart_pending"] is True


def test_an_update_that_is_not_for_the_host_is_refused() -> None:
    session, update, path = hotfix(key="windows2003-kb831464", hotfixes=[])
    for method in ("command", "operator"):
        with pytest.raises(Refused, match="is not for mbx1, which has Exchange 2003 on Windows server2003") as caught:
            run(session, update, package=path, method=method)
        assert caught.value.remedy
    assert session.changes == []


def test_a_dialog_that_nobody_sees_ends_in_a_timeout_and_is_not_started_twice() -> None:
    session, update = start([{"host": "mbx1", "on": "install", "do": "hang"}])
    with pytest.raises(WaitTimeout) as caught:
        run(session, update, timeout=1800)
    assert "update.exe still runs" in caught.value.remedy
    with pytest.raises(WaitTimeout):
        run(session, update, timeout=60)
    starts = [line for line in session.lines if line.startswith("schtasks /run")]
    assert len(starts) == 1


def test_a_host_that_goes_down_meanwhile() -> None:
    session, update = start([{"host": "mbx1", "on": "install", "do": "crash"}])
    result = run(session, update)
    assert result["success"] is False
    assert "cut off by a restart" in what(result)
    assert run(session, update)["success"] is True


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize("call", [1, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 22])
def test_a_lost_connection_never_starts_it_twice(do: str, call: int) -> None:
    session, update = start([{"host": "mbx1", "on": f"call {call}", "do": do}])
    try:
        result = run(session, update)
    except ConnectionLost:
        result = run(session, update)
    assert result["success"] is True
    log = session.read_text("C:\\Exchange Server Setup Progress.log") or ""
    assert log.count("IGNORING PREVIOUS ERRORS") == 1


def test_never_on_a_node_whose_cluster_service_runs() -> None:
    session, update = start(host="n1")
    with pytest.raises(Refused, match=r"Cluster service of this node is running, and the node owns .*EVS1"):
        run(session, update)
    with pytest.raises(Refused, match="Cluster service"):
        run(session, update, method="operator")
    assert session.changes == []
    free(session)
    assert run(session, update)["success"] is True
    assert session.world.referee.violations == []


def test_never_beside_another_installer() -> None:
    session, update = start(described=estate(processes=["xcopy.exe"]))
    with pytest.raises(Refused, match="xcopy"):
        run(session, update)
    assert session.changes == []


def test_what_is_missing_is_asked_for_before_anything_is_sent() -> None:
    session, update = start()
    with pytest.raises(Refused, match="account"):
        run(session, update, account=None)
    with pytest.raises(Refused, match="is not on the host"):
        run(session, update, package=None)
    with pytest.raises(Refused, match="no command line"):
        run(session, load()["exchange2003-sp2"])
    with pytest.raises(Refused, match="no way to install"):
        run(session, update, method="magic")
    assert session.changes == []


def test_a_person_installs_it() -> None:
    session, update = start()
    result = run(session, update, method="operator", account=None, password=None)
    assert (result["changed"], result["success"], result["exit_code"]) == (True, True, None)
    assert result["after"]["service_pack"] == 2
    assert any("run the setup of" in text for text in session.said)
    assert session.read_text("C:\\mailops\\exchange2003-sp2\\WAITING-FOR-OPERATOR.txt") is None


def test_nobody_installs_it() -> None:
    changed = estate()
    changed["operator"] = None
    session, update = start(described=changed)
    with pytest.raises(WaitTimeout) as caught:
        run(session, update, method="operator", timeout=1800)
    assert "by hand" in caught.value.remedy
    assert session.read_text("C:\\mailops\\exchange2003-sp2\\WAITING-FOR-OPERATOR.txt") is None

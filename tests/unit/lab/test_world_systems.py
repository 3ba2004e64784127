# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs from one Windows to the next: folders, variables, programs, services; and the command ``at``."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.programs import install
from ansible_collections.mailops.exchange.lab.shell.run import Result, run_line
from ansible_collections.mailops.exchange.lab.world import World

NEW = ("reg", "sc", "schtasks", "tasklist", "taskkill", "wmic", "shutdown", "certutil")
ALL = ("cmd", "net", "at", "cluster", "find", "xcopy", "ping")
HOSTS: dict[str, Any] = {
    "old": {"os": "nt4", "product": "5.5"},
    "mid": {"os": "2000", "product": "2003"},
    "new": {"os": "server2003", "product": "2003"},
}


@pytest.fixture
def world() -> World:
    """A host with each Windows."""
    made = World.from_estate(complete({"speed": 0, "update": "exchange2003-sp2", "hosts": HOSTS}))
    install(made)
    return made


def run(host: Host, line: str, user: str = "CONTOSO\\exadmin") -> Result:
    """Run a line as an administrator."""
    with host.world.clock.lock:
        return run_line(host.context(user), line)


@pytest.mark.parametrize(
    ("name", "root", "profile", "temp"),
    [
        ("old", "C:\\WINNT", "C:\\WINNT\\Profiles\\exadmin", "C:\\TEMP"),
        ("mid", "C:\\WINNT", "C:\\Documents and Settings\\exadmin", None),
        ("new", "C:\\WINDOWS", "C:\\Documents and Settings\\exadmin", None),
    ],
)
def test_folders_and_variables(world: World, name: str, root: str, profile: str, temp: str | None) -> None:
    """Where Windows and the profile of an account are; the folders that variables name are there."""
    host = world.hosts[name]
    said = run(host, "echo %SystemRoot%-%ComSpec%-%USERPROFILE%-%TEMP%").stdout.strip()
    temporary = temp or f"{profile}\\Local Settings\\Temp"
    assert said == f"{root}-{root}\\system32\\cmd.exe-{profile}-{temporary}"
    assert run(host, 'if exist "%TEMP%\\" (echo there)').stdout == "there\r\n"
    assert run(host, "echo %TEMP%", "NT AUTHORITY\\SYSTEM").stdout.strip() == (temp or f"{root}\\TEMP")
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    assert host.registry.value(key, "SystemRoot") == ("REG_SZ", root)


def test_programs(world: World) -> None:
    """NT 4.0 and 2000 have none of the programs that came with Server 2003, neither to run nor as files."""
    for name, host in world.hosts.items():
        for program in NEW:
            missing = run(host, f"{program} /?").stderr.startswith(f"'{program}' is not recognized")
            assert missing is (name != "new"), (name, program)
            folder = f"{host.system_root}\\system32"
            here = any(host.files.exists(f"{folder}{below}\\{program}.exe") for below in ("", "\\Wbem"))
            assert here is (name == "new")
        for program in ALL:
            assert "not recognized" not in run(host, f"{program} /?").stderr, (name, program)


def test_services(world: World) -> None:
    """The scheduler of NT 4.0 is started by hand; services that came later are not there."""
    old, mid = world.hosts["old"], world.hosts["mid"]
    assert (old.services["Schedule"].state, old.services["Schedule"].start_type) == ("stopped", "manual")
    assert (mid.services["Schedule"].state, mid.services["Schedule"].start_type) == ("running", "auto")
    assert "winmgmt" not in old.services and "W3SVC" in mid.services and "WinRM" not in mid.services
    assert run(old, "at").stderr.strip() == "The service has not been started."


def test_exchange_2003_on_windows_2000() -> None:
    """A cluster of two nodes: it runs, and its virtual server stands on its owner."""
    nodes = {name: {"os": "2000", "product": "2003", "cluster": "mail"} for name in ("n1", "n2")}
    servers = {"virtual_servers": {"EVS1": {"owner": "n1"}}}
    estate = complete({"speed": 0, "update": "exchange2003-sp2", "hosts": nodes, "clusters": {"mail": servers}})
    world = World.from_estate(estate)
    install(world)
    host = world.hosts["n1"]
    assert (host.channel, host.os_service_pack) == ("rpc", 4)
    answer = run(host, "cluster group EVS1")
    assert answer.exit_code == 0 and "Online" in answer.stdout
    assert run(host, "cluster node n1 /stop").exit_code == 87  # came with Server 2003 [R]
    assert host.service_running("ClusSvc") and world.clusters["mail"].groups["EVS1"].owner == "N1"


def test_at(world: World) -> None:
    """Added, shown, run as the system, gone; deleted before it runs."""
    host = world.hosts["mid"]
    later = host.local_time.timestamp() + 300
    clock = f"{int(later % 86400) // 3600}:{int(later % 3600) // 60:02}"
    assert run(host, "at").stdout.strip() == "There are no entries in the list."
    added = run(host, f"at {clock} cmd /c set USERNAME ^> C:\\at.txt")
    assert added.stdout.strip() == "Added a new job with job ID = 1" and added.changing
    assert "cmd /c set USERNAME > C:\\at.txt" in run(host, "at").stdout
    assert not run(host, "at").changing
    assert run(host, "at 23:59 /every:M,T cmd /c ver").exit_code == 0
    assert run(host, "at 2 /delete").exit_code == 0
    assert run(host, "at 2 /delete").exit_code == 1
    with world.clock.lock:
        world.clock.sleep(400)
    assert host.files.read("C:\\at.txt") == b"USERNAME=SYSTEM\r\n"
    assert host.at_jobs == {}
    assert run(host, "at 25:00 ver").exit_code == 1
    assert run(host, "at", "CONTOSO\\updshare").stderr.strip() == "Access is denied."

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.installer import is_program, run
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import (
    estate,
    install,
    mail,
    make,
    put_setup,
    setup_context,
    wait,
)

LOG = "C:\\Exchange Server Setup Progress.log"
ARCHIVE = "C:\\mailops\\x\\E3SP2ENG.EXE"


@pytest.fixture
def world() -> World:
    return make()


@pytest.fixture
def host(world: World) -> Host:
    return world.hosts["mbx1"]


def log(host: Host, path: str = LOG) -> list[str]:
    return host.files.read(path).decode().splitlines()


def run_apart(world: World, host: Host, path: str, arguments: list[str], logon: str = "batch", user: str = "exsetup"):
    """Run a program in the background; returns the list that gets its exit code."""
    codes: list[int] = []
    context = host.context(f"CONTOSO\\{user}", logon)
    world.clock.spawn(lambda: codes.append(run(context, path, arguments)))
    return codes


def serial(world: World, name: str) -> str:
    return world.directory_model.server(name)["attributes"]["serialNumber"][0]


def test_a_package_unpacks_its_setup(world: World, host: Host) -> None:
    context = setup_context(host)
    host.files.make_dirs("C:\\mailops\\x")
    host.files.copy("\\\\dc1\\updates\\E3SP2ENG.EXE", ARCHIVE, context)
    assert is_program(host.files.entry(ARCHIVE))
    codes = run_apart(world, host, ARCHIVE, ["/x:C:\\mailops\\x\\files", "/q"])
    wait(world, lambda: bool(codes), 120)
    assert codes == [0]
    setup = "C:\\mailops\\x\\files\\setup\\i386\\update.exe"
    assert is_program(host.files.entry(setup))
    assert is_program(host.files.entry("C:\\mailops\\x\\files\\ADC\\i386\\setup.exe"))
    assert b"#telephoneNumber#" in host.files.read("C:\\mailops\\x\\files\\ADC\\I386\\local.map")


def test_unpacking_needs_no_special_account(world: World, host: Host) -> None:
    host.files.make_dirs("C:\\mailops\\x")
    host.files.copy("\\\\dc1\\updates\\E3SP2ENG.EXE", ARCHIVE, setup_context(host))
    codes = run_apart(world, host, ARCHIVE, ["/x:C:\\f", "/q"], logon="network", user="exadmin")
    wait(world, lambda: bool(codes), 120)
    assert codes == [0]


def test_a_service_pack_on_a_single_server(world: World, host: Host) -> None:
    before = world.clock.now()
    codes = install(world, "mbx1", done=False)
    assert host.installing == ["exchange2003-sp2"]
    assert "update.exe" in [process.image for process in host.processes]
    world.clock.sleep(300)
    assert not host.service_running("MSExchangeIS")
    assert host.service_pack == 1
    wait(world, lambda: bool(codes), 1200)
    assert codes == [0]
    assert 600 <= world.clock.now() - before < 900
    assert (host.service_pack, host.build, host.pending_restart) == (2, 7638, False)
    assert serial(world, "MBX1") == "Version 6.5 (Build 7638.2: Service Pack 2)"
    for name in ("MSExchangeSA", "MSExchangeIS", "MSExchangeMTA", "MSExchangeMGMT", "W3SVC"):
        assert host.service_running(name)
    assert not host.service_running("POP3Svc")
    assert "update.exe" not in [process.image for process in host.processes]
    assert [event.id for event in host.events if event.source == "MSExchangeSetup"] == [1000, 1001]


def test_the_log_of_a_success_has_an_error_block_that_is_closed(world: World, host: Host) -> None:
    install(world, "mbx1")
    lines = log(host)
    error = next(index for index, line in enumerate(lines) if "Error code 0XC0070424" in line)
    assert "IGNORING PREVIOUS ERRORS" in lines[error + 1]
    assert all(line.startswith("[") for line in lines)
    install(world, "mbx1")
    assert len(log(host)) == 2 * len(lines)


@pytest.mark.parametrize(("code", "pending"), [(3010, True), (0, False)])
def test_how_the_estate_ends_a_success(code: int, pending: bool) -> None:
    plain = estate()
    plain["hosts"]["n2"]["setup"] = {"exit_code": code, "minutes": 3}
    world = make(plain)
    assert install(world, "n2") == [code]
    assert world.hosts["n2"].service_pack == 2
    assert world.hosts["n2"].pending_restart is pending
    world.hosts["n2"].shutdown(restart=True)
    wait(world, lambda: not world.hosts["n2"].up)
    wait(world, lambda: world.hosts["n2"].up)
    assert not world.hosts["n2"].pending_restart


def test_an_installer_that_restarts_the_host_itself() -> None:
    plain = estate()
    plain["hosts"]["mbx1"]["setup"] = {"exit_code": 1641}
    world = make(plain)
    host = world.hosts["mbx1"]
    assert install(world, "mbx1") == [1641]
    assert host.service_pack == 2
    wait(world, lambda: not host.up)
    wait(world, lambda: host.up)
    assert not host.pending_restart
    assert world.referee.report()["violations"] == []


def test_a_failure_leaves_the_version_and_an_open_error_block() -> None:
    plain = estate()
    plain["hosts"]["mbx1"]["setup"] = {"exit_code": 1603, "minutes": 2}
    world = make(plain)
    host = world.hosts["mbx1"]
    assert install(world, "mbx1") == [1603]
    assert host.service_pack == 1
    assert serial(world, "MBX1").endswith("Service Pack 1)")
    after = log(host)[[i for i, line in enumerate(log(host)) if "IGNORING" in line][-1] + 1 :]
    assert any("(1603)" in line for line in after)
    assert host.service_running("MSExchangeIS")


def test_a_node_s_entry_in_the_directory_is_not_there_and_the_virtual_server_s_stays(world: World) -> None:
    install(world, "n2")
    assert world.hosts["n2"].service_pack == 2
    assert serial(world, "EVS1").endswith("Service Pack 1)")
    with pytest.raises(KeyError):
        world.directory_model.server("N2")


@pytest.mark.parametrize(
    ("user", "logon"), [("exadmin", "batch"), ("exsetup", "network"), ("exadmin", "network"), ("updshare", "batch")]
)
def test_the_wrong_account_or_logon_fails_quickly(world: World, host: Host, user: str, logon: str) -> None:
    codes = run_apart(world, host, put_setup(world, "mbx1"), ["/unattend"], logon, user)
    wait(world, lambda: bool(codes), 30)
    assert codes == [1603]
    assert host.service_pack == 1
    assert any("Access is denied" in line for line in log(host))


def test_without_a_person_or_a_switch_a_dialog_stands_for_ever(world: World, host: Host) -> None:
    codes = run_apart(world, host, put_setup(world, "mbx1"), [])
    world.clock.sleep(30 * 86400)
    assert codes == []
    process = next(process for process in host.processes if process.image == "update.exe")
    host.kill(process)
    world.clock.sleep(1)
    assert codes == [1]
    assert host.installing == []


def test_a_person_needs_no_switch(world: World, host: Host) -> None:
    codes = run_apart(world, host, put_setup(world, "mbx1"), [], logon="interactive")
    wait(world, lambda: bool(codes))
    assert codes == [0]


def test_an_answer_file_must_be_there(world: World, host: Host) -> None:
    path = put_setup(world, "mbx1")
    codes = run_apart(world, host, path, ["/unattendfile", "C:\\answers.ini"])
    wait(world, lambda: bool(codes))
    host.files.write("C:\\answers.ini", b"[x]")
    more = run_apart(world, host, path, ["/unattendfile:C:\\answers.ini"])
    wait(world, lambda: bool(more))
    assert (codes, more) == ([1603], [0])


@pytest.mark.parametrize("image", ["xcopy.exe", "Setup.exe", "update.exe"])
def test_another_setup_or_copy_keeps_a_service_pack_out(world: World, host: Host, image: str) -> None:
    host.spawn(image, "CONTOSO\\exadmin", "interactive")
    assert install(world, "mbx1") == [1603]
    assert any(image.lower() in line for line in log(host))


def test_a_package_for_something_else_is_refused(world: World, host: Host) -> None:
    assert install(world, "mbx1", "exchange2000-sp3") == [1603]
    host.service_pack = 2
    assert install(world, "mbx1", "exchange2003-sp1") == [1603]
    assert host.service_pack == 2


def test_a_hotfix(world: World, host: Host) -> None:
    host.service_pack = 2
    assert install(world, "mbx1", "exchange2003-kb912442") == [0]
    assert host.hotfixes == ["KB912442"]
    assert host.registry.exists("HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange Server 2003\\SP3\\KB912442\\Filelist")
    assert log(host, "C:\\WINDOWS\\KB912442.log")
    assert serial(world, "MBX1").endswith("Service Pack 1)")


def test_a_hotfix_stays_below_the_folder_of_its_time(world: World, host: Host) -> None:
    assert install(world, "mbx1", "exchange2003-sp1-kb912442") == [0]
    install(world, "mbx1")
    assert host.service_pack == 2
    assert host.registry.exists("HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange Server 2003\\SP2\\KB912442")


def test_the_log_switch_of_a_hotfix(world: World, host: Host) -> None:
    path = put_setup(world, "mbx1", "exchange2003-sp1-kb912442")
    codes = run_apart(world, host, path, ["/quiet", "/norestart", "/log:C:\\logs\\fix.log"])
    wait(world, lambda: bool(codes))
    assert log(host, "C:\\logs\\fix.log")


def test_the_windows_hotfix_always_asks_for_a_restart(world: World) -> None:
    world.hosts["n2"].os_service_pack = 0
    assert install(world, "n2", "windows2003-kb831464") == [3010]
    assert world.hosts["n2"].pending_restart
    assert world.hosts["n2"].hotfixes == ["KB831464"]


def test_a_hotfix_without_norestart_restarts_the_host_itself(world: World, host: Host) -> None:
    host.os_service_pack = 0
    path = put_setup(world, "mbx1", "windows2003-kb831464")
    codes = run_apart(world, host, path, ["/quiet"])
    wait(world, lambda: not host.up)
    assert codes == [3010]
    assert world.referee.report()["violations"] == []


@pytest.mark.parametrize(
    ("fault", "code", "level"),
    [
        ({"do": "exit", "code": 1603}, 1603, 1),
        ({"do": "exit", "code": 3010}, 3010, 2),
        ({"do": "file_in_use", "file": "store.exe"}, 0, 1),
    ],
)
def test_faults_of_an_installation(world: World, host: Host, fault: dict, code: int, level: int) -> None:
    world.faults.load([{"host": "mbx1", "on": "install", **fault}])
    assert install(world, "mbx1") == [code]
    assert host.service_pack == level
    in_use = "FileInUse:: Added to FileList: store.exe" in log(host)
    assert in_use == (fault["do"] == "file_in_use")
    assert install(world, "mbx1") == [0]
    assert host.service_pack == 2


def test_a_hanging_installer_never_ends_but_can_be_killed(world: World, host: Host) -> None:
    world.faults.load([{"host": "mbx1", "on": "install", "do": "hang"}])
    codes = install(world, "mbx1", done=False)
    world.clock.sleep(86400)
    assert codes == []
    assert host.installing == ["exchange2003-sp2"]
    host.kill(next(process for process in host.processes if process.image == "update.exe"))
    world.clock.sleep(1)
    assert codes == [1]
    assert host.service_pack == 1


def test_a_crash_while_installing_leaves_no_exit_code_and_the_old_version(world: World, host: Host) -> None:
    world.faults.load([{"host": "mbx1", "on": "install", "do": "crash"}])
    codes = install(world, "mbx1", done=False)
    wait(world, lambda: not host.up)
    assert host.installing == []
    wait(world, lambda: host.up)
    assert (codes, host.service_pack) == ([], 1)
    wait(world, lambda: host.service_running("MSExchangeIS"))


def test_another_host_dies_while_one_is_being_updated(world: World) -> None:
    world.faults.load([{"host": "n1", "on": "install n2", "do": "crash"}])
    codes = install(world, "n2", done=False)
    wait(world, lambda: not world.hosts["n1"].up)
    assert codes == []
    wait(world, lambda: bool(codes))
    assert codes == [0]
    assert world.hosts["n1"].up
    assert mail(world).nodes["N1"].member


def test_a_setup_program_that_is_not_there(world: World, host: Host) -> None:
    with pytest.raises(Win32Error) as error:
        run(setup_context(host), "C:\\nothing.exe", [])
    assert error.value.code == 2


def test_every_package_lies_on_the_share_with_its_hash(world: World, host: Host) -> None:
    context = setup_context(host)
    for key in world.packages.keys:
        package = world.packages.package(key)
        path = f"\\\\dc1\\updates\\{package['file']}"
        assert host.files.sha256(path, context) == package["sha256"]
        assert host.files.size(path, context) == package["size"]

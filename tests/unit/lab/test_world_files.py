# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.files import split_path
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import make, setup_context

SHARE = "\\\\dc1\\updates"
PACKAGE = SHARE + "\\E3SP2ENG.EXE"


@pytest.fixture
def world() -> World:
    return make()


@pytest.fixture
def host(world: World) -> Host:
    return world.hosts["mbx1"]


def code_of(error: pytest.ExceptionInfo[Win32Error]) -> int:
    return error.value.code


def test_case_is_kept_and_ignored(host: Host) -> None:
    host.files.make_dirs("C:\\MailOps\\X")
    host.files.write("c:\\mailops\\x\\Run.CMD", b"first")
    host.files.write("C:\\MAILOPS\\X\\run.cmd", b"second")
    assert host.files.listdir("C:\\mailops\\x") == ["Run.CMD"]
    assert host.files.read("C:/mailops/x/RUN.cmd") == b"second"


def test_paths_are_relative_to_the_current_directory(host: Host) -> None:
    context = host.context("CONTOSO\\exadmin")
    context.cwd = "C:\\mailops\\x"
    assert host.files.absolute("..\\y\\.\\a.txt", context) == "C:\\mailops\\y\\a.txt"
    assert host.files.absolute("\\a.txt", context) == "C:\\a.txt"
    assert host.files.absolute("C:a.txt", context) == "C:\\mailops\\x\\a.txt"
    assert host.files.absolute("C:\\", context) == "C:\\"


@given(st.lists(st.sampled_from(["a", "B c", "..", ".", "x.y"]), max_size=8))
def test_dots_never_leave_the_root(words: list[str]) -> None:
    root, parts = split_path("c:\\" + "\\".join(words))
    assert root == "C:"
    assert ".." not in parts
    assert "." not in parts


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda f: f.read("C:\\missing.txt"), 2),
        (lambda f: f.read("C:\\missing\\x.txt"), 3),
        (lambda f: f.write("C:\\missing\\x.txt", b""), 3),
        (lambda f: f.read("C:\\WINDOWS"), 5),
        (lambda f: f.listdir("Y:\\"), 15),
        (lambda f: f.make_dir("C:\\WINDOWS"), 80),
        (lambda f: f.remove_dir("C:\\WINDOWS"), 145),
        (lambda f: f.listdir("C:\\WINDOWS\\system32\\cmd.exe"), 267),
        (lambda f: f.write("C:\\a?b", b""), 123),
        (lambda f: f.write_virtual("C:\\big.bin", 2**40), 112),
    ],
)
def test_errors_carry_windows_codes(host: Host, action, code: int) -> None:
    with pytest.raises(Win32Error) as error:
        action(host.files)
    assert code_of(error) == code


def test_rename_refuses_an_existing_target_but_not_another_case(host: Host) -> None:
    host.files.write("C:\\go.txt", b"1")
    host.files.write("C:\\started.txt", b"2")
    with pytest.raises(Win32Error) as error:
        host.files.rename("C:\\go.txt", "started.txt")
    assert code_of(error) == 80
    host.files.rename("C:\\go.txt", "GO.TXT")
    assert "GO.TXT" in host.files.listdir("C:\\")
    host.files.delete("C:\\started.txt")
    host.files.rename("C:\\go.txt", "started.txt")
    assert host.files.read("C:\\started.txt") == b"1"
    assert not host.files.exists("C:\\go.txt")


def test_a_big_file_has_size_and_hash_and_keeps_them_when_copied(world: World, host: Host) -> None:
    context = setup_context(host)
    host.files.copy(PACKAGE, "C:\\E3SP2ENG.EXE", context)
    package = world.packages.package("exchange2003-sp2")
    assert host.files.size("C:\\e3sp2eng.exe") == package["size"] > 100 * 2**20
    assert host.files.sha256("C:\\e3sp2eng.exe") == package["sha256"]
    assert host.files.entry("C:\\e3sp2eng.exe").tag == {"package": "exchange2003-sp2", "part": "archive"}


def test_free_space_falls_by_what_is_copied(host: Host) -> None:
    before = host.files.free_bytes()
    host.files.copy(PACKAGE, "C:\\x.exe", setup_context(host))
    assert before - host.files.free_bytes() == host.files.size("C:\\x.exe")


def test_a_network_logon_has_no_credentials_for_another_server(host: Host) -> None:
    context = host.context("CONTOSO\\exadmin", "network")
    with pytest.raises(Win32Error) as error:
        host.files.size(PACKAGE, context)
    assert code_of(error) == 5
    assert host.files.size(PACKAGE, setup_context(host)) > 0


def test_net_use_gives_a_logon_session_the_share_and_only_that_session(world: World, host: Host) -> None:
    context, other = host.context("CONTOSO\\exadmin"), host.context("CONTOSO\\exadmin")
    password = world.accounts["contoso\\updshare"].password
    host.connect(context, SHARE, "CONTOSO\\updshare", password)
    assert host.files.exists(PACKAGE, context)
    assert not host.files.exists(PACKAGE, other)
    assert host.connections(context) == [("", SHARE)]
    host.disconnect(context, SHARE)
    assert not host.files.exists(PACKAGE, context)
    with pytest.raises(Win32Error) as error:
        host.disconnect(context, SHARE)
    assert code_of(error) == 2250


def test_a_drive_letter_stands_for_the_share(world: World, host: Host) -> None:
    context = host.context("CONTOSO\\exadmin")
    host.connect(context, SHARE, "updshare@contoso.example", world.accounts["contoso\\updshare"].password, "z:")
    assert host.files.exists("Z:\\E3SP2ENG.EXE", context)
    host.disconnect(context, "Z:")
    assert not host.files.exists("Z:\\E3SP2ENG.EXE", context)


@pytest.mark.parametrize(
    ("unc", "user", "password", "code"),
    [
        (SHARE, "CONTOSO\\updshare", "wrong", 1326),
        (SHARE, "CONTOSO\\nobody", "wrong", 1326),
        ("\\\\nowhere\\updates", None, None, 53),
        ("\\\\dc1\\nothing", None, None, 67),
        (SHARE, None, None, 5),
    ],
)
def test_refused_connections(host: Host, unc: str, user: str | None, password: str | None, code: int) -> None:
    with pytest.raises(Win32Error) as error:
        host.connect(host.context("CONTOSO\\exadmin"), unc, user, password)
    assert code_of(error) == code


def test_two_accounts_for_one_server_in_one_session_are_refused(world: World, host: Host) -> None:
    context = host.context("CONTOSO\\exadmin")
    host.connect(context, SHARE, "CONTOSO\\updshare", world.accounts["contoso\\updshare"].password)
    with pytest.raises(Win32Error) as error:
        host.connect(context, SHARE, "CONTOSO\\exsetup", world.accounts["contoso\\exsetup"].password)
    assert code_of(error) == 1219


def test_the_share_cannot_be_written(host: Host) -> None:
    with pytest.raises(Win32Error) as error:
        host.files.write(SHARE + "\\x.txt", b"", setup_context(host))
    assert code_of(error) == 5


def test_the_administrative_share_of_a_host_needs_an_administrator_and_the_host_up(world: World, host: Host) -> None:
    world.hosts["n1"].files.write("C:\\a.txt", b"hello")
    path = "\\\\n1\\c$\\a.txt"
    assert host.files.read(path, setup_context(host)) == b"hello"
    with pytest.raises(Win32Error) as error:
        host.files.read(path, host.context("CONTOSO\\updshare", "batch"))
    assert code_of(error) == 5
    world.hosts["n1"].crash()
    with pytest.raises(Win32Error) as error:
        host.files.read(path, setup_context(host))
    assert code_of(error) == 53

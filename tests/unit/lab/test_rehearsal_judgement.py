# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rule 10: a secret of the estate that lies in the open is found, wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.lab import tasks
from ansible_collections.mailops.exchange.lab.disclosure import find_secrets
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import make


@pytest.fixture
def world() -> World:
    """A small estate."""
    return make()


def said(world: World, out: Path) -> list[tuple[int, str, str]]:
    """What is found: rule, host, sentence."""
    return [(found.rule, found.host, found.what) for found in find_secrets(world, out)]


def test_nothing_to_find(world: World, tmp_path: Path) -> None:
    secret = world.accounts["contoso\\exsetup"].password
    world.end_call(world.begin_call("n1", "winrm", f"schtasks /create /rp {secret} /tn x"), 0, True)
    (tmp_path / "record.json").write_text('{"outcome": "done"}')
    (tmp_path / "inventory.yml").write_text(secret)
    assert said(world, tmp_path) == []


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le"])
@pytest.mark.parametrize("machine", ["n1", "dc1"])
def test_a_file_on_a_machine(world: World, tmp_path: Path, machine: str, encoding: str) -> None:
    secret = world.accounts["contoso\\updshare"].password
    files = world.machines[machine].files
    files.make_dirs("C:\\mailops\\job")
    files.write("C:\\mailops\\job\\run.cmd", f"net use x /user:u {secret}".encode(encoding))
    sentence = "the password of CONTOSO\\updshare lies in C:\\mailops\\job\\run.cmd"
    assert said(world, tmp_path) == [(10, machine, sentence)]
    files.delete("C:\\mailops\\job\\run.cmd")
    assert said(world, tmp_path) == []


def test_a_file_on_a_share(world: World, tmp_path: Path) -> None:
    world.hosts["n1"].files.write("C:\\a", world.accounts["contoso\\exadmin"].password.encode())
    share = next(iter(world.shares.values())).volume
    share.root.children["a"] = world.hosts["n1"].files.entry("C:\\a")
    assert [host for unused, host, unused_text in said(world, tmp_path)] == ["n1", "dc1"]


def test_a_file_on_the_disk_of_a_group(world: World, tmp_path: Path) -> None:
    world.hosts["n1"].files.write("E:\\a", world.accounts["contoso\\exadmin"].password.encode())
    assert said(world, tmp_path) == [(10, "n1", "the password of CONTOSO\\exadmin lies in E:\\a")]


@pytest.mark.parametrize("name", ["record.json", "record.html"])
def test_a_record(world: World, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<p>" + world.accounts["contoso\\exsetup"].password)
    assert said(world, tmp_path) == [(10, "", f"the password of CONTOSO\\exsetup lies in {name}")]


def test_a_task_and_the_journal(world: World, tmp_path: Path) -> None:
    secret = world.accounts["contoso\\exsetup"].password
    tasks.create(world.hosts["n1"], "job", f"setup /password {secret}", user="SYSTEM")
    world.end_call(world.begin_call("n1", "rpc", "something"), 0, True)
    world.journal.entries[-1]["call"] = secret
    places = [what.rpartition(" in ")[2] for unused, unused_host, what in said(world, tmp_path)]
    assert places == ["the journal", "the task job"]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab import tasks
from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.world import Context, World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import make, wait

USER = "CONTOSO\\exsetup"


@pytest.fixture
def world() -> World:
    world = make()
    world.ran = []  # type: ignore[attr-defined]

    def program(context: Context, command: str) -> int:
        world.ran.append((context.user, context.logon, command, world.clock.now()))  # type: ignore[attr-defined]
        world.clock.sleep(100)
        return 7

    world.run_program = program
    return world


@pytest.fixture
def host(world: World) -> Host:
    return world.hosts["mbx1"]


def create(world: World, host: Host, name: str = "job", **changes) -> tasks.Task:
    settings = {"user": USER, "password": world.accounts[USER.lower()].password} | changes
    return tasks.create(host, name, "C:\\mailops\\x\\run.cmd", **settings)


def code(action) -> int:
    with pytest.raises(Win32Error) as error:
        action()
    return error.value.code


def test_a_task_runs_in_the_background_as_a_batch_logon_of_its_account(world: World, host: Host) -> None:
    task = create(world, host)
    begun = world.clock.now()
    tasks.run(host, "JOB")
    assert (task.status, task.last_run) == ("Running", begun)
    assert "cmd.exe" in [process.image for process in host.processes]
    world.clock.sleep(1)
    assert world.ran == [(USER, "batch", "C:\\mailops\\x\\run.cmd", begun)]
    assert task.status == "Running"
    wait(world, lambda: task.status == "", 200)
    assert world.clock.now() == begun + 100
    assert task.last_result == 7
    assert "cmd.exe" not in [process.image for process in host.processes]


def test_a_running_task_is_not_started_twice(world: World, host: Host) -> None:
    create(world, host)
    tasks.run(host, "job")
    tasks.run(host, "job")
    world.clock.sleep(300)
    assert len(world.ran) == 1
    tasks.run(host, "job")
    world.clock.sleep(300)
    assert len(world.ran) == 2


def test_a_wrong_password_makes_a_task_that_cannot_start(world: World, host: Host) -> None:
    task = create(world, host, password="wrong")
    assert not task.account_valid
    tasks.run(host, "job")
    world.clock.sleep(300)
    assert (task.status, world.ran) == ("Could not start", [])


def test_the_system_account_needs_no_password(world: World, host: Host) -> None:
    create(world, host, user="SYSTEM", password=None)
    tasks.run(host, "job")
    world.clock.sleep(1)
    assert world.ran[0][0] == "NT AUTHORITY\\SYSTEM"


def test_names_are_taken_once_and_missing_ones_have_code_2(world: World, host: Host) -> None:
    create(world, host)
    assert code(lambda: create(world, host, "JOB")) == 80
    tasks.delete(host, "job")
    assert tasks.query(host) == []
    for action in (tasks.run, tasks.delete, tasks.end, tasks.find):
        assert code(lambda action=action: action(host, "job")) == 2


def test_a_task_in_the_future_starts_by_itself_and_one_in_the_past_does_not(world: World, host: Host) -> None:
    now = world.clock.now()
    create(world, host, "later", start=now + 50)
    create(world, host, "earlier", start=now - 50)
    world.clock.sleep(49)
    assert world.ran == []
    world.clock.sleep(2)
    assert [row[3] for row in world.ran] == [now + 50]


def test_ending_a_task_ends_its_program(world: World, host: Host) -> None:
    task = create(world, host)
    tasks.run(host, "job")
    world.clock.sleep(10)
    tasks.end(host, "job")
    assert (task.status, task.last_result) == ("", 1)
    world.clock.sleep(300)
    assert len(world.ran) == 1


def test_deleting_a_task_leaves_its_program_running(world: World, host: Host) -> None:
    create(world, host)
    tasks.run(host, "job")
    world.clock.sleep(10)
    tasks.delete(host, "job")
    assert "cmd.exe" in [process.image for process in host.processes]
    world.clock.sleep(100)
    assert "cmd.exe" not in [process.image for process in host.processes]


def test_a_program_ends_with_its_host(world: World, host: Host) -> None:
    finished: list[str] = []

    def program(context: Context, command: str) -> int:
        try:
            world.clock.sleep(1000)
            finished.append("ran to its end")
        finally:
            finished.append("ended")
        return 0

    world.run_program = program
    task = create(world, host)
    tasks.run(host, "job")
    world.clock.sleep(10)
    host.crash()
    assert finished == ["ended"]
    wait(world, lambda: host.up)
    world.clock.sleep(2000)
    assert finished == ["ended"]
    assert task.status == ""
    assert [known.name for known in tasks.query(host)] == ["job"]


def test_a_program_that_restarts_its_own_host(world: World, host: Host) -> None:
    def program(context: Context, command: str) -> int:
        host.shutdown(restart=True)
        world.clock.sleep(1000)
        return 0

    world.run_program = program
    create(world, host)
    tasks.run(host, "job")
    wait(world, lambda: not host.up, 60)
    wait(world, lambda: host.up, 600)


def test_without_the_task_scheduler_nothing_can_be_asked(world: World, host: Host) -> None:
    create(world, host)
    host.stop_service("Schedule")
    wait(world, lambda: host.services["Schedule"].state == "stopped")
    assert code(lambda: tasks.query(host)) == 1062

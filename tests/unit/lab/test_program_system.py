# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tasklist, taskkill, shutdown, wmic, ping, cscript."""

from __future__ import annotations

import csv

import pytest

from ansible_collections.mailops.exchange.tests.unit.lab.console import Console


@pytest.fixture
def console() -> Console:
    return Console()


def test_processes_as_csv(console: Console) -> None:
    table = list(csv.reader(console.out("tasklist /fo csv").splitlines()))
    assert table[0] == ["Image Name", "PID", "Session Name", "Session#", "Mem Usage"]
    images = [row[0] for row in table[1:]]
    assert {"System", "clussvc.exe", "winrshost.exe", "cmd.exe", "tasklist.exe"} <= set(images)
    assert all(row[1].isdigit() and row[4].endswith(" K") for row in table[1:])
    assert len({row[1] for row in table[1:]}) == len(images)


def test_filters(console: Console) -> None:
    pid = console.host.services["ClusSvc"].pid
    line = 'tasklist /fo csv /nh /fi "imagename eq CLUSSVC.EXE"'
    assert console.lines(line)[0].startswith(f'"clussvc.exe","{pid}",')
    assert console.lines(f'tasklist /fo csv /nh /fi "pid eq {pid}" /svc') == [f'"clussvc.exe","{pid}","ClusSvc"']
    result = console.run('tasklist /fo csv /nh /fi "imagename eq nosuch.exe"')
    assert (result.exit_code, result.stdout) == (0, "INFO: No tasks running with the specified criteria.\r\n")
    assert console.code('tasklist /fi "nosuch eq 1"') == 1
    assert console.code("tasklist /nosuch") == 1
    assert console.lines('tasklist /fi "imagename eq clus*"')[2].startswith("=====")


def test_killing(console: Console) -> None:
    console.host.spawn("setup.exe", "CONTOSO\\exadmin", "interactive")
    assert console.out("taskkill /f /im setup.exe").startswith('SUCCESS: The process "setup.exe"')
    assert console.code("taskkill /f /im setup.exe") == 128


def test_shutdown_restarts_after_its_delay(console: Console) -> None:
    boot = console.host.boot_time
    assert console.code('shutdown -r -f -t 30 -d p:2:4 -c "an update"') == 0
    assert console.code("shutdown -r") == 1115
    console.pass_time(25)
    assert console.host.up
    assert console.code("shutdown /a") == 0
    assert console.code("shutdown -a") == 1116
    console.run("shutdown -r -t 5")
    console.pass_time(900)
    assert console.host.up
    assert console.host.boot_time > boot


@pytest.mark.parametrize("arguments", ["", "-t 5", "-r -t x", "-r -d nosuch", "-r -x", "-r -s", f'-r -c "{"x" * 128}"'])
def test_shutdown_refuses(console: Console, arguments: str) -> None:
    assert console.code(f"shutdown {arguments}") == 1
    console.pass_time(60)
    assert console.host.up


def test_a_shutdown_elsewhere_needs_credentials(console: Console) -> None:
    assert console.code("shutdown -r -m \\\\N2") == 5
    assert console.code("shutdown -r -m \\\\nosuch") == 53


def test_the_boot_time_by_wmi(console: Console) -> None:
    result = console.run("wmic os get LastBootUpTime,LocalDateTime /value <nul")
    assert result.exit_code == 0
    assert result.stdout.count("\r\r\n") == result.stdout.count("\n")
    values = dict(line.split("=") for line in result.stdout.replace("\r", "").split("\n") if line)
    assert list(values) == ["LastBootUpTime", "LocalDateTime"]
    assert all(len(value) == 25 and value[:14].isdigit() and value[14] == "." for value in values.values())
    console.run("shutdown -r -t 0")
    console.pass_time(900)
    assert values["LastBootUpTime"] not in console.out("wmic os get LastBootUpTime /value <nul")


def test_wmic_waits_for_an_input_that_does_not_end(console: Console) -> None:
    assert console.took("wmic os get Version") == 600
    assert console.took("wmic os get Version <nul") == 0


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("process where \"name='clussvc.exe'\" get Name /value", "Name=clussvc.exe"),
        ('process where name="CLUSSVC.EXE" get name /format:list', "Name=clussvc.exe"),
        ("service where \"name='ClusSvc'\" get State,StartMode /value", "StartMode=Auto\nState=Running"),
        ("service where \"name like 'Clus%'\" get Name", "Name     \nClusSvc  "),
        ('datafile where name="C:\\\\mailops\\\\x" get FileSize /value', "FileSize=3"),
        ("computersystem get Name /format:csv", "Node,Name\nN1,N1"),
        ("path win32_operatingsystem get Version /value", "Version=5.2.3790"),
    ],
)
def test_wmi_queries(console: Console, query: str, text: str) -> None:
    console.write("C:\\mailops\\x", "x")
    assert text in console.run(f"wmic {query} <nul").stdout.replace("\r", "")


def test_wmi_queries_that_fail(console: Console) -> None:
    assert console.code("wmic nosuch get x <nul") == 44135
    assert console.code("wmic os get Nosuch <nul") != 0
    result = console.run("wmic process where \"name='nosuch'\" get Name /value <nul")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No Instance(s) Available." in result.stderr


def test_ping_takes_a_second_between_two_echoes(console: Console) -> None:
    assert console.took("ping -n 6 127.0.0.1") == 5
    assert console.code("ping -n 1 n2") == 0
    console.world.hosts["n2"].crash()
    assert console.code("ping -n 1 -w 1000 n2") == 1
    assert console.code("ping nosuch") == 1


def test_event_logs(console: Console) -> None:
    tool = "cscript //nologo %SystemRoot%\\system32\\eventquery.vbs"
    console.host.log_event("Application", "MSExchangeCluster", 1025, "error", "Something failed.")
    console.host.log_event("System", "ClusSvc", 1069, "error", "Another.")
    rows = list(csv.reader(console.out(f'{tool} /l application /fi "id eq 1025" /fo csv /nh /v').splitlines()))
    assert [(row[0], row[1], row[3], row[7]) for row in rows] == [
        ("Error", "1025", "MSExchangeCluster", "Something failed.")
    ]
    assert console.out(f'{tool} /l system /fi "id eq 1" /fo csv').startswith("INFO: ")
    assert console.code("cscript nosuch.vbs") == 1


@pytest.mark.parametrize("name", ["reg", "sc", "schtasks", "tasklist", "wmic", "shutdown", "cscript"])
def test_what_came_with_2003_is_not_on_2000(name: str) -> None:
    settings = {"hosts": {"old": {"product": "2000", "os": "2000", "service_pack": 3}}, "clusters": {}}
    console = Console("old", **settings)
    assert console.code(f"{name} & exit") == 9009

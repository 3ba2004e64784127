# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``cluster``."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.lab.programs.cluster_options import FOR_EVER, UsageError, parse
from ansible_collections.mailops.exchange.lab.shell.argv import split_arguments
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import estate

ATTENDANT = "Exchange System Attendant (EVS1)"
LONG = "Ö & (Post) with a long name"


@pytest.fixture
def console() -> Console:
    return Console()


def state(console: Console, group: str = "EVS1") -> tuple[str, str]:
    found = console.world.clusters["mail"].group(group)
    return found.owner, found.state


def test_the_table_of_nodes_is_as_captured(console: Console) -> None:
    assert console.out("cluster node") == (
        "Listing status for all available nodes:\n"
        "\n"
        "Node           Node ID Status\n"
        "-------------- ------- ---------------------\n"
        "N1                   1 Up\n"
        "N2                   2 Up\n"
    )


def test_the_table_of_groups_is_as_captured(console: Console) -> None:
    assert console.out("cluster group") == (
        "Listing status for all available resource groups:\n"
        "\n"
        "Group                Node            Status\n"
        "-------------------- --------------- ------\n"
        "Cluster Group        N1              Online \n"
        "EVS1                 N1              Online \n"
        "File Share           N2              Online \n"
    )
    assert console.lines("cluster group evs1")[0] == "Listing status for resource group 'EVS1':"
    assert console.lines("cluster group /node:N2")[4:] == ["File Share           N2              Online"]


def test_long_names_push_the_rest_of_the_row(console: Console) -> None:
    rows = console.lines("cluster res")
    assert rows[:4] == [
        "Listing status for all available resources:",
        "",
        "Resource             Group                Node            Status",
        "-------------------- -------------------- --------------- ------",
    ]
    assert "EVS1 Name            EVS1                 N1              Online" in rows
    assert f"{ATTENDANT} EVS1                 N1              Online" in rows


def test_names_of_any_kind_are_found_and_shown() -> None:
    settings = estate()
    settings["clusters"]["mail"]["other_groups"] = {LONG: {"owner": "n1"}}
    settings["language"] = "de"
    console = Console(settings=settings)
    assert f"{LONG} N1              Online" in console.lines("cluster group")
    result = console.run(f'cluster group "{LONG}" /moveto:"N2" /wait:60')
    assert result.exit_code == 0
    assert state(console, LONG) == ("N2", "online")


@pytest.mark.parametrize(
    "line",
    [
        'cluster group "EVS1" /moveto:"N2" /wait:300',
        "cluster group EVS1 /move:n2 /wait:300",
        "cluster group EVS1 /MOVE /WAIT",
        "cluster /cluster:mail group EVS1 /wait:300 /moveto:N2",
        "cluster MAIL group EVS1 /moveto:N2 /wait:300",
        "cluster N2 group EVS1 /moveto:N2 /wait:300",
        "cluster . group EVS1 /moveto:N2 /wait:300",
        'C:\\WINDOWS\\system32\\cluster.exe group "EVS1" /moveto:N2 /wait:300',
    ],
)
def test_move(console: Console, line: str) -> None:
    result = console.run(line)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == "Moving resource group 'EVS1'..."
    assert result.stdout.splitlines()[-1] == "EVS1                 N2              Online "
    assert state(console) == ("N2", "online")


def test_a_move_waits_20_seconds_unless_told_otherwise(console: Console) -> None:
    assert console.took("cluster group EVS1 /moveto:N2") == 20
    assert console.lines("cluster group EVS1")[-1].endswith("Pending")


def test_a_wait_that_runs_out_is_told_by_the_exit_code(console: Console) -> None:
    result = console.run("cluster group EVS1 /moveto:N2 /wait:3")
    assert (result.exit_code, result.stderr) == (997, "")
    assert result.stdout.splitlines()[-1] == "EVS1                 N1              Pending "
    assert console.code("cluster group EVS1 /moveto:N2 /wait:3") == 5023


def test_a_move_that_fails_comes_back_with_an_error(console: Console) -> None:
    console.world.faults.load([{"cluster": "mail", "on": "move EVS1", "do": "fail"}])
    result = console.run("cluster group EVS1 /moveto:N2 /wait:600")
    assert result.exit_code not in (0, 997)
    assert f"System error {result.exit_code} has occurred (0x{result.exit_code:08x})." in result.stdout
    assert state(console) == ("N1", "online")


def test_group_offline_and_online(console: Console) -> None:
    assert console.code("cluster group EVS1 /off /wait:300") == 0
    assert state(console) == ("N1", "offline")
    assert console.lines("cluster group EVS1")[-1].endswith("Offline")
    assert console.code("cluster group EVS1 /on:N2 /wait:300") == 0
    assert state(console) == ("N2", "online")
    assert console.took("cluster group EVS1 /offline") == 10


def test_resource_offline_takes_its_dependents_along(console: Console) -> None:
    assert console.code(f'cluster res "{ATTENDANT}" /off /wait:300') == 0
    rows = console.lines("cluster res /node:N1")
    assert "EVS1 Name            EVS1                 N1              Online" in rows
    assert f"{ATTENDANT} EVS1                 N1              Offline" in rows
    assert "Exchange Information Store (EVS1) EVS1                 N1              Offline" in rows
    assert console.lines("cluster group EVS1")[-1].endswith("Partially Online")
    assert console.code(f'cluster res "{ATTENDANT}" /off /wait:300') == 0
    assert console.code(f'cluster resource "{ATTENDANT}" /online /wait:300') == 0
    assert console.took('cluster res "Exchange Information Store (EVS1)" /on') == 10


def test_listings(console: Console) -> None:
    assert console.out('cluster res "EVS1 Name" /listowners') == (
        "\nListing possible owners for resource 'EVS1 Name':\nPossible Owner Nodes\n--------------------\nN1\nN2\n"
    )
    assert console.lines("cluster group EVS1 /listowners")[-2:] == ["---------------------", "N1"]
    assert console.lines('cluster res "EVS1 Name" /listdep')[-1] == (
        "EVS1 IP Address      EVS1                 N1              Online"
    )
    assert "S  EVS1 Name            Type                           Network Name" in console.lines(
        'cluster res "EVS1 Name" /prop'
    )
    assert console.lines('cluster res "EVS1 Name" /prop:Type')[5:] == [
        "S  EVS1 Name            Type                           Network Name"
    ]
    assert "S  EVS1 Name            Name                           EVS1" in console.lines(
        'cluster res "EVS1 Name" /priv'
    )
    assert "D  EVS1                 PersistentState                1 (0x1)" in console.lines("cluster group EVS1 /prop")
    assert console.lines("cluster /quorum")[-1].startswith("Disk Q:              Q:\\MSCS\\")
    assert console.lines("cluster /ver")[0] == "Cluster Name: mail"
    assert console.lines("cluster /list") == ["Cluster Name", "------------", "mail"]
    assert "SR N1                   NodeName                       N1" in console.lines("cluster node n1 /prop")


def test_pause_and_resume(console: Console) -> None:
    assert console.code("cluster node N2 /pause") == 0
    assert console.lines("cluster node")[-1] == "N2                   2 Paused"
    assert console.code("cluster node N2 /pause") == 5070
    assert console.code("cluster group EVS1 /moveto:N2 /wait:60") == 5070
    assert console.code("cluster node N2 /resume") == 0
    assert console.code("cluster node N2 /resume") == 5058


def test_owners_and_properties_are_set(console: Console) -> None:
    assert console.code("cluster group EVS1 /setowners:N2,N1") == 0
    assert console.lines("cluster group EVS1 /listowners")[-2:] == ["N2", "N1"]
    assert console.code('cluster res "EVS1 Name" /removeowner:N2') == 0
    assert console.code("cluster group EVS1 /moveto:N2") == 5071
    assert console.code('cluster res "EVS1 Name" /addowner:N2') == 0
    assert console.code("cluster group EVS1 /prop FailoverThreshold=3") == 0
    assert console.lines("cluster group EVS1 /prop:FailoverThreshold")[-1].endswith("3 (0x3)")
    assert console.code("cluster group EVS1 /prop Nosuch=3") == 87


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("cluster group nosuch", 5013, "The cluster group could not be found."),
        ("cluster group nosuch /moveto:N2", 5013, "The cluster group could not be found."),
        ("cluster res nosuch /off", 5007, "The cluster resource could not be found."),
        ("cluster node nosuch", 5042, "The cluster node was not found."),
        ("cluster group EVS1 /moveto:nosuch", 5042, "The cluster node was not found."),
        ('cluster res "Disk Q:" /off', 5068, "This operation cannot be performed on the cluster resource"),
        ('cluster group "Cluster Group" /off', 5068, "This operation cannot be performed on the cluster resource"),
        ("cluster /cluster:nosuch node", 1722, "The RPC server is unavailable."),
        ("cluster nosuch node", 1722, "The RPC server is unavailable."),
        ("cluster group /moveto:N2", 87, "The parameter is incorrect."),
    ],
)
def test_errors_are_codes_with_text(console: Console, line: str, code: int, text: str) -> None:
    result = console.run(line)
    assert result.exit_code == code
    assert f"\r\nSystem error {code} has occurred (0x{code:08x}).\r\n{text}" in result.stdout


def test_without_the_cluster_service_nothing_answers(console: Console) -> None:
    console.service("ClusSvc", "stopped")
    assert console.code("cluster group") == 1753
    assert console.code("cluster /cluster:mail group") == 0
    assert console.code("cluster /cluster:N1 group") == 1753
    assert console.lines("cluster /cluster:mail node")[-2:] == [
        "N1                   1 Down",
        "N2                   2 Up",
    ]
    assert Console("mbx1").code("cluster group") == 1753


def test_the_cluster_service_of_a_node(console: Console) -> None:
    assert console.code("cluster node N2 /stop /wait:300") == 0
    assert console.lines("cluster node")[-1] == "N2                   2 Down"
    assert console.code("cluster node N2 /stop") == 5062
    assert console.code("cluster node N2 /start /wait:300") == 0
    assert console.code("cluster node N2 /start") == 5061


@pytest.mark.parametrize("line", ["", "/?", "group /?"])
def test_help(console: Console, line: str) -> None:
    result = console.run(f"cluster {line}")
    assert (result.exit_code, result.changing) == (0, False)
    assert "The syntax of this command is:" in result.stdout


@pytest.mark.parametrize(
    "text", ["group EVS1 /nosuch", "group EVS1 /on /off", "restype", "group a b", "one two", "group EVS1 /wait:x /on"]
)
def test_arguments_that_make_no_sense(console: Console, text: str) -> None:
    with pytest.raises(UsageError):
        parse(split_arguments(text))
    assert console.code(f"cluster {text}") == 87


def test_options_come_apart_at_the_first_colon() -> None:
    options = parse(split_arguments('res "Disk X:" /move /wait'))
    assert (options.kind, options.name, options.option, options.wait) == ("resource", "Disk X:", "move", FOR_EVER)
    options = parse(split_arguments('/cluster:mail group "A B" /moveto:"N:1" /wait:5'))
    assert (options.cluster, options.name, options.value, options.wait) == ("mail", "A B", "N:1", 5.0)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a cluster whose answers do not fit together, come late, or are in an unknown language."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import move_group, stop_cluster_service
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import (
    Moving,
    NotAnswering,
    group_row,
    read_cluster,
    refresh,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.databases import read_cluster_at_rest
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    Refused,
    Unreadable,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Output
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of


class Altered(LabSession):
    """What the host says goes through ``alter`` before it is read."""

    alter: Callable[[str], str] = staticmethod(lambda text: text)

    def _send(self, call: Any) -> Output:
        output = super()._send(call)
        return Output(output.exit_code, self.alter(output.stdout), output.stderr)


@pytest.fixture
def session() -> Altered:
    return Altered(world_of(CLUSTER), "n1")


def times(count: int, change: Callable[[str], str]) -> Callable[[str], str]:
    """The change, for the first answers with a table in them."""
    left = [count]

    def alter(text: str) -> str:
        if "-----" not in text or not left[0]:
            return text
        left[0] -= 1
        return change(text)

    return alter


def group_on_the_other_node(text: str) -> str:
    return re.sub(r"^(EVS1 {17})N1 ", r"\1N2 ", text, flags=re.MULTILINE)


def resource_in_another_group(text: str) -> str:
    return re.sub(r"^(EVS1 Name +)EVS1 {9}", r"\1Cluster Group", text, flags=re.MULTILINE)


def resource_is_missing(text: str) -> str:
    return re.sub(r"^EVS1 Name .*\n", "", text, flags=re.MULTILINE)


def group_is_there_twice(text: str) -> str:
    return re.sub(r"^(EVS1 {17}N1 .*\n)", r"\1\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "change", [group_on_the_other_node, resource_in_another_group, resource_is_missing, group_is_there_twice]
)
def test_answers_that_contradict_each_other(session: Altered, change: Callable[[str], str]) -> None:
    # Once: something moved between two of the commands, and the next reading is good.
    session.alter = times(1, change)
    assert read_cluster(session).groups["EVS1"].owner == "N1"
    assert len(session.lines) == 2
    session.alter = times(99, change)
    with pytest.raises(Moving):
        read_cluster(session)


def test_a_node_with_another_number(session: Altered) -> None:
    session.alter = times(99, lambda text: re.sub(r"^(N2 +)2 ", r"\g<1>5 ", text, flags=re.MULTILINE))
    with pytest.raises(Unreadable, match="number 5"):
        read_cluster(session)


def test_rows_that_could_be_read_in_two_ways_are_asked_for_one_by_one() -> None:
    estate = copy.deepcopy(CLUSTER)
    # Where the padding is not as documented, "EVS N1 N2 Online" could be EVS on N1, with "N2 Online" for its state.
    estate["clusters"]["mail"]["other_groups"] = {"EVS": {"owner": "n2"}, "EVS N1": {"owner": "n2"}}
    session = Altered(world_of(estate), "n1")

    def squeeze(text: str) -> str:
        if "sc query" in text or "EVS N1 " not in text:
            return text
        return re.sub(r"^(EVS N1) +(N2) +", r"\1 \2 ", text, flags=re.MULTILINE)

    session.alter = squeeze
    state = read_cluster(session)
    assert len(session.lines) == 2
    assert (state.groups["EVS N1"].owner, state.groups["EVS"].owner) == ("N2", "N2")
    assert state.groups["EVS N1"].state == "online"


FRENCH = {
    "Partially Online": "Partiellement en ligne",
    "Online Pending": "Mise en ligne",
    "Offline Pending": "Mise hors connexion",
    "Online": "En ligne",
    "Offline": "Hors connexion",
    "Failed": "Echec",
    "Pending": "En attente",
    "Up": "Actif",
    "Down": "Inactif",
    "Joining": "Rejoint",
}


def in_french(text: str) -> str:
    for english, french in FRENCH.items():
        text = re.sub(rf"(?<=\S )( *){english}( *)$", rf"\1{french}\2", text, flags=re.MULTILINE)
    return text


def test_a_language_that_nobody_knows(session: Altered) -> None:
    session.alter = in_french
    state = read_cluster(session, settle=30)
    assert {group.state for group in state.groups.values()} == {"online"}
    assert {node.state for node in state.nodes.values()} == {"up"}
    # The words for "on its way" are unknown, and nothing is concluded from them.
    assert move_group(session, "EVS1", "N2", 900)["after"] == {"owner": "N2", "state": "online"}
    assert group_row(session, "EVS1") == ("N2", "unknown")
    assert group_row(session, "EVS1", state.words) == ("N2", "online")


def test_an_unknown_state_is_refused_and_told(session: Altered) -> None:
    session.alter = in_french
    session.run('cluster res "EVS1 IP Address" /off /wait:60', changes=True)
    state = read_cluster(session, settle=30)
    assert state.resources["EVS1 IP Address"].state == "unknown"
    assert "EVS1 IP Address" in state.unknown
    with pytest.raises(Refused, match="cannot be told from the word"):
        move_group(session, "EVS1", "N2", 900)


def test_an_unknown_state_is_not_waited_for_as_long_as_databases_are(session: Altered) -> None:
    """It may stand for anything, "failed" too: after the time for everything else it is told as it is."""
    session.alter = in_french
    session.run('cluster res "EVS1 IP Address" /off /wait:60', changes=True)
    begun = session.clock.now()
    state = read_cluster_at_rest(session, 60, 14400)
    assert state.groups["EVS1"].state == "unknown"
    assert session.clock.now() - begun < 600


def test_a_service_that_does_not_answer_yet(session: Altered) -> None:
    def no_answer(text: str) -> str:
        parts = re.split(r"(M[0-9a-f]{12}[0-2]):0:", text)
        return "".join(part + ":1722:" if index % 2 else part for index, part in enumerate(parts))

    session.alter = no_answer
    with pytest.raises(NotAnswering, match="does not answer"):
        read_cluster(session)
    with pytest.raises(WaitTimeout, match="does not answer"):
        read_cluster(session, settle=30)


def test_waiting_until_nothing_is_on_its_way(session: Altered) -> None:
    session.run('cluster group "EVS1" /moveto:"N2" /wait:1', changes=True)
    assert read_cluster(session).unsettled
    state = read_cluster(session, settle=600)
    assert state.unsettled == []
    assert state.groups["EVS1"].owner == "N2"


def test_refreshing_needs_the_tables_alone(session: Altered) -> None:
    state = read_cluster(session)
    assert refresh(session, state) == state
    assert "reg query" not in session.lines[-1]


def test_a_group_that_is_not_there(session: Altered) -> None:
    with pytest.raises(CommandFailed, match="no such group"):
        group_row(session, "EVS9")


def test_a_node_is_not_stopped_while_another_one_is_out_of_service() -> None:
    estate = copy.deepcopy(CLUSTER)
    estate["hosts"]["n3"] = {"cluster": "mail"}
    world = world_of(estate)
    first, second = LabSession(world, "n1"), LabSession(world, "n2")
    for group in ("EVS1", "Cluster Group", "File Share"):
        move_group(first, group, "N3", 600)
    assert stop_cluster_service(first, 300)["changed"] is True
    with pytest.raises(Refused, match="only one node"):
        stop_cluster_service(second, 300)


def test_a_node_is_not_stopped_while_an_installer_runs() -> None:
    estate = copy.deepcopy(CLUSTER)
    estate["hosts"]["n2"]["processes"] = ["update.exe"]
    with pytest.raises(Refused, match=r"update\.exe"):
        stop_cluster_service(LabSession(world_of(estate), "n2"), 300)

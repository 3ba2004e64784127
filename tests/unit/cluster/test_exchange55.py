# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of Exchange 5.5 on nodes without any tool but their own: read, taken offline, moved, brought online."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster import act
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.configuration import (
    ResourceConfiguration,
    attendant_of,
    network_name_of,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.cluster55 import group_of, services_of
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError, Unreadable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Answers, Output
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import RpcSession
from ansible_collections.mailops.exchange.tests.unit.cluster.lab55 import FIX, cluster55

ATTENDANT = "Microsoft Exchange System Attendant"
SERVICES = ["MSExchangeSA", "MSExchangeDS", "MSExchangeIS", "MSExchangeMTA"]


@pytest.mark.parametrize(("language", "os"), [("en", "nt4"), ("it", "nt4"), ("de", "nt4"), ("de", "2000")])
def test_the_group_is_read_and_driven(tmp_path: Path, language: str, os: str) -> None:
    with cluster55(tmp_path, FIX, language=language, os=os) as estate, estate.session("n2") as session:
        state = read_cluster(session, 60)
        group = state.groups["Exchange"]
        assert (group.owner, group.state, group.virtual_server) == ("N1", "online", True)
        assert (group.possible_owners, group.preferred_owners) == (["N1", "N2"], ["N1"])
        assert group.network_name == "EXCHANGE"
        assert group.hold == {"resource": ATTENDANT, "possible_owners": ["N1", "N2"]}
        assert state.unknown == [] and {node.state for node in state.nodes.values()} == {"up"}
        assert group_of(state.to_dict()) == "Exchange"
        assert sorted(services_of(state, "Exchange")) == sorted(SERVICES)
        kept = {name for name, entry in state.resources_of("Exchange").items() if entry.type in act.KEPT_TYPES}
        assert len(kept) == 3

        offline = act.take_offline(session, "Exchange")
        assert {name for name, now in offline["after"]["resources"].items() if now == "online"} == kept
        assert len(offline["taken"]) == 4
        moved = act.move_group(session, "Exchange", "N2", 600)
        assert moved["after"] == {"owner": "N2", "state": "partially_online"}
        assert [event["event"] for event in moved["events"]] == ["moved"]
        online = act.bring_online(session, "Exchange", 600)
        assert (online["after"]["owner"], online["after"]["state"]) == ("N2", "online")
        assert act.bring_online(session, "Exchange", 600)["changed"] is False
        assert estate.leftovers() == []
        assert estate.world.referee.report()["violations"] == []


def changed_tables(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """What cluster.exe prints of resources is changed on its way to the reader."""
    ask = RpcSession.ask

    def answering(session: RpcSession, lines: Any = (), **others: Any) -> Answers:
        answers = ask(session, lines, **others)
        outputs = [Output(each.exit_code, change(each.stdout)) for each in answers.outputs]
        return replace(answers, outputs=outputs)

    monkeypatch.setattr(RpcSession, "ask", answering)


TABLES = {
    "a row is missing": lambda text: "\n".join(line for line in text.split("\n") if not line.startswith(ATTENDANT)),
    "a name that nobody knows": lambda text: text.replace(ATTENDANT, "Microsoft Exchange Sistema"),
    "no line of dashes": lambda text: text.replace("-", "="),
    "cut off": lambda text: text[: len(text) // 2] if ATTENDANT in text else text,
}


@pytest.mark.parametrize("change", TABLES)
def test_a_table_that_cannot_be_read_for_certain_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with cluster55(tmp_path, FIX, language="it") as estate, estate.session("n1") as session:
        changed_tables(monkeypatch, TABLES[change])
        with pytest.raises(Unreadable) as told:
            read_cluster(session)
        assert told.value.message
        with pytest.raises(HostError):
            act.take_offline(session, "Exchange", timeout=30)
        assert estate.group.state == "online" and not session.mutated


# -- what the configuration says


def resource(kind: str, depends_on: list[str] | None = None, **private: str) -> ResourceConfiguration:
    return ResourceConfiguration("G", kind, ["N1", "N2"], depends_on or [], private)


def test_the_network_name_is_the_one_that_the_attendant_depends_on() -> None:
    members = {
        "Other Name": resource("Network Name", name="OTHER"),
        "Exchange Name": resource("Network Name", name="MAIL55"),
        "SA": resource("Generic Service", ["Exchange Name"], servicename="msexchangesa"),
    }
    assert (attendant_of(members), network_name_of(members)) == ("SA", "MAIL55")


@given(name=st.text(max_size=20), service=st.sampled_from([*SERVICES, "Spooler", ""]))
def test_a_group_is_told_by_the_service_and_not_by_names(name: str, service: str) -> None:
    members = {name or "R": resource("Generic Service", servicename=service)}
    assert (attendant_of(members) is not None) == (service == "MSExchangeSA")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known troubles: what is seen of a failure, and what the article says about it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import bring_online, move_group, take_offline
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.builds import load_data
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.troubles import (
    Signs,
    explained,
    recent_events,
    recognise,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed, Refused, Unreadable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Event
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of


def event(number: int, text: str = "", source: str = "MSExchangeCluster", strings: tuple[str, ...] = ()) -> Event:
    return Event(1.0, source, number, "error", text, strings)


@pytest.mark.parametrize(
    ("signs", "product", "trouble"),
    [
        (Signs([event(1025, "SA: non è stato possibile portare in linea la risorsa")]), "2003", "evicted_node"),
        (Signs([event(1025, "Fehler C1037B44")]), "2003", "version_mismatch"),
        (Signs([event(1025, strings=("SA", "c1037b44"))]), None, "version_mismatch"),
        (Signs([event(2065), event(2146)]), "2000", "resource_upgrade_failed"),
        (Signs([event(2065)]), "2000", "resource_not_online"),
        (Signs([event(1025, source="Something")]), "2003", None),
        (Signs([event(1025)]), "2000", None),
        (Signs(exit_code=-1056736444), "2003", "version_mismatch"),
        (Signs(exit_code=0xC1037B44), None, "version_mismatch"),
        (Signs(exit_code=1, text="x\nError C1037B44 occurred"), None, "version_mismatch"),
        (Signs(exit_code=1, text="something else"), None, None),
        (Signs(timeout="upgrade"), "2003", "missing_upgrade_entry"),
        (Signs([event(1025)], timeout="upgrade"), "2003", "evicted_node"),
        (Signs(), "2003", None),
    ],
)
def test_signs(signs: Signs, product: str | None, trouble: str | None) -> None:
    found = recognise(signs, product)
    assert (found["id"] if found else None) == trouble
    if found:
        assert all(found[key] for key in ("explanation", "remedy", "source", "evidence"))


def test_every_trouble_says_where_it_is_from() -> None:
    for key, entry in load_data("troubles.yml").items():
        assert set(entry) <= {"products", "signs", "explanation", "remedy", "source"}, key
        assert entry["source"].startswith(("V:", "I:", "R:", "U:")), key
        assert entry["signs"], key


def failing(faults: list[dict[str, Any]] | None = None, host: str = "n1", **nodes: dict[str, Any]) -> LabSession:
    estate = copy.deepcopy(CLUSTER)
    for name, settings in nodes.items():
        estate["hosts"][name] |= settings
    return LabSession(world_of(estate, faults), host)


def test_a_virtual_server_on_a_node_of_another_version() -> None:
    # N2 is updated, the virtual server is not.
    session = failing(host="n2", n2={"service_pack": 2})
    with pytest.raises(CommandFailed) as caught, explained(session, "2003"):
        move_group(session, "EVS1", "N2", 900)
    trouble = caught.value.details["trouble"]
    assert trouble["id"] == "version_mismatch"
    assert "event 1025 of MSExchangeCluster" in trouble["evidence"][0]
    assert "Distributed Transaction Coordinator" in caught.value.remedy
    assert caught.value.details["events"]


def test_a_node_that_was_evicted_and_added_again() -> None:
    session = failing(host="n2", n2={"reinstall_needed": True})
    with pytest.raises(CommandFailed) as caught, explained(session, "2003"):
        move_group(session, "EVS1", "N2", 900)
    assert caught.value.details["trouble"]["id"] == "evicted_node"
    assert "Reinstall" in caught.value.remedy


def test_a_failure_of_another_kind_keeps_its_own_remedy() -> None:
    session = failing([{"cluster": "mail", "on": "online EVS1", "do": "fail", "times": 9}])
    take_offline(session, "EVS1", timeout=900)
    with pytest.raises(CommandFailed) as caught, explained(session, "2003"):
        bring_online(session, "EVS1", 900)
    assert "trouble" not in caught.value.details
    assert "sources MSExchangeCluster, ClusSvc" in caught.value.remedy


def test_old_events_and_refusals_explain_nothing() -> None:
    session = failing()
    host = session.world.hosts["n1"]
    host.log_event("Application", "MSExchangeCluster", 1025, "error", "an hour ago")
    session.clock.sleep(3600)
    assert recent_events(session, session.clock.now()) == []
    assert len(recent_events(session, session.clock.now() - 3600)) == 1
    asked = len(session.lines)
    with pytest.raises(Refused) as caught, explained(session):
        raise Refused("not now")
    assert caught.value.details == {}
    assert len(session.lines) == asked


def test_a_log_that_cannot_be_read_hides_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    session = failing()

    def unreadable(*unused: Any, **options: Any) -> list[Event]:
        raise Unreadable("the event log cannot be read")

    monkeypatch.setattr(session, "events", unreadable)
    with pytest.raises(CommandFailed, match="as it was"), explained(session):
        raise CommandFailed("as it was", exit_code=5018)
    assert any("event log" in text for text in session.said)

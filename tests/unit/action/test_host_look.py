# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action host_look: everything that the single readings tell, in one session and fewer calls."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.action import (
    cluster_info,
    connector_info,
    exchange_info,
    host_look,
    nlb_info,
    preflight_facts,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils import _look as composed
from ansible_collections.mailops.exchange.plugins.plugin_utils._look import Wanted
from ansible_collections.mailops.exchange.plugins.plugin_utils._look import look as compose
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import read_backup_due, read_interfering
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster import read as cluster_read
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreadable
from ansible_collections.mailops.exchange.tests.unit.action.test_nlb import on
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of
from ansible_collections.mailops.exchange.tests.unit.gates.looked import example, running, session_to

SP2 = "exchange2003-sp2"
# What moves while somebody looks, however fast.
MOVING = ("started", "ended", "msg")


def look(session: LabSession, **arguments: Any) -> dict[str, Any]:
    return on(session, host_look.ActionModule, {"updates": [SP2], **arguments})


def still(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts without what depends on the moment: the clock and the ages of backups."""
    return {key: value for key, value in facts.items() if key not in ("time", "drift", "backup")}


@pytest.mark.parametrize("name", ["mbx1", "n1"])
def test_the_look_says_what_the_single_readings_say(name: str) -> None:
    world = world_of(CLUSTER)
    one, many = LabSession(world, name), LabSession(world, name)
    found = look(one, lookback=192, settle=60)
    assert found["failed"] is False and found["changed"] is False
    single = on(many, exchange_info.ActionModule, {"updates": [SP2]})
    for key in ("exchange", "packages", "installations", "note", "notices", "msg"):
        assert found[key] == single[key], key
    clustered = on(many, cluster_info.ActionModule, {"settle": 60})["cluster"] if name == "n1" else None
    assert found["cluster"] == clustered and found["cluster_problem"] is None
    assert found["connector"] == on(many, connector_info.ActionModule, {"updates": [SP2]})["connector"]
    assert found["interfering"] == read_interfering(many, [], [])
    assert found["backup_due"] == read_backup_due(many, catalogue.load())
    facts = on(many, preflight_facts.ActionModule, {})["facts"]
    assert still(found["gate_facts"]) == still(facts) and abs(found["gate_facts"]["drift"]) < 5
    assert found["exchange55"] is None and found["rotation"] is None
    assert len(one.lines) <= len(many.lines) - 6


def test_without_gates_nothing_is_read_for_them() -> None:
    session = LabSession(world_of(CLUSTER), "mbx1")
    assert look(session)["gate_facts"] is None
    assert not any("localgroup" in line or "tasklist" in line for line in session.lines)


@pytest.mark.parametrize(("method", "state"), [("auto", "in"), ("nlb", "in"), ("none", "in"), ("hook", None)])
def test_a_front_end_stands_in_its_set(method: str, state: str | None) -> None:
    hosts: dict[str, Any] = {each: {"role": "front_end", "load_balanced": "web"} for each in ("fe1", "fe2")}
    session = LabSession(world_of({"update": SP2, "hosts": hosts}), "fe1")
    found = look(session, set="web", method=method)["rotation"]
    assert found == on(session, nlb_info.ActionModule, {"set": "web", "method": method})["rotation"]
    assert found["state"] == state


def test_a_set_without_network_load_balancing_is_refused() -> None:
    found = look(LabSession(world_of(CLUSTER), "mbx1"), set="web")
    assert found["failed"] and "mailops_exchange_rotation: hook" in found["remedy"]


def test_a_cluster_that_cannot_be_read_is_told_beside_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*unused: Any) -> Any:
        raise Unreadable("the table of nodes cannot be read")

    monkeypatch.setattr(cluster_read, "_combine", broken)
    found = look(LabSession(world_of(CLUSTER), "n1"))
    assert found["failed"] is False and found["cluster"] is None
    assert found["cluster_problem"] == "the table of nodes cannot be read."
    assert found["exchange"]["clustered"] is True and found["interfering"]["note"] is None


@pytest.mark.parametrize(
    ("product", "word", "seconds", "problem"),
    [
        ("2003", "online_pending", 3000, "waited 15 min for the cluster to settle, in vain."),
        ("2000", "online_pending", 3000, None),
        ("2000", "online_pending", 20000, "waited 3 h 44 min for EVS1 to come online, in vain."),
        # Of a word that nobody knows, as it may be in another language, the plan says what to look at.
        ("2000", "unknown", 3000, None),
    ],
)
def test_a_store_of_exchange_2000_may_still_upgrade_its_databases(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    product: str,
    word: str,
    seconds: int,
    problem: str | None,
) -> None:
    session = LabSession(world_of(CLUSTER), "n1")
    calm, read = cluster_read.read_cluster(session), composed.read_exchange
    group = {**calm.groups, "EVS1": replace(calm.groups["EVS1"], state="unknown" if word == "unknown" else "pending")}
    resources = {
        name: replace(entry, state=word) if entry.type.endswith("Information Store") else entry
        for name, entry in calm.resources.items()
    }
    begun = session.clock.now()

    def reading(unused: Any) -> Any:
        session.clock.sleep(1)
        late = session.clock.now() - begun > seconds
        return calm if late else replace(calm, groups=group, resources=resources)

    monkeypatch.setattr(cluster_read, "_read_consistently", reading)
    monkeypatch.setattr(composed, "read_exchange", lambda host: {**read(host), "product": product})
    found = look(session, settle=900, database_timeout=14400)
    assert (found["failed"], found["cluster_problem"]) == (False, problem)
    if problem is None:
        assert found["cluster"]["groups"]["EVS1"]["state"] == ("unknown" if word == "unknown" else "online")
    if word == "unknown":
        assert session.clock.now() - begun < 1200
    told = "n1: EVS1: on the way online; the store may be upgrading its databases"
    assert (told in capsys.readouterr().out.splitlines()) is (product == "2000" and word != "unknown")


def test_an_update_that_nobody_knows_is_told_before_anything_is_read() -> None:
    session = LabSession(world_of(CLUSTER), "mbx1")
    found = on(session, host_look.ActionModule, {"updates": ["exchange2003-sp9"]})
    assert found["failed"] and "exchange2003-sp9" in found["msg"] and session.lines == []


def test_exchange_5_5_is_looked_at_over_its_own_channel(tmp_path: Path) -> None:
    known = catalogue.load()
    wanted = Wanted(
        known=known, keys=["exchange55-sp4"], updates={"exchange55-sp4": known["exchange55-sp4"]}, lookback=9
    )
    with running(tmp_path, example("exchange55_single")) as lab, session_to(lab, "mbx1") as session:
        found = compose(session, wanted, lambda read: read())
        services = session.all_services()
    assert found["exchange"]["product"] == "5.5" and found["cluster"] is None
    assert found["exchange55"]["optimizer"] is None and found["exchange55"]["note"] is None
    assert all(services[name].state == "running" for name in found["exchange55"]["running"])
    assert "MSExchangeSA" in found["exchange55"]["running"] and "mailbox_manager" in found["exchange55"]["addons"]
    assert found["gate_facts"]["problems"] == {} and set(found["gate_facts"]["services"]) == set(services)

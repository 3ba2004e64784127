# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates on the nodes of an Exchange 5.5 cluster: what is refused, what is an outage, how mail comes back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster import act
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue, cluster55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install import clear
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install55 import Outage
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.troubles import Signs, explained, recognise
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed, HostError, Refused
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Event, Service
from ansible_collections.mailops.exchange.tests.unit.action.runner import FakeSession
from ansible_collections.mailops.exchange.tests.unit.cluster.lab55 import FIX, SP4
from ansible_collections.mailops.exchange.tests.unit.cluster.lab55 import cluster55 as running
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, Cut

# -- what keeps an installer from being started

UPDATES = catalogue.load()
KINDS = {
    "IP": "IP Address",
    "Name": "Network Name",
    "Disk": "Physical Disk",
    "SA": "Generic Service",
    "IS": "Generic Service",
}
STATES = ("online", "offline", "failed", "online_pending", "offline_pending", "unknown")


def view(owner: str = "N1", state: str = "online", **resources: str) -> dict[str, Any]:
    """A cluster as a node sees it; ``resources``: their states, by default online."""
    return {
        "service": "running",
        "nodes": {"N1": {"id": 1, "state": "up"}, "N2": {"id": 2, "state": "up"}},
        "groups": {
            "Cluster Group": {"owner": "N2", "state": "online", "virtual_server": False, "hold": None},
            "Exchange": {"owner": owner, "state": state, "virtual_server": True, "hold": {"resource": "SA"}},
        },
        "resources": {
            name: {"group": "Exchange", "type": kind, "state": resources.get(name, "online")}
            for name, kind in KINDS.items()
        },
    }


STOPPED: dict[str, Any] = {"service": "stopped", "nodes": {}, "groups": {}, "resources": {}}


def peer(node: str, service_pack: int = 3, *installing: str, cluster: dict[str, Any] | None = None) -> dict[str, Any]:
    """What another node tells."""
    level = {"product": "5.5", "service_pack": service_pack, "build": 2653 if service_pack == 4 else 2650}
    return {
        "node": node,
        "installing": list(installing),
        "exchange": {**level, "hotfixes": []},
        "cluster": cluster or view(),
    }


def against(key: str, here: str, own: dict[str, Any] | None, *peers: dict[str, Any]) -> str:
    return "; ".join(what for what, unused in cluster55.obstacles(UPDATES[key], here, own, peers))


PARKED = {"SA": "offline", "IS": "offline"}


def test_what_may_start() -> None:
    assert against(SP4, "N1", view(), peer("N2")) == ""
    assert against(SP4, "N2", view(), peer("N1", 4)) == ""
    # The passive node's own Cluster service is stopped: the other one tells who owns what.
    assert against(SP4, "N2", None, peer("N1", 4)) == ""
    assert against(FIX, "N1", view(state="partially_online", **PARKED), peer("N2", 4)) == ""


@pytest.mark.parametrize(
    ("key", "here", "own", "peers", "said"),
    [
        (SP4, "N2", view(), [peer("N1")], "N1, which owns Exchange, does not have it yet"),
        (SP4, "N2", None, [peer("N1")], "N1, which owns Exchange, does not have it yet"),
        (SP4, "N1", view(), [], "nobody tells whether something is being installed on N2"),
        (SP4, "N1", view(), [peer("N2", 3, "setup.exe")], "setup.exe runs on N2"),
        (SP4, "N1", view(state="failed", SA="failed"), [peer("N2")], "Exchange is failed"),
        (SP4, "N1", view(state="partially_online", IS="offline"), [peer("N2")], "Exchange is partially online"),
        (SP4, "N1", view(IS="online_pending"), [peer("N2")], "IS is online pending"),
        (SP4, "N1", None, [peer("N2")], "the node owns Exchange, and its Cluster service is stopped"),
        (SP4, "N1", None, [peer("N2", cluster=STOPPED)], "no node tells who owns the group of Exchange"),
        (FIX, "N2", view(state="partially_online", **PARKED), [peer("N1", 4)], "N1 owns Exchange and the disks"),
        (FIX, "N1", view(), [peer("N2", 4)], "SA is online; IS is online"),
        (FIX, "N1", view(state="offline", Disk="offline", **PARKED), [peer("N2", 4)], "Disk is offline"),
        (FIX, "N1", view(state="partially_online", **PARKED), [peer("N2", 4, "Q894689.exe")], "Q894689.exe runs on N2"),
    ],
)
def test_what_may_not(key: str, here: str, own: dict[str, Any] | None, peers: list[dict[str, Any]], said: str) -> None:
    assert said in against(key, here, own, *peers)
    assert all(what and remedy for what, remedy in cluster55.obstacles(UPDATES[key], here, own, peers))


def test_a_cluster_without_a_group_of_exchange_55() -> None:
    other = view()
    other["resources"]["SA"]["type"] = "Microsoft Exchange System Attendant"
    assert "no group of Exchange 5.5" in against(SP4, "N1", other, peer("N2", cluster=other))


@given(
    key=st.sampled_from([SP4, FIX]),
    here=st.sampled_from(["N1", "N2", "n2"]),
    owner=st.sampled_from(["N1", "N2", "n1"]),
    seen=st.booleans(),
    state=st.sampled_from(["online", "partially_online", "offline", "failed", "pending", "unknown"]),
    states=st.fixed_dictionaries({name: st.sampled_from(STATES) for name in KINDS}),
    level=st.sampled_from([3, 4]),
    installing=st.lists(st.sampled_from(["update.exe", "xcopy.exe"]), max_size=2),
)
def test_the_invariants_hold_whatever_is_seen(
    key: str, here: str, owner: str, seen: bool, state: str, states: dict[str, str], level: int, installing: list[str]
) -> None:
    """3: one node at a time. 5: the active node first, and never on a group that is on its way."""
    cluster = view(owner, state, **states)
    other = "N1" if here.upper() == "N2" else "N2"
    told = peer(other, level, *installing, cluster=cluster)
    allowed = not cluster55.obstacles(UPDATES[key], here, cluster if seen else None, [told])
    mine = owner.upper() == here.upper()
    exchange = {states["SA"], states["IS"]}
    kept = {states["IP"], states["Name"], states["Disk"]}
    if key == SP4:
        may = (seen or not mine) and (mine or level == 4) and state == "online" and (exchange | kept) == {"online"}
    else:
        may = mine and seen and exchange == {"offline"} and kept == {"online"}
    assert allowed == (may and not installing)


# -- the outage that the setup of a service pack is


class Services(FakeSession):
    """A node whose services are as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.states = {"MSExchangeSA": "running", "MSExchangeIS": "running"}

    def services(self, names: Any) -> dict[str, Service]:
        return {name: Service(name, state, "manual") for name, state in self.states.items() if name in names}


def test_an_outage_is_seen_from_the_services() -> None:
    session = Services()
    outage = Outage(session, "Exchange", list(session.states))
    begin = session.clock.now()
    looks = [("running", "running"), ("running", "stopped"), ("stopped", "stopped"), ("running", "start_pending")]
    for states in [*looks, ("running", "running"), ("running", "running")]:
        session.states = dict(zip(session.states, states, strict=True))
        outage.look()
        session.clock.sleep(10)
    # From the last look at which all was well to the first at which it was again.
    assert outage.events == [
        {"virtual_server": "Exchange", "event": "offline", "at": begin},
        {"virtual_server": "Exchange", "event": "online", "at": begin + 40},
    ]


def test_an_outage_that_nobody_saw_and_one_that_goes_on() -> None:
    session = Services()
    outage = Outage(session, "Exchange", list(session.states))
    assert outage.events == []
    outage.online()
    assert outage.events == []
    outage.stopped(5.0)
    assert [event["event"] for event in outage.events] == ["offline", "online"]
    going_on = Outage(session, "Exchange", [*session.states, "MSExchangeDS"])
    going_on.look()
    assert [event["event"] for event in going_on.events] == ["offline"] and going_on.lasts
    assert not outage.lasts


# -- on a lab's nodes


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def test_a_service_pack_on_both_nodes(tmp_path: Path) -> None:
    with running(tmp_path, language="de") as estate:
        with pytest.raises(Refused, match="N1, which owns Exchange, does not have it yet"):
            estate.install("n2", SP4)
        with pytest.raises(Refused, match="nobody tells"):
            estate.install("n1", SP4, peers=[])
        first = estate.install("n1", SP4)
        assert (first["success"], kinds(first["events"])) == (True, ["offline", "online"])
        assert (estate.group.owner, estate.group.state) == ("N1", "online")
        second = estate.install("n2", SP4)
        assert (second["success"], second["events"]) == (True, [])
        assert estate.install("n1", SP4)["success"]
        report = estate.world.referee.report()
        assert (report["violations"], report["installations"]) == ([], {"n1": 1, "n2": 1})
        assert report["availability"]["mail/Exchange"]["times"] == 1


def test_a_hotfix_on_both_nodes(tmp_path: Path) -> None:
    with running(tmp_path, FIX, language="it") as estate:
        with pytest.raises(Refused, match="is online"):
            estate.install("n1", FIX)
        with estate.session("n2") as session:
            act.take_offline(session, "Exchange")
            with pytest.raises(Refused, match="N1 owns Exchange"):
                estate.install("n2", FIX)
            assert estate.install("n1", FIX)["success"]
            act.move_group(session, "Exchange", "N2", 600)
            assert estate.install("n2", FIX)["success"]
            # As after a failure: back to where it was found, offline, and online there.
            back = cluster55.serve(session, "Exchange", estate.updates[FIX], "n1", 900)
        assert back["after"] == {"owner": "N1", "state": "online"}
        assert kinds(back["events"]) == ["moved", "online"]
        report = estate.world.referee.report()
        assert (report["violations"], report["availability"]["mail/Exchange"]["times"]) == ([], 1)


def test_a_service_pack_that_fails_leaves_the_group_where_it_stands(tmp_path: Path) -> None:
    in_use = {"host": "n1", "on": "install", "do": "file_in_use", "file": "store.exe"}
    with running(tmp_path, faults=[in_use]) as estate:
        failed = estate.install("n1", SP4)
        assert not failed["success"] and any("store.exe" in problem["what"] for problem in failed["problems"])
        with estate.session("n1") as session:
            act.take_offline(session, "Exchange")
            served = cluster55.serve(session, "Exchange", estate.updates[SP4], "N2", 900)
            assert (served["after"], kinds(served["events"])) == ({"owner": "N1", "state": "online"}, ["online"])
            again = cluster55.serve(session, "Exchange", estate.updates[SP4], "N2", 900)
            # The record learns that an outage is over also where Setup has ended it itself.
            assert (again["changed"], kinds(again["events"])) == (False, ["online"])
        assert estate.world.referee.report()["violations"] == []


@pytest.mark.parametrize(
    ("at", "lost", "kill"),
    [(60, "question", False), (150, "answer", True), (240, "answer", False), (330, "question", True)],
)
def test_a_connection_that_breaks_anywhere_in_an_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, lost: str, kill: bool
) -> None:
    """Whatever happens there, the next run installs nothing twice and takes away what is left."""
    with running(tmp_path) as estate:
        estate.stage("n1", SP4)
        with monkeypatch.context() as patch, suppress(HostError, Cut):
            breaks = Breaks(at, lost, kill)
            breaks.install(patch)
            estate.install("n1", SP4)
        assert breaks.count >= at, "the installation takes fewer messages"
        result = estate.install("n1", SP4)
        assert result["success"] and result["after"]["service_pack"] == 4
        with estate.session("n1") as session:
            catalogue_entry = estate.updates[SP4]
            clear(session, catalogue_entry)
            session.run("ver", changes=False)
        report = estate.world.referee.report()
        assert (report["violations"], report["installations"]) == ([], {"n1": 1})
        assert estate.group.state == "online"
        assert [entry for entry in estate.leftovers() if entry.startswith("n1")] == []


def test_databases_that_are_too_new_are_recognised(tmp_path: Path) -> None:
    with running(tmp_path) as estate:
        assert estate.install("n1", SP4)["success"]
        with estate.session("n2") as session:
            act.take_offline(session, "Exchange")
            act.move_group(session, "Exchange", "N2", 600)
        with estate.session("n2") as session:
            session.hello()
            with pytest.raises(CommandFailed) as told, explained(session, "5.5"):
                act.bring_online(session, "Exchange", 600)
            assert told.value.details["trouble"]["id"] == "database_too_new"
            assert "event 1197 of MSExchangeIS P" in told.value.details["trouble"]["evidence"][0]


def test_event_1005_alone_says_less() -> None:
    event = Event(0.0, "MSExchangeIS Private", 1005, "error", "Unable to start.", ("0x451",))
    found = recognise(Signs([event]), "5.5")
    assert found is not None and found["id"] == "store_not_started"
    assert recognise(Signs([event]), "2000") is None

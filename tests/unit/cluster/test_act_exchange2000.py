# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual servers of Exchange 2000, which upgrade themselves as they come online on an updated node."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils._serving import serve
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.act import bring_online, move_group, take_offline
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.model import ClusterState
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.troubles import explained
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.virtual_server import upgrade, verify
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed, Refused, WaitTimeout
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of
from ansible_collections.mailops.exchange.tests.unit.exchange.lab2000 import SP3, Setup, cluster, lab_of, opened

UPGRADE_FAILS = {"cluster": "mail", "on": "upgrade EVS1", "do": "error", "code": "c1037b44"}


class Shown:
    """The directory as the lab keeps it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def servers(self) -> dict[str, dict[str, object]]:
        server = self.lab.world.clusters["mail"].groups["EVS1"].virtual_server
        assert server is not None
        build = {2: 5762, 3: 6249}[server.service_pack]
        entry = {"product": "2000", "service_pack": server.service_pack, "build": build, "serial_number": "Version 6.0"}
        return {server.network_name.upper(): entry}


def updated(lab: Lab) -> Setup:
    """Bring the service pack onto the passive node."""
    hand = Setup(lab)
    hand.update_free_node("n2", SP3)
    return hand


def test_a_move_waits_for_the_databases_however_long_they_take() -> None:
    said: list[str] = []
    with lab_of(**cluster(database_minutes=60)) as lab:
        updated(lab)
        with opened(lab, "n2", said) as session:
            result = move_group(session, "EVS1", "N2", 14400)
            seen = verify(session, "EVS1", load()[SP3], Shown(lab), owner="n2", timeout=600)
    assert result["after"] == {"owner": "N2", "state": "online"}
    assert [event["event"] for event in result["events"]] == ["offline", "moved", "online"]
    assert result["events"][-1]["at"] - result["events"][0]["at"] > 60 * 60
    assert any("Information Store (EVS1) is online pending; a store upgrades its databases" in line for line in said)
    assert any("waiting for moving EVS1 from N1 to N2" in line for line in said)
    assert seen == {"owner": "N2", "state": "online", "version": {"service_pack": 3, "build": 6249}}


def test_its_readings_are_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    with lab_of(**cluster(database_minutes=60)) as lab:
        updated(lab)
        with opened(lab, "n2") as session:
            run = session.run
            monkeypatch.setattr(session, "run", lambda line, **how: calls.append(line) or run(line, **how))
            move_group(session, "EVS1", "N2", 14400)
    readings = [line for line in calls if line.startswith("cluster group") and "moveto" not in line]
    assert 5 < len(readings) < 60 * 60 / 25
    assert len([line for line in calls if "moveto" in line]) == 1


def test_the_time_can_be_over_and_the_move_goes_on() -> None:
    with lab_of(**cluster(database_minutes=90)) as lab:
        updated(lab)
        with opened(lab, "n2") as session:
            with pytest.raises(WaitTimeout):
                move_group(session, "EVS1", "N2", 600)
            # Asked for again, it waits for what is under way and moves nothing a second time.
            result = move_group(session, "EVS1", "N2", 14400)
        assert result["changed"] is False
        group = lab.world.clusters["mail"].groups["EVS1"]
        assert (group.owner, group.state) == ("N2", "online")


def test_an_upgrade_that_fails_leaves_mail_online_and_is_explained() -> None:
    with lab_of(**cluster(), faults=[UPGRADE_FAILS]) as lab:
        updated(lab)
        with opened(lab, "n2") as session:
            with (
                pytest.raises(CommandFailed, match="came back to, N1 and is online") as raised,
                explained(session, "2000"),
            ):
                move_group(session, "EVS1", "N2", 14400)
            assert raised.value.details["trouble"]["id"] == "resource_upgrade_failed"
            assert "account of the Cluster service" in raised.value.remedy
            assert "Exchange Full Administrator" in raised.value.remedy
            assert [event["event"] for event in raised.value.details["events"]] == ["offline", "online"]
            # What puts things back has nothing to do, and the next attempt works.
            assert serve(session, "EVS1", load()[SP3], Shown(lab), "N1", 600)["changed"] is False
            with pytest.raises(CommandFailed, match="online on N2"):
                verify(session, "EVS1", load()[SP3], Shown(lab), owner="N2", timeout=600)
            assert move_group(session, "EVS1", "N2", 14400)["after"] == {"owner": "N2", "state": "online"}


def test_brought_online_on_an_updated_node_it_upgrades_itself_too() -> None:
    with lab_of(**cluster(database_minutes=30)) as lab:
        updated(lab)
        with opened(lab, "n2") as session:
            take_offline(session, "EVS1")
            move_group(session, "EVS1", "N2", 600)
            result = bring_online(session, "EVS1", 14400)
            assert result["after"]["state"] == "online"
            seen = verify(session, "EVS1", load()[SP3], Shown(lab), owner=None, timeout=600)
    assert seen["version"] == {"service_pack": 3, "build": 6249}


def test_a_virtual_server_whose_level_the_directory_does_not_show_is_not_verified() -> None:
    with lab_of(**cluster()) as lab, opened(lab, "n1") as session:
        with pytest.raises(CommandFailed, match="the directory does not show it at the level of Exchange 2000"):
            verify(session, "EVS1", load()[SP3], Shown(lab), owner="N1", timeout=60)
        with pytest.raises(Refused, match="without the directory"):
            verify(session, "EVS1", load()[SP3], None, owner="N1", timeout=60)
        # A hotfix upgrades no virtual server: owner and state are all there is.
        seen = verify(session, "EVS1", load()["exchange2000-kb870540"], None, owner="N1", timeout=60)
        assert seen == {"owner": "N1", "state": "online"}
        with pytest.raises(Refused, match="it does that itself"):
            upgrade(session, "EVS1", load()[SP3], Shown(lab))


def with_unknown(calm: ClusterState) -> ClusterState:
    """EVS1 comes online, and of one of its resources nobody knows what the word means."""
    resources = dict(calm.resources)
    own = list(calm.resources_of("EVS1"))
    resources[own[0]] = replace(resources[own[0]], state="online_pending")
    resources[own[1]] = replace(resources[own[1]], state="unknown")
    groups = {**calm.groups, "EVS1": replace(calm.groups["EVS1"], state="unknown")}
    return replace(calm, resources=resources, groups=groups)


def test_what_else_is_on_its_way_has_no_more_time_than_ever() -> None:
    calm = read_cluster(LabSession(world_of(CLUSTER), "n2"))
    assert calm.unsettled == [] and calm.coming_online == []

    def moving(**resources: str) -> list[str]:
        changed = {name: replace(entry, state=resources.get(entry.group, "online"))
                   for name, entry in calm.resources.items()}  # fmt: skip
        groups = {name: replace(group, state="pending" if name in resources else "online")
                  for name, group in calm.groups.items()}  # fmt: skip
        return replace(calm, resources=changed, groups=groups).coming_online

    quorum = next(name for name, group in calm.groups.items() if group.quorum)
    assert moving(EVS1="online_pending") == moving(EVS1="pending") == ["EVS1"]
    assert moving(EVS1="offline_pending") == moving(EVS1="unknown") == []
    assert moving(EVS1="online_pending", **{quorum: "online_pending"}) == []
    assert with_unknown(calm).coming_online == ["EVS1"]
    joining = {name: replace(node, state="joining") for name, node in calm.nodes.items()}
    group = {**calm.groups, "EVS1": replace(calm.groups["EVS1"], state="pending")}
    resources = {
        name: replace(entry, state="online_pending") if entry.group == "EVS1" else entry
        for name, entry in calm.resources.items()
    }
    assert replace(calm, nodes=joining, groups=group, resources=resources).coming_online == []

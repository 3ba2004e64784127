# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which node a virtual server can be brought back into service."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils import _serving
from ansible_collections.mailops.exchange.plugins.plugin_utils._serving import carrier, serve
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.model import ClusterState, Group
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed, Refused

from .runner import FakeSession


@pytest.mark.parametrize(
    ("owner", "node_updated", "server_upgraded", "expected"),
    [
        # Nothing was installed yet: it goes online where it stands.
        ("N1", False, False, "N1"),
        ("N2", False, False, "N2"),
        # Installed, not moved: still on a node of its version.
        ("N1", True, False, "N1"),
        # Moved to the updated node, not upgraded: back.
        ("n2", True, False, "N1"),
        # The cluster failed it over to a node of which nothing is known: back to the one that carried it.
        ("N3", True, False, "N1"),
        # Upgraded: on an updated node, away from the one that it left.
        ("N2", True, True, "N2"),
        ("N1", True, True, "N2"),
        ("N3", True, True, "N3"),
        # Upgraded, and neither this node nor the one that it left is updated.
        ("N2", False, True, None),
        ("N1", False, True, None),
        # A hotfix upgrades no virtual servers.
        ("N1", True, None, "N1"),
        ("N2", False, None, "N2"),
    ],
)
def test_carrier(owner: str, node_updated: bool, server_upgraded: bool | None, expected: str | None) -> None:
    found = carrier(owner=owner, here="N2", fallback="N1", node_updated=node_updated, server_upgraded=server_upgraded)
    assert found == expected


def test_without_a_fallback_no_node_is_known() -> None:
    assert carrier(owner="N2", here="N2", fallback=None, node_updated=True, server_upgraded=False) is None


class Cluster:
    """A cluster in which one virtual server moves and comes online where its version fits, N2 being updated."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: str, state: str, *answers: bool) -> None:
        """``answers``: what the directory says about the upgrade, time after time; the last one is the truth."""
        self.owner, self.state, self.answers = owner, state, list(answers)
        self.did: list[str] = []
        for name, value in (
            ("read_cluster", self.read),
            ("computer_name", lambda session: "N2"),
            ("read_marks", lambda session: {}),
            ("at_result", lambda update, marks: True),
            ("upgraded", lambda update, entry: self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]),
        ):
            monkeypatch.setattr(_serving, name, value)
        monkeypatch.setattr(_serving.act, "move_group", self.move)
        monkeypatch.setattr(_serving.act, "bring_online", self.online)

    def read(self, session: Any, settle: float) -> ClusterState:
        group = Group(self.owner, self.state, [], ["N1", "N2"], virtual_server=True, quorum=False, network_name="EVS1")
        return ClusterState("running", "mail", groups={"EVS1": group})

    def move(self, session: Any, group: str, node: str, timeout: float) -> dict[str, Any]:
        self.did.append(f"move {node}")
        self.owner = node
        return {"events": [{"event": "moved"}]}

    def online(self, session: Any, group: str, timeout: float) -> dict[str, Any]:
        self.did.append("online")
        if (self.owner == "N2") != self.answers[-1]:
            self.state = "failed"
            raise CommandFailed("it does not come online", events=[{"event": "offline"}])
        self.state = "online"
        return {"after": {"owner": self.owner, "state": "online"}, "events": [{"event": "online"}]}

    def serve(self) -> dict[str, Any]:
        return serve(FakeSession(), "EVS1", {"upgrades_virtual_server": True}, Directory(), "N1", 900)


class Directory:
    """A directory whose entries do not matter: what they mean is answered by the cluster above."""

    def servers(self) -> dict[str, dict[str, Any]]:
        return {}


def test_what_is_online_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, "N1", "online", False)
    assert (cluster.serve()["changed"], cluster.did) == (False, [])


def test_a_virtual_server_of_the_old_version_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, "N2", "partially_online", False)
    result = cluster.serve()
    assert cluster.did == ["move N1", "online"]
    assert (result["before"], result["after"]) == (
        {"owner": "N2", "state": "partially_online"},
        {"owner": "N1", "state": "online"},
    )
    assert [event["event"] for event in result["events"]] == ["moved", "online"]


def test_one_that_a_person_upgrades_meanwhile_returns_to_the_updated_node(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, "N2", "partially_online", False, True)
    result = cluster.serve()
    assert cluster.did == ["move N1", "online", "move N2", "online"]
    assert result["after"] == {"owner": "N2", "state": "online"}
    assert [event["event"] for event in result["events"]] == ["moved", "offline", "moved", "online"]


def test_one_that_comes_online_nowhere_is_a_failure_with_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, "N2", "partially_online", False)
    monkeypatch.setattr(_serving.act, "bring_online", _fails)
    with pytest.raises(CommandFailed) as caught:
        cluster.serve()
    assert [event["event"] for event in caught.value.details["events"]] == ["moved", "offline"]
    assert cluster.did == ["move N1"]


def test_without_a_directory_nothing_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, "N2", "offline", False)
    with pytest.raises(Refused, match="directory"):
        serve(FakeSession(), "EVS1", {"upgrades_virtual_server": True}, None, "N1", 900)
    assert cluster.did == []


def _fails(session: Any, group: str, timeout: float) -> dict[str, Any]:
    raise CommandFailed("it does not come online", events=[{"event": "offline"}])

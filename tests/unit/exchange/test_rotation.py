# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaving and joining the rotation of a load-balanced set."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.programs import wmic
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import rotation
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    ConnectionLost,
    ReadOnlyViolation,
    Refused,
    Unreadable,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabSession, world_of

ADDRESS = "10.20.1.10"
# The form in which administrators showed it in public [R].
CONVERGED_2003 = """WLBS Cluster Control Utility V2.4 (c) 1997-2003 Microsoft Corporation.
Cluster 10.20.1.10
Retrieving state for host 10.20.1.10.
Host 2 has entered a converging state 3 time(s) since joining the cluster
  and the last convergence completed at approximately: 9/12/2005 10:20:31 AM
Host 2 converged with the following host(s) as part of the cluster:
1, 2
"""
CONVERGED_2000 = """WLBS Cluster Control Utility V2.3 (c) 1997-99 Microsoft Corporation
Cluster 10.20.1.10
Host 1 converged as DEFAULT with the following host(s) as part of the cluster:
1, 2
"""


def front_ends(**changes: Any) -> dict[str, Any]:
    hosts: dict[str, Any] = {name: {"role": "front_end", "load_balanced": "web"} for name in ("fe1", "fe2")}
    for name in hosts:
        hosts[name] |= changes
    return {"update": "exchange2003-sp2", "hosts": {**hosts, "mbx1": {}}}


def session(
    name: str = "fe1", faults: list[dict[str, Any]] | None = None, language: str = "en", **changes: Any
) -> LabSession:
    return LabSession(world_of({**front_ends(**changes), "language": language}, faults), name)


def state(host: LabSession) -> str:
    member = host.world.balancing.member(host.world.hosts[host.host])
    assert member is not None
    return member.state


def restart(host: LabSession) -> None:
    machine = host.world.hosts[host.host]
    machine.shutdown(restart=True)
    assert host.world.clock.wait_until(lambda: not machine.up, 600)
    assert host.world.clock.wait_until(lambda: machine.up and machine.settled, 600)


# -- parsing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CONVERGED_2003, "converged"),
        (CONVERGED_2000, "converged"),
        (CONVERGED_2003.replace("Host 2 converged with", "Host 2 converging with"), "converging"),
        (CONVERGED_2003.replace("Host 2 converged with", "Host 2 draining with"), "draining"),
        ("Cluster 10.20.1.10\nHost 1 is stopped.\n", "stopped"),
        ("Cluster 10.20.1.10\nCLUSTER MODE STOPPED.\n", "stopped"),
        ("Cluster 10.20.1.10\nHost 1 is stopped, control is suspended.\n", "suspended"),
        ("Cluster 10.20.1.10\nHost 1: convergenza completata come PREDEFINITO con i seguenti host:\n1\n", "converged"),
        ("Cluster 10.20.1.10\nHost 1 wird zusammengeführt mit den folgenden Hosts des Clusters:\n1\n", "converging"),
        ("Cluster 10.20.1.10\nL'hôte 1 a convergé.\n", "unknown"),
        ("", "unknown"),
        # what is past says nothing about now
        ("Host 1 has entered a converging state 1 time(s) since joining the cluster\n", "unknown"),
    ],
)
def test_the_words_of_the_program(text: str, expected: str) -> None:
    assert rotation.states_by_words(text, [ADDRESS]) == [expected]


def test_two_clusters_on_one_host_are_told_apart() -> None:
    text = "Cluster 10.1.1.1\nHost 1 is stopped.\nCluster 10.1.1.11\nHost 4 converged with the following host(s)\n4\n"
    assert rotation.states_by_words(text, ["10.1.1.1", "10.1.1.11"]) == ["stopped", "converged"]
    assert rotation.states_by_words("Host 1 is stopped.\n", ["10.1.1.1", "10.1.1.11"]) == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["stopped", "converged"], "converged"),
        (["suspended", "stopped"], "stopped"),
        (["draining", "stopped"], "draining"),
        (["converged", "unknown"], "unknown"),
        ([], "unknown"),
    ],
)
def test_of_several_clusters_the_one_that_still_takes_users_counts(states: list[str], expected: str) -> None:
    assert rotation.together(states) == expected


def rows(*records: tuple[str, str, str]) -> str:
    return "".join(
        f"\r\n\r\nComputerName={name}\r\nHostPriority=1\r\nName={address}:1\r\nStatusCode={code}\r\n"
        for name, address, code in records
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rows(("FE1", ADDRESS, "1007")), ["converged"]),
        (rows(("fe1.contoso.example", ADDRESS, "1008")), ["converged"]),
        # only the row of the host itself is right
        (rows(("fe2", ADDRESS, "1007"), ("fe1", ADDRESS, "1013")), ["suspended"]),
        (rows(("fe2", ADDRESS, "1007")), None),
        (rows(("fe1", "10.0.0.9", "1007")), None),
        (rows(("fe1", ADDRESS, "1014")), ["unknown"]),
        (rows(("fe1", ADDRESS, "")), None),
        ("'wmic' is not recognized as an internal or external command,", None),
    ],
)
def test_the_numbers_of_wmi(text: str, expected: list[str] | None) -> None:
    assert rotation.states_by_number(text, "FE1", [ADDRESS]) == expected


@given(st.text(), st.lists(st.sampled_from(["10.1.1.1", "10.1.1.11"]), max_size=2, unique=True))
def test_no_text_breaks_the_parsers(text: str, addresses: list[str]) -> None:
    found = rotation.states_by_words(text, addresses)
    assert len(found) == len(addresses)
    assert set(found) <= {"suspended", "stopped", "draining", "converging", "converged", "unknown"}
    rotation.states_by_number(text, "FE1", addresses)


# -- on the lab's hosts


def test_reading() -> None:
    found = rotation.read(session(language="de"))
    assert (found.present, found.state, found.source, found.rotation, found.note) == (
        True,
        "converged",
        "number",
        "in",
        None,
    )
    assert found.to_dict()["clusters"] == [{"address": ADDRESS, "starts_with_windows": True}]
    assert not rotation.read(session("mbx1")).present


@pytest.mark.parametrize("language", ["en", "de", "it"])
def test_leaving_and_joining_without_the_numbers(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.delitem(wmic.ALIASES, "microsoftnlb_node")
    host = session(language=language)
    assert rotation.read(host).source == "words"
    assert rotation.leave(host, 600)["changed"]
    assert rotation.read(host).state == "suspended"
    rotation.join(host, 300)
    assert state(host) == "converged"


def test_a_front_end_leaves_when_its_users_have_gone() -> None:
    host = session(drain_minutes=4)
    result = rotation.leave(host, 600)
    assert result["changed"] and not result["forced"] and 230 <= result["seconds"] <= 330
    assert (result["before"], result["after"]) == ({"rotation": "in"}, {"rotation": "out"})
    assert state(host) == "suspended"
    verbs = [line.split()[1] for line in host.changes if line.startswith("wlbs")]
    assert verbs == ["drainstop", "suspend"]
    assert rotation.read(host).note is not None
    again = rotation.leave(host, 600)
    assert again["changed"] is False and again["before"] == {"rotation": "out"}


def test_at_the_deadline_the_rest_is_ended() -> None:
    host = session(drain_minutes=60)
    result = rotation.leave(host, 300)
    assert result["forced"] and 300 <= result["seconds"] < 3600
    assert state(host) == "suspended"
    assert [line.split()[1] for line in host.changes if line.startswith("wlbs")] == ["drainstop", "stop", "suspend"]


def test_a_restart_does_not_bring_it_back_and_joining_puts_everything_as_it_was() -> None:
    host = session()
    rotation.leave(host, 600)
    restart(host)
    assert state(host) == "stopped"
    assert rotation.read(host).rotation == "out"
    # a later task of the turn holds it again
    assert rotation.leave(host, 600)["changed"] and state(host) == "suspended"
    result = rotation.join(host, 300)
    assert result["changed"] and state(host) == "converged"
    found = rotation.read(host)
    assert found.note is None and found.interfaces[0].mode == 1
    assert rotation.join(host, 300)["changed"] is False
    restart(host)
    assert host.world.clock.wait_until(lambda: state(host) == "converged", 60)


def test_one_that_was_started_by_hand_is_so_again() -> None:
    host = session()
    member = host.world.balancing.member(host.world.hosts["fe1"])
    assert member is not None
    host.world.hosts["fe1"].registry.set(member.key, "ClusterModeOnStart", "REG_DWORD", 0)
    rotation.leave(host, 600)
    rotation.join(host, 300)
    assert rotation.read(host).interfaces[0].mode == 0


def test_a_note_that_was_left_behind_is_brought_up_to_date() -> None:
    host = session()
    rotation.leave(host, 600)
    note = host.world.hosts["fe1"].files.read(rotation.NOTE)
    rotation.join(host, 300)
    host.world.hosts["fe1"].files.write(rotation.NOTE, note.replace(b": 1", b": null"))
    rotation.leave(host, 600)
    assert list((rotation.read(host).note or {}).values()) == [1]


def test_a_front_end_found_out_is_held_out_and_found_draining_is_waited_for() -> None:
    host = session()
    host.run("wlbs stop", changes=True)
    result = rotation.leave(host, 600)
    assert result["changed"] and result["before"] == {"rotation": "out"}
    restart(host)
    assert rotation.read(host).rotation == "out"
    other = session("fe2")
    other.run("wlbs drainstop", changes=True)
    assert rotation.leave(other, 600)["before"] == {"rotation": "draining"}
    assert [line.split()[1] for line in other.changes if line.startswith("wlbs")] == ["drainstop", "suspend"]


def test_joining_while_draining_takes_users_again() -> None:
    host = session()
    host.run("wlbs drainstop", changes=True)
    assert rotation.join(host, 300)["before"] == {"rotation": "draining"}
    assert state(host) == "converged"


def test_check_mode_looks_and_sends_nothing() -> None:
    host = session()
    host.read_only = True
    with pytest.raises(ReadOnlyViolation):
        rotation.leave(host, 600)
    assert host.changes == []
    assert rotation.join(host, 300)["changed"] is False


def test_without_network_load_balancing_it_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        rotation.leave(session("mbx1"), 600)
    assert "mailops_exchange_rotation: hook" in caught.value.remedy


def test_a_text_that_nobody_knows_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(wmic.ALIASES, "microsoftnlb_node")
    host = session()
    monkeypatch.setattr(rotation, "_data", lambda: {"status": {}, "words": {}})
    assert rotation.read(host).rotation == "unknown"
    with pytest.raises(Unreadable) as caught:
        rotation.leave(host, 600)
    assert "wlbs query" in caught.value.remedy
    assert host.changes == []


def test_a_cluster_that_does_not_converge_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    host = session()
    rotation.leave(host, 600)
    monkeypatch.setattr(host.world.balancing, "_converged", lambda member: lambda: None)
    with pytest.raises(WaitTimeout) as caught:
        rotation.join(host, 120)
    assert "wlbs display" in caught.value.remedy
    # what was noted stays until it has joined
    assert rotation.read(host).note is not None


@pytest.mark.parametrize("text", ["{", "[]", '{"interfaces": {"k": "x"}}', '{"interfaces": 5}'])
def test_a_damaged_note_stops_the_run(text: str) -> None:
    host = session()
    host.world.hosts["fe1"].files.make_dirs(rotation.FOLDER)
    host.world.hosts["fe1"].files.write(rotation.NOTE, text.encode())
    with pytest.raises(Unreadable, match="no note"):
        rotation.join(host, 300)


@pytest.mark.parametrize("do", ["drop", "refuse"])
def test_a_connection_lost_at_any_call_is_made_good_by_the_next_try(do: str) -> None:
    for number in range(1, 20):
        host = session(faults=[{"host": "fe1", "on": f"call {number}", "do": do}])
        for work in (rotation.leave, rotation.join):
            try:
                work(host, 600)
            except ConnectionLost:
                host.reconnect()
                work(host, 600)
            if work is rotation.leave:
                assert state(host) == "suspended", number
        assert state(host) == "converged", number
        found = rotation.read(host)
        assert (found.note, found.interfaces[0].mode) == (None, 1), number

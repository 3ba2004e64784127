# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for a hardware balancer, over HTTP, and what the inventory says of it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.inventory import inventory
from ansible_collections.mailops.exchange.lab.simulation import Lab


def estate(balancer: str) -> dict[str, Any]:
    member = {"role": "front_end", "load_balanced": "web", "balancer": balancer}
    return complete({"update": "exchange2003-sp2", "speed": 0, "hosts": {"fe1": member, "fe2": member, "mbx1": {}}})


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(estate("hardware")) as running:
        yield running


def ask(lab: Lab, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    address = urlsplit(lab.balancer)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


MEMBER = "/sets/web/members/fe1"


def test_a_member_is_drained_and_put_back(lab: Lab) -> None:
    assert ask(lab, "GET", MEMBER) == (200, {"host": "fe1", "set": "web", "state": "in", "connections": 0})
    assert ask(lab, "PUT", MEMBER, {"state": "out"})[1]["state"] == "draining"
    with lab.world.clock.lock:
        lab.world.clock.sleep(600)
    assert [each["state"] for each in ask(lab, "GET", "/sets/web")[1]["members"]] == ["out", "in"]
    assert ask(lab, "PUT", MEMBER, {"state": "in"})[1]["state"] == "in"


def test_a_set_with_a_name_that_no_address_can_hold_as_it_is() -> None:
    odd = estate("hardware")
    for name in ("fe1", "fe2"):
        odd["hosts"][name]["load_balanced"] = "Web / Ost & <1>"
    with Lab(odd) as running:
        path = f"/sets/{quote('Web / Ost & <1>', safe='')}/members/fe1"
        assert ask(running, "GET", path)[1]["set"] == "Web / Ost & <1>"


def test_the_rest_can_be_ended(lab: Lab) -> None:
    assert ask(lab, "PUT", MEMBER, {"state": "out", "force": True})[1] == {
        "host": "fe1",
        "set": "web",
        "state": "out",
        "connections": 0,
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/sets/other", None, 404),
        ("GET", "/elsewhere", None, 404),
        ("GET", "/sets/web/members/mbx1", None, 404),
        ("GET", "/sets/web/hosts/fe1", None, 404),
        ("PUT", MEMBER, {"state": "away"}, 400),
        ("PUT", MEMBER, "out", 400),
        ("DELETE", MEMBER, None, 405),
        ("PUT", "/sets/web", {"state": "out"}, 405),
    ],
)
def test_what_it_does_not_know(lab: Lab, method: str, path: str, body: Any, status: int) -> None:
    assert ask(lab, method, path, body)[0] == status
    assert ask(lab, "GET", MEMBER)[1]["state"] == "in"


def test_its_calls_stand_in_the_journal(lab: Lab) -> None:
    ask(lab, "GET", MEMBER)
    ask(lab, "PUT", MEMBER, {"state": "out"})
    found = [(e["host"], e["channel"], e["call"].split()[0], e["changes"]) for e in lab.world.journal.entries]
    assert found == [("balancer", "http", "GET", False), ("balancer", "http", "PUT", True)]


def hosts_of(lab: Lab) -> dict[str, Any]:
    found: dict[str, Any] = inventory(lab, Path("/tmp"))["all"]["children"]["exchange_servers"]["hosts"]
    return found


def test_the_inventory_names_the_hooks(lab: Lab) -> None:
    hosts = hosts_of(lab)
    assert "mailops_exchange_load_balanced" not in hosts["mbx1"]
    assert (hosts["fe1"]["mailops_exchange_rotation"], hosts["fe1"]["lab_balancer"]) == ("hook", lab.balancer)
    for moment in ("state", "leave", "join"):
        assert Path(hosts["fe1"][f"mailops_exchange_rotation_{moment}_tasks"]).is_file()


@pytest.mark.parametrize(("balancer", "rotation"), [("nlb", None), ("none", "none")])
def test_without_a_device_nobody_listens_and_there_are_no_hooks(balancer: str, rotation: str | None) -> None:
    with Lab(estate(balancer)) as running:
        assert running.balancer == ""
        host = hosts_of(running)["fe1"]
    assert (host["mailops_exchange_load_balanced"], host.get("mailops_exchange_rotation")) == ("web", rotation)
    assert not [name for name in host if name.endswith("_tasks")]

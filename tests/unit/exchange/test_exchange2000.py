# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs with Exchange 2000: databases that the store upgrades, the suite, Conferencing, load balancing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import rotation
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.databases import on_their_way, read_started
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.outcome import at_result, evident, judge
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, WaitTimeout

from .lab2000 import SP3, Setup, lab_of, opened

SUITE = "sbs2000-sp1"


def suite_host(service_pack: int, windows: int, suite: int | None) -> dict[str, Any]:
    return {
        "product": "2000",
        "edition": "small_business",
        "service_pack": service_pack,
        "build": {1: 4712, 3: 6249}[service_pack],
        "hotfixes": [],
        "os": {"name": "2000", "service_pack": windows},
        "suite_service_pack": suite,
        "pending_restart": False,
    }


@pytest.mark.parametrize(
    ("host", "before_restart", "all_of_it"),
    [
        (suite_host(1, 2, 0), False, False),
        (suite_host(3, 2, 0), True, False),
        (suite_host(3, 3, 0), True, False),
        (suite_host(3, 2, 1), True, False),
        (suite_host(3, 3, None), True, False),
        (suite_host(3, 3, 1), True, True),
        (suite_host(3, 4, 1), True, True),
        (suite_host(1, 4, 1), False, False),
    ],
)
def test_all_three_parts_of_the_suite_count(host: dict[str, Any], before_restart: bool, all_of_it: bool) -> None:
    update = load()[SUITE]
    assert (evident(update, host), at_result(update, host)) == (before_restart, all_of_it)


def test_the_suites_pack_is_judged_by_exchange_and_asks_for_its_restart() -> None:
    before, after = suite_host(1, 2, 0), suite_host(3, 2, 0)
    outcome = judge(load()[SUITE], 3010, [], before, after)
    assert (outcome.success, outcome.restart_required) == (True, True)
    assert judge(load()[SUITE], 0, [], before, after).restart_required
    assert not judge(load()[SUITE], 3010, [], before, before).success


def test_the_suite_before_and_after_its_pack() -> None:
    hosts = {"sbs1": {"os_service_pack": 2, "service_pack": 1, "edition": "small_business"}}
    with lab_of(hosts, update=SUITE, controllers={"sbs1": {}}) as lab, opened(lab, "sbs1") as session:
        found = read_exchange(session)
        assert (found["edition"], found["suite_service_pack"], found["os"]["service_pack"]) == ("small_business", 0, 2)
        hand = Setup(lab)
        assert hand.install("sbs1", SUITE) == 3010
        waiting = read_exchange(session)
        assert (waiting["service_pack"], waiting["suite_service_pack"], waiting["os"]["service_pack"]) == (3, 0, 2)
        hand.restart("sbs1")
        session.reconnect()
        assert at_result(load()[SUITE], read_exchange(session))


def test_a_conferencing_server_by_its_services() -> None:
    with lab_of({"conf1": {"edition": "conferencing"}, "mbx1": {}}) as lab:
        with opened(lab, "conf1") as session:
            found = read_exchange(session)
        assert (found["edition"], found["suite_service_pack"]) == ("conferencing", None)
        assert found["services"]["MSExConfMgmt"] == {"state": "running", "start_type": "auto"}
        with opened(lab, "mbx1") as session:
            assert read_exchange(session)["edition"] is None


def test_a_store_that_upgrades_its_databases_is_waited_for() -> None:
    said: list[str] = []
    with lab_of({"mbx1": {"database_minutes": 40}}) as lab, opened(lab, "mbx1", said) as session:
        assert Setup(lab).install("mbx1", SP3) == 0
        found = read_exchange(session)
        # Setup has ended well, and the store is not there yet.
        assert found["service_pack"] == 3
        assert on_their_way(found["services"]) == ["MSExchangeIS"]
        started = read_started(session, 14400, found)
    assert started["services"]["MSExchangeIS"]["state"] == "running"
    assert said[0] == "mbx1: MSExchangeIS: starting; the store may be upgrading its databases"
    assert any("waiting for MSExchangeIS to start: " in line and "of at most 4 h" in line for line in said)
    assert said[-1].startswith("mbx1: the store has upgraded ") and said[-1].endswith("databases (event 1185)")


def test_its_time_is_not_endless() -> None:
    with lab_of({"mbx1": {"database_minutes": 600}}) as lab, opened(lab, "mbx1") as session:
        assert Setup(lab).install("mbx1", SP3) == 0
        with pytest.raises(WaitTimeout) as raised:
            read_started(session, 600)
    assert "mailops_exchange_database_timeout" in raised.value.remedy
    assert "leave it" in raised.value.remedy


def test_nothing_is_waited_for_where_nothing_starts() -> None:
    said: list[str] = []
    with lab_of({"mbx1": {}}) as lab, opened(lab, "mbx1", said) as session:
        assert read_started(session, 600)["services"]["MSExchangeIS"]["state"] == "running"
    assert said == []


def test_a_front_end_leaves_its_set_and_joins_again_without_reg_exe() -> None:
    hosts: dict[str, Any] = {name: {"role": "front_end", "load_balanced": "web"} for name in ("fe1", "fe2")}
    with lab_of({**hosts, "mbx1": {}}) as lab, opened(lab, "fe1") as session:
        left = rotation.leave(session, 600)
        assert (left["changed"], left["after"]) == (True, {"rotation": "out"})
        found = rotation.read(session)
        assert (found.rotation, [each.mode for each in found.interfaces]) == ("out", [0])
        joined = rotation.join(session, 600)
        assert (joined["changed"], joined["after"]) == (True, {"rotation": "in"})
        found = rotation.read(session)
        assert (found.rotation, [each.mode for each in found.interfaces], found.note) == ("in", [1], None)


def test_no_edition_but_the_suites_gets_its_pack() -> None:
    from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install import install

    with lab_of({"mbx1": {}}) as lab, opened(lab, "mbx1") as session, pytest.raises(Refused, match="is not for mbx1"):
        install(session, load()[SUITE], method="operator")

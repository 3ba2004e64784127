# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of Exchange 5.5: service packs and hotfixes by hand, each in its own order."""

from __future__ import annotations

from typing import Any

import pytest

from .by_hand import Hand

SP4, FIX = "exchange55-sp4", "exchange55-kb894689"
LANGUAGES = ["en", "it", "de"]
LOG = "C:\\Exchange Server Setup.log"


def pair(update: str | list[str] = SP4, service_pack: int = 3, **node: Any) -> Hand:
    hosts = {name: {"os": "nt4", "service_pack": service_pack, "cluster": "mail"} | node for name in ("n1", "n2")}
    servers = {"Exchange": {"owner": "n1", "preferred_owners": ["n1"]}}
    return Hand.on(hosts=hosts, clusters={"mail": {"virtual_servers": servers}}, update=update)


# -- the procedures


@pytest.mark.parametrize("language", LANGUAGES)
def test_c4_a_cluster_the_active_node_first(language: str) -> None:
    hand = Hand.of("exchange55_cluster", language)
    group = hand.group("Exchange")
    assert hand.install("n1", SP4) == 0
    assert (group.owner, group.state) == ("N1", "online")
    assert hand.install("n2", SP4) == 0
    assert (group.owner, group.state) == ("N1", "online")
    hand.all_well()
    assert hand.report["availability"]["mail/Exchange"]["times"] == 1
    assert group.virtual_server is not None and group.virtual_server.service_pack == 4


def test_c4_the_passive_node_with_its_cluster_service_stopped() -> None:
    hand = Hand.of("exchange55_cluster")
    assert hand.install("n1", SP4) == 0
    hand.stop_cluster_service("n2")
    assert hand.install("n2", SP4) == 0
    hand.start_cluster_service("n2")
    hand.all_well()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hotfix_on_a_cluster(language: str) -> None:
    hand = Hand.of("exchange55_cluster_hotfix", language)
    hand.line("n1", "cluster group Exchange /offline /wait:3600")
    hand.hotfix_of_55("n1")
    for node, host in (("N2", "n2"), ("N1", "n1")):
        hand.move("n1", "Exchange", node)
        hand.line("n1", "cluster group Exchange /offline /wait:3600")
        if host == "n2":
            hand.hotfix_of_55("n2")
    hand.line("n1", "cluster group Exchange /online /wait:3600")
    hand.all_well()
    assert hand.group("Exchange").owner == "N1"
    assert all(hand.host(name).hotfixes == ["KB894689"] for name in ("n1", "n2"))


# -- what goes wrong


def test_the_resources_of_a_cluster() -> None:
    hand = pair(addons=["mailbox_manager"])
    resources = {resource.service: resource for resource in hand.group("Exchange").resources if resource.service}
    assert list(resources) == ["MSExchangeSA", "MSExchangeDS", "MSExchangeIS", "MSExchangeMTA", "MSExchangeMCA"]
    assert {resource.type for resource in resources.values()} == {"Generic Service"}
    assert hand.host("n1").service_running("MSExchangeIS") and not hand.host("n2").service_running("MSExchangeIS")
    key = f"HKLM\\Cluster\\Resources\\{resources['MSExchangeDS'].guid}"
    assert hand.host("n1").registry.value(key, "Type") == ("REG_SZ", "Generic Service")
    assert hand.host("n1").registry.value(f"{key}\\Parameters", "ServiceName") == ("REG_SZ", "MSExchangeDS")


def test_the_passive_node_waits_for_the_active_one() -> None:
    hand = pair()
    assert hand.install("n2", SP4) == 1603
    assert "Update the node first that owns" in hand.line("n2", f'type "{LOG}"')
    assert hand.host("n2").service_pack == 3
    assert hand.violations == [(5, "n2")]


def test_the_group_comes_online_on_no_node_that_is_older() -> None:
    hand = pair()
    assert hand.install("n1", SP4) == 0
    hand.host("n1").crash()
    hand.wait(900)
    assert hand.group("Exchange").state != "online" or hand.group("Exchange").owner == "N1"
    found = [(event.source, event.id) for event in hand.host("n2").events if event.id in (1005, 1197)]
    assert ("MSExchangeIS Private", 1197) in found and ("MSExchangeIS Private", 1005) in found


def test_a_move_for_a_service_pack_is_seen() -> None:
    hand = pair()
    hand.move("n1", "Exchange", "N2")
    assert hand.violations == [(5, "n2")]


@pytest.mark.parametrize("what", ["net stop clussvc", "restart"])
def test_the_active_nodes_cluster_service_stays_up(what: str) -> None:
    hand = pair()
    if what == "restart":
        hand.restart("n1")
    else:
        hand.line("n1", what)
    assert (5, "n1") in hand.violations


def test_a_hotfix_moves_the_group_only_when_every_service_pack_is_there() -> None:
    hand = pair(update=[SP4, FIX])
    hand.line("n1", "cluster group Exchange /offline /wait:600")
    hand.move("n1", "Exchange", "N2")
    assert hand.violations == [(5, "n2")]


def test_a_hotfix_under_a_running_group_ends_with_files_in_use() -> None:
    hand = pair(update=FIX, service_pack=4)
    hand.hotfix_of_55("n1")
    assert hand.host("n1").hotfixes == []
    assert "FileInUse::" in hand.line("n1", "type C:\\EXCHSRVR\\894689\\INSTALL.LOG")
    assert (5, "n1") in hand.violations


def test_a_hotfix_on_the_node_that_owns_nothing_does_nothing() -> None:
    hand = pair(update=FIX, service_pack=4)
    hand.hotfix_of_55("n2")
    assert hand.host("n2").hotfixes == [] and (5, "n2") in hand.violations

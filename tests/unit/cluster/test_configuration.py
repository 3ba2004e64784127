# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's configuration out of the registry."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.configuration import (
    attendant_of,
    is_virtual_server,
    network_name_of,
    read_configuration,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreadable


def sz(text: str) -> tuple[str, str]:
    return ("REG_SZ", text)


def multi(*texts: str) -> tuple[str, list[str]]:
    return ("REG_MULTI_SZ", list(texts))


def tree() -> dict[str, Any]:
    return {
        "": {"ClusterName": sz("MAIL")},
        "Nodes\\1": {"NodeName": sz("N1")},
        "Nodes\\2": {"NodeName": sz("N2")},
        "Groups\\aa": {"Name": sz("Cluster Group"), "Contains": multi("q")},
        "Groups\\BB": {"Name": sz("EVS 1"), "Contains": multi("sa", "nn"), "PreferredOwners": multi("2", "1")},
        "Resources\\Q": {"Name": sz("Disk Q:"), "Type": sz("Physical Disk")},
        "Resources\\sa": {
            "Name": sz("SA"),
            "Type": sz("Microsoft Exchange System Attendant"),
            "DependsOn": multi("nn"),
            "PossibleOwners": multi("2"),
        },
        "Resources\\nn": {"Name": sz("EVS Name"), "Type": sz("Network Name")},
        "Resources\\nn\\Parameters": {"Name": sz("MAIL1")},
        "Quorum": {"Resource": sz("q")},
    }


def test_everything_has_its_name() -> None:
    found = read_configuration(tree())
    assert found.name == "MAIL"
    assert found.nodes == {"N1": 1, "N2": 2}
    assert found.groups == {"Cluster Group": [], "EVS 1": ["N2", "N1"]}
    assert found.quorum_resource == "Disk Q:"
    assert found.resources["SA"].depends_on == ["EVS Name"]
    assert found.resources["SA"].possible_owners == ["N2"]
    assert found.resources["SA"].group == "EVS 1"


def test_no_list_of_possible_owners_means_every_node() -> None:
    assert read_configuration(tree()).resources["Disk Q:"].possible_owners == ["N1", "N2"]


def test_the_network_name_is_the_private_one_behind_the_system_attendant() -> None:
    found = read_configuration(tree())
    members = {name: entry for name, entry in found.resources.items() if entry.group == "EVS 1"}
    assert network_name_of(members) == "MAIL1"
    assert is_virtual_server(members)
    assert attendant_of(members) == "SA"
    assert attendant_of({"Disk Q:": found.resources["Disk Q:"]}) is None
    assert not is_virtual_server({"Disk Q:": found.resources["Disk Q:"]})
    assert network_name_of({"Disk Q:": found.resources["Disk Q:"]}) is None


def test_exchange_55_is_recognised_by_its_generic_service() -> None:
    entries = tree()
    entries["Resources\\sa"] = {"Name": sz("SA"), "Type": sz("Generic Service")}
    entries["Resources\\sa\\Parameters"] = {"ServiceName": sz("MSExchangeSA")}
    assert is_virtual_server({"SA": read_configuration(entries).resources["SA"]})


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("Groups\\BB", {"Name": sz("EVS 1"), "PreferredOwners": multi("7")}, "7, which the cluster does not know"),
        ("Resources\\sa", {"Type": sz("x")}, "has no name"),
        ("Groups\\BB", {"Name": sz("Cluster Group")}, "the same name"),
    ],
)
def test_what_does_not_hold_together_is_refused(key: str, values: Any, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read_configuration({**tree(), key: values})

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

r"""The configuration of a cluster as the registry holds it below ``HKLM\Cluster``.

Language-free, and there while the Cluster service runs. It names nodes, groups and resources, their
types, dependencies and owners, but neither current owners nor states. Value names: ``ClusterName``,
``Resources\<GUID>\Name`` and ``Parameters`` are documented; ``Contains``, ``PreferredOwners``,
``Type``, ``DependsOn``, ``PossibleOwners``, ``Nodes\<n>\NodeName`` and ``Quorum\Resource`` are general
knowledge, so what they say is compared with the tables of cluster.exe, and where a value is absent
nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..hosts.errors import Unreadable
from ..hosts.models import RegistryValues

KEY = "HKLM\\Cluster"
SYSTEM_ATTENDANT = "Microsoft Exchange System Attendant"
"""Resource type that makes a group an Exchange virtual server (Exchange 2000 and 2003; verified string)."""
INFORMATION_STORE = "Microsoft Exchange Information Store"
NETWORK_NAME = "Network Name"


@dataclass(frozen=True)
class ResourceConfiguration:
    """A resource as configured; ``group`` is None where the registry does not tell it."""

    group: str | None
    type: str
    possible_owners: list[str]
    depends_on: list[str]
    private: Mapping[str, str]


@dataclass(frozen=True)
class Configuration:
    """A cluster as configured. Nodes: name -> number; groups: name -> preferred owners."""

    name: str | None
    nodes: dict[str, int]
    groups: dict[str, list[str]]
    resources: dict[str, ResourceConfiguration]
    quorum_resource: str | None


def read_configuration(tree: Mapping[str, RegistryValues]) -> Configuration:
    """Make a ``Configuration`` of the registry tree (relative key -> values); raises ``Unreadable``."""
    keys = {
        key.strip("\\").lower(): {name.lower(): data for name, (unused, data) in values.items()}
        for key, values in tree.items()
    }
    node_names = {
        number: _text(keys, f"nodes\\{number}", "nodename") for number in _children(keys, "nodes") if number.isdigit()
    }
    resource_names = {guid: _text(keys, f"resources\\{guid}", "name") for guid in _children(keys, "resources")}
    groups: dict[str, list[str]] = {}
    members: dict[str, str] = {}
    for guid in _children(keys, "groups"):
        name = _text(keys, f"groups\\{guid}", "name")
        groups[name] = _named(keys, f"groups\\{guid}", "preferredowners", node_names)
        for member in _named(keys, f"groups\\{guid}", "contains", resource_names):
            members[member] = name
    in_order = [node_names[number] for number in sorted(node_names, key=int)]
    resources: dict[str, ResourceConfiguration] = {}
    for guid, name in resource_names.items():
        key = f"resources\\{guid}"
        owners = set(_named(keys, key, "possibleowners", node_names))
        resources[name] = ResourceConfiguration(
            group=members.get(name),
            type=_text(keys, key, "type"),
            # No list of possible owners: every node is one.
            possible_owners=[node for node in in_order if not owners or node in owners],
            depends_on=_named(keys, key, "dependson", resource_names),
            private={n: str(data) for n, data in keys.get(f"{key}\\parameters", {}).items() if isinstance(data, str)},
        )
    if len(resources) != len(resource_names) or len(groups) != len(_children(keys, "groups")):
        raise Unreadable("two groups or two resources of the cluster bear the same name")
    quorum = keys.get("quorum", {}).get("resource")
    name_value = keys.get("", {}).get("clustername")
    return Configuration(
        name=str(name_value) if name_value else None,
        nodes={name: int(number) for number, name in node_names.items()},
        groups=groups,
        resources=resources,
        quorum_resource=resource_names.get(str(quorum).lower()) if quorum else None,
    )


def network_name_of(members: Mapping[str, ResourceConfiguration]) -> str | None:
    """The network name of a virtual server, given the resources of its group.

    It is the private ``Name`` of the Network Name resource that its System Attendant depends on; a group
    without System Attendant and with a single Network Name resource gets that one's.
    """
    names = {name: entry for name, entry in members.items() if entry.type == NETWORK_NAME}
    attendant = attendant_of(members)
    for provider in members[attendant].depends_on if attendant is not None else []:
        if provider in names:
            return names[provider].private.get("name")
    if len(names) == 1:
        return next(iter(names.values())).private.get("name")
    return None


def is_virtual_server(members: Mapping[str, ResourceConfiguration]) -> bool:
    """Whether the group with these resources is an Exchange virtual server.

    Exchange 2000 and 2003 have a System Attendant resource; Exchange 5.5 has Generic Service resources
    for its services (documented), of which the one for MSExchangeSA is looked for.
    """
    return attendant_of(members) is not None


def attendant_of(members: Mapping[str, ResourceConfiguration]) -> str | None:
    """The resource that makes a group a virtual server: its System Attendant; None where there is none."""
    for name, entry in members.items():
        generic = entry.type == "Generic Service" and entry.private.get("servicename", "").lower() == "msexchangesa"
        if entry.type == SYSTEM_ATTENDANT or generic:
            return name
    return None


def _children(keys: Mapping[str, object], parent: str) -> list[str]:
    found: dict[str, None] = {}
    for key in keys:
        if key.startswith(parent + "\\"):
            found[key[len(parent) + 1 :].split("\\")[0]] = None
    return list(found)


def _text(keys: Mapping[str, Mapping[str, object]], key: str, value: str) -> str:
    data = keys.get(key, {}).get(value)
    if not isinstance(data, str) or not data:
        raise Unreadable(f"the cluster's configuration in the registry is incomplete: {KEY}\\{key} has no {value}")
    return data


def _named(keys: Mapping[str, Mapping[str, object]], key: str, value: str, names: Mapping[str, str]) -> list[str]:
    """A list of numbers or GUIDs as the names that they stand for; nothing where the value is absent."""
    data = keys.get(key, {}).get(value)
    entries = data if isinstance(data, list) else [data] if isinstance(data, str) and data else []
    found = []
    for entry in entries:
        name = names.get(str(entry).lower())
        if name is None:
            raise Unreadable(f"{KEY}\\{key}: {value} names {entry}, which the cluster does not know")
        found.append(name)
    return found

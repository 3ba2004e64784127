# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random estates, random options, and a random moment at which a run is cut off; each from one number."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.mailops.exchange.lab.estate import complete

Written = dict[str, Any]
#: The lab's stand-in for a site's own tool.
UPGRADE = r'C:\Site\UpgradeVirtualServer.exe "{group}"'
INTERFERING = ("SNMP", "TrendServer", "BackupExecAgentAccelerator", "SysmonLog")


@dataclass
class Case:
    """What is tried. ``cut``: how the first run is cut off, None where it goes through."""

    seed: int
    written: Written
    extra: dict[str, Any] = field(default_factory=dict)
    cut: dict[str, Any] | None = None
    wire: bool = False

    @property
    def estate(self) -> dict[str, Any]:
        """The estate with its defaults."""
        return complete({"speed": 0, "seed": self.seed + 1, **self.written})

    def words(self) -> str:
        """All that is needed to try it again."""
        return (
            f"seed {self.seed}\nestate: {self.written!r}\nextra: {self.extra!r}\ncut: {self.cut!r}\nwire: {self.wire}"
        )


class _Maker:
    """Makes the parts of an estate of one version of Exchange."""

    def __init__(self, draw: random.Random, product: str, quick: bool) -> None:
        self.draw, self.product = draw, product
        #: No cluster over the wire.
        self.quick = quick
        self.hosts: dict[str, Any] = {}
        self.clusters: dict[str, Any] = {}
        #: What every host has: the service pack of the beginning.
        self.base: dict[str, Any] = {}
        self.updates: Any = "exchange2003-sp2"
        self.target = 2
        self.controllers: dict[str, Any] | None = None
        #: A virtual server is behind its node from the beginning.
        self.behind = False
        #: Of the names of servers and sets, where there are several versions.
        self.prefix = ""

    def maybe(self, chance: float) -> bool:
        return self.draw.random() < chance

    def host(self, name: str, **more: Any) -> dict[str, Any]:
        """A host, and what happens to be on it."""
        found: dict[str, Any] = {**self.base, **more}
        if self.product == "2003" and self.maybe(0.3):
            found["hotfixes"] = ["KB831464"]
        if self.maybe(0.25):
            found["setup"] = {"exit_code": self.draw.choice([0, 3010]), "minutes": self.draw.choice([2, 10, 45])}
        if self.maybe(0.2):
            names = self.draw.sample(INTERFERING, self.draw.randint(1, 2))
            found["services"] = {
                service: self.draw.choice(
                    ["running", "stopped", {"state": "running", "start_type": self.draw.choice(["auto", "manual"])}]
                )
                for service in names
            }
        if self.product == "5.5" and "cluster" not in more:
            self._around_55(found)
        self.hosts[name] = found
        return found

    def _around_55(self, found: dict[str, Any]) -> None:
        """What only a server with Exchange 5.5 has."""
        if self.maybe(0.4):
            found["addons"] = self.draw.sample(["mailbox_manager", "interorg_replication"], self.draw.randint(1, 2))
        if self.maybe(0.3):
            found["custom_tuning"] = True
        if self.maybe(0.3):
            found["services"] = {**found.get("services", {}), "MSExchangeKMS": "running"}

    def done(self, name: str) -> None:
        """A host that has the update already."""
        self.hosts[name]["service_pack"] = self.target

    def servers(self, count: int) -> None:
        for number in range(1, count + 1):
            more = {"os": "2000", "product": "2003"} if self.product == "2003" and self.maybe(0.06) else {}
            self.host(f"{self.prefix}mbx{number}", **more)
            if self.maybe(0.15):
                self.done(f"{self.prefix}mbx{number}")

    def front_ends(self, count: int) -> None:
        balancer = self.draw.choice(["nlb", "nlb", "none"])
        for number in range(1, count + 1):
            more: dict[str, Any] = {"role": "front_end"}
            if number > 1 or (count > 1 and self.maybe(0.5)):
                more |= {"load_balanced": f"{self.prefix}web", "balancer": balancer}
            if self.maybe(0.3):
                more["drain_minutes"] = self.draw.choice([0, 1, 5])
            self.host(f"{self.prefix}fe{number}", **more)
            if self.maybe(0.15):
                self.done(f"{self.prefix}fe{number}")

    def cluster(self, name: str, count: int) -> None:
        """A cluster whose nodes are named by its first letter."""
        draw = self.draw
        nodes = [f"{name[0]}{number}" for number in range(1, count + 1)]
        more = (
            {"os": "2000", "product": "2003"}
            if count <= 4 and self.maybe(0.02) and self.product == "2003" and not self.quick
            else {}
        )
        for node in nodes:
            self.host(node, cluster=name, **more)
        most = 1 if self.product == "5.5" else 2 if count == 2 else count - 1
        wanted = draw.randint(1, most)
        owners = draw.sample(nodes, wanted) if self.maybe(0.85) else [draw.choice(nodes) for unused in range(wanted)]
        if count > 2:
            owners = draw.sample(nodes, wanted)
        servers: dict[str, Any] = {}
        for number, owner in enumerate(owners, 1):
            found: dict[str, Any] = {"owner": owner}
            if self.maybe(0.4):
                others = [node for node in nodes if node != owner]
                kept = draw.sample(others, draw.randint(1, len(others)))
                found["possible_owners"] = [node for node in nodes if node == owner or node in kept]
            if self.maybe(0.6):
                able = found.get("possible_owners", nodes)
                found["preferred_owners"] = draw.sample(able, draw.randint(0, min(2, len(able))))
            servers[f"{name.upper()}{number}"] = found
        self.clusters[name] = {"quorum": {"owner": draw.choice(nodes)}, "virtual_servers": servers}
        if self.maybe(0.3):
            state = draw.choice(["online", "online", "offline"])
            self.clusters[name]["other_groups"] = {"File Share": {"owner": draw.choice(nodes), "state": state}}
        if self.product != "5.5" and self.maybe(0.2):
            self._part_done(nodes, servers)

    def _part_done(self, nodes: list[str], servers: dict[str, Any]) -> None:
        """Some nodes have the update, and the virtual servers stand where an earlier roll has left them."""
        done = self.draw.sample(nodes, self.draw.randint(1, len(nodes)))
        for node in done:
            self.done(node)
        for server in servers.values():
            old = self.base.get("service_pack", 1)
            # Exchange 2000 upgrades what is online on an updated node by itself.
            upgraded = server["owner"] in done and (self.product == "2000" or self.maybe(0.6))
            server["service_pack"] = self.target if upgraded else old
            self.behind |= server["owner"] in done and server["service_pack"] == old


def _updates(made: _Maker) -> None:
    """Which updates, and from which level."""
    draw = made.draw
    if made.product == "2000":
        made.updates, made.target, made.base = "exchange2000-sp3", 3, {"os": "2000", "service_pack": 2}
        return
    if made.product == "5.5":
        made.updates, made.target, made.base = "exchange55-sp4", 4, {"os": "nt4", "service_pack": 3}
        return
    kind = draw.choice(["sp2", "sp2", "sp2", "sp2", "sp1", "hotfix", "chain"])
    if kind == "sp1":
        made.updates, made.target, made.base = "exchange2003-sp1", 1, {"service_pack": 0}
    elif kind == "hotfix":
        made.updates, made.base = "exchange2003-kb912442", {"service_pack": 2}
    elif kind == "chain":
        more = draw.sample(["exchange2003-kb912442", "exchange2003-kb931832"], draw.randint(1, 2))
        made.updates = ["exchange2003-sp2", *sorted(more)]


def _options(draw: random.Random) -> dict[str, Any]:
    """Settings of the operator."""
    extra: dict[str, Any] = {}
    for name, values, chance in (
        ("home", ["as_found", "stay"], 0.25),
        ("failover_test", ["one", "none"], 0.25),
        ("lanes", [1, 2], 0.15),
        ("canary", [True], 0.15),
        ("set_failure", ["serve_with_updated"], 0.1),
        ("setup_method", ["operator"], 0.08),
    ):
        if draw.random() < chance:
            extra[f"mailops_exchange_{name}"] = draw.choice(values)
    return extra


def _cut(draw: random.Random, made: _Maker) -> dict[str, Any] | None:
    """How the first run is cut off. ``call``: so many calls after its begin."""
    kind = draw.choice(["none", "none", "kill", "kill", "kill", "fault"])
    if kind == "none":
        return None
    if kind == "kill":
        return {"kill": draw.randint(1, 40 + 130 * len(made.hosts))}
    host = draw.choice(sorted(made.hosts))
    choices: list[dict[str, Any]] = [
        {"host": host, "on": "install", "do": "exit", "code": draw.choice([1603, 1618, 1])},
        {"host": host, "on": "install", "do": "crash"},
    ]
    if made.clusters:
        name = draw.choice(sorted(made.clusters))
        group = draw.choice(sorted(made.clusters[name]["virtual_servers"]))
        choices += [
            {"cluster": name, "on": f"move {group}", "do": "fail"},
            {"cluster": name, "on": f"online {group}", "do": "fail"},
            {"cluster": name, "on": f"upgrade {group}", "do": "error", "code": "c103798a"},
        ]
        if "cluster" in made.hosts[host]:
            choices.append({"host": host, "on": "start_cluster_service", "do": "fail"})
    choices += [{"lost": draw.randint(1, 120), "host": host, "do": draw.choice(["drop", "refuse"])}]
    return {"fault": draw.choice(choices)}


def _organisation(made: _Maker) -> None:
    """Servers of two or three versions in one organisation, each with the service pack of its own."""
    draw = made.draw
    updates = []
    for product, update, target, base in (
        ("5.5", "exchange55-sp4", 4, {"os": "nt4", "service_pack": 3}),
        ("2000", "exchange2000-sp3", 3, {"os": "2000", "service_pack": 2}),
        ("2003", "exchange2003-sp2", 2, {"service_pack": 1}),
    ):
        if (product == "5.5" or (product == "2000" and updates)) and made.maybe(0.3):
            continue
        updates.append(update)
        made.product, made.target, made.base = product, target, base
        made.prefix = {"5.5": "old", "2000": "mid", "2003": ""}[product]
        if product != "5.5":
            made.front_ends(draw.randint(0, 2))
        made.servers(draw.randint(1, 2))
    if made.maybe(0.4):
        made.cluster("mail", 2)
    made.updates = updates


#: The first so many, those that are tried by default, have no cluster over the wire: one takes 100 CPU seconds.
QUICK = 200
#: What estates of each version can be. Windows 2000 has clusters of four nodes at most, NT 4.0 of two.
SHAPES = {
    "2003": ["single", "small_business", "front", "two", "two", "two", "some", "many", "clusters", "all"],
    "2000": ["single", "front", "two", "two", "some", "all"],
    "5.5": ["single", "two"],
}


#: Servers of several versions in one organisation.
MIXED = "mixed"
#: The versions of ten cases that follow each other.
_PRODUCTS = ("2003", "2000", "2003", "5.5", "2003", "2003", "2000", "2003", "5.5", "2003")


def product_of(seed: int) -> str:
    """The version of a number's case where all are tried: of 40 cases 22 are of 2003, 9 of 2000, 7 of 5.5, 2 mixed."""
    if seed % 40 in (14, 34):
        return MIXED
    return "2000" if seed % 40 == 38 else _PRODUCTS[seed % 10]


def case(seed: int, product: str = "all") -> Case:
    """The case of a number, of a version of Exchange."""
    product = product_of(seed) if product == "all" else product
    draw = random.Random(seed)
    made = _Maker(draw, product, seed < QUICK)
    shape = product
    if product == MIXED:
        _organisation(made)
    else:
        _updates(made)
        shape = draw.choice(SHAPES[product])
    if shape == MIXED:
        pass
    elif shape == "single":
        made.servers(draw.randint(1, 3))
    elif shape == "small_business":
        made.host("sbs1", edition="small_business")
        made.controllers = {"sbs1": None}
    elif shape == "front":
        made.front_ends(draw.randint(1, 4))
        made.servers(draw.randint(0, 1) or 1)
    elif shape == "two":
        made.cluster("mail", 2)
    elif shape == "some":
        made.cluster("mail", draw.randint(3, 4))
    elif shape == "many":
        made.cluster("mail", draw.randint(5, 8))
    elif shape == "clusters":
        made.cluster("alpha", draw.randint(2, 3))
        made.cluster("beta", 2)
    else:
        made.front_ends(draw.randint(0, 2))
        made.servers(draw.randint(0, 2))
        made.cluster("mail", 2)
    written: Written = {"update": made.updates, "hosts": made.hosts}
    if made.clusters:
        written["clusters"] = made.clusters
    if made.controllers:
        written["controllers"] = made.controllers
    if product == "2003" and shape != "small_business" and draw.random() < 0.08:
        written["directory_connector"] = {"host": draw.choice(sorted(made.hosts))}
    if draw.random() < 0.15:
        written["language"] = draw.choice(["de", "it"])
    extra, cut = _options(draw), _cut(draw, made)
    if cut or made.behind:
        # The lab's person upgrades whatever virtual server waits for it, also between check mode and the run.
        written["operator"] = {"upgrades_virtual_servers": False}
        extra |= {"mailops_exchange_upgrade_method": "command", "mailops_exchange_upgrade_command": UPGRADE}
    return Case(seed, written, extra, cut, wire=draw.random() < 0.02 and not (made.quick and made.clusters))


def smaller(found: Case) -> Iterator[Case]:
    """The cases with one thing less: an option, a host that is no node, a cluster, what is special about a host."""
    for name in found.extra:
        yield replace(found, extra={key: value for key, value in found.extra.items() if key != name})
    if found.wire:
        yield replace(found, wire=False)
    used = {str(fault.get("host") or fault.get("cluster")) for fault in [(found.cut or {}).get("fault", {})]}
    for name in found.written.get("clusters", {}):
        if name not in used and len(found.written["hosts"]) > 2:
            less = copy.deepcopy(found.written)
            del less["clusters"][name]
            less["hosts"] = {key: host for key, host in less["hosts"].items() if host.get("cluster") != name}
            if less["hosts"] and not used & (set(found.written["hosts"]) - set(less["hosts"])):
                yield replace(found, written=less)
    for name, host in found.written["hosts"].items():
        if "cluster" not in host and name not in used and len(found.written["hosts"]) > 1:
            less = copy.deepcopy(found.written)
            del less["hosts"][name]
            yield replace(found, written=less)
    for place in ("language", "directory_connector"):
        if place in found.written:
            yield replace(found, written={key: value for key, value in found.written.items() if key != place})
    for name, host in found.written["hosts"].items():
        for key in ("hotfixes", "setup", "services", "drain_minutes"):
            if key in host:
                less = copy.deepcopy(found.written)
                del less["hosts"][name][key]
                yield replace(found, written=less)
    for name, cluster in found.written.get("clusters", {}).items():
        if "other_groups" in cluster:
            less = copy.deepcopy(found.written)
            del less["clusters"][name]["other_groups"]
            yield replace(found, written=less)

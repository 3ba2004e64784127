# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of Exchange 5.5 in a lab that listens, and sessions to its nodes by SMB and RPC, as on NT 4.0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.mailops.exchange.lab.cluster import Group
from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.inventory import CATALOGUE, write_files
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue, package
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import cluster55 as plugin
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install55 import install_on_node
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession

SP4, FIX = "exchange55-sp4", "exchange55-kb894689"
SPEED = 1000


class Cluster55:
    """The nodes n1, which owns the group Exchange, and n2."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        write_files(lab, folder)
        self.lab, self.world = lab, lab.world
        self.updates = catalogue.load([str(folder / CATALOGUE)])
        self.said: list[str] = []

    @property
    def group(self) -> Group:
        """The group of Exchange."""
        return self.world.clusters["mail"].groups["Exchange"]

    def session(self, name: str) -> RpcSession:
        """A session to a node."""
        host = self.world.hosts[name]
        user = f"{self.world.prefix}\\exadmin"
        endpoint = Endpoint(host.address, user=user, password=self.lab.password("exadmin"), port=host.port)
        return RpcSession(endpoint, host=name, clock=RehearsalClock(SPEED), progress=self.said.append)

    def stage(self, name: str, key: str) -> str:
        """Copy the package to a node."""
        update = self.updates[key]
        with self.session(name) as session:
            share = {"share_user": f"{self.world.prefix}\\exadmin", "share_password": self.lab.password("exadmin")}
            return str(package.stage(session, update, None, staging_folder(update), **share)["after"]["path"])

    def tell(self, name: str, key: str) -> dict[str, Any]:
        """What a node tells the installation on another one."""
        with self.session(name) as session:
            return plugin.read_node(session, self.updates[key])

    def install(self, name: str, key: str, *, peers: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Install an update on a node as a run does: the other one is looked at immediately before."""
        other = "n2" if name == "n1" else "n1"
        peers = [self.tell(other, key)] if peers is None else peers
        path = self.stage(name, key)
        account, password = f"{self.world.prefix}\\exsetup", self.lab.password("exsetup")
        with self.session(name) as session:
            return install_on_node(
                session, self.updates[key], peers=peers, package=path, account=account, password=password, timeout=3600
            )

    def leftovers(self) -> list[str]:
        """Temporary services and folders of runs that are left on a node."""
        found = []
        for name, host in self.world.hosts.items():
            found += [f"{name}: {service}" for service in host.services if service.lower().startswith("mailops-")]
        return found


@contextmanager
def cluster55(
    folder: Path,
    update: str = SP4,
    *,
    language: str = "en",
    os: str = "nt4",
    faults: list[dict[str, Any]] | None = None,
    **changes: Any,
) -> Iterator[Cluster55]:
    """A running lab with a cluster of two nodes; it must have had no trouble at the end."""
    settings = {"os": os, "product": "5.5", "service_pack": 3 if update == SP4 else 4, "cluster": "mail"}
    estate = {
        "update": update,
        "speed": 0,
        "language": language,
        "hosts": {"n1": {**settings, **changes.pop("n1", {})}, "n2": {**settings, **changes.pop("n2", {})}},
        "clusters": {"mail": {"virtual_servers": {"Exchange": {"owner": "n1", "preferred_owners": ["n1"]}}}},
        **changes,
    }
    lab = Lab(complete(estate), [{"times": 1, **fault} for fault in faults or []])
    lab.start()
    try:
        lab.world.referee.run_started()
        yield Cluster55(lab, folder)
    finally:
        lab.stop()
    assert lab.trouble == []

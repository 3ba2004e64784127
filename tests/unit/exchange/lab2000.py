# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab of Exchange 2000 to talk to by SMB 1 and MS-RPC, as Windows 2000 is reached."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession
from ansible_collections.mailops.exchange.tests.unit.lab.by_hand import Hand

SPEED = 1200
SP3 = "exchange2000-sp3"


class Quick(RehearsalClock):
    """Simulated time; a wait may be as short as its limit says."""

    floor = 0.0


@contextmanager
def lab_of(hosts: dict[str, Any], faults: list[dict[str, Any]] | None = None, **estate: Any) -> Iterator[Lab]:
    """A running lab; every host has Exchange 2000 with Service Pack 2 unless it says otherwise."""
    settings = {"update": SP3, "speed": SPEED, **estate}
    settings["hosts"] = {name: {"os": "2000", "service_pack": 2, **host} for name, host in hosts.items()}
    lab = Lab(complete(settings), [{"times": 1, **fault} for fault in faults or []])
    lab.start()
    try:
        yield lab
    finally:
        lab.stop()
    assert lab.trouble == []


def cluster(**virtual_server: Any) -> dict[str, Any]:
    """Two nodes with a virtual server on the first one, for ``lab_of``."""
    own = {"owner": "n1", "preferred_owners": ["n1"], **virtual_server}
    return {
        "hosts": {"n1": {"cluster": "mail"}, "n2": {"cluster": "mail"}},
        "clusters": {"mail": {"quorum": {"owner": "n1"}, "virtual_servers": {"EVS1": own}}},
    }


def opened(lab: Lab, name: str, said: list[str] | None = None, **options: Any) -> RpcSession:
    """A session to a host; ``said`` gets its lines of progress."""
    host = lab.world.hosts[name]
    endpoint = Endpoint(
        host.address, user=f"{lab.world.prefix}\\exadmin", password=lab.password("exadmin"), port=host.port
    )
    progress = None if said is None else said.append
    return RpcSession(endpoint, host=name, clock=Quick(SPEED), progress=progress, **options)


class Setup(Hand):
    """Runs installers in a lab as a job does."""

    def __init__(self, lab: Lab) -> None:
        """``lab``: a running one."""
        self.world = lab.world

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at a host: everything that the gates and the plan want to know of it, in few round trips.

It puts together what the single readings bring, each in its own form. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ._facts import questions as questions_of_facts
from ._facts import read_facts
from ._observed import read_backup_due, read_interfering, read_updates
from ._results import sentence
from .cluster.model import ClusterState
from .cluster.read import read_cluster
from .exchange import backups_due, interfering, optimizer_by_hand, rotation
from .exchange import connector as connectors
from .exchange.databases import read_cluster_at_rest
from .exchange.exchange55 import PRODUCT as EXCHANGE55
from .exchange.exchange55 import observe55
from .exchange.info import read_exchange
from .hosts import files, machine
from .hosts.errors import HostError, Unreachable
from .hosts.session import Session

EXCHANGE2000 = "2000"
T = TypeVar("T")
Reach = Callable[[Callable[[], T]], T]
"""Calls what reads, again for a while where the host does not answer."""


@dataclass(frozen=True)
class Wanted:
    """What a look is for.

    ``known``: the catalogue; ``keys``: the updates of the run, in their order; ``updates``: their entries with those
    that they require. ``settle``: seconds for the cluster to come to rest, ``database_timeout`` those for a virtual
    server of Exchange 2000 to come online, as its store may be upgrading its databases. ``set_name`` and
    ``method``: the load-balancing set of a front-end, None for none, and how it is switched. ``extra``, ``keep``:
    services of the site.
    ``shipped_maps``, ``maps``: as ``read_connector``. ``lookback``: hours of the event log that the gates want searched
    for backups, None where no gates are judged.
    """

    known: Mapping[str, dict[str, Any]]
    keys: Sequence[str]
    updates: Mapping[str, dict[str, Any]]
    settle: float = 0
    database_timeout: float = 0
    set_name: str | None = None
    method: str = "auto"
    extra: Sequence[str] = ()
    keep: Sequence[str] = ()
    shipped_maps: Sequence[str] = ()
    maps: Mapping[str, str | None] = field(default_factory=dict)
    lookback: float | None = None


def look(session: Session, wanted: Wanted, reach: Reach[Any]) -> dict[str, Any]:
    """Return what is to be known of a host, each part in the form of the action that reads it alone.

    ``exchange``, ``packages``, ``installations``, ``note`` (exchange_info), ``cluster`` (cluster_info; null for a host
    without one, ``cluster_problem`` says why one cannot be read), ``rotation`` (nlb_info), ``interfering``,
    ``connector`` (connector_info), ``backup_due``, ``exchange55``, ``optimizer_by_hand``, ``gate_facts``
    (preflight_facts, or null). Raises HostError for what keeps the host from being judged at all.
    """
    exchange = reach(lambda: read_exchange(session))
    found = {"exchange": exchange, **read_updates(session, exchange, wanted.updates, None)}
    found |= _cluster(session, wanted, reach, exchange)
    return {**found, **reach(lambda: _around(session, wanted, exchange))}


def _cluster(session: Session, wanted: Wanted, reach: Reach[Any], exchange: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster, or why it cannot be read: gates and plan refuse that, with the reason."""
    cluster, problem = None, None

    def read() -> ClusterState:
        if exchange["product"] == EXCHANGE2000:
            return read_cluster_at_rest(session, wanted.settle, wanted.database_timeout)
        return read_cluster(session, wanted.settle)

    if exchange["clustered"]:
        try:
            cluster = reach(read).to_dict()
        except Unreachable:
            raise
        except HostError as error:
            problem = sentence(error.message)
    return {"cluster": cluster, "cluster_problem": problem}


def _around(session: Session, wanted: Wanted, exchange: Mapping[str, Any]) -> dict[str, Any]:
    """What is around Exchange on the host, read after the cluster has come to rest, which may have taken a while."""
    judged = wanted.lookback is not None
    connector = connectors.questions()
    session.ask_ahead(
        [
            *(files.read_line(path, session.token) for path in (interfering.PATH, backups_due.PATH)),
            *(machine.questions() if judged else []),
        ],
        values=[*connector["values"], *(questions_of_facts() if judged else [])],
        services=connector["services"],
    )
    services = session.all_services()
    processes = session.processes() if exchange["product"] == EXCHANGE55 else None
    entries = [wanted.known[key] for key in wanted.keys]
    found = {
        "rotation": read_rotation(session, wanted.set_name, wanted.method) if wanted.set_name else None,
        "interfering": read_interfering(session, wanted.extra, wanted.keep, services),
        "connector": connectors.read_connector(session, entries, wanted.shipped_maps, wanted.maps),
        "backup_due": read_backup_due(session, wanted.known),
        "exchange55": observe55(
            session, exchange, list(wanted.updates.values()), services=services, processes=processes
        ),
        "optimizer_by_hand": None,
        "gate_facts": None,
    }
    if exchange["product"] == EXCHANGE55 and exchange["clustered"]:
        found["optimizer_by_hand"] = optimizer_by_hand.observe(session)
    if wanted.lookback is not None:
        found["gate_facts"] = read_facts(
            session,
            "server",
            wanted.lookback,
            services=services,
            processes=processes,
            updates=list(wanted.updates.values()),
        )
    return found


def read_rotation(session: Session, name: str, method: str) -> dict[str, Any]:
    """Return ``set``, ``method`` (nlb, hook, none) and ``state`` of a front-end in its load-balancing set.

    The state is null where the operator's own tasks tell it (hook). With nlb also ``held``: whether a run of this
    collection keeps it out. Raises Refused without Network Load Balancing.
    """
    if method in ("hook", "none"):
        return {"set": name, "method": method, "state": None if method == "hook" else rotation.IN}
    balancing = rotation.read(session)
    rotation.check_present(session, balancing, name)
    return balancing.place(name)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The services of Exchange 5.5, stopped before a service pack and started again after it.

All of them have to stand still before the service pack's setup starts [V, Q235978]. What runs is written down on the
host first (``C:\mailops\roll\exchange.json``), and that note goes away when everything in it runs again: so whatever a
run that was cut off has stopped, the next one starts.

The directory takes 10 to 15 minutes to stop; ``net stop MSExchangeSA /yes`` gives up before that, so that Microsoft's
articles print the line twice [V, Q246287]. Here the second one is given when the directory has stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from ..hosts.commands import Raw, command
from ..hosts.errors import CommandFailed, Refused, WaitTimeout
from ..hosts.models import Output, Service
from ..hosts.session import Session
from .exchange55 import SERVICES_NOTE, facts, in_start_order, is_exchange, read_services_note
from .host_notes import remove_json, write_json
from .interfering import ACTIVE
from .putting_back import NOT_DONE, after_putting_back, put_back_each

_LINES = 3
"""So many times at most the line is given: the third one for a directory that had only begun to stop."""
_NET_TIMEOUT = 900.0
"""Seconds for one `net stop`, which waits for each service in turn."""

Table = dict[str, dict[str, Any]]


def to_stop(session: Session) -> Table:
    """What is to be stopped: service -> ``state``, ``start_type``, those first that stop first.

    Exchange's services that do not stand still, and those of others that depend on them: `net stop` stops them along
    with Exchange, and nobody but this note would start them again.
    """
    table = session.all_services()
    names = {name.casefold(): name for name in table}
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for told in session.dependent_services(name):
            other = names.get(told.casefold(), told)
            if other in table and table[other].state != "stopped":
                visit(other)
        order.append(name)

    # Optional ones first; of the others none goes before what depends on it.
    for name in reversed(in_start_order(n for n, s in table.items() if is_exchange(n) and s.state != "stopped")):
        visit(name)
    optional = [name for name in order if not _is_core(name)]
    return noted(session.services([*optional, *(name for name in order if _is_core(name))]))


def noted(services: Mapping[str, Service]) -> Table:
    """Services as the note holds them."""
    return {
        name: {"state": "stopped" if service.state == "stopped" else "running", "start_type": service.start_type}
        for name, service in services.items()
    }


def note(session: Session, services: Mapping[str, Mapping[str, Any]]) -> None:
    """Write services down before they are touched. What is noted already stays: that is how they were before."""
    there = read_services_note(session) or {}
    wanted = {**{name: dict(entry) for name, entry in services.items()}, **there}
    if wanted != there:
        write_json(session, SERVICES_NOTE, wanted)


def note_running(session: Session) -> bool:
    """Write down what runs, before an installer that stops and starts it itself: should that be cut off, or hang and be
    ended, somebody has to know what to start. False: that is noted already.
    """
    check_alone(session)
    if read_services_note(session):
        return False
    note(session, to_stop(session))
    return True


def stop(session: Session, timeout: float) -> dict[str, Any]:
    """Note and stop all services of Exchange. ``timeout``: seconds for each that is not the directory. Idempotent.

    Where they cannot be stopped, everything is started again, and the reason is raised. Returns ``changed``,
    ``before`` and ``after`` (service -> running or stopped).
    """
    check_alone(session)
    services = to_stop(session)
    if not services:
        _settle(session, timeout)
        return {"changed": False, "before": {}, "after": {}}
    note(session, services)
    try:
        for name in services:
            if not _is_core(name):
                session.progress(f"stopping {name}")
                session.stop_service(name, timeout)
        _stop_core(session)
    except NOT_DONE as error:
        raise after_putting_back(
            error,
            lambda: restore(session, timeout),
            "was stopped of Exchange",
            "See the host's event logs, then start the run again.",
        ) from error
    return {
        "changed": True,
        "before": dict.fromkeys(services, "running"),
        "after": dict.fromkeys(services, "stopped"),
    }


def restore(session: Session, timeout: float) -> dict[str, Any]:
    """Start everything again that is noted, then remove the note. ``timeout``: seconds for each service. Idempotent.

    While an installer runs that stops and starts them itself, its end is waited for. A service that does not start
    keeps none of the others from being started, and the note then stays. Raises CommandFailed for those. Returns
    ``changed``, ``before``, ``after`` and ``gone`` (services that are not there any more).
    """
    wanted = read_services_note(session)
    if wanted is None:
        return {"changed": False, "before": {}, "after": {}, "gone": []}
    _installers_gone(session, timeout)
    _settle(session, timeout)
    before, gone = start_again(session, wanted, timeout, SERVICES_NOTE)
    remove_json(session, SERVICES_NOTE)
    after = {name: entry["state"] for name, entry in wanted.items() if name not in gone}
    return {"changed": True, "before": before, "after": after, "gone": gone}


def start_again(
    session: Session, wanted: Mapping[str, Mapping[str, Any]], timeout: float, place: str
) -> tuple[dict[str, str], list[str]]:
    """Start those services that ran before, in their order; returns how they were found, and which are gone.

    ``place``: where they are noted, for the message of CommandFailed, which tells of all that did not start.
    """
    found = session.services(list(wanted))
    gone = [name for name in wanted if name not in found]

    def start(name: str) -> None:
        session.progress(f"starting {name} again")
        session.start_service(name, timeout)

    put_back_each(
        session,
        [
            name
            for name in in_start_order(found)
            if wanted[name]["state"] != "stopped" and found[name].state != "running"
        ],
        start,
        f"{place} says what ran",
        wanted,
    )
    for name in gone:
        session.progress(f"the service {name} does not exist any more and is left out")
    return {name: _word(service) for name, service in found.items()}, gone


def now(session: Session, names: Iterable[str]) -> dict[str, str]:
    """How these services are, as a step says it: running or stopped; those that do not exist are left out."""
    wanted = list(names)
    return {name: _word(service) for name, service in session.services(wanted).items()} if wanted else {}


def check_alone(session: Session) -> None:
    """Refuse on a node of a cluster, where the Cluster service starts and stops Exchange."""
    found = session.services(["ClusSvc"]).get("ClusSvc")
    if found is not None and found.state in ACTIVE:
        raise Refused(
            f"{session.host} is a node of a cluster: the services of Exchange are its resources, and a service that is"
            " stopped or started behind its back counts as failed",
            remedy="Take the resources offline and online by the Cluster service instead.",
        )


def _stop_core(session: Session) -> None:
    """`net stop MSExchangeSA /yes` as often as it takes, with the directory waited for in between."""
    table = facts()["services"]
    core = table["core"]
    last: Output | None = None
    for attempt in range(_LINES):
        _settle(session, table["directory_seconds"])
        if not _running(session, core):
            return
        session.progress(
            f"net stop {core[0]} /yes{', once more' if attempt else ''}: {table['directory']} can take 15 minutes"
        )
        # NET knows /YES in every language of Windows [R]; its words are not read.
        line = command("net", "stop", core[0], Raw("/yes"))
        last = session.run(line, changes=True, timeout=_NET_TIMEOUT)
    _settle(session, table["directory_seconds"])
    running = _running(session, core)
    if running:
        raise CommandFailed(
            f"{', '.join(running)} of {session.host} did not stop",
            exit_code=last.exit_code if last else None,
            output=last.text if last else "",
            remedy="See the host's System event log, and whether a server monitor starts the System Attendant again"
            " (Q177221); close every server monitor, then start the run again.",
        )


def _settle(session: Session, timeout: float) -> None:
    """Wait until none of Exchange's services is starting or stopping."""

    def settled() -> bool | None:
        pending = [name for name in session.pending_services() if is_exchange(name)]
        return None if pending else True

    limit = max(timeout, float(facts()["services"]["directory_seconds"]))
    session.wait(settled, what="the services of Exchange to stop or start", timeout=limit)


def _installers_gone(session: Session, timeout: float) -> None:
    patterns = facts()["services"]["installers"]

    def gone() -> bool | None:
        images = (image.casefold() for image, unused in session.processes())
        return None if any(fnmatchcase(image, pattern) for image in images for pattern in patterns) else True

    try:
        session.wait(gone, what="the installer on the host to end", timeout=max(timeout, 1800.0))
    except WaitTimeout as error:
        error.remedy = (
            "The services of Exchange are not started beside an installer. See whether it waits for an answer in a"
            " window that nobody sees; let it end, or end it, and start the run again."
        )
        raise


def _running(session: Session, names: Iterable[str]) -> list[str]:
    return [name for name, service in session.services(list(names)).items() if service.state in ACTIVE]


def _is_core(name: str) -> bool:
    return name.casefold() in {core.casefold() for core in facts()["services"]["core"]}


def _word(service: Service) -> str:
    return "running" if service.state in ACTIVE else "stopped"

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Services that are stopped for an update, and put back exactly as they were.

KB 328839 (G9): what was stopped is started again afterwards, whatever happened in between. So before the first change
state and start type are written down on the host itself (``C:\mailops\roll\services.json``), and the file goes away
after the last change only. Wherever a run is cut off, the next one finds the note, and nothing that the note says is
forgotten or taken from what it sees then.

While they are stopped their start type is "disabled": neither a restart in between nor a server monitor brings them
back (Q245838 does the same with the System Attendant [V]).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..hosts.errors import Refused, Unreadable
from ..hosts.models import Service
from ..hosts.session import Session
from .host_notes import ROLL_FOLDER, read_json, remove_json, write_json
from .putting_back import NOT_DONE, after_putting_back, put_back_each

PATH = rf"{ROLL_FOLDER}\services.json"
ACTIVE = frozenset({"running", "start_pending", "continue_pending", "pause_pending", "paused"})
"""States of a service whose program is loaded."""
START_TYPES = ("boot", "system", "auto", "manual", "disabled")

Table = Mapping[str, Mapping[str, Any]]
Note = dict[str, dict[str, Any]]
Find = Callable[[Table], Mapping[str, Mapping[str, Any]]]
"""Given name -> display_name, state, start_type: those that interfere, name -> display_name, start_type, why."""


def read_note(session: Session) -> Note | None:
    """The note: service -> ``start_type``, ``state``, ``order`` (0 is stopped first); None where there is none."""
    found = read_json(session, PATH)
    if found is None:
        return None
    good = all(
        isinstance(entry, dict)
        and entry.get("start_type") in START_TYPES
        and entry.get("state") in ACTIVE | {"stopped"}
        and isinstance(entry.get("order"), int)
        for entry in found.values()
    )
    if not good:
        raise Unreadable(
            f"{PATH} of {session.host} does not hold services as they were noted before an update",
            remedy="Look at the file on the host; put the services right by hand, then delete it.",
        )
    return found


def observe(
    session: Session,
    find: Find,
    protected: Callable[[str], bool],
    services: Mapping[str, Service] | None = None,
) -> dict[str, Any]:
    """What runs and is to be stopped, in the order in which it stops, and the note.

    ``find`` picks from all services; those that depend on one of these and run are to be stopped too. ``protected``:
    whether a service must go on running. ``services``: all of them, where they have been read a moment ago. Raises
    Refused where one that must depends on one that interferes.
    """
    return {"running": _to_stop(session, find, protected, services), "note": read_note(session)}


def stop(session: Session, find: Find, protected: Callable[[str], bool], timeout: float) -> dict[str, Any]:
    """Note and stop what interferes. ``timeout``: seconds for each service. Idempotent.

    Where one cannot be stopped, everything is put back as the note says, and the reason is raised. Returns ``changed``,
    ``before`` and ``after`` (service -> running or stopped) and ``running`` (as in ``observe``).
    """
    running = _to_stop(session, find, protected)
    note = read_note(session)
    if note:
        # What an earlier run has told to stop may still be about it.
        for name, service in session.services(sorted(note)).items():
            if service.state == "stop_pending":
                session.stop_service(name, timeout)
    if not running:
        return {"changed": False, "before": {}, "after": {}, "running": {}}
    noted = _noted(note or {}, running)
    if noted != note:
        write_json(session, PATH, noted)
    try:
        for name in running:
            session.progress(f"stopping {_words(name, running[name])}: {running[name]['why']}")
            # First, so that nothing starts it in between.
            if running[name]["start_type"] != "disabled":
                session.set_start_type(name, "disabled")
            session.stop_service(name, timeout)
    except NOT_DONE as error:
        raise after_putting_back(
            error,
            lambda: restore(session, timeout),
            "was stopped for the update",
            "Stop the service by hand, or keep it running (mailops_exchange_keep_services)",
        ) from error
    return {
        "changed": True,
        "before": dict.fromkeys(running, "running"),
        "after": dict.fromkeys(running, "stopped"),
        "running": running,
    }


def restore(session: Session, timeout: float) -> dict[str, Any]:
    """Put back everything that is noted, then remove the note. ``timeout``: seconds for each service. Idempotent.

    A service that does not exist any more is left out; one that does not start keeps none of the others from being
    put back, and the note then stays. Raises CommandFailed for those. Returns ``changed``, ``before``, ``after`` and
    ``gone``.
    """
    note = read_note(session)
    if note is None:
        return {"changed": False, "before": {}, "after": {}, "gone": []}
    names = sorted(note, key=lambda name: note[name]["order"], reverse=True)
    found = session.services(names)
    put_back_each(
        session,
        [name for name in names if name in found],
        lambda name: _restore_one(session, found[name], note[name], timeout),
        f"{PATH} says how it was",
        note,
    )
    remove_json(session, PATH)
    gone = [name for name in names if name not in found]
    for name in gone:
        session.progress(f"the service {name} does not exist any more and is left out")
    before = {name: "running" if found[name].state in ACTIVE else "stopped" for name in names if name in found}
    after = {name: "running" if note[name]["state"] in ACTIVE else "stopped" for name in names if name in found}
    return {"changed": True, "before": before, "after": after, "gone": gone}


def _restore_one(session: Session, found: Service, noted: Mapping[str, Any], timeout: float) -> None:
    """Start type and state of one service as noted."""
    name, start_type = found.name, noted["start_type"]
    starts = noted["state"] in ACTIVE and found.state != "running"
    # Nothing starts while it is disabled, and a service may run that was disabled after its start.
    first = "manual" if starts and start_type == "disabled" else start_type
    if found.start_type != first:
        session.set_start_type(name, first)
    if starts:
        session.progress(f"starting {name} again")
        session.start_service(name, timeout)
    if first != start_type:
        session.set_start_type(name, start_type)


def _to_stop(
    session: Session,
    find: Find,
    protected: Callable[[str], bool],
    known: Mapping[str, Service] | None = None,
) -> dict[str, dict[str, Any]]:
    """The services to be stopped, those first on which nothing depends any more."""
    services = session.all_services() if known is None else known
    table = {
        name: {"display_name": service.display_name, "state": service.state, "start_type": service.start_type}
        for name, service in services.items()
    }
    found = {name: dict(entry) for name, entry in find(table).items()}
    names = {name.casefold(): name for name in services}
    order: dict[str, dict[str, Any]] = {}
    begun: set[str] = set()

    def visit(name: str, entry: dict[str, Any]) -> None:
        if name in begun:
            return
        begun.add(name)
        for told in session.dependent_services(name):
            other = names.get(told.casefold(), told)
            if other not in services or services[other].state not in ACTIVE:
                continue
            if protected(other):
                raise Refused(
                    f"{_words(name, entry)} interferes with the update, but {other} of {session.host} depends on it and"
                    " must go on running",
                    remedy=f"Keep {name} running by naming it in mailops_exchange_keep_services, or see why {other}"
                    " depends on it",
                )
            visit(other, found.get(other) or _dependent(services[other], name))
        order[name] = entry

    for name, entry in found.items():
        visit(name, entry)
    untold = [name for name, entry in order.items() if entry["start_type"] is None]
    # Over RPC a list of all services tells no start types: these few are asked for by themselves.
    for name, service in session.services(untold).items() if untold else ():
        order[name]["start_type"] = service.start_type
    return order


def _dependent(service: Service, needed: str) -> dict[str, Any]:
    return {
        "display_name": service.display_name or service.name,
        "start_type": service.start_type,
        "why": f"it depends on {needed}, which is stopped",
    }


def _noted(note: Note, running: Mapping[str, Mapping[str, Any]]) -> Note:
    """The note with what runs now; what it says already is not changed, for that is how it was before."""
    noted = {name: dict(entry) for name, entry in note.items()}
    # What is found now stands before what was stopped by an earlier run, and is started after it.
    first = min((entry["order"] for entry in noted.values()), default=0) - len(running)
    for number, (name, entry) in enumerate(running.items()):
        if name not in noted:
            start_type = entry["start_type"] or "auto"
            noted[name] = {"start_type": start_type, "state": "running", "order": first + number}
    return noted


def _words(name: str, entry: Mapping[str, Any]) -> str:
    long = entry.get("display_name")
    return f"{name} ({long})" if long and long != name else name

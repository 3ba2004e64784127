# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""What a run must know of a server with Exchange 5.5 besides its level; nothing here changes anything.

Its services are stopped and started by this collection around a service pack, the Performance Optimizer has to run
after it (KB 328839, C2), and two components have setups of their own (C3). What a run that was cut off has left is
noted on the host, in ``C:\mailops\roll``: ``exchange.json`` (services55), ``optimizer.json`` (optimizer).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from ..hosts.errors import Unreadable
from ..hosts.models import Service
from ..hosts.session import Session
from .builds import load_data, version_tuple
from .connector import program_of
from .host_notes import ROLL_FOLDER, read_json
from .interfering import ACTIVE, START_TYPES

PRODUCT = "5.5"
SERVICES_NOTE = rf"{ROLL_FOLDER}\exchange.json"
"""Services of Exchange that a run has stopped: service -> ``state``, ``start_type``."""
OPTIMIZER_NOTE = rf"{ROLL_FOLDER}\optimizer.json"
"""``update``, ``optimizer`` (null, due or begun), ``tuning_saved``, ``stopped`` (as in SERVICES_NOTE), ``level``.

``level``: service pack and build of Exchange when it was noted as due.
"""
_SERVICES_KEY = r"HKLM\SYSTEM\CurrentControlSet\Services"


@cache
def facts() -> dict[str, Any]:
    """The table of Exchange 5.5 (data/exchange55.yml)."""
    table: dict[str, Any] = load_data("exchange55.yml")
    return table


def observe55(
    session: Session,
    exchange: Mapping[str, Any],
    updates: Sequence[Mapping[str, Any]],
    *,
    services: Mapping[str, Service] | None = None,
    processes: Sequence[tuple[str, int]] | None = None,
) -> dict[str, Any] | None:
    """How a server with Exchange 5.5 stands; None where the host has no Exchange 5.5.

    ``exchange``: as ``read_exchange`` tells it. ``updates``: catalogue entries of the run. ``services`` and
    ``processes``: what the caller has read of them already (``all_services``, ``processes``). The result:

    * ``running``: Exchange's services that do not stand still, service -> ``display_name``, ``start_type``, in
      the order in which they start;
    * ``note``: services that a run has stopped and not started yet, service -> ``state``, ``start_type``; null;
    * ``optimizer``: ``due`` (a service pack is there, the Performance Optimizer was not begun), ``begun``, or null;
    * ``tuning_saved``: whether the values that it sets have been saved;
    * ``addons``: those that are installed, name -> ``version`` (null: not known), ``due`` (older than the newest
      service pack on the host or in the run);
    * ``monitors``: programs that watch Exchange and run on this host, image names in small letters.

    Raises Unreadable where a note of an earlier run cannot be read.
    """
    if exchange.get("product") != PRODUCT:
        return None
    found = session.all_services() if services is None else services
    images = session.processes() if processes is None else processes
    names = in_start_order(name for name, service in found.items() if is_exchange(name) and service.state != "stopped")
    told = session.services(names) if any(found[name].start_type is None for name in names) else dict(found)
    note = read_optimizer_note(session)
    return {
        "running": {
            name: {"display_name": found[name].display_name or name, "start_type": told[name].start_type}
            for name in names
            if name in told
        },
        "note": read_services_note(session),
        "optimizer": optimizer_due(note, exchange),
        "tuning_saved": bool(note and note["tuning_saved"]),
        "addons": read_addons(session, newest_build(exchange, updates), found),
        "monitors": sorted({image.lower() for image, unused in images} & set(facts()["monitors"])),
    }


def is_exchange(name: str) -> bool:
    """Whether a service is one of Exchange 5.5."""
    return name.casefold().startswith(facts()["services"]["prefix"].casefold())


def in_start_order(names: Any) -> list[str]:
    """Services of Exchange in the order in which they start; those that are not known come last."""
    known = [name.casefold() for name in (*facts()["services"]["core"], *facts()["services"]["optional"])]
    place = {name: index for index, name in enumerate(known)}
    return sorted(names, key=lambda name: (place.get(name.casefold(), len(known)), name.casefold()))


def newest_build(exchange: Mapping[str, Any], updates: Sequence[Mapping[str, Any]]) -> int:
    """Build of the newest service pack that is on the host or among the updates of a run; 0: none."""
    builds = [
        int(update["result"]["build"])
        for update in updates
        if update["product"] == PRODUCT and update["kind"] == "service_pack"
    ]
    # Without a service pack there is nothing that an add-on could be behind.
    own = int(exchange.get("build") or 0) if exchange.get("service_pack") else 0
    return max([own, *builds], default=0)


def read_addons(
    session: Session, build: int, services: Mapping[str, Service] | None = None
) -> dict[str, dict[str, Any]]:
    """The add-ons that are installed: name -> ``version``, ``due`` (older than this build; see data/exchange55.yml)."""
    table = facts()["addons"]
    wanted = {name: entry["service"] for name, entry in table.items()}
    if services is None:
        services = session.services(list(wanted.values()))
    there = {known.casefold() for known in services}
    names = [name for name, service in wanted.items() if service.casefold() in there]
    found: dict[str, dict[str, Any]] = {}
    for name, program in addon_programs(session, names).items():
        version = session.file_version(program) if program else None
        found[name] = {"version": version, "due": is_due(version, build)}
    return found


def addon_programs(session: Session, names: Sequence[str]) -> dict[str, str | None]:
    """The program behind the service of each of these add-ons; None where the registry does not tell one."""
    keys = {name: rf"{_SERVICES_KEY}\{facts()['addons'][name]['service']}" for name in names}
    values = session.registry_many(list(keys.values())) if keys else []
    return {name: program_of(found or {}) for name, found in zip(keys, values, strict=True)}


def is_due(version: str | None, build: int) -> bool:
    """Whether an add-on of this file version (``5.5.2650.0``) is older than a service pack's build."""
    return bool(build) and (version is None or version_tuple(version)[:3] < (5, 5, build))


# ---- what is noted on the host ------------------------------------------------------------------------------


def read_services_note(session: Session) -> dict[str, dict[str, Any]] | None:
    """Services that were stopped for an update: service -> ``state``, ``start_type``; None where nothing is noted."""
    found = read_json(session, SERVICES_NOTE)
    if found is not None:
        _check_services(session, SERVICES_NOTE, found)
    return found


def read_optimizer_note(session: Session) -> dict[str, Any] | None:
    """``update``, ``optimizer``, ``tuning_saved``, ``stopped``; None where nothing is noted."""
    found = read_json(session, OPTIMIZER_NOTE)
    if found is None:
        return None
    good = found.get("optimizer") in (None, "due", "begun") and isinstance(found.get("tuning_saved"), bool)
    good = good and isinstance(found.get("update"), str | None) and isinstance(found.get("stopped"), dict)
    if not good:
        raise Unreadable(
            f"{OPTIMIZER_NOTE} of {session.host} does not say how far the Performance Optimizer is",
            remedy="Look at the file on the host; run the Performance Optimizer by hand, then delete it",
        )
    _check_services(session, OPTIMIZER_NOTE, found["stopped"])
    return found


def optimizer_due(note: Mapping[str, Any] | None, exchange: Mapping[str, Any]) -> str | None:
    """What is to be done with the Performance Optimizer: ``due``, ``begun`` or nothing.

    It is noted as due before a service pack. Where the host still has the level of that moment, the service pack was
    not installed; it may have been dropped from the run, and then there is nothing to run the optimizer for.
    """
    if note is None:
        return None
    waits = note["optimizer"] == "due" and note.get("level") == [exchange.get("service_pack"), exchange.get("build")]
    found: str | None = None if waits else note["optimizer"]
    return found


def _check_services(session: Session, path: str, entries: Mapping[str, Any]) -> None:
    good = all(
        isinstance(entry, dict)
        and entry.get("start_type") in (*START_TYPES, None)
        and entry.get("state") in ACTIVE | {"stopped"}
        for entry in entries.values()
    )
    if not good:
        raise Unreadable(
            f"{path} of {session.host} does not hold services as they were noted before an update",
            remedy="Look at the file on the host; put the services right by hand, then delete it",
        )

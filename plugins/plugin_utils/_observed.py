# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several actions read of a host in the same way; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from .exchange import backups_due, install, interfering, notes, package
from .exchange.catalogue import staging_folder
from .exchange.info import read_marks
from .exchange.outcome import shown_at_once
from .gates import evidence
from .gates.interfering import interfering as pick
from .gates.interfering import known as interfering_table
from .hosts.models import Event, Service
from .hosts.session import Session

_EVENTS = 3000
_SLACK = 600
"""Seconds before a moment from which events are asked for: which of them are late enough is told by their time."""


def describe(exchange: Mapping[str, Any]) -> str:
    """Return Exchange and its level in a sentence."""
    if not exchange["installed"]:
        return "Exchange is not installed."
    pack = f"service pack {exchange['service_pack']}" if exchange["service_pack"] else "no service pack"
    return f"Exchange {exchange['product']} with {pack}, build {exchange['build']}."


def notices(session: Session, exchange: Mapping[str, Any]) -> list[str]:
    """Return what an operator should know though nothing is wrong."""
    if not exchange["installed"] or exchange.get("store_version"):
        return []
    return [
        f"{session.host} does not tell the file version of store.exe; its level rests on registry and directory alone."
    ]


def read_updates(
    session: Session, exchange: dict[str, Any], updates: Mapping[str, dict[str, Any]], source: str | None
) -> dict[str, Any]:
    """Return ``packages``, ``installations`` and ``note``: how far these updates have come on the host.

    ``exchange``, as ``read_exchange`` tells it, gets ``unproven_hotfixes``: those in whose installation a file was in
    use. They are there by the registry only and are to be installed again, so they leave its ``hotfixes``.
    """
    packages = {
        key: package.observe(session, update, source, staging_folder(update), look=True)
        for key, update in updates.items()
    }
    installations = {key: install.observe(session, update, exchange) for key, update in updates.items()}
    note = notes.read_note(session)
    unproven = {updates[key]["result"].get("hotfix") for key, found in installations.items() if found["unproven"]}
    exchange["unproven_hotfixes"] = sorted(unproven & set(exchange["hotfixes"]))
    exchange["hotfixes"] = [fix for fix in exchange["hotfixes"] if fix not in unproven]
    return {"packages": packages, "installations": installations, "note": note}


def find_interfering(extra: Sequence[str], keep: Sequence[str]) -> interfering.Find:
    """Return what picks the interfering services from all services."""
    return partial(pick, extra=extra, keep=keep)


def is_protected(name: str) -> bool:
    """Whether a service must go on running: the update, this collection or Windows need it."""
    return any(fnmatchcase(name.casefold(), str(pattern).casefold()) for pattern in interfering_table()["never"])


def read_interfering(
    session: Session, extra: Sequence[str], keep: Sequence[str], services: Mapping[str, Service] | None = None
) -> dict[str, Any]:
    """Return ``running`` and ``note`` of the services that interfere; ``services``: as read a moment ago."""
    return interfering.observe(session, find_interfering(extra, keep), is_protected, services)


def left_connector(host: str, connector: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what is due where Active Directory Connector is left as it is; ``known``: the catalogue."""
    title = known[connector["update"]]["title"] if connector["update"] else "the service pack"
    return (
        f"{host}: Active Directory Connector {connector['version'] or '(unknown version)'} was left as it is; {title}"
        " brings a newer one, with a setup of its own in its folder ADC\\I386."
    )


def read_backup_due(
    session: Session, known: Mapping[str, dict[str, Any]], elsewhere: Iterable[Mapping[str, float]] = ()
) -> dict[str, Any] | None:
    """Return how the backup stands that is due since a service pack; None where nothing is noted."""

    def installed(key: str) -> bool:
        # One that the catalogue does not know (any more) cannot be looked for: better one backup too many.
        return key not in known or shown_at_once(known[key], read_marks(session))

    return backups_due.observe(session, installed, newest_backups, partial(engine_events, session), elsewhere)


def newest_backups(events: Sequence[Event], now: float) -> dict[str, dict[str, Any]]:
    """Return database in small letters -> file and time of its newest full backup that nothing spoiled afterwards."""
    found = evidence.databases([asdict(event) for event in events], now)["databases"]
    return {
        key: {"file": entry["file"], "time": now - entry["age"] * 3600}
        for key, entry in found.items()
        if not entry["spoiled"]
    }


def engine_events(session: Session, since: float) -> list[Event]:
    """The engine's events since a moment of the host's own clock, which also dates them."""
    return session.events(
        "Application", source=evidence.ENGINE_SOURCES, ids=evidence.ENGINE_IDS, since=since - _SLACK, limit=_EVENTS
    )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Known troubles of virtual servers, recognised by event log, exit codes and what programs wrote (KB 328839)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..hosts.errors import CommandFailed, HostError, WaitTimeout
from ..hosts.session import Event, Session
from .builds import load_data

LOG = "Application"
SLACK = 300.0
"""Seconds by which a host's clock may differ from ours: more than five minutes Kerberos does not allow in a domain."""
_LIMIT = 20


@dataclass(frozen=True)
class Signs:
    """What was seen of a failure: events, an exit code, what programs wrote, and what nobody did in time."""

    events: Sequence[Event] = ()
    exit_code: int | None = None
    text: str = ""
    timeout: str = ""


@cache
def _troubles() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = load_data("troubles.yml")
    return table


def recognise(signs: Signs, product: str | None = None) -> dict[str, Any] | None:
    """The trouble that the signs belong to, or None: ``id``, ``explanation``, ``remedy``, ``source``, ``evidence``.

    ``product``: that of the host; None where it is not known. ``evidence`` says in words what was seen. Pure.
    """
    for key, entry in _troubles().items():
        if product is not None and product not in entry.get("products", [product]):
            continue
        for sign in entry["signs"]:
            evidence = _evidence(sign, signs)
            if evidence:
                shown = {name: entry[name] for name in ("explanation", "remedy", "source")}
                return {"id": key, **shown, "evidence": evidence}
    return None


def of_file(name: str, product: str) -> dict[str, Any] | None:
    """The trouble that a file in use belongs to, by its name (``mdbperf.dll``; a folder is left out), or None."""
    wanted = name.replace("/", "\\").rpartition("\\")[2].casefold()
    for key, entry in _troubles().items():
        if product in entry.get("products", [product]) and any(s.get("file") == wanted for s in entry["signs"]):
            return {"id": key, **{part: entry[part] for part in ("explanation", "remedy", "source")}}
    return None


def known_words() -> list[str]:
    """The words that are looked for in logs and in what programs wrote."""
    return sorted({sign["text"] for sign in _all_signs() if "text" in sign})


def recent_events(session: Session, since: float) -> list[Event]:
    """What this node's log says of virtual servers since then; [] where it cannot be read: it explains a failure only.

    The nodes of a cluster send their events to each other unless that was turned off ([V] Q283078, KB 224969), so the
    log of one node tells of the others too. ``since``: epoch seconds by the session's clock.
    """
    wanted = [(sign["source"], number) for sign in _all_signs() for number in sign.get("event", [])]
    try:
        return session.events(
            LOG,
            source=sorted({source for source, unused in wanted}),
            ids=sorted({number for unused, number in wanted}),
            since=since - SLACK,
            limit=_LIMIT,
        )
    except HostError as error:
        session.progress(f"the event log says nothing of the cause: {error.message}")
        return []


@contextmanager
def explained(session: Session, product: str | None = None) -> Iterator[None]:
    """Work on a virtual server: where it fails, the log is read, and a trouble that is known goes with the error.

    The error's details get ``trouble`` (see ``recognise``), and its remedy becomes the one of the trouble. Only what
    began and failed is explained: a refusal, or a host that was lost, has its own words.
    """
    started = session.clock.now()
    try:
        yield
    except (CommandFailed, WaitTimeout) as error:
        trouble = error.details.get("trouble") or recognise(
            Signs(recent_events(session, started), getattr(error, "exit_code", None), getattr(error, "output", "")),
            product,
        )
        if trouble:
            attach(error, trouble)
        raise


def attach(error: HostError, trouble: Mapping[str, Any]) -> None:
    """Give a trouble to an error, with its remedy."""
    error.details["trouble"] = dict(trouble)
    error.remedy = f"{trouble['explanation']} {trouble['remedy']}"


def _evidence(sign: Mapping[str, Any], signs: Signs) -> list[str]:
    words = str(sign.get("text", "")).casefold()
    if "file" in sign:
        # Told by the installer's log, see ``of_file``.
        return []
    if "event" in sign:
        found = [
            event
            for event in signs.events
            if event.id in sign["event"]
            and event.source.casefold() == sign["source"].casefold()
            and words in " ".join([event.text, *event.strings]).casefold()
        ]
        return [f"event {event.id} of {event.source}: {' '.join(event.text.split())[:300]}" for event in found]
    if "timeout" in sign:
        return [f"not done in time: {signs.timeout}"] if signs.timeout == sign["timeout"] else []
    if "code" in sign:
        seen = signs.exit_code is not None and signs.exit_code & 0xFFFFFFFF == sign["code"]
        return [f"exit code 0x{sign['code']:08x}"] if seen else []
    line = next((line.strip() for line in signs.text.splitlines() if words in line.casefold()), "")
    return [f"output: {line[:300]}"] if line else []


def _all_signs() -> Iterator[dict[str, Any]]:
    for entry in _troubles().values():
        yield from entry["signs"]

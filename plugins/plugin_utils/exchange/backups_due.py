# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The full backup that is due after a service pack, noted on the host until the event log shows one.

After a service pack the backups from before it cannot be restored to the server any more, so that a new full backup of
all databases is due as soon as the server is done (KB 328839, G5). The note ``C:\mailops\roll\backup-due.json`` says
since when; all times are those of the host's own clock, like those of its event log.

It is written before the installation (``begun``) and completed after it (``noted``): so a run that was cut off in
between does not make anybody forget the backup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ..hosts.errors import HostError, Unreachable, Unreadable
from ..hosts.models import Event
from ..hosts.session import Session
from .host_notes import ROLL_FOLDER, read_json, remove_json, write_json

PATH = rf"{ROLL_FOLDER}\backup-due.json"
LOOKBACK = 31 * 86400.0
"""Seconds of the event log in which databases are looked for when the note is written."""

ReadEvents = Callable[[float], Sequence[Event]]
"""Given epoch seconds of the host's clock: the events about backups since then. May raise HostError."""
Newest = Callable[[Sequence[Event], float], Mapping[str, Mapping[str, Any]]]
"""Given events and the host's time: database in small letters -> ``file`` and ``time`` of its newest full backup."""


def read_note(session: Session) -> dict[str, Any] | None:
    """The note; None where there is none: ``update``, ``begun_at``, ``installed_at`` (None: only begun), ``databases``,
    and ``earlier``, the note of an earlier service pack whose backup was still due.
    """
    note = read_json(session, PATH)
    if note is None:
        return None
    good = isinstance(note.get("update"), str) and isinstance(note.get("databases"), list)
    good = good and isinstance(note.get("begun_at"), int | float)
    good = good and isinstance(note.get("installed_at"), int | float | None)
    good = good and isinstance(note.get("earlier"), dict | None)
    if not good:
        raise Unreadable(
            f"{PATH} of {session.host} does not say since when a backup is due",
            remedy="Look at the file on the host; make a full backup of all databases, then delete it",
        )
    return note


def begin(session: Session, update: str) -> bool:
    """Note that an installation begins, after which a backup will be due. False where that is noted already."""
    note = read_note(session)
    if note is not None and note["update"] == update:
        return False
    earlier = note if note and note["installed_at"] is not None else (note or {}).get("earlier")
    _write(session, {"update": update, "begun_at": session.local_time(), "installed_at": None, "earlier": earlier})
    return True


def complete(session: Session, update: str, databases: Iterable[str], newest: Newest, events: ReadEvents) -> bool:
    """Note that the service pack was installed just now. False where that is noted already.

    ``databases``: files of the server's databases where they are known; else those of which the event log shows a
    backup, because the same ones have to be seen again.
    """
    note = read_note(session)
    if note is not None and note["update"] == update and note["installed_at"] is not None:
        return False
    now = session.local_time()
    files = {file.casefold(): file for file in databases}
    if not files:
        try:
            files = {key: str(entry["file"]) for key, entry in newest(events(now - LOOKBACK), now).items()}
        except Unreachable:
            raise
        except HostError as error:
            session.progress(f"the databases are not known: {error.message}")
    begun = note["begun_at"] if note is not None and note["update"] == update else now
    content = {"update": update, "begun_at": begun, "installed_at": now, "earlier": None}
    _write(session, {**content, "databases": sorted(files.values())})
    return True


def observe(
    session: Session,
    installed: Callable[[str], bool],
    newest: Newest,
    events: ReadEvents,
    elsewhere: Iterable[Mapping[str, float]] = (),
) -> dict[str, Any] | None:
    """Whether a backup is due; None where nothing is noted. Changes nothing.

    ``installed``: whether a service pack is on the host, asked for one whose installation was only begun.
    ``elsewhere``: what other nodes of the same cluster have seen, each as ``newest`` below: a virtual server is backed
    up where it stands. The result: ``update``, ``noted`` (false: begun, and not noted as installed), ``installed_at``
    (ISO 8601), ``databases``, ``newest`` (file -> epoch seconds), ``missing`` (files), ``due``, ``problem`` (why the
    log cannot be read, or null).
    """
    note = read_note(session)
    if note is None:
        return None
    noted = note["installed_at"] is not None
    told = {"update": note["update"], "noted": noted}
    if not noted and not installed(note["update"]):
        # What was begun did not come to anything: an earlier service pack counts as before.
        if note.get("earlier") is None:
            empty: dict[str, Any] = {"installed_at": None, "databases": [], "newest": {}, "missing": []}
            return {**told, **empty, "due": False, "problem": None}
        note = note["earlier"]
        told["update"], told["noted"] = note["update"], True
    since = float(note["installed_at"] if note["installed_at"] is not None else note["begun_at"])
    seen: dict[str, float] = {}
    problem = None
    try:
        now = session.local_time()
        found = newest(events(since), now)
        seen = {str(entry["file"]): float(entry["time"]) for entry in found.values()}
    except Unreachable:
        raise
    except HostError as error:
        problem = error.message
    own = dict(seen)
    for other in elsewhere:
        for file, moment in other.items():
            seen[file] = max(float(moment), seen.get(file, 0.0))
    later = {file.casefold() for file, moment in seen.items() if moment > since}
    missing = [file for file in note["databases"] if file.casefold() not in later]
    return {
        **told,
        "installed_at": iso(since),
        "databases": list(note["databases"]),
        "newest": own,
        "missing": missing,
        "due": bool(missing) or not later,
        "problem": problem,
    }


def forget(session: Session) -> None:
    """Remove the note: the backup is there."""
    remove_json(session, PATH)


def words(host: str, found: Mapping[str, Any], title: str, *, old: bool = False) -> str:
    """What is due, as a person reads it. ``title``: of the service pack; ``old``: of Exchange 5.5."""
    # The article is less sure of 5.5 (G5).
    lost = "may be of no use any more" if old else "cannot be restored to this server any more"
    when = datetime.fromisoformat(found["installed_at"]).strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    text = (
        f"{host}: full backup due of all Exchange databases. {title} was installed on {when}; backups from before it"
        f" {lost}."
    )
    if found["missing"]:
        text += f" Not backed up since then: {', '.join(found['missing'])}."
    if found["problem"]:
        text += f" Whether one was made is not known: {found['problem']}."
    return text


def iso(epoch: float) -> str:
    """Epoch seconds as ISO 8601, UTC."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="seconds")


def _write(session: Session, content: Mapping[str, Any]) -> None:
    write_json(session, PATH, {"databases": [], **content})

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates ask of a host, read in few round trips; nothing is changed.

Each part is read by itself: what a host does not tell is missing, with the reason in ``problems``, and the gate that
needs it says so. Only a host that does not answer at all is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from .exchange.info import SETUP_KEY, WINDOWS_KEY
from .gates import evidence
from .hosts.errors import HostError, Refused, Unreachable
from .hosts.machine import drive_of
from .hosts.session import RegistryReading, RegistryValues, Session

T = TypeVar("T")

CODE_PAGE_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage"
LANGUAGE_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\Language"
SESSION_MANAGER_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager"
UPDATES_KEY = r"HKLM\SOFTWARE\Microsoft\Updates"
"""``UpdateExeVolatile`` is not 0 while an update of Windows waits for its restart [R]."""
UPDATE_REBOOT_KEY = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
"""Is there while an update by Windows Update waits for its restart [R]."""
QUORUM_KEY = r"HKLM\Cluster\Quorum"
PRIVILEGED_KEY = r"HKU\S-1-5-19"
"""Only administrators may read it, on XP and later, where it always is [R]."""
_STAGING_DRIVE = "C:"
_SERVER2003 = "5.2"
_EVENT_LIMIT = 3000


def read_facts(session: Session, role: str = "server", lookback: float = 192.0) -> dict[str, Any]:
    """Return what the gates need to know of a host.

    ``role``: ``server``, or ``controller``, of which only the clock and the backups matter. ``lookback``: hours of the
    event log that are searched. The keys: ``time`` (epoch seconds by the host's clock), ``drift`` (seconds by which it
    is ahead of ours), ``backup`` (``engine``, ``system_state``, ``problem``); for a server also ``rights``
    (administrator, none or unknown), ``services``, ``processes``, ``drives``, ``pending_restart``, ``code_page``,
    ``language``, ``install_path``, ``administrators``, ``quorum``; and ``problems``. Raises Unreachable.
    """
    problems: dict[str, str] = {}
    # The first answer also tells the time of a simulated estate.
    registry = _tried("registry", problems, lambda: session.registry_read(_KEYS))
    moment, drift = _clock(session, problems)
    now = session.clock.now() if moment is None else moment
    found: dict[str, Any] = {"time": moment, "drift": drift, "backup": _backup(session, role, now, lookback)}
    if role == "server":
        found |= _server(session, registry, problems)
    return {**found, "problems": problems}


_KEYS = (
    WINDOWS_KEY,
    SETUP_KEY,
    CODE_PAGE_KEY,
    LANGUAGE_KEY,
    SESSION_MANAGER_KEY,
    UPDATES_KEY,
    UPDATE_REBOOT_KEY,
    QUORUM_KEY,
    PRIVILEGED_KEY,
)


def _server(session: Session, registry: RegistryReading | None, problems: dict[str, str]) -> dict[str, Any]:
    services = _tried("services", problems, session.all_services)
    processes = _tried("processes", problems, session.processes)
    found: dict[str, Any] = {
        "services": None
        if services is None
        else {
            name: {"display_name": each.display_name or name, "state": each.state, "start_type": each.start_type}
            for name, each in services.items()
        },
        "processes": None
        if processes is None
        else sorted({image for image, unused_pid in processes}, key=str.casefold),
        "administrators": _tried("administrators", problems, session.administrators),
        "rights": "unknown",
        "pending_restart": None,
        "code_page": None,
        "language": None,
        "install_path": None,
        "quorum": None,
    }
    if registry is not None:
        found |= _of_registry(registry)
    root, install = found.pop("system_root", None), found["install_path"]
    found["drives"] = _drives(session, {"system": root, "exchange": install, "packages": _STAGING_DRIVE}, problems)
    return found


def _of_registry(registry: RegistryReading) -> dict[str, Any]:
    windows = _small(registry.values.get(WINDOWS_KEY))
    quorum = registry.values.get(QUORUM_KEY)
    return {
        "rights": _rights(registry, _text(windows, "currentversion")),
        "pending_restart": _pending(registry),
        "code_page": _number(_small(registry.values.get(CODE_PAGE_KEY)), "oemcp"),
        "language": _text(_small(registry.values.get(LANGUAGE_KEY)), "installlanguage").lower() or None,
        "install_path": _text(_small(registry.values.get(SETUP_KEY)), "services") or None,
        "system_root": _text(windows, "systemroot") or None,
        # The key is there while the Cluster service runs.
        "quorum": None if quorum is None else {"resource": _text(_small(quorum), "resource") or None},
    }


def _rights(registry: RegistryReading, version: str) -> str:
    if registry.values.get(PRIVILEGED_KEY) is not None:
        return "administrator"
    return "none" if version == _SERVER2003 else "unknown"


def _pending(registry: RegistryReading) -> list[str]:
    """What says that a restart is pending, in the words of the report."""
    found = []
    renames = _small(registry.values.get(SESSION_MANAGER_KEY)).get("pendingfilerenameoperations")
    if renames and (not isinstance(renames, list) or any(renames)):
        found.append("files are to be renamed at the next start")
    if _number(_small(registry.values.get(UPDATES_KEY)), "updateexevolatile"):
        found.append("an update of Windows has asked for it")
    if registry.values.get(UPDATE_REBOOT_KEY) is not None:
        found.append("Windows Update has asked for it")
    return found


def _clock(session: Session, problems: dict[str, str]) -> tuple[float | None, float | None]:
    """The host's time, and by how much it is ahead of ours at the least: the answer takes time itself."""
    before = session.clock.now()
    moment = _tried("clock", problems, session.local_time)
    return (None, None) if moment is None else (moment, session.clock.drift(moment, before))


def _drives(session: Session, paths: dict[str, str | None], problems: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Free bytes of the drives that matter, each with what it matters for."""
    found: dict[str, dict[str, Any]] = {}
    for purpose, path in paths.items():
        try:
            drive = drive_of(path) if path else None
        except Refused:
            drive = None
        if drive:
            found.setdefault(drive, {"free": None, "for": []})["for"].append(purpose)
    for drive, entry in found.items():
        entry["free"] = _tried("drives", problems, partial(session.free_space, drive))
    return found


def _backup(session: Session, role: str, now: float, lookback: float) -> dict[str, Any]:
    """Evidence of backups, by the host's own clock; the session asks for events by the same."""
    problem: dict[str, str] = {}
    sources: Sequence[str] = evidence.BACKUP_SOURCES
    ids: Sequence[int] = evidence.BACKUP_IDS
    if role == "server":
        sources, ids = (*evidence.ENGINE_SOURCES, *sources), (*evidence.ENGINE_IDS, *ids)
    since = now - lookback * 3600
    events = _tried(
        "events",
        problem,
        lambda: session.events("Application", source=sources, ids=ids, since=since, limit=_EVENT_LIMIT),
    )
    rows = [asdict(event) for event in events or []]
    return {
        "engine": evidence.databases(rows, now) if role == "server" else None,
        "system_state": evidence.system_state(rows, now),
        "problem": problem.get("events"),
    }


def _tried(what: str, problems: dict[str, str], read: Callable[[], T]) -> T | None:
    """Return what ``read`` returns; None, with the reason among the problems, where the host does not tell it."""
    try:
        return read()
    except Unreachable:
        raise
    except HostError as error:
        problems[what] = error.message
        return None


def _small(values: RegistryValues | None) -> dict[str, Any]:
    return {name.lower(): data for name, (unused_kind, data) in (values or {}).items()}


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name, "")
    return value if isinstance(value, str) else ""


def _number(values: dict[str, Any], name: str) -> int | None:
    value = values.get(name)
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return value if isinstance(value, int) else None

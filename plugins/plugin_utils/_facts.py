# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gates ask of a host, read in few round trips; nothing is changed.

Each part is read by itself: what a host does not tell is missing, with the reason in ``problems``, and the gate that
needs it says so. Only a host that does not answer at all is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

from .exchange import connector
from .exchange.info import SETUP_KEY, SYSTEMS, WINDOWS_KEY
from .exchange.package_files import NAME_KEY, SHARES_KEY, Files, shared_here
from .gates import evidence
from .hosts.errors import HostError, Refused, Unreachable
from .hosts.machine import drive_of
from .hosts.models import Service
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
TERMINAL_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\Terminal Server"
"""``TSAppCompat`` is 1 on an application server of Windows 2000, 0 in remote administration mode [R]."""
DATABASES_55 = {
    r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeIS\ParametersPrivate": "DB Path",
    r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeIS\ParametersPublic": "DB Path",
    r"HKLM\SYSTEM\CurrentControlSet\Services\MSExchangeDS\Parameters": "DSA Database file",
}
"""Where Exchange 5.5 keeps the paths of priv.edb, pub.edb and dir.edb [V, a disaster recovery paper]."""
_STAGING_DRIVE = "C:"
_SERVER2003 = "5.2"
_EVENT_LIMIT = 3000


def read_facts(
    session: Session,
    role: str = "server",
    lookback: float = 192.0,
    *,
    services: Mapping[str, Service] | None = None,
    processes: Sequence[tuple[str, int]] | None = None,
    updates: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return what the gates need to know of a host.

    ``role``: ``server``, or ``controller``, of which only clock, backups and processes matter. ``lookback``: hours of
    the event log that are searched. ``services``, ``processes``: as ``all_services`` and ``processes`` of the session,
    where somebody has read them a moment ago. ``updates``: entries of the catalogue, whose packages may lie here.

    The keys: ``time`` (epoch seconds by the host's clock), ``drift`` (seconds by which it is ahead of ours), ``system``
    (nt4, 2000, server2003), ``backup`` (``engine``, ``system_state``, ``problem``), ``processes``, ``packages`` (see
    ``package_files``); for a controller also ``connector`` (whether Active Directory Connector is there); for a server
    also ``rights`` (administrator, none or unknown), ``services``, ``drives``, ``pending_restart``, ``code_page``,
    ``language``, ``install_path``, ``databases`` (files of a 5.5 server, else None), ``application_server``,
    ``administrators``, ``quorum``; and ``problems``. Raises Unreachable.
    """
    problems: dict[str, str] = {}
    # The first answer also tells the time of a simulated estate.
    keys = _KEYS if role == "server" else (WINDOWS_KEY, NAME_KEY, SHARES_KEY)
    registry = _tried("registry", problems, lambda: session.registry_read(keys))
    moment, drift = _clock(session, problems)
    now = session.clock.now() if moment is None else moment
    if processes is None:
        processes = _tried("processes", problems, session.processes)
    found: dict[str, Any] = {
        "time": moment,
        "drift": drift,
        "system": None if registry is None else _system(registry),
        "backup": _backup(session, role, now, lookback),
        "processes": None
        if processes is None
        else sorted({image for image, unused_pid in processes}, key=str.casefold),
        "packages": _packages(session, role, registry, updates, problems),
    }
    if role == "server":
        found |= _server(session, registry, services, problems)
    else:
        (name,) = connector.questions()["services"]
        there = _tried("connector", problems, lambda: session.services([name]))
        found["connector"] = None if there is None else bool(there)
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
    TERMINAL_KEY,
    NAME_KEY,
    SHARES_KEY,
    *DATABASES_55,
)


def questions() -> list[str]:
    """The registry keys of a server that ``read_facts`` asks for, for ``ask_ahead``."""
    return list(_KEYS)


def _server(
    session: Session,
    registry: RegistryReading | None,
    services: Mapping[str, Service] | None,
    problems: dict[str, str],
) -> dict[str, Any]:
    if services is None:
        services = _tried("services", problems, session.all_services)
    found: dict[str, Any] = {
        "services": None
        if services is None
        else {
            name: {"display_name": each.display_name or name, "state": each.state, "start_type": each.start_type}
            for name, each in services.items()
        },
        "administrators": _tried("administrators", problems, session.administrators),
        "rights": "unknown",
        "pending_restart": None,
        "code_page": None,
        "language": None,
        "install_path": None,
        "databases": None,
        "application_server": None,
        "quorum": None,
    }
    if registry is not None:
        found |= _of_registry(registry)
    if found["rights"] == "unknown":
        # Windows 2000 and NT 4.0 have no part of the registry that tells it.
        able = _tried("rights", problems, session.is_administrator)
        found["rights"] = {True: "administrator", False: "none", None: "unknown"}[able]
    root, install = found.pop("system_root", None), found["install_path"]
    found["drives"] = _drives(session, {"system": root, "exchange": install, "packages": _STAGING_DRIVE}, problems)
    return found


def _packages(
    session: Session,
    role: str,
    registry: RegistryReading | None,
    updates: Sequence[Mapping[str, Any]],
    problems: dict[str, str],
) -> Files:
    """The packages on shares of this host; none where it does not tell.

    What is a server and a domain controller at once is read twice: the whole of a package over the network only once.
    """
    if registry is None:
        return {}
    hashes = role != "server" or not session.copies_files
    return _tried("packages", problems, lambda: shared_here(session, updates, registry.values, hashes=hashes)) or {}


def _of_registry(registry: RegistryReading) -> dict[str, Any]:
    windows = _small(registry.values.get(WINDOWS_KEY))
    quorum = registry.values.get(QUORUM_KEY)
    return {
        "rights": _rights(registry, _text(windows, "currentversion")),
        "pending_restart": _pending(registry),
        "code_page": _number(_small(registry.values.get(CODE_PAGE_KEY)), "oemcp"),
        "language": _text(_small(registry.values.get(LANGUAGE_KEY)), "installlanguage").lower() or None,
        "install_path": _text(_small(registry.values.get(SETUP_KEY)), "services") or None,
        "databases": _databases(registry),
        "application_server": _application_server(registry),
        "system_root": _text(windows, "systemroot") or None,
        # The key is there while the Cluster service runs.
        "quorum": None if quorum is None else {"resource": _text(_small(quorum), "resource") or None},
    }


def _system(registry: RegistryReading) -> str | None:
    return SYSTEMS.get(_text(_small(registry.values.get(WINDOWS_KEY)), "currentversion"))


def _databases(registry: RegistryReading) -> list[str] | None:
    """The databases of Exchange 5.5; those of 2000 and 2003 stand in the directory."""
    paths = [_text(_small(registry.values.get(key)), name.lower()) for key, name in DATABASES_55.items()]
    return [path for path in paths if path] or None


def _application_server(registry: RegistryReading) -> bool | None:
    values = registry.values.get(TERMINAL_KEY)
    return None if values is None else _number(_small(values), "tsappcompat") == 1


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

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of the backups: every database, the servers' system state, the domain controllers (G1, G2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import evidence
from .model import FAILED, NO_SYSTEM_STATE, PASSED, WARNING, Finding, View, hours, listed

_STATE = (
    "Back up Windows including the system state (ntbackup backup systemstate ...) and look at its report; or, where "
    "another program does that, state it: who, when, what (mailops_exchange_statements)."
)
_UNREAD = "Bring it back, or take it into the run (a --limit has to name it, too)."
_REGISTRY = (
    "Save the drive of Windows together with the registry (ntbackup backup C: /b /t normal), renew the emergency "
    "repair disk (rdisk /s), and state it: who, when, what (mailops_exchange_statements)."
)
"""What stands for the system state on NT 4.0. ``/b`` saves the local registry [V, Q152313]; ``rdisk /s`` takes the
accounts and the security along, ``rdisk`` alone does not [V, itprotoday]."""
_STORE = (
    "Make a full backup of every database (not an incremental one) and look at its report; or, where the event log "
    "cannot show it, state it: who, when, what (mailops_exchange_statements)."
)
_STORE_55 = (
    "Make a full backup of the directory and of the information store (ntbackup backup DS \\\\SERVER IS \\\\SERVER "
    "/t normal) and look at its report; or, where the event log cannot show it, state it: who, when, what "
    "(mailops_exchange_statements)."
)
# A server with Exchange 5.5 has a directory, and one of the two stores at least [R].
_FILES_55 = (("dir.edb",), ("priv.edb", "pub.edb"))


def backup_databases(view: View) -> Iterator[Finding]:
    """A full backup of every database, proved by the engine's events; one row for a cluster."""
    for cluster in view.open_clusters():
        servers = [
            str(row.get("network_name") or "").upper()
            for row in cluster.state["groups"].values()
            if row.get("virtual_server")
        ]
        yield _databases(view, cluster.name, cluster.members, servers)
    for host in view.single():
        computer = str(view.reached[host]["exchange"].get("computer_name") or host).upper()
        yield _databases(view, host, (host,), [computer])
    for host in view.lost:
        yield Finding(host, WARNING, "not judged: which databases are its own shows only where its cluster is read")


def backup_system_state(view: View) -> Iterator[Finding]:
    """A system-state backup of every server that is to be updated."""
    for host in view.open:
        yield _system_state(view, host, view.facts(host), begun=view.under_way(host))


def backup_controllers(view: View) -> Iterator[Finding]:
    """A system-state backup of every domain controller; what cannot be read is not proved."""
    begun = bool(view.open) and all(view.under_way(host) for host in view.open)
    if not view.open:
        return
    if not view.controllers:
        yield Finding(
            "", _failure(begun), "no domain controller is known to the run (group exchange_controllers)", _STATE
        )
    for name, found in sorted(view.controllers.items()):
        reason = (found or {}).get("unreachable")
        if reason or not (found or {}).get("facts"):
            said = str(reason or "it told nothing").removeprefix("Task failed: ")
            text = f"the domain controller was not read: {said}"
            yield Finding(name, _failure(begun), text, f"{_UNREAD} {_STATE}")
        else:
            yield _system_state(view, name, found["facts"], begun=begun)


def _databases(view: View, row: str, hosts: tuple[str, ...], servers: list[str]) -> Finding:
    members = hosts if hosts != (row,) else ()
    failure = _failure(any(view.under_way(host) for host in hosts))
    reached = [host for host in hosts if host in view.reached]
    old = any(view.product(host) == "5.5" for host in reached)
    remedy = _STORE_55 if old else _STORE
    parts = [(view.facts(host).get("backup") or {}) for host in reached]
    unread = [str(part["problem"]) for part in parts if part.get("problem")]
    found = evidence.together(part.get("engine") or {} for part in parts)
    known = _own_databases(view, reached) if old else _known_databases(view, servers)
    if known is not None and not known:
        # Events of databases that it had once say nothing.
        return Finding(row, PASSED, "the server has no database", members=members)
    if not found and not known:
        said = f" ({unread[0]})" if unread else ""
        return Finding(row, failure, f"the event log shows no full backup of any database{said}", remedy, members)
    lacking = []
    for file in known if known is not None else [entry["file"] for entry in found.values()]:
        entry = found.get(file.casefold())
        if entry is None:
            lacking.append(f"{file} (no full backup seen)")
        elif entry["age"] > view.limits.backup_age:
            lacking.append(f"{file} (newest full backup {hours(entry['age'])} old)")
        elif entry["spoiled"]:
            lacking.append(f"{file} (a backup failed after the full one)")
    if old and known is None:
        names = {file.rpartition("\\")[2] for file in found}
        lacking += [f"{' or '.join(some)} (no full backup seen)" for some in _FILES_55 if not names & set(some)]
    if lacking:
        return Finding(row, failure, "not backed up: " + listed(lacking, 4), remedy, members)
    ages = [found[file.casefold()]["age"] for file in known] if known else [entry["age"] for entry in found.values()]
    count = len(known) if known is not None else len(found)
    words = "the database" if count == 1 else f"all {count} databases"
    sure = "" if known is not None else ", as far as the events name them"
    return Finding(row, PASSED, f"{words} backed up, the oldest {hours(max(ages))} ago{sure}", members=members)


def _own_databases(view: View, hosts: list[str]) -> list[str] | None:
    """The files of the databases as the registry of Exchange 5.5 names them; None where it does not say.

    In a cluster every node has the same ones.
    """
    told = [file for host in hosts for file in view.facts(host).get("databases") or []]
    return list({file.casefold(): file for file in told}.values()) or None


def _known_databases(view: View, servers: list[str]) -> list[str] | None:
    """The files of the servers' databases as the directory has them; None where it does not say."""
    entries = (view.directory or {}).get("servers") or {}
    files: list[str] = []
    for server in servers:
        listed_files = (entries.get(server) or {}).get("databases")
        if listed_files is None:
            return None
        files += [str(each["file"]) for each in listed_files if each.get("file")]
    return files


def _system_state(view: View, name: str, facts: Mapping[str, Any], *, begun: bool) -> Finding:
    if facts.get("system") in NO_SYSTEM_STATE:
        text = "Windows NT 4.0 has no system state, and no event shows that the registry was backed up"
        return Finding(name, _failure(begun), text, _REGISTRY)
    backup = facts.get("backup") or {}
    age = backup.get("system_state")
    if age is None:
        said = f" ({backup['problem']})" if backup.get("problem") else ""
        return Finding(name, _failure(begun), f"the event log shows no backup of the system state{said}", _STATE)
    if age > view.limits.backup_age:
        text = f"the newest backup of the system state is {hours(age)} old, {hours(view.limits.backup_age)} are allowed"
        return Finding(name, _failure(begun), text, _STATE)
    return Finding(name, PASSED, f"system state backed up {hours(age)} ago")


def _failure(begun: bool) -> str:
    """What is not proved fails, unless an earlier run has begun: what is begun has to be brought to its end."""
    return WARNING if begun else FAILED

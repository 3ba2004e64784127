# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What going back would take, in plain words: in the plan before anything begins, and in the record afterwards (G4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .state55 import PRODUCT as EXCHANGE55

BACKUPS = {
    "backup_databases": "Exchange databases",
    "backup_system_state": "system state of the servers",
    "backup_controllers": "system state of the domain controllers",
}
"""The gates whose evidence says where the backups are -> what they are of."""
_MANY = 6
"""More hosts than this are counted, not named."""


def rollback_words(
    updates: Sequence[Mapping[str, Any]], hosts: Iterable[str] = (), gates: Sequence[Mapping[str, Any]] = ()
) -> list[str]:
    """Return what going back would take, in sentences; the plan and the record show them as a list.

    ``updates``: entries with ``kind``, ``title`` and, where it is known, ``product``. ``hosts``: the servers that get
    them. ``gates``: the results of the gates, as the record keeps them; without them it is said that nobody has looked
    for the backups.
    """
    old = [update for update in updates if update.get("product") == EXCHANGE55]
    only_old = len(old) == len([update for update in updates if update.get("product") != "windows"])
    packs = [str(update.get("title") or update.get("id")) for update in updates if update["kind"] == "service_pack"]
    fixes = [update for update in updates if update["kind"] != "service_pack"]
    others = [str(update.get("title") or update.get("id")) for update in fixes if update not in old]
    own = [str(update.get("title") or update.get("id")) for update in fixes if update in old]
    lines: list[str] = []
    if packs:
        names = _listed(sorted(hosts), "servers")
        lines += [
            f"There is no uninstall: {_and(packs)} cannot be removed again{f' from {names}' if names else ''}.",
            "Going back means, server by server: remove Exchange, install it anew at the level that it had (with the"
            " hotfixes that it had), and restore every database from the last full backup before the service pack. What"
            " was received after that backup is lost."
            + (
                ""
                if only_old
                else " What the service pack has changed in Active Directory comes back only with the system state of"
                " the domain controllers."
            ),
            f"Backups from before the service pack {'may be of no use on' if only_old else 'cannot be restored to'} a"
            " server that has it, and new ones cannot be restored to a server without it.",
            *_where(gates),
        ]
    if others:
        lines.append(
            f"{_and(others)} can be removed in Control Panel (Add or Remove Programs), as far as the update's article"
            " says so; this collection does not do it."
        )
    if own:
        lines.append(
            f"{_and(own)} can be removed by a program of its own on the server (uninst.exe in the folder with the"
            " hotfix's number below EXCHSRVR; on a cluster in the order of the installation); this collection does not"
            " do it."
        )
    return lines


def _where(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    """Where the backups are that would serve: what the gates saw, or what a person has stated."""
    lines = []
    for gate, what in BACKUPS.items():
        rows = [row for row in gates if row.get("id") == gate]
        told: dict[str, list[str]] = {}
        for row in rows:
            words = str(row.get("observed") or "")
            if row.get("overridden"):
                words = f"not proved, overridden: {row['overridden']}"
            elif row.get("result") not in ("passed", "information"):
                words = f"NOT PROVED: {words}"
            told.setdefault(words, []).append(str(row.get("host") or ""))
        for words, names in told.items():
            on = _listed(sorted(filter(None, names)), "hosts")
            lines.append(f"Backup that would serve, {what}{f', {on}' if on else ''}: {words}.")
    if not lines:
        return [
            "Where the backups are that would serve: nobody has looked yet; the gates do (playbook preflight), and the"
            " record keeps what they saw."
        ]
    return lines


def _listed(names: Sequence[str], what: str) -> str:
    return ", ".join(names) if len(names) <= _MANY else f"{len(names)} {what}"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

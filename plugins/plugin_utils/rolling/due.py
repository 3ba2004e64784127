# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person owes after a run, told from its plan and its steps: the full backups (G5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from .state55 import PRODUCT as EXCHANGE55

FULL_BACKUP = "full backup due"
"""What every text about a backup says."""
_CONNECTOR = "Active Directory Connector"
_MANY = 60
"""Names of nodes that are longer than this together are counted."""


def entries(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the updates of a plan, each with ``id``, ``kind`` and ``title``; empty without a plan."""
    if plan.get("entries"):
        return [dict(entry) for entry in plan["entries"]]
    if not plan.get("kind"):
        return []
    keys = plan.get("updates") or plan.get("update") or []
    title = str(plan.get("title") or "")
    keys = [keys] if isinstance(keys, str) else list(keys)
    return [{"id": key, "kind": plan["kind"], "title": title if len(keys) == 1 else key} for key in keys]


def backups_due(plan: Mapping[str, Any], steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the full backups that are due after service packs, one text for each server or virtual server.

    KB 328839 asks for a new full backup of all databases as soon as a server is done. The databases of a cluster belong
    to its virtual servers, and one of these may have been carried by any node that was updated.
    """
    packs = {str(entry["id"]): str(entry["title"]) for entry in entries(plan) if entry["kind"] == "service_pack"}
    old = {str(entry["title"]) for entry in entries(plan) if entry.get("product") == EXCHANGE55}
    single: dict[str, str] = {}
    nodes: dict[str, dict[str, str]] = {}
    for step in steps:
        if not step["changed"] or step["status"] != "ok":
            continue
        title = _pack(step, packs)
        if title is None:
            continue
        if step["cluster"]:
            nodes.setdefault(step["cluster"], {})[step["host"]] = title
        else:
            single[step["host"]] = title
    texts = [f"{host}: {_words(title, old)}" for host, title in sorted(single.items())]
    for where in sorted(plan.get("outages") or {}):
        found = nodes.get(where.split("/", 1)[0])
        if found:
            on = ", ".join(sorted(found))
            on = on if len(on) < _MANY else f"{len(found)} nodes"
            texts.append(f"{where} (on {on}): {_words(sorted(found.values())[-1], old)}")
    return texts


def _pack(step: Mapping[str, Any], packs: Mapping[str, str]) -> str | None:
    """The title of the service pack that a step has brought to its host, or to a virtual server; None for another."""
    if step["step"] == "install_update":
        return packs.get(str(step["object"]))
    if step["step"] == "note_backup_due":
        return packs.get(str((step.get("after") or {}).get("backup_due")))
    if step["step"] == "upgrade_virtual_server" and packs:
        return str(list(packs.values())[-1])
    return None


def _words(title: str, old: Collection[str]) -> str:
    """old: the titles of service packs of Exchange 5.5, of which it is less sure (G5)."""
    lost = "may be of no use any more" if title in old else "cannot be restored any more"
    return f"{FULL_BACKUP} of all Exchange databases. {title} was installed; backups from before it {lost}."


def left_to_people(plan: Mapping[str, Any], steps: Iterable[Mapping[str, Any]], told: Iterable[str]) -> list[str]:
    """Return what the plan leaves to a person ("HOST: what and why") on the hosts that got an update in this run.

    told: what actions have said is due; of Active Directory Connector they say it themselves, and better.
    """
    done = {step["host"] for step in steps if step["step"] == "install_update" and step["status"] == "ok"}
    connectors = [text for text in told if _CONNECTOR in text]
    return [
        text
        for text in plan.get("due") or []
        if text.partition(":")[0] in done and not (_CONNECTOR in text and connectors)
    ]


def updated_hosts(plan: Mapping[str, Any]) -> Sequence[str]:
    """Return the servers that a plan updates."""
    return [name for name, turn in (plan.get("turns") or {}).items() if turn.get("install")]

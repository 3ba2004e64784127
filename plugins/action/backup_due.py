# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: note that a full backup is due after a service pack, and look whether one has been made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, REACH, STEP
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import backups_due
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_marks
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.outcome import at_result
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import evidence
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Event

_EVENTS = 3000
_SLACK = 600
"""Seconds before a moment from which events are asked for: which of them are late enough is told by their time."""


class ActionModule(HostAction):
    """Note an installation, or look for the backup after it."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["observed", "begun", "noted", "due", "seen"]},
        "update": {"type": "str"},
        **CATALOGUE,
        "databases": {"type": "list", "elements": "str", "default": []},
        "elsewhere": {"type": "list", "elements": "dict", "default": []},
        **REACH,
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {"required_if": [("state", "begun", ["update"]), ("state", "noted", ["update"])]}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return which service pack's backup is due afterwards."""
        return {"backup_due": options["update"]} if options["state"] == "noted" else {}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return which service pack's backup is noted as due."""
        note = backups_due.read_note(session)
        return {"backup_due": note["update"] if note and note["installed_at"] is not None else None}

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return before and after of a change that check mode does not make."""
        before = self.observe(session, options)
        if options["state"] == "begun":
            return {"before": before, "after": before}
        return {"before": before, "after": {"backup_due": options["update"] if options["state"] == "noted" else None}}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Note, or look for the evidence and forget what is no longer due."""
        known = self.known_updates(options, [options["update"]] if options["update"] else [])
        if options["state"] in ("begun", "noted"):
            return self._note(session, known[options["update"]], options)
        found = self.reach(session, lambda: self._observed(session, known, options), options["reach_timeout"])
        result: dict[str, Any] = {"backup": found, "msg": "No backup is due."}
        if found is not None and found["due"]:
            title = known[found["update"]]["title"] if found["update"] in known else found["update"]
            text = backups_due.words(session.host, found, title)
            # A node of a cluster cannot know alone: what other nodes have seen decides, in a later task.
            return {**result, **({} if options["state"] == "observed" else {"due": [text]}), "msg": text}
        if found is None or options["state"] != "seen":
            return result
        before = {"backup_due": found["update"]}
        backups_due.forget(session)
        after: dict[str, Any] = {"backup_due": None}
        return {**result, "changed": True, "before": before, "after": after, "msg": "No backup is due any more."}

    def _note(self, session: Session, update: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        key = update["id"]
        if options["state"] == "begun":
            changed = backups_due.begin(session, key)
            return {"changed": changed, "msg": f"Noted that {update['title']} begins."}
        before = self.observe(session, options)
        if not at_result(update, read_marks(session)):
            return {
                "changed": False,
                "before": before,
                "after": before,
                "msg": f"{update['title']} is not on the host.",
            }
        changed = backups_due.complete(
            session, key, options["databases"], newest_backups, lambda since: _events(session, since)
        )
        return {
            "changed": changed,
            "before": before,
            "after": {"backup_due": key},
            "msg": f"Noted: a full backup of all databases is due, {update['title']} was installed.",
        }

    def _observed(
        self, session: Session, known: Mapping[str, dict[str, Any]], options: dict[str, Any]
    ) -> dict[str, Any] | None:
        def installed(key: str) -> bool:
            # One that the catalogue does not know (any more) cannot be looked for: better one backup too many.
            return key not in known or at_result(known[key], read_marks(session))

        return backups_due.observe(
            session, installed, newest_backups, lambda since: _events(session, since), options["elsewhere"]
        )


def newest_backups(events: Sequence[Event], now: float) -> dict[str, dict[str, Any]]:
    """Return database in small letters -> file and time of its newest full backup that nothing spoiled afterwards."""
    found = evidence.databases([asdict(event) for event in events], now)["databases"]
    return {
        key: {"file": entry["file"], "time": now - entry["age"] * 3600}
        for key, entry in found.items()
        if not entry["spoiled"]
    }


def _events(session: Session, since: float) -> list[Event]:
    """The engine's events since a moment of the host's own clock, which also dates them."""
    return session.events(
        "Application", source=evidence.ENGINE_SOURCES, ids=evidence.ENGINE_IDS, since=since - _SLACK, limit=_EVENTS
    )

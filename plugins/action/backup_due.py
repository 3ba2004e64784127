# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: note that a full backup is due after a service pack, and look whether one has been made."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, REACH, STEP
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import (
    engine_events,
    newest_backups,
    read_backup_due,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import backups_due
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import PRODUCT as EXCHANGE55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_marks
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.outcome import shown_at_once
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import signed


class ActionModule(HostAction):
    """Note an installation, or look for the backup after it."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["begun", "noted", "due", "seen"]},
        "update": {"type": "str"},
        **CATALOGUE,
        "databases": {"type": "list", "elements": "str", "default": []},
        "elsewhere": {"type": "list", "elements": "dict", "default": []},
        "statements": {"type": "list", "elements": "raw", "default": []},
        "cluster": {"type": "str"},
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
        statements = signed.read_statements(options["statements"])
        if options["state"] in ("begun", "noted"):
            return self._note(session, known[options["update"]], options)
        found = self.reach(
            session, lambda: read_backup_due(session, known, options["elsewhere"]), options["reach_timeout"]
        )
        result: dict[str, Any] = {"backup": found, "statement": None, "msg": "No backup is due."}
        if found is not None and found["due"]:
            names = [session.host, *([options["cluster"]] if options["cluster"] else [])]
            since = datetime.fromisoformat(found["installed_at"]).timestamp()
            now = session.local_time() if statements else since
            word = signed.signed_since(statements, "backup_databases", names, since, now)
            if word is None:
                update = known.get(found["update"], {})
                old = update.get("product") == EXCHANGE55
                text = backups_due.words(session.host, found, update.get("title", found["update"]), old=old)
                return {**result, "due": [text], "msg": text}
            found["due"] = False
            result |= {"statement": word.signed(), "msg": f"No backup is due: stated by {word.who}, {word.when}."}
        if found is None or options["state"] != "seen":
            return result
        before = {"backup_due": found["update"]}
        backups_due.forget(session)
        after: dict[str, Any] = {"backup_due": None}
        return {**result, "changed": True, "before": before, "after": after}

    def _note(self, session: Session, update: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        key = update["id"]
        if options["state"] == "begun":
            changed = backups_due.begin(session, key)
            return {"changed": changed, "msg": f"Noted that {update['title']} begins."}
        before = self.observe(session, options)
        if not shown_at_once(update, read_marks(session)):
            return {
                "changed": False,
                "before": before,
                "after": before,
                "msg": f"{update['title']} is not on the host.",
            }
        changed = backups_due.complete(
            session, key, options["databases"], newest_backups, partial(engine_events, session)
        )
        return {
            "changed": changed,
            "before": before,
            "after": {"backup_due": key},
            "msg": f"Noted: a full backup of all databases is due, {update['title']} was installed.",
        }

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
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import backups_due, optimizer_by_hand
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import PRODUCT as EXCHANGE55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange, read_marks
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.outcome import shown_at_once
from ansible_collections.mailops.exchange.plugins.plugin_utils.gates import signed
from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.server55 import optimizer_on_node


class ActionModule(HostAction):
    """Note an installation, or look for the backup after it."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["begun", "noted", "due", "seen"]},
        "update": {"type": "str"},
        **CATALOGUE,
        "databases": {"type": "list", "elements": "str", "default": []},
        "elsewhere": {"type": "list", "elements": "dict", "default": []},
        "statements": {"type": "raw", "default": []},
        "cluster": {"type": "str"},
        "optimizer_ran": {"type": "bool", "default": False},
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
        result = self._of_backup(session, options)
        if options["state"] in ("due", "seen"):
            result["optimizer"] = self.reach(
                session, lambda: optimizer_by_hand.observe(session), options["reach_timeout"]
            )
        if result.get("optimizer"):
            self._of_optimizer(session, options, result)
        return result

    def _of_optimizer(self, session: Session, options: dict[str, Any], result: dict[str, Any]) -> None:
        """Add what is due of the Performance Optimizer on a cluster node, or forget it."""
        found = result["optimizer"]
        if not (found["ran"] or options["optimizer_ran"]):
            title = self.known_updates(options, []).get(found["update"], {}).get("title", found["update"])
            text = optimizer_on_node(session.host, title)
            first = [result["msg"]] if result.get("due") else []
            result |= {"due": [*result.get("due", []), text], "msg": " ".join([*first, text])}
        elif options["state"] == "seen":
            optimizer_by_hand.forget(session)
            result |= {"changed": True, "before": {}, "after": {}} | result

    def _of_backup(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
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
        if update["product"] == EXCHANGE55 and read_exchange(session)["clustered"]:
            optimizer_by_hand.mark(session, key)
        return {
            "changed": changed,
            "before": before,
            "after": {"backup_due": key},
            "msg": f"Noted: a full backup of all databases is due, {update['title']} was installed.",
        }

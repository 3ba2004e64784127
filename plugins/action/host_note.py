# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: the note on a host about who owned which group before the roll, and who might own which virtual server."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import notes

NONE: dict[str, Any] = {"owners": None}


class ActionModule(HostAction):
    """Have the note there or gone."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "owners": {"type": "dict"},
        "possible_owners": {"type": "dict", "default": {}},
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {"required_if": [("state", "present", ["owners"])]}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what is noted afterwards."""
        if options["state"] == "absent":
            return dict(NONE)
        return dict(notes.make_note(options["owners"], options["possible_owners"]))

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return what is noted."""
        return dict(notes.read_note(session) or NONE)

    def preview(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return the note before and after."""
        return {"before": self.observe(session, options), "after": self.wanted(options, {})}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Write or remove the note. The first note is the one that counts: another one is not written over it."""
        before, after = self.observe(session, options), self.wanted(options, {})
        if options["state"] == "absent":
            changed = notes.remove_note(session)
            return {"changed": changed, "before": before, "after": after, "msg": "There is no note on the host."}
        changed = notes.write_note(session, notes.make_note(options["owners"], options["possible_owners"]))
        return {"changed": changed, "before": before, "after": after, "msg": f"Noted: {notes.words(after)}."}

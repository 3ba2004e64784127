# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: the note on a host about who owned which group before the update."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import notes
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.commands import check_name
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused


class ActionModule(HostAction):
    """Have the note there or gone."""

    spec: ClassVar[dict[str, Any]] = {
        "update": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "owners": {"type": "dict"},
        **STEP,
    }
    rules: ClassVar[dict[str, Any]] = {"required_if": [("state", "present", ["owners"])]}

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the owners as they are noted afterwards."""
        return {"owners": options["owners"] if options["state"] == "present" else None}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return what is noted."""
        return {"owners": notes.read_note(session, _folder(options))}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Write or remove the note. The first note is the one that counts: another one is not written over it."""
        folder = _folder(options)
        before, after = self.observe(session, options), self.wanted(options, {})
        if options["state"] == "absent":
            changed = notes.remove_note(session, folder)
            return {"changed": changed, "before": before, "after": after, "msg": "There is no note on the host."}
        if before["owners"] is not None and before != after:
            raise Refused(
                f"{session.host} holds a note of other owners already: {_words(before['owners'])}",
                remedy=f"It says how the groups stood before the update; delete {folder}\\owners.json if that is over",
                note=before["owners"],
            )
        changed = notes.write_note(session, folder, options["owners"])
        return {"changed": changed, "before": before, "after": after, "msg": f"Noted: {_words(options['owners'])}."}


def _folder(options: dict[str, Any]) -> str:
    return staging_folder({"id": check_name(options["update"], "update")})


def _words(owners: dict[str, str]) -> str:
    return ", ".join(f"{group} on {node}" for group, node in sorted(owners.items()))

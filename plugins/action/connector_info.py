# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: look whether Active Directory Connector runs on a host, of which level, and whose map files it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, CONNECTOR, REACH
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import left_connector
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.connector import read_connector


class ActionModule(HostAction):
    """Read the connector of a host."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        **CONNECTOR,
        "leave": {"type": "bool", "default": False},
        **REACH,
    }

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read it; that there is none is a result."""
        known = self.known_updates(options, options["updates"])
        updates = [known[key] for key in options["updates"]]
        shipped, maps = options["shipped_maps"], options["maps"] or {}
        found = self.reach(session, lambda: read_connector(session, updates, shipped, maps), options["reach_timeout"])
        result: dict[str, Any] = {"connector": found, "msg": _words(found)}
        if found and found["due"] and options["leave"]:
            result["due"] = [left_connector(session.host, found, known)]
        return result


def _words(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "Active Directory Connector is not installed."
    due = ""
    if found["due"]:
        due = " Its upgrade was begun." if found["begun"] else " It is to be upgraded."
    custom = {True: "customised", False: "as they were shipped", None: "perhaps customised"}[found["custom_maps"]]
    return f"Active Directory Connector {found['version'] or 'of unknown version'}; its map files are {custom}.{due}"

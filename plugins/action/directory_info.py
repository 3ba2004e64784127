# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read the Exchange servers and virtual servers from the directory, on the control node."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import DIRECTORY
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory

# Products whose databases stand in Active Directory.
NAMED = ("2000", "2003")


class ActionModule(ControlAction):
    """Read what the directory says about each server."""

    spec: ClassVar[dict[str, Any]] = {
        name: {**rules, "required": True} if name in ("uri", "user", "password") else rules
        for name, rules in DIRECTORY.items()
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Read the directory over LDAP."""
        directory = Directory(**options)
        databases = directory.databases()
        servers = {
            # Of 5.5 the directory has no databases to name, and an account may see none at all: that says nothing.
            name: {**entry, "databases": databases.get(name, [] if databases and entry["product"] in NAMED else None)}
            for name, entry in directory.servers().items()
        }
        return {"directory": {"servers": servers}, "msg": f"The directory holds {len(servers)} servers."}

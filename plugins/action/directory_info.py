# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read the Exchange servers and virtual servers from the directory, on the control node."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import DIRECTORY
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory


class ActionModule(ControlAction):
    """Read what the directory says about each server."""

    spec: ClassVar[dict[str, Any]] = {
        name: {**rules, "required": True} if name in ("uri", "user", "password") else rules
        for name, rules in DIRECTORY.items()
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Read the directory over LDAP."""
        servers = Directory(**options).servers()
        return {"directory": {"servers": servers}, "msg": f"The directory holds {len(servers)} servers."}

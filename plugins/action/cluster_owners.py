# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: have exactly some nodes as the possible owners of a cluster resource."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.owners import set_owners
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused


class ActionModule(HostAction):
    """Have these nodes and no others as possible owners."""

    spec: ClassVar[dict[str, Any]] = {
        "resource": {"type": "str", "required": True},
        "nodes": {"type": "list", "elements": "str", "required": True},
        **timeout(300),
        **STEP,
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the possible owners that the task asks for."""
        return {"possible_owners": options["nodes"]}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return the possible owners of the resource."""
        state = read_cluster(session)
        name = state.find_resource(options["resource"])
        if name is None:
            raise Refused(f"the cluster has no resource {options['resource']}, or does not run on this node")
        return {"possible_owners": list(state.resources[name].possible_owners)}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Add the nodes that are missing, then remove the others, and see what the cluster has then."""
        result = set_owners(session, options["resource"], options["nodes"], options["timeout"])
        owners = ", ".join(result["after"]["possible_owners"])
        return {**result, "msg": f"{options['resource']} can be owned by {owners}."}

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: start or stop the Cluster service of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, STEP, timeout
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster import act
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.service import read_state
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import catalogue
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.install import job_of
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused


class ActionModule(HostAction):
    """Have the Cluster service running or stopped."""

    spec: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "required": True, "choices": ["started", "stopped"]},
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        **timeout(600),
        **STEP,
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the service in the words of a step."""
        return {"state": "running" if options["state"] == "started" else "stopped"}

    def observe(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Return the state of the service."""
        return {"state": read_state(session)}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Start the service and wait for the node to be up, or stop it."""
        before = self.observe(session, options)
        if options["state"] == "stopped":
            installers = _installers(self.known_updates(options, options["updates"]))
            result = act.stop_cluster_service(session, options["timeout"], installers)
        else:
            if before["state"] == "stopped":
                _refuse_beside_installer(session, self.known_updates(options, options["updates"]), options["updates"])
            result = act.start_cluster_service(session, options["timeout"])
            planned = ((options["step"] or {}).get("before") or {}).get("state")
            if planned == "stopped" and before["state"] == "running":
                # The turn had stopped the service, and the restart that the installer asked for has started it: the
                # node is back in the cluster by this turn, as the plan said, whoever started the service.
                before, result = {"state": planned}, {**result, "changed": True}
        after = self.wanted(options, {})
        return {**result, "before": before, "after": after, "msg": f"The Cluster service is {after['state']}."}


def _installers(updates: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the image names of all installers of the catalogue, in small letters."""
    return sorted({name for update in updates.values() for name in catalogue.programs(update)})


def _refuse_beside_installer(session: Session, updates: Mapping[str, Mapping[str, Any]], keys: list[str]) -> None:
    """Refuse while an installer runs: a node is out of service as long as that lasts.

    Of the updates ``keys`` the job says it too: a hotfix is a package of any name.
    """
    names = set(_installers(updates))
    running = sorted({image for image, unused in session.processes() if image.casefold() in names})
    running += [f"the job of {key}" for key in keys if job_of(session, updates[key]).observe().phase == "running"]
    if running:
        raise Refused(
            f"the Cluster service is not started while an installer runs on {session.host}: {', '.join(running)}",
            remedy="Wait until the installer has ended, then start the run again: it goes on from what it finds",
        )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read what the gates before an update ask of a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, REACH
from ansible_collections.mailops.exchange.plugins.plugin_utils._facts import read_facts
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import with_required


class ActionModule(HostAction):
    """Read clock, backups, services, processes, drives, accounts; nothing is changed."""

    spec: ClassVar[dict[str, Any]] = {
        "role": {"type": "str", "choices": ["server", "controller"], "default": "server"},
        "lookback": {"type": "int", "default": 192},
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        **REACH,
    }

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read the host, waiting for one that is starting."""
        known = with_required(self.known_updates(options, options["updates"]), options["updates"])
        facts = self.reach(
            session,
            lambda: read_facts(session, options["role"], options["lookback"], updates=known),
            options["reach_timeout"],
        )
        return {"facts": facts, "msg": _describe(facts)}


def _describe(facts: Mapping[str, Any]) -> str:
    missing = sorted([*facts["problems"], *(["events"] if facts["backup"]["problem"] else [])])
    return f"Not told by the host: {', '.join(missing)}." if missing else "The host told everything."

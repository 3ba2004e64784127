# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: everything that the gates and the plan want to know of a host, in one look."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import CATALOGUE, CONNECTOR, DATABASES, REACH
from ansible_collections.mailops.exchange.plugins.plugin_utils._look import Wanted, look
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import describe, left_connector, notices
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import with_required


class ActionModule(HostAction):
    """Read a host; nothing is changed."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str", "required": True},
        **CATALOGUE,
        "verify": {"type": "str", "choices": ["hash", "size"]},
        "settle": {"type": "int", "default": 0},
        **DATABASES,
        "set": {"type": "str"},
        "method": {"type": "str", "choices": ["auto", "nlb", "hook", "none"], "default": "auto"},
        "extra": {"type": "list", "elements": "str", "default": []},
        "keep": {"type": "list", "elements": "str", "default": []},
        **CONNECTOR,
        "leave_connector": {"type": "bool", "default": False},
        "lookback": {"type": "int"},
        **REACH,
    }

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read the host, waiting for one that is starting."""
        # Before anything is waited for: a mistake in the catalogue is told at once.
        known = self.known_updates(options, options["updates"])
        wanted = Wanted(
            known=known,
            keys=options["updates"],
            updates={each["id"]: each for each in with_required(known, list(dict.fromkeys(options["updates"])))},
            settle=options["settle"],
            database_timeout=options["database_timeout"],
            set_name=options["set"] or None,
            method=options["method"],
            extra=options["extra"],
            keep=options["keep"],
            shipped_maps=options["shipped_maps"],
            maps=options["maps"] or {},
            lookback=options["lookback"],
        )
        found = look(session, wanted, partial(self._reached, session, options["reach_timeout"]))
        exchange: Mapping[str, Any] = found["exchange"]
        result = {**found, "notices": notices(session, exchange), "msg": describe(exchange)}
        connector = found["connector"]
        if connector and connector["due"] and options["leave_connector"]:
            result["due"] = [left_connector(session.host, connector, known)]
        return result

    def _reached(self, session: Session, seconds: float, read: Any) -> Any:
        return self.reach(session, read, seconds)

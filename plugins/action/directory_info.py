# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read the Exchange servers and virtual servers from the directory, on the control node."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import ControlAction
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import DIRECTORY
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory, DirectoryError

# Products whose databases stand in Active Directory.
NAMED = ("2000", "2003")


PAUSE = 30.0
"""Seconds between two looks: replication inside a site takes a minute or so."""


class ActionModule(ControlAction):
    """Read what the directory says about each server."""

    spec: ClassVar[dict[str, Any]] = {
        **{
            name: {**rules, "required": True} if name in ("uri", "user", "password") else rules
            for name, rules in DIRECTORY.items()
        },
        "account": {"type": "str"},
        "account_password": {"type": "str", "no_log": True},
        "expect": {"type": "dict", "default": {}},
        "expect_timeout": {"type": "int", "default": 900},
    }

    def perform_here(self, options: dict[str, Any]) -> dict[str, Any]:
        """Read the directory over LDAP, again until it shows what is expected: replication takes its time."""
        expect, limit = options.pop("expect"), options.pop("expect_timeout")
        account, password = options.pop("account"), options.pop("account_password")
        directory = Directory(**options)
        end = time.monotonic() + limit
        while True:
            servers = directory.servers()
            late = sorted(name for name, pack in expect.items() if _entry(servers, name).get("service_pack") != pack)
            if not late:
                found = _found(directory, servers)
                if account and password:
                    found["directory"]["account"] = _logon(directory, account, password)
                return found
            if time.monotonic() >= end:
                seen = ", ".join(f"{name} with {_entry(servers, name).get('serial_number')}" for name in late)
                return {
                    "failed": True,
                    "msg": f"The directory does not show the expected service packs: it has {seen}.",
                    "remedy": "Look whether replication between the domain controllers works, then verify again.",
                }
            self._say(f"waiting for the directory to show the new version of {', '.join(late)}")
            time.sleep(min(PAUSE, max(end - time.monotonic(), 0.0)))


def _entry(servers: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return servers.get(name.upper(), {})


def _logon(directory: Directory, account: str, password: str) -> dict[str, Any]:
    """Return whether the domain lets an account in; ``accepted`` is null where that cannot be told."""
    told: dict[str, Any] = {"name": account, "accepted": None, "problem": None}
    domain = account.rpartition("\\")[0] or account.partition("@")[2]
    if domain in ("", "."):
        return {**told, "problem": "it is an account of one computer"}
    try:
        problem = directory.logon_problem(account, password)
    except DirectoryError as error:
        return {**told, "problem": error.message}
    return {**told, "accepted": problem is None, "problem": problem}


def _found(directory: Directory, servers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the servers with their databases."""
    databases = directory.databases()
    whole = {
        # Of 5.5 the directory has no databases to name, and an account may see none at all: that says nothing.
        name: {**entry, "databases": databases.get(name, [] if databases and entry["product"] in NAMED else None)}
        for name, entry in servers.items()
    }
    return {"directory": {"servers": whole}, "msg": f"The directory holds {len(whole)} servers."}

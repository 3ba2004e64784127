# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read what Exchange a host has, and how far an update has come on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import (
    CATALOGUE,
    DATABASES,
    PACKAGE,
    REACH,
    STEP,
    timeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import describe, notices, read_updates
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.builds import store_difference
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import with_required
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.databases import read_started
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import HostError, Refused, WaitTimeout

LEVEL = ("service_pack", "build", "hotfixes")


class NotAsExpected(HostError):
    """The host is not as the task expects it; waiting cannot help."""


class ActionModule(HostAction):
    """Read product, level, services and boot time, and with updates their packages, installations and the note."""

    spec: ClassVar[dict[str, Any]] = {
        "updates": {"type": "list", "elements": "str", "default": []},
        **CATALOGUE,
        **PACKAGE,
        "expect": {
            "type": "dict",
            "options": {
                "service_pack": {"type": "int"},
                "build": {"type": "int"},
                "hotfixes": {"type": "list", "elements": "str"},
                "windows_service_pack": {"type": "int"},
                "suite_service_pack": {"type": "int"},
            },
        },
        **timeout(600),
        **DATABASES,
        **REACH,
        **STEP,
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what is expected of the host."""
        expect = options["expect"] or {}
        return {key: value for key, value in expect.items() if value is not None}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read the host; fail where it is not as expected."""
        # Before anything is waited for: a mistake in the catalogue is told at once.
        updates = self._updates(options)
        exchange = self.reach(session, lambda: read_exchange(session), options["reach_timeout"])
        result: dict[str, Any] = {"exchange": exchange, "notices": notices(session, exchange)}
        if updates:
            result |= read_updates(session, exchange, updates, options["source"])
        result["msg"] = describe(exchange)
        expected = options["expect"] or (options["step"] or {}).get("after")
        if not expected:
            return result
        found = self._as_expected(session, exchange, expected, options)
        return {**result, "exchange": found, "msg": f"{describe(found)} This is as expected."}

    def _updates(self, options: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the updates by key, each after what it requires; raises Refused for one that nobody knows."""
        if not options["updates"]:
            return {}
        if options["source"] and len(options["updates"]) > 1:
            raise Refused(
                "one source cannot be the package of several updates",
                remedy="Give package.path of each in a catalogue file",
            )
        known = self.known_updates(options, options["updates"])
        return {update["id"]: update for update in with_required(known, list(dict.fromkeys(options["updates"])))}

    def _as_expected(
        self, session: Session, found: dict[str, Any], expected: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the host's state once its services run; raises NotAsExpected for another level, WaitTimeout."""
        differences = [*_level_differences(found, expected)]
        if differences:
            raise NotAsExpected(
                f"{session.host} is not as expected: {', '.join(differences)}",
                remedy="Read the installer's log on the host, remove the cause and start the run again",
                exchange=found,
            )
        # A store that upgrades its databases has its own time, before that of the services begins.
        last = [read_started(session, options["database_timeout"], found, read_exchange)]

        def running() -> dict[str, Any] | None:
            if _stopped(last[0]):
                last[0] = read_exchange(session)
            return None if _stopped(last[0]) else last[0]

        try:
            return session.wait(running, what="the services of Exchange to run", timeout=options["timeout"])
        except WaitTimeout as error:
            stopped = ", ".join(_stopped(last[0]))
            raise NotAsExpected(
                f"services of {session.host} that start by themselves do not run: {stopped}",
                remedy="Read the events of the host, start the services, and start the run again",
                exchange=last[0],
            ) from error


def _level_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return in words what is missing. A build may be later: hotfixes raise it."""
    differences = []
    if expected.get("service_pack") is not None and found["service_pack"] != expected["service_pack"]:
        differences.append(f"service pack {found['service_pack']}, not {expected['service_pack']}")
    if expected.get("build") is not None and (found["build"] or 0) < expected["build"]:
        differences.append(f"build {found['build']}, not {expected['build']} or later")
    missing = [fix for fix in expected.get("hotfixes") or [] if fix not in found["hotfixes"]]
    if missing:
        differences.append(f"hotfix {', '.join(missing)} is missing")
    parts = {
        "windows_service_pack": ("Windows service pack", (found.get("os") or {}).get("service_pack")),
        "suite_service_pack": ("Small Business Server service pack", found.get("suite_service_pack")),
    }
    for key, (words, number) in parts.items():
        if expected.get(key) is not None and (number or 0) < expected[key]:
            differences.append(f"{words} {number}, not {expected[key]} or later")
    return differences or _file_differences(found, expected)


def _file_differences(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """Return what store.exe's version says against the level; nothing where the host does not tell the version."""
    version = found.get("store_version")
    if not version or not found["installed"] or not any(expected.get(key) is not None for key in LEVEL):
        return []
    hotfixes = expected.get("hotfixes") or []
    difference = store_difference(found["product"], found["service_pack"], hotfixes, version, expected.get("build"))
    return [difference] if difference else []


def _stopped(exchange: Mapping[str, Any]) -> list[str]:
    """Return the services that start by themselves and do not run."""
    return sorted(
        name
        for name, service in exchange["services"].items()
        if service["start_type"] == "auto" and service["state"] != "running"
    )

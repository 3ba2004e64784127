# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a host do to the small world to plan in."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.mailops.exchange.tests.unit.rolling.entries import UPDATES


class HostDeeds:
    """The steps that are done on one host; mixed into ``World``."""

    hosts: dict[str, dict[str, Any]]
    clusters: dict[str, dict[str, Any]]
    directory: dict[str, Any] | None

    def _entry(self, name: str, service_pack: int, front_end: bool = False) -> None:
        raise NotImplementedError

    def _do_stage_package(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["packages"][step["object"]]["staged"] = True

    def _do_note_owners(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["note"] = copy.deepcopy(step["after"])

    def _do_remove_note(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["note"] = None

    def _do_verify_host(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["exchange"]
        assert found["service_pack"] == step["after"]["service_pack"]
        assert set(step["after"]["hotfixes"]) <= set(found["hotfixes"])

    def _do_leave_rotation(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["rotation"]
        assert found["set"] == step["object"]
        found["state"] = "out"

    def _do_join_rotation(self, step: dict[str, Any], update: Any) -> None:
        assert self.hosts[step["host"]]["rotation"]["state"] != "in"
        self.hosts[step["host"]]["rotation"]["state"] = "in"

    def _do_stop_services(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["interfering"]
        noted = {name: {"start_type": "auto", "state": "running"} for name in found["running"]}
        found.update(running={}, note={**noted, **(found["note"] or {})})

    def _do_start_services(self, step: dict[str, Any], update: Any) -> None:
        found = self.hosts[step["host"]]["interfering"]
        ran = {name: {} for name, row in (found["note"] or {}).items() if row["state"] == "running"}
        found.update(running={**found["running"], **ran}, note=None)

    def _do_export_schema_maps(self, step: dict[str, Any], update: Any) -> None:
        assert not self.hosts[step["host"]]["connector"].get("begun")

    def _do_upgrade_connector(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["connector"].update(begun=True)

    def _do_compare_schema_maps(self, step: dict[str, Any], update: Any) -> None:
        self.hosts[step["host"]]["connector"].update(begun=False, due=False)

    def _do_note_backup_due(self, step: dict[str, Any], update: Any) -> None:
        note = self.hosts[step["host"]]["backup_due"]
        assert note == {"update": step["after"]["backup_due"], "noted": False}
        note["noted"] = True

    def _do_install_update(self, step: dict[str, Any], update: Any) -> None:
        entry = self.hosts[step["host"]]
        update = update if update and update["id"] == step["object"] else UPDATES[step["object"]]
        assert not entry["interfering"]["running"]
        assert not entry["rotation"] or entry["rotation"]["method"] == "none" or entry["rotation"]["state"] == "out"
        for found in self.clusters.values():
            assert found["nodes"].get(entry["exchange"]["computer_name"], "down") == "down"
        for need in update.get("requires") or []:
            required = UPDATES[need["update"]]["result"]["hotfix"]
            assert need["on"] == "cluster" or required in entry["exchange"]["hotfixes"]
        needed = [need.get("service_pack") for need in update.get("from") or []]
        assert not needed or entry["exchange"]["service_pack"] in needed or update["kind"] == "service_pack"
        if update["kind"] == "service_pack":
            entry["exchange"].update({word: update["result"][word] for word in ("service_pack", "build")})
            if "suite_service_pack" in update["result"]:
                entry["after_restart"] = update["result"]
            entry["backup_due"] = {"update": update["id"], "noted": False}
            # The hotfixes of Exchange for the level before are no longer there.
            entry["exchange"]["hotfixes"] = [fix for fix in entry["exchange"]["hotfixes"] if fix != "KB912442"]
            name = entry["exchange"]["computer_name"]
            if self.directory and name in self.directory:
                self._entry(name, update["result"]["service_pack"], self.directory[name]["front_end"])
        else:
            entry["exchange"]["hotfixes"].append(update["result"]["hotfix"])
        pending = update.get("restart") == "always"
        entry["installations"][step["object"]] = {"phase": "finished", "exit_code": 0, "restart_pending": pending}

    def _do_restart_host(self, step: dict[str, Any], update: Any) -> None:
        """A restart starts the Cluster service of a node."""
        entry = self.hosts[step["host"]]
        if step.get("unpredictable"):
            return
        for installation in entry["installations"].values():
            installation["restart_pending"] = False
        if result := entry.pop("after_restart", None):
            found = entry["exchange"]["os"]
            found["service_pack"] = max(found["service_pack"], result["windows_service_pack"])
            entry["exchange"]["suite_service_pack"] = result["suite_service_pack"]
        for found in self.clusters.values():
            if entry["exchange"]["computer_name"] in found["nodes"]:
                found["nodes"][entry["exchange"]["computer_name"]] = "up"

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action: read a cluster from one of its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.mailops.exchange.plugins.plugin_utils._action import HostAction, Session
from ansible_collections.mailops.exchange.plugins.plugin_utils._arguments import REACH, STEP
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.read import read_cluster
from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.service import computer_name
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_marks


class ActionModule(HostAction):
    """Read nodes, groups and resources, and compare a group with what is expected of it."""

    spec: ClassVar[dict[str, Any]] = {
        "settle": {"type": "int", "default": 0},
        "expect": {
            "type": "dict",
            "options": {
                "group": {"type": "str", "required": True},
                "owner": {"type": "str"},
                "state": {"type": "str", "choices": ["online", "partially_online", "offline", "failed"]},
                "version": {
                    "type": "dict",
                    "options": {"service_pack": {"type": "int", "required": True}, "build": {"type": "int"}},
                },
            },
        },
        **REACH,
        **STEP,
    }

    def wanted(self, options: dict[str, Any], step: dict[str, Any]) -> dict[str, Any]:
        """Return what is expected of the group."""
        expect = options["expect"] or {}
        return {key: expect[key] for key in ("owner", "state", "version") if expect.get(key)}

    def perform(self, session: Session, options: dict[str, Any]) -> dict[str, Any]:
        """Read the cluster; fail where the group is not as expected."""
        state = self.reach(session, lambda: read_cluster(session, options["settle"]), options["reach_timeout"])
        result: dict[str, Any] = {"cluster": state.to_dict(), "msg": f"The Cluster service is {state.service}."}
        if not options["expect"]:
            return result
        name = options["expect"]["group"]
        group = state.groups.get(state.find_group(name) or "")
        if group is None:
            return {**result, "failed": True, "msg": f"The cluster has no group {name}, or does not run on this node."}
        found: dict[str, Any] = {"owner": group.owner, "state": group.state}
        wanted = {key: options["expect"][key] for key in ("owner", "state") if options["expect"].get(key)}
        differences = [
            f"{key} is {found[key]}, not {value}"
            for key, value in wanted.items()
            if found[key].casefold() != value.casefold()
        ]
        if options["expect"]["version"]:
            marks = read_marks(session)
            found["version"] = {key: marks[key] for key in ("service_pack", "build")}
            differences += _other_version(
                computer_name(session), group.owner, found["version"], options["expect"]["version"]
            )
        if differences:
            return {
                **result,
                "failed": True,
                "msg": f"Group {name}: {', '.join(differences)}.",
                "remedy": "See what happened to the group in the events of its node, then start the run again.",
            }
        return {**result, "msg": f"Group {name} is as expected."}


def _other_version(here: str, owner: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return in words how the level of the owner differs from the version that is expected; a build may be later."""
    if owner.casefold() != here.casefold():
        return [f"its version shows on its owner {owner}, and this node is {here}"]
    if found["service_pack"] != wanted["service_pack"]:
        return [f"its owner {owner} has service pack {found['service_pack']}, not {wanted['service_pack']}"]
    if (found["build"] or 0) < (wanted["build"] or 0):
        return [f"its owner {owner} has build {found['build']}, not {wanted['build']} or later"]
    return []

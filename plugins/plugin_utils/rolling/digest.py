# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests of a plan: what an operator approves, and how to see that it is no longer that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .model import Model

STEP_KEYS = ("host", "cluster", "step", "object", "phase", "node", "nodes", "unpredictable")
"""What of a step is approved. Reasons are words only; whether a package has been copied yet is no drift."""


def canonical(value: Any) -> str:
    """Return ``value`` as JSON that is the same for the same content."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def sha256(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of ``value``, in hex."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()


def digest(found: Model, plan: Mapping[str, Any]) -> str:
    """Return the digest of exactly this plan on exactly this estate."""
    return sha256(
        {
            "scope": plan["scope_digest"],
            "waves": plan["waves"],
            "steps": approved_steps(plan),
            "levels": {name: host.level.words for name, host in found.hosts.items()},
            "predicted": plan["predicted"],
        }
    )


def approved_steps(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps as far as they are approved."""
    steps = [step for step in plan["steps"] if step["step"] != "stage_package"]
    return [{key: step.get(key) for key in STEP_KEYS} for step in steps]


def scope_digest(found: Model, plan: Mapping[str, Any]) -> str:
    """Return the digest of what the roll is about: the same for its first run and for every continuation.

    Its parts do not change while the roll goes on: the servers, the clusters with their groups and where these stand in
    the end, the updates and the options. Not where they stood at first: a cluster that is done has no note of it.
    """
    final = plan["final"]["clusters"]
    return sha256(
        {
            "updates": [plan["updates"], plan["kind"]],
            "options": plan["options"],
            "hosts": {
                name: [host.cluster, host.node, host.front_end, host.balanced] for name, host in found.hosts.items()
            },
            "clusters": {
                cluster.name: {
                    group.name: [
                        final[cluster.name][group.name]["owner"],
                        group.virtual_server,
                        group.quorum,
                        sorted(group.possible),
                        list(group.preferred),
                    ]
                    for group in cluster.groups.values()
                }
                for cluster in found.clusters.values()
            },
        }
    )


def difference(approved: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return in words how two plans differ, in the order of the steps; empty when they do not."""
    lines = []
    for key in ("updates", "options", "waves"):
        if approved.get(key) != current.get(key):
            lines.append(f"{key}: approved {canonical(approved.get(key))}, now {canonical(current.get(key))}")
    then, now = ({_words(step): step for step in approved_steps(plan)} for plan in (approved, current))
    lines += [f"no longer planned: {words}" for words in then if words not in now]
    lines += [f"not approved: {words}" for words in now if words not in then]
    if not lines and approved.get("digest") != current.get("digest"):
        lines.append("the steps are the same, but the servers' levels, their order or the owners found are not")
    return lines


def _words(step: Mapping[str, Any]) -> str:
    goal = step.get("node") or ", ".join(step.get("nodes") or [])
    target = f" to {goal}" if goal else ""
    return f"{step['step']} {step['object']}{target} on {step['host']} ({step['phase']})"

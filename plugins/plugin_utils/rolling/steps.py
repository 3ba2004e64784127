# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The closed list of steps, and how a step is written down.

``before`` and ``after`` use a small vocabulary, the same that the actions return:

================================================  ============================================
step                                              keys
================================================  ============================================
stage_package                                     staged
note_owners, remove_note                          owners (group -> node, or None),
                                                  possible_owners (group -> nodes)
move_group, move_home, failover_test              owner
stop_cluster_service, start_cluster_service       state (running, stopped)
install_update, verify_host                       service_pack, build, hotfixes
restart_host                                      restart_pending (empty when unpredictable)
limit_owners, restore_owners                      possible_owners (nodes)
leave_rotation, join_rotation                     rotation (in, out, draining, unknown)
stop_services, start_services                     services (name -> running, stopped)
export_schema_maps                                exported
upgrade_connector                                 due
compare_schema_maps                               compared
note_backup_due                                   backup_due (the service pack's key, or None)
save_tuning                                       saved
stop_exchange, start_exchange                     services (name -> running, stopped)
optimize                                          optimized
update_addon                                      due
take_offline, bring_online                        state (online, partially_online, offline)
upgrade_virtual_server                            version (service_pack, build)
verify_virtual_server                             owner, state, version
================================================  ============================================
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

Step = dict[str, Any]
"""A planned step: plain data, see ``make_step``."""

PHASES = ("prepare", "leave", "free", "update", "bring_over", "after", "join", "finish")

MOVES = frozenset({"move_group", "move_home", "failover_test"})
"""Steps that move a group from one node to another."""


@cache
def step_words() -> dict[str, dict[str, Any]]:
    """Return the closed list: step word -> title, does, seconds (typical duration)."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(
        (Path(__file__).parent / "data" / "steps.yml").read_text(encoding="utf-8")
    )
    return loaded


def title(word: str) -> str:
    """Return how a person reads the step ``word``; an unknown word stands for itself."""
    return str(step_words().get(word, {}).get("title", word))


def seconds(word: str) -> int:
    """Return the typical duration of a step in seconds; raises KeyError for a word that is not in the list."""
    return int(step_words()[word]["seconds"])


def duration(step: Step) -> int:
    """Return how long a planned step is expected to take: as it says itself (``seconds``), else as is usual."""
    return int(step["seconds"]) if step.get("seconds") else seconds(step["step"])


def make_step(
    word: str,
    host: str,
    obj: str,
    phase: str,
    reason: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    cluster: str | None = None,
    **extra: Any,
) -> Step:
    """Return a step without its index; it changes something when ``before`` and ``after`` differ.

    Raises ValueError for a word or a phase that is not in the closed lists: a mistake of the planner.
    """
    if word not in step_words() or phase not in PHASES:
        raise ValueError(f"no such step or phase: {word}, {phase}")
    return {
        "index": -1,
        "host": host,
        "cluster": cluster,
        "step": word,
        "object": obj,
        "phase": phase,
        "reason": reason,
        "changed": before != after,
        "before": before,
        "after": after,
        **extra,
    }

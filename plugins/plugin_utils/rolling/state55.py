# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the planner knows of Exchange 5.5 on one server beside its level: services, optimizer, add-ons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .problems import Problems

PRODUCT = "5.5"
ADDONS = {"mailbox_manager": "the Mailbox Manager", "interorg_replication": "the InterOrg Replication utility"}
"""Components that a service pack does not upgrade -> how a sentence calls them [V, KB 328839]."""
BY_SETUP = frozenset({"mailbox_manager"})
"""Those of them that have a setup program; of the other one the files are copied [V, Q238573]."""
DUE, BEGUN = "due", "begun"


@dataclass(frozen=True)
class State55:
    """Exchange 5.5 on a server. ``running``: its services that are not stopped. ``versions``: of the add-ons due."""

    running: tuple[str, ...] = ()
    noted: Mapping[str, str] | None = None
    """The services that an earlier run has stopped -> the state in which it found them."""
    optimizer: str | None = None
    """What is noted of the Performance Optimizer: due, begun (an earlier run has started it); None: nothing."""
    saved: bool = False
    """Whether the values that the optimizer overwrites have been saved."""
    addons: tuple[str, ...] = ()
    """The add-ons that are older than the service pack of the run."""
    versions: Mapping[str, str | None] | None = None


def read_state(
    name: str, found: Mapping[str, Any], *, clustered: bool, has_pack: bool, problems: Problems
) -> State55 | None:
    """Return the state of a host with Exchange 5.5 from ``exchange55`` of what was observed.

    has_pack: whether the run brings a service pack of Exchange 5.5: only then are add-ons due. On a cluster node the
    cluster has the services, and no optimizer and no add-on's setup is run.
    """
    seen = found.get("exchange55")
    if not seen:
        if not clustered:
            problems.add(
                name,
                "Which services of Exchange 5.5 run on the host was not read.",
                "Look why (the services of the host cannot be listed), and start the run again.",
            )
        return State55()
    addons = seen.get("addons") or {}
    due = tuple(sorted(each for each, row in addons.items() if has_pack and (row or {}).get("due")))
    versions = {each: (addons[each] or {}).get("version") for each in due}
    if clustered:
        return State55(addons=due, versions=versions)
    optimizer = seen.get("optimizer")
    if optimizer not in (None, DUE, BEGUN):
        problems.add(
            name,
            f"The note of the Performance Optimizer on the host says {optimizer!r}, which is not known here.",
            "Look at C:\\mailops\\roll on the host, delete the note when the optimizer has run, and start again.",
        )
    note = seen.get("note")
    return State55(
        running=tuple(sorted(seen.get("running") or {})),
        noted=None
        if note is None
        else {each: str((row or {}).get("state") or "running") for each, row in sorted(note.items())},
        optimizer=optimizer,
        saved=bool(seen.get("tuning_saved")),
        addons=due,
        versions=versions,
    )


def addon(name: str) -> str:
    """Return how a sentence calls an add-on."""
    return ADDONS.get(name, name)

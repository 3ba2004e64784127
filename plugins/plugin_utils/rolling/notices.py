# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says besides its steps, because somebody has to know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import host_turns
from .draft import Draft
from .model import MIXED
from .state55 import PRODUCT as EXCHANGE55


def note_idle(draft: Draft, working: list[str]) -> None:
    """Mention what was seen in clusters where nothing is to be done."""
    busy = set(working)
    for name, cluster in sorted(draft.model.clusters.items()):
        if name not in busy:
            draft.notices += [
                f"Some resources of the virtual server {group.name} of {name} are offline; nothing is done about it."
                for group in cluster.virtual_servers
                if group.state == MIXED
            ]


def note_unseen(draft: Draft, estate: Mapping[str, Any]) -> None:
    """Mention what cannot be seen at all."""
    hosts = draft.model.hosts.values()
    if not estate.get("directory") and any(not host.updated and host.product != EXCHANGE55 for host in hosts):
        draft.notices.append("The directory was not read: front-ends outside of this run are not known.")
    draft.notices += [
        f"Whether {host.name} is in the rotation of {host.balanced} cannot be seen; it is updated and left as it is."
        for host in hosts
        if host.rotation == "unknown" and not host_turns.needs_turn(host)
    ]


def note_taken_out(draft: Draft, estate: Mapping[str, Any]) -> None:
    """Mention the front-ends that somebody else took out of the rotation: they join it at the end as the others do."""
    draft.notices += [
        f"{host.name} is out of the rotation of {host.balanced}, and no run of this collection took it out: updated, "
        "it joins again with the others. If it is not meant to serve, take it out of the set "
        "(mailops_exchange_load_balanced)."
        for host in draft.model.hosts.values()
        if host.rotation in ("out", "draining") and estate["hosts"][host.name]["rotation"].get("held") is False
    ]


def note_unproven(draft: Draft) -> None:
    """Mention the virtual servers of Exchange 2000 that ought to have upgraded themselves, and do not show it."""
    draft.notices += [
        f"{group.name} of {cluster.name} is online on {group.owner}, which is updated, and the directory does not show "
        "it upgraded: that is behind, or the upgrade has failed (events 2146 and 2065 of MSExchangeCluster). The run "
        "verifies it before anything else in the cluster."
        for unused, cluster in sorted(draft.model.clusters.items())
        for group in cluster.virtual_servers
        if group.unproven
    ]


def note_homes(draft: Draft, working: list[str]) -> None:
    """Mention the virtual servers whose preferred owner belongs to another one."""
    if draft.options.home != "preferred":
        return
    for cluster in (draft.cluster(name) for name in working):
        for group in cluster.virtual_servers:
            wanted = next((node for node in group.preferred if node in group.possible), None)
            home = draft.home(cluster.name, group)
            if cluster.one_each and wanted and home != wanted:
                draft.notices.append(
                    f"{group.name} of {cluster.name} ends on {home}, not on its preferred owner {wanted}: another "
                    "virtual server belongs there, and in a cluster of more than two nodes a node carries one only."
                )


def note_mixed(draft: Draft, plan: Mapping[str, Any]) -> None:
    """Mention what mobile clients notice while front-ends are ahead of back-ends (KB 328839: A3)."""
    found = set()
    for host in (draft.model.hosts[name] for name in plan["turns"]):
        installed = [s["object"] for s in plan["turns"][host.name]["steps"] if s["step"] == "install_update"]
        if any(draft.updates.by_id[key]["product"] == host.product == "2003" for key in installed):
            found.add(host.front_end)
    if len(found) > 1:
        draft.notices.append(
            "Front-ends are updated before back-ends: while their versions are mixed, mobile clients can see "
            "synchronisation-key errors. These end when the last back-end is updated."
        )


def note_by_hand(draft: Draft, plan: Mapping[str, Any]) -> None:
    """Mention why a person is needed for the service packs of Exchange 5.5."""
    for key in sorted({str(step["object"]) for step in plan["steps"] if step["step"] == "install_update"}):
        entry = draft.updates.by_id[key]
        if entry["product"] == EXCHANGE55 and entry["kind"] == "service_pack" and host_turns.by_hand(draft, key):
            draft.notices.append(
                f"The setup of {key} has no unattended form (Q180404): a person runs it when the run asks for it, "
                "unless the site gives a command line of its own (`command` in its catalogue)."
            )

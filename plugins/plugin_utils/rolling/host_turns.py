# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done on one host while it is its turn, and the form of a turn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import levels, server55
from .draft import Draft
from .model import Cluster, Host
from .procedures import PROCEDURES
from .steps import Step, seconds

Turn = dict[str, Any]


def needs_turn(host: Host, cluster: Cluster | None = None) -> bool:
    """Whether the host itself is not done: not updated, to be restarted, or its node out of the cluster."""
    return bool(host.chain or host.restart_pending or (cluster and host.node not in cluster.up))


def has_left(draft: Draft, host: Host) -> bool:
    """Whether an earlier run has left something beside the update itself to be done on the host."""
    return (
        host.noted_services is not None
        or _connector(draft, host)
        or host.backup_due is not None
        or host.rotation in ("out", "draining")
        or server55.has_left(draft, host)
    )


def server_turn(draft: Draft, name: str) -> Turn | None:
    """Return the turn of a server that is not clustered, or None when nothing is to be done on it."""
    host = draft.model.hosts[name]
    if not needs_turn(host):
        return leftover_turn(draft, name) if has_left(draft, host) else None
    install = bool(host.chain)
    minutes = draft.updates.database_minutes(host.chain)
    steps = leave_rotation(draft, name) + server55.conclude(draft, name) + stop_services(draft, name)
    steps += [*install_chain(draft, name), *server55.start_exchange(draft, name), verify_host(draft, name, minutes)]
    steps += [*server55.complete(draft, name), *upgrade_connector(draft, name)]
    reason = "The server is to be updated." if install else "The installer has asked for a restart."
    return {**make_turn(draft, name, install, steps, reason), "after": after(draft, name)}


def leftover_turn(draft: Draft, name: str) -> Turn:
    """Return the turn of a host that is updated, and on which a run that was cut off has left something to do."""
    host = draft.model.hosts[name]
    reason = "The server is updated; an earlier run was cut off before it had put everything back."
    if not has_left(draft, replace(host, connector=None)):
        reason = "The server is updated; its Active Directory Connector is not."
    steps = server55.left_over(draft, name) + upgrade_connector(draft, name)
    return {**make_turn(draft, name, False, steps, reason), "after": after(draft, name)}


def make_turn(draft: Draft, name: str, install: bool, steps: list[Step], reason: str) -> Turn:
    """Return a turn; see ``plan`` for its keys."""
    host = draft.model.hosts[name]
    role = PROCEDURES[host.product].role(clustered=host.cluster is not None, front_end=host.front_end)
    return {
        "host": name,
        "cluster": host.cluster,
        "node": host.node,
        "role": role,
        "set": host.balanced,
        "wave": 0,
        "canary": False,
        "install": install,
        "reason": reason,
        "steps": steps,
        "virtual_servers": [],
        "after": [],
        "left": [],
    }


def leave_rotation(draft: Draft, name: str) -> list[Step]:
    """Take a load-balanced front-end out of its set, where it is in it and somebody takes it out."""
    host = draft.model.hosts[name]
    if host.rotation in (None, "out"):
        return []
    others = "the members of a set are updated together"
    if not PROCEDURES[host.product].sets_together:
        others = f"the other members of {host.balanced} serve meanwhile, and go later"
    reason = f"Nobody is sent to it while it is updated; {others}."
    before, after = {"rotation": host.rotation}, {"rotation": "out"}
    return [draft.on_host("leave_rotation", name, "leave", reason, before, after, host.balanced, turn=name)]


def stop_services(draft: Draft, name: str) -> list[Step]:
    """Stop what would keep an update from being installed; an installer that runs already is not disturbed by it."""
    host = draft.model.hosts[name]
    if not host.interfering or not [key for key in host.chain if host.phases.get(key) != "running"]:
        return []
    reason = "They hold files or restart services that the installer has to replace."
    before, after = ({"services": dict.fromkeys(host.interfering, state)} for state in ("running", "stopped"))
    return [draft.on_host("stop_services", name, "free", reason, before, after, turn=name)]


def install_chain(draft: Draft, name: str) -> list[Step]:
    """Add the installations and their restarts; one that runs or has ended is gone on with, not begun anew.

    A restart starts the Cluster service of a node: it is stopped again before the next installation.
    """
    steps = server55.stop_exchange(draft, name)
    host = draft.model.hosts[name]
    restarted = ""
    if host.restart_pending:
        before, after = {"restart_pending": True}, {"restart_pending": False}
        why = "The installer has asked for it."
        steps.append(draft.on_host("restart_host", name, "update", why, before, after, turn=name))
        restarted = "certain"
    for key in host.chain:
        entry = draft.updates.by_id[key]
        if restarted and host.cluster:
            sure: dict[str, Any] = {} if restarted == "certain" else {"unpredictable": True}
            why = "The restart has started it." if sure == {} else "Only if there was a restart: that starts it."
            steps.append(draft.service("stop_cluster_service", name, why, update=key, **sure))
        steps.append(install_update(draft, name, key))
        steps += server55.start_exchange(draft, name, after_pack=True)
        if entry.get("restart") == "never":
            continue
        if entry.get("restart") == "always":
            before, after = {"restart_pending": True}, {"restart_pending": False}
            why, restarted = "This update takes effect with a restart only.", "certain"
            steps.append(draft.on_host("restart_host", name, "update", why, before, after, turn=name, update=key))
        else:
            why, restarted = "Only if the installer asks for it, which it says at its end.", "perhaps"
            steps.append(
                draft.on_host("restart_host", name, "update", why, {}, {}, turn=name, update=key, unpredictable=True)
            )
    return steps


def install_update(draft: Draft, name: str, key: str, **extra: Any) -> Step:
    """Add the installation of an update; ``extra``: further keys of the step."""
    host, entry = draft.model.hosts[name], draft.updates.by_id[key]
    reason = {
        "running": "The installer runs already: its end is waited for.",
        "armed": "An earlier run has prepared the installation.",
        "finished": "An earlier run has begun the installation; the server does not have the update.",
    }.get(host.phases.get(key, ""), "")
    if not reason and entry.get("prerequisite"):
        reason = "Another update of this run needs it on the server first."
    after = draft.updates.level_after(key, host.level).words
    return draft.on_host(
        "install_update",
        name,
        "update",
        reason or f"The server has {levels.words_of(host.level.service_pack)}.",
        host.level.words,
        after,
        key,
        turn=name,
        by_hand=by_hand(draft, key),
        **extra,
    )


def by_hand(draft: Draft, key: str) -> bool:
    """Whether a person runs the setup of an update."""
    method = draft.options.setup_method
    return method == "operator" or (method == "auto" and not draft.updates.by_id[key].get("command"))


def verify_host(draft: Draft, name: str, minutes: int | None = None) -> Step:
    """Add the look whether the host has what the updates promise.

    minutes: how long the store of the server may upgrade its databases before; None: it does not.
    """
    level = draft.model.hosts[name].level.words
    reason = "The level that the update promises is read back from the server."
    if minutes is None:
        return draft.on_host("verify_host", name, "update", reason, level, level, turn=name)
    reason = f"{reason} Before that the store upgrades its databases, which is waited for."
    wait = seconds("verify_host") + 60 * minutes
    return draft.on_host("verify_host", name, "update", reason, level, level, turn=name, seconds=wait)


def _connector(draft: Draft, host: Host) -> bool:
    return host.connector is not None and draft.options.connector == "upgrade"


def further_packages(draft: Draft, host: Host) -> list[str]:
    """Return what is needed though the host has it: the setup of the connector lies in the service pack's package."""
    pack = draft.updates.service_pack(host.product)
    return [str(pack["id"])] if _connector(draft, host) and pack and pack["id"] not in host.chain else []


def export_schema_maps(draft: Draft, name: str) -> list[Step]:
    """Keep the connector's schema maps before its setup runs; where it has been begun, they were kept then."""
    host = draft.model.hosts[name]
    if not _connector(draft, host) or host.connector == "begun":
        return []
    reason = "The setup of the Active Directory Connector may overwrite them; from the file they can be put back."
    return [draft.on_host("export_schema_maps", name, "prepare", reason, {"exported": False}, {"exported": True})]


def upgrade_connector(draft: Draft, name: str) -> list[Step]:
    """Upgrade the Active Directory Connector, which no service pack of Exchange does (KB 328839: G6 to G8)."""
    if not _connector(draft, draft.model.hosts[name]):
        return []
    reason = "The service pack does not upgrade it, also where it runs on the same server: it has a setup of its own."
    steps = [draft.on_host("upgrade_connector", name, "update", reason, {"due": True}, {"due": False}, turn=name)]
    reason = "What its setup has changed of the schema maps is shown, with the way back."
    before, after = {"compared": False}, {"compared": True}
    return [*steps, draft.on_host("compare_schema_maps", name, "update", reason, before, after, turn=name)]


def after(draft: Draft, name: str) -> list[Step]:
    """Add what ends a turn: what was stopped runs again, what is due is noted, a front-end joins its set."""
    steps = []
    host = draft.model.hosts[name]
    if host.noted_services is not None:
        reason = "They get back the start type that they had, and those that ran are started."
        states = {"services": dict(host.noted_services)}
        stopped = {"services": dict.fromkeys(host.noted_services, "stopped")}
        steps.append(draft.on_host("start_services", name, "after", reason, stopped, states, turn=name))
    if host.backup_due:
        reason = "Backups from before the service pack cannot be restored any more."
        if host.exchange55 is not None:
            reason = "Backups from before the service pack may be of no use any more."
        due = {"backup_due": host.backup_due}
        steps.append(draft.on_host("note_backup_due", name, "after", reason, {"backup_due": None}, due, turn=name))
    if host.rotation not in (None, "in", "unknown"):
        reason = f"{name} is updated and serves in {host.balanced} again."
        before, joined = {"rotation": host.rotation}, {"rotation": "in"}
        steps.append(draft.on_host("join_rotation", name, "join", reason, before, joined, host.balanced, turn=name))
    return steps

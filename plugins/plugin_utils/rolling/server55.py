# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the turn of a server with Exchange 5.5 has beside the update (KB 328839: C1 to C3).

A service pack asks for all Exchange services to be stopped [V, Q235978], and the Performance Optimizer is run after
it [V, Q271824]; it overwrites values that were set by hand, which are saved before. Add-ons have setups of their own.
A hotfix stops and starts what it needs itself [V, MS06-003]. On a cluster node none of it is done: its services are
resources, and what the optimizer changes is overwritten by the cluster's registry checkpoints [V, Q278464].
"""

from __future__ import annotations

from collections.abc import Sequence

from .draft import Draft
from .model import Host
from .state55 import BEGUN, BY_SETUP, PRODUCT, State55, addon
from .steps import Step


def packs(draft: Draft, chain: Sequence[str]) -> list[str]:
    """Return the service packs of a chain."""
    return [key for key in chain if draft.updates.by_id[key]["kind"] == "service_pack"]


def has_left(draft: Draft, host: Host) -> bool:
    """Whether something of Exchange 5.5 is to be done on an updated server."""
    state = _state(host)
    return state is not None and bool(state.noted is not None or state.optimizer or _addons(draft, state))


def further_packages(draft: Draft, host: Host) -> list[str]:
    """Return the packages that are needed though nothing of them is installed: add-ons come from the service pack."""
    state, pack = _state(host), draft.updates.service_pack(PRODUCT)
    if state is None or pack is None or not _addons(draft, state) or pack["id"] in host.chain:
        return []
    return [str(pack["id"])]


def save_tuning(draft: Draft, name: str) -> list[Step]:
    """Save the values that the Performance Optimizer overwrites, before it has begun."""
    host = draft.model.hosts[name]
    state = _state(host)
    wanted = packs(draft, host.chain)
    if state is None or state.saved or state.optimizer == BEGUN or not (wanted or state.optimizer):
        return []
    reason = "The Performance Optimizer overwrites values that were set by hand; from the file they can be put back."
    update = wanted[-1] if wanted else None
    before, after = {"saved": False}, {"saved": True}
    return [draft.on_host("save_tuning", name, "prepare", reason, before, after, update=update)]


def conclude(draft: Draft, name: str) -> list[Step]:
    """Bring the optimizer to its end that an earlier run has begun: it may be running still."""
    state = _state(draft.model.hosts[name])
    if state is None or state.optimizer != BEGUN:
        return []
    return [_optimize(draft, name, "An earlier run has begun it: it may not have come to its end.")]


def stop_exchange(draft: Draft, name: str) -> list[Step]:
    """Stop Exchange before a service pack; an installer that runs already is not disturbed by it."""
    host = draft.model.hosts[name]
    state = _state(host)
    wanted = [key for key in packs(draft, host.chain) if host.phases.get(key) != "running"]
    if state is None or not state.running or not wanted:
        return []
    reason = "The setup replaces files that the services hold; the directory service may take 15 minutes to stop."
    before, after = ({"services": dict.fromkeys(state.running, word)} for word in ("running", "stopped"))
    return [draft.on_host("stop_exchange", name, "update", reason, before, after, turn=name)]


def start_exchange(draft: Draft, name: str, *, after_pack: bool = False) -> list[Step]:
    """Start again what was stopped, once no service pack is left to be installed.

    after_pack: an installation of the chain has just come; what was stopped goes on to be so before another one.
    """
    host = draft.model.hosts[name]
    state = _state(host)
    if state is None or state.noted is None or (after_pack and packs(draft, host.chain)):
        return []
    reason = "They get back the start type that they had, and those that ran are started."
    before = {"services": dict.fromkeys(state.noted, "stopped")}
    return [
        draft.on_host(
            "start_exchange", name, "update", reason, before, {"services": dict(state.noted)}, turn=name
        )
    ]  # fmt: skip


def complete(draft: Draft, name: str) -> list[Step]:
    """Run the Performance Optimizer where it is due, and upgrade the add-ons."""
    steps: list[Step] = []
    state = _state(draft.model.hosts[name])
    if state is not None and state.optimizer:
        reason = "It is always run after a service pack; files stay where they are."
        steps.append(_optimize(draft, name, reason))
    return steps + _update_addons(draft, name)


def left_over(draft: Draft, name: str) -> list[Step]:
    """Return what a run that was cut off has left to be done on an updated server."""
    steps = conclude(draft, name)
    return steps + start_exchange(draft, name) + complete(draft, name)


def due(draft: Draft, found: Sequence[Host], working: Sequence[str]) -> list[str]:
    """Return what a person still owes, in sentences. found: the hosts as they were; working: clusters with work."""
    texts = []
    for host in found:
        state = host.exchange55
        pack = draft.updates.service_pack(PRODUCT)
        if state is None or pack is None:
            continue
        title = str(pack.get("title") or pack["id"])
        brought = pack["id"] in host.chain or host.phases.get(str(pack["id"])) == "finished"
        if host.cluster and host.cluster in working and brought:
            texts.append(optimizer_on_node(host.name, title))
        for each in state.addons:
            version = (state.versions or {}).get(each)
            what = f"{host.name}: the upgrade of {addon(each)}{f' ({version})' if version else ''} to {title}"
            if host.cluster:
                texts.append(
                    f"{what}. It is not done on a cluster node: its service is a resource of the cluster, whose "
                    "registry checkpoints overwrite what a setup changes (Q278464)."
                )
            elif draft.options.addons == "leave":
                texts.append(f"{what} (the option addons is leave).")
    return texts


def optimizer_on_node(host: str, title: str) -> str:
    """What a person owes on a cluster node after a service pack."""
    return (
        f"{host}: the Performance Optimizer after {title}. It is not run on a cluster node: the cluster's registry "
        "checkpoints overwrite what it changes. Microsoft's way (Q278464: Cluster service started with -fixquorum) is "
        "for a person, with the group offline."
    )


def _state(host: Host) -> State55 | None:
    """The state of a server that is not clustered."""
    return None if host.cluster else host.exchange55


def _addons(draft: Draft, state: State55) -> tuple[str, ...]:
    return state.addons if draft.options.addons == "upgrade" else ()


def _optimize(draft: Draft, name: str, reason: str) -> Step:
    pack = draft.updates.service_pack(PRODUCT)
    before, after = {"optimized": False}, {"optimized": True}
    update = str(pack["id"]) if pack else None
    return draft.on_host("optimize", name, "update", reason, before, after, turn=name, update=update)


def _update_addons(draft: Draft, name: str) -> list[Step]:
    steps: list[Step] = []
    state, pack = _state(draft.model.hosts[name]), draft.updates.service_pack(PRODUCT)
    if state is None or pack is None:
        return steps
    for each in _addons(draft, state):
        reason = f"The service pack does not upgrade {addon(each)}, which has a setup of its own."
        if each not in BY_SETUP:
            reason = f"The service pack does not upgrade {addon(each)}, whose files are copied from the package."
        steps.append(
            draft.on_host(
                "update_addon",
                name,
                "update",
                reason,
                {"due": True},
                {"due": False},
                each,
                turn=name,
                update=str(pack["id"]),
                by_hand=each in BY_SETUP and each not in draft.options.addon_commands,
            )
        )
    return steps

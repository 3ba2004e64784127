# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Front-ends before back-ends, also those that are not part of the run (invariant 1; KB 328839: A2, A3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from . import levels
from .model import Host, Model
from .problems import Problems
from .procedures import PROCEDURES
from .state55 import PRODUCT as EXCHANGE55
from .updates import Updates

RULE = "every front-end is updated before any back-end"
ROTATIONS = frozenset({"in", "out", "draining", "unknown"})


def short_name(name: str) -> str:
    """Return the computer name in a name of the inventory or of the directory."""
    return name.split(".")[0].upper()


def is_front_end(found: Mapping[str, Any], entry: Mapping[str, Any], *, clustered: bool) -> bool:
    """Whether a server is a front-end: as the operator says, else the directory, else by its load-balancing set."""
    if clustered:
        return False
    told = found.get("front_end")
    if told is None:
        told = entry.get("front_end") if entry else bool(found.get("rotation"))
    return bool(told)


def read_rotation(
    name: str, found: Mapping[str, Any], front_end: bool, problems: Problems
) -> tuple[str | None, str | None]:
    """Return the host's load-balancing set, and its place in the rotation (None: nobody takes it out)."""
    seen = found.get("rotation") or {}
    if not seen.get("set"):
        return None, None
    group, method, state = str(seen["set"]), str(seen.get("method") or "none"), str(seen.get("state") or "unknown")
    if not front_end:
        problems.add(
            name,
            f"The host belongs to the load-balancing set {group}, and is no front-end server.",
            "Take mailops_exchange_load_balanced off the host, or say mailops_exchange_front_end: true when it is one.",
        )
    if state not in ROTATIONS:
        problems.add(name, f"The host is in the unknown state {state!r} in the set {group}.", "Look at the balancer.")
    return group, None if method == "none" else state


def check_front_ends(
    model: Model,
    estate: Mapping[str, Any],
    updates: Updates,
    directory: Mapping[str, Any] | None,
    done: Iterable[str],
    problems: Problems,
) -> None:
    """Refuse a back-end while a front-end that is not part of this run is not known to be updated.

    Only those of its organisation matter, where the directory says which that is. Of a front-end elsewhere that could
    not be read the directory shows the service pack only: that it has a hotfix the operator has to say (``done``, the
    option front_ends_done).
    """
    back = [host for host in model.hosts.values() if not host.front_end and _exchange(host.chain, updates)]
    # Exchange 5.5 has no front-ends.
    back = [host for host in back if host.product != EXCHANGE55]
    wanting = {host.product for host in back}
    if not wanting:
        return
    known = directory or {}
    places = [_organization(model, host, known) for host in back]
    here = {host.computer for host in model.hosts.values()} | {short_name(name) for name in estate.get("hosts") or {}}
    told = {short_name(name) for name in done}
    inventory = estate.get("inventory") or {}
    absent = {short_name(name): name for name, row in sorted(inventory.items()) if (row or {}).get("front_end")}
    called = {short_name(name): name for name in sorted(inventory)}
    for name, entry in sorted(known.items()):
        if entry.get("front_end") and str(entry.get("product")) in wanting:
            absent.setdefault(short_name(name), called.get(short_name(name), name))
    for computer, name in sorted(absent.items()):
        entry = known.get(computer) or {}
        elsewhere = None not in places and entry.get("organization") not in (None, *places)
        if computer in here or elsewhere:
            continue
        read = (inventory.get(name) or {}).get("exchange")
        if read:
            _check_read(name, read, wanting, updates, problems)
        if read or computer in told:
            continue
        for product in sorted(wanting & {str(entry.get("product") or product) for product in wanting}):
            _check_absent(name, entry, product, updates, problems)
    if not all(_names(model, host) & set(known) for host in back):
        # Not read, or of another forest, or by an account that is shown nothing: it tells of no front-end, either.
        _check_unknown([name for name in sorted(inventory) if short_name(name) not in here | told], inventory, problems)


def check_sets(
    model: Model,
    estate: Mapping[str, Any],
    updates: Updates,
    directory: Mapping[str, Any] | None,
    done: Iterable[str],
    problems: Problems,
) -> None:
    """Refuse to update a part of a load-balanced set whose members go together (KB 328839: A3), and mixed sets.

    With another member of the set that is not part of the run its users would meet two versions. One that nobody takes
    out of the rotation meets them anyway, as its operator has said. See ``check_front_ends`` for what is known of a
    member elsewhere.
    """
    going: dict[str, list[Host]] = {}
    for name, names in set_members(model.hosts.values()).items():
        products = sorted({model.hosts[member].product for member in names})
        if len(products) > 1:
            problems.add(
                "",
                f"The load-balanced set {name} has members with Exchange {' and '.join(products)}: "
                f"{', '.join(names)}. They are updated in different ways.",
                "Give the front-ends of each version a set of their own (mailops_exchange_load_balanced).",
            )
    for host in sorted(model.hosts.values(), key=lambda host: host.name):
        begins = _exchange(host.chain, updates) or host.rotation in ("out", "draining")
        if host.balanced and host.rotation and begins and PROCEDURES[host.product].sets_together:
            going.setdefault(host.balanced, []).append(host)
    told = {short_name(name) for name in done}
    for name, row in sorted((estate.get("inventory") or {}).items()):
        members = going.get(str((row or {}).get("set") or ""), [])
        read, entry = (row or {}).get("exchange"), (directory or {}).get(short_name(name)) or {}
        for product in sorted({host.product for host in members}):
            other = str((read or entry).get("product") or product) != product
            there = short_name(name) in told or _has_all(entry, product, updates)
            if other or (not _needs(read, updates) if read else there):
                continue
            here = ", ".join(host.name for host in members)
            problems.add(
                name,
                f"{name} belongs to the load-balanced set {row['set']} as {here} does, and is not part of this run: "
                "the members of a set are updated together, so that no user meets two versions.",
                f"Take {name} into the run (it may be left out by --limit), or leave the whole set out; when it has "
                f"the update, say so with mailops_exchange_front_ends_done: [{name}].",
            )


def _needs(exchange: Mapping[str, Any], updates: Updates) -> list[str]:
    """Return the updates of Exchange that a server which was read does not have."""
    level = updates.level_of(exchange)
    return [
        str(entry["id"])
        for entry in updates.of(str(exchange.get("product")))
        if entry["kind"] != "windows_hotfix" and levels.for_edition(entry, exchange) and not levels.has(entry, level)
    ]


def _has_all(entry: Mapping[str, Any], product: str, updates: Updates) -> bool:
    """Whether the directory shows that a server has everything that this run brings to servers of its product."""
    pack = updates.service_pack(product)
    has = pack is not None and int(entry.get("service_pack") or 0) >= int(pack["result"]["service_pack"])
    return has and not updates.hotfixes(product)


def _names(model: Model, host: Host) -> set[str]:
    """The names by which a server stands in the directory: a node by those of the virtual servers of its cluster."""
    if host.cluster is None:
        return {host.computer}
    servers = model.clusters[host.cluster].virtual_servers
    return {group.network_name.upper() for group in servers if group.network_name}


def _organization(model: Model, host: Host, directory: Mapping[str, Any]) -> str | None:
    """The organisation of a server; None where the directory does not say."""
    found = {(directory.get(name) or {}).get("organization") for name in _names(model, host)}
    return found.pop() if len(found) == 1 else None


def _exchange(chain: Sequence[str], updates: Updates) -> bool:
    return any(updates.by_id[key]["kind"] != "windows_hotfix" for key in chain)


def _check_read(
    name: str, exchange: Mapping[str, Any], wanting: Collection[str], updates: Updates, problems: Problems
) -> None:
    """Add what a front-end elsewhere that was read still needs."""
    if exchange.get("product") not in wanting:
        return
    needs = _needs(exchange, updates)
    if needs:
        problems.add(
            name,
            f"The front-end server {name} does not have {', '.join(needs)} and is not part of this run; {RULE}.",
            f"Update {name} first, or take it into the run (it may be left out by --limit).",
        )


def _check_absent(name: str, entry: Mapping[str, Any], product: str, updates: Updates, problems: Problems) -> None:
    """Add why a front-end elsewhere is not known to have the updates of a product."""
    pack, hotfixes = updates.service_pack(product), updates.hotfixes(product)
    into = f"Update {name} first, or take it into the run (it may be left out by --limit)"
    told = f"say so with mailops_exchange_front_ends_done: [{name}]"
    if pack and not entry:
        problems.add(
            name,
            f"The front-end server {name} is not part of this run and was not found in the directory: whether it has "
            f"{pack['id']} is not known, and {RULE}.",
            f"{into}; when it has the update, {told}.",
        )
    elif pack and int(entry.get("service_pack") or 0) < int(pack["result"]["service_pack"]):
        problems.add(
            name,
            f"The front-end server {name} has {levels.words_of(entry.get('service_pack'))} and is not part of this "
            f"run; {RULE}.",
            f"{into}.",
        )
    elif hotfixes:
        problems.add(
            name,
            f"The front-end server {name} is not part of this run, and the directory does not show whether it has "
            f"{', '.join(hotfixes)}; {RULE}.",
            f"{into}; when it has the update, {told}.",
        )


def _check_unknown(names: Sequence[str], inventory: Mapping[str, Any], problems: Problems) -> None:
    """Refuse when hosts were left out by --limit and nothing says whether they are front-ends."""
    unknown = [
        name for name in names if inventory[name].get("limited_out") and inventory[name].get("front_end") is None
    ]
    if unknown:
        problems.add(
            "",
            f"Which of the servers that --limit leaves out ({', '.join(unknown[:5])}"
            f"{' and others' if len(unknown) > 5 else ''}) are front-ends is not known, because the directory was not "
            f"read, or does not know the servers of this run; {RULE}.",
            "Give the run a domain controller (mailops_exchange_directory), or set mailops_exchange_front_end on "
            "these hosts.",
        )


def sets_apart(hosts: Iterable[Host]) -> set[str]:
    """Return the load-balancing sets whose members go one after the other."""
    return {host.balanced for host in hosts if host.balanced and not PROCEDURES[host.product].sets_together}


def set_members(hosts: Iterable[Host]) -> dict[str, list[str]]:
    """Return load-balancing set -> its members, sorted."""
    members: dict[str, list[str]] = {}
    for host in sorted(hosts, key=lambda host: host.name):
        if host.balanced:
            members.setdefault(host.balanced, []).append(host.name)
    return members

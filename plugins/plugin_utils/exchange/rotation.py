# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A front-end in its load-balanced set: leaving and joining the rotation by Network Load Balancing on the host.

Out of the rotation means three things, so that a restart in the middle of an update cannot bring it back:

* it is stopped, after its connections were drained (``drainstop``: V, KB 242242);
* it is suspended: all commands but query and resume are ignored (V, TechNet cc782460), so that no monitor or
  colleague starts it by remote control;
* ``ClusterModeOnStart`` in its registry is 0: it does not join when Windows starts (V, KB 193601 and TechNet
  cc773250). Whether a suspended host is suspended again after a restart depends on the Windows version and on a
  setting (V for Server 2008; U for 2003), and nothing is built on it.

What the value was is noted on the host before it is touched, and put back when it joins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..cluster.service import computer_name
from ..hosts.commands import command
from ..hosts.errors import Refused, Unreadable, WaitTimeout
from ..hosts.session import Session
from .builds import load_data

FOLDER = r"C:\mailops\roll"
NOTE = FOLDER + r"\balancing.json"
# One key on NT 4.0 and 2000 (V, KB 193601), one for each adapter below Interface\{GUID} since 2003 (V for 2008, its
# event 74).
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\WLBS\Parameters"
MODE = "ClusterModeOnStart"
ADDRESS = "ClusterIPAddress"
# wmic waits for ever on an open standard input, hence <nul.
ASK_NUMBER = (
    r"wmic /namespace:\\root\MicrosoftNLB path MicrosoftNLB_Node get ComputerName,Name,StatusCode"
    " /value <nul"
)
# wlbs.exe is there on every version; Server 2003 calls it nlb.exe, too (V).
PROGRAM = "wlbs"
IN, OUT, DRAINING, UNKNOWN = "in", "out", "draining", "unknown"
_ROTATION = {"converging": IN, "converged": IN, "stopped": OUT, "suspended": OUT, "draining": DRAINING}
_ORDER = ("suspended", "stopped", "draining", "converging", "converged")
# Seconds that a command which is done at once (stop, suspend, resume) may take to be seen.
_AT_ONCE = 120.0

_REMEDY = (
    "Look at `wlbs query` on the host. Where its answer has another form than this collection knows, let tasks of your"
    " own switch the front-end: mailops_exchange_rotation: hook."
)


@dataclass(frozen=True)
class Interface:
    """A cluster that the host belongs to. ``mode``: what ClusterModeOnStart says, None where it is not there."""

    key: str
    address: str
    mode: int | None


@dataclass(frozen=True)
class Balancing:
    """What was read. ``state``: stopped, suspended, draining, converging, converged or unknown, of all clusters
    together; ``source``: number, words or none; ``note``: registry key -> mode before this collection changed it.
    """

    interfaces: tuple[Interface, ...]
    state: str
    source: str
    note: Mapping[str, int | None] | None

    @property
    def present(self) -> bool:
        """Whether Network Load Balancing is set up on the host."""
        return bool(self.interfaces)

    @property
    def rotation(self) -> str:
        """in, out, draining or unknown."""
        return _ROTATION.get(self.state, UNKNOWN)

    def place(self, name: str) -> dict[str, Any]:
        """The host's place in its load-balanced set, as the plan takes it."""
        return {"set": name, "method": "nlb", "state": self.rotation, "held": self.note is not None}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a result."""
        return {
            "present": self.present,
            "state": self.state,
            "source": self.source,
            "clusters": [{"address": each.address, "starts_with_windows": bool(each.mode)} for each in self.interfaces],
            "held": self.note is not None,
        }


def read(session: Session) -> Balancing:
    """Read whether Network Load Balancing is set up on a host, and how it stands."""
    interfaces = _interfaces(session)
    if not interfaces:
        return Balancing((), UNKNOWN, "none", None)
    state, source = _state(session, interfaces)
    return Balancing(interfaces, state, source, _read_note(session))


def check_present(session: Session, balancing: Balancing, name: str | None) -> None:
    """Raise Refused where a member of a set is to be driven by Network Load Balancing and has none."""
    if not balancing.present:
        raise Refused(
            f"{session.host} is in the load-balancing set {name}, but Network Load Balancing is not set up on it",
            remedy=(
                "Behind another balancer give tasks of your own (mailops_exchange_rotation: hook), or say that"
                " nothing takes it out of the rotation (mailops_exchange_rotation: none)."
            ),
        )


def leave(session: Session, timeout: float) -> dict[str, Any]:
    """Take the host out of the rotation, and see to it that nothing brings it back before ``join``.

    New connections are refused at once; those that there are get ``timeout`` seconds to end by themselves, then they
    are ended. Raises Refused without Network Load Balancing, Unreadable for a state that is not known, WaitTimeout.
    """
    before = _known(session)
    started = session.clock.now()
    changed = False
    # A mode of 0 may be our own, of a run that was cut off: what was noted then counts. Any other is how it was found.
    noted = before.note or {}
    modes = {each.key: noted.get(each.key, 0) if each.mode == 0 else each.mode for each in before.interfaces}
    if before.note != modes:
        _write_note(session, modes)
        changed = True
    for each in before.interfaces:
        if each.mode != 0:
            _set_mode(session, each.key, 0)
            changed = True
    forced = False
    if before.rotation != OUT:
        changed = True
        if before.rotation == IN:
            _control(session, before, "drainstop")
        try:
            _wait_for(session, before, OUT, "the connections of users to end", timeout)
        except WaitTimeout:
            forced = True
            session.progress("connections are left after the deadline and are ended now")
            _control(session, before, "stop")
            _wait_for(session, before, OUT, "Network Load Balancing to stop", _AT_ONCE)
    if before.state != "suspended":
        changed = True
        _control(session, before, "suspend")
        _wait_for(session, before, OUT, "Network Load Balancing to be suspended", _AT_ONCE)
    return {
        "changed": changed,
        "before": {"rotation": before.rotation},
        "after": {"rotation": OUT},
        "forced": forced,
        "seconds": round(session.clock.now() - started),
    }


def join(session: Session, timeout: float) -> dict[str, Any]:
    """Put the host back into the rotation and wait, ``timeout`` seconds, until its cluster has converged with it.

    ClusterModeOnStart gets the value back that ``leave`` noted. Raises Refused, Unreadable, WaitTimeout.
    """
    before = _known(session)
    started = session.clock.now()
    changed = False
    modes = {each.key: each.mode for each in before.interfaces}
    for key, mode in (before.note or {}).items():
        if key in modes and modes[key] != mode:
            _set_mode(session, key, mode)
            changed = True
    if before.rotation != IN:
        changed = True
        if before.rotation == OUT:
            # With nothing suspended it says so and does nothing.
            _control(session, before, "resume")
        _control(session, before, "start")
    if before.state != "converged":
        try:
            _wait_for(session, before, "converged", "the cluster to converge", timeout)
        except WaitTimeout as error:
            raise WaitTimeout(
                f"{session.host} does not converge with its load-balancing cluster: {error.message}",
                remedy="Compare the settings of its hosts (`wlbs display` on each) and read their System logs (WLBS).",
                **error.details,
            ) from error
    if before.note is not None:
        session.delete(NOTE)
        changed = True
    return {
        "changed": changed,
        "before": {"rotation": before.rotation},
        "after": {"rotation": IN},
        "seconds": round(session.clock.now() - started),
    }


# -- reading


@cache
def _data() -> dict[str, Any]:
    table: dict[str, Any] = load_data("balancing.yml")
    return table


def _interfaces(session: Session) -> tuple[Interface, ...]:
    """The keys that name a cluster's address: a key alone says nothing, Windows brings the driver along."""
    tree = session.registry_tree(PARAMETERS) or {}
    found = []
    for relative, values in sorted(tree.items()):
        plain = {name.lower(): data for name, (unused_kind, data) in values.items()}
        address = plain.get(ADDRESS.lower())
        if isinstance(address, str) and address not in ("", "0.0.0.0"):
            mode = plain.get(MODE.lower())
            key = f"{PARAMETERS}\\{relative}" if relative else PARAMETERS
            found.append(Interface(key, address, mode if isinstance(mode, int) else None))
    return tuple(found)


def _state(session: Session, interfaces: Sequence[Interface]) -> tuple[str, str]:
    """How the host stands in all of its clusters together, and by what that is known."""
    numbers, words = session.run_all([ASK_NUMBER, f"{PROGRAM} query"])
    addresses = [each.address for each in interfaces]
    by_number = states_by_number(numbers.stdout, computer_name(session), addresses)
    if by_number is not None:
        return together(by_number), "number"
    by_words = states_by_words(words.stdout, addresses)
    state = together(by_words)
    return state, "none" if state == UNKNOWN else "words"


def states_by_number(text: str, computer: str, addresses: Sequence[str]) -> list[str] | None:
    """The state in each cluster by WMI's numbers; None where they do not tell of all of them. Pure.

    The status is only right for the host that is asked (V, an example of Microsoft's): other rows do not count.
    """
    records: list[dict[str, str]] = [{}]
    for name, value in re.findall(r"([A-Za-z]\w*)=([^\r\n]*)", text.replace("\0", ""), re.ASCII):
        if name in records[-1]:
            records.append({})
        records[-1][name] = value.strip()
    own: dict[str, str] = {}
    for record in records:
        name = record.get("ComputerName", "").partition(".")[0]
        if name.casefold() == computer.casefold() and record.get("StatusCode", "").isdecimal():
            address = record.get("Name", "").rpartition(":")[0]
            own[address] = _data()["status"].get(int(record["StatusCode"]), UNKNOWN)
    return [own[address] for address in addresses] if set(addresses) <= set(own) else None


def states_by_words(text: str, addresses: Sequence[str]) -> list[str]:
    """The state in each cluster by the words of ``wlbs query``, ``unknown`` where none is known. Pure."""
    parts: dict[str, list[str]] = {address: [] for address in addresses}
    current = addresses[0] if len(addresses) == 1 else None
    for line in text.splitlines():
        current = next((a for a in addresses if re.search(rf"(?<![\d.]){re.escape(a)}(?![\d])", line)), current)
        if current is not None:
            parts[current].append(line)
    return [_state_of_lines(parts[address]) for address in addresses]


def _state_of_lines(lines: Sequence[str]) -> str:
    for line in reversed(lines):
        folded = line.casefold()
        for words in _data()["words"].values():
            if any(word.casefold() in folded for word in words["history"]):
                break
            for state in _ORDER:
                if any(word.casefold() in folded for word in words[state]):
                    return state
    return UNKNOWN


def together(states: Sequence[str]) -> str:
    """One state for a host in several clusters: unknown wins, then whatever still takes users. Pure."""
    for state in (UNKNOWN, "converging", "converged", "draining", "stopped", "suspended"):
        if state in states:
            return state
    return UNKNOWN


def _known(session: Session) -> Balancing:
    found = read(session)
    if not found.present:
        raise Refused(
            f"Network Load Balancing is not set up on {session.host}",
            remedy="A set behind another balancer needs tasks of your own: mailops_exchange_rotation: hook.",
        )
    if found.rotation == UNKNOWN:
        raise Unreadable(f"how {session.host} stands in its load-balancing cluster cannot be read", remedy=_REMEDY)
    return found


def _wait_for(session: Session, balancing: Balancing, wanted: str, what: str, timeout: float) -> None:
    """Wait for a state, or for a place in the rotation."""

    def reached() -> bool | None:
        state, _unused = _state(session, balancing.interfaces)
        return True if wanted in (state, _ROTATION.get(state)) else None

    session.wait(reached, what=what, timeout=timeout)


# -- changing


def _control(session: Session, balancing: Balancing, verb: str) -> None:
    """Give a command. Its exit codes are documented nowhere (U): what came of it is read afterwards."""
    words = [verb] if len(balancing.interfaces) == 1 else [verb, "all", "local"]
    session.run(command(PROGRAM, *words), changes=True)


def _set_mode(session: Session, key: str, mode: int | None) -> None:
    session.registry_set(key, MODE, mode)


def _read_note(session: Session) -> dict[str, int | None] | None:
    text = session.read_text(NOTE)
    if text is None:
        return None
    try:
        modes = json.loads(text)["interfaces"]
        if not all(isinstance(key, str) and (mode is None or isinstance(mode, int)) for key, mode in modes.items()):
            raise ValueError("no numbers")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(
            f"{NOTE} on {session.host} is no note of how Network Load Balancing was found",
            remedy=f"Set {MODE} in {PARAMETERS} (1: it joins when Windows starts) by hand, and delete the file.",
        ) from error
    return dict(modes)


def _write_note(session: Session, modes: Mapping[str, int | None]) -> None:
    session.make_dir(FOLDER)
    session.write_text(NOTE, json.dumps({"interfaces": dict(modes)}, indent=1, sort_keys=True).splitlines())

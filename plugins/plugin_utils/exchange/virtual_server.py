# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing an Exchange virtual server to the level of the node that it stands on.

Exchange 2003 does that by a menu entry of Cluster Administrator alone; no command line is documented. So
either a person does it while the run waits for the evidence, or the site supplies a tool of its own. The
evidence is the same for both: the virtual server's serial number in the directory.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..cluster.act import KEPT_TYPES
from ..cluster.configuration import SYSTEM_ATTENDANT
from ..cluster.model import ClusterState
from ..cluster.read import read_cluster
from ..cluster.service import computer_name
from ..hosts.commands import check_name
from ..hosts.errors import CommandFailed, Refused, WaitTimeout
from ..hosts.jobs import Job
from ..hosts.logs import line_counts, new_lines
from ..hosts.session import Session
from .catalogue import staging_folder
from .directory import DirectoryError
from .directory_entries import upgraded
from .info import read_marks
from .install import start_job
from .outcome import at_result
from .troubles import Signs, attach, known_words, recent_events, recognise

PLACEHOLDERS = frozenset({"group", "network_name", "node"})
SETUP_LOG = r"C:\Exchange Server Setup Progress.log"
"""Where Setup writes ([V] Exchange team blog), and an upgrade of a virtual server too ([V] KB 887722, for 2000)."""
_DTC = "Distributed Transaction Coordinator"
_REPLICATION = 900.0
"""Seconds to wait for the directory after a tool ended well: the change may be made on another controller."""
_OUTPUT = "output.txt"
NO_DIRECTORY = "without the directory nobody can see whether a virtual server has been upgraded"
_CONFIGURE = "Configure the directory (address, user, password)."


@dataclass(frozen=True)
class Unmet:
    """A precondition of the upgrade that does not hold, and what brings it about."""

    what: str
    remedy: str


class ServerDirectory(Protocol):
    """What is needed of a directory."""

    def servers(self) -> dict[str, dict[str, Any]]:
        """Exchange servers by name in capitals."""


def upgrade(
    session: Session,
    group: str,
    update: Mapping[str, Any],
    directory: ServerDirectory | None,
    *,
    method: str = "operator",
    command: str | None = None,
    account: str | None = None,
    password: str | None = None,
    timeout: float = 3600,
) -> dict[str, Any]:
    """Have the virtual server of a group upgraded, on the node that owns it, and wait until the directory shows it.

    ``method`` ``operator``: says through ``session.progress`` what to do, where. ``command``: runs the site's
    command line once, as ``account``, with the placeholders {group}, {network_name} and {node}. ``timeout``:
    seconds. Refused where a precondition does not hold (see ``unmet``). Returns ``changed``, ``before`` and
    ``after`` (the directory's entry), ``exit_code`` and ``instructions``.
    """
    if method not in ("command", "operator"):
        raise Refused(f"{method} is no way to upgrade a virtual server", remedy="Use command or operator.")
    if not update["upgrades_virtual_server"]:
        raise Refused(f"{update['id']} does not ask for an upgrade of virtual servers", remedy="Leave the step out.")
    if update["product"] != "2003":
        raise Refused(
            f"a virtual server of Exchange {update['product']} is not upgraded by anybody: it does that itself",
            remedy="Bring it online on an updated node.",
        )
    if directory is None:
        raise Refused(NO_DIRECTORY, remedy=_CONFIGURE)
    started = session.clock.now()
    state = read_cluster(session)
    if state.service != "running":
        raise Refused(
            f"the Cluster service of this node is {state.service}", remedy="Start the Cluster service on the node."
        )
    name = state.find_group(group)
    if name is None:
        raise Refused(
            f"the cluster has no group {group}", remedy=f"Its groups are {', '.join(state.groups) or 'none'}."
        )
    network_name = state.groups[name].network_name
    if not network_name:
        raise Refused(f"{name} has no network name; it is no virtual server", remedy="Name the group of one.")
    before = directory.servers().get(network_name.upper())
    if upgraded(update, before):
        return {"changed": False, "before": before, "after": before, "exit_code": None, "instructions": []}
    if before is None:
        raise Refused(
            f"the directory does not know {network_name}",
            remedy="See that the directory is the one of this organisation, and which servers it shows.",
        )
    node = computer_name(session)
    missing = unmet(state, name, node, at_result(update, read_marks(session)))
    if missing:
        raise Refused(
            f"{name} cannot be upgraded now: {'; '.join(entry.what for entry in missing)}",
            remedy=" ".join(dict.fromkeys(entry.remedy for entry in missing)),
            unmet=[{"what": entry.what, "remedy": entry.remedy} for entry in missing],
        )
    exit_code: int | None = None
    instructions: list[str] = []
    written = line_counts(session, [SETUP_LOG])[0]
    if method == "command":
        exit_code = _by_command(
            session, update, name, network_name, node, command, account, password, _rest(session, started, timeout)
        )
        what, rest = f"the directory to show {network_name} upgraded", min(_REPLICATION, timeout)
    else:
        instructions = _instructions(name, network_name, node, update)
        for line in instructions:
            session.progress(line)
        what, rest = f"somebody to upgrade {network_name}", _rest(session, started, timeout)
    try:
        after = session.wait(
            lambda: _evidence(directory, network_name, update), what=what, timeout=rest, tolerate=(DirectoryError,)
        )
    except WaitTimeout as error:
        # What comes after a failure may bring the virtual server back to where it was: the steps of now are not the
        # remedy of later.
        error.remedy = f"See what the command did, and whether {network_name} is upgraded on another controller."
        lines = new_lines(session, SETUP_LOG, written, known_words())
        signs = Signs(recent_events(session, started), text="\n".join(lines), timeout="upgrade" if instructions else "")
        trouble = recognise(signs, update["product"])
        if trouble:
            attach(error, trouble)
        raise
    return {
        "changed": True,
        "before": before,
        "after": after,
        "exit_code": exit_code,
        "instructions": instructions,
    }


def verify(
    session: Session,
    group: str,
    update: Mapping[str, Any],
    directory: ServerDirectory | None,
    *,
    owner: str | None,
    timeout: float,
) -> dict[str, Any]:
    """See that a virtual server is online, on ``owner``, and, after a service pack, that the directory shows its level.

    The directory is waited for, ``timeout`` seconds: the change may have been made on another controller. Returns
    owner, state and, where the update upgrades virtual servers, version. Raises CommandFailed with the remedy.
    """
    state = read_cluster(session, settle=timeout)
    name = state.find_group(group)
    if name is None:
        raise Refused(f"the cluster has no group {group}, or its service does not run on this node")
    found = state.groups[name]
    seen: dict[str, Any] = {"owner": found.owner, "state": found.state}
    if found.state != "online" or (owner is not None and found.owner.casefold() != owner.casefold()):
        raise CommandFailed(
            f"{name} is {found.state} on {found.owner}, and has to be online on {owner or 'one of its nodes'}",
            remedy="See what happened to the group in the events of its node, then start the run again.",
        )
    if not update["upgrades_virtual_server"]:
        return seen
    network_name = found.network_name
    if directory is None or not network_name:
        raise Refused(NO_DIRECTORY, remedy=_CONFIGURE)
    try:
        entry = session.wait(
            lambda: _evidence(directory, network_name, update),
            what=f"the directory to show {network_name} upgraded",
            timeout=min(timeout, _REPLICATION),
            tolerate=(DirectoryError,),
        )
    except WaitTimeout as error:
        raise CommandFailed(
            f"{name} is online on {found.owner}, and the directory does not show it at the level of {update['title']}",
            remedy="Read the events of MSExchangeCluster on the node (2146 and 2065: the account of the Cluster service"
            " lacks rights), and compare the serial number of the server on other domain controllers.",
        ) from error
    return {**seen, "version": {"service_pack": entry["service_pack"], "build": entry["build"]}}


def unmet(state: ClusterState, group: str, node: str, node_is_updated: bool) -> list[Unmet]:
    """Which of the article's preconditions do not hold; nothing where all do. Pure.

    They are: the virtual server on an updated node, and that node is this one; in its group IP Address, Network Name
    and Physical Disk online and everything else, with its System Attendant, offline; the Distributed Transaction
    Coordinator online.
    """
    found = state.groups[group]
    missing = []
    if found.owner.lower() != node.lower():
        missing.append(Unmet(f"it stands on {found.owner}, and this node is {node}", f"Move {group} to {node} first."))
    if not node_is_updated:
        missing.append(Unmet(f"{node} is not updated", f"Install the update on {node} first."))
    kept = {kind.lower() for kind in KEPT_TYPES}
    attendants = 0
    for name, resource in state.resources_of(group).items():
        attendants += resource.type == SYSTEM_ATTENDANT
        wanted = "online" if resource.type.lower() in kept else "offline"
        if resource.state != wanted:
            what = f"{name} is {resource.state} and has to be {wanted}"
            missing.append(Unmet(what, f"{'Bring' if wanted == 'online' else 'Take'} {name} {wanted}."))
    if not attendants:
        missing.append(Unmet("it has no System Attendant", "Name the group of a virtual server."))
    if not any(entry.type == _DTC and entry.state == "online" for entry in state.resources.values()):
        coordinators = [name for name, entry in state.resources.items() if entry.type == _DTC]
        missing.append(
            Unmet(
                "no Distributed Transaction Coordinator resource of the cluster is online",
                f"Bring {coordinators[0]} online." if coordinators else "Make such a resource in the cluster.",
            )
        )
    return missing


def _by_command(
    session: Session,
    update: Mapping[str, Any],
    group: str,
    network_name: str,
    node: str,
    template: str | None,
    account: str | None,
    password: str | None,
    timeout: float,
) -> int | None:
    """Run the site's command as a job; a job that an earlier run began is gone on with."""
    started = session.clock.now()
    if not template:
        raise Refused(
            "no command line that upgrades a virtual server is known",
            remedy="Give the site's own, or use the method operator.",
        )
    if not account or not password:
        raise Refused(
            "an account and its password are needed to upgrade a virtual server",
            remedy="Give an account that is a local administrator of the node and Exchange Full Administrator.",
        )
    line = fill_command(template, group, network_name, node)
    short = re.sub(r"[^A-Za-z0-9-]", "-", network_name)
    folder = f"{staging_folder(update)}\\{short}"
    job = Job(session, folder, f"mailops-{update['id']}-{short}")
    state = job.observe()
    if state.phase in ("finished", "interrupted"):
        # It ended and the directory shows nothing of it: an attempt that an earlier run has reported.
        job.clear()
        state = job.observe()
    if state.phase != "running":
        session.progress(f"upgrading {network_name} on {node} as {account}")
        # The parentheses keep the redirection apart from the site's own ones.
        state = start_job(job, [f'({line}) >"{folder}\\{_OUTPUT}" 2>&1'], account, password, None)
    if state.phase == "running":
        state = job.wait(timeout, f"the upgrade of {network_name}")
    output = session.read_text(f"{folder}\\{_OUTPUT}") or ""
    job.clear()
    if state.phase == "interrupted":
        raise CommandFailed(
            f"the upgrade of {network_name} was cut off", output=output[-2000:], remedy="Look at the node; start again."
        )
    trouble = recognise(Signs(exit_code=state.exit_code, text=output))
    if state.exit_code != 0 or trouble:
        error = CommandFailed(
            f"the upgrade of {network_name} failed with {_code(state.exit_code)}",
            exit_code=state.exit_code,
            output=output[-2000:],
            remedy="Read what the command said, and start again. Where Cluster Administrator does not show the entry"
            ' "Upgrade Exchange Virtual Server" on this node either, the node was evicted from the cluster and added'
            " again: run Exchange setup with Reinstall on it first.",
        )
        trouble = trouble or recognise(Signs(recent_events(session, started)), update["product"])
        if trouble:
            attach(error, trouble)
        raise error
    return state.exit_code


def fill_command(template: str, group: str, network_name: str, node: str) -> str:
    """The site's command line with its placeholders filled in, for a command file."""
    values = {"group": group, "network_name": network_name, "node": node}
    for key, value in values.items():
        check_name(value, key)
    try:
        fields = {name for unused, name, spec, conversion in string.Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise Refused(f"the command line cannot be read: {error}", remedy="Write a brace itself twice.") from error
    if fields - PLACEHOLDERS:
        raise Refused(
            f"the command line holds unknown placeholders: {', '.join(sorted(fields - PLACEHOLDERS))}",
            remedy="{group}, {network_name} and {node} are known; write a brace itself twice.",
        )
    return template.format(**values).replace("%", "%%")


def _code(exit_code: int | None) -> str:
    if exit_code is None:
        return "no exit code"
    return f"exit code {exit_code}" + (
        f" (0x{exit_code & 0xFFFFFFFF:08x})" if exit_code < 0 or exit_code > 0xFFFF else ""
    )


def _evidence(directory: ServerDirectory, network_name: str, update: Mapping[str, Any]) -> dict[str, Any] | None:
    entry = directory.servers().get(network_name.upper())
    return entry if upgraded(update, entry) else None


def _instructions(group: str, network_name: str, node: str, update: Mapping[str, Any]) -> list[str]:
    return [
        f"Upgrade the virtual server {network_name} now:",
        f"1. log on to {node} as an Exchange Full Administrator and open Cluster Administrator there;",
        f"2. open the group {group} and right-click its System Attendant resource, which is offline;",
        '3. choose "Upgrade Exchange Virtual Server" and wait until it says that it is done;',
        f"4. bring nothing online by hand: the run sees {update['title']} in the directory and goes on.",
    ]


def _rest(session: Session, started: float, timeout: float) -> float:
    return max(timeout - (session.clock.now() - started), 0.0)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a single machine: reached, clock, disks, pending restart, what runs on it, its accounts (G9, G11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .interfering import interfering, programs, unstoppable
from .model import FAILED, INFORMATION, PASSED, WARNING, Finding, View, listed

INSTALLERS = ("setup.exe", "update.exe", "xcopy.exe")
"""Programs that keep a service pack from being installed [V, KB 328839]."""
BACKUPS = ("ntbackup.exe",)
"""Programs that back up, and are no service of a backup agent [R]."""
MEGABYTE = 1024 * 1024
_LOOK = "Look at it by hand before the run begins; the cause stands in the observation."


def channel(view: View) -> Iterator[Finding]:
    """Every server of the run was read, by an account with the rights of an administrator."""
    for host, found in sorted(view.hosts.items()):
        reason = (found or {}).get("unreachable")
        if host not in view.reached:
            # Ansible puts these words before the connection's own.
            said = str(reason or "it told nothing").removeprefix("Task failed: ")
            text = f"the server was not read: {said}"
            remedy = "Bring the host back, or correct its address, account or password, and start again."
            yield Finding(host, FAILED, text, remedy)
        elif view.facts(host).get("rights") == "none":
            yield Finding(
                host,
                FAILED,
                "the account of the connection is no administrator of the host",
                "Take it into the host's local administrators.",
            )
        else:
            sure = "" if view.facts(host).get("rights") == "administrator" else "; its rights show when they are used"
            yield Finding(host, PASSED, f"reached and read{sure}")


def clock(view: View) -> Iterator[Finding]:
    """The host's clock is near enough to the control node's."""
    for host in view.open:
        drift = view.facts(host).get("drift")
        if drift is None:
            yield _unread(view, host, "clock", "the host's clock could not be read")
        elif abs(drift) > view.limits.clock:
            way = "ahead of" if drift > 0 else "behind"
            yield Finding(
                host,
                FAILED,
                f"the host's clock is {abs(drift):.0f} seconds {way} that of the control node",
                "Set the clock (net time /set, w32tm /resync), and see that the control node's own is right.",
            )
        else:
            yield Finding(host, PASSED, f"differs by {abs(drift):.0f} s at the least")


def disk_space(view: View) -> Iterator[Finding]:
    """The drives that the update writes to have room for it."""
    for host in view.open:
        drives: Mapping[str, Mapping[str, Any]] = view.facts(host).get("drives") or {}
        if not drives:
            yield _unread(view, host, "drives", "the free disk space could not be read")
            continue
        short, seen, unread = [], [], []
        for drive, entry in sorted(drives.items()):
            free = entry.get("free")
            wanted = view.limits.disk_space * MEGABYTE + (_packages(view, host) if "system" in entry["for"] else 0)
            if free is None:
                unread.append(drive)
            elif free < wanted:
                short.append(f"{drive} has {free // MEGABYTE} MB, {-(-wanted // MEGABYTE)} MB are needed")
            else:
                seen.append(f"{drive} {free // MEGABYTE} MB")
        if short:
            remedy = "Make room on the drive (old packages, logs of backed-up transactions, temporary files)."
            yield Finding(host, FAILED, "; ".join(short), remedy)
        elif unread:
            yield Finding(host, WARNING, f"the free space of {listed(unread)} could not be read", _LOOK)
        else:
            yield Finding(host, PASSED, ", ".join(seen))


def pending_restart(view: View) -> Iterator[Finding]:
    """No restart is pending, other than one that an installation of ours has asked for."""
    for host in view.open:
        pending = view.facts(host).get("pending_restart")
        if pending is None:
            yield _unread(view, host, "pending_restart", "whether a restart is pending could not be read")
        elif not pending:
            yield Finding(host, PASSED, "no restart is pending")
        elif _ours(view.reached[host]):
            yield Finding(host, INFORMATION, "a restart is pending that this update has asked for; the run makes it")
        else:
            yield Finding(
                host,
                FAILED,
                f"a restart is pending ({listed(list(pending))})",
                "Restart the server (on a cluster after its groups were moved away), and start again.",
            )


def setup_running(view: View) -> Iterator[Finding]:
    """No other Setup, Update or Xcopy runs."""
    for host in view.open:
        processes = view.facts(host).get("processes")
        if processes is None:
            yield _unread(view, host, "processes", "the processes could not be read")
            continue
        wanted = {*INSTALLERS, *(name.lower() for update in view.chain(host) for name in update.get("processes") or [])}
        running = sorted({image for image in processes if image.lower() in wanted}, key=str.casefold)
        if not running:
            yield Finding(host, PASSED, "no Setup, Update or Xcopy is running")
        elif view.installing(host):
            yield Finding(host, INFORMATION, f"{listed(running)} runs: the installation that this run goes on with")
        else:
            yield Finding(
                host,
                FAILED,
                f"{listed(running)} is running",
                "Wait until it has ended, or find out who started it and end it; then start again.",
            )


def backup_running(view: View) -> Iterator[Finding]:
    """No backup runs."""
    for host in view.open:
        processes = view.facts(host).get("processes")
        backup = view.facts(host).get("backup") or {}
        running = sorted(image for image in processes or [] if image.lower() in BACKUPS)
        groups = list((backup.get("engine") or {}).get("running") or [])
        if running or groups:
            what = listed(running) if running else f"a backup of {listed([name or 'the store' for name in groups])}"
            yield Finding(host, FAILED, f"{what} is running", "Wait until the backup has ended well, and start again.")
        elif processes is None:
            yield _unread(view, host, "processes", "the processes could not be read")
        else:
            yield Finding(host, PASSED, "no backup is running")


def interfering_services(view: View) -> Iterator[Finding]:
    """What interferes can be stopped: services by the run, programs only by a person."""
    yield from _left_stopped(view)
    for host in view.open:
        facts = view.facts(host)
        if facts.get("services") is None:
            yield _unread(view, host, "services", "the services could not be read")
            continue
        services, processes = facts["services"], facts.get("processes") or []
        stray = programs(processes, services, view.keep_services)
        held = unstoppable(services, view.keep_services)
        stopped = interfering(services, view.interfering_services, view.keep_services)
        if stray:
            what = "; ".join(f"{image} ({why})" for image, why in stray.items())
            yield Finding(
                host,
                FAILED,
                f"runs without a service that could be stopped: {what}",
                "End the program at the server (log off who started it), and start again.",
            )
        elif held:
            what = "; ".join(
                f"{name} ({'kept by the operator' if row['kept'] else row['why']})" for name, row in held.items()
            )
            yield Finding(
                host,
                WARNING,
                f"stays running during the update: {what}",
                "Stop it by its own console before the run, or be ready for files in use.",
            )
        elif stopped:
            yield Finding(host, INFORMATION, f"stopped for the turn, started again afterwards: {listed(list(stopped))}")
        else:
            yield Finding(host, PASSED, "nothing known to interfere is running")


def _left_stopped(view: View) -> Iterator[Finding]:
    """What a run that was cut off has stopped, and nobody has started again since."""
    for host in view.reached:
        names = view.left_stopped(host)
        if names:
            yield Finding(
                host,
                WARNING,
                f"stopped by a run that was cut off, and not started again: {listed(names)}; the next run that begins "
                "starts them at the end of the host's turn",
                "Let a run come to its end; or, where the update is given up, give them back their start types and "
                "start them (both stand in C:\\mailops\\roll on the host).",
            )


def setup_account(view: View) -> Iterator[Finding]:
    """The account of the setup job: given, and an administrator as far as that can be known without trying."""
    for host in view.open:
        by_job = [
            update["id"]
            for update in view.chain(host)
            if view.setup_method != "operator" and (update.get("command") or view.setup_method == "command")
        ]
        if (
            view.connector_by_job
            and view.connector == "upgrade"
            and (view.reached[host].get("connector") or {}).get("due")
        ):
            by_job.append("Active Directory Connector")
        if not by_job:
            yield Finding(host, INFORMATION, "a person runs the setup, with an account of their own")
            continue
        if not view.setup_account:
            yield Finding(
                host,
                FAILED,
                f"no account is given for the setup of {listed(by_job)}",
                "Give mailops_exchange_setup_user and mailops_exchange_setup_password: a local administrator of the "
                "servers and Exchange Full Administrator.",
                certain=True,
            )
            continue
        yield _membership(view, host, view.setup_account)


def _membership(view: View, host: str, account: str) -> Finding:
    logon = _logon(view, host)
    if logon.get("accepted") is False:
        return Finding(
            host,
            FAILED,
            f"the domain does not let {account} in: {logon['problem']}; its job could not log on either",
            "Put the account right in the domain (unlock or enable it, give it a password that is valid), or correct "
            "mailops_exchange_setup_user and mailops_exchange_setup_password, and start again.",
        )
    known = ", and the domain lets it in" if logon.get("accepted") else ""
    trial = f"{known}; whether its job may log on here shows only when it does"
    administrators = view.facts(host).get("administrators")
    if administrators is None:
        text = f"the local administrators could not be read, so that {account} is not known to be one{trial}"
        return Finding(host, WARNING, text, _LOOK)
    names = {_plain(name) for name in administrators}
    if _plain(account) in names:
        return Finding(host, PASSED, f"{account} is a local administrator{trial}")
    # A name with a domain before it may be a group of that domain; whom it holds only the domain knows.
    computer = str(view.reached[host]["exchange"].get("computer_name") or host).casefold()
    domain = [name for name in administrators if "\\" in name and name.partition("\\")[0].casefold() != computer]
    if domain:
        text = f"{account} is an administrator only if it belongs to one of {listed(domain)}{trial}"
        return Finding(host, INFORMATION, text)
    return Finding(
        host,
        FAILED,
        f"{account} is not among the local administrators ({listed(administrators) or 'nobody'}), and no group of the "
        "domain is",
        f"Take {account} into the local administrators of the host, and start again.",
    )


def _logon(view: View, host: str) -> Mapping[str, Any]:
    """Whether the domain lets the setup's account in; empty where nobody has asked it, or the account is not of it."""
    logon: Mapping[str, Any] = (view.directory or {}).get("account") or {}
    domain = str(logon.get("name") or "").rpartition("\\")[0]
    computer = str(view.reached[host]["exchange"].get("computer_name") or host)
    return {} if domain.casefold() == computer.casefold() else logon


def _plain(name: str) -> str:
    """An account's own name: DOMAIN\\name and name@domain are written in several ways, the name itself is not."""
    return name.rpartition("\\")[2].partition("@")[0].casefold()


def _packages(view: View, host: str) -> int:
    """Bytes that the packages take that still have to be copied, twice: they are extracted beside themselves."""
    rows = view.reached[host].get("packages") or {}
    wanted = [
        int(update["package"].get("size") or 0)
        for update in view.chain(host)
        if (rows.get(update["id"]) or {}).get("needed") and not rows[update["id"]].get("staged")
    ]
    return 2 * sum(wanted)


def _ours(found: Mapping[str, Any]) -> bool:
    return any(
        row.get("restart_pending") or row.get("phase") in ("running", "finished")
        for row in (found.get("installations") or {}).values()
    )


def _unread(view: View, host: str, what: str, sentence: str) -> Finding:
    reason = (view.facts(host).get("problems") or {}).get(what)
    return Finding(host, WARNING, f"{sentence}{f': {reason}' if reason else ''}", _LOOK)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of the whole run: release notes, the way back, the directory (G3, G4)."""

from __future__ import annotations

from collections.abc import Iterator

from .model import FAILED, INFORMATION, PASSED, WARNING, Finding, View, listed

BACK = (
    "there is no uninstall: going back means to remove Exchange, install it again with the former service pack, and "
    "restore the databases and the system state from the backups made before"
)
BACK_HOTFIX = (
    "a hotfix may have an uninstall of its own, a service pack has none: the sure way back is the restore of databases "
    "and system state from the backups made before"
)


def release_notes(view: View) -> Iterator[Finding]:
    """The operator says once for each update that its release notes were read; only a statement can pass it."""
    keys = [str(update["id"]) for update in view.updates if not update.get("prerequisite")]
    yield Finding(
        "",
        FAILED if view.open else INFORMATION,
        f"nobody has stated that the release notes of {listed(keys)} were read",
        "Read them, do what they ask for at this site, and state it (mailops_exchange_statements, gate release_notes: "
        "who, when, what; update where the statement is about one of several).",
    )


def rollback(view: View) -> Iterator[Finding]:
    """Says in plain words that there is no uninstall."""
    pack = any(update["kind"] == "service_pack" for update in view.updates)
    yield Finding("", INFORMATION, BACK if pack else BACK_HOTFIX)


def directory(view: View) -> Iterator[Finding]:
    """The directory could be read, where the run needs it; Exchange 5.5 has one of its own, which nobody asks."""
    needing = [
        cluster.name
        for cluster in view.open_clusters()
        for host in cluster.members
        if host in view.open and any(update.get("upgrades_virtual_server") for update in view.chain(host))
    ]
    clusters = list(dict.fromkeys(needing))
    old = bool(view.open) and all(view.product(host) == "5.5" for host in view.open)
    remedy = (
        "Give the run a domain controller and an account that reads the configuration of Active Directory "
        "(mailops_exchange_directory: uri, user, password, ca_file)."
    )
    if view.directory is not None:
        count = len(view.directory.get("servers") or {})
        yield Finding("", PASSED, f"read; Exchange servers in it: {count}")
        return
    said = view.directory_error or "no directory was given (mailops_exchange_directory)"
    if clusters:
        text = f"{said}; the versions of the virtual servers of {listed(clusters)} are not known without it"
        yield Finding("", FAILED, text, remedy)
    elif old:
        yield Finding("", PASSED, f"{said}; this run does not need it: Exchange 5.5 has a directory of its own")
    elif view.directory_given:
        yield Finding("", FAILED if view.open else WARNING, said, remedy)
    else:
        yield Finding("", INFORMATION, f"{said}; this run does not need it", remedy)

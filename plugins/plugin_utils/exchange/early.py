# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that an installer starts, and packages that return before these have ended.

A hotfix of the SMS-Installer kind returns to the prompt long before it has finished: wait until its program has gone,
then look what it has done [V, KB 257946]. Its exit code proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cluster.drive import patient
from ..hosts.errors import ConnectionLost, Unreachable
from ..hosts.session import Session
from .builds import store_difference
from .catalogue import programs

_GONE = (Unreachable, ConnectionLost)
_QUIET = 3
"""So many looks in a row without its program, before a package that returns early counts as ended: one that has just
returned may be about to start it [U]."""


def alive(session: Session, update: Mapping[str, Any]) -> list[str]:
    """Which of the update's programs run, each once."""
    names = programs(update)
    return sorted({image for image, unused in session.processes() if image.lower() in names})


def goes_on(session: Session, update: Mapping[str, Any]) -> bool:
    """Whether an update's package has returned early and what it has started still runs."""
    return bool(update["returns_early"]) and bool(alive(session, update))


def processes_gone(session: Session, update: Mapping[str, Any], timeout: float) -> None:
    """Wait until none of the update's programs runs. Raises WaitTimeout; nothing is ended then."""
    quiet = 0

    def gone() -> bool | None:
        nonlocal quiet
        quiet = 0 if alive(session, update) else quiet + 1
        return True if quiet >= (_QUIET if update["returns_early"] else 1) else None

    session.wait(
        patient(session, gone),
        what=f"{', '.join(update['processes'])} of {update['id']} to end",
        timeout=max(timeout, 60.0),
        tolerate=_GONE,
    )


def store_problems(update: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, str]]:
    """What ``store.exe`` contradicts after a package that returns early: its key in the registry is not all of it.

    ``after``: as ``read_exchange`` tells it. A version that cannot be read contradicts nothing.
    """
    hotfix, version = update["result"].get("hotfix"), after.get("store_version")
    if not update["returns_early"] or not version or hotfix not in after["hotfixes"]:
        return []
    difference = store_difference(after["product"], after["service_pack"], [hotfix], version)
    if difference is None:
        return []
    remedy = "Read the installer's log, remove the cause and install the hotfix again."
    return [{"what": f"the registry shows {hotfix}, but {difference}", "remedy": remedy}]

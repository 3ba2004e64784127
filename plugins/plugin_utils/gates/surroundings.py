# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of what is around an update of the older versions: monitors on other computers, Terminal Services (G9)."""

from __future__ import annotations

from collections.abc import Iterator

from .interfering import monitors
from .model import FAILED, INFORMATION, WARNING, Finding, View

_OWN = "admin.exe"
"""The program in which server monitors run. The others are a gate of their own where they run on the server itself."""
_MODES = {
    "5.5": (
        "Enter `change user /install` on the server before the setup, and `change user /execute` after it (Q251760).",
        "the setup of Exchange 5.5 is to be run in install mode there",
    ),
    "2000": (
        "Let the run's job install it; a setup in a session of Terminal Services needs a restart in any case.",
        "a setup that somebody runs in a session there asks for a restart in any case",
    ),
}


def server_monitors(view: View) -> Iterator[Finding]:
    """No monitor of Exchange 5.5 runs on any computer that the run has read, while a server of it is to be updated."""
    due = [
        host
        for host in view.open
        if view.product(host) == "5.5" and any(update.get("product") == "5.5" for update in view.chain(host))
    ]
    if not due:
        return
    running = {name: monitors(processes, view.keep_services) for name, processes in _processes(view).items()}
    failing = False
    for host in due:
        found = [
            f"{image} on {name} ({why})"
            for name, images in running.items()
            for image, why in images.items()
            if name != host or image.lower() == _OWN
        ]
        if found:
            failing = True
            yield Finding(
                host,
                FAILED,
                f"it can be watched, and started in the midst of the update: {'; '.join(found)}",
                "End every server monitor and Performance Monitor, on administrators' computers too; that it watches "
                "something else, or was told of a maintenance (admin /t), is not enough (Q177221). Then start again.",
            )
    if not failing:
        words = "the computer that was read" if len(running) == 1 else f"the {len(running)} computers that were read"
        yield Finding(
            "",
            INFORMATION,
            f"none runs on {words}; what runs on others cannot be seen from here",
            "See that no server monitor and no Performance Monitor runs on any other computer.",
        )


def terminal_services(view: View) -> Iterator[Finding]:
    """Whether an update of 5.5 or 2000 meets an application server of Terminal Services. Only a warning."""
    for host in view.open:
        mode = _MODES.get(view.product(host))
        if mode and view.chain(host) and view.facts(host).get("application_server"):
            text = f"the server is an application server of Terminal Services: {mode[1]}"
            yield Finding(host, WARNING, text, mode[0])


def _processes(view: View) -> dict[str, list[str]]:
    """Machine -> image names, of all servers and domain controllers whose processes were read."""
    machines = {**view.controllers, **view.hosts}
    found = {name: ((entry or {}).get("facts") or {}).get("processes") for name, entry in sorted(machines.items())}
    return {name: list(images) for name, images in found.items() if images is not None}

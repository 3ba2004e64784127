# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ping``: the usual way to wait in a batch file."""

from __future__ import annotations

from ..shell.call import Call, program

MADE_UP = "192.0.2.1"  # shown for a host of the estate that has no address of its own


@program("ping")
def ping(call: Call) -> int:
    """``ping [-n N] [-w MS] HOST``: N echoes with a second between two of them; exit 1 when nobody answers."""
    count = 4
    patience = 4.0
    target = ""
    words = iter(call.argv)
    for word in words:
        option = word.lower().replace("/", "-")
        if option == "-n":
            count = int(next(words, "4"))
        elif option == "-w":
            patience = int(next(words, "4000")) / 1000
        elif option.startswith("-"):
            call.line(call.text("ping.option", option=word))
            return 1
        else:
            target = word
    address, alive = _find(call, target)
    if not address:
        call.line(call.text("ping.unknown", name=target))
        return 1
    call.line("\n" + call.text("ping.pinging", target=target, address=address) + "\n")
    for number in range(count):
        if number:
            call.sleep(1.0)
        if alive:
            call.line(call.text("ping.reply", address=address))
        else:
            call.sleep(patience)
            call.line(call.text("ping.timeout"))
    received = count if alive else 0
    lost = count - received
    call.line(
        "\n"
        + call.text(
            "ping.statistics",
            address=address,
            sent=count,
            received=received,
            lost=lost,
            percent=100 * lost // max(count, 1),
        )
    )
    return 0 if alive else 1


def _find(call: Call, target: str) -> tuple[str, bool]:
    """The address of a name, and whether somebody answers there; no address for an unknown name."""
    name = target.lower().partition(".")[0]
    if name == "localhost" or target == "127.0.0.1":
        return "127.0.0.1", True
    for host in call.world.machines.values():
        if target == host.address or name in (host.name.lower(), host.computer_name.lower()):
            return host.address or MADE_UP, host.up
    if name in (controller.lower() for controller in call.world.controllers):
        return MADE_UP, True
    return (target, False) if target.replace(".", "").isdigit() else ("", False)

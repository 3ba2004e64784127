# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wlbs`` and ``nlb``: the control program of Network Load Balancing.

Commands and states [V]: KB 242242, the Server 2003 command reference. No captured output was found in a document:
the layout of `query` is [R], the sentences of the other commands are [U], and so is every exit code: 0 whenever the
program could ask, 1 when there is nothing to ask or the command is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ..balancing import Balancing, Member
from ..shell.call import Call, program

READING = ("query", "display", "params", "help", "queryport", "ip2mac", "")
CONTROL = {
    "start": Balancing.start,
    "stop": Balancing.stop,
    "drainstop": Balancing.drain,
    "suspend": Balancing.suspend,
    "resume": Balancing.resume,
}


def _changing(argv: Sequence[str]) -> bool:
    return bool(argv) and argv[0].lower() not in READING


@program("wlbs", changing=_changing)
def wlbs(call: Call) -> int:
    """``wlbs query|display|start|stop|drainstop|suspend|resume [CLUSTER[:HOST]|all local]``."""
    verb = call.argv[0].lower() if call.argv else ""
    call.line(call.text("nlb.banner"))
    member = call.world.balancing.nlb(call.host)
    if verb not in (*CONTROL, "query", "display", "params"):
        call.line(call.text("nlb.usage"))
        return 0 if verb in ("", "help") else 1
    if member is None:
        call.line(call.text("nlb.absent"))
        return 1
    target = " ".join(call.argv[1:]).lower()
    cluster, _unused, number = target.partition(":")
    if target not in ("", "all", "all local") and (
        cluster != member.balanced.address or number not in ("", str(member.priority))
    ):
        # Remote control is off by default [V]: no other host answers
        call.line(call.text("nlb.no_answer"))
        return 1
    call.line(call.text("nlb.cluster", address=member.balanced.address))
    if verb == "query":
        _query(call, member)
    elif verb in ("display", "params"):
        _display(call, member)
    else:
        _control(call, member, verb)
    return 0


@program("nlb", changing=_changing, systems=("server2003",))
def nlb(call: Call) -> int:
    """The name of ``wlbs`` since Server 2003, where both are there [V]."""
    return wlbs(call)


def _query(call: Call, member: Member) -> None:
    state = member.state
    host = member.priority
    if state in ("converged", "converging") and call.host.os == "server2003":
        moment = datetime.fromtimestamp(call.world.clock.time, tz=UTC).strftime("%m/%d/%Y %I:%M:%S %p")
        call.line(call.text("nlb.retrieving", address=member.balanced.address))
        call.line(call.text("nlb.history", host=host, time=moment))
    if state == "converged" and member.is_default:
        call.line(call.text("nlb.state.default", host=host))
    else:
        call.line(call.text(f"nlb.state.{state}", host=host))
    if state in ("converged", "converging", "draining"):
        taking_part = [other.priority for other in member.balanced.members if other.in_rotation or other is member]
        call.line(", ".join(str(number) for number in sorted(taking_part)))


def _control(call: Call, member: Member, verb: str) -> None:
    before = member.state
    done = CONTROL[verb](call.world.balancing, member)
    if done:
        call.line(call.text(f"nlb.done.{verb}"))
    else:
        call.line(call.text("nlb.refused" if before == "suspended" and verb != "suspend" else f"nlb.already.{verb}"))


def _display(call: Call, member: Member) -> None:
    for name, (unused_kind, data) in sorted(call.host.registry.values(member.key).items()):
        call.line(f"{name:<28}= {data!s}")

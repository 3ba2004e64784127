# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for a hardware balancer: a small management interface over HTTP, as such devices have one.

`GET /sets/SET/members/HOST` answers `{"host": "fe1", "set": "web", "state": "in", "connections": 0}`, `GET
/sets/SET` a list of them under `members`. `PUT /sets/SET/members/HOST` with `{"state": "in"}` or `{"state": "out"}`
switches a member: out means that it gets no new connections (`draining` until the last has ended); `{"state": "out",
"force": true}` ends those that are left. Every call stands in the journal, under the host name `balancer`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ..balancing import HARDWARE, IN_ROTATION, Member
from ..tables import table
from .connections import Reset
from .http import BadRequest, Reader, Request, Response

if TYPE_CHECKING:
    from ..world import World


class BalancerServer:
    """The management interface of the balancer."""

    def __init__(self, world: World, trouble: Callable[[], None]) -> None:
        self._world = world
        self._trouble = trouble

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        reader = Reader(connection)
        try:
            while True:
                try:
                    request = reader.read()
                except BadRequest as error:
                    connection.sendall(Response(error.status, close=True).pack(self._date()))
                    return
                if request is None:
                    return
                connection.sendall(self._call(request).pack(self._date()))
        except (Reset, OSError):
            raise
        except Exception:
            # a mistake of the lab's own: it must not stay unseen
            self._trouble()

    def _date(self) -> datetime:
        with self._world.clock.lock:
            return datetime.fromtimestamp(self._world.clock.now(), UTC)

    def _call(self, request: Request) -> Response:
        world = self._world
        text = f"{request.method} {request.target} {request.body.decode('utf-8', 'replace')}".strip()
        changes = request.method != "GET"
        with world.clock.lock:
            call = world.begin_call(table("balancing")["balancer"]["name"], "http", text)
            if call.fault == "refuse":
                world.end_call(call, None, False)
                raise Reset
            status, answer = self._answer(request)
            world.end_call(call, None if call.fault == "drop" else status, changes)
        if call.fault == "drop":
            raise Reset
        body = json.dumps(answer).encode()
        return Response(status, [("Content-Type", "application/json")], body)

    def _answer(self, request: Request) -> tuple[int, dict[str, Any]]:
        parts = [unquote(part) for part in request.target.partition("?")[0].strip("/").split("/")]
        found = self._world.balancing.sets.get(parts[1]) if len(parts) in (2, 4) and parts[0] == "sets" else None
        if found is None or found.balancer != HARDWARE or (len(parts) == 4 and parts[2] != "members"):
            return 404, {"error": "no such set"}
        if len(parts) == 2:
            members = [_described(member) for member in found.members]
            return (200, {"set": found.name, "members": members}) if request.method == "GET" else (405, {})
        member = next((member for member in found.members if member.host.name == parts[3]), None)
        if member is None:
            return 404, {"error": "no such member"}
        if request.method == "PUT":
            try:
                wanted = json.loads(request.body)
            except ValueError:
                wanted = None
            if not isinstance(wanted, dict) or wanted.get("state") not in ("in", "out"):
                return 400, {"error": "expected state: in or out"}
            self._switch(member, wanted["state"], bool(wanted.get("force")))
        elif request.method != "GET":
            return 405, {"error": "GET or PUT"}
        return 200, _described(member)

    def _switch(self, member: Member, state: str, force: bool) -> None:
        balancing = self._world.balancing
        if state == "in":
            balancing.start(member)
        elif force:
            balancing.stop(member)
        else:
            balancing.drain(member)


def _described(member: Member) -> dict[str, Any]:
    state = "in" if member.state in IN_ROTATION else "draining" if member.state == "draining" else "out"
    return {
        "host": member.host.name,
        "set": member.balanced.name,
        "state": state,
        "connections": member.connections,
    }

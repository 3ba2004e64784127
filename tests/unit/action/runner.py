# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running an action without Ansible's executor, on a session that the test makes."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Session


class StandingClock(Clock):
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_795_381_462.25

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += max(seconds, 0.001)


class FakeSession(Session):
    """A host that answers every command with exit code 0 and nothing, unless ``answer`` says otherwise."""

    def __init__(self, read_only: bool = False, answer: Callable[[str], Output] | None = None) -> None:
        super().__init__("192.0.2.7", read_only=read_only, clock=StandingClock())
        self.answer = answer or (lambda line: Output(0, ""))
        self.sent: list[str] = []
        self.closed = 0
        self.reconnects = 0

    def _send(self, call: Any) -> Output:
        self._about_to_change(call)
        self.sent.append(call.line)
        return self.answer(call.line)

    def reconnect(self) -> None:
        self.reconnects += 1

    def close(self) -> None:
        self.closed += 1


class FakeConnection:
    """A connection of the collection, as far as an action looks at it."""

    def __init__(self, session: FakeSession, transport: str = "mailops.exchange.winrm", become: Any = None) -> None:
        self.session = session
        self.transport = transport
        self.become = become
        self.opened: list[bool] = []
        self._shell = SimpleNamespace(tmpdir=None)

    def open_session(self, read_only: bool, progress: Callable[[str], None] | None = None) -> Session:
        self.opened.append(read_only)
        self.session.read_only = read_only
        self.session._tell = progress
        return self.session

    def get_option(self, name: str) -> Any:
        if name == "password":
            return "connection-secret"
        raise KeyError(name)


def make(
    action: type[Any],
    arguments: dict[str, Any],
    session: FakeSession | None = None,
    *,
    check: bool = False,
    diff: bool = False,
    **connection: Any,
) -> Any:
    """Return the action as Ansible would make it for a task."""
    task = SimpleNamespace(
        args=arguments, async_val=0, check_mode=check, diff=diff, action="mailops.exchange.tested", delegate_to=None
    )
    link = FakeConnection(session or FakeSession(), **connection)
    return action(task, link, SimpleNamespace(), None, None, None)


def run(action: type[Any], arguments: dict[str, Any], session: FakeSession | None = None, **options: Any) -> Any:
    """Run the action for the host n1 and return its result."""
    return make(action, arguments, session, **options).run(task_vars={"inventory_hostname": "n1"})

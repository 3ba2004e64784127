# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's real actions, run for a lab's hosts: by sessions without a network, or over the wire.

Where a host is reached by WinRM, its sessions hand each line to the lab's own cmd.exe, as the lab's WinRM server does.
Where it is reached by SMB, the real client's messages are handed to the lab's real server (``rpc_sessions.py``): that
channel is more than command lines. ``wire=True`` takes the real connection plugins over loopback instead.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Session
from ansible_collections.mailops.exchange.tests.lab.driven.rpc_sessions import DirectRpcSession, Killed, servers
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabClock, LabSession

#: Real and simulated seconds have nothing to do with each other here; a session's clock is the estate's.
POLL = 15.0


class DirectSession(LabSession):
    """A session to any machine of the lab; after the kill of the run nothing is sent any more."""

    def __init__(self, lab: Lab, host: str, *, read_only: bool, progress: Any, killed: Callable[[], bool]) -> None:
        super().__init__(_Machines(lab), host, read_only=read_only)
        self._tell = progress
        self.poll_interval = POLL
        self._killed = killed

    def _send(self, call: Any) -> Output:
        if self._killed():
            raise Killed
        try:
            return super()._send(call)
        finally:
            if self._killed():
                raise Killed


class _Machines:
    """The lab's world in which controllers are found as hosts are."""

    def __init__(self, lab: Lab) -> None:
        self._world = lab.world
        self.hosts = lab.world.machines

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


class Link:
    """What an action looks at of a connection."""

    transport = "mailops.exchange.winrm"
    become = None

    def __init__(self, actions: Actions, host: str, variables: dict[str, Any]) -> None:
        self._actions, self._host, self._variables = actions, host, variables
        self._shell = SimpleNamespace(tmpdir=None)

    def open_session(self, read_only: bool, progress: Any = None) -> Session:
        """A session without a network."""
        return DirectSession(
            self._actions.lab, self._host, read_only=read_only, progress=progress, killed=self._actions.was_killed
        )

    def get_option(self, name: str) -> Any:
        """The password of the connection, which must not show."""
        if name == "password":
            return self._variables["ansible_password"]
        raise KeyError(name)


@cache
def _action(name: str) -> type[Any]:
    module = name.removeprefix("mailops.exchange.")
    found = importlib.import_module(f"ansible_collections.mailops.exchange.plugins.action.{module}")
    return found.ActionModule


_LOADER = DataLoader()


class Actions:
    """Runs actions for the hosts of a lab. ``inventory``: variables by host."""

    def __init__(self, lab: Lab, inventory: dict[str, dict[str, Any]], *, wire: bool = False) -> None:
        self.lab = lab
        self.killed = False
        self._inventory, self._wire = inventory, wire
        self._links: dict[str, Any] = {}
        self._server = servers(lab)
        lab.world.kill_controller = self._kill

    def _kill(self, host: Any) -> None:
        self.killed = True

    def was_killed(self) -> bool:
        """Whether a fault has killed the run."""
        return self.killed

    def do(
        self, action: str, host: str, delegated: str | None, arguments: dict[str, Any], check: bool
    ) -> dict[str, Any]:
        """See ``conductor.Doer``."""
        task = SimpleNamespace(
            args=arguments,
            async_val=0,
            check_mode=check,
            diff=False,
            action=action,
            delegate_to=delegated,
            get_search_path=lambda: [],
        )
        link = self._link(delegated or host)
        made = _action(action)(task, link, SimpleNamespace(), _LOADER, None, None)
        try:
            return dict(made.run(task_vars={"inventory_hostname": host}))
        finally:
            if self.killed:
                raise Killed

    def _link(self, host: str) -> Any:
        if host not in self._links:
            variables = self._inventory[host]
            if variables.get("ansible_connection") == "mailops.exchange.winrm" and not self._wire:
                self._links[host] = Link(self, host, variables)
            elif "ansible_connection" in variables:
                self._links[host] = _plugin(variables | {"inventory_hostname": host})
                if not self._wire:
                    self._without_network(self._links[host], host)
            else:
                self._links[host] = SimpleNamespace(transport="local", become=None, _shell=SimpleNamespace(tmpdir=None))
        return self._links[host]

    def _without_network(self, link: Any, host: str) -> None:
        """The connection plugin of rpc makes sessions without a network, with the estate's own clock."""

        def make_session(address: str, trace: Any, **common: Any) -> Session:
            common |= {"clock": LabClock(self.lab.world), "poll_interval": POLL}
            endpoint, server = link._endpoint(address), self._server(host)
            return DirectRpcSession(endpoint, server, self.was_killed, trace=trace, **common)

        link.make_session = make_session


def _plugin(variables: dict[str, Any]) -> Any:
    """The real connection plugin with the options that Ansible would give it."""
    found = connection_loader.get(variables["ansible_connection"], PlayContext())
    found.set_options(var_options=variables)
    return found

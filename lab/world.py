# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated estate as one object, and what a program on a host runs in.

Everything is read and written while `world.clock.lock` is held. Whoever answers a request takes the lock, calls
`begin_call`, runs the command, calls `end_call` and gives the lock back; waiting is done with `world.clock` alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .backups import Backups
from .balancing import Balancing
from .clock import Clock
from .environment import environment, is_system
from .errors import Win32Error
from .faults import Fault, Faults
from .files import ACCESS_DENIED, BAD_NET_NAME, BAD_NETPATH, Share
from .journal import Entry, Journal
from .referee import Referee

if TYPE_CHECKING:
    from .cluster import Cluster
    from .exchange import Directory
    from .host import Host, Process
    from .installer import Packages
    from .person import Person
    from .scratch import Job

LOGON_FAILURE, PASSWORD_EXPIRED, ACCOUNT_LOCKED_OUT = 1326, 1330, 1909
#: Calls of a host that are remembered to see that a client asks the same again and again: of those that are a whole
#: question each, and of those that are parts of one.
_REMEMBERED, _REMEMBERED_PARTS = 3, 16
#: Seconds that a client is taken to wait before it asks the same again, at speed 0.
_POLL = 15.0

Observer = Callable[[str, dict[str, Any]], object]


@dataclass
class Account:
    """A domain account."""

    name: str
    password: str
    local_admin: bool = False
    exchange_admin: bool = False
    locked: bool = False
    expired: bool = False

    @property
    def refusal(self) -> int:
        """The Win32 error with which every log-on ends although the password is right; 0 when there is none."""
        return ACCOUNT_LOCKED_OUT if self.locked else PASSWORD_EXPIRED if self.expired else 0


@dataclass
class Context:
    """What a program runs in. `logon`: network, batch, service or interactive.

    `session` stands for the logon session, which owns the connections to shares; a copy keeps it.
    """

    world: World
    host: Host
    user: str
    logon: str = "network"
    environment: dict[str, str] = field(default_factory=dict)
    cwd: str = "C:\\"
    session: str = ""
    process: Process | None = None
    job: Job | None = None

    @property
    def credentials(self) -> str | None:
        """The account that another server sees; None for a network logon, which has nothing to pass on."""
        return None if self.logon == "network" else self.user

    @property
    def account(self) -> Account | None:
        """The domain account, or None for the system's own."""
        return self.world.accounts.get(self.user.lower())

    @property
    def interactive(self) -> bool:
        """Whether a person sees the windows."""
        return self.logon == "interactive"


def make_context(host: Host, user: str, logon: str = "network", cwd: str | None = None) -> Context:
    """Return a new logon session of `user` on `host` with the usual environment."""
    world = host.world
    variables = environment(host, user)
    world.sessions += 1
    # everything that the system itself runs is one logon session (999) [V, documented]: its connections are for all
    session = "system" if is_system(user) else f"session-{world.sessions}"
    return Context(world, host, user, logon, variables, cwd or variables["USERPROFILE"], session)


@dataclass
class Call:
    """A call that the lab has received. `fault`: None, refuse (before its effect), drop (after it) or kill."""

    entry: Entry
    host: str
    text: str
    number: int
    fault: str | None = None


class World:
    """The simulated estate. Made by `from_estate`; `estate` is the dictionary it was made from."""

    def __init__(self, estate: dict[str, Any], clock: Clock) -> None:
        self.estate = estate
        self.clock = clock
        self.random = random.Random(estate.get("seed", 1))
        self.language: str = estate.get("language", "en")
        self.domain: str = estate.get("domain", "contoso.example")
        self.prefix = self.domain.partition(".")[0].upper()
        self.hosts: dict[str, Host] = {}
        self.clusters: dict[str, Cluster] = {}
        self.controllers: dict[str, dict[str, Any]] = dict(estate.get("controllers") or {"dc1": {}})
        self.controller_hosts: dict[str, Host] = {}
        self.accounts: dict[str, Account] = {}
        self.shares: dict[str, Share] = {}
        self.directory_model: Directory
        self.packages: Packages
        self.backups = Backups(self)
        self.balancing = Balancing(self)
        self.person: Person | None = None
        self.updates: list[dict[str, Any]] = []
        self.generation = 0
        self.sessions = 0
        self.faults = Faults(self)
        self.journal = Journal(self)
        self.observers: list[Observer] = []
        self.referee = Referee(self)
        self.run_program: Callable[[Context, str], int] = no_programs
        self.kill_controller: Callable[[str], object] | None = None
        self._asked: dict[str, list[tuple[str, int]]] = {}

    @classmethod
    def from_estate(
        cls, estate: dict[str, Any], catalogue: dict[str, Any] | None = None, *, start: float | None = None
    ) -> World:
        """Build the world of a completed estate; `catalogue` adds packages to the lab's own table.

        Raises EstateError for what cannot be built. `start`: epoch seconds at which simulated time begins.
        """
        from .build import build_world

        return build_world(estate, catalogue or {}, start)

    @property
    def directory(self) -> list[dict[str, Any]]:
        """The entries of the directory: `{"dn": text, "attributes": {name: [texts]}}`, parents first."""
        return self.directory_model.entries

    @property
    def machines(self) -> dict[str, Host]:
        """All machines by name: the hosts with Exchange and the domain controllers."""
        return {**self.hosts, **self.controller_hosts}

    # -- changes and observers

    def changed(self) -> None:
        """Count a change of the world; wakes whoever waits for one."""
        self.generation += 1
        with self.clock.lock:
            self.clock.lock.notify_all()
        if self.person is not None:
            self.person.look_soon()

    def emit(self, kind: str, **facts: Any) -> None:
        """Tell the observers what happened (kinds: service, node, resource, owner, shutdown, up, down, ...)."""
        for observer in self.observers:
            observer(kind, facts)

    def jitter(self) -> float:
        """A factor around 1 for durations, from the estate's seed."""
        return self.random.uniform(0.85, 1.15)

    def close(self) -> None:
        """End all background programs; nothing happens in the world any more."""
        self.clock.close()

    # -- calls from outside

    def begin_call(self, host: str, channel: str, text: str, costs: float = 1.0, *, part: bool = False) -> Call:
        """A call has been received: journal, faults, and the time it `costs` at speed 0.

        `part`: it is a small question, several of which make one look at something.
        """
        with self.clock.lock:
            self.clock.now()
            asked = self._asked.setdefault(host, [])[-(_REMEMBERED_PARTS if part else _REMEMBERED) :]
            if self.clock.speed == 0:
                if (text, self.generation) in asked:
                    self.clock.jump()  # the client is polling
                elif any(text == earlier for earlier, unused in asked):
                    self.clock.sleep(_POLL)  # ... and others are at work meanwhile
                else:
                    self.clock.sleep(costs)
            entry = self.journal.begin(host, channel, text)
            call = Call(entry, host, text, self.journal.count(host))
            for do in self.faults.on_call(host, call.number, len(self.journal.entries)):
                if do == "kill":
                    call.fault = "kill"
                    if self.kill_controller:
                        self.kill_controller(host)
                elif call.fault is None:
                    call.fault = do
            return call

    def end_call(self, call: Call, exit_code: int | None, changes: bool) -> None:
        """A call is answered (exit code None: it got none, because it was refused or broke off)."""
        with self.clock.lock:
            asked = self._asked.setdefault(call.host, [])
            asked.append((call.text, self.generation))
            del asked[:-_REMEMBERED_PARTS]
            self.journal.end(call.entry, exit_code, changes)
            self.emit("call", host=call.host, exit_code=exit_code, changes=changes)

    def tell_job(self, host: str, channel: str, text: str, exit_code: int | None, changes: bool) -> None:
        """Note what a client's job on a host has run; that is no call, and no fault counts it."""
        self.journal.end(self.journal.begin(host, channel, text, counted=False), exit_code, changes)
        self.emit("call", host=host, exit_code=exit_code, changes=changes)

    # -- accounts and shares

    def logon(self, user: str, password: str) -> Account:
        """Return the account of `DOMAIN\\user`, `user@domain` or `user`; raises Win32Error 1326, 1330 or 1909."""
        account = self.accounts.get(self.account_key(user))
        if account is None or account.password != password:
            raise Win32Error(LOGON_FAILURE, user)
        if account.refusal:
            raise Win32Error(account.refusal, user)
        return account

    def account_key(self, user: str) -> str:
        """Return the key of an account in `accounts`, in whatever form its name is written."""
        name, at, domain = user.partition("@")
        if at and domain.lower() in (self.domain.lower(), self.prefix.lower()):
            user = f"{self.prefix}\\{name}"
        elif "\\" not in user:
            user = f"{self.prefix}\\{user}"
        return user.lower()

    def check_share(self, root: str, account: str | None, writing: bool = False) -> Share:
        """Return the share at `\\\\server\\share` that `account` may use; raises Win32Error 5, 53 or 67."""
        words = root.split("\\")
        server, name = words[2].lower().partition(".")[0], words[3].lower() if len(words) > 3 else ""
        share = self.shares.get(f"\\\\{server}\\{name}")
        host = next((h for h in self.machines.values() if h.computer_name.lower() == server), None)
        if host is not None and not host.up:
            raise Win32Error(BAD_NETPATH, root)
        if share is None and host is not None and name[1:] == "$" and f"{name[0].upper()}:" in host.files.volumes:
            share = Share(host.computer_name, name, host.files.volumes[f"{name[0].upper()}:"], writable=True)
            share.readers = {name.upper() for name in host.administrators}
        if share is None:
            known = host is not None or server in (c.lower() for c in self.controllers)
            raise Win32Error(BAD_NET_NAME if known else BAD_NETPATH, root)
        if account is None or account.upper() not in share.readers or (writing and not share.writable):
            raise Win32Error(ACCESS_DENIED, root)
        return share

    def open_share(self, root: str, context: Context | None, writing: bool) -> Share:
        """Return the share for a program's file access, by its connection or else its own credentials."""
        if context is None:
            return self.check_share(root, None, writing)
        account = context.host.connected_as(context, root)
        if account is None:
            server = root.split("\\")[2].lower()
            own = server == context.host.computer_name.lower()
            account = context.user if own else context.credentials
        return self.check_share(root, account, writing)


def no_programs(context: Context, command: str) -> int:
    """Stand in until the console's programs are installed: the command is not found."""
    context.world.journal.problem(f"{context.host.name}: no programs are installed to run {command}")
    return 9009


__all__ = ["Account", "Call", "Context", "Fault", "World", "make_context"]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running lab: the world of an estate with its servers on a loopback network."""

from __future__ import annotations

import ssl
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .balancing import HARDWARE
from .host import Host
from .programs import install
from .tables import table
from .wire.balancer import BalancerServer
from .wire.connections import HTTPS_PORT, LDAP_PORT, LDAPS_PORT, SMB_PORT, WINRM_PORT, Loopback
from .wire.ldap import LdapServer
from .wire.ntlm import Accounts
from .wire.smb_server import SmbServer
from .wire.tls import Authority
from .wire.winrm import WinrmServer
from .world import World

# The last part of the address: domain controllers from 1, hosts from 21 (the schema allows 20 and 200 of them).
FIRST_CONTROLLER, FIRST_HOST = 1, 21


class Lab:
    """An estate that listens. Use it as a context manager, or `start` and `stop` it.

    `estate`: as `load_estate` gives it; `faults`: as `load_faults` gives them; `journal`: a file that gets each line of
    the journal as its call is answered.
    """

    def __init__(
        self, estate: dict[str, Any], faults: list[dict[str, Any]] | None = None, *, journal: Path | None = None
    ) -> None:
        self.estate = estate
        self.world = World.from_estate(estate)
        self.world.faults.load(faults or [])
        install(self.world)
        if journal is not None:
            self.world.journal.attach(journal)
        self.trouble: list[str] = []
        #: Address of the stand-in for a hardware balancer; empty where the estate has none.
        self.balancer = ""
        passwords = {account.name: account.password for account in self.world.accounts.values()}
        barred = {account.name: account.refusal for account in self.world.accounts.values() if account.refusal}
        self.accounts = Accounts(passwords, self.world.domain, barred)
        self.authority = Authority(self.world.prefix)
        self._loopback = Loopback()
        self._offset = 0
        self._stopped = False

    def __enter__(self) -> Lab:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *details: object) -> None:
        """Stop it."""
        self.stop()

    # -- addresses

    @property
    def controller(self) -> str:
        """The domain controller that serves the directory."""
        return next(iter(self.world.controllers))

    @property
    def controller_address(self) -> str:
        """Its address."""
        return f"{self._loopback.prefix}.{FIRST_CONTROLLER}"

    @property
    def ldap_port(self) -> int:
        """Port of LDAP (with StartTLS)."""
        return LDAP_PORT + self._offset

    @property
    def ldaps_port(self) -> int:
        """Port of LDAP over TLS."""
        return LDAPS_PORT + self._offset

    @property
    def https_port(self) -> int:
        """Port of WinRM over TLS on every host."""
        return HTTPS_PORT + self._offset

    @property
    def smb_port(self) -> int:
        """Port of SMB on every machine, whatever its channel is."""
        return SMB_PORT + self._offset

    def password(self, user: str) -> str:
        """The password of an account, given by its name without the domain."""
        return self.world.accounts[self.world.account_key(user)].password

    # -- life

    def start(self) -> None:
        """Listen on every address; raises OSError when no loopback network is free."""
        try:
            self._listen()
        except BaseException:
            self.stop()
            raise

    def _listen(self) -> None:
        self._offset = self._loopback.claim([LDAP_PORT, LDAPS_PORT, WINRM_PORT, HTTPS_PORT, SMB_PORT])
        context = self._tls(self.controller_address, [self.controller])
        directory = LdapServer(self.world, self.controller, self.accounts, context, self._note)
        if self.world.controllers[self.controller].get("ldap", True):
            self._loopback.listen(FIRST_CONTROLLER, self.ldap_port, directory.serve)
            self._loopback.listen(FIRST_CONTROLLER, self.ldaps_port, directory.serve_tls)
        else:
            self._loopback.release([self.ldap_port, self.ldaps_port])
        if any(balanced.balancer == HARDWARE for balanced in self.world.balancing.sets.values()):
            balancer = table("balancing")["balancer"]
            server = BalancerServer(self.world, self._note)
            address = self._loopback.listen(balancer["number"], balancer["port"] + self._offset, server.serve)
            self.balancer = f"http://{address}:{balancer['port'] + self._offset}"
        machines = list(enumerate(self.world.hosts.values(), FIRST_HOST))
        for number, name in enumerate(self.world.controllers, FIRST_CONTROLLER):
            if name not in self.world.hosts:
                machines.append((number, self.world.controller_hosts[name]))
        for number, host in machines:
            host.address = f"{self._loopback.prefix}.{number}"
            host.port = self.smb_port if host.channel == "rpc" else WINRM_PORT + self._offset
            if host.channel == "winrm":
                self._serve(host, number)
            self._loopback.listen(number, self.smb_port, SmbServer(self.world, host, self.accounts, self._note).serve)
        self._loopback.start()

    def stop(self) -> None:
        """Stop listening and end everything that runs; a second call does nothing."""
        if self._stopped:
            return
        self._stopped = True
        with self.world.clock.lock:
            self.world.close()
            self.world.clock.lock.notify_all()
        self._loopback.close()
        self.world.journal.detach()
        self.accounts.close()

    def _serve(self, host: Host, number: int) -> None:
        server = WinrmServer(self.world, host, self.accounts, self._note)
        context = self._tls(host.address, [host.name])
        self._loopback.listen(number, host.port, server.serve_http)
        self._loopback.listen(number, self.https_port, lambda connection: server.serve_https(connection, context))

    def _tls(self, address: str, names: list[str]) -> Callable[[], ssl.SSLContext]:
        full = [f"{name}.{self.world.domain}" for name in names]
        return lambda: self.authority.server_context(address, [*full, *names])

    def _note(self) -> None:
        """A mistake of the lab's own: shown at once, and kept for the end of the rehearsal."""
        text = traceback.format_exc()
        self.trouble.append(text)
        print(text, file=sys.stderr)

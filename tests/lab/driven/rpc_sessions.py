# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions by SMB and remote procedure calls without a network.

All of the client and all of the lab's server is real: each message is made, signed and read as on the wire; only it is
handed over instead of sent, so that no thread has to wait for another. A big file's hash is asked of the lab, which
has no content for it either, and registry and services are read out of the lab's model, with the same calls in the
journal: 170 MB that are read back, and a message for each value, would be nineteen twentieths of the work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeVar

from ansible_collections.mailops.exchange.lab.errors import Win32Error
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.lab.wire import rpc_svcctl, rpc_winreg
from ansible_collections.mailops.exchange.lab.wire.connections import Reset
from ansible_collections.mailops.exchange.lab.wire.rpc_pipes import interfaces_of
from ansible_collections.mailops.exchange.lab.wire.smb_connection import Connection
from ansible_collections.mailops.exchange.lab.wire.smb_packet import Malformed, parse
from ansible_collections.mailops.exchange.lab.wire.smb_server import SmbServer
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import rpc_library, rpc_services
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import RegistryValues, Service
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import Endpoint, RpcSession
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_link import Link
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_pipes import SVCCTL
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_registry import Reader, value_of
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc_smb import Broken, Wire

T = TypeVar("T")


class Killed(BaseException):
    """The run has been killed: nothing of it goes on."""


class _Messages:
    """What impacket's session of NetBIOS is for the client: takes a message, and has the answers to it."""

    def __init__(self, server: SmbServer, killed: Callable[[], bool]) -> None:
        if killed():
            raise Killed
        try:
            server._attempt()
        except Reset:
            raise ConnectionResetError("the host does not answer") from None
        self._served: Connection | None = Connection(server, None)  # type: ignore[arg-type]  # nothing is received
        self.server, self._killed = server, killed
        self._answers: deque[bytes] = deque()

    def get_socket(self) -> Any:
        """There is none."""
        raise OSError("no socket")

    def send_packet(self, raw: bytes) -> None:
        """Hand a message over."""
        self.handle(lambda served: self._answers.extend(served._handle(parse(raw))))

    def handle(self, action: Callable[[Connection], T]) -> T:
        """Let the server do something, as long as it and the connection are there."""
        served = self._served
        if self._killed():
            self.close()
            raise Killed
        if served is None:
            raise ConnectionResetError("the connection is closed")
        try:
            served._still_there()
            done = action(served)
            served._still_there()
            return done
        except (Reset, Malformed):
            self.close()
            raise ConnectionResetError("connection reset by the host") from None
        finally:
            if self._killed():
                self.close()
                raise Killed

    def recv_packet(self, timeout: float) -> Any:
        """The next answer."""
        if not self._answers:
            raise rpc_library.nmb.NetBIOSTimeout
        answer = self._answers.popleft()
        return SimpleNamespace(get_trailer=lambda: answer)

    def close(self) -> None:
        """Hang up."""
        served, self._served = self._served, None
        if served is not None:
            with self.server.world.clock.lock:
                served.drop_files(lambda opened: True)


class _DirectWire(Wire):
    """A connection whose messages are handed over."""

    def __init__(self, endpoint: Endpoint, host: str, messages: Callable[[], _Messages]) -> None:
        self._messages = messages
        super().__init__(endpoint, host)

    def _connect(self, port: int) -> Any:
        return self._messages()


class _DirectReader(Reader):
    """Reads the registry out of the model. What is written, and the performance data, go by messages."""

    def values(self, key: str) -> RegistryValues | None:
        """The values of a key."""
        return self._direct(key, _values, super().values)

    def subkeys(self, key: str) -> list[str] | None:
        """The names of the keys directly below."""
        return self._direct(key, _keys, super().subkeys)

    def tree(self, key: str) -> dict[str, RegistryValues] | None:
        """A key with everything below it."""
        return self._direct(key, _tree, super().tree)

    def _direct(
        self, key: str, take: Callable[[SmbServer, str], T], by_messages: Callable[[str], T | None]
    ) -> T | None:
        root, rest = key.split("\\", 1) if "\\" in key else (key, "")
        messages = self._pipes.wire._session
        if root not in _ROOTS or messages is None or not interfaces_of(messages.server.host, "winreg"):
            return by_messages(key)
        if not self._roots:
            with self._opened(root):
                pass  # whoever may not read it is refused
        path = f"{_ROOTS[root]}\\{rest}"

        def read(served: Connection) -> T | None:
            with served.world.clock.lock:
                served.world.clock.now()
                if not served.host.registry.exists(path):
                    _told(served.server, path)
                    return None
                return take(served.server, path)

        try:
            return messages.handle(read)
        except OSError as error:
            self._pipes.wire.hang_up()
            raise Broken(str(error)) from None


_ROOTS = {"HKLM": "HKEY_LOCAL_MACHINE"}


def _told(server: SmbServer, path: str) -> None:
    """A key that is read is a call of the journal, at which faults strike."""
    with server.call(f"winreg read {path}", changes=False):
        pass


def _values(server: SmbServer, path: str) -> RegistryValues:
    _told(server, path)
    return _found(server, path)


def _found(server: SmbServer, path: str) -> RegistryValues:
    found = server.host.registry.values(path).items()
    return {name: value_of(rpc_winreg.TYPES[kind], rpc_winreg.encode(kind, data)) for name, (kind, data) in found}


def _keys(server: SmbServer, path: str) -> list[str]:
    _told(server, path)
    return server.host.registry.keys(path)


def _tree(server: SmbServer, path: str) -> dict[str, RegistryValues]:
    registry = server.host.registry
    found: dict[str, RegistryValues] = {}

    def walk(key: str, relative: str) -> None:
        with suppress(Win32Error):
            found[relative] = _found(server, key)
            for name in registry.keys(key):
                walk(f"{key}\\{name}", f"{relative}\\{name}".lstrip("\\"))

    with registry.standing_still():
        walk(path, "")
    for relative in found:
        _told(server, f"{path}\\{relative}".rstrip("\\"))
    return found


def _services(link: Link, names: Sequence[str]) -> dict[str, Service]:
    messages = link.wire._session
    if messages is None or not interfaces_of(messages.server.host, "svcctl"):
        return rpc_services.read(link.pipes, names)
    link.pipes.bound(SVCCTL)

    def read(served: Connection) -> dict[str, Service]:
        found: dict[str, Service] = {}
        with served.world.clock.lock:
            served.world.clock.now()
            for name in names:
                with suppress(Win32Error):
                    service = served.host.service_manager.find(name)
                    with served.server.call(f"svcctl QueryServiceStatus {service.name}", changes=False, part=True):
                        state = rpc_services._STATES[rpc_svcctl.STATES[service.state]]
                    for unused in range(2):  # how long it is, and then the settings
                        with served.server.call(f"svcctl QueryServiceConfig {service.name}", changes=False):
                            kind = rpc_services.START_TYPES.get(rpc_svcctl.START_TYPES[service.start_type])
                    found[name] = Service(name, state, kind)
        return found

    try:
        return messages.handle(read)
    except OSError as error:
        link.wire.hang_up()
        raise Broken(str(error)) from None


class DirectRpcSession(RpcSession):
    """A session to a machine of the lab; after the kill of the run nothing is sent any more."""

    def __init__(self, endpoint: Endpoint, server: SmbServer, killed: Callable[[], bool], **common: Any) -> None:
        super().__init__(endpoint, **common)
        self._server, self._killed = server, killed

    def new_link(self) -> Link:
        """A connection without a network."""
        link = Link(
            self.endpoint,
            self.host,
            lambda endpoint, host: _DirectWire(endpoint, host, lambda: _Messages(self._server, self._killed)),
        )
        link.registry = _DirectReader(link.pipes)
        return link

    def real_time(self) -> float:  # type: ignore[override]  # here it is the estate's, too
        """Simulated seconds: nothing else passes here."""
        return self.clock.now()

    def services(self, names: Sequence[str]) -> dict[str, Service]:
        """State and start type out of the lab's model, with the same calls in the journal."""
        return self.attempt(lambda link: _services(link, names))

    def file_hash(self, path: str, algorithm: str = "sha256") -> str | None:
        """Of a file that has no content in the lab the hash that its content would have; the host sees it read."""
        with self._server.world.clock.lock:
            found = self._server.host.files.find(path)
        if found is None or found.is_dir or found.content is not None or algorithm != "sha256":
            return super().file_hash(path, algorithm)

        def look(link: Link) -> None:
            with link.files.opened(path) as handle:
                link.files.read(handle, 0, 1)

        self.attempt(look)
        return found.sha256


def servers(lab: Lab) -> Callable[[str], SmbServer]:
    """What gives the SMB server of a machine by its name, each made once."""
    made: dict[str, SmbServer] = {}

    def server(name: str) -> SmbServer:
        if name not in made:
            made[name] = SmbServer(lab.world, lab.world.machines[name], lab.accounts, lab._note)
        return made[name]

    return server

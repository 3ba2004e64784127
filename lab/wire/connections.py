# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets of the lab: a loopback network of its own, one thread for accepting, one for each connection."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
from collections.abc import Callable

Serve = Callable[[socket.socket], None]

# Ports below 1024 need a privilege; these are below the range of the system's own outgoing connections.
WINRM_PORT = 5985
HTTPS_PORT = 5986
LDAP_PORT = 3389
LDAPS_PORT = 3636
SMB_PORT = 4450


class Reset(Exception):
    """The connection is to be broken off with a reset, as a host that has just died does."""


class Loopback:
    """Listening sockets in a free network 127.a.b.0/24, and the threads that serve them."""

    def __init__(self) -> None:
        self.prefix = ""
        self._selector = selectors.DefaultSelector()
        self._listeners: list[socket.socket] = []
        self._claimed: dict[int, socket.socket] = {}
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._accept, name="lab-accept", daemon=True)
        self._closing = False

    def claim(self, ports: list[int]) -> int:
        """Choose a free network; returns what to add to every port number (0 unless the ports are in use everywhere).

        The listening sockets on the first address are the claim: two labs that choose the same network at the same
        moment cannot both have it. Raises OSError when nothing is free.
        """
        choice = random.SystemRandom()
        last: OSError | None = None
        for attempt in range(200):
            offset = 100 * (attempt // 10)
            prefix = f"127.{choice.randrange(1, 255)}.{choice.randrange(1, 255)}"
            held: dict[int, socket.socket] = {}
            try:
                for port in ports:
                    held[port + offset] = self._bind(f"{prefix}.1", port + offset)
            except OSError as error:
                last = error
                for listener in held.values():
                    listener.close()
                continue
            self.prefix, self._claimed = prefix, held
            return offset
        raise OSError(f"no free loopback network: {last}")

    @staticmethod
    def _bind(address: str, port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # a connection of an earlier lab that still times out must not keep the address
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((address, port))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        return listener

    def listen(self, number: int, port: int, serve: Serve) -> str:
        """Serve a port of the network's address of that number (1 to 254); returns the address."""
        address = f"{self.prefix}.{number}"
        listener = self._claimed.pop(port, None) if number == 1 else None
        if listener is None:
            listener = self._bind(address, port)
        listener.setblocking(False)
        self._listeners.append(listener)
        self._selector.register(listener, selectors.EVENT_READ, serve)
        return address

    def release(self, ports: list[int]) -> None:
        """Give up ports of the first address that were claimed: whoever connects to them is refused."""
        for port in ports:
            self._claimed.pop(port).close()

    def start(self) -> None:
        """Accept connections from now on."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening, break every connection and wait for the threads."""
        self._closing = True
        self._wake.send(b"x")
        if self._thread.ident is not None:
            self._thread.join(5)
        for listener in [*self._listeners, *self._claimed.values()]:
            listener.close()
        with self._guard:
            left = list(self._connections)
            for handle in self._connections.values():
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)
        for thread in left:
            thread.join(5)
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _accept(self) -> None:
        while not self._closing:
            for key, unused_events in self._selector.select():
                if key.data is None:
                    return
                assert isinstance(key.fileobj, socket.socket)
                try:
                    connection = key.fileobj.accept()[0]
                except OSError:
                    continue
                connection.setblocking(True)
                # answers are sent in one piece: they must not wait for the acknowledgement of the one before
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                arguments = (connection, key.data)
                threading.Thread(target=self._serve, args=arguments, name="lab-connection", daemon=True).start()

    def _serve(self, connection: socket.socket, serve: Serve) -> None:
        # TLS takes the first handle over: `handle` is our own of the same connection
        handle = connection.dup()
        with self._guard:
            self._connections[threading.current_thread()] = handle
        try:
            if not self._closing:
                serve(connection)
        except Reset:
            with contextlib.suppress(OSError):
                handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            return  # the client has gone
        finally:
            connection.close()
            with self._guard:
                self._connections.pop(threading.current_thread(), None)
                handle.close()

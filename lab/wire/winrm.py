# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WinRM's HTTP side: log-on of a connection, message encryption, and what is refused before any operation."""

from __future__ import annotations

import base64
import binascii
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import spnego

from . import soap
from .connections import Reset
from .http import BadRequest, Reader, Request, Response
from .ntlm import ENCRYPTED_TYPE, Accounts, SpnegoError, decrypt, encrypt
from .tls import principal_of
from .winrm_operations import Operations

if TYPE_CHECKING:
    from ..host import Host
    from ..world import World

MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
SOAP_TYPE = "application/soap+xml;charset=UTF-8"
#: Seconds that a connection attempt to a host that is down costs where nobody waits in real time.
DOWN_COSTS = 10.0
HANDSHAKE = 10.0


class WinrmServer:
    """The WinRM service of one host."""

    def __init__(self, world: World, host: Host, accounts: Accounts, trouble: Callable[[], None]) -> None:
        self.world = world
        self.host = host
        self.accounts = accounts
        self.operations = Operations(world, host)
        self.trouble = trouble

    def serve_http(self, connection: socket.socket) -> None:
        """Serve one connection without TLS."""
        self._attempt()
        _Connection(self, connection, secure=False, certificate=None).serve()

    def serve_https(self, connection: socket.socket, context: Callable[[], ssl.SSLContext]) -> None:
        """Serve one connection with TLS."""
        self._attempt()
        connection.settimeout(HANDSHAKE)
        try:
            secured = context().wrap_socket(connection, server_side=True)
        except (ssl.SSLError, TimeoutError):
            return
        with secured:
            secured.settimeout(None)
            _Connection(self, secured, secure=True, certificate=principal_of(secured)).serve()

    def _attempt(self) -> None:
        """A connection attempt: a host that is down answers nobody."""
        clock = self.world.clock
        with clock.lock:
            clock.now()
            if self.available:
                return
            if not clock.speed:
                clock.sleep(DOWN_COSTS)
        raise Reset

    @property
    def available(self) -> bool:
        """Whether the host is up and its WinRM service runs."""
        return self.host.up and ("WinRM" not in self.host.services or self.host.service_running("WinRM"))

    def boot(self) -> float | None:
        """What tells one run of the host from the next; None while nobody answers there."""
        with self.world.clock.lock:
            self.world.clock.now()
            return self.host.boot_time if self.available else None

    def date(self) -> datetime:
        """The estate's time, for the Date header.

        A host whose clock is wrong would send its own; but time passes faster here than for the client, and this
        header is the one place from which it can learn what time it is in the estate.
        """
        return datetime.fromtimestamp(self.world.clock.now(), UTC)


class _Connection:
    """One connection: NTLM logs a connection on, not a request."""

    def __init__(
        self, server: WinrmServer, connection: socket.socket, *, secure: bool, certificate: str | None
    ) -> None:
        self.server = server
        self.connection = connection
        self.secure = secure
        self.certificate = certificate
        self.boot = server.boot()
        self.context: spnego.ContextProxy | None = None
        self.user: str | None = None

    def serve(self) -> None:
        reader = Reader(self.connection)
        while True:
            request: Request | None = None
            try:
                request = reader.read()
                if request is None:
                    return
                response = self._handle(request)
            except BadRequest as error:
                response = Response(error.status, close=True)
            if request and (request.version == "HTTP/1.0" or request.headers.get("connection", "").lower() == "close"):
                response.close = True
            date = self.server.date()
            self._still_there()
            self.connection.sendall(response.pack(date))
            if response.close:
                return

    def _handle(self, request: Request) -> Response:
        """Answer a request. A mistake of the lab's own must not stay unseen, and the client must not hang."""
        self._still_there()
        try:
            return self._answer(request)
        except (BadRequest, Reset):
            raise
        except Exception:
            self.server.trouble()
            return Response(500, close=True)

    def _still_there(self) -> None:
        """A connection does not survive the end of its host."""
        if self.boot is None or self.server.boot() != self.boot:
            raise Reset

    def _answer(self, request: Request) -> Response:
        if request.target.partition("?")[0].rstrip("/").lower() != "/wsman":
            return Response(404)
        if request.method != "POST":
            return Response(405, [("Allow", "POST")])
        if request.headers.get("wsmanidentify", "").lower() == "unauthenticated":
            return self._operate(request, None)
        authorization = request.headers.get("authorization", "")
        headers: list[tuple[str, str]] = []
        if authorization:
            refused, headers = self._log_on(authorization)
            if refused:
                return refused
        if self.user is None:
            return self._challenge()
        if not request.body:
            return Response(200, headers)
        response = self._operate(request, self.user)
        response.headers += headers
        return response

    def _challenge(self, token: str = "") -> Response:
        """401 with what may be used; with a token where a log-on goes on."""
        if token:
            return Response(401, [("WWW-Authenticate", token)])
        offered = ["Negotiate", "NTLM", *(['Basic realm="WSMAN"'] if self.secure else [])]
        return Response(401, [("WWW-Authenticate", scheme) for scheme in offered])

    def _log_on(self, authorization: str) -> tuple[Response | None, list[tuple[str, str]]]:
        """Take a log-on a step further: (an answer that ends this request or None, headers for the answer)."""
        if authorization == MUTUAL:
            self.user = self.server.accounts.canonical(self.certificate) if self.secure else None
            return (None if self.user else self._challenge()), []
        scheme = authorization.partition(" ")[0]
        try:
            token = base64.b64decode(authorization[len(scheme) :].strip(), validate=True)
        except (binascii.Error, ValueError):
            return Response(400), []
        if scheme.lower() == "basic" and self.secure:
            name = token.decode("utf-8", "replace").partition(":")[0]
            self.user = self.server.accounts.check(name, token.decode("utf-8", "replace")[len(name) + 1 :])
            return (None if self.user else self._challenge()), []
        if scheme.lower() not in ("negotiate", "ntlm"):
            return self._challenge(), []
        if self.context is None or self.context.complete:
            self.context, self.user = self.server.accounts.context(), None
        try:
            answer = self.server.accounts.step(self.context, token)
        except SpnegoError:
            self.context = None
            return self._challenge(), []
        back = f"{scheme} {base64.b64encode(answer).decode()}" if answer else ""
        if not self.context.complete:
            return self._challenge(back), []
        self.user = self.server.accounts.canonical(self.context.client_principal)
        if self.user is None:
            return self._challenge(), []
        return None, ([("WWW-Authenticate", back)] if back else [])

    def _operate(self, request: Request, user: str | None) -> Response:
        """Read the message, run the operation, write the answer, encrypted where the request was."""
        kind = request.headers.get("content-type", "")
        sealed = kind.lower().startswith("multipart/encrypted")
        content = request.body
        if sealed:
            if self.context is None:
                return Response(400)
            try:
                content = decrypt(self.context, content)
            except ValueError:
                return Response(400)
        elif user and not self.secure:
            # AllowUnencrypted=false: Windows answers with an empty 500 [R]
            return Response(500)
        status, answer = self._run(content, user)
        if sealed and self.context is not None:
            return Response(status, [("Content-Type", ENCRYPTED_TYPE)], encrypt(self.context, answer))
        return Response(status, [("Content-Type", SOAP_TYPE)], answer)

    def _run(self, content: bytes, user: str | None) -> tuple[int, bytes]:
        try:
            message = soap.parse(content)
        except ValueError as error:
            raise BadRequest from error
        if message.identify:
            return 200, soap.identity("OS: 5.2.3790 SP: 2.0 Stack: 2.0" if user else "OS: 0.0.0 SP: 0.0 Stack: 2.0")
        if user is None:
            raise BadRequest(401)
        try:
            return 200, self.server.operations.run(message, user)
        except soap.Fault as problem:
            return 500, soap.fault(message, problem, self.server.host.computer_name)

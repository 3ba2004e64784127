# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP as a domain controller speaks it: simple bind (under TLS only), searches with paging, StartTLS."""

from __future__ import annotations

import dataclasses
import secrets
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import sansldap
from sansldap import LDAPResultCode as Code
from sansldap import SearchScope

from ..directory import DirectoryView, Found, NoSuchObject
from .connections import Reset

if TYPE_CHECKING:
    from ..world import World
    from .ntlm import Accounts

START_TLS = "1.3.6.1.4.1.1466.20037"
#: MaxPageSize of the default query policy [V, MS-ADTS]: the most that one answer holds without paging.
MAX_PAGE = 1000
HANDSHAKE = 10.0
KNOWN_CONTROLS = {
    "1.2.840.113556.1.4.319",  # paged results
    "1.2.840.113556.1.4.417",  # show deleted
    "1.2.840.113556.1.4.2065",  # show deactivated links
    "1.2.840.113556.1.4.801",  # security descriptor flags
    "1.2.840.113556.1.4.1339",  # domain scope
    "2.16.840.1.113730.3.4.2",  # ManageDsaIT
}

# The texts of Active Directory [V, widely quoted]; the codes in them are Win32's.
NEEDS_BIND = (
    "000004DC: LdapErr: DSID-0C0906DC, comment: In order to perform this operation a successful bind must be"
    " completed on the connection., data 0, vece"
)
NEEDS_TLS = (
    "00002028: LdapErr: DSID-0C0901FC, comment: The server requires binds to turn on integrity checking if SSL\\TLS"
    " are not already active on the connection, data 0, vece"
)
BAD_PASSWORD = "80090308: LdapErr: DSID-0C090334, comment: AcceptSecurityContext error, data 52e, vece"


class LdapServer:
    """The directory service of a domain controller."""

    def __init__(
        self,
        world: World,
        controller: str,
        accounts: Accounts,
        context: Callable[[], ssl.SSLContext],
        trouble: Callable[[], None],
    ) -> None:
        self.world = world
        self.controller = controller
        self.accounts = accounts
        self.context = context
        self.trouble = trouble
        self.view = DirectoryView(world, controller)

    def serve(self, connection: socket.socket) -> None:
        """Serve a connection that begins without TLS."""
        _Connection(self, connection, secure=False).serve()

    def serve_tls(self, connection: socket.socket) -> None:
        """Serve a connection that begins with TLS."""
        secured = self.handshake(connection)
        if secured is not None:
            with secured:
                _Connection(self, secured, secure=True).serve()

    def handshake(self, connection: socket.socket) -> ssl.SSLSocket | None:
        """Begin TLS; None when the client does not want it any more."""
        connection.settimeout(HANDSHAKE)
        try:
            secured = self.context().wrap_socket(connection, server_side=True)
        except (ssl.SSLError, TimeoutError):
            return None
        secured.settimeout(None)
        return secured


class _Session(sansldap.LDAPServer):
    """The protocol's state. An empty list of referrals is left out: it is malformed, and ldap3 stumbles over it."""

    def _send(self, msg: sansldap.LDAPMessage) -> int:
        if isinstance(msg, sansldap.BindResponse | sansldap.SearchResultDone | sansldap.ExtendedResponse):
            msg = dataclasses.replace(msg, result=dataclasses.replace(msg.result, referrals=None))
        return super()._send(msg)


class _Connection:
    """One connection and who is bound on it."""

    def __init__(self, server: LdapServer, connection: socket.socket, *, secure: bool) -> None:
        self.server = server
        self.connection = connection
        self.secure = secure
        self.user: str | None = None
        self.session = _Session()
        self._pages: dict[bytes, list[Found]] = {}

    def serve(self) -> None:
        try:
            while data := self.connection.recv(65536):
                try:
                    messages = self.session.receive(data)
                except sansldap.ProtocolError as error:
                    if error.response:
                        self.connection.sendall(error.response)
                    return
                for message in messages:
                    self._answer(message)
        except (Reset, OSError):
            raise
        except Exception:
            # a mistake of the lab's own: it must not stay unseen
            self.server.trouble()
        finally:
            self.connection.close()

    def _send(self) -> None:
        self.connection.sendall(self.session.data_to_send())

    def _answer(self, message: sansldap.LDAPMessage) -> None:
        unknown = [c.control_type for c in message.controls if c.critical and c.control_type not in KNOWN_CONTROLS]
        match message:
            case sansldap.BindRequest():
                self._call(f"bind {message.name or 'anonymously'}", lambda: self._bind(message))
            case sansldap.SearchRequest() if unknown:
                self._done(message, Code.UNAVAILABLE_CRITICAL_EXTENSION, f"control {unknown[0]}")
                self._send()
            case sansldap.SearchRequest():
                scope = SearchScope(message.scope).name.lower().replace("_level", "")
                text = f"search {scope} {message.base_object or '(root)'} {message.filter}{self._page(message)}"
                self._call(text, lambda: self._search(message))
            case sansldap.ExtendedRequest() if message.name == START_TLS:
                self._start_tls(message.message_id)
            case sansldap.ExtendedRequest():
                text = "0000203D: LdapErr: DSID-0C090A7D, comment: Unknown extended request OID, data 0, vece"
                code = Code.PROTOCOL_ERROR
                self.session.extended_response(message.message_id, result_code=code, diagnostics_message=text)
                self._send()

    def _page(self, request: sansldap.SearchRequest) -> str:
        """Going on with an answer in pages is no repeated question: its call looks different."""
        for control in request.controls:
            if isinstance(control, sansldap.PagedResultControl) and control.cookie:
                return f" ({len(self._pages.get(control.cookie, []))} left)"
        return ""

    def _call(self, text: str, work: Callable[[], Code]) -> None:
        """Do a piece of work as a call of the journal, with its faults; its answer is sent when the lock is free."""
        world = self.server.world
        with world.clock.lock:
            call = world.begin_call(self.server.controller, "ldap", text)
            if call.fault == "refuse":
                world.end_call(call, None, False)
                raise Reset
            world.end_call(call, int(work()), False)
        if call.fault == "drop":
            raise Reset
        self._send()

    def _bind(self, request: sansldap.BindRequest) -> Code:
        code, text = self._log_on(request)
        self.session.bind_response(request.message_id, result_code=code, diagnostics_message=text)
        return code

    def _log_on(self, request: sansldap.BindRequest) -> tuple[Code, str]:
        self.user = None
        credential = request.authentication
        if not isinstance(credential, sansldap.SimpleCredential):
            return Code.AUTH_METHOD_NOT_SUPPORTED, "only simple binds are served here"
        if not request.name or not credential.password:
            return Code.SUCCESS, ""
        if not self.secure:
            return Code.STRONG_AUTH_REQUIRED, NEEDS_TLS
        name = request.name
        if "=" in name:
            name = name.partition(",")[0].partition("=")[2] + f"@{self.server.world.domain}"
        self.user = self.server.accounts.check(name, credential.password)
        if self.user:
            return Code.SUCCESS, ""
        # the code in the text is Win32's: 52e wrong password, 532 expired, 775 locked out [V, widely quoted]
        barred = self.server.accounts.barred(name, credential.password)
        return Code.INVALID_CREDENTIALS, BAD_PASSWORD.replace("52e", f"{barred:x}") if barred else BAD_PASSWORD

    def _search(self, request: sansldap.SearchRequest) -> Code:
        scope = SearchScope(request.scope)
        if self.user is None and (request.base_object.strip() or scope is not SearchScope.BASE):
            return self._done(request, Code.OPERATIONS_ERROR, NEEDS_BIND)
        paged = next((c for c in request.controls if isinstance(c, sansldap.PagedResultControl)), None)
        if paged and paged.cookie:
            found = self._pages.pop(paged.cookie, None)
            if found is None:
                return self._done(request, Code.UNWILLING_TO_PERFORM, "the cookie is not known on this connection")
        else:
            try:
                found = self.server.view.search(request.base_object, scope, request.filter, request.attributes)
            except NoSuchObject as error:
                return self._done(request, Code.NO_SUCH_OBJECT, "0000208D: NameErr: DSID-031001CD", error.matched)
        limit = min(request.size_limit or MAX_PAGE, MAX_PAGE)
        room = min(limit, paged.size) if paged else limit
        now, later = found[:room], found[room:]
        for entry in now:
            attributes = [
                sansldap.PartialAttribute(name, [] if request.types_only else [value.encode() for value in values])
                for name, values in entry.attributes.items()
            ]
            self.session.search_result_entry(request.message_id, entry.dn, attributes)
        code = Code.SUCCESS
        controls: list[sansldap.LDAPControl] = []
        if paged:
            cookie = secrets.token_bytes(8) if later and paged.size else b""
            if cookie:
                self._pages[cookie] = later
            # Active Directory gives no estimate of the total
            controls.append(sansldap.PagedResultControl(critical=False, size=0, cookie=cookie))
        elif later:
            code = Code.SIZE_LIMIT_EXCEEDED
        self.session.search_result_done(request.message_id, result_code=code, controls=controls)
        return code

    def _done(self, request: sansldap.SearchRequest, code: Code, text: str, matched: str = "") -> Code:
        self.session.search_result_done(
            request.message_id, result_code=code, matched_dn=matched, diagnostics_message=text
        )
        return code

    def _start_tls(self, message_id: int) -> None:
        if self.secure:
            code = Code.OPERATIONS_ERROR
            self.session.extended_response(message_id, name=START_TLS, result_code=code)
            self._send()
            return
        self.session.extended_response(message_id, name=START_TLS)
        self._send()
        secured = self.server.handshake(self.connection)
        if secured is None:
            raise ConnectionAbortedError("no TLS")
        self.connection, self.secure, self.user = secured, True, None

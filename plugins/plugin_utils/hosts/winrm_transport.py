# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management by pypsrp: making the connection, keeping its logon, and saying in one sentence what went wrong."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar, cast

from .clock import Clock, RehearsalClock
from .errors import ConnectionLost, HostError, Refused, Unreachable
from .winrm_logon import EagerNegotiate

IMPORT_ERROR: ImportError | None = None
try:
    import requests
    from pypsrp.exceptions import AuthenticationError, WinRMError, WinRMTransportError, WSManFaultError
    from pypsrp.negotiate import HTTPNegotiateAuth
    from pypsrp.shell import WinRS
    from pypsrp.wsman import WSMan
    from spnego.exceptions import SpnegoError
except ImportError as error:  # said by require(), when a session is opened
    IMPORT_ERROR = error

_POOL: Any = None
try:
    # Lets a request fail, instead of being sent, when its connection has gone: the logon would be missing there.
    import pypsrp._pool_manager as _imported_pool

    _POOL = _imported_pool
except ImportError:  # an older release without such a guard; then a stale connection counts as a lost one
    _POOL = None


class _NeverRaised(Exception):
    """Stands for the guard's exception where there is no guard."""


_GoneStale: type[Exception] = getattr(_POOL, "NewConnectionDisabled", _NeverRaised)


T = TypeVar("T")

OPERATION_TIMEOUT = 2150858793
"""0x80338029: nothing to tell within the operation time-out; ask again."""
COMMAND_GONE = 995
"""The operation was ended because its shell was."""
NOT_EXECUTED = frozenset(
    {
        2150858843,  # 0x8033805B the shell was not found on the server
        2150858815,  # 0x8033803F QUOTA_LIMIT
        2150859173,  # 0x803381A5 QUOTA_MAX_SHELLS
        2150859174,  # 0x803381A6 QUOTA_MAX_OPERATIONS: a shell's commands count until the shell is deleted
        2150859175,  # 0x803381A7 QUOTA_USER
        2150859176,  # 0x803381A8 QUOTA_SYSTEM
        2150859179,  # 0x803381AB QUOTA_MAX_SHELLUSERS
    }
)
"""Faults (wsmerror.h [V]) with which the service answers before it begins anything."""


@dataclass(frozen=True)
class Endpoint:
    """Where a host listens and how to log on to it. Times are seconds."""

    address: str
    port: int = 5985
    scheme: str = "http"
    path: str = "wsman"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    auth: str = "ntlm"
    cert_validation: bool | str = True
    certificate_pem: str | None = None
    certificate_key_pem: str | None = None
    certificate_key_password: str | None = field(default=None, repr=False)
    message_encryption: str = "auto"
    kerberos_delegation: bool = False
    kerberos_hostname: str | None = None
    kerberos_service: str = "HTTP"
    connection_timeout: int = 30
    operation_timeout: int = 20
    read_timeout: int = 30
    codepage: int = 0

    @property
    def url(self) -> str:
        """Address for messages."""
        return f"{self.scheme}://{self.address}:{self.port}/{self.path}"


def require() -> None:
    """Raise Refused when pypsrp is not there."""
    if IMPORT_ERROR is not None:
        raise Refused(
            f"the Python library pypsrp is needed on the control node and cannot be imported: {IMPORT_ERROR}",
            remedy="install it for Ansible's own Python, for example `pip install pypsrp` in its virtual environment",
        )


class _Handler(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = tell

    def emit(self, record: logging.LogRecord) -> None:
        # Without the traceback: what an operator needs to know is in our own exception.
        self._say(f"{record.name}: {record.getMessage()}")


def silence(tell: Callable[[str], None]) -> None:
    """Send the libraries' warnings to ``tell``. Their debug messages hold whole command lines and are never wanted."""
    for name in ("pypsrp", "spnego", "requests", "urllib3"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        logger.handlers = [_Handler(tell)]


class Connection:
    """One HTTP connection with its logon, and shells on it."""

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        """Nothing is sent yet. Raises Refused for settings that cannot work."""
        require()
        self._clock = clock
        self._last = time.monotonic()
        self.exchanges = 0
        self.sent = False
        """Whether the message of the last request may have left, not only the logon before it."""
        try:
            self._wsman = WSMan(
                endpoint.address,
                port=endpoint.port,
                username=endpoint.user,
                password=endpoint.password,
                ssl=endpoint.scheme == "https",
                path=endpoint.path.lstrip("/"),
                auth=endpoint.auth,
                cert_validation=cast(bool, endpoint.cert_validation),  # it takes the path of a bundle as well
                encryption=endpoint.message_encryption,
                connection_timeout=endpoint.connection_timeout,
                read_timeout=endpoint.read_timeout,
                operation_timeout=endpoint.operation_timeout,
                # A proxy meant for web pages is no way to a server's management port.
                no_proxy=True,
                certificate_pem=endpoint.certificate_pem,
                certificate_key_pem=endpoint.certificate_key_pem,
                certificate_key_password=endpoint.certificate_key_password,
                negotiate_delegate=endpoint.kerberos_delegation,
                negotiate_hostname_override=endpoint.kerberos_hostname,
                negotiate_service=endpoint.kerberos_service,
            )
        except ValueError as error:
            raise Refused(f"the connection settings do not fit together: {error}") from None
        self._without_repeats()

    def _without_repeats(self) -> None:
        """Keep pypsrp from asking for output up to five times more, for minutes, when a host has gone.

        What may be asked again, and when, is decided by the session.
        """
        transport: Any = self._wsman.transport
        send = transport.send

        def once(message: bytes, **options: Any) -> bytes:
            options.pop("retries_on_read_timeout", None)
            return cast(bytes, send(message, **options))

        transport.send = once

    def new_shell(self, codepage: int) -> Any:
        """A cmd.exe shell, not opened yet."""
        return WinRS(self._wsman, codepage=codepage)

    def silent_for(self) -> float:
        """Seconds since the last request."""
        return time.monotonic() - self._last

    def log_off(self) -> None:
        """Forget connection and logon; the next request makes both anew. Shells on the host live on."""
        transport = self._wsman.transport
        with contextlib.suppress(Exception):
            transport.close()
        transport.session = None
        transport.encryption = None

    def guarded(self, action: Callable[[], T]) -> T:
        """Do one request. When the connection turns out to be gone before anything was sent: log on, do it again."""
        transport = self._wsman.transport
        self.sent = True
        try:
            if transport.encryption is None:
                # The first request on a connection makes the connection and the logon.
                if transport.session is None:
                    transport.session = self._new_http()
                return action()
            try:
                with _POOL.DisableNewConnectionsContext() if _POOL else contextlib.nullcontext():
                    return action()
            except _GoneStale:
                self.log_off()
                return self.guarded(action)
        except Exception:
            # Without the keys of a logon no encrypted message can have been made.
            self.sent = not transport.wrap_required or transport.encryption is not None
            raise
        finally:
            self._last = time.monotonic()

    def _new_http(self) -> Any:
        try:
            http: Any = self._wsman.transport._build_session()
        except ValueError as error:
            raise Refused(f"the connection settings do not fit together: {error}") from None
        # The same class exactly: what pypsrp may put there in other releases is left as it is.
        if http.auth.__class__ is HTTPNegotiateAuth:
            http.auth = EagerNegotiate.instead_of(http.auth)
        for adapter in set(http.adapters.values()):
            adapter.send = self._watched(adapter.send)
        return http

    def _watched(self, send: Callable[..., Any]) -> Callable[..., Any]:
        """Count exchanges, and take the time of a simulated estate from its answers."""

        def watched(*arguments: Any, **options: Any) -> Any:
            self.exchanges += 1
            response = send(*arguments, **options)
            date = response.headers.get("Date")
            if date and isinstance(self._clock, RehearsalClock):
                with contextlib.suppress(ValueError, TypeError):
                    self._clock.seen(parsedate_to_datetime(date).timestamp())
            return response

        return watched


# ---- what went wrong ------------------------------------------------------------------------------------------


def fault_code(error: HostError) -> int | None:
    """The number of a WS-Management fault behind this error, if one was answered."""
    code = error.details.get("fault")
    return code if isinstance(code, int) else None


def translate(error: Exception, endpoint: Endpoint, host: str, *, may_have_run: bool) -> HostError:
    """Any exception of the libraries as one of ours: a sentence and a remedy, no secrets.

    ``may_have_run``: the request was one that makes the host run something.
    """
    if isinstance(error, HostError):
        return error
    where = f"{host} ({endpoint.url})"
    if isinstance(error, WSManFaultError):
        return _fault(error, where)
    if isinstance(error, AuthenticationError):
        return _logon(error, endpoint, where)
    if isinstance(error, WinRMTransportError):
        remedy = "see whether it is really WinRM that listens there, and the options port, scheme and path"
        return Unreachable(f"{where} answered with HTTP status {error.code} instead of WS-Management", remedy=remedy)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls(error, where)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return Unreachable(
            f"{where} did not answer within {endpoint.connection_timeout} s", remedy="see whether the host is up"
        )
    if isinstance(error, requests.exceptions.RequestException):
        return _network(error, endpoint, where, may_have_run)
    if isinstance(error, OSError):
        return Refused(f"a file for the connection to {where} cannot be used: {_short(error)}")
    if isinstance(error, (SpnegoError, ImportError)):
        remedy = "see user name and password"
        if endpoint.auth == "kerberos":
            remedy = "get a ticket with kinit, and install pypsrp[kerberos] for Ansible's own Python"
        return Unreachable(f"the {endpoint.auth} logon to {where} is not possible: {_short(error)}", remedy=remedy)
    if isinstance(error, (WinRMError, ValueError, SyntaxError)):
        # ValueError and SyntaxError: what came is no XML, or of another authentication than was asked for.
        kind = ConnectionLost if may_have_run else Unreachable
        return kind(f"{where} answered with something that cannot be understood: {_short(error)}")
    raise error


def _fault(error: Any, where: str) -> HostError:
    code = error.code if isinstance(error.code, int) else None
    reason = " ".join(str(error.reason or "no reason given").split())[:300]
    remedy = ""
    if code == 5:
        remedy = "the account must be a member of the host's Administrators group to open a WinRM shell"
    elif code in NOT_EXECUTED:
        remedy = "shells of earlier runs may still be open; they end by themselves after some minutes"
    kind = ConnectionLost if code == COMMAND_GONE else Unreachable
    return kind(f"WinRM of {where} refused: error {code or error.code}, {reason}", remedy=remedy, fault=code)


def _logon(error: Exception, endpoint: Endpoint, where: str) -> HostError:
    if "authentication methods" in str(error):
        return Unreachable(
            f"{where} does not offer the {endpoint.auth} logon",
            remedy=f"allow {'Negotiate' if endpoint.auth != 'certificate' else 'Certificate'} in the host's "
            "WinRM service (winrm get winrm/config/service/auth) or choose another transport",
        )
    if endpoint.auth == "certificate":
        return Unreachable(
            f"{where} does not accept the client certificate",
            remedy="map the certificate to an account on the host (winrm/config/service/certmapping)",
        )
    return Unreachable(
        f"{where} does not accept user {endpoint.user!r} with this password ({endpoint.auth})",
        remedy="see ansible_user (DOMAIN\\name or name@domain) and ansible_password, and that the account is not "
        "locked",
    )


def _tls(error: Exception, where: str) -> HostError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text or "doesn't match" in text:
        return Unreachable(
            f"the certificate of {where} is not trusted: {_reason(text)}",
            remedy="give the issuer's certificate with ca_trust_path, or turn the check off with "
            "cert_validation: ignore",
        )
    return Unreachable(
        f"no TLS connection to {where}: {_reason(text)}",
        remedy="see whether the port speaks TLS; Server 2003 knows nothing newer than TLS 1.0, which this machine may "
        "refuse: http with message encryption is the other way",
    )


def _network(error: Exception, endpoint: Endpoint, where: str, may_have_run: bool) -> HostError:
    text = str(error)
    if "NewConnectionError" in text or "NameResolutionError" in text or "Failed to resolve" in text:
        if "refused" in text:
            what, remedy = "refuses the connection", "see whether the host is up, WinRM runs, and the port is right"
        elif "resolve" in text or "Name or service" in text or "getaddrinfo" in text:
            what, remedy = "cannot be found: its name does not resolve", "set ansible_host to its address"
        else:
            what, remedy = "cannot be reached over the network", "see network, firewall and ansible_host"
        return Unreachable(f"{where} {what}", remedy=remedy)
    if isinstance(error, requests.exceptions.Timeout):
        what = f"did not answer within {endpoint.read_timeout} s"
    else:
        what = "broke the connection"
    if may_have_run:
        return ConnectionLost(f"{where} {what}", remedy="see whether the host is up; what was asked may have been done")
    return Unreachable(f"{where} {what}", remedy="see whether the host is up")


def _reason(text: str) -> str:
    found = re.search(r"\[SSL[^\]]*\] ([^(]+)", text) or re.search(r"(hostname [^)\"]+)", text)
    return (found.group(1) if found else text).strip(" '\"),")[:200]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__

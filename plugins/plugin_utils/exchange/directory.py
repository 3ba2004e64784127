# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Exchange servers that Active Directory knows, read by LDAP; nothing here writes."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..hosts.errors import HostError
from .builds import load_data
from .directory_entries import attributes_of, describe_databases, describe_servers

try:
    import ldap3
    from ldap3.core.exceptions import (
        LDAPException,
        LDAPSessionTerminatedByServerError,
        LDAPSocketReceiveError,
        LDAPSocketSendError,
    )

    # A connection that was there and is gone.
    BROKEN = (LDAPSessionTerminatedByServerError, LDAPSocketReceiveError, LDAPSocketSendError)
    _MISSING: str | None = None
except ImportError as import_error:
    _MISSING = str(import_error)

# V: gscales' scripts and ExBPA. Front-end: `serverRole` is 1 (V: Exchange's own code tests it).
SERVER_FILTER = "(objectCategory=msExchExchangeServer)"
T = TypeVar("T")
ATTRIBUTES = ("name", "cn", "serialNumber", "serverRole", "networkAddress")
# V: scripts of that time that list databases with their files. On 5.5 there are none in Active Directory.
DATABASE_FILTER = "(|(objectClass=msExchPrivateMDB)(objectClass=msExchPublicMDB))"
DATABASE_ATTRIBUTES = ("name", "cn", "msExchEDBFile", "msExchOwningServer")
_PAGE = 500
_PAUSE = 1.0
"""Seconds until a connection that broke is made anew."""
_NO_SUCH_OBJECT = 32
_TLS_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class DirectoryError(HostError):
    """The directory cannot be asked, or says what nothing can be concluded from."""


class LogonRefused(DirectoryError):
    """A domain controller does not let an account in.

    ``why``: the reason, in words; empty where none is known, or where it need not hold for a logon elsewhere.
    """

    why = ""


class Directory:
    """A domain controller that is asked for Exchange's servers, over TLS.

    ``uri``: ``ldaps://host[:636]``, or ``ldap://host[:389]``, where the connection is turned into TLS
    (StartTLS) before anything is sent. Without TLS nothing is sent at all: the password would be readable, and
    the library knows no signing. ``user``: ``name@domain`` or ``DOMAIN\\name``. ``ca_file``: certificates to
    trust instead of the system's. ``tls_minimum``: lowest TLS version; Server 2003 itself speaks nothing newer
    than 1.0, which then has to be allowed here. ``timeout``: seconds for each operation.
    """

    def __init__(
        self,
        uri: str,
        user: str,
        password: str,
        ca_file: str | None = None,
        validate_certs: bool = True,
        timeout: float = 30,
        tls_minimum: str = "1.2",
    ) -> None:
        """Check the arguments; nothing is sent yet."""
        if _MISSING:
            raise DirectoryError(
                f"the Python library ldap3 is missing on the control node: {_MISSING}",
                remedy="Install it into the Python that runs Ansible: pip install 'ldap3>=2.9.1'",
            )
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as error:
            raise DirectoryError(f"{uri} is no LDAP address: {error}", remedy=_ADDRESS) from error
        if parts.scheme not in ("ldap", "ldaps") or not parts.hostname or parts.path not in ("", "/"):
            raise DirectoryError(f"{uri} is no LDAP address", remedy=_ADDRESS)
        if not user or not password:
            raise DirectoryError(
                "a user and a password are needed to read the directory",
                remedy="Give both; an anonymous logon sees nothing, and one with an empty password is anonymous.",
            )
        if tls_minimum not in _TLS_VERSIONS:
            raise DirectoryError(f"{tls_minimum} is no TLS version", remedy=f"Use one of {', '.join(_TLS_VERSIONS)}.")
        if ca_file and not Path(ca_file).is_file():
            raise DirectoryError(
                f"the file of trusted certificates {ca_file} is not there", remedy="Correct the path of ca_file."
            )
        self.uri = uri
        self.host = parts.hostname
        self.ldaps = parts.scheme == "ldaps"
        self.port = port or (636 if self.ldaps else 389)
        self.user = user
        self._password = password
        self.ca_file = ca_file
        self.validate_certs = validate_certs
        self.timeout = max(int(timeout), 1)
        self.tls_minimum = tls_minimum

    def servers(self) -> dict[str, dict[str, Any]]:
        """The Exchange servers of the forest by name in capitals.

        Each has ``name``, ``serial_number``, ``product``, ``service_pack``, ``build`` (null where the serial
        number has a form that is not known), ``front_end``, ``organization``, ``administrative_group`` and ``fqdn``. A
        clustered server stands there by the network name of its virtual server. Raises ``DirectoryError``.
        """
        return self._asked(lambda connection: describe_servers(self._search(connection)))

    def databases(self) -> dict[str, list[dict[str, str]]]:
        """The databases of Exchange 2000 and 2003: server's name in capitals -> list of ``name`` and ``file``.

        A server of the forest without a database is not there. Raises ``DirectoryError``.
        """
        return self._asked(
            lambda connection: describe_databases(self._search(connection, DATABASE_FILTER, DATABASE_ATTRIBUTES))
        )

    def configuration_entry(self, relative: str, names: Sequence[str]) -> tuple[str, dict[str, list[bytes]]] | None:
        """An entry below the configuration naming context: its full name, and the values of these attributes as bytes.

        ``relative``: its name without that of the naming context. An attribute without a value has an empty list. None
        where there is no such entry. Raises ``DirectoryError``.
        """

        def read(connection: ldap3.Connection) -> tuple[str, dict[str, list[bytes]]] | None:
            name = f"{relative},{self._configuration(connection)}"
            connection.search(name, "(objectClass=*)", search_scope=ldap3.BASE, attributes=list(names))
            entries = [entry for entry in connection.response or [] if entry.get("type") == "searchResEntry"]
            if not entries:
                if connection.result.get("result") in (0, _NO_SUCH_OBJECT):
                    return None
                raise DirectoryError(
                    f"the directory at {self.uri} does not show {name}: {connection.result.get('description')}",
                    remedy=f"See whether {self.user} may read the configuration of Exchange.",
                )
            raw = {name.lower(): values for name, values in (entries[0].get("raw_attributes") or {}).items()}
            return str(entries[0]["dn"]), {name: list(raw.get(name.lower(), [])) for name in names}

        return self._asked(read)

    def logon_problem(self, user: str, password: str) -> str | None:
        """Why the domain lets another account not in, in words; None where it does. Raises ``DirectoryError``.

        A logon of this kind says nothing about rights; it is one try with that password.
        """
        other = copy(self)
        other.user, other._password = user, password
        try:
            other._asked(lambda connection: None, tries=1)
        except LogonRefused as error:
            if not error.why:
                # Not of the account, or in a way that is not known.
                raise
            return error.why
        return None

    def _asked(self, ask: Callable[[ldap3.Connection], T], tries: int = 2) -> T:
        """Ask with a connection of its own; with another one when it broke. Raises ``DirectoryError``.

        Nothing here writes, so what was asked already may be asked again. Not more often: each try is a logon.
        """
        try:
            while True:
                tries -= 1
                try:
                    return self._ask_once(ask)
                except BROKEN:
                    if not tries:
                        raise
                    time.sleep(_PAUSE)
        except LDAPException as error:
            raise DirectoryError(
                f"the directory at {self.uri} cannot be read: {_sentence(error)}",
                remedy=_hint(error),
            ) from error
        except OSError as error:
            raise DirectoryError(f"{self.uri} cannot be reached: {_sentence(error)}", remedy=_REACH) from error

    def _ask_once(self, ask: Callable[[ldap3.Connection], T]) -> T:
        connection = self._connect()
        try:
            return ask(connection)
        finally:
            connection.unbind()

    def _configuration(self, connection: ldap3.Connection) -> str:
        """The name of the configuration naming context."""
        connection.search("", "(objectClass=*)", search_scope=ldap3.BASE, attributes=["configurationNamingContext"])
        roots = [attributes_of(entry) for entry in connection.response or [] if entry.get("type") == "searchResEntry"]
        contexts = roots[0].get("configurationnamingcontext", []) if roots else []
        if not contexts:
            raise DirectoryError(
                f"{self.uri} names no configuration naming context",
                remedy="Give the address of a domain controller of the forest that Exchange is in.",
            )
        return contexts[0]

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca_file)
        context.minimum_version = _TLS_VERSIONS[self.tls_minimum]
        if self.tls_minimum in ("1.0", "1.1"):
            # OpenSSL 3 keeps TLS 1.0 and SHA-1 signatures for its security level 0; old certificates lack
            # the extensions that Python's strict mode asks for.
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not self.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _connect(self) -> ldap3.Connection:
        server = ldap3.Server(
            self.host,
            port=self.port,
            use_ssl=self.ldaps,
            tls=_tls(self._context(), self.host),
            get_info=ldap3.NONE,
            connect_timeout=self.timeout,
        )
        connection = ldap3.Connection(
            server,
            user=self.user,
            password=self._password,
            authentication=ldap3.SIMPLE,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            check_names=False,
            read_only=True,
            receive_timeout=self.timeout,
        )
        connection.open()
        if not self.ldaps and not connection.start_tls():
            connection.unbind()
            raise DirectoryError(
                f"{self.uri} does not offer TLS on this port",
                remedy="Use ldaps://, and give the domain controller a certificate. Nothing was sent without TLS.",
            )
        if not connection.bind():
            refused = _refused_logon(self.uri, self.user, connection.result)
            connection.unbind()
            raise refused
        return connection

    def _search(
        self, connection: ldap3.Connection, what: str = SERVER_FILTER, attributes: Sequence[str] = ATTRIBUTES
    ) -> list[Mapping[str, list[str]]]:
        entries = connection.extend.standard.paged_search(
            self._configuration(connection),
            what,
            search_scope=ldap3.SUBTREE,
            attributes=list(attributes),
            paged_size=_PAGE,
            generator=False,
        )
        # The library takes an answer that was broken off (by a limit, a lack of rights, a referral) for a whole one.
        # Half of the servers would be worse than none: a front-end may be among the others.
        answer = connection.result or {}
        if answer.get("result") != 0:
            raise DirectoryError(
                f"the directory at {self.uri} does not give all of {what}: {_answer(answer)}",
                remedy=f"See whether {self.user} may read the whole configuration of Exchange there, and whether the "
                "server limits what it answers.",
            )
        return [attributes_of(entry) for entry in entries if entry.get("type") == "searchResEntry"]


_ADDRESS = "Write ldaps://dc1.example.com, or ldap://dc1.example.com for StartTLS."
_REACH = "Check the address, the port and the firewall."


def _tls(context: ssl.SSLContext, host: str) -> ldap3.Tls:
    """The library's TLS with a context of ours: it knows neither a lowest version nor Python's own host check."""

    class Tls(ldap3.Tls):
        def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
            connection.socket = context.wrap_socket(
                connection.socket, server_hostname=host, do_handshake_on_connect=do_handshake
            )

    return Tls(validate=context.verify_mode)


def _sentence(error: BaseException) -> str:
    """The library's message in one line, without the tuples and prefixes that it wraps around a cause."""
    if isinstance(error, socket.gaierror):
        return str(error.strerror)
    text = " ".join(str(error).split())
    text = re.sub(r" ?\(_ssl\.c:\d+\)", "", text)
    text = re.sub(r"(socket ssl wrapping error|wrap socket error): ", "", text)
    return text.strip("()',\" ")[:300]


def _answer(result: Mapping[str, Any]) -> str:
    """What a server answered, in its own words."""
    words = " ".join(str(result.get("message") or "").replace("\0", "").split())[:200]
    code = str(result.get("description") or "an answer that is not known")
    return f"{code} ({words})" if words else code


def _refused_logon(uri: str, user: str, result: Mapping[str, Any]) -> LogonRefused:
    """Why a logon was refused, and what to do about it."""
    found = re.search(r"\bdata ([0-9a-f]+)\b", str(result.get("message") or ""), re.IGNORECASE)
    known = load_data("logon_refusals.yml").get(found[1].lower(), {}) if found else {}
    refused = LogonRefused(
        f"{uri} does not accept the logon of {user}: {known.get('why') or result.get('description')}",
        remedy="Check the user (name@domain) and the password."
        if known.get("about", "name") == "name"
        else "Set the account right in Active Directory, or give another one.",
    )
    if known and known["about"] != "circumstances":
        refused.why = str(known["why"])
    return refused


def _hint(error: BaseException) -> str:
    text = str(error).lower()
    if "certificate" in text or "ssl" in text or "tls" in text:
        return (
            "See that ca_file holds the authority that issued the domain controller's certificate, that the address is"
            " the name in it, and that tls_minimum allows what the controller speaks (Server 2003: 1.0)."
        )
    return _REACH

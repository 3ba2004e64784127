# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's steps of the WinRM channel: name, port, what answers there, logon."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import diagnosis
from .diagnosis import Finding
from .errors import HostError
from .winrm_transport import Endpoint, require, translate

with contextlib.suppress(ImportError):  # said by require()
    import requests

if TYPE_CHECKING:
    from .winrm import WinrmSession

# MS-WSMV: a client may ask who is there before it has logged on, with this header and this message [V].
_HEADERS = {"WSMANIDENTIFY": "unauthenticated", "Content-Type": "application/soap+xml;charset=UTF-8"}
_MESSAGE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)
_SCHEME = "See that scheme and port belong together: http on 5985 (WinRM 1.1: 80), https on 5986 (443)."
_LISTENER = "See `winrm enumerate winrm/config/listener` on the host, and the options port, scheme and path."


def of_session(session: WinrmSession) -> Iterator[Finding]:
    """The steps, each only where the one before it makes sense."""
    endpoint = session.endpoint
    try:
        require()
    except HostError as error:
        yield diagnosis.of_error("channel", "Channel", error)
        return
    yield Finding(
        "channel", "Channel", "ok", f"winrm: {endpoint.url}, logon by {endpoint.auth} as {endpoint.user or '-'}"
    )
    name, addresses = diagnosis.resolve(endpoint.address)
    yield name
    if not addresses:
        yield from _skipped("port", "dialect", "logon")
        return
    port = diagnosis.knock(endpoint.address, endpoint.port, "WinRM")
    yield port
    if port.result != "ok":
        yield from _skipped("dialect", "logon")
        return
    yield identify(endpoint, session.host)
    # Also where the question before the logon was not answered: some releases answer nobody whom they do not know.
    yield diagnosis.logon(session)


def identify(endpoint: Endpoint, host: str) -> Finding:
    """What answers on the port, asked without a logon."""
    title = "Dialect"
    try:
        with requests.Session() as http, warnings.catch_warnings():
            # A proxy meant for web pages is no way to a server's management port.
            http.trust_env = False
            # That the certificate is not checked is what the operator has chosen.
            warnings.simplefilter("ignore")
            answer = http.post(
                endpoint.url,
                data=_MESSAGE,
                headers=_HEADERS,
                timeout=(endpoint.connection_timeout, endpoint.read_timeout),
                verify=endpoint.cert_validation,
                allow_redirects=False,
            )
    except requests.exceptions.Timeout:
        # The port has taken a connection a moment ago: what listens there waits for other words.
        seen = f"what listens there takes connections and says nothing to {endpoint.scheme.upper()}"
        return Finding("dialect", title, "failed", seen, f"{_SCHEME} {_LISTENER}")
    except requests.exceptions.ConnectionError as error:
        if endpoint.scheme == "http" and "BadStatusLine" in str(error):
            return Finding("dialect", title, "failed", "what answers there does not speak HTTP", _LISTENER)
        return diagnosis.of_error("dialect", title, translate(error, endpoint, host, may_have_run=False))
    except Exception as error:
        return diagnosis.of_error("dialect", title, translate(error, endpoint, host, may_have_run=False))
    offered = ", ".join(
        part.split()[0] for part in answer.headers.get("WWW-Authenticate", "").split(",") if part.strip()
    )
    transport = "HTTP" if endpoint.scheme == "http" else "HTTPS"
    product = re.search(r"ProductVersion>([^<]*)<", answer.text)
    if answer.status_code == 200 and product:
        return Finding("dialect", title, "ok", f"WS-Management over {transport}: {product[1].strip()}")
    if answer.status_code == 401 and offered:
        return Finding("dialect", title, "ok", f"{transport} with a logon, offered: {offered}")
    server = answer.headers.get("Server") or "no name"
    seen = f"{transport} status {answer.status_code} instead of WS-Management (server: {server})"
    return Finding("dialect", title, "failed", seen, _LISTENER)


def _skipped(*ids: str) -> Iterator[Finding]:
    for each in ids:
        yield Finding(each, each.capitalize(), "skipped", "what it needs has failed")

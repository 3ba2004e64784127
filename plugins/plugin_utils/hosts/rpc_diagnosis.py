# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's steps of the rpc channel: name, port, dialect and logon, interfaces, administrative share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from . import diagnosis
from .diagnosis import Finding
from .errors import HostError
from .rpc_library import require
from .rpc_pipes import EVENTLOG, SRVSVC, SVCCTL, WINREG, Interface

if TYPE_CHECKING:
    from .rpc import RpcSession
    from .rpc_link import Link

_NEEDED = (
    (SVCCTL, "services and command lines"),
    (WINREG, "the registry"),
    (EVENTLOG, "the event log"),
    (SRVSVC, "clock and boot time"),
)


def of_session(session: RpcSession) -> Iterator[Finding]:
    """The steps, each only where the one before it makes sense."""
    endpoint = session.endpoint
    try:
        require()
    except HostError as error:
        yield diagnosis.of_error("channel", "Channel", error)
        return
    where = f"{endpoint.address}, port {endpoint.port or '445 or 139'}"
    yield Finding("channel", "Channel", "ok", f"rpc: SMB 1 to {where}, logon by NTLM{endpoint.ntlm} as {endpoint.user}")
    name, addresses = diagnosis.resolve(endpoint.address)
    yield name
    if not addresses:
        yield from _skipped("port", "logon", "dialect", "interfaces", "administrative_share")
        return
    port = diagnosis.knock(endpoint.address, endpoint.port or 445, "the Server service")
    if port.result != "ok" and endpoint.port is None:
        port = diagnosis.knock(endpoint.address, 139, "the Server service")
    yield port
    if port.result != "ok":
        yield from _skipped("logon", "dialect", "interfaces", "administrative_share")
        return
    try:
        link = session.link()
    except HostError as error:
        yield diagnosis.of_error("logon", "Logon", error)
        yield from _skipped("dialect", "interfaces", "administrative_share")
        return
    yield Finding("logon", "Logon", "ok", f"the host takes the logon of {endpoint.user}")
    yield _dialect(link)
    for id_, title, step in (
        ("interfaces", "Interfaces", _interfaces),
        ("administrative_share", "Administrative share", _share),
    ):
        yield _step(session, id_, title, step)


def _step(session: RpcSession, id_: str, title: str, step: Callable[[Link], Finding]) -> Finding:
    try:
        return session.attempt(step)
    except HostError as error:
        return diagnosis.of_error(id_, title, error)


def _dialect(link: Link) -> Finding:
    if link.wire.signing:
        return Finding("dialect", "Dialect", "ok", "SMB 1 (NT LM 0.12), every message is signed; nothing is encrypted")
    return Finding(
        "dialect",
        "Dialect",
        "warning",
        "SMB 1 (NT LM 0.12), not signed and not encrypted: who stands in between can read and change everything",
        "Switch signing on at the host (EnableSecuritySignature), or keep the way to it free of others.",
    )


def _interfaces(link: Link) -> Finding:
    missing: list[str] = []

    def answers(interface: Interface) -> bool:
        try:
            link.pipes.bound(interface)
        except HostError:
            return False
        return True

    for interface, purpose in _NEEDED:
        if not answers(interface):
            missing.append(f"{interface.pipe} ({purpose}; service {interface.service})")
    if missing:
        return Finding(
            "interfaces",
            "Interfaces",
            "failed",
            f"these do not answer: {', '.join(missing)}",
            "Start their services on the host, and see that the account is an administrator there.",
        )
    return Finding(
        "interfaces", "Interfaces", "ok", f"{', '.join(interface.pipe for interface, unused in _NEEDED)} answer"
    )


def _share(link: Link) -> Finding:
    link.wire.tree("C$")
    free = link.files.free_space("C:")
    room = "" if free is None else f", {free >> 20} MB are free"
    return Finding("administrative_share", "Administrative share", "ok", f"C$ can be used{room}")


def _skipped(*ids: str) -> Iterator[Finding]:
    for each in ids:
        yield Finding(each, each.capitalize(), "skipped", "what it needs has failed")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking step by step why a host cannot be worked with, or that it can. Nothing here changes anything.

Each step is a finding, and none raises: the doctor goes on as far as it can. What is particular to a channel is in that
channel's own file; the steps that need no more than a session are in ``examination``.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .errors import HostError

if TYPE_CHECKING:
    from .session import Session

RESULTS = ("ok", "warning", "failed", "skipped")
_TIMEOUT = 10.0
"""Seconds until a port that says nothing is given up."""


@dataclass(frozen=True)
class Finding:
    """A step of the doctor.

    ``id``: a word for programs. ``title``: what was looked at. ``result``: ok, warning, failed or skipped. ``seen``:
    what was seen, a sentence without an end mark. ``remedy``: what to do; empty where nothing is to be done.
    """

    id: str
    title: str
    result: str
    seen: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def of_error(id_: str, title: str, error: HostError) -> Finding:
    """A step that failed with a known error."""
    return Finding(id_, title, "failed", error.message, error.remedy)


def resolve(address: str) -> tuple[Finding, list[str]]:
    """Whether a name can be resolved on the control node, and its addresses."""
    title = "Name"
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = getattr(error, "strerror", None) or str(error)
        remedy = "Set ansible_host to the host's address, or correct the name or the control node's DNS."
        return Finding("name", title, "failed", f"{address} does not resolve: {text}", remedy), []
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    seen = f"{address} is an address" if addresses == [address] else f"{address} is {', '.join(addresses)}"
    return Finding("name", title, "ok", seen), addresses


def knock(address: str, port: int, what: str, timeout: float = _TIMEOUT) -> Finding:
    """Whether a TCP port answers. ``what`` listens there, for the remedy; ``timeout``: seconds."""
    title = "Port"
    seen = remedy = ""
    try:
        with socket.create_connection((address, port), timeout=timeout):
            return Finding("port", title, "ok", f"TCP port {port} answers")
    except TimeoutError:
        seen = f"TCP port {port} says nothing within {timeout:.0f} s"
        remedy = f"See that the host is up, and that no firewall on the way or on the host drops the port of {what}."
    except ConnectionRefusedError:
        seen = f"TCP port {port} refuses the connection"
        remedy = f"See that {what} runs on the host, and that ansible_port is the port it listens on."
    except OSError as error:
        seen = f"TCP port {port} cannot be reached: {error.strerror or error}"
        remedy = "See network, routes and firewalls, and ansible_host."
    return Finding("port", title, "failed", seen, remedy)


def logon(session: Session) -> Finding:
    """Whether the host takes the logon and runs a command: the smallest that there is."""
    try:
        output = session.run("ver", changes=False, timeout=60)
    except HostError as error:
        return of_error("logon", "Logon", error)
    words = " ".join(output.stdout.split())
    return Finding("logon", "Logon", "ok", f"the host takes the logon and runs commands: {words[:100]}")


def of_session(session: Session) -> Iterator[Finding]:
    """The steps of a channel that has none of its own: the logon alone."""
    yield logon(session)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small labs, and clients that talk to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pypsrp.shell import Process, WinRS
from pypsrp.wsman import WSMan

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab


def make(faults: list[dict[str, Any]] | None = None, **settings: Any) -> Lab:
    """A lab of one host (without waiting unless told otherwise)."""
    return Lab(complete({"speed": 0, "hosts": {"mbx1": None, "mbx2": None}, **settings}), faults)


def wsman(lab: Lab, user: str = r"CONTOSO\exadmin", password: str | None = None, **options: Any) -> WSMan:
    """A pypsrp connection to the first host."""
    host = lab.world.hosts["mbx1"]
    settings = {"port": host.port, "ssl": False, "auth": "ntlm", "no_proxy": True, **options}
    secret = lab.password("exadmin") if password is None else password
    return WSMan(host.address, username=user, password=secret, **settings)


@contextmanager
def shell(lab: Lab, **options: Any) -> Iterator[WinRS]:
    """A shell on the first host."""
    with wsman(lab) as connection, WinRS(connection, **options) as opened:
        yield opened


def run(opened: WinRS, line: str, arguments: list[str] | None = None, **options: Any) -> Process:
    """Run a command to its end."""
    process = Process(opened, line, arguments, **options)
    process.invoke()
    return process

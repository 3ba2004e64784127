# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab of hosts that speak SMB, and clients that talk to them."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest
from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.rpcrt import DCERPC_v5
from impacket.nmb import NetBIOSError
from impacket.smb import SMB_DIALECT
from impacket.smbconnection import SMBConnection

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.simulation import Lab

#: What impacket raises when a connection breaks.
BROKEN = (OSError, NetBIOSError)
HOSTS = {
    "mbx1": {"os": "2000", "product": "2003", "channel": "rpc"},
    "old": {"os": "nt4", "product": "5.5", "channel": "rpc"},
    "new": {"product": "2003", "channel": "rpc"},
    "win": {},
}


def make(faults: list[dict[str, Any]] | None = None, **settings: Any) -> Lab:
    """A lab with a host of each Windows; without waiting unless told otherwise."""
    return Lab(complete({"speed": 0, "update": "exchange2003-sp2", "hosts": HOSTS, **settings}), faults)


def host(lab: Lab, name: str = "mbx1") -> Host:
    """A machine by its name."""
    return lab.world.machines[name]


def connect(lab: Lab, name: str = "mbx1", user: str = "exadmin", password: str | None = None) -> SMBConnection:
    """An impacket connection that is logged on."""
    address = host(lab, name).address
    connection = SMBConnection(name.upper(), address, sess_port=lab.smb_port, preferredDialect=SMB_DIALECT, timeout=20)
    connection.login(user, lab.password(user) if password is None else password, "CONTOSO")
    return connection


def bind(
    connection: SMBConnection, pipe: str, interface: bytes, *, level: int = 0, lab: Lab | None = None
) -> DCERPC_v5:
    """A remote procedure call's interface over a pipe; `level`: with authentication of its own."""
    channel = transport.SMBTransport(connection.getRemoteHost(), filename=pipe, smb_connection=connection)
    dce = channel.get_dce_rpc()
    if level and lab is not None:
        dce.set_credentials("exadmin", lab.password("exadmin"), "CONTOSO")
        dce.set_auth_level(level)
    dce.connect()
    dce.bind(interface)
    return dce


def calls(lab: Lab, name: str = "mbx1") -> list[tuple[str, int | None, bool]]:
    """The journal of a host: call, exit code, whether it changes something."""
    return [(e["call"], e["exit_code"], e["changes"]) for e in lab.world.journal.entries if e["host"] == name]


def samba(program: str) -> str:
    """The path of one of Samba's programs; the test is skipped where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def run(*words: str, cwd: Any = None) -> str:
    """Run a program, return what it writes."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=120, cwd=cwd, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout + done.stderr

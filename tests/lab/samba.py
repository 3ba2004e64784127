# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Samba smbd on a loopback address and a port of its own, with Exchange's values in its registry.

Everything it writes lies in a folder of the test, so that a Samba of the system is neither seen nor disturbed. (When
root runs the tests, its helpers note their start in the system's log folder before they have read where to log.)
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ADDRESS = "127.0.0.1"
PASSWORD = 'Lab-only 1%"é'
PROGRAMS = ("smbd", "samba-dcerpcd", "pdbedit", "net", "eventlogadm")
#: Seconds until it listens and offers its pipes: a bound for the test, never a measurement.
LIMIT = 30.0
_CONFIGURATION = """
[global]
  workgroup = CONTOSO
  netbios name = EXNODE
  server min protocol = NT1
  server max protocol = NT1
  client min protocol = NT1
  security = user
  server signing = {signing}
  ntlm auth = ntlmv2-only
  passdb backend = tdbsam:{folder}/private/passdb.tdb
  private dir = {folder}/private
  state directory = {folder}/state
  lock directory = {folder}/lock
  cache directory = {folder}/cache
  pid directory = {folder}/pid
  ncalrpc dir = {folder}/ncalrpc
  log file = {folder}/log.%m
  smb ports = {port}
  interfaces = lo
  bind interfaces only = yes
  load printers = no
  printcap name = /dev/null
  disable spoolss = yes
  disable netbios = yes
  unix charset = UTF-8
  dos charset = CP850
  eventlog list = Application System
  svcctl list = MSExchangeIS
  rpc start on demand helpers = no
[C$]
  path = {folder}/drive_c
  read only = no
  browseable = no
"""


def program(name: str) -> str | None:
    """The path of a program; smbd lies where the PATH of a normal user does not look."""
    places = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec/samba", "/usr/lib/samba"]
    return shutil.which(name, path=os.pathsep.join(places))


def missing() -> list[str]:
    """The programs that are not installed (Debian packages samba and samba-common-bin)."""
    return [name for name in PROGRAMS if program(name) is None]


@dataclass
class Samba:
    """A running smbd. `drive` is the folder behind C$."""

    folder: Path
    port: int
    user: str
    password: str

    @property
    def drive(self) -> Path:
        return self.folder / "drive_c"

    def tool(self, name: str, *arguments: str, text: str = "") -> str:
        """Run a program of Samba with this server's configuration; its output."""
        done = subprocess.run(
            [program(name) or name, "-s", str(self.folder / "smb.conf"), *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"{name} {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def set_values(self, key: str, values: Mapping[str, int | str | list[str]]) -> None:
        """Put values into the registry, in Samba's own store."""
        self.tool("net", "registry", "createkey", key)
        for name, value in values.items():
            kind = {int: "dword", str: "sz", list: "multi_sz"}[type(value)]
            self.tool(
                "net", "registry", "setvalue", key, name, kind, *(value if isinstance(value, list) else [str(value)])
            )

    def add_event(self, log: str, source: str, number: int, kind: str, moment: int, strings: list[str]) -> None:
        """Write an entry into an event log, as Samba's own tool does."""
        rows = {
            "LEN": 0,
            "RS1": 1699505740,
            "RCN": 0,
            "TMG": moment,
            "TMW": moment,
            "EID": number,
            "ETP": kind,
            "ECT": 0,
            "RS2": 0,
            "CRN": 0,
            "USL": 0,
            "SRC": source,
            "SRN": "EXNODE",
        }
        text = "".join(f"{name}: {value}\n" for name, value in rows.items())
        text += "".join(f"STR: {string}\n" for string in strings) + "\n"
        self.tool("eventlogadm", "-o", "write", log, text=text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        number: int = probe.getsockname()[1]
        return number


@contextmanager
def samba(folder: Path, signing: str = "auto") -> Iterator[Samba]:
    """Start smbd, and end it with everything that it has started."""
    server = Samba(folder, _free_port(), getpass.getuser(), PASSWORD)
    for name in ("private", "state", "state/eventlog", "lock", "cache", "pid", "ncalrpc", "drive_c"):
        (folder / name).mkdir(mode=0o755)
    (folder / "private").chmod(0o700)
    (folder / "smb.conf").write_text(_CONFIGURATION.format(folder=folder, port=server.port, signing=signing))
    server.tool("pdbedit", "-a", "-t", "-u", server.user, text=f"{PASSWORD}\n{PASSWORD}\n")
    # The pipes have a program of their own. Started by smbd it would live on after it.
    processes = [_start(server, name) for name in ("samba-dcerpcd", "smbd")]
    try:
        _await(server, processes)
        yield server
    finally:
        for process in processes:
            _end(process)


def _start(server: Samba, name: str) -> subprocess.Popen[bytes]:
    more = ["--libexec-rpcds"] if name == "samba-dcerpcd" else []
    with (server.folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            [
                *(program(name) or name, "-s", str(server.folder / "smb.conf"), "-l", str(server.folder)),
                *("--foreground", "--no-process-group", "--debug-stdout", *more),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own, so that its children can be ended with it, and nothing else.
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End smbd, and the servers of its pipes, which are in its group."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        time.sleep(0.1)


def _await(server: Samba, processes: list[subprocess.Popen[bytes]]) -> None:
    """Wait until it listens and has its pipes."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end and all(process.poll() is None for process in processes):
        # Made when everything that serves pipes has said what it serves.
        if (server.folder / "ncalrpc" / "np" / "winreg").exists():
            with suppress(OSError):
                socket.create_connection((ADDRESS, server.port), timeout=1).close()
                return
        time.sleep(0.05)
    said = "".join(path.read_text(errors="replace") for path in server.folder.glob("*.log"))
    raise AssertionError(f"smbd does not listen: {said}")

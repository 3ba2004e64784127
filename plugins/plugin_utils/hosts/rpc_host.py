# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as a whole over RPC: its clock, when Windows was started, a restart, its processes.

Chosen for the boot time: the clock and the milliseconds since the start, both in one answer of NetrRemoteTOD (its
``tod_msecs`` count from the system's start [V, MS, TIME_OF_DAY_INFO]; that every version does so: [R]). They begin
anew after 49.7 days; which turn it is shows in the time when the Server service was started. The performance counter
"System Up Time" would do without that, but reading it loads the libraries of all counters on the host, which is what
installers of Exchange stumble over.
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import Any

from . import rpc_library as library
from .errors import CommandFailed, Unreachable, Unreadable
from .rpc_errors import RpcFailed
from .rpc_pipes import SHUTDOWN, SRVSVC, WINREG, Pipes, missing
from .rpc_registry import Reader

_WRAP = 2**32 / 1000.0
_SERVICE_SLACK = 300.0
_PROCESS, _PROCESS_ID = 230, 784


def clock_of(pipes: Pipes) -> tuple[float, float]:
    """Epoch seconds by the host's clock, and seconds since Windows was started, modulo 49.7 days."""
    request = library.srvs.NetrRemoteTOD()
    request["ServerName"] = library.dtypes.NULL
    answer = pipes.call(SRVSVC, request, "asking for the time")["BufferPtr"]
    return answer["tod_elapsedt"] + min(answer["tod_hunds"], 99) / 100.0, answer["tod_msecs"] / 1000.0


def boot_time(pipes: Pipes) -> str:
    """When Windows was started, as a CIM date in UTC."""
    now, up = clock_of(pipes)
    boot = now - up
    request = library.srvs.NetrServerStatisticsGet()
    request["ServerName"], request["Service"] = library.dtypes.NULL, library.dtypes.NULL
    request["Level"] = request["Options"] = 0
    try:
        served = pipes.call(SRVSVC, request, "asking for the start of the Server service")["InfoStruct"]["sts0_start"]
    except RpcFailed:
        served = 0
    while served and boot > served + _SERVICE_SLACK:
        boot -= _WRAP
    return datetime.fromtimestamp(boot, UTC).strftime("%Y%m%d%H%M%S.%f+000")


def restart(pipes: Pipes, delay: int, reason: str) -> None:
    """Ask for a restart. Windows 2000 and later have an interface for it; NT 4.0 has the call in its registry's."""
    try:
        _ask(pipes, SHUTDOWN, "BaseInitiateShutdown", delay, reason)
    except (Unreachable, RpcFailed) as error:
        if not missing(error):
            raise
        _ask(pipes, WINREG, "BaseInitiateSystemShutdown", delay, reason)


def _ask(pipes: Pipes, interface: Any, call: str, delay: int, reason: str) -> None:
    request = globals()[call]()
    request["ServerName"], request["lpMessage"] = library.dtypes.NULL, reason
    request["dwTimeout"], request["bForceAppsClosed"], request["bRebootAfterShutdown"] = int(delay), 1, 1
    try:
        pipes.call(interface, request, "asking for a restart")
    except RpcFailed as error:
        if missing(error):
            raise
        raise CommandFailed(
            error.message,
            exit_code=error.exit_code,
            remedy="the account needs the right to shut the host down from another computer"
            if error.exit_code in (5, 1300, 1314)
            else error.remedy,
        ) from None


if library.IMPORT_ERROR is None:
    # impacket has neither call ([MS-RSP] 3.1.4.1 and 3.2.4.1); it finds the answer's class by its name.
    DCERPCSessionError = library.rrp.DCERPCSessionError
    _ARGUMENTS = (
        ("ServerName", library.rrp.PREGISTRY_SERVER_NAME),
        ("lpMessage", library.dtypes.PRPC_UNICODE_STRING),
        ("dwTimeout", library.dtypes.DWORD),
        ("bForceAppsClosed", library.dtypes.UCHAR),
        ("bRebootAfterShutdown", library.dtypes.UCHAR),
    )

    class BaseInitiateShutdown(library.CallBase):  # type: ignore[misc]  # impacket has no types
        """Of the interface InitShutdown."""

        opnum = 0
        structure = _ARGUMENTS

    class BaseInitiateShutdownResponse(library.CallBase):  # type: ignore[misc]
        """A Win32 code."""

        structure = (("ErrorCode", library.dtypes.ULONG),)

    class BaseInitiateSystemShutdown(library.CallBase):  # type: ignore[misc]
        """Of the interface winreg."""

        opnum = 24
        structure = _ARGUMENTS

    class BaseInitiateSystemShutdownResponse(library.CallBase):  # type: ignore[misc]
        """A Win32 code."""

        structure = (("ErrorCode", library.dtypes.ULONG),)


# ---- processes ----------------------------------------------------------------------------------------------


def processes(reader: Reader, host: str) -> list[tuple[str, int]]:
    """Image name and number of each process, from the performance data of object 230 by its numbers alone.

    That the object is 230 and the counter 784 on every version, and that names come without ``.exe``: [R].
    """
    found = process_table(reader.performance(str(_PROCESS)))
    if not found:
        raise Unreadable(
            f"{host} does not tell its processes",
            remedy="its performance counters may be switched off or damaged (Disable Performance Counters, lodctr)",
        )
    return found


def process_table(data: bytes) -> list[tuple[str, int]]:
    """The processes in performance data (PERF_DATA_BLOCK, winperf.h [V]); [] when there are none in it."""
    if len(data) < 36 or data[:8] != "PERF".encode("utf-16-le"):
        return []
    at, objects = struct.unpack_from("<II", data, 24)
    found: list[tuple[str, int]] = []
    for unused in range(objects):
        if at + 64 > len(data):
            break
        total, definitions, header, index = struct.unpack_from("<IIII", data, at)
        counters, instances = struct.unpack_from("<i4xi", data, at + 32)
        if index == _PROCESS:
            where = _offset_of(data, at + header, counters)
            found += _instances(data, at + definitions, instances, where) if where else []
        at += total
    return found


def _offset_of(data: bytes, at: int, counters: int) -> int | None:
    """Where in an instance's numbers the process number stands."""
    for unused in range(counters):
        if at + 40 > len(data):
            return None
        length, index = struct.unpack_from("<II", data, at)
        if index == _PROCESS_ID:
            return int(struct.unpack_from("<I", data, at + 36)[0])
        at += length
    return None


def _instances(data: bytes, at: int, count: int, where: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for unused in range(max(count, 0)):
        if at + 24 > len(data):
            break
        length, name_at, name_length = (
            struct.unpack_from("<I", data, at)[0],
            *struct.unpack_from("<II", data, at + 16),
        )
        block = at + length
        if block + where + 4 > len(data):
            break
        name = data[at + name_at : at + name_at + name_length].decode("utf-16-le", "replace").split("\0")[0]
        number = struct.unpack_from("<I", data, block + where)[0]
        if name != "_Total":
            found.append((name if number == 0 or name == "System" else f"{name}.exe", number))
        at = block + struct.unpack_from("<I", data, block)[0]
    return found

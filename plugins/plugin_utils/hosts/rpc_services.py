# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows services by [MS-SCMR]: states, start types and errors are numbers on every Windows and in every language.

Only calls that NT 4.0 has are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from . import rpc_library as library
from .errors import Refused
from .models import Service
from .rpc_errors import RpcFailed
from .rpc_pipes import SVCCTL, Pipes
from .rpc_smb import Broken, secret_of

_ACCESS_DENIED = 5
NO_SUCH_SERVICE, EXISTS, MARKED_FOR_DELETE = 1060, 1073, 1072
NOT_IN_TIME, ALREADY_RUNNING, LOCKED = 1053, 1056, 1055

_STATES = {
    1: "stopped",
    2: "start_pending",
    3: "stop_pending",
    4: "running",
    5: "continue_pending",
    6: "pause_pending",
    7: "paused",
}
START_TYPES = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_CONNECT_AND_LIST, _CREATE = 0x0005, 0x0002
_QUERY, _START, _STOP, _DEPENDENTS, _CHANGE, _DELETE = 0x0005, 0x0010, 0x0020, 0x0008, 0x0002, 0x00010000
_WIN32, _ALL_STATES = 0x30, 3
_NO_CHANGE = 0xFFFFFFFF
# StartService waits until the service has told the SCM that it lives: 30 s, and 80 s behind another start [R].
_START_PATIENCE = 150.0


def may_create(pipes: Pipes) -> bool:
    """Whether the account may make services, which only administrators may [V, MS, access rights of the SCM].

    A handle with that right is asked for, and nothing is done with it.
    """
    try:
        with _manager(pipes, _CREATE):
            return True
    except RpcFailed as error:
        if error.exit_code != _ACCESS_DENIED:
            raise
        return False


def read(pipes: Pipes, names: Sequence[str]) -> dict[str, Service]:
    """State and start type of the services that exist, by the names that were asked for."""
    found: dict[str, Service] = {}
    with _manager(pipes, _CONNECT_AND_LIST) as manager:
        for name in names:
            try:
                with _service(pipes, manager, name, _QUERY) as service:
                    found[name] = Service(name, _state(pipes, service, name), _config(pipes, service, name)[0])
            except RpcFailed as error:
                if error.exit_code != NO_SUCH_SERVICE:
                    raise
    return found


def read_all(pipes: Pipes) -> dict[str, Service]:
    """Every Win32 service with state and display name; the start type is not among what a list tells."""
    with _manager(pipes, _CONNECT_AND_LIST) as manager:
        request = library.scmr.REnumServicesStatusW()
        request["hSCManager"], request["dwServiceType"], request["dwServiceState"] = manager, _WIN32, _ALL_STATES
        request["cbBufSize"] = 0
        request["lpResumeIndex"] = library.dtypes.NULL
        # How much there is, then all of it.
        size = _call(pipes, request, "listing the services", fine=(234,))["pcbBytesNeeded"]
        request["cbBufSize"] = size
        answer = _call(pipes, request, "listing the services")
        rows = _listed(b"".join(answer["lpBuffer"]), answer["lpServicesReturned"])
        return {name: Service(name, _STATES.get(state, "stopped"), None, shown) for name, shown, state in rows}


def dependents(pipes: Pipes, name: str) -> list[str]:
    """The services that depend on one, running or not."""
    with _manager(pipes, _CONNECT_AND_LIST) as manager, _service(pipes, manager, name, _DEPENDENTS) as service:
        request = library.scmr.REnumDependentServicesW()
        request["hService"], request["dwServiceState"], request["cbBufSize"] = service, _ALL_STATES, 0
        what = f"listing what depends on {name}"
        answer = _call(pipes, request, what, fine=(234,))
        if not answer["pcbBytesNeeded"]:
            return []
        request["cbBufSize"] = answer["pcbBytesNeeded"]
        answer = _call(pipes, request, what)
        return [row[0] for row in _listed(b"".join(answer["lpServices"]), answer["lpServicesReturned"])]


def state(pipes: Pipes, name: str) -> str:
    """The state of one service; RpcFailed (NO_SUCH_SERVICE) when there is none."""
    with _manager(pipes, _CONNECT_AND_LIST) as manager, _service(pipes, manager, name, _QUERY) as service:
        return _state(pipes, service, name)


def start(pipes: Pipes, name: str) -> None:
    """Ask a service to start."""
    with _manager(pipes, _CONNECT_AND_LIST) as manager, _service(pipes, manager, name, _START) as service:
        request = library.scmr.RStartServiceW()
        request["hService"], request["argc"], request["argv"] = service, 0, library.dtypes.NULL
        with pipes.wire.patience(max(_START_PATIENCE, pipes.wire.endpoint.read_timeout)):
            _call(pipes, request, f"starting the service {name}")


def stop(pipes: Pipes, name: str) -> None:
    """Ask a service to stop."""
    with _manager(pipes, _CONNECT_AND_LIST) as manager, _service(pipes, manager, name, _STOP) as service:
        request = library.scmr.RControlService()
        request["hService"], request["dwControl"] = service, 1
        _call(pipes, request, f"stopping the service {name}")


def set_start_type(pipes: Pipes, name: str, start_type: str) -> None:
    """Set when a service starts: auto, manual or disabled."""
    numbers = {text: number for number, text in START_TYPES.items() if number >= 2}
    if start_type not in numbers:
        raise Refused(f"{start_type} is no start type; auto, manual and disabled are")
    with _manager(pipes, _CONNECT_AND_LIST) as manager, _service(pipes, manager, name, _CHANGE) as service:
        request = library.scmr.RChangeServiceConfigW()
        request["hService"], request["dwStartType"] = service, numbers[start_type]
        request["dwServiceType"] = request["dwErrorControl"] = _NO_CHANGE
        for field in ("lpBinaryPathName", "lpLoadOrderGroup", "lpdwTagId", "lpDependencies", "lpServiceStartName"):
            request[field] = library.dtypes.NULL
        request["lpPassword"] = request["lpDisplayName"] = library.dtypes.NULL
        request["dwDependSize"] = request["dwPwSize"] = 0
        _call(pipes, request, f"changing the start type of the service {name}")


def create(pipes: Pipes, name: str, line: str, account: str | None = None, password: str | None = None) -> None:
    """Make a service of its own process that starts only when it is asked to, as LocalSystem or an account.

    The password travels in its field of the call, encrypted by the session's key. One that exists already is no
    error: whoever makes it knows what it is for.
    """
    with _manager(pipes, _CONNECT_AND_LIST | _CREATE) as manager:
        request = library.scmr.RCreateServiceW()
        null = library.dtypes.NULL
        request["hSCManager"], request["lpServiceName"], request["lpDisplayName"] = manager, name + "\0", name + "\0"
        request["dwDesiredAccess"], request["dwServiceType"], request["dwStartType"] = _DELETE, 0x10, 3
        request["dwErrorControl"], request["lpBinaryPathName"] = 0, line + "\0"
        request["lpLoadOrderGroup"] = request["lpdwTagId"] = request["lpDependencies"] = null
        request["dwDependSize"] = 0
        secret = secret_of(pipes.wire.session_key, password) if account and password is not None else b""
        # Each field is given once: what impacket has taken for nothing stays nothing.
        request["lpServiceStartName"] = account + "\0" if account else null
        request["lpPassword"], request["dwPwSize"] = secret or null, len(secret)
        try:
            answer = _call(pipes, request, f"making the service {name}")
        except RpcFailed as error:
            if error.exit_code != EXISTS:
                raise
        else:
            _close(pipes, answer["lpServiceHandle"])


def delete(pipes: Pipes, name: str) -> bool:
    """Delete a service; False: there is none."""
    try:
        with _manager(pipes, _CONNECT_AND_LIST) as manager, _service(pipes, manager, name, _DELETE) as service:
            request = library.scmr.RDeleteService()
            request["hService"] = service
            _call(pipes, request, f"deleting the service {name}")
    except RpcFailed as error:
        if error.exit_code in (NO_SUCH_SERVICE, MARKED_FOR_DELETE):
            return False
        raise
    return True


# ---- calls ------------------------------------------------------------------------------------------------


def _call(pipes: Pipes, request: Any, what: str, fine: tuple[int, ...] = ()) -> Any:
    return pipes.call(SVCCTL, request, what, fine=fine)


@contextmanager
def _manager(pipes: Pipes, access: int) -> Iterator[Any]:
    request = library.scmr.ROpenSCManagerW()
    request["lpMachineName"], request["lpDatabaseName"] = library.dtypes.NULL, "ServicesActive\0"
    request["dwDesiredAccess"] = access
    handle = _call(pipes, request, "opening the service control manager")["lpScHandle"]
    try:
        yield handle
    finally:
        _close(pipes, handle)


@contextmanager
def _service(pipes: Pipes, manager: Any, name: str, access: int) -> Iterator[Any]:
    request = library.scmr.ROpenServiceW()
    request["hSCManager"], request["lpServiceName"], request["dwDesiredAccess"] = manager, name + "\0", access
    handle = _call(pipes, request, f"opening the service {name}")["lpServiceHandle"]
    try:
        yield handle
    finally:
        _close(pipes, handle)


def _close(pipes: Pipes, handle: Any) -> None:
    request = library.scmr.RCloseServiceHandle()
    request["hSCObject"] = handle
    with suppress(RpcFailed, Broken):
        _call(pipes, request, "closing a handle")


def _state(pipes: Pipes, service: Any, name: str) -> str:
    request = library.scmr.RQueryServiceStatus()
    request["hService"] = service
    answer = _call(pipes, request, f"asking for the state of the service {name}")
    return _STATES.get(answer["lpServiceStatus"]["dwCurrentState"], "stopped")


def _config(pipes: Pipes, service: Any, name: str) -> tuple[str | None, str]:
    """Start type and account."""
    request = library.scmr.RQueryServiceConfigW()
    request["hService"], request["cbBufSize"] = service, 0
    what = f"asking for the settings of the service {name}"
    request["cbBufSize"] = _call(pipes, request, what, fine=(122,))["pcbBytesNeeded"]
    config = _call(pipes, request, what)["lpServiceConfig"]
    return START_TYPES.get(config["dwStartType"]), str(config["lpServiceStartName"] or "").rstrip("\0")


def _listed(data: bytes, count: int) -> list[tuple[str, str, int]]:
    """Rows of ENUM_SERVICE_STATUSW as they lie in a buffer: offset of the name, of the long name, seven numbers."""
    rows: list[tuple[str, str, int]] = []
    for index in range(count):
        row = data[index * 36 : index * 36 + 36]
        if len(row) < 36:
            break
        name, shown, unused, current = (int.from_bytes(row[at : at + 4], "little") for at in (0, 4, 8, 12))
        del unused
        rows.append((_text(data, name), _text(data, shown), current))
    return rows


def _text(data: bytes, at: int) -> str:
    end = at
    while end + 1 < len(data) and data[end : end + 2] != b"\0\0":
        end += 2
    return data[at:end].decode("utf-16-le", "replace")

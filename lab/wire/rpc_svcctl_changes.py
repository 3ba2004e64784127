# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service control manager from afar ([MS-SCMR]): configurations, and services made, changed and deleted."""

from __future__ import annotations

import struct

from Cryptodome.Cipher import DES

from ..errors import Win32Error
from ..scratch import is_tool
from ..service_programs import create, delete, set_account
from ..services import Service
from .ntlmssp import des_key
from .rpc_interface import RpcCall
from .rpc_ndr import NdrWriter
from .rpc_svcctl import (
    INSUFFICIENT_BUFFER,
    INTERACTIVE,
    INVALID_LEVEL,
    INVALID_PARAMETER,
    NEWER,
    NO_SUCH_SERVICE,
    OWN_PROCESS,
    SHARE_PROCESS,
    START_TYPES,
    START_WORDS,
    SVCCTL,
    Manager,
    ServiceHandle,
    both,
    encoding,
    find,
    kind_of,
    no_buffer,
    optional_text,
    pack_text,
    path_of,
    text,
)

NO_CHANGE = 0xFFFFFFFF
ERROR_NORMAL = 1


def password_of(call: RpcCall, data: bytes | None, wide: bool) -> str:
    """The password as it came: sealed with the session key ([MS-LSAD] 5.1.2) or as it is."""
    if not data:
        return ""
    opened = decrypt(call.caller.key, data)
    plain = opened if opened is not None else data
    return plain.decode("utf-16-le" if wide else encoding(call), "replace").partition("\0")[0]


def decrypt(key: bytes, data: bytes) -> bytes | None:
    """A secret that was sealed by DES with parts of the session key; None when it is none."""
    if len(data) % 8 or len(data) < 8 or len(key) < 7:
        return None
    plain, rest = b"", key
    for place in range(0, len(data), 8):
        plain += DES.new(des_key(rest[:7]), DES.MODE_ECB).decrypt(data[place : place + 8])
        rest = rest[7:]
        if len(rest) < 7:
            rest = key[len(rest) :]
    length, version = struct.unpack_from("<II", plain)
    return plain[8 : 8 + length] if version == 1 and length <= len(plain) - 8 else None


def _names(data: bytes | None, wide: bool, call: RpcCall) -> list[str] | None:
    """Dependencies: texts one after the other, ended by an empty one."""
    if data is None:
        return None
    plain = data.decode("utf-16-le" if wide else encoding(call), "replace")
    return [name for name in plain.split("\0") if name]


def _check(kind: int, start: int) -> None:
    if kind != NO_CHANGE and kind & ~INTERACTIVE not in (OWN_PROCESS, SHARE_PROCESS):
        raise Win32Error(INVALID_PARAMETER, f"type {kind}")
    if start != NO_CHANGE and start not in START_WORDS:
        raise Win32Error(INVALID_PARAMETER, f"start type {start}")


def _refused_creation(write: NdrWriter) -> None:
    write.optional(None)
    write.raw(bytes(20))


@both(12, 24, refused=_refused_creation)
def create_service(call: RpcCall, wide: bool) -> int:
    """RCreateService."""
    call.handle(Manager)
    name, display = text(call, wide), optional_text(call, wide)
    call.read.u32()
    kind, start, _unused_error = call.read.u32(), call.read.u32(), call.read.u32()
    path = text(call, wide)
    optional_text(call, wide)
    call.read.optional()
    depends = _names(call.read.array_pointer(), wide, call)
    call.read.u32()
    account = optional_text(call, wide) or ""
    sealed = call.read.array_pointer()
    call.read.u32()
    password = password_of(call, sealed, wide)
    with call.journal(f"svcctl CreateService {name} {path}", changes=not is_tool(name)):
        _check(kind, start)
        service = create(
            call.host,
            name,
            display or "",
            path,
            start_type=START_WORDS[start],
            own_process=bool(kind & OWN_PROCESS),
            account=account,
            password=password,
        )
        service.after = depends or []
    call.write.optional(None)
    call.write.raw(call.open(ServiceHandle(call, service)))
    return 0


@SVCCTL.operation(2)
def delete_service(call: RpcCall) -> int:
    """RDeleteService."""
    service = call.handle(ServiceHandle).service
    with call.journal(f"svcctl DeleteService {service.name}", changes=not is_tool(service.name)):
        delete(call.host, service)
    return 0


@both(11, 23, refused=lambda write: write.optional(None))
def change_config(call: RpcCall, wide: bool) -> int:
    """RChangeServiceConfig."""
    service = call.handle(ServiceHandle).service
    kind, start, _unused_error = call.read.u32(), call.read.u32(), call.read.u32()
    path = optional_text(call, wide)
    optional_text(call, wide)
    call.read.optional()
    depends = _names(call.read.array_pointer(), wide, call)
    call.read.u32()
    account = optional_text(call, wide)
    sealed = call.read.array_pointer()
    call.read.u32()
    display = optional_text(call, wide)
    what = [f"start {START_WORDS[start]}"] if start in START_WORDS else []
    what += [f"path {path}"] if path else []
    what += [f"account {account}"] if account is not None else []
    with call.journal(" ".join(["svcctl ChangeServiceConfig", service.name, *what]), changes=True):
        if service.deleted:
            raise Win32Error(1072, service.name)
        _check(kind, start)
        if start in START_WORDS:
            call.host.service_manager.configure(service.name, START_WORDS[start])
        if path:
            service.path = path
        if depends is not None:
            service.after = depends
        if account is not None:
            set_account(call.host, service, account, password_of(call, sealed, wide))
        service.display = display or service.display
        call.world.changed()
    call.write.optional(None)
    return 0


def _no_config(write: NdrWriter) -> None:
    write.raw(bytes(36))
    write.u32(0)


@both(17, 29, refused=_no_config)
def query_config(call: RpcCall, wide: bool) -> int:
    """RQueryServiceConfig."""
    service, room = call.handle(ServiceHandle).service, call.read.u32()
    with call.journal(f"svcctl QueryServiceConfig {service.name}", changes=False):
        rows = [path_of(call, service), "", "/".join(service.after), service.account, service.display]
        needed = 36 + sum(len(pack_text(call, row, wide)) for row in rows)
    if room < needed:
        call.write.raw(bytes(36))
        call.write.u32(needed)
        return INSUFFICIENT_BUFFER
    _write_config(call, service, rows, wide)
    call.write.u32(needed)
    return 0


def _write_config(call: RpcCall, service: Service, rows: list[str], wide: bool) -> None:
    write = call.write

    def later(value: str) -> None:
        if wide:
            write.later_text(value)
        else:
            write.later_narrow(value, encoding(call))

    write.u32(kind_of(service))
    write.u32(START_TYPES[service.start_type])
    write.u32(ERROR_NORMAL)
    later(rows[0])
    later(rows[1])
    write.u32(0)
    for row in rows[2:]:
        later(row)
    write.settle()


def _no_name(write: NdrWriter) -> None:
    write.text("")
    write.u32(0)


def _tell_name(call: RpcCall, name: str) -> int:
    room = call.read.u32()
    code = INSUFFICIENT_BUFFER if room <= len(name) else 0
    call.write.text("" if code else name)
    call.write.u32(len(name))
    return code


@SVCCTL.operation(20, refused=_no_name)
def display_name(call: RpcCall) -> int:
    """RGetServiceDisplayNameW."""
    call.handle(Manager)
    return _tell_name(call, find(call, call.read.text()).display)


@SVCCTL.operation(21, refused=_no_name)
def key_name(call: RpcCall) -> int:
    """RGetServiceKeyNameW."""
    call.handle(Manager)
    wanted = call.read.text()
    for service in call.host.services.values():
        if service.display.lower() == wanted.lower():
            return _tell_name(call, service.name)
    raise Win32Error(NO_SUCH_SERVICE, wanted)


@SVCCTL.operation(39, refused=no_buffer, systems=NEWER)
def query_config2(call: RpcCall) -> int:
    """RQueryServiceConfig2W: description and what is done after failures; the model's services have none of it."""
    call.handle(ServiceHandle)
    level, room = call.read.u32(), call.read.u32()
    data = {1: bytes(4), 2: bytes(20)}.get(level)
    if data is None:
        raise Win32Error(INVALID_LEVEL, str(level))
    code = INSUFFICIENT_BUFFER if room < len(data) else 0
    call.write.array(bytes(room) if code else data + bytes(room - len(data)))
    call.write.u32(len(data))
    return code

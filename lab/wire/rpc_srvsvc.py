# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Server and Workstation services from afar ([MS-SRVS], [MS-WKST]), pipes srvsvc and wkssvc."""

from __future__ import annotations

from ..tables import table
from .rpc_interface import RpcCall, interface
from .rpc_ndr import NdrWriter
from .smb_trees import ShareRow, rows

SRVSVC = interface("srvsvc", "4b324fc8-1670-01d3-1278-5a47bf6ee188", "3.0")
WKSSVC = interface("wkssvc", "6bffd098-a112-3610-9833-46c3f87e345a", "1.0")

ACCESS_DENIED, INVALID_LEVEL, NO_SUCH_SHARE = 5, 124, 2310
PLATFORM_NT = 500
#: Workstation, server, NT, server of NT; domain controller beside that.
SERVER_TYPE, CONTROLLER = 0x00009003, 0x00000008


def version_of(call: RpcCall) -> tuple[int, int]:
    """Major and minor number of the host's Windows."""
    major, _unused, minor = str(table("products")["systems"][call.host.os]["version"]).partition(".")
    return int(major), int(minor)


def _row(write: NdrWriter, row: ShareRow, level: int) -> None:
    """One share at an information level."""
    write.later_text(row.name)
    if level == 0:
        return
    write.u32(row.kind)
    write.later_text(row.remark)
    if level == 501:
        write.u32(0)
    if level in (2, 502):
        write.u32(0)
        write.u32(0xFFFFFFFF)
        write.u32(1)
        write.later_text(row.path)
        write.later_text(None)
    if level == 502:
        write.u32(0)
        write.pointer(False)


def _no_shares(write: NdrWriter) -> None:
    write.u32(1)
    write.u32(1)
    write.pointer(False)
    write.u32(0)
    write.optional(None)


def _enum(call: RpcCall) -> int:
    """NetrShareEnum, and its form without what is not permanent."""
    call.read.text_pointer()
    level, _unused = call.read.u32(), call.read.u32()
    if call.read.pointer():
        call.read.u32()
        call.read.pointer()
    call.read.u32()
    resume = call.read.optional()
    write = call.write
    if level not in (0, 1, 2, 501, 502):
        _no_shares(write)
        return INVALID_LEVEL
    if level in (2, 502) and not call.caller.admin:
        _no_shares(write)
        return ACCESS_DENIED
    with call.journal("srvsvc NetrShareEnum", changes=False):
        found = rows(call.world, call.host)
    write.u32(level)
    write.u32(level)
    write.pointer()
    write.u32(len(found))
    write.pointer()
    write.u32(len(found))
    for row in found:
        _row(write, row, level)
    write.settle()
    write.u32(len(found))
    write.optional(None if resume is None else 0)
    return 0


for _number in (15, 36):
    SRVSVC.operation(_number, refused=_no_shares)(_enum)


def _no_union(write: NdrWriter) -> None:
    write.u32(0)
    write.pointer(False)


@SRVSVC.operation(16, refused=_no_union)
def share_info(call: RpcCall) -> int:
    """NetrShareGetInfo."""
    call.read.text_pointer()
    name, level = call.read.text(), call.read.u32()
    with call.journal(f"srvsvc NetrShareGetInfo {name}", changes=False):
        row = next((each for each in rows(call.world, call.host) if each.name.lower() == name.lower()), None)
    call.write.u32(level)
    if row is None or level not in (0, 1, 2, 501, 502):
        call.write.pointer(False)
        return NO_SUCH_SHARE if row is None else INVALID_LEVEL
    if level in (2, 502) and not call.caller.admin:
        call.write.pointer(False)
        return ACCESS_DENIED
    call.write.pointer()
    _row(call.write, row, level)
    call.write.settle()
    return 0


@SRVSVC.operation(21, refused=_no_union)
def server_info(call: RpcCall) -> int:
    """NetrServerGetInfo."""
    call.read.text_pointer()
    level, write, host = call.read.u32(), call.write, call.host
    with call.journal("srvsvc NetrServerGetInfo", changes=False):
        major, minor = version_of(call)
    write.u32(level)
    if level not in (100, 101, 102) or (level == 102 and not call.caller.admin):
        write.pointer(False)
        return INVALID_LEVEL if level not in (100, 101, 102) else ACCESS_DENIED
    write.pointer()
    write.u32(PLATFORM_NT)
    write.later_text(host.computer_name)
    if level > 100:
        write.u32(major)
        write.u32(minor)
        write.u32(SERVER_TYPE | (CONTROLLER if host.controller else 0))
        write.later_text("")
    if level > 101:
        for value in (0xFFFFFFFF, 15, 0, 240, 3000, 0):
            write.u32(value)
        write.later_text("C:\\")
    write.settle()
    return 0


@SRVSVC.operation(24, refused=lambda write: write.pointer(False))
def statistics(call: RpcCall) -> int:
    """NetrServerStatisticsGet: since when the Server service counts, and nothing that it has counted."""
    call.read.text_pointer()
    host = call.host
    with call.journal("srvsvc NetrServerStatisticsGet", changes=False, part=True):
        began = int(host.boot_time + host.clock_skew)
    call.write.pointer()
    for value in (began, *(0,) * 16):
        call.write.u32(value)
    return 0


@SRVSVC.operation(28, refused=lambda write: write.pointer(False))
def time_of_day(call: RpcCall) -> int:
    """NetrRemoteTOD: the host's own clock, which is in UTC."""
    call.read.text_pointer()
    host = call.host
    with call.journal("srvsvc NetrRemoteTOD", changes=False, part=True):
        now, up = host.local_time, call.world.clock.time - host.boot_time
    values = (
        int(host.now),
        int(up * 1000) & 0xFFFFFFFF,
        now.hour,
        now.minute,
        now.second,
        now.microsecond // 10000,
        0,
        310,
        now.day,
        now.month,
        now.year,
        (now.weekday() + 1) % 7,
    )
    call.write.pointer()
    for value in values:
        call.write.u32(value)
    return 0


@WKSSVC.operation(0, refused=_no_union)
def workstation_info(call: RpcCall) -> int:
    """NetrWkstaGetInfo."""
    call.read.text_pointer()
    level, write, host = call.read.u32(), call.write, call.host
    with call.journal("wkssvc NetrWkstaGetInfo", changes=False):
        major, minor = version_of(call)
    write.u32(level)
    if level not in (100, 101, 102) or (level > 100 and not call.caller.admin):
        write.pointer(False)
        return INVALID_LEVEL if level not in (100, 101, 102) else ACCESS_DENIED
    write.pointer()
    write.u32(PLATFORM_NT)
    write.later_text(host.computer_name)
    write.later_text(call.world.prefix)
    write.u32(major)
    write.u32(minor)
    if level > 100:
        write.later_text("")
    if level > 101:
        write.u32(1)
    write.settle()
    return 0

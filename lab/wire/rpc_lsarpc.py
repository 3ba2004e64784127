# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, identifiers and account rights ([MS-LSAD], [MS-LSAT]), pipe lsarpc: what clients need for names and logons."""

from __future__ import annotations

import uuid

from . import rpc_identities as identities
from .rpc_identities import Principal, Sid
from .rpc_interface import Handle, RpcCall, interface, no_handle
from .rpc_ndr import NdrReader, NdrWriter
from .smb_status import NtError

LSARPC = interface("lsarpc", "12345778-1234-abcd-ef00-0123456789ab", "0.0")

NONE_MAPPED, SOME_NOT_MAPPED, NO_SUCH_PRIVILEGE = 0xC0000073, 0x00000107, 0xC0000060
OBJECT_NAME_NOT_FOUND, INVALID_PARAMETER, ACCESS_DENIED = 0xC0000034, 0xC000000D, 0xC0000022
INVALID_INFO_CLASS = 0xC0000003
SERVICE_LOGON = "SeServiceLogonRight"
PRIMARY_DOMAIN, ACCOUNT_DOMAIN, DNS_DOMAIN, ROLE = 3, 5, 12, 6


class Policy(Handle):
    """The policy of the host."""


@LSARPC.operation(0, refused=no_handle)
def close(call: RpcCall) -> int:
    """LsarClose."""
    call.close()
    return 0


def _open(call: RpcCall) -> int:
    """LsarOpenPolicy and LsarOpenPolicy2."""
    call.write.raw(call.open(Policy()))
    return 0


for _number in (6, 44):
    LSARPC.operation(_number, refused=no_handle)(_open)


def _query(call: RpcCall) -> int:
    """LsarQueryInformationPolicy and its second form: the domain, the host's own accounts, the host's role."""
    call.handle(Policy)
    level = call.read.u16()
    write, world = call.write, call.world
    domain, host = world.prefix, call.host
    if level not in (PRIMARY_DOMAIN, ACCOUNT_DOMAIN, ROLE, DNS_DOMAIN) or (level == DNS_DOMAIN and host.os == "nt4"):
        raise NtError(INVALID_INFO_CLASS)
    write.pointer()
    write.u16(level)
    if level == ROLE:
        write.u16(3)
        return 0
    write.align(4)
    name = host.computer_name if level == ACCOUNT_DOMAIN and not host.controller else domain
    sid = identities.domain_sid(name)
    write.later_unicode(name)
    if level == DNS_DOMAIN:
        write.later_unicode(world.domain)
        write.later_unicode(world.domain)
        write.raw(uuid.uuid5(uuid.NAMESPACE_DNS, world.domain).bytes_le)
    write.pointer()
    write.later(lambda: identities.write_sid(write, sid))
    write.settle()
    return 0


for _number in (7, 46):
    LSARPC.operation(_number, refused=lambda write: write.pointer(False))(_query)


def _domains(write: NdrWriter, found: list[Principal | None]) -> list[str]:
    """LSAPR_REFERENCED_DOMAIN_LIST behind a pointer: the domains of those who were found."""
    names = list(dict.fromkeys(each.domain for each in found if each is not None))
    write.pointer()
    write.u32(len(names))
    write.pointer(bool(names))
    write.u32(32)

    def rows() -> None:
        write.u32(len(names))
        sids: dict[str, Sid] = {}
        for name in names:
            write.later_unicode(name)
            member = next(each for each in found if each is not None and each.domain == name)
            sids[name] = member.sid if member.kind == identities.DOMAIN else member.sid[:-1]
            write.pointer()
            write.later(lambda name=name: identities.write_sid(write, sids[name]))  # type: ignore[misc]

    if names:
        write.later(rows)
    write.settle()
    return names


def _mapped(found: list[Principal | None]) -> tuple[int, int]:
    """How many were found, and the status that says so."""
    count = sum(each is not None for each in found)
    return count, 0 if count == len(found) else SOME_NOT_MAPPED if count else NONE_MAPPED


def _read_names(read: NdrReader) -> list[str]:
    """A counted array of RPC_UNICODE_STRING."""
    read.u32()
    count = read.u32()
    heads = [read.unicode_head() for unused in range(count)]
    return [read.unicode_letters(length) if there else "" for length, unused, there in heads]


def _no_names(write: NdrWriter) -> None:
    write.pointer(False)
    write.u32(0)
    write.pointer(False)
    write.u32(0)


@LSARPC.operation(14, refused=_no_names)
def lookup_names(call: RpcCall) -> int:
    """LsarLookupNames."""
    call.handle(Policy)
    names = _read_names(call.read)
    with call.journal(f"lsarpc LookupNames {' '.join(names)}", changes=False):
        found = [identities.by_name(call.world, call.host, name) for name in names]
    domains = _domains(call.write, found)
    write = call.write
    write.u32(len(found))
    write.pointer(bool(found))
    if found:
        write.u32(len(found))
        for each in found:
            write.align(4)
            write.u16(identities.UNKNOWN if each is None else each.kind)
            write.u32(0 if each is None or each.kind == identities.DOMAIN else each.sid[-1])
            write.u32(0xFFFFFFFF if each is None else domains.index(each.domain))
    count, status = _mapped(found)
    write.u32(count)
    return status


@LSARPC.operation(15, refused=_no_names)
def lookup_sids(call: RpcCall) -> int:
    """LsarLookupSids."""
    call.handle(Policy)
    count = call.read.u32()
    sids: list[Sid] = []
    if call.read.pointer():
        there = [call.read.pointer() for unused in range(call.read.u32())]
        sids = [identities.read_sid(call.read) if each else () for each in there]
    if len(sids) != count:
        raise NtError(INVALID_PARAMETER)
    shown = " ".join(identities.sid_text(sid) for sid in sids if sid)
    with call.journal(f"lsarpc LookupSids {shown}", changes=False):
        found = [identities.by_sid(call.world, call.host, sid) for sid in sids]
    write = call.write
    domains = _domains(write, found)
    write.u32(len(found))
    write.pointer(bool(found))
    if found:
        write.u32(len(found))
        for sid, each in zip(sids, found, strict=True):
            write.align(4)
            write.u16(identities.UNKNOWN if each is None else each.kind)
            write.later_unicode(identities.sid_text(sid) if each is None else each.name)
            write.u32(0xFFFFFFFF if each is None else domains.index(each.domain))
        write.settle()
    mapped, status = _mapped(found)
    write.u32(mapped)
    return status


@LSARPC.operation(45, refused=_no_names)
def user_name(call: RpcCall) -> int:
    """LsarGetUserName: who calls."""
    domain, _unused, name = call.caller.account.partition("\\")
    if call.read.pointer():
        call.read.u16()
    call.write.pointer()
    call.write.unicode(name)
    call.write.pointer()
    call.write.pointer()
    call.write.unicode(domain)
    return 0


def _rights_of(call: RpcCall) -> tuple[Principal | None, str]:
    """The account of the identifier that comes next, and its name."""
    if not call.caller.admin:
        raise NtError(ACCESS_DENIED)
    found = identities.by_sid(call.world, call.host, identities.read_sid(call.read))
    return found, "" if found is None else f"{found.domain}\\{found.name}"


def _no_rights(write: NdrWriter) -> None:
    write.u32(0)
    write.pointer(False)


@LSARPC.operation(36, refused=_no_rights)
def enum_rights(call: RpcCall) -> int:
    """LsarEnumerateAccountRights."""
    call.handle(Policy)
    _unused, name = _rights_of(call)
    with call.journal(f"lsarpc EnumerateAccountRights {name}", changes=False):
        held = [SERVICE_LOGON] if name.lower() in (each.lower() for each in call.host.service_logon) else []
    if not held:
        raise NtError(OBJECT_NAME_NOT_FOUND)
    write = call.write
    write.u32(len(held))
    write.pointer()
    write.u32(len(held))
    for each in held:
        write.later_unicode(each)
    write.settle()
    return 0


def _read_rights(call: RpcCall) -> list[str]:
    """LSAPR_USER_RIGHT_SET; raises NtError for a right that the model does not know."""
    count = call.read.u32()
    names: list[str] = []
    if call.read.pointer():
        heads = [call.read.unicode_head() for unused in range(call.read.u32())]
        names = [call.read.unicode_letters(length) if there else "" for length, unused, there in heads]
    if len(names) != count or any(name != SERVICE_LOGON for name in names):
        raise NtError(NO_SUCH_PRIVILEGE)
    return names


@LSARPC.operation(37)
def add_rights(call: RpcCall) -> int:
    """LsarAddAccountRights: the right to log on as a service."""
    call.handle(Policy)
    found, name = _rights_of(call)
    rights = _read_rights(call)
    with call.journal(f"lsarpc AddAccountRights {name} {' '.join(rights)}", changes=True):
        if found is None:
            raise NtError(OBJECT_NAME_NOT_FOUND)
        if name.lower() not in (each.lower() for each in call.host.service_logon):
            call.host.service_logon.append(name)
        call.world.changed()
    return 0


@LSARPC.operation(38)
def remove_rights(call: RpcCall) -> int:
    """LsarRemoveAccountRights."""
    call.handle(Policy)
    found, name = _rights_of(call)
    everything = bool(call.read.u8())
    call.read.align(4)
    rights = [SERVICE_LOGON] if everything else _read_rights(call)
    with call.journal(f"lsarpc RemoveAccountRights {name} {' '.join(rights)}", changes=True):
        if found is None:
            raise NtError(OBJECT_NAME_NOT_FOUND)
        call.host.service_logon = [each for each in call.host.service_logon if each.lower() != name.lower()]
        call.world.changed()
    return 0

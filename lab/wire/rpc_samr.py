# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local groups and their members ([MS-SAMR]), pipe samr: as much as it takes to see who administers a host."""

from __future__ import annotations

from ..machines import local_groups
from . import rpc_identities as identities
from .rpc_identities import BUILTIN, Sid
from .rpc_interface import Handle, RpcCall, interface, no_handle
from .rpc_ndr import NdrWriter
from .smb_status import NtError

SAMR = interface("samr", "12345778-1234-abcd-ef00-0123456789ac", "1.0")
ACCESS_DENIED, NO_SUCH_DOMAIN, NO_SUCH_ALIAS, NONE_MAPPED = 0xC0000022, 0xC00000DF, 0xC0000151, 0xC0000073


class Server(Handle):
    """The accounts' database."""


class Domain(Handle):
    """A domain in it: the host's own accounts, or BUILTIN."""

    def __init__(self, sid: Sid) -> None:
        self.sid = sid


class Alias(Handle):
    """A local group."""

    def __init__(self, name: str, members: list[str]) -> None:
        self.name = name
        self.members = members


def _connect(call: RpcCall) -> int:
    """SamrConnect and its later forms without revisions."""
    call.write.raw(call.open(Server()))
    return 0


for _number in (0, 57, 62):
    SAMR.operation(_number, refused=no_handle)(_connect)


def _no_revision(write: NdrWriter) -> None:
    _revision(write)
    write.raw(bytes(20))


@SAMR.operation(64, refused=_no_revision)
def connect5(call: RpcCall) -> int:
    """SamrConnect5."""
    _revision(call.write)
    call.write.raw(call.open(Server()))
    return 0


def _revision(write: NdrWriter) -> None:
    write.u32(1)
    write.u32(1)
    write.u32(3)
    write.u32(0)


@SAMR.operation(1, refused=no_handle)
def close(call: RpcCall) -> int:
    """SamrCloseHandle."""
    call.close()
    return 0


def _domains(call: RpcCall) -> dict[str, Sid]:
    host = call.host
    name = call.world.prefix if host.controller else host.computer_name
    return {name: identities.domain_sid(name), "Builtin": BUILTIN}


@SAMR.operation(5, refused=lambda write: write.pointer(False))
def lookup_domain(call: RpcCall) -> int:
    """SamrLookupDomainInSamServer."""
    call.handle(Server)
    wanted = call.read.unicode() or ""
    for name, sid in _domains(call).items():
        if name.lower() == wanted.lower():
            call.write.pointer()
            identities.write_sid(call.write, sid)
            return 0
    raise NtError(NO_SUCH_DOMAIN)


def _no_list(write: NdrWriter) -> None:
    write.u32(0)
    write.pointer(False)
    write.u32(0)


def _list(call: RpcCall, rows: list[tuple[int, str]]) -> int:
    """A SAMPR_ENUMERATION_BUFFER of all rows."""
    write = call.write
    write.u32(len(rows))
    write.pointer()
    write.u32(len(rows))
    write.pointer()
    write.u32(len(rows))
    for number, name in rows:
        write.u32(number)
        write.later_unicode(name)
    write.settle()
    write.u32(len(rows))
    return 0


@SAMR.operation(6, refused=_no_list)
def enum_domains(call: RpcCall) -> int:
    """SamrEnumerateDomainsInSamServer."""
    call.handle(Server)
    return _list(call, [(0, name) for name in _domains(call)])


@SAMR.operation(7, refused=no_handle)
def open_domain(call: RpcCall) -> int:
    """SamrOpenDomain."""
    call.handle(Server)
    call.read.u32()
    sid = identities.read_sid(call.read)
    if sid not in _domains(call).values():
        raise NtError(NO_SUCH_DOMAIN)
    call.write.raw(call.open(Domain(sid)))
    return 0


def _aliases(call: RpcCall, domain: Domain) -> dict[int, tuple[str, list[str]]]:
    """The local groups of a domain by their last number."""
    found: dict[int, tuple[str, list[str]]] = {}
    for name, (text, members) in local_groups(call.host).items():
        sid = identities.parse_sid(text)
        if sid[:-1] == domain.sid:
            found[sid[-1]] = (name, members)
    return found


@SAMR.operation(15, refused=_no_list)
def enum_aliases(call: RpcCall) -> int:
    """SamrEnumerateAliasesInDomain."""
    domain = call.handle(Domain)
    with call.journal("samr EnumerateAliases", changes=False):
        rows = [(number, name) for number, (name, unused) in _aliases(call, domain).items()]
    return _list(call, rows)


@SAMR.operation(13, refused=_no_list)
def enum_users(call: RpcCall) -> int:
    """SamrEnumerateUsersInDomain."""
    domain = call.handle(Domain)
    with call.journal("samr EnumerateUsers", changes=False):
        everybody = identities.principals(call.world, call.host)
        rows = [(p.sid[-1], p.name) for p in everybody if p.kind == identities.USER and p.sid[:-1] == domain.sid]
    return _list(call, rows)


@SAMR.operation(27, refused=no_handle)
def open_alias(call: RpcCall) -> int:
    """SamrOpenAlias."""
    domain = call.handle(Domain)
    call.read.u32()
    found = _aliases(call, domain).get(call.read.u32())
    if found is None:
        raise NtError(NO_SUCH_ALIAS)
    call.write.raw(call.open(Alias(*found)))
    return 0


def _no_members(write: NdrWriter) -> None:
    write.u32(0)
    write.pointer(False)


@SAMR.operation(33, refused=_no_members)
def members(call: RpcCall) -> int:
    """SamrGetMembersInAlias."""
    alias = call.handle(Alias)
    if not call.caller.admin:
        raise NtError(ACCESS_DENIED)
    with call.journal(f"samr GetMembersInAlias {alias.name}", changes=False):
        known = [identities.by_name(call.world, call.host, name) for name in alias.members]
    write, sids = call.write, [each.sid for each in known if each is not None]
    write.u32(len(sids))
    write.pointer(bool(sids))
    if sids:
        write.u32(len(sids))
        for unused in sids:
            write.pointer()
        for sid in sids:
            write.align(4)
            identities.write_sid(write, sid)
    return 0

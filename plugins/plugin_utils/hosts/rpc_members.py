# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is in the local group of administrators, by [MS-SAMR] and [MS-LSAT]. Nothing here writes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from . import rpc_library as library
from .errors import CommandFailed, HostError
from .rpc_pipes import LSA, SAMR, Pipes

_BUILTIN, _ADMINISTRATORS = "S-1-5-32", 544
_CONNECT, _LOOKUP, _LIST_MEMBERS, _LOOKUP_NAMES = 0x31, 0x200, 0x4, 0x800
_SOME_NOT_MAPPED = 0x00000107


def administrators(pipes: Pipes) -> list[str]:
    r"""Direct members as ``DOMAIN\name``; a number that has no name any more as it is. Raises CommandFailed."""
    members = _members(pipes)
    if not members:
        return []
    request = library.lsad.LsarOpenPolicy2()
    request["SystemName"] = library.dtypes.NULL
    request["ObjectAttributes"]["RootDirectory"] = library.dtypes.NULL
    request["ObjectAttributes"]["ObjectName"] = library.dtypes.NULL
    request["ObjectAttributes"]["SecurityDescriptor"] = library.dtypes.NULL
    request["ObjectAttributes"]["SecurityQualityOfService"] = library.dtypes.NULL
    request["DesiredAccess"] = _LOOKUP_NAMES
    what = "looking up the administrators"
    policy = pipes.call(LSA, request, what)["PolicyHandle"]
    try:
        request = library.lsat.LsarLookupSids()
        request["PolicyHandle"] = policy
        for sid in members:
            entry = library.lsat.LSAPR_SID_INFORMATION()
            entry["Sid"].fromCanonical(sid)
            request["SidEnumBuffer"]["SidInfo"].append(entry)
        request["SidEnumBuffer"]["Entries"] = len(members)
        request["TranslatedNames"]["Names"] = library.dtypes.NULL
        request["LookupLevel"] = library.lsat.LSAP_LOOKUP_LEVEL.LsapLookupWksta
        answer = pipes.call(LSA, request, what, fine=(_SOME_NOT_MAPPED,))
        return list(_names(answer, members))
    finally:
        request = library.lsad.LsarClose()
        request["ObjectHandle"] = policy
        with suppress(HostError):
            pipes.call(LSA, request, what)


def _names(answer: Any, members: list[str]) -> list[str]:
    domains = [str(entry["Name"]) for entry in answer["ReferencedDomains"]["Domains"]]
    found: list[str] = []
    for sid, entry in zip(members, answer["TranslatedNames"]["Names"], strict=False):
        name, index = str(entry["Name"]), entry["DomainIndex"]
        if not name or not 0 <= index < len(domains):
            found.append(sid)
        else:
            found.append(f"{domains[index]}\\{name}")
    return found


def _members(pipes: Pipes) -> list[str]:
    what = "listing the administrators"
    request = library.samr.SamrConnect2()
    request["ServerName"], request["DesiredAccess"] = "\0", _CONNECT
    handles = [pipes.call(SAMR, request, what)["ServerHandle"]]
    try:
        request = library.samr.SamrOpenDomain()
        request["ServerHandle"], request["DesiredAccess"] = handles[0], _LOOKUP
        request["DomainId"].fromCanonical(_BUILTIN)
        handles.append(pipes.call(SAMR, request, what)["DomainHandle"])
        request = library.samr.SamrOpenAlias()
        request["DomainHandle"], request["DesiredAccess"] = handles[1], _LIST_MEMBERS
        request["AliasId"] = _ADMINISTRATORS
        handles.append(pipes.call(SAMR, request, what)["AliasHandle"])
        request = library.samr.SamrGetMembersInAlias()
        request["AliasHandle"] = handles[2]
        rows = pipes.call(SAMR, request, what)["Members"]["Sids"]
        return [row["SidPointer"].formatCanonical() for row in rows]
    except (KeyError, TypeError, AttributeError) as error:
        raise CommandFailed(f"{what} of {pipes.wire.host} failed: an answer in another form ({error})") from None
    finally:
        for handle in reversed(handles):
            request = library.samr.SamrCloseHandle()
            request["SamHandle"] = handle
            with suppress(HostError):
                pipes.call(SAMR, request, what)

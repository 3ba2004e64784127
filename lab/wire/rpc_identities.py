# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security identifiers of the estate's accounts and groups, and the names that belong to them."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..machines import local_groups
from .rpc_ndr import NdrReader, NdrWriter

if TYPE_CHECKING:
    from ..host import Host
    from ..world import World

USER, DOMAIN_GROUP, DOMAIN, ALIAS, WELL_KNOWN, UNKNOWN = 1, 2, 3, 4, 5, 8
FIRST_RID = 1103
BUILTIN = (5, 32)
Sid = tuple[int, ...]


@dataclass(frozen=True)
class Principal:
    """Somebody with an identifier; `sid`: the identifier authority's number, then the others."""

    sid: Sid
    domain: str
    name: str
    kind: int


def domain_sid(name: str) -> Sid:
    """S-1-5-21 with three numbers that come from the domain's name."""
    digest = hashlib.sha256(name.upper().encode()).digest()
    return (5, 21, *struct.unpack("<III", digest[:12]))


def sid_text(sid: Sid) -> str:
    """An identifier as it is written."""
    return "S-1-" + "-".join(str(number) for number in sid)


def parse_sid(text: str) -> Sid:
    """An identifier from its text."""
    return tuple(int(number) for number in text.split("-")[2:])


def pack_sid(sid: Sid) -> bytes:
    """An identifier as it stands in structures of Windows."""
    rest = sid[1:]
    return struct.pack("<BB", 1, len(rest)) + sid[0].to_bytes(6, "big") + struct.pack(f"<{len(rest)}I", *rest)


def read_sid(read: NdrReader) -> Sid:
    """A conformant identifier."""
    count = read.u32()
    _unused, number = read.u8(), read.u8()
    authority = int.from_bytes(read.raw(6), "big")
    return (authority, *(read.u32() for unused_index in range(min(count, number))))


def write_sid(write: NdrWriter, sid: Sid) -> None:
    """A conformant identifier."""
    write.u32(len(sid) - 1)
    write.raw(pack_sid(sid))


def principals(world: World, host: Host) -> list[Principal]:
    """Everybody whom a host can name."""
    base, prefix = domain_sid(world.prefix), world.prefix
    own = domain_sid(host.computer_name)
    found = [Principal(base, prefix, "", DOMAIN), Principal(own, host.computer_name, "", DOMAIN)]
    found.append(Principal(BUILTIN, "BUILTIN", "", DOMAIN))
    for number, account in enumerate(world.accounts.values(), FIRST_RID):
        found.append(Principal((*base, number), prefix, account.name.partition("\\")[2], USER))
    for name, (sid, members) in local_groups(host).items():
        found.append(Principal(parse_sid(sid), "BUILTIN", name, ALIAS))
        for member in members:
            domain, _unused, user = member.partition("\\")
            known = any(each.domain == domain and each.name == user for each in found)
            if not known:
                rid = 500 if domain == host.computer_name else 513
                base_sid = own if domain == host.computer_name else base
                found.append(Principal((*base_sid, rid), domain, user, USER if rid == 500 else DOMAIN_GROUP))
    found.append(Principal((5, 18), "NT AUTHORITY", "SYSTEM", WELL_KNOWN))
    found.append(Principal((1, 0), "", "Everyone", WELL_KNOWN))
    return found


def by_name(world: World, host: Host, name: str) -> Principal | None:
    """Somebody by a name with or without a domain."""
    domain, slash, plain = name.rpartition("\\")
    for each in principals(world, host):
        same = each.name.lower() == plain.lower() and (each.name or domain)
        if same and (not slash or domain.lower() == each.domain.lower()):
            return each
    return None


def by_sid(world: World, host: Host, sid: Sid) -> Principal | None:
    """Somebody by the identifier."""
    return next((each for each in principals(world, host) if each.sid == sid), None)

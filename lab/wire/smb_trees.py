# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares of a machine and connections to them: IPC$, ADMIN$, the drives', and what the estate shares."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import Win32Error
from ..files import ACCESS_DENIED, INVALID_NAME, Files
from .smb_commands import command
from .smb_packet import Answer, Block, Message, pack_text
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from ..host import Host
    from ..world import World
    from .smb_connection import Connection
    from .smb_logon import LogonSession

EXTENDED_RESPONSE = 0x0008
SEARCH_BITS = 0x0001
#: Access masks: everything, and what reading needs ([MS-SMB2] 2.2.13.1).
ALL_ACCESS, READ_ACCESS = 0x001F01FF, 0x001200A9
#: The drive of a share in the `Files` that stands for it.
SHARE_DRIVE = "C:"


@dataclass
class ShareRow:
    """A share as a listing shows it; `kind` as in [MS-SRVS] 2.2.2.4: 0 disk, 3 IPC, with 0x80000000 when special."""

    name: str
    kind: int
    remark: str
    path: str


@dataclass
class Tree:
    """A connection to a share. `files` is None for IPC$; `base`: the directory that the share offers."""

    tid: int
    uid: int
    name: str
    files: Files | None
    base: str = "C:\\"
    writable: bool = False

    def path(self, name: str) -> str:
        """The path of a name as the client writes it; raises NtError for IPC$ and Win32Error for a bad name."""
        if self.files is None:
            raise NtError(Status.BAD_DEVICE_TYPE)
        if any(ord(char) < 32 for char in name):
            raise Win32Error(INVALID_NAME, name)
        inside = [part for part in name.replace("/", "\\").split("\\") if part not in ("", ".")]
        if ".." in inside:
            raise NtError(Status.OBJECT_NAME_INVALID)
        return self.base.rstrip("\\") + "\\" + "\\".join(inside)

    def disk(self) -> Files:
        """The files; raises NtError for IPC$."""
        if self.files is None:
            raise NtError(Status.BAD_DEVICE_TYPE)
        return self.files

    def check_writable(self) -> None:
        """Raise Win32Error 5 where only reading is allowed."""
        if not self.writable:
            raise Win32Error(ACCESS_DENIED, self.name)


def rows(world: World, host: Host) -> list[ShareRow]:
    """All shares of a machine."""
    found = [
        ShareRow("ADMIN$", 0x80000000, "Remote Admin", host.system_root),
        ShareRow("IPC$", 0x80000003, "Remote IPC", ""),
    ]
    for drive in sorted(host.files.volumes):
        found.append(ShareRow(f"{drive[0]}$", 0x80000000, "Default share", f"{drive}\\"))
    for root in world.shares:
        server, name = root[2:].split("\\")
        if server.lower() == host.computer_name.lower():
            found.append(ShareRow(name, 0, "", f"D:\\{name}"))
    return found


def open_share(connection: Connection, session: LogonSession, name: str) -> Tree:
    """Connect to a share; raises NtError (no such share, access denied)."""
    host, world = connection.host, connection.world
    tid, wanted = connection.next_tid(), name.upper()
    if wanted == "IPC$":
        return Tree(tid, session.uid, "IPC$", None)
    share = world.shares.get(f"\\\\{host.computer_name.lower()}\\{name.lower()}")
    if share is not None:
        if session.account.upper() not in share.readers:
            raise NtError(Status.ACCESS_DENIED)
        files = Files(world, host.computer_name)
        files.volumes = {SHARE_DRIVE: share.volume}
        return Tree(tid, session.uid, share.name, files, f"{SHARE_DRIVE}\\{share.folder}", share.writable)
    base = ""
    if wanted == "ADMIN$":
        base = host.system_root
    elif len(wanted) == 2 and wanted[1] == "$" and f"{wanted[0]}:" in host.files.volumes:
        base = f"{wanted[0]}:\\"
    if not base:
        raise NtError(Status.BAD_NETWORK_NAME)
    if not session.admin:
        raise NtError(Status.ACCESS_DENIED)
    return Tree(tid, session.uid, wanted, host.files, base, writable=True)


@command(0x75)
def tree_connect(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_TREE_CONNECT_ANDX."""
    flags, length = block.unpack("HH")
    session = connection.session(message)
    fields = message.fields(block, length)
    path = fields.text()
    service = fields.text(unicode=False)
    tree = open_share(connection, session, path.rstrip("\\").rpartition("\\")[2])
    own = "IPC" if tree.files is None else "A:"
    if service not in ("?????", own):
        raise NtError(Status.BAD_DEVICE_TYPE)
    connection.trees[tree.tid] = tree

    def data(at: int) -> bytes:
        kind = own.encode() + b"\0"
        return kind + pack_text("" if tree.files is None else "NTFS", message.unicode, at + len(kind))

    words = struct.pack("<H", SEARCH_BITS)
    if flags & EXTENDED_RESPONSE:
        words += struct.pack("<II", ALL_ACCESS if tree.writable or tree.files is None else READ_ACCESS, 0)
    return Answer(words, data, tid=tree.tid)


@command(0x71)
def tree_disconnect(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_TREE_DISCONNECT."""
    connection.tree(message)
    connection.drop_files(lambda opened: opened.tid == message.tid)
    del connection.trees[message.tid]
    return Answer()

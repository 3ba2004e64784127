# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SMB connection: its messages one after the other, who is logged on, what is open."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import Win32Error
from . import (
    smb_directories,
    smb_information,
    smb_logon,
    smb_opening,
    smb_pipes,
    smb_search,
    smb_transactions,
    smb_trees,
)
from .connections import Reset
from .smb_commands import COMMANDS
from .smb_packet import (
    ANDX,
    FLAGS2_EXTENDED_SECURITY,
    FLAGS2_LONG_NAMES,
    FLAGS2_NT_STATUS,
    FLAGS2_SIGNATURE,
    FLAGS2_UNICODE,
    HEADER,
    NO_NEXT,
    Answer,
    Malformed,
    Message,
    Reply,
    frame,
    parse,
    read_message,
    sign,
    signature_of,
)
from .smb_status import NtError, Status, of_win32

if TYPE_CHECKING:
    from .ntlmssp import Acceptor
    from .smb_files import Opened
    from .smb_logon import LogonSession
    from .smb_search import Search
    from .smb_server import SmbServer
    from .smb_transactions import Pending
    from .smb_trees import Tree

#: The modules that fill the table of commands.
PARTS = (smb_directories, smb_information, smb_logon, smb_opening, smb_pipes, smb_search, smb_transactions, smb_trees)
NEGOTIATE, SESSION_SETUP, ECHO, NT_CANCEL = 0x72, 0x73, 0x2B, 0xA4
#: Later parts of a transaction have the number of its first in the count of signatures.
_SECONDARY = (0x26, 0x33, 0xA1)
_EPOCH = 11644473600


class Connection:
    """The state of a connection and the loop that serves it."""

    def __init__(self, server: SmbServer, connection: socket.socket) -> None:
        self.server = server
        self.world = server.world
        self.host = server.host
        self.boot = server.boot()
        self.challenge = secrets.token_bytes(8)
        self.dialect = self.extended = False
        self.acceptor: Acceptor | None = None
        self.sessions: dict[int, LogonSession] = {}
        self.trees: dict[int, Tree] = {}
        self.files: dict[int, Opened] = {}
        self.searches: dict[int, Search] = {}
        self.pending: dict[tuple[int, int], Pending] = {}
        self._socket = connection
        self._key: bytes | None = None
        self._sequence = 0
        self._numbers = 0

    # -- the loop

    def serve(self) -> None:
        """Answer messages until the client or the host ends the connection."""
        try:
            while True:
                packet = read_message(self._socket, self.host.computer_name)
                if packet is None:
                    return
                self._still_there()
                answers = self._handle(parse(packet))
                self._still_there()
                for answer in answers:
                    self._socket.sendall(frame(answer))
        except Malformed:
            return
        finally:
            with self.world.clock.lock:
                self.drop_files(lambda opened: True)

    def _still_there(self) -> None:
        """A connection does not survive the end of its host."""
        if self.boot is None or self.server.boot() != self.boot:
            raise Reset

    def _handle(self, message: Message) -> list[bytes]:
        """Answer a message. A mistake of the lab's own must not stay unseen, and the client must not hang."""
        key, number = self._key, self._sequence
        if key is not None and message.command not in _SECONDARY:
            self._sequence += 1 if message.command == NT_CANCEL else 2
            if message.signature != signature_of(message.packet, key, number):
                return [self._error(message, Status.ACCESS_DENIED).pack()]
        if message.command == NT_CANCEL:
            return []
        try:
            with self.world.clock.lock:
                self.world.clock.now()
                replies = self._replies(message)
        except Reset:
            raise
        except NtError as error:
            replies = [self._error(message, error.status)]
        except Exception:
            self.server.trouble()
            replies = [self._error(message, Status.UNEXPECTED_IO_ERROR)]
        packets = [reply.pack() for reply in replies]
        # the answer to the log-on that switched signing on is signed already
        signing = key or self._key
        return [sign(packet, signing, number + 1) for packet in packets] if signing else packets

    def _replies(self, message: Message) -> list[Reply]:
        if message.command == ECHO:
            return self._echo(message)
        reply = self._reply(message)
        number, offset = message.command, HEADER.size
        while number != NO_NEXT:
            try:
                block = message.block(number, offset)
                function = COMMANDS.get(number)
                if function is None:
                    raise NtError(Status.SMB_BAD_COMMAND)
                self._check(message, number)
                answer = function(self, message, block)
            except NtError as error:
                answer = Answer(status=error.status)
            except Win32Error as error:
                answer = Answer(status=of_win32(error.code))
            reply.status = answer.status
            # what follows in the chain goes on with the new numbers
            message.tid = reply.tid = message.tid if answer.tid is None else answer.tid
            message.uid = reply.uid = message.uid if answer.uid is None else answer.uid
            reply.blocks.append((number, answer))
            if answer.status or number not in ANDX or block.next_offset <= offset:
                break
            number, offset = block.next_command, block.next_offset
        reply.flags2 = self._flags2(message)
        more = [answer for unused, answer in reply.blocks if isinstance(answer, smb_transactions.Series)]
        if more:
            return [self._series_reply(message, reply, part) for part in more[0].parts]
        return [] if any(answer is smb_transactions.SILENT for unused, answer in reply.blocks) else [reply]

    def _series_reply(self, message: Message, reply: Reply, part: Answer) -> Reply:
        """A transaction's answer can be longer than a message."""
        single = self._reply(message)
        single.status, single.tid, single.uid = reply.status, reply.tid, reply.uid
        single.blocks = [(reply.blocks[0][0], part)]
        return single

    def _check(self, message: Message, number: int) -> None:
        """Without a log-on there is nothing but the way to it."""
        if number in (NEGOTIATE, SESSION_SETUP):
            return
        if message.uid not in self.sessions:
            raise NtError(Status.SMB_BAD_UID if self.sessions else Status.ACCESS_DENIED)

    def _reply(self, message: Message) -> Reply:
        return Reply(message, self._flags2(message), 0, message.tid, message.uid)

    def _error(self, message: Message, status: int) -> Reply:
        reply = self._reply(message)
        reply.status = status
        reply.blocks = [(message.command, Answer(status=status))]
        return reply

    def _echo(self, message: Message) -> list[Reply]:
        block = message.block(ECHO, HEADER.size)
        (count,) = block.unpack("H")
        replies = []
        for number in range(1, min(count, 8) + 1):
            reply = self._reply(message)
            reply.blocks = [(ECHO, Answer(number.to_bytes(2, "little"), block.data))]
            replies.append(reply)
        return replies

    def _flags2(self, message: Message) -> int:
        flags = FLAGS2_LONG_NAMES | FLAGS2_NT_STATUS | (message.flags2 & FLAGS2_UNICODE)
        if message.command == NEGOTIATE:
            flags |= FLAGS2_UNICODE
        flags |= FLAGS2_EXTENDED_SECURITY if self.extended else 0
        return flags | (FLAGS2_SIGNATURE if self._key is not None else 0)

    # -- what commands use

    def begin_signing(self, key: bytes) -> None:
        """From the answer to this message on everything is signed; the first log-on's key holds for the connection."""
        if self._key is None:
            self._key, self._sequence = key, 2

    def session(self, message: Message) -> LogonSession:
        """Who has sent the message; raises NtError."""
        found = self.sessions.get(message.uid)
        if found is None:
            raise NtError(Status.SMB_BAD_UID)
        return found

    def tree(self, message: Message) -> Tree:
        """The share that the message is about; raises NtError."""
        found = self.trees.get(message.tid)
        if found is None:
            raise NtError(Status.SMB_BAD_TID)
        return found

    def opened(self, fid: int) -> Opened:
        """The open file or pipe; raises NtError."""
        found = self.files.get(fid)
        if found is None:
            raise NtError(Status.INVALID_HANDLE)
        return found

    def next_uid(self) -> int:
        """A number for a log-on."""
        return self._number(self.sessions)

    def next_tid(self) -> int:
        """A number for a share."""
        return self._number(self.trees)

    def next_fid(self) -> int:
        """A number for an open file, or for a search."""
        return self._number({**self.files, **self.searches})

    def _number(self, taken: dict[int, object] | dict[int, LogonSession] | dict[int, Tree]) -> int:
        while True:
            self._numbers = self._numbers % 0xFFF0 + 1
            if self._numbers not in taken:
                return self._numbers

    def drop_files(self, chosen: Callable[[Opened], bool]) -> None:
        """Close what is open and chosen, as when a client has gone; nothing goes wrong in that."""
        for fid, opened in list(self.files.items()):
            if chosen(opened):
                del self.files[fid]
                opened.close(gone=True)

    def filetime(self, moment: float) -> int:
        """Epoch seconds as Windows counts time: 100 ns since 1601."""
        return int((moment + _EPOCH) * 10_000_000)

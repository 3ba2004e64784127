# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named pipes behind IPC$: each open one is an endpoint of a remote procedure call ([MS-CIFS] 2.2.5)."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING

from .rpc_endpoint import Caller, Endpoint
from .rpc_pipes import interfaces_of
from .smb_commands import Outcome, Transaction, pipe_transaction
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection
    from .smb_logon import LogonSession
    from .smb_trees import Tree

#: State of a pipe: message mode, to the client's end, with room for many instances.
PIPE_STATE = 0x05FF


class OpenPipe:
    """An open pipe in message mode: each packet of an answer is a message, and a read gives one at most."""

    def __init__(self, tree: Tree, uid: int, name: str, endpoint: Endpoint) -> None:
        self.tid, self.uid = tree.tid, uid
        self.name = name
        self.endpoint = endpoint
        self._answers: deque[bytes] = deque()

    def write(self, data: bytes) -> None:
        """Take what the client sends; answers are made as soon as a call is complete."""
        self._answers.extend(self.endpoint.receive(data))

    def read(self, count: int) -> tuple[bytes, bool]:
        """The next message or a part of it, and whether there is more of it; raises NtError when there is none."""
        if not self._answers:
            raise NtError(Status.PIPE_EMPTY)
        message = self._answers.popleft()
        if len(message) <= count:
            return message, False
        self._answers.appendleft(message[count:])
        return message[:count], True

    def close(self, *, gone: bool = False) -> None:
        """The handles that were opened over the pipe are closed with it."""
        self.endpoint.close()


def open_pipe(connection: Connection, tree: Tree, session: LogonSession, name: str) -> OpenPipe:
    """Open a pipe by its name; raises NtError when the host has none of that name now."""
    plain = name.replace("/", "\\").strip("\\").lower().removeprefix("pipe\\")
    interfaces = interfaces_of(connection.host, plain)
    if not interfaces:
        raise NtError(Status.OBJECT_NAME_NOT_FOUND)
    caller = Caller(connection.server, session.account, session.admin, session.key)
    return OpenPipe(tree, session.uid, plain, Endpoint(caller, plain, interfaces))


def _pipe(connection: Connection, transaction: Transaction) -> OpenPipe:
    if len(transaction.setup) < 4:
        raise NtError(Status.INVALID_SMB)
    opened = connection.opened(struct.unpack_from("<HH", transaction.setup)[1])
    if not isinstance(opened, OpenPipe):
        raise NtError(Status.INVALID_HANDLE)
    return opened


@pipe_transaction(0x26)
def transact(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS_TRANSACT_NMPIPE: write, then read."""
    pipe = _pipe(connection, transaction)
    pipe.write(transaction.data)
    data, more = pipe.read(transaction.max_data)
    return Outcome(data=data, status=Status.BUFFER_OVERFLOW if more else 0)


@pipe_transaction(0x01)
def set_state(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS_SET_NMPIPE_STATE: message mode is what there is."""
    _pipe(connection, transaction)
    return Outcome()


@pipe_transaction(0x21)
def query_state(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS_QUERY_NMPIPE_STATE."""
    _pipe(connection, transaction)
    return Outcome(struct.pack("<H", PIPE_STATE))


@pipe_transaction(0x54)
def wait_for(connection: Connection, transaction: Transaction) -> Outcome:
    """TRANS_WAIT_NMPIPE: there is always a free instance of a pipe that exists."""
    if not interfaces_of(connection.host, transaction.name.upper().removeprefix("\\PIPE\\").lower()):
        raise NtError(Status.OBJECT_NAME_NOT_FOUND)
    return Outcome()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions: requests and answers that can be longer than one message ([MS-CIFS] 2.2.4.33 to 47)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .smb_commands import PIPE_TRANSACTIONS, TRANSACTIONS2, Outcome, Transaction, command
from .smb_packet import HEADER, Answer, Block, Message
from .smb_status import NtError, Status

if TYPE_CHECKING:
    from .smb_connection import Connection

#: Words of an answer's block, and where its parameters begin.
_WORDS, _PLACE = 20, HEADER.size + 1 + 20 + 2
#: The most bytes of parameters and data in one message; every client has room for a buffer of Windows 2000.
_ROOM = 16384
MOST = 2**24


@dataclass
class Series(Answer):
    """An answer in several messages."""

    parts: list[Answer] = field(default_factory=list)


#: What is answered to a later part of a transaction that is not complete yet: nothing.
SILENT = Answer()


@dataclass
class Pending:
    """A transaction of which parts have still to come."""

    transaction: Transaction
    total_parameters: int
    total_data: int
    command: int
    missing: int


@command(0x25)
@command(0x32)
def transaction(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_TRANSACTION and SMB_COM_TRANSACTION2."""
    values = block.unpack("HHHHBBHIHHHHHBB")
    total_parameters, total_data, max_parameters, max_data = values[:4]
    parameter_count, parameter_place, data_count, data_place, setup_count = values[9:14]
    setup = block.words[28 : 28 + 2 * setup_count]
    if len(setup) < 2 * setup_count:
        raise NtError(Status.INVALID_SMB)
    name = message.fields(block).text() if block.command == 0x25 else ""
    parameters = bytearray(total_parameters)
    data = bytearray(total_data)
    _copy(parameters, 0, message.packet, parameter_place, parameter_count)
    _copy(data, 0, message.packet, data_place, data_count)
    whole = Transaction(message, setup, name, bytes(parameters), bytes(data), max_parameters, max_data)
    missing = total_parameters + total_data - parameter_count - data_count
    if missing > 0:
        pending = Pending(whole, total_parameters, total_data, block.command, missing)
        connection.pending[(message.pid, message.mid)] = pending
        return Answer()
    return _run(connection, whole, block.command)


@command(0x26)
@command(0x33)
def secondary(connection: Connection, message: Message, block: Block) -> Answer:
    """A further part of a transaction; the answer comes with the last one."""
    pending = connection.pending.get((message.pid, message.mid))
    if pending is None:
        raise NtError(Status.INVALID_SMB)
    values = block.unpack("HHHHHHHH")
    whole = pending.transaction
    parameters, data = bytearray(whole.parameters), bytearray(whole.data)
    _copy(parameters, values[4], message.packet, values[3], values[2])
    _copy(data, values[7], message.packet, values[6], values[5])
    whole.parameters, whole.data = bytes(parameters), bytes(data)
    pending.missing -= values[2] + values[5]
    if pending.missing > 0:
        return SILENT
    del connection.pending[(message.pid, message.mid)]
    return _run(connection, whole, pending.command)


@command(0xA0)
def nt_transaction(connection: Connection, message: Message, block: Block) -> Answer:
    """SMB_COM_NT_TRANSACT: access lists, notifications and file system controls are not part of the lab."""
    raise NtError(Status.NOT_SUPPORTED)


def _copy(target: bytearray, at: int, packet: bytes, place: int, count: int) -> None:
    part = packet[place : place + count]
    if len(part) < count or at + count > len(target):
        raise NtError(Status.INVALID_SMB)
    target[at : at + count] = part


def _run(connection: Connection, whole: Transaction, number: int) -> Answer:
    if len(whole.setup) < 2:
        # a call by the name alone is LAN Manager's remote API of before NT
        raise NtError(Status.NOT_SUPPORTED)
    (function,) = struct.unpack_from("<H", whole.setup)
    handler = (PIPE_TRANSACTIONS if number == 0x25 else TRANSACTIONS2).get(function)
    if handler is None:
        raise NtError(Status.NOT_SUPPORTED)
    outcome = handler(connection, whole)
    return Series(status=outcome.status, parts=_parts(outcome), words=b"")


def _parts(outcome: Outcome) -> list[Answer]:
    """Cut an answer into messages: the parameters in the first, the data as they fit."""
    parts: list[Answer] = []
    told_parameters = told_data = 0
    while not parts or told_parameters < len(outcome.parameters) or told_data < len(outcome.data):
        parameters = outcome.parameters[told_parameters : told_parameters + _ROOM]
        data = outcome.data[told_data : told_data + _ROOM - len(parameters)]
        place = _PLACE + -_PLACE % 4
        data_place = place + len(parameters) + -len(parameters) % 4
        words = struct.pack(
            "<HHHHHHHHHBB",
            len(outcome.parameters),
            len(outcome.data),
            0,
            len(parameters),
            place,
            told_parameters,
            len(data),
            data_place if data else 0,
            told_data,
            0,
            0,
        )
        body = bytes(place - _PLACE) + parameters + bytes(-len(parameters) % 4 if data else 0) + data
        parts.append(Answer(words, body))
        told_parameters += len(parameters)
        told_data += len(data)
    return parts

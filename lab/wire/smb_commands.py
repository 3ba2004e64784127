# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of commands and transactions that the SMB server knows; the modules that hold them fill the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .smb_connection import Connection
    from .smb_packet import Answer, Block, Message

Command = Callable[["Connection", "Message", "Block"], "Answer"]


@dataclass
class Transaction:
    """A transaction that has come completely: setup words, parameters, data, and how much may be answered."""

    message: Message
    setup: bytes
    name: str
    parameters: bytes
    data: bytes
    max_parameters: int
    max_data: int


@dataclass
class Outcome:
    """What a transaction answers."""

    parameters: bytes = b""
    data: bytes = b""
    status: int = 0


Handler = Callable[["Connection", Transaction], Outcome]

COMMANDS: dict[int, Command] = {}
#: Subcommands of SMB_COM_TRANSACTION2 by number.
TRANSACTIONS2: dict[int, Handler] = {}
#: Subcommands of SMB_COM_TRANSACTION (named pipes) by number.
PIPE_TRANSACTIONS: dict[int, Handler] = {}


def command(number: int) -> Callable[[Command], Command]:
    """Register the function that answers a command."""

    def register(function: Command) -> Command:
        COMMANDS[number] = function
        return function

    return register


def transaction2(number: int) -> Callable[[Handler], Handler]:
    """Register the function that answers a subcommand of TRANSACTION2."""

    def register(function: Handler) -> Handler:
        TRANSACTIONS2[number] = function
        return function

    return register


def pipe_transaction(number: int) -> Callable[[Handler], Handler]:
    """Register the function that answers a transaction on a named pipe."""

    def register(function: Handler) -> Handler:
        PIPE_TRANSACTIONS[number] = function
        return function

    return register

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection with everything that is used on it."""

from __future__ import annotations

from collections.abc import Callable

from .rpc_files import Files
from .rpc_pipes import Pipes
from .rpc_registry import Reader
from .rpc_smb import Endpoint, Wire


class Link:
    """One connection to a host: its files, its pipes, its registry. Of no use any more after Broken."""

    def __init__(self, endpoint: Endpoint, host: str, wire: Callable[[Endpoint, str], Wire] = Wire) -> None:
        """Connect and log on. Raises Unreachable. ``wire``: what makes the connection."""
        self.wire = wire(endpoint, host)
        self.files = Files(self.wire)
        self.pipes = Pipes(self.files)
        self.registry = Reader(self.pipes)

    def close(self) -> None:
        """Close the pipes and log off. Never raises."""
        self.pipes.close()
        self.wire.log_off()

    def drop(self) -> None:
        """Hang up without a word."""
        self.wire.hang_up()

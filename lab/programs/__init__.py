# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console programs of the simulated Windows, one file for each family."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..world import World

FAMILIES = (
    "at",
    "cluster",
    "cmd",
    "copying",
    "events",
    "filters",
    "hashing",
    "installers",
    "net",
    "network",
    "nlb",
    "perfwiz",
    "reg",
    "sc",
    "schtasks",
    "shutdown",
    "tasklist",
    "tools",
    "wmic",
)


def load() -> None:
    """Register every program; further calls do nothing."""
    for family in FAMILIES:
        importlib.import_module(f"{__name__}.{family}")


def install(world: World) -> None:
    """Let the world's task scheduler run programs and batch files."""
    from ..shell.run import run_command  # the shell builds on the world

    load()
    world.run_program = run_command

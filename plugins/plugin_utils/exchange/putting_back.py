# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be put back at once, because what was to come after it cannot be."""

from __future__ import annotations

from collections.abc import Callable

from ..hosts.errors import CommandFailed, HostError, WaitTimeout


def after_putting_back(
    error: CommandFailed | WaitTimeout, put_back: Callable[[], object], what: str, remedy: str
) -> CommandFailed:
    """Put back, and return the failure with what became of that in words.

    what: "was stopped for the update", after "everything that". remedy: what is to be done where ``error`` says none.
    """
    try:
        put_back()
        after = f"everything that {what} runs again"
    except HostError as second:
        after = f"not everything that {what} runs again: {second.message}"
    return CommandFailed(
        f"{error.message}; {after}",
        exit_code=getattr(error, "exit_code", None),
        output=getattr(error, "output", ""),
        remedy=error.remedy or remedy,
    )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between the control node and a Windows host."""

from __future__ import annotations

from typing import Any


class HostError(Exception):
    """Something about a host that an operator must know, in one sentence, with the remedy in another.

    ``details`` are plain JSON values for the result of an action; they never hold a secret.
    """

    def __init__(self, message: str, *, remedy: str = "", **details: Any) -> None:
        """Keep the sentence, the remedy and the details apart."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details


class Unreachable(HostError):
    """The host did not answer, refused the logon, or was lost during a call that changes nothing."""


class ConnectionLost(HostError):
    """The connection broke while a changing call was under way: the change may have happened or not."""


class ReadOnlyViolation(HostError):
    """A changing call in a session that was opened read-only (check mode). Nothing was sent."""


class Refused(HostError):
    """An input or a state with which going on would not be safe. Nothing was sent."""


class Unreadable(HostError):
    """A program answered in a form that nothing can be concluded from."""


class WaitTimeout(HostError):
    """What was waited for did not happen in time."""


class CommandFailed(HostError):
    """A command ended, and not well."""

    def __init__(
        self, message: str, *, exit_code: int | None = None, output: str = "", remedy: str = "", **details: Any
    ) -> None:
        """Keep the exit code and what the program said, both also among the details."""
        super().__init__(message, remedy=remedy, exit_code=exit_code, output=output, **details)
        self.exit_code = exit_code
        self.output = output

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's errors: Win32 codes, and the end of a process that a running program meets."""

from __future__ import annotations


class Win32Error(Exception):
    """An operation of the simulated Windows failed with a Win32 error code.

    `code` is the code of MS-ERREF (5013: the cluster group could not be found); `subject` names the object
    concerned, for messages. The console programs turn the code into text in the host's language.
    """

    def __init__(self, code: int, subject: str = "") -> None:
        super().__init__(f"Win32 error {code}" + (f" ({subject})" if subject else ""))
        self.code = code
        self.subject = subject


class ProcessEnded(BaseException):
    """Raised inside a background program when its process is ended, or its host goes down.

    It is no `Exception`, so that a program's own error handling cannot keep a dead process alive.
    """


class EstateError(ValueError):
    """An estate or a list of faults cannot be built; the message names the place and what is expected."""

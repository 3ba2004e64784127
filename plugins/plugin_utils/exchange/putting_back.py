# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be put back at once, because what was to come after it cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..hosts.errors import CommandFailed, HostError, WaitTimeout
from ..hosts.session import Session

NOT_DONE = (CommandFailed, WaitTimeout)


def put_back_each(
    session: Session, names: Iterable[str], put_back: Callable[[str], object], place: str, note: Mapping[str, Any]
) -> None:
    """Put each service back, also after one that cannot be; raises CommandFailed for those at the end.

    place: what tells how they were ("PATH says how it was"); it stays, with ``note`` in the details of the error.
    """
    problems: list[HostError] = []
    for name in names:
        try:
            put_back(name)
        except NOT_DONE as error:
            problems.append(error)
            session.progress(error.message)
    if problems:
        raise CommandFailed(
            "; ".join(error.message for error in problems),
            exit_code=getattr(problems[0], "exit_code", None),
            remedy=f"See the host's event logs, start the service, and start the run again. {place}",
            note=dict(note),
        )


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

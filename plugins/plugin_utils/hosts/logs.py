# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log files that installers append to: what of them is new, and which of its lines say something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .session import Session


def line_counts(session: Session, paths: Sequence[str]) -> list[int]:
    """How many lines each file has now, in one round trip; 0 where there is no such file."""
    return session.count_lines(paths)


def new_lines(session: Session, path: str, before: int, phrases: Sequence[str]) -> list[str]:
    """Lines behind the first ``before`` ones that hold one of the phrases, in any case; [] where there is no file."""
    if not phrases:
        return []
    total, matches = session.search_lines(path, phrases)
    # With fewer lines than before the log was begun anew.
    first = before if total >= before else 0
    return [text for number, text in matches if number > first]

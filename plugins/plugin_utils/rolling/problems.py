# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a plan from being made: all of it at once, each with what to do."""

from __future__ import annotations


class NoPlan(Exception):
    """No plan can be made from what was found; nothing has been changed.

    message: one sentence. remedy: what to do. problems: a list of ``host`` (empty: none in particular), ``what`` and
    ``remedy``.
    """

    def __init__(self, message: str, remedy: str = "", problems: list[dict[str, str]] | None = None) -> None:
        """Keep the sentences and the problems."""
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.problems = problems or []


class Problems:
    """Collects problems; each is kept once."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: list[dict[str, str]] = []

    def add(self, host: str, what: str, remedy: str) -> None:
        """Add a problem of ``host`` (empty: of none in particular)."""
        problem = {"host": host, "what": what, "remedy": remedy}
        if problem not in self.found:
            self.found.append(problem)

    def stop_if_any(self) -> None:
        """Raise NoPlan with everything that was found, sorted by host, if anything was."""
        if not self.found:
            return
        problems = sorted(self.found, key=lambda problem: (problem["host"], problem["what"]))
        first = problems[0]
        where = f"{first['host']}: " if first["host"] else ""
        if len(problems) == 1:
            raise NoPlan(f"No plan can be made. {where}{first['what']}", first["remedy"], problems)
        raise NoPlan(
            f"No plan can be made: {len(problems)} problems were found. The first: {where}{first['what']}",
            "See `problems` for what to do about each.",
            problems,
        )

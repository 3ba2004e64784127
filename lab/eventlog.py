# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of a host's event logs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Event:
    """An entry of an event log. `log`: Application, System or Security; `kind`: error, warning or information.

    `time`: by the host's own clock. `strings`: what the source put into its message, not translated; `text`: the
    message in the host's language. `category`: the number that the source gave; `record`: its number in its log.
    """

    time: float
    log: str
    source: str
    id: int
    kind: str
    text: str
    strings: list[str] = field(default_factory=list)
    category: int = 0
    record: int = 0

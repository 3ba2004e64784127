# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps secrets out of files: the second line of defence, after the actions that know them and remove them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "********"
_NAMES = re.compile(r"passw|passwd|secret|token|credential|private_?key", re.IGNORECASE)
# A password in a command line (schtasks /rp, net use) or in words ("password: x", "pwd=x").
_SWITCH = re.compile(
    r"(?i)(/rp[ :]+|\b(?:password|passwd|passphrase|pwd|secret)\b\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s\"']+)"
)


def scrub(value: Any) -> Any:
    """Return ``value`` as plain JSON types, with what looks like a secret hidden."""
    if isinstance(value, str):
        return _SWITCH.sub(lambda found: found.group(1) + HIDDEN, str.__str__(value))
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {
            str.__str__(str(key)): HIDDEN if _NAMES.search(str(key)) and isinstance(inner, str) else scrub(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub(inner) for inner in value]
    return str(value)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the registry that the Performance Optimizer sets, kept so that they can be put back.

It overwrites what was tuned by hand [V, Q271824]. What the values are on a server that nobody has tuned, no source
tells: so they are all kept, and those that it has changed are told afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..hosts.errors import Unreadable
from ..hosts.session import Session
from .exchange55 import facts

Values = dict[str, dict[str, list[Any]]]
"""Key below ``HKLM`` -> name of a value -> type and data."""
_BELOW = "HKLM\\"
_LONG = "HKEY_LOCAL_MACHINE\\"
_SERVICES = r"SYSTEM\CurrentControlSet\Services"


def read(session: Session) -> Values:
    """The values as they are now; keys that do not exist are left out."""
    keys = [rf"{_SERVICES}\{key}" for key in facts()["optimizer"]["keys"]]
    found = session.registry_many([_BELOW + key for key in keys])
    return {
        key: {name: [kind, data] for name, (kind, data) in sorted(values.items())}
        for key, values in zip(keys, found, strict=True)
        if values is not None
    }


def export_text(host: str, values: Values, written: str) -> str:
    """The values as JSON, for a later comparison. ``written``: when, ISO 8601."""
    content = {"host": host, "written": written, "custom": "unknown", "values": values}
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def parse_export(text: str, place: str) -> Values:
    """The reverse of ``export_text``. Raises Unreadable for another text; ``place`` names it."""
    try:
        values = json.loads(text)["values"]
    except (ValueError, TypeError, KeyError):
        values = None
    if not is_values(values):
        raise Unreadable(
            f"{place} does not hold values of the registry as they were saved before the Performance Optimizer",
            remedy="Move the file away, and start the run again",
        )
    return dict(values)


def is_values(found: Any) -> bool:
    """Whether something read from JSON is of the form of ``Values``."""
    return isinstance(found, dict) and all(
        isinstance(values, dict)
        and all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in values.values())
        for values in found.values()
    )


def reg_text(values: Values) -> str:
    """The numbers among the values as a file for regedit.exe, which puts them back.

    REGEDIT4, the form that NT 4.0 reads too. Only numbers (REG_DWORD): what the Performance Optimizer tunes are numbers
    of threads, buffers and sessions, and the rest of these keys (paths, names) a service pack may have changed rightly.
    """
    lines = ["REGEDIT4", ""]
    for key, entries in values.items():
        numbers = {name: pair[1] for name, pair in entries.items() if pair[0] == "REG_DWORD"}
        if not numbers:
            continue
        lines.append(f"[{_LONG}{key}]")
        lines += [f"{_name(name)}=dword:{int(number) & 0xFFFFFFFF:08x}" for name, number in numbers.items()]
        lines.append("")
    return "\r\n".join(lines) + "\r\n"


def differences(before: Values, after: Mapping[str, Mapping[str, list[Any]]]) -> list[dict[str, Any]]:
    """The values that are not as they were: ``key``, ``name``, ``before``, ``after`` (null: not there)."""
    found: list[dict[str, Any]] = []
    for key in sorted({*before, *after}):
        one, other = before.get(key, {}), after.get(key, {})
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                was, now = (pair[1] if pair else None for pair in (one.get(name), other.get(name)))
                found.append({"key": key, "name": name, "before": was, "after": now})
    return found


def words(changes: list[dict[str, Any]]) -> str:
    """Changed values in words."""
    return ", ".join(
        f"{change['key'].removeprefix(_SERVICES).lstrip(chr(92))}: {change['name'] or '(default)'}"
        f" {_shown(change['before'])} -> {_shown(change['after'])}"
        for change in changes
    )


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _name(name: str) -> str:
    """The name of a value as the file writes it; the default value is ``@``."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if name else "@"

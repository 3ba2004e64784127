# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: one line for each command or call that the lab received."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from .world import World

Entry = dict[str, Any]

HIDDEN = "********"
#: Arguments whose value is a secret wherever they stand: /rp X, /p X, /u X, also with a colon.
_SECRET_ARGUMENT = re.compile(r'(?<!\S)(/(?:rp|p|u))(\s+|:)(?:\^?"[^"]*"|\S+)', re.IGNORECASE)


class Journal:
    """All calls in the order in which they came. Secrets are replaced before anything is stored."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.entries: list[Entry] = []
        self.problems: list[str] = []
        self._counts: dict[str, int] = {}
        self._stream: TextIO | None = None

    def begin(self, host: str, channel: str, call: str, *, counted: bool = True) -> Entry:
        """Note a call that has come in; its exit code is None until it is answered."""
        moment = datetime.fromtimestamp(self._world.clock.time, tz=UTC)
        entry: Entry = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "host": host,
            "channel": channel,
            "call": self.hide(call),
            "exit_code": None,
            "changes": False,
        }
        self.entries.append(entry)
        self._counts[host] = self._counts.get(host, 0) + int(counted)
        return entry

    def end(self, entry: Entry, exit_code: int | None, changes: bool) -> None:
        """Note the answer of a call; from now on its line is in the file, when there is one."""
        entry["exit_code"], entry["changes"] = exit_code, changes
        if self._stream:
            self._stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._stream.flush()

    def count(self, host: str) -> int:
        """How many calls the host has received."""
        return self._counts.get(host, 0)

    def problem(self, text: str) -> None:
        """Note that the lab itself could not do what it was asked."""
        self.problems.append(text)

    def hide(self, text: str) -> str:
        """Return the text with passwords replaced."""
        for account in self._world.accounts.values():
            if account.password:
                text = text.replace(account.password, HIDDEN)
        return _SECRET_ARGUMENT.sub(lambda found: f"{found[1]}{found[2]}{HIDDEN}", text)

    def attach(self, path: Path) -> None:
        """Write each line to a file from now on, as its call is answered."""
        self._stream = path.open("a", encoding="utf-8")

    def detach(self) -> None:
        """Close the file of `attach`."""
        if self._stream:
            self._stream.close()
            self._stream = None

    def write(self, path: Path) -> None:
        """Write the whole journal to a file, in the order in which the calls came."""
        text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.entries)
        path.write_text(text, encoding="utf-8")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment variables: their names keep their case and are found in any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Variables:
    """The environment of one cmd instance."""

    def __init__(self, initial: Mapping[str, str]) -> None:
        self._values = {name.upper(): (name, value) for name, value in initial.items()}

    def get(self, name: str) -> str | None:
        """The value, or None when it is not defined."""
        found = self._values.get(name.upper())
        return None if found is None else found[1]

    def set(self, name: str, value: str) -> None:
        """Define a variable; an empty value removes it, as ``set NAME=`` does."""
        if value:
            kept = self._values.get(name.upper())
            self._values[name.upper()] = (kept[0] if kept else name, value)
        else:
            self._values.pop(name.upper(), None)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Names and values in the order in which ``set`` lists them."""
        return iter(value for _unused, value in sorted(self._values.items()))

    def as_dict(self) -> dict[str, str]:
        """A plain copy."""
        return dict(self)

    def copy(self) -> Variables:
        """An independent copy."""
        return Variables(self.as_dict())

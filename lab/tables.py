# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's tables: YAML files in `lab/data`, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml


@cache
def table(name: str) -> dict[str, Any]:
    """Return the table `lab/data/<name>.yml`; callers must not change it."""
    text = (Path(__file__).parent / "data" / f"{name}.yml").read_text(encoding="utf-8")
    loaded = yaml.safe_load(text)
    if not isinstance(loaded, dict):
        raise TypeError(f"lab/data/{name}.yml is not a mapping")
    return loaded


def sentence(language: str, key: str, default: str = "") -> str:
    """Return a name in the language of the simulated Windows, in English where the table has no other."""
    names = table("names")
    found = names.get(language, {}).get(key, names["en"].get(key, default))
    return str(found)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words and sentences that programs print, in the language of the host.

They live in ``lab/texts/<language>.yml``, each with its sureness. A text that a language lacks is
printed in English.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "texts"
LANGUAGES = ("en", "it", "de")


@functools.cache
def load_texts(language: str) -> dict[str, str]:
    """All texts of a language by key, English ones where it has none. Unknown languages are English."""
    texts = {} if language in ("en", "") else dict(load_texts("en"))
    path = FOLDER / f"{language or 'en'}.yml"
    if path.is_file():
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key, entry in content["texts"].items():
            texts[str(key)] = str(entry["text"]) if isinstance(entry, dict) else str(entry)
    return texts


def wording(language: str, key: str, **values: object) -> str:
    """The text with ``{name}`` places filled in. Raises KeyError for a key that English lacks."""
    text = load_texts(language if language in LANGUAGES else "en")[key]
    return text.format(**values) if values else text


def win32_text(language: str, code: int) -> str:
    """The system's sentence for a Win32 error code (English wording from MS-ERREF)."""
    texts = load_texts(language if language in LANGUAGES else "en")
    return texts.get(f"win32.{code}", f"Unknown error {code}.")

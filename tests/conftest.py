# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: a surrounding that is the same on every machine."""

from __future__ import annotations

import os

import pytest

# Settings of the person who runs the tests must not decide them; children inherit what is set here.
for name in list(os.environ):
    if name.startswith(("ANSIBLE_", "MAILOPS_")) and name != "ANSIBLE_COLLECTIONS_PATH":
        del os.environ[name]
os.environ["LC_ALL"] = "C.UTF-8"


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the width and the colours of the terminal out of what is compared."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")

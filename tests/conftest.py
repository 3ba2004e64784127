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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the whole of what is sampled otherwise."""
    parser.addoption("--whole-sweeps", action="store_true", help="every case of the tests that are marked as sweeps")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker."""
    config.addinivalue_line("markers", "sweep(every): rehearsals, of which every so many is run by default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases of sweeps, always the same ones: each is a rehearsal of many seconds."""
    if config.getoption("--whole-sweeps"):
        return
    seen: dict[str, int] = {}
    kept, left = [], []
    for item in items:
        marker = item.get_closest_marker("sweep")
        name = item.nodeid.partition("[")[0]
        seen[name] = seen.get(name, -1) + 1
        (left if marker and seen[name] % marker.args[0] else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the width and the colours of the terminal out of what is compared."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")

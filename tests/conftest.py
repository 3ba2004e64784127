# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: a surrounding that is the same on every machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# Settings of the person who runs the tests must not decide them; children inherit what is set here.
for name in list(os.environ):
    if name.startswith(("ANSIBLE_", "MAILOPS_")) and name != "ANSIBLE_COLLECTIONS_PATH":
        del os.environ[name]
os.environ["LC_ALL"] = "C.UTF-8"
# How fast an example runs, or is thought of, says nothing but how busy the machine is.
settings.register_profile("mailops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mailops")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the whole of what is sampled otherwise."""
    parser.addoption("--all-rehearsals", action="store_true", help="every test of the modules that are sampled")
    parser.addoption("--random-estates", type=int, default=200, help="so many random estates are rolled (200)")
    versions = ["5.5", "2000", "2003", "mixed", "all"]
    parser.addoption("--exchange", default="all", choices=versions, help="their version (all)")
    parser.addoption("--first-estate", type=int, default=0, help="the number of the first of them (0)")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker."""
    config.addinivalue_line("markers", "rehearsals(every): of this module every so many tests are run by default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of modules that are sampled, always the same ones: each is a whole roll, or several."""
    if config.getoption("--all-rehearsals") or any("::" in argument for argument in config.args):
        return
    seen: dict[str, int] = {}
    kept, left = [], []
    for item in items:
        marker = item.get_closest_marker("rehearsals")
        module = item.nodeid.partition("::")[0]
        seen[module] = seen.get(module, -1) + 1
        (left if marker and seen[module] % marker.args[0] else kept).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the width and the colours of the terminal out of what is compared."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("ANSIBLE_NOCOLOR", "1")

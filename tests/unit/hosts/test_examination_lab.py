# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor's steps on each Windows: what a version never had is not missing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import examination
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Output
from ansible_collections.mailops.exchange.tests.unit.action.runner import FakeSession
from ansible_collections.mailops.exchange.tests.unit.hosts import lab_support
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import lab_of, leftovers, opened

KITS = "reg, sc, wmic, schtasks, tasklist"


@pytest.mark.parametrize(
    ("kind", "language", "there", "foreign"),
    [
        ("nt4", "de", "there: cluster, wlbs; not there: certutil, fciv;", f"not part of this Windows: {KITS}, nlb;"),
        ("2000", "it", "there: cluster, wlbs; not there: certutil, fciv;", f"not part of this Windows: {KITS}, nlb;"),
        ("server2003", "en", f"there: {KITS}, cluster, certutil, nlb, wlbs; not there: fciv;", ""),
    ],
)
def test_the_programs_of_each_windows(tmp_path: Path, kind: str, language: str, there: str, foreign: str) -> None:
    with lab_of(tmp_path, kind, language) as lab, opened(lab, read_only=True) as session:
        found = {finding.id: finding for finding in examination.examine(session)}
        assert leftovers(session) == []
    assert {name: finding.result for name, finding in found.items()} == dict.fromkeys(found, "ok")
    seen = found["tools"].seen
    assert there in seen and foreign in seen
    assert ("not part of this Windows" in seen) is bool(foreign)
    assert "asks Windows itself" in seen
    assert "is an administrator" in found["rights"].seen


def test_by_winrm_the_programs_are_needed(tmp_path: Path) -> None:
    lab = lab_support.begin(tmp_path)
    try:
        with lab_support.opened(lab) as session:
            found = examination.tools(session)
            assert (found.result, "asks Windows itself" in found.seen) == ("ok", False)
    finally:
        lab.stop()


def test_a_program_that_windows_has_and_that_is_gone() -> None:
    """Who works by programs needs those that this Windows has of its own."""
    session = FakeSession(answer=lambda line: Output(0, ""))
    session.run_all = lambda lines, **unused: [  # type: ignore[method-assign]
        Output(9009 if line.startswith("sc ") else 0, "") for line in lines
    ]
    session.registry_values = lambda key: {"CurrentVersion": ("REG_SZ", "5.2")}  # type: ignore[method-assign]
    session.services = lambda names: {}  # type: ignore[method-assign]
    found = examination.tools(session)
    assert (found.result, "not there: sc" in found.seen) == ("failed", True)
    assert "Bring back" in found.remedy

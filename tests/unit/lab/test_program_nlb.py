# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wlbs and nlb."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabSession, world_of


def session(name: str = "fe1", **estate: Any) -> LabSession:
    hosts: dict[str, Any] = {each: {"role": "front_end", "load_balanced": "web"} for each in ("fe1", "fe2")}
    hosts["mbx1"] = {}
    return LabSession(world_of({"update": "exchange2003-sp2", "hosts": hosts, **estate}), name)


def test_the_control_program_and_its_states() -> None:
    host = session()
    assert "Host 1 converged as DEFAULT" in host.run("wlbs query", changes=False).stdout
    assert host.run("nlb query", changes=False).stdout.splitlines()[-1] == "1, 2"
    host.run("nlb drainstop", changes=True)
    assert "Host 1 draining" in host.run("nlb query all local", changes=False).stdout
    assert "stopped" in host.run("wlbs stop 10.20.1.10", changes=True).stdout
    assert "suspended" in host.run("wlbs suspend 10.20.1.10:1", changes=True).stdout
    assert "is suspended" in host.run("wlbs start", changes=True).stdout
    host.run("wlbs resume", changes=True)
    host.run("wlbs start", changes=True)
    assert "Host 1 converging" in host.run("wlbs query", changes=False).stdout
    assert "ClusterModeOnStart          = 1" in host.run("wlbs display", changes=False).stdout


def test_what_changes_stands_in_the_journal() -> None:
    host = session()
    for verb in ("query", "display", "stop", "suspend", "resume", "start", "drainstop"):
        host.run(f"wlbs {verb}", changes=verb not in ("query", "display"))
    assert [line.split()[1] for line in host.changes] == ["stop", "suspend", "resume", "start", "drainstop"]


@pytest.mark.parametrize("line", ["wlbs query", "wlbs nonsense", "wlbs stop 10.99.0.1", "wlbs query 10.20.1.10:2"])
def test_what_cannot_be_done_says_so(line: str) -> None:
    name = "mbx1" if line == "wlbs query" else "fe1"
    output = session(name).run(line, changes=True)
    assert output.exit_code == 1 and len(output.stdout.splitlines()) > 1


@pytest.mark.parametrize(("language", "text"), [("it", "Host 1: convergenza completata"), ("de", "als STANDARD")])
def test_it_speaks_the_language_of_the_host(language: str, text: str) -> None:
    assert text in session(language=language).run("wlbs query", changes=False).stdout

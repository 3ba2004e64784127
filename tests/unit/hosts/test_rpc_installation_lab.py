# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An installation over the rpc channel: wherever the connection is lost, there is one in the end, and nothing is left.

Directly, as a turn does it: the installation itself, and the job's end. Calls that differ are all cut off by
``--all-rehearsals``, some of them by default.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import install
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import ConnectionLost, Unreachable
from ansible_collections.mailops.exchange.tests.unit.hosts.installing import KINDS, calls_of, chosen, cut, site
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Cut

STRIDE = 43


@pytest.mark.parametrize("lost", ["question_killed", "answer_killed", "question", "answer"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_installation_and_nothing_behind_it(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str, lost: str
) -> None:
    """The connection is lost at a call, with the run or without; the next attempt finishes what was begun."""
    numbers = chosen(calls_of(tmp_path, kind), 2)
    if not request.config.getoption("--all-rehearsals"):
        # Every kind and every way begins at another call.
        first = (7 * list(KINDS).index(kind) + 3 * len(lost)) % STRIDE
        numbers = numbers[first::STRIDE]
    for number in numbers:
        with site(tmp_path, kind) as place:
            with pytest.MonkeyPatch.context() as patch:
                cut(number, lost, patch)
                try:
                    with place.session() as session:
                        first_result = place.install(session)
                except (Cut, Unreachable, ConnectionLost):
                    first_result = None
            if first_result is None:
                # What the run that was cut off has just started is left to come to its end.
                place.lab.world.clock.sleep(5)
            with place.session() as session:
                second = place.install(session)
                # As any run does: one that finds nothing to do sweeps what an earlier one has left.
                assert session.run("ver", changes=False).exit_code == 0
                phase = install.observe(session, place.update)["phase"]
            assert second["success"], (number, second)
            assert first_result is None or first_result["success"], (number, first_result)
            assert (place.ended, phase) == ([True], "none"), number
            assert place.left() == [], number

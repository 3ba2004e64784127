# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the plans of all small clusters with the fewest outages that there can be. Nothing is left out.

Run it from the root of the checkout: ``.venv/bin/python tests/benchmarks/least_outages.py``. It takes some minutes; the
unit tests compare a part of it. For each number of nodes, virtual servers and nodes that are updated already, a line
says how many clusters there are (one of all that differ in names only), how many of them cannot be updated at all, how
many need more outages than one for each virtual server, and how many plans are not the best. The exit code is 1 when
there is such a plan.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".cache" / "tree"))

from ansible_collections.mailops.exchange.tests.unit.rolling.least_outages import cases, fewest
from ansible_collections.mailops.exchange.tests.unit.rolling.support import FOR_SP2, SP2
from ansible_collections.mailops.exchange.tests.unit.rolling.test_least_outages import planned

NODES, SERVERS = 4, 4


def main() -> int:
    """Compare everything and print a line for each size."""
    print(f"{'nodes':>5} {'servers':>7} {'updated':>7} {'clusters':>9} {'no way':>7} {'more':>6} {'wrong':>6} {'s':>7}")
    wrong = 0
    for nodes in range(1, NODES + 1):
        for servers in range(1, SERVERS + 1):
            for ready in range(nodes + 1):
                begin, counts = time.perf_counter(), [0, 0, 0, 0]
                for number, case in enumerate(cases(nodes, servers, ready, least_possible=1)):
                    least = fewest(case)
                    waiting = sum(1 for owner, unused in case[2] if owner >= ready)
                    counts[0] += 1
                    counts[1] += least is None
                    counts[2] += least is not None and least > waiting
                    counts[3] += any(planned(case, update, number) != least for update in (SP2, FOR_SP2))
                wrong += counts[3]
                took = time.perf_counter() - begin
                row = f"{nodes:>5} {servers:>7} {ready:>7} {counts[0]:>9} {counts[1]:>7} {counts[2]:>6} {counts[3]:>6}"
                print(f"{row} {took:>7.1f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a plan takes, by the size of what is planned.

Run it from the root of the checkout: ``.venv/bin/python tests/benchmarks/plan_size.py``. Each figure is the best and
the median of several runs, in milliseconds; nothing is asserted, because the machine decides as much as the code.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".cache" / "tree"))

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.plan import make_plan
from ansible_collections.mailops.exchange.tests.unit.rolling.support import SP2, World

RUNS = 5


def one_cluster(nodes: int, virtual_servers: int) -> World:
    """A cluster with its virtual servers spread over the nodes but the last one."""
    world = World()
    names = [f"n{number}" for number in range(1, nodes + 1)]
    world.cluster("mail", names, quorum="n1")
    for number in range(virtual_servers):
        world.evs("mail", f"EVS{number + 1}", owner=names[number % (nodes - 1)])
    return world


def many_clusters(clusters: int, servers: int) -> World:
    """So many clusters of two to four nodes, a virtual server on each node but one, and servers to fill up."""
    world = World()
    nodes = 0
    for number in range(clusters):
        names = [f"c{number}n{node}" for node in range(2 + number % 3)]
        nodes += len(names)
        world.cluster(f"cluster{number}", names, quorum=names[0])
        for index, name in enumerate(names[1:]):
            world.evs(f"cluster{number}", f"EVS{number}-{index}", owner=name)
    for number in range(servers - nodes):
        world.server(f"mbx{number}", front_end=number % 10 == 0)
    return world


def organisation(servers: int) -> World:
    """So many servers: one in ten a front-end, four in ten in pairs, the others single."""
    world = World()
    for number in range(servers // 10):
        world.server(f"fe{number}", front_end=True)
    for number in range(servers // 5):
        pair = [f"c{number}a", f"c{number}b"]
        world.cluster(f"cluster{number}", pair, quorum=pair[0])
        world.evs(f"cluster{number}", f"EVS{number}", owner=pair[0])
    for number in range(servers - servers // 10 - 2 * (servers // 5)):
        world.server(f"mbx{number}")
    return world


SIZES: dict[str, Callable[[], World]] = {
    "2 nodes, 1 virtual server": lambda: one_cluster(2, 1),
    "4 nodes, 3 virtual servers": lambda: one_cluster(4, 3),
    "8 nodes, 7 virtual servers": lambda: one_cluster(8, 7),
    "8 nodes, 16 virtual servers": lambda: one_cluster(8, 16),
    "the same, 4 on a node at most": lambda: one_cluster(8, 16),
    "100 servers": lambda: organisation(100),
    "1000 servers": lambda: organisation(1000),
    "1000 servers, 300 clusters": lambda: many_clusters(300, 1000),
    "2000 servers, 600 clusters": lambda: many_clusters(600, 2000),
}
OPTIONS = {"the same, 4 on a node at most": {"max_virtual_servers": 4}}


def main() -> None:
    """Measure each size and print a line."""
    print(f"{'what':<30} {'steps':>6} {'best':>9} {'median':>9}   (ms, {RUNS} runs)")
    for what, build in SIZES.items():
        estate = build().estate()
        took = []
        for unused in range(RUNS):
            begin = time.perf_counter()
            plan = make_plan(estate, [SP2], OPTIONS.get(what))
            took.append((time.perf_counter() - begin) * 1000)
        print(f"{what:<30} {len(plan['steps']):>6} {min(took):>9.1f} {statistics.median(took):>9.1f}")


if __name__ == "__main__":
    main()

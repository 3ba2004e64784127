# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random estates, random settings, runs cut off at random moments: check mode is the run without the changes.

For each of them, before each run: check mode sends nothing that changes a host, and tells the steps that the run then
takes, in their order; the plan has predicted the final state and the outages, as the referee saw them and as the record
tells them; the referee is silent; afterwards there is nothing left to do. Where the first run is cut off (killed at
some call, or stopped by a mishap) what it has done are steps of check mode, and all of the above holds for the next.

How this is quick enough for hundreds of estates: a rehearsal costs 10 to 20 CPU seconds, most of them for Ansible's
forks and templates and for the wire. Ansible's own executor without forks still took 3 seconds for check mode of two
nodes. So the playbooks and roles are run by a conductor in this process (``driven/conductor.py``): the same files, the
same actions, the same lab, with Ansible's filters and Ansible's rules for variables, but without its executor; that
it does the same as Ansible is held by test_driven.py. Hosts are reached without a network, by command lines or by the
messages of SMB and remote procedure calls; some estates over the real wire. So an estate of Exchange 2003 costs one or
two CPU seconds, one of 2000 or 5.5 two to six.

``--random-estates N`` tries so many (``make sweep``: thousands), ``--first-estate N`` begins at another number: an
estate and all that is done to it follow from its number, and what fails says it, with the smallest estate found.
``--exchange 2000`` and the like try one version; by default of 200 estates 110 are of 2003, 45 of 2000, 35 of 5.5, and
10 have several versions in one organisation.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.mailops.exchange.tests.lab.driven.estates import Case, case, product_of, smaller
from ansible_collections.mailops.exchange.tests.lab.driven.judge import Broken, try_case

CHUNK = 10
#: So often a failing case is tried smaller.
SHRINKS = 25


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each ten estates, so that they spread over the workers."""
    if "first" in metafunc.fixturenames:
        begin, count = (int(metafunc.config.getoption(name)) for name in ("--first-estate", "--random-estates"))
        metafunc.parametrize("first", range(begin, begin + count, CHUNK))


def test_check_mode_equals_the_run_and_the_plan_predicts_it(
    first: int, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    begin, count = (int(pytestconfig.getoption(name)) for name in ("--first-estate", "--random-estates"))
    for seed in range(first, min(first + CHUNK, begin + count)):
        found = case(seed, str(pytestconfig.getoption("--exchange")))
        try:
            try_case(found, tmp_path / str(seed))
        except Broken as error:
            found, error = _smallest(found, error, tmp_path)
            pytest.fail(f"{error}\n\n{found.words()}", pytrace=False)


def _smallest(found: Case, error: Broken, folder: Path) -> tuple[Case, Broken]:
    """The smallest case that breaks a promise as well."""
    left = SHRINKS
    again = True
    while again and left:
        again = False
        for less in smaller(found):
            if not left:
                break
            left -= 1
            try:
                try_case(less, folder / f"smaller-{left}")
            except Broken as broken:
                found, error, again = less, broken, True
                break
    return found, error


def test_the_cases_are_of_all_kinds() -> None:
    cases = [case(seed) for seed in range(200)]
    nodes = [len(cluster["nodes"]) for each in cases for cluster in each.estate["clusters"].values()]
    assert {2, 3, 4} < set(nodes) and max(nodes) > 4
    hosts = [host for each in cases for host in each.estate["hosts"].values()]
    assert {(host["os"], host["channel"]) for host in hosts} >= {("server2003", "winrm"), ("2000", "rpc")}
    assert {host["edition"] for host in hosts} == {"standard", "enterprise", "small_business"}
    assert {host["balancer"] for host in hosts if host["load_balanced"]} == {"nlb", "none"}
    cuts = {next(iter(each.cut)) if each.cut else None for each in cases}
    assert cuts == {None, "kill", "fault"}
    assert {str(each.written["update"]) for each in cases} >= {
        "exchange2003-sp1",
        "exchange2003-sp2",
        "exchange2003-kb912442",
    }
    assert case(7) == case(7)
    products = [product_of(seed) for seed in range(200)]
    assert {product: products.count(product) for product in products} == {
        "2003": 110,
        "2000": 45,
        "5.5": 35,
        "mixed": 10,
    }
    assert {("nt4", "rpc")} < {(host["os"], host["channel"]) for host in hosts}
    assert any(each.wire for each in cases)

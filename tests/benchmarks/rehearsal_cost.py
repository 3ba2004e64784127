# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the playbook costs the control node, by the number of hosts.

Run it from the root of the checkout: ``.venv/bin/python tests/benchmarks/rehearsal_cost.py [PLAYBOOK ...]``, with
``--sizes 2,6`` for some sizes only and ``--check`` for check mode. For each size one estate of the lab is rehearsed (a
third of it single servers, the others in pairs) and a line is written: how many results of tasks the hosts had, how
many calls they received, and the CPU seconds of ansible-playbook with its workers, all in whole and for one host.
The lab's own work is not counted. Nothing is asserted, because the machine decides as much as the code.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "tree"))

import yaml

from ansible_collections.mailops.exchange.lab.inventory import INVENTORY, write_files
from ansible_collections.mailops.exchange.lab.playbook import environment, find_ansible
from ansible_collections.mailops.exchange.lab.rehearsal import JOURNAL, load
from ansible_collections.mailops.exchange.lab.simulation import Lab

SIZES = (2, 6, 12, 24)
RESULT = re.compile(r"^(ok|changed|skipping|included|failed|fatal): ", re.MULTILINE)


def estate(hosts: int) -> dict[str, Any]:
    """So many servers, two of three in a cluster of two nodes with one virtual server; nothing waits."""
    names: dict[str, Any] = {}
    clusters: dict[str, Any] = {}
    while len(names) < hosts:
        number = len(clusters) + 1
        if hosts - len(names) < 2 or len(names) % 6 >= 4:
            names[f"mbx{len(names) + 1}"] = {}
            continue
        pair = [f"n{number}a", f"n{number}b"]
        names |= {name: {"cluster": f"mail{number}"} for name in pair}
        server = {f"EVS{number}": {"owner": pair[0], "preferred_owners": [pair[0]]}}
        clusters[f"mail{number}"] = {"nodes": pair, "virtual_servers": server}
    return {"update": "exchange2003-sp2", "speed": 0, "hosts": names, "clusters": clusters}


def measure(playbook: str, hosts: int, folder: Path, arguments: list[str]) -> dict[str, float]:
    """Run the playbook against a new estate of this size; the figures of the table."""
    path = folder / "estate.yml"
    path.write_text(yaml.safe_dump(estate(hosts), sort_keys=False), encoding="utf-8")
    lab = Lab(*load(path, None), journal=folder / JOURNAL)
    with lab:
        write_files(lab, folder)
        command = [str(find_ansible()), "-i", str(folder / INVENTORY), f"mailops.exchange.{playbook}", *arguments]
        variables = environment(folder, lab.controller_address.rpartition(".")[0])
        variables["ANSIBLE_DISPLAY_SKIPPED_HOSTS"] = "true"
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
        after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        calls = len(lab.world.journal.entries)
    if done.returncode:
        raise SystemExit(f"{playbook} failed for {hosts} hosts:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return {
        "results": len(RESULT.findall(done.stdout)),
        "calls": calls,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "wall": ended - begun,
    }


def main() -> None:
    """Measure each size and print a line."""
    parser = argparse.ArgumentParser(description="What a run of the playbook costs, by the number of hosts.")
    parser.add_argument("playbooks", nargs="*", default=["apply"], help="playbooks of the collection (default: apply)")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of hosts (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="in check mode")
    options = parser.parse_args()
    heads = [("results", 9), ("a host", 8), ("calls", 8), ("a host", 8), ("CPU s", 9), ("a host", 8), ("wall s", 9)]
    print(f"{'playbook':12}{'hosts':>6}" + "".join(f"{head:>{width}}" for head, width in heads))
    for playbook in options.playbooks:
        for hosts in [int(size) for size in options.sizes.split(",")]:
            with tempfile.TemporaryDirectory() as folder:
                found = measure(playbook, hosts, Path(folder), ["--check"] if options.check else [])
            results, calls, cpu = found["results"], found["calls"], found["cpu"]
            print(
                f"{playbook:12}{hosts:6d}{results:9.0f}{results / hosts:8.1f}{calls:8.0f}{calls / hosts:8.1f}"
                f"{cpu:9.2f}{cpu / hosts:8.2f}{found['wall']:9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All gates judged, then one verdict: the rows of the record, the problems, and the verdict. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from . import backup, cluster, installed, machine, run, surroundings
from .model import FAILED, PASSED, Finding, Gate, View, gates
from .signed import Override, Statement, concerns, statement_for

Check = Callable[[View], Iterator[Finding]]

CHECKS: dict[str, Check] = {
    "channel": machine.channel,
    "backup_databases": backup.backup_databases,
    "backup_system_state": backup.backup_system_state,
    "backup_controllers": backup.backup_controllers,
    "release_notes": run.release_notes,
    "rollback": run.rollback,
    "package": installed.package,
    "version_path": installed.version_path,
    "iis_fix": installed.iis_fix,
    "disk_space": machine.disk_space,
    "pending_restart": machine.pending_restart,
    "setup_running": machine.setup_running,
    "backup_running": machine.backup_running,
    "interfering_services": machine.interfering_services,
    "server_monitors": surroundings.server_monitors,
    "terminal_services": surroundings.terminal_services,
    "cluster_nodes": cluster.cluster_nodes,
    "cluster_groups": cluster.cluster_groups,
    "quorum": cluster.quorum,
    "msdtc": cluster.msdtc,
    "possible_owners": cluster.possible_owners,
    "setup_account": machine.setup_account,
    "clock": machine.clock,
    "directory": run.directory,
    "connector": installed.connector,
}
"""The check of each gate of data/gates.yml."""


def judge(view: View, statements: Sequence[Statement] = (), overrides: Sequence[Override] = ()) -> dict[str, Any]:
    """Run every check, whatever the others found.

    Returns ``gates`` (rows with ``id``, ``title``, ``host``, ``result``, ``observed``, ``why``, ``requirement``,
    ``remedy``, ``statement`` and ``overridden``), ``verdict`` (passed or failed) and ``problems`` (one for each row
    that failed and was not overridden). An overridden row stays failed; its reason stands in ``overridden``.
    """
    rows = [
        _row(view, gate, finding, statements, overrides)
        for gate in gates().values()
        for finding in CHECKS[gate.id](view)
    ]
    problems = list(_problems(rows))
    return {"gates": rows, "verdict": FAILED if problems else PASSED, "problems": problems}


def _row(
    view: View, gate: Gate, finding: Finding, statements: Sequence[Statement], overrides: Sequence[Override]
) -> dict[str, Any]:
    result, observed, signed = finding.result, finding.observed, None
    if gate.statement and result != PASSED and not finding.certain:
        updates = [str(update["id"]) for update in view.updates if not update.get("prerequisite")]
        found, missing = statement_for(gate, finding, statements, updates, view.now, view.limits.backup_age)
        if found:
            result = PASSED
            observed = "; ".join(f"stated by {each.who}, {each.when}: {each.what}" for each in found)
            signed = [each.signed() for each in found]
        elif missing:
            observed = f"{observed}; {missing}"
    override = next((each for each in overrides if each.gate == gate.id and concerns(each.hosts, finding)), None)
    return {
        "id": gate.id,
        "title": gate.title,
        "host": finding.host,
        "result": result,
        "observed": observed,
        "why": gate.why,
        "requirement": gate.requirement,
        "remedy": finding.remedy if result != PASSED else "",
        "statement": signed,
        "overridden": override.reason if override and result == FAILED else None,
    }


def _problems(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, str]]:
    for row in rows:
        if row["result"] == FAILED and row["overridden"] is None:
            yield {"host": row["host"], "what": f"{row['id']}: {row['observed']}", "remedy": row["remedy"]}

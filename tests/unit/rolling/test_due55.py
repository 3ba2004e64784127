# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan leaves to a person is due as soon as its host has the update, and not before."""

from __future__ import annotations

from ansible_collections.mailops.exchange.plugins.plugin_utils.rolling.due import left_to_people

PLAN = {
    "due": ["n1: the Performance Optimizer.", "n2: the Performance Optimizer.", "n2: the Active Directory Connector."]
}


def install(host: str, status: str = "ok") -> dict[str, object]:
    return {"step": "install_update", "host": host, "status": status, "changed": True}


def test_only_of_hosts_that_were_updated() -> None:
    assert left_to_people(PLAN, [], []) == []
    assert left_to_people(PLAN, [install("n2", "failed")], []) == []
    assert left_to_people(PLAN, [install("n1")], []) == ["n1: the Performance Optimizer."]
    assert left_to_people(PLAN, [install("n1"), install("n2")], []) == PLAN["due"]
    assert left_to_people({}, [install("n1")], []) == []


def test_what_an_action_has_said_itself_is_not_said_again() -> None:
    told = ["n2: Active Directory Connector is left as it is."]
    assert left_to_people(PLAN, [install("n2")], told) == ["n2: the Performance Optimizer."]

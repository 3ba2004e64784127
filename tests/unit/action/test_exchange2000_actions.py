# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions do for Exchange 2000: all parts of a suite are expected, virtual servers are verified."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed
from ansible_collections.mailops.exchange.tests.unit.action.runner import run

SUITE: dict[str, Any] = {
    "computer_name": "SBS1",
    "installed": True,
    "product": "2000",
    "edition": "small_business",
    "service_pack": 3,
    "build": 6249,
    "hotfixes": [],
    "os": {"name": "2000", "service_pack": 3},
    "suite_service_pack": 1,
    "services": {"MSExchangeIS": {"state": "running", "start_type": "auto"}},
}
LEVEL = {"service_pack": 3, "build": 6249, "windows_service_pack": 3, "suite_service_pack": 1}
DIRECTORY = {"uri": "ldaps://dc1", "user": "reader@x", "password": "topsecret"}


def module(name: str) -> ModuleType:
    return importlib.import_module(f"ansible_collections.mailops.exchange.plugins.action.{name}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"os": {"name": "2000", "service_pack": 4}}, None),
        ({"os": {"name": "2000", "service_pack": 2}}, "Windows service pack 2, not 3 or later"),
        ({"suite_service_pack": 0}, "Small Business Server service pack 0, not 1 or later"),
        ({"suite_service_pack": None}, "Small Business Server service pack None, not 1 or later"),
        ({"service_pack": 1, "build": 4712}, "service pack 1, not 3"),
    ],
)
def test_every_part_of_the_suite_is_expected(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str | None
) -> None:
    action = module("exchange_info")
    monkeypatch.setattr(action, "read_exchange", lambda session: {**SUITE, **change})
    step = {"step": "verify_host", "before": LEVEL, "after": {**LEVEL, "hotfixes": []}}
    for given in ({"expect": LEVEL}, {"step": step}):
        result = run(action.ActionModule, given)
        assert result["failed"] is (words is not None)
        assert words is None or words in result["msg"]


def test_a_level_has_the_suites_words_for_its_pack_alone() -> None:
    action = module("update_install")
    results = ({"service_pack": 3, "build": 6249}, {key: LEVEL[key] for key in LEVEL})
    plain, suite = (action._level({"result": result}, SUITE) for result in results)
    assert plain == {"service_pack": 3, "build": 6249, "hotfixes": []}
    assert suite == {**LEVEL, "hotfixes": []}


def test_a_virtual_server_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    action = module("virtual_server")
    given: dict[str, Any] = {}

    def verify(session: Any, group: str, update: Any, directory: Any, **options: Any) -> dict[str, Any]:
        given.update(options, group=group, update=update["id"], directory=directory is not None)
        return {"owner": "N2", "state": "online", "version": {"service_pack": 3, "build": 6249}}

    monkeypatch.setattr(action, "verify", verify)
    arguments = {"group": "EVS1", "update": "exchange2000-sp3", "state": "verified", "owner": "N2", "timeout": 900}
    result = run(action.ActionModule, {**arguments, "directory": DIRECTORY})
    assert given == {"group": "EVS1", "update": "exchange2000-sp3", "directory": True, "owner": "N2", "timeout": 900}
    assert (result["changed"], result["failed"]) == (False, False)
    assert (
        result["before"]
        == result["after"]
        == {
            "owner": "N2",
            "state": "online",
            "version": {"service_pack": 3, "build": 6249},
        }
    )
    assert "the directory shows Exchange 2000 Service Pack 3" in result["msg"]


def test_one_that_is_not_verified_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    action = module("virtual_server")

    def verify(*unused: Any, **options: Any) -> dict[str, Any]:
        raise CommandFailed("EVS1 is online on N1, and has to be online on N2", remedy="Start again.")

    monkeypatch.setattr(action, "verify", verify)
    arguments = {"group": "EVS1", "update": "exchange2000-sp3", "state": "verified", "owner": "N2"}
    result = run(action.ActionModule, arguments)
    assert (result["failed"], result["remedy"]) == (True, "Start again.")


@pytest.mark.parametrize(("owner", "failed"), [("N2", False), ("n2", False), ("N1", True)])
def test_check_mode_believes_the_plan_and_compares_the_owner(owner: str, failed: bool) -> None:
    seen = {"owner": "N2", "state": "online", "version": {"service_pack": 3, "build": 6249}}
    step = {"step": "verify_virtual_server", "before": seen, "after": seen}
    arguments = {"group": "EVS1", "update": "exchange2000-sp3", "state": "verified", "owner": owner, "step": step}
    result = run(module("virtual_server").ActionModule, arguments, check=True)
    assert (result["changed"], bool(result["failed"])) == (False, failed)

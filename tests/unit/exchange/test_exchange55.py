# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers with Exchange 5.5: what is observed of them, and their services around a service pack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import host_notes, optimizer, services55
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import (
    OPTIMIZER_NOTE,
    SERVICES_NOTE,
    in_start_order,
    is_due,
    newest_build,
    observe55,
    optimizer_due,
    read_optimizer_note,
    read_services_note,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import read_exchange
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ReadOnlyViolation,
    Refused,
    Unreadable,
)
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, Cut

from .support55 import CORE, FULL, down, lab_of, opened, update_of


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_of(tmp_path, FULL) as running:
        yield running


def observed(lab: Lab, updates: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    with opened(lab, read_only=True) as session:
        found = observe55(session, read_exchange(session), [update_of()] if updates is None else updates)
    assert found is not None
    return found


# -- what is observed


@pytest.mark.parametrize("language", ["en", "it", "de"])
def test_a_server_with_everything(tmp_path: Path, language: str) -> None:
    with lab_of(tmp_path, FULL, language=language) as lab:
        found = observed(lab)
    assert list(found["running"]) == [*CORE, "MSExchangeIMC", "MSExchangeMCA", "MSExchangeKMS"]
    assert found["running"]["MSExchangeSA"] == {
        "display_name": "Microsoft Exchange System Attendant",
        "start_type": "auto",
    }
    assert (found["note"], found["optimizer"], found["tuning_saved"], found["monitors"]) == (None, None, False, [])
    assert set(found["addons"]) == {"mailbox_manager", "interorg_replication"}
    assert all(addon == {"version": "5.5.2650.24", "due": True} for addon in found["addons"].values())


def test_a_bare_server_with_the_service_pack_and_a_monitor(tmp_path: Path) -> None:
    more = "    processes: [perfmon.exe]\n  mbx2: {os: nt4, monitors: [mbx1]}\n"
    with lab_of(tmp_path, more, service_pack=4) as lab:
        found = observed(lab, [])
        assert (found["addons"], found["monitors"]) == ({}, ["perfmon.exe"])
        with opened(lab, "mbx2") as session:
            other = observe55(session, read_exchange(session), [])
    assert other is not None and other["monitors"] == ["admin.exe"]


def test_add_ons_of_the_installed_level_are_not_due(tmp_path: Path) -> None:
    with lab_of(tmp_path, "    addons: [mailbox_manager]\n", service_pack=4) as lab:
        assert observed(lab)["addons"] == {"mailbox_manager": {"version": "5.5.2653.23", "due": False}}


def test_an_optimizer_is_due_once_the_service_pack_is_there(tmp_path: Path) -> None:
    with lab_of(tmp_path, "    custom_tuning: true\n", service_pack=3) as lab:
        with opened(lab) as session:
            assert optimizer.mark_due(session, "exchange55-sp4") is True
            note = read_optimizer_note(session) or {}
            found = read_exchange(session)
        # The run was cut off before its service pack, which may be in no run any more.
        assert (note["optimizer"], observed(lab)["optimizer"]) == ("due", None)
        assert optimizer_due(note, {**found, "service_pack": 4, "build": 2653}) == "due"
        assert optimizer_due({**note, "optimizer": "begun"}, found) == "begun"
        with opened(lab) as session:
            host_notes.write_json(session, OPTIMIZER_NOTE, {**note, "level": [2, 2448]})
        assert observed(lab)["optimizer"] == "due"


def test_another_product_has_none_of_it(lab: Lab) -> None:
    with opened(lab) as session:
        assert observe55(session, {"product": "2003"}, []) is None


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (SERVICES_NOTE, {"MSExchangeSA": {"state": "asleep", "start_type": "auto"}}),
        (SERVICES_NOTE, {"MSExchangeSA": "running"}),
        (OPTIMIZER_NOTE, {"optimizer": "perhaps", "tuning_saved": False, "stopped": {}, "update": None}),
        (OPTIMIZER_NOTE, {"optimizer": None, "tuning_saved": False, "stopped": {"X": {}}, "update": None}),
    ],
)
def test_a_note_that_is_none_of_ours(lab: Lab, path: str, content: dict[str, Any]) -> None:
    with opened(lab) as session:
        host_notes.write_json(session, path, content)
    with pytest.raises(Unreadable, match=r"roll.*json of mbx1 does not") as caught:
        observed(lab)
    assert caught.value.remedy.endswith("then delete it")


def test_the_order_in_which_they_start() -> None:
    names = ["MSExchangeKMS", "msexchangemta", "Other", "MSExchangeIS", "MSExchangeSA", "MSExchangeDS", "MSExchangeIMC"]
    expected = ["MSExchangeSA", "MSExchangeDS", "MSExchangeIS", "msexchangemta", "MSExchangeIMC", "MSExchangeKMS"]
    assert in_start_order(names) == [*expected, "Other"]


@pytest.mark.parametrize(
    ("version", "build", "due"),
    [
        ("5.5.2650.24", 2653, True),
        ("5.5.2653.23", 2653, False),
        ("5.5.2655.1", 2653, False),
        (None, 2653, True),
        ("5.5", 2653, True),
        ("5.5.1960.6", 0, False),
    ],
)
def test_when_an_add_on_is_due(version: str | None, build: int, due: bool) -> None:
    assert is_due(version, build) is due


def test_the_newest_service_pack_is_that_of_the_host_or_of_the_run() -> None:
    fix = update_of("exchange55-kb894689")
    assert newest_build({"service_pack": 3, "build": 2650}, [update_of(), fix]) == 2653
    assert newest_build({"service_pack": 4, "build": 2653}, [update_of("exchange55-sp3")]) == 2653
    assert newest_build({"service_pack": 0, "build": 1960}, [fix]) == 0


# -- services


@pytest.mark.parametrize("language", ["en", "it", "de"])
def test_a_directory_that_takes_its_time(tmp_path: Path, language: str) -> None:
    said: list[str] = []
    with lab_of(tmp_path, f"{FULL}    directory_stop_minutes: 12\n", language=language) as lab:
        with opened(lab, progress=said.append) as session:
            result = services55.stop(session, 600)
            assert result["changed"] and set(result["after"].values()) == {"stopped"}
            assert list(result["after"])[-4:] == CORE[::-1]
            assert set(CORE) < set(read_services_note(session) or {})
            assert services55.stop(session, 600)["changed"] is False
        assert [line for line in said if "net stop" in line and "once more" in line]
        assert [line for line in said if "waiting for the services of Exchange" in line]
        assert set(CORE) < set(down(lab))
        with opened(lab) as session:
            result = services55.restore(session, 600)
            assert (result["changed"], set(result["after"].values())) == (True, {"running"})
            assert read_services_note(session) is None
            assert services55.restore(session, 600)["changed"] is False
        assert down(lab) == []


def test_what_others_have_that_depends_on_exchange_comes_back_too(tmp_path: Path) -> None:
    with lab_of(tmp_path, "    services: {FaxGate: running}\n") as lab:
        with lab.world.clock.lock:
            lab.world.hosts["mbx1"].services["FaxGate"].after = ["MSExchangeIS"]
        with opened(lab) as session:
            stopped = services55.stop(session, 600)["after"]
            assert stopped["FaxGate"] == "stopped" and list(stopped).index("FaxGate") < list(stopped).index(
                "MSExchangeIS"
            )
            services55.restore(session, 600)
        assert down(lab) == []


def test_check_mode_sends_nothing(lab: Lab) -> None:
    with opened(lab, read_only=True) as session, pytest.raises(ReadOnlyViolation):
        services55.stop(session, 600)
    assert down(lab) == []


def test_one_that_does_not_start_keeps_no_other_from_it(lab: Lab) -> None:
    with opened(lab) as session:
        services55.stop(session, 600)
        session.set_start_type("MSExchangeIMC", "disabled")
        with pytest.raises(CommandFailed, match="MSExchangeIMC") as caught:
            services55.restore(session, 600)
        assert SERVICES_NOTE in caught.value.remedy
        assert down(lab) == ["MSExchangeIMC"]
        session.set_start_type("MSExchangeIMC", "auto")
        assert services55.restore(session, 600)["changed"] is True
    assert down(lab) == []


def test_a_service_that_is_gone_is_left_out(lab: Lab) -> None:
    with opened(lab) as session:
        services55.note(session, {"MSExchangeOld": {"state": "running", "start_type": "auto"}})
        services55.note(session, {"MSExchangeOld": {"state": "stopped", "start_type": "auto"}})
        assert (read_services_note(session) or {})["MSExchangeOld"]["state"] == "running"
        assert services55.restore(session, 600)["gone"] == ["MSExchangeOld"]


def test_what_cannot_be_stopped_is_started_again(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services55, "_LINES", 0)
    with opened(lab) as session:
        with pytest.raises(CommandFailed, match="did not stop; everything that was stopped of Exchange runs again"):
            services55.stop(session, 600)
        assert read_services_note(session) is None
    assert down(lab) == []


def test_a_node_of_a_cluster_is_left_to_its_cluster_service(tmp_path: Path) -> None:
    more = (
        "    cluster: mail\n  n2: {os: nt4, service_pack: 3, cluster: mail}\nclusters:\n  mail:\n"
        "    quorum: {owner: n2}\n    virtual_servers: {Exchange: {owner: mbx1}}\n"
    )
    with lab_of(tmp_path, more) as lab, opened(lab) as session, pytest.raises(Refused, match="node of a cluster"):
        services55.stop(session, 600)


def test_a_run_that_is_killed_at_any_moment_leaves_nothing_stopped(tmp_path: Path) -> None:
    with lab_of(tmp_path, FULL) as lab:
        with pytest.MonkeyPatch.context() as patch:
            counter = Breaks()
            counter.install(patch)
            with opened(lab) as session:
                services55.stop(session, 600)
                services55.restore(session, 600)
        assert counter.count > 200
        for at in range(60, counter.count, counter.count // 3):
            with pytest.MonkeyPatch.context() as patch:
                Breaks(at, kill=True).install(patch)
                with pytest.raises(Cut), opened(lab) as session:
                    services55.stop(session, 600)
                    services55.restore(session, 600)
            with opened(lab) as session:
                services55.restore(session, 600)
                assert read_services_note(session) is None, at
            assert down(lab) == [], at

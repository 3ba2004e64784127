# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailbox Manager and InterOrg Replication of Exchange 5.5, brought to the level of a service pack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import addons
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.exchange55 import read_services_note
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    Refused,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import Breaks, Cut

from .support55 import account, down, lab_of, on_host, opened, staged, update_of

MORE = "    addons: [mailbox_manager, interorg_replication]\n"
SITE = r'"{folder}\setup.exe" /unattend'
NAMES = ["mailbox_manager", "interorg_replication"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with lab_of(tmp_path, MORE) as running:
        yield running


def upgrade(lab: Lab, name: str, **options: Any) -> dict[str, Any]:
    with opened(lab) as session:
        return addons.upgrade(session, name, [update_of()], **{**account(lab), "timeout": 1800.0, **options})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mailbox_manager", {"method": "operator"}),
        ("mailbox_manager", {"method": "command", "line": SITE}),
        ("interorg_replication", {}),
    ],
)
def test_from_the_staged_package(lab: Lab, name: str, options: dict[str, Any]) -> None:
    package = staged(lab)
    result = upgrade(lab, name, package=package, **options)
    assert result["success"], result
    assert (result["before"], result["after"]) == (
        {"version": "5.5.2650.24", "due": True},
        {"version": "5.5.2653.23", "due": False},
    )
    assert result["exit_code"] == (0 if "line" in options else None)
    assert upgrade(lab, name, package=package, **options)["changed"] is False
    with opened(lab) as session:
        assert read_services_note(session) is None
        left = session.list_dir(addons.folder_of(name)) or []
        assert [entry.name for entry in left if entry.name != "unpack"] == []
    assert down(lab) == []


@pytest.mark.parametrize("name", NAMES)
def test_one_that_is_not_installed(tmp_path: Path, name: str) -> None:
    with lab_of(tmp_path) as lab:
        assert upgrade(lab, name)["changed"] is False


@pytest.mark.parametrize("name", NAMES)
def test_what_the_package_lacks_is_said(lab: Lab, name: str) -> None:
    for source in (None, r"C:\elsewhere"):
        with pytest.raises(Refused, match=r"there is no .* in the unpacked Exchange 5\.5 Service Pack 4") as caught:
            upgrade(lab, name, source=source)
        assert "mailops_exchange_addon_source" in caught.value.remedy
    assert down(lab) == []


def test_files_that_somebody_unpacked_elsewhere(lab: Lab) -> None:
    package = staged(lab)
    on_host(lab, f"{package} /x:C:\\sp4 /q")
    assert upgrade(lab, "interorg_replication", source="C:\\sp4\\")["success"] is True
    assert down(lab) == []


def test_a_setup_that_fails_is_reported_and_begun_anew(lab: Lab) -> None:
    package = staged(lab)
    result = upgrade(lab, "mailbox_manager", method="command", line=r"cmd /c exit 1603", package=package)
    assert result["success"] is False and "fatal error" in result["problems"][0]["what"]
    assert upgrade(lab, "mailbox_manager", method="command", line=SITE, package=package)["success"] is True
    assert down(lab) == []


def test_nobody_who_runs_the_setup(tmp_path: Path) -> None:
    with lab_of(tmp_path, f"{MORE}operator: null\n") as lab:
        package = staged(lab)
        with pytest.raises(WaitTimeout) as caught:
            upgrade(lab, "mailbox_manager", package=package, timeout=60.0)
        assert "mailops_exchange_addons: leave" in caught.value.remedy
        with opened(lab) as session:
            assert session.read_text(f"{addons.folder_of('mailbox_manager')}\\{addons.WAITING_FILE}") is None
        assert down(lab) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "command"}, "no command line is known"),
        ({"method": "command", "line": "{drive}"}, "unknown placeholder"),
        ({"account": None}, "an account and its password"),
    ],
)
def test_what_cannot_begin(lab: Lab, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Refused, match=message):
        upgrade(lab, "mailbox_manager", package="C:\\none.exe", **options)
    assert down(lab) == []


def test_mistakes_of_the_caller(lab: Lab) -> None:
    with opened(lab) as session:
        with pytest.raises(Refused, match="no add-on that is known"):
            addons.upgrade(session, "chat", [update_of()])
        with pytest.raises(Refused, match="no service pack"):
            addons.upgrade(session, "mailbox_manager", [update_of("exchange55-kb894689")])


def test_a_file_that_cannot_be_copied_leaves_the_service_running(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    package = staged(lab)
    monkeypatch.setattr(addons, "command", lambda *parts: "cmd /c exit 1")
    with pytest.raises(CommandFailed, match=r"copying Exscfg\.exe"):
        upgrade(lab, "interorg_replication", package=package)
    assert down(lab) == []
    monkeypatch.undo()
    assert upgrade(lab, "interorg_replication", package=package)["success"] is True


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_is_killed_at_any_moment(tmp_path: Path, name: str) -> None:
    for part in (0.4, 0.8):
        folder = tmp_path / str(part)
        folder.mkdir()
        with lab_of(folder, MORE) as lab:
            package = staged(lab)
            with pytest.MonkeyPatch.context() as patch:
                Breaks(int(150 * part), kill=True).install(patch)
                with suppress(Cut):
                    upgrade(lab, name, package=package, method="command", line=SITE)
            result = upgrade(lab, name, package=package, method="command", line=SITE)
            assert result["success"] and (result["after"] or {})["due"] is False
            assert down(lab) == []
            with opened(lab) as session:
                assert read_services_note(session) is None

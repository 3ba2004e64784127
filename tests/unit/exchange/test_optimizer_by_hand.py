# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Performance Optimizer on a cluster node: due until its log shows that a person has run it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.mailops.exchange.plugins.action import backup_due
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import optimizer_by_hand
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.info import WINDOWS_KEY
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreadable

SP4 = "exchange55-sp4"
LOG = r"C:\WINNT\System32\perfopt.log"


class Host:
    """As much of a host as is asked for: a note, and the size of the log."""

    host = "n1"

    def __init__(self, size: int | None = None) -> None:
        self.size, self.files = size, dict[str, str]()

    def registry_many(self, keys: list[str]) -> list[Any]:
        return [{"SystemRoot": ("REG_SZ", r"C:\WINNT")} if key == WINDOWS_KEY else None for key in keys]

    def file_size(self, path: str) -> int | None:
        assert path == LOG
        return self.size

    def read_text(self, path: str) -> str | None:
        return self.files.get(path)

    def write_text(self, path: str, lines: list[str]) -> None:
        self.files[path] = "\n".join(lines)

    def make_dir(self, path: str) -> None:
        assert optimizer_by_hand.PATH.startswith(path)

    def delete(self, path: str) -> None:
        self.files.pop(path, None)


def seen(host: Host) -> dict[str, Any] | None:
    return optimizer_by_hand.observe(cast("Any", host))


@pytest.mark.parametrize(("before", "after"), [(None, 70), (500, 570), (500, 60)])
def test_it_is_due_until_its_log_changes(before: int | None, after: int) -> None:
    host = Host(before)
    assert seen(host) is None
    assert optimizer_by_hand.mark(cast("Any", host), SP4) is True
    assert seen(host) == {"update": SP4, "ran": False}
    host.size = after
    assert optimizer_by_hand.mark(cast("Any", host), SP4) is False, "the first note counts"
    assert seen(host) == {"update": SP4, "ran": True}
    host.size = None
    assert seen(host) == {"update": SP4, "ran": False}, "a log that was deleted shows nothing"
    optimizer_by_hand.forget(cast("Any", host))
    assert seen(host) is None


def test_another_file_is_no_note() -> None:
    host = Host()
    host.files[optimizer_by_hand.PATH] = '{"update": "exchange55-sp4", "log": null}'
    with pytest.raises(Unreadable, match="Performance Optimizer is due") as caught:
        seen(host)
    assert caught.value.remedy


@pytest.mark.parametrize("state", ["due", "seen"])
@pytest.mark.parametrize(("ran", "elsewhere"), [(False, False), (True, False), (False, True)])
def test_it_is_listed_beside_the_backup(
    monkeypatch: pytest.MonkeyPatch, state: str, ran: bool, elsewhere: bool
) -> None:
    """It is run on one node of a cluster: the registry of the cluster brings it to the others."""
    forgotten: list[object] = []
    monkeypatch.setattr(optimizer_by_hand, "observe", lambda session: {"update": SP4, "ran": ran})
    monkeypatch.setattr(optimizer_by_hand, "forget", forgotten.append)
    action = backup_due.ActionModule.__new__(backup_due.ActionModule)
    backup = {"backup": None, "due": ["n1: full backup due."], "msg": "n1: full backup due."}
    known = {SP4: {"title": "Exchange 5.5 Service Pack 4"}}
    for name, value in {
        "_of_backup": lambda session, options: dict(backup),
        "reach": lambda session, read, seconds: read(),
        "known_updates": lambda options, keys: known,
    }.items():
        monkeypatch.setattr(action, name, value)
    options = {"state": state, "optimizer_ran": elsewhere, "reach_timeout": 1}
    result = action.perform(cast("Any", SimpleNamespace(host="n1")), options)
    assert ("Q278464" in str(result["due"])) is not (ran or elsewhere)
    assert result["due"][0] == "n1: full backup due." and result["msg"].startswith("n1: full backup due.")
    assert bool(forgotten) is bool(result.get("changed")) is (state == "seen" and (ran or elsewhere))

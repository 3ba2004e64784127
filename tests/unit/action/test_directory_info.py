# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""directory_info waits until the directory shows what is expected, and says what it shows when it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action import directory_info

from .runner import run


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Read the directory of a lab with one server on service pack 1."""
    authority = tmp_path / "ca.pem"
    with Lab(complete({"speed": 0, "hosts": {"mbx1": None}})) as lab:
        authority.write_text(lab.authority.pem, encoding="ascii")

        def ask(**options: Any) -> dict[str, Any]:
            arguments = {
                "uri": f"ldaps://{lab.controller_address}:{lab.ldaps_port}",
                "user": "exadmin@contoso.example",
                "password": lab.password("exadmin"),
                "ca_file": str(authority),
                **options,
            }
            result: dict[str, Any] = run(directory_info.ActionModule, arguments)
            return result

        yield ask


def test_what_is_expected_is_there(read: Any) -> None:
    result = read(expect={"mbx1": 1})
    assert not result["failed"]
    assert result["directory"]["servers"]["MBX1"]["service_pack"] == 1


@pytest.mark.parametrize("expect", [{"mbx1": 2}, {"mbx9": 1}])
def test_what_is_not_there_is_told(read: Any, monkeypatch: pytest.MonkeyPatch, expect: dict[str, int]) -> None:
    monkeypatch.setattr(directory_info, "PAUSE", 0.01)
    result = read(expect=expect, expect_timeout=0)
    assert result["failed"] and next(iter(expect)) in result["msg"]
    assert "replication" in result["remedy"]


def test_replication_takes_its_time(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new version appears after the first look."""
    looks: list[int] = []
    real = directory_info.Directory.servers

    def servers(self: Any) -> Any:
        looks.append(1)
        found = real(self)
        found["MBX1"]["service_pack"] = 1 if len(looks) == 1 else 2
        return found

    monkeypatch.setattr(directory_info, "PAUSE", 0.01)
    monkeypatch.setattr(directory_info.Directory, "servers", servers)
    assert not read(expect={"MBX1": 2}, expect_timeout=60)["failed"]
    assert len(looks) == 2

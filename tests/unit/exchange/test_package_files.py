# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packages looked at where they come from: on shares of the host that is asked, and on the control node."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.package_files import (
    NAME_KEY,
    SHARES_KEY,
    of_control_node,
    shared_here,
)

DIGEST = "ab" * 32


def update(path: str | None, **changes: Any) -> dict[str, Any]:
    package = {"path": path, "file": "E3SP2ENG.EXE", "size": 5, "sha256": DIGEST, "verify": "sha256"}
    return {"id": "exchange2003-sp2", "package": package | changes}


def seen(
    path: str | None, host: str = "dc1", size: int | None = 5, *, hashes: bool = True, **changes: Any
) -> dict[str, dict[str, Any]]:
    """What a host with the share ``Updates`` in ``D:\\Site\\updates`` and the computer name FILES tells."""
    asked: list[str] = []

    def file_size(file: str) -> int | None:
        asked.append(file)
        return size

    session = SimpleNamespace(host=host, file_size=file_size, file_hash=lambda file, algorithm: DIGEST)
    registry = {
        NAME_KEY: {"ComputerName": ("REG_SZ", "FILES")},
        SHARES_KEY: {"Updates": ("REG_MULTI_SZ", ["CSCFlags=0", "Path=D:\\Site\\updates", "Type=0"])},
    }
    found = shared_here(cast("Any", session), [update(path, **changes)], cast("Any", registry), hashes=hashes)
    assert set(asked) <= {"D:\\Site\\updates\\E3SP2ENG.EXE", "D:\\Site\\updates\\sp2\\E3SP2ENG.EXE"}
    return found


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("\\\\dc1\\updates\\E3SP2ENG.EXE", "dc1"),
        ("\\\\DC1.contoso.example\\UPDATES\\E3SP2ENG.EXE", "dc1"),
        ("\\\\files\\updates\\E3SP2ENG.EXE", "10.0.0.7"),
        ("\\\\10.0.0.7\\updates\\E3SP2ENG.EXE", "10.0.0.7"),
        ("\\\\dc1\\updates\\sp2\\E3SP2ENG.EXE", "dc1.contoso.example"),
    ],
)
def test_a_package_on_a_share_of_the_host(path: str, host: str) -> None:
    assert seen(path, host) == {path.casefold(): {"size": 5, "sha256": DIGEST}}


@pytest.mark.parametrize(
    "path",
    [
        None,
        "C:\\updates\\E3SP2ENG.EXE",
        "/srv/E3SP2ENG.EXE",
        "\\\\other\\updates\\E3SP2ENG.EXE",
        "\\\\dc1\\elsewhere\\E3SP2ENG.EXE",
        "\\\\dc10\\updates\\E3SP2ENG.EXE",
        "\\\\10.0.0.8\\updates\\E3SP2ENG.EXE",
    ],
)
def test_what_lies_elsewhere_says_nothing(path: str | None) -> None:
    for host in ("dc1", "10.0.0.7"):
        assert seen(path, host) == {}


def test_a_hash_is_made_only_where_it_can_be_the_right_one() -> None:
    path = "\\\\dc1\\updates\\E3SP2ENG.EXE"
    assert seen(path, size=None) == {path.casefold(): {"size": None, "sha256": None}}
    assert seen(path, size=4)[path.casefold()] == {"size": 4, "sha256": None}
    assert seen(path, verify="size")[path.casefold()] == {"size": 5, "sha256": None}
    assert seen(path, hashes=False)[path.casefold()] == {"size": 5, "sha256": None}
    assert seen("\\\\dc1\\updates\\") == {path.casefold(): {"size": 5, "sha256": DIGEST}}, "the catalogue's file"


def test_a_file_of_the_control_node(tmp_path: Path) -> None:
    file = tmp_path / "E3SP2ENG.EXE"
    file.write_bytes(b"abcde")
    there, gone = str(file), str(tmp_path / "Gone.EXE")
    found = of_control_node([update(there), update(gone), update(f"{tmp_path}/"), update("\\\\dc1\\updates\\x.exe")])
    right = {"size": 5, "sha256": hashlib.sha256(b"abcde").hexdigest()}
    assert found == {there.casefold(): right, gone.casefold(): {"size": None, "sha256": None}}

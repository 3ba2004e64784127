# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that come from the control node: over the rpc channel, and by SMB beside WinRM."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.package import observe, stage
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts import rpc_texts
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import CommandFailed, Refused
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.rpc import open_files
from ansible_collections.mailops.exchange.tests.unit.hosts import lab_support, rpc_support

DATA = os.urandom(1_200_000)
FOLDER = "C:\\mailops\\exchange2003-sp2"
PLACE = f"{FOLDER}\\E3SP2ENG.EXE"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with rpc_support.lab_of(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "E3SP2ENG.EXE"
    path.write_bytes(DATA)
    return str(path)


def update_of(**package: Any) -> dict[str, Any]:
    update = load()["exchange2003-sp2"]
    sha256 = hashlib.sha256(DATA).hexdigest()
    return {**update, "package": {**update["package"], "sha256": sha256, "size": len(DATA), **package}}


def test_staged_once_and_proved_by_reading_back(lab: Lab, source: str) -> None:
    with rpc_support.opened(lab) as session:
        update = update_of()
        assert observe(session, update, source, FOLDER)["needed"] is True
        result = stage(session, update, source, FOLDER)
        assert (result["changed"], result["after"]["staged"], result["after"]["path"]) == (True, True, PLACE)
        assert result["after"]["sha256"] == update["package"]["sha256"]
        assert session.file_size(PLACE + ".part") is None
        assert stage(session, update, source, FOLDER)["changed"] is False
        # In a folder of the control node the catalogue's file is meant.
        assert stage(session, update, str(Path(source).parent) + "/", FOLDER)["changed"] is False
        session.delete(PLACE)


def test_a_look_reads_no_package_that_was_proved(lab: Lab, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is run afterwards is read back once more; and whatever was changed since."""
    read: list[str] = []
    digest = rpc_texts.digest

    def counted(session: Any, path: str, algorithm: str) -> str:
        read.append(path)
        return digest(session, path, algorithm)

    monkeypatch.setattr(rpc_texts, "digest", counted)
    with rpc_support.opened(lab) as session:
        update = update_of()
        stage(session, update, source, FOLDER)
        assert read == [PLACE + ".part"]
        assert observe(session, update, source, FOLDER, look=True)["staged"] is True
        assert stage(session, update, source, FOLDER)["changed"] is False
        assert len(read) == 1
        assert observe(session, update, source, FOLDER)["staged"] is True
        assert read[1:] == [PLACE]

        proof = session.read_text(PLACE + ".proof") or ""
        for text in ("", "[]", "{}", '{"sha256": "x"}', proof.replace('"size": 1200000', '"size": 1')):
            session.write_text(PLACE + ".proof", text.splitlines())
            assert observe(session, update, source, FOLDER, look=True)["staged"] is True
        assert read[2:] == [PLACE] * 5

        session.write_text(PLACE + ".proof", proof.splitlines())
        changed = bytearray(DATA)
        changed[600_000] ^= 1
        (Path(source).parent / "changed").write_bytes(changed)
        lab.world.clock.sleep(2)
        session.delete(PLACE)
        session.put_file(str(Path(source).parent / "changed"), PLACE)
        assert observe(session, update, source, FOLDER, look=True)["staged"] is False
        session.delete(PLACE)


def test_a_wrong_beginning_is_not_gone_on_with_for_ever(lab: Lab, source: str, tmp_path: Path) -> None:
    with rpc_support.opened(lab) as session:
        # The same end of a part, behind another beginning: only the hash of the whole can tell.
        wrong = bytearray(DATA[:900_000])
        wrong[0] ^= 1
        (tmp_path / "wrong").write_bytes(wrong)
        session.make_dir(FOLDER)
        session.put_file(str(tmp_path / "wrong"), PLACE + ".part")
        with pytest.raises(CommandFailed, match="has the SHA-256"):
            stage(session, update_of(), source, FOLDER)
        assert stage(session, update_of(), source, FOLDER)["after"]["staged"] is True
        session.delete(PLACE)


@pytest.mark.parametrize(
    ("package", "path", "message"),
    [({"size": 5}, None, "the catalogue says 5"), ({}, "/nowhere/E3SP2ENG.EXE", "cannot be read")],
)
def test_what_cannot_be_copied(lab: Lab, source: str, package: dict[str, Any], path: str | None, message: str) -> None:
    with rpc_support.opened(lab) as session, pytest.raises(CommandFailed, match=message):
        stage(session, update_of(**package), path or source, FOLDER)


def test_a_host_over_winrm_gets_it_by_smb(tmp_path: Path, source: str) -> None:
    lab = lab_support.begin(tmp_path)
    try:
        host = lab.world.hosts["n1"]
        user, password = f"{lab.world.prefix}\\exadmin", lab.password("exadmin")
        with lab_support.opened(lab) as session:
            with pytest.raises(Refused, match="control node"):
                stage(session, update_of(verify="size"), source, FOLDER)
            with open_files(host.address, user, password, host="n1", port=lab.smb_port, clock=session.clock) as files:
                assert stage(session, update_of(), source, FOLDER, files=files)["after"]["staged"] is True
            assert session.file_size(PLACE) == len(DATA)
            session.move_file(PLACE, FOLDER + "\\other.exe")
            assert session.file_size(FOLDER + "\\other.exe") == len(DATA)
    finally:
        lab.stop()

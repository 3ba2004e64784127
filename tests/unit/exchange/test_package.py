# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a package to a host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import load, staging_folder
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.package import observe, source_path, stage
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    Refused,
)
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

SHARE = "\\\\dc1\\updates\\"
PACKAGE = SHARE + "E3SP2ENG.EXE"
USER = "CONTOSO\\updshare"


def setup(faults: list[dict[str, Any]] | None = None, **package: Any) -> tuple[LabSession, dict[str, Any], str]:
    session = LabSession(world_of(CLUSTER, faults), "mbx1")
    update = load()["exchange2003-sp2"]
    share = next(iter(session.world.shares.values()))
    entry = share.volume.root.children["e3sp2eng.exe"]
    update["package"] |= {"sha256": entry.sha256, "size": entry.size, **package}
    return session, update, staging_folder(update)


def password(session: LabSession) -> str:
    return next(a.password for a in session.world.accounts.values() if a.name == USER)


def bring(session: LabSession, update: dict[str, Any], folder: str, source: str | None = SHARE) -> dict[str, Any]:
    return stage(session, update, source, folder, USER, password(session))


def test_staged_once_and_verified() -> None:
    session, update, folder = setup()
    assert observe(session, update, SHARE, folder)["staged"] is False
    result = bring(session, update, folder)
    assert result["changed"] is True
    assert result["after"]["staged"] is True
    assert result["after"]["sha256"] == update["package"]["sha256"]
    assert result["after"]["path"] == "C:\\mailops\\exchange2003-sp2\\E3SP2ENG.EXE"
    assert bring(session, update, folder)["changed"] is False
    assert session.file_size(result["after"]["path"] + ".part") is None


def test_the_connection_to_the_share_is_taken_away_and_the_password_is_never_shown() -> None:
    session, update, folder = setup()
    bring(session, update, folder)
    assert session.file_size(PACKAGE) is None
    assert not any(password(session) in str(entry) for entry in session.world.journal.entries)
    assert not any(password(session) in text for text in session.said)


def test_the_connection_is_taken_away_after_a_failure_too() -> None:
    session, update, folder = setup(sha256="0" * 64)
    with pytest.raises(CommandFailed, match="SHA-256"):
        bring(session, update, folder)
    assert session.file_size(PACKAGE) is None
    assert observe(session, update, SHARE, folder)["staged"] is False


def test_a_package_of_another_size_is_not_copied() -> None:
    session, update, folder = setup(size=5)
    with pytest.raises(CommandFailed, match="the catalogue says 5"):
        bring(session, update, folder)
    assert session.file_size(folder + "\\E3SP2ENG.EXE.part") is None


def test_a_wrong_password_is_one_sentence_without_it() -> None:
    session, update, folder = setup()
    with pytest.raises(CommandFailed, match="cannot be opened") as caught:
        stage(session, update, SHARE, folder, USER, "wrong-Password1")
    assert "wrong-Password1" not in str(caught.value.details) + caught.value.message


def test_a_file_that_is_not_there() -> None:
    session, update, folder = setup()
    with pytest.raises(CommandFailed, match="is not there"):
        bring(session, update, folder, SHARE + "nothing.exe")


def test_no_hash_is_known() -> None:
    session, update, folder = setup(sha256=None)
    assert "SHA-256" in observe(session, update, SHARE, folder)["problem"]["what"]
    with pytest.raises(Refused, match="SHA-256"):
        bring(session, update, folder)
    assert session.changes == []


def test_verified_by_size_where_the_site_says_so() -> None:
    session, update, folder = setup(sha256=None, verify="size", size=None)
    after = bring(session, update, folder)["after"]
    assert after["staged"] is True
    assert after["sha256"] is None


def test_a_host_that_cannot_make_a_hash() -> None:
    session, update, folder = setup()
    session.world.hosts["mbx1"].files.delete("C:\\WINDOWS\\system32\\certutil.exe")
    with pytest.raises(Refused, match="no way to make the SHA-256"):
        bring(session, update, folder)
    update["package"]["verify"] = "size"
    assert bring(session, update, folder)["after"]["staged"] is True


def test_a_local_package_is_checked_and_not_copied() -> None:
    session, update, folder = setup()
    path = bring(session, update, folder)["after"]["path"]
    found = observe(session, update, path, "C:\\mailops\\other")
    assert (found["needed"], found["staged"], found["path"]) == (False, True, path)
    missing = observe(session, update, "C:\\nothing.exe", folder)
    assert "is not on mbx1" in missing["problem"]["what"]


def test_a_damaged_file_is_replaced() -> None:
    session, update, folder = setup()
    session.make_dir(folder)
    session.write_text(folder + "\\E3SP2ENG.EXE", ["damaged"])
    assert bring(session, update, folder)["after"]["staged"] is True


@pytest.mark.parametrize("do", ["drop", "refuse"])
@pytest.mark.parametrize("call", range(1, 12))
def test_started_again_after_a_lost_connection(do: str, call: int) -> None:
    session, update, folder = setup([{"host": "mbx1", "on": f"call {call}", "do": do}])
    try:
        result = bring(session, update, folder)
    except ConnectionLost:
        session.reconnect()
        result = bring(session, update, folder)
    except CommandFailed:
        # The lost logon took the connection to the share with it.
        session.reconnect()
        result = bring(session, update, folder)
    assert result["after"]["staged"] is True


def test_nobody_named_a_package() -> None:
    session, update, folder = setup()
    assert observe(session, update, None, folder)["path"] is None
    with pytest.raises(Refused, match="no package"):
        bring(session, update, folder, None)
    update["package"]["path"] = PACKAGE
    assert source_path(update, None) == PACKAGE
    update["package"]["file"] = None
    with pytest.raises(Refused, match="file name"):
        source_path(update, SHARE)

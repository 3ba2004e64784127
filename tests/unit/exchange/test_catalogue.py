# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of updates."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.builds import first_build
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.catalogue import (
    CatalogueError,
    fill,
    load,
    log_path,
    merge,
    staging_folder,
)

SERVICE_PACKS = [
    *(f"exchange55-sp{number}" for number in (1, 2, 3, 4)),
    *(f"exchange2000-sp{number}" for number in (1, 2, 3)),
    *(f"exchange2003-sp{number}" for number in (1, 2)),
]


def site_file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "site.yml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_every_service_pack_is_there_without_a_command() -> None:
    updates = load()
    for key in SERVICE_PACKS:
        update = updates[key]
        assert update["kind"] == "service_pack"
        assert update["command"] is None
        assert first_build(update["product"], update["result"]["service_pack"]) == update["result"]["build"]
        assert update["upgrades_virtual_server"] is (update["product"] == "2003")


def test_every_update_says_how_sure_it_is() -> None:
    for key, update in load().items():
        assert update["id"] == key
        assert update["notes"], key
        for note in update["notes"]:
            assert set(note) == {"about", "sureness", "source"}
            assert note["sureness"] in ("V", "I", "R", "U")
        assert update["exit_codes"][0]["success"] is True
        assert all(set(entry) == {"meaning", "success", "restart"} for entry in update["exit_codes"].values())


def test_hotfixes_are_installed_quietly_and_without_a_restart() -> None:
    update = load()["exchange2003-kb912442"]
    folder = r"C:\mailops\exchange2003-kb912442"
    assert staging_folder(update) == folder
    expected = rf'"{folder}\a b.exe" /quiet /norestart /log:"{folder}\update.log"'
    assert fill(update["command"], update, folder + r"\a b.exe") == expected
    assert log_path(update) == folder + r"\update.log"


def test_a_site_file_is_merged_key_by_key(tmp_path: Path) -> None:
    path = site_file(
        tmp_path,
        """
exchange2003-sp2:
  command: '"{folder}\\files\\setup\\i386\\update.exe" /unattendfile "C:\\site.ini"'
  package: {path: '\\\\dc1\\updates\\', size: 5}
  exit_codes:
    77: {meaning: asks for more, success: true, restart: true}
  from: [{service_pack: 1}]
""",
    )
    update = load([path])["exchange2003-sp2"]
    assert update["package"]["path"] == r"\\dc1\updates" + "\\"
    assert update["package"]["file"] == "E3SP2ENG.EXE"
    assert update["exit_codes"][77]["restart"] is True
    assert update["exit_codes"][3010]["restart"] is True
    assert update["from"] == [{"service_pack": 1}]
    assert update["command"].startswith('"{folder}')
    assert load()["exchange2003-sp2"]["command"] is None


NEW = """
site-fix:
  title: x
  kind: hotfix
  product: "2003"
  from: []
  result: {hotfix: KB123456}
  exit_codes: {0: {meaning: ok, success: true}}
"""


def test_a_new_update_needs_little(tmp_path: Path) -> None:
    update = load([site_file(tmp_path, NEW)])["site-fix"]
    assert update["restart"] == "only_if_asked"
    assert update["log"]["failure"] == []
    assert update["package"]["verify"] == "sha256"


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("- a", "(file)", "a mapping of update ids"),
        ("a: [", "(file)", "YAML is expected"),
        ("x: {title: a}\nx: {title: b}", "(file)", "twice"),
        ("Bad Id: {}", "Bad Id", "an update id"),
        ("exchange2003-sp2: 5", "exchange2003-sp2", "a mapping"),
        ("exchange2003-sp2: {comand: x}", "exchange2003-sp2.comand", "unknown"),
        ("exchange2003-sp2: {package: {sha265: x}}", "exchange2003-sp2.package.sha265", "unknown"),
        ("exchange2003-sp2: {package: {sha256: abc}}", "exchange2003-sp2.package.sha256", "64 hexadecimal"),
        ("exchange2003-sp2: {package: 5}", "exchange2003-sp2.package", "a mapping"),
        ("exchange2003-sp2: {package: {file: 'a\\b'}}", "exchange2003-sp2.package.file", "without a folder"),
        ("exchange2003-sp2: {package: {verify: md5}}", "exchange2003-sp2.package.verify", "sha256 or size"),
        ("exchange2003-sp2: {command: 'a {host}'}", "exchange2003-sp2.command", "{folder}, {log}, {package}"),
        ("exchange2003-sp2: {command: 'a {'}", "exchange2003-sp2.command", "{folder}, {log}, {package}"),
        ("exchange2003-sp2: {command: 'a {log!r}'}", "exchange2003-sp2.command", "no placeholder but"),
        ("exchange2003-sp2: {log: {path: '{log}'}}", "exchange2003-sp2.log.path", "{folder}"),
        ("exchange2003-sp2: {log: {failure: x}}", "exchange2003-sp2.log.failure", "a list of phrases"),
        ("exchange2003-sp2: {product: 2003}", "exchange2003-sp2.product", "in quotes"),
        ("exchange2003-sp2: {restart: sometimes}", "exchange2003-sp2.restart", "only_if_asked or always"),
        ("exchange2003-sp2: {exit_codes: {x: {meaning: a, success: true}}}", "exchange2003-sp2.exit_codes.x", "number"),
        ("exchange2003-sp2: {exit_codes: {7: {meaning: a}}}", "exchange2003-sp2.exit_codes.7", "success"),
        ("exchange2003-sp2: {result: {service_pack: two}}", "exchange2003-sp2.result", "whole numbers"),
        ("exchange2003-sp2: {from: [{sp: 1}]}", "exchange2003-sp2.from", "{service_pack: 1}"),
        ("exchange2003-sp2: {minutes: 0}", "exchange2003-sp2.minutes", "minutes"),
        ("new: {title: x}", "new.kind", "service_pack or hotfix"),
    ],
)
def test_a_mistake_names_file_key_and_what_is_expected(tmp_path: Path, text: str, key: str, expected: str) -> None:
    path = site_file(tmp_path, text)
    with pytest.raises(CatalogueError) as caught:
        load([path])
    assert caught.value.file == path
    assert caught.value.key == key
    assert expected in caught.value.expected
    assert str(caught.value) == f"{path}: {key}: {caught.value.expected}"


def test_a_missing_file() -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load(["/nowhere/site.yml"])


TREES = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=3)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(below=TREES, above=TREES)
def test_merging(below: object, above: object) -> None:
    merged = merge(below, above)
    assert merge(merged, above) == merged
    if isinstance(below, dict) and isinstance(above, dict):
        assert set(merged) == set(below) | set(above)
    else:
        assert merged == above

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
    applies,
    fill,
    fill_folder,
    load,
    log_path,
    merge,
    staging_folder,
    with_required,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused

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
        assert update["upgrades_virtual_server"] is (update["product"] != "5.5")


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
    assert update["restart"] == "asked"
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
        ("exchange2003-sp2: {restart: sometimes}", "exchange2003-sp2.restart", "asked, always or never"),
        ("exchange2003-sp2: {applies: {os: [nt4]}}", "exchange2003-sp2.applies", "null is expected"),
        ("windows2003-kb831464: {applies: {os: [vista]}}", "windows2003-kb831464.applies", "server2003"),
        ("windows2003-kb831464: {applies: null}", "windows2003-kb831464.applies", "os_service_pack"),
        ("windows2003-kb831464: {product: '2003'}", "windows2003-kb831464.product", "windows is expected"),
        ("exchange2003-sp2: {kind: windows_hotfix}", "exchange2003-sp2.product", "only there"),
        (
            "windows2003-kb831464: {upgrades_virtual_server: true}",
            "windows2003-kb831464.upgrades_virtual_server",
            "false",
        ),
        ("exchange2003-kb912442: {upgrades_virtual_server: true}", "exchange2003-kb912442.result", "and build"),
        ("exchange2003-sp2: {requires: x}", "exchange2003-sp2.requires", "on is cluster or any"),
        ("exchange2003-sp2: {requires: [{update: a, on: node}]}", "exchange2003-sp2.requires", "cluster or any"),
        (
            "exchange2003-sp2: {requires: [{update: a, on: any}]}",
            "exchange2003-sp2.requires[0].update",
            "another update",
        ),
        ("exchange2003-sp2: {exit_codes: {x: {meaning: a, success: true}}}", "exchange2003-sp2.exit_codes.x", "number"),
        ("exchange2003-sp2: {exit_codes: {7: {meaning: a}}}", "exchange2003-sp2.exit_codes.7", "success"),
        ("exchange2003-sp2: {result: {service_pack: two}}", "exchange2003-sp2.result", "whole numbers"),
        ("exchange2003-sp2: {from: [{sp: 1}]}", "exchange2003-sp2.from", "{service_pack: 1}"),
        ("exchange2003-sp2: {minutes: 0}", "exchange2003-sp2.minutes", "minutes"),
        ("new: {title: x}", "new.kind", "service_pack, hotfix or windows_hotfix"),
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


def test_a_required_update_comes_along_where_its_package_is_given(tmp_path: Path) -> None:
    known = load()
    assert [update["id"] for update in with_required(known, ["exchange2003-sp2"])] == ["exchange2003-sp2"]
    path = site_file(tmp_path, "windows2003-kb831464: {package: {path: 'C:\\x.exe'}}")
    known = load([path])
    found = with_required(known, ["exchange2003-sp2", "exchange2003-kb912442", "exchange2003-sp2"])
    assert [(update["id"], update["prerequisite"]) for update in found] == [
        ("windows2003-kb831464", True),
        ("exchange2003-sp2", False),
        ("exchange2003-kb912442", False),
    ]
    given = with_required(load(), ["exchange2003-sp1", "windows2003-kb831464"])
    assert [(update["id"], update["prerequisite"]) for update in given] == [
        ("windows2003-kb831464", False),
        ("exchange2003-sp1", False),
    ]


def test_updates_that_require_each_other_do_not_go_round_for_ever(tmp_path: Path) -> None:
    path = site_file(
        tmp_path,
        """
exchange2003-sp1: {requires: [{update: exchange2003-sp2, "on": any}], package: {path: 'C:\\1.exe'}}
exchange2003-sp2: {requires: [{update: exchange2003-sp1, on: any}], package: {path: 'C:\\2.exe'}}
""",
    )
    assert len(with_required(load([path]), ["exchange2003-sp1"])) == 2


@pytest.mark.parametrize(
    ("system", "service_pack", "expected"),
    [
        ("server2003", 0, True),
        ("server2003", 1, False),
        ("server2003", 2, False),
        ("2000", 0, False),
        ("2000", 4, False),
    ],
)
def test_the_fix_of_windows_is_for_server_2003_without_a_service_pack(
    system: str, service_pack: int, expected: bool
) -> None:
    host = {"product": "2003", "os": {"name": system, "service_pack": service_pack}}
    assert applies(load()["windows2003-kb831464"], host) is expected
    assert applies(load()["exchange2003-sp2"], host) is True
    assert applies(load()["exchange2000-sp3"], host) is False


def test_what_requires_another_update() -> None:
    fix = [{"update": "windows2003-kb831464", "on": "cluster"}]
    rollup = [{"update": "exchange2000-kb870540", "on": "any"}]
    wanted = {"exchange2003-sp1": fix, "exchange2003-sp2": fix}
    wanted |= {f"exchange2000-{key}": rollup for key in ("kb894689", "kb912442", "kb931832")}
    assert {key: update["requires"] for key, update in load().items() if update["requires"]} == wanted


def test_what_the_store_upgrades_databases_for_on_exchange_2000() -> None:
    found = {key: update["databases"] for key, update in load().items() if update["product"] == "2000"}
    assert len(found) == 8 and all(found.values())
    assert not any(update["databases"] for update in load().values() if update["product"] == "2003")


def test_the_pack_of_the_suite_is_for_its_edition_alone() -> None:
    update = load()["sbs2000-sp1"]
    assert update["result"] == {
        "service_pack": 3,
        "build": 6249,
        "windows_service_pack": 3,
        "suite_service_pack": 1,
    }
    assert update["restart"] == "always"
    assert applies(update, {"product": "2000", "edition": "small_business"})
    assert not applies(update, {"product": "2000", "edition": None})
    assert not applies(update, {"product": "2003", "edition": "small_business"})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("exchange2000-sp3: {databases: 1}", "exchange2000-sp3.databases"),
        ("exchange2000-sp3: {database_minutes: -1}", "exchange2000-sp3.database_minutes"),
        ("exchange2003-sp2: {database_minutes: 5}", "exchange2003-sp2.database_minutes"),
        ("exchange2000-sp3: {edition: enterprise}", "exchange2000-sp3.edition"),
        ("windows2003-kb831464: {edition: small_business}", "windows2003-kb831464.edition"),
        ("exchange55-kb894689: {returns_early: soon}", "exchange55-kb894689.returns_early"),
        ("sbs2000-sp1: {result: {suite_service_pack: one}}", "sbs2000-sp1.result"),
        ("sbs2000-sp1: {result: {sql_service_pack: 3}}", "sbs2000-sp1.result"),
    ],
)
def test_mistakes_about_databases_editions_and_suites(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load([site_file(tmp_path, text)])
    assert caught.value.key == place


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


def test_the_sites_own_command_line() -> None:
    assert fill_folder('"{folder}\\setup.exe" /u', "C:\\x", "The thing", "its_variable") == '"C:\\x\\setup.exe" /u'
    for line in ("{nothing}", "{", None, ""):
        with pytest.raises(Refused, match="The thing") as raised:
            fill_folder(line, "C:\\x", "The thing", "its_variable")
        assert line or "its_variable" in raised.value.remedy

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema maps of Active Directory Connector: exported exactly, compared, and put back by the LDIF file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action.connector_maps import ActionModule
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import schema_maps
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange.directory import Directory, DirectoryError
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused
from ansible_collections.mailops.exchange.tests.unit.action.runner import run

ONE, TWO = "msExchServer1SchemaMap", "msExchServer2SchemaMap"
POLICY = "CN=Default ADC Policy,CN=Active Directory Connections,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=x"
MAPS = st.dictionaries(st.sampled_from([ONE, TWO]), st.lists(st.binary(max_size=300), max_size=3), max_size=2)
STEP = {"step": "export_schema_maps", "host": "mbx1", "object": "mbx1", "before": {}, "after": {}}


def parse_ldif(text: str) -> tuple[str, dict[str, list[bytes]]]:
    """What an LDIF reader makes of a record that replaces attributes (RFC 2849)."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith(" "):
            lines[-1] += line[1:]
        else:
            lines.append(line)
    name, found, current = "", {}, ""
    assert lines[0] == "version: 1" and lines[2] == "changetype: modify"
    for line in lines[1:]:
        key, rest = line.partition(":")[::2]
        value = base64.b64decode(rest[1:].strip()) if rest.startswith(":") else rest.removeprefix(" ").encode()
        if key == "dn":
            name = value.decode()
        elif key == "replace":
            current = value.decode()
            found[current] = []
        elif key == current and line:
            found[current].append(value)
    return name, found


@given(MAPS)
def test_an_export_comes_back_as_it_was(maps: dict[str, list[bytes]]) -> None:
    text = schema_maps.export_text("mbx1", POLICY, maps, "2026-11-22T21:04:11+00:00")
    assert schema_maps.parse_export(text, "x") == (POLICY, maps)


@given(MAPS)
def test_the_ldif_puts_back_exactly_that(maps: dict[str, list[bytes]]) -> None:
    text = schema_maps.ldif(POLICY, maps)
    assert parse_ldif(text) == (POLICY, maps)
    assert text.isascii() and all(len(line) <= 76 for line in text.split("\n"))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"policy": "x", "maps": {"a": ["%"]}}', '{"policy": "x", "maps": 5}']
)
def test_another_file_is_no_export(text: str) -> None:
    with pytest.raises(Refused, match="no export"):
        schema_maps.parse_export(text, "x")


def test_differences_by_line() -> None:
    found = schema_maps.differences(
        {ONE: [b"a\r\nb\r\n"], TWO: [b"x", b"y"]}, {ONE: [b"a\r\nc\r\n"], TWO: [b"y", b"x"]}
    )
    assert found == [{"attribute": ONE, "removed": ["b"], "added": ["c"]}]
    assert schema_maps.words(found) == f"{ONE} (1 lines less, 1 lines more)"
    assert schema_maps.differences({ONE: []}, {}) == []


# ---- with the lab's directory -------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    estate = {"speed": 0, "hosts": {"mbx1": None}, "directory_connector": {"host": "mbx1", "custom_maps": True}}
    with Lab(complete(estate)) as running:
        yield running


@pytest.fixture
def policy(lab: Lab) -> Iterator[dict[str, Any]]:
    """The attributes of the policy in the directory, put back afterwards."""
    (entry,) = [each for each in lab.world.directory if each["dn"].startswith("CN=Default ADC Policy")]
    kept = {name: list(values) for name, values in entry["attributes"].items()}
    yield entry["attributes"]
    entry["attributes"].clear()
    entry["attributes"].update(kept)


@pytest.fixture
def options(lab: Lab, tmp_path: Path) -> dict[str, Any]:
    """The arguments of the action."""
    authority = tmp_path / "ca.pem"
    authority.write_text(lab.authority.pem, encoding="ascii")
    directory = {
        "uri": f"ldaps://{lab.controller_address}:{lab.ldaps_port}",
        "user": "exadmin@contoso.example",
        "password": lab.password("exadmin"),
        "ca_file": str(authority),
    }
    return {"host": "mbx1", "folder": str(tmp_path / "record"), "directory": directory}


def act(options: dict[str, Any], state: str, check: bool = False, **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = run(ActionModule, {**options, "state": state, **more}, check=check, transport="local")
    return result


def test_both_attributes_are_read(lab: Lab, options: dict[str, Any]) -> None:
    name, maps = schema_maps.read(Directory(**options["directory"]))
    assert name.startswith("CN=Default ADC Policy,CN=Active Directory Connections,CN=Microsoft Exchange")
    assert set(maps) == {ONE, TWO} and b"Custom-Employee" in maps[TWO][0]


def test_no_policy_is_told(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schema_maps.facts(), "policy", "CN=Nothing,CN=Services")
    with pytest.raises(DirectoryError, match="CN=Nothing"):
        schema_maps.read(Directory(**options["directory"]))


def test_exported_and_unchanged(options: dict[str, Any], policy: dict[str, Any]) -> None:
    result = act(options, "exported")
    assert (result["failed"], result["changed"]) == (False, True)
    path, back = map(Path, result["files"])
    assert parse_ldif(back.read_text())[1] == schema_maps.parse_export(path.read_text(), "x")[1]
    assert act(options, "exported")["changed"] is False
    compared = act(options, "compared")
    assert (compared["failed"], compared["differences"], "due" in compared) == (False, [], False)


def test_what_differs_is_due_with_the_way_back(options: dict[str, Any], policy: dict[str, Any]) -> None:
    act(options, "exported")
    policy[TWO] = [policy[TWO][0].replace("Custom-Employee", "Standard")]
    compared = act(options, "compared")
    assert compared["failed"] is False, "whether that is wrong only a person knows"
    assert [each["attribute"] for each in compared["differences"]] == [TWO]
    assert "ldapmodify -f" in compared["due"][0] and "connector-maps-mbx1.ldif" in compared["due"][0]


def test_an_export_of_earlier_is_kept(options: dict[str, Any], policy: dict[str, Any]) -> None:
    act(options, "exported")
    policy[ONE] = ["another"]
    assert act(options, "exported")["changed"] is True
    kept = sorted(path.name for path in Path(options["folder"]).glob("connector-maps-mbx1-*"))
    assert [name.rpartition(".")[2] for name in kept] == ["json", "ldif"]


def test_once_the_setup_was_begun_the_first_export_counts(options: dict[str, Any], policy: dict[str, Any]) -> None:
    act(options, "exported")
    policy[ONE] = ["another"]
    assert act(options, "exported", begun=True)["changed"] is False
    assert [each["attribute"] for each in act(options, "compared")["differences"]] == [ONE]


def test_an_export_that_comes_too_late_is_told(options: dict[str, Any]) -> None:
    assert "only after its setup had begun" in act(options, "exported", begun=True)["due"][0]


def test_check_mode_writes_and_compares_nothing(options: dict[str, Any]) -> None:
    assert act(options, "exported", check=True, step=STEP)["changed"] is True
    assert act(options, "compared", check=True, step=STEP)["failed"] is False
    assert not Path(options["folder"]).exists()


def test_a_step_says_the_same_in_a_run_that_goes_on(options: dict[str, Any]) -> None:
    act(options, "exported")
    assert act(options, "exported", step=STEP)["changed"] is True


def test_nothing_can_be_compared_without_an_export(options: dict[str, Any]) -> None:
    result = act(options, "compared")
    assert result["failed"] is True and "no export" in result["msg"]


def test_without_a_directory(options: dict[str, Any]) -> None:
    result = act({**options, "directory": {}}, "exported")
    assert result["failed"] is True and "mailops_exchange_connector to leave" in result["remedy"]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin exchange_directory, by ansible-inventory against the lab's directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.simulation import Lab

TOOL = Path(sys.executable).parent / "ansible-inventory"
ESTATE: dict[str, Any] = {
    "update": "exchange2003-sp2",
    "speed": 0,
    "hosts": {
        "fe1": {"role": "front_end"},
        "mbx1": {"service_pack": 0},
        "old": {"product": "2000", "service_pack": 3},
        "older": {"product": "5.5", "os": "nt4", "service_pack": 4},
        "n1": {"cluster": "mail"},
        "n2": {"cluster": "mail"},
    },
    "clusters": {"mail": {"virtual_servers": {"EVS1": {}}}},
    "organizations": {"Contoso Süd": ["fe1", "mbx1", "old", "older", "n1", "n2"]},
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(complete(ESTATE)) as running:
        yield running


def unwrapped(value: Any) -> Any:
    """What ansible-inventory lists, without its mark on texts from outside."""
    if isinstance(value, dict):
        return (
            value["__ansible_unsafe"]
            if set(value) == {"__ansible_unsafe"}
            else {key: unwrapped(each) for key, each in value.items()}
        )
    return [unwrapped(each) for each in value] if isinstance(value, list) else value


class Source:
    """A configuration file of the plugin, and what ansible-inventory makes of it."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.path = folder / "estate.exchange_directory.yml"
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_text(lab.authority.pem, encoding="ascii")

    def run(self, *, said: str | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        settings = {
            "plugin": "mailops.exchange.exchange_directory",
            "uri": f"ldaps://{self.lab.controller_address}:{self.lab.ldaps_port}",
            "user": "exadmin@contoso.example",
            "password": "{{ lookup('ansible.builtin.env', 'DIRECTORY_PASSWORD') }}",
            "ca_file": str(self.ca_file),
            **options,
        }
        self.path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        password = self.lab.password("exadmin") if said is None else said
        environment = os.environ | {"DIRECTORY_PASSWORD": password, "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true"}
        environment["ANSIBLE_INVENTORY_ENABLED"] = "mailops.exchange.exchange_directory"
        return subprocess.run(
            [str(TOOL), "-i", str(self.path), "--list"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )

    def read(self, **options: Any) -> dict[str, Any]:
        done = self.run(**options)
        assert done.returncode == 0, done.stderr
        listed: dict[str, Any] = unwrapped(json.loads(done.stdout))
        return listed


@pytest.fixture
def source(lab: Lab, tmp_path: Path) -> Source:
    return Source(lab, tmp_path)


def test_hosts_variables_and_groups(source: Source) -> None:
    listed = source.read(virtual_servers=["evs?"])
    variables = listed["_meta"]["hostvars"]
    assert set(variables) == {"fe1", "mbx1", "old", "older"}
    assert variables["fe1"] == {
        "ansible_host": "fe1.contoso.example",
        "exchange_name": "FE1",
        "exchange_fqdn": "fe1.contoso.example",
        "exchange_product": "2003",
        "exchange_service_pack": 1,
        "exchange_build": 7226,
        "exchange_serial_number": "Version 6.5 (Build 7226.6: Service Pack 1)",
        "exchange_front_end": True,
        "exchange_organization": "Contoso Süd",
        "exchange_administrative_group": "First Administrative Group",
    }
    hosts = {name: group.get("hosts") for name, group in listed.items() if name != "_meta"}
    assert hosts["exchange_front_ends"] == ["fe1"]
    assert sorted(hosts["exchange_back_ends"]) == ["mbx1", "old", "older"]
    assert hosts["exchange_2003_sp1"] == ["fe1"] and hosts["exchange_2003_rtm"] == ["mbx1"]
    assert hosts["exchange_2000_sp3"] == ["old"] and hosts["exchange_5_5_sp4"] == ["older"]
    assert sorted(listed["exchange_2003"]["children"]) == ["exchange_2003_rtm", "exchange_2003_sp1"]
    assert sorted(listed["exchange_servers"]["children"]) == [
        "exchange_2000",
        "exchange_2003",
        "exchange_5_5",
        "exchange_administrative_group_first_administrative_group",
        "exchange_back_ends",
        "exchange_front_ends",
        "exchange_organization_contoso_süd",
    ]
    assert sorted(hosts["exchange_administrative_group_first_administrative_group"]) == sorted(variables)


def test_a_virtual_server_that_is_not_named_becomes_a_host(source: Source) -> None:
    assert "evs1" in source.read()["_meta"]["hostvars"]


def test_constructed_groups_and_names(source: Source) -> None:
    listed = source.read(
        virtual_servers=["EVS1"],
        hostnames=["fqdn", "name"],
        compose={"short": "exchange_name | lower", "ansible_connection": "'mailops.exchange.winrm'"},
        groups={"behind": "exchange_product == '2003' and exchange_service_pack < 1"},
        keyed_groups=[{"key": "exchange_build | string", "prefix": "build"}],
        strict=True,
    )
    variables = listed["_meta"]["hostvars"]
    assert set(variables) == {f"{name}.contoso.example" for name in ("fe1", "mbx1", "old", "older")}
    assert variables["fe1.contoso.example"]["short"] == "fe1"
    assert "ansible_host" not in variables["fe1.contoso.example"]
    assert listed["behind"]["hosts"] == ["mbx1.contoso.example"]
    assert listed["build_7226"]["hosts"] == ["fe1.contoso.example"]


def test_strict_does_not_swallow_a_mistake(source: Source) -> None:
    wrong = {"compose": {"x": "no_such_variable + 1"}}
    assert "x" not in source.read(**wrong)["_meta"]["hostvars"]["fe1"]
    assert source.run(strict=True, **wrong).returncode != 0


def test_the_cache_answers_without_the_directory(source: Source, tmp_path: Path) -> None:
    kept = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "kept")}
    first = source.read(**kept)
    calls = len(source.lab.world.journal.entries)
    assert source.read(**kept) == first
    assert len(source.lab.world.journal.entries) == calls
    text = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "kept").iterdir())
    assert source.lab.password("exadmin") not in text


@pytest.mark.parametrize(
    ("said", "options", "words"),
    [
        ("not-the-Password1", {}, "does not accept the logon of exadmin@contoso.example"),
        (None, {"uri": "http://dc1"}, "http://dc1 is no LDAP address"),
        (None, {"hostnames": ["serial"]}, "serial"),
    ],
)
def test_what_goes_wrong_is_said_without_the_password(
    source: Source, said: str | None, options: dict[str, Any], words: str
) -> None:
    done = source.run(said=said, **options)
    assert done.returncode != 0
    assert words in " ".join(done.stderr.split())
    assert "not-the-Password1" not in done.stderr and source.lab.password("exadmin") not in done.stderr


def test_the_name_of_the_file_tells_whose_it_is(source: Source) -> None:
    source.read()
    other = source.path.with_name("estate.yml")
    source.path.rename(other)
    source.path = other
    assert source.run().returncode != 0


def test_a_name_that_looks_like_a_template_stays_a_text(source: Source) -> None:
    entry = source.lab.world.directory_model.server("OLD")
    kept = entry["attributes"]["serialNumber"]
    entry["attributes"]["serialNumber"] = ["Version 6.0 {{ 1 + 1 }}"]
    try:
        done = source.run()
    finally:
        entry["attributes"]["serialNumber"] = kept
    assert done.returncode == 0, done.stderr
    listed = unwrapped(json.loads(done.stdout))
    assert listed["_meta"]["hostvars"]["old"]["exchange_serial_number"] == "Version 6.0 {{ 1 + 1 }}"
    assert "old" not in listed["exchange_2003_sp1"]["hosts"]
    assert "no group of a version" in " ".join(done.stderr.split())

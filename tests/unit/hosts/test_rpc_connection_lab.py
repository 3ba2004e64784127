# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin mailops.exchange.rpc as ansible itself uses it: raw, and what it has to refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible.errors import AnsibleError
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.tests.unit.hosts.rpc_support import SPEED, lab_of

PLUGIN = "mailops.exchange.rpc"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab_of(tmp_path_factory.mktemp("lab"), "2000", "de") as running:
        yield running


def options(lab: Lab, **changes: Any) -> dict[str, Any]:
    host = lab.world.hosts["n1"]
    return {
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": "exadmin",
        "mailops_exchange_domain": lab.world.prefix,
        "ansible_password": lab.password("exadmin"),
        "ansible_connection": PLUGIN,
        "mailops_exchange_time_scale": SPEED,
        **changes,
    }


def ansible(lab: Lab, folder: Path, *arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"n1": options(lab, **changes)}}}))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible")), "n1", "-i", str(inventory), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
    )


def test_raw(lab: Lab, tmp_path: Path) -> None:
    done = ansible(lab, tmp_path, "-m", "raw", "-a", "ver & echo größer& exit 3")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "rc=3" in done.stdout
    assert "Version 5.00.2195" in done.stdout
    assert "größer" in done.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ansible_password": "s3cret-wrong"}, "UNREACHABLE!"),
        ({"ansible_port": 1}, "does not answer"),
        ({"ansible_password": ""}, "ansible_password (or -k)"),
        ({"mailops_exchange_signing": "always"}, "signing"),
    ],
)
def test_what_goes_wrong_is_one_sentence(lab: Lab, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    done = ansible(lab, tmp_path, "-m", "raw", "-a", "ver", **changes)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert message in said
    assert "s3cret-wrong" not in said
    assert "Traceback" not in said


def test_modules_are_refused(lab: Lab, tmp_path: Path) -> None:
    done = ansible(lab, tmp_path, "-m", "command", "-a", "ver")
    assert done.returncode != 0
    assert "modules cannot run on this host" in done.stdout + done.stderr


@pytest.fixture
def connection(lab: Lab) -> Iterator[Any]:
    made = connection_loader.get(PLUGIN, PlayContext(), os.devnull)
    made.set_options(
        var_options={**options(lab), "inventory_hostname": "n1"},
        direct={"remote_user": "exadmin", "password": lab.password("exadmin")},
    )
    yield made
    made.close()


def test_files_there_and_back(connection: Any, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(os.urandom(100_000))
    connection.put_file(str(tmp_path / "here"), "C:\\there.bin")
    connection.fetch_file("C:\\there.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "here").read_bytes()
    with pytest.raises(AnsibleError, match="control node"):
        connection.put_file(str(tmp_path / "nothing"), "C:\\x")
    with pytest.raises(AnsibleError):
        connection.fetch_file("C:\\nothing.bin", str(tmp_path / "x"))


def test_one_line_and_no_become(connection: Any) -> None:
    with pytest.raises(AnsibleError, match="one line"):
        connection.exec_command("ver\nver")
    with pytest.raises(AnsibleError, match="modules cannot run"):
        connection.exec_command("ver", in_data=b"x")
    with pytest.raises(AnsibleError, match="become"):
        connection.set_become_plugin(object())


def test_a_session_for_an_action(connection: Any) -> None:
    session = connection.open_session(read_only=True)
    assert session.read_only
    assert session.host == "n1"
    assert session.run("echo x", changes=False).stdout == "x\n"


def test_the_time_scale_is_checked(lab: Lab, connection: Any) -> None:
    connection.set_options(
        var_options={**options(lab, mailops_exchange_time_scale=0), "inventory_hostname": "n1"},
        direct={"remote_user": "exadmin", "password": "x"},
    )
    with pytest.raises(AnsibleError, match="time_scale"):
        connection.open_session(read_only=True)

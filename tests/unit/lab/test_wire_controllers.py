# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domain controllers as machines that one can log on to, and accounts that cannot."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPInvalidCredentialsResult, LDAPSocketOpenError
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.shell import Process, WinRS
from pypsrp.wsman import WSMan

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.inventory import inventory, write_files
from ansible_collections.mailops.exchange.lab.simulation import Lab


def make(**settings: Any) -> Lab:
    """A lab that does not wait."""
    return Lab(complete({"speed": 0, "hosts": {"mbx1": None}, **settings}))


def output(lab: Lab, host: Host, line: str, user: str = "exadmin") -> str:
    """What a line prints on a machine, over WinRM."""
    settings: dict[str, Any] = {"port": host.port, "ssl": False, "auth": "ntlm", "no_proxy": True}
    connection = WSMan(host.address, username=f"CONTOSO\\{user}", password=lab.password(user), **settings)
    with connection, WinRS(connection) as shell:
        process = Process(shell, line)
        process.invoke()
        return str(process.stdout.decode())


def bind(lab: Lab, folder: Path, user: str, password: str) -> None:
    """A simple bind over TLS."""
    write_files(lab, folder)
    trust = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(folder / "ca.pem"))
    server = ldap3.Server(lab.controller_address, port=lab.ldaps_port, use_ssl=True, tls=trust)
    with ldap3.Connection(server, user=f"{user}@contoso.example", password=password, raise_exceptions=True):
        return


def test_every_controller_is_reached_under_its_own_name() -> None:
    with make(controllers={"dc1": None, "dc2": None}) as lab:
        for name, last in (("dc1", "1"), ("dc2", "2")):
            host = lab.world.controller_hosts[name]
            assert host.address.rpartition(".")[2] == last
            assert output(lab, host, "hostname").strip() == name
            assert "kdc" in output(lab, host, "sc query kdc")
            lines = output(lab, host, "cscript //nologo eventquery.vbs /l Application /fo csv /nh /v")
            assert "System State" in lines
        assert {entry["host"] for entry in lab.world.journal.entries} == {"dc1", "dc2"}
        assert not any(entry["changes"] for entry in lab.world.journal.entries)
        assert set(lab.world.referee.report()["final"]) == {"mbx1"}


def test_the_group_of_the_controllers(tmp_path: Path) -> None:
    with make(controllers={"dc1": None, "dc2": {"os": "2000"}}) as lab:
        groups = inventory(lab, tmp_path)["all"]["children"]
        assert set(groups["exchange_servers"]["hosts"]) == {"mbx1"}
        controllers = groups["exchange_controllers"]
        first = controllers["hosts"]["dc1"]
        port = lab.world.controller_hosts["dc1"].port
        assert (first["ansible_host"], first["ansible_port"]) == (lab.controller_address, port)
        assert "ansible_connection" not in first
        assert controllers["hosts"]["dc2"]["ansible_connection"] == "mailops.exchange.rpc"
        assert controllers["vars"]["ansible_user"] == "CONTOSO\\exadmin"


def test_small_business_server_is_both(tmp_path: Path) -> None:
    with make(hosts={"sbs1": {"edition": "small_business"}}, controllers={"sbs1": None}) as lab:
        assert lab.world.controller_hosts["sbs1"] is lab.world.hosts["sbs1"]
        groups = inventory(lab, tmp_path)["all"]["children"]
        places = [
            groups[name]["hosts"]["sbs1"]["ansible_host"] for name in ("exchange_servers", "exchange_controllers")
        ]
        assert places[0] == places[1] == lab.world.hosts["sbs1"].address
        assert output(lab, lab.world.hosts["sbs1"], "hostname").strip() == "sbs1"
        bind(lab, tmp_path, "exadmin", lab.password("exadmin"))


def test_a_controller_that_does_not_answer_to_ldap(tmp_path: Path) -> None:
    with make(controllers={"dc1": {"ldap": False}}) as lab:
        with pytest.raises(LDAPSocketOpenError):
            bind(lab, tmp_path, "exadmin", lab.password("exadmin"))
        assert output(lab, lab.world.controller_hosts["dc1"], "hostname").strip() == "dc1"


@pytest.mark.parametrize(("state", "data"), [("locked", "data 775,"), ("expired", "data 532,")])
def test_an_account_that_cannot_log_on(tmp_path: Path, state: str, data: str) -> None:
    with make(accounts={"exsetup": {state: True}}) as lab:
        with pytest.raises(LDAPInvalidCredentialsResult) as caught:
            bind(lab, tmp_path, "exsetup", lab.password("exsetup"))
        assert data in str(caught.value)
        with pytest.raises(LDAPInvalidCredentialsResult) as caught:
            bind(lab, tmp_path, "exsetup", "wrong")
        assert "data 52e," in str(caught.value)
        with pytest.raises(AuthenticationError):
            output(lab, lab.world.hosts["mbx1"], "hostname", "exsetup")
        bind(lab, tmp_path, "exadmin", lab.password("exadmin"))


def test_an_account_that_is_no_administrator() -> None:
    with make(hosts={"mbx1": {"admin_rights": False}}) as lab, pytest.raises(WSManFaultError) as caught:
        output(lab, lab.world.hosts["mbx1"], "hostname")
    assert caught.value.code == 5
    with make() as lab:
        assert output(lab, lab.world.hosts["mbx1"], "hostname", "exsetup").strip() == "mbx1"


def test_what_the_operator_believes(tmp_path: Path) -> None:
    """A password that is not the right one, notes that nobody read, a connector whose maps are customised."""
    settings: dict[str, Any] = {
        "accounts": {"exsetup": {"wrong_password": True}},
        "operator": {"read_release_notes": False},
        "directory_connector": {"host": "mbx1", "custom_maps": True, "maps_given": True},
        "package": {"hash": "unknown"},
    }
    with make(**settings) as lab:
        variables = inventory(lab, tmp_path)["all"]["children"]["exchange_servers"]["vars"]
        assert variables["mailops_exchange_setup_password"] != lab.password("exsetup")
        assert variables["mailops_exchange_statements"] == []
        assert len(variables["mailops_exchange_connector_shipped_maps"]) == 14
        assert variables["mailops_exchange_connector_maps"]["local"] == "\\\\dc1\\updates\\adc\\local.map"
        write_files(lab, tmp_path)
        assert "sha256" not in (tmp_path / "catalogue.yml").read_text()
    with make(accounts={"exsetup": {"not_given": True}}) as lab:
        variables = inventory(lab, tmp_path)["all"]["children"]["exchange_servers"]["vars"]
        assert not [name for name in variables if name.startswith("mailops_exchange_setup_")]
    with make() as lab:
        variables = inventory(lab, tmp_path)["all"]["children"]["exchange_servers"]["vars"]
        assert variables["mailops_exchange_setup_password"] == lab.password("exsetup")
        statement = variables["mailops_exchange_statements"][0]
        assert (statement["gate"], statement["update"]) == ("release_notes", "exchange2003-sp2")
        assert statement["who"] and statement["when"] and statement["what"]
        assert "mailops_exchange_connector_maps" not in variables

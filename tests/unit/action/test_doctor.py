# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doctor against the lab over the wire: it goes on as far as it can, and says what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ansible.errors import AnsibleError
from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.inventory import catalogue
from ansible_collections.mailops.exchange.lab.simulation import Lab
from ansible_collections.mailops.exchange.plugins.action.connection_doctor import ActionModule
from ansible_collections.mailops.exchange.plugins.plugin_utils import _doctor as doctor
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import RehearsalClock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.diagnosis import Finding, knock, resolve
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import Endpoint, WinrmSession

from .runner import FakeSession, make

ESTATE = {"speed": 600, "update": "exchange2003-sp2", "hosts": {"mbx1": {"clock_skew": 400}, "mbx2": None}}
ON_HOST = ("rights", "windows", "clock", "code_page", "tools", "exchange", "setup_account", "share")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(complete(ESTATE)) as running:
        yield running


def endpoint(lab: Lab, host: str = "mbx2", **options: Any) -> Endpoint:
    found = lab.world.hosts[host]
    settings = {"user": "CONTOSO\\exadmin", "password": lab.password("exadmin"), "port": found.port}
    return Endpoint(**{"address": found.address, **settings, **options})


def examine(
    target: Endpoint | None, arguments: dict[str, Any] | None = None, *, check: bool = False, **link: Any
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Run the action over a real session to an endpoint: its checks by id, and the result."""
    action = make(ActionModule, arguments or {}, FakeSession(), check=check, **link)
    if target is not None:

        def opened(read_only: bool, progress: Any = None) -> WinrmSession:
            session = WinrmSession(target, host="h", read_only=read_only, clock=RehearsalClock(600))
            session.hello()
            return session

        action._connection.open_session = opened
    result = action.run(task_vars={"inventory_hostname": "mbx2"})
    return {check["id"]: check for check in result["checks"]}, result


def results(checks: dict[str, dict[str, Any]], *ids: str) -> list[str]:
    return [checks[each]["result"] for each in ids]


def test_all_is_well(lab: Lab) -> None:
    share = catalogue(lab)["exchange2003-sp2"]["package"]["path"]
    arguments = {
        "setup_account": "CONTOSO\\exsetup",
        "share": share,
        "share_user": "CONTOSO\\updshare",
        "share_password": lab.password("updshare"),
    }
    checks, result = examine(endpoint(lab), arguments)
    assert result["failed"] is False, result["table"]
    ids = ("library_ansible_core", "library_pypsrp", "channel", "name", "port", "dialect", "logon", *ON_HOST)
    assert results(checks, *ids) == ["ok"] * len(ids), result["table"]
    assert checks["directory"]["result"] == "skipped"
    assert "WS-Management over HTTP" in checks["dialect"]["seen"]
    assert "Exchange 2003" in checks["exchange"]["seen"]
    assert "there: reg" in checks["tools"]["seen"]
    changing = [each["call"] for each in lab.world.journal.entries if each["changes"]]
    assert all(call.startswith("net use") for call in changing), "the share's connection, and its end"
    assert lab.password("updshare") not in str(result)


def test_check_mode_makes_no_connection_to_the_share(lab: Lab) -> None:
    before = len([entry for entry in lab.world.journal.entries if entry["changes"]])
    arguments = {"share": "\\\\dc1\\updates", "share_user": "CONTOSO\\updshare", "share_password": "not-sent-at-all"}
    checks, result = examine(endpoint(lab), arguments, check=True)
    assert (checks["share"]["result"], result["failed"]) == ("skipped", False)
    assert len([entry for entry in lab.world.journal.entries if entry["changes"]]) == before


def test_a_share_that_cannot_be_opened(lab: Lab) -> None:
    arguments = {"share": "\\\\dc1\\updates", "share_user": "CONTOSO\\updshare", "share_password": "wrong"}
    checks, result = examine(endpoint(lab), arguments)
    assert (checks["share"]["result"], result["failed"]) == ("failed", True)
    assert "wrong" not in checks["share"]["seen"].replace("is wrong", "")


def test_a_wrong_password(lab: Lab) -> None:
    """The logon fails, and nothing is UNREACHABLE: what needs no logon is still told."""
    checks, result = examine(endpoint(lab, password="no"))
    assert results(checks, "name", "port", "dialect", "logon") == ["ok", "ok", "ok", "failed"]
    assert set(results(checks, *ON_HOST)) == {"skipped"}
    assert result["failed"] is True and "logon" in result["msg"]
    assert "ansible_password" in checks["logon"]["remedy"]


def test_a_port_where_nobody_listens(lab: Lab) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        checks, result = examine(endpoint(lab, address="127.0.0.1", port=free.getsockname()[1]))
    assert results(checks, "name", "port", "dialect", "logon", "rights") == [
        "ok",
        "failed",
        "skipped",
        "skipped",
        "skipped",
    ]
    assert "refuses" in checks["port"]["seen"] and checks["port"]["remedy"]
    assert result["failed"] is True


def test_a_name_that_does_not_resolve(lab: Lab) -> None:
    checks = examine(endpoint(lab, address="no-such-host.invalid"))[0]
    assert results(checks, "name", "port", "logon", "tools") == ["failed", "skipped", "skipped", "skipped"]
    assert "ansible_host" in checks["name"]["remedy"]


def test_something_else_on_the_port(lab: Lab) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                with connection:
                    connection.sendall(b"220 mail.contoso.example ESMTP\r\n")

        threading.Thread(target=serve, daemon=True).start()
        checks = examine(endpoint(lab, address="127.0.0.1", port=server.getsockname()[1], read_timeout=25))[0]
        done.set()
    assert results(checks, "port", "dialect", "logon") == ["ok", "failed", "failed"]
    assert checks["dialect"]["remedy"]


def test_tls_with_a_certificate_that_is_not_trusted(lab: Lab) -> None:
    checks = examine(endpoint(lab, scheme="https", port=lab.https_port))[0]
    assert checks["dialect"]["result"] == "failed"
    assert "ca_trust_path" in checks["dialect"]["remedy"]


def test_tls_on_a_port_without_it(lab: Lab) -> None:
    found = endpoint(lab, scheme="https", connection_timeout=1, read_timeout=2)
    checks = examine(found)[0]
    assert results(checks, "port", "dialect", "logon") == ["ok", "failed", "failed"]
    assert "scheme and port belong together" in checks["dialect"]["remedy"]


def test_a_clock_that_is_wrong(lab: Lab) -> None:
    checks, result = examine(endpoint(lab, "mbx1"))
    assert (checks["clock"]["result"], result["failed"]) == ("failed", True)
    assert "ahead of" in checks["clock"]["seen"]
    assert checks["exchange"]["result"] == "ok", "the steps behind it are taken all the same"


def test_another_connection_is_told(lab: Lab) -> None:
    checks, result = examine(None, transport="ssh")
    assert (checks["channel"]["result"], result["failed"]) == ("failed", True)
    assert "mailops.exchange.winrm" in checks["channel"]["remedy"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Refused("read_timeout must be more", remedy="Change it"), "read_timeout"),
        (AnsibleError("needs ansible_user"), "needs"),
    ],
)
def test_settings_that_cannot_work(error: Exception, words: str) -> None:
    action = make(ActionModule, {}, FakeSession())

    def refuse(*unused: Any) -> Any:
        raise error

    action._connection.open_session = refuse
    result = action.run(task_vars={"inventory_hostname": "mbx2"})
    settings = next(check for check in result["checks"] if check["id"] == "settings")
    assert (settings["result"], result["failed"]) == ("failed", True)
    assert words in settings["seen"]


def test_the_catalogue(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    checks, result = examine(endpoint(lab), {"updates": ["exchange2003-sp9"]})
    assert (checks["catalogue"]["result"], checks["logon"]["result"]) == ("failed", "ok")
    assert "sp9" in checks["catalogue"]["seen"] and result["failed"] is True
    checks, result = examine(endpoint(lab), {"updates": ["exchange2003-sp2"]})
    assert (checks["catalogue"]["result"], result["failed"]) == ("warning", False)
    path = {"package": {"path": "\\\\dc1\\updates\\E3SP2ENG.EXE"}}
    monkeypatch.setattr(ActionModule, "known_updates", lambda self, options, keys: {"exchange2003-sp2": path})
    checks = examine(endpoint(lab), {"updates": ["exchange2003-sp2"]})[0]
    assert checks["catalogue"]["result"] == "ok"
    assert path["package"]["path"] in checks["share"]["seen"], "its share is looked at"


def test_the_directory(lab: Lab, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(lab.authority.pem, encoding="ascii")
    options = {
        "uri": f"ldaps://{lab.controller_address}:{lab.ldaps_port}",
        "user": "exadmin@contoso.example",
        "password": lab.password("exadmin"),
        "ca_file": str(authority),
    }
    assert examine(endpoint(lab), {"directory": options})[0]["directory"]["result"] == "ok"
    for old, result in ((True, "ok"), (False, "failed")):
        monkeypatch.setattr(doctor.Directory, "servers", lambda self: {})
        assert doctor.directory(options, old=old).result == result, "Exchange 5.5 has a directory of its own"
        monkeypatch.undo()
    checks = examine(endpoint(lab, password="no"), {"directory": {**options, "password": "wrong"}})[0]
    assert checks["directory"]["result"] == "failed", "it is asked also where the host does not answer"
    given = {"directory": options, "setup_account": "CONTOSO\\exsetup", "setup_password": lab.password("exsetup")}
    assert examine(endpoint(lab), given)[0]["setup_logon"]["result"] == "ok"
    checks, result = examine(endpoint(lab), {**given, "setup_password": "another-Password1"})
    assert (checks["setup_logon"]["result"], result["failed"]) == ("failed", True)
    assert "the password is wrong" in checks["setup_logon"]["seen"]
    assert "another-Password1" not in str(result) and checks["setup_logon"]["remedy"]


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("impacket", "ldap3") else "99")
    found = {finding.id: finding for finding in doctor.libraries("rpc", directory=False)}
    assert (found["library_impacket"].result, found["library_ldap3"].result) == ("failed", "warning")
    assert found["library_impacket"].remedy.endswith("pip install 'impacket'")
    assert doctor.LIBRARIES["ldap3"][1] in found["library_ldap3"].remedy


def test_a_library_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: "2.9.0")
    found = {finding.id: finding for finding in doctor.libraries("winrm", directory=True)}
    assert found["library_ldap3"].result == "failed" and "too old" in found["library_ldap3"].seen
    assert found["library_ansible_core"].result == "failed"
    assert found["library_pypsrp"].result == "ok"


def test_the_verdict_is_a_sentence() -> None:
    port, logon = Finding("port", "Port", "failed", "it refuses."), Finding("logon", "Logon", "failed", "no")
    assert doctor.verdict([port]) == "1 step failed: port. The first: it refuses."
    assert doctor.verdict([logon, port]) == "2 steps failed: logon, port. The first: no."


def test_the_table_is_readable() -> None:
    lines = doctor.table(
        "mbx1",
        [
            Finding("port", "Port", "ok", "TCP port 5985 answers", "never shown"),
            Finding("logon", "Logon", "failed", "words " * 40, "Do something about it. " * 6),
        ],
    )
    assert lines[0] == "mbx1:" and max(map(len, lines)) <= doctor.WIDTH
    assert lines[1].split() == ["ok", "Port", "TCP", "port", "5985", "answers"]
    assert not any("never shown" in line for line in lines)
    assert any(line.strip().startswith("do: Do something") for line in lines)


def test_silence_and_addresses() -> None:
    assert resolve("127.0.0.1")[1] == ["127.0.0.1"]
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for unused in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        found = knock(address[0], address[1], "WinRM", timeout=0.3)
        for each in waiting:
            each.close()
    assert found.result == "failed" and "says nothing" in found.seen

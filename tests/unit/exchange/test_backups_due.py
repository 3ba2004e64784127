# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The full backup that is due after a service pack: noted, looked for, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.mailops.exchange.plugins.action.backup_due import ActionModule
from ansible_collections.mailops.exchange.plugins.plugin_utils._observed import newest_backups
from ansible_collections.mailops.exchange.plugins.plugin_utils.exchange import backups_due
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Unreadable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.models import Event
from ansible_collections.mailops.exchange.tests.unit.action.runner import make
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import LabSession, world_of

SP2 = "exchange2003-sp2"
PRIV = "C:\\Program Files\\Exchsrvr\\mdbdata\\priv1.edb"
PUB = "C:\\Program Files\\Exchsrvr\\mdbdata\\pub1.edb"


@pytest.fixture
def world() -> Any:
    world = world_of({"update": SP2, "hosts": {"mbx1": {"service_pack": 1}}, "backups": {"databases": None}})
    world.hosts["mbx1"].events.clear()
    return world


@pytest.fixture
def session(world: Any) -> LabSession:
    return LabSession(world, "mbx1")


def sleep(world: Any, seconds: float) -> None:
    with world.clock.lock:
        world.clock.sleep(seconds)


def back_up(world: Any, *files: str, number: int = 210, end: int = 213) -> None:
    """What the engine writes of a full backup of a storage group."""
    host = world.hosts["mbx1"]
    head = ["Information Store", "1234", "First Storage Group: "]
    for event, more in [(number, []), *[(221, [file]) for file in files], (end, [])]:
        host.log_event("Application", "ESE BACKUP", event, "information", "", [*head, *more])
        sleep(world, 5)


def act(session: LabSession, state: str, check: bool = False, **more: Any) -> dict[str, Any]:
    """Run the action for the host."""
    session.read_only = check
    action = make(ActionModule, {"state": state, **more}, session, check=check)  # type: ignore[arg-type]
    action._host_name = "mbx1"
    result: dict[str, Any] = action.run(task_vars={"inventory_hostname": "mbx1"})
    return result


def install(world: Any) -> None:
    """The service pack is on the host."""
    world.hosts["mbx1"].service_pack = 2


def test_nothing_is_noted(session: LabSession) -> None:
    result = act(session, "due")
    assert (result["backup"], result["changed"], "due" in result) == (None, False, False)


def test_from_the_installation_to_the_backup(world: Any, session: LabSession) -> None:
    back_up(world, PRIV, PUB)
    assert act(session, "begun", update=SP2)["changed"] is True
    assert act(session, "begun", update=SP2)["changed"] is False
    assert act(session, "due")["backup"]["due"] is False, "it is not installed yet"
    sleep(world, 600)
    install(world)
    noted = act(session, "noted", update=SP2)
    assert (noted["changed"], noted["before"], noted["after"]) == (True, {"backup_due": None}, {"backup_due": SP2})
    assert act(session, "noted", update=SP2)["changed"] is False

    due = act(session, "due")
    assert due["backup"]["missing"] == [PRIV, PUB] and due["changed"] is False
    assert "mbx1: full backup due" in due["due"][0] and "Exchange Server 2003 Service Pack 2" in due["due"][0]
    assert act(session, "seen")["changed"] is False

    sleep(world, 600)
    back_up(world, PRIV)
    assert act(session, "due")["backup"]["missing"] == [PUB]
    sleep(world, 600)
    back_up(world, PRIV, PUB)
    sent = len(session.changes)
    assert act(session, "due")["backup"]["due"] is False
    checked = act(session, "seen", check=True)
    assert (checked["changed"], checked["after"]) == (True, {"backup_due": None})
    assert len(session.changes) == sent, "nothing is removed by looking, or in check mode"
    seen = act(session, "seen")
    assert (seen["changed"], seen["before"], seen["after"]) == (True, {"backup_due": SP2}, {"backup_due": None})
    assert act(session, "due")["backup"] is None


@pytest.mark.parametrize(
    ("number", "end"),
    [(211, 213), (212, 213), (210, 214), (210, 215)],
    ids=["incremental", "shadow", "error", "aborted"],
)
def test_another_backup_is_none(world: Any, session: LabSession, number: int, end: int) -> None:
    back_up(world, PRIV)
    install(world)
    act(session, "noted", update=SP2)
    sleep(world, 600)
    back_up(world, PRIV, number=number, end=end)
    assert act(session, "due")["backup"]["due"] is True


def test_a_run_that_was_cut_off_forgets_nothing(world: Any, session: LabSession) -> None:
    """Begun, installed, and never noted: it is due all the same."""
    act(session, "begun", update=SP2)
    install(world)
    found = act(session, "due")["backup"]
    assert (found["due"], found["noted"], found["update"]) == (True, False, SP2)
    sleep(world, 600)
    back_up(world, PRIV)
    assert act(session, "due")["backup"]["due"] is False


def test_what_was_begun_and_did_not_come_leaves_the_earlier_one_due(world: Any, session: LabSession) -> None:
    act(session, "begun", update="exchange2003-sp1")
    act(session, "noted", update="exchange2003-sp1")
    act(session, "begun", update=SP2)
    act(session, "begun", update=SP2)
    found = act(session, "due")["backup"]
    assert (found["due"], found["update"], found["noted"]) == (True, "exchange2003-sp1", True)


def test_it_is_not_noted_where_the_service_pack_did_not_come(session: LabSession) -> None:
    result = act(session, "noted", update=SP2)
    assert (result["changed"], result["after"]) == (False, {"backup_due": None})
    assert not session.changes


def test_databases_that_are_given_are_looked_for(world: Any, session: LabSession) -> None:
    install(world)
    act(session, "noted", update=SP2, databases=[PRIV, PUB])
    sleep(world, 600)
    back_up(world, PRIV.upper())
    assert act(session, "due")["backup"]["missing"] == [PUB]


def test_other_nodes_may_have_seen_it(world: Any, session: LabSession) -> None:
    install(world)
    act(session, "noted", update=SP2)
    now = world.clock.now()
    assert act(session, "due")["backup"]["due"] is True
    assert act(session, "due", elsewhere=[{PRIV: now - 7200}])["backup"]["due"] is True
    assert act(session, "due", elsewhere=[{PRIV: now + 7200}])["backup"]["due"] is False


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"hosts": ["MBX1"]}, True),
        ({"hosts": ["mail"]}, True),
        ({"hosts": ["mbx2"]}, False),
        ({"gate": "backup_system_state"}, False),
        ({"when": 3600.0 * 24 * 60}, False),
        # From before it, or perhaps so: the day of the installation, and its hour without a zone.
        ({"when": -3600.0}, False),
        ({"when": "%Y-%m-%d"}, False),
        ({"when": "%Y-%m-%d %H:%M"}, False),
    ],
)
def test_a_statement_stands_for_what_the_log_cannot_show(
    world: Any, session: LabSession, changes: dict[str, Any], stands: bool
) -> None:
    install(world)
    act(session, "noted", update=SP2)
    installed = datetime.fromtimestamp(session.local_time(), UTC)
    when = changes.get("when", 3600.0)
    text = installed.strftime(when) if isinstance(when, str) else str(installed + timedelta(seconds=when))
    said = {"gate": "backup_databases", "who": "A. Rossi", "what": "Image of all LUNs."} | changes | {"when": text}
    for state in ("due", "seen"):
        result = act(session, state, statements=[said], cluster="mail")
        assert ("due" not in result) is stands
        assert (result["statement"] or {}).get("who") == ("A. Rossi" if stands else None)
        assert result["changed"] is (stands and state == "seen")
    assert (backups_due.read_note(session) is None) is stands


def test_a_log_that_cannot_be_read_proves_nothing(world: Any, session: LabSession) -> None:
    install(world)
    act(session, "noted", update=SP2)

    def broken(since: float) -> Sequence[Event]:
        raise Unreadable("no such log")

    found = backups_due.observe(session, lambda key: True, newest_backups, broken)
    assert found is not None and (found["due"], found["problem"]) == (True, "no such log")
    assert "no such log" in backups_due.words("mbx1", found, "SP2")


@pytest.mark.parametrize("text", ["[]", '{"update": 5}', '{"update": "x", "databases": [], "begun_at": "now"}'])
def test_another_file_is_no_note(session: LabSession, text: str) -> None:
    session.make_dir("C:\\mailops\\roll")
    session.write_text(backups_due.PATH, [text])
    with pytest.raises(Unreadable):
        backups_due.read_note(session)


def test_check_mode_predicts_the_step(session: LabSession) -> None:
    step = {
        "step": "note_backup_due",
        "host": "mbx1",
        "object": "mbx1",
        "before": {"backup_due": None},
        "after": {"backup_due": SP2},
    }
    result = act(session, "noted", check=True, update=SP2, step=step)
    assert (result["changed"], result["after"]) == (True, {"backup_due": SP2})
    assert not session.lines

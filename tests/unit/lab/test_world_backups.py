# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what the estate says of them stands in the event logs, and the referee knows what was not saved."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.estate import complete
from ansible_collections.mailops.exchange.lab.eventlog import Event
from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.world import World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import (
    START,
    estate,
    install,
    make,
    rules,
    start_cluster_service,
    stop_cluster_service,
)

HOUR = 3600.0
MAILBOX, PUBLIC = (f"C:\\Program Files\\Exchsrvr\\mdbdata\\{name}1.edb" for name in ("priv", "pub"))


def single(**changes: Any) -> World:
    """One server, completed as an estate's file is."""
    return make(complete({"speed": 0, "operator": None, "hosts": {"mbx1": None}, **changes}))


def found(host: Host, *numbers: int) -> list[Event]:
    """The entries with these numbers, in the order of the log."""
    return [event for event in host.events if event.id in numbers]


def test_a_plain_estate_was_saved_six_hours_ago() -> None:
    host = single().hosts["mbx1"]
    ends = found(host, 221)
    assert [event.strings[3] for event in ends] == [MAILBOX, PUBLIC]
    assert {event.strings[2] for event in ends} == {"First Storage Group: "}
    assert {(event.source, event.log, event.category) for event in ends} == {("ESE BACKUP", "Application", 3)}
    assert [event.id for event in host.events if event.source == "ESE BACKUP"] == [
        210,
        220,
        221,
        220,
        221,
        223,
        224,
        213,
    ]
    assert found(host, 213)[0].time == START - 6 * HOUR
    state = [event for event in found(host, 8001) if event.strings[0] == "System State"]
    assert [(event.source, event.kind, event.time) for event in state] == [
        ("NTBackup", "information", START - 6 * HOUR)
    ]
    assert [event.time for event in host.events] == sorted(event.time for event in host.events)
    assert [event.record for event in host.events] == list(range(1, len(host.events) + 1))


def test_the_text_of_an_entry_holds_its_strings() -> None:
    for event in single().hosts["mbx1"].events:
        assert all(part.strip() in event.text for part in event.strings), event


def test_domain_controllers_have_their_own_age() -> None:
    world = single(
        backups={"system_state": 1, "controllers": {"dc1": 40, "dc2": None}}, controllers={"dc1": {}, "dc2": {}}
    )
    assert [event.time for event in found(world.controller_hosts["dc1"], 8001)] == [START - 40 * HOUR]
    assert found(world.controller_hosts["dc2"], 8001) == []
    assert not [event for event in world.controller_hosts["dc1"].events if event.source == "ESE BACKUP"]


def test_an_age_for_each_machine_and_one_of_its_own() -> None:
    world = single(
        hosts={"a": None, "b": {"backups": {"databases": {"mailbox": 3, "public": None}}}, "c": None},
        backups={"databases": {"a": 30, "c": None}, "system_state": {"a": None}},
    )
    assert [event.time for event in found(world.hosts["a"], 213)] == [START - 30 * HOUR]
    assert [event.strings[3][-9:] for event in found(world.hosts["b"], 221)] == ["priv1.edb"]
    assert found(world.hosts["c"], 213) == []
    states = {name: [e for e in found(host, 8001) if "State" in e.text] for name, host in world.hosts.items()}
    assert [name for name, events in states.items() if events] == ["b", "c"]


def test_the_entries_of_a_virtual_server_are_on_its_owner() -> None:
    world = make()
    assert [event.strings[3] for event in found(world.hosts["n1"], 221)] == [
        "E:\\Exchsrvr\\mdbdata\\priv1.edb",
        "E:\\Exchsrvr\\mdbdata\\pub1.edb",
    ]
    assert found(world.hosts["n2"], 221) == []


def test_a_backup_that_failed_and_one_that_is_not_full() -> None:
    host = single(hosts={"mbx1": {"backups": {"failed": 2, "incremental": 1}}}).hosts["mbx1"]
    assert [event.strings[3:] for event in found(host, 222)] == [[MAILBOX, "9087658", "27262976"]]
    assert [(event.time, event.kind) for event in found(host, 214)] == [(START - 2 * HOUR, "error")]
    assert [event.kind for event in found(host, 8001) if event.time == START - 2 * HOUR] == ["error"]
    assert [event.time for event in found(host, 211)] == [START - HOUR - 120]
    assert not [event for event in found(host, 221) if event.time > START - 3 * HOUR]


def test_a_backup_that_runs() -> None:
    host = single(hosts={"mbx1": {"backups": {"running": True}}}).hosts["mbx1"]
    assert max(found(host, 210), key=lambda event: event.time).time == START - 600
    assert max(found(host, 213), key=lambda event: event.time).time == START - 6 * HOUR
    assert [process.image for process in host.processes].count("ntbackup.exe") == 1


@pytest.mark.parametrize(
    ("language", "state", "group"),
    [
        ("de", "Systemstatus", "Erste Speichergruppe: "),
        ("it", "Stato del sistema", "Primo gruppo di archiviazione: "),
    ],
)
def test_texts_and_names_in_the_hosts_language(language: str, state: str, group: str) -> None:
    host = single(language=language).hosts["mbx1"]
    assert found(host, 221)[0].strings[2:] == [group, MAILBOX]
    assert "Ending the backup" not in found(host, 221)[0].text
    assert state in [event.strings[0] for event in found(host, 8001)]


def test_exchange_55_has_its_directory_too() -> None:
    host = single(hosts={"old": {"os": "nt4"}}).hosts["old"]
    # No storage groups: the file stands behind the program and its number, and each of the two programs has an engine.
    assert sorted(event.strings[2] for event in found(host, 221)) == [
        "C:\\EXCHSRVR\\dsadata\\dir.edb",
        "C:\\EXCHSRVR\\mdbdata\\priv.edb",
        "C:\\EXCHSRVR\\mdbdata\\pub.edb",
    ]
    assert {event.source for event in found(host, 221)} == {"ESE97"}
    assert sorted(event.strings[0] for event in found(host, 213)) == ["MSExchangeDS", "MSExchangeIS"]


def test_nt4_has_no_system_state() -> None:
    """The drive is saved, and no event says whether the registry went with it: the operator signs that it did."""
    world = single(hosts={"old": {"os": "nt4"}})
    assert {event.strings[0] for event in found(world.hosts["old"], 8001)} & {"C:", "System State"} == {"C:"}
    assert world.backups.saved_at("old") == START - 6 * HOUR
    assert world.backups.missing(world.hosts["old"], 24) == []
    assert single(hosts={"old": {"os": "nt4", "backups": {"system_state": None}}}).backups.saved_at("old") is None


def test_the_hosts_clock_stamps_its_entries() -> None:
    host = single(hosts={"mbx1": {"clock_skew": 900}}).hosts["mbx1"]
    assert found(host, 213)[0].time == START - 6 * HOUR + 900
    host.log_event("System", "Test", 1, "information", "now")
    assert host.events[-1].time == START + 900


def test_new_backups_after_a_service_pack() -> None:
    world = make(estate(operator={"takes_backups_after": 30}))
    install(world, "mbx1")
    host, done = world.hosts["mbx1"], world.clock.time
    assert len(found(host, 213)) == 1
    world.clock.sleep(46 * 60)
    new = [event for event in found(host, 213, 221, 8001) if event.time > done]
    assert {event.id for event in new} == {213, 221, 8001}
    assert max(event.time for event in new) == pytest.approx(done + 45 * 60, abs=60)
    assert max(event.time for event in found(host, 210)) == pytest.approx(done + 1800, abs=60)


def test_the_operator_waits_until_the_run_is_done_with_the_host() -> None:
    world = make(estate(operator={"takes_backups_after": 30}))
    install(world, "mbx1")
    done = world.clock.time
    world.clock.sleep(20 * 60)
    world.end_call(world.begin_call("mbx1", "winrm", "echo >x"), 0, True)
    world.end_call(world.begin_call("mbx1", "winrm", "dir"), 0, False)
    world.clock.sleep(30 * 60)
    assert len(found(world.hosts["mbx1"], 213)) == 1
    world.clock.sleep(20 * 60)
    assert found(world.hosts["mbx1"], 213)[-1].time > done + 65 * 60 - 5


def test_new_backups_of_a_cluster_are_taken_where_its_databases_are() -> None:
    world = make(estate(operator={"takes_backups_after": 1}))
    stop_cluster_service(world, "n2")
    install(world, "n2")
    world.clock.sleep(17 * 60)
    assert len(found(world.hosts["n1"], 213)) == 2
    assert len([event for event in found(world.hosts["n2"], 8001) if "System State" in event.text]) == 2


# -- rule 6 of the referee


def six(world: World, name: str = "mbx1") -> list[str]:
    """What is said by rule 6 after an installation."""
    install(world, name)
    return [entry["what"] for entry in world.referee.report()["violations"] if entry["rule"] == 6]


def test_a_saved_estate_breaks_no_rule() -> None:
    world = make()
    assert six(world) == []
    stop_cluster_service(world, "n2")
    assert six(world, "n2") == []
    start_cluster_service(world, "n2")
    assert rules(world) == []


@pytest.mark.parametrize("kind", ["databases", "system_state", "controllers"])
@pytest.mark.parametrize("age", [None, 25])
def test_an_installer_without_a_young_backup(kind: str, age: float | None) -> None:
    assert len(six(make(estate(backups={kind: age})))) == (2 if kind == "databases" else 1)
    said = estate(backups={kind: age}, gates={"overridden": [f"backup_{kind}"]})
    assert six(make(said)) == []


def test_a_failed_backup_takes_the_older_good_one_away() -> None:
    assert len(six(make(estate(backups={"failed": 2})))) == 2
    assert six(make(estate(backups={"failed": 8}))) == []


def test_the_age_counts_from_the_beginning_of_the_run() -> None:
    world = make(estate(backups={"databases": 20}))
    world.clock.sleep(5 * HOUR)
    assert six(world) == []
    world = make(estate(backups={"databases": 20}))
    world.clock.sleep(5 * HOUR)
    world.referee.run_started()
    assert len(six(world)) == 2


def test_another_package_than_that_of_the_catalogue() -> None:
    world = make(estate(package={"hash": "wrong"}))
    share = next(iter(world.shares.values())).volume.root
    entry = share.children["e3sp2eng.exe"]
    assert entry.sha256 != world.packages.package("exchange2003-sp2")["sha256"]
    package = {**world.packages.package("exchange2003-sp2"), "altered": entry.tag["altered"]}
    world.emit("installer_started", host=world.hosts["mbx1"], package=package, logon="batch")
    assert rules(world) == [(6, "mbx1")]


# A backup takes some minutes: on the limit itself its beginning and its end would lie on both sides.
AGES = st.none() | st.floats(0, 100).filter(lambda hours: abs(hours - 24) > 1)


@given(AGES, AGES, AGES, AGES)
def test_the_referee_says_what_the_log_proves(
    mailbox: float | None, public: float | None, state: float | None, dc: float | None
) -> None:
    world = single(
        hosts={"mbx1": {"backups": {"databases": {"mailbox": mailbox, "public": public}, "system_state": state}}},
        backups={"controllers": dc},
    )
    host, after = world.hosts["mbx1"], START - 24 * HOUR

    def young(machine: Host, number: int, text: str) -> bool:
        return any(e.time >= after - 1 and text in "".join(e.strings) for e in found(machine, number))

    proven = {
        "databases": sum(not young(host, 221, path) for path in (MAILBOX, PUBLIC)),
        "system_state": int(not young(host, 8001, "System State")),
        "controllers": int(not young(world.controller_hosts["dc1"], 8001, "System State")),
    }
    missing = [kind for kind, unused in world.backups.missing(host, 24)]
    assert {kind: missing.count(kind) for kind in proven} == proven

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event logs and file versions: reading wmic, and asking the simulated host."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused, Unreadable
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.eventlog import cim_date, epoch, parse
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.files import version_of
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import Output
from ansible_collections.mailops.exchange.tests.unit.cluster.lab_session import CLUSTER, LabSession, world_of

from .lab_support import begin, opened

# The form of `wmic ... /value`: a line end of CR CR LF, names in alphabetical order, lists in braces.
PRINTED = (
    "\r\r\n\r\r\nEventCode=1025\r\r\nEventType=1\r\r\n"
    'InsertionStrings={"Exchange System Attendant (EVS1)","EVS1"}\r\r\n'
    "Message=Exchange System Attendant (EVS1): Impossibile portare in linea la risorsa.\r\nSeconda riga.\r\n\r\r\n"
    "SourceName=MSExchangeCluster\r\r\nTimeGenerated=20261122221500.000000+060\r\r\n\r\r\n\r\r\n"
    "EventCode=8001\r\r\nEventType=3\r\r\nInsertionStrings=\r\r\nMessage=\r\r\nSourceName=NTBackup\r\r\n"
    "TimeGenerated=20261122211459.000000+000\r\r\n\r\r\n\r\r\n"
)


def test_printed_events() -> None:
    first, second = parse(PRINTED)
    assert (first.id, first.type, first.source) == (1025, "error", "MSExchangeCluster")
    assert first.strings == ("Exchange System Attendant (EVS1)", "EVS1")
    assert first.text.split("\n")[-1] == "Seconda riga."
    assert (second.id, second.type, second.text, second.strings) == (8001, "information", "", ())
    assert first.time - second.time == 1


def test_utf_16_and_another_order_are_read_too() -> None:
    lines = "TimeGenerated=20261122211459.000000+000\r\nSourceName=A\r\nEventCode=7\r\nEventType=99\r\n"
    found = parse("\0".join(lines) + "\0")
    assert [(event.source, event.id, event.type) for event in found] == [("A", 7, "unknown")]


@pytest.mark.parametrize("text", ["", "No Instance(s) Available.\r\n", "EventCode=x\r\nTimeGenerated=\r\n"])
def test_what_is_no_event(text: str) -> None:
    assert parse(text) == []


@given(st.text(alphabet='=\r\n\0EventCode019{}",.:+ ', max_size=200))
def test_no_text_breaks_the_reading(text: str) -> None:
    assert all(event.id >= 0 for event in parse(text))


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_moments_go_there_and_back(moment: int) -> None:
    assert epoch(cim_date(moment)) == moment


def test_an_offset_is_taken_off() -> None:
    assert epoch("20261122221500.000000+060") == epoch("20261122211500.000000+000")
    assert epoch("20261122151500.250000-360") == epoch("20261122211500.250000+000")
    assert epoch("20261399221500.000000+060") is None


@pytest.fixture
def session() -> LabSession:
    return LabSession(world_of(CLUSTER), "n1")


def test_the_host_picks_the_events(session: LabSession) -> None:
    host, began = session.world.hosts["n1"], session.clock.now()
    host.log_event("Application", "MSExchangeCluster", 1025, "error", "first", ["a", "b"])
    host.log_event("Application", "ESE BACKUP", 213, "information", "second\nline")
    host.log_event("System", "ClusSvc", 1069, "error", "third")
    session.clock.sleep(100)
    host.log_event("Application", "MSExchangeCluster", 1025, "warning", "fourth")
    found = session.events("Application", source="msexchangecluster", ids=[1025, 2065], since=began - 1)
    assert [event.text for event in found] == ["fourth", "first"]
    assert (found[1].type, found[1].strings) == ("error", ("a", "b"))
    assert [event.text for event in session.events("Application", since=began + 50)] == ["fourth"]
    several = session.events("Application", source=["ESE BACKUP", "ClusSvc"], since=began - 1)
    assert [event.text for event in several] == ["second\nline"]
    assert len(session.events("Application", since=began - 1, limit=2)) == 2
    assert [event.id for event in session.events("System", source="ClusSvc", since=began - 1)] == [1069]
    assert session.events("Application", ids=[], since=began) == []
    assert all("<nul" in line for line in session.lines)


def test_what_cannot_be_asked_is_refused_and_what_fails_is_told(session: LabSession) -> None:
    with pytest.raises(Refused):
        session.events("Application", source="it's")
    session.run = lambda line, **options: Output(44135, "", "ntevent - Alias not found.")  # type: ignore[method-assign]
    with pytest.raises(Unreadable, match="Alias not found"):
        session.events("Application")


def test_file_versions(session: LabSession) -> None:
    assert session.file_version("C:\\Program Files\\Exchsrvr\\bin\\store.exe") == "6.5.7226.6"
    assert session.file_version("C:\\nosuch\\store.exe") is None
    assert session.file_version("C:\\it's.exe") is None
    session.run = lambda line, **options: Output(9009, "", "wmic is not recognized")  # type: ignore[method-assign]
    assert session.file_version("C:\\Program Files\\Exchsrvr\\bin\\store.exe") is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("6.5.7638.1", "6.5.7638.1"),
        ("5.2.3790.1830 (srv03_sp1_rtm.050324-1447)", "5.2.3790.1830"),
        ("6, 5, 07226, 6", "6.5.7226.6"),
        ("6.5.7638", None),
        ("", None),
    ],
)
def test_version_texts(text: str, version: str | None) -> None:
    assert version_of(text) == version


@pytest.mark.parametrize("language", ["en", "de", "it"])
def test_over_the_wire_in_other_languages(tmp_path: Path, language: str) -> None:
    lab = begin(tmp_path, language)
    try:
        with opened(lab) as session:
            host = lab.world.hosts["n1"]
            began = session.clock.now()
            with lab.world.clock.lock:
                host.log_event("Application", "MSExchangeCluster", 1025, "error", "Büro: è fallito", ["SA", "c1037b44"])
            found = session.events("Application", source="MSExchangeCluster", ids=[1025], since=began - 3600)
            assert [(event.id, event.type, event.strings) for event in found] == [(1025, "error", ("SA", "c1037b44"))]
            assert found[0].text == "Büro: è fallito"
            assert session.events("Application", ids=[4711], since=began) == []
            assert session.file_version("C:\\Program Files\\Exchsrvr\\bin\\store.exe") == "6.5.7226.6"
            answers = session.ask(
                ["ver"],
                values=["HKLM\\SOFTWARE\\Microsoft\\Exchange\\Setup", "HKLM\\Nosuch"],
                trees=["HKLM\\SOFTWARE\\Microsoft\\Exchange"],
                subkeys=["HKLM\\SOFTWARE\\Microsoft", "HKLM\\Nosuch"],
                services=["MSExchangeIS", "Nosuch"],
            )
            assert answers.outputs[0].exit_code == 0
            assert answers.registry.values["HKLM\\Nosuch"] is None
            assert answers.registry.trees["HKLM\\SOFTWARE\\Microsoft\\Exchange"].keys() >= {"Setup"}
            assert "Exchange" in (answers.registry.subkeys["HKLM\\SOFTWARE\\Microsoft"] or [])
            assert answers.registry.subkeys["HKLM\\Nosuch"] is None
            assert (answers.services.keys(), answers.services["MSExchangeIS"].state) == ({"MSExchangeIS"}, "running")
    finally:
        lab.stop()

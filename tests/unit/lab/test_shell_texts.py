# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of words."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
import yaml

from ansible_collections.mailops.exchange.lab.shell import wording
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

LAB = Path(wording.__file__).resolve().parents[1]
SURE = {"V", "R", "U"}


def table(language: str) -> dict[str, object]:
    loaded = yaml.safe_load((wording.FOLDER / f"{language}.yml").read_text(encoding="utf-8"))
    assert loaded["language"] == language
    texts: dict[str, object] = loaded["texts"]
    return texts


def places(text: str) -> set[str]:
    return {name for unused, name, *rest in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_every_entry_is_a_text_or_says_how_sure_it_is(language: str) -> None:
    for key, entry in table(language).items():
        if isinstance(entry, dict):
            assert set(entry) <= {"text", "sureness", "source"} and entry["sureness"] in SURE, key
        else:
            assert isinstance(entry, str), key


@pytest.mark.parametrize("language", ["it", "de"])
def test_a_translation_has_the_places_of_the_original_and_no_other_keys(language: str) -> None:
    english, other = wording.load_texts("en"), wording.load_texts(language)
    assert set(table(language)) <= set(english)
    assert {key: places(text) for key, text in other.items()} == {key: places(text) for key, text in english.items()}


def test_every_text_that_a_program_asks_for_is_there() -> None:
    english = wording.load_texts("en")
    asked: set[str] = set()
    for path in [*LAB.glob("shell/*.py"), *LAB.glob("programs/*.py")]:
        source = path.read_text(encoding="utf-8")
        asked.update(re.findall(r'text\(\s*"([a-z]+(?:\.[a-z_]+)+)"', source))
    assert len(asked) > 100
    assert asked <= set(english)


def test_a_text_without_translation_is_english() -> None:
    assert wording.wording("it", "ping.timeout") == "Request timed out."
    assert wording.wording("fr", "cmd.echo_on") == "ECHO is on."
    assert wording.win32_text("de", 99999) == "Unknown error 99999."


@pytest.mark.parametrize(
    ("language", "line", "text"),
    [
        ("it", "cluster group EVS1", "In linea"),
        ("it", "cluster node n1", "Attivo"),
        ("it", "sc query ClusSvc", "        STATO              : 4  RUNNING"),
        ("it", "schtasks /query", "INFORMAZIONI: nessuna"),
        ("it", "cluster group nosuch", "Errore di sistema 5013 (0x00001395)."),
        ("de", "cluster group EVS1", "Gruppe               Knoten          Status"),
        ("de", "cluster node n2", "Aktiv"),
        ("de", "cluster group nosuch", "Systemfehler 5013 aufgetreten (0x00001395)."),
        ("de", "chcp", "Aktive Codepage: 850."),
    ],
)
def test_programs_speak_the_language_of_the_host(language: str, line: str, text: str) -> None:
    assert text in Console(language=language).run(line).stdout


def test_yes_is_said_in_the_language_of_the_host() -> None:
    console = Console(language="it")
    console.run("md C:\\one\\two")
    console.run("rd /s C:\\one", b"y\r\n")
    assert console.host.files.exists("C:\\one")
    console.run("rd /s C:\\one", b"s\r\n")
    assert not console.host.files.exists("C:\\one")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State words in known and unknown languages."""

from __future__ import annotations

import pytest

from ansible_collections.mailops.exchange.plugins.plugin_utils.cluster.words import Words, calibrate, dictionary


@pytest.mark.parametrize(
    ("kind", "word", "state"),
    [
        ("node", "Up", "up"),
        ("node", "Paused", "paused"),
        ("node", "Nicht aktiv", "down"),
        ("group", "Partially Online", "partially_online"),
        ("group", "partially  online", "partially_online"),
        ("group", "In linea", "online"),
        ("resource", "Online Pending", "online_pending"),
        ("resource", "Online (Ext Maintenance, Internal State 'x')", "online"),
        ("resource", "Offline (ausstehend)", "offline_pending"),
        ("resource", "Fehlgeschlagen", "failed"),
        ("resource", "En ligne", "unknown"),
        ("group", "", "unknown"),
    ],
)
def test_dictionary(kind: str, word: str, state: str) -> None:
    assert Words().meaning(kind, word) == state


def test_no_kind_is_empty_and_every_english_word_is_known() -> None:
    for kind, words in (("node", "up down paused joining"), ("group", "online offline failed pending")):
        assert set(words.split()) <= set(dictionary(kind).values())


def test_online_and_up_are_learnt_from_the_quorum_resource() -> None:
    words = calibrate("En ligne", "Actif", {"En ligne", "Hors connexion"})
    assert (words.resource("En ligne"), words.group("en ligne"), words.node("Actif")) == ("online", "online", "up")
    assert words.resource("Hors connexion") == "unknown"
    assert words.node("Inactif") == "unknown"


def test_a_word_that_no_group_shows_is_not_learnt_for_online() -> None:
    # The quorum resource is just on its way: "online pending" in some language.
    words = calibrate("Mise en ligne", "Actif", {"En attente"})
    assert words.resource("Mise en ligne") == "unknown"


def test_words_of_the_dictionary_keep_their_meaning() -> None:
    words = calibrate("Failed", "Paused", {"Failed"})
    assert (words.resource("Failed"), words.node("Paused")) == ("failed", "paused")

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the state words of cluster.exe mean, whatever the language of Windows is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

UNKNOWN = "unknown"


def plain(word: str) -> str:
    """A state word as it is compared: one blank between words, case folded."""
    return " ".join(word.split()).casefold()


def bare(word: str) -> str:
    """The word without a suffix in parentheses (maintenance mode of Server 2003 SP2)."""
    return re.sub(r"\s*\(.*\)\s*$", "", word)


@cache
def dictionary(kind: str) -> Mapping[str, str]:
    """Word -> state for ``node``, ``group`` or ``resource``; a word with two meanings is left out."""
    meanings: dict[str, set[str]] = {}
    with Path(__file__).with_name("data").joinpath("words.yml").open(encoding="utf-8") as file:
        languages = yaml.safe_load(file)
    for language in languages.values():
        for state, words in language[kind].items():
            for word in words:
                meanings.setdefault(plain(word), set()).add(state)
    return {word: states.pop() for word, states in meanings.items() if len(states) == 1}


@dataclass(frozen=True)
class Words:
    """The dictionary, and the words that were learnt from this cluster (kind -> word -> state)."""

    learnt: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def meaning(self, kind: str, word: str) -> str:
        """The state that a word stands for; ``unknown`` where nobody knows it."""
        for form in (plain(word), plain(bare(word))):
            state = dictionary(kind).get(form) or self.learnt.get(kind, {}).get(form)
            if state:
                return state
        return UNKNOWN

    def node(self, word: str) -> str:
        """The state of a node."""
        return self.meaning("node", word)

    def group(self, word: str) -> str:
        """The state of a group."""
        return self.meaning("group", word)

    def resource(self, word: str) -> str:
        """The state of a resource."""
        return self.meaning("resource", word)


def calibrate(quorum_word: str, owner_word: str, group_words: set[str]) -> Words:
    """Learn the words for "online" and "up" from the quorum resource and the node that owns it.

    A cluster that answers has its quorum resource online, so a word that no dictionary knows and that
    stands there means "online" (no source; reasoned). It must also be the word of some group: a resource
    that is on its way shows a word that groups never show. The word of the quorum's owner means "up" or
    "paused"; it is taken for "up": the cluster itself refuses to bring anything online on a paused node.
    Words of the dictionary are never given another meaning.
    """
    learnt: dict[str, dict[str, str]] = {}
    online, up = plain(bare(quorum_word)), plain(bare(owner_word))
    if online and online in {plain(bare(word)) for word in group_words}:
        for kind in ("group", "resource"):
            if online not in dictionary(kind):
                learnt.setdefault(kind, {})[online] = "online"
    if up and up not in dictionary("node"):
        learnt["node"] = {up: "up"}
    return Words(learnt)

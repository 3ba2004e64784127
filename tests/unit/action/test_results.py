# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data, sentences and moments."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils._results import Times, hide, plain, sentence
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock, RehearsalClock

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class Tagged(str):
    """As Ansible's tagged strings: a subclass."""


@given(JSON)
def test_plain_keeps_json(value: object) -> None:
    assert plain(value) == value


def test_plain_strips_subclasses() -> None:
    found = plain({Tagged("a"): (Tagged("b"), {3, 1})})
    assert found == {"a": ["b", [1, 3]]}
    assert {type(text) for text in (*found, found["a"][0])} == {str}


def test_plain_refuses_what_json_does_not_know() -> None:
    with pytest.raises(TypeError, match="bytes"):
        plain({"a": b"x"})


@given(JSON, st.text(min_size=3, alphabet="abcXYZ"))
def test_hide_leaves_no_secret(value: object, secret: str) -> None:
    assert secret not in json.dumps(hide(value, [secret]), ensure_ascii=False).replace("********", "")


def test_longer_secret_first() -> None:
    assert hide("hunter22", ["hunter22", "hunter2"]) == "********"


def test_sentence() -> None:
    assert sentence("n1 is gone") == "n1 is gone."
    assert sentence("start again!", capital=True) == "Start again!"
    assert sentence("") == ""


def test_times_of_real_time() -> None:
    times = Times(Clock()).ended()
    assert datetime.fromisoformat(times["started"]) <= datetime.fromisoformat(times["ended"])
    assert times["started"].endswith("+00:00")


def test_times_of_a_rehearsal_begin_with_its_first_answer() -> None:
    clock = RehearsalClock(60)
    times = Times(clock)
    clock.seen(2_000_000_000.0)
    clock.seen(2_000_000_030.0)
    ended = times.ended()
    assert ended["started"] == "2033-05-18T03:33:20.000+00:00"
    assert ended["ended"] >= "2033-05-18T03:33:50"

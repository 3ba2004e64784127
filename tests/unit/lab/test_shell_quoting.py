# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of any kind survive the shell when they are protected by its rules."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.shell.argv import split_arguments
from ansible_collections.mailops.exchange.lab.shell.percent import apply_modifier, expand_batch, expand_prompt
from ansible_collections.mailops.exchange.tests.unit.lab.console import Console

PRINTABLE = st.text(st.characters(codec="cp437", min_codepoint=32, exclude_characters="\x7f\x1a"), max_size=60)
TRICKY = st.text(st.sampled_from('ab &|<>()^"%!:=~*\\/7,;@.PATH'), max_size=60)
TEXTS = PRINTABLE | TRICKY
FILE = "C:\\mailops\\quoted.txt"


@pytest.fixture(scope="module")
def console() -> Console:
    return Console()


def at_prompt(text: str) -> str:
    """Protect every character that is not a plain one, and what follows a percent sign.

    The latter keeps ``%NAME:x=y%`` from being a variable: its name then begins with a caret.
    """
    result = ""
    before = ""
    for char in text:
        result += char if char.isalnum() and before != "%" else "^" + char
        before = char
    return result


@given(text=TEXTS)
def test_a_protected_text_is_echoed_as_it_is(console: Console, text: str) -> None:
    assert console.run(f"echo({at_prompt(text)}").stdout == text + "\r\n"


@given(text=TEXTS)
def test_it_may_stand_in_parentheses_beside_others(console: Console, text: str) -> None:
    line = f"(echo({at_prompt(text)}) & echo done"
    assert console.run(line).stdout == f"{text}\r\ndone\r\n"


@given(lines=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_file_is_written_line_by_line(console: Console, lines: list[str]) -> None:
    result = console.run(f'>"{FILE}" ({"& ".join("echo(" + at_prompt(line) for line in lines)})')
    assert result.exit_code == 0
    assert console.host.files.read(FILE).decode("cp437") == "".join(line + "\r\n" for line in lines)


@given(text=TEXTS)
def test_a_batch_file_echoes_it_when_percents_are_doubled(console: Console, text: str) -> None:
    protected = "".join("%%" if char == "%" else char if char.isalnum() else "^" + char for char in text)
    console.write("C:\\mailops\\quoted.cmd", "@echo off", f"echo({protected}")
    assert console.run("C:\\mailops\\quoted.cmd").stdout == text + "\r\n"


@given(text=st.text(st.characters(codec="cp437", min_codepoint=32, exclude_characters='"\x7f\x1a%'), max_size=40))
def test_in_quotes_only_quotes_and_percents_matter(console: Console, text: str) -> None:
    assert console.run(f'echo "{text}"').stdout == f'"{text}"\r\n'


@given(arguments=st.lists(st.text(st.sampled_from('ab \t"\\'), max_size=12), max_size=5))
def test_arguments_come_apart_as_they_were_put_together(arguments: list[str]) -> None:
    assert split_arguments(subprocess.list2cmdline(arguments)) == arguments


@given(text=st.text(st.characters(exclude_characters="%"), max_size=40))
def test_a_text_without_percent_signs_is_not_expanded(text: str) -> None:
    assert expand_prompt(text, lambda name: "x") == text
    assert expand_batch(text, lambda name: "x", [], lambda value, letters: value) == text


@given(value=st.text(max_size=20), start=st.integers(-25, 25), length=st.integers(-25, 25))
def test_parts_of_variables_are_parts(value: str, start: int, length: int) -> None:
    part = apply_modifier(value, f"~{start},{length}")
    assert part is not None and part in value
    begin = start if start >= 0 else max(0, len(value) + start)
    if length >= 0:
        assert part == value[begin : begin + length]


@pytest.mark.parametrize(
    ("modifier", "result"),
    [
        ("a=b", "bbcbbc"),
        ("ABC=x", "xx"),
        ("*c=", "abc"),
        ("a=", "bcbc"),
        ("~1", "bcabc"),
        ("~-2", "bc"),
        ("~0,-1", "abcab"),
        ("a", None),
        ("=x", None),
        ("*=x", None),
        ("~x y", None),
    ],
)
def test_modifiers(modifier: str, result: str | None) -> None:
    assert apply_modifier("abcabc", modifier) == result

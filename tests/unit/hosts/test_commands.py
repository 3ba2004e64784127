# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines: what cmd.exe and the program behind it make of them."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.commands import (
    LINE_LIMIT,
    Raw,
    check_name,
    command,
    echo,
    quote,
    secret,
    switch,
    write_file,
    write_files,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import Refused
from ansible_collections.mailops.exchange.tests.unit.hosts import cmd_model

ENVIRONMENT = {
    "PATH": r"C:\WINDOWS",
    "ERRORLEVEL": "7",
    "a": "A",
    "b": "B",
    "x y": "spaced",
    "X": "C:D",
    "=": "equals",
}
SHARP = st.text(alphabet='ab%^&|<>()"!:=~ x/?\\.,;@0179', max_size=25)
LINES = st.one_of(
    SHARP,
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    st.sampled_from(["", " ", "on", "OFF", "off ", "/?", "echo /?", "%PATH%", "%PATH:C=D%", "%x%%x%", "^", "%", "%%"]),
)
NAMES = st.text(
    alphabet=st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters='"%!\x7f'), min_size=1, max_size=30
)


@given(LINES)
@example("%PATH%")
@example("%PATH:C=D%")
@example("a%b%PATH%c")
@example("%a%b%")
@example("100%")
@example("ends with a caret^")
@example("^%PATH^%")
def test_echo_writes_exactly_the_text(text: str) -> None:
    assert cmd_model.run_echoes(echo(text), ENVIRONMENT)[2] == text + "\n"


@given(st.lists(LINES, min_size=1, max_size=6))
@example(["%", "PATH%", "%a", "b%"])
@example(["a", ""])
def test_write_file_writes_exactly_the_lines(lines: list[str]) -> None:
    path, append, content = cmd_model.run_echoes(write_file(r"C:\x\a b.txt", lines), ENVIRONMENT)
    assert (path, append) == (r"C:\x\a b.txt", False)
    assert content == "".join(line + "\n" for line in lines)


@given(st.lists(st.text(alphabet=string.ascii_letters + "%^&", max_size=900), min_size=1, max_size=60))
def test_long_files_are_written_in_parts(lines: list[str]) -> None:
    content = ""
    for number, part in enumerate(write_files(r"C:\x\run.cmd", lines)):
        assert len(part) <= LINE_LIMIT
        append, written = cmd_model.run_echoes(part, ENVIRONMENT)[1:]
        assert append == (number > 0)
        content += written
    assert content == "".join(line + "\n" for line in lines)


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(Refused, match="too long"):
        write_files(r"C:\x", ["&" * 5000])


def test_empty_file() -> None:
    assert write_file(r"C:\x\a.txt", []) == r'type nul>"C:\x\a.txt"'


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\tb", "\x00"])
def test_echo_refuses_what_it_cannot_write(text: str) -> None:
    with pytest.raises(Refused):
        echo(text)


@given(NAMES)
@example("C:\\dir with blank\\")
@example("\\\\server\\share\\")
@example("R&D (Test) 'x' ^ <a> | b")
def test_a_quoted_name_arrives_whole(name: str) -> None:
    assert cmd_model.arguments(f"prog {quote(name)} end", ENVIRONMENT) == ["prog", name, "end"]
    assert cmd_model.arguments(f"prog {switch('moveto', name)}", ENVIRONMENT) == ["prog", f"/moveto:{name}"]
    assert cmd_model.arguments(command("prog", name, "end"), ENVIRONMENT) == ["prog", name, "end"]


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f"), min_size=1))
@example('quo"te')
@example('back\\"slash\\')
@example("100%PATH%!")
@example('"')
def test_a_password_arrives_whole(value: str) -> None:
    assert cmd_model.arguments(f"prog /rp {secret(value)} end", ENVIRONMENT) == ["prog", "/rp", value, "end"]


@pytest.mark.parametrize("name", ['a"b', "50%", "a!b", "a\nb", "a\rb", "a\x01b", "a\x7f"])
def test_names_that_cannot_be_passed_are_refused(name: str) -> None:
    for make in (check_name, quote, lambda value: switch("x", value), lambda value: command("p", value)):
        with pytest.raises(Refused) as caught:
            make(name)
        assert caught.value.remedy


def test_a_refused_password_is_not_shown() -> None:
    with pytest.raises(Refused) as caught:
        secret("Geheim\n")
    assert "Geheim" not in str(caught.value)


def test_command_leaves_plain_words_and_raw_parts_alone() -> None:
    line = command("cluster", "group", "Cluster Group", switch("moveto", "N2"), switch("wait", 300))
    assert line == 'cluster group "Cluster Group" /moveto:"N2" /wait:300'
    assert command("sc", "config", "X", Raw("start= auto")) == "sc config X start= auto"
    assert command("ping", "-n", 3, "127.0.0.1") == "ping -n 3 127.0.0.1"
    assert command("prog", "") == 'prog ""'

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every session does, whatever its channel: read-only, repeating, batching, reading answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.clock import Clock
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.errors import (
    CommandFailed,
    ConnectionLost,
    ReadOnlyViolation,
    Refused,
    Unreachable,
    Unreadable,
    WaitTimeout,
)
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.restart import settle
from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.session import (
    Output,
    Session,
    explain,
    hide,
    join_lines,
    split_answers,
)


class Still(Clock):
    """Time passes by sleeping only."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Scripted(Session):
    """A session whose answers come from a function; it notes what would have been sent."""

    def __init__(self, answer: Callable[[str], Output], **options: object) -> None:
        super().__init__("n1", clock=Still(), **options)  # type: ignore[arg-type]
        self.answer = answer
        self.sent: list[str] = []
        self.reconnected = 0

    def _send(self, call) -> Output:  # type: ignore[no-untyped-def]
        self._about_to_change(call)
        self.sent.append(call.line)
        return self.answer(call.line)

    def reconnect(self) -> None:
        self.reconnected += 1

    def close(self) -> None:
        pass


def answers(*values: Output | Exception) -> Callable[[str], Output]:
    rest = list(values)

    def answer(line: str) -> Output:
        value = rest.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    return answer


OK = Output(0, "")


def test_read_only_sends_nothing() -> None:
    session = Scripted(answers(OK), read_only=True)
    with pytest.raises(ReadOnlyViolation):
        session.run("del x", changes=True)
    for act in (
        lambda: session.delete("C:\\x"),
        lambda: session.make_dir("C:\\x"),
        lambda: session.write_text("C:\\x", ["a"]),
        lambda: session.restart(5, "update"),
    ):
        with pytest.raises(ReadOnlyViolation):
            act()
    assert session.sent == []
    assert session.mutated is False
    session.run("dir", changes=False)
    assert session.mutated is False


def test_mutated_is_set_before_the_call_is_answered() -> None:
    session = Scripted(answers(ConnectionLost("gone")))
    with pytest.raises(ConnectionLost):
        session.run("del x", changes=True)
    assert session.mutated is True
    assert session.sent == ["del x"]


def test_a_reading_call_is_repeated_once() -> None:
    session = Scripted(answers(ConnectionLost("gone"), Output(3, "x")))
    assert session.run("dir", changes=False) == Output(3, "x")
    assert session.sent == ["dir", "dir"]
    assert session.reconnected == 1


def test_twice_lost_is_unreachable() -> None:
    session = Scripted(answers(ConnectionLost("gone", remedy="look"), ConnectionLost("gone again", remedy="look")))
    with pytest.raises(Unreachable, match="gone again") as caught:
        session.run("dir", changes=False)
    assert caught.value.remedy == "look"


def test_a_host_that_does_not_answer_at_all_is_not_asked_twice() -> None:
    session = Scripted(answers(Unreachable("refused")))
    with pytest.raises(Unreachable):
        session.run("dir", changes=False)
    assert session.sent == ["dir"]


def test_too_long_a_line_is_refused() -> None:
    with pytest.raises(Refused):
        Scripted(answers(OK)).run("x" * 8192, changes=False)


def simulate(line: str) -> Output:
    """Answer a batch: every line says its own text and ends with its length, without any line end."""
    said = ""
    for inner, token in re.findall(r"ver >nul & \((.*?)\) 2>&1 & call echo (\w+):%\^ERRORLEVEL%:", line):
        said += f"{inner}{token}:{len(inner)}: \n"
    return Output(0, said) if said else Output(len(line), line, "error")


@given(st.lists(st.text(alphabet="abc 0:", min_size=1, max_size=900), max_size=40))
def test_batches_are_split_and_put_together_again(lines: list[str]) -> None:
    session = Scripted(simulate)
    outputs = session.run_all(lines)
    assert [output.exit_code for output in outputs] == [len(line) for line in lines]
    assert [output.stdout.startswith(line) for line, output in zip(lines, outputs, strict=True)] == [True] * len(lines)
    assert all(len(line) <= 8000 for line in session.sent)
    if sum(map(len, lines)) + 80 * len(lines) < 8000:
        assert len(session.sent) == min(len(lines), 1)


def test_the_same_question_is_the_same_line_within_a_session() -> None:
    first, second = Scripted(simulate), Scripted(simulate)
    first.run_all(["a", "b"])
    first.run_all(["a", "b"])
    second.run_all(["a", "b"])
    assert first.sent[0] == first.sent[1]
    assert first.sent[0] != second.sent[0]


def test_a_missing_answer_is_unreadable() -> None:
    for said in ("", "x\nM0:0:\n", "M0:%ERRORLEVEL%:\nM1:0:\n", "M1:0:\nM0:0:\n", "M0:0:\nM10:0:\n"):
        with pytest.raises(Unreadable):
            split_answers(Output(0, said, "syntax error"), "M", 2)


def test_answers_may_hold_anything_that_is_not_the_marker() -> None:
    output = Output(0, "a M1:x\n\nM0:-1073741510: \nno line endM1:0:\n")
    assert split_answers(output, "M", 2) == [Output(-1073741510, "a M1:x\n\n"), Output(0, "no line end")]


def test_join_lines_uses_the_form_that_expands_late() -> None:
    assert join_lines(["a", "b"], "M") == (
        "ver >nul & (a) 2>&1 & call echo M0:%^ERRORLEVEL%: & ver >nul & (b) 2>&1 & call echo M1:%^ERRORLEVEL%:"
    )


def test_secrets_are_hidden_in_every_form() -> None:
    from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.commands import secret

    for value in ("Pass word", "a%b!c&d", 'q"uote%', "x^y"):
        line = f"net use X /user:U {secret(value)} end"
        assert value not in hide(line, [value])
        assert str(secret(value)).strip('^"') not in hide(line, [value])
        assert "********" in hide(line, [value])
    assert hide("a b", ["", "zz"]) == "a b"


def test_a_failed_change_shows_no_secret() -> None:
    session = Scripted(answers(Output(1, "", "\n\nERROR: Geheim1 is wrong\n")))
    with pytest.raises(CommandFailed) as caught:
        session.change("schtasks /rp Geheim1", "creating the task", secrets=["Geheim1"])
    assert "Geheim1" not in str(caught.value) + str(caught.value.details)
    assert caught.value.exit_code == 1
    assert "creating the task failed with exit code 1: ERROR: ******** is wrong" in caught.value.message


def test_what_the_trace_gets_holds_no_secret() -> None:
    seen: list[str] = []
    session = Scripted(answers(OK), trace=seen.append)
    session.run("net use /user:x Geheim1", changes=True, secrets=["Geheim1"])
    assert seen == ["CHANGE net use /user:x ********"]


def test_read_text_tells_absent_from_unreadable() -> None:
    session = Scripted(answers(OK))
    session.answer = lambda line: Output(0, f"{session.token}absent\n")
    assert session.read_text("C:\\x") is None
    session.answer = lambda line: Output(0, "content\n")
    assert session.read_text("C:\\x") == "content\n"
    session.answer = lambda line: Output(1, "", "Access is denied.\n")
    with pytest.raises(Unreadable, match="Access is denied"):
        session.read_text("C:\\x")


def test_text_that_the_host_cannot_write_is_refused() -> None:
    session = Scripted(answers(OK))
    with pytest.raises(Refused, match="cp437"):
        session.write_text("C:\\x", ["Ω fits, € does not"])
    assert session.sent == []


def test_file_hash_falls_back_and_gives_up() -> None:
    def answer(line: str) -> Output:
        if line.startswith("if exist"):
            return Output(0, "108\n")
        if line.startswith("fciv"):
            return Output(0, "//\n// x\n//\n" + "0" * 39 + "A c:\\x\n")
        return Output(9009, "", "'certutil' is not recognized\n")

    session = Scripted(answer)
    assert session.file_hash("C:\\x", "sha1") == "0" * 39 + "a"
    assert session.file_hash("C:\\x", "sha256") is None
    with pytest.raises(Refused):
        session.file_hash("C:\\x", "crc32")
    session.answer = lambda line: Output(0, f"{session.token}absent\n")
    with pytest.raises(CommandFailed):
        session.file_hash("C:\\x", "sha256")


def test_boot_time() -> None:
    session = Scripted(
        answers(Output(0, "\n\nLastBootUpTime=20261122101500.500000+060\n\n"), Output(1, "", "Node - x\n"))
    )
    assert session.boot_time() == "20261122101500.500000+060"
    with pytest.raises(Unreadable):
        session.boot_time()


def test_registry() -> None:
    text = "\nHKEY_LOCAL_MACHINE\\A\n    x    REG_SZ    1\n\nHKEY_LOCAL_MACHINE\\A\\B\n"
    session = Scripted(lambda line: Output(0, text) if "A" in line else Output(1, "", "ERROR\n"))
    assert session.registry_values("HKLM\\A") == {"x": ("REG_SZ", "1")}
    assert session.registry_values("HKLM\\C") is None
    assert session.registry_tree("HKLM\\A") == {"": {"x": ("REG_SZ", "1")}, "B": {}}
    session.answer = lambda line: Output(9009, "", "'reg' is not recognized\n")
    with pytest.raises(Unreadable, match="not recognized"):
        session.registry_values("HKLM\\A")


def service_row(state: str) -> Output:
    return Output(0, f"\nSERVICE_NAME: X\n        TYPE : 10  OWN\n        STATE : {state}\n")


def test_starting_a_service_waits_and_notices_a_fall_back() -> None:
    session = Scripted(answers(service_row("4  RUNNING")))
    assert session.start_service("X", 60) is False
    session.answer = answers(service_row("1  STOPPED"), OK, service_row("2  START_PENDING"), service_row("4  RUNNING"))
    assert session.start_service("X", 60) is True
    session.answer = answers(service_row("1  STOPPED"), OK, service_row("2  S_P"), *[service_row("1  STOPPED")] * 3)
    with pytest.raises(CommandFailed, match="stopped again"):
        session.start_service("X", 60)
    session.answer = answers(service_row("1  STOPPED"), Output(1058, "[SC] StartService FAILED 1058:\n\ndisabled\n"))
    with pytest.raises(CommandFailed, match="1058"):
        session.start_service("X", 60)


def test_stopping_a_service() -> None:
    session = Scripted(answers(service_row("1  STOPPED")))
    assert session.stop_service("X", 60) is False
    session.answer = answers(service_row("4  RUNNING"), OK, service_row("3  STOP_PENDING"), service_row("1  STOPPED"))
    assert session.stop_service("X", 60) is True
    session.answer = answers(service_row("4  RUNNING"), OK, *[service_row("3  STOP_PENDING")] * 9)
    with pytest.raises(WaitTimeout, match="service X to stop"):
        session.stop_service("X", 60)
    session.answer = answers(service_row("4  RUNNING"), Output(1051, "[SC] ControlService FAILED 1051:\n"))
    with pytest.raises(CommandFailed) as caught:
        session.stop_service("X", 60)
    assert "depend" in caught.value.remedy
    session.answer = answers(Output(1060, "FAILED 1060\n"))
    with pytest.raises(CommandFailed, match="no service X"):
        session.stop_service("X", 60)


def test_explain() -> None:
    assert explain(Refused("no", remedy="do this")) == "no; do this"
    assert explain(Refused("no")) == "no"


def test_a_service_that_never_settles_is_named_and_not_waited_for() -> None:
    said: list[str] = []
    text = "\nSERVICE_NAME: Slow\nDISPLAY_NAME: A slow one\n        TYPE : 10  OWN\n        STATE : 2  START_PENDING\n"
    session = Scripted(lambda line: Output(0, text), progress=said.append)
    assert settle(session, 60) == ["Slow"]
    assert said[-1] == "n1: going on although services are still starting or stopping: Slow"
    session.answer = lambda line: Output(0, text.replace("2  START_PENDING", "4  RUNNING"))
    assert settle(session, 60) == []
    session.answer = lambda line: Output(1, "", "[SC] OpenSCManager FAILED 1722:\n")
    with pytest.raises(WaitTimeout):
        settle(session, 60)


def test_without_pypsrp_a_sentence_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pypsrp'] = None\n"
        "from ansible_collections.mailops.exchange.plugins.plugin_utils.hosts.winrm import Endpoint, WinrmSession\n"
        "WinrmSession(Endpoint('127.0.0.1')).run('ver', changes=False)\n"
    )
    tree = next(path for path in os.environ["ANSIBLE_COLLECTIONS_PATH"].split(":") if path)
    environment = {**os.environ, "PYTHONPATH": str(Path(tree).resolve())}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "Refused: the Python library pypsrp is needed on the control node" in ended.stderr

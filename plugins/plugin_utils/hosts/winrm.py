# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channel to Windows Server 2003 with WinRM 1.1 or 2.0: cmd.exe in a WS-Management shell, no PowerShell."""

from __future__ import annotations

import codecs
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from . import console, winrm_diagnosis
from .clock import Clock
from .diagnosis import Finding
from .errors import ConnectionLost, HostError, Refused, Unreachable, Unreadable, WaitTimeout
from .models import Output
from .session import Session, _Call
from .wait import Progress, duration
from .winrm_transport import (
    NOT_EXECUTED,
    OPERATION_TIMEOUT,
    Connection,
    Endpoint,
    fault_code,
    translate,
)

__all__ = ["Endpoint", "WinrmSession"]

T = TypeVar("T")

# The shell's own page is what `chcp` would tell, so the host's page is taken from the registry.
_ASK_PAGE = r'(reg query "HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage" /v OEMCP 2>nul || chcp)'
_FIRST_PAGE = 437
_TERMINATE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/Terminate"
# Commands that have ended may still count against "processes per shell" until a Signal ends them for good; WinRM 1.1
# allows 5 in a shell, 2.0 allows 15 [R]. Up to this many are left to the Delete of the shell. (The number of
# operations that some versions count instead is met by opening a new shell, see NOT_EXECUTED.)
_UNSIGNALLED = 4
# http.sys drops a connection that has been silent for 120 s [R]; the logon belongs to the connection.
_SILENCE = 90.0
# A clock that runs fast must not turn the time a message needs into a time-out.
_REAL_GRACE = 20.0


class WinrmSession(Session):
    """One WS-Management shell on one host, opened by the first call."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        host: str | None = None,
        read_only: bool = False,
        clock: Clock | None = None,
        poll_interval: float = 10.0,
        progress: Progress | None = None,
        trace: Progress | None = None,
    ) -> None:
        """``host`` is the name used in messages, by default the endpoint's address. Nothing is sent yet."""
        super().__init__(
            host or endpoint.address,
            read_only=read_only,
            clock=clock,
            poll_interval=poll_interval,
            progress=progress,
            trace=trace,
        )
        self.endpoint = endpoint
        self._connection: Connection | None = None
        self._shell: Any = None
        self._ended: list[str] = []
        self._left: list[Any] = []
        self._page: int | None = None
        if endpoint.codepage:
            self._use_page(endpoint.codepage)

    @property
    def exchanges(self) -> int:
        """HTTP exchanges so far, the ones of the logon included."""
        return self._connection.exchanges if self._connection else 0

    # ---- code page --------------------------------------------------------------------------------

    def _use_page(self, page: int) -> None:
        name = "utf-8" if page == 65001 else f"cp{page}"
        try:
            self.encoding = codecs.lookup(name).name
        except LookupError:
            raise Refused(
                f"{self.host} uses code page {page}, which is not known here",
                remedy="set the option codepage (variable mailops_exchange_codepage), for example to 437",
            ) from None
        self._page = page

    def _decode(self, data: bytes) -> str:
        # wmic writes UTF-16 when its output is redirected.
        text = data.decode("utf-16", "replace") if data[:2] == b"\xff\xfe" else data.decode(self.encoding, "replace")
        return console.lines_end(text)

    def _learn_page(self, answer: bytes) -> bool:
        """Take the page out of the answer to _ASK_PAGE; True when the open shell already has it."""
        numbers = re.findall(rb"\b\d{3,5}\b", answer)
        if not numbers:
            raise Unreadable(
                f"{self.host} does not tell its code page",
                remedy="set the option codepage (variable mailops_exchange_codepage), for example to 437",
            )
        self._use_page(int(numbers[-1]))
        return self._page == _FIRST_PAGE

    def _ask_page(self) -> bytes:
        """Ask by itself. What gets lost here is no change, and is asked again once."""
        ask = _Call(_ASK_PAGE, False, 60, _ASK_PAGE)
        try:
            return self._execute(ask)[1]
        except ConnectionLost as error:
            self.trace(f"asked again after: {error}")
            self.reconnect()
        try:
            return self._execute(ask)[1]
        except ConnectionLost as error:
            raise Unreachable(error.message, remedy=error.remedy, **error.details) from None

    def _send(self, call: _Call) -> Output:
        if self._page is None:
            if call.changes or len(call.line) > 7900:
                if not self._learn_page(self._ask_page()):
                    self._drop_shell()
            else:
                # The question rides along with the first command that changes nothing.
                both = f"{_ASK_PAGE} & echo {self.token}page& {call.line}"
                code, out, err = self._execute(_Call(both, False, call.timeout, call.shown))
                page, found, rest = out.partition(f"{self.token}page".encode())
                if not found:
                    raise Unreadable(f"{self.host} answered oddly: {console.first_line(self._decode(out + err))}")
                if self._learn_page(page):
                    rest = re.sub(rb"\A[ \r]*\n", b"", rest, count=1)
                    return Output(code, self._decode(rest), self._decode(err))
                self._drop_shell()
        code, out, err = self._execute(call)
        return Output(code, self._decode(out), self._decode(err))

    # ---- shell and commands -------------------------------------------------------------------------

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self.endpoint, self.clock)
        return self._connection

    def _exchange(self, action: Callable[[], T], *, may_have_run: bool) -> T:
        """One request. A connection that went stale is made anew, when certainly nothing has been sent on it."""
        connection = self._connected()
        if connection.silent_for() > _SILENCE:
            connection.log_off()
        try:
            return connection.guarded(action)
        except Exception as error:
            may_have_run = may_have_run and connection.sent
            ours = translate(error, self.endpoint, self.host, may_have_run=may_have_run)
            if ours is not error:
                self.trace(f"{type(error).__name__}: {error}")
            # Ansible shows every cause beside the sentence that was made of it.
            raise ours from None

    def _open(self) -> None:
        if self._shell is not None:
            return
        connection = self._connected()
        while self._left:
            # Shells count against a limit per user, so one whose connection was lost is not left to time out.
            try:
                self._exchange(self._left[0].close, may_have_run=False)
            except HostError as error:
                if fault_code(error) is None:
                    raise
            self._left.pop(0)
        shell = connection.new_shell(self._page or _FIRST_PAGE)
        self._exchange(shell.open, may_have_run=False)
        self._shell = shell
        self._ended = []

    def hello(self) -> None:
        """Open the shell now, so that the clock of a rehearsal has seen the estate's time before anybody asks it.

        A host that does not answer is no error here: the first command says so.
        """
        with contextlib.suppress(HostError):
            self._open()

    def _execute(self, call: _Call) -> tuple[int, bytes, bytes]:
        """Run one line: signed exit code and the bytes of both outputs."""
        self._open()
        mutated = self.mutated
        self._about_to_change(call)
        try:
            command_id = self._start(call.line)
        except Unreachable:
            # Certainly not sent.
            self.mutated = mutated
            raise
        return self._collect(command_id, call)

    def _start(self, line: str) -> str:
        for attempt in (1, 2):
            self._open()
            while len(self._ended) >= _UNSIGNALLED:
                self._signal(self._ended.pop(0))
            shell = self._shell
            try:
                answer = self._exchange(partial(shell.command, line, []), may_have_run=True)
            except HostError as error:
                # The service says that it has not begun: the shell is gone, or one of its limits is reached.
                if attempt == 1 and fault_code(error) in NOT_EXECUTED:
                    self.trace(f"new shell after: {error}")
                    self._drop_shell()
                    continue
                raise
            found = answer.find(".//{*}CommandId")
            if found is None or not found.text:
                raise ConnectionLost(f"{self.host} gave no number to a command", remedy="look at the host's state")
            return str(found.text)
        raise AssertionError("unreachable")

    def _collect(self, command_id: str, call: _Call) -> tuple[int, bytes, bytes]:
        out = err = b""
        started, real_start = self.clock.now(), time.monotonic()
        again = call.changes
        while True:
            shell = self._shell
            try:
                state, code, streams = self._exchange(
                    partial(shell.receive, "stdout stderr", command_id), may_have_run=True
                )
            except HostError as error:
                if fault_code(error) == OPERATION_TIMEOUT:
                    state, code, streams = "", None, {}
                elif again and fault_code(error) is None:
                    # The command goes on in its shell; a new connection can still ask for its end. Output that was
                    # under way may be missing, so a command that changes nothing is rather run again as a whole.
                    again = False
                    self.trace(f"connecting again for the end of a running command after: {error}")
                    self._connection_lost()
                    continue
                elif isinstance(error, Unreachable) and (call.changes or fault_code(error) in NOT_EXECUTED):
                    # Gone with its shell: the host has been restarted, or the shell was ended there.
                    raise ConnectionLost(error.message, remedy=error.remedy, **error.details) from None
                else:
                    raise
            out += streams.get("stdout", b"")
            err += streams.get("stderr", b"")
            if state.endswith("CommandState/Done"):
                self._ended.append(command_id)
                return console.signed(code or 0), out, err
            elapsed, real = self.clock.now() - started, time.monotonic() - real_start
            if elapsed > call.timeout and real >= min(call.timeout, _REAL_GRACE):
                with contextlib.suppress(HostError):
                    self._signal(command_id)
                self._drop_shell()
                raise WaitTimeout(
                    f"a command on {self.host} did not end within {duration(call.timeout)}: {call.shown[:200]}",
                    remedy="look on the host for what it waits for",
                )

    def _signal(self, command_id: str) -> None:
        shell = self._shell
        with contextlib.suppress(HostError):
            self._exchange(partial(shell.signal, _TERMINATE, command_id), may_have_run=True)

    def diagnose(self) -> Iterator[Finding]:
        """The steps of this channel for the doctor: name, port, dialect, logon."""
        yield from winrm_diagnosis.of_session(self)

    # ---- losing and leaving ----------------------------------------------------------------------------

    def _connection_lost(self) -> None:
        if self._connection is not None:
            self._connection.log_off()

    def _drop_shell(self) -> None:
        """Delete the shell on the host: shells count against a limit per user."""
        shell, self._shell, self._ended = self._shell, None, []
        if shell is None:
            return
        try:
            self._exchange(shell.close, may_have_run=True)
        except HostError as error:
            self.trace(f"the shell could not be deleted: {error}")

    def reconnect(self) -> None:
        """Forget connection and shell; the next call opens both anew. Nothing is sent."""
        self._connection_lost()
        if self._shell is not None:
            self._left = [self._shell]
        self._shell, self._ended = None, []

    def close(self) -> None:
        """Delete the shell and hang up."""
        with contextlib.suppress(Exception):
            self._drop_shell()
        self._connection_lost()

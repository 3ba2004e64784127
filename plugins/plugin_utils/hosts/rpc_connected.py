# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection of a session of the rpc channel: made, lost, made again; and the code page of its texts."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from . import console, rpc_host
from .clock import Clock, RehearsalClock
from .errors import ConnectionLost, HostError, ReadOnlyViolation, Refused, Unreachable, Unreadable
from .rpc_link import Link
from .rpc_smb import Broken, Endpoint
from .session import Session
from .wait import Progress

T = TypeVar("T")

_PAGE = r"HKLM\SYSTEM\CurrentControlSet\Control\Nls\CodePage"


class Connected(Session):
    """One SMB connection to one host, opened by the first call."""

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
        self.swept = False
        self._link: Link | None = None
        self._page_known = False
        if endpoint.codepage:
            self._use_page(endpoint.codepage)

    # ---- connection ------------------------------------------------------------------------------------

    def link(self) -> Link:
        """The connection, made now if need be. Raises Unreachable."""
        if self._link is None:
            link = self.new_link()
            if isinstance(self.clock, RehearsalClock) and link.wire.server_time:
                self.clock.seen(link.wire.server_time)
            signed = "signed" if link.wire.signing else "not signed"
            self.trace(f"SMB 1 (NT LM 0.12) to {self.endpoint.address}, {signed}")
            self._link = link
        return self._link

    def new_link(self) -> Link:
        """Another connection. Raises Unreachable."""
        return Link(self.endpoint, self.host)

    def hello(self) -> None:
        """Connect now, so that the clock of a rehearsal has seen the estate's time before anybody asks it."""
        with suppress(HostError):
            self.link()

    def drop(self) -> None:
        """Forget a connection that is broken."""
        link, self._link = self._link, None
        if link is not None:
            link.drop()

    def reconnect(self) -> None:
        """Forget the connection; the next call makes a new one."""
        self.drop()

    def close(self) -> None:
        """Log off."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def attempt(self, action: Callable[[Link], T], tries: int = 2) -> T:
        """Do what may be done again, anew on a new connection when one breaks. Raises Unreachable after the last."""
        for number in range(1, tries + 1):
            try:
                return action(self.link())
            except Broken as error:
                self.drop()
                self.trace(f"the connection broke: {error}")
                if number == tries:
                    raise Unreachable(
                        f"the connection to {self.host} was lost: {error}", remedy="check network and host"
                    ) from None
        raise AssertionError("unreachable")

    def alter(self, what: str, action: Callable[[Link], T], *, again: bool = True) -> T:
        """Do what changes the host. ``again``: doing it twice does no harm, so it is when the connection breaks.

        Raises ReadOnlyViolation, and ConnectionLost when nobody knows whether it has been done.
        """
        if self.read_only:
            raise ReadOnlyViolation(f"{what} on {self.host}: nothing is changed in a read-only session")
        self.trace(f"CHANGE {what}")
        for last in (False, True) if again else (True,):
            link = self._link_again(last and again, what)
            self.mutated = True
            try:
                return action(link)
            except Broken as error:
                self.drop()
                if last:
                    raise _lost(self.host, what, str(error)) from None
                self.trace(f"{what}: once more after: {error}")
        raise AssertionError("unreachable")

    def _link_again(self, before: bool, what: str) -> Link:
        try:
            return self.link()
        except Unreachable as error:
            if before:
                raise _lost(self.host, what, error.message) from None
            raise

    @staticmethod
    def real_time() -> float:
        """Seconds of the control node, whatever clock the session goes by."""
        return time.monotonic()

    def host_clock(self, link: Link) -> float:
        """Epoch seconds by the host's clock."""
        now = rpc_host.clock_of(link.pipes)[0]
        if isinstance(self.clock, RehearsalClock):
            self.clock.seen(now)
        return now

    # ---- text --------------------------------------------------------------------------------------------

    def _use_page(self, page: int) -> None:
        name = "utf-8" if page == 65001 else f"cp{page}"
        try:
            self.encoding = codecs.lookup(name).name
        except LookupError:
            raise Refused(
                f"{self.host} uses code page {page}, which is not known here",
                remedy="set the option codepage (variable mailops_exchange_codepage), for example to 437",
            ) from None
        self._page_known = True

    def learn_page(self) -> None:
        """Take the host's OEM code page from its registry, once."""
        if self._page_known:
            return
        values = self.attempt(lambda link: link.registry.values(_PAGE)) or {}
        page = str(values.get("OEMCP", ("", ""))[1])
        if not page.isdigit():
            raise Unreadable(
                f"{self.host} does not tell its code page",
                remedy="set the option codepage (variable mailops_exchange_codepage), for example to 437",
            )
        self._use_page(int(page))

    def check_text(self, text: str) -> None:
        """Raise Refused when the host's console cannot write this text."""
        if not text.isascii():
            self.learn_page()
        super().check_text(text)

    def decode(self, data: bytes) -> str:
        """Text that a program or a file of the host holds."""
        if data[:2] == b"\xff\xfe":
            return console.lines_end(data.decode("utf-16", "replace"))
        if not data.isascii():
            self.learn_page()
        return console.lines_end(data.decode(self.encoding, "replace"))


def _lost(host: str, what: str, why: str) -> ConnectionLost:
    return ConnectionLost(
        f"the connection to {host} was lost, and it is not known whether this was done: {what} ({why})",
        remedy="look at the host's state",
    )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connections of every channel have in common: sessions for the actions, and single lines for raw."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from .hosts.clock import Clock, RehearsalClock
from .hosts.errors import HostError, Unreachable
from .hosts.session import Session, explain

display = Display()


class NoModules:
    """Gone through only when a module is about to be built for the host: the moment to say that none can run."""

    def __init__(self, sentence: str) -> None:
        """``sentence``: what is said then."""
        self.sentence = sentence

    def __iter__(self) -> Iterator[str]:
        """Refuse."""
        raise AnsibleError(self.sentence)


class HostConnection(ConnectionBase):
    """Opens sessions for the collection's actions, and runs single command lines for ansible.builtin.raw.

    A channel has its ``transport``, its words in ``module_implementation_preferences``, and ``make_session``.
    """

    has_pipelining = False
    allow_executable = False
    module_implementation_preferences: NoModules
    has_tty = False
    _shell_type = "cmd"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Nothing is opened yet."""
        super().__init__(*arguments, **options)
        self._sessions: list[Session] = []
        self._own: Session | None = None
        # What copies files begins with a temporary folder on the host, made by the shell plugin's command.
        for name in ("mkdtemp", "expand_user"):
            setattr(self._shell, name, self._refuse)

    def set_become_plugin(self, plugin: Any) -> None:
        """No become here."""
        if plugin is not None:
            raise AnsibleError(
                f"become is not possible over {self.transport}: connect with an account that is an administrator"
            )
        self.become = None

    # ---- sessions ----------------------------------------------------------------------------------

    @abstractmethod
    def make_session(self, address: str, trace: Callable[[str], None], **common: Any) -> Session:
        """Return the channel's session; ``common`` are the arguments that sessions of all channels take."""

    def open_session(self, read_only: bool, progress: Callable[[str], None] | None = None) -> Session:
        """A session to the host; what it needs is sent when it is first used. Raises HostError."""
        name = str(self.get_option("host_name"))

        def trace(text: str) -> None:
            display.vvv(text, host=name)

        session = self.make_session(
            str(self.get_option("remote_addr")),
            trace,
            host=name,
            read_only=read_only,
            clock=self._clock(),
            poll_interval=float(self.get_option("poll_interval")),
            progress=progress,
        )
        self._sessions.append(session)
        if isinstance(session.clock, RehearsalClock):
            session.hello()
        return session

    def own_session(self) -> Session:
        """The session of raw and of copied files, which is not read-only: Ansible skips both in check mode."""
        if self._own is None:
            self._own = self.open_session(read_only=False)
        return self._own

    def _clock(self) -> Clock:
        scale = float(self.get_option("time_scale"))
        if math.isnan(scale) or scale <= 0:
            raise AnsibleError("the option time_scale must be more than 0")
        return Clock() if scale == 1 else RehearsalClock(scale)

    # ---- what Ansible calls -------------------------------------------------------------------------

    def _connect(self) -> HostConnection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command line for ansible.builtin.raw: exit code and both outputs, as UTF-8."""
        if in_data:
            self._refuse()
        line = str(cmd).strip()
        if "\n" in line:
            raise AnsibleError("ansible.builtin.raw runs one line here: put several commands on it with & or &&")
        with self.told():
            output = self.own_session().run(
                line,
                changes=True,
                timeout=float(self.get_option("command_timeout")),
                # With no_log not even the command line is shown with -vvv.
                secrets=[line] if getattr(self._play_context, "no_log", False) else [],
            )
        return output.exit_code, output.stdout.encode(), output.stderr.encode()

    @contextmanager
    def told(self) -> Iterator[None]:
        """What goes wrong, in Ansible's words."""
        try:
            yield
        except Unreachable as error:
            raise AnsibleConnectionFailure(explain(error)) from None
        except HostError as error:
            # Ansible would append every cause to the sentence; the details are in the trace (-vvv).
            raise AnsibleError(explain(error)) from None

    def reset(self) -> None:
        """For meta: reset_connection. Nothing outlives a task, so hanging up is all there is to do."""
        self.close()

    def close(self) -> None:
        """Close every session that was opened here."""
        for session in self._sessions:
            session.close()
        self._sessions = []
        self._own = None
        self._connected = False

    def _refuse(self, *arguments: Any, **options: Any) -> str:
        raise AnsibleError(self.module_implementation_preferences.sentence)


def text(value: Any) -> str | None:
    """An option as plain text; None for an empty one. Options are tagged strings in newer releases of Ansible."""
    return None if value in (None, "") else str(value)

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with a console, for the tests of the shell and of the programs."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailops.exchange.lab.host import Host
from ansible_collections.mailops.exchange.lab.programs import install
from ansible_collections.mailops.exchange.lab.shell.run import Result, run_line
from ansible_collections.mailops.exchange.lab.world import Context, World
from ansible_collections.mailops.exchange.tests.unit.lab.world_builder import make


class Console:
    """Runs lines on one host as one remote shell does: nothing of a line stays but its effect on the host."""

    def __init__(self, host: str = "n1", logon: str = "network", user: str = "exadmin", **changes: Any) -> None:
        self.world: World = make(**changes)
        install(self.world)
        self.host: Host = self.world.hosts[host]
        self.context: Context = self.host.context(f"{self.world.prefix}\\{user}", logon, cwd="C:\\")
        self.host.files.make_dirs("C:\\mailops")

    def run(self, line: str, stdin: bytes = b"") -> Result:
        """Run a line as ``cmd /c`` does."""
        with self.world.clock.lock:
            return run_line(self.context, line, stdin)

    def out(self, line: str, stdin: bytes = b"") -> str:
        """What a line prints, with plain line ends; nothing may come on standard error."""
        result = self.run(line, stdin)
        assert result.stderr == ""
        return result.stdout.replace("\r\n", "\n")

    def lines(self, line: str) -> list[str]:
        """The lines that are printed, without blanks at their ends."""
        return [text.rstrip() for text in self.out(line).splitlines()]

    def code(self, line: str, stdin: bytes = b"") -> int:
        """The exit code of a line."""
        return self.run(line, stdin).exit_code

    def took(self, line: str) -> float:
        """How many simulated seconds a line takes."""
        before = self.world.clock.time
        self.run(line)
        return self.world.clock.time - before

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        with self.world.clock.lock:
            self.world.clock.sleep(seconds)

    def write(self, path: str, *lines: str) -> None:
        """Put a text file onto the host."""
        self.host.files.write(path, "".join(line + "\r\n" for line in lines).encode("cp437"))

    def read(self, path: str) -> str:
        """The text of a file, with plain line ends."""
        return self.host.files.read(path).decode("cp437").replace("\r\n", "\n")

    def password(self, user: str) -> str:
        """The password of an account."""
        return self.world.accounts[self.world.account_key(user)].password

    def service(self, name: str, state: str) -> None:
        """Bring a service to a state and wait until it is there."""
        if state == "running":
            self.host.start_service(name)
        else:
            self.host.stop_service(name, dependents=True)
        with self.world.clock.lock:
            assert self.world.clock.wait_until(lambda: self.host.services[name].state == state, 600)

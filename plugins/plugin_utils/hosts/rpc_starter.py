# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached jobs on hosts without schtasks.exe: a temporary service under the job's account, started once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import rpc_services
from .errors import CommandFailed, ConnectionLost, Refused
from .rpc_commands import PREFIX, command_line
from .rpc_errors import RpcFailed, SmbFailed
from .starters import Look, Starter

if TYPE_CHECKING:
    from .rpc_connected import Connected
    from .rpc_link import Link

_LOGON_FAILED = 1069
_SERVICE_RIGHT = (
    "check the account's password, and give it the right `log on as a service` on the host: it is needed there, "
    "because the installer is started by a service of that account"
)


class ServiceStarter(Starter):
    """The job's command file, run by a service that exists only for it.

    The password travels in its field of the call, encrypted, and stands on no command line; Windows keeps it, as it
    does for every service, until the service is deleted.
    """

    session: Connected

    def __init__(self, session: Connected, folder: str, name: str) -> None:
        """Nothing is sent."""
        super().__init__(session, folder, name)
        # Letters that the name of a service must not have, and such as only make trouble.
        self._service = PREFIX + "".join(
            letter if letter.isalnum() or letter in "-." else "_" for letter in name.removeprefix(PREFIX)
        )
        self._error = 0

    def look(self) -> Look:
        """By SMB, in the order that ``Look`` asks for."""

        def there(link: Link, name: str) -> bool:
            return link.files.entry(self.path(name)) is not None

        def look(link: Link) -> tuple[bool, bool, bool, bytes | None, bool, bytes | None]:
            prepared, armed, started = (there(link, name) for name in ("run.cmd", "go.txt", "started.txt"))
            boot = link.files.read_bytes(self.path("boot.txt"))
            runs = bool(started and link.files.held(self.path("busy.txt")))
            return prepared, armed, started, boot, runs, link.files.read_bytes(self.path("exit.txt"))

        prepared, armed, started, boot, runs, ended = self.session.attempt(look)
        decode = self.session.decode
        return Look(
            prepared,
            armed,
            started,
            None if boot is None else decode(boot),
            runs,
            self.session.boot_time() if started or boot is not None else "",
            None if ended is None else decode(ended),
        )

    def _refuse_started(self, link: Link) -> None:
        if link.files.entry(self.path("started.txt")) is not None:
            raise CommandFailed(f"the job in {self.folder} on {self.session.host} has started", exit_code=9)

    def write(self, name: str, lines: Sequence[str]) -> None:
        """By SMB, beside its place first."""
        self.session.check_text("\n".join(lines))
        data = "".join(f"{line}\r\n" for line in lines).encode(self.session.encoding)

        def write(link: Link) -> None:
            self._refuse_started(link)
            link.files.write_bytes(self.path(f"{name}.new"), data)
            link.files.delete(self.path(name))
            link.files.rename(self.path(f"{name}.new"), self.path(name))

        self.session.alter(f"writing {self.path(name)}", write)

    def create(self, account: str, password: str) -> None:
        """Make the service anew: an earlier one may have another password."""
        line = command_line(self.path("run.cmd"), self.path("busy.txt"))

        def create(link: Link) -> None:
            self._refuse_started(link)
            rpc_services.delete(link.pipes, self._service)
            rpc_services.create(link.pipes, self._service, line, account, password)

        try:
            self.session.alter(f"making the service {self._service}", create)
        except RpcFailed as error:
            raise CommandFailed(error.message, exit_code=error.exit_code, remedy=_SERVICE_RIGHT) from None

    def arm(self) -> None:
        """By SMB."""

        def arm(link: Link) -> None:
            self._refuse_started(link)
            link.files.write_bytes(self.path("go.txt"), b"go\r\n")

        self.session.alter(f"arming the job in {self.folder}", arm)

    def disarm(self) -> bool:
        """By a rename, which happens once. One whose answer got lost shows in the file's new name."""

        def disarm(link: Link) -> bool:
            if link.files.entry(self.path("go.txt")) is None:
                return link.files.entry(self.path("started.txt")) is None
            link.files.delete(self.path("prepared.txt"))
            return link.files.rename(self.path("go.txt"), self.path("prepared.txt")) or (
                link.files.entry(self.path("started.txt")) is None
            )

        return bool(self.session.alter(f"disarming the job in {self.folder}", disarm))

    def run(self) -> None:
        """Start the service. That it is told not to have answered (1053) is how it has to be: it is cmd.exe."""
        session = self.session

        def start(link: Link) -> None:
            rpc_services.start(link.pipes, self._service)

        try:
            session.alter(f"starting the service {self._service}", start, again=False)
        except ConnectionLost as error:
            # Whether it has started shows in the token, not in the answer that got lost.
            session.trace(f"going on to look after: {error}")
        except RpcFailed as error:
            self._error = error.exit_code or 0
            if self._error in (rpc_services.NOT_IN_TIME, rpc_services.ALREADY_RUNNING):
                self._error = 0
                return
            if self.disarm():
                raise CommandFailed(
                    f"the job in {self.folder} cannot be started: {error.message}",
                    exit_code=error.exit_code,
                    remedy=_SERVICE_RIGHT if error.exit_code == _LOGON_FAILED else error.remedy,
                ) from None

    def last_error(self) -> str:
        """The code of the service control manager."""
        return f" (error {self._error})" if self._error else ""

    def remove(self) -> None:
        """Delete the service; what it has started goes on."""
        self.session.alter(
            f"deleting the service {self._service}", lambda link: rpc_services.delete(link.pipes, self._service)
        )

    def delete_files(self, names: Sequence[str]) -> None:
        """By SMB. The output of the job's shell goes with them."""

        def delete(link: Link) -> None:
            for name in (*names[:-1], "busy.txt", *names[-1:]):
                link.files.delete(self.path(name))

        try:
            self.session.alter(f"deleting the files of the job in {self.folder}", delete)
        except SmbFailed as error:
            raise Refused(
                f"a file of the job in {self.folder} on {self.session.host} cannot be deleted: {error.message}",
                remedy="something that the job has started may still run; wait for its end",
            ) from None

    def cannot_start(self, account: str) -> CommandFailed:
        """What to say when it does not start."""
        return CommandFailed(
            f"the service {self._service} on {self.session.host} does not start{self.last_error()}",
            remedy=f"for {account}: {_SERVICE_RIGHT}",
        )

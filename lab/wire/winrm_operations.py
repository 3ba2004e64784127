# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WS-Management operations on shells: Create, Command, Send, Receive, Signal, Delete, Get, Enumerate ([MS-WSMV])."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from . import soap
from .connections import Reset
from .soap import SHELL, TRANSFER, Message
from .winrm_shells import RemoteCommand, RemoteShell, ShellTable

if TYPE_CHECKING:
    from ..host import Host
    from ..world import World

ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
STATE = f"{SHELL}/CommandState"
#: Seconds that a refused operation costs where nobody waits in real time.
DENIED_COSTS = 5.0
# room for the envelope around the output
_ENVELOPE_ROOM = 2600


class Operations:
    """What the WinRM service of one host can do."""

    def __init__(self, world: World, host: Host) -> None:
        self.world = world
        self.host = host
        self.shells = ShellTable(world, host)
        self._actions = {
            f"{TRANSFER}/Create": self._create,
            f"{TRANSFER}/Delete": self._delete,
            f"{TRANSFER}/Get": self._get,
            f"{ENUMERATION}/Enumerate": self._enumerate,
            f"{SHELL}/Command": self._command,
            f"{SHELL}/Send": self._send,
            f"{SHELL}/Receive": self._receive,
            f"{SHELL}/Signal": self._signal,
        }

    def run(self, message: Message, user: str) -> bytes:
        """Run an operation; raises soap.Fault, and Reset where the connection is to break."""
        action = self._actions.get(message.action)
        if action is None:
            raise soap.unsupported(message.action)
        with self.world.clock.lock:
            account = self.world.accounts.get(self.world.account_key(user))
            if account is None or not self.host.is_administrator(account.name):
                if not self.world.clock.speed:
                    self.world.clock.sleep(DENIED_COSTS)  # a client that tries again must see time pass
                raise soap.access_denied()
            return action(message, user)

    def _shell(self, message: Message, user: str) -> RemoteShell:
        return self.shells.find(message.shell_id, user)

    def _create(self, message: Message, user: str) -> bytes:
        if message.resource != soap.CMD:
            raise soap.unsupported(message.resource)
        settings = message.body
        environment: dict[str, str] = {}
        directory = idle = wanted = ""
        if settings is not None:
            wanted = settings.get("ShellId", "")
            directory = settings.findtext(f"{{{SHELL}}}WorkingDirectory") or ""
            idle = settings.findtext(f"{{{SHELL}}}IdleTimeOut") or ""
            for variable in settings.iterfind(f"{{{SHELL}}}Environment/{{{SHELL}}}Variable"):
                environment[variable.get("Name", "")] = variable.text or ""
        codepage = message.option("WINRS_CODEPAGE")
        if codepage and not codepage.isdecimal():
            raise soap.invalid_parameter("WINRS_CODEPAGE")
        shell = self.shells.open(
            user,
            shell_id=wanted,
            codepage=int(codepage) if codepage else None,
            environment=environment,
            directory=directory,
            idle_timeout=_seconds(idle),
        )
        body = (
            f"<x:ResourceCreated><a:Address>{soap.ANONYMOUS}</a:Address><a:ReferenceParameters>"
            f'<w:ResourceURI>{soap.CMD}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell.shell_id}'
            "</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        )
        return soap.answer(message, f"{TRANSFER}/CreateResponse", body + self._describe(shell))

    def _describe(self, shell: RemoteShell) -> str:
        now = self.world.clock.time
        return (
            f"<rsp:Shell><rsp:ShellId>{shell.shell_id}</rsp:ShellId><rsp:ResourceUri>{soap.CMD}</rsp:ResourceUri>"
            f"<rsp:Owner>{escape(shell.owner)}</rsp:Owner><rsp:ClientIP>127.0.0.1</rsp:ClientIP>"
            f"<rsp:IdleTimeOut>PT{shell.idle_timeout:.3f}S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>"
            "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams>"
            f"<rsp:ShellRunTime>PT{now - shell.opened:.3f}S</rsp:ShellRunTime>"
            f"<rsp:ShellInactivity>PT{now - shell.used:.3f}S</rsp:ShellInactivity></rsp:Shell>"
        )

    def _get(self, message: Message, user: str) -> bytes:
        if message.resource == f"{soap.CONFIG[: -len('/config')]}/config":
            size = soap.MAX_ENVELOPE // 1024
            body = (
                f'<cfg:Config xmlns:cfg="{soap.CONFIG}"><cfg:MaxEnvelopeSizekb>{size}</cfg:MaxEnvelopeSizekb>'
                "<cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms></cfg:Config>"
            )
            return soap.answer(message, f"{TRANSFER}/GetResponse", body)
        return soap.answer(message, f"{TRANSFER}/GetResponse", self._describe(self._shell(message, user)))

    def _enumerate(self, message: Message, user: str) -> bytes:
        if message.resource not in (SHELL, soap.CMD):
            raise soap.unsupported(message.resource)
        items = "".join(self._describe(shell) for shell in self.shells.owned(user))
        body = (
            f'<n:EnumerateResponse xmlns:n="{ENUMERATION}"><w:Items>{items}</w:Items><n:EnumerationContext/>'
            "<w:EndOfSequence/></n:EnumerateResponse>"
        )
        return soap.answer(message, f"{ENUMERATION}/EnumerateResponse", body)

    def _delete(self, message: Message, user: str) -> bytes:
        self.shells.close(self._shell(message, user))
        return soap.answer(message, f"{TRANSFER}/DeleteResponse", "")

    def _command(self, message: Message, user: str) -> bytes:
        shell = self._shell(message, user)
        body = message.body
        name = body.findtext(f"{{{SHELL}}}Command") if body is not None else None
        if body is None or not name:
            raise soap.invalid_parameter("Command")
        arguments = [entry.text or "" for entry in body.iterfind(f"{{{SHELL}}}Arguments")]
        direct = message.option("WINRS_SKIP_CMD_SHELL").upper() in ("TRUE", "1")
        command = shell.run(" ".join([name, *arguments]), direct=direct, command_id=body.get("CommandId", ""))
        content = f"<rsp:CommandResponse><rsp:CommandId>{command.command_id}</rsp:CommandId></rsp:CommandResponse>"
        return soap.answer(message, f"{SHELL}/CommandResponse", content)

    def _send(self, message: Message, user: str) -> bytes:
        shell = self._shell(message, user)
        for stream in message.body.iterfind(f"{{{SHELL}}}Stream") if message.body is not None else ():
            command = shell.command(stream.get("CommandId", ""))
            if stream.get("Name", "stdin") != "stdin":
                raise soap.invalid_parameter("Stream")
            try:
                data = base64.b64decode(stream.text or "")
            except binascii.Error as error:
                raise soap.invalid_parameter("Stream") from error
            command.feed(data, end=stream.get("End", "").lower() in ("true", "1"))
        return soap.answer(message, f"{SHELL}/SendResponse", "<rsp:SendResponse/>")

    def _receive(self, message: Message, user: str) -> bytes:
        shell = self._shell(message, user)
        wanted = message.body.find(f"{{{SHELL}}}DesiredStream") if message.body is not None else None
        if wanted is None:
            raise soap.invalid_parameter("DesiredStream")
        command = shell.command(wanted.get("CommandId", ""))
        command.start()
        with shell.in_use():
            self.world.clock.wait_until(lambda: command.done or not shell.alive(), message.timeout)
        if not shell.alive():
            raise Reset
        if not command.done:
            raise soap.timed_out()
        if command.broken:
            # the effect is there, the answer is lost, once
            command.broken = False
            raise Reset
        names = (wanted.text or "stdout stderr").split()
        room = max(1024, message.envelope_size - _ENVELOPE_ROOM) * 3 // 4
        return soap.answer(message, f"{SHELL}/ReceiveResponse", _output(command, names, room))

    def _signal(self, message: Message, user: str) -> bytes:
        shell = self._shell(message, user)
        body = message.body
        code = (body.findtext(f"{{{SHELL}}}Code") or "").rpartition("/")[2].lower() if body is not None else ""
        if body is None or code not in ("terminate", "ctrl_c", "ctrl_break"):
            raise soap.invalid_parameter("Code")
        command = shell.command(body.get("CommandId", ""))
        command.interrupt()
        if code == "terminate":
            shell.forget(command)
        return soap.answer(message, f"{SHELL}/SignalResponse", "<rsp:SignalResponse/>")


def _seconds(duration: str) -> float | None:
    if not duration:
        return None
    try:
        return soap.seconds(duration)
    except ValueError as error:
        raise soap.invalid_parameter("IdleTimeOut") from error


def _output(command: RemoteCommand, names: list[str], room: int) -> str:
    """What fits of the output; the end and the exit code with the last of it."""
    identity = quoteattr(command.command_id)
    parts: list[str] = []
    for name in names:
        data = command.take(name, room)
        room -= len(data)
        if data:
            encoded = base64.b64encode(data).decode()
            parts.append(f'<rsp:Stream Name="{name}" CommandId={identity}>{encoded}</rsp:Stream>')
    if command.rest(names):
        state = f'<rsp:CommandState CommandId={identity} State="{STATE}/Running"/>'
    else:
        parts += [f'<rsp:Stream Name="{name}" CommandId={identity} End="true"></rsp:Stream>' for name in names]
        state = (
            f'<rsp:CommandState CommandId={identity} State="{STATE}/Done"><rsp:ExitCode>{command.exit_code}'
            "</rsp:ExitCode></rsp:CommandState>"
        )
    return f"<rsp:ReceiveResponse>{''.join(parts)}{state}</rsp:ReceiveResponse>"

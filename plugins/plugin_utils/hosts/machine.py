# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Windows host tells of itself as a whole: all services, its drives, its clock, its administrators.

By wmic and net, as Server 2003 brings them along. Names of classes and properties, and the values of StartMode and
State, are not translated by Windows [R]; of what ``net localgroup`` prints only the place of the rows is relied on.
Nothing here writes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from . import console
from .commands import command, quote
from .errors import Refused, Unreadable
from .eventlog import epoch
from .models import Output, Service

if TYPE_CHECKING:
    from .session import Session

# Properties State and StartMode of the class Win32_Service [V, MS documentation].
_STATES = {
    "stopped": "stopped",
    "start pending": "start_pending",
    "stop pending": "stop_pending",
    "running": "running",
    "continue pending": "continue_pending",
    "pause pending": "pause_pending",
    "paused": "paused",
}
_START_TYPES = {"boot": "boot", "system": "system", "auto": "auto", "manual": "manual", "disabled": "disabled"}
ADMINISTRATORS = "S-1-5-32-544"
"""The local group of administrators, whatever it is called on the host [V, MS, well-known security identifiers]."""
_SERVICES = ("service", "DisplayName,Name,StartMode,State")
_DRIVES = ("logicaldisk", "DeviceID,FreeSpace")
_TIME = ("os", "LocalDateTime")
PROCESSES = "tasklist /fo csv /nh"
BOOT_TIME = "wmic os get LastBootUpTime /value <nul"


def instances(text: str) -> list[dict[str, str]]:
    r"""The instances that ``wmic ... get A,B /value`` printed: property -> value.

    wmic prints the properties of an instance one below the other, always in the same order: a property that comes
    again begins the next instance. Empty lines and carriage returns say nothing.
    """
    found: list[dict[str, str]] = []
    for line in console.lines_end(text.replace("\0", "")).split("\n"):
        row = re.match(r"([A-Za-z]\w*)=(.*)\Z", line.strip("\r\ufeff"), re.ASCII)
        if row is None:
            continue
        if not found or row[1] in found[-1]:
            found.append({})
        found[-1][row[1]] = row[2].strip()
    return found


def all_services(session: Session) -> dict[str, Service]:
    """See ``Session.all_services``."""
    rows = instances(_wmic(session, _SERVICES, "services"))
    services = {service.name: service for row in rows if (service := _service(row)) is not None}
    if not services:
        raise Unreadable(f"{session.host} names no services", remedy="see whether `wmic service` works on the host")
    return services


def _service(row: dict[str, str]) -> Service | None:
    name, state = row.get("Name", ""), _STATES.get(row.get("State", "").lower())
    if not name or state is None:
        return None
    return Service(name, state, _START_TYPES.get(row.get("StartMode", "").lower()), row.get("DisplayName") or name)


def free_space(session: Session, drive: str) -> int | None:
    """See ``Session.free_space``."""
    wanted = drive_of(drive)
    for row in instances(_wmic(session, _DRIVES, "drives")):
        if row.get("DeviceID", "").upper() == wanted and row.get("FreeSpace", "").isdigit():
            return int(row["FreeSpace"])
    return None


def drive_of(path: str) -> str:
    """The drive of a path: ``C:\\WINDOWS`` -> ``C:``. Raises Refused for a path without one."""
    found = re.match(r"([A-Za-z]):(?:\\|\Z)", path)
    if found is None:
        raise Refused(f"{path!r} does not begin with a drive")
    return f"{found[1].upper()}:"


def local_time(session: Session) -> float:
    """See ``Session.local_time``."""
    text = _wmic(session, _TIME, "time")
    moment = epoch(console.wmic_values(text).get("LocalDateTime", ""))
    if moment is None:
        raise Unreadable(f"{session.host} does not tell its time: {console.first_line(text)}")
    return moment


def administrators(session: Session) -> list[str] | None:
    """See ``Session.administrators``."""
    where = quote(f"LocalAccount=TRUE and SID='{ADMINISTRATORS}'")
    line = command("wmic", "path", "win32_group", "where", where, "get") + " Name /value <nul"
    output = session.run(line, changes=False, timeout=120)
    name = console.wmic_values(output.stdout).get("Name") if output.exit_code == 0 else None
    if not name:
        return None
    return members(session.run(command("net", "localgroup", quote(name)), changes=False))


def questions() -> list[str]:
    """The lines that ask for processes and, as often as drives are looked at, for these; for ``ask_ahead``.

    What may hold other than ASCII is left out where wmic prints it: into a pipe it may write UTF-16, which can be read
    only where it is the whole of an answer [V, fortra/impacket #339]. The time is worth nothing when it is old.
    """
    return [PROCESSES, *[_line(_DRIVES)] * 3]


def members(output: Output) -> list[str] | None:
    """The members that ``net localgroup NAME`` printed: what stands between the dashed line and the last line.

    The last line is a sentence that says that all went well, in the host's language [V, structure]; None where the
    output has another form.
    """
    lines = [line.strip() for line in console.lines_end(output.stdout).split("\n")]
    lines = [line for line in lines if line]
    dashes = [index for index, line in enumerate(lines) if re.fullmatch(r"-{10,}", line)]
    if output.exit_code != 0 or len(dashes) != 1 or dashes[0] >= len(lines) - 1:
        return None
    return lines[dashes[0] + 1 : -1]


def _line(question: tuple[str, str]) -> str:
    # wmic reads its standard input even when it is asked for nothing, and hangs without this redirection.
    return f"wmic {question[0]} get {question[1]} /value <nul"


def _wmic(session: Session, question: tuple[str, str], what: str) -> str:
    output = session.run(_line(question), changes=False, timeout=600)
    if output.exit_code != 0:
        raise Unreadable(
            f"the {what} of {session.host} cannot be read: {console.first_line(output.text)}",
            remedy=f"see whether `wmic {question[0]}` works on the host",
        )
    return output.stdout

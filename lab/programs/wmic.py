# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wmic`` of Server 2003: a few classes, ``get`` only.

It waits for ever on an input that has no end ([V]): ``<nul`` is needed. Lines end with CR CR LF ([R]).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ..balancing import wmi_nodes
from ..shell.call import Call, program
from ..shell.filesystem import split_last
from .tasklist import csv_row, processes
from .wmic_machine import ALIASES as MACHINE
from .wql import QueryError, Record, parse

COMMAND = re.compile(
    r"\s*(?:path\s+)?(?P<alias>\w+)(?:\s+where\s+(?P<where>\"[^\"]*\"|\([^)]*\)|\S+))?\s+(?P<verb>get|list|call)\b(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(r"""(\w+)\s*(=|<>|!=|\blike\b)\s*(?:'([^']*)'|"([^"]*)"|(\S+))""", re.IGNORECASE)
END = "\r\r\n"
FAILED = -2147217406  # 0x80041002 WBEM_E_NOT_FOUND [R]
INVALID_QUERY = -2147217385  # 0x80041017 WBEM_E_INVALID_QUERY [R]
EVENT_TYPES = {"error": 1, "warning": 2, "information": 3}
SEVERITIES = {"error": 3, "warning": 2, "information": 1}


def cim_date(moment: float) -> str:
    """A moment as WMI writes it: ``20261122162100.500000+000``."""
    return datetime.fromtimestamp(moment, tz=UTC).strftime("%Y%m%d%H%M%S.%f+000")


def _os(call: Call) -> list[Record]:
    host = call.host
    return [
        {
            "BuildNumber": "3790",
            "Caption": "Microsoft(R) Windows(R) Server 2003, Enterprise Edition",
            "CSDVersion": f"Service Pack {host.os_service_pack}" if host.os_service_pack else "",
            "CSName": host.computer_name,
            "LastBootUpTime": cim_date(host.boot_time),
            "LocalDateTime": cim_date(host.now),
            "OSLanguage": {"it": "1040", "de": "1031"}.get(host.language, "1033"),
            "ServicePackMajorVersion": str(host.os_service_pack),
            "SystemDirectory": "C:\\WINDOWS\\system32",
            "Version": "5.2.3790",
        }
    ]


def _process(call: Call) -> list[Record]:
    return [
        {
            "Caption": row.image,
            "CreationDate": cim_date(row.process.started if row.process else call.world.clock.time),
            "Name": row.image,
            "ProcessId": str(row.pid),
            "WorkingSetSize": str(row.memory),
        }
        for row in processes(call, "wmic.exe")
    ]


def _service(call: Call) -> list[Record]:
    words = {
        "running": "Running",
        "stopped": "Stopped",
        "start_pending": "Start Pending",
        "stop_pending": "Stop Pending",
    }
    modes = {"auto": "Auto", "manual": "Manual", "disabled": "Disabled", "boot": "Boot", "system": "System"}
    return [
        {
            "Caption": each.display,
            "DisplayName": each.display,
            "Name": each.name,
            "PathName": f"C:\\WINDOWS\\system32\\{each.image}",
            "ProcessId": str(each.pid),
            "StartMode": modes[each.start_type],
            "StartName": each.account,
            "State": words[each.state],
        }
        for each in call.host.services.values()
    ]


def _computer(call: Call) -> list[Record]:
    return [{"Domain": call.world.domain, "Name": call.host.computer_name, "NumberOfProcessors": "2"}]


def _hotfixes(call: Call) -> list[Record]:
    return [{"CSName": call.host.computer_name, "HotFixID": each} for each in call.host.hotfixes]


def _file(call: Call, where: str) -> list[Record]:
    """CIM_DataFile is asked by name, with doubled backslashes."""
    found = CONDITION.search(where)
    if found is None or found[1].lower() != "name":
        return []
    path = next(part for part in found.groups()[2:] if part is not None).replace("\\\\", "\\")
    entry = call.disk.find(path)
    if entry is None or entry.is_dir:
        return []
    return [
        {
            "Extension": split_last(path)[1].rpartition(".")[2],
            "FileSize": str(entry.size),
            "LastModified": cim_date(entry.modified),
            "Name": path.lower(),
            "Version": str(entry.tag.get("version", "")),
        }
    ]


def _events(call: Call) -> list[Record]:
    """Win32_NTLogEvent [V, its documentation], the newest first [R]; types are numbers beside the translated word."""
    return [
        {
            "Category": str(event.category),
            "ComputerName": call.host.computer_name,
            "EventCode": str(event.id),
            "EventIdentifier": str(event.id | SEVERITIES.get(event.kind, 0) << 30),
            "EventType": str(EVENT_TYPES.get(event.kind, 3)),
            "InsertionStrings": "{" + ",".join(f'"{text}"' for text in event.strings) + "}" if event.strings else "",
            "Logfile": event.log,
            "Message": event.text,
            "RecordNumber": str(event.record),
            "SourceName": event.source,
            "TimeGenerated": cim_date(int(event.time)),
            "TimeWritten": cim_date(int(event.time)),
            "Type": call.text(f"cscript.kind.{event.kind}"),
        }
        for event in reversed(call.host.events)
    ]


ALIASES: dict[str, Callable[[Call], list[Record]]] = {
    "microsoftnlb_node": lambda call: wmi_nodes(call.host),
    "ntevent": _events,
    "win32_ntlogevent": _events,
    "os": _os,
    "win32_operatingsystem": _os,
    "process": _process,
    "win32_process": _process,
    "service": _service,
    "win32_service": _service,
    "computersystem": _computer,
    "win32_computersystem": _computer,
    "qfe": _hotfixes,
    "win32_quickfixengineering": _hotfixes,
    **MACHINE,
}
FILES = ("datafile", "cim_datafile")


def _changing(argv: Sequence[str]) -> bool:
    return any(word.lower() in ("call", "set", "create", "delete") for word in argv)


@program("wmic", changing=_changing, systems=("server2003",))
def wmic(call: Call) -> int:
    """``wmic ALIAS [where CONDITION] get NAMES [/value|/format:list|/format:csv]``."""
    source = call.streams.source
    if not source.ends:
        call.shell.timer.hang()
    text = re.sub(r"/(?:namespace|node|user|password|interactive|locale):\S+", "", call.raw, flags=re.IGNORECASE)
    found = COMMAND.match(text)
    if found is None or found["verb"].lower() != "get":
        call.err(call.text("wmic.alias", text=call.raw.strip()) + "\r\n")
        return 44135
    alias, where = found["alias"].lower(), (found["where"] or "").strip()
    if where[:1] in ('"', "(") and len(where) > 1:
        where = where[1:-1]
    if alias in FILES:
        records = _file(call, where)
    elif alias in ALIASES:
        try:
            fits = parse(where) if where else None
        except QueryError:
            call.err(call.text("wmic.query", text=call.host.computer_name) + "\r\n")
            return INVALID_QUERY
        records = [record for record in ALIASES[alias](call) if fits is None or fits(record)]
    else:
        call.err(call.text("wmic.alias", text=found["alias"]) + "\r\n")
        return 44135
    rest, form = _format(found["rest"])
    wanted = [name.strip() for name in rest.split(",") if name.strip() and name.strip() != "*"]
    if not records:
        call.err(call.text("wmic.none") + "\r\n")
        return 0
    known = {name.lower(): name for name in records[0]}
    if any(name.lower() not in known for name in wanted):
        call.err(call.text("wmic.query", text=call.host.computer_name) + "\r\n")
        return FAILED
    names = sorted((known[name.lower()] for name in wanted), key=str.lower) if wanted else sorted(known.values())
    _print(call, form, names, records)
    return 0


def _format(rest: str) -> tuple[str, str]:
    """Split ``NAMES /value`` into the names and the form of the output."""
    names, slash, switch = rest.partition("/")
    switch = switch.strip().strip('"').lower()
    if not slash:
        return names, "table"
    return names, "csv" if switch == "format:csv" else "list" if switch in ("value", "format:list") else "table"


def _print(call: Call, form: str, names: list[str], records: list[Record]) -> None:
    if form == "list":
        for record in records:
            call.out(END + END + "".join(f"{name}={record[name]}{END}" for name in names))
        call.out(END + END)
    elif form == "csv":
        call.out(END + csv_line(["Node", *names]))
        for record in records:
            call.out(csv_line([call.host.computer_name, *(record[name] for name in names)]))
    else:
        widths = [max(len(name), *(len(record[name]) for record in records)) + 2 for name in names]
        for cells in [names, *([record[name] for name in names] for record in records)]:
            call.out("".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) + END)
        call.out(END)


def csv_line(cells: Sequence[str]) -> str:
    """A row of ``/format:csv``: quotes only where a comma asks for them."""
    return ",".join(csv_row([cell]) if "," in cell else cell for cell in cells) + END

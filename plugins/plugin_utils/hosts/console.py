# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what Windows' own programs print. Pure functions.

Words are never relied on, because hosts speak other languages than English: only numbers, the order of rows and
columns, exit codes and names that Windows does not translate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import Unreadable
from .models import RegistryValues

# Measured on captures with tabs and with blanks between the columns, names with blanks, and empty data.
_REGISTRY_ROW = re.compile(
    r"^(?: {3,4}|\t)(?P<name>.*?)(?:\t+| {2,}|\t *)(?P<type>REG_[A-Z_]+)(?:(?:\t+| {2,}|\t *)(?P<data>.*))?$"
)
_SERVICE_ROW = re.compile(r"^\s+[^:]+?\s*:\s+(?P<number>[0-9a-fA-F]+)\s+\S")
_STATES = {
    1: "stopped",
    2: "start_pending",
    3: "stop_pending",
    4: "running",
    5: "continue_pending",
    6: "pause_pending",
    7: "paused",
}
_START_TYPES = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_HASH_LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64}
_HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}


def lines_end(text: str) -> str:
    r"""The text with ``\n`` as its only line end; wmic writes ``\r\r\n``."""
    return re.sub(r"\r+\n", "\n", text)


def first_line(text: str, limit: int = 300) -> str:
    """The first line that says anything, shortened."""
    for line in text.splitlines():
        if line.strip():
            return line.strip()[:limit]
    return ""


def signed(code: int) -> int:
    """An exit code as cmd.exe shows it: a signed number of 32 bits."""
    return (code + 0x80000000) % 0x100000000 - 0x80000000


# ---- reg.exe --------------------------------------------------------------------------------------------


def full_key(key: str) -> str:
    """A key with the long name of its hive, without a backslash at the end."""
    hive, separator, rest = key.rstrip("\\").partition("\\")
    return _HIVES.get(hive.upper(), hive) + separator + rest


def registry_sections(text: str) -> dict[str, RegistryValues]:
    """What ``reg query`` printed: key, as printed -> values. Only rows are read, titles and errors are skipped.

    The word for the default value is translated, but always stands in brackets (``<NO NAME>``, ``(Default)``,
    ``(Standard)``): it becomes "".
    """
    sections: dict[str, RegistryValues] = {}
    current: RegistryValues | None = None
    for line in lines_end(text).split("\n"):
        if line.startswith("HKEY_"):
            current = sections.setdefault(line.rstrip().rstrip("\\"), {})
            continue
        row = _REGISTRY_ROW.match(line)
        if row and current is not None:
            name = row["name"].strip("\t")
            if re.fullmatch(r"<.*>|\(.*\)", name):
                name = ""
            current[name] = (row["type"], registry_data(row["type"], row["data"] or ""))
    return sections


def registry_data(kind: str, data: str) -> str | int | list[str]:
    r"""Data of a value as reg.exe prints it: numbers as ``0x1``, several strings joined by a literal ``\0`` [R]."""
    if kind in ("REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_QWORD"):
        try:
            return int(data.split()[0], 0)
        except (ValueError, IndexError):
            raise Unreadable(f"a registry number is printed as {data!r}") from None
    if kind == "REG_MULTI_SZ":
        parts = data.split("\\0")
        while parts and not parts[-1]:
            parts.pop()
        return parts
    return data


# ---- sc.exe -----------------------------------------------------------------------------------------------


def service_state(text: str) -> str:
    """State of one service from ``sc query``: the second row with a number, whatever its title is called."""
    number = _service_number(text, 1)
    try:
        return _STATES[number]
    except KeyError:
        raise Unreadable(f"a service is in the unknown state {number}") from None


def service_start_type(text: str) -> str:
    """Start type of one service from ``sc qc``: again the second row with a number [R]."""
    number = _service_number(text, 1)
    try:
        return _START_TYPES[number]
    except KeyError:
        raise Unreadable(f"a service has the unknown start type {number}") from None


def services_pending(text: str) -> list[str]:
    """Names of the services that are starting or stopping, from ``sc query`` without a name."""
    pending: list[str] = []
    for block in re.split(r"\n\s*\n", lines_end(text).strip("\n")):
        if sum(1 for line in block.split("\n") if _SERVICE_ROW.match(line)) < 2:
            continue
        name = re.search(r"^\S[^:\n]*:\s*(\S.*?)\s*$", block, re.MULTILINE)
        if name and _service_number(block, 1) in (2, 3):
            pending.append(name.group(1))
    return pending


def _service_number(text: str, row: int) -> int:
    numbers = [found["number"] for found in map(_SERVICE_ROW.match, lines_end(text).split("\n")) if found]
    if len(numbers) <= row:
        raise Unreadable(f"sc.exe printed no state: {first_line(text)}")
    return int(numbers[row], 10) if numbers[row].isdigit() else -1


# ---- tables in CSV ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """A row of ``schtasks /query /v /fo csv /nh``; ``status`` is translated, empty for a task that is idle."""

    name: str
    status: str
    last_result: int | None
    run_as: str | None


def _row(line: str) -> list[str] | None:
    # A field may hold a quotation mark that is not doubled, so the separators are what is looked for.
    text = line.strip()
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        return None
    return [field.replace('""', '"') for field in text[1:-1].split('","')]


def tasklist(text: str) -> list[tuple[str, int]]:
    """Image name and process id of each row of ``tasklist /fo csv /nh``. "No tasks" is a sentence, not a row."""
    found: list[tuple[str, int]] = []
    for line in lines_end(text).split("\n"):
        row = _row(line)
        if row and len(row) >= 5 and row[1].strip().isdigit():
            found.append((row[0], int(row[1])))
    return found


def tasks(text: str) -> list[Task]:
    """Rows of ``schtasks /query /v /fo csv /nh``: 28 columns on Server 2003, 27 on XP (no "Logon Mode")."""
    found: list[Task] = []
    for line in lines_end(text).split("\n"):
        row = _row(line)
        if not row or len(row) < 4:
            continue
        shift = {28: 1, 27: 0}.get(len(row))
        last, run_as = None, None
        if shift is not None:
            run_as = row[18 + shift]
            number = row[5 + shift].strip()
            last = int(number) if re.fullmatch(r"-?\d+", number) else None
        found.append(Task(row[1].lstrip("\\"), row[3].strip(), last, run_as))
    return found


# ---- others -------------------------------------------------------------------------------------------------


def wmic_values(text: str) -> dict[str, str]:
    r"""``Name=value`` rows of ``wmic ... /value``; of several instances the first counts.

    wmic may write UTF-16, which then arrives with a NUL behind each character and two odd characters in front.
    """
    values: dict[str, str] = {}
    for name, value in re.findall(r"([A-Za-z]\w*)=([^\r\n]*)", text.replace("\0", ""), re.ASCII):
        values.setdefault(name, value.strip())
    return values


def file_hash(text: str, algorithm: str) -> str | None:
    """The hash in the output of certutil or fciv, in small letters; None when there is none of that algorithm.

    certutil prints a title, the hash, perhaps with a blank between the bytes, and a closing sentence; fciv prints
    comments with ``//`` and then ``hash path``. A hash of another length is of another algorithm and does not count.
    """
    digits = _HASH_LENGTHS[algorithm]
    for line in lines_end(text).split("\n"):
        stripped = line.strip()
        if stripped.startswith("//"):
            continue
        for candidate in (stripped.replace(" ", ""), stripped.partition(" ")[0]):
            if re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", candidate):
                return candidate.lower()
    return None


def count(text: str) -> int | None:
    """The number that ``find /c`` printed, with or without a file's name before it."""
    found = re.search(r"(\d+)\s*\Z", text)
    return int(found.group(1)) if found else None

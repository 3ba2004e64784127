# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``xcopy``."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ProcessEnded, Win32Error
from ..shell.call import Call, program
from ..shell.filesystem import matches, split_last
from ..shell.transfer import transfer

SWITCHES = {
    "y",
    "-y",
    "s",
    "e",
    "i",
    "q",
    "h",
    "r",
    "z",
    "c",
    "k",
    "v",
    "f",
    "l",
    "t",
    "d",
    "a",
    "m",
    "u",
    "o",
    "x",
    "n",
}
NO_FILES, CANNOT_START = 1, 4


@program("xcopy", changing=True)
def xcopy(call: Call) -> int:
    """``xcopy SOURCE TARGET [/s] [/e] [/i] [/y] [/q] [/h] [/r] [/z] [/c] [/k]``: exit 0, 1 no files, 4 cannot start."""
    switches = {word[1:].lower() for word in call.argv if word.startswith("/")}
    operands = [word for word in call.argv if not word.startswith("/")]
    unknown = {each for each in switches - SWITCHES if not each.startswith("d:")}
    if unknown or not 1 <= len(operands) <= 2:
        call.complain(call.text("xcopy.parameter", value="/" + sorted(unknown)[0] if unknown else ""))
        return CANNOT_START
    target = operands[1] if len(operands) == 2 else "."
    process = call.host.spawn("xcopy.exe", call.context.user, call.context.logon)
    try:
        return _copy(call, operands[0], target, switches)
    finally:
        call.host.end_process(process, 0)


def _copy(call: Call, source: str, target: str, switches: set[str]) -> int:
    disk = call.disk
    if disk.is_dir(source):
        folder, mask = source.rstrip("\\") + "\\", "*"
    else:
        folder, mask = split_last(source)
    try:
        disk.entry(folder or ".")
    except Win32Error as error:
        call.complain(call.win32(error.code))
        return CANNOT_START
    files = list(_files(call, folder, "", mask, below=bool(switches & {"s", "e"})))
    if not files:
        call.complain(call.text("xcopy.not_found", name=mask))
        call.line(call.text("xcopy.copied", count=0))
        return NO_FILES if disk.is_dir(folder or ".") and mask == "*" else CANNOT_START
    is_folder = disk.is_dir(target) or target.endswith("\\") or (len(files) > 1 and "i" in switches)
    if not is_folder and not disk.exists(target):
        is_folder = "i" in switches if len(files) > 1 else _ask_folder(call, target)
    copied = 0
    for name in files:
        path = f"{target.rstrip(chr(92))}\\{name}" if is_folder else target
        if disk.is_file(path) and not _overwrites(call, path, switches):
            continue
        parent = split_last(path)[0].rstrip("\\")
        try:
            if parent and not disk.is_dir(parent + "\\"):
                disk.make_dir(parent)
            if "q" not in switches:
                call.line(folder + name)
            transfer(call, folder + name, path)
        except ProcessEnded:
            raise
        except Win32Error as error:
            call.complain(call.win32(error.code))
            if "c" not in switches:
                call.line(call.text("xcopy.copied", count=copied))
                return CANNOT_START
            continue
        copied += 1
    call.line(call.text("xcopy.copied", count=copied))
    return 0


def _files(call: Call, folder: str, inside: str, mask: str, *, below: bool) -> Iterator[str]:
    """Names relative to ``folder``."""
    for entry in call.disk.entries((folder or ".\\") + inside):
        if entry.is_dir:
            if below:
                yield from _files(call, folder, f"{inside}{entry.name}\\", mask, below=True)
        elif matches(entry.name, mask):
            yield inside + entry.name


def _ask_folder(call: Call, target: str) -> bool:
    call.out(call.text("xcopy.file_or_folder", name=target))
    answer = (call.read_line() or "").strip().upper()[:1]
    return answer == call.text("xcopy.folder_letter")


def _overwrites(call: Call, path: str, switches: set[str]) -> bool:
    if "y" in switches or call.shell.frame is not None:
        return True
    call.out(call.text("cmd.overwrite", path=path))
    answer = (call.read_line() or "").strip().lower()[:1]
    return answer in (call.text("cmd.yes_letter").lower(), call.text("cmd.all_letter").lower())

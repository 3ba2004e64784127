# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``dir``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Win32Error
from .argv import split_words, unquote
from .builtins_text import volume_header
from .call import Call
from .commands import Answer, builtin
from .filesystem import matches, split_last, stamp

if TYPE_CHECKING:
    from ..files import Entry


@builtin("dir")
def list_directory(call: Call) -> Answer:
    """``dir [/b] [/s] [/a[d|-d]] [/-c] [/o...] [PATH]``."""
    switches: list[str] = []
    operands: list[str] = []
    for word in split_words(call.raw):
        if word.startswith("/"):
            switches += [part.lower() for part in word[1:].split("/") if part]
        else:
            operands.append(unquote(word))
    listing = _Listing(call, switches)
    code = 0
    for operand in operands or ["."]:
        code |= listing.show(operand)
    return code


class _Listing:
    def __init__(self, call: Call, switches: list[str]) -> None:
        self.call = call
        self.bare = "b" in switches
        self.below = "s" in switches
        self.commas = "-c" not in switches
        attributes = next((switch[1:].lstrip(":") for switch in switches if switch[:1] == "a"), "")
        self.folders = "-d" not in attributes
        self.files = "d" not in attributes or "-d" in attributes

    def show(self, operand: str) -> int:
        """List one path; returns 1 after a complaint."""
        call = self.call
        path = call.disk.resolve_pattern(operand)
        if call.disk.is_dir(path):
            folder, mask = path.rstrip("\\") + "\\", "*"
        else:
            folder, mask = split_last(path)
        try:
            entry = call.disk.entry(folder)
        except Win32Error as error:
            if not self.bare and folder[1:2] == ":":
                volume_header(call, folder[0])
            call.complain(call.text("cmd.file_not_found") if error.code == 2 else call.win32(error.code))
            return 1
        if not entry.is_dir:
            call.complain(call.win32(3))
            return 1
        if not self.bare and folder[1:2] == ":":
            volume_header(call, folder[0])
        if not self._folder(folder, mask):
            call.complain(call.text("cmd.file_not_found"))
            return 1
        if not self.bare:
            free = self._number(call.disk.free_bytes(folder))
            call.line(call.text("cmd.dir_dirs", count=f"{self._count:16}", free=f"{free:>15}"))
        return 0

    _count = 0

    def _folder(self, folder: str, mask: str) -> bool:
        call = self.call
        children = call.disk.entries(folder)
        shown = [item for item in children if matches(item.name, mask) and self._wanted(item)]
        found = bool(shown)
        if shown and self.bare:
            for item in shown:
                call.line(folder + item.name if self.below else item.name)
        elif shown or (mask == "*" and self.folders):
            found = True
            self._long(folder, mask, shown)
        if self.below:
            for item in children:
                if item.is_dir:
                    found |= self._folder(f"{folder}{item.name}\\", mask)
        return found or (self.bare and mask == "*" and self.folders and self.files and not children)

    def _wanted(self, item: Entry) -> bool:
        return self.folders if item.is_dir else self.files

    def _number(self, value: int) -> str:
        return f"{value:,}" if self.commas else str(value)

    def _long(self, folder: str, mask: str, shown: list[Entry]) -> None:
        call = self.call
        call.line("\n " + call.text("cmd.dir_of", path=folder.rstrip("\\") if len(folder) > 3 else folder) + "\n")
        dots = mask == "*" and self.folders and len(folder) > 3
        if dots:
            moment = stamp(call.disk.entry(folder).modified)
            for name in (".", ".."):
                call.line(f"{moment}    <DIR>          {name}")
        for item in shown:
            middle = "    <DIR>          " if item.is_dir else f" {self._number(item.size):>17} "
            call.line(f"{stamp(item.modified)}{middle}{item.name}")
        files = [item for item in shown if not item.is_dir]
        self._count += len(shown) - len(files) + 2 * dots
        total = self._number(sum(item.size for item in files))
        call.line(call.text("cmd.dir_files", count=f"{len(files):16}", total=f"{total:>14}"))

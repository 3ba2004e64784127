# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that change files: md, rd, del, ren, move, copy."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import Win32Error
from .argv import split_words, unquote
from .call import Call
from .commands import Answer, Quiet, builtin
from .filesystem import split_last
from .transfer import transfer


@dataclass
class Arguments:
    """Switches in small letters and operands without quotes."""

    switches: set[str] = field(default_factory=set)
    operands: list[str] = field(default_factory=list)


def read_arguments(call: Call, delimiters: str = " \t,;=") -> Arguments:
    """Split an argument text; a switch can follow another word without a blank (``copy/y``)."""
    result = Arguments()
    for word in split_words(call.raw, delimiters):
        if word.startswith("/"):
            result.switches.update(part.lower() for part in word[1:].split("/") if part)
        else:
            result.operands.append(unquote(word))
    return result


def ask(call: Call, question: str) -> bool:
    """Ask for Y or N on the input; anything but Y (or its letter in the host's language) is no."""
    call.out(question)
    answer = (call.read_line() or "").strip().lower()
    return answer[:1] == call.text("cmd.yes_letter").lower()


@builtin("md", "mkdir", changes=True)
def make_directory(call: Call) -> Answer:
    """``md PATH...`` makes the directories above too (command extensions)."""
    arguments = read_arguments(call)
    if not arguments.operands:
        return wrong_syntax(call)
    code = 0
    for path in arguments.operands:
        try:
            call.disk.make_dir(path)
        except Win32Error as error:
            code = 1
            if error.code in (80, 183):
                call.complain(call.text("cmd.directory_exists", path=path))
            else:
                call.complain(call.win32(error.code))
    return code


@builtin("rd", "rmdir", changes=True)
def remove_directory(call: Call) -> Answer:
    """``rd [/s] [/q] PATH...``. A failure does not become ERRORLEVEL unless ``||`` follows [V]."""
    arguments = read_arguments(call)
    if not arguments.operands:
        return wrong_syntax(call)
    code = 0
    for path in arguments.operands:
        tree = "s" in arguments.switches
        if tree and "q" not in arguments.switches and not ask(call, call.text("cmd.sure_path", path=path)):
            continue
        try:
            call.disk.remove_dir(path, tree=tree)
        except Win32Error as error:
            call.complain(call.win32(error.code))
            code = error.code
    return Quiet(code)


@builtin("del", "erase", changes=True)
def delete(call: Call) -> Answer:
    """``del [/q] [/f] [/s] FILE...``; a missing file is no failure for ERRORLEVEL [V]."""
    arguments = read_arguments(call)
    if not arguments.operands:
        return wrong_syntax(call)
    for path in arguments.operands:
        full = call.disk.resolve_pattern(path)
        if call.disk.is_dir(full):
            full = full.rstrip("\\") + "\\*"
        everything = split_last(full)[1] in ("*", "*.*")
        if everything and "q" not in arguments.switches and not ask(call, call.text("cmd.sure_path", path=full)):
            continue
        if not _delete_below(call, full, subfolders="s" in arguments.switches):
            call.complain(call.text("cmd.could_not_find", path=full))
    return 0


def _delete_below(call: Call, pattern: str, *, subfolders: bool) -> bool:
    parent, mask = split_last(pattern)
    found = False
    for name in call.disk.glob(pattern):
        if call.disk.is_file(parent + name):
            call.disk.delete(parent + name)
            found = True
    if subfolders and call.disk.is_dir(parent):
        for entry in call.disk.entries(parent):
            if entry.is_dir:
                found |= _delete_below(call, f"{parent}{entry.name}\\{mask}", subfolders=True)
    return found


@builtin("ren", "rename", changes=True)
def rename(call: Call) -> Answer:
    """``ren PATH NAME``: the new name has no directory."""
    operands = read_arguments(call).operands
    if len(operands) != 2 or "\\" in operands[1] or ":" in operands[1]:
        return wrong_syntax(call)
    source, name = operands
    names = call.disk.glob(source)
    if not names:
        call.complain(call.win32(2 if call.disk.is_dir(split_last(source)[0] or ".") else 3))
        return 1
    parent = split_last(source)[0]
    for old in names:
        new = _new_name(old, name)
        try:
            call.disk.rename(parent + old, call.disk.resolve(parent + new))
        except Win32Error as error:
            call.complain(call.text("cmd.duplicate_name") if error.code in (80, 183) else call.win32(error.code))
            return 1
    return 0


def _new_name(old: str, mask: str) -> str:
    """``ren *.tmp *.txt``: a star takes the old part of the name."""
    if "*" not in mask:
        return mask
    stem, _unused, extension = old.rpartition(".")
    first, dot, second = mask.rpartition(".")
    if not dot:
        return old
    return (stem if first == "*" else first) + "." + (extension if second == "*" else second)


@builtin("move", changes=True)
def move(call: Call) -> Answer:
    """``move [/y|/-y] SOURCE TARGET``."""
    arguments = read_arguments(call)
    if not 1 <= len(arguments.operands) <= 2:
        return wrong_syntax(call)
    source = arguments.operands[0]
    target = arguments.operands[1] if len(arguments.operands) == 2 else "."
    parent = split_last(source)[0]
    names = call.disk.glob(source)
    if not names:
        call.complain(call.win32(2 if call.disk.is_dir(parent or ".") else 3))
        return 1
    moved = folders = 0
    for name in names:
        path = target.rstrip("\\") + "\\" + name if call.disk.is_dir(target) else target
        is_dir = call.disk.is_dir(parent + name)
        if call.disk.is_file(path):
            same = call.disk.resolve(path).lower() == call.disk.resolve(parent + name).lower()
            if not same and not _may_overwrite(call, arguments, path):
                continue
            if not same:
                call.disk.delete(path)
        call.disk.rename(parent + name, call.disk.resolve(path))
        folders += is_dir
        moved += not is_dir
    if moved or folders:
        call.line(call.text("cmd.dirs_moved", count=folders) if folders else call.text("cmd.files_moved", count=moved))
    return 0 if moved or folders else 1


def _may_overwrite(call: Call, arguments: Arguments, path: str) -> bool:
    """Outside a batch file cmd asks before it overwrites, unless /y is given."""
    if "y" in arguments.switches or (call.shell.frame is not None and "-y" not in arguments.switches):
        return True
    if (call.shell.variables.get("COPYCMD") or "").lower() == "/y":
        return True
    call.out(call.text("cmd.overwrite", path=path))
    answer = (call.read_line() or "").strip().lower()[:1]
    if answer == call.text("cmd.all_letter").lower():
        arguments.switches.add("y")
        return True
    return answer == call.text("cmd.yes_letter").lower()


@builtin("copy", changes=True)
def copy(call: Call) -> Answer:
    """``copy [/z] [/y] [/b] [/v] SOURCE[+SOURCE] [TARGET]``; from a share it takes time by size."""
    arguments = read_arguments(call)
    operands = _joined(arguments.operands)
    if not 1 <= len(operands) <= 2:
        return wrong_syntax(call)
    target = operands[1] if len(operands) == 2 else "."
    parts = operands[0].split("+")
    if len(parts) > 1:
        return _concatenate(call, parts, target)
    source = parts[0]
    if call.disk.is_dir(source):
        source = source.rstrip("\\") + "\\*"
    parent = split_last(source)[0]
    names = [name for name in call.disk.glob(source) if call.disk.is_file(parent + name)]
    if not names:
        return _nothing_to_copy(call, source)
    if target.endswith("\\") and not call.disk.is_dir(target):
        call.complain(call.win32(3))
        call.line(call.text("cmd.files_copied", count=0))
        return 1
    copied = 0
    for name in names:
        path = target.rstrip("\\") + "\\" + name if call.disk.is_dir(target) else target
        if call.disk.resolve(parent + name).lower() == call.disk.resolve(path).lower():
            call.complain(call.text("cmd.copy_itself"))
            continue
        if len(names) > 1:
            call.line(parent + name)
        if call.disk.is_file(path) and not _may_overwrite(call, arguments, path):
            continue
        try:
            transfer(call, parent + name, path)
        except Win32Error as error:
            call.complain(call.win32(error.code))
            call.line(call.text("cmd.files_copied", count=copied))
            return 1
        copied += 1
    call.line(call.text("cmd.files_copied", count=copied))
    return 0 if copied else 1


def _nothing_to_copy(call: Call, source: str) -> Answer:
    """Say why: the share cannot be reached, or there is no such file."""
    code = 2
    try:
        call.disk.entry(split_last(source)[0] or ".")
    except Win32Error as error:
        code = error.code
    call.complain(call.win32(code))
    if code == 2:
        call.line(call.text("cmd.files_copied", count=0))
    return 1


def _joined(operands: list[str]) -> list[str]:
    """Put ``a + b`` together again."""
    result: list[str] = []
    for operand in operands:
        if result and (operand.startswith("+") or result[-1].endswith("+")):
            result[-1] += operand
        else:
            result.append(operand)
    return result


def _concatenate(call: Call, parts: list[str], target: str) -> Answer:
    data = b""
    for part in parts:
        if not call.disk.is_file(part):
            call.complain(call.win32(2))
            return 1
        data += call.disk.read(part)
    call.disk.write(parts[0] if target == "." else target, data)
    call.line(call.text("cmd.files_copied", count=1))
    return 0


def wrong_syntax(call: Call) -> Answer:
    """The general complaint about arguments."""
    call.complain(call.text("cmd.syntax"))
    return 1

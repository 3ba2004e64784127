# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program a name on the line stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .argv import unquote
from .call import FINDERS, PROGRAMS, Program

if TYPE_CHECKING:
    from .interpreter import Shell

BATCH = (".cmd", ".bat")


@dataclass(frozen=True)
class Found:
    """A program that can be run; ``path`` is its file where it was found as one."""

    program: Program
    path: str = ""


@dataclass(frozen=True)
class BatchFile:
    """A batch file."""

    path: str


@dataclass(frozen=True)
class Missing:
    """Nothing to run: cmd's message and the ERRORLEVEL that it leaves."""

    message: str
    code: int


def find(shell: Shell, name: str, rest: str) -> Found | BatchFile | Missing:
    """Look a command up as cmd does: in the current directory, then along the PATH."""
    plain = unquote(name)
    lowered = plain.lower().replace("/", "\\")
    stem = lowered[:-4] if lowered.endswith((".exe", ".com")) else lowered
    for path in _candidates(shell, plain):
        if path.lower().endswith(BATCH):
            return BatchFile(path)
        known = PROGRAMS.get(_stem(path))
        if known and known.file and _available(shell, known):
            return Found(known, path)
        for function in FINDERS:
            program = function(shell, path, rest)
            if program is not None:
                return Found(program, path)
    folder, _unused, base = stem.rpartition("\\")
    known = PROGRAMS.get(base)
    if known and _available(shell, known) and (not folder or _is_system(shell, folder)):
        return Found(known)
    if "\\" in plain and not shell.disk.is_dir(plain.rsplit("\\", 1)[0] + "\\"):
        return Missing(shell.text("win32.3"), 1)
    if any(_stem(path) not in PROGRAMS for path in _candidates(shell, plain)):
        return Missing(shell.text("cmd.cannot_execute"), 1)
    return Missing(shell.text("cmd.not_recognized", name=name), 9009)


def _stem(path: str) -> str:
    """The name by which a program's file is registered."""
    return path.lower().rsplit("\\", 1)[-1].removesuffix(".exe")


def _available(shell: Shell, known: Program) -> bool:
    host = shell.context.host
    if known.systems and host.os not in known.systems:
        return False
    if known.file:
        root = shell.variables.get("SystemRoot") or "C:\\WINDOWS"
        return shell.disk.exists(known.file.replace("%SystemRoot%", root))
    return True


def _is_system(shell: Shell, folder: str) -> bool:
    root = (shell.variables.get("SystemRoot") or "C:\\WINDOWS").lower()
    return folder.strip("\\") in (root + "\\system32", root, root + "\\system32\\wbem", root + "\\cluster")


def _candidates(shell: Shell, name: str) -> list[str]:
    """Files on the host that the name can mean, in the order of PATHEXT and PATH."""
    extensions = (shell.variables.get("PATHEXT") or ".COM;.EXE;.BAT;.CMD").split(";")
    names = [name, *(name + extension for extension in extensions)]
    if "." not in name.rsplit("\\", 1)[-1]:
        names = names[1:]
    if "\\" in name or ":" in name:
        folders = [""]
    else:
        path = shell.variables.get("PATH") or ""
        folders = ["", *(folder.strip().rstrip("\\") + "\\" for folder in path.split(";") if folder.strip())]
    found: list[str] = []
    # Along the PATH a plain name is looked up in what is there.
    plain = len(folders) > 1 and not any(char in name for char in '<>|?*/"')
    for folder in folders:
        inside = shell.disk.find(folder or ".") if plain else None
        for candidate in names:
            if plain and (inside is None or candidate.lower() not in inside.children):
                continue
            full = shell.disk.resolve(folder + candidate)
            if _runnable(full) and shell.disk.is_file(full) and full not in found:
                found.append(full)
    return found


def _runnable(path: str) -> bool:
    return path.lower().endswith((".exe", ".com", *BATCH))

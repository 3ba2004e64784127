# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the host, by cmd.exe's own commands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import console
from .commands import LINE_LIMIT, check_name, command, quote, write_files
from .errors import CommandFailed, Refused, Unreadable
from .models import Output

if TYPE_CHECKING:
    from .session import Session

_ABSENT = "absent"


def read_line(path: str, token: str) -> str:
    """A command line that prints a file, or the token's "absent" when there is none. See ``content``."""
    name = quote(path)
    return f"if exist {name} (type {name}) else (echo {token}{_ABSENT})"


def content(path: str, token: str, output: Output) -> str | None:
    """What ``read_line`` brought: the text, or None when there is no such file."""
    if output.stdout.strip() == token + _ABSENT:
        return None
    if output.exit_code != 0:
        raise Unreadable(f"{path} cannot be read: {console.first_line(output.text)}")
    return output.stdout


def read_text(session: Session, path: str) -> str | None:
    """Content of a text file; None when there is no such file."""
    token = session.token
    return content(path, token, session.run(read_line(path, token), changes=False))


def write_text(session: Session, path: str, lines: Sequence[str], unless: str | None = None) -> None:
    """Write lines beside the file, then move the whole into its place.

    ``unless``: a file whose existence keeps the old file in its place; exit code 9 of CommandFailed tells.
    """
    session.check_text("\n".join(lines))
    beside = path + ".new"
    into_place = command("move", "/y", quote(beside), quote(path)) + " >nul"
    if unless:
        into_place = f"if exist {quote(unless)} (exit 9) else ({into_place})"
    *first, last = write_files(beside, lines)
    for line in first:
        session.change(line, f"writing {path} on {session.host}")
    if len(last) + len(into_place) < LINE_LIMIT:
        into_place = f"{last} && {into_place}"
    else:
        session.change(last, f"writing {path} on {session.host}")
    session.change(into_place, f"writing {path} on {session.host}")


def delete(session: Session, path: str) -> None:
    """Delete a file; that it is not there is no error."""
    delete_all(session, [path])


def delete_all(session: Session, paths: Sequence[str]) -> None:
    """Delete files in this order, with one call.

    ``del`` ends with 0 even when it could not [R], so the files are looked for afterwards.
    """
    names = [quote(path) for path in paths]
    deletions = " & ".join(f"(if exist {name} del /f /q {name})" for name in names)
    checks = " & ".join(f"(if exist {name} exit 1)" for name in names)
    session.change(f"{deletions} & {checks} & exit 0", f"deleting {', '.join(paths)} on {session.host}")


def make_dir(session: Session, path: str) -> None:
    """Make a folder and those above it."""
    folder = check_name(path, "folder").rstrip("\\")
    session.change(
        f'(if not exist "{folder}\\" md "{folder}") & (if exist "{folder}\\" (exit 0) else (exit 1))',
        f"making the folder {folder} on {session.host}",
    )


def size(session: Session, path: str) -> int | None:
    """Bytes of a file; None when there is none."""
    name = quote(path)
    token = session.token + _ABSENT
    output = session.run(f"if exist {name} (for %I in ({name}) do @echo %~zI) else (echo {token})", changes=False)
    said = output.stdout.strip()
    if said == token:
        return None
    if not said.isdigit():
        raise Unreadable(f"the size of {path} cannot be read: {console.first_line(output.text)}")
    return int(said)


def digest(session: Session, path: str, algorithm: str) -> str | None:
    """Hash of a file by certutil, else by fciv; None when the host has neither.

    Server 2003 brings no program that is documented to make one: certutil's ``-hashfile`` came to it with the
    administration tools [U]; fciv is a download (KB 841290) and knows no SHA-256. Making it may take minutes.
    """
    if algorithm not in ("sha256", "sha1", "md5"):
        raise Refused(f"{algorithm} is no hash that can be made on a host; sha256, sha1 and md5 are")
    if size(session, path) is None:
        raise CommandFailed(f"there is no file {path} on {session.host}")
    lines = [f"certutil -hashfile {quote(path)} {algorithm.upper()}"]
    if algorithm != "sha256":
        lines.append(f"fciv -{algorithm} {quote(path)}")
    for line in lines:
        output = session.run(line, changes=False, timeout=1800)
        found = console.file_hash(output.stdout, algorithm) if output.exit_code == 0 else None
        if found:
            return found
    return None


def version(session: Session, path: str) -> str | None:
    """File version by wmic (CIM_DataFile.Version [V] MS documentation); None where it is not told.

    The property is the file's own version text, which may have words behind the numbers. That a file which is not
    there gives a sentence and exit code 0: [R]; whatever else goes wrong is no failure here either.
    """
    name = check_name(path, "path")
    if "'" in name:
        return None
    where = quote("name='" + name.replace("\\", "\\\\") + "'")
    output = session.run(f"wmic datafile where {where} get Version /value <nul", changes=False)
    return version_of(console.wmic_values(output.stdout).get("Version", ""))


def version_of(text: str) -> str | None:
    """The four numbers at the beginning of a file's version text; None where they are not there."""
    found = re.match(r"\s*(\d+)[.,]\s*(\d+)[.,]\s*(\d+)[.,]\s*(\d+)", text)
    return ".".join(str(int(number)) for number in found.groups()) if found else None


__all__ = [
    "content",
    "delete",
    "delete_all",
    "digest",
    "make_dir",
    "read_line",
    "read_text",
    "size",
    "version",
    "version_of",
    "write_text",
]

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``certutil -hashfile`` and ``fciv``.

certutil of Server 2003 has no documented -hashfile ([U]); where the file certutil.exe is on a host it answers in
the layout of later Windows: a title, the hash with blanks between its bytes, a closing line.
"""

from __future__ import annotations

import hashlib

from ..errors import Win32Error
from ..shell.call import Call, Program, finder, program
from ..shell.filesystem import split_last
from ..shell.interpreter import Shell

ALGORITHMS = ("MD5", "SHA1", "SHA256")
RATE = 100_000_000  # bytes hashed in a second


def file_hash(call: Call, path: str, algorithm: str) -> str:
    """The hash of a file in small hexadecimal digits. A big file without content has a made-up MD5 and SHA-1.

    Raises Win32Error.
    """
    entry = call.disk.entry(path)
    if entry.is_dir:
        raise Win32Error(5, path)
    call.sleep(entry.size // RATE)
    if algorithm == "SHA256":
        return entry.sha256
    data = entry.sha256.encode() if entry.content is None else entry.content
    return hashlib.new(algorithm.lower(), data, usedforsecurity=False).hexdigest()


@program("certutil", file="%SystemRoot%\\system32\\certutil.exe")
def certutil(call: Call) -> int:
    """``certutil -hashfile FILE [MD5|SHA1|SHA256]``; the default is SHA1. The exit code is the HRESULT."""
    words = [word for word in call.argv if word.lower() not in ("-v", "/v")]
    if not words or words[0].lower() not in ("-hashfile", "/hashfile") or len(words) < 2:
        call.line(call.text("certutil.usage"))
        return -2147024809
    algorithm = words[2].upper() if len(words) > 2 else "SHA1"
    try:
        if algorithm not in ALGORITHMS:
            raise Win32Error(87, algorithm)
        digest = file_hash(call, words[1], algorithm)
    except Win32Error as error:
        code = 0x80070000 | error.code
        call.line(f"CertUtil: -hashfile command FAILED: 0x{code:08x} (WIN32: {error.code})")
        call.line(f"CertUtil: {call.win32(error.code)}")
        return code - (1 << 32)
    pairs = " ".join(digest[index : index + 2] for index in range(0, len(digest), 2))
    call.line(call.text("certutil.title", algorithm=algorithm, path=words[1]))
    call.line(pairs)
    call.line(call.text("certutil.done"))
    return 0


def fciv(call: Call) -> int:
    """``fciv [-md5|-sha1|-both] FILE``, the File Checksum Integrity Verifier ([R] for the layout)."""
    wanted = ["MD5"]
    path = ""
    for word in call.argv:
        if word.lower() in ("-md5", "-sha1"):
            wanted = [word[1:].upper()]
        elif word.lower() == "-both":
            wanted = ["MD5", "SHA1"]
        elif word.lower() == "-add":
            continue
        elif word.startswith("-"):
            call.line(call.text("fciv.usage"))
            return 1
        else:
            path = word
    call.line("//\n// File Checksum Integrity Verifier version 2.05.\n//")
    try:
        digests = [file_hash(call, path, algorithm) for algorithm in wanted]
    except Win32Error as error:
        call.line(f"{call.win32(error.code)}\n\t{path}\n\tError code : {error.code}")
        return 1
    heads = [f"\t{'MD5':<32}" if name == "MD5" else f"\t{'SHA-1':<40}" for name in wanted]
    if len(wanted) > 1:
        call.line("".join(heads) + "\n" + "-" * 75)
    call.line(" ".join(digests) + " " + path.lower())
    return 0


@finder
def find_fciv(shell: Shell, path: str, rest: str) -> Program | None:
    """fciv is wherever somebody put it."""
    return Program("fciv", fciv) if split_last(path)[1].lower() == "fciv.exe" else None

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let `make` itself end with a status of one's own: ``make_status.py STATUS FILE``.

GNU make ends with 0, 1 or 2, whatever the status of a command in a recipe was, but `make rehearse` has to tell a
violation (3) from a run that stopped (2). The one documented door into the running make is its `load` directive,
which takes a shared object and calls a function in it ("Loading Dynamic Objects" in the GNU make manual). So that
no compiler is needed, this writes that object by hand: one function, `mailops_end`, that ends the process with
STATUS. Prints nothing; on a machine it has no code for it writes nothing, and make ends with 2.
"""

from __future__ import annotations

import os
import platform
import struct
import sys
from pathlib import Path

FUNCTION = b"mailops_end"
LICENSE = b"plugin_is_GPL_compatible"  # make loads nothing without this symbol
PAGE = 0x10000  # the largest page size of the machines below


def exit_group(machine: str, status: int) -> tuple[int, bytes] | None:
    """Return ELF's number of the machine and its code for the system call exit_group(status)."""
    if machine == "x86_64":  # mov edi, status; mov eax, 231; syscall
        return 62, b"\xbf" + struct.pack("<I", status) + b"\xb8" + struct.pack("<I", 231) + b"\x0f\x05"
    if machine == "aarch64":  # mov x0, status; mov x8, 94; svc 0
        return 183, struct.pack("<III", 0xD2800000 | status << 5, 0xD2800000 | 94 << 5 | 8, 0xD4000001)
    return None


def shared_object(machine: int, code: bytes) -> bytes:
    """Return a 64-bit little-endian ELF shared object with FUNCTION (the code) and LICENSE as its symbols."""
    names = b"\0" + FUNCTION + b"\0" + LICENSE + b"\0"
    headers = 64 + 4 * 56
    hash_at = headers
    symbols_at = hash_at + 24
    names_at = symbols_at + 3 * 24
    code_at = (names_at + len(names) + 15) // 16 * 16
    dynamic_at = (code_at + len(code) + 15) // 16 * 16
    # The loader writes into the dynamic section: it gets a writable mapping of its own, the code does not.
    dynamic_address = PAGE + dynamic_at
    entries = [(4, hash_at), (5, names_at), (6, symbols_at), (10, len(names)), (11, 24), (0, 0)]
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in entries)
    end = dynamic_at + len(dynamic)

    def program(kind: int, flags: int, offset: int, address: int, size: int, align: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, flags, offset, address, address, size, size, align)

    def symbol(name: bytes, kind: int) -> bytes:
        return struct.pack("<IBBHQQ", names.index(name), 0x10 | kind, 0, 1, code_at, len(code))

    blob = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    blob += struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    blob += program(1, 5, 0, 0, dynamic_at, PAGE)  # PT_LOAD, readable and executable
    blob += program(1, 6, dynamic_at, dynamic_address, len(dynamic), PAGE)  # PT_LOAD, readable and writable
    blob += program(2, 6, dynamic_at, dynamic_address, len(dynamic), 8)  # PT_DYNAMIC
    blob += program(0x6474E551, 6, 0, 0, 0, 16)  # PT_GNU_STACK: no executable stack
    blob += struct.pack("<6I", 1, 3, 1, 0, 2, 0)  # hash table: one bucket with both symbols
    blob += bytes(24) + symbol(FUNCTION, 2) + symbol(LICENSE, 1) + names
    blob = blob.ljust(code_at, b"\0") + code
    blob = blob.ljust(dynamic_at, b"\0") + dynamic
    assert len(blob) == end
    return blob


def main(status: int, target: Path) -> None:
    """Write the object to ``target`` in one go, if this machine is known."""
    known = exit_group(platform.machine(), status)
    if known is not None and sys.platform == "linux" and sys.maxsize > 2**32:
        part = target.with_name(f"{target.name}.{os.getpid()}")
        part.write_bytes(shared_object(*known))
        part.replace(target)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying a file in simulated time."""

from __future__ import annotations

from ..errors import Win32Error
from .call import Call
from .filesystem import split_last

# Bytes in a second: a 100 Mbit/s or gigabit network of that time with its protocol's cost, and a local disk.
NETWORK_RATE = 20_000_000
LOCAL_RATE = 60_000_000


def transfer(call: Call, source: str, target: str) -> None:
    """Copy a file piece by piece; when the host goes down meanwhile, the part that has arrived stays.

    Raises Win32Error (2, 3, 5, 53, 67, 112, 1326 ...).
    """
    disk = call.disk
    first, second = disk.resolve(source), disk.resolve(target)
    size = disk.entry(first).size
    if not disk.is_dir(split_last(second)[0]):
        raise Win32Error(3, second)
    remote = any(path.startswith("\\\\") or _mapped(call, path) for path in (first, second))
    rate = NETWORK_RATE if remote else LOCAL_RATE
    done = 0
    while size - done > rate:
        disk.write_part(second, done)
        call.sleep(1.0)
        done += rate
    if size > 1_000_000:
        disk.write_part(second, done)
        call.sleep((size - done) / rate)
    disk.copy(first, second)


def _mapped(call: Call, path: str) -> bool:
    return call.host.mapped_drive(call.context, path[:2]) is not None

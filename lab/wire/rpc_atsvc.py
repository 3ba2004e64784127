# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the command `at` from afar ([MS-TSCH] ATSvc), pipe atsvc."""

from __future__ import annotations

from ..at_jobs import AtJob, add, jobs, remove
from ..errors import Win32Error
from .rpc_interface import RpcCall, interface
from .rpc_ndr import NdrReader, NdrWriter

ATSVC = interface("atsvc", "1ff70682-0a51-30e8-076d-740be8cee98b", "1.0")
NO_SUCH_JOB, INVALID_PARAMETER = 3806, 87


def _read_job(read: NdrReader) -> tuple[int, int, int, int, str]:
    """AT_INFO: milliseconds from midnight, days of the month, days of the week, flags, command."""
    moment, month, week, flags = read.u32(), read.u32(), read.u8(), read.u8()
    command = read.text_pointer()
    if not command:
        raise Win32Error(INVALID_PARAMETER, "command")
    return moment, month, week, flags, command


def _write_job(write: NdrWriter, job: AtJob) -> None:
    write.u32(job.moment)
    write.u32(job.days_of_month)
    write.u8(job.days_of_week)
    write.u8(job.flags)
    write.later_text(job.command)


@ATSVC.operation(0, refused=lambda write: write.u32(0))
def add_job(call: RpcCall) -> int:
    """NetrJobAdd."""
    call.read.text_pointer()
    call.check_admin()
    moment, month, week, flags, command = _read_job(call.read)
    with call.journal(f"atsvc NetrJobAdd {command}", changes=True):
        job = add(call.host, command, moment, month, week, flags)
    call.write.u32(job.number)
    return 0


@ATSVC.operation(1)
def delete_jobs(call: RpcCall) -> int:
    """NetrJobDel: the jobs of a range of numbers."""
    call.read.text_pointer()
    call.check_admin()
    first, last = call.read.u32(), call.read.u32()
    with call.journal(f"atsvc NetrJobDel {first}-{last}", changes=True):
        chosen = [job for job in jobs(call.host) if first <= job.number <= last]
        if not chosen:
            raise Win32Error(NO_SUCH_JOB, str(first))
        for job in chosen:
            remove(call.host, job)
    return 0


def _no_jobs(write: NdrWriter) -> None:
    write.u32(0)
    write.pointer(False)
    write.u32(0)
    write.optional(None)


@ATSVC.operation(2, refused=_no_jobs)
def list_jobs(call: RpcCall) -> int:
    """NetrJobEnum."""
    call.read.text_pointer()
    call.check_admin()
    with call.journal("atsvc NetrJobEnum", changes=False):
        found = jobs(call.host)
    write = call.write
    write.u32(len(found))
    write.pointer(bool(found))
    if found:
        write.u32(len(found))
        for job in found:
            write.align(4)
            write.u32(job.number)
            _write_job(write, job)
        write.settle()
    write.u32(len(found))
    write.optional(0)
    return 0


@ATSVC.operation(3, refused=lambda write: write.pointer(False))
def job_info(call: RpcCall) -> int:
    """NetrJobGetInfo."""
    call.read.text_pointer()
    call.check_admin()
    number = call.read.u32()
    with call.journal(f"atsvc NetrJobGetInfo {number}", changes=False):
        job = next((each for each in jobs(call.host) if each.number == number), None)
        if job is None:
            raise Win32Error(NO_SUCH_JOB, str(number))
    call.write.pointer()
    _write_job(call.write, job)
    call.write.settle()
    return 0

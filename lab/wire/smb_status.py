# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NT status codes ([MS-ERREF] 2.3), and which of them stands for a Win32 error."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The codes that the lab's SMB server answers."""

    SUCCESS = 0
    BUFFER_OVERFLOW = 0x80000005
    NO_MORE_FILES = 0x80000006
    INVALID_HANDLE = 0xC0000008
    INVALID_PARAMETER = 0xC000000D
    NO_SUCH_FILE = 0xC000000F
    END_OF_FILE = 0xC0000011
    MORE_PROCESSING_REQUIRED = 0xC0000016
    ACCESS_DENIED = 0xC0000022
    BUFFER_TOO_SMALL = 0xC0000023
    OBJECT_NAME_INVALID = 0xC0000033
    OBJECT_NAME_NOT_FOUND = 0xC0000034
    OBJECT_NAME_COLLISION = 0xC0000035
    OBJECT_PATH_NOT_FOUND = 0xC000003A
    SHARING_VIOLATION = 0xC0000043
    DELETE_PENDING = 0xC0000056
    LOGON_FAILURE = 0xC000006D
    PASSWORD_EXPIRED = 0xC0000071
    DISK_FULL = 0xC000007F
    FILE_IS_A_DIRECTORY = 0xC00000BA
    NOT_SUPPORTED = 0xC00000BB
    NETWORK_NAME_DELETED = 0xC00000C9
    BAD_DEVICE_TYPE = 0xC00000CB
    BAD_NETWORK_NAME = 0xC00000CC
    BAD_NETWORK_PATH = 0xC00000BE
    UNEXPECTED_IO_ERROR = 0xC00000E9
    DIRECTORY_NOT_EMPTY = 0xC0000101
    NOT_A_DIRECTORY = 0xC0000103
    CANNOT_DELETE = 0xC0000121
    FILE_CLOSED = 0xC0000128
    ACCOUNT_LOCKED_OUT = 0xC0000234
    PIPE_EMPTY = 0xC00000D9
    #: SMB's own: ERRSRV codes in the form that a server with NT status codes gives them
    INVALID_SMB = 0x00010002
    SMB_BAD_TID = 0x00050002
    SMB_BAD_COMMAND = 0x00160002
    SMB_BAD_UID = 0x005B0002


class NtError(Exception):
    """A request fails with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"NT status 0x{status:08x}")
        self.status = int(status)


_OF_WIN32 = {
    2: Status.OBJECT_NAME_NOT_FOUND,
    3: Status.OBJECT_PATH_NOT_FOUND,
    5: Status.ACCESS_DENIED,
    15: Status.OBJECT_PATH_NOT_FOUND,
    18: Status.NO_MORE_FILES,
    32: Status.SHARING_VIOLATION,
    38: Status.END_OF_FILE,
    53: Status.BAD_NETWORK_PATH,
    67: Status.BAD_NETWORK_NAME,
    80: Status.OBJECT_NAME_COLLISION,
    87: Status.INVALID_PARAMETER,
    112: Status.DISK_FULL,
    123: Status.OBJECT_NAME_INVALID,
    145: Status.DIRECTORY_NOT_EMPTY,
    183: Status.OBJECT_NAME_COLLISION,
    267: Status.NOT_A_DIRECTORY,
    1326: Status.LOGON_FAILURE,
}


def of_win32(code: int) -> int:
    """The NT status that stands for a Win32 error code."""
    return int(_OF_WIN32.get(code, Status.UNEXPECTED_IO_ERROR))

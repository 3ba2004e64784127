# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SMB or RPC call can answer instead of a result, and what an operator should do about it."""

from __future__ import annotations

from typing import Any

from .errors import CommandFailed, HostError, Unreachable

NOT_FOUND = frozenset({0xC0000034, 0xC000003A, 0xC000000F, 0xC0000039, 0xC0000033})
"""STATUS_OBJECT_NAME_NOT_FOUND, _PATH_NOT_FOUND, NO_SUCH_FILE, OBJECT_PATH_INVALID, OBJECT_NAME_INVALID."""
EXISTS = 0xC0000035
SHARING_VIOLATION = 0xC0000043
DELETE_PENDING = 0xC0000056
NOT_EMPTY = 0xC0000101
IS_DIRECTORY = 0xC00000BA
ACCESS_DENIED = 0xC0000022
END_OF_FILE = 0xC0000011
NO_MORE_FILES = 0x80000006
BAD_SHARE = 0xC00000CC
NOT_SUPPORTED = frozenset({0xC00000BB, 0xC0000002, 0xC0000010, 0xC0000148})

# Answers to a logon (NTSTATUS, [MS-ERREF]).
_LOGON = {
    0xC000006D: ("the logon was refused: unknown account or wrong password", "check ansible_user and ansible_password"),
    0xC0000064: ("the logon was refused: there is no such account", "check ansible_user"),
    0xC000006A: ("the logon was refused: wrong password", "check ansible_password"),
    0xC000006E: ("the logon was refused: a restriction of the account", "see the account's own settings"),
    0xC000006F: ("the logon was refused at this hour", "see the account's logon hours"),
    0xC0000070: ("the logon was refused for this control node", "see which computers the account may log on from"),
    0xC0000071: ("the password has expired", "set a new password for the account"),
    0xC0000072: ("the account is disabled", "enable the account, or use another one"),
    0xC0000193: ("the account has expired", "see the account's date of expiry"),
    0xC0000224: ("the password must be changed first", "set a password that need not be changed at the next logon"),
    0xC0000234: ("the account is locked out", "unlock it, and check ansible_password before the next run"),
    0xC000015B: (
        "the account may not log on over the network",
        "give it the right `access this computer from the network` on the host",
    ),
    0xC000018B: ("the host has no account in its domain", "see whether the host is a member of its domain"),
    0xC000018D: ("the host does not trust its domain at this moment", "see whether the host reaches a controller"),
    0xC000005E: ("the host finds no domain controller that could check the logon", "see whether a controller runs"),
    0xC0000022: ("the logon was refused", "the account has to be an administrator of the host"),
}

SMB_TEXTS = {
    ACCESS_DENIED: ("access is denied", "the account has to be an administrator of the host"),
    BAD_SHARE: (
        "there is no such share",
        "administrative shares may be switched off on the host (AutoShareServer); the rpc channel needs them",
    ),
    0xC000007F: ("the disk is full", "make room on the host's drive"),
    0xC00000A2: ("the disk is write-protected", "see the host's drive"),
    0xC000000D: ("the host does not take the request", ""),
    SHARING_VIOLATION: ("the file is open in another program", "see which program on the host holds it"),
    DELETE_PENDING: ("the file is about to be deleted", "see which program on the host still holds it"),
    0xC000009A: ("the host is short of memory for network requests", "see the host's event log (IRPStackSize)"),
    0xC0000205: ("the host is short of memory for network requests", "see the host's event log (2011, IRPStackSize)"),
    0xC0000034: ("it is not there", ""),
    0xC000003A: ("the folder is not there", ""),
}

# Win32 codes that RPC interfaces return.
WIN32_TEXTS = {
    2: "not found",
    5: "access is denied",
    21: "the device is not ready",
    122: "the buffer is too small",
    1051: "other services that depend on it are running",
    1052: "the service does not take this request",
    1053: "the service did not answer in time",
    1055: "the list of services is locked",
    1056: "the service runs already",
    1057: "the account does not exist, or its password is wrong",
    1058: "the service is disabled",
    1059: "services depend on each other in a circle",
    1060: "there is no such service",
    1061: "the service cannot take a request at this moment",
    1062: "the service does not run",
    1068: "a service that it depends on does not start",
    1069: "its account was refused: the password is wrong, or the account may not log on as a service",
    1072: "the service is about to be deleted",
    1073: "there is such a service already",
    1115: "a shutdown is under way already",
    1300: "the account lacks a privilege",
    1314: "the account lacks a privilege",
}


class SmbFailed(HostError):
    """The host answered an SMB request with an error. ``status`` is its NTSTATUS."""

    def __init__(self, message: str, status: int, *, remedy: str = "", **details: Any) -> None:
        """Keep the status, also among the details."""
        super().__init__(message, remedy=remedy, status=f"0x{status:08x}", **details)
        self.status = status


class RpcFailed(CommandFailed):
    """A call of an interface ended with an error; ``exit_code`` is its Win32 code (or NTSTATUS of the event log)."""


def smb_failed(host: str, what: str, status: int) -> SmbFailed:
    """The sentence for a refused SMB request. ``what`` was asked for, as in "reading C:\\x"."""
    text, remedy = SMB_TEXTS.get(status, ("", ""))
    return SmbFailed(
        f"{what} on {host} failed: {text + ', ' if text else ''}status 0x{status:08x}", status, remedy=remedy
    )


def rpc_failed(host: str, what: str, code: int) -> RpcFailed:
    """The sentence for a call of an interface that ended with an error."""
    text = WIN32_TEXTS.get(code, "")
    shown = f"error {code}" if code < 0x10000 else f"status 0x{code:08x}"
    remedy = "the account has to be an administrator of the host" if code in (5, ACCESS_DENIED) else ""
    return RpcFailed(f"{what} on {host} failed: {shown}{', ' + text if text else ''}", exit_code=code, remedy=remedy)


class AuthenticationError(Exception):
    """Cause of an Unreachable that is a refused logon: repeated for minutes it would lock the account."""


def logon_refused(host: str, user: str, status: int) -> Unreachable:
    """The sentence for a logon that the host refused; its cause is an AuthenticationError."""
    text, remedy = _LOGON.get(status, ("the logon was refused", "check ansible_user and ansible_password"))
    error = Unreachable(f"{host}, {user}: {text} (status 0x{status:08x})", remedy=remedy)
    error.__cause__ = AuthenticationError(text)
    return error


def pipe_missing(host: str, pipe: str, service: str) -> Unreachable:
    """The sentence for an interface that does not answer."""
    return Unreachable(
        f"{host} offers no pipe {pipe}", remedy=f"see whether the service {service} runs on the host", pipe=pipe
    )

# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders to shut a host down: the remote-shutdown interface of 2000 and later ([MS-RSP]), pipe InitShutdown, and the
same orders in the registry's interface, which is all that NT 4.0 has.
"""

from __future__ import annotations

from .rpc_interface import RpcCall, interface
from .rpc_winreg import WINREG, optional_unicode

INITSHUTDOWN = interface("InitShutdown", "894de0c0-0d55-11d3-a322-00c04fa321a1", "1.0")
NEWER = ("2000", "server2003")


def _order(call: RpcCall) -> int:
    """BaseInitiateShutdown and its like: host, message, seconds, force, restart; the reason is not looked at."""
    call.check_admin()
    if call.read.pointer():
        call.read.u16()
    optional_unicode(call.read)
    delay, _unused_force, restart = call.read.u32(), call.read.u8(), bool(call.read.u8())
    with call.journal(f"InitiateShutdown {'restart' if restart else 'power off'} in {delay} s", changes=True):
        call.host.shutdown(restart=restart, delay=float(delay))
    return 0


def _abort(call: RpcCall) -> int:
    """BaseAbortShutdown."""
    call.check_admin()
    with call.journal("AbortShutdown", changes=True):
        call.host.abort_shutdown()
    return 0


for _number in (0, 2):
    INITSHUTDOWN.operation(_number)(_order)
INITSHUTDOWN.operation(1)(_abort)
WINREG.operation(24)(_order)
WINREG.operation(30, systems=NEWER)(_order)
WINREG.operation(25)(_abort)

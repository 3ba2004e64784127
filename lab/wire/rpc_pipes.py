# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which named pipes a host has, and the interfaces behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rpc_svcctl_changes
from .rpc_atsvc import ATSVC
from .rpc_eventlog import EVENTLOG
from .rpc_interface import Interface
from .rpc_lsarpc import LSARPC
from .rpc_samr import SAMR
from .rpc_shutdown import INITSHUTDOWN
from .rpc_srvsvc import SRVSVC, WKSSVC
from .rpc_svcctl import SVCCTL
from .rpc_winreg import WINREG

if TYPE_CHECKING:
    from ..host import Host

#: The module that adds to the interface of the service control manager.
PARTS = (rpc_svcctl_changes,)
PIPES: dict[str, list[Interface]] = {
    "atsvc": [ATSVC],
    "eventlog": [EVENTLOG],
    "initshutdown": [INITSHUTDOWN],
    "lsarpc": [LSARPC],
    "samr": [SAMR],
    "srvsvc": [SRVSVC],
    "svcctl": [SVCCTL],
    "winreg": [WINREG],
    "wkssvc": [WKSSVC],
}
#: Pipes that are there only while a service runs; those of NT 4.0 belong to Windows itself.
_SERVICES = {"atsvc": "Schedule", "eventlog": "Eventlog", "winreg": "RemoteRegistry"}


def interfaces_of(host: Host, pipe: str) -> list[Interface]:
    """The interfaces behind a pipe; none when the host has no such pipe now."""
    service = _SERVICES.get(pipe)
    if pipe == "winreg" and host.os == "nt4":
        service = None
    if service is not None and not host.service_running(service):
        return []
    if pipe == "initshutdown" and host.os == "nt4":
        return []
    return PIPES.get(pipe, [])

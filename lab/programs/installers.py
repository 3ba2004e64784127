# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Update packages, the setup programs in them, and a site's own tool that upgrades virtual servers.

What they do is in the model (``lab/installer.py``, ``lab/exchange.py``); they run in the foreground of whoever
starts them, under that one's account and logon.
"""

from __future__ import annotations

from ..errors import Win32Error
from ..exchange import upgrade_virtual_server
from ..installer import is_program, run
from ..shell.call import Call, Program, finder
from ..shell.filesystem import split_last
from ..shell.interpreter import Shell, signed

UPGRADE_TOOL = "upgradevirtualserver.exe"


def install(call: Call) -> int:
    """A package or its setup program; the exit code is the installer's."""
    try:
        return run(call.context, call.path, call.argv)
    except Win32Error as error:
        call.complain(call.win32(error.code))
        return error.code


def upgrade(call: Call) -> int:
    """``UpgradeVirtualServer.exe "GROUP OR NETWORK NAME"``: 0, or the HRESULT with its reason."""
    names = [word for word in call.argv if not word.startswith("/")]
    if len(names) != 1:
        call.complain(call.text("upgrade.usage"))
        return 87
    code, reason = upgrade_virtual_server(call.context, names[0])
    if code:
        call.complain(call.text("upgrade.failed", name=names[0], code=f"{code & 0xFFFFFFFF:08x}", reason=reason))
        return signed(code)
    call.line(call.text("upgrade.done", name=names[0]))
    return 0


@finder
def find_installer(shell: Shell, path: str, rest: str) -> Program | None:
    """A file is an installer by what it is, whatever its name."""
    entry = shell.disk.find(path)
    if entry is None:
        return None
    if is_program(entry):
        return Program("installer", install, changing=True)
    if split_last(path)[1].lower() == UPGRADE_TOOL:
        return Program("upgrade", upgrade, changing=True)
    return None

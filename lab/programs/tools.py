# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``hostname``."""

from __future__ import annotations

from ..shell.call import Call, program


@program("hostname")
def hostname(call: Call) -> int:
    """``hostname`` prints the computer's name."""
    call.line(call.host.computer_name.lower() if call.host.os != "nt4" else call.host.computer_name)
    return 0

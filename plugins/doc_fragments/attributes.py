# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every action of the collection can and cannot do with Ansible's own keywords."""

from __future__ import annotations


class ModuleDocFragment:
    """Attributes of the actions that run against a host (and, as CONTROL, of those that do not)."""

    DOCUMENTATION = r"""
options: {}
attributes:
  action:
    support: full
    description: The whole of the module runs on the control node, as an action plugin.
    details: The host sees nothing but its own programs; it needs neither Python nor PowerShell.
  action_group:
    support: full
    description: Use C(group/mailops.exchange.exchange) in C(module_defaults) to set defaults for all of the modules.
    membership:
      - mailops.exchange.exchange
  async:
    support: none
    description: Supports being used with the C(async) keyword.
    details: Long work goes on as a job on the host by itself and is found again by the next run.
  become:
    support: none
    description: Is usable alongside C(become) keywords.
    details: The module acts as the user of the connection.
  bypass_host_loop:
    support: none
    description: Forces a global task that does not execute per host.
  connection:
    support: full
    description: Uses the target's configured connection information.
    details: The connection must be one of this collection, such as P(mailops.exchange.winrm#connection).
  delegation:
    support: full
    description: Can be used in conjunction with C(delegate_to) and related keywords.
  platform:
    support: full
    description: Target operating systems that can be operated against.
    platforms: windows
"""

    CHANGES = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    details:
      - The session is opened read-only, so that a call that would change the host fails instead of being sent.
      - When O(step) is given, the module answers from the state that the plan predicts and sends nothing.
  diff_mode:
    support: full
    description: Will return details on what has changed, or needs changing in C(check_mode), when in diff mode.
"""

    READS = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    details: The module never changes anything.
  diff_mode:
    support: none
    description: Will return details on what has changed, or needs changing in C(check_mode), when in diff mode.
"""

    CONTROL = r"""
options: {}
attributes:
  action:
    support: full
    description: The whole of the module runs on the control node, as an action plugin.
  action_group:
    support: full
    description: Use C(group/mailops.exchange.exchange) in C(module_defaults) to set defaults for all of the modules.
    membership:
      - mailops.exchange.exchange
  async:
    support: none
    description: Supports being used with the C(async) keyword.
  become:
    support: none
    description: Is usable alongside C(become) keywords.
  bypass_host_loop:
    support: none
    description: Forces a global task that does not execute per host.
  check_mode:
    support: full
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    details: The module never changes anything.
  connection:
    support: none
    description: Uses the target's configured connection information.
    details: The module sends nothing to the host of the task.
  delegation:
    support: none
    description: Can be used in conjunction with C(delegate_to) and related keywords.
    details: It makes no difference for which host the task runs; use C(run_once).
  diff_mode:
    support: none
    description: Will return details on what has changed, or needs changing in C(check_mode), when in diff mode.
  platform:
    support: full
    description: Target operating systems that can be operated against.
    platforms: posix
"""

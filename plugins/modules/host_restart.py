#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action host_restart, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_restart
short_description: Restart a Windows host when that is asked for, and wait until it is truly back
version_added: 0.1.0
description:
  - Restarts the host with C(shutdown.exe) and waits until Windows has started anew and no service is starting
    or stopping any more. A boot time that changed is the proof.
  - A server is restarted only when the installer or the update asks for it; O(required) takes that answer.
  - Give O(boot_time) so that a task which is repeated after a lost connection does not restart the host twice.
options:
  reason:
    description:
      - Why, for the event log of the host; at most 127 characters.
    type: str
    required: true
  required:
    description:
      - Whether a restart is needed; V(false) does nothing. Left out, it is needed.
    type: bool
  boot_time:
    description:
      - Boot time that M(mailops.exchange.exchange_info) or M(mailops.exchange.update_install) has read. The host is
        restarted only if it still runs since then. One that does not answer is waited for, because it may be starting.
    type: str
  timeout:
    description:
      - Seconds until the host must be back and its services settled.
    type: int
    default: 1800
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.exchange_info
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Restart if the installer asked for it
  mailops.exchange.host_restart:
    reason: Exchange 2003 service pack 2
    required: "{{ installed.restart_required }}"
    boot_time: "{{ installed.boot_time }}"
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The host was restarted and is back after 271 seconds.
before:
  description: The boot time as it was found.
  returned: success
  type: dict
  sample:
    boot_time: "20261122101500.500000+060"
after:
  description: The boot time after the task; in check mode as it would be.
  returned: success
  type: dict
  sample:
    boot_time: "20261122224810.500000+060"
seconds:
  description: How long it took until the host was back.
  returned: when it was restarted
  type: int
  sample: 271
remedy:
  description: What to do about a failure.
  returned: on failure, where there is something to say
  type: str
  sample: Look at the host, then start the run again.
details:
  description: What else is known about a failure.
  returned: on failure
  type: dict
  sample:
    waited: 900
exit_code:
  description: Exit code of the command that failed.
  returned: on failure of a command
  type: int
  sample: 5015
output:
  description: What that command wrote.
  returned: on failure of a command
  type: str
  sample: System error 5015 has occurred.
progress:
  description: What the task had said until it failed.
  returned: on failure after a change had begun
  type: list
  elements: str
  sample:
    - "waiting for the group EVS1 to be online: 30 s of at most 15 min"
step:
  description: What the change record keeps of O(step).
  returned: when O(step) was given
  type: dict
  sample:
    index: 4
    host: n2
    cluster: mail
    step: move_group
    object: EVS1
    phase: free
    unpredictable: false
    reason: A node is updated only while it owns no group.
started:
  description: When the task began, ISO 8601 in UTC.
  returned: always
  type: str
  sample: "2026-11-22T21:04:11.250+00:00"
ended:
  description: When the task ended, ISO 8601 in UTC.
  returned: always
  type: str
  sample: "2026-11-22T21:06:40.812+00:00"
"""

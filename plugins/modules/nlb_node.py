#!/usr/bin/python
# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action nlb_node, which runs on the control node."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nlb_node
short_description: Take a front-end out of the rotation of its load-balanced set, or put it back
version_added: 0.1.0
description:
  - With O(state=out) the host refuses new connections at once (C(wlbs drainstop)). Those that there are get O(timeout)
    seconds to end by themselves, then they are ended (C(wlbs stop)). After that the host is suspended, and
    C(ClusterModeOnStart) in its registry is set to 0, so that neither a remote command nor a restart brings it back.
    How that was found is noted on the host before it is touched.
  - With O(state=in) the noted value is put back, the host is resumed and started, and the task waits until its
    cluster has converged.
  - The state is read again after each command; a state that cannot be read for certain is refused.
  - With O(method=hook) a balancer is switched by tasks of the operator. This action then sends nothing to the host; it
    judges what these tasks have said, and reports the step.
options:
  state:
    description:
      - Where the host shall stand.
    type: str
    required: true
    choices:
      - in
      - out
  method:
    description:
      - Network Load Balancing on the host, or tasks of the operator that have been run already.
    type: str
    choices:
      - nlb
      - hook
    default: nlb
  found:
    description:
      - With O(method=hook), where the host stood before the operator's tasks.
    type: str
    choices:
      - in
      - out
      - draining
      - unknown
  said:
    description:
      - With O(method=hook), where the host stands now, as the operator's tasks say.
    type: str
  timeout:
    description:
      - Seconds for the connections of users to end by themselves, or for the cluster to converge.
    type: int
    default: 600
extends_documentation_fragment:
  - mailops.exchange.attributes
  - mailops.exchange.attributes.CHANGES
  - mailops.exchange.step
seealso:
  - module: mailops.exchange.nlb_info
  - module: mailops.exchange.update_install
  - plugin: mailops.exchange.winrm
    plugin_type: connection
author:
  - the mailops.exchange contributors (@mailops-exchange)
"""

EXAMPLES = r"""
---
- name: Take the front-end out of the rotation, with five minutes for its users
  mailops.exchange.nlb_node:
    state: out
    timeout: 300

- name: Put it back
  mailops.exchange.nlb_node:
    state: in
"""

RETURN = r"""
---
msg:
  description: What happened, in a sentence.
  returned: always
  type: str
  sample: The front-end is out of the rotation.
before:
  description: Where the host stood.
  returned: success
  type: dict
  sample:
    rotation: in
after:
  description: Where it stands after the task; in check mode where it would.
  returned: success
  type: dict
  sample:
    rotation: out
forced:
  description: Whether connections were left at the deadline and were ended.
  returned: when the host left the rotation by Network Load Balancing
  type: bool
  sample: false
seconds:
  description: How long it took, by the clock of the session.
  returned: when Network Load Balancing was asked
  type: int
  sample: 185
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
    index: 2
    host: fe1
    cluster: null
    step: leave_rotation
    object: web
    phase: leave
    unpredictable: false
    reason: Users are served by the others of the set, or by nobody, while the front-end is updated.
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
